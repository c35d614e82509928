#include "src/cli/model_file.h"

#include <charconv>
#include <filesystem>
#include <memory>
#include <utility>

#include "src/base/atomic_file.h"
#include "src/base/strings.h"
#include "src/cli/options.h"
#include "src/convert/c_array.h"
#include "src/data/array_file.h"
#include "src/data/labels.h"
#include "src/formats/tflite/metadata.h"
#include "src/formats/tflite/reader.h"
#include "src/formats/tflite/writer.h"

namespace edgeml::cli {
namespace {

namespace fs = std::filesystem;

// "1,224,224,3" or "NAME=1,224,224,3"; -1 or ? for an open dimension.
Result<convert::InputShape> ParseShape(const std::string& text) {
  convert::InputShape out;
  Shape& shape = out.shape;
  const size_t equals = text.rfind('=');
  size_t begin = equals == std::string::npos ? 0 : equals + 1;
  if (begin > 0) out.name = text.substr(0, equals);
  while (true) {
    const size_t comma = std::min(text.find(',', begin), text.size());
    const std::string_view part(text.data() + begin, comma - begin);
    int32_t dim = kUnknownDim;
    if (part != "?" && part != "-1") {
      const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), dim);
      if (error != std::errc() || end != part.data() + part.size() || dim < 0)
        return Error(Code::kInvalidArgument, "--input-shape ", text,
                     ": expected sizes such as 1,224,224,3");
    }
    if (shape.rank() == kMaxRank)
      return Error(Code::kInvalidArgument, "--input-shape ", text, ": more than ", kMaxRank,
                   " dimensions");
    shape.push_back(dim);
    if (comma == text.size()) return out;
    begin = comma + 1;
  }
}

// The constants by their names, as NumPy reads them.
Status WriteWeights(const ir::Module& module, const std::string& path) {
  std::vector<data::NamedArray> arrays;
  for (const ir::Graph& graph : module.graphs) {
    for (size_t v = 0; v < graph.values.size(); ++v) {
      const ir::Value& value = graph.values[v];
      if (!value.is_constant() || BitsOf(value.type) < 8 || value.sparsity != nullptr) continue;
      data::Array array;
      array.type = value.type;
      array.shape = value.shape;
      const auto* bytes = reinterpret_cast<const uint8_t*>(value.data.bytes.data());
      array.bytes.assign(bytes, bytes + value.data.bytes.size());
      const std::string name = value.name.empty() ? Concat("tensor_", v) : value.name;
      arrays.push_back({name, std::move(array)});
    }
  }
  return data::WriteNpz(path, arrays);
}

// Both files of a C array. The header stands beside the source under the same name.
Status WriteCArray(std::span<const std::byte> bytes, const fs::path& path) {
  fs::path source = path, header = path;
  if (path.extension() == ".h") source.replace_extension(".cc");
  header.replace_extension(".h");
  const convert::CArray made = convert::MakeCArray(
      bytes, convert::AsIdentifier(path.stem().string()), header.filename().string());
  EDGEML_RETURN_IF_ERROR(
      WriteFileAtomically(source.string(), std::as_bytes(std::span<const char>(made.source))));
  return WriteFileAtomically(header.string(), std::as_bytes(std::span<const char>(made.header)));
}

}  // namespace

void ImportOptions::AddTo(CLI::App& app) {
  app.add_option("--input-shape", input_shapes_,
                 "Shape of an input, e.g. 1,224,224,3 or NAME=1,224,224,3; once for each input");
  app.add_option("--signature", given_.signature,
                 "Signature of a SavedModel (default: serving_default, or the only one)");
  app.add_option("--tags", given_.tags, "Tags of a SavedModel's graph (default: serve)");
  app.add_option("--inputs", given_.inputs,
                 "SavedModel, GraphDef: tensors to feed, NODE or NODE:1");
  app.add_option("--outputs", given_.outputs, "SavedModel, GraphDef: tensors to answer with");
  app.add_option("--batch", batch_, "Size of the batch (default: open if the model's is)")
      ->check(CLI::Range(1, 1 << 20));
  app.add_option("--weights", given_.weights, "HDF5 file of weights, for a .json model");
  app.add_option("--disable-pass", given_.disabled_passes, "Leave out a rewriting pass");
  app.add_option("--memory-cap", memory_cap_, "Most memory to use, e.g. 512MB");
}

Status ImportOptions::Apply(convert::Options& options) const {
  options.signature = given_.signature;
  options.tags = given_.tags;
  options.inputs = given_.inputs;
  options.outputs = given_.outputs;
  options.weights = given_.weights;
  options.disabled_passes = given_.disabled_passes;
  for (const std::string& text : input_shapes_) {
    EDGEML_ASSIGN_OR_RETURN(convert::InputShape shape, ParseShape(text));
    options.input_shapes.push_back(std::move(shape));
  }
  if (batch_ > 0) options.batch = batch_;
  if (!memory_cap_.empty()) {
    EDGEML_ASSIGN_OR_RETURN(options.memory_cap, ParseBytes(memory_cap_));
  }
  return Status::Ok();
}

void MetadataOptions::AddLabelsTo(CLI::App& app) {
  app.add_option("--labels", labels, "File of class names to put into the model");
}

void MetadataOptions::AddTo(CLI::App& app) {
  AddLabelsTo(app);
  app.add_option("--mean", mean,
                 "Normalization to put into the model, (x - mean) / std: one number, or one per "
                 "channel (a,b,c)")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--std", std, "Likewise")->delimiter(',')->allow_extra_args(false);
}

Status MetadataOptions::Apply(ir::Module& module) const {
  if (labels.empty() && mean.empty() && std.empty()) return Status::Ok();
  if (mean.empty() != std.empty())
    return Error(Code::kInvalidArgument, "--mean and --std are given together");
  EDGEML_ASSIGN_OR_RETURN(auto found, tflite::ReadModelMetadata(module));
  tflite::ModelMetadata metadata = found.value_or(tflite::ModelMetadata{});
  const ir::Graph& graph = module.graphs[0];
  const auto describe = [&](std::vector<tflite::TensorMetadata>& tensors,
                            const std::vector<int32_t>& values) {
    tensors.resize(values.size());
    for (size_t i = 0; i < values.size(); ++i)
      if (tensors[i].name.empty())
        tensors[i].name = graph.values[static_cast<size_t>(values[i])].name;
  };
  describe(metadata.inputs, graph.inputs);
  describe(metadata.outputs, graph.outputs);
  if (!mean.empty() && !metadata.inputs.empty()) {
    metadata.inputs[0].mean = mean;
    metadata.inputs[0].std = std;
  }
  if (!labels.empty() && !metadata.outputs.empty()) {
    EDGEML_ASSIGN_OR_RETURN(const std::vector<std::string> names, data::ReadLabels(labels));
    tflite::SetLabels(module, "labels.txt", names);
    tflite::MetadataFile file;
    file.name = "labels.txt";
    file.type = tflite::MetadataFile::Type::kAxisLabels;
    metadata.outputs[0].files = {file};
  }
  tflite::SetModelMetadata(module, metadata);
  return Status::Ok();
}

Status CheckOutput(const std::string& path) {
  const std::string extension = fs::path(path).extension().string();
  for (const char* known : {".tflite", ".npz", ".h", ".c", ".cc", ".cpp"})
    if (extension == known) return Status::Ok();
  return Error(Code::kUnsupported, path,
               ": the format to write is told by the extension: .tflite, .npz (weights alone), .c "
               "or .cc or .h (a C array)");
}

Result<uint64_t> WriteModel(const ir::Module& module, const std::string& out) {
  const std::string extension = fs::path(out).extension().string();
  if (extension == ".npz") {
    EDGEML_RETURN_IF_ERROR(WriteWeights(module, out));
  } else {
    EDGEML_ASSIGN_OR_RETURN(const std::vector<std::byte> bytes, tflite::WriteTflite(module));
    // What is written must be readable.
    const std::shared_ptr<const void> nobody(&bytes, [](const void*) {});
    if (auto again = tflite::ReadTflite(nobody, bytes); !again.ok())
      return Error(Code::kInternal,
                   "the model written cannot be read back: ", again.status().message());
    if (extension == ".tflite") {
      EDGEML_RETURN_IF_ERROR(WriteFileAtomically(out, bytes));
    } else {
      EDGEML_RETURN_IF_ERROR(WriteCArray(bytes, out));
    }
  }
  std::error_code error;
  const auto size = fs::file_size(out, error);
  return error ? uint64_t{0} : static_cast<uint64_t>(size);
}

}  // namespace edgeml::cli
