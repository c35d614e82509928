// Operations that move elements, change shapes and types, or make tensors.
#include <algorithm>
#include <numeric>

#include "src/base/strings.h"
#include "src/formats/keras/layers/operations.h"

namespace edgeml::keras {
namespace {

using ir::OpCode;

void Identity(Operands& o) { o.Return(o.X()); }

void Cast(Operands& o) {
  const int32_t x = o.X();
  const std::string name = o.Text({"dtype"}, "float32");
  const auto type = TypeNamed(name);
  if (!type) return o.Unsupported(Concat("the type '", name, "'"));
  o.Return(o.e.Cast(x, *type));
}

// Shapes ---------------------------------------------------------------------------------------

// A list of sizes in which some are tensors, as int32 [n].
int32_t JoinSizes(Operands& o, const Argument& list) {
  ir::Emitter& e = o.e;
  std::vector<int32_t> sizes;
  for (const Argument& item : list.items) {
    if (item.kind == Argument::Kind::kTensor) {
      const int32_t v = o.c.lowering.Resolve(item.tensor).value;
      if (v == ir::kNoValue || e.rank(v) != 0) {
        o.Unsupported("a shape of such tensors");
        return ir::kNoValue;
      }
      sizes.push_back(e.Cast(v, DType::kInt32));
    } else if (const auto size = item.value.integer(); size && *size >= -1 && *size <= INT32_MAX) {
      sizes.push_back(e.builder().AddInt(static_cast<int32_t>(*size)));
    } else {
      o.Fail(Error(Code::kInvalidModel, "the size ", item.value.ToString()));
      return ir::kNoValue;
    }
  }
  const auto count = static_cast<int32_t>(sizes.size());
  return e.Op(OpCode::kPack, std::move(sizes), ir::AxisAttrs{0, count});
}

// A shape as numbers, as a list with tensors in it, or as a tensor: int32 [n].
int32_t ShapeArgument(Operands& o, Names names, size_t position) {
  ir::Emitter& e = o.e;
  if (const auto sizes = o.Ints(names, position)) {
    if (std::ranges::all_of(*sizes, [](int32_t n) { return n >= -1; })) return e.Ints(*sizes);
    o.Fail(Error(Code::kInvalidModel, "a shape with a negative size"));
    return ir::kNoValue;
  }
  const Argument* argument = o.Find(position, names);
  if (argument != nullptr && argument->kind == Argument::Kind::kList)
    return JoinSizes(o, *argument);
  const int32_t shape = o.Value(position, names);
  if (shape == ir::kNoValue) o.Fail(Error(Code::kInvalidModel, "no shape"));
  return e.Cast(shape, DType::kInt32);
}

void Reshape(Operands& o) {
  const int32_t x = o.Value(0, {"x", "tensor"});
  const int32_t shape = ShapeArgument(o, {"newshape", "shape"}, 1);
  ir::ReshapeAttrs attributes;
  if (const auto sizes = o.Ints({"newshape", "shape"}, 1)) attributes = {true, *sizes};
  o.Return(o.e.Op(OpCode::kReshape, {x, shape}, attributes));
}

void Ravel(Operands& o) { o.Return(o.e.Reshape(o.X(), {kUnknownDim})); }

void BroadcastTo(Operands& o) {
  const int32_t x = o.Value(0, {"x", "input"});
  const int32_t shape = ShapeArgument(o, {"shape"}, 1);
  o.Return(o.e.Op(OpCode::kBroadcastTo, {x, shape}));
}

void ShapeOf(Operands& o) {
  o.Return(o.e.Op(OpCode::kShape, {o.X()}, ir::TypeAttrs{DType::kInvalid, DType::kInt32},
                  DType::kInt32));
}

void ExpandDims(Operands& o) {
  const int32_t x = o.X();
  const auto axes = o.Ints({"axis"}, 1).value_or(std::vector<int32_t>{0});
  if (axes.size() != 1 || o.e.rank(x) >= kMaxRank) return o.Unsupported("several new axes");
  o.Return(o.e.ExpandDims(x, o.Normalized(axes[0], o.e.rank(x) + 1)));
}

void Squeeze(Operands& o) {
  const int32_t x = o.X();
  const Shape& shape = o.e.shape(x);
  std::vector<int32_t> axes;
  if (const auto given = o.Ints({"axis", "squeeze_dims"}); given && !given->empty()) {
    for (const int32_t axis : *given) axes.push_back(o.Normalized(axis, shape.rank()));
  } else {
    for (int d = 0; d < shape.rank(); ++d)
      if (shape[d] == 1) axes.push_back(d);
  }
  o.Return(o.e.Op(OpCode::kSqueeze, {x}, ir::SqueezeAttrs{axes}));
}

void Transpose(Operands& o) {
  const int32_t x = o.X();
  const int rank = o.e.rank(x);
  (void)o.Flag({"conjugate"}, false);  // the same for numbers that are not complex
  std::vector<int32_t> order;
  if (const auto given = o.Ints({"axes", "perm"}, 1)) {
    for (const int32_t axis : *given) order.push_back(o.Normalized(axis, rank));
  } else {
    for (int32_t d = rank; d-- > 0;) order.push_back(d);
  }
  std::vector<int32_t> sorted = order;
  std::ranges::sort(sorted);
  for (size_t i = 0; i < sorted.size(); ++i)
    if (sorted[i] != static_cast<int32_t>(i) || sorted.size() != static_cast<size_t>(rank))
      return o.Fail(Error(Code::kInvalidModel, "no order of ", rank, " axes"));
  o.Return(o.e.Transpose(x, order));
}

std::vector<int32_t> Order(int rank) {
  std::vector<int32_t> order(static_cast<size_t>(rank));
  std::iota(order.begin(), order.end(), 0);
  return order;
}

void SwapAxes(Operands& o) {
  const int32_t x = o.X();
  const int rank = o.e.rank(x);
  const int a = o.Axis({"axis1"}, 0, rank, 1), b = o.Axis({"axis2"}, 1, rank, 2);
  if (!o.e.ok()) return;
  std::vector<int32_t> order = Order(rank);
  std::swap(order[static_cast<size_t>(a)], order[static_cast<size_t>(b)]);
  o.Return(o.e.Transpose(x, order));
}

void MoveAxis(Operands& o) {
  const int32_t x = o.X();
  const int rank = o.e.rank(x);
  const auto from = o.Ints({"source"}, 1), to = o.Ints({"destination"}, 2);
  if (!from || !to || from->size() != to->size() || from->size() > static_cast<size_t>(rank))
    return o.Fail(Error(Code::kInvalidModel, "axes to move"));
  std::vector<int32_t> order(static_cast<size_t>(rank), -1), rest = Order(rank);
  for (size_t i = 0; i < from->size(); ++i) {
    const int32_t axis = o.Normalized((*from)[i], rank);
    order[static_cast<size_t>(o.Normalized((*to)[i], rank))] = axis;
    std::erase(rest, axis);
  }
  for (int32_t& place : order) {
    if (place >= 0) continue;
    if (rest.empty()) return o.Fail(Error(Code::kInvalidModel, "axes to move"));
    place = rest.front();
    rest.erase(rest.begin());
  }
  if (o.e.ok() && rest.empty()) o.Return(o.e.Transpose(x, order));
}

// Parts ----------------------------------------------------------------------------------------

int RankOfFirst(Operands& o, const std::vector<int32_t>& values) {
  if (values.empty()) o.Fail(Error(Code::kInvalidModel, "no operands"));
  return values.empty() || !o.e.ok() ? 1 : o.e.rank(values[0]);
}

void Concatenate(Operands& o) {
  const std::vector<int32_t> values = o.List(0, {"xs", "values"});
  const int axis = o.Axis({"axis"}, 0, RankOfFirst(o, values), 1);
  if (o.e.ok()) o.Return(o.e.Concatenate(values, axis));
}

void Stack(Operands& o) {
  std::vector<int32_t> values = o.List(0, {"x", "values"});
  const int axis = o.Axis({"axis"}, 0, RankOfFirst(o, values) + 1, 1);
  const auto count = static_cast<int32_t>(values.size());
  if (o.e.ok()) o.Return(o.e.Op(OpCode::kPack, std::move(values), ir::AxisAttrs{axis, count}));
}

// Into `count` equal parts, or parts of these sizes; -1 is what is left.
void Split(Operands& o) {
  ir::Emitter& e = o.e;
  const int32_t x = o.Value(0, {"x", "value"});
  const int axis = o.Axis({"axis"}, 0, e.rank(x), 2);
  const Names names = {"indices_or_sections", "num_or_size_splits"};
  const bool several = o.Option(names, 1).is_array();
  const auto given = o.Ints(names, 1);
  if (!e.ok()) return;
  if (!given) return o.Unsupported("parts whose number is only known at run time");
  const int32_t size = e.shape(x)[axis];
  std::vector<int32_t> sizes = *given;
  if (!several) {
    const int32_t count = sizes[0];
    if (count < 1 || count > (1 << 16) || (size != kUnknownDim && size % count != 0))
      return o.Fail(Error(Code::kInvalidModel, count, " parts of ", size));
    return o.Return(e.Ops(OpCode::kSplit, {e.builder().AddInt(axis), x}, ir::SplitAttrs{count},
                          static_cast<size_t>(count), e.type(x)));
  }
  if (!o.is_tensorflow) {  // the places to cut at
    if (size == kUnknownDim) return o.Unsupported("parts of an open size");
    std::vector<int32_t> parts;
    int32_t before = 0;
    for (int32_t place : sizes) {
      if (place < 0) place += size;
      if (place < before || place > size)
        return o.Fail(Error(Code::kInvalidModel, "a cut at ", place, " of ", size));
      parts.push_back(place - before);
      before = place;
    }
    parts.push_back(size - before);
    sizes = parts;
  }
  const auto count = static_cast<int32_t>(sizes.size());
  o.Return(e.Ops(OpCode::kSplitV, {x, e.Ints(sizes), e.builder().AddInt(axis)},
                 ir::SplitAttrs{count}, sizes.size()));
}

void Unstack(Operands& o) {
  ir::Emitter& e = o.e;
  const int32_t x = o.Value(0, {"x", "value"});
  const int axis = o.Axis({"axis"}, 0, e.rank(x), 2);
  if (!e.ok()) return;
  const auto count = static_cast<int32_t>(o.Int({"num"}, e.shape(x)[axis], 1));
  if (count < 1 || count > (1 << 16)) return o.Unsupported("parts of an open size");
  o.Return(e.Ops(OpCode::kUnpack, {x}, ir::AxisAttrs{axis, count}, static_cast<size_t>(count),
                 e.type(x)));
}

// What stands in square brackets: numbers, ranges, new axes, an ellipsis.
struct Subscript {
  enum class Kind : uint8_t { kIndex, kRange, kNewAxis, kEllipsis } kind = Kind::kRange;
  std::optional<int32_t> begin, end, step;
};

std::optional<Subscript> ReadSubscript(const Json& json) {
  Subscript out;
  const auto number = [](const Json& item) -> std::optional<int32_t> {
    const auto value = item.integer();
    if (!value) return std::nullopt;
    // Beyond the size of any dimension.
    return static_cast<int32_t>(std::clamp<int64_t>(*value, INT32_MIN / 2, INT32_MAX / 2));
  };
  const std::string& name = json["class_name"].text();
  if (json.is_null()) {
    out.kind = Subscript::Kind::kNewAxis;
    return out;
  }
  if (name == "__ellipsis__") {
    out.kind = Subscript::Kind::kEllipsis;
    return out;
  }
  if (json.is_number()) {
    out.kind = Subscript::Kind::kIndex;
    out.begin = number(json);
    return out.begin ? std::optional(out) : std::nullopt;
  }
  const Json& range = name == "__slice__" ? json["config"] : json;
  if (!range.is_object() || !(range.Has("start") || range.Has("stop"))) return std::nullopt;
  for (const auto& [key, place] : {std::pair("start", &out.begin), std::pair("stop", &out.end),
                                   std::pair("step", &out.step)}) {
    if (range[key].is_null()) continue;
    *place = number(range[key]);
    if (!place->has_value()) return std::nullopt;
  }
  return out;
}

void GetItem(Operands& o) {
  ir::Emitter& e = o.e;
  const int32_t x = o.Value(0, {"x", "tensor"});
  const Argument* argument = o.Find(1, {"key", "slice_spec"});
  if (!e.ok()) return;
  if (argument == nullptr) return o.Fail(Error(Code::kInvalidModel, "no subscripts"));
  if (argument->kind != Argument::Kind::kValue)
    return o.Unsupported("subscripts that are only known at run time");
  std::vector<Subscript> subscripts;
  const Json& json = argument->value["class_name"].text() == "__tuple__" ? argument->value["items"]
                                                                         : argument->value;
  const std::vector<Json> one = {json};
  for (const Json& item : json.is_array() ? json.items() : one) {
    const auto read = ReadSubscript(item);
    if (!read) return o.Unsupported(Concat("the subscript ", item.ToString()));
    subscripts.push_back(*read);
  }
  // The ellipsis, there or meant at the end, stands for the dimensions that are left.
  const Shape in = e.shape(x);
  const auto is = [](Subscript::Kind kind) {
    return [kind](const Subscript& s) { return s.kind == kind; };
  };
  const auto taken =
      static_cast<int>(std::ranges::count_if(subscripts, is(Subscript::Kind::kIndex)) +
                       std::ranges::count_if(subscripts, is(Subscript::Kind::kRange)));
  if (std::ranges::count_if(subscripts, is(Subscript::Kind::kEllipsis)) == 0)
    subscripts.push_back({Subscript::Kind::kEllipsis, {}, {}, {}});
  if (taken > in.rank() || std::ranges::count_if(subscripts, is(Subscript::Kind::kEllipsis)) > 1)
    return o.Fail(
        Error(Code::kInvalidModel, taken, " subscripts for a tensor of rank ", in.rank()));
  std::vector<int32_t> begin, end, step, new_axes;
  ir::StridedSliceAttrs attributes;
  bool whole = true;
  int kept = 0;  // dimensions of the result so far
  for (const Subscript& s : subscripts) {
    if (s.kind == Subscript::Kind::kNewAxis) {
      new_axes.push_back(kept++);
      continue;
    }
    const int count = s.kind == Subscript::Kind::kEllipsis ? in.rank() - taken : 1;
    for (int i = 0; i < count; ++i) {
      const int bit = 1 << begin.size();
      if (s.kind == Subscript::Kind::kIndex) {
        attributes.shrink_axis_mask |= bit;
      } else {
        ++kept;
        if (!s.begin) attributes.begin_mask |= bit;
        if (!s.end) attributes.end_mask |= bit;
      }
      if (s.step == 0) return o.Fail(Error(Code::kInvalidModel, "a step of 0"));
      whole = whole && s.kind != Subscript::Kind::kIndex && !s.begin && !s.end &&
              s.step.value_or(1) == 1;
      begin.push_back(s.begin.value_or(0));
      end.push_back(s.kind == Subscript::Kind::kIndex ? begin.back() + 1 : s.end.value_or(0));
      // The index -1 ends at 0 from the back, which is the end.
      if (s.kind == Subscript::Kind::kIndex && end.back() == 0) attributes.end_mask |= bit;
      step.push_back(s.step.value_or(1));
    }
  }
  if (kept > kMaxRank) return o.Unsupported("a result of that many dimensions");
  int32_t y = x;
  if (!whole)
    y = e.Op(OpCode::kStridedSlice, {x, e.Ints(begin), e.Ints(end), e.Ints(step)}, attributes);
  for (const int32_t axis : new_axes) y = e.ExpandDims(y, axis);
  o.Return(y);
}

void Take(Operands& o) {
  ir::Emitter& e = o.e;
  const int32_t x = o.Value(0, {"x", "params"});
  const Json& given = o.Option({"axis"});
  const auto batch_dims = static_cast<int32_t>(o.Int({"batch_dims"}, 0));
  if (!e.ok()) return;
  if (given.is_null() && !o.is_tensorflow && e.rank(x) != 1)
    return o.Unsupported("elements of all in a row; state an axis");
  const int axis = o.Axis({"axis"}, batch_dims, e.rank(x));
  int32_t indices = ir::kNoValue;
  const Argument* argument = o.Find(1, {"indices"});
  auto literal = argument == nullptr ? std::nullopt : ReadLiteral(argument->value);
  if (argument != nullptr && argument->kind == Argument::Kind::kValue && literal) {
    for (double& index : literal->values) {
      if (index >= 0) continue;
      if (e.shape(x)[axis] == kUnknownDim) return o.Unsupported("negative indices of an open size");
      index += e.shape(x)[axis];
    }
    indices = o.Constant(*literal, DType::kInt32);
  } else {
    indices = o.Value(1, {"indices"});
  }
  if (indices == ir::kNoValue) return o.Fail(Error(Code::kInvalidModel, "no indices"));
  if (e.type(indices) != DType::kInt64) indices = e.Cast(indices, DType::kInt32);
  o.Return(e.Op(OpCode::kGather, {x, indices}, ir::GatherAttrs{axis, batch_dims}));
}

void Flip(Operands& o) {
  int32_t y = o.Value(0, {"x", "tensor"});
  for (const int32_t axis : o.Axes({"axis"}, o.e.rank(y)))
    y = o.e.Op(OpCode::kReverseV2, {y, o.e.Ints({axis})});
  o.Return(y);
}

void Roll(Operands& o) {
  ir::Emitter& e = o.e;
  int32_t y = o.Value(0, {"x", "input"});
  const auto shifts = o.Ints({"shift"}, 1), axes = o.Ints({"axis"}, 2);
  if (!e.ok()) return;
  if (!shifts || !axes || shifts->size() != axes->size())
    return o.Unsupported("a roll of all elements in a row; state axes");
  for (size_t i = 0; i < axes->size() && e.ok(); ++i) {
    const int axis = o.Normalized((*axes)[i], e.rank(y));
    const int32_t size = e.shape(y)[axis];
    if (size == kUnknownDim) return o.Unsupported("a roll of an open size");
    const int32_t cut =
        size == 0 ? 0 : static_cast<int32_t>(((size - int64_t{(*shifts)[i]}) % size + size) % size);
    if (cut == 0) continue;
    y = e.Concatenate({e.SliceAxis(y, axis, cut, -1), e.SliceAxis(y, axis, 0, cut)}, axis);
  }
  o.Return(y);
}

// Copies ---------------------------------------------------------------------------------------

void Tile(Operands& o) {
  ir::Emitter& e = o.e;
  int32_t x = o.Value(0, {"x", "input"});
  auto counts = o.Ints({"repeats", "multiples"}, 1);
  if (!e.ok()) return;
  if (!counts || counts->size() > static_cast<size_t>(kMaxRank))
    return o.Unsupported("numbers of copies that are only known at run time");
  if (std::ranges::any_of(*counts, [](int32_t n) { return n < 0; }))
    return o.Fail(Error(Code::kInvalidModel, "a negative number of copies"));
  while (counts->size() < static_cast<size_t>(e.rank(x))) counts->insert(counts->begin(), 1);
  while (e.ok() && counts->size() > static_cast<size_t>(e.rank(x))) x = e.ExpandDims(x, 0);
  o.Return(e.Op(OpCode::kTile, {x, e.Ints(*counts)}));
}

// Each element so many times in a row.
void Repeat(Operands& o) {
  ir::Emitter& e = o.e;
  const int32_t x = o.Value(0, {"x", "input"});
  const auto times = o.Ints({"repeats"}, 1);
  if (o.Option({"axis"}).is_null()) return o.Unsupported("repeats of all elements; state an axis");
  const int axis = o.Axis({"axis"}, 0, e.rank(x), 2);
  if (!e.ok()) return;
  if (!times || times->size() != 1) return o.Unsupported("other repeats for each element");
  const Shape in = e.shape(x);
  const int64_t size = int64_t{in[axis]} * (*times)[0];
  if (in.rank() >= kMaxRank || (*times)[0] < 1 || size > INT32_MAX)
    return o.Fail(Error(Code::kInvalidModel, (*times)[0], " repeats"));
  std::vector<int32_t> counts(static_cast<size_t>(in.rank()) + 1, 1);
  counts[static_cast<size_t>(axis) + 1] = (*times)[0];
  Shape out = in;
  if (in[axis] != kUnknownDim) out[axis] = static_cast<int32_t>(size);
  o.Return(e.Reshape(e.Op(OpCode::kTile, {e.ExpandDims(x, axis + 1), e.Ints(counts)}), out));
}

void Pad(Operands& o) {
  ir::Emitter& e = o.e;
  const int32_t x = o.Value(0, {"x", "tensor"});
  const Json& amounts = o.Option({"pad_width", "paddings"}, 1);
  std::string mode = o.Text({"mode"}, "constant");
  const auto value = static_cast<float>(o.Number({"constant_values"}, 0));
  if (!e.ok()) return;
  std::vector<int32_t> flat;
  const auto literal = ReadLiteral(amounts);
  const auto rank = static_cast<size_t>(e.rank(x));
  for (size_t i = 0; literal && i < rank * 2; ++i) {
    const size_t count = literal->values.size();  // one for all, a pair for all, or all pairs
    if (count != 1 && count != 2 && count != 2 * rank) break;
    const double n = literal->values[count <= 2 ? i % count : i];
    if (n < 0 || n > INT32_MAX / 4) break;
    flat.push_back(static_cast<int32_t>(n));
  }
  if (flat.size() != rank * 2) return o.Unsupported(Concat("the padding ", amounts.ToString()));
  std::ranges::transform(mode, mode.begin(), [](char ch) {
    return ch >= 'A' && ch <= 'Z' ? static_cast<char>(ch - 'A' + 'a') : ch;
  });
  if (mode == "constant") {
    std::vector<std::pair<int32_t, int32_t>> pairs;
    for (size_t i = 0; i < rank; ++i) pairs.emplace_back(flat[2 * i], flat[2 * i + 1]);
    return o.Return(e.Pad(x, pairs, value));
  }
  if (mode != "reflect" && mode != "symmetric")
    return o.Unsupported(Concat("the mode '", mode, "'"));
  const int32_t pads = e.builder().AddConstant<int32_t>(
      o.c.Name("paddings"), Shape{static_cast<int32_t>(rank), 2}, std::span<const int32_t>(flat));
  o.Return(e.Op(OpCode::kMirrorPad, {x, pads},
                ir::MirrorPadAttrs{mode == "reflect" ? ir::MirrorMode::kReflect
                                                     : ir::MirrorMode::kSymmetric}));
}

// Tensors that are made ------------------------------------------------------------------------

DType TypeOption(Operands& o, DType or_else) {
  const std::string name = o.Text({"dtype"}, "");
  if (name.empty()) return or_else;
  const auto type = TypeNamed(name);
  if (!type) o.Unsupported(Concat("the type '", name, "'"));
  return type.value_or(or_else);
}

template <int kValue>
void NumberLike(Operands& o) {
  const int32_t x = o.X();
  const DType type = TypeOption(o, o.e.type(x));
  if (kValue == 0 && type == o.e.type(x)) return o.Return(o.e.Op(OpCode::kZerosLike, {x}));
  o.Return(o.FillLike(x, o.Constant({Shape{}, {kValue}, false}, type)));
}

void FullLike(Operands& o) {
  const int32_t x = o.X();
  const DType type = TypeOption(o, o.e.type(x));
  const int32_t value = o.Value(1, {"fill_value"}, type);
  if (value == ir::kNoValue || o.e.rank(value) != 0) return o.Unsupported("several values");
  o.Return(o.FillLike(x, value));
}

void OneHot(Operands& o) {
  ir::Emitter& e = o.e;
  int32_t x = o.Value(0, {"x", "indices"});
  const auto depth = static_cast<int32_t>(o.Int({"num_classes", "depth"}, 0, 1));
  const DType type = TypeOption(o, DType::kFloat32);
  const auto on = o.Number({"on_value"}, 1), off = o.Number({"off_value"}, 0);
  const int axis = o.Axis({"axis"}, -1, e.rank(x) + 1);
  if (!e.ok()) return;
  if (depth < 1 || e.rank(x) >= kMaxRank)
    return o.Fail(Error(Code::kInvalidModel, depth, " classes"));
  if (e.type(x) != DType::kInt64) x = e.Cast(x, DType::kInt32);
  o.Return(e.Op(OpCode::kOneHot,
                {x, e.builder().AddInt(depth), o.Constant({Shape{}, {on}, false}, type),
                 o.Constant({Shape{}, {off}, false}, type)},
                ir::AxisAttrs{axis == e.rank(x) ? -1 : axis, 0}, type));
}

constexpr Operation kOperations[] = {
    {"broadcast_to", BroadcastTo},
    {"cast", Cast},
    {"concat", Concatenate},
    {"concatenate", Concatenate},
    {"convert_to_tensor", Identity},
    {"copy", Identity},
    {"ensure_shape", Identity},
    {"expand_dims", ExpandDims},
    {"flip", Flip},
    {"full_like", FullLike},
    {"gather", Take},
    {"get_item", GetItem},
    {"getitem", GetItem},
    {"identity", Identity},
    {"moveaxis", MoveAxis},
    {"one_hot", OneHot},
    {"ones_like", NumberLike<1>},
    {"ones_like_v2", NumberLike<1>},
    {"pad", Pad},
    {"ravel", Ravel},
    {"repeat", Repeat},
    {"reshape", Reshape},
    {"reverse", Flip},
    {"roll", Roll},
    {"shape", ShapeOf},
    {"split", Split},
    {"squeeze", Squeeze},
    {"stack", Stack},
    {"stop_gradient", Identity},
    {"swapaxes", SwapAxes},
    {"take", Take},
    {"tile", Tile},
    {"transpose", Transpose},
    {"unstack", Unstack},
    {"zeros_like", NumberLike<0>},
    {"zeros_like_v2", NumberLike<0>},
};

}  // namespace

std::span<const Operation> ShapeOperations() { return kOperations; }

}  // namespace edgeml::keras
