// Layers that move elements: reshape, permute, pad, crop, repeat, resize by whole numbers.
#include <algorithm>
#include <numeric>

#include "src/base/strings.h"
#include "src/formats/keras/layers/common.h"

namespace edgeml::keras {
namespace {

using ir::OpCode;

// The product of dimensions [from, rank), kUnknownDim when one is open.
int32_t ProductFrom(const Shape& shape, int from) {
  int64_t product = 1;
  for (int d = from; d < shape.rank(); ++d) {
    if (shape[d] == kUnknownDim) return kUnknownDim;
    product *= shape[d];
    if (product > INT32_MAX) return kUnknownDim;
  }
  return static_cast<int32_t>(product);
}

Status LowerFlatten(LayerContext& c) {
  const bool first = ChannelsFirst(c);
  const int32_t x = ToChannelsLast(c, c.x(), first);
  const Shape& shape = c.e.shape(x);
  if (shape.rank() < 1) return Error(Code::kInvalidModel, "a scalar input");
  c.Return(c.e.Reshape(x, {shape[0], ProductFrom(shape, 1)}));
  return c.Finish();
}

Status LowerReshape(LayerContext& c) {
  const std::vector<int32_t> target = c.options.List("target_shape");
  EDGEML_RETURN_IF_ERROR(c.Check());
  const Shape in = c.e.shape(c.x());
  if (in.rank() < 1 || target.size() + 1 > static_cast<size_t>(kMaxRank))
    return Error(Code::kInvalidModel, "a target shape of ", target.size(), " dimensions");
  Shape out{in[0]};
  int64_t known = 1;
  int open = -1;
  for (const int32_t d : target) {
    if (d < -1 || (d == -1 && open >= 0))
      return Error(Code::kInvalidModel, "the target shape ",
                   c.options.Raw("target_shape").ToString());
    if (d == -1) open = out.rank();
    if (d > 0) known *= d;
    if (known > INT32_MAX) return Error(Code::kInvalidModel, "a target shape too large");
    out.push_back(d);
  }
  const int32_t total = ProductFrom(in, 1);
  if (open >= 0 && total != kUnknownDim && known > 0)
    out[open] = static_cast<int32_t>(total / known);
  c.Return(c.e.Reshape(c.x(), out));
  return c.Finish();
}

Status LowerPermute(LayerContext& c) {
  std::vector<int32_t> order = c.options.List("dims");
  order.insert(order.begin(), 0);
  c.Return(c.e.Transpose(c.x(), order));
  return c.Finish();
}

Status LowerRepeatVector(LayerContext& c) {
  const auto n = static_cast<int32_t>(c.options.Int("n"));
  const int32_t x = c.e.ExpandDims(c.x(), 1);
  c.Return(c.e.Op(OpCode::kTile, {x, c.e.Ints({1, n, 1})}));
  return c.Finish();
}

// `name` as pairs for `dims` dimensions: one number, one for each, or a pair for each. In one
// dimension a pair is meant, as is anything of two numbers there.
std::vector<std::pair<int32_t, int32_t>> Pairs(LayerContext& c, std::string_view name,
                                               size_t dims) {
  std::vector<std::pair<int32_t, int32_t>> out;
  const Json& json = c.options.Raw(name);
  const auto number = [&](const Json& item) {
    const auto value = item.integer();
    if (!value || *value < 0 || *value > INT32_MAX / 4) {
      c.options.Fail(Error(Code::kInvalidModel, "option '", name, "' = ", json.ToString()));
      return 0;
    }
    return static_cast<int32_t>(*value);
  };
  if (!json.is_array()) {
    const int32_t all = json.is_null() ? 1 : number(json);
    out.assign(dims, {all, all});
  } else if (dims == 1) {
    const Json& inner = json[0].is_array() ? json[0] : json;
    out = {{number(inner[0]), number(inner[1])}};
  } else {
    for (const Json& item : json.items()) {
      if (item.is_array()) {
        out.emplace_back(number(item[0]), number(item[1]));
      } else {
        out.emplace_back(number(item), number(item));
      }
    }
  }
  if (out.size() != dims) {
    c.options.Fail(Error(Code::kInvalidModel, "option '", name, "' = ", json.ToString()));
    out.assign(dims, {0, 0});
  }
  return out;
}

// Amounts for all dimensions from those of the spatial ones.
std::vector<std::pair<int32_t, int32_t>> ForAll(
    const std::vector<std::pair<int32_t, int32_t>>& spatial, bool channels_first) {
  std::vector<std::pair<int32_t, int32_t>> out = {{0, 0}};
  if (channels_first) out.emplace_back(0, 0);
  out.insert(out.end(), spatial.begin(), spatial.end());
  if (!channels_first) out.emplace_back(0, 0);
  return out;
}

Status RequireRank(LayerContext& c, size_t dims) {
  if (c.e.rank(c.x()) == static_cast<int>(dims) + 2) return Status::Ok();
  return Error(Code::kInvalidModel, "an input of shape ", c.e.shape(c.x()).ToString(),
               ", expected ", dims + 2, " dimensions");
}

Status LowerZeroPadding(LayerContext& c, size_t dims) {
  const bool first = ChannelsFirst(c);
  const auto pads = Pairs(c, "padding", dims);
  EDGEML_RETURN_IF_ERROR(c.Check());
  EDGEML_RETURN_IF_ERROR(RequireRank(c, dims));
  c.Return(c.e.Pad(c.x(), ForAll(pads, first)));
  return c.Finish();
}

Status LowerCropping(LayerContext& c, size_t dims) {
  const bool first = ChannelsFirst(c);
  const auto crops = ForAll(Pairs(c, "cropping", dims), first);
  EDGEML_RETURN_IF_ERROR(c.Check());
  EDGEML_RETURN_IF_ERROR(RequireRank(c, dims));
  const Shape in = c.e.shape(c.x());
  // One strided slice: negative ends count from the back, so that open sizes stay open.
  std::vector<int32_t> begin, end, step;
  ir::StridedSliceAttrs attributes;
  for (int d = 0; d < in.rank(); ++d) {
    const auto [front, back] = crops[static_cast<size_t>(d)];
    if (in[d] != kUnknownDim && int64_t{front} + back >= in[d])
      return Error(Code::kInvalidModel, "nothing is left of dimension ", d, " of size ", in[d]);
    begin.push_back(front);
    end.push_back(back == 0 ? 0 : -back);
    step.push_back(1);
    if (front == 0) attributes.begin_mask |= 1 << d;
    if (back == 0) attributes.end_mask |= 1 << d;
  }
  c.Return(c.e.Op(OpCode::kStridedSlice, {c.x(), c.e.Ints(begin), c.e.Ints(end), c.e.Ints(step)},
                  attributes));
  return c.Finish();
}

// Each element of dimension `axis` `times` times in a row.
int32_t Repeat(ir::Emitter& e, int32_t x, int axis, int32_t times) {
  if (times == 1 || !e.ok()) return x;
  const Shape in = e.shape(x);
  const int32_t wide = e.ExpandDims(x, axis + 1);
  std::vector<int32_t> counts(static_cast<size_t>(in.rank()) + 1, 1);
  counts[static_cast<size_t>(axis) + 1] = times;
  const int32_t tiled = e.Op(OpCode::kTile, {wide, e.Ints(counts)});
  Shape out = in;
  out[axis] = in[axis] == kUnknownDim ? kUnknownDim : in[axis] * times;
  return e.Reshape(tiled, out);
}

Status LowerUpSampling(LayerContext& c, size_t dims) {
  const bool first = ChannelsFirst(c);
  const char* name = c.options.Has("length") ? "length" : "size";
  const std::vector<int32_t> size = c.options.Ints(name, dims, 2);
  const std::string how = dims == 2 ? c.options.Text("interpolation", "nearest") : "nearest";
  EDGEML_RETURN_IF_ERROR(c.Check());
  EDGEML_RETURN_IF_ERROR(RequireRank(c, dims));
  if (std::ranges::any_of(size, [](int32_t n) { return n < 1 || n > 4096; }))
    return Error(Code::kInvalidModel, "the size ", c.options.Raw(name).ToString());
  ir::Emitter& e = c.e;
  int32_t x = ToChannelsLast(c, c.x(), first);
  if (dims != 2) {
    for (size_t i = 0; i < dims; ++i) x = Repeat(e, x, static_cast<int>(i) + 1, size[i]);
    c.Return(FromChannelsLast(c, x, first));
    return c.Finish();
  }
  const Shape in = e.shape(x);
  if (in[1] == kUnknownDim || in[2] == kUnknownDim)
    return Error(Code::kUnsupported, "an open size of its input; state it with --input-shape");
  if (int64_t{in[1]} * size[0] > INT32_MAX || int64_t{in[2]} * size[1] > INT32_MAX)
    return Error(Code::kInvalidModel, "an output too large");
  const int32_t target = e.Ints({in[1] * size[0], in[2] * size[1]});
  if (how == "nearest") {
    x = e.Op(OpCode::kResizeNearestNeighbor, {x, target}, ir::ResizeAttrs{false, true});
  } else if (how == "bilinear") {
    x = e.Op(OpCode::kResizeBilinear, {x, target}, ir::ResizeAttrs{false, true});
  } else {
    return Error(Code::kUnsupported, "the interpolation '", how, "'");
  }
  c.Return(FromChannelsLast(c, x, first));
  return c.Finish();
}

constexpr LayerDef kLayers[] = {
    {"Cropping1D", [](LayerContext& c) { return LowerCropping(c, 1); }},
    {"Cropping2D", [](LayerContext& c) { return LowerCropping(c, 2); }},
    {"Cropping3D", [](LayerContext& c) { return LowerCropping(c, 3); }},
    {"Flatten", LowerFlatten},
    {"Permute", LowerPermute},
    {"RepeatVector", LowerRepeatVector},
    {"Reshape", LowerReshape},
    {"UpSampling1D", [](LayerContext& c) { return LowerUpSampling(c, 1); }},
    {"UpSampling2D", [](LayerContext& c) { return LowerUpSampling(c, 2); }},
    {"UpSampling3D", [](LayerContext& c) { return LowerUpSampling(c, 3); }},
    {"ZeroPadding1D", [](LayerContext& c) { return LowerZeroPadding(c, 1); }},
    {"ZeroPadding2D", [](LayerContext& c) { return LowerZeroPadding(c, 2); }},
    {"ZeroPadding3D", [](LayerContext& c) { return LowerZeroPadding(c, 3); }},
};

}  // namespace

std::span<const LayerDef> ReshapingLayers() { return kLayers; }

}  // namespace edgeml::keras
