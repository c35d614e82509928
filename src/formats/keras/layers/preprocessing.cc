// Preprocessing layers: of images, numbers and categories; augmentation, which does nothing in
// inference. Formulas: keras.layers of Keras 2.15 and 3.15.
#include <algorithm>
#include <cmath>

#include "src/base/strings.h"
#include "src/formats/keras/layers/common.h"

namespace edgeml::keras {
namespace {

using ir::OpCode;

constexpr int32_t kMostCategories = 1 << 20;
constexpr const char kOpenSize[] = "an open size of its input; state it with --input-shape";

int32_t Float(LayerContext& c) { return c.e.Cast(c.x(), DType::kFloat32); }

// Numbers that a layer gives for all elements, or one for each channel.
int32_t Factors(LayerContext& c, const std::vector<float>& values, bool channels_first) {
  if (values.size() == 1) return c.e.Float(values[0]);
  const auto count = static_cast<int32_t>(values.size());
  return c.e.Floats(channels_first ? Shape{count, 1, 1} : Shape{count}, values);
}

bool AllAre(const std::vector<float>& values, float value) {
  return std::ranges::all_of(values, [value](float v) { return v == value; });
}

Status LowerRescaling(LayerContext& c) {
  const std::vector<float> scale = c.options.Floats("scale"), offset = c.options.Floats("offset");
  const bool first = ChannelsFirst(c);
  EDGEML_RETURN_IF_ERROR(c.Check());
  int32_t y = Float(c);
  if (!scale.empty() && !AllAre(scale, 1)) y = c.e.Mul(y, Factors(c, scale, first));
  if (!offset.empty() && !AllAre(offset, 0)) y = c.e.Add(y, Factors(c, offset, first));
  c.Return(y);
  return c.Finish();
}

// (x - mean) / max(sqrt(variance), 1e-7), or back.
Status LowerNormalization(LayerContext& c) {
  const bool invert = c.options.Bool("invert", false);
  const bool has_axis = !c.layer.config.Has("axis") || c.options.Has("axis");
  std::vector<int32_t> axes = c.options.List("axis");
  if (axes.empty() && has_axis && !c.options.Raw("axis").is_array()) axes = {-1};
  std::vector<float> mean = c.options.Floats("mean"), variance = c.options.Floats("variance");
  if (mean.empty() || variance.empty()) {  // learned: weights mean, variance, count
    const Weight m = c.Take("mean", 0), v = c.Take("variance", 1);
    EDGEML_RETURN_IF_ERROR(c.Check());
    if (m.type != DType::kFloat32 || v.type != DType::kFloat32)
      return Error(Code::kInvalidModel, "mean or variance of integers");
    mean.assign(m.floats().begin(), m.floats().end());
    variance.assign(v.floats().begin(), v.floats().end());
  }
  EDGEML_RETURN_IF_ERROR(c.Check());
  const int32_t x = Float(c);
  const Shape& in = c.e.shape(x);
  Shape shape;
  for (int d = 0; d < in.rank(); ++d) shape.push_back(1);
  int64_t count = 1;
  for (const int32_t axis : axes) {
    const auto normal = NormalizedAxis(axis, in.rank());
    if (!normal || *normal == 0 || in[*normal] == kUnknownDim || shape[*normal] != 1)
      return Error(Code::kInvalidModel, "axis ", axis, " of an input of shape ", in.ToString());
    shape[*normal] = in[*normal];
    count *= in[*normal];
    if (count > INT32_MAX) return Error(Code::kInvalidModel, "an input too large");
  }
  for (const auto* values : {&mean, &variance})
    if (values->size() != 1 && static_cast<int64_t>(values->size()) != count)
      return Error(Code::kInvalidModel, values->size(), " numbers for an input of shape ",
                   in.ToString());
  for (float& v : variance) {
    const float deviation = std::max(std::sqrt(v), 1e-7f);
    v = invert ? deviation : 1.0f / deviation;
  }
  const auto constant = [&](const std::vector<float>& values, std::string_view name) {
    return values.size() == 1 ? c.e.Float(values[0]) : c.e.Floats(shape, values, c.Name(name));
  };
  const int32_t m = constant(mean, "mean"), scale = constant(variance, "scale");
  c.Return(invert ? c.e.Add(c.e.Mul(x, scale), m) : c.e.Mul(c.e.Sub(x, m), scale));
  return c.Finish();
}

// Images ---------------------------------------------------------------------------------------

struct Size {
  int32_t height = 0, width = 0;
};

Result<Size> ReadSize(LayerContext& c) {
  const int64_t height = c.options.Int("height"), width = c.options.Int("width");
  if (height < 1 || width < 1)
    return Error(Code::kInvalidModel, "an output of ", height, " by ", width);
  return Size{static_cast<int32_t>(height), static_cast<int32_t>(width)};
}

// Height and width of [batch, height, width, channels]; an error when they are open.
Result<Size> SizeOf(ir::Emitter& e, int32_t x) {
  const Shape& shape = e.shape(x);
  if (shape.rank() != 4)
    return Error(Code::kUnsupported, "an input of shape ", shape.ToString(),
                 ", expected [batch, height, width, channels]");
  if (shape[1] == kUnknownDim || shape[2] == kUnknownDim)
    return Error(Code::kUnsupported, kOpenSize);
  return Size{shape[1], shape[2]};
}

int32_t Resize(ir::Emitter& e, int32_t x, Size size, bool nearest) {
  const Shape& shape = e.shape(x);
  if (e.ok() && shape.rank() == 4 && shape[1] == size.height && shape[2] == size.width) return x;
  return e.Op(nearest ? OpCode::kResizeNearestNeighbor : OpCode::kResizeBilinear,
              {x, e.Ints({size.height, size.width})}, ir::ResizeAttrs{false, true});
}

int32_t Crop(ir::Emitter& e, int32_t x, int32_t top, int32_t left, Size size) {
  return e.Op(OpCode::kSlice,
              {x, e.Ints({0, top, left, 0}), e.Ints({-1, size.height, size.width, -1})});
}

// One side of the largest rectangle of the wanted shape, in float as Keras computes it.
int32_t Scaled(int32_t other, int32_t wanted, int32_t wanted_other) {
  const float value =
      static_cast<float>(int64_t{other} * wanted) / static_cast<float>(wanted_other);
  return value >= static_cast<float>(INT32_MAX) ? INT32_MAX : static_cast<int32_t>(value);
}

// The middle of the image that has the wanted shape, resized.
Result<int32_t> CropAndResize(ir::Emitter& e, int32_t x, Size to, bool nearest) {
  EDGEML_ASSIGN_OR_RETURN(const Size in, SizeOf(e, x));
  const Size part{std::max(1, std::min(in.height, Scaled(in.width, to.height, to.width))),
                  std::max(1, std::min(in.width, Scaled(in.height, to.width, to.height)))};
  if (part.height != in.height || part.width != in.width)
    x = Crop(e, x, (in.height - part.height) / 2, (in.width - part.width) / 2, part);
  return Resize(e, x, to, nearest);
}

Result<int32_t> PadAndResize(ir::Emitter& e, int32_t x, Size to, bool nearest, float fill) {
  EDGEML_ASSIGN_OR_RETURN(const Size in, SizeOf(e, x));
  const int32_t top = (std::max(in.height, Scaled(in.width, to.height, to.width)) - in.height) / 2;
  const int32_t left = (std::max(in.width, Scaled(in.height, to.width, to.height)) - in.width) / 2;
  const std::pair<int32_t, int32_t> pads[] = {{0, 0}, {top, top}, {left, left}, {0, 0}};
  if (top > INT32_MAX / 4 || left > INT32_MAX / 4)
    return Error(Code::kInvalidModel, "an input of ", in.height, " by ", in.width);
  return Resize(e, e.Pad(x, pads, fill), to, nearest);
}

Status LowerResizing(LayerContext& c) {
  EDGEML_ASSIGN_OR_RETURN(const Size size, ReadSize(c));
  const std::string how = c.options.Text("interpolation", "bilinear");
  const bool crop = c.options.Bool("crop_to_aspect_ratio", false);
  const bool pad = c.options.Bool("pad_to_aspect_ratio", false);
  const float fill = c.options.Float("fill_value", 0);
  (void)c.options.OneOf("fill_mode", {"constant"}, "constant");
  const bool first = ChannelsFirst(c);
  if (c.options.Bool("antialias", false)) return Error(Code::kUnsupported, "antialias = true");
  if (how != "bilinear" && how != "nearest")
    return Error(Code::kUnsupported, "the interpolation '", how, "'");
  EDGEML_RETURN_IF_ERROR(c.Finish());
  const bool nearest = how == "nearest";
  int32_t x = ToChannelsLast(c, Float(c), first);
  if (crop) {
    EDGEML_ASSIGN_OR_RETURN(x, CropAndResize(c.e, x, size, nearest));
  } else if (pad) {
    EDGEML_ASSIGN_OR_RETURN(x, PadAndResize(c.e, x, size, nearest, fill));
  } else {
    x = Resize(c.e, x, size, nearest);
  }
  c.Return(FromChannelsLast(c, x, first));
  return c.Finish();
}

// The middle; images that are smaller are cut to the shape and enlarged.
Status LowerCenterCrop(LayerContext& c) {
  EDGEML_ASSIGN_OR_RETURN(const Size size, ReadSize(c));
  const bool first = ChannelsFirst(c);
  EDGEML_RETURN_IF_ERROR(c.Finish());
  int32_t x = ToChannelsLast(c, Float(c), first);
  EDGEML_ASSIGN_OR_RETURN(const Size in, SizeOf(c.e, x));
  if (in.height >= size.height && in.width >= size.width) {
    x = Crop(c.e, x, (in.height - size.height) / 2, (in.width - size.width) / 2, size);
  } else {
    EDGEML_ASSIGN_OR_RETURN(x, CropAndResize(c.e, x, size, false));
  }
  c.Return(FromChannelsLast(c, x, first));
  return c.Finish();
}

// Nothing in inference, but that pixels become floats.
Status LowerAugmentation(LayerContext& c) {
  c.Return(Float(c));
  return c.e.status();
}

// Keras 2 resizes in inference, Keras 3 does nothing.
Status LowerRandomCrop(LayerContext& c) {
  if (c.lowering.keras_major() >= 3) return LowerAugmentation(c);
  c.options.Ignore({"rng_type"});
  EDGEML_ASSIGN_OR_RETURN(const Size size, ReadSize(c));
  EDGEML_RETURN_IF_ERROR(c.Finish());
  EDGEML_ASSIGN_OR_RETURN(const int32_t y, CropAndResize(c.e, Float(c), size, false));
  c.Return(y);
  return c.Finish();
}

// Categories -----------------------------------------------------------------------------------

// Integers below `depth` in the form that output_mode asks for.
Status Encode(LayerContext& c, int32_t indices, const std::string& mode, int64_t depth) {
  ir::Emitter& e = c.e;
  if (depth < 1 || depth > kMostCategories) return Error(Code::kInvalidModel, depth, " categories");
  const int rank = e.rank(indices);
  indices = e.Cast(indices, DType::kInt32);
  const bool one = mode == "one_hot";
  if (rank < 1 || rank >= kMaxRank) return Error(Code::kInvalidModel, "an input of rank ", rank);
  // [.., 1] has its place taken by the categories.
  if (one && rank > 1 && e.shape(indices).back() == 1) indices = e.Squeeze(indices, rank - 1);
  int32_t y =
      e.Op(OpCode::kOneHot,
           {indices, e.builder().AddInt(static_cast<int32_t>(depth)), e.Float(1), e.Float(0)},
           ir::AxisAttrs{-1, 0}, DType::kFloat32);
  if (!one) {
    const int32_t axes[] = {rank - 1};
    y = e.Reduce(mode == "count" ? OpCode::kSum : OpCode::kReduceMax, y, axes, false);
  }
  c.Return(y);
  return c.Finish();
}

Status LowerCategoryEncoding(LayerContext& c) {
  const std::string mode =
      c.options.OneOf("output_mode", {"one_hot", "multi_hot", "count"}, "multi_hot");
  const int64_t depth = c.options.Int("num_tokens");
  EDGEML_RETURN_IF_ERROR(c.Check());
  for (const auto& [name, argument] : c.call.kwargs)
    if (name == "count_weights" && !argument.is_none())
      return Error(Code::kUnsupported, "count_weights");
  return Encode(c, c.x(), mode, depth);
}

Status LowerDiscretization(LayerContext& c) {
  const std::string mode =
      c.options.OneOf("output_mode", {"int", "one_hot", "multi_hot", "count"}, "int");
  const std::vector<float> boundaries = c.options.Floats("bin_boundaries");
  c.options.Ignore({"num_bins", "epsilon"});
  EDGEML_RETURN_IF_ERROR(c.Check());
  if (boundaries.empty() || !std::ranges::is_sorted(boundaries))
    return Error(Code::kUnsupported,
                 "bin_boundaries that the file does not hold in order; state them when the layer "
                 "is made");
  const int32_t bins =
      c.e.Op(OpCode::kBucketize, {Float(c)}, ir::BucketizeAttrs{boundaries}, DType::kInt32);
  if (mode == "int") {
    c.Return(c.lowering.keras_major() >= 3 ? bins : c.e.Cast(bins, DType::kInt64));
    return c.Finish();
  }
  return Encode(c, bins, mode, static_cast<int64_t>(boundaries.size()) + 1);
}

Status LowerLookup(LayerContext& /*c*/) {
  return Error(Code::kUnsupported,
               "it looks values up in a vocabulary. Do that in your program, and convert the model "
               "from the layer's output on");
}

constexpr LayerDef kLayers[] = {
    {"AugMix", LowerAugmentation},
    {"AutoContrast", [](LayerContext&) { return Error(Code::kUnsupported, "contrast by image"); }},
    {"CategoryEncoding", LowerCategoryEncoding},
    {"CenterCrop", LowerCenterCrop},
    {"Discretization", LowerDiscretization},
    {"HashedCrossing", LowerLookup},
    {"Hashing", LowerLookup},
    {"IntegerLookup", LowerLookup},
    {"Normalization", LowerNormalization},
    {"RandAugment", LowerAugmentation},
    {"RandomBrightness", LowerAugmentation},
    {"RandomColorDegeneration", LowerAugmentation},
    {"RandomColorJitter", LowerAugmentation},
    {"RandomContrast", LowerAugmentation},
    {"RandomCrop", LowerRandomCrop},
    {"RandomElasticTransform", LowerAugmentation},
    {"RandomErasing", LowerAugmentation},
    {"RandomFlip", LowerAugmentation},
    {"RandomGaussianBlur", LowerAugmentation},
    {"RandomGrayscale", LowerAugmentation},
    {"RandomHeight", LowerAugmentation},
    {"RandomHue", LowerAugmentation},
    {"RandomInvert", LowerAugmentation},
    {"RandomPerspective", LowerAugmentation},
    {"RandomPosterization", LowerAugmentation},
    {"RandomRotation", LowerAugmentation},
    {"RandomSaturation", LowerAugmentation},
    {"RandomSharpness", LowerAugmentation},
    {"RandomShear", LowerAugmentation},
    {"RandomTranslation", LowerAugmentation},
    {"RandomWidth", LowerAugmentation},
    {"RandomZoom", LowerAugmentation},
    {"Rescaling", LowerRescaling},
    {"Resizing", LowerResizing},
    {"StringLookup", LowerLookup},
    {"TextVectorization", LowerLookup},
};

}  // namespace

std::span<const LayerDef> PreprocessingLayers() { return kLayers; }

}  // namespace edgeml::keras
