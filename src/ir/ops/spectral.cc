// Fourier transforms: arity and shape rules.
#include "src/base/strings.h"
#include "src/ir/ops/families.h"
#include "src/ir/selection.h"

namespace edgeml::ir {
namespace {

bool IsPowerOfTwo(int32_t n) { return n > 0 && (n & (n - 1)) == 0; }

// Inputs: signals […, rows, columns], transform lengths [height, width]. Signals are cut or filled
// with zeros to the lengths; the output has the non-negative frequencies of the last dimension.
Status InferRfft2d(InferContext& context) {
  const TensorView &input = context.inputs[0], &length = context.inputs[1];
  if (input.rank() < 2)
    return Error(Code::kInvalidModel, "input 0 has shape ", input.shape.ToString(),
                 ", expected at least 2 dimensions");
  if (length.type != DType::kInt32 || !(length.shape == Shape{2}))
    return Error(Code::kInvalidModel, "input 1 (lengths) is ", NameOf(length.type), " ",
                 length.shape.ToString(), ", expected int32 [2]");
  if (!context.has_values(1)) {
    context.needs_values = true;
    return Status::Ok();
  }
  const int32_t height = length.as<int32_t>()[0], width = length.as<int32_t>()[1];
  if (!IsPowerOfTwo(height) || !IsPowerOfTwo(width))
    return Error(Code::kUnsupported, "lengths ", height, " x ", width,
                 " are not both powers of two");
  Shape output = input.shape;
  output[input.rank() - 2] = height;
  output[input.rank() - 1] = width / 2 + 1;
  context.outputs[0].shape = output;
  return Status::Ok();
}

constexpr OpDef kOps[] = {
    {.op = OpCode::kRfft2d, .min_inputs = 2, .max_inputs = 2, .infer = InferRfft2d},
};

}  // namespace

std::span<const OpDef> SpectralOps() { return SelectedRows<kOps>(); }

}  // namespace edgeml::ir
