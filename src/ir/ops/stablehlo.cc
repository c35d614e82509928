// StableHLO operators, and the two of TFLite that were made for them: arity and shape rules.
#include <algorithm>
#include <limits>
#include <string_view>
#include <vector>

#include "src/base/strings.h"
#include "src/ir/ops/families.h"
#include "src/ir/ops/movement_rules.h"
#include "src/ir/ops/stablehlo_rules.h"
#include "src/ir/selection.h"

namespace edgeml::ir {
namespace {

constexpr int64_t kMost32 = std::numeric_limits<int32_t>::max();

Status InferEqualShapes(InferContext& context) {
  if (!(context.inputs[0].shape == context.inputs[1].shape))
    return Error(Code::kInvalidModel,
                 "the inputs' shapes differ: ", context.inputs[0].shape.ToString(), " and ",
                 context.inputs[1].shape.ToString());
  return InferSameAsInput(context);
}

Status InferShiftLeft(InferContext& context) {
  if (context.inputs[0].num_elements() != context.inputs[1].num_elements())
    return Error(Code::kInvalidModel, "the inputs have ", context.inputs[0].num_elements(), " and ",
                 context.inputs[1].num_elements(), " elements");
  return InferSameAsInput(context);
}

Status CheckOneElement(const InferContext& context, size_t i) {
  if (context.inputs[i].num_elements() == 1) return Status::Ok();
  return Error(Code::kInvalidModel, "input ", i, " has shape ", context.inputs[i].shape.ToString(),
               ", expected one element");
}

Status CheckHasDimensions(const Shape& shape) {
  if (shape.rank() > 0) return Status::Ok();
  return Error(Code::kInvalidModel, "input 0 is a scalar");
}

// One number per dimension.
Status CheckCount(size_t count, int rank, std::string_view what) {
  if (count == static_cast<size_t>(rank)) return Status::Ok();
  return Error(Code::kInvalidModel, "has ", count, " ", what, " for rank ", rank);
}

// The size of a dimension with holes between its elements.
int64_t Dilated(int64_t size, int64_t step) { return size == 0 ? 0 : (size - 1) * step + 1; }

Status InferPad(InferContext& context) {
  const auto& attrs = context.attrs<StablehloPadAttrs>();
  const Shape& input = context.inputs[0].shape;
  EDGEML_RETURN_IF_ERROR(CheckHasDimensions(input));
  EDGEML_RETURN_IF_ERROR(CheckOneElement(context, 1));
  EDGEML_RETURN_IF_ERROR(CheckCount(attrs.low.size(), input.rank(), "paddings in front"));
  EDGEML_RETURN_IF_ERROR(CheckCount(attrs.high.size(), input.rank(), "paddings behind"));
  EDGEML_RETURN_IF_ERROR(CheckCount(attrs.interior.size(), input.rank(), "interior paddings"));
  Shape output;
  bool empty = false;
  for (int i = 0; i < input.rank(); ++i) {
    const auto d = static_cast<size_t>(i);
    const int64_t low = attrs.low[d], high = attrs.high[d], interior = attrs.interior[d];
    // Cutting off reaches over the interior padding too.
    constexpr int64_t kFar = int64_t{1} << 61;
    if (interior < 0 || interior > kMost32 || low < -kFar || low > kMost32 || high < -kFar ||
        high > kMost32)
      return Error(Code::kInvalidModel, "padding of dimension ", i, " out of range");
    const int64_t size = Dilated(input[i], interior + 1) + low + high;
    empty |= size <= 0;
    EDGEML_ASSIGN_OR_RETURN(const int32_t dim, CheckedDim(std::max<int64_t>(size, 0)));
    output.push_back(dim);
  }
  // LiteRT makes every dimension 0 when one is cut off whole.
  if (empty)
    for (int i = 0; i < output.rank(); ++i) output[i] = 0;
  context.outputs[0].shape = output;
  return Status::Ok();
}

Status InferDilate(InferContext& context) {
  const Shape& input = context.inputs[0].shape;
  const TensorView& dilations = context.inputs[1];
  EDGEML_RETURN_IF_ERROR(CheckHasDimensions(input));
  EDGEML_RETURN_IF_ERROR(CheckOneElement(context, 2));
  if (!(dilations.shape == Shape{input.rank()}))
    return Error(Code::kInvalidModel, "input 1 has shape ", dilations.shape.ToString(),
                 ", expected [", input.rank(), "]");
  if (!context.has_values(1)) {
    context.needs_values = true;
    return Status::Ok();
  }
  Shape output;
  for (int i = 0; i < input.rank(); ++i) {
    const int64_t dilation = IndexAt(dilations, i);
    if (dilation < 1 || dilation > kMost32)
      return Error(Code::kInvalidModel, "dilation ", dilation, " of dimension ", i);
    EDGEML_ASSIGN_OR_RETURN(const int32_t dim, CheckedDim(Dilated(input[i], dilation)));
    output.push_back(dim);
  }
  context.outputs[0].shape = output;
  return Status::Ok();
}

// A set of dimensions below `rank`, each named once.
Status CheckDims(const std::vector<int64_t>& dims, int64_t rank, std::string_view what) {
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] < 0 || dims[i] >= rank)
      return Error(Code::kInvalidModel, what, " names dimension ", dims[i], " of rank ", rank);
    if (std::find(dims.begin(), dims.begin() + static_cast<ptrdiff_t>(i), dims[i]) !=
        dims.begin() + static_cast<ptrdiff_t>(i))
      return Error(Code::kInvalidModel, what, " names dimension ", dims[i], " twice");
  }
  return Status::Ok();
}

bool Contains(const std::vector<int64_t>& dims, int64_t dim) {
  return std::find(dims.begin(), dims.end(), dim) != dims.end();
}

// Index vectors along dimension `vector_dim` of `indices`, or of one entry when that is its rank;
// each entry belongs to a dimension of `map`. Gives the other dimensions.
Result<Shape> CheckIndexVectors(const Shape& indices, int64_t vector_dim,
                                const std::vector<int64_t>& map, int64_t rank,
                                std::string_view what) {
  if (vector_dim < 0 || vector_dim > indices.rank())
    return Error(Code::kInvalidModel, "index_vector_dim is ", vector_dim, " for indices ",
                 indices.ToString());
  EDGEML_RETURN_IF_ERROR(CheckDims(map, rank, what));
  const auto dim = static_cast<int>(vector_dim);
  const int64_t entries = dim < indices.rank() ? indices[dim] : 1;
  if (static_cast<int64_t>(map.size()) > entries)
    return Error(Code::kInvalidModel, what, " names ", map.size(),
                 " dimensions for index vectors of ", entries);
  Shape batch;
  for (int i = 0; i < indices.rank(); ++i)
    if (i != dim) batch.push_back(indices[i]);
  return batch;
}

Status InferGather(InferContext& context) {
  const auto& attrs = context.attrs<StablehloGatherAttrs>();
  const Shape &operand = context.inputs[0].shape, &indices = context.inputs[1].shape;
  EDGEML_RETURN_IF_ERROR(CheckCount(attrs.slice_sizes.size(), operand.rank(), "slice sizes"));
  EDGEML_RETURN_IF_ERROR(
      CheckDims(attrs.collapsed_slice_dims, operand.rank(), "collapsed_slice_dims"));
  EDGEML_ASSIGN_OR_RETURN(const Shape batch,
                          CheckIndexVectors(indices, attrs.index_vector_dim, attrs.start_index_map,
                                            operand.rank(), "start_index_map"));
  std::vector<int32_t> slice;  // without the collapsed dimensions, of which the first place counts
  for (int i = 0; i < operand.rank(); ++i) {
    const int64_t size = attrs.slice_sizes[static_cast<size_t>(i)];
    const bool collapsed = Contains(attrs.collapsed_slice_dims, i);
    if (size < (collapsed ? 1 : 0) || size > operand[i])
      return Error(Code::kInvalidModel, "a slice of ", size, " does not fit dimension ", i, " of ",
                   operand.ToString());
    if (!collapsed) slice.push_back(static_cast<int32_t>(size));
  }
  if (attrs.offset_dims.size() != slice.size())
    return Error(Code::kInvalidModel, "offset_dims has ", attrs.offset_dims.size(),
                 " dimensions for slices of rank ", slice.size());
  const int rank = batch.rank() + static_cast<int>(slice.size());
  if (rank > kMaxRank) return Error(Code::kUnsupported, "the result's rank is above ", kMaxRank);
  EDGEML_RETURN_IF_ERROR(CheckDims(attrs.offset_dims, rank, "offset_dims"));
  Shape output;
  size_t next_slice = 0;
  int next_batch = 0;
  for (int i = 0; i < rank; ++i)
    output.push_back(Contains(attrs.offset_dims, i) ? slice[next_slice++] : batch[next_batch++]);
  context.outputs[0].shape = output;
  return Status::Ok();
}

Status InferScatter(InferContext& context) {
  const auto& attrs = context.attrs<StablehloScatterAttrs>();
  const Shape& target = context.inputs[0].shape;
  const Shape& updates = context.inputs[2].shape;
  EDGEML_RETURN_IF_ERROR(CheckDims(attrs.update_window_dims, updates.rank(), "update_window_dims"));
  EDGEML_RETURN_IF_ERROR(
      CheckDims(attrs.inserted_window_dims, target.rank(), "inserted_window_dims"));
  EDGEML_ASSIGN_OR_RETURN(const Shape batch,
                          CheckIndexVectors(context.inputs[1].shape, attrs.index_vector_dim,
                                            attrs.scatter_dims_to_operand_dims, target.rank(),
                                            "scatter_dims_to_operand_dims"));
  if (attrs.update_window_dims.size() + attrs.inserted_window_dims.size() !=
      static_cast<size_t>(target.rank()))
    return Error(Code::kInvalidModel, "windows of rank ", attrs.update_window_dims.size(), " with ",
                 attrs.inserted_window_dims.size(), " inserted dimensions do not fit ",
                 target.ToString());
  int next = 0;
  bool fits = updates.rank() == batch.rank() + static_cast<int>(attrs.update_window_dims.size());
  for (int i = 0; fits && i < updates.rank(); ++i)
    if (!Contains(attrs.update_window_dims, i)) fits = updates[i] == batch[next++];
  if (!fits)
    return Error(Code::kInvalidModel, "updates ", updates.ToString(), " do not fit indices ",
                 context.inputs[1].shape.ToString());
  return InferSameAsInput(context);
}

Status SetWindowOutput(InferContext& context, const SlidingDims& dims) {
  Shape output;
  for (int i = 0; i < context.inputs[0].rank(); ++i)
    output.push_back(dims[static_cast<size_t>(i)].out);
  context.outputs[0].shape = output;
  return Status::Ok();
}

Status InferStablehloReduceWindow(InferContext& context) {
  EDGEML_RETURN_IF_ERROR(CheckOneElement(context, 1));
  EDGEML_ASSIGN_OR_RETURN(
      const SlidingDims dims,
      ResolveWindow(context.attrs<StablehloReduceWindowAttrs>(), context.inputs[0].shape));
  return SetWindowOutput(context, dims);
}

Status InferReduceWindow(InferContext& context) {
  EDGEML_RETURN_IF_ERROR(CheckOneElement(context, 1));
  const Shape& input = context.inputs[0].shape;
  for (size_t i = 2; i < 5; ++i) {
    if (!(context.inputs[i].shape == Shape{input.rank()}))
      return Error(Code::kInvalidModel, "input ", i, " has shape ",
                   context.inputs[i].shape.ToString(), ", expected [", input.rank(), "]");
    context.needs_values |= !context.has_values(i);
  }
  if (context.needs_values) return Status::Ok();
  EDGEML_ASSIGN_OR_RETURN(
      const SlidingDims dims,
      ResolveWindow(input, context.inputs[2], context.inputs[3], context.inputs[4]));
  return SetWindowOutput(context, dims);
}

// One combination per place of the window and output element.
int64_t WindowMacs(const NodeView& view, const SlidingDims& dims) {
  double count = static_cast<double>(view.outputs[0].num_elements());
  for (int i = 0; i < view.inputs[0].rank(); ++i)
    count *= static_cast<double>(dims[static_cast<size_t>(i)].size);
  constexpr double kMost = 1e15;  // sums of these stay within the type
  return static_cast<int64_t>(std::min(count, kMost));
}

int64_t StablehloReduceWindowMacs(const NodeView& view) {
  const auto dims = ResolveWindow(view.attrs<StablehloReduceWindowAttrs>(), view.inputs[0].shape);
  return dims.ok() ? WindowMacs(view, *dims) : 0;
}

int64_t ReduceWindowMacs(const NodeView& view) {
  for (size_t i = 2; i < 5; ++i)
    if (view.inputs[i].data == nullptr) return 0;
  const auto dims =
      ResolveWindow(view.inputs[0].shape, view.inputs[2], view.inputs[3], view.inputs[4]);
  return dims.ok() ? WindowMacs(view, *dims) : 0;
}

Status InferRngBitGenerator(InferContext& context) {
  const Shape& state = context.inputs[0].shape;
  const RngAlgorithm algorithm = context.attrs<RngBitGeneratorAttrs>().algorithm;
  const bool fits = state.rank() == 1 &&
                    (state[0] == 2 || (state[0] == 3 && algorithm != RngAlgorithm::kThreefry));
  if (!fits)
    return Error(Code::kInvalidModel, "the state has shape ", state.ToString(), ", expected [2]",
                 algorithm == RngAlgorithm::kThreefry ? "" : " or [3]");
  context.outputs[0].shape = state;
  // How many bits are wanted, only the model says.
  if (!context.outputs[1].shape.known())
    return Error(Code::kInvalidModel, "output 1 has no known shape");
  return Status::Ok();
}

// Size, stride and dilations are set and positive; pads are set.
Status FinishWindow(const Shape& input, const std::array<int64_t, kMaxRank>& pad_high,
                    SlidingDims& dims) {
  EDGEML_RETURN_IF_ERROR(CheckHasDimensions(input));
  for (int i = 0; i < input.rank(); ++i) {
    SlidingDim& dim = dims[static_cast<size_t>(i)];
    const int64_t high = pad_high[static_cast<size_t>(i)];
    for (const int64_t value : {dim.size, dim.stride, dim.dilation, dim.base_dilation}) {
      if (value < 1 || value > kMost32)
        return Error(Code::kInvalidModel, "window size, stride or dilation ", value,
                     " of dimension ", i);
    }
    constexpr int64_t kFar = int64_t{1} << 60;
    if (dim.pad_low < -kFar || dim.pad_low > kMost32 || high < -kFar || high > kMost32)
      return Error(Code::kInvalidModel, "padding of dimension ", i, " out of range");
    EDGEML_ASSIGN_OR_RETURN(const int64_t padded,
                            CheckedDim(Dilated(input[i], dim.base_dilation) + dim.pad_low + high));
    const int64_t window = Dilated(dim.size, dim.dilation);
    dim.out = padded < window ? 0 : static_cast<int32_t>((padded - window) / dim.stride + 1);
  }
  return Status::Ok();
}

}  // namespace

Result<SlidingDims> ResolveWindow(const StablehloReduceWindowAttrs& attrs, const Shape& input) {
  // A list that is left out stands for ones, of paddings for zeros.
  const auto check = [&](const std::vector<int64_t>& values, size_t count, std::string_view what) {
    if (values.empty() || values.size() == count) return Status::Ok();
    return Error(Code::kInvalidModel, "has ", values.size(), " ", what, " for rank ", input.rank());
  };
  const auto rank = static_cast<size_t>(input.rank());
  EDGEML_RETURN_IF_ERROR(CheckCount(attrs.dimensions.size(), input.rank(), "window dimensions"));
  EDGEML_RETURN_IF_ERROR(check(attrs.strides, rank, "window strides"));
  EDGEML_RETURN_IF_ERROR(check(attrs.base_dilations, rank, "base dilations"));
  EDGEML_RETURN_IF_ERROR(check(attrs.window_dilations, rank, "window dilations"));
  EDGEML_RETURN_IF_ERROR(check(attrs.padding, 2 * rank, "paddings"));
  SlidingDims dims;
  std::array<int64_t, kMaxRank> high{};
  for (size_t i = 0; i < rank; ++i) {
    dims[i].size = attrs.dimensions[i];
    if (!attrs.strides.empty()) dims[i].stride = attrs.strides[i];
    if (!attrs.window_dilations.empty()) dims[i].dilation = attrs.window_dilations[i];
    if (!attrs.base_dilations.empty()) dims[i].base_dilation = attrs.base_dilations[i];
    if (!attrs.padding.empty()) {
      dims[i].pad_low = attrs.padding[2 * i];
      high[i] = attrs.padding[2 * i + 1];
    }
  }
  EDGEML_RETURN_IF_ERROR(FinishWindow(input, high, dims));
  return dims;
}

Result<SlidingDims> ResolveWindow(const Shape& input, const TensorView& sizes,
                                  const TensorView& strides, const TensorView& dilations) {
  SlidingDims dims;
  for (int i = 0; i < input.rank(); ++i) {
    SlidingDim& dim = dims[static_cast<size_t>(i)];
    dim.size = IndexAt(sizes, i);
    dim.stride = IndexAt(strides, i);
    dim.dilation = IndexAt(dilations, i);
  }
  EDGEML_RETURN_IF_ERROR(FinishWindow(input, {}, dims));
  return dims;
}

namespace {

constexpr OpDef Elementwise(OpCode op) {
  return {.op = op, .min_inputs = 2, .max_inputs = 2, .infer = InferEqualShapes};
}

constexpr OpDef kOps[] = {
    Elementwise(OpCode::kStablehloAdd),
    Elementwise(OpCode::kStablehloAnd),
    Elementwise(OpCode::kStablehloMaximum),
    Elementwise(OpCode::kStablehloMinimum),
    Elementwise(OpCode::kStablehloMultiply),
    {.op = OpCode::kDilate, .min_inputs = 3, .max_inputs = 3, .infer = InferDilate},
    {.op = OpCode::kReduceWindow,
     .min_inputs = 5,
     .max_inputs = 5,
     .attributes = AttrsKind<ReduceWindowAttrs>(),
     .infer = InferReduceWindow,
     .macs = ReduceWindowMacs},
    {.op = OpCode::kStablehloGather,
     .min_inputs = 2,
     .max_inputs = 2,
     .attributes = AttrsKind<StablehloGatherAttrs>(),
     .infer = InferGather},
    {.op = OpCode::kStablehloPad,
     .min_inputs = 2,
     .max_inputs = 2,
     .attributes = AttrsKind<StablehloPadAttrs>(),
     .infer = InferPad},
    {.op = OpCode::kStablehloReduceWindow,
     .min_inputs = 2,
     .max_inputs = 2,
     .attributes = AttrsKind<StablehloReduceWindowAttrs>(),
     .infer = InferStablehloReduceWindow,
     .macs = StablehloReduceWindowMacs},
    {.op = OpCode::kStablehloRngBitGenerator,
     .min_inputs = 1,
     .max_inputs = 1,
     .min_outputs = 2,
     .max_outputs = 2,
     .attributes = AttrsKind<RngBitGeneratorAttrs>(),
     .infer = InferRngBitGenerator},
    {.op = OpCode::kStablehloScatter,
     .min_inputs = 3,
     .max_inputs = 3,
     .attributes = AttrsKind<StablehloScatterAttrs>(),
     .infer = InferScatter},
    {.op = OpCode::kStablehloShiftLeft, .min_inputs = 2, .max_inputs = 2, .infer = InferShiftLeft},
};

}  // namespace

std::span<const OpDef> StablehloOps() { return SelectedRows<kOps>(); }

}  // namespace edgeml::ir
