// What the operators of the audio front-end share: options, checks, and the lists that
// audio_frontend.cc registers.
#ifndef EDGEML_FRONTEND_OPS_H_
#define EDGEML_FRONTEND_OPS_H_

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>

#include "edgeml/custom_op.h"

namespace edgeml::frontend {

Status AddFramingOps(CustomOpRegistry& registry);
Status AddSpectrumOps(CustomOpRegistry& registry);
Status AddFilterBankOps(CustomOpRegistry& registry);

// The whole number in the options under `key`, in [least, most]. kInvalidModel.
Result<int32_t> IntegerOption(const CustomNode& node, const char* key, int32_t least,
                              int32_t most = std::numeric_limits<int32_t>::max());
Result<bool> BoolOption(const CustomNode& node, const char* key);

// The types of all inputs and outputs, in order. kInvalidModel.
Status CheckTypes(const CustomNode& node, std::initializer_list<DType> inputs,
                  std::initializer_list<DType> outputs);
// kInvalidModel unless input `i` has that rank.
Status CheckRank(const CustomNode& node, size_t i, int rank);

// The product of dimensions; nullopt when it does not fit a size_t.
std::optional<size_t> Product(std::span<const int32_t> dims);
std::optional<size_t> CheckedMultiply(size_t a, size_t b);

// The inner dimension of a tensor and the product of the others.
struct Rows {
  size_t count = 0;
  size_t length = 0;
};
// kInvalidModel for a scalar, kResourceExhausted when the count overflows.
Result<Rows> RowsOf(const CustomNode& node, size_t input);

// "input 0 has shape [1, 480]; " + what
Status BadShape(const CustomNode& node, size_t input, const std::string& what);

}  // namespace edgeml::frontend

#endif  // EDGEML_FRONTEND_OPS_H_
