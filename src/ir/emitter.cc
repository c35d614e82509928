#include "src/ir/emitter.h"

#include <algorithm>

#include "src/base/strings.h"

namespace edgeml::ir {

std::string Emitter::NextName() {
  const int n = count_++;
  return n == 0 ? prefix_ : Concat(prefix_, "_", n);
}

int32_t Emitter::Op(OpCode op, std::vector<int32_t> inputs, Attributes attributes, DType type) {
  if (!ok()) return kNoValue;
  auto result = b_.Add(op, std::move(inputs), std::move(attributes), NextName(), type);
  if (result.ok()) return *result;
  Fail(result.status());
  return kNoValue;
}

std::vector<int32_t> Emitter::Ops(OpCode op, std::vector<int32_t> inputs, Attributes attributes,
                                  size_t outputs, DType type) {
  std::vector<int32_t> none(outputs, kNoValue);
  if (!ok()) return none;
  if (type == DType::kInvalid) type = this->type(inputs[0]);
  std::vector<GraphBuilder::Output> made;
  for (size_t i = 0; i < outputs; ++i) made.push_back({type, NextName(), {}, {}});
  auto result = b_.Add(op, std::move(inputs), std::move(attributes), std::move(made));
  if (result.ok()) return std::move(result).value();
  Fail(result.status());
  return none;
}

const Shape& Emitter::shape(int32_t v) const {
  static const Shape kScalar;
  return v == kNoValue ? kScalar : b_.shape(v);
}

int32_t Emitter::Floats(const Shape& shape, std::span<const float> values, std::string name) {
  return b_.AddConstant(name.empty() ? NextName() : std::move(name), shape, values);
}

int32_t Emitter::Reshape(int32_t x, const Shape& shape) {
  if (!ok() || (shape == this->shape(x) && shape.known())) return x;
  int open = 0;
  for (const int32_t dim : shape.dims()) open += dim == kUnknownDim ? 1 : 0;
  if (open > 1) {
    Fail(Error(Code::kUnsupported, "a reshape to ", shape.ToString(), " from ",
               this->shape(x).ToString(),
               " has more than one open dimension; fix the input shape"));
    return kNoValue;
  }
  return Op(OpCode::kReshape, {x, Ints(shape.dims())},
            ReshapeAttrs{true, {shape.dims().begin(), shape.dims().end()}});
}

int32_t Emitter::Squeeze(int32_t x, int axis) {
  return Op(OpCode::kSqueeze, {x}, SqueezeAttrs{{axis}});
}

int32_t Emitter::ExpandDims(int32_t x, int axis) {
  return Op(OpCode::kExpandDims, {x, b_.AddInt(axis)});
}

int32_t Emitter::Transpose(int32_t x, std::span<const int32_t> order) {
  bool same = true;
  for (size_t i = 0; i < order.size(); ++i) same = same && order[i] == static_cast<int32_t>(i);
  return same ? x : Op(OpCode::kTranspose, {x, Ints(order)});
}

int32_t Emitter::Reduce(OpCode op, int32_t x, std::span<const int32_t> axes, bool keep_dims) {
  return Op(op, {x, Ints(axes)}, ReduceAttrs{keep_dims});
}

int32_t Emitter::Pad(int32_t x, std::span<const std::pair<int32_t, int32_t>> amounts, float value) {
  std::vector<int32_t> flat;
  for (const auto& [before, after] : amounts) {
    flat.push_back(before);
    flat.push_back(after);
  }
  if (std::ranges::all_of(flat, [](int32_t n) { return n == 0; })) return x;
  const int32_t pads = b_.AddConstant<int32_t>(
      NextName(), Shape{static_cast<int32_t>(amounts.size()), 2}, std::span<const int32_t>(flat));
  if (value == 0) return Op(OpCode::kPad, {x, pads});
  return Op(OpCode::kPadV2, {x, pads, Float(value)});
}

int32_t Emitter::Concatenate(std::vector<int32_t> parts, int axis) {
  if (parts.size() == 1) return parts[0];
  return Op(OpCode::kConcatenation, std::move(parts), ConcatAttrs{axis, Activation::kNone});
}

int32_t Emitter::SliceAxis(int32_t x, int axis, int32_t begin, int32_t end) {
  if (!ok()) return kNoValue;
  std::vector<int32_t> begins(static_cast<size_t>(rank(x)), 0), sizes = begins;
  std::ranges::fill(sizes, -1);
  begins[static_cast<size_t>(axis)] = begin;
  if (end >= 0) sizes[static_cast<size_t>(axis)] = end - begin;
  return Op(OpCode::kSlice, {x, Ints(begins), Ints(sizes)});
}

int32_t Emitter::Cast(int32_t x, DType type) {
  if (!ok() || this->type(x) == type) return x;
  return Op(OpCode::kCast, {x}, TypeAttrs{this->type(x), type}, type);
}

int32_t Emitter::ShapeWith(int32_t x, std::span<const std::pair<int, int32_t>> changes) {
  if (!ok()) return kNoValue;
  Shape wanted = shape(x);
  for (const auto& [axis, size] : changes) wanted[axis] = size;
  if (wanted.known()) return Ints(wanted.dims());
  const int32_t now =
      Op(OpCode::kShape, {x}, TypeAttrs{DType::kInvalid, DType::kInt32}, DType::kInt32);
  if (wanted == shape(x)) return now;
  std::vector<int32_t> parts;
  for (int d = 0; d < wanted.rank(); ++d) {
    if (wanted[d] != kUnknownDim) {
      parts.push_back(b_.AddInt(wanted[d]));
      continue;
    }
    StridedSliceAttrs one;
    one.shrink_axis_mask = 1;
    parts.push_back(Op(OpCode::kStridedSlice, {now, Ints({d}), Ints({d + 1}), Ints({1})}, one));
  }
  const auto count = static_cast<int32_t>(parts.size());
  return Op(OpCode::kPack, std::move(parts), AxisAttrs{0, count});
}

}  // namespace edgeml::ir
