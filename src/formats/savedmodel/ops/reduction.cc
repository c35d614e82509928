// Reductions, extremes and running sums.
#include "src/base/strings.h"
#include "src/formats/savedmodel/op.h"

namespace edgeml::savedmodel {
namespace {

using ir::OpCode;

template <OpCode kOp>
Status LowerReduce(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(2));
  const bool keep_dims = op.attrs.Bool("keep_dims", false);
  EDGEML_ASSIGN_OR_RETURN(const int32_t axes, op.Index32(1));
  return op.Emit(kOp, {op.in[0], axes}, ir::ReduceAttrs{keep_dims});
}

// There is no norm; the root of the sum of squares.
Status LowerEuclideanNorm(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(2));
  const bool keep_dims = op.attrs.Bool("keep_dims", false);
  EDGEML_ASSIGN_OR_RETURN(const int32_t axes, op.Index32(1));
  EDGEML_ASSIGN_OR_RETURN(const int32_t squares, op.Make(OpCode::kSquare, {op.in[0]}));
  EDGEML_ASSIGN_OR_RETURN(const int32_t sum,
                          op.Make(OpCode::kSum, {squares, axes}, ir::ReduceAttrs{keep_dims}));
  return op.Emit(OpCode::kSqrt, {sum});
}

template <OpCode kOp>
Status LowerArgExtreme(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(2));
  const DType to = op.attrs.Type("output_type", DType::kInt64);
  EDGEML_ASSIGN_OR_RETURN(const int32_t axis, op.Index32(1));
  return op.Emit(kOp, {op.in[0], axis}, ir::TypeAttrs{DType::kInvalid, to}, to);
}

Status LowerTopK(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(2));
  op.attrs.Ignore("sorted");  // where any order will do, the sorted one does
  const DType index = op.attrs.Type("index_type", DType::kInt32);
  EDGEML_ASSIGN_OR_RETURN(const int32_t k, op.Index32(1));
  return op.EmitAll(OpCode::kTopKV2, {op.in[0], k}, {}, std::vector<DType>{op.type(0), index});
}

Status LowerCumsum(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(2));
  ir::CumsumAttrs attrs;
  attrs.exclusive = op.attrs.Bool("exclusive", false);
  attrs.reverse = op.attrs.Bool("reverse", false);
  EDGEML_ASSIGN_OR_RETURN(const int32_t axis, op.Index32(1));
  return op.Emit(OpCode::kCumsum, {op.in[0], axis}, attrs);
}

constexpr OpEntry kOps[] = {
    {"All", LowerReduce<OpCode::kReduceAll>},
    {"Any", LowerReduce<OpCode::kReduceAny>},
    {"ArgMax", LowerArgExtreme<OpCode::kArgMax>},
    {"ArgMin", LowerArgExtreme<OpCode::kArgMin>},
    {"Cumsum", LowerCumsum},
    {"EuclideanNorm", LowerEuclideanNorm},
    {"Max", LowerReduce<OpCode::kReduceMax>},
    {"Mean", LowerReduce<OpCode::kMean>},
    {"Min", LowerReduce<OpCode::kReduceMin>},
    {"Prod", LowerReduce<OpCode::kReduceProd>},
    {"Sum", LowerReduce<OpCode::kSum>},
    {"TopKV2", LowerTopK},
};

}  // namespace

std::span<const OpEntry> ReductionOps() { return kOps; }

}  // namespace edgeml::savedmodel
