// Pools, resizing, L2 normalization: arity, shape rules.
#include "src/ir/ops/families.h"
#include "src/ir/ops/window_rule.h"
#include "src/ir/selection.h"

namespace edgeml::ir {
namespace {

Status InferPool(InferContext& context) {
  const auto& attrs = context.attrs<PoolAttrs>();
  const Window& window = attrs.window;
  const TensorView& input = context.inputs[0];
  EDGEML_RETURN_IF_ERROR(CheckRank(input, 4, "input 0"));
  if (attrs.filter_h < 1 || attrs.filter_w < 1)
    return Error(Code::kInvalidModel, "filter size ", attrs.filter_h, " x ", attrs.filter_w,
                 " must be at least 1");
  if (window.dilation_h != 1 || window.dilation_w != 1)
    return Error(Code::kUnsupported, "a dilated pool");
  // Else a window could lie in the padding only, and have nothing to take the mean of.
  if (window.padding == Padding::kExplicit &&
      (window.pad_top >= attrs.filter_h || window.pad_bottom >= attrs.filter_h ||
       window.pad_left >= attrs.filter_w || window.pad_right >= attrs.filter_w))
    return Error(Code::kInvalidModel, "padding must be smaller than the filter, ", attrs.filter_h,
                 " x ", attrs.filter_w);
  EDGEML_ASSIGN_OR_RETURN(const WindowSize out, WindowOutputs(window, input.dim(1), input.dim(2),
                                                              attrs.filter_h, attrs.filter_w));
  context.outputs[0].shape = {input.dim(0), out.h, out.w, input.dim(3)};
  return Status::Ok();
}

Status InferLocalResponseNormalization(InferContext& context) {
  EDGEML_RETURN_IF_ERROR(CheckRank(context.inputs[0], 4, "input 0"));
  return InferSameAsInput(context);
}

Status InferL2Normalization(InferContext& context) {
  if (context.inputs[0].rank() < 1)
    return Error(Code::kInvalidModel, "input 0 is a scalar, expected at least 1 dimension");
  return InferSameAsInput(context);
}

// Inputs: images, size [height, width].
Status InferResize(InferContext& context) {
  const TensorView& input = context.inputs[0];
  const TensorView& size = context.inputs[1];
  EDGEML_RETURN_IF_ERROR(CheckRank(input, 4, "input 0"));
  if (size.type != DType::kInt32 || size.rank() != 1 || size.dim(0) != 2)
    return Error(Code::kInvalidModel, "input 1 (size) is ", NameOf(size.type), " ",
                 size.shape.ToString(), ", expected int32 [2]");
  const auto& attrs = context.attrs<ResizeAttrs>();
  const bool bilinear = context.node->op == OpCode::kResizeBilinear;
  if (bilinear && attrs.align_corners && attrs.half_pixel_centers)
    return Error(Code::kInvalidModel, "align_corners and half_pixel_centers exclude each other");
  if (!context.has_values(1)) {
    context.needs_values = true;
    return Status::Ok();
  }
  const int32_t height = size.as<int32_t>()[0], width = size.as<int32_t>()[1];
  const int32_t least = bilinear ? 1 : 0;
  if (height < least || width < least)
    return Error(Code::kInvalidModel, "input 1 (size) holds ", height, " x ", width,
                 ", expected at least ", least);
  if (input.dim(1) < 1 || input.dim(2) < 1)
    return Error(Code::kInvalidModel, "input 0 has shape ", input.shape.ToString(),
                 ", without pixels to resize");
  context.outputs[0].shape = {input.dim(0), height, width, input.dim(3)};
  return Status::Ok();
}

constexpr OpDef kOps[] = {
    {.op = OpCode::kAveragePool2D,
     .min_inputs = 1,
     .max_inputs = 1,
     .attributes = AttrsKind<PoolAttrs>(),
     .infer = InferPool},
    {.op = OpCode::kL2Pool2D,
     .min_inputs = 1,
     .max_inputs = 1,
     .attributes = AttrsKind<PoolAttrs>(),
     .infer = InferPool},
    {.op = OpCode::kLocalResponseNormalization,
     .min_inputs = 1,
     .max_inputs = 1,
     .attributes = AttrsKind<LocalResponseNormAttrs>(),
     .infer = InferLocalResponseNormalization},
    {.op = OpCode::kMaxPool2D,
     .min_inputs = 1,
     .max_inputs = 1,
     .attributes = AttrsKind<PoolAttrs>(),
     .infer = InferPool},
    {.op = OpCode::kL2Normalization,
     .min_inputs = 1,
     .max_inputs = 1,
     .attributes = AttrsKind<ActivationAttrs>(),
     .infer = InferL2Normalization},
    {.op = OpCode::kResizeBilinear,
     .min_inputs = 2,
     .max_inputs = 2,
     .attributes = AttrsKind<ResizeAttrs>(),
     .infer = InferResize},
    {.op = OpCode::kResizeNearestNeighbor,
     .min_inputs = 2,
     .max_inputs = 2,
     .attributes = AttrsKind<ResizeAttrs>(),
     .infer = InferResize},
};

}  // namespace

std::span<const OpDef> PoolingOps() { return SelectedRows<kOps>(); }

}  // namespace edgeml::ir
