#include "src/backends/reference/elementwise.h"

#include <algorithm>

#include "src/backends/weights.h"
#include "src/base/strings.h"

namespace edgeml::backends {
namespace reference {

bool IsOneOf(DType type, std::initializer_list<DType> types) {
  return std::find(types.begin(), types.end(), type) != types.end();
}

std::string DeclineType(const TensorView& view, std::string_view what,
                        std::initializer_list<DType> types) {
  if (IsOneOf(view.type, types)) return "";
  return Concat(what, " of type ", NameOf(view.type), " is not supported");
}

std::string DeclineOtherType(const TensorView& view, std::string_view what, DType expected) {
  if (view.type == expected) return "";
  return Concat(what, " is of type ", NameOf(view.type), ", expected ", NameOf(expected));
}

std::string DeclinePerTensor(const TensorView& view, std::string_view what) {
  if (std::string why = DeclineQuantization(view, what); !why.empty()) return why;
  if (view.quantization->per_axis()) return Concat(what, " is quantized per channel");
  return "";
}

std::string DeclineUnary(const NodeView& view, std::initializer_list<DType> types) {
  if (std::string why = DeclineType(view.inputs[0], "input", types); !why.empty()) return why;
  return DeclineOtherType(view.outputs[0], "output", view.inputs[0].type);
}

std::string DeclineUnaryQuantization(const NodeView& view) {
  for (const TensorView* t : {&view.inputs[0], &view.outputs[0]}) {
    const std::string_view what = t == &view.inputs[0] ? "input" : "output";
    if (std::string why = DeclinePerTensor(*t, what); !why.empty()) return why;
    if (t->type != DType::kInt16) continue;
    if (std::string why = DeclineAsymmetric(*t, what); !why.empty()) return why;
  }
  return "";
}

void AllowInPlaceIfAlike(runtime::PrepareContext& context, size_t input) {
  const TensorView& in = context.view().inputs[input];
  const TensorView& out = context.view().outputs[0];
  if (in.shape == out.shape && BitsOf(in.type) == BitsOf(out.type)) context.AllowInPlace(input, 0);
}

}  // namespace reference

}  // namespace edgeml::backends
