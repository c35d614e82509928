// Pools, local response normalization and resizing.
#include <limits>

#include "src/base/strings.h"
#include "src/formats/savedmodel/op.h"

namespace edgeml::savedmodel {
namespace {

using ir::OpCode;

constexpr int64_t kMaxWindow = 1 << 20;

// ksize or strides of an image with `rank` dimensions, spatial ones only.
Result<std::vector<int32_t>> Spatial(Op& op, std::string_view name, const Op::Layout& layout,
                                     size_t rank) {
  const std::vector<int64_t> given = op.attrs.Ints(name);
  if (given.size() != rank)
    return Error(Code::kInvalidModel, "attribute '", name, "' has ", given.size(), " numbers");
  const size_t channels = layout.channels_first ? 1 : rank - 1;
  std::vector<int32_t> out;
  for (size_t i = 0; i < rank; ++i) {
    if (given[i] < 1 || given[i] > kMaxWindow)
      return Error(Code::kInvalidModel, "attribute '", name, "' holds ", given[i]);
    if (i != 0 && i != channels) {
      out.push_back(static_cast<int32_t>(given[i]));
    } else if (given[i] != 1) {
      return Error(Code::kUnsupported, "pools over batches or channels are not supported");
    }
  }
  return out;
}

Result<ir::Padding> ReadPadding(Op& op) {
  const std::string padding = op.attrs.String("padding", "");
  for (const int64_t amount : op.attrs.Ints("explicit_paddings"))
    if (amount != 0) return Error(Code::kUnsupported, "explicit padding is not supported");
  if (padding == "SAME") return ir::Padding::kSame;
  if (padding == "VALID") return ir::Padding::kValid;
  return Error(Code::kUnsupported, "padding '", padding, "' is not supported");
}

template <OpCode kOp>
Status LowerPool(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(1));
  EDGEML_ASSIGN_OR_RETURN(const Op::Layout layout, op.DataFormat());
  EDGEML_ASSIGN_OR_RETURN(const auto filter, Spatial(op, "ksize", layout, 4));
  EDGEML_ASSIGN_OR_RETURN(const auto strides, Spatial(op, "strides", layout, 4));
  ir::PoolAttrs attrs;
  EDGEML_ASSIGN_OR_RETURN(attrs.window.padding, ReadPadding(op));
  attrs.filter_h = filter[0];
  attrs.filter_w = filter[1];
  attrs.window.stride_h = strides[0];
  attrs.window.stride_w = strides[1];
  if (!layout.channels_first) return op.Emit(kOp, op.in, attrs);
  EDGEML_ASSIGN_OR_RETURN(const int32_t image, op.ToChannelsLast(op.in[0]));
  EDGEML_ASSIGN_OR_RETURN(const int32_t made, op.Make(kOp, {image}, attrs));
  EDGEML_ASSIGN_OR_RETURN(const int32_t back, op.ToChannelsFirst(made));
  return op.Return(back);
}

// A product of known dimensions that fits.
Result<int32_t> Product(const Shape& shape, std::initializer_list<int> dims) {
  int64_t product = 1;
  for (const int d : dims) {
    if (shape[d] == kUnknownDim)
      return Error(Code::kUnsupported, "an image of shape ", shape.ToString(),
                   " is not supported; give it a fixed size");
    product *= shape[d];
    if (product > std::numeric_limits<int32_t>::max())
      return Error(Code::kUnsupported, "an image of shape ", shape.ToString(), " is too large");
  }
  return static_cast<int32_t>(product);
}

// Over height and width with all depths as one batch, then over the depth. An average over a box is
// the average of the averages of its layers, at the border too.
template <OpCode kOp>
Status LowerPool3D(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(1));
  EDGEML_ASSIGN_OR_RETURN(const Op::Layout layout, op.DataFormat());
  EDGEML_ASSIGN_OR_RETURN(const auto filter, Spatial(op, "ksize", layout, 5));
  EDGEML_ASSIGN_OR_RETURN(const auto strides, Spatial(op, "strides", layout, 5));
  EDGEML_ASSIGN_OR_RETURN(const ir::Padding padding, ReadPadding(op));
  int32_t image = op.in[0];
  if (op.b.rank(image) != 5) return Error(Code::kInvalidModel, "input 0 is no 3-D image");
  if (layout.channels_first) {
    EDGEML_ASSIGN_OR_RETURN(image, op.ToChannelsLast(image));
  }
  const Shape in = op.b.shape(image);
  EDGEML_ASSIGN_OR_RETURN(const int32_t depth, Product(in, {1}));
  EDGEML_RETURN_IF_ERROR(Product(in, {2, 3, 4}).status());
  EDGEML_ASSIGN_OR_RETURN(
      const int32_t layers,
      op.Make(OpCode::kReshape, {image, op.b.AddInts({-1, in[2], in[3], in[4]})}));
  ir::PoolAttrs plane;
  plane.window.padding = padding;
  plane.filter_h = filter[1];
  plane.filter_w = filter[2];
  plane.window.stride_h = strides[1];
  plane.window.stride_w = strides[2];
  EDGEML_ASSIGN_OR_RETURN(const int32_t flat, op.Make(kOp, {layers}, plane));
  const Shape small = op.b.shape(flat);
  EDGEML_ASSIGN_OR_RETURN(const int32_t area, Product(small, {1, 2}));
  EDGEML_ASSIGN_OR_RETURN(
      const int32_t rows,
      op.Make(OpCode::kReshape, {flat, op.b.AddInts({-1, depth, area, small[3]})}));
  ir::PoolAttrs along;
  along.window.padding = padding;
  along.filter_h = filter[0];
  along.window.stride_h = strides[0];
  EDGEML_ASSIGN_OR_RETURN(const int32_t pooled, op.Make(kOp, {rows}, along));
  EDGEML_ASSIGN_OR_RETURN(
      int32_t made,
      op.Make(OpCode::kReshape,
              {pooled, op.b.AddInts({-1, op.b.shape(pooled)[1], small[1], small[2], small[3]})}));
  if (layout.channels_first) {
    EDGEML_ASSIGN_OR_RETURN(made, op.ToChannelsFirst(made));
  }
  return op.Return(made);
}

Status LowerLrn(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(1));
  ir::LocalResponseNormAttrs attrs;
  attrs.radius = static_cast<int32_t>(op.attrs.Int("depth_radius", 5));
  attrs.bias = op.attrs.Float("bias", 1.0f);
  attrs.alpha = op.attrs.Float("alpha", 1.0f);
  attrs.beta = op.attrs.Float("beta", 0.5f);
  return op.Emit(OpCode::kLocalResponseNormalization, op.in, attrs);
}

template <OpCode kOp>
Status LowerResize(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(2));
  ir::ResizeAttrs attrs;
  attrs.align_corners = op.attrs.Bool("align_corners", false);
  attrs.half_pixel_centers = op.attrs.Bool("half_pixel_centers", false);
  EDGEML_ASSIGN_OR_RETURN(const int32_t size, op.Index32(1));
  int32_t image = op.in[0];
  const bool bilinear = kOp == OpCode::kResizeBilinear;
  if (bilinear && op.type(0) != DType::kFloat32) {  // TensorFlow's result is float
    EDGEML_ASSIGN_OR_RETURN(
        image, op.Make(OpCode::kCast, {image}, ir::TypeAttrs{op.type(0), DType::kFloat32},
                       DType::kFloat32));
  }
  return op.Emit(kOp, {image, size}, attrs);
}

Status LowerRfft2d(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(2));
  EDGEML_ASSIGN_OR_RETURN(const int32_t length, op.Index32(1));
  return op.Emit(OpCode::kRfft2d, {op.in[0], length}, {}, DType::kComplex64);
}

// Along the last dimension: images of one row. A row is cut or padded to the length of the
// transform.
Status LowerRfft(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(2));
  EDGEML_ASSIGN_OR_RETURN(const int64_t length, op.KnownScalar(1));
  const int rank = op.rank(0);
  if (rank < 1 || length < 1 || length > std::numeric_limits<int32_t>::max())
    return Error(Code::kInvalidModel, "a transform of length ", length, " of shape ",
                 op.shape(0).ToString());
  int32_t signal = op.in[0];
  const int32_t have = op.shape(0).back();
  if (have != length) {
    if (have == kUnknownDim)
      return Error(Code::kUnsupported, "signals of unknown length are not supported");
    std::vector<int32_t> pads(static_cast<size_t>(rank) * 2, 0), begin(static_cast<size_t>(rank)),
        size(static_cast<size_t>(rank), -1);
    if (have < length) {
      pads.back() = static_cast<int32_t>(length - have);
      const int32_t amounts =
          op.b.AddConstant(std::string(), Shape{rank, 2}, std::span<const int32_t>(pads));
      EDGEML_ASSIGN_OR_RETURN(signal, op.Make(OpCode::kPad, {signal, amounts}));
    } else {
      size.back() = static_cast<int32_t>(length);
      EDGEML_ASSIGN_OR_RETURN(
          signal, op.Make(OpCode::kSlice, {signal, op.b.AddInts(begin), op.b.AddInts(size)}));
    }
  }
  EDGEML_ASSIGN_OR_RETURN(const int32_t rows,
                          op.Make(OpCode::kExpandDims, {signal, op.b.AddInt(-2)}));
  EDGEML_ASSIGN_OR_RETURN(
      const int32_t spectrum,
      op.Make(OpCode::kRfft2d, {rows, op.b.AddInts({1, static_cast<int32_t>(length)})}, {},
              DType::kComplex64));
  return op.Emit(OpCode::kSqueeze, {spectrum}, ir::SqueezeAttrs{{-2}});
}

constexpr OpEntry kOps[] = {
    {"AvgPool", LowerPool<OpCode::kAveragePool2D>},
    {"AvgPool3D", LowerPool3D<OpCode::kAveragePool2D>},
    {"LRN", LowerLrn},
    {"MaxPool", LowerPool<OpCode::kMaxPool2D>},
    {"MaxPool3D", LowerPool3D<OpCode::kMaxPool2D>},
    {"RFFT", LowerRfft},
    {"RFFT2D", LowerRfft2d},
    {"ResizeBilinear", LowerResize<OpCode::kResizeBilinear>},
    {"ResizeNearestNeighbor", LowerResize<OpCode::kResizeNearestNeighbor>},
};

}  // namespace

std::span<const OpEntry> PoolingOps() { return kOps; }

}  // namespace edgeml::savedmodel
