// Convolutions, bias and batch normalization.
#include <algorithm>
#include <cmath>
#include <limits>

#include "src/base/strings.h"
#include "src/formats/savedmodel/op.h"

namespace edgeml::savedmodel {
namespace {

using ir::OpCode;

// A list attribute with a number for each dimension.
Result<std::vector<int32_t>> Numbers(Op& op, std::string_view name, size_t count) {
  std::vector<int32_t> out(count, 1);
  const std::vector<int64_t> given = op.attrs.Ints(name);
  if (given.empty()) return out;
  if (given.size() != count)
    return Error(Code::kInvalidModel, "attribute '", name, "' has ", given.size(),
                 " numbers, expected ", count);
  for (size_t i = 0; i < count; ++i) {
    if (given[i] < 1 || given[i] > std::numeric_limits<int32_t>::max())
      return Error(Code::kInvalidModel, "attribute '", name, "' holds ", given[i]);
    out[i] = static_cast<int32_t>(given[i]);
  }
  return out;
}

// How a window of a convolution or pool moves over an image, as its node states it.
struct Geometry {
  Op::Layout layout;
  ir::Window window;
  std::vector<int32_t> explicit_pads;  // before and after, of height and width
};

Result<Geometry> ReadGeometry(Op& op) {
  Geometry out;
  EDGEML_ASSIGN_OR_RETURN(out.layout, op.DataFormat());
  EDGEML_ASSIGN_OR_RETURN(const auto strides, Numbers(op, "strides", 4));
  EDGEML_ASSIGN_OR_RETURN(const auto dilations, Numbers(op, "dilations", 4));
  const auto h = static_cast<size_t>(out.layout.height), w = static_cast<size_t>(out.layout.width);
  if (strides[0] != 1 || strides[static_cast<size_t>(out.layout.channels)] != 1)
    return Error(Code::kUnsupported, "strides over batches or channels are not supported");
  out.window.stride_h = strides[h];
  out.window.stride_w = strides[w];
  out.window.dilation_h = dilations[h];
  out.window.dilation_w = dilations[w];
  const std::string padding = op.attrs.String("padding", "");
  const std::vector<int64_t> pads = op.attrs.Ints("explicit_paddings");
  if (padding == "SAME") {
    out.window.padding = ir::Padding::kSame;
  } else if (padding == "VALID") {
    out.window.padding = ir::Padding::kValid;
  } else if (padding == "EXPLICIT" && pads.size() == 8) {
    out.window.padding = ir::Padding::kValid;
    for (const size_t i : {2 * h, 2 * h + 1, 2 * w, 2 * w + 1}) {
      if (pads[i] < 0 || pads[i] > 1 << 20)
        return Error(Code::kInvalidModel, "explicit_paddings holds ", pads[i]);
      out.explicit_pads.push_back(static_cast<int32_t>(pads[i]));
    }
  } else {
    return Error(Code::kUnsupported, "padding '", padding, "' is not supported");
  }
  op.attrs.Ignore("use_cudnn_on_gpu");
  return out;
}

// The image with channels last and explicit padding applied.
Result<int32_t> Image(Op& op, const Geometry& geometry, int32_t value) {
  if (geometry.layout.channels_first) {
    EDGEML_ASSIGN_OR_RETURN(value, op.ToChannelsLast(value));
  }
  if (geometry.explicit_pads.empty()) return value;
  const auto& p = geometry.explicit_pads;
  const std::vector<int32_t> pads = {0, 0, p[0], p[1], p[2], p[3], 0, 0};
  const int32_t amounts =
      op.b.AddConstant(std::string(), Shape{4, 2}, std::span<const int32_t>(pads));
  return op.Make(OpCode::kPad, {value, amounts});
}

Status ReturnImage(Op& op, const Op::Layout& layout, int32_t value) {
  if (layout.channels_first) {
    EDGEML_ASSIGN_OR_RETURN(value, op.ToChannelsFirst(value));
  }
  return op.Return(value);
}

Status ExpectImage(const Op& op, size_t i, int rank) {
  if (op.rank(i) == rank) return Status::Ok();
  return Error(Code::kInvalidModel, "input ", i, " has shape ", op.shape(i).ToString(),
               ", expected ", rank, " dimensions");
}

Status LowerConv2D(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(2));
  EDGEML_RETURN_IF_ERROR(ExpectImage(op, 0, 4));
  EDGEML_RETURN_IF_ERROR(ExpectImage(op, 1, 4));
  EDGEML_ASSIGN_OR_RETURN(const Geometry geometry, ReadGeometry(op));
  EDGEML_ASSIGN_OR_RETURN(const int32_t image, Image(op, geometry, op.in[0]));
  // From height, width, in, out.
  EDGEML_ASSIGN_OR_RETURN(const int32_t filter, op.Transpose(op.in[1], {3, 0, 1, 2}));
  ir::ConvAttrs attrs;
  attrs.window = geometry.window;
  EDGEML_ASSIGN_OR_RETURN(const int32_t made, op.Make(OpCode::kConv2D, {image, filter}, attrs));
  return ReturnImage(op, geometry.layout, made);
}

// The filter [height, width, in, multiplier] as [1, height, width, in * multiplier].
Result<int32_t> DepthwiseFilter(Op& op, int32_t filter) {
  const Shape shape = op.b.shape(filter);
  if (!shape.known() || int64_t{shape[2]} * shape[3] > std::numeric_limits<int32_t>::max())
    return Error(Code::kUnsupported, "a filter of shape ", shape.ToString(), " is not supported");
  return op.Reshape(filter, Shape{1, shape[0], shape[1], shape[2] * shape[3]});
}

Status LowerDepthwise(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(2));
  EDGEML_RETURN_IF_ERROR(ExpectImage(op, 0, 4));
  EDGEML_RETURN_IF_ERROR(ExpectImage(op, 1, 4));
  EDGEML_ASSIGN_OR_RETURN(const Geometry geometry, ReadGeometry(op));
  EDGEML_ASSIGN_OR_RETURN(const int32_t image, Image(op, geometry, op.in[0]));
  EDGEML_ASSIGN_OR_RETURN(const int32_t filter, DepthwiseFilter(op, op.in[1]));
  ir::DepthwiseConvAttrs attrs;
  attrs.window = geometry.window;
  attrs.depth_multiplier = op.shape(1)[3];
  EDGEML_ASSIGN_OR_RETURN(const int32_t made,
                          op.Make(OpCode::kDepthwiseConv2D, {image, filter}, attrs));
  return ReturnImage(op, geometry.layout, made);
}

// Inputs: sizes of the result, filter [height, width, out, in], image.
Status LowerTransposeConv(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(3));
  EDGEML_RETURN_IF_ERROR(ExpectImage(op, 1, 4));
  EDGEML_RETURN_IF_ERROR(ExpectImage(op, 2, 4));
  EDGEML_ASSIGN_OR_RETURN(const Geometry geometry, ReadGeometry(op));
  if (!geometry.explicit_pads.empty())
    return Error(Code::kUnsupported, "explicit padding is not supported");
  EDGEML_ASSIGN_OR_RETURN(int32_t sizes, op.Index32(0));
  int32_t image = op.in[2];
  if (geometry.layout.channels_first) {
    EDGEML_ASSIGN_OR_RETURN(image, op.ToChannelsLast(image));
    EDGEML_ASSIGN_OR_RETURN(
        sizes, op.Make(OpCode::kGather, {sizes, op.b.AddInts({0, 2, 3, 1})}, ir::GatherAttrs{}));
  }
  EDGEML_ASSIGN_OR_RETURN(const int32_t filter, op.Transpose(op.in[1], {2, 0, 1, 3}));
  ir::ConvAttrs attrs;
  attrs.window = geometry.window;
  EDGEML_ASSIGN_OR_RETURN(
      const int32_t made,
      op.Make(OpCode::kTransposeConv, {sizes, filter, image}, attrs, op.b.type(image)));
  return ReturnImage(op, geometry.layout, made);
}

Result<ir::Conv3DAttrs> ReadGeometry3D(Op& op, Op::Layout& layout) {
  EDGEML_ASSIGN_OR_RETURN(layout, op.DataFormat());
  EDGEML_ASSIGN_OR_RETURN(const auto strides, Numbers(op, "strides", 5));
  EDGEML_ASSIGN_OR_RETURN(const auto dilations, Numbers(op, "dilations", 5));
  const size_t first = layout.channels_first ? 2 : 1;
  ir::Conv3DAttrs attrs;
  attrs.stride_d = strides[first];
  attrs.window.stride_h = strides[first + 1];
  attrs.window.stride_w = strides[first + 2];
  attrs.dilation_d = dilations[first];
  attrs.window.dilation_h = dilations[first + 1];
  attrs.window.dilation_w = dilations[first + 2];
  const std::string padding = op.attrs.String("padding", "");
  if (padding != "SAME" && padding != "VALID")
    return Error(Code::kUnsupported, "padding '", padding, "' is not supported");
  attrs.window.padding = padding == "SAME" ? ir::Padding::kSame : ir::Padding::kValid;
  return attrs;
}

Status LowerConv3D(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(2));
  EDGEML_RETURN_IF_ERROR(ExpectImage(op, 0, 5));
  Op::Layout layout;
  EDGEML_ASSIGN_OR_RETURN(const ir::Conv3DAttrs attrs, ReadGeometry3D(op, layout));
  int32_t image = op.in[0];
  if (layout.channels_first) {
    EDGEML_ASSIGN_OR_RETURN(image, op.ToChannelsLast(image));
  }
  EDGEML_ASSIGN_OR_RETURN(const int32_t made, op.Make(OpCode::kConv3D, {image, op.in[1]}, attrs));
  return ReturnImage(op, layout, made);
}

Status LowerTransposeConv3D(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(3));
  EDGEML_RETURN_IF_ERROR(ExpectImage(op, 2, 5));
  Op::Layout layout;
  EDGEML_ASSIGN_OR_RETURN(const ir::Conv3DAttrs attrs, ReadGeometry3D(op, layout));
  if (layout.channels_first) return Error(Code::kUnsupported, "data_format NCDHW is not supported");
  EDGEML_ASSIGN_OR_RETURN(const int32_t sizes, op.Index32(0));
  return op.Emit(OpCode::kConv3DTranspose, {sizes, op.in[1], op.in[2]}, attrs, op.type(2));
}

// [channels] so that it broadcasts over an image with channels first.
Result<int32_t> PerChannel(Op& op, int32_t value, const Op::Layout& layout, int rank) {
  if (!layout.channels_first || rank < 3) return value;
  Shape shape = op.b.shape(value);
  for (int i = 2; i < rank; ++i) shape.push_back(1);
  return op.Reshape(value, shape);
}

Status LowerBiasAdd(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(2));
  EDGEML_ASSIGN_OR_RETURN(const Op::Layout layout, op.DataFormat());
  EDGEML_ASSIGN_OR_RETURN(const int32_t bias, PerChannel(op, op.in[1], layout, op.rank(0)));
  return op.Emit(OpCode::kAdd, {op.in[0], bias});
}

std::optional<std::vector<float>> Floats(const Op& op, size_t i) {
  const ir::Value& value = op.b.value(op.in[i]);
  if (!value.is_constant() || value.type != DType::kFloat32) return std::nullopt;
  std::vector<float> out(value.data.bytes.size() / sizeof(float));
  const auto* const from = reinterpret_cast<const float*>(value.data.bytes.data());
  std::copy(from, from + out.size(), out.begin());
  return out;
}

// (x - mean) / sqrt(variance + epsilon) * gamma + beta, as x * scale + offset where these are
// known.
Status LowerBatchNorm(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(5));
  const float epsilon = op.attrs.Float("epsilon", 0.0001f);
  op.attrs.Ignore("exponential_avg_factor");
  op.attrs.Ignore("U");
  if (op.attrs.Bool("is_training", true))
    return Error(Code::kUnsupported,
                 "it normalizes by the batch at hand, as in training; export the model for "
                 "inference (training=False)");
  EDGEML_ASSIGN_OR_RETURN(const Op::Layout layout, op.DataFormat());
  const auto gamma = Floats(op, 1), beta = Floats(op, 2), mean = Floats(op, 3),
             variance = Floats(op, 4);
  if (!gamma || !beta || !mean || !variance)
    return Error(Code::kUnsupported, "statistics that are computed are not supported");
  const size_t channels = gamma->size();
  if (beta->size() != channels || mean->size() != channels || variance->size() != channels)
    return Error(Code::kInvalidModel, "its inputs have different numbers of channels");
  std::vector<float> scale(channels), offset(channels);
  for (size_t c = 0; c < channels; ++c) {
    const double by = (*gamma)[c] / std::sqrt(double{(*variance)[c]} + double{epsilon});
    scale[c] = static_cast<float>(by);
    offset[c] = static_cast<float>((*beta)[c] - (*mean)[c] * by);
  }
  const Shape shape{static_cast<int32_t>(channels)};
  const auto constant = [&](const std::vector<float>& values, const char* name) {
    return PerChannel(op,
                      op.b.AddConstant(op.node.name + name, shape, std::span<const float>(values)),
                      layout, op.rank(0));
  };
  EDGEML_ASSIGN_OR_RETURN(const int32_t factor, constant(scale, "/scale"));
  EDGEML_ASSIGN_OR_RETURN(const int32_t addend, constant(offset, "/offset"));
  EDGEML_ASSIGN_OR_RETURN(const int32_t scaled, op.Make(OpCode::kMul, {op.in[0], factor}));
  // The other outputs are for training; whoever reads one gets an error.
  return op.Emit(OpCode::kAdd, {scaled, addend});
}

// Total padding that SAME stands for when every pixel is a centre (stride 1).
int64_t SamePadding(int64_t filter, int64_t dilation) { return (filter - 1) * dilation; }

// A convolution between SPACE_TO_BATCH and BATCH_TO_SPACE is a dilated one: true when it could be
// made.
Result<bool> LowerDilated(Op& op) {
  const Node& conv = op.Producer(op.node.inputs[0]);
  const bool depthwise = conv.op == "DepthwiseConv2dNative";
  if ((!depthwise && conv.op != "Conv2D") || conv.inputs.size() != 2) return false;
  const Node& split = op.Producer(conv.inputs[0]);
  if (split.op != "SpaceToBatchND" || split.inputs.size() != 3) return false;
  const auto known = [&op](const Endpoint& at) { return op.KnownIntegers(op.ValueOf(at)); };
  const auto block = known(split.inputs[1]), pads = known(split.inputs[2]);
  const auto unblock = known(op.node.inputs[1]), crops = known(op.node.inputs[2]);
  if (!block || !pads || !unblock || !crops || *block != *unblock || block->size() != 2 ||
      pads->size() != 4 || crops->size() != 4 || (*crops)[0] != 0 || (*crops)[2] != 0)
    return false;
  AttrReader attrs(conv);
  const auto strides = attrs.Ints("strides"), dilations = attrs.Ints("dilations");
  const auto is_one = [](int64_t x) { return x == 1; };
  if (!std::all_of(strides.begin(), strides.end(), is_one) ||
      !std::all_of(dilations.begin(), dilations.end(), is_one) ||
      attrs.String("padding", "") != "VALID" || attrs.String("data_format", "NHWC") != "NHWC")
    return false;
  const int32_t image = op.ValueOf(split.inputs[0]), filter = op.ValueOf(conv.inputs[1]);
  const Shape in = op.b.shape(image), window = op.b.shape(filter);
  if (in.rank() != 4 || window.rank() != 4 || !window.known()) return false;
  ir::Window dilated;
  dilated.dilation_h = static_cast<int32_t>((*block)[0]);
  dilated.dilation_w = static_cast<int32_t>((*block)[1]);
  // What was padded for the blocks to come out even was cropped again.
  int32_t before[2], after[2];
  bool valid = true, same = true;
  for (size_t d = 0; d < 2; ++d) {
    if ((*block)[d] < 1 || (*block)[d] > 1 << 16 || (*pads)[2 * d] > 1 << 20 ||
        (*pads)[2 * d + 1] > 1 << 20)
      return false;
    before[d] = static_cast<int32_t>((*pads)[2 * d]);
    after[d] = static_cast<int32_t>((*pads)[2 * d + 1] - (*crops)[2 * d + 1]);
    if (before[d] < 0 || after[d] < 0) return false;
    const int64_t total = SamePadding(window[static_cast<int>(d)], (*block)[d]);
    valid = valid && before[d] == 0 && after[d] == 0;
    same = same && before[d] == total / 2 && after[d] == total - total / 2;
  }
  dilated.padding = same ? ir::Padding::kSame : ir::Padding::kValid;
  Geometry geometry;
  if (!same && !valid) geometry.explicit_pads = {before[0], after[0], before[1], after[1]};
  EDGEML_ASSIGN_OR_RETURN(const int32_t padded, Image(op, geometry, image));
  if (depthwise) {
    EDGEML_ASSIGN_OR_RETURN(const int32_t weights, DepthwiseFilter(op, filter));
    ir::DepthwiseConvAttrs made;
    made.window = dilated;
    made.depth_multiplier = window[3];
    EDGEML_RETURN_IF_ERROR(op.Emit(OpCode::kDepthwiseConv2D, {padded, weights}, made));
  } else {
    EDGEML_ASSIGN_OR_RETURN(const int32_t weights, op.Transpose(filter, {3, 0, 1, 2}));
    ir::ConvAttrs made;
    made.window = dilated;
    EDGEML_RETURN_IF_ERROR(op.Emit(OpCode::kConv2D, {padded, weights}, made));
  }
  return true;
}

Status LowerBatchToSpace(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(3));
  EDGEML_ASSIGN_OR_RETURN(const bool dilated, LowerDilated(op));
  if (dilated) return Status::Ok();
  EDGEML_ASSIGN_OR_RETURN(const int32_t block, op.Index32(1));
  EDGEML_ASSIGN_OR_RETURN(const int32_t crops, op.Index32(2));
  return op.Emit(OpCode::kBatchToSpaceNd, {op.in[0], block, crops});
}

Status LowerSpaceToBatch(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(3));
  EDGEML_ASSIGN_OR_RETURN(const int32_t block, op.Index32(1));
  EDGEML_ASSIGN_OR_RETURN(const int32_t pads, op.Index32(2));
  return op.Emit(OpCode::kSpaceToBatchNd, {op.in[0], block, pads});
}

constexpr OpEntry kOps[] = {
    {"BatchToSpaceND", LowerBatchToSpace},
    {"BiasAdd", LowerBiasAdd},
    {"BiasAddV1", LowerBiasAdd},
    {"Conv2D", LowerConv2D},
    {"Conv2DBackpropInput", LowerTransposeConv},
    {"Conv3D", LowerConv3D},
    {"Conv3DBackpropInputV2", LowerTransposeConv3D},
    {"DepthwiseConv2dNative", LowerDepthwise},
    {"FusedBatchNorm", LowerBatchNorm},
    {"FusedBatchNormV2", LowerBatchNorm},
    {"FusedBatchNormV3", LowerBatchNorm},
    {"SpaceToBatchND", LowerSpaceToBatch},
};

}  // namespace

std::span<const OpEntry> ConvolutionOps() { return kOps; }

}  // namespace edgeml::savedmodel
