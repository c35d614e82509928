// edgeml convert
#include "src/convert/converter.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "src/base/atomic_file.h"
#include "src/base/strings.h"
#include "src/cli/command.h"
#include "src/cli/engine.h"
#include "src/cli/output.h"
#include "src/convert/c_array.h"
#include "src/data/array_file.h"
#include "src/data/labels.h"
#include "src/formats/tflite/metadata.h"
#include "src/formats/tflite/reader.h"
#include "src/formats/tflite/writer.h"

namespace edgeml::cli {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string in, out;
  std::vector<std::string> input_shapes;
  int32_t batch = 0;
  std::string labels;
  std::vector<float> mean, std;
  std::string memory_cap;
  convert::Options convert;
};

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

// Labels and normalization as the options say go into the metadata.
Status AddMetadata(const Options& options, ir::Module& module) {
  if (options.labels.empty() && options.mean.empty() && options.std.empty()) return Status::Ok();
  if (options.mean.empty() != options.std.empty())
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
  if (!options.mean.empty() && !metadata.inputs.empty()) {
    metadata.inputs[0].mean = options.mean;
    metadata.inputs[0].std = options.std;
  }
  if (!options.labels.empty() && !metadata.outputs.empty()) {
    EDGEML_ASSIGN_OR_RETURN(const std::vector<std::string> labels,
                            data::ReadLabels(options.labels));
    tflite::SetLabels(module, "labels.txt", labels);
    tflite::MetadataFile file;
    file.name = "labels.txt";
    file.type = tflite::MetadataFile::Type::kAxisLabels;
    metadata.outputs[0].files = {file};
  }
  tflite::SetModelMetadata(module, metadata);
  return Status::Ok();
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

// Writes the module in the format that the extension names; returns the size of the file.
Result<uint64_t> Write(const ir::Module& module, const std::string& out) {
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

void Print(const Options& options, const convert::Report& report, uint64_t output_bytes) {
  std::printf("%s: %s%s%s, %s bytes\n", Printable(options.in).c_str(), report.format.c_str(),
              report.version.empty() ? "" : " ", Printable(report.version).c_str(),
              Grouped(static_cast<int64_t>(report.input_bytes)).c_str());
  for (const std::string& note : report.notes) std::printf("note: %s\n", Printable(note).c_str());
  if (report.ops != report.imported_ops || !report.passes.empty())
    std::printf("%lld operators as imported, %lld now\n",
                static_cast<long long>(report.imported_ops), static_cast<long long>(report.ops));
  for (const passes::PassReport& pass : report.passes)
    if (pass.changes > 0)
      std::printf("  %-24s %lld\n", std::string(pass.name).c_str(),
                  static_cast<long long>(pass.changes));
  if (report.verified_runs > 0)
    std::printf(
        "verified on %d random input%s: differs by at most %s, %s of the largest output\n"
        "  (the graph as read against the result; whether it was read right, this does not tell)\n",
        report.verified_runs, report.verified_runs == 1 ? "" : "s",
        Significant(report.largest_difference).c_str(),
        Significant(report.relative_difference).c_str());
  if (options.convert.float16 && report.verified_runs > 0)
    std::printf("float16 weights: differs by %s of the largest output\n",
                Significant(report.float16_difference).c_str());
  std::printf("→ %s, %s bytes\n", Printable(options.out).c_str(),
              Grouped(static_cast<int64_t>(output_bytes)).c_str());
}

Status Convert(Options options, bool json) {
  const std::string extension = fs::path(options.out).extension().string();
  bool known = false;
  for (const char* one : {".tflite", ".npz", ".h", ".c", ".cc", ".cpp"})
    known = known || extension == one;
  if (!known)
    return Error(
        Code::kUnsupported, options.out,
        ": the format to write is told by the extension: .tflite, .npz (weights alone), .c "
        "or .cc or .h (a C array)");
  for (const std::string& text : options.input_shapes) {
    EDGEML_ASSIGN_OR_RETURN(convert::InputShape shape, ParseShape(text));
    options.convert.input_shapes.push_back(std::move(shape));
  }
  if (options.batch > 0) options.convert.batch = options.batch;
  if (!options.memory_cap.empty()) {
    EDGEML_ASSIGN_OR_RETURN(options.convert.memory_cap, ParseBytes(options.memory_cap));
  }
  convert::Report report;
  EDGEML_ASSIGN_OR_RETURN(ir::Module module,
                          convert::Convert(options.in, options.convert, &report));
  EDGEML_RETURN_IF_ERROR(AddMetadata(options, module));
  EDGEML_ASSIGN_OR_RETURN(const uint64_t output_bytes, Write(module, options.out));
  if (!json) {
    Print(options, report, output_bytes);
    return Status::Ok();
  }
  Json passes = Json::object();
  for (const passes::PassReport& pass : report.passes)
    passes[std::string(pass.name)] = {{"changes", pass.changes}, {"ms", pass.ms}};
  PrintJson({{"input", options.in},
             {"output", options.out},
             {"format", report.format},
             {"version", report.version},
             {"input_bytes", report.input_bytes},
             {"output_bytes", output_bytes},
             {"imported_ops", report.imported_ops},
             {"ops", report.ops},
             {"passes", passes},
             {"notes", report.notes},
             {"verified_runs", report.verified_runs},
             {"largest_difference", report.largest_difference},
             {"relative_difference", report.relative_difference},
             {"float16_difference", report.float16_difference}});
  return Status::Ok();
}

}  // namespace

Action AddConvert(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("IN", options->in,
                 "Model to read: .tflite, .h5, .keras, .json, the folder of a SavedModel, .pb")
      ->required();
  app.add_option("OUT", options->out,
                 "File to write: .tflite, .npz (weights), .c, .cc or .h (C array)")
      ->required();
  app.add_option("--input-shape", options->input_shapes,
                 "Shape of an input, e.g. 1,224,224,3 or NAME=1,224,224,3; once for each input");
  app.add_option("--signature", options->convert.signature,
                 "Signature of a SavedModel (default: serving_default, or the only one)");
  app.add_option("--tags", options->convert.tags, "Tags of a SavedModel's graph (default: serve)");
  app.add_option("--inputs", options->convert.inputs,
                 "SavedModel, GraphDef: tensors to feed, NODE or NODE:1");
  app.add_option("--outputs", options->convert.outputs,
                 "SavedModel, GraphDef: tensors to answer with");
  app.add_option("--batch", options->batch, "Size of the batch (default: open if the model's is)")
      ->check(CLI::Range(1, 1 << 20));
  app.add_option("--weights", options->convert.weights, "HDF5 file of weights, for a .json model");
  app.add_option("--labels", options->labels, "File of class names to put into the model");
  app.add_option("--mean", options->mean, "Normalization to put into the model: (x - mean) / std")
      ->expected(1, 4);
  app.add_option("--std", options->std, "One number or one for each channel")->expected(1, 4);
  app.add_option("--verify", options->convert.verify_runs,
                 "Random inputs on which graph and result are compared; 0 = none")
      ->check(CLI::Range(0, 1000));
  app.add_flag("--allow-custom", options->convert.allow_custom,
               "Operators of TensorFlow that are not known become custom operators");
  app.add_flag("--float16", options->convert.float16, "Store weights as float16");
  app.add_option("--disable-pass", options->convert.disabled_passes, "Leave out a rewriting pass");
  app.add_option("--memory-cap", options->memory_cap, "Most memory to use, e.g. 512MB");
  return [options](bool json) { return Convert(*options, json); };
}

}  // namespace edgeml::cli
