// Shape rules of operators that take tensors apart and put them together.
#include <algorithm>
#include <limits>
#include <vector>

#include "src/base/strings.h"
#include "src/ir/ops/families.h"
#include "src/ir/ops/movement_rules.h"
#include "src/ir/selection.h"

namespace edgeml::ir {
namespace {

bool Known(InferContext& context, size_t i) {
  if (context.has_values(i)) return true;
  context.needs_values = true;
  return false;
}

Status InferConcat(InferContext& context) {
  const Shape& first = context.inputs[0].shape;
  const auto& attrs = context.attrs<ConcatAttrs>();
  if (attrs.activation != Activation::kNone)
    return Error(Code::kUnsupported, "a fused activation on a concatenation");
  if (first.rank() == 0) {
    for (const TensorView& input : context.inputs)
      if (input.rank() != 0)
        return Error(Code::kInvalidModel, "concatenates a scalar with ", input.shape.ToString());
    if (attrs.axis != 0 && attrs.axis != -1)
      return Error(Code::kInvalidModel, "axis ", attrs.axis, " is out of range for scalars");
    EDGEML_ASSIGN_OR_RETURN(const int32_t count,
                            CheckedDim(static_cast<int64_t>(context.inputs.size())));
    context.outputs[0].shape = Shape{count};
    return Status::Ok();
  }
  EDGEML_ASSIGN_OR_RETURN(const int axis, CheckedAxis(attrs.axis, first.rank()));
  Shape output = first;
  for (size_t i = 1; i < context.inputs.size(); ++i) {
    const Shape& shape = context.inputs[i].shape;
    bool fits = shape.rank() == first.rank();
    for (int d = 0; fits && d < first.rank(); ++d) fits = d == axis || shape[d] == first[d];
    if (!fits)
      return Error(Code::kInvalidModel, "input ", i, " of shape ", shape.ToString(),
                   " does not fit ", first.ToString(), " along axis ", axis);
    EDGEML_ASSIGN_OR_RETURN(output[axis], CheckedDim(int64_t{output[axis]} + shape[axis]));
  }
  context.outputs[0].shape = output;
  return Status::Ok();
}

Status InferPack(InferContext& context) {
  const auto& attrs = context.attrs<AxisAttrs>();
  const Shape& first = context.inputs[0].shape;
  if (attrs.count != static_cast<int64_t>(context.inputs.size()))
    return Error(Code::kInvalidModel, "states ", attrs.count, " values but has ",
                 context.inputs.size(), " inputs");
  if (first.rank() == kMaxRank)
    return Error(Code::kUnsupported, "rank ", kMaxRank + 1, " is above ", kMaxRank);
  EDGEML_ASSIGN_OR_RETURN(const int axis, CheckedAxis(attrs.axis, first.rank() + 1));
  for (size_t i = 1; i < context.inputs.size(); ++i)
    if (!(context.inputs[i].shape == first))
      return Error(Code::kInvalidModel, "input ", i, " has shape ",
                   context.inputs[i].shape.ToString(), ", expected ", first.ToString());
  Shape output;
  for (int i = 0; i <= first.rank(); ++i) {
    if (i == axis) output.push_back(attrs.count);
    if (i < first.rank()) output.push_back(first[i]);
  }
  context.outputs[0].shape = output;
  return Status::Ok();
}

Status InferUnpack(InferContext& context) {
  const auto& attrs = context.attrs<AxisAttrs>();
  const Shape& input = context.inputs[0].shape;
  EDGEML_ASSIGN_OR_RETURN(const int axis, CheckedAxis(attrs.axis, input.rank()));
  if (input[axis] != attrs.count || attrs.count != static_cast<int64_t>(context.outputs.size()))
    return Error(Code::kInvalidModel, "unpacks ", attrs.count, " tensors into ",
                 context.outputs.size(), " outputs from dimension ", axis, " of ",
                 input.ToString());
  Shape output;
  for (int i = 0; i < input.rank(); ++i)
    if (i != axis) output.push_back(input[i]);
  for (TensorView& view : context.outputs) view.shape = output;
  return Status::Ok();
}

Status InferSplit(InferContext& context) {
  if (!Known(context, 0)) return Status::Ok();
  const Shape& input = context.inputs[1].shape;
  const int32_t splits = context.attrs<SplitAttrs>().num_splits;
  EDGEML_ASSIGN_OR_RETURN(const int64_t value, ScalarIndex(context.inputs[0], "input 0"));
  EDGEML_ASSIGN_OR_RETURN(const int axis, CheckedAxis(value, input.rank()));
  if (splits < 1 || splits != static_cast<int64_t>(context.outputs.size()))
    return Error(Code::kInvalidModel, "states ", splits, " splits but has ", context.outputs.size(),
                 " outputs");
  if (input[axis] % splits != 0)
    return Error(Code::kInvalidModel, "dimension ", axis, " of ", input.ToString(),
                 " does not split evenly into ", splits);
  Shape output = input;
  output[axis] /= splits;
  for (TensorView& view : context.outputs) view.shape = output;
  return Status::Ok();
}

Status InferSplitV(InferContext& context) {
  const Shape& sizes = context.inputs[1].shape;
  if (sizes.rank() != 1 || sizes[0] != static_cast<int64_t>(context.outputs.size()))
    return Error(Code::kInvalidModel, "split sizes of shape ", sizes.ToString(), " do not fit ",
                 context.outputs.size(), " outputs");
  if (!Known(context, 1) || !Known(context, 2)) return Status::Ok();
  const Shape& input = context.inputs[0].shape;
  EDGEML_ASSIGN_OR_RETURN(const int64_t value, ScalarIndex(context.inputs[2], "input 2"));
  EDGEML_ASSIGN_OR_RETURN(const int axis, CheckedAxis(value, input.rank()));
  std::vector<int64_t> parts(context.outputs.size());
  EDGEML_RETURN_IF_ERROR(ResolveSplitSizes(context.inputs[1], input[axis], parts));
  for (size_t i = 0; i < parts.size(); ++i) {
    Shape output = input;
    output[axis] = static_cast<int32_t>(parts[i]);
    context.outputs[i].shape = output;
  }
  return Status::Ok();
}

Status InferSlice(InferContext& context) {
  const Shape& input = context.inputs[0].shape;
  for (size_t i = 1; i < 3; ++i) {
    const Shape& shape = context.inputs[i].shape;
    if (shape.rank() != 1 || shape[0] != input.rank())
      return Error(Code::kInvalidModel, "input ", i, " has shape ", shape.ToString(),
                   ", expected [", input.rank(), "]");
  }
  if (!Known(context, 2)) return Status::Ok();
  if (!context.has_values(1)) {
    // Sizes that are all stated settle the shape without `begin`, which the step then checks.
    Shape output;
    for (int i = 0; i < input.rank(); ++i) {
      const int64_t size = IndexAt(context.inputs[2], i);
      if (size < 0 || size > input[i]) {
        context.needs_values = true;
        return Status::Ok();
      }
      output.push_back(static_cast<int32_t>(size));
    }
    context.outputs[0].shape = output;
    return Status::Ok();
  }
  EDGEML_ASSIGN_OR_RETURN(const SliceRange range,
                          ResolveSlice(input, context.inputs[1], context.inputs[2]));
  Shape output;
  for (int i = 0; i < input.rank(); ++i)
    output.push_back(static_cast<int32_t>(range.size[static_cast<size_t>(i)]));
  context.outputs[0].shape = output;
  return Status::Ok();
}

Status InferStridedSlice(InferContext& context) {
  const auto& attrs = context.attrs<StridedSliceAttrs>();
  const TensorView &begin = context.inputs[1], &end = context.inputs[2],
                   &strides = context.inputs[3];
  if (begin.rank() != 1 || !(begin.shape == end.shape) || !(begin.shape == strides.shape) ||
      begin.dim(0) > 31)
    return Error(Code::kInvalidModel, "index vectors of shapes ", begin.shape.ToString(), ", ",
                 end.shape.ToString(), ", ", strides.shape.ToString(), " do not match");
  if (!Known(context, 2) || !Known(context, 3)) return Status::Ok();
  if (!attrs.offset && !Known(context, 1)) return Status::Ok();
  EDGEML_ASSIGN_OR_RETURN(
      const StridedRanges ranges,
      ResolveStridedSlice(attrs, context.inputs[0].shape, context.has_values(1) ? &begin : nullptr,
                          end, strides));
  context.outputs[0].shape = ranges.output;
  return Status::Ok();
}

Status InferPad(InferContext& context) {
  const Shape& input = context.inputs[0].shape;
  const Shape& paddings = context.inputs[1].shape;
  if (!(paddings == Shape{input.rank(), 2}))
    return Error(Code::kInvalidModel, "paddings of shape ", paddings.ToString(), " do not fit ",
                 input.ToString());
  if (context.has_input(2) && context.inputs[2].num_elements() != 1)
    return Error(Code::kInvalidModel, "the padding value has shape ",
                 context.inputs[2].shape.ToString(), ", expected one element");
  if (!Known(context, 1)) return Status::Ok();
  EDGEML_ASSIGN_OR_RETURN(const PadAmounts pad, ResolvePad(input, context.inputs[1]));
  const bool mirror = context.node->op == OpCode::kMirrorPad;
  const int64_t edge =
      mirror && context.attrs<MirrorPadAttrs>().mode == MirrorMode::kReflect ? 1 : 0;
  Shape output;
  for (int i = 0; i < input.rank(); ++i) {
    const int64_t before = pad.before[static_cast<size_t>(i)];
    const int64_t after = pad.after[static_cast<size_t>(i)];
    if (mirror && std::max(before, after) > input[i] - edge)
      return Error(Code::kInvalidModel, "dimension ", i, " of ", input.ToString(),
                   " is too small to be mirrored by ", std::max(before, after));
    EDGEML_ASSIGN_OR_RETURN(const int32_t dim, CheckedDim(input[i] + before + after));
    output.push_back(dim);
  }
  context.outputs[0].shape = output;
  return Status::Ok();
}

Status InferDynamicUpdateSlice(InferContext& context) {
  const Shape &operand = context.inputs[0].shape, &update = context.inputs[1].shape;
  const Shape& start = context.inputs[2].shape;
  bool fits = update.rank() == operand.rank() && start.rank() == 1 && start[0] == operand.rank();
  for (int i = 0; fits && i < operand.rank(); ++i) fits = update[i] <= operand[i];
  if (!fits)
    return Error(Code::kInvalidModel, "update ", update.ToString(), " at indices of shape ",
                 start.ToString(), " does not fit ", operand.ToString());
  return InferSameAsInput(context);
}

// How the entries of STRIDED_SLICE's index vectors map to dimensions: entry `i` of the vectors
// covers an input dimension, stands for the ellipsis, or makes a new axis.
bool Bit(int32_t mask, int i) { return ((static_cast<uint32_t>(mask) >> i) & 1u) != 0; }

// One dimension of the input cut by [begin, end) with a stride, masks applied.
struct Cut {
  int64_t start, count;
};
Result<Cut> CutDimension(int64_t dim, int64_t begin, int64_t end, int64_t stride, bool begin_mask,
                         bool end_mask, bool shrink) {
  const int64_t low = stride > 0 ? 0 : -1;
  const int64_t high = stride > 0 ? dim : dim - 1;
  const auto clamp = [&](int64_t x) { return std::clamp(x < 0 ? x + dim : x, low, high); };
  const int64_t start = begin_mask ? (stride > 0 ? 0 : dim - 1) : clamp(begin);
  if (shrink) {
    if (start < 0 || start >= dim)
      return Error(Code::kInvalidModel, "index ", begin, " is out of range for a dimension of ",
                   dim);
    return Cut{start, 1};
  }
  const int64_t stop = end_mask ? (stride > 0 ? dim : -1) : clamp(end);
  const int64_t span = stride > 0 ? stop - start : start - stop;
  const int64_t step = stride > 0 ? stride : -stride;
  return Cut{start, span <= 0 ? 0 : (span - 1) / step + 1};
}

}  // namespace

Result<SliceRange> ResolveSlice(const Shape& input, const TensorView& begin,
                                const TensorView& size) {
  SliceRange range;
  for (int i = 0; i < input.rank(); ++i) {
    const int64_t from = IndexAt(begin, i);
    int64_t count = IndexAt(size, i);
    if (count == -1 && from >= 0) count = input[i] - std::min<int64_t>(from, input[i]);
    if (from < 0 || count < 0 || from > input[i] || count > input[i] - from)
      return Error(Code::kInvalidModel, "slice from ", from, " of size ", count,
                   " leaves dimension ", i, " of ", input.ToString());
    range.begin[static_cast<size_t>(i)] = from;
    range.size[static_cast<size_t>(i)] = count;
  }
  return range;
}

Result<PadAmounts> ResolvePad(const Shape& input, const TensorView& paddings) {
  PadAmounts pad;
  for (int i = 0; i < input.rank(); ++i) {
    EDGEML_ASSIGN_OR_RETURN(pad.before[static_cast<size_t>(i)],
                            CheckedDim(IndexAt(paddings, 2 * i)));
    EDGEML_ASSIGN_OR_RETURN(pad.after[static_cast<size_t>(i)],
                            CheckedDim(IndexAt(paddings, 2 * i + 1)));
  }
  return pad;
}

Result<StridedRanges> ResolveStridedSlice(const StridedSliceAttrs& attrs, const Shape& input,
                                          const TensorView* begin, const TensorView& end,
                                          const TensorView& strides) {
  const int entries = end.shape[0];
  int new_axes = 0;
  for (int i = 0; i < entries; ++i)
    if (Bit(attrs.new_axis_mask, i) && !Bit(attrs.ellipsis_mask, i)) ++new_axes;
  StridedRanges out;
  int new_axes_left = new_axes;
  int dim = 0;            // next input dimension
  bool expanded = false;  // the ellipsis was met
  int rank_out = 0;
  const auto emit = [&](int64_t size) -> Status {
    if (++rank_out > kMaxRank)
      return Error(Code::kUnsupported, "the sliced tensor's rank is above ", kMaxRank);
    EDGEML_ASSIGN_OR_RETURN(const int32_t d, CheckedDim(size));
    out.output.push_back(d);
    return Status::Ok();
  };
  const auto keep_whole = [&]() -> Status {
    const auto at = static_cast<size_t>(dim);
    out.start[at] = 0;
    out.stride[at] = 1;
    out.count[at] = input[dim];
    ++dim;
    return emit(out.count[at]);
  };
  for (int i = 0; i < entries; ++i) {
    if (Bit(attrs.ellipsis_mask, i)) {
      if (expanded) return Error(Code::kInvalidModel, "has more than one ellipsis");
      expanded = true;
      // Covers what the other entries leave, but at least one dimension, as LiteRT has it: where
      // they name all of them, the last entry is then ignored.
      const int others = entries - 1 - new_axes;
      for (int n = std::max(input.rank() - others, 1); n > 0 && dim < input.rank(); --n)
        EDGEML_RETURN_IF_ERROR(keep_whole());
      continue;
    }
    if (Bit(attrs.new_axis_mask, i)) {
      --new_axes_left;
      EDGEML_RETURN_IF_ERROR(emit(1));
      continue;
    }
    if (dim >= input.rank() && expanded && new_axes_left == 0) break;
    if (dim >= input.rank())
      return Error(Code::kInvalidModel, "names more dimensions than ", input.ToString(), " has");
    const int64_t stride = IndexAt(strides, i);
    if (stride == 0 || stride <= std::numeric_limits<int32_t>::min())
      return Error(Code::kInvalidModel, "stride ", stride, " is out of range");
    const bool shrink = Bit(attrs.shrink_axis_mask, i);
    const auto at = static_cast<size_t>(dim);
    const int64_t size = input[dim];
    if (attrs.offset && !shrink) {
      // `end` counts from `begin`, whose value the output shape does not depend on.
      const int64_t length = IndexAt(end, i);
      const int64_t step = stride > 0 ? stride : -stride;
      const int64_t span = stride > 0 ? length : -length;
      out.count[at] = span <= 0 ? 0 : (span - 1) / step + 1;
      if (begin != nullptr) {
        EDGEML_ASSIGN_OR_RETURN(const Cut cut, CutDimension(size, IndexAt(*begin, i), 0, stride,
                                                            Bit(attrs.begin_mask, i), true, false));
        out.start[at] = cut.start;
        const int64_t last = cut.start + (out.count[at] - 1) * stride;
        if (out.count[at] > 0 && (cut.start < 0 || cut.start >= size || last < 0 || last >= size))
          return Error(Code::kInvalidModel, "slice of ", length, " from ", cut.start,
                       " leaves dimension ", dim, " of ", input.ToString());
      }
    } else {
      const int64_t from = begin != nullptr ? IndexAt(*begin, i) : 0;
      // Without values of `begin` a shrunk dimension cannot be checked yet.
      const bool any_start = begin == nullptr;
      if (any_start && size == 0) {
        return Error(Code::kInvalidModel, "cannot index dimension ", dim, " of ", input.ToString());
      }
      EDGEML_ASSIGN_OR_RETURN(const Cut cut, CutDimension(size, from, IndexAt(end, i), stride,
                                                          any_start || Bit(attrs.begin_mask, i),
                                                          Bit(attrs.end_mask, i), shrink));
      out.start[at] = cut.start;
      out.count[at] = cut.count;
    }
    out.stride[at] = stride;
    ++dim;
    if (!shrink) EDGEML_RETURN_IF_ERROR(emit(out.count[at]));
  }
  while (dim < input.rank()) EDGEML_RETURN_IF_ERROR(keep_whole());
  return out;
}

Status ResolveSplitSizes(const TensorView& size_splits, int32_t total, std::span<int64_t> sizes) {
  int64_t left = total;
  ptrdiff_t rest = -1;
  for (size_t i = 0; i < sizes.size(); ++i) {
    const int64_t size = IndexAt(size_splits, static_cast<int64_t>(i));
    if (size == -1) {
      if (rest >= 0) return Error(Code::kInvalidModel, "the split sizes hold -1 twice");
      rest = static_cast<ptrdiff_t>(i);
      continue;
    }
    if (size < 0 || size > left)
      return Error(Code::kInvalidModel, "split sizes do not sum to the dimension of ", total);
    sizes[i] = size;
    left -= size;
  }
  if (rest >= 0) {
    sizes[static_cast<size_t>(rest)] = left;
  } else if (left != 0) {
    return Error(Code::kInvalidModel, "split sizes do not sum to the dimension of ", total);
  }
  return Status::Ok();
}

namespace {

constexpr OpDef kOps[] = {
    {.op = OpCode::kConcatenation,
     .min_inputs = 1,
     .max_inputs = -1,
     .attributes = AttrsKind<ConcatAttrs>(),
     .infer = InferConcat},
    {.op = OpCode::kDynamicUpdateSlice,
     .min_inputs = 3,
     .max_inputs = 3,
     .infer = InferDynamicUpdateSlice},
    {.op = OpCode::kMirrorPad,
     .min_inputs = 2,
     .max_inputs = 2,
     .attributes = AttrsKind<MirrorPadAttrs>(),
     .infer = InferPad},
    {.op = OpCode::kPack,
     .min_inputs = 1,
     .max_inputs = -1,
     .attributes = AttrsKind<AxisAttrs>(),
     .infer = InferPack},
    {.op = OpCode::kPad,
     .min_inputs = 2,
     .max_inputs = 3,
     .infer = InferPad,
     .optional_inputs = 1u << 2},
    {.op = OpCode::kPadV2,
     .min_inputs = 2,
     .max_inputs = 3,
     .infer = InferPad,
     .optional_inputs = 1u << 2},
    {.op = OpCode::kSlice, .min_inputs = 3, .max_inputs = 3, .infer = InferSlice},
    {.op = OpCode::kSplit,
     .min_inputs = 2,
     .max_inputs = 2,
     .max_outputs = -1,
     .attributes = AttrsKind<SplitAttrs>(),
     .infer = InferSplit},
    {.op = OpCode::kSplitV,
     .min_inputs = 3,
     .max_inputs = 3,
     .max_outputs = -1,
     .attributes = AttrsKind<SplitAttrs>(),
     .infer = InferSplitV},
    {.op = OpCode::kStridedSlice,
     .min_inputs = 4,
     .max_inputs = 4,
     .attributes = AttrsKind<StridedSliceAttrs>(),
     .infer = InferStridedSlice},
    {.op = OpCode::kUnpack,
     .min_inputs = 1,
     .max_inputs = 1,
     .max_outputs = -1,
     .attributes = AttrsKind<AxisAttrs>(),
     .infer = InferUnpack},
};

}  // namespace

std::span<const OpDef> SliceOps() { return SelectedRows<kOps>(); }

}  // namespace edgeml::ir
