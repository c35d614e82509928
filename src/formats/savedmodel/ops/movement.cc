// Slices, joins, gathers and paddings.
#include <algorithm>
#include <limits>

#include "src/base/strings.h"
#include "src/formats/savedmodel/op.h"

namespace edgeml::savedmodel {
namespace {

using ir::OpCode;

Result<int32_t> AxisOf(int64_t axis, int rank) {
  const auto normalized = NormalizedAxis(axis, rank);
  if (!normalized)
    return Error(Code::kInvalidModel, "axis ", axis, " is out of range for ", rank, " dimensions");
  return *normalized;
}

Status Join(Op& op, std::vector<int32_t> parts, size_t axis_input) {
  op.attrs.Ignore("N");
  EDGEML_ASSIGN_OR_RETURN(const int64_t stated, op.KnownScalar(axis_input));
  if (parts.size() == 1) return op.Return(parts[0]);
  if (parts.empty()) return Error(Code::kInvalidModel, "it joins nothing");
  EDGEML_ASSIGN_OR_RETURN(const int32_t axis, AxisOf(stated, op.b.rank(parts[0])));
  return op.Emit(OpCode::kConcatenation, std::move(parts), ir::ConcatAttrs{axis});
}

Status LowerConcatV2(Op& op) {
  if (op.in.size() < 2) return Error(Code::kInvalidModel, "it joins nothing");
  return Join(op, {op.in.begin(), op.in.end() - 1}, op.in.size() - 1);
}

Status LowerConcat(Op& op) {
  if (op.in.size() < 2) return Error(Code::kInvalidModel, "it joins nothing");
  return Join(op, {op.in.begin() + 1, op.in.end()}, 0);
}

Status LowerPack(Op& op) {
  op.attrs.Ignore("N");
  if (op.in.empty()) return Error(Code::kInvalidModel, "it joins nothing");
  EDGEML_ASSIGN_OR_RETURN(const int32_t axis, AxisOf(op.attrs.Int("axis", 0), op.rank(0) + 1));
  return op.Emit(OpCode::kPack, op.in, ir::AxisAttrs{axis, static_cast<int32_t>(op.in.size())});
}

constexpr int64_t kMaxParts = 1 << 16;

Status LowerUnpack(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(1));
  const int64_t count = op.attrs.Int("num", 0);
  EDGEML_ASSIGN_OR_RETURN(const int32_t axis, AxisOf(op.attrs.Int("axis", 0), op.rank(0)));
  if (count < 0 || count > kMaxParts || op.shape(0)[axis] != count)
    return Error(Code::kInvalidModel, "it takes ", op.shape(0).ToString(), " apart into ", count);
  return op.EmitAll(OpCode::kUnpack, op.in, ir::AxisAttrs{axis, static_cast<int32_t>(count)},
                    std::vector<DType>(static_cast<size_t>(count), op.type(0)));
}

Result<int32_t> PartCount(Op& op) {
  const int64_t count = op.attrs.Int("num_split", 0);
  if (count < 1 || count > kMaxParts)
    return Error(Code::kInvalidModel, "it makes ", count, " parts");
  return static_cast<int32_t>(count);
}

Status LowerSplit(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(2));
  EDGEML_ASSIGN_OR_RETURN(const int32_t count, PartCount(op));
  if (count == 1) return op.Return(op.in[1]);
  return op.EmitAll(OpCode::kSplit, op.in, ir::SplitAttrs{count},
                    std::vector<DType>(static_cast<size_t>(count), op.type(1)));
}

Status LowerSplitV(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(3));
  EDGEML_ASSIGN_OR_RETURN(const int32_t count, PartCount(op));
  if (count == 1) return op.Return(op.in[0]);
  EDGEML_ASSIGN_OR_RETURN(const int32_t sizes, op.Index32(1));
  return op.EmitAll(OpCode::kSplitV, {op.in[0], sizes, op.in[2]}, ir::SplitAttrs{count},
                    std::vector<DType>(static_cast<size_t>(count), op.type(0)));
}

Status LowerSlice(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(3));
  op.attrs.Ignore("Index");
  EDGEML_ASSIGN_OR_RETURN(const int32_t begin, op.Index32(1));
  EDGEML_ASSIGN_OR_RETURN(const int32_t size, op.Index32(2));
  return op.Emit(OpCode::kSlice, {op.in[0], begin, size});
}

Status LowerStridedSlice(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(4));
  op.attrs.Ignore("Index");
  ir::StridedSliceAttrs attrs;
  attrs.begin_mask = static_cast<int32_t>(op.attrs.Int("begin_mask", 0));
  attrs.end_mask = static_cast<int32_t>(op.attrs.Int("end_mask", 0));
  attrs.ellipsis_mask = static_cast<int32_t>(op.attrs.Int("ellipsis_mask", 0));
  attrs.new_axis_mask = static_cast<int32_t>(op.attrs.Int("new_axis_mask", 0));
  attrs.shrink_axis_mask = static_cast<int32_t>(op.attrs.Int("shrink_axis_mask", 0));
  std::vector<int32_t> inputs = {op.in[0]};
  for (size_t i = 1; i < 4; ++i) {
    EDGEML_ASSIGN_OR_RETURN(const int32_t index, op.Index32(i));
    inputs.push_back(index);
  }
  return op.Emit(OpCode::kStridedSlice, std::move(inputs), attrs);
}

Status LowerTile(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(2));
  EDGEML_ASSIGN_OR_RETURN(const int32_t times, op.Index32(1));
  return op.Emit(OpCode::kTile, {op.in[0], times});
}

Status LowerPad(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(2));
  EDGEML_ASSIGN_OR_RETURN(const int32_t amounts, op.Index32(1));
  return op.Emit(OpCode::kPad, {op.in[0], amounts});
}

Status LowerPadV2(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(3));
  EDGEML_ASSIGN_OR_RETURN(const int32_t amounts, op.Index32(1));
  return op.Emit(OpCode::kPadV2, {op.in[0], amounts, op.in[2]});
}

Status LowerMirrorPad(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(2));
  const std::string mode = op.attrs.String("mode", "");
  if (mode != "REFLECT" && mode != "SYMMETRIC")
    return Error(Code::kInvalidModel, "mode '", mode, "' is none of a mirror");
  EDGEML_ASSIGN_OR_RETURN(const int32_t amounts, op.Index32(1));
  return op.Emit(OpCode::kMirrorPad, {op.in[0], amounts},
                 ir::MirrorPadAttrs{mode == "REFLECT" ? ir::MirrorMode::kReflect
                                                      : ir::MirrorMode::kSymmetric});
}

Status LowerGatherV2(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(3));
  EDGEML_ASSIGN_OR_RETURN(const int64_t stated, op.KnownScalar(2));
  EDGEML_ASSIGN_OR_RETURN(const int32_t axis, AxisOf(stated, op.rank(0)));
  int64_t batch = op.attrs.Int("batch_dims", 0);
  if (batch < 0) batch += op.rank(1);
  if (batch < 0 || batch > axis)
    return Error(Code::kInvalidModel, "batch_dims ", batch, " is out of range");
  return op.Emit(OpCode::kGather, {op.in[0], op.in[1]},
                 ir::GatherAttrs{axis, static_cast<int32_t>(batch)});
}

Status LowerGather(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(2));
  op.attrs.Ignore("validate_indices");
  op.attrs.Ignore("dtype");
  const int64_t batch = op.attrs.Int("batch_dims", 0);
  if (batch != 0) return Error(Code::kUnsupported, "batch_dims are not supported");
  return op.Emit(OpCode::kGather, op.in, ir::GatherAttrs{});
}

Status LowerGatherNd(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(2));
  op.attrs.Ignore("dtype");
  op.attrs.Ignore("bad_indices_policy");
  return op.Emit(OpCode::kGatherNd, op.in);
}

Status LowerScatterNd(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(3));
  op.attrs.Ignore("bad_indices_policy");
  EDGEML_ASSIGN_OR_RETURN(const int32_t indices, op.Index32(0));
  EDGEML_ASSIGN_OR_RETURN(const int32_t shape, op.Index32(2));
  return op.Emit(OpCode::kScatterNd, {indices, op.in[1], shape}, {}, op.type(1));
}

Status LowerReverse(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(2));
  EDGEML_ASSIGN_OR_RETURN(const auto known, op.Known(1));
  std::vector<int32_t> axes;
  for (const int64_t stated : known) {
    EDGEML_ASSIGN_OR_RETURN(const int32_t axis, AxisOf(stated, op.rank(0)));
    axes.push_back(axis);
  }
  std::sort(axes.begin(), axes.end());
  if (std::adjacent_find(axes.begin(), axes.end()) != axes.end())
    return Error(Code::kInvalidModel, "an axis is named twice");
  // LiteRT reverses dimensions that stand side by side at once, others one after the other.
  int32_t value = op.in[0];
  for (size_t first = 0, end; first < axes.size(); first = end) {
    end = first + 1;
    while (end < axes.size() && axes[end] == axes[end - 1] + 1) ++end;
    EDGEML_ASSIGN_OR_RETURN(
        value,
        op.Make(OpCode::kReverseV2,
                {value, op.b.AddInts(std::span<const int32_t>(axes).subspan(first, end - first))}));
  }
  return op.Return(value);
}

Status LowerReverseSequence(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(2));
  ir::ReverseSequenceAttrs attrs;
  attrs.seq_dim = static_cast<int32_t>(op.attrs.Int("seq_dim", 0));
  attrs.batch_dim = static_cast<int32_t>(op.attrs.Int("batch_dim", 0));
  return op.Emit(OpCode::kReverseSequence, op.in, attrs);
}

Status LowerOneHot(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(4));
  const auto axis = static_cast<int32_t>(op.attrs.Int("axis", -1));
  return op.Emit(OpCode::kOneHot, op.in, ir::AxisAttrs{axis, 0}, op.type(2));
}

Status LowerWhere(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(1));
  return op.Emit(OpCode::kWhere, op.in, {}, DType::kInt64);
}

template <OpCode kOp>
Status LowerBlocks(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(1));
  EDGEML_ASSIGN_OR_RETURN(const Op::Layout layout, op.DataFormat());
  const ir::BlockAttrs attrs{static_cast<int32_t>(op.attrs.Int("block_size", 0))};
  if (!layout.channels_first) return op.Emit(kOp, op.in, attrs);
  EDGEML_ASSIGN_OR_RETURN(const int32_t image, op.ToChannelsLast(op.in[0]));
  EDGEML_ASSIGN_OR_RETURN(const int32_t made, op.Make(kOp, {image}, attrs));
  EDGEML_ASSIGN_OR_RETURN(const int32_t back, op.ToChannelsFirst(made));
  return op.Return(back);
}

Status LowerTranspose(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(2));
  EDGEML_ASSIGN_OR_RETURN(const int32_t permutation, op.Index32(1));
  return op.Emit(OpCode::kTranspose, {op.in[0], permutation});
}

constexpr OpEntry kOps[] = {
    {"Concat", LowerConcat},
    {"ConcatV2", LowerConcatV2},
    {"DepthToSpace", LowerBlocks<OpCode::kDepthToSpace>},
    {"Gather", LowerGather},
    {"GatherNd", LowerGatherNd},
    {"GatherV2", LowerGatherV2},
    {"MirrorPad", LowerMirrorPad},
    {"OneHot", LowerOneHot},
    {"Pack", LowerPack},
    {"Pad", LowerPad},
    {"PadV2", LowerPadV2},
    {"ResourceGather", LowerGather},
    {"ResourceGatherNd", LowerGatherNd},
    {"ReverseSequence", LowerReverseSequence},
    {"ReverseV2", LowerReverse},
    {"ScatterNd", LowerScatterNd},
    {"Slice", LowerSlice},
    {"SpaceToDepth", LowerBlocks<OpCode::kSpaceToDepth>},
    {"Split", LowerSplit},
    {"SplitV", LowerSplitV},
    {"StridedSlice", LowerStridedSlice},
    {"Tile", LowerTile},
    {"Transpose", LowerTranspose},
    {"Unpack", LowerUnpack},
    {"Where", LowerWhere},
};

}  // namespace

std::span<const OpEntry> MovementOps() { return kOps; }

}  // namespace edgeml::savedmodel
