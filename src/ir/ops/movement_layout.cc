// Shape rules of operators that lay out whole tensors anew, or make them from few values.
#include <cmath>
#include <limits>
#include <vector>

#include "src/base/strings.h"
#include "src/ir/ops/families.h"
#include "src/ir/ops/movement_rules.h"
#include "src/ir/selection.h"

namespace edgeml::ir {
namespace {

// True when the values of input i are there; else notes that the rule waits for them.
bool Known(InferContext& context, size_t i) {
  if (context.has_values(i)) return true;
  context.needs_values = true;
  return false;
}

Status InferReshape(InferContext& context) {
  const auto& attrs = context.attrs<ReshapeAttrs>();
  const Shape& input = context.inputs[0].shape;
  const bool from_tensor = context.has_input(1) && context.inputs[1].rank() == 1 &&
                           context.inputs[1].type == DType::kInt32;
  Shape target;
  if (from_tensor) {
    if (!Known(context, 1)) return Status::Ok();
    const TensorView& shape = context.inputs[1];
    if (shape.dim(0) > kMaxRank)
      return Error(Code::kUnsupported, "rank ", shape.dim(0), " is above ", kMaxRank);
    for (int32_t i = 0; i < shape.dim(0); ++i) target.push_back(shape.as<int32_t>()[i]);
    EDGEML_ASSIGN_OR_RETURN(context.outputs[0].shape, ResolveReshape(input, target.dims()));
    return Status::Ok();
  }
  if (!attrs.has_new_shape && !context.has_input(1))
    return Error(Code::kInvalidModel, "states no new shape");
  if (!attrs.has_new_shape)
    return Error(Code::kInvalidModel, "the shape input must be a vector of int32");
  std::span<const int32_t> new_shape = attrs.new_shape;
  // Old files spell a scalar as [0].
  if (new_shape.size() == 1 && new_shape[0] == 0) new_shape = {};
  EDGEML_ASSIGN_OR_RETURN(context.outputs[0].shape, ResolveReshape(input, new_shape));
  return Status::Ok();
}

Status InferSqueeze(InferContext& context) {
  const auto& attrs = context.attrs<SqueezeAttrs>();
  const Shape& input = context.inputs[0].shape;
  uint32_t squeezed = 0;
  for (int i = 0; attrs.squeeze_dims.empty() && i < input.rank(); ++i)
    if (input[i] == 1) squeezed |= 1u << i;
  for (int32_t d : attrs.squeeze_dims) {
    EDGEML_ASSIGN_OR_RETURN(const int axis, CheckedAxis(d, input.rank()));
    if (input[axis] != 1)
      return Error(Code::kInvalidModel, "cannot squeeze dimension ", axis, " of ",
                   input.ToString());
    squeezed |= 1u << axis;
  }
  Shape output;
  for (int i = 0; i < input.rank(); ++i)
    if (((squeezed >> i) & 1u) == 0) output.push_back(input[i]);
  context.outputs[0].shape = output;
  return Status::Ok();
}

Status InferExpandDims(InferContext& context) {
  if (!Known(context, 1)) return Status::Ok();
  const Shape& input = context.inputs[0].shape;
  if (input.rank() == kMaxRank)
    return Error(Code::kUnsupported, "rank ", kMaxRank + 1, " is above ", kMaxRank);
  EDGEML_ASSIGN_OR_RETURN(const int64_t value, ScalarIndex(context.inputs[1], "input 1"));
  EDGEML_ASSIGN_OR_RETURN(const int axis, CheckedAxis(value, input.rank() + 1));
  Shape output;
  for (int i = 0; i <= input.rank(); ++i) {
    if (i == axis) output.push_back(1);
    if (i < input.rank()) output.push_back(input[i]);
  }
  context.outputs[0].shape = output;
  return Status::Ok();
}

Status InferTranspose(InferContext& context) {
  const Shape& input = context.inputs[0].shape;
  const TensorView& perm = context.inputs[1];
  if (perm.rank() != 1 || perm.dim(0) != input.rank())
    return Error(Code::kInvalidModel, "the permutation has shape ", perm.shape.ToString(),
                 ", expected [", input.rank(), "]");
  if (perm.type != DType::kInt32 && perm.type != DType::kInt64)
    return Error(Code::kInvalidModel, "the permutation is of type ", NameOf(perm.type),
                 ", expected int32 or int64");
  if (!Known(context, 1)) return Status::Ok();
  uint32_t seen = 0;
  Shape output;
  for (int i = 0; i < input.rank(); ++i) {
    EDGEML_ASSIGN_OR_RETURN(const int axis, CheckedAxis(IndexAt(perm, i), input.rank()));
    if (((seen >> axis) & 1u) != 0)
      return Error(Code::kInvalidModel, "the permutation names dimension ", axis, " twice");
    seen |= 1u << axis;
    output.push_back(input[axis]);
  }
  context.outputs[0].shape = output;
  return Status::Ok();
}

Status InferShapeOp(InferContext& context) {
  context.outputs[0].shape = Shape{context.inputs[0].rank()};
  return Status::Ok();
}

Status InferRank(InferContext& context) {
  context.outputs[0].shape = Shape{};
  return Status::Ok();
}

Status CheckBlock(const Shape& input, int32_t block) {
  if (input.rank() != 4)
    return Error(Code::kInvalidModel, "input 0 has rank ", input.rank(), ", expected 4");
  if (block < 1) return Error(Code::kInvalidModel, "block size ", block, " is below 1");
  return Status::Ok();
}

Status InferSpaceToDepth(InferContext& context) {
  const Shape& input = context.inputs[0].shape;
  const int64_t block = context.attrs<BlockAttrs>().block_size;
  EDGEML_RETURN_IF_ERROR(CheckBlock(input, static_cast<int32_t>(block)));
  if (input[1] % block != 0 || input[2] % block != 0)
    return Error(Code::kInvalidModel, "height and width of ", input.ToString(),
                 " are not multiples of the block size ", block);
  // The block divides two 31-bit numbers unless both are 0; keep the product within 64 bits.
  if (block > 32768 && input[3] > 0)
    return Error(Code::kInvalidModel, "block size ", block, " is out of range");
  EDGEML_ASSIGN_OR_RETURN(const int32_t depth,
                          CheckedDim(input[3] == 0 ? 0 : input[3] * block * block));
  context.outputs[0].shape = Shape{input[0], static_cast<int32_t>(input[1] / block),
                                   static_cast<int32_t>(input[2] / block), depth};
  return Status::Ok();
}

Status InferDepthToSpace(InferContext& context) {
  const Shape& input = context.inputs[0].shape;
  const int64_t block = context.attrs<BlockAttrs>().block_size;
  EDGEML_RETURN_IF_ERROR(CheckBlock(input, static_cast<int32_t>(block)));
  if (input[3] % (block * block) != 0)
    return Error(Code::kInvalidModel, "depth of ", input.ToString(),
                 " is not a multiple of the squared block size ", block * block);
  EDGEML_ASSIGN_OR_RETURN(const int32_t height, CheckedDim(input[1] * block));
  EDGEML_ASSIGN_OR_RETURN(const int32_t width, CheckedDim(input[2] * block));
  context.outputs[0].shape =
      Shape{input[0], height, width, static_cast<int32_t>(input[3] / (block * block))};
  return Status::Ok();
}

// Shared by both directions: [batch, spatial…, remaining…] with `block` [m] and `edges` [m, 2].
Status CheckBatchSpace(const InferContext& context) {
  const Shape& input = context.inputs[0].shape;
  const Shape& block = context.inputs[1].shape;
  const Shape& edges = context.inputs[2].shape;
  if (block.rank() != 1 || block[0] < 1 || block[0] >= input.rank())
    return Error(Code::kInvalidModel, "block shape ", block.ToString(), " does not fit ",
                 input.ToString());
  if (!(edges == Shape{block[0], 2}))
    return Error(Code::kInvalidModel, "input 2 has shape ", edges.ToString(), ", expected [",
                 block[0], ", 2]");
  return Status::Ok();
}

Status InferSpaceToBatch(InferContext& context) {
  EDGEML_RETURN_IF_ERROR(CheckBatchSpace(context));
  if (!Known(context, 1) || !Known(context, 2)) return Status::Ok();
  const TensorView &block = context.inputs[1], &paddings = context.inputs[2];
  Shape output = context.inputs[0].shape;
  for (int i = 0; i < block.dim(0); ++i) {
    EDGEML_ASSIGN_OR_RETURN(const int32_t size, CheckedDim(IndexAt(block, i)));
    EDGEML_ASSIGN_OR_RETURN(const int32_t before, CheckedDim(IndexAt(paddings, 2 * i)));
    EDGEML_ASSIGN_OR_RETURN(const int32_t after, CheckedDim(IndexAt(paddings, 2 * i + 1)));
    const int64_t padded = int64_t{output[i + 1]} + before + after;
    if (size == 0 || padded % size != 0)
      return Error(Code::kInvalidModel, "padded dimension ", i + 1, " of size ", padded,
                   " is not a multiple of its block size ", size);
    EDGEML_ASSIGN_OR_RETURN(output[i + 1], CheckedDim(padded / size));
    EDGEML_ASSIGN_OR_RETURN(output[0], CheckedDim(int64_t{output[0]} * size));
  }
  context.outputs[0].shape = output;
  return Status::Ok();
}

Status InferBatchToSpace(InferContext& context) {
  EDGEML_RETURN_IF_ERROR(CheckBatchSpace(context));
  if (!Known(context, 1) || !Known(context, 2)) return Status::Ok();
  const TensorView &block = context.inputs[1], &crops = context.inputs[2];
  Shape output = context.inputs[0].shape;
  for (int i = 0; i < block.dim(0); ++i) {
    EDGEML_ASSIGN_OR_RETURN(const int32_t size, CheckedDim(IndexAt(block, i)));
    EDGEML_ASSIGN_OR_RETURN(const int32_t before, CheckedDim(IndexAt(crops, 2 * i)));
    EDGEML_ASSIGN_OR_RETURN(const int32_t after, CheckedDim(IndexAt(crops, 2 * i + 1)));
    if (size == 0 || output[0] % size != 0)
      return Error(Code::kInvalidModel, "batch of ", context.inputs[0].shape.ToString(),
                   " is not a multiple of the block sizes");
    output[0] /= size;
    EDGEML_ASSIGN_OR_RETURN(output[i + 1],
                            CheckedDim(int64_t{output[i + 1]} * size - before - after));
  }
  context.outputs[0].shape = output;
  return Status::Ok();
}

Status InferReverse(InferContext& context) {
  const Shape& axes = context.inputs[1].shape;
  if (axes.rank() != 1 || axes[0] > context.inputs[0].rank())
    return Error(Code::kInvalidModel, "axes ", axes.ToString(), " do not fit ",
                 context.inputs[0].shape.ToString());
  return InferSameAsInput(context);
}

Status InferBroadcastTo(InferContext& context) {
  if (!Known(context, 1)) return Status::Ok();
  EDGEML_ASSIGN_OR_RETURN(const Shape target, ShapeFromValues(context.inputs[1]));
  const Shape& input = context.inputs[0].shape;
  bool fits = input.rank() <= target.rank();
  for (int i = 0; fits && i < input.rank(); ++i)
    fits = input.back(i) == 1 || input.back(i) == target.back(i);
  if (!fits)
    return Error(Code::kInvalidModel, "shape ", input.ToString(), " cannot be broadcast to ",
                 target.ToString());
  context.outputs[0].shape = target;
  return Status::Ok();
}

Status InferBroadcastArgs(InferContext& context) {
  const Shape &a = context.inputs[0].shape, &b = context.inputs[1].shape;
  if (a.rank() != 1 || b.rank() != 1)
    return Error(Code::kInvalidModel, "both inputs must be vectors, not ", a.ToString(), " and ",
                 b.ToString());
  context.outputs[0].shape = a[0] >= b[0] ? a : b;
  return Status::Ok();
}

Status InferFill(InferContext& context) {
  if (context.inputs[1].num_elements() != 1)
    return Error(Code::kInvalidModel, "input 1 has shape ", context.inputs[1].shape.ToString(),
                 ", expected one element");
  if (!Known(context, 0)) return Status::Ok();
  EDGEML_ASSIGN_OR_RETURN(context.outputs[0].shape, ShapeFromValues(context.inputs[0]));
  return Status::Ok();
}

Status InferTile(InferContext& context) {
  const Shape& input = context.inputs[0].shape;
  if (context.inputs[1].num_elements() != input.rank())
    return Error(Code::kInvalidModel, "multiples ", context.inputs[1].shape.ToString(),
                 " do not fit ", input.ToString());
  if (!Known(context, 1)) return Status::Ok();
  Shape output;
  for (int i = 0; i < input.rank(); ++i) {
    EDGEML_ASSIGN_OR_RETURN(const int32_t times, CheckedDim(IndexAt(context.inputs[1], i)));
    EDGEML_ASSIGN_OR_RETURN(const int32_t dim, CheckedDim(int64_t{input[i]} * times));
    output.push_back(dim);
  }
  context.outputs[0].shape = output;
  return Status::Ok();
}

Status InferRange(InferContext& context) {
  for (size_t i = 0; i < 3; ++i) {
    if (context.inputs[i].num_elements() != 1)
      return Error(Code::kInvalidModel, "input ", i, " must hold one element");
    if (context.inputs[i].type != context.inputs[0].type)
      return Error(Code::kInvalidModel, "inputs differ in type");
  }
  if (!Known(context, 0) || !Known(context, 1) || !Known(context, 2)) return Status::Ok();
  EDGEML_ASSIGN_OR_RETURN(const int32_t size,
                          RangeSize(context.inputs[0], context.inputs[1], context.inputs[2]));
  context.outputs[0].shape = Shape{size};
  return Status::Ok();
}

}  // namespace

Result<int32_t> RangeSize(const TensorView& start, const TensorView& limit,
                          const TensorView& delta) {
  const Status mismatch =
      Error(Code::kInvalidModel, "the step does not lead from the start to the limit");
  if (start.type == DType::kFloat32) {
    const float from = *start.as<float>(), to = *limit.as<float>(), by = *delta.as<float>();
    if (!((from >= to && by < 0) || (from <= to && by > 0))) return mismatch;
    const float steps = std::ceil(std::fabs((to - from) / by));
    if (!(steps < 2147483648.0f))
      return Error(Code::kInvalidModel, "a range of ", steps, " elements is too long");
    return static_cast<int32_t>(steps);
  }
  const int64_t from = IndexAt(start, 0), to = IndexAt(limit, 0), by = IndexAt(delta, 0);
  if (!((from >= to && by < 0) || (from <= to && by > 0))) return mismatch;
  const auto magnitude = [](int64_t high, int64_t low) {
    return static_cast<uint64_t>(high) - static_cast<uint64_t>(low);
  };
  const uint64_t span = from >= to ? magnitude(from, to) : magnitude(to, from);
  const uint64_t step = by < 0 ? magnitude(0, by) : static_cast<uint64_t>(by);
  const uint64_t steps = span / step + (span % step != 0 ? 1 : 0);
  if (steps > static_cast<uint64_t>(std::numeric_limits<int32_t>::max()))
    return Error(Code::kInvalidModel, "a range of ", steps, " elements is too long");
  return static_cast<int32_t>(steps);
}

namespace {

constexpr OpDef kOps[] = {
    {.op = OpCode::kBatchToSpaceNd, .min_inputs = 3, .max_inputs = 3, .infer = InferBatchToSpace},
    {.op = OpCode::kBroadcastArgs, .min_inputs = 2, .max_inputs = 2, .infer = InferBroadcastArgs},
    {.op = OpCode::kBroadcastTo, .min_inputs = 2, .max_inputs = 2, .infer = InferBroadcastTo},
    {.op = OpCode::kDepthToSpace,
     .min_inputs = 1,
     .max_inputs = 1,
     .attributes = AttrsKind<BlockAttrs>(),
     .infer = InferDepthToSpace},
    {.op = OpCode::kExpandDims, .min_inputs = 2, .max_inputs = 2, .infer = InferExpandDims},
    {.op = OpCode::kFill, .min_inputs = 2, .max_inputs = 2, .infer = InferFill},
    {.op = OpCode::kRange, .min_inputs = 3, .max_inputs = 3, .infer = InferRange},
    {.op = OpCode::kRank, .min_inputs = 1, .max_inputs = 1, .infer = InferRank},
    {.op = OpCode::kReshape,
     .min_inputs = 1,
     .max_inputs = 2,
     .attributes = AttrsKind<ReshapeAttrs>(),
     .infer = InferReshape,
     .optional_inputs = 1u << 1},
    {.op = OpCode::kReverseV2, .min_inputs = 2, .max_inputs = 2, .infer = InferReverse},
    {.op = OpCode::kShape,
     .min_inputs = 1,
     .max_inputs = 1,
     .attributes = AttrsKind<TypeAttrs>(),
     .infer = InferShapeOp},
    {.op = OpCode::kSpaceToBatchNd, .min_inputs = 3, .max_inputs = 3, .infer = InferSpaceToBatch},
    {.op = OpCode::kSpaceToDepth,
     .min_inputs = 1,
     .max_inputs = 1,
     .attributes = AttrsKind<BlockAttrs>(),
     .infer = InferSpaceToDepth},
    {.op = OpCode::kSqueeze,
     .min_inputs = 1,
     .max_inputs = 1,
     .attributes = AttrsKind<SqueezeAttrs>(),
     .infer = InferSqueeze},
    {.op = OpCode::kTile, .min_inputs = 2, .max_inputs = 2, .infer = InferTile},
    {.op = OpCode::kTranspose, .min_inputs = 2, .max_inputs = 2, .infer = InferTranspose},
    {.op = OpCode::kZerosLike, .min_inputs = 1, .max_inputs = 1, .infer = InferSameAsInput},
};

}  // namespace

std::span<const OpDef> LayoutOps() { return SelectedRows<kOps>(); }

}  // namespace edgeml::ir
