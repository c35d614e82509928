// BATCH_MATMUL on the reference kernels.
#include "src/backends/kernel_table.h"
#include "src/backends/weights.h"
#include "src/base/strings.h"
#include "src/kernels/matmul/matmul.h"

namespace edgeml::backends {
namespace {

using ir::BatchMatMulAttrs;
using kernels::BatchMatMulHybridScales;
using kernels::BatchMatMulQuantization;
using kernels::BatchMatMulShape;

std::string Decline(const NodeView& view) {
  const TensorView& x = view.inputs[0];
  const TensorView& y = view.inputs[1];
  const TensorView& output = view.outputs[0];
  const auto types = [&](DType a, DType b, DType c) {
    return x.type == a && y.type == b && output.type == c;
  };
  if (types(DType::kFloat32, DType::kFloat32, DType::kFloat32) ||
      types(DType::kInt8, DType::kInt8, DType::kInt32))
    return "";
  std::string reason;
  if (types(DType::kFloat32, DType::kInt8, DType::kFloat32)) {
    if (y.rank() < 2) return "input 1 has less than 2 dimensions";
    const bool adj_y = view.attrs<BatchMatMulAttrs>().adj_y;
    const int axis = y.rank() - (adj_y ? 2 : 1);
    reason = DeclineQuantization(y, "input 1", /*zero_scale=*/true);
    if (reason.empty()) reason = DeclineChannelScales(y, axis, y.dim(axis));
    return reason;
  }
  if (!types(DType::kInt8, DType::kInt8, DType::kInt8) &&
      !types(DType::kInt16, DType::kInt16, DType::kInt16) &&
      !types(DType::kInt16, DType::kInt8, DType::kInt16))
    return NoKernelFor(view, 0, 1);
  reason = DeclineQuantization(x, "input 0");
  if (reason.empty()) reason = DeclineQuantization(y, "input 1");
  if (reason.empty()) reason = DeclineQuantization(output, "output");
  if (reason.empty() && (x.quantization->per_axis() || y.quantization->per_axis()))
    reason = "integer operands with a scale per channel are not supported";
  if (reason.empty() && x.type == DType::kInt16) {
    reason = DeclineAsymmetric(x, "input 0");
    if (reason.empty()) reason = DeclineAsymmetric(y, "input 1");
    if (reason.empty()) reason = DeclineAsymmetric(output, "output");
  }
  return reason;
}

// Strides of the three batch dimensions of an operand of rank 5, in matrices of `size` elements; 0
// where it is broadcast.
void SetBatchStrides(const Shape& shape, int64_t size, int64_t (&strides)[3]) {
  for (int i = 2; i >= 0; --i) {
    strides[i] = shape[i] == 1 ? 0 : size;
    size *= shape[i];
  }
}

class BatchMatMulStep : public runtime::Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const NodeView& view = context.view();
    const auto& attrs = view.attrs<BatchMatMulAttrs>();
    const TensorView& x = view.inputs[0];
    const TensorView& y = view.inputs[1];
    const TensorView& output = view.outputs[0];
    const Shape x_shape = x.shape.ExpandedTo(5), y_shape = y.shape.ExpandedTo(5);
    const Shape out_shape = output.shape.ExpandedTo(5);
    shape_ = {};
    for (int i = 0; i < 3; ++i) shape_.batch[i] = out_shape[i];
    shape_.rows = out_shape[3];
    shape_.cols = out_shape[4];
    shape_.depth = x_shape[attrs.adj_x ? 3 : 4];
    SetBatchStrides(x_shape, shape_.rows * shape_.depth, shape_.x_batch_stride);
    SetBatchStrides(y_shape, shape_.cols * shape_.depth, shape_.y_batch_stride);
    shape_.x_row_stride = attrs.adj_x ? 1 : shape_.depth;
    shape_.x_depth_stride = attrs.adj_x ? shape_.rows : 1;
    shape_.y_col_stride = attrs.adj_y ? shape_.depth : 1;
    shape_.y_depth_stride = attrs.adj_y ? 1 : shape_.cols;

    hybrid_ = x.type == DType::kFloat32 && y.type == DType::kInt8;
    if (hybrid_) return PrepareHybrid(context, x_shape, y_shape);
    if (x.type != DType::kFloat32 && output.type != DType::kInt32) {
      q_.multiplier = ToFixedPoint(EffectiveScales(x, y, output, 1, /*float_product=*/true)[0]);
      q_.x_zero_point = x.zero_point();
      q_.y_zero_point = y.zero_point();
      q_.output_zero_point = output.zero_point();
    }
    return Status::Ok();
  }

  Status Run(RunContext& context) override {
    const TensorView& x = context.input(0);
    const TensorView& y = context.input(1);
    const TensorView& output = context.output(0);
    if (hybrid_) {
      RunHybrid(context);
    } else if (x.type == DType::kFloat32) {
      kernels::BatchMatMulFloat(shape_, x.as<float>(), y.as<float>(), output.as_mutable<float>());
    } else if (output.type == DType::kInt32) {
      kernels::BatchMatMulInt8Int32(shape_, x.as<int8_t>(), y.as<int8_t>(),
                                    output.as_mutable<int32_t>());
    } else if (x.type == DType::kInt8) {
      kernels::BatchMatMulInt8(shape_, q_, x.as<int8_t>(), y.as<int8_t>(),
                               output.as_mutable<int8_t>());
    } else if (y.type == DType::kInt16) {
      kernels::BatchMatMulInt16(shape_, q_, x.as<int16_t>(), y.as<int16_t>(),
                                output.as_mutable<int16_t>());
    } else {
      kernels::BatchMatMulInt16Int8(shape_, q_, x.as<int16_t>(), y.as<int8_t>(),
                                    output.as_mutable<int16_t>());
    }
    return Status::Ok();
  }

 private:
  Status PrepareHybrid(PrepareContext& context, const Shape& x_shape, const Shape& y_shape) {
    const NodeView& view = context.view();
    const auto& attrs = view.attrs<BatchMatMulAttrs>();
    const TensorView& y = view.inputs[1];
    x_matrices_ = x_shape.num_elements(0, 3);
    transpose_x_ = attrs.adj_x;
    asymmetric_ = attrs.asymmetric_quantize_inputs;
    quantized_x_.Prepare(context, x_matrices_ * shape_.rows, shape_.depth);
    if (transpose_x_) {
      transposed_ = context.RequestWorkspace(
          static_cast<uint64_t>(x_matrices_ * shape_.rows * shape_.depth) * sizeof(float));
      shape_.x_row_stride = shape_.depth;
      shape_.x_depth_stride = 1;
    }
    per_channel_ = y.quantization->per_axis();
    y_scale_ = y.scale();
    if (per_channel_) col_scales_ = ChannelScales(y, static_cast<int32_t>(shape_.cols));
    y_matrices_ = y_shape.num_elements(0, 3);
    col_sums_ = context.RequestWorkspace(static_cast<uint64_t>(y_matrices_ * shape_.cols) *
                                         sizeof(int32_t));
    // LiteRT looks the parameters of batch (i, j, k) up as those of batch i + j + k, which is right
    // when there is one batch dimension only. Before, it folds the innermost batch dimension of x
    // into the rows when y has a 1 there. The reference does the same.
    const bool folds = !attrs.adj_x && view.inputs[0].rank() > 2 && y.rank() > 2 && y_shape[2] == 1;
    const int64_t folded = folds ? x_shape[2] : 1;
    for (int i = 0; i < 3; ++i) {
      row_stride_[i] = x_shape[i] == 1 ? 0 : i < 2 ? shape_.rows * folded : shape_.rows;
      col_stride_[i] = y_shape[i] == 1 ? 0 : shape_.cols;
    }
    return Status::Ok();
  }

  void RunHybrid(RunContext& context) {
    const float* x = context.input(0).as<float>();
    if (transpose_x_) {
      auto* transposed = static_cast<float*>(context.workspace(transposed_));
      const int64_t size = shape_.rows * shape_.depth;
      for (int64_t m = 0; m < x_matrices_; ++m) {
        for (int64_t r = 0; r < shape_.rows; ++r) {
          for (int64_t k = 0; k < shape_.depth; ++k)
            transposed[m * size + r * shape_.depth + k] = x[m * size + k * shape_.rows + r];
        }
      }
      x = transposed;
    }
    quantized_x_.Fill(context, x, asymmetric_);
    float* row_scales = quantized_x_.scales(context);
    if (!per_channel_) {
      for (int64_t row = 0; row < x_matrices_ * shape_.rows; ++row) row_scales[row] *= y_scale_;
    }
    BatchMatMulHybridScales scales;
    scales.row_scales = row_scales;
    scales.row_zero_points = quantized_x_.zero_points(context);
    scales.col_scales = per_channel_ ? col_scales_.data() : nullptr;
    scales.col_sums = SumColumns(context);
    std::copy_n(row_stride_, 3, scales.row_batch_stride);
    std::copy_n(col_stride_, 3, scales.col_batch_stride);
    kernels::BatchMatMulHybrid(shape_, scales, quantized_x_.values(context),
                               context.input(1).as<int8_t>(),
                               context.output(0).as_mutable<float>());
  }

  const int32_t* SumColumns(RunContext& context) const {
    auto* sums = static_cast<int32_t*>(context.workspace(col_sums_));
    const int8_t* y = context.input(1).as<int8_t>();
    for (int64_t m = 0; m < y_matrices_; ++m, y += shape_.cols * shape_.depth) {
      for (int64_t c = 0; c < shape_.cols; ++c) {
        uint32_t sum = 0;
        for (int64_t k = 0; k < shape_.depth; ++k)
          sum += static_cast<uint32_t>(y[c * shape_.y_col_stride + k * shape_.y_depth_stride]);
        sums[m * shape_.cols + c] = static_cast<int32_t>(sum);
      }
    }
    return sums;
  }

  BatchMatMulShape shape_;
  BatchMatMulQuantization q_;
  bool hybrid_ = false, transpose_x_ = false, asymmetric_ = false, per_channel_ = false;
  int64_t x_matrices_ = 0, y_matrices_ = 0;
  int transposed_ = -1, col_sums_ = -1;
  float y_scale_ = 0.0f;
  std::vector<float> col_scales_;
  int64_t row_stride_[3] = {0, 0, 0}, col_stride_[3] = {0, 0, 0};
  QuantizedInput quantized_x_;
};

constexpr KernelEntry kKernels[] = {
    {OpCode::kBatchMatMul, "batch_matmul.reference", ErrorBound::kExact, Decline,
     MakeStep<BatchMatMulStep>},
};

}  // namespace

std::span<const KernelEntry> BatchMatMulKernels() { return ir::SelectedRows<kKernels>(); }

}  // namespace edgeml::backends
