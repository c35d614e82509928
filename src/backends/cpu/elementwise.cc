// Arithmetic of two inputs, activation functions on their own, and softmax, on the vector kernels.
#include <array>
#include <cmath>

#include "src/backends/cpu/cpu_backend.h"
#include "src/backends/kernel_table.h"
#include "src/backends/weights.h"
#include "src/base/cpu_features.h"
#include "src/base/strings.h"
#include "src/kernels/elementwise/rows.h"

namespace edgeml::backends {
namespace {

using kernels::BroadcastPlan;
using kernels::RowFunction;
using kernels::RowKernels;
using kernels::RowOp;
using runtime::NodeView;
using runtime::PrepareContext;
using runtime::RunContext;

// Elements worth a thread's while.
constexpr int64_t kGrain = 16384;

const RowKernels& Kernels() { return *kernels::RowsFor(BestSimdLevel()); }

const char* DeclineLevel() {
  return BestSimdLevel() == SimdLevel::kNone ? "no SIMD level on this machine" : "";
}

void AllowInPlaceIfAlike(PrepareContext& context, size_t input) {
  const NodeView& view = context.view();
  if (view.inputs[input].shape == view.outputs[0].shape) context.AllowInPlace(input, 0);
}

RowOp RowOpOf(OpCode op) {
  switch (op) {
    case OpCode::kSub:
      return RowOp::kSub;
    case OpCode::kMul:
      return RowOp::kMul;
    case OpCode::kMaximum:
      return RowOp::kMaximum;
    case OpCode::kMinimum:
      return RowOp::kMinimum;
    case OpCode::kSquaredDifference:
      return RowOp::kSquaredDifference;
    default:
      return RowOp::kAdd;
  }
}

kernels::ArithmeticOp ArithmeticOpOf(RowOp op) {
  return op == RowOp::kMul   ? kernels::ArithmeticOp::kMul
         : op == RowOp::kSub ? kernels::ArithmeticOp::kSub
                             : kernels::ArithmeticOp::kAdd;
}

bool SettleArgs(const NodeView& view, kernels::QuantizedRowArgs* args) {
  const TensorView& a = view.inputs[0];
  const TensorView& b = view.inputs[1];
  const TensorView& out = view.outputs[0];
  const RowOp op = RowOpOf(view.node->op);
  kernels::QuantizedArithmeticParams params;
  params.zero_point_a = a.zero_point();
  params.zero_point_b = b.zero_point();
  params.zero_point_out = out.zero_point();
  if (!QuantizedActivationRange(static_cast<int>(ir::FusedActivation(*view.node)), out.type,
                                out.scale(), out.zero_point(), &params.lo, &params.hi))
    return false;
  kernels::SetQuantizedScales(ArithmeticOpOf(op), out.type, a.scale(), b.scale(), out.scale(),
                              &params);
  return kernels::SettleQuantizedRows(op, out.type == DType::kUInt8, params, args);
}

std::string DeclineTypes(const NodeView& view, DType type) {
  const char* level = DeclineLevel();
  if (*level != 0) return level;
  for (const TensorView* t : {&view.inputs[0], &view.inputs[1], &view.outputs[0]}) {
    if (t->type != type) return Concat("not all ", NameOf(type));
  }
  return DeclineActivation(ir::FusedActivation(*view.node), view.outputs[0]);
}

std::string DeclineFloat(const NodeView& view) { return DeclineTypes(view, DType::kFloat32); }

template <DType type>
std::string DeclineQuantized(const NodeView& view) {
  std::string reason = DeclineTypes(view, type);
  for (const TensorView* t : {&view.inputs[0], &view.inputs[1], &view.outputs[0]}) {
    if (reason.empty()) reason = DeclineQuantization(*t, "a tensor");
    if (reason.empty() && t->quantization->per_axis()) reason = "a scale per channel";
  }
  kernels::QuantizedRowArgs args;
  if (reason.empty() && !SettleArgs(view, &args)) reason = "scales too far apart";
  return reason;
}

class BinaryStep : public runtime::Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const NodeView& view = context.view();
    plan_ = kernels::MakeBroadcastPlan(view.outputs[0].shape,
                                       {view.inputs[0].shape, view.inputs[1].shape});
    op_ = RowOpOf(view.node->op);
    FloatActivationRange(static_cast<int>(ir::FusedActivation(*view.node)), &lo_, &hi_);
    if (view.outputs[0].type != DType::kFloat32 && !SettleArgs(view, &args_))
      return Error(Code::kInternal, "scales too far apart");
    AllowInPlaceIfAlike(context, 0);
    AllowInPlaceIfAlike(context, 1);
    return Status::Ok();
  }

  Status Run(RunContext& context) override {
    if (context.output(0).type == DType::kFloat32) {
      RunRows<float>(context, [this](const float* a, int a_step, const float* b, int b_step,
                                     int64_t n, float* out) {
        Kernels().binary_float(op_, a, a_step, b, b_step, n, lo_, hi_, out);
      });
    } else {
      RunRows<uint8_t>(context, [this](const uint8_t* a, int a_step, const uint8_t* b, int b_step,
                                       int64_t n, uint8_t* out) {
        Kernels().binary_quantized(args_, a, a_step, b, b_step, n, out);
      });
    }
    return Status::Ok();
  }

 private:
  template <typename T, typename Row>
  void RunRows(RunContext& context, Row row) {
    const T* a = context.input(0).as<T>();
    const T* b = context.input(1).as<T>();
    T* out = context.output(0).as_mutable<T>();
    const auto a_step = static_cast<int>(plan_.inner_stride(0));
    const auto b_step = static_cast<int>(plan_.inner_stride(1));
    if (plan_.rank == 1) {
      context.pool().ParallelFor(plan_.inner(), kGrain, [&](int64_t begin, int64_t end, int) {
        row(a + begin * a_step, a_step, b + begin * b_step, b_step, end - begin, out + begin);
      });
      return;
    }
    kernels::ForEachRow(
        plan_, [&](const std::array<int64_t, kernels::kMaxBroadcastInputs>& at, int64_t to) {
          row(a + at[0], a_step, b + at[1], b_step, plan_.inner(), out + to);
        });
  }

  BroadcastPlan plan_;
  RowOp op_ = RowOp::kAdd;
  float lo_ = 0.0f, hi_ = 0.0f;
  kernels::QuantizedRowArgs args_;
};

// One float32 input -------------------------------------------------------------------------

std::string DeclineUnary(const NodeView& view) {
  const char* level = DeclineLevel();
  if (*level != 0) return level;
  if (view.inputs[0].type != DType::kFloat32 || view.outputs[0].type != DType::kFloat32)
    return "not float32";
  return "";
}

// Runs body(in, n, out) on parts of a dense tensor.
template <typename Body>
void ForParts(RunContext& context, Body body) {
  const float* in = context.input(0).as<float>();
  float* out = context.output(0).as_mutable<float>();
  context.pool().ParallelFor(
      context.output(0).num_elements(), kGrain,
      [&](int64_t begin, int64_t end, int) { body(in + begin, end - begin, out + begin); });
}

template <RowFunction function>
class FunctionStep : public runtime::Step {
 public:
  Status Prepare(PrepareContext& context) override {
    AllowInPlaceIfAlike(context, 0);
    return Status::Ok();
  }
  Status Run(RunContext& context) override {
    ForParts(context, [](const float* in, int64_t n, float* out) {
      Kernels().function(function, in, n, out);
    });
    return Status::Ok();
  }
};

template <int activation>
class ClampStep : public runtime::Step {
 public:
  Status Prepare(PrepareContext& context) override {
    // A rectifier on its own leaves infinities alone.
    FloatActivationRange(activation, &lo_, &hi_);
    if (activation == kActivationRelu) hi_ = INFINITY;
    AllowInPlaceIfAlike(context, 0);
    return Status::Ok();
  }
  Status Run(RunContext& context) override {
    ForParts(context, [this](const float* in, int64_t n, float* out) {
      Kernels().clamp(in, n, lo_, hi_, out);
    });
    return Status::Ok();
  }

 private:
  float lo_ = 0.0f, hi_ = 0.0f;
};

class SoftmaxStep : public runtime::Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const NodeView& view = context.view();
    beta_ = view.attrs<ir::SoftmaxAttrs>().beta;
    depth_ = view.inputs[0].rank() == 0 ? 1 : view.inputs[0].shape.back();
    AllowInPlaceIfAlike(context, 0);
    return Status::Ok();
  }
  Status Run(RunContext& context) override {
    if (depth_ == 0) return Status::Ok();
    const float* in = context.input(0).as<float>();
    float* out = context.output(0).as_mutable<float>();
    const int64_t rows = context.output(0).num_elements() / depth_;
    context.pool().ParallelFor(
        rows, std::max<int64_t>(1, kGrain / 8 / depth_), [&](int64_t begin, int64_t end, int) {
          for (int64_t row = begin; row < end; ++row) {
            Kernels().softmax(in + row * depth_, depth_, beta_, out + row * depth_);
          }
        });
    return Status::Ok();
  }

 private:
  float beta_ = 1.0f;
  int64_t depth_ = 1;
};

constexpr KernelEntry kKernels[] = {
    {OpCode::kAdd,
     "add.float32",
     ErrorBound::kExact,
     DeclineFloat,
     MakeStep<BinaryStep>,
     {DType::kFloat32}},
    {OpCode::kAdd,
     "add.int8",
     ErrorBound::kOneQuantum,
     DeclineQuantized<DType::kInt8>,
     MakeStep<BinaryStep>,
     {DType::kInt8}},
    {OpCode::kAdd,
     "add.uint8",
     ErrorBound::kOneQuantum,
     DeclineQuantized<DType::kUInt8>,
     MakeStep<BinaryStep>,
     {DType::kUInt8}},
    {OpCode::kSub,
     "sub.float32",
     ErrorBound::kExact,
     DeclineFloat,
     MakeStep<BinaryStep>,
     {DType::kFloat32}},
    {OpCode::kSub,
     "sub.int8",
     ErrorBound::kOneQuantum,
     DeclineQuantized<DType::kInt8>,
     MakeStep<BinaryStep>,
     {DType::kInt8}},
    {OpCode::kSub,
     "sub.uint8",
     ErrorBound::kOneQuantum,
     DeclineQuantized<DType::kUInt8>,
     MakeStep<BinaryStep>,
     {DType::kUInt8}},
    {OpCode::kMul,
     "mul.float32",
     ErrorBound::kExact,
     DeclineFloat,
     MakeStep<BinaryStep>,
     {DType::kFloat32}},
    {OpCode::kMul,
     "mul.int8",
     ErrorBound::kOneQuantum,
     DeclineQuantized<DType::kInt8>,
     MakeStep<BinaryStep>,
     {DType::kInt8}},
    {OpCode::kMul,
     "mul.uint8",
     ErrorBound::kOneQuantum,
     DeclineQuantized<DType::kUInt8>,
     MakeStep<BinaryStep>,
     {DType::kUInt8}},
    {OpCode::kSquaredDifference,
     "squared_difference.float32",
     ErrorBound::kExact,
     DeclineFloat,
     MakeStep<BinaryStep>,
     {DType::kFloat32}},
    {OpCode::kLogistic,
     "logistic.float32",
     ErrorBound::kFloatRounding,
     DeclineUnary,
     MakeStep<FunctionStep<RowFunction::kLogistic>>,
     {DType::kFloat32}},
    {OpCode::kTanh,
     "tanh.float32",
     ErrorBound::kFloatRounding,
     DeclineUnary,
     MakeStep<FunctionStep<RowFunction::kTanh>>,
     {DType::kFloat32}},
    {OpCode::kHardSwish,
     "hard_swish.float32",
     ErrorBound::kFloatRounding,
     DeclineUnary,
     MakeStep<FunctionStep<RowFunction::kHardSwish>>,
     {DType::kFloat32}},
    {OpCode::kRelu,
     "relu.float32",
     ErrorBound::kExact,
     DeclineUnary,
     MakeStep<ClampStep<kActivationRelu>>,
     {DType::kFloat32}},
    {OpCode::kRelu6,
     "relu6.float32",
     ErrorBound::kExact,
     DeclineUnary,
     MakeStep<ClampStep<kActivationRelu6>>,
     {DType::kFloat32}},
    {OpCode::kSoftmax,
     "softmax.float32",
     ErrorBound::kFloatRounding,
     DeclineUnary,
     MakeStep<SoftmaxStep>,
     {DType::kFloat32}},
};

}  // namespace

std::span<const KernelEntry> CpuElementwiseKernels() { return ir::SelectedRows<kKernels>(); }

}  // namespace edgeml::backends
