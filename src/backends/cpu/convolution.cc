// CONV_2D, FULLY_CONNECTED and one-channel DEPTHWISE_CONV_2D on the blocked matrix products.
#include <algorithm>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "src/backends/cpu/cpu_backend.h"
#include "src/backends/cpu/matrix_problem.h"
#include "src/backends/kernel_table.h"
#include "src/backends/weights.h"
#include "src/base/strings.h"
#include "src/kernels/elementwise/rows.h"

namespace edgeml::backends {
namespace {

using kernels::ConvQuantization;
using kernels::FloatRange;
using kernels::GemmBlocksPlan;
using kernels::GemmFloatPlan;
using kernels::GemmInt8Plan;
using kernels::GemmKernels;
using kernels::WeightMatrix;
using runtime::NodeView;
using runtime::PrepareContext;
using runtime::RunContext;

// Packing weights costs about as much as the product of so many rows without it.
constexpr int64_t kRowsToPackFor = 8;

const GemmKernels& Kernels() { return *kernels::GemmFor(BestSimdLevel()); }

template <typename T>
const T* BiasOf(const NodeView& view) {
  return view.has_input(kMatrixBias) ? view.inputs[kMatrixBias].as<T>() : nullptr;
}

// Runs body(piece, workspace of the worker) for every piece of a plan.
template <typename Plan, typename Body>
Status RunPieces(RunContext& context, const Plan& plan, int workspace, Body&& body) {
  auto* memory = workspace < 0 ? nullptr : static_cast<std::byte*>(context.workspace(workspace));
  context.pool().ParallelFor(plan.split().pieces(), 1, [&](int64_t begin, int64_t end, int worker) {
    std::byte* own =
        memory == nullptr ? nullptr : memory + static_cast<size_t>(worker) * plan.workspace_bytes();
    for (int64_t piece = begin; piece < end && !context.cancelled(); ++piece) body(piece, own);
  });
  if (context.cancelled()) return Error(Code::kCancelled, "stopped on request");
  return Status::Ok();
}

int RequestWorkspaces(PrepareContext& context, size_t bytes) {
  if (bytes == 0) return -1;
  return context.RequestWorkspace(bytes * static_cast<size_t>(context.num_threads()));
}

WeightMatrix WeightsOf(const NodeView& view, const MatrixProblem& p) {
  const TensorView& weights = view.inputs[kMatrixWeights];
  return {weights.data, p.n, p.k, p.n_stride, p.k_stride, weights.type};
}

// What the packed weights of a problem are shared under.
std::string LayoutOf(std::string_view kind, const WeightMatrix& w) {
  return Concat(kind, ".", NameOf(w.type), ".", NameOf(BestSimdLevel()), ".", w.n, "x", w.k,
                w.k_stride == 1 ? "" : ".transposed");
}

Result<std::shared_ptr<const std::byte>> PackInteger(PrepareContext& context,
                                                     const MatrixProblem& p) {
  const WeightMatrix weights = WeightsOf(context.view(), p);
  return context.Pack(kMatrixWeights, LayoutOf("gemm", weights),
                      GemmInt8Plan::PackedBytes(Kernels(), p.n, p.k),
                      [&](std::byte* out) { GemmInt8Plan::Pack(Kernels(), weights, out); });
}

template <MatrixOp op>
class IntegerStep : public runtime::Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const NodeView& view = context.view();
    const TensorView& input = view.inputs[kMatrixInput];
    const TensorView& weights = view.inputs[kMatrixWeights];
    const TensorView& output = view.outputs[0];
    const bool is_unsigned = input.type == DType::kUInt8;
    const MatrixProblem p = ProblemOf(view, op, 1);
    EDGEML_ASSIGN_OR_RETURN(packed_, PackInteger(context, p));
    const auto multipliers = FixedPointMultipliers(
        EffectiveScales(input, weights, output, static_cast<int32_t>(p.n),
                        /*float_product=*/is_unsigned && op != MatrixOp::kFullyConnected));
    ConvQuantization q;
    q.input_zero_point = input.zero_point();
    q.filter_zero_point = is_unsigned ? weights.zero_point() : 0;
    q.output_zero_point = output.zero_point();
    q.multipliers = multipliers.data();
    if (!QuantizedActivationRange(static_cast<int>(ir::FusedActivation(*view.node)), output.type,
                                  output.scale(), output.zero_point(), &q.output_min,
                                  &q.output_max))
      return Error(Code::kInternal, "activation range");
    plan_.SettleInteger(Kernels(), p.patch, p.rows, p.n, p.k, q, is_unsigned, BiasOf<int32_t>(view),
                        packed_.get(), context.num_threads());
    workspace_ = RequestWorkspaces(context, plan_.workspace_bytes());
    return Status::Ok();
  }

  Status Run(RunContext& context) override {
    const void* input = context.input(kMatrixInput).data;
    void* output = context.output(0).data;
    return RunPieces(context, plan_, workspace_, [&](int64_t piece, std::byte* workspace) {
      plan_.Run(piece, input, output, workspace);
    });
  }

 private:
  std::shared_ptr<const std::byte> packed_;
  GemmInt8Plan plan_;
  int workspace_ = -1;
};

template <MatrixOp op>
class FloatStep : public runtime::Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const NodeView& view = context.view();
    const MatrixProblem p = ProblemOf(view, op, 4);
    weights_ = WeightsOf(view, p);
    constant_ = HasConstantWeights(view);
    const size_t bytes = GemmFloatPlan::PackedBytes(Kernels(), p.n, p.k);
    packed_.reset();
    packing_ = -1;
    if (constant_) {
      EDGEML_ASSIGN_OR_RETURN(packed_, context.Pack(kMatrixWeights, LayoutOf("gemm", weights_),
                                                    bytes, [&](std::byte* out) {
                                                      GemmFloatPlan::Pack(Kernels(), weights_, out);
                                                    }));
    } else {
      packing_ = context.RequestWorkspace(bytes);
    }
    FloatRange range;
    FloatActivationRange(static_cast<int>(ir::FusedActivation(*view.node)), &range.min, &range.max);
    plan_.Settle(Kernels(), p.patch, p.rows, p.n, p.k, range,
                 constant_ ? BiasOf<float>(view) : nullptr, packed_.get(), context.num_threads());
    workspace_ = RequestWorkspaces(context, plan_.workspace_bytes());
    return Status::Ok();
  }

  Status Run(RunContext& context) override {
    if (!constant_) PackAnew(context);
    const auto* input = context.input(kMatrixInput).as<float>();
    auto* output = context.output(0).as_mutable<float>();
    return RunPieces(context, plan_, workspace_, [&](int64_t piece, std::byte* workspace) {
      plan_.Run(piece, input, output, workspace);
    });
  }

 private:
  // Weights that another node computes, or that the caller trains.
  void PackAnew(RunContext& context) {
    WeightMatrix weights = weights_;
    weights.data = context.input(kMatrixWeights).data;
    auto* const packed = static_cast<std::byte*>(context.workspace(packing_));
    GemmFloatPlan::Pack(Kernels(), weights, packed);
    const bool has_bias =
        context.num_inputs() > kMatrixBias && context.input(kMatrixBias).present();
    plan_.SetWeights(packed, has_bias ? context.input(kMatrixBias).as<float>() : nullptr);
  }

  std::shared_ptr<const std::byte> packed_;
  WeightMatrix weights_;
  GemmFloatPlan plan_;
  bool constant_ = true;
  int packing_ = -1, workspace_ = -1;
};

// A float input that is quantized image by image (row by row) when it runs, with what the integer
// product needs of it.
class QuantizedRows {
 public:
  void Prepare(PrepareContext& context, const MatrixProblem& p) {
    quantized_.Prepare(context, p.images, p.image_elements);
    const auto images = static_cast<size_t>(p.images);
    row_terms_ = context.RequestWorkspace(images * sizeof(int32_t));
    pads_ = context.RequestWorkspace(images);
  }

  void Fill(RunContext& context, bool asymmetric) const {
    kernels::QuantizeRowsWith(*kernels::RowsFor(BestSimdLevel()),
                              context.input(kMatrixInput).as<float>(), quantized_.rows(),
                              quantized_.elements(), asymmetric, quantized_.values(context),
                              quantized_.scales(context), quantized_.zero_points(context));
    const int32_t* zero_points = quantized_.zero_points(context);
    for (size_t i = 0; i < quantized_.rows(); ++i) {
      row_terms(context)[i] = -(zero_points[i] + 128);
      pads(context)[i] = static_cast<int8_t>(zero_points[i]);
    }
  }

  const int8_t* values(RunContext& context) const { return quantized_.values(context); }
  const float* scales(RunContext& context) const { return quantized_.scales(context); }
  int32_t* row_terms(RunContext& context) const {
    return static_cast<int32_t*>(context.workspace(row_terms_));
  }
  int8_t* pads(RunContext& context) const { return static_cast<int8_t*>(context.workspace(pads_)); }

 private:
  QuantizedInput quantized_;
  int row_terms_ = -1, pads_ = -1;
};

template <MatrixOp op>
FloatRange HybridRange(const NodeView& view) {
  FloatRange range;
  const auto activation = static_cast<int>(ir::FusedActivation(*view.node));
  FloatActivationRange(activation, &range.min, &range.max);
  if (op == MatrixOp::kFullyConnected && activation == kActivationNone) {
    range.max = std::numeric_limits<float>::infinity();  // not even an infinity is clamped
    range.min = -range.max;
  }
  return range;
}

// Float in and out, int8 or int4 weights.
template <MatrixOp op>
class HybridStep : public runtime::Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const NodeView& view = context.view();
    const TensorView& weights = view.inputs[kMatrixWeights];
    const MatrixProblem p = ProblemOf(view, op, 1);
    EDGEML_ASSIGN_OR_RETURN(packed_, PackInteger(context, p));
    const auto scales = ChannelScales(weights, static_cast<int32_t>(p.n));
    asymmetric_ = Asymmetric(view);
    plan_.SettleHybrid(Kernels(), p.patch, p.rows, p.rows_per_image, p.n, p.k, scales.data(),
                       HybridRange<op>(view), BiasOf<float>(view), packed_.get(),
                       context.num_threads());
    rows_.Prepare(context, p);
    workspace_ = RequestWorkspaces(context, plan_.workspace_bytes());
    return Status::Ok();
  }

  Status Run(RunContext& context) override {
    rows_.Fill(context, asymmetric_);
    auto* output = context.output(0).as_mutable<float>();
    return RunPieces(context, plan_, workspace_, [&](int64_t piece, std::byte* workspace) {
      plan_.RunHybrid(piece, rows_.values(context), rows_.scales(context), rows_.row_terms(context),
                      rows_.pads(context), output, workspace);
    });
  }

 private:
  // As the reference backend does: see convolution.cc and fully_connected.cc there.
  static bool Asymmetric(const NodeView& view) {
    if constexpr (op == MatrixOp::kFullyConnected) {
      return view.attrs<ir::FullyConnectedAttrs>().asymmetric_quantize_inputs;
    } else if constexpr (op == MatrixOp::kDepthwise) {
      return true;
    } else {
      const std::vector<float>& scales = view.inputs[kMatrixWeights].quantization->scale;
      return std::any_of(scales.begin(), scales.end(), [&](float s) { return s != scales[0]; });
    }
  }

  std::shared_ptr<const std::byte> packed_;
  GemmInt8Plan plan_;
  QuantizedRows rows_;
  bool asymmetric_ = false;
  int workspace_ = -1;
};

// Float in and out, int4 weights with a scale per block of the depth. Rows are quantized
// asymmetrically, as in the reference backend.
class BlocksStep : public runtime::Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const NodeView& view = context.view();
    const Quantization& q = *view.inputs[kMatrixWeights].quantization;
    const MatrixProblem p = ProblemOf(view, MatrixOp::kFullyConnected, 1);
    const WeightMatrix weights = WeightsOf(view, p);
    const int64_t block = q.block_size;
    EDGEML_ASSIGN_OR_RETURN(
        packed_,
        context.Pack(kMatrixWeights, LayoutOf(Concat("gemm.blocks", block), weights),
                     GemmBlocksPlan::PackedBytes(Kernels(), p.n, p.k, block), [&](std::byte* out) {
                       GemmBlocksPlan::Pack(Kernels(), weights, block, out);
                     }));
    plan_.Settle(Kernels(), p.rows, p.n, p.k, block, q.scale.data(),
                 HybridRange<MatrixOp::kFullyConnected>(view), BiasOf<float>(view), packed_.get(),
                 context.num_threads());
    rows_.Prepare(context, p);
    workspace_ = RequestWorkspaces(context, plan_.workspace_bytes());
    return Status::Ok();
  }

  Status Run(RunContext& context) override {
    rows_.Fill(context, /*asymmetric=*/true);
    auto* output = context.output(0).as_mutable<float>();
    return RunPieces(context, plan_, workspace_, [&](int64_t piece, std::byte* workspace) {
      plan_.Run(piece, rows_.values(context), rows_.scales(context), rows_.row_terms(context),
                output, workspace);
    });
  }

 private:
  std::shared_ptr<const std::byte> packed_;
  GemmBlocksPlan plan_;
  QuantizedRows rows_;
  int workspace_ = -1;
};

template <MatrixOp op, DType type>
std::string DeclineIntegerStep(const NodeView& view) {
  std::string reason = DeclineStructure(view, op, /*takes_channels=*/false);
  return reason.empty() ? DeclineInteger(view, op, type) : reason;
}
template <MatrixOp op, DType weights = DType::kInt8>
std::string DeclineHybridStep(const NodeView& view) {
  std::string reason = DeclineStructure(view, op, /*takes_channels=*/false);
  return reason.empty() ? DeclineHybrid(view, op, weights) : reason;
}
std::string DeclineBlocksStep(const NodeView& view) {
  std::string reason = DeclineStructure(view, MatrixOp::kFullyConnected, /*takes_channels=*/false);
  return reason.empty() ? DeclineBlocks(view) : reason;
}
template <MatrixOp op>
std::string DeclineFloatStep(const NodeView& view) {
  std::string reason = DeclineStructure(view, op, /*takes_channels=*/false, /*any_weights=*/true);
  if (reason.empty()) reason = DeclineFloat(view);
  if (reason.empty() && !HasConstantWeights(view) && ProblemOf(view, op, 4).rows < kRowsToPackFor)
    reason = "too few rows for weights that must be packed each time";
  return reason;
}

constexpr KernelEntry kKernels[] = {
    {OpCode::kConv2D,
     "conv_2d.int8",
     ErrorBound::kOneQuantum,
     DeclineIntegerStep<MatrixOp::kConv, DType::kInt8>,
     MakeStep<IntegerStep<MatrixOp::kConv>>,
     {DType::kInt8}},
    {OpCode::kConv2D,
     "conv_2d.uint8",
     ErrorBound::kOneQuantum,
     DeclineIntegerStep<MatrixOp::kConv, DType::kUInt8>,
     MakeStep<IntegerStep<MatrixOp::kConv>>,
     {DType::kUInt8}},
    {OpCode::kConv2D,
     "conv_2d.float32",
     ErrorBound::kFloatRounding,
     DeclineFloatStep<MatrixOp::kConv>,
     MakeStep<FloatStep<MatrixOp::kConv>>,
     {DType::kFloat32}},
    {OpCode::kConv2D,
     "conv_2d.hybrid",
     ErrorBound::kFloatRounding,
     DeclineHybridStep<MatrixOp::kConv>,
     MakeStep<HybridStep<MatrixOp::kConv>>,
     {DType::kFloat32, DType::kInt8}},
    {OpCode::kConv2D,
     "conv_2d.hybrid_int4",
     ErrorBound::kFloatRounding,
     DeclineHybridStep<MatrixOp::kConv, DType::kInt4>,
     MakeStep<HybridStep<MatrixOp::kConv>>,
     {DType::kFloat32, DType::kInt4}},
    {OpCode::kFullyConnected,
     "fully_connected.int8",
     ErrorBound::kOneQuantum,
     DeclineIntegerStep<MatrixOp::kFullyConnected, DType::kInt8>,
     MakeStep<IntegerStep<MatrixOp::kFullyConnected>>,
     {DType::kInt8}},
    {OpCode::kFullyConnected,
     "fully_connected.uint8",
     ErrorBound::kOneQuantum,
     DeclineIntegerStep<MatrixOp::kFullyConnected, DType::kUInt8>,
     MakeStep<IntegerStep<MatrixOp::kFullyConnected>>,
     {DType::kUInt8}},
    {OpCode::kFullyConnected,
     "fully_connected.float32",
     ErrorBound::kFloatRounding,
     DeclineFloatStep<MatrixOp::kFullyConnected>,
     MakeStep<FloatStep<MatrixOp::kFullyConnected>>,
     {DType::kFloat32}},
    {OpCode::kFullyConnected,
     "fully_connected.hybrid",
     ErrorBound::kFloatRounding,
     DeclineHybridStep<MatrixOp::kFullyConnected>,
     MakeStep<HybridStep<MatrixOp::kFullyConnected>>,
     {DType::kFloat32, DType::kInt8}},
    {OpCode::kFullyConnected,
     "fully_connected.hybrid_int4",
     ErrorBound::kFloatRounding,
     DeclineHybridStep<MatrixOp::kFullyConnected, DType::kInt4>,
     MakeStep<HybridStep<MatrixOp::kFullyConnected>>,
     {DType::kFloat32, DType::kInt4}},
    {OpCode::kFullyConnected,
     "fully_connected.hybrid_int4_blocks",
     ErrorBound::kFloatRounding,
     DeclineBlocksStep,
     MakeStep<BlocksStep>,
     {DType::kFloat32, DType::kInt4}},
    {OpCode::kDepthwiseConv2D,
     "depthwise_conv_2d.one_channel.int8",
     ErrorBound::kOneQuantum,
     DeclineIntegerStep<MatrixOp::kDepthwise, DType::kInt8>,
     MakeStep<IntegerStep<MatrixOp::kDepthwise>>,
     {DType::kInt8}},
    {OpCode::kDepthwiseConv2D,
     "depthwise_conv_2d.one_channel.uint8",
     ErrorBound::kOneQuantum,
     DeclineIntegerStep<MatrixOp::kDepthwise, DType::kUInt8>,
     MakeStep<IntegerStep<MatrixOp::kDepthwise>>,
     {DType::kUInt8}},
    {OpCode::kDepthwiseConv2D,
     "depthwise_conv_2d.one_channel.float32",
     ErrorBound::kFloatRounding,
     DeclineFloatStep<MatrixOp::kDepthwise>,
     MakeStep<FloatStep<MatrixOp::kDepthwise>>,
     {DType::kFloat32}},
    {OpCode::kDepthwiseConv2D,
     "depthwise_conv_2d.one_channel.hybrid",
     ErrorBound::kFloatRounding,
     DeclineHybridStep<MatrixOp::kDepthwise>,
     MakeStep<HybridStep<MatrixOp::kDepthwise>>,
     {DType::kFloat32, DType::kInt8}},
};

}  // namespace

std::span<const KernelEntry> CpuConvolutionKernels() { return ir::SelectedRows<kKernels>(); }

}  // namespace edgeml::backends
