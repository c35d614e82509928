// The Python module edge_ml._convert: converting models, for python/edge_ml/converter.py.
#include "python/src/convert.h"

#include <span>

#include "python/src/quantize.h"
#include "src/base/strings.h"
#include "src/formats/tflite/writer.h"

namespace edgeml::python {

namespace nb = nanobind;

nb::dict ReportDict(const convert::Report& report) {
  nb::dict out;
  out["format"] = report.format;
  out["version"] = report.version;
  out["notes"] = report.notes;
  out["input_bytes"] = report.input_bytes;
  out["imported_ops"] = report.imported_ops;
  out["ops"] = report.ops;
  out["verified_runs"] = report.verified_runs;
  out["largest_difference"] = report.largest_difference;
  out["relative_difference"] = report.relative_difference;
  out["float16_difference"] = report.float16_difference;
  return out;
}

convert::Options ReadingOptions(std::optional<int32_t> batch,
                                const std::vector<NamedShape>& input_shapes, int verify,
                                const std::string& signature, const std::vector<std::string>& tags,
                                const std::vector<std::string>& inputs,
                                const std::vector<std::string>& outputs, bool allow_custom) {
  convert::Options options;
  options.batch = batch;
  for (const auto& [name, dims] : input_shapes) {
    if (dims.size() > static_cast<size_t>(kMaxRank))
      throw nb::value_error("an input shape has too many dimensions");
    options.input_shapes.push_back({name, Shape(std::span<const int32_t>(dims))});
  }
  options.verify_runs = verify;
  options.signature = signature;
  options.tags = tags;
  options.inputs = inputs;
  options.outputs = outputs;
  options.allow_custom = allow_custom;
  return options;
}

namespace {

nb::tuple ConvertModel(const std::string& path, std::optional<int32_t> batch,
                       const std::vector<NamedShape>& input_shapes, int verify,
                       const std::string& signature, const std::vector<std::string>& tags,
                       const std::vector<std::string>& inputs,
                       const std::vector<std::string>& outputs, bool allow_custom, bool float16,
                       const std::string& sparse) {
  convert::Options options =
      ReadingOptions(batch, input_shapes, verify, signature, tags, inputs, outputs, allow_custom);
  options.float16 = float16;
  convert::Report report;
  std::vector<std::byte> bytes;
  Status status;
  {
    nb::gil_scoped_release release;
    status = [&]() -> Status {
      EDGEML_ASSIGN_OR_RETURN(options.sparse, passes::ParseSparse(sparse));
      EDGEML_ASSIGN_OR_RETURN(const ir::Module module, convert::Convert(path, options, &report));
      EDGEML_ASSIGN_OR_RETURN(bytes, tflite::WriteTflite(module));
      return Status::Ok();
    }();
  }
  if (!status.ok()) return nb::make_tuple(nb::none(), status.message());
  return nb::make_tuple(nb::bytes(bytes.data(), bytes.size()), ReportDict(report));
}

}  // namespace
}  // namespace edgeml::python

NB_MODULE(_convert, m) {
  using namespace nanobind::literals;  // NOLINT: nanobind's names of arguments
  namespace python = edgeml::python;
  m.def("convert", &python::ConvertModel, "path"_a, "batch"_a = nanobind::none(),
        "input_shapes"_a = std::vector<python::NamedShape>(), "verify"_a = 1, "signature"_a = "",
        "tags"_a = std::vector<std::string>(), "inputs"_a = std::vector<std::string>(),
        "outputs"_a = std::vector<std::string>(), "allow_custom"_a = false, "float16"_a = false,
        "sparse"_a = "off");
  python::AddQuantizer(m);
}
