// Layers that join several tensors.
#include <algorithm>
#include <numeric>

#include "src/base/strings.h"
#include "src/formats/keras/layers/einsum.h"

namespace edgeml::keras {
namespace {

using ir::OpCode;

int32_t AllMasks(LayerContext& c) {
  int32_t mask = ir::kNoValue;
  for (const Tensor& t : c.inputs) {
    if (t.mask == ir::kNoValue) continue;
    mask = mask == ir::kNoValue ? t.mask
                                : c.e.Op(OpCode::kLogicalAnd, {mask, t.mask}, {}, DType::kBool);
  }
  return mask;
}

// Keras joins inputs of fewer dimensions by putting ones after the batch.
std::vector<int32_t> SameRank(LayerContext& c) {
  int rank = 0;
  for (const Tensor& t : c.inputs) rank = std::max(rank, c.e.rank(t.value));
  std::vector<int32_t> out;
  for (const Tensor& t : c.inputs) {
    int32_t v = t.value;
    while (c.e.ok() && c.e.rank(v) < rank) v = c.e.ExpandDims(v, 1);
    out.push_back(v);
  }
  return out;
}

Status LowerFold(LayerContext& c, OpCode op) {
  const std::vector<int32_t> values = SameRank(c);
  if (values.empty()) return Error(Code::kInvalidModel, "no inputs");
  const int32_t mask = AllMasks(c);
  int32_t y = values[0];
  for (size_t i = 1; i < values.size(); ++i) y = c.e.Op(op, {y, values[i]});
  c.outputs = {{y, mask}};
  return c.Finish();
}

Status LowerAverage(LayerContext& c) {
  EDGEML_RETURN_IF_ERROR(LowerFold(c, OpCode::kAdd));
  const auto count = static_cast<float>(c.inputs.size());
  c.outputs[0].value = c.e.Mul(c.outputs[0].value, c.e.Float(1.0f / count));
  return c.Finish();
}

Status LowerSubtract(LayerContext& c) {
  if (c.inputs.size() != 2) return Error(Code::kInvalidModel, c.inputs.size(), " inputs, not 2");
  return LowerFold(c, OpCode::kSub);
}

// Keras 1: one layer with a mode.
Status LowerMerge(LayerContext& c) {
  const std::string mode = c.options.Text("mode", "sum");
  c.options.Ignore({"concat_axis", "dot_axes", "output_shape", "output_mask", "mode_type",
                    "output_shape_type", "output_mask_type", "arguments"});
  if (mode == "sum") return LowerFold(c, OpCode::kAdd);
  if (mode == "mul") return LowerFold(c, OpCode::kMul);
  if (mode == "max") return LowerFold(c, OpCode::kMaximum);
  if (mode == "ave") return LowerAverage(c);
  if (mode == "concat") {
    std::vector<int32_t> values;
    for (const Tensor& t : c.inputs) values.push_back(t.value);
    const auto axis = NormalizedAxis(c.options.Int("concat_axis", -1), c.e.rank(c.x()));
    if (!axis) return Error(Code::kInvalidModel, "concat_axis out of range");
    c.Return(c.e.Concatenate(std::move(values), *axis));
    return c.Finish();
  }
  return Error(Code::kUnsupported, "the mode '", mode, "'");
}

Status LowerConcatenate(LayerContext& c) {
  const int64_t axis = c.options.Int("axis", -1);
  const auto normal = NormalizedAxis(axis, c.e.rank(c.x()));
  if (!normal) return Error(Code::kInvalidModel, "axis ", axis, " of rank ", c.e.rank(c.x()));
  std::vector<int32_t> values;
  for (const Tensor& t : c.inputs) values.push_back(t.value);
  const int32_t mask = AllMasks(c);
  c.outputs = {{c.e.Concatenate(std::move(values), *normal), mask}};
  return c.Finish();
}

// Products over one axis of each: [batch, …a…, k] · [batch, …b…, k] → [batch, …a…, …b…].
Status LowerDot(LayerContext& c) {
  if (c.inputs.size() != 2) return Error(Code::kInvalidModel, c.inputs.size(), " inputs, not 2");
  const std::vector<int32_t> axes = c.options.Ints("axes", 2);
  const bool normalize = c.options.Bool("normalize", false);
  EDGEML_RETURN_IF_ERROR(c.Check());
  ir::Emitter& e = c.e;
  // One label for each dimension: the batch, the one summed over, and the others of each side.
  EinsumSpec spec;
  spec.out = "b";
  int32_t sides[2];
  char label = 'c';
  for (size_t i = 0; i < 2; ++i) {
    sides[i] = c.inputs[i].value;
    const int rank = e.rank(sides[i]);
    const auto axis = NormalizedAxis(axes[i], rank);
    if (!axis || *axis == 0) return Error(Code::kInvalidModel, "axis ", axes[i], " of rank ", rank);
    if (normalize) {  // x / sqrt(max(sum of squares, 1e-12))
      const int32_t reduced[] = {*axis};
      const int32_t sum = e.Reduce(OpCode::kSum, e.Op(OpCode::kSquare, {sides[i]}), reduced, true);
      sides[i] = e.Mul(sides[i], e.Op(OpCode::kRsqrt, {e.Maximum(sum, e.Float(1e-12f))}));
    }
    std::string& labels = i == 0 ? spec.a : spec.b;
    labels = "b";
    for (int d = 1; d < rank; ++d) {
      labels += d == *axis ? 'a' : label++;
      if (d != *axis) spec.out += labels.back();
    }
  }
  if (spec.out.size() > static_cast<size_t>(kMaxRank))
    return Error(Code::kUnsupported, "a result of rank ", spec.out.size());
  int32_t y = Einsum(e, spec, sides[0], sides[1]);
  if (spec.out.size() == 1) y = e.ExpandDims(y, 1);
  c.Return(y);
  return c.Finish();
}

constexpr LayerDef kLayers[] = {
    {"Add", [](LayerContext& c) { return LowerFold(c, OpCode::kAdd); }},
    {"Average", LowerAverage},
    {"Concatenate", LowerConcatenate},
    {"Dot", LowerDot},
    {"Maximum", [](LayerContext& c) { return LowerFold(c, OpCode::kMaximum); }},
    {"Merge", LowerMerge},
    {"Minimum", [](LayerContext& c) { return LowerFold(c, OpCode::kMinimum); }},
    {"Multiply", [](LayerContext& c) { return LowerFold(c, OpCode::kMul); }},
    {"Subtract", LowerSubtract},
};

}  // namespace

std::span<const LayerDef> MergeLayers() { return kLayers; }

}  // namespace edgeml::keras
