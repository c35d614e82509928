#include "src/formats/tflite/ops.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "src/base/strings.h"
#include "src/formats/tflite/op_codecs.h"
#include "src/ir/op_def.h"

namespace edgeml::tflite {
namespace {

// ---- The table -------------------------------------------------------------------------

template <typename Codec>
constexpr OpHandler With(ir::OpCode op, fb::BuiltinOperator code) {
  using Options = typename Codec::Options;
  using Attrs = typename Codec::Attrs;
  return {op,
          code,
          fb::BuiltinOptionsTraits<Options>::enum_value,
          ir::AttrsKind<Attrs>(),
          Codec::kLast,
          [](const void* options, Budget& budget, ir::Attributes& out) {
            return Codec::Read(*static_cast<const Options*>(options), budget, out.emplace<Attrs>());
          },
          [](FlatBufferBuilder& builder, const ir::Node& node,
             const ir::Graph& graph) -> Result<Offset<void>> {
            const WriteContext context{builder, node, graph};
            EDGEML_ASSIGN_OR_RETURN(const Offset<Options> written,
                                    Codec::Write(context, node.attrs<Attrs>()));
            return written.Union();
          }};
}

// An operator without options of its own; `Options` is the empty table that goes with it.
template <typename Options>
constexpr OpHandler Plain(ir::OpCode op, fb::BuiltinOperator code) {
  return {
      op,
      code,
      fb::BuiltinOptionsTraits<Options>::enum_value,
      ir::AttrsKind<std::monostate>(),
      0,
      nullptr,
      [](FlatBufferBuilder& builder, const ir::Node&, const ir::Graph&) -> Result<Offset<void>> {
        return typename Options::Builder(builder).Finish().Union();
      }};
}
constexpr OpHandler Bare(ir::OpCode op, fb::BuiltinOperator code) {
  return {op, code, fb::BuiltinOptions::NONE, ir::AttrsKind<std::monostate>(), 0, nullptr, nullptr};
}

using Op = ir::OpCode;
using Code_ = fb::BuiltinOperator;

constexpr OpHandler kHandlers[] = {
    Plain<fb::AbsOptions>(Op::kAbs, Code_::ABS),
    With<AddCodec>(Op::kAdd, Code_::ADD),
    Plain<fb::AddNOptions>(Op::kAddN, Code_::ADD_N),
    With<ArgMaxCodec>(Op::kArgMax, Code_::ARG_MAX),
    With<ArgMinCodec>(Op::kArgMin, Code_::ARG_MIN),
    Plain<fb::AssignVariableOptions>(Op::kAssignVariable, Code_::ASSIGN_VARIABLE),
    With<PoolCodec>(Op::kAveragePool2D, Code_::AVERAGE_POOL_2D),
    With<BatchMatMulCodec>(Op::kBatchMatMul, Code_::BATCH_MATMUL),
    Plain<fb::BatchToSpaceNDOptions>(Op::kBatchToSpaceNd, Code_::BATCH_TO_SPACE_ND),
    Bare(Op::kBroadcastArgs, Code_::BROADCAST_ARGS),
    Plain<fb::BroadcastToOptions>(Op::kBroadcastTo, Code_::BROADCAST_TO),
    With<CallOnceCodec>(Op::kCallOnce, Code_::CALL_ONCE),
    With<CastCodec>(Op::kCast, Code_::CAST),
    Bare(Op::kCeil, Code_::CEIL),
    With<ConcatCodec>(Op::kConcatenation, Code_::CONCATENATION),
    With<Conv2DCodec>(Op::kConv2D, Code_::CONV_2D),
    Plain<fb::CosOptions>(Op::kCos, Code_::COS),
    With<CumsumCodec>(Op::kCumsum, Code_::CUMSUM),
    Plain<fb::DensifyOptions>(Op::kDensify, Code_::DENSIFY),
    With<DepthToSpaceCodec>(Op::kDepthToSpace, Code_::DEPTH_TO_SPACE),
    With<DepthwiseConvCodec>(Op::kDepthwiseConv2D, Code_::DEPTHWISE_CONV_2D),
    Plain<fb::DequantizeOptions>(Op::kDequantize, Code_::DEQUANTIZE),
    With<DivCodec>(Op::kDiv, Code_::DIV),
    Plain<fb::DynamicUpdateSliceOptions>(Op::kDynamicUpdateSlice, Code_::DYNAMIC_UPDATE_SLICE),
    Bare(Op::kElu, Code_::ELU),
    Bare(Op::kEmbeddingLookup, Code_::EMBEDDING_LOOKUP),
    Plain<fb::EqualOptions>(Op::kEqual, Code_::EQUAL),
    Plain<fb::ExpOptions>(Op::kExp, Code_::EXP),
    Plain<fb::ExpandDimsOptions>(Op::kExpandDims, Code_::EXPAND_DIMS),
    Plain<fb::FillOptions>(Op::kFill, Code_::FILL),
    Bare(Op::kFloor, Code_::FLOOR),
    Plain<fb::FloorDivOptions>(Op::kFloorDiv, Code_::FLOOR_DIV),
    Plain<fb::FloorModOptions>(Op::kFloorMod, Code_::FLOOR_MOD),
    With<FullyConnectedCodec>(Op::kFullyConnected, Code_::FULLY_CONNECTED),
    With<GatherCodec>(Op::kGather, Code_::GATHER),
    Plain<fb::GatherNdOptions>(Op::kGatherNd, Code_::GATHER_ND),
    With<GeluCodec>(Op::kGelu, Code_::GELU),
    Plain<fb::GreaterOptions>(Op::kGreater, Code_::GREATER),
    Plain<fb::GreaterEqualOptions>(Op::kGreaterEqual, Code_::GREATER_EQUAL),
    Plain<fb::HardSwishOptions>(Op::kHardSwish, Code_::HARD_SWISH),
    With<IfCodec>(Op::kIf, Code_::IF),
    With<L2NormCodec>(Op::kL2Normalization, Code_::L2_NORMALIZATION),
    With<LeakyReluCodec>(Op::kLeakyRelu, Code_::LEAKY_RELU),
    Plain<fb::LessOptions>(Op::kLess, Code_::LESS),
    Plain<fb::LessEqualOptions>(Op::kLessEqual, Code_::LESS_EQUAL),
    Bare(Op::kLog, Code_::LOG),
    Plain<fb::LogicalAndOptions>(Op::kLogicalAnd, Code_::LOGICAL_AND),
    Plain<fb::LogicalNotOptions>(Op::kLogicalNot, Code_::LOGICAL_NOT),
    Plain<fb::LogicalOrOptions>(Op::kLogicalOr, Code_::LOGICAL_OR),
    Bare(Op::kLogistic, Code_::LOGISTIC),
    Plain<fb::LogSoftmaxOptions>(Op::kLogSoftmax, Code_::LOG_SOFTMAX),
    With<LstmCodec>(Op::kLstm, Code_::LSTM),
    Plain<fb::MaximumMinimumOptions>(Op::kMaximum, Code_::MAXIMUM),
    With<PoolCodec>(Op::kMaxPool2D, Code_::MAX_POOL_2D),
    With<ReduceCodec>(Op::kMean, Code_::MEAN),
    Plain<fb::MaximumMinimumOptions>(Op::kMinimum, Code_::MINIMUM),
    With<MirrorPadCodec>(Op::kMirrorPad, Code_::MIRROR_PAD),
    With<MulCodec>(Op::kMul, Code_::MUL),
    Plain<fb::NegOptions>(Op::kNeg, Code_::NEG),
    Plain<fb::NotEqualOptions>(Op::kNotEqual, Code_::NOT_EQUAL),
    With<OneHotCodec>(Op::kOneHot, Code_::ONE_HOT),
    With<PackCodec>(Op::kPack, Code_::PACK),
    Plain<fb::PadOptions>(Op::kPad, Code_::PAD),
    Plain<fb::PadV2Options>(Op::kPadV2, Code_::PADV2),
    Plain<fb::PowOptions>(Op::kPow, Code_::POW),
    Bare(Op::kPrelu, Code_::PRELU),
    Plain<fb::QuantizeOptions>(Op::kQuantize, Code_::QUANTIZE),
    Plain<fb::RangeOptions>(Op::kRange, Code_::RANGE),
    Plain<fb::RankOptions>(Op::kRank, Code_::RANK),
    Plain<fb::ReadVariableOptions>(Op::kReadVariable, Code_::READ_VARIABLE),
    With<ReduceCodec>(Op::kReduceAll, Code_::REDUCE_ALL),
    With<ReduceCodec>(Op::kReduceAny, Code_::REDUCE_ANY),
    With<ReduceCodec>(Op::kReduceMax, Code_::REDUCE_MAX),
    With<ReduceCodec>(Op::kReduceMin, Code_::REDUCE_MIN),
    With<ReduceCodec>(Op::kReduceProd, Code_::REDUCE_PROD),
    Bare(Op::kRelu, Code_::RELU),
    Bare(Op::kRelu0To1, Code_::RELU_0_TO_1),
    Bare(Op::kRelu6, Code_::RELU6),
    Bare(Op::kReluN1To1, Code_::RELU_N1_TO_1),
    With<ReshapeCodec>(Op::kReshape, Code_::RESHAPE),
    With<ResizeBilinearCodec>(Op::kResizeBilinear, Code_::RESIZE_BILINEAR),
    With<ResizeNearestCodec>(Op::kResizeNearestNeighbor, Code_::RESIZE_NEAREST_NEIGHBOR),
    Plain<fb::ReverseV2Options>(Op::kReverseV2, Code_::REVERSE_V2),
    With<RnnCodec>(Op::kRnn, Code_::RNN),
    Bare(Op::kRound, Code_::ROUND),
    Bare(Op::kRsqrt, Code_::RSQRT),
    Plain<fb::SelectOptions>(Op::kSelect, Code_::SELECT),
    Plain<fb::SelectV2Options>(Op::kSelectV2, Code_::SELECT_V2),
    With<ShapeCodec>(Op::kShape, Code_::SHAPE),
    Plain<fb::SignOptions>(Op::kSign, Code_::SIGN),
    Bare(Op::kSin, Code_::SIN),
    Plain<fb::SliceOptions>(Op::kSlice, Code_::SLICE),
    With<SoftmaxCodec>(Op::kSoftmax, Code_::SOFTMAX),
    Plain<fb::SpaceToBatchNDOptions>(Op::kSpaceToBatchNd, Code_::SPACE_TO_BATCH_ND),
    With<SpaceToDepthCodec>(Op::kSpaceToDepth, Code_::SPACE_TO_DEPTH),
    With<SplitCodec>(Op::kSplit, Code_::SPLIT),
    With<SplitVCodec>(Op::kSplitV, Code_::SPLIT_V),
    Bare(Op::kSqrt, Code_::SQRT),
    Plain<fb::SquareOptions>(Op::kSquare, Code_::SQUARE),
    Plain<fb::SquaredDifferenceOptions>(Op::kSquaredDifference, Code_::SQUARED_DIFFERENCE),
    With<SqueezeCodec>(Op::kSqueeze, Code_::SQUEEZE),
    With<StridedSliceCodec>(Op::kStridedSlice, Code_::STRIDED_SLICE),
    With<SubCodec>(Op::kSub, Code_::SUB),
    With<ReduceCodec>(Op::kSum, Code_::SUM),
    With<SvdfCodec>(Op::kSvdf, Code_::SVDF),
    Bare(Op::kTanh, Code_::TANH),
    Plain<fb::TileOptions>(Op::kTile, Code_::TILE),
    Plain<fb::TopKV2Options>(Op::kTopKV2, Code_::TOPK_V2),
    Plain<fb::TransposeOptions>(Op::kTranspose, Code_::TRANSPOSE),
    With<TransposeConvCodec>(Op::kTransposeConv, Code_::TRANSPOSE_CONV),
    With<SequenceLstmCodec>(Op::kUnidirectionalSequenceLstm, Code_::UNIDIRECTIONAL_SEQUENCE_LSTM),
    With<SequenceRnnCodec>(Op::kUnidirectionalSequenceRnn, Code_::UNIDIRECTIONAL_SEQUENCE_RNN),
    With<UnpackCodec>(Op::kUnpack, Code_::UNPACK),
    With<VarHandleCodec>(Op::kVarHandle, Code_::VAR_HANDLE),
    Plain<fb::WhereOptions>(Op::kWhere, Code_::WHERE),
    With<WhileCodec>(Op::kWhile, Code_::WHILE),
    Plain<fb::ZerosLikeOptions>(Op::kZerosLike, Code_::ZEROS_LIKE),
};

// A table without any field: what an operator without options is read from.
alignas(8) constexpr uint8_t kEmptyTable[8] = {4, 0, 4, 0, 4, 0, 0, 0};

}  // namespace

std::span<const OpHandler> OpHandlers() { return kHandlers; }

const OpHandler* HandlerOf(fb::BuiltinOperator code) {
  const auto* const found =
      std::find_if(std::begin(kHandlers), std::end(kHandlers),
                   [code](const OpHandler& handler) { return handler.code == code; });
  return found == std::end(kHandlers) ? nullptr : found;
}

const OpHandler* HandlerOf(ir::OpCode op) {
  const auto* const found =
      std::find_if(std::begin(kHandlers), std::end(kHandlers),
                   [op](const OpHandler& handler) { return handler.op == op; });
  return found == std::end(kHandlers) ? nullptr : found;
}

Status CheckNoUnknownFields(const void* table, flatbuffers::voffset_t last_field,
                            const char* what) {
  const auto* const fields = static_cast<const flatbuffers::Table*>(table);
  const auto vtable_size = flatbuffers::ReadScalar<flatbuffers::voffset_t>(fields->GetVTable());
  const flatbuffers::voffset_t first = std::max<flatbuffers::voffset_t>(4, last_field + 2u);
  for (uint32_t field = first; field + 2u <= vtable_size; field += 2) {
    if (fields->GetOptionalFieldOffset(static_cast<flatbuffers::voffset_t>(field)) != 0)
      return Error(Code::kUnsupported, what, " has field number ", (field - 4) / 2,
                   ", which is newer than this reader; convert the model for an older runtime");
  }
  return Status::Ok();
}

Status ReadOperatorOptions(const OpHandler& handler, const fb::Operator& op, Budget& budget,
                           ir::Attributes& attributes) {
  if (op.builtin_options_2_type() != fb::BuiltinOptions2::NONE)
    return Error(Code::kUnsupported, "carries ",
                 fb::EnumNameBuiltinOptions2(op.builtin_options_2_type()),
                 ", which this operator does not take");
  const void* options = op.builtin_options();
  const fb::BuiltinOptions type = op.builtin_options_type();
  // The verifier passes over the union's table when its kind is unknown or NONE: never follow it.
  if (type < fb::BuiltinOptions::MIN || type > fb::BuiltinOptions::MAX)
    return Error(Code::kUnsupported, "carries options of kind ", static_cast<int>(type),
                 ", which is newer than this reader; convert the model for an older runtime");
  if (type == fb::BuiltinOptions::NONE) options = nullptr;
  if (options != nullptr && type != handler.options) {
    // Another operator's options are harmless as long as they say nothing.
    EDGEML_RETURN_IF_ERROR(CheckNoUnknownFields(options, 0, fb::EnumNameBuiltinOptions(type)));
    options = nullptr;
  }
  if (options != nullptr) {
    EDGEML_RETURN_IF_ERROR(
        CheckNoUnknownFields(options, handler.last_field, fb::EnumNameBuiltinOptions(type)));
  } else {
    options = kEmptyTable + 4;
  }
  if (handler.read == nullptr) return Status::Ok();
  return handler.read(options, budget, attributes);
}

const char* NameOf(fb::BuiltinOperator code) {
  if (code < fb::BuiltinOperator::MIN || code > fb::BuiltinOperator::MAX) return "UNKNOWN";
  return fb::EnumNameBuiltinOperator(code);
}

namespace {

constexpr std::pair<fb::TensorType, DType> kTypes[] = {
    {fb::TensorType::FLOAT32, DType::kFloat32},
    {fb::TensorType::FLOAT16, DType::kFloat16},
    {fb::TensorType::INT32, DType::kInt32},
    {fb::TensorType::UINT8, DType::kUInt8},
    {fb::TensorType::INT64, DType::kInt64},
    {fb::TensorType::STRING, DType::kString},
    {fb::TensorType::BOOL, DType::kBool},
    {fb::TensorType::INT16, DType::kInt16},
    {fb::TensorType::COMPLEX64, DType::kComplex64},
    {fb::TensorType::INT8, DType::kInt8},
    {fb::TensorType::FLOAT64, DType::kFloat64},
    {fb::TensorType::COMPLEX128, DType::kComplex128},
    {fb::TensorType::UINT64, DType::kUInt64},
    {fb::TensorType::RESOURCE, DType::kResource},
    {fb::TensorType::VARIANT, DType::kVariant},
    {fb::TensorType::UINT32, DType::kUInt32},
    {fb::TensorType::UINT16, DType::kUInt16},
    {fb::TensorType::INT4, DType::kInt4},
    {fb::TensorType::BFLOAT16, DType::kBFloat16},
    {fb::TensorType::INT2, DType::kInt2},
    {fb::TensorType::UINT4, DType::kUInt4},
};

}  // namespace

DType FromTensorType(fb::TensorType type) {
  for (const auto& [theirs, ours] : kTypes)
    if (theirs == type) return ours;
  return DType::kInvalid;
}

fb::TensorType ToTensorType(DType type) {
  for (const auto& [theirs, ours] : kTypes)
    if (ours == type) return theirs;
  return fb::TensorType::FLOAT32;
}

}  // namespace edgeml::tflite
