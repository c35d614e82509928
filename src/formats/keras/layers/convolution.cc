// Convolutions of one to three dimensions: plain, depthwise, separable, transposed. One dimension
// is done as two, the first of size 1.
#include <algorithm>
#include <cstring>

#include "src/base/strings.h"
#include "src/formats/keras/layers/common.h"

namespace edgeml::keras {
namespace {

using ir::OpCode;

// The options that all of them have.
struct Geometry {
  size_t dims = 2;
  std::vector<int32_t> kernel, strides, dilation;
  ir::Padding padding = ir::Padding::kValid;
  bool causal = false;
  bool channels_first = false;
};

Geometry ReadGeometry(LayerContext& c, size_t dims, bool may_be_causal = false) {
  Geometry g;
  g.dims = dims;
  g.kernel = c.options.Ints("kernel_size", dims);
  g.strides = c.options.Ints("strides", dims, 1);
  g.dilation = c.options.Ints("dilation_rate", dims, 1);
  g.padding = ReadPadding(c, may_be_causal ? &g.causal : nullptr);
  g.channels_first = ChannelsFirst(c);
  for (const auto* sizes : {&g.kernel, &g.strides, &g.dilation})
    if (std::ranges::any_of(*sizes, [](int32_t n) { return n < 1; }))
      c.options.Fail(Error(Code::kInvalidModel, "a kernel size, stride or dilation below 1"));
  return g;
}

ir::Window WindowOf(const Geometry& g) {
  ir::Window window;
  window.padding = g.padding;
  const size_t last = g.dims - 1;
  window.stride_w = g.strides[last];
  window.dilation_w = g.dilation[last];
  if (g.dims > 1) {
    window.stride_h = g.strides[last - 1];
    window.dilation_h = g.dilation[last - 1];
  }
  return window;
}

// The input as the operator wants it: channels last, padded in front when causal, one dimension as
// two.
int32_t Before(LayerContext& c, const Geometry& g) {
  int32_t x = ToChannelsLast(c, c.x(), g.channels_first);
  if (c.e.ok() && c.e.rank(x) != static_cast<int>(g.dims) + 2)
    c.e.Fail(Error(Code::kInvalidModel, "an input of shape ", c.e.shape(x).ToString(),
                   ", expected ", g.dims + 2, " dimensions"));
  if (!c.e.ok()) return ir::kNoValue;
  if (g.causal) {
    const int64_t front = int64_t{g.dilation[0]} * (g.kernel[0] - 1);
    if (front > INT32_MAX / 2)
      c.e.Fail(
          Error(Code::kInvalidModel, "a kernel of ", g.kernel[0], " dilated by ", g.dilation[0]));
    const std::pair<int32_t, int32_t> pads[] = {{0, 0}, {static_cast<int32_t>(front), 0}, {0, 0}};
    x = c.e.Pad(x, pads);
  }
  return g.dims == 1 ? c.e.ExpandDims(x, 1) : x;
}

void After(LayerContext& c, const Geometry& g, int32_t y) {
  if (g.dims == 1) y = c.e.Squeeze(y, 1);
  y = Activate(c, c.options.Raw("activation"), y);
  c.Return(FromChannelsLast(c, y, g.channels_first));
}

// Adds the bias as an input when there is one.
std::vector<int32_t> WithBias(std::vector<int32_t> inputs, int32_t bias) {
  if (bias != ir::kNoValue) inputs.push_back(bias);
  return inputs;
}

// The bias, or zeros: CONV_2D and DEPTHWISE_CONV_2D of LiteRT do not work without.
// REQUIRES: there is a weight with as many elements.
int32_t BiasOrZeros(LayerContext& c, int32_t bias, int32_t channels) {
  if (!c.e.ok() || bias != ir::kNoValue) return bias;
  const std::vector<float> zeros(static_cast<size_t>(channels));
  return c.e.Floats({channels}, zeros, c.Name("zero_bias"));
}

// A kernel [k, …] of one dimension as [1, k, …].
Weight AsTwoDimensional(Weight kernel, size_t dims) {
  if (dims != 1) return kernel;
  Shape shape{1};
  for (const int32_t d : kernel.shape.dims()) shape.push_back(d);
  kernel.shape = shape;
  return kernel;
}

bool KernelFits(LayerContext& c, const Weight& kernel, const Geometry& g) {
  if (!c.e.ok()) return false;
  for (size_t i = 0; i < g.dims; ++i) {
    if (kernel.shape[static_cast<int>(i)] == g.kernel[i]) continue;
    c.e.Fail(Error(Code::kInvalidModel, "the kernel has the shape ", kernel.shape.ToString(),
                   ", which is not what the option kernel_size says"));
    return false;
  }
  return true;
}

// [1, h, w, channels * multiplier] of a depthwise kernel [h, w, channels, multiplier].
int32_t Depthwise(LayerContext& c, const Geometry& g, int32_t x, Weight kernel, int32_t bias) {
  kernel = AsTwoDimensional(std::move(kernel), g.dims);
  const Shape& s = kernel.shape;
  const int64_t channels = int64_t{s[2]} * s[3];
  if (channels > INT32_MAX) c.e.Fail(Error(Code::kInvalidModel, "too many channels"));
  const int32_t w =
      c.Constant(kernel, {1, s[0], s[1], static_cast<int32_t>(channels)}, "depthwise_kernel");
  bias = BiasOrZeros(c, bias, static_cast<int32_t>(channels));
  ir::DepthwiseConvAttrs attributes;
  attributes.window = WindowOf(g);
  attributes.depth_multiplier = s[3];
  return c.e.Op(OpCode::kDepthwiseConv2D, WithBias({x, w}, bias), attributes);
}

Status LowerConv(LayerContext& c, size_t dims) {
  const Geometry g = ReadGeometry(c, dims, dims == 1);
  const auto filters = static_cast<int32_t>(c.options.Int("filters"));
  const auto groups = static_cast<int32_t>(c.options.Int("groups", 1));
  const Weight kernel = c.Take("kernel", 0, static_cast<int>(dims) + 2);
  int32_t bias = TakeBias(c, 1, filters);
  const int32_t x = Before(c, g);
  EDGEML_RETURN_IF_ERROR(c.Check());
  if (!KernelFits(c, kernel, g)) return c.Check();
  const int32_t channels = c.e.shape(x).back(), per_group = kernel.shape.back(1);
  if (groups < 1 || channels != per_group * groups || filters % groups != 0)
    return Error(Code::kInvalidModel, groups, " groups of ", per_group,
                 " channels for an input of ", channels);
  int32_t y = ir::kNoValue;
  if (dims == 3) {
    if (groups != 1)
      return Error(Code::kUnsupported, "groups of a convolution in three dimensions");
    ir::Conv3DAttrs attributes;
    attributes.window = WindowOf(g);
    attributes.stride_d = g.strides[0];
    attributes.dilation_d = g.dilation[0];
    y = c.e.Op(OpCode::kConv3D, WithBias({x, c.Constant(kernel, kernel.shape, "kernel")}, bias),
               attributes);
  } else if (groups > 1 && per_group == 1) {
    // [.., 1, channels * multiplier] is the depthwise layout already.
    Weight depthwise = kernel;
    depthwise.shape[depthwise.shape.rank() - 2] = groups;
    depthwise.shape[depthwise.shape.rank() - 1] = filters / groups;
    y = Depthwise(c, g, x, std::move(depthwise), bias);
  } else {
    const int32_t order[] = {3, 0, 1, 2};
    const Weight w = Transposed(AsTwoDimensional(kernel, dims), order);
    ir::ConvAttrs attributes;
    attributes.window = WindowOf(g);
    bias = BiasOrZeros(c, bias, w.shape[0]);
    y = c.e.Op(OpCode::kConv2D, {x, c.Constant(w, w.shape, "kernel"), bias}, attributes);
  }
  After(c, g, y);
  return c.Finish();
}

Status LowerDepthwiseConv(LayerContext& c, size_t dims) {
  const Geometry g = ReadGeometry(c, dims, dims == 1);
  c.options.Ignore({"depth_multiplier", "groups", "filters"});
  const Weight kernel = c.Take("depthwise_kernel", 0, static_cast<int>(dims) + 2);
  EDGEML_RETURN_IF_ERROR(c.e.status());
  const int64_t channels = int64_t{kernel.shape.back()} * kernel.shape.back(1);
  const int32_t bias = TakeBias(c, 1, static_cast<int32_t>(channels));
  const int32_t x = Before(c, g);
  EDGEML_RETURN_IF_ERROR(c.Check());
  if (!KernelFits(c, kernel, g)) return c.Check();
  After(c, g, Depthwise(c, g, x, kernel, bias));
  return c.Finish();
}

Status LowerSeparableConv(LayerContext& c, size_t dims) {
  const Geometry g = ReadGeometry(c, dims, dims == 1);
  const auto filters = static_cast<int32_t>(c.options.Int("filters"));
  c.options.Ignore({"depth_multiplier", "groups"});
  const Weight depthwise = c.Take("depthwise_kernel", 0, static_cast<int>(dims) + 2);
  const Weight pointwise = c.Take("pointwise_kernel", 1, static_cast<int>(dims) + 2);
  const int32_t bias = TakeBias(c, 2, filters);
  const int32_t x = Before(c, g);
  EDGEML_RETURN_IF_ERROR(c.Check());
  if (!KernelFits(c, depthwise, g)) return c.Check();
  const int32_t middle = Depthwise(c, g, x, depthwise, ir::kNoValue);
  const int32_t order[] = {3, 0, 1, 2};
  const Weight w = Transposed(AsTwoDimensional(pointwise, dims), order);
  ir::ConvAttrs attributes;
  attributes.window.padding = ir::Padding::kValid;
  const int32_t y =
      c.e.Op(OpCode::kConv2D,
             {middle, c.Constant(w, w.shape, "pointwise_kernel"), BiasOrZeros(c, bias, w.shape[0])},
             attributes);
  After(c, g, y);
  return c.Finish();
}

// A kernel [k…, out, in] with zeros between its taps, for a dilated transposed convolution.
Weight Dilated(const Weight& kernel, const Geometry& g) {
  if (std::ranges::all_of(g.dilation, [](int32_t d) { return d == 1; })) return kernel;
  Shape shape = kernel.shape;
  for (size_t i = 0; i < g.dims; ++i)
    shape[static_cast<int>(i)] = g.dilation[i] * (g.kernel[i] - 1) + 1;
  const auto inner =
      static_cast<size_t>(kernel.shape.back()) * static_cast<size_t>(kernel.shape.back(1));
  std::vector<float> values(static_cast<size_t>(shape.num_elements()));
  const std::span<const float> from = kernel.floats();
  for (size_t tap = 0; tap * inner < from.size(); ++tap) {
    size_t rest = tap, place = 0, stride = 1;
    for (size_t i = g.dims; i-- > 0;) {
      place +=
          rest % static_cast<size_t>(g.kernel[i]) * static_cast<size_t>(g.dilation[i]) * stride;
      rest /= static_cast<size_t>(g.kernel[i]);
      stride *= static_cast<size_t>(shape[static_cast<int>(i)]);
    }
    std::memcpy(&values[place * inner], &from[tap * inner], inner * sizeof(float));
  }
  return MakeWeight(shape, std::move(values));
}

// Size of the output along one dimension, of keras.backend's conv_transpose.
int64_t TransposedSize(const Geometry& g, size_t i, int64_t in, std::span<const int32_t> extra) {
  const int64_t kernel = int64_t{g.dilation[i]} * (g.kernel[i] - 1) + 1, stride = g.strides[i];
  const bool same = g.padding == ir::Padding::kSame;
  if (extra.empty()) return in * stride + (same ? 0 : std::max<int64_t>(kernel - stride, 0));
  return (in - 1) * stride + kernel - (same ? 2 * (kernel / 2) : 0) + extra[i];
}

Status LowerConvTranspose(LayerContext& c, size_t dims) {
  const Geometry g = ReadGeometry(c, dims);
  const auto filters = static_cast<int32_t>(c.options.Int("filters"));
  c.options.Ignore({"groups", "output_shape"});
  std::vector<int32_t> extra;
  if (c.options.Has("output_padding")) extra = c.options.Ints("output_padding", dims);
  c.options.Ignore({"output_padding"});
  Weight kernel = c.Take("kernel", 0, static_cast<int>(dims) + 2);
  const int32_t bias = TakeBias(c, 1, filters);
  const int32_t x = Before(c, g);
  EDGEML_RETURN_IF_ERROR(c.Check());
  if (!KernelFits(c, kernel, g)) return c.Check();
  for (size_t i = 0; i < dims; ++i)
    if (int64_t{g.dilation[i]} * g.kernel[i] > 4096)
      return Error(Code::kUnsupported, "a kernel of ", g.kernel[i], " dilated by ", g.dilation[i]);
  kernel = AsTwoDimensional(Dilated(kernel, g), dims);

  const Shape& in = c.e.shape(x);
  std::vector<std::pair<int, int32_t>> sizes = {{in.rank() - 1, filters}};
  for (size_t i = 0; i < dims; ++i) {
    const int d = static_cast<int>(i) + (dims == 1 ? 2 : 1);
    if (in[d] == kUnknownDim)
      return Error(Code::kUnsupported, "an open size of its input; state it with --input-shape");
    const int64_t size = TransposedSize(g, i, in[d], extra);
    if (size < 1 || size > INT32_MAX) return Error(Code::kInvalidModel, "an output of size ", size);
    sizes.emplace_back(d, static_cast<int32_t>(size));
  }
  const int32_t output_shape = c.e.ShapeWith(x, sizes);
  Geometry plain = g;
  std::ranges::fill(plain.dilation, 1);
  int32_t y = ir::kNoValue;
  if (dims == 3) {
    ir::Conv3DAttrs attributes;
    attributes.window = WindowOf(plain);
    attributes.stride_d = g.strides[0];
    y = c.e.Op(OpCode::kConv3DTranspose,
               WithBias({output_shape, c.Constant(kernel, kernel.shape, "kernel"), x}, bias),
               attributes, DType::kFloat32);
  } else {
    const int32_t order[] = {2, 0, 1, 3};
    const Weight w = Transposed(kernel, order);
    ir::ConvAttrs attributes;
    attributes.window = WindowOf(plain);
    y = c.e.Op(OpCode::kTransposeConv,
               WithBias({output_shape, c.Constant(w, w.shape, "kernel"), x}, bias), attributes,
               DType::kFloat32);
  }
  After(c, g, y);
  return c.Finish();
}

constexpr LayerDef kLayers[] = {
    {"Conv1D", [](LayerContext& c) { return LowerConv(c, 1); }},
    {"Conv2D", [](LayerContext& c) { return LowerConv(c, 2); }},
    {"Conv3D", [](LayerContext& c) { return LowerConv(c, 3); }},
    {"DepthwiseConv1D", [](LayerContext& c) { return LowerDepthwiseConv(c, 1); }},
    {"DepthwiseConv2D", [](LayerContext& c) { return LowerDepthwiseConv(c, 2); }},
    {"SeparableConv1D", [](LayerContext& c) { return LowerSeparableConv(c, 1); }},
    {"SeparableConv2D", [](LayerContext& c) { return LowerSeparableConv(c, 2); }},
    {"Conv1DTranspose", [](LayerContext& c) { return LowerConvTranspose(c, 1); }},
    {"Conv2DTranspose", [](LayerContext& c) { return LowerConvTranspose(c, 2); }},
    {"Conv3DTranspose", [](LayerContext& c) { return LowerConvTranspose(c, 3); }},
};

}  // namespace

std::span<const LayerDef> ConvolutionLayers() { return kLayers; }

}  // namespace edgeml::keras
