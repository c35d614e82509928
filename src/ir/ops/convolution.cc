// Convolutions and matrix products: arity, shape rules, cost.
#include <algorithm>

#include "src/ir/ops/families.h"
#include "src/ir/ops/window_rule.h"
#include "src/ir/selection.h"

namespace edgeml::ir {
namespace {

// The bias, when present, has one element per output channel.
Status CheckBias(const InferContext& context, size_t index, int32_t channels) {
  if (!context.has_input(index)) return Status::Ok();
  const Shape& shape = context.inputs[index].shape;
  if (shape.num_elements() == channels) return Status::Ok();
  return Error(Code::kInvalidModel, "input ", index, " (bias) has shape ", shape.ToString(),
               ", expected ", channels, " elements");
}

Status InferConv2D(InferContext& context) {
  const TensorView& input = context.inputs[0];
  const TensorView& filter = context.inputs[1];
  EDGEML_RETURN_IF_ERROR(CheckRank(input, 4, "input 0"));
  EDGEML_RETURN_IF_ERROR(CheckRank(filter, 4, "input 1 (filter)"));
  EDGEML_RETURN_IF_ERROR(CheckNotEmpty(input, /*empty_batch=*/true, "input 0"));
  EDGEML_RETURN_IF_ERROR(CheckNotEmpty(filter, /*empty_batch=*/false, "input 1 (filter)"));
  const int32_t channels = filter.dim(0);
  const int32_t groups = input.dim(3) / filter.dim(3);
  if (input.dim(3) % filter.dim(3) != 0 || channels % groups != 0)
    return Error(Code::kInvalidModel, "channels of input 0 ", input.shape.ToString(),
                 " and input 1 (filter) ", filter.shape.ToString(), " do not fit");
  EDGEML_RETURN_IF_ERROR(CheckBias(context, 2, channels));
  EDGEML_ASSIGN_OR_RETURN(const WindowSize out,
                          WindowOutputs(context.attrs<ConvAttrs>().window, input.dim(1),
                                        input.dim(2), filter.dim(1), filter.dim(2)));
  context.outputs[0].shape = {input.dim(0), out.h, out.w, channels};
  return Status::Ok();
}

int64_t MacsConv2D(const NodeView& view) {
  const Shape& filter = view.inputs[1].shape;
  return SaturatingProduct({view.outputs[0].num_elements(), filter[1], filter[2], filter[3]});
}

Status InferDepthwiseConv2D(InferContext& context) {
  const TensorView& input = context.inputs[0];
  const TensorView& filter = context.inputs[1];
  EDGEML_RETURN_IF_ERROR(CheckRank(input, 4, "input 0"));
  EDGEML_RETURN_IF_ERROR(CheckRank(filter, 4, "input 1 (filter)"));
  EDGEML_RETURN_IF_ERROR(CheckNotEmpty(input, /*empty_batch=*/true, "input 0"));
  EDGEML_RETURN_IF_ERROR(CheckNotEmpty(filter, /*empty_batch=*/false, "input 1 (filter)"));
  const int32_t channels = filter.dim(3);
  if (filter.dim(0) != 1 || channels % input.dim(3) != 0)
    return Error(Code::kInvalidModel, "channels of input 0 ", input.shape.ToString(),
                 " and input 1 (filter) ", filter.shape.ToString(), " do not fit");
  EDGEML_RETURN_IF_ERROR(CheckBias(context, 2, channels));
  EDGEML_ASSIGN_OR_RETURN(const WindowSize out,
                          WindowOutputs(context.attrs<DepthwiseConvAttrs>().window, input.dim(1),
                                        input.dim(2), filter.dim(1), filter.dim(2)));
  context.outputs[0].shape = {input.dim(0), out.h, out.w, channels};
  return Status::Ok();
}

int64_t MacsDepthwiseConv2D(const NodeView& view) {
  const Shape& filter = view.inputs[1].shape;
  return SaturatingProduct({view.outputs[0].num_elements(), filter[1], filter[2]});
}

// Inputs: output shape [4], filter, data, bias.
Status InferTransposeConv(InferContext& context) {
  const TensorView& size = context.inputs[0];
  const TensorView& filter = context.inputs[1];
  const TensorView& input = context.inputs[2];
  if (size.type != DType::kInt32 || size.rank() != 1 || size.dim(0) != 4)
    return Error(Code::kInvalidModel, "input 0 (output shape) is ", NameOf(size.type), " ",
                 size.shape.ToString(), ", expected int32 [4]");
  EDGEML_RETURN_IF_ERROR(CheckRank(filter, 4, "input 1 (filter)"));
  EDGEML_RETURN_IF_ERROR(CheckRank(input, 4, "input 2"));
  EDGEML_RETURN_IF_ERROR(CheckNotEmpty(filter, /*empty_batch=*/false, "input 1 (filter)"));
  EDGEML_RETURN_IF_ERROR(CheckNotEmpty(input, /*empty_batch=*/true, "input 2"));
  if (input.dim(3) != filter.dim(3))
    return Error(Code::kInvalidModel, "channels of input 2 ", input.shape.ToString(),
                 " and input 1 (filter) ", filter.shape.ToString(), " do not fit");
  EDGEML_RETURN_IF_ERROR(CheckBias(context, 3, filter.dim(0)));
  const Window& window = context.attrs<ConvAttrs>().window;
  if (window.dilation_h != 1 || window.dilation_w != 1)
    return Error(Code::kUnsupported, "a dilated transpose convolution");
  if (!context.has_values(0)) {
    context.needs_values = true;
    return Status::Ok();
  }
  Shape out;
  for (int i = 0; i < 4; ++i) out.push_back(size.as<int32_t>()[i]);
  if (out[0] != input.dim(0) || out[1] < 1 || out[2] < 1 || out[3] != filter.dim(0))
    return Error(Code::kInvalidModel, "input 0 (output shape) holds ", out.ToString(),
                 ", which does not fit input 2 ", input.shape.ToString(), " and input 1 (filter) ",
                 filter.shape.ToString());
  // A convolution of the output would give the input's size.
  EDGEML_ASSIGN_OR_RETURN(const WindowSize back,
                          WindowOutputs(window, out[1], out[2], filter.dim(1), filter.dim(2)));
  if (back.h != input.dim(1) || back.w != input.dim(2))
    return Error(Code::kInvalidModel, "input 0 (output shape) holds ", out.ToString(),
                 ", which stride and padding do not make of input 2 ", input.shape.ToString());
  context.outputs[0].shape = out;
  return Status::Ok();
}

int64_t MacsTransposeConv(const NodeView& view) {
  const Shape& filter = view.inputs[1].shape;
  return SaturatingProduct({view.inputs[2].num_elements(), filter[0], filter[1], filter[2]});
}

// A window over depth, height and width; the shape rules of its three dimensions are independent.
Result<Shape> Window3DOutput(const Conv3DAttrs& attrs, const Shape& data, const Shape& filter) {
  Window deep = attrs.window;
  deep.stride_h = attrs.stride_d;
  deep.dilation_h = attrs.dilation_d;
  EDGEML_ASSIGN_OR_RETURN(const WindowSize front,
                          WindowOutputs(deep, data[1], data[3], filter[0], filter[2]));
  EDGEML_ASSIGN_OR_RETURN(const WindowSize plane,
                          WindowOutputs(attrs.window, data[2], data[3], filter[1], filter[2]));
  return Shape{front.h, plane.h, plane.w};
}

// Inputs: data [batch, depth, height, width, in_c], filter [depth, height, width, in_c, out_c],
// bias.
Status InferConv3D(InferContext& context) {
  const TensorView& input = context.inputs[0];
  const TensorView& filter = context.inputs[1];
  EDGEML_RETURN_IF_ERROR(CheckRank(input, 5, "input 0"));
  EDGEML_RETURN_IF_ERROR(CheckRank(filter, 5, "input 1 (filter)"));
  EDGEML_RETURN_IF_ERROR(CheckNotEmpty(input, /*empty_batch=*/true, "input 0"));
  EDGEML_RETURN_IF_ERROR(CheckNotEmpty(filter, /*empty_batch=*/false, "input 1 (filter)"));
  if (input.dim(4) != filter.dim(3))
    return Error(Code::kInvalidModel, "channels of input 0 ", input.shape.ToString(),
                 " and input 1 (filter) ", filter.shape.ToString(), " do not fit");
  EDGEML_RETURN_IF_ERROR(CheckBias(context, 2, filter.dim(4)));
  EDGEML_ASSIGN_OR_RETURN(const Shape out,
                          Window3DOutput(context.attrs<Conv3DAttrs>(), input.shape, filter.shape));
  context.outputs[0].shape = {input.dim(0), out[0], out[1], out[2], filter.dim(4)};
  return Status::Ok();
}

int64_t MacsConv3D(const NodeView& view) {
  const Shape& filter = view.inputs[1].shape;
  return SaturatingProduct(
      {view.outputs[0].num_elements(), filter[0], filter[1], filter[2], filter[3]});
}

// Inputs: output shape [5], filter [depth, height, width, out_c, in_c], data, bias.
Status InferConv3DTranspose(InferContext& context) {
  const TensorView& size = context.inputs[0];
  const TensorView& filter = context.inputs[1];
  const TensorView& input = context.inputs[2];
  if (size.type != DType::kInt32 || size.rank() != 1 || size.dim(0) != 5)
    return Error(Code::kInvalidModel, "input 0 (output shape) is ", NameOf(size.type), " ",
                 size.shape.ToString(), ", expected int32 [5]");
  EDGEML_RETURN_IF_ERROR(CheckRank(filter, 5, "input 1 (filter)"));
  EDGEML_RETURN_IF_ERROR(CheckRank(input, 5, "input 2"));
  EDGEML_RETURN_IF_ERROR(CheckNotEmpty(filter, /*empty_batch=*/false, "input 1 (filter)"));
  EDGEML_RETURN_IF_ERROR(CheckNotEmpty(input, /*empty_batch=*/true, "input 2"));
  if (input.dim(4) != filter.dim(4))
    return Error(Code::kInvalidModel, "channels of input 2 ", input.shape.ToString(),
                 " and input 1 (filter) ", filter.shape.ToString(), " do not fit");
  EDGEML_RETURN_IF_ERROR(CheckBias(context, 3, filter.dim(3)));
  if (!context.has_values(0)) {
    context.needs_values = true;
    return Status::Ok();
  }
  Shape out;
  for (int i = 0; i < 5; ++i) out.push_back(size.as<int32_t>()[i]);
  if (out[0] != input.dim(0) || out[1] < 1 || out[2] < 1 || out[3] < 1 || out[4] != filter.dim(3))
    return Error(Code::kInvalidModel, "input 0 (output shape) holds ", out.ToString(),
                 ", which does not fit input 2 ", input.shape.ToString(), " and input 1 (filter) ",
                 filter.shape.ToString());
  // A convolution of the output would give the input's size.
  EDGEML_ASSIGN_OR_RETURN(const Shape back,
                          Window3DOutput(context.attrs<Conv3DAttrs>(), out, filter.shape));
  if (!(back == Shape{input.dim(1), input.dim(2), input.dim(3)}))
    return Error(Code::kInvalidModel, "input 0 (output shape) holds ", out.ToString(),
                 ", which stride and padding do not make of input 2 ", input.shape.ToString());
  context.outputs[0].shape = out;
  return Status::Ok();
}

int64_t MacsConv3DTranspose(const NodeView& view) {
  const Shape& filter = view.inputs[1].shape;
  return SaturatingProduct(
      {view.inputs[2].num_elements(), filter[0], filter[1], filter[2], filter[3]});
}

// Filter [units, depth]; the input is taken as [elements / depth, depth].
Status InferFullyConnected(InferContext& context) {
  const auto& attrs = context.attrs<FullyConnectedAttrs>();
  const TensorView& input = context.inputs[0];
  const TensorView& filter = context.inputs[1];
  EDGEML_RETURN_IF_ERROR(CheckRank(filter, 2, "input 1 (weights)"));
  const int32_t units = filter.dim(0);
  const int32_t depth = filter.dim(1);
  EDGEML_RETURN_IF_ERROR(CheckBias(context, 2, units));
  if (attrs.shuffled_4x16_weights && (units % 4 != 0 || depth % 16 != 0))
    return Error(Code::kInvalidModel, "input 1 (weights) has shape ", filter.shape.ToString(),
                 ", which does not divide into tiles of 4 by 16");
  const int rank = input.rank();
  const int64_t elements = input.num_elements();
  if ((attrs.keep_num_dims || depth == 0) && (rank == 0 || input.shape.back() != depth))
    return Error(Code::kInvalidModel, "input 0 has shape ", input.shape.ToString(),
                 ", expected a last dimension of ", depth);
  if (depth != 0 && elements % depth != 0)
    return Error(Code::kInvalidModel, "input 0 has shape ", input.shape.ToString(),
                 ", which does not divide into rows of ", depth);
  if (attrs.keep_num_dims) {
    context.outputs[0].shape = input.shape;
    context.outputs[0].shape[rank - 1] = units;
  } else {
    const int64_t rows = depth != 0 ? elements / depth : input.shape.num_elements(0, rank - 1);
    if (rows > std::numeric_limits<int32_t>::max())
      return Error(Code::kInvalidModel, "input 0 has too many rows");
    context.outputs[0].shape = {static_cast<int32_t>(rows), units};
  }
  // The work area of shuffled weights.
  if (context.outputs.size() > 1) context.outputs[1].shape = input.shape;
  return Status::Ok();
}

int64_t MacsFullyConnected(const NodeView& view) {
  return SaturatingProduct({view.outputs[0].num_elements(), view.inputs[1].dim(1)});
}

Status InferBatchMatMul(InferContext& context) {
  const auto& attrs = context.attrs<BatchMatMulAttrs>();
  const Shape& x = context.inputs[0].shape;
  const Shape& y = context.inputs[1].shape;
  const int rank = std::max(x.rank(), y.rank());
  if (std::min(x.rank(), y.rank()) < 2 || rank > 5)
    return Error(Code::kInvalidModel, "shapes ", x.ToString(), " and ", y.ToString(),
                 ", expected 2 to 5 dimensions each");
  const int32_t rows = x.back(attrs.adj_x ? 0 : 1), x_depth = x.back(attrs.adj_x ? 1 : 0);
  const int32_t cols = y.back(attrs.adj_y ? 1 : 0), y_depth = y.back(attrs.adj_y ? 0 : 1);
  const auto batch = BroadcastShapes(Shape(x.dims().first(static_cast<size_t>(x.rank() - 2))),
                                     Shape(y.dims().first(static_cast<size_t>(y.rank() - 2))));
  if (x_depth != y_depth || !batch)
    return Error(Code::kInvalidModel, "shapes ", x.ToString(), " and ", y.ToString(),
                 " cannot be multiplied");
  Shape out = *batch;
  out.push_back(rows);
  out.push_back(cols);
  context.outputs[0].shape = out;
  return Status::Ok();
}

int64_t MacsBatchMatMul(const NodeView& view) {
  const bool adj_x = view.attrs<BatchMatMulAttrs>().adj_x;
  return SaturatingProduct(
      {view.outputs[0].num_elements(), view.inputs[0].shape.back(adj_x ? 1 : 0)});
}

constexpr OpDef kOps[] = {
    {.op = OpCode::kConv2D,
     .min_inputs = 2,
     .max_inputs = 3,
     .attributes = AttrsKind<ConvAttrs>(),
     .infer = InferConv2D,
     .macs = MacsConv2D,
     .optional_inputs = 1u << 2},
    {.op = OpCode::kConv3D,
     .min_inputs = 2,
     .max_inputs = 3,
     .attributes = AttrsKind<Conv3DAttrs>(),
     .infer = InferConv3D,
     .macs = MacsConv3D,
     .optional_inputs = 1u << 2},
    {.op = OpCode::kConv3DTranspose,
     .min_inputs = 3,
     .max_inputs = 4,
     .attributes = AttrsKind<Conv3DAttrs>(),
     .infer = InferConv3DTranspose,
     .macs = MacsConv3DTranspose,
     .optional_inputs = 1u << 3},
    {.op = OpCode::kDepthwiseConv2D,
     .min_inputs = 2,
     .max_inputs = 3,
     .attributes = AttrsKind<DepthwiseConvAttrs>(),
     .infer = InferDepthwiseConv2D,
     .macs = MacsDepthwiseConv2D,
     .optional_inputs = 1u << 2},
    {.op = OpCode::kTransposeConv,
     .min_inputs = 3,
     .max_inputs = 4,
     .attributes = AttrsKind<ConvAttrs>(),
     .infer = InferTransposeConv,
     .macs = MacsTransposeConv,
     .optional_inputs = 1u << 3},
    {.op = OpCode::kFullyConnected,
     .min_inputs = 2,
     .max_inputs = 3,
     .max_outputs = 2,
     .attributes = AttrsKind<FullyConnectedAttrs>(),
     .infer = InferFullyConnected,
     .macs = MacsFullyConnected,
     .optional_inputs = 1u << 2},
    {.op = OpCode::kBatchMatMul,
     .min_inputs = 2,
     .max_inputs = 2,
     .attributes = AttrsKind<BatchMatMulAttrs>(),
     .infer = InferBatchMatMul,
     .macs = MacsBatchMatMul},
};

}  // namespace

std::span<const OpDef> ConvolutionOps() { return SelectedRows<kOps>(); }

}  // namespace edgeml::ir
