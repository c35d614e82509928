#include "edgeml/audio_frontend.h"

#include <cmath>

#include "src/frontend/ops.h"

namespace edgeml {

Status AddAudioFrontendOps(CustomOpRegistry& registry) {
  CustomOpRegistry own;
  EDGEML_RETURN_IF_ERROR(frontend::AddFramingOps(own));
  EDGEML_RETURN_IF_ERROR(frontend::AddSpectrumOps(own));
  EDGEML_RETURN_IF_ERROR(frontend::AddFilterBankOps(own));
  return registry.AddAll(own);
}

namespace frontend {

Result<int32_t> IntegerOption(const CustomNode& node, const char* key, int32_t least,
                              int32_t most) {
  const std::optional<double> value = node.option(key);
  if (!value)
    return Status(Code::kInvalidModel,
                  std::string("its options have no number '") + key + "', which it needs");
  if (!(*value >= least && *value <= most) || std::trunc(*value) != *value)
    return Status(Code::kInvalidModel, std::string("option '") + key + "' is " +
                                           std::to_string(*value) +
                                           "; it must be a whole number from " +
                                           std::to_string(least) + " to " + std::to_string(most));
  return static_cast<int32_t>(*value);
}

Result<bool> BoolOption(const CustomNode& node, const char* key) {
  EDGEML_ASSIGN_OR_RETURN(const int32_t value, IntegerOption(node, key, 0, 1));
  return value != 0;
}

Status CheckTypes(const CustomNode& node, std::initializer_list<DType> inputs,
                  std::initializer_list<DType> outputs) {
  if (node.num_inputs() != inputs.size() || node.num_outputs() != outputs.size())
    return Status(Code::kInvalidModel, "has " + std::to_string(node.num_inputs()) + " inputs and " +
                                           std::to_string(node.num_outputs()) +
                                           " outputs; it takes " + std::to_string(inputs.size()) +
                                           " and gives " + std::to_string(outputs.size()));
  const auto check = [](const char* side, size_t i, DType type, DType wanted) {
    if (type == wanted) return Status();
    const std::string_view found = type == DType::kInvalid ? "absent" : NameOf(type);
    return Status(Code::kInvalidModel, std::string(side) + " " + std::to_string(i) + " is " +
                                           std::string(found) + "; it must be " +
                                           std::string(NameOf(wanted)));
  };
  size_t i = 0;
  for (const DType type : inputs) {
    EDGEML_RETURN_IF_ERROR(check("input", i, node.input(i).dtype, type));
    ++i;
  }
  i = 0;
  for (const DType type : outputs) {
    EDGEML_RETURN_IF_ERROR(check("output", i, node.output(i).dtype, type));
    ++i;
  }
  return Status();
}

Status BadShape(const CustomNode& node, size_t input, const std::string& what) {
  std::string shape;
  for (const int32_t dim : node.input(input).shape)
    shape += (shape.empty() ? "" : ", ") + std::to_string(dim);
  return Status(Code::kInvalidModel,
                "input " + std::to_string(input) + " has shape [" + shape + "]; " + what);
}

Status CheckRank(const CustomNode& node, size_t i, int rank) {
  if (node.input(i).rank() == rank) return Status();
  return BadShape(node, i, "it must have " + std::to_string(rank) + " dimensions");
}

std::optional<size_t> CheckedMultiply(size_t a, size_t b) {
  if (b != 0 && a > std::numeric_limits<size_t>::max() / b) return std::nullopt;
  return a * b;
}

std::optional<size_t> Product(std::span<const int32_t> dims) {
  std::optional<size_t> product = 1;
  for (const int32_t dim : dims)
    if (product) product = CheckedMultiply(*product, static_cast<size_t>(dim));
  return product;
}

Result<Rows> RowsOf(const CustomNode& node, size_t input) {
  const auto shape = node.input(input).shape;
  if (shape.empty()) return BadShape(node, input, "it must have a dimension");
  const auto count = Product(shape.first(shape.size() - 1));
  if (!count) return Status(Code::kResourceExhausted, "its input is too large");
  return Rows{*count, static_cast<size_t>(shape.back())};
}

}  // namespace frontend
}  // namespace edgeml
