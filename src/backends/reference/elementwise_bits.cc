// BITWISE_XOR, RIGHT_SHIFT, ATAN2, COMPLEX_ABS, REAL and IMAG on the reference kernels.
#include "src/backends/kernel_table.h"
#include "src/backends/reference/elementwise.h"
#include "src/base/strings.h"
#include "src/kernels/elementwise/bits.h"
#include "src/kernels/elementwise/complex.h"

namespace edgeml::backends {
namespace {

using namespace reference;
using kernels::ComplexPart;

std::string DeclineBits(const NodeView& view) {
  if (std::string why = DeclineUnary(view, {DType::kInt8, DType::kUInt8, DType::kInt16,
                                            DType::kUInt16, DType::kInt32, DType::kUInt32});
      !why.empty())
    return why;
  return DeclineOtherType(view.inputs[1], "input 1", view.inputs[0].type);
}

class BitsStep : public runtime::Step {
 public:
  Status Prepare(runtime::PrepareContext& context) override {
    const NodeView& view = context.view();
    shift_ = view.node->op == OpCode::kRightShift;
    plan_ = kernels::MakeBroadcastPlan(view.outputs[0].shape,
                                       {view.inputs[0].shape, view.inputs[1].shape});
    AllowInPlaceIfAlike(context, 0);
    AllowInPlaceIfAlike(context, 1);
    return Status::Ok();
  }
  Status Run(runtime::RunContext& context) override {
    const void *a = context.input(0).data, *b = context.input(1).data;
    const TensorView& out = context.output(0);
    if (shift_) {
      kernels::RightShift(out.type, plan_, a, b, out.data);
    } else {
      kernels::BitwiseXor(BitsOf(out.type), plan_, a, b, out.data);
    }
    return Status::Ok();
  }

 private:
  bool shift_ = false;
  kernels::BroadcastPlan plan_;
};

std::string DeclineAtan2(const NodeView& view) {
  if (std::string why =
          DeclineUnary(view, {DType::kFloat32, DType::kFloat64, DType::kFloat16, DType::kBFloat16});
      !why.empty())
    return why;
  return DeclineOtherType(view.inputs[1], "input 1", view.inputs[0].type);
}

class Atan2Step : public runtime::Step {
 public:
  Status Prepare(runtime::PrepareContext& context) override {
    AllowInPlaceIfAlike(context, 0);
    AllowInPlaceIfAlike(context, 1);
    return Status::Ok();
  }
  Status Run(runtime::RunContext& context) override {
    const TensorView& out = context.output(0);
    kernels::Atan2(out.type, out.num_elements(), context.input(0).data, context.input(1).data,
                   out.data);
    return Status::Ok();
  }
};

std::string DeclineComplexPart(const NodeView& view) {
  const DType type = view.inputs[0].type;
  if (std::string why =
          DeclineType(view.inputs[0], "input", {DType::kComplex64, DType::kComplex128});
      !why.empty())
    return why;
  return DeclineOtherType(view.outputs[0], "output",
                          type == DType::kComplex64 ? DType::kFloat32 : DType::kFloat64);
}

template <ComplexPart kPart>
class ComplexPartStep : public runtime::Step {
 public:
  Status Prepare(runtime::PrepareContext&) override { return Status::Ok(); }
  Status Run(runtime::RunContext& context) override {
    const TensorView& in = context.input(0);
    kernels::TakeComplexPart(in.type, kPart, in.num_elements(), in.data, context.output(0).data);
    return Status::Ok();
  }
};

constexpr auto kExact = ErrorBound::kExact;
constexpr KernelEntry kKernels[] = {

    {OpCode::kAtan2, "atan2.reference", kExact, DeclineAtan2, MakeStep<Atan2Step>},
    {OpCode::kBitwiseXor, "bitwise_xor.reference", kExact, DeclineBits, MakeStep<BitsStep>},
    {OpCode::kComplexAbs, "complex_abs.reference", kExact, DeclineComplexPart,
     MakeStep<ComplexPartStep<ComplexPart::kAbsolute>>},
    {OpCode::kImag, "imag.reference", kExact, DeclineComplexPart,
     MakeStep<ComplexPartStep<ComplexPart::kImaginary>>},
    {OpCode::kReal, "real.reference", kExact, DeclineComplexPart,
     MakeStep<ComplexPartStep<ComplexPart::kReal>>},
    {OpCode::kRightShift, "right_shift.reference", kExact, DeclineBits, MakeStep<BitsStep>},
};

}  // namespace

std::span<const KernelEntry> BitsKernels() { return ir::SelectedRows<kKernels>(); }

}  // namespace edgeml::backends
