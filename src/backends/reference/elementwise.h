// What the element-wise, activation, reduction and conversion steps share, and the parts they are
// split into.
#ifndef EDGEML_BACKENDS_REFERENCE_ELEMENTWISE_H_
#define EDGEML_BACKENDS_REFERENCE_ELEMENTWISE_H_

#include <initializer_list>
#include <string>
#include <string_view>

#include "src/backends/reference/reference_backend.h"
#include "src/kernels/elementwise/lookup_table.h"
#include "src/runtime/backend.h"

namespace edgeml::backends {

namespace reference {

using runtime::NodeView;

bool IsOneOf(DType type, std::initializer_list<DType> types);

// Each returns why not, or "".

// `view` is of one of `types`; `what` names it.
std::string DeclineType(const TensorView& view, std::string_view what,
                        std::initializer_list<DType> types);
// Both are of the same type; "output is of type …, input of type …".
std::string DeclineOtherType(const TensorView& view, std::string_view what, DType expected);
// One finite scale > 0 and a zero point within the type.
std::string DeclinePerTensor(const TensorView& view, std::string_view what);
// One input and one output of the same type among `types`.
std::string DeclineUnary(const NodeView& view, std::initializer_list<DType> types);
// DeclinePerTensor for the first input and the output; zero points 0 when they are int16.
std::string DeclineUnaryQuantization(const NodeView& view);

inline kernels::AffineScale AffineOf(const TensorView& view) {
  return {view.scale(), view.zero_point()};
}

// The output may take the memory of input `input` when the two have the same shape and element
// size.
void AllowInPlaceIfAlike(runtime::PrepareContext& context, size_t input);

}  // namespace reference
}  // namespace edgeml::backends

#endif  // EDGEML_BACKENDS_REFERENCE_ELEMENTWISE_H_
