// Shape rules of operators that put elements to places found by index, of diagonals, and of those
// that number values.
#include <algorithm>
#include <vector>

#include "src/base/strings.h"
#include "src/ir/ops/families.h"
#include "src/ir/ops/movement_rules.h"
#include "src/ir/selection.h"

namespace edgeml::ir {
namespace {

Status InferBitcast(InferContext& context) {
  const TensorView& input = context.inputs[0];
  const int from = BitsOf(input.type), to = BitsOf(context.outputs[0].type);
  if (from < 8 || to < 8)
    return Error(Code::kUnsupported, "no bits of ", edgeml::NameOf(input.type), " are read as ",
                 edgeml::NameOf(context.outputs[0].type));
  Shape output = input.shape;
  if (from > to) {
    if (output.rank() == kMaxRank)
      return Error(Code::kUnsupported, "the result's rank is above ", kMaxRank);
    output.push_back(from / to);
  } else if (from < to) {
    if (output.rank() == 0 || output.back() != to / from)
      return Error(Code::kInvalidModel, "the input ", output.ToString(),
                   " must have an innermost dimension of ", to / from, " to make one ",
                   edgeml::NameOf(context.outputs[0].type));
    output = Shape(output.dims().first(static_cast<size_t>(output.rank() - 1)));
  }
  context.outputs[0].shape = output;
  return Status::Ok();
}

Status InferBucketize(InferContext& context) {
  const std::vector<float>& boundaries = context.attrs<BucketizeAttrs>().boundaries;
  if (!std::is_sorted(boundaries.begin(), boundaries.end()))
    return Error(Code::kInvalidModel, "the boundaries are not sorted");
  return InferSameAsInput(context);
}

Status InferMatrixDiag(InferContext& context) {
  Shape output = context.inputs[0].shape;
  if (output.rank() < 1) return Error(Code::kInvalidModel, "the diagonal is a scalar");
  if (output.rank() == kMaxRank)
    return Error(Code::kUnsupported, "the result's rank is above ", kMaxRank);
  output.push_back(output.back());
  context.outputs[0].shape = output;
  return Status::Ok();
}

Status InferMatrixSetDiag(InferContext& context) {
  const Shape &input = context.inputs[0].shape, &diagonal = context.inputs[1].shape;
  if (input.rank() < 2)
    return Error(Code::kInvalidModel, "the input ", input.ToString(), " is no matrix");
  // LiteRT reads as many elements as it needs and checks nothing.
  const int64_t needed =
      input.num_elements(0, input.rank() - 2) * std::min(input.back(0), input.back(1));
  if (diagonal.num_elements() < needed)
    return Error(Code::kInvalidModel, "the diagonal ", diagonal.ToString(), " of ",
                 input.ToString(), " needs ", needed, " elements");
  return InferSameAsInput(context);
}

Status InferReverseSequence(InferContext& context) {
  const Shape &input = context.inputs[0].shape, &lengths = context.inputs[1].shape;
  const auto& attrs = context.attrs<ReverseSequenceAttrs>();
  for (const int32_t dim : {attrs.seq_dim, attrs.batch_dim}) {
    if (dim < 0 || dim >= input.rank())
      return Error(Code::kInvalidModel, "the input ", input.ToString(), " has no dimension ", dim);
  }
  if (attrs.seq_dim == attrs.batch_dim)
    return Error(Code::kInvalidModel, "seq_dim and batch_dim are both ", attrs.seq_dim);
  if (lengths.rank() != 1 || lengths[0] != input[attrs.batch_dim])
    return Error(Code::kInvalidModel, "the lengths ", lengths.ToString(), " must be [",
                 input[attrs.batch_dim], "], one per batch");
  return InferSameAsInput(context);
}

Status InferScatterNd(InferContext& context) {
  const Shape &indices = context.inputs[0].shape, &updates = context.inputs[1].shape;
  if (indices.rank() < 1) return Error(Code::kInvalidModel, "the indices are a scalar");
  if (!context.has_values(2)) {
    context.needs_values = true;
    return Status::Ok();
  }
  EDGEML_ASSIGN_OR_RETURN(const Shape output, ShapeFromValues(context.inputs[2]));
  const int outer = indices.rank() - 1, depth = indices.back();
  bool fits = depth <= output.rank() && updates.rank() == outer + output.rank() - depth;
  for (int i = 0; fits && i < outer; ++i) fits = updates[i] == indices[i];
  for (int i = outer; fits && i < updates.rank(); ++i)
    fits = updates[i] == output[depth + i - outer];
  if (!fits)
    return Error(Code::kInvalidModel, "updates ", updates.ToString(), " at indices ",
                 indices.ToString(), " do not fit ", output.ToString());
  context.outputs[0].shape = output;
  return Status::Ok();
}

Status InferSparseToDense(InferContext& context) {
  const Shape &indices = context.inputs[0].shape, &shape = context.inputs[1].shape;
  const Shape& values = context.inputs[2].shape;
  if (indices.rank() > 2 || shape.rank() != 1 || values.rank() > 1)
    return Error(Code::kInvalidModel, "indices ", indices.ToString(), ", output shape ",
                 shape.ToString(), " or values ", values.ToString(), " have too many dimensions");
  if (context.inputs[3].num_elements() != 1)
    return Error(Code::kInvalidModel, "input 3, the default value, must hold one element");
  const int64_t count = indices.rank() == 0 ? 1 : indices[0];
  const int32_t depth = indices.rank() == 2 ? indices[1] : 1;
  if (shape[0] != depth)
    return Error(Code::kInvalidModel, "indices ", indices.ToString(), " do not fit an output of ",
                 shape[0], " dimensions");
  if (values.rank() == 1 && values[0] != count)
    return Error(Code::kInvalidModel, "there are ", values[0], " values for ", count, " indices");
  if (!context.has_values(1)) {
    context.needs_values = true;
    return Status::Ok();
  }
  EDGEML_ASSIGN_OR_RETURN(context.outputs[0].shape, ShapeFromValues(context.inputs[1]));
  return Status::Ok();
}

Status InferUnique(InferContext& context) {
  if (context.inputs[0].rank() != 1)
    return Error(Code::kInvalidModel, "the input ", context.inputs[0].shape.ToString(),
                 " is no vector");
  context.needs_values = true;  // the step counts the values
  return Status::Ok();
}

constexpr OpDef kOps[] = {
    {.op = OpCode::kBitcast, .min_inputs = 1, .max_inputs = 1, .infer = InferBitcast},
    {.op = OpCode::kBucketize,
     .min_inputs = 1,
     .max_inputs = 1,
     .attributes = AttrsKind<BucketizeAttrs>(),
     .infer = InferBucketize},
    {.op = OpCode::kMatrixDiag, .min_inputs = 1, .max_inputs = 1, .infer = InferMatrixDiag},
    {.op = OpCode::kMatrixSetDiag, .min_inputs = 2, .max_inputs = 2, .infer = InferMatrixSetDiag},
    {.op = OpCode::kReverseSequence,
     .min_inputs = 2,
     .max_inputs = 2,
     .attributes = AttrsKind<ReverseSequenceAttrs>(),
     .infer = InferReverseSequence},
    {.op = OpCode::kScatterNd, .min_inputs = 3, .max_inputs = 3, .infer = InferScatterNd},
    {.op = OpCode::kSparseToDense,
     .min_inputs = 4,
     .max_inputs = 4,
     .attributes = AttrsKind<SparseToDenseAttrs>(),
     .infer = InferSparseToDense},
    {.op = OpCode::kUnique,
     .min_inputs = 1,
     .max_inputs = 1,
     .min_outputs = 2,
     .max_outputs = 2,
     .attributes = AttrsKind<TypeAttrs>(),
     .infer = InferUnique},
};

}  // namespace

std::span<const OpDef> ScatterOps() { return SelectedRows<kOps>(); }

}  // namespace edgeml::ir
