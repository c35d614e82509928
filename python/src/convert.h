// What converting and quantizing share in the extension module edge_ml._convert.
#ifndef EDGEML_PYTHON_SRC_CONVERT_H_
#define EDGEML_PYTHON_SRC_CONVERT_H_

#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "src/convert/converter.h"

namespace edgeml::python {

// A name, empty for "the next one", and dimensions.
using NamedShape = std::pair<std::string, std::vector<int32_t>>;

nanobind::dict ReportDict(const convert::Report& report);

// How a model is read. Throws ValueError for a shape of too many dimensions.
convert::Options ReadingOptions(std::optional<int32_t> batch,
                                const std::vector<NamedShape>& input_shapes, int verify,
                                const std::string& signature, const std::vector<std::string>& tags,
                                const std::vector<std::string>& inputs,
                                const std::vector<std::string>& outputs, bool allow_custom);

}  // namespace edgeml::python

#endif  // EDGEML_PYTHON_SRC_CONVERT_H_
