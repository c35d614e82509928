// Attention layers and dense layers in Einstein's notation. Formulas: keras.layers of Keras 2.15
// and 3.15.
#include <algorithm>
#include <cmath>

#include "src/base/strings.h"
#include "src/formats/keras/layers/einsum.h"

namespace edgeml::keras {
namespace {

using ir::OpCode;

constexpr int64_t kMostCausal = int64_t{1} << 22;  // elements of a mask of positions
constexpr float kMasked = -1e9f;                   // the score of a position that is masked

int32_t And(ir::Emitter& e, int32_t a, int32_t b) {
  if (a == ir::kNoValue || b == ir::kNoValue) return a == ir::kNoValue ? b : a;
  return e.Op(OpCode::kLogicalAnd, {a, b}, {}, DType::kBool);
}

int32_t Softmax(ir::Emitter& e, int32_t x) {
  return e.Op(OpCode::kSoftmax, {x}, ir::SoftmaxAttrs{1.0f});
}

// Which of `keys` positions each of `queries` may see: true where fits(query, key). [1, q, k].
template <typename Fits>
int32_t PositionMask(ir::Emitter& e, int32_t queries, int32_t keys, const Fits& fits) {
  if (queries == kUnknownDim || keys == kUnknownDim) {
    e.Fail(Error(Code::kUnsupported,
                 "a causal mask for sequences of open length; state it with --input-shape"));
    return ir::kNoValue;
  }
  const int64_t count = int64_t{queries} * keys;
  if (count > kMostCausal) {
    e.Fail(Error(Code::kUnsupported, "a causal mask of ", queries, " by ", keys, " positions"));
    return ir::kNoValue;
  }
  std::vector<std::byte> values;
  values.reserve(static_cast<size_t>(count));
  for (int32_t q = 0; q < queries; ++q)
    for (int32_t k = 0; k < keys; ++k) values.push_back(std::byte{fits(q, k)});
  return e.builder().AddConstant("positions", DType::kBool, {1, queries, keys},
                                 ir::ConstantData::Own(std::move(values)));
}

int32_t CausalMask(ir::Emitter& e, int32_t queries, int32_t keys) {
  return PositionMask(e, queries, keys, [](int32_t q, int32_t k) { return k <= q; });
}

// Whether the call gives this plain option as true.
bool Flag(const LayerContext& c, std::string_view name) {
  for (const auto& [key, argument] : c.call.kwargs)
    if (key == name) return argument.value.boolean().value_or(false);
  return false;
}

int32_t Masked(ir::Emitter& e, int32_t scores, int32_t mask) {
  if (mask == ir::kNoValue) return scores;
  return e.Op(OpCode::kSelectV2, {mask, scores, e.Float(kMasked)}, {}, DType::kFloat32);
}

// Attention and AdditiveAttention -------------------------------------------------------------

// The sum over the features of tanh(query + key), of every query with every key.
int32_t AdditiveScores(LayerContext& c, int32_t query, int32_t key, const Weight* scale,
                       bool inside) {
  ir::Emitter& e = c.e;
  int32_t sum = e.Add(e.ExpandDims(query, 2), e.ExpandDims(key, 1));
  const auto factor = [&] { return c.Constant(*scale, scale->shape, "scale"); };
  if (scale != nullptr && inside) sum = e.Mul(sum, factor());
  int32_t y = e.Op(OpCode::kTanh, {sum});
  if (scale != nullptr && !inside) y = e.Mul(y, factor());
  const int32_t last[] = {3};
  return e.Reduce(OpCode::kSum, y, last, false);
}

Status LowerAttention(LayerContext& c, bool additive) {
  const bool scale = c.options.Bool("use_scale", additive);
  const bool concat =
      !additive && c.options.OneOf("score_mode", {"dot", "concat"}, "dot") == "concat";
  const bool old_causal = c.options.Bool("causal", false);
  c.options.Ignore({"dropout", "score_mode"});
  EDGEML_RETURN_IF_ERROR(c.Check());
  if (c.inputs.size() < 2 || c.inputs.size() > 3)
    return Error(Code::kInvalidModel, c.inputs.size(), " inputs, not 2 or 3");
  ir::Emitter& e = c.e;
  const int32_t query = c.x(), value = c.inputs[1].value;
  const int32_t key = c.inputs.size() > 2 ? c.inputs[2].value : value;
  for (const int32_t v : {query, value, key})
    if (e.rank(v) != 3)
      return Error(Code::kInvalidModel, "an input of shape ", e.shape(v).ToString());
  int32_t scores = ir::kNoValue;
  if (additive || concat) {
    Weight weight;
    if (scale) weight = c.Take("scale", 0, additive ? 1 : 0);
    scores = AdditiveScores(c, query, key, scale ? &weight : nullptr, concat);
    if (concat) {
      const Weight factor = c.Take("concat_score_weight", scale ? 1 : 0, 0);
      scores = e.Mul(scores, c.Constant(factor, factor.shape, "concat_score_weight"));
    }
  } else {
    scores = e.Op(OpCode::kBatchMatMul, {query, key}, ir::BatchMatMulAttrs{false, true, false});
    if (scale) {
      const Weight weight = c.Take("scale", 0, 0);
      scores = e.Mul(scores, c.Constant(weight, weight.shape, "scale"));
    }
  }
  int32_t mask = c.inputs[1].mask;
  if (mask != ir::kNoValue) mask = e.ExpandDims(mask, 1);
  if (old_causal || Flag(c, "use_causal_mask"))
    mask = And(e, mask, CausalMask(e, e.shape(query)[1], e.shape(value)[1]));
  for (const auto& [name, argument] : c.call.kwargs)
    if (name == "mask" && !argument.is_none())
      return Error(Code::kUnsupported, "masks given as arguments");
  const int32_t weights = Softmax(e, Masked(e, scores, mask));
  int32_t y = e.Op(OpCode::kBatchMatMul, {weights, value}, ir::BatchMatMulAttrs{});
  if (const int32_t own = c.inputs[0].mask; own != ir::kNoValue)
    y = e.Mul(y, e.ExpandDims(e.Cast(own, DType::kFloat32), 2));
  c.outputs = {{y, c.inputs[0].mask}};
  if (Flag(c, "return_attention_scores")) c.outputs.push_back({weights, ir::kNoValue});
  return c.Finish();
}

// MultiHeadAttention --------------------------------------------------------------------------

// The tensors of a call: query, value, key, and masks.
struct Heads {
  Tensor query, value, key;
  int32_t mask = ir::kNoValue;  // as given
  bool causal = false, scores = false;
};

// The argument by keyword, or at its place among the positional ones, which may be tensors or not.
Result<Heads> ReadHeads(LayerContext& c) {
  Heads out;
  if (c.inputs.empty()) return Error(Code::kInvalidModel, "no input");
  out.query = c.call.args.empty() ? c.inputs[0] : c.Argument("query", 0);
  out.value = c.Argument("value", 1);
  out.key = c.Argument("key", 2);
  if (out.key.value == ir::kNoValue) out.key = out.value;
  out.mask = c.Argument("attention_mask", 6).value;
  // In Keras 2 the mask comes after the key.
  if (out.mask == ir::kNoValue && c.lowering.keras_major() < 3)
    out.mask = c.Argument("attention_mask", 3).value;
  out.causal = Flag(c, "use_causal_mask");
  out.scores = Flag(c, "return_attention_scores");
  if (out.query.value == ir::kNoValue || out.value.value == ir::kNoValue)
    return Error(Code::kInvalidModel, "no query or no value");
  for (Tensor* tensor : {&out.query, &out.value, &out.key}) {
    const std::string_view name = tensor == &out.query   ? "query_mask"
                                  : tensor == &out.value ? "value_mask"
                                                         : "key_mask";
    if (const Tensor given = c.Argument(name, SIZE_MAX); given.value != ir::kNoValue)
      tensor->mask = given.value;
  }
  return out;
}

// All masks together, bool [batch, queries, keys] with ones where it is the same for all.
int32_t JoinMasks(LayerContext& c, const Heads& heads, int32_t window) {
  ir::Emitter& e = c.e;
  int32_t mask = ir::kNoValue;
  const auto add = [&](int32_t of, int axis) {
    if (of != ir::kNoValue) mask = And(e, mask, e.ExpandDims(e.Cast(of, DType::kBool), axis));
  };
  add(heads.query.mask, 2);
  add(heads.value.mask, 1);
  if (heads.key.value != heads.value.value) add(heads.key.mask, 1);
  const Shape& query = e.shape(heads.query.value);
  const Shape& value = e.shape(heads.value.value);
  if (heads.causal) mask = And(e, mask, CausalMask(e, query[1], value[1]));
  if (window > 0)
    mask = And(e, mask, PositionMask(e, query[1], value[1], [window](int32_t q, int32_t k) {
                 return std::abs(q - k) < window;
               }));
  if (heads.mask != ir::kNoValue) mask = And(e, mask, e.Cast(heads.mask, DType::kBool));
  return mask;
}

// Which dimensions attention is over, of tensors [batch, dims…, heads, features].
struct Axes {
  std::vector<int32_t> attention, others;  // of the inputs' dimensions, without batch and features
};

// [batch, dims…, heads, features] → [batch, others…, heads, product of attention, features].
int32_t HeadsFirst(ir::Emitter& e, int32_t x, const Axes& axes) {
  if (!e.ok()) return ir::kNoValue;
  const Shape shape = e.shape(x);
  std::vector<int32_t> order = {0};
  order.insert(order.end(), axes.others.begin(), axes.others.end());
  order.push_back(shape.rank() - 2);
  order.insert(order.end(), axes.attention.begin(), axes.attention.end());
  order.push_back(shape.rank() - 1);
  const int32_t y = e.Transpose(x, order);
  if (axes.attention.size() == 1) return y;
  Shape joined;
  int64_t product = 1;
  for (size_t i = 0; i <= axes.others.size() + 1; ++i) joined.push_back(shape[order[i]]);
  for (const int32_t axis : axes.attention) {
    if (shape[axis] == kUnknownDim) {
      e.Fail(Error(Code::kUnsupported, "an open size of its input; state it with --input-shape"));
      return ir::kNoValue;
    }
    product *= shape[axis];
    if (product > INT32_MAX) product = INT32_MAX;
  }
  joined.push_back(static_cast<int32_t>(product));
  joined.push_back(shape.back());
  return e.Reshape(y, joined);
}

// The other way round: [batch, others…, heads, attention…, features] → [batch, dims…, heads *
// features]. `like`: the query, whose dimensions these are.
int32_t HeadsLast(ir::Emitter& e, int32_t x, const Axes& axes, const Shape& like) {
  if (!e.ok()) return ir::kNoValue;
  const Shape shape = e.shape(x);
  const auto others = static_cast<int>(axes.others.size());
  const int32_t heads = shape[others + 1], features = shape.back();
  if (axes.attention.size() != 1) {
    Shape apart;
    for (int d = 0; d <= others + 1; ++d) apart.push_back(shape[d]);
    for (const int32_t axis : axes.attention) apart.push_back(like[axis]);
    apart.push_back(features);
    x = e.Reshape(x, apart);
  }
  const int rank = like.rank() + 1;
  std::vector<int32_t> order(static_cast<size_t>(rank), 0);
  int32_t place = 1;
  for (const int32_t axis : axes.others) order[static_cast<size_t>(axis)] = place++;
  order[static_cast<size_t>(rank) - 2] = place++;
  for (const int32_t axis : axes.attention) order[static_cast<size_t>(axis)] = place++;
  order.back() = place;
  Shape out = like;
  const int64_t joined = int64_t{heads} * features;
  if (heads == kUnknownDim || features == kUnknownDim || joined > INT32_MAX) {
    e.Fail(Error(Code::kInvalidModel, "heads of shape ", shape.ToString()));
    return ir::kNoValue;
  }
  out[out.rank() - 1] = static_cast<int32_t>(joined);
  return e.Reshape(e.Transpose(x, order), out);
}

// A mask [batch, queries…, keys…] as [batch, others…, heads, queries, keys], ones where it is the
// same for all.
int32_t SpreadMask(ir::Emitter& e, int32_t mask, const Axes& axes, int32_t scores) {
  if (mask == ir::kNoValue || !e.ok()) return mask;
  const auto dims = static_cast<int>(axes.attention.size());
  int before = e.rank(mask) - 2 * dims;  // dimensions in front of the queries
  if (before < 0) {
    e.Fail(Error(Code::kInvalidModel, "a mask of shape ", e.shape(mask).ToString()));
    return ir::kNoValue;
  }
  if (dims != 1) {
    Shape joined;
    const Shape shape = e.shape(mask);
    for (int d = 0; d < before; ++d) joined.push_back(shape[d]);
    for (int side = 0; side < 2; ++side) {
      int64_t product = 1;
      for (int d = 0; d < dims; ++d)
        product *= std::max(0, shape[before + side * dims + d]) % (int64_t{1} << 31);
      joined.push_back(static_cast<int32_t>(std::min<int64_t>(product, INT32_MAX)));
    }
    mask = e.Reshape(mask, joined);
  }
  for (; e.ok() && e.rank(mask) < e.rank(scores); ++before) mask = e.ExpandDims(mask, before);
  return mask;
}

// A part of the layer: its name in archives of Keras 2 and 3, and its place among the weights.
Weights PartOf(const LayerContext& c, std::string_view name, size_t index, size_t per_part) {
  const Weights range = c.weights.OfRange(index * per_part, per_part);
  Weights part = range.OfPart(Concat("_", name));
  return part.Has("kernel", 0) ? part : range.OfPart(name);
}

Status ReadAxes(LayerContext& c, int rank, Axes& axes) {
  const std::vector<int32_t> given = c.options.List("attention_axes");
  for (const int32_t axis : given) {
    const auto normal = NormalizedAxis(axis, rank);
    if (!normal || *normal == 0 || *normal >= rank - 1)
      return Error(Code::kInvalidModel, "the attention axis ", axis, " of an input of rank ", rank);
    axes.attention.push_back(*normal);
  }
  for (int32_t d = 1; d + 1 < rank; ++d) {
    if (given.empty()) {
      axes.attention.push_back(d);
    } else if (std::ranges::find(axes.attention, d) == axes.attention.end()) {
      axes.others.push_back(d);
    }
  }
  if (axes.attention.empty() ||
      axes.attention.size() + axes.others.size() + 2 != static_cast<size_t>(rank))
    return Error(Code::kInvalidModel, "an input of rank ", rank);
  return Status::Ok();
}

Status LowerMultiHeadAttention(LayerContext& c) {
  c.options.Ignore({"dropout", "num_heads", "output_shape", "query_shape", "key_shape",
                    "value_shape", "flash_attention", "value_dim", "softmax_robust_masking"});
  const auto key_dim = c.options.Int("key_dim");
  const bool use_bias = c.options.Bool("use_bias", true);
  const bool gate = c.options.Bool("use_gate", false);
  const auto window = static_cast<int32_t>(c.options.Int("sliding_window", 0));
  EDGEML_RETURN_IF_ERROR(c.Check());
  if (key_dim < 1) return Error(Code::kInvalidModel, "key_dim = ", key_dim);
  EDGEML_ASSIGN_OR_RETURN(const Heads heads, ReadHeads(c));
  ir::Emitter& e = c.e;
  const Shape query = e.shape(heads.query.value);
  if (query.rank() < 3 || query.rank() >= kMaxRank - 1 ||
      e.rank(heads.value.value) != query.rank() || e.rank(heads.key.value) != query.rank())
    return Error(Code::kUnsupported, "inputs of shapes ", query.ToString(), ", ",
                 e.shape(heads.value.value).ToString(), " and ",
                 e.shape(heads.key.value).ToString());
  Axes axes;
  EDGEML_RETURN_IF_ERROR(ReadAxes(c, query.rank(), axes));
  const size_t per_part = use_bias ? 2 : 1;
  size_t part = 0;
  const auto project = [&](const Tensor& of, std::string_view name, float factor, bool joined) {
    return Projection(c, of.value, PartOf(c, Concat(name, "_dense"), part++, per_part), use_bias, 1,
                      2, joined, factor, name);
  };
  // 1 / sqrt(key_dim) is in the weights of the query.
  const float factor = 1.0f / std::sqrt(static_cast<float>(key_dim));
  const int32_t q = HeadsFirst(e, project(heads.query, "query", factor, false), axes);
  const int32_t k = HeadsFirst(e, project(heads.key, "key", 1, false), axes);
  int32_t opened = ir::kNoValue;
  if (gate) opened = e.Op(OpCode::kLogistic, {project(heads.query, "gate", 1, true)});
  const int32_t v = HeadsFirst(e, project(heads.value, "value", 1, false), axes);
  int32_t scores = e.Op(OpCode::kBatchMatMul, {q, k}, ir::BatchMatMulAttrs{false, true, false});
  scores = Masked(e, scores, SpreadMask(e, JoinMasks(c, heads, window), axes, scores));
  const int32_t weights = Softmax(e, scores);
  int32_t y = e.Op(OpCode::kBatchMatMul, {weights, v}, ir::BatchMatMulAttrs{});
  y = HeadsLast(e, y, axes, query);
  if (gate) y = e.Mul(y, opened);
  const std::vector<int32_t> wanted = c.options.List("output_shape");
  const auto outputs = static_cast<int>(std::max<size_t>(wanted.size(), 1));
  if (outputs > kMaxRank - query.rank())
    return Error(Code::kUnsupported, "an output_shape of ", outputs, " dimensions");
  y = Projection(c, y, PartOf(c, "output_dense", part, per_part), use_bias, 2, outputs, false, 1,
                 "output");
  c.outputs = {{y, heads.query.mask}};
  if (heads.scores) {
    int32_t result = weights;
    if (axes.attention.size() != 1 && e.ok()) {
      const Shape joined = e.shape(weights);
      Shape apart;
      for (int d = 0; d + 2 < joined.rank(); ++d) apart.push_back(joined[d]);
      for (const int32_t of : {heads.query.value, heads.value.value})
        for (const int32_t axis : axes.attention)
          if (apart.rank() < kMaxRank) apart.push_back(e.shape(of)[axis]);
      result = e.Reshape(weights, apart);
    }
    c.outputs.push_back({result, ir::kNoValue});
  }
  return c.Finish();
}

// Each key and value head serves several query heads.
Status LowerGroupedAttention(LayerContext& c) {
  c.options.Ignore({"dropout", "flash_attention"});
  const int64_t head_dim = c.options.Int("head_dim");
  const int64_t query_heads = c.options.Int("num_query_heads");
  const int64_t key_heads = c.options.Int("num_key_value_heads");
  const bool use_bias = c.options.Bool("use_bias", true);
  const bool gate = c.options.Bool("use_gate", false);
  const auto window = static_cast<int32_t>(c.options.Int("sliding_window", 0));
  EDGEML_RETURN_IF_ERROR(c.Check());
  if (head_dim < 1 || query_heads < 1 || key_heads < 1 || query_heads % key_heads != 0 ||
      query_heads > INT32_MAX / head_dim)
    return Error(Code::kInvalidModel, query_heads, " heads on ", key_heads, " of ", head_dim);
  EDGEML_ASSIGN_OR_RETURN(const Heads heads, ReadHeads(c));
  ir::Emitter& e = c.e;
  const Shape query = e.shape(heads.query.value), value = e.shape(heads.value.value);
  if (query.rank() != 3 || value.rank() != 3 || e.rank(heads.key.value) != 3)
    return Error(Code::kInvalidModel, "an input of shape ", query.ToString());
  if (query[1] == kUnknownDim || value[1] == kUnknownDim)
    return Error(Code::kUnsupported, "sequences of open length; state it with --input-shape");
  const size_t per_part = use_bias ? 2 : 1;
  size_t part = 0;
  const auto project = [&](const Tensor& of, std::string_view name, float factor, bool joined) {
    return Projection(c, of.value, PartOf(c, Concat(name, "_dense"), part++, per_part), use_bias, 1,
                      2, joined, factor, name);
  };
  const auto n = static_cast<int32_t>(key_heads),
             each = static_cast<int32_t>(query_heads / key_heads);
  const auto width = static_cast<int32_t>(head_dim);
  const int64_t rows = int64_t{each} * query[1];
  if (rows > INT32_MAX) return Error(Code::kInvalidModel, "an input too large");
  const float factor = 1.0f / std::sqrt(static_cast<float>(head_dim));
  // [batch, key heads, queries of all heads that share one, features]
  int32_t q =
      e.Reshape(project(heads.query, "query", factor, true), {query[0], query[1], n, each, width});
  q = e.Reshape(e.Transpose(q, {0, 2, 3, 1, 4}), {query[0], n, static_cast<int32_t>(rows), width});
  const int32_t k = e.Transpose(project(heads.key, "key", 1, false), {0, 2, 1, 3});
  int32_t opened = ir::kNoValue;
  if (gate) opened = e.Op(OpCode::kLogistic, {project(heads.query, "gate", 1, true)});
  const int32_t v = e.Transpose(project(heads.value, "value", 1, false), {0, 2, 1, 3});
  int32_t scores = e.Op(OpCode::kBatchMatMul, {q, k}, ir::BatchMatMulAttrs{false, true, false});
  const Shape by_head{query[0], static_cast<int32_t>(query_heads), query[1], value[1]};
  const Shape by_key{query[0], n, static_cast<int32_t>(rows), value[1]};
  const int32_t mask = JoinMasks(c, heads, window);
  if (mask != ir::kNoValue)
    scores = e.Reshape(Masked(e, e.Reshape(scores, by_head), e.ExpandDims(mask, 1)), by_key);
  const int32_t weights = Softmax(e, scores);
  int32_t y = e.Op(OpCode::kBatchMatMul, {weights, v}, ir::BatchMatMulAttrs{});
  y = e.Transpose(e.Reshape(y, {query[0], n, each, query[1], width}), {0, 3, 1, 2, 4});
  y = e.Reshape(y, {query[0], query[1], static_cast<int32_t>(query_heads) * width});
  if (gate) y = e.Mul(y, opened);
  y = Projection(c, y, PartOf(c, "output_dense", part, per_part), use_bias, 2, 1, false, 1,
                 "output");
  c.outputs = {{y, heads.query.mask}};
  if (heads.scores) c.outputs.push_back({e.Reshape(weights, by_head), ir::kNoValue});
  return c.Finish();
}

Status LowerEinsumDense(LayerContext& c) {
  c.options.Ignore({"output_shape", "gptq_unpacked_column_size"});
  const std::string equation = c.options.Text("equation", "");
  const std::string bias_axes = c.options.Text("bias_axes", "");
  const Weight kernel = c.Take("kernel", 0);
  Weight bias;
  if (!bias_axes.empty()) bias = c.Take("bias", 1);
  EDGEML_RETURN_IF_ERROR(c.Check());
  EDGEML_ASSIGN_OR_RETURN(const EinsumSpec spec,
                          ParseEinsum(equation, c.e.rank(c.x()), kernel.shape.rank()));
  const int32_t y =
      EinsumDense(c, spec, c.x(), kernel, bias_axes.empty() ? nullptr : &bias, bias_axes, "kernel");
  c.Return(Activate(c, c.options.Raw("activation"), y), /*keeps_mask=*/true);
  return c.Finish();
}

constexpr LayerDef kLayers[] = {
    {"AdditiveAttention", [](LayerContext& c) { return LowerAttention(c, true); }},
    {"Attention", [](LayerContext& c) { return LowerAttention(c, false); }},
    {"EinsumDense", LowerEinsumDense},
    {"GroupQueryAttention", LowerGroupedAttention},
    {"GroupedQueryAttention", LowerGroupedAttention},
    {"MultiHeadAttention", LowerMultiHeadAttention},
};

}  // namespace

std::span<const LayerDef> AttentionLayers() { return kLayers; }

}  // namespace edgeml::keras
