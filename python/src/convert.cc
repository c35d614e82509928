// Converting models, for python/edge_ml/converter.py.
#include "src/convert/converter.h"

#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "python/src/convert.h"
#include "python/src/shared.h"
#include "src/base/strings.h"
#include "src/formats/tflite/writer.h"

namespace edgeml::python {
namespace {

using namespace nb::literals;  // NOLINT: nanobind's names of arguments

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
  return out;
}

std::vector<Shape> Shapes(const std::vector<std::vector<int32_t>>& dims) {
  std::vector<Shape> shapes;
  for (const std::vector<int32_t>& d : dims) {
    if (d.size() > static_cast<size_t>(kMaxRank))
      throw nb::value_error("an input shape has too many dimensions");
    shapes.emplace_back(std::span<const int32_t>(d));
  }
  return shapes;
}

nb::tuple ConvertModel(const std::string& path, std::optional<int32_t> batch,
                       const std::vector<std::vector<int32_t>>& input_shapes, int verify) {
  convert::Options options;
  options.batch = batch;
  options.input_shapes = Shapes(input_shapes);
  options.verify_runs = verify;
  convert::Report report;
  std::vector<std::byte> bytes;
  {
    nb::gil_scoped_release release;
    const ir::Module module = Take(convert::Convert(path, options, &report));
    bytes = Take(tflite::WriteTflite(module));
  }
  return nb::make_tuple(nb::bytes(bytes.data(), bytes.size()), ReportDict(report));
}

}  // namespace

void BindConvert(nb::module_& m) {
  m.def("convert", &ConvertModel, "path"_a, "batch"_a = nb::none(),
        "input_shapes"_a = std::vector<std::vector<int32_t>>(), "verify"_a = 1);
}

}  // namespace edgeml::python
