// ARG_MAX, ARG_MIN, CUMSUM and TOPK_V2 on the reference kernels.
#include <optional>

#include "src/backends/kernel_table.h"
#include "src/backends/reference/elementwise.h"
#include "src/base/strings.h"
#include "src/kernels/reduction/reduction.h"

namespace edgeml::backends {
namespace {

using namespace reference;

// [outer, axis, inner] of input 0 around the axis that input 1 holds.
struct Split {
  int64_t outer = 1, axis = 1, inner = 1;
};

Result<Split> SplitAt(const runtime::RunContext& context) {
  const TensorView& in = context.input(0);
  const int64_t value = ir::IndexAt(context.input(1), 0);
  const std::optional<int> axis = NormalizedAxis(value, in.rank());
  if (!axis)
    return Error(Code::kFailed, "axis ", value, " is out of range for input 0 ",
                 in.shape.ToString());
  return Split{in.shape.num_elements(0, *axis), in.dim(*axis),
               in.shape.num_elements(*axis + 1, in.rank())};
}

std::string DeclineArgExtreme(const NodeView& view) {
  using D = DType;
  if (std::string why = DeclineType(view.inputs[0], "input",
                                    {D::kFloat32, D::kInt8, D::kUInt8, D::kInt32, D::kBool});
      !why.empty())
    return why;
  return DeclineType(view.outputs[0], "output", {D::kInt32, D::kInt64});
}

class ArgExtremeStep : public runtime::Step {
 public:
  Status Prepare(runtime::PrepareContext& context) override {
    largest_ = context.view().node->op == OpCode::kArgMax;
    return Status::Ok();
  }
  Status Run(runtime::RunContext& context) override {
    EDGEML_ASSIGN_OR_RETURN(const Split split, SplitAt(context));
    const TensorView& in = context.input(0);
    const TensorView& out = context.output(0);
    if (split.axis < 1 || split.outer * split.inner != out.num_elements())
      return Error(Code::kInternal, "the axis does not fit the output's shape");
    kernels::ArgExtreme(in.type, largest_, in.data, split.outer, split.axis, split.inner, out.type,
                        out.data);
    return Status::Ok();
  }

 private:
  bool largest_ = true;
};

std::string DeclineCumsum(const NodeView& view) {
  return DeclineUnary(view, {DType::kFloat32, DType::kInt32, DType::kInt64});
}

class CumsumStep : public runtime::Step {
 public:
  Status Prepare(runtime::PrepareContext& context) override {
    attrs_ = context.view().attrs<ir::CumsumAttrs>();
    AllowInPlaceIfAlike(context, 0);
    return Status::Ok();
  }
  Status Run(runtime::RunContext& context) override {
    EDGEML_ASSIGN_OR_RETURN(const Split split, SplitAt(context));
    const TensorView& in = context.input(0);
    kernels::CumulativeSum(in.type, in.data, split.outer, split.axis, split.inner, attrs_.exclusive,
                           attrs_.reverse, context.output(0).data);
    return Status::Ok();
  }

 private:
  ir::CumsumAttrs attrs_;
};

std::string DeclineTopK(const NodeView& view) {
  using D = DType;
  if (std::string why =
          DeclineUnary(view, {D::kFloat32, D::kInt8, D::kUInt8, D::kInt16, D::kInt32, D::kInt64});
      !why.empty())
    return why;
  return DeclineType(view.outputs[1], "output 1", {D::kInt32, D::kInt16});
}

class TopKStep : public runtime::Step {
 public:
  Status Prepare(runtime::PrepareContext& context) override {
    const int32_t depth = context.view().inputs[0].shape.back();
    order_ = context.RequestWorkspace(static_cast<uint64_t>(depth) * sizeof(int32_t));
    return Status::Ok();
  }
  Status Run(runtime::RunContext& context) override {
    const TensorView& in = context.input(0);
    const TensorView& values = context.output(0);
    const TensorView& indices = context.output(1);
    kernels::TopK(in.type, in.data, in.shape.num_elements(0, in.rank() - 1), in.shape.back(),
                  values.shape.back(), indices.type,
                  static_cast<int32_t*>(context.workspace(order_)), values.data, indices.data);
    return Status::Ok();
  }

 private:
  int order_ = -1;
};

constexpr auto kExact = ErrorBound::kExact;
constexpr KernelEntry kKernels[] = {
    {OpCode::kArgMax, "arg_max.reference", kExact, DeclineArgExtreme, MakeStep<ArgExtremeStep>},
    {OpCode::kArgMin, "arg_min.reference", kExact, DeclineArgExtreme, MakeStep<ArgExtremeStep>},
    {OpCode::kCumsum, "cumsum.reference", kExact, DeclineCumsum, MakeStep<CumsumStep>},
    {OpCode::kTopKV2, "topk_v2.reference", kExact, DeclineTopK, MakeStep<TopKStep>},
};

}  // namespace

std::span<const KernelEntry> OrderKernels() { return ir::SelectedRows<kKernels>(); }

}  // namespace edgeml::backends
