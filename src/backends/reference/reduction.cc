// MEAN, SUM and REDUCE_* on the reference kernels.
#include "src/kernels/reduction/reduction.h"

#include <array>
#include <cmath>

#include "src/backends/kernel_table.h"
#include "src/backends/reference/elementwise.h"
#include "src/backends/weights.h"
#include "src/base/strings.h"

namespace edgeml::backends {
namespace {

using namespace reference;
using kernels::ReduceOp;

enum class Form : uint8_t { kNone, kPlain, kMean, kQuantizedSum, kQuantizedMean, kQuantizedProd };

Form FormOf(const NodeView& view) {
  using D = DType;
  const TensorView& in = view.inputs[0];
  const OpCode op = view.node->op;
  if (in.type != view.outputs[0].type) return Form::kNone;
  const bool small = IsOneOf(in.type, {D::kInt8, D::kUInt8, D::kInt16});
  const bool wide = IsOneOf(in.type, {D::kFloat32, D::kInt32, D::kInt64});
  if (in.type == D::kBool) return op == OpCode::kMean ? Form::kNone : Form::kPlain;
  switch (op) {
    case OpCode::kReduceAll:
    case OpCode::kReduceAny:
      return Form::kNone;
    case OpCode::kMean:
      return wide ? Form::kMean : small ? Form::kQuantizedMean : Form::kNone;
    case OpCode::kSum:
      return wide ? Form::kPlain : small ? Form::kQuantizedSum : Form::kNone;
    case OpCode::kReduceProd:
      if (small && in.quantized()) return in.type == D::kUInt8 ? Form::kNone : Form::kQuantizedProd;
      [[fallthrough]];
    default:
      return wide || small ? Form::kPlain : Form::kNone;
  }
}

std::string DeclineReduce(const NodeView& view) {
  const TensorView& in = view.inputs[0];
  const TensorView& out = view.outputs[0];
  switch (FormOf(view)) {
    case Form::kNone:
      return Concat(NameOf(in.type), " input with ", NameOf(out.type), " output is not supported");
    case Form::kMean:
      return "";
    case Form::kPlain:
      if (in.quantized() != out.quantized() ||
          (in.quantized() && (in.scale() != out.scale() || in.zero_point() != out.zero_point())))
        return IsOneOf(in.type, {DType::kInt8, DType::kUInt8, DType::kInt16})
                   ? "input and output are quantized differently"
                   : "";
      return "";
    default:
      return DeclineUnaryQuantization(view);
  }
}

ReduceOp OpOf(OpCode op, DType type) {
  if (type == DType::kBool) {  // true is 1: the sum and the maximum are "any", in bool
    const bool all =
        op == OpCode::kReduceProd || op == OpCode::kReduceMin || op == OpCode::kReduceAll;
    return all ? ReduceOp::kAll : ReduceOp::kAny;
  }
  switch (op) {
    case OpCode::kReduceProd:
      return ReduceOp::kProd;
    case OpCode::kReduceMax:
      return ReduceOp::kMax;
    case OpCode::kReduceMin:
      return ReduceOp::kMin;
    case OpCode::kReduceAny:
      return ReduceOp::kAny;
    case OpCode::kReduceAll:
      return ReduceOp::kAll;
    default:
      return ReduceOp::kSum;
  }
}

// What occurs in this build's models. (int32 tells nothing: the axes are of that type.)
constexpr bool kHasMean = ir::IsSelected(OpCode::kMean);
constexpr bool kHasProd = ir::IsSelected(OpCode::kReduceProd);
constexpr bool kHasPlain = kHasProd || ir::IsSelected(OpCode::kSum) ||
                           ir::IsSelected(OpCode::kReduceMax) ||
                           ir::IsSelected(OpCode::kReduceMin) ||
                           ir::IsSelected(OpCode::kReduceAny) || ir::IsSelected(OpCode::kReduceAll);

class ReduceStep : public runtime::Step {
 public:
  Status Prepare(runtime::PrepareContext& context) override {
    const NodeView& view = context.view();
    form_ = FormOf(view);
    op_ = OpOf(view.node->op, view.inputs[0].type);
    const TensorView& in = view.inputs[0];
    const TensorView& out = view.outputs[0];
    const auto elements = static_cast<uint64_t>(out.num_elements());
    workspace_ = -1;
    if (form_ == Form::kMean && in.type == DType::kInt32)
      workspace_ = context.RequestWorkspace(elements * sizeof(int64_t));
    if (form_ == Form::kQuantizedSum || form_ == Form::kQuantizedMean ||
        form_ == Form::kQuantizedProd)
      workspace_ = context.RequestWorkspace(elements * sizeof(int32_t));
    params_ = {};
    params_.zero_point_in = in.zero_point();
    params_.zero_point_out = out.zero_point();
    return Status::Ok();
  }

  // The axes may change from run to run while the shapes stay, so they are read here.
  Status Run(runtime::RunContext& context) override {
    const TensorView& in = context.input(0);
    const TensorView& out = context.output(0);
    Shape kept;
    bool whole = false;
    EDGEML_RETURN_IF_ERROR(KeptShape(in, context.input(1), &kept, &whole));
    const int64_t out_size = out.num_elements();
    if (kept.num_elements() != out_size)
      return Error(Code::kInternal, "the axes do not fit the output's shape");
    const kernels::BroadcastPlan plan = kernels::MakeBroadcastPlan(in.shape, {kept});
    int64_t count = 1;
    for (int i = 0; i < in.rank(); ++i)
      if (kept[i] != in.dim(i)) count *= in.dim(i);
    void* sums = workspace_ >= 0 ? context.workspace(workspace_) : nullptr;
    if (kHasPlain && form_ == Form::kPlain) {
      kernels::Reduce(in.type, op_, plan, in.data, out_size, whole, out.data);
    } else if (kHasMean && form_ == Form::kMean) {
      kernels::Mean(in.type, plan, in.data, out_size, in.num_elements() == 0 ? 0 : count,
                    static_cast<int64_t*>(sums), out.data);
    } else {
      RunQuantized(in, out, plan, count, static_cast<int32_t*>(sums));
    }
    return Status::Ok();
  }

 private:
  // The output's shape with reduced dimensions kept as 1.
  static Status KeptShape(const TensorView& in, const TensorView& axes, Shape* kept, bool* whole) {
    *kept = in.shape;
    std::array<bool, kMaxRank> reduced{};
    int count = 0;
    for (int64_t i = 0; in.rank() > 0 && i < axes.num_elements(); ++i) {
      const auto axis = NormalizedAxis(ir::IndexAt(axes, i), in.rank());
      if (!axis)
        return Error(Code::kFailed, "axis ", ir::IndexAt(axes, i), " is out of range for input 0 ",
                     in.shape.ToString());
      bool& seen = reduced[static_cast<size_t>(*axis)];
      count += seen ? 0 : 1;
      seen = true;
      (*kept)[*axis] = 1;
    }
    *whole = count == in.rank();
    return Status::Ok();
  }

  void RunQuantized(const TensorView& in, const TensorView& out, const kernels::BroadcastPlan& plan,
                    int64_t count, int32_t* sums) {
    kernels::QuantizedReduceParams params = params_;
    const bool empty = in.num_elements() == 0;
    params.count = empty ? 0 : count;
    const double in_scale = static_cast<double>(in.scale());
    const double out_scale = static_cast<double>(out.scale());
    if (kHasProd && form_ == Form::kQuantizedProd && !empty) {
      params.multiplier =
          ToFixedPoint(in_scale / std::pow(out_scale, 1.0 / static_cast<double>(count)));
      kernels::ProdQuantized(in.type, plan, in.data, out.num_elements(), params, sums, out.data);
      return;
    }
    if (!empty) {
      params.multiplier = form_ == Form::kQuantizedMean
                              ? kernels::MeanMultiplier(in_scale / out_scale, count)
                              : ToFixedPoint(in_scale / out_scale);
    }
    kernels::SumQuantized(in.type, plan, in.data, out.num_elements(), params, sums, out.data);
  }

  Form form_ = Form::kNone;
  ReduceOp op_ = ReduceOp::kSum;
  kernels::QuantizedReduceParams params_;
  int workspace_ = -1;
};

constexpr KernelEntry kKernels[] = {
    {OpCode::kMean, "mean.reference", ErrorBound::kExact, DeclineReduce, MakeStep<ReduceStep>},
    {OpCode::kSum, "sum.reference", ErrorBound::kExact, DeclineReduce, MakeStep<ReduceStep>},
    {OpCode::kReduceProd, "reduce_prod.reference", ErrorBound::kExact, DeclineReduce,
     MakeStep<ReduceStep>},
    {OpCode::kReduceMax, "reduce_max.reference", ErrorBound::kExact, DeclineReduce,
     MakeStep<ReduceStep>},
    {OpCode::kReduceMin, "reduce_min.reference", ErrorBound::kExact, DeclineReduce,
     MakeStep<ReduceStep>},
    {OpCode::kReduceAny, "reduce_any.reference", ErrorBound::kExact, DeclineReduce,
     MakeStep<ReduceStep>},
    {OpCode::kReduceAll, "reduce_all.reference", ErrorBound::kExact, DeclineReduce,
     MakeStep<ReduceStep>},
};

}  // namespace

std::span<const KernelEntry> ReductionKernels() { return ir::SelectedRows<kKernels>(); }

}  // namespace edgeml::backends
