// Lists of tensors, as recurrent layers use them: all elements of one shape, so that a list is a
// tensor with one more dimension in front.
#include <algorithm>
#include <limits>

#include "src/base/strings.h"
#include "src/formats/savedmodel/op.h"

namespace edgeml::savedmodel {
namespace {

using ir::OpCode;

// Inputs: shape of an element, number of elements. Open dimensions are one until the loop that
// fills the list tells (LowerWhile).
Status LowerReserve(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(2));
  const DType type = op.attrs.Type("element_dtype");
  op.attrs.Ignore("shape_type");
  EDGEML_ASSIGN_OR_RETURN(const auto element, op.Known(0));
  EDGEML_ASSIGN_OR_RETURN(const int64_t count, op.KnownScalar(1));
  std::vector<int32_t> dims = {static_cast<int32_t>(count)};
  if (count < 0 || count > std::numeric_limits<int32_t>::max() || element.size() >= kMaxRank)
    return Error(Code::kUnsupported, "a list of ", count, " elements of ", element.size(),
                 " dimensions is not supported");
  // One number, -1, stands for elements of any rank.
  const bool any = element.size() == 1 && element[0] < 0 && op.rank(0) == 0;
  for (size_t i = 0; i < element.size() && !any; ++i)
    dims.push_back(
        static_cast<int32_t>(element[i] < 0 ? 1 : std::min<int64_t>(element[i], INT32_MAX)));
  EDGEML_ASSIGN_OR_RETURN(const int32_t zero, op.Number(0, type));
  return op.Emit(OpCode::kFill, {op.b.AddInts(dims), zero}, {}, type);
}

Status LowerFromTensor(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(2));
  op.attrs.Ignore("element_dtype");
  op.attrs.Ignore("shape_type");
  return op.Return(op.in[0]);
}

Status LowerStack(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(2));
  op.attrs.Ignore("element_dtype");
  op.attrs.Ignore("num_elements");
  return op.Return(op.in[0]);
}

Status LowerLength(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(1));
  EDGEML_ASSIGN_OR_RETURN(
      const int32_t shape,
      op.Make(OpCode::kShape, op.in, ir::TypeAttrs{DType::kInvalid, DType::kInt32}, DType::kInt32));
  return op.Emit(OpCode::kGather, {shape, op.b.AddInt(0)}, ir::GatherAttrs{});
}

Status LowerGetItem(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(3));
  op.attrs.Ignore("element_dtype");
  return op.Emit(OpCode::kGather, {op.in[0], op.in[1]}, ir::GatherAttrs{});
}

// Inputs: list, position, element.
Status LowerSetItem(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(3));
  op.attrs.Ignore("element_dtype");
  op.attrs.Ignore("resize_if_index_out_of_bounds");
  if (op.rank(0) < 1 || op.rank(1) != 0 || op.rank(2) >= kMaxRank)
    return Error(Code::kInvalidModel, "its inputs are no list, position and element");
  int32_t list = op.in[0];
  Shape wanted{op.shape(0)[0]};
  for (const int32_t dim : op.shape(2).dims()) wanted.push_back(dim);
  if (op.shape(0) != wanted) {
    // The loop around is lowered once more with a list of this shape.
    if (!wanted.known())
      return Error(Code::kUnsupported, "a list of elements of shape ", op.shape(2).ToString(),
                   " needs fixed shapes; convert with a fixed batch size");
    EDGEML_ASSIGN_OR_RETURN(const int32_t zero, op.Number(0, op.type(2)));
    EDGEML_ASSIGN_OR_RETURN(
        list, op.Make(OpCode::kFill, {op.b.AddInts(wanted.dims()), zero}, {}, op.type(2)));
  }
  EDGEML_ASSIGN_OR_RETURN(const int32_t element,
                          op.Make(OpCode::kExpandDims, {op.in[2], op.b.AddInt(0)}));
  // The only element is all of the list.
  if (wanted[0] == 1 && op.KnownIntegers(op.in[1]) == std::vector<int64_t>{0})
    return op.Return(element);
  std::vector<int32_t> at = {op.in[1]};
  for (int d = 1; d < wanted.rank(); ++d) at.push_back(op.b.AddInt(0));
  EDGEML_ASSIGN_OR_RETURN(
      const int32_t start,
      op.Make(OpCode::kPack, at, ir::AxisAttrs{0, static_cast<int32_t>(at.size())}));
  return op.Emit(OpCode::kDynamicUpdateSlice, {list, element, start});
}

constexpr OpEntry kOps[] = {
    {"TensorListFromTensor", LowerFromTensor}, {"TensorListGetItem", LowerGetItem},
    {"TensorListLength", LowerLength},         {"TensorListReserve", LowerReserve},
    {"TensorListSetItem", LowerSetItem},       {"TensorListStack", LowerStack},
};

}  // namespace

std::span<const OpEntry> ListOps() { return kOps; }

}  // namespace edgeml::savedmodel
