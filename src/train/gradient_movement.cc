// What only moves elements: the gradient moves back. Places are resolved as the steps of the
// runtime do, by src/ir/ops/movement_rules.h.
#include <array>

#include "src/base/strings.h"
#include "src/ir/op_def.h"
#include "src/ir/ops/movement_rules.h"
#include "src/kernels/movement/strided_copy.h"
#include "src/train/gradient_ops.h"

namespace edgeml::train {
namespace {

using ir::IndexAt;
using ir::OpCode;
using kernels::CopyStridedGradient;
using kernels::DenseStrides;
using kernels::StridedCopy;

size_t Size(int i) { return static_cast<size_t>(i); }

// A part of `size` of the whole's `dim` along an axis, from `begin` on; the part is the source if
// `part_first`.
StridedCopy PartOf(int64_t outer, int64_t dim, int64_t inner, int64_t begin, int64_t size,
                   bool part_first) {
  const int64_t whole = dim * inner, part = size * inner;
  StridedCopy copy;
  copy.AddLoop(outer, part_first ? part : whole, part_first ? whole : part);
  copy.AddLoop(part, 1, 1);
  copy.set_offsets(part_first ? 0 : begin * inner, part_first ? begin * inner : 0);
  return copy;
}

}  // namespace

Status SameBytesGradient(const GradientContext& c) {
  const float* const dy = c.output_gradients[0];
  float* const dx = c.input_gradients[0];
  if (dy == nullptr || dx == nullptr) return Status::Ok();
  for (int64_t i = 0; i < c.outputs[0].num_elements(); ++i) dx[i] += dy[i];
  return Status::Ok();
}

Status TransposeGradient(const GradientContext& c) {
  if (c.output_gradients[0] == nullptr || c.input_gradients[0] == nullptr) return Status::Ok();
  const auto from = DenseStrides(c.inputs[0].shape), to = DenseStrides(c.outputs[0].shape);
  StridedCopy copy;
  for (int i = 0; i < c.outputs[0].rank(); ++i) {
    EDGEML_ASSIGN_OR_RETURN(const int axis,
                            ir::CheckedAxis(IndexAt(c.inputs[1], i), c.inputs[0].rank()));
    copy.AddLoop(c.outputs[0].dim(i), from[Size(axis)], to[Size(i)]);
  }
  CopyStridedGradient(copy, c.output_gradients[0], c.input_gradients[0]);
  return Status::Ok();
}

Status PadGradient(const GradientContext& c) {
  if (c.output_gradients[0] == nullptr || c.input_gradients[0] == nullptr) return Status::Ok();
  EDGEML_ASSIGN_OR_RETURN(const ir::PadAmounts pad, ir::ResolvePad(c.inputs[0].shape, c.inputs[1]));
  const auto from = DenseStrides(c.inputs[0].shape), to = DenseStrides(c.outputs[0].shape);
  StridedCopy copy;
  int64_t start = 0;
  for (int i = 0; i < c.inputs[0].rank(); ++i) {
    start += pad.before[Size(i)] * to[Size(i)];
    copy.AddLoop(c.inputs[0].dim(i), from[Size(i)], to[Size(i)]);
  }
  copy.set_offsets(0, start);
  CopyStridedGradient(copy, c.output_gradients[0], c.input_gradients[0]);
  return Status::Ok();
}

Status SliceGradient(const GradientContext& c) {
  if (c.output_gradients[0] == nullptr || c.input_gradients[0] == nullptr ||
      c.outputs[0].num_elements() == 0)
    return Status::Ok();
  const Shape& input = c.inputs[0].shape;
  ir::StridedRanges ranges;
  if (c.node->op == OpCode::kStridedSlice) {
    EDGEML_ASSIGN_OR_RETURN(
        ranges, ir::ResolveStridedSlice(c.attrs<ir::StridedSliceAttrs>(), input, &c.inputs[1],
                                        c.inputs[2], c.inputs[3]));
  } else {
    EDGEML_ASSIGN_OR_RETURN(const ir::SliceRange range,
                            ir::ResolveSlice(input, c.inputs[1], c.inputs[2]));
    ranges.start = range.begin;
    ranges.count = range.size;
    ranges.stride.fill(1);
  }
  const auto from = DenseStrides(input);
  std::array<int64_t, kMaxRank> to{};
  int64_t run = 1;
  for (int i = input.rank() - 1; i >= 0; --i) {
    to[Size(i)] = run;
    run *= ranges.count[Size(i)];
  }
  if (run != c.outputs[0].num_elements())
    return Error(Code::kInvalidArgument, "the slice is not of the output's size");
  StridedCopy copy;
  int64_t start = 0;
  for (int i = 0; i < input.rank(); ++i) {
    const size_t at = Size(i);
    start += ranges.start[at] * from[at];
    const int64_t stride = ranges.count[at] > 1 ? ranges.stride[at] : 1;
    copy.AddLoop(ranges.count[at], stride * from[at], to[at]);
  }
  copy.set_offsets(start, 0);
  CopyStridedGradient(copy, c.output_gradients[0], c.input_gradients[0]);
  return Status::Ok();
}

Status ConcatenationGradient(const GradientContext& c) {
  if (c.output_gradients[0] == nullptr) return Status::Ok();
  const bool pack = c.node->op == OpCode::kPack;
  const Shape& output = c.outputs[0].shape;
  const int64_t stated = pack ? c.attrs<ir::AxisAttrs>().axis : c.attrs<ir::ConcatAttrs>().axis;
  EDGEML_ASSIGN_OR_RETURN(const int axis, ir::CheckedAxis(stated, output.rank()));
  const int64_t outer = output.num_elements(0, axis);
  const int64_t inner = output.num_elements(axis + 1, output.rank());
  int64_t begin = 0;
  for (size_t i = 0; i < c.inputs.size(); ++i) {
    const int64_t size = pack || c.inputs[i].rank() == 0 ? 1 : c.inputs[i].dim(axis);
    if (c.input_gradients[i] != nullptr)
      CopyStridedGradient(PartOf(outer, output[axis], inner, begin, size, true),
                          c.output_gradients[0], c.input_gradients[i]);
    begin += size;
  }
  return Status::Ok();
}

Status SplitGradient(const GradientContext& c) {
  const size_t source = c.node->op == OpCode::kSplit ? 1 : 0;
  if (c.input_gradients[source] == nullptr) return Status::Ok();
  const Shape& input = c.inputs[source].shape;
  const bool unpack = c.node->op == OpCode::kUnpack;
  const int64_t stated =
      unpack ? c.attrs<ir::AxisAttrs>().axis : IndexAt(c.inputs[source == 1 ? 0 : 2], 0);
  EDGEML_ASSIGN_OR_RETURN(const int axis, ir::CheckedAxis(stated, input.rank()));
  const int64_t outer = input.num_elements(0, axis);
  const int64_t inner = input.num_elements(axis + 1, input.rank());
  int64_t begin = 0;
  for (size_t i = 0; i < c.outputs.size(); ++i) {
    const int64_t size = unpack ? 1 : c.outputs[i].dim(axis);
    if (c.output_gradients[i] != nullptr)
      CopyStridedGradient(PartOf(outer, input[axis], inner, begin, size, false),
                          c.output_gradients[i], c.input_gradients[source]);
    begin += size;
  }
  return Status::Ok();
}

Status BroadcastToGradient(const GradientContext& c) {
  if (c.output_gradients[0] == nullptr || c.input_gradients[0] == nullptr) return Status::Ok();
  const Shape shape = c.inputs[0].shape.ExpandedTo(c.outputs[0].rank());
  const auto from = DenseStrides(shape), to = DenseStrides(c.outputs[0].shape);
  StridedCopy copy;
  for (int i = 0; i < shape.rank(); ++i)
    copy.AddLoop(c.outputs[0].dim(i), shape[i] == 1 ? 0 : from[Size(i)], to[Size(i)]);
  CopyStridedGradient(copy, c.output_gradients[0], c.input_gradients[0]);
  return Status::Ok();
}

}  // namespace edgeml::train
