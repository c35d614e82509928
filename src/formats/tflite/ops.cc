#include "src/formats/tflite/ops.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "src/base/strings.h"
#include "src/ir/op_def.h"

namespace edgeml::tflite {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

// ---- Enumerations
// --------------------------------------------------------------------------------

Status ReadActivation(fb::ActivationFunctionType in, ir::Activation& out) {
  if (in < fb::ActivationFunctionType::MIN || in > fb::ActivationFunctionType::MAX)
    return Error(Code::kUnsupported, "fused activation ", static_cast<int>(in), " is unknown");
  out = static_cast<ir::Activation>(in);  // the same numbers in both
  return Status::Ok();
}
fb::ActivationFunctionType Write(ir::Activation in) {
  return static_cast<fb::ActivationFunctionType>(in);
}
static_assert(static_cast<int>(ir::Activation::kNone) == 0 &&
              static_cast<int>(ir::Activation::kRelu) == 1 &&
              static_cast<int>(ir::Activation::kReluN1To1) == 2 &&
              static_cast<int>(ir::Activation::kRelu6) == 3 &&
              static_cast<int>(ir::Activation::kTanh) == 4 &&
              static_cast<int>(ir::Activation::kSignBit) == 5);

Status ReadPadding(fb::Padding in, ir::Padding& out) {
  if (in != fb::Padding::SAME && in != fb::Padding::VALID)
    return Error(Code::kUnsupported, "padding ", static_cast<int>(in), " is unknown");
  out = in == fb::Padding::SAME ? ir::Padding::kSame : ir::Padding::kValid;
  return Status::Ok();
}
Status WritePadding(ir::Padding in, fb::Padding& out) {
  if (in == ir::Padding::kExplicit)
    return Error(Code::kUnsupported,
                 "explicit padding does not exist in TFLite; put a PAD operator in front");
  out = in == ir::Padding::kSame ? fb::Padding::SAME : fb::Padding::VALID;
  return Status::Ok();
}

Status ReadType(fb::TensorType in, DType& out) {
  out = FromTensorType(in);
  if (out == DType::kInvalid)
    return Error(Code::kUnsupported, "element type ", static_cast<int>(in), " is not supported");
  return Status::Ok();
}

Status ReadInts(const flatbuffers::Vector<int32_t>* in, Budget& budget, std::vector<int32_t>& out) {
  out.clear();
  if (in == nullptr) return Status::Ok();
  EDGEML_RETURN_IF_ERROR(budget.Charge(uint64_t{in->size()} * sizeof(int32_t)));
  out.assign(in->begin(), in->end());
  return Status::Ok();
}

Status ReadText(const flatbuffers::String* in, Budget& budget, std::string& out) {
  out.clear();
  if (in == nullptr) return Status::Ok();
  EDGEML_RETURN_IF_ERROR(budget.Charge(in->size()));
  out.assign(in->c_str(), in->size());
  return Status::Ok();
}

// What a codec may need besides the attributes.
struct WriteContext {
  FlatBufferBuilder& builder;
  const ir::Node& node;
  const ir::Graph& graph;

  // The stated type, or that of the node's first input or output when the attribute leaves it open.
  fb::TensorType TypeOr(DType stated, const std::vector<int32_t>& values) const {
    if (stated == DType::kInvalid && !values.empty() && values[0] >= 0)
      stated = graph.values[static_cast<size_t>(values[0])].type;
    return ToTensorType(stated);
  }
};

// ---- Codecs: one per table of options
// ------------------------------------------------------------- Read() takes the options apart,
// Write() makes them. kLast is the last field that both know.

struct Conv2DCodec {
  using Options = fb::Conv2DOptions;
  using Attrs = ir::ConvAttrs;
  static constexpr auto kLast = Options::VT_QUANTIZED_BIAS_TYPE;
  static Status Read(const Options& o, Budget&, Attrs& a) {
    EDGEML_RETURN_IF_ERROR(ReadPadding(o.padding(), a.window.padding));
    a.window.stride_h = o.stride_h();
    a.window.stride_w = o.stride_w();
    a.window.dilation_h = o.dilation_h_factor();
    a.window.dilation_w = o.dilation_w_factor();
    EDGEML_RETURN_IF_ERROR(ReadType(o.quantized_bias_type(), a.quantized_bias_type));
    return ReadActivation(o.fused_activation_function(), a.activation);
  }
  static Result<Offset<Options>> Write(const WriteContext& c, const Attrs& a) {
    fb::Padding padding = fb::Padding::SAME;
    EDGEML_RETURN_IF_ERROR(WritePadding(a.window.padding, padding));
    return fb::CreateConv2DOptions(c.builder, padding, a.window.stride_w, a.window.stride_h,
                                   tflite::Write(a.activation), a.window.dilation_w,
                                   a.window.dilation_h, ToTensorType(a.quantized_bias_type));
  }
};

struct TransposeConvCodec {
  using Options = fb::TransposeConvOptions;
  using Attrs = ir::ConvAttrs;
  static constexpr auto kLast = Options::VT_QUANTIZED_BIAS_TYPE;
  static Status Read(const Options& o, Budget&, Attrs& a) {
    EDGEML_RETURN_IF_ERROR(ReadPadding(o.padding(), a.window.padding));
    a.window.stride_h = o.stride_h();
    a.window.stride_w = o.stride_w();
    EDGEML_RETURN_IF_ERROR(ReadType(o.quantized_bias_type(), a.quantized_bias_type));
    return ReadActivation(o.fused_activation_function(), a.activation);
  }
  static Result<Offset<Options>> Write(const WriteContext& c, const Attrs& a) {
    fb::Padding padding = fb::Padding::SAME;
    EDGEML_RETURN_IF_ERROR(WritePadding(a.window.padding, padding));
    if (a.window.dilation_h != 1 || a.window.dilation_w != 1)
      return Error(Code::kUnsupported, "TFLite has no dilated TRANSPOSE_CONV");
    return fb::CreateTransposeConvOptions(c.builder, padding, a.window.stride_w, a.window.stride_h,
                                          tflite::Write(a.activation),
                                          ToTensorType(a.quantized_bias_type));
  }
};

struct DepthwiseConvCodec {
  using Options = fb::DepthwiseConv2DOptions;
  using Attrs = ir::DepthwiseConvAttrs;
  static constexpr auto kLast = Options::VT_DILATION_H_FACTOR;
  static Status Read(const Options& o, Budget&, Attrs& a) {
    EDGEML_RETURN_IF_ERROR(ReadPadding(o.padding(), a.window.padding));
    a.window.stride_h = o.stride_h();
    a.window.stride_w = o.stride_w();
    a.window.dilation_h = o.dilation_h_factor();
    a.window.dilation_w = o.dilation_w_factor();
    a.depth_multiplier = o.depth_multiplier();
    return ReadActivation(o.fused_activation_function(), a.activation);
  }
  static Result<Offset<Options>> Write(const WriteContext& c, const Attrs& a) {
    fb::Padding padding = fb::Padding::SAME;
    EDGEML_RETURN_IF_ERROR(WritePadding(a.window.padding, padding));
    return fb::CreateDepthwiseConv2DOptions(
        c.builder, padding, a.window.stride_w, a.window.stride_h, a.depth_multiplier,
        tflite::Write(a.activation), a.window.dilation_w, a.window.dilation_h);
  }
};

struct PoolCodec {
  using Options = fb::Pool2DOptions;
  using Attrs = ir::PoolAttrs;
  static constexpr auto kLast = Options::VT_FUSED_ACTIVATION_FUNCTION;
  static Status Read(const Options& o, Budget&, Attrs& a) {
    EDGEML_RETURN_IF_ERROR(ReadPadding(o.padding(), a.window.padding));
    a.window.stride_h = o.stride_h();
    a.window.stride_w = o.stride_w();
    a.filter_h = o.filter_height();
    a.filter_w = o.filter_width();
    return ReadActivation(o.fused_activation_function(), a.activation);
  }
  static Result<Offset<Options>> Write(const WriteContext& c, const Attrs& a) {
    fb::Padding padding = fb::Padding::SAME;
    EDGEML_RETURN_IF_ERROR(WritePadding(a.window.padding, padding));
    return fb::CreatePool2DOptions(c.builder, padding, a.window.stride_w, a.window.stride_h,
                                   a.filter_w, a.filter_h, tflite::Write(a.activation));
  }
};

struct FullyConnectedCodec {
  using Options = fb::FullyConnectedOptions;
  using Attrs = ir::FullyConnectedAttrs;
  static constexpr auto kLast = Options::VT_QUANTIZED_BIAS_TYPE;
  static Status Read(const Options& o, Budget&, Attrs& a) {
    const auto format = o.weights_format();
    if (format < fb::FullyConnectedOptionsWeightsFormat::MIN ||
        format > fb::FullyConnectedOptionsWeightsFormat::MAX)
      return Error(Code::kUnsupported, "weights format ", static_cast<int>(format), " is unknown");
    a.shuffled_4x16_weights = format == fb::FullyConnectedOptionsWeightsFormat::SHUFFLED4x16INT8;
    a.keep_num_dims = o.keep_num_dims();
    a.asymmetric_quantize_inputs = o.asymmetric_quantize_inputs();
    EDGEML_RETURN_IF_ERROR(ReadType(o.quantized_bias_type(), a.quantized_bias_type));
    return ReadActivation(o.fused_activation_function(), a.activation);
  }
  static Result<Offset<Options>> Write(const WriteContext& c, const Attrs& a) {
    return fb::CreateFullyConnectedOptions(
        c.builder, tflite::Write(a.activation),
        a.shuffled_4x16_weights ? fb::FullyConnectedOptionsWeightsFormat::SHUFFLED4x16INT8
                                : fb::FullyConnectedOptionsWeightsFormat::DEFAULT,
        a.keep_num_dims, a.asymmetric_quantize_inputs, ToTensorType(a.quantized_bias_type));
  }
};

// The attributes from the fields, in the order of the attributes.
template <typename Attrs, typename... Fields>
Status Assign(Attrs& attrs, const Fields&... fields) {
  attrs = Attrs{fields...};
  return Status::Ok();
}

// A codec for tables whose fields and attributes correspond one to one, in the order of the table.
#define EDGEML_CODEC(name, options, attrs, last, read, ...)                         \
  struct name {                                                                     \
    using Options = fb::options;                                                    \
    using Attrs = ir::attrs;                                                        \
    static constexpr auto kLast = Options::last;                                    \
    static Status Read(const Options& o, [[maybe_unused]] Budget& b, Attrs& a) read \
        static Result<Offset<Options>> Write(const WriteContext& c,                 \
                                             [[maybe_unused]] const Attrs& a) {     \
      return fb::Create##options(c.builder, __VA_ARGS__);                           \
    }                                                                               \
  };

EDGEML_CODEC(
    BatchMatMulCodec, BatchMatMulOptions, BatchMatMulAttrs, VT_ASYMMETRIC_QUANTIZE_INPUTS,
    { return Assign(a, o.adj_x(), o.adj_y(), o.asymmetric_quantize_inputs()); }, a.adj_x, a.adj_y,
    a.asymmetric_quantize_inputs)
EDGEML_CODEC(
    AddCodec, AddOptions, BinaryAttrs, VT_POT_SCALE_INT16,
    {
      a.pot_scale_int16 = o.pot_scale_int16();
      return ReadActivation(o.fused_activation_function(), a.activation);
    },
    tflite::Write(a.activation), a.pot_scale_int16)
EDGEML_CODEC(
    SubCodec, SubOptions, BinaryAttrs, VT_POT_SCALE_INT16,
    {
      a.pot_scale_int16 = o.pot_scale_int16();
      return ReadActivation(o.fused_activation_function(), a.activation);
    },
    tflite::Write(a.activation), a.pot_scale_int16)
EDGEML_CODEC(
    MulCodec, MulOptions, BinaryAttrs, VT_FUSED_ACTIVATION_FUNCTION,
    { return ReadActivation(o.fused_activation_function(), a.activation); },
    tflite::Write(a.activation))
EDGEML_CODEC(
    DivCodec, DivOptions, BinaryAttrs, VT_FUSED_ACTIVATION_FUNCTION,
    { return ReadActivation(o.fused_activation_function(), a.activation); },
    tflite::Write(a.activation))
EDGEML_CODEC(
    L2NormCodec, L2NormOptions, ActivationAttrs, VT_FUSED_ACTIVATION_FUNCTION,
    { return ReadActivation(o.fused_activation_function(), a.activation); },
    tflite::Write(a.activation))
EDGEML_CODEC(
    SoftmaxCodec, SoftmaxOptions, SoftmaxAttrs, VT_BETA, { return Assign(a, o.beta()); }, a.beta)
EDGEML_CODEC(
    LeakyReluCodec, LeakyReluOptions, LeakyReluAttrs, VT_ALPHA, { return Assign(a, o.alpha()); },
    a.alpha)
EDGEML_CODEC(
    GeluCodec, GeluOptions, GeluAttrs, VT_APPROXIMATE, { return Assign(a, o.approximate()); },
    a.approximate)
EDGEML_CODEC(
    ConcatCodec, ConcatenationOptions, ConcatAttrs, VT_FUSED_ACTIVATION_FUNCTION,
    {
      a.axis = o.axis();
      return ReadActivation(o.fused_activation_function(), a.activation);
    },
    a.axis, tflite::Write(a.activation))
EDGEML_CODEC(
    ReshapeCodec, ReshapeOptions, ReshapeAttrs, VT_NEW_SHAPE,
    {
      a.has_new_shape = o.new_shape() != nullptr;
      return ReadInts(o.new_shape(), b, a.new_shape);
    },
    a.has_new_shape ? c.builder.CreateVector(a.new_shape) : 0)
EDGEML_CODEC(
    PackCodec, PackOptions, AxisAttrs, VT_AXIS, { return Assign(a, o.axis(), o.values_count()); },
    a.count, a.axis)
EDGEML_CODEC(
    UnpackCodec, UnpackOptions, AxisAttrs, VT_AXIS, { return Assign(a, o.axis(), o.num()); },
    a.count, a.axis)
EDGEML_CODEC(
    OneHotCodec, OneHotOptions, AxisAttrs, VT_AXIS, { return Assign(a, o.axis(), 0); }, a.axis)
EDGEML_CODEC(
    GatherCodec, GatherOptions, GatherAttrs, VT_BATCH_DIMS,
    { return Assign(a, o.axis(), o.batch_dims()); }, a.axis, a.batch_dims)
EDGEML_CODEC(
    SplitCodec, SplitOptions, SplitAttrs, VT_NUM_SPLITS, { return Assign(a, o.num_splits()); },
    a.num_splits)
EDGEML_CODEC(
    SplitVCodec, SplitVOptions, SplitAttrs, VT_NUM_SPLITS, { return Assign(a, o.num_splits()); },
    a.num_splits)
EDGEML_CODEC(
    SqueezeCodec, SqueezeOptions, SqueezeAttrs, VT_SQUEEZE_DIMS,
    { return ReadInts(o.squeeze_dims(), b, a.squeeze_dims); },
    a.squeeze_dims.empty() ? 0 : c.builder.CreateVector(a.squeeze_dims))
EDGEML_CODEC(
    StridedSliceCodec, StridedSliceOptions, StridedSliceAttrs, VT_OFFSET,
    {
      return Assign(a, o.begin_mask(), o.end_mask(), o.ellipsis_mask(), o.new_axis_mask(),
                    o.shrink_axis_mask(), o.offset());
    },
    a.begin_mask, a.end_mask, a.ellipsis_mask, a.new_axis_mask, a.shrink_axis_mask, a.offset)
EDGEML_CODEC(
    ReduceCodec, ReducerOptions, ReduceAttrs, VT_KEEP_DIMS, { return Assign(a, o.keep_dims()); },
    a.keep_dims)
EDGEML_CODEC(
    CumsumCodec, CumsumOptions, CumsumAttrs, VT_REVERSE,
    { return Assign(a, o.exclusive(), o.reverse()); }, a.exclusive, a.reverse)
EDGEML_CODEC(
    CastCodec, CastOptions, TypeAttrs, VT_OUT_DATA_TYPE,
    {
      EDGEML_RETURN_IF_ERROR(ReadType(o.in_data_type(), a.in_type));
      return ReadType(o.out_data_type(), a.out_type);
    },
    c.TypeOr(a.in_type, c.node.inputs), c.TypeOr(a.out_type, c.node.outputs))
EDGEML_CODEC(
    ArgMaxCodec, ArgMaxOptions, TypeAttrs, VT_OUTPUT_TYPE,
    { return ReadType(o.output_type(), a.out_type); }, c.TypeOr(a.out_type, c.node.outputs))
EDGEML_CODEC(
    ArgMinCodec, ArgMinOptions, TypeAttrs, VT_OUTPUT_TYPE,
    { return ReadType(o.output_type(), a.out_type); }, c.TypeOr(a.out_type, c.node.outputs))
EDGEML_CODEC(
    ShapeCodec, ShapeOptions, TypeAttrs, VT_OUT_TYPE,
    { return ReadType(o.out_type(), a.out_type); }, c.TypeOr(a.out_type, c.node.outputs))
EDGEML_CODEC(
    ResizeBilinearCodec, ResizeBilinearOptions, ResizeAttrs, VT_HALF_PIXEL_CENTERS,
    { return Assign(a, o.align_corners(), o.half_pixel_centers()); }, a.align_corners,
    a.half_pixel_centers)
EDGEML_CODEC(
    ResizeNearestCodec, ResizeNearestNeighborOptions, ResizeAttrs, VT_HALF_PIXEL_CENTERS,
    { return Assign(a, o.align_corners(), o.half_pixel_centers()); }, a.align_corners,
    a.half_pixel_centers)
EDGEML_CODEC(
    SpaceToDepthCodec, SpaceToDepthOptions, BlockAttrs, VT_BLOCK_SIZE,
    { return Assign(a, o.block_size()); }, a.block_size)
EDGEML_CODEC(
    DepthToSpaceCodec, DepthToSpaceOptions, BlockAttrs, VT_BLOCK_SIZE,
    { return Assign(a, o.block_size()); }, a.block_size)
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
    LstmCodec, LSTMOptions, LstmAttrs, VT_ASYMMETRIC_QUANTIZE_INPUTS,
    {
      if (o.kernel_type() < fb::LSTMKernelType::MIN || o.kernel_type() > fb::LSTMKernelType::MAX)
        return Error(Code::kUnsupported, "LSTM kernel type ", static_cast<int>(o.kernel_type()),
                     " is unknown");
      a.cell_clip = o.cell_clip();
      a.proj_clip = o.proj_clip();
      a.basic_kernel = o.kernel_type() == fb::LSTMKernelType::BASIC;
      a.asymmetric_quantize_inputs = o.asymmetric_quantize_inputs();
      return ReadActivation(o.fused_activation_function(), a.activation);
    },
    tflite::Write(a.activation), a.cell_clip, a.proj_clip,
    a.basic_kernel ? fb::LSTMKernelType::BASIC : fb::LSTMKernelType::FULL,
    a.asymmetric_quantize_inputs)
EDGEML_CODEC(
    SequenceLstmCodec, UnidirectionalSequenceLSTMOptions, LstmAttrs, VT_DIAGONAL_RECURRENT_TENSORS,
    {
      a.cell_clip = o.cell_clip();
      a.proj_clip = o.proj_clip();
      a.time_major = o.time_major();
      a.asymmetric_quantize_inputs = o.asymmetric_quantize_inputs();
      a.diagonal_recurrent_tensors = o.diagonal_recurrent_tensors();
      return ReadActivation(o.fused_activation_function(), a.activation);
    },
    tflite::Write(a.activation), a.cell_clip, a.proj_clip, a.time_major,
    a.asymmetric_quantize_inputs, a.diagonal_recurrent_tensors)
EDGEML_CODEC(
    RnnCodec, RNNOptions, RnnAttrs, VT_ASYMMETRIC_QUANTIZE_INPUTS,
    {
      a.asymmetric_quantize_inputs = o.asymmetric_quantize_inputs();
      return ReadActivation(o.fused_activation_function(), a.activation);
    },
    tflite::Write(a.activation), a.asymmetric_quantize_inputs)
EDGEML_CODEC(
    SequenceRnnCodec, SequenceRNNOptions, RnnAttrs, VT_ASYMMETRIC_QUANTIZE_INPUTS,
    {
      a.time_major = o.time_major();
      a.asymmetric_quantize_inputs = o.asymmetric_quantize_inputs();
      return ReadActivation(o.fused_activation_function(), a.activation);
    },
    a.time_major, tflite::Write(a.activation), a.asymmetric_quantize_inputs)
EDGEML_CODEC(
    SvdfCodec, SVDFOptions, SvdfAttrs, VT_ASYMMETRIC_QUANTIZE_INPUTS,
    {
      a.rank = o.rank();
      a.asymmetric_quantize_inputs = o.asymmetric_quantize_inputs();
      return ReadActivation(o.fused_activation_function(), a.activation);
    },
    a.rank, tflite::Write(a.activation), a.asymmetric_quantize_inputs)
EDGEML_CODEC(
    WhileCodec, WhileOptions, WhileAttrs, VT_BODY_SUBGRAPH_INDEX,
    { return Assign(a, o.cond_subgraph_index(), o.body_subgraph_index()); }, a.cond_subgraph,
    a.body_subgraph)
EDGEML_CODEC(
    IfCodec, IfOptions, IfAttrs, VT_ELSE_SUBGRAPH_INDEX,
    { return Assign(a, o.then_subgraph_index(), o.else_subgraph_index()); }, a.then_subgraph,
    a.else_subgraph)
EDGEML_CODEC(
    CallOnceCodec, CallOnceOptions, CallOnceAttrs, VT_INIT_SUBGRAPH_INDEX,
    { return Assign(a, o.init_subgraph_index()); }, a.init_subgraph)
EDGEML_CODEC(
    VarHandleCodec, VarHandleOptions, VarHandleAttrs, VT_SHARED_NAME,
    {
      EDGEML_RETURN_IF_ERROR(ReadText(o.container(), b, a.container));
      return ReadText(o.shared_name(), b, a.shared_name);
    },
    c.builder.CreateString(a.container), c.builder.CreateString(a.shared_name))

#undef EDGEML_CODEC

// ---- The table
// -----------------------------------------------------------------------------------

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
