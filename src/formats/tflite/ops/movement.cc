// The options of data movement in the format.
#include "src/formats/tflite/ops/codec.h"
#include "src/formats/tflite/ops/families.h"
#include "src/ir/selection.h"

namespace edgeml::tflite {
namespace {

EDGEML_CODEC(
    ConcatCodec, ConcatenationOptions, ConcatAttrs, VT_FUSED_ACTIVATION_FUNCTION,
    {
      a.axis = o.axis();
      return ReadActivation(o.fused_activation_function(), a.activation);
    },
    a.axis, tflite::Write(a.activation))
EDGEML_CODEC(
    DepthToSpaceCodec, DepthToSpaceOptions, BlockAttrs, VT_BLOCK_SIZE,
    { return Assign(a, o.block_size()); }, a.block_size)
EDGEML_CODEC(
    GatherCodec, GatherOptions, GatherAttrs, VT_BATCH_DIMS,
    { return Assign(a, o.axis(), o.batch_dims()); }, a.axis, a.batch_dims)
EDGEML_CODEC(
    MirrorPadCodec, MirrorPadOptions, MirrorPadAttrs, VT_MODE,
    {
      if (o.mode() < fb::MirrorPadMode::MIN || o.mode() > fb::MirrorPadMode::MAX)
        return Error(Code::kUnsupported, "mirror mode ", static_cast<int>(o.mode()), " is unknown");
      a.mode = o.mode() == fb::MirrorPadMode::REFLECT ? ir::MirrorMode::kReflect
                                                      : ir::MirrorMode::kSymmetric;
      return Status::Ok();
    },
    a.mode == ir::MirrorMode::kReflect ? fb::MirrorPadMode::REFLECT : fb::MirrorPadMode::SYMMETRIC)
EDGEML_CODEC(
    OneHotCodec, OneHotOptions, AxisAttrs, VT_AXIS, { return Assign(a, o.axis(), 0); }, a.axis)
EDGEML_CODEC(
    PackCodec, PackOptions, AxisAttrs, VT_AXIS, { return Assign(a, o.axis(), o.values_count()); },
    a.count, a.axis)
EDGEML_CODEC(
    ReshapeCodec, ReshapeOptions, ReshapeAttrs, VT_NEW_SHAPE,
    {
      a.has_new_shape = o.new_shape() != nullptr;
      return ReadVector(o.new_shape(), b, a.new_shape);
    },
    a.has_new_shape ? c.builder.CreateVector(a.new_shape) : 0)
EDGEML_CODEC(
    ShapeCodec, ShapeOptions, TypeAttrs, VT_OUT_TYPE,
    { return ReadType(o.out_type(), a.out_type); }, c.TypeOr(a.out_type, c.node.outputs))
EDGEML_CODEC(
    SpaceToDepthCodec, SpaceToDepthOptions, BlockAttrs, VT_BLOCK_SIZE,
    { return Assign(a, o.block_size()); }, a.block_size)
EDGEML_CODEC(
    SplitCodec, SplitOptions, SplitAttrs, VT_NUM_SPLITS, { return Assign(a, o.num_splits()); },
    a.num_splits)
EDGEML_CODEC(
    SplitVCodec, SplitVOptions, SplitAttrs, VT_NUM_SPLITS, { return Assign(a, o.num_splits()); },
    a.num_splits)
EDGEML_CODEC(
    SqueezeCodec, SqueezeOptions, SqueezeAttrs, VT_SQUEEZE_DIMS,
    { return ReadVector(o.squeeze_dims(), b, a.squeeze_dims); },
    a.squeeze_dims.empty() ? 0 : c.builder.CreateVector(a.squeeze_dims))
EDGEML_CODEC(
    StridedSliceCodec, StridedSliceOptions, StridedSliceAttrs, VT_OFFSET,
    {
      return Assign(a, o.begin_mask(), o.end_mask(), o.ellipsis_mask(), o.new_axis_mask(),
                    o.shrink_axis_mask(), o.offset());
    },
    a.begin_mask, a.end_mask, a.ellipsis_mask, a.new_axis_mask, a.shrink_axis_mask, a.offset)
EDGEML_CODEC(
    UnpackCodec, UnpackOptions, AxisAttrs, VT_AXIS, { return Assign(a, o.axis(), o.num()); },
    a.count, a.axis)
EDGEML_CODEC(
    ReverseSequenceCodec, ReverseSequenceOptions, ReverseSequenceAttrs, VT_BATCH_DIM,
    { return Assign(a, o.seq_dim(), o.batch_dim()); }, a.seq_dim, a.batch_dim)
EDGEML_CODEC(
    SparseToDenseCodec, SparseToDenseOptions, SparseToDenseAttrs, VT_VALIDATE_INDICES,
    { return Assign(a, o.validate_indices()); }, a.validate_indices)
EDGEML_CODEC(
    UniqueCodec, UniqueOptions, TypeAttrs, VT_IDX_OUT_TYPE,
    { return ReadType(o.idx_out_type(), a.out_type); }, c.TypeOr(a.out_type, {}))

constexpr OpHandler kHandlers[] = {
    Plain<fb::BatchToSpaceNDOptions>(Op::kBatchToSpaceNd, Code_::BATCH_TO_SPACE_ND),
    Bare(Op::kBroadcastArgs, Code_::BROADCAST_ARGS),
    Plain<fb::BroadcastToOptions>(Op::kBroadcastTo, Code_::BROADCAST_TO),
    With<ConcatCodec>(Op::kConcatenation, Code_::CONCATENATION),
    With<DepthToSpaceCodec>(Op::kDepthToSpace, Code_::DEPTH_TO_SPACE),
    Plain<fb::DilateOptions>(Op::kDilate, Code_::DILATE),
    Plain<fb::DynamicUpdateSliceOptions>(Op::kDynamicUpdateSlice, Code_::DYNAMIC_UPDATE_SLICE),
    Bare(Op::kEmbeddingLookup, Code_::EMBEDDING_LOOKUP),
    Plain<fb::ExpandDimsOptions>(Op::kExpandDims, Code_::EXPAND_DIMS),
    Plain<fb::FillOptions>(Op::kFill, Code_::FILL),
    With<GatherCodec>(Op::kGather, Code_::GATHER),
    Plain<fb::GatherNdOptions>(Op::kGatherNd, Code_::GATHER_ND),
    Plain<fb::MatrixDiagOptions>(Op::kMatrixDiag, Code_::MATRIX_DIAG),
    Plain<fb::MatrixSetDiagOptions>(Op::kMatrixSetDiag, Code_::MATRIX_SET_DIAG),
    With<MirrorPadCodec>(Op::kMirrorPad, Code_::MIRROR_PAD),
    With<OneHotCodec>(Op::kOneHot, Code_::ONE_HOT),
    With<PackCodec>(Op::kPack, Code_::PACK),
    Plain<fb::PadOptions>(Op::kPad, Code_::PAD),
    Plain<fb::PadV2Options>(Op::kPadV2, Code_::PADV2),
    Plain<fb::RangeOptions>(Op::kRange, Code_::RANGE),
    Plain<fb::RankOptions>(Op::kRank, Code_::RANK),
    With<ReshapeCodec>(Op::kReshape, Code_::RESHAPE),
    With<ReverseSequenceCodec>(Op::kReverseSequence, Code_::REVERSE_SEQUENCE),
    Plain<fb::ReverseV2Options>(Op::kReverseV2, Code_::REVERSE_V2),
    Plain<fb::ScatterNdOptions>(Op::kScatterNd, Code_::SCATTER_ND),
    With<ShapeCodec>(Op::kShape, Code_::SHAPE),
    Plain<fb::SliceOptions>(Op::kSlice, Code_::SLICE),
    Plain<fb::SpaceToBatchNDOptions>(Op::kSpaceToBatchNd, Code_::SPACE_TO_BATCH_ND),
    With<SpaceToDepthCodec>(Op::kSpaceToDepth, Code_::SPACE_TO_DEPTH),
    With<SparseToDenseCodec>(Op::kSparseToDense, Code_::SPARSE_TO_DENSE),
    With<SplitCodec>(Op::kSplit, Code_::SPLIT),
    With<SplitVCodec>(Op::kSplitV, Code_::SPLIT_V),
    With<SqueezeCodec>(Op::kSqueeze, Code_::SQUEEZE),
    With<StridedSliceCodec>(Op::kStridedSlice, Code_::STRIDED_SLICE),
    Plain<fb::TileOptions>(Op::kTile, Code_::TILE),
    Plain<fb::TransposeOptions>(Op::kTranspose, Code_::TRANSPOSE),
    With<UniqueCodec>(Op::kUnique, Code_::UNIQUE),
    With<UnpackCodec>(Op::kUnpack, Code_::UNPACK),
    Plain<fb::WhereOptions>(Op::kWhere, Code_::WHERE),
    Plain<fb::ZerosLikeOptions>(Op::kZerosLike, Code_::ZEROS_LIKE),
};

}  // namespace

std::span<const OpHandler> MovementHandlers() { return ir::SelectedRows<kHandlers>(); }

}  // namespace edgeml::tflite
