// Reductions over segments: arity and shape rules.
#include <vector>

#include "src/base/strings.h"
#include "src/ir/ops/families.h"
#include "src/ir/ops/movement_rules.h"
#include "src/ir/selection.h"

namespace edgeml::ir {
namespace {

// data [n, ...], ids [n] that start at 0 and rise by at most 1 → [last id + 1, ...].
Status InferSegmentSum(InferContext& context) {
  const Shape &data = context.inputs[0].shape, &ids = context.inputs[1].shape;
  if (data.rank() < 1 || ids.rank() != 1 || ids[0] != data[0])
    return Error(Code::kInvalidModel, "segment ids ", ids.ToString(), " do not fit data ",
                 data.ToString());
  if (!context.has_values(1)) {
    context.needs_values = true;
    return Status::Ok();
  }
  int64_t last = -1;
  for (int32_t i = 0; i < ids[0]; ++i) {
    const int64_t id = IndexAt(context.inputs[1], i);
    if (id != last + 1 && (i == 0 || id != last))
      return Error(Code::kInvalidModel, "segment id ", id, " at position ", i,
                   ": ids must start at 0 and rise by at most 1");
    last = id;
  }
  Shape output = data;
  EDGEML_ASSIGN_OR_RETURN(output[0], CheckedDim(last + 1));
  context.outputs[0].shape = output;
  return Status::Ok();
}

// data [prefix, ...], ids [prefix], number of segments → [segments, ...].
Status InferUnsortedSegment(InferContext& context) {
  const Shape &data = context.inputs[0].shape, &ids = context.inputs[1].shape;
  bool fits = ids.rank() <= data.rank();
  for (int i = 0; fits && i < ids.rank(); ++i) fits = ids[i] == data[i];
  if (!fits)
    return Error(Code::kInvalidModel, "segment ids ", ids.ToString(), " do not fit data ",
                 data.ToString());
  if (data.rank() - ids.rank() == kMaxRank)
    return Error(Code::kUnsupported, "the result's rank is above ", kMaxRank);
  if (!context.has_values(2)) {
    context.needs_values = true;
    return Status::Ok();
  }
  EDGEML_ASSIGN_OR_RETURN(const int64_t segments, ScalarIndex(context.inputs[2], "input 2"));
  Shape output;
  EDGEML_ASSIGN_OR_RETURN(const int32_t rows, CheckedDim(segments));
  output.push_back(rows);
  for (int i = ids.rank(); i < data.rank(); ++i) output.push_back(data[i]);
  context.outputs[0].shape = output;
  return Status::Ok();
}

constexpr OpDef UnsortedSegment(OpCode op) {
  return {.op = op, .min_inputs = 3, .max_inputs = 3, .infer = InferUnsortedSegment};
}

constexpr OpDef kOps[] = {
    {.op = OpCode::kSegmentSum, .min_inputs = 2, .max_inputs = 2, .infer = InferSegmentSum},
    UnsortedSegment(OpCode::kUnsortedSegmentMax),
    UnsortedSegment(OpCode::kUnsortedSegmentMin),
    UnsortedSegment(OpCode::kUnsortedSegmentProd),
    UnsortedSegment(OpCode::kUnsortedSegmentSum),
};

}  // namespace

std::span<const OpDef> SegmentOps() { return SelectedRows<kOps>(); }

}  // namespace edgeml::ir
