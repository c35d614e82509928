// Pools of one to three dimensions, and over everything.
#include <algorithm>

#include "src/base/strings.h"
#include "src/formats/keras/layers/common.h"

namespace edgeml::keras {
namespace {

using ir::OpCode;

struct Pool {
  std::vector<int32_t> size, strides;
  ir::Padding padding = ir::Padding::kValid;
};

Pool ReadPool(LayerContext& c, size_t dims) {
  Pool pool;
  // Keras 1 calls them pool_length and stride in one dimension.
  const char* name = c.options.Has("pool_length") ? "pool_length" : "pool_size";
  pool.size = c.options.Ints(name, dims, 2);
  const char* step = c.options.Has("stride") ? "stride" : "strides";
  pool.strides = c.options.Has(step) ? c.options.Ints(step, dims) : pool.size;
  c.options.Ignore({"strides", "stride"});
  pool.padding = ReadPadding(c);
  for (const auto* sizes : {&pool.size, &pool.strides})
    if (std::ranges::any_of(*sizes, [](int32_t n) { return n < 1; }))
      c.options.Fail(Error(Code::kInvalidModel, "a pool size or stride below 1"));
  return pool;
}

// Over height and width of [batch, height, width, channels].
int32_t Pool2D(ir::Emitter& e, OpCode op, int32_t x, const Pool& pool, size_t first) {
  ir::PoolAttrs attributes;
  attributes.window.padding = pool.padding;
  attributes.filter_h = pool.size[first];
  attributes.filter_w = pool.size[first + 1];
  attributes.window.stride_h = pool.strides[first];
  attributes.window.stride_w = pool.strides[first + 1];
  return e.Op(op, {x}, attributes);
}

Status LowerPool(LayerContext& c, OpCode op, size_t dims) {
  Pool pool = ReadPool(c, dims);
  const bool first = ChannelsFirst(c);
  EDGEML_RETURN_IF_ERROR(c.Check());
  ir::Emitter& e = c.e;
  int32_t x = ToChannelsLast(c, c.x(), first);
  const Shape in = e.shape(x);
  if (in.rank() != static_cast<int>(dims) + 2)
    return Error(Code::kInvalidModel, "an input of shape ", in.ToString(), ", expected ", dims + 2,
                 " dimensions");
  if (dims == 1) {
    pool.size.insert(pool.size.begin(), 1);
    pool.strides.insert(pool.strides.begin(), 1);
    x = e.Squeeze(Pool2D(e, op, e.ExpandDims(x, 1), pool, 0), 1);
  } else if (dims == 2) {
    x = Pool2D(e, op, x, pool, 0);
  } else {
    // Height and width of every slice, then the depth: the same numbers, also of averages, since a
    // window's elements are counted in each dimension apart.
    for (int d = 1; d < in.rank(); ++d)
      if (in[d] == kUnknownDim)
        return Error(Code::kUnsupported, "an open size of its input; state it with --input-shape");
    x = e.Reshape(x, {kUnknownDim, in[2], in[3], in[4]});
    x = Pool2D(e, op, x, pool, 1);
    const Shape flat = e.shape(x);
    EDGEML_RETURN_IF_ERROR(e.status());
    const int64_t row = int64_t{flat[1]} * flat[2];
    if (row > INT32_MAX) return Error(Code::kInvalidModel, "an input too large");
    x = e.Reshape(x, {kUnknownDim, in[1], static_cast<int32_t>(row), in[4]});
    Pool depth = pool;
    depth.size = {pool.size[0], 1};
    depth.strides = {pool.strides[0], 1};
    x = Pool2D(e, op, x, depth, 0);
    EDGEML_RETURN_IF_ERROR(e.status());
    x = e.Reshape(x, {kUnknownDim, e.shape(x)[1], flat[1], flat[2], in[4]});
  }
  c.Return(FromChannelsLast(c, x, first));
  return c.Finish();
}

Status LowerGlobalPool(LayerContext& c, OpCode op, int dims) {
  const bool keep = c.options.Bool("keepdims", false);
  const bool first = ChannelsFirst(c);
  ir::Emitter& e = c.e;
  std::vector<int32_t> axes;
  for (int d = 0; d < dims; ++d) axes.push_back(first ? d + 2 : d + 1);
  if (e.rank(c.x()) != dims + 2)
    return Error(Code::kInvalidModel, "an input of shape ", e.shape(c.x()).ToString(),
                 ", expected ", dims + 2, " dimensions");
  const int32_t mask = c.inputs[0].mask;
  if (mask != ir::kNoValue && op == OpCode::kMean) {
    // The mean of the steps that count.
    const int32_t weights = e.ExpandDims(e.Cast(mask, e.type(c.x())), first ? 1 : 2);
    const int32_t sum = e.Reduce(OpCode::kSum, e.Mul(c.x(), weights), axes, keep);
    c.Return(e.Div(sum, e.Reduce(OpCode::kSum, weights, axes, keep)));
    return c.Finish();
  }
  c.Return(e.Reduce(op, c.x(), axes, keep));
  return c.Finish();
}

constexpr LayerDef kLayers[] = {
    {"AveragePooling1D", [](LayerContext& c) { return LowerPool(c, OpCode::kAveragePool2D, 1); }},
    {"AveragePooling2D", [](LayerContext& c) { return LowerPool(c, OpCode::kAveragePool2D, 2); }},
    {"AveragePooling3D", [](LayerContext& c) { return LowerPool(c, OpCode::kAveragePool2D, 3); }},
    {"MaxPooling1D", [](LayerContext& c) { return LowerPool(c, OpCode::kMaxPool2D, 1); }},
    {"MaxPooling2D", [](LayerContext& c) { return LowerPool(c, OpCode::kMaxPool2D, 2); }},
    {"MaxPooling3D", [](LayerContext& c) { return LowerPool(c, OpCode::kMaxPool2D, 3); }},
    {"GlobalAveragePooling1D",
     [](LayerContext& c) { return LowerGlobalPool(c, OpCode::kMean, 1); }},
    {"GlobalAveragePooling2D",
     [](LayerContext& c) { return LowerGlobalPool(c, OpCode::kMean, 2); }},
    {"GlobalAveragePooling3D",
     [](LayerContext& c) { return LowerGlobalPool(c, OpCode::kMean, 3); }},
    {"GlobalMaxPooling1D",
     [](LayerContext& c) { return LowerGlobalPool(c, OpCode::kReduceMax, 1); }},
    {"GlobalMaxPooling2D",
     [](LayerContext& c) { return LowerGlobalPool(c, OpCode::kReduceMax, 2); }},
    {"GlobalMaxPooling3D",
     [](LayerContext& c) { return LowerGlobalPool(c, OpCode::kReduceMax, 3); }},
};

}  // namespace

std::span<const LayerDef> PoolingLayers() { return kLayers; }

}  // namespace edgeml::keras
