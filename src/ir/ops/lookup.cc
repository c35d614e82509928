// Hash tables, embeddings and text: arity and shape rules.
#include <algorithm>
#include <vector>

#include "src/base/strings.h"
#include "src/ir/ops/families.h"
#include "src/ir/ops/movement_rules.h"
#include "src/ir/selection.h"

namespace edgeml::ir {
namespace {

Status CheckHandle(const InferContext& context) {
  if (context.inputs[0].num_elements() == 1) return Status::Ok();
  return Error(Code::kInvalidModel, "input 0, the table's handle, has shape ",
               context.inputs[0].shape.ToString(), ", expected one element");
}

Status InferHashtable(InferContext& context) {
  context.outputs[0].shape = Shape{1};
  return Status::Ok();
}

Status InferHashtableSize(InferContext& context) {
  context.outputs[0].shape = Shape{1};
  return CheckHandle(context);
}

Status InferHashtableFind(InferContext& context) {
  EDGEML_RETURN_IF_ERROR(CheckHandle(context));
  if (context.inputs[2].num_elements() < 1)
    return Error(Code::kInvalidModel, "input 2, the default value, is empty");
  context.outputs[0].shape = context.inputs[1].shape;
  return Status::Ok();
}

Status InferHashtableImport(InferContext& context) {
  EDGEML_RETURN_IF_ERROR(CheckHandle(context));
  const Shape &keys = context.inputs[1].shape, &values = context.inputs[2].shape;
  if (keys == values) return Status::Ok();
  return Error(Code::kInvalidModel, "keys ", keys.ToString(), " and values ", values.ToString(),
               " differ in shape");
}

// lookup [n], keys [rows], values [rows, ...] → [n, ...] and hits [n].
Status InferHashtableLookup(InferContext& context) {
  const Shape &lookup = context.inputs[0].shape, &keys = context.inputs[1].shape;
  const Shape& values = context.inputs[2].shape;
  if (lookup.rank() != 1 || keys.rank() != 1 || values.rank() < 1 || keys[0] != values[0])
    return Error(Code::kInvalidModel, "lookup ", lookup.ToString(), ", keys ", keys.ToString(),
                 " and values ", values.ToString(), " do not fit together");
  if (keys[0] == 0) return Error(Code::kInvalidModel, "there are no keys to look up");
  Shape output = values;
  output[0] = lookup[0];
  context.outputs[0].shape = output;
  context.outputs[1].shape = lookup;
  return Status::Ok();
}

// ids [n], indices [n, depth], dense shape [depth], weights [n], table [rows, ...] →
// [dense shape but for its last dimension, ...].
Status InferEmbeddingLookupSparse(InferContext& context) {
  const Shape &ids = context.inputs[0].shape, &indices = context.inputs[1].shape;
  const Shape &dense = context.inputs[2].shape, &weights = context.inputs[3].shape;
  const Shape& table = context.inputs[4].shape;
  if (ids.rank() != 1 || indices.rank() != 2 || indices[0] != ids[0] || !(weights == ids))
    return Error(Code::kInvalidModel, "ids ", ids.ToString(), ", indices ", indices.ToString(),
                 " and weights ", weights.ToString(), " do not fit together");
  // LiteRT overruns its own shape when the dense shape is empty.
  if (dense.rank() != 1 || dense[0] < 1 || dense[0] != indices[1])
    return Error(Code::kInvalidModel, "a dense shape ", dense.ToString(), " does not fit indices ",
                 indices.ToString());
  if (table.rank() < 2)
    return Error(Code::kInvalidModel, "the table ", table.ToString(), " holds no rows");
  if (!context.has_values(2)) {
    context.needs_values = true;
    return Status::Ok();
  }
  Shape output;
  const int64_t outer_dims = int64_t{dense[0]} - 1;
  for (int64_t i = 0; i < outer_dims + table.rank() - 1; ++i) {
    if (output.rank() == kMaxRank)
      return Error(Code::kUnsupported, "the result's rank is above ", kMaxRank);
    const bool outer = i < outer_dims;
    EDGEML_ASSIGN_OR_RETURN(const int32_t dim,
                            CheckedDim(outer ? IndexAt(context.inputs[2], i)
                                             : table[static_cast<int>(i - outer_dims) + 1]));
    output.push_back(dim);
  }
  context.outputs[0].shape = output;
  return Status::Ok();
}

// hash functions [functions, bits], input [items, ...], weights [items] → [functions] sparse,
// [functions * bits] dense.
Status InferLshProjection(InferContext& context) {
  const Shape &hash = context.inputs[0].shape, &input = context.inputs[1].shape;
  if (hash.rank() != 2 || hash[1] > 32)
    return Error(Code::kInvalidModel, "the hash functions ", hash.ToString(),
                 " must be a matrix of at most 32 columns");
  if (input.rank() < 1 || input[0] < 1)
    return Error(Code::kInvalidModel, "the input ", input.ToString(), " holds no items");
  if (context.has_input(2) && !(context.inputs[2].shape == Shape{input[0]}))
    return Error(Code::kInvalidModel, "the weights ", context.inputs[2].shape.ToString(),
                 " must be [", input[0], "], one per item");
  switch (context.attrs<LshProjectionAttrs>().type) {
    case LshProjection::kSparse:
      context.outputs[0].shape = Shape{hash[0]};
      return Status::Ok();
    case LshProjection::kDense: {
      EDGEML_ASSIGN_OR_RETURN(const int32_t count, CheckedDim(int64_t{hash[0]} * hash[1]));
      context.outputs[0].shape = Shape{count};
      return Status::Ok();
    }
    default:
      return Error(Code::kInvalidModel, "does not say whether its projection is sparse or dense");
  }
}

Status InferSkipGram(InferContext& context) {
  if (context.inputs[0].num_elements() < 1)
    return Error(Code::kInvalidModel, "the input ", context.inputs[0].shape.ToString(),
                 " holds no sentence");
  context.needs_values = true;  // the step counts the n-grams
  return Status::Ok();
}

constexpr OpDef kOps[] = {
    {.op = OpCode::kEmbeddingLookupSparse,
     .min_inputs = 5,
     .max_inputs = 5,
     .attributes = AttrsKind<CombinerAttrs>(),
     .infer = InferEmbeddingLookupSparse},
    {.op = OpCode::kHashtable,
     .attributes = AttrsKind<HashtableAttrs>(),
     .infer = InferHashtable,
     .has_side_effects = true},
    {.op = OpCode::kHashtableFind,
     .min_inputs = 3,
     .max_inputs = 3,
     .infer = InferHashtableFind,
     .has_side_effects = true},
    {.op = OpCode::kHashtableImport,
     .min_inputs = 3,
     .max_inputs = 3,
     .min_outputs = 0,
     .max_outputs = 0,
     .infer = InferHashtableImport,
     .has_side_effects = true},
    {.op = OpCode::kHashtableLookup,
     .min_inputs = 3,
     .max_inputs = 3,
     .min_outputs = 2,
     .max_outputs = 2,
     .infer = InferHashtableLookup},
    {.op = OpCode::kHashtableSize,
     .min_inputs = 1,
     .max_inputs = 1,
     .infer = InferHashtableSize,
     .has_side_effects = true},
    {.op = OpCode::kLshProjection,
     .min_inputs = 2,
     .max_inputs = 3,
     .attributes = AttrsKind<LshProjectionAttrs>(),
     .infer = InferLshProjection},
    {.op = OpCode::kSkipGram,
     .min_inputs = 1,
     .max_inputs = 1,
     .attributes = AttrsKind<SkipGramAttrs>(),
     .infer = InferSkipGram},
};

}  // namespace

std::span<const OpDef> LookupOps() { return SelectedRows<kOps>(); }

}  // namespace edgeml::ir
