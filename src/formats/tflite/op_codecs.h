// The codecs of the operators' options: one per table of options of the format.
// Included by ops.cc only.
#ifndef EDGEML_FORMATS_TFLITE_OP_CODECS_H_
#define EDGEML_FORMATS_TFLITE_OP_CODECS_H_

#include <string>
#include <vector>

#include "src/base/strings.h"
#include "src/formats/tflite/budget.h"
#include "src/formats/tflite/ops.h"

namespace edgeml::tflite {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

// ---- Enumerations ---------------------------------------------------------------------

inline Status ReadActivation(fb::ActivationFunctionType in, ir::Activation& out) {
  if (in < fb::ActivationFunctionType::MIN || in > fb::ActivationFunctionType::MAX)
    return Error(Code::kUnsupported, "fused activation ", static_cast<int>(in), " is unknown");
  out = static_cast<ir::Activation>(in);  // the same numbers in both
  return Status::Ok();
}
inline fb::ActivationFunctionType Write(ir::Activation in) {
  return static_cast<fb::ActivationFunctionType>(in);
}
static_assert(static_cast<int>(ir::Activation::kNone) == 0 &&
              static_cast<int>(ir::Activation::kRelu) == 1 &&
              static_cast<int>(ir::Activation::kReluN1To1) == 2 &&
              static_cast<int>(ir::Activation::kRelu6) == 3 &&
              static_cast<int>(ir::Activation::kTanh) == 4 &&
              static_cast<int>(ir::Activation::kSignBit) == 5);

inline Status ReadPadding(fb::Padding in, ir::Padding& out) {
  if (in != fb::Padding::SAME && in != fb::Padding::VALID)
    return Error(Code::kUnsupported, "padding ", static_cast<int>(in), " is unknown");
  out = in == fb::Padding::SAME ? ir::Padding::kSame : ir::Padding::kValid;
  return Status::Ok();
}
inline Status WritePadding(ir::Padding in, fb::Padding& out) {
  if (in == ir::Padding::kExplicit)
    return Error(Code::kUnsupported,
                 "explicit padding does not exist in TFLite; put a PAD operator in front");
  out = in == ir::Padding::kSame ? fb::Padding::SAME : fb::Padding::VALID;
  return Status::Ok();
}

inline Status ReadType(fb::TensorType in, DType& out) {
  out = FromTensorType(in);
  if (out == DType::kInvalid)
    return Error(Code::kUnsupported, "element type ", static_cast<int>(in), " is not supported");
  return Status::Ok();
}

inline Status ReadInts(const flatbuffers::Vector<int32_t>* in, Budget& budget,
                       std::vector<int32_t>& out) {
  out.clear();
  if (in == nullptr) return Status::Ok();
  EDGEML_RETURN_IF_ERROR(budget.Charge(uint64_t{in->size()} * sizeof(int32_t)));
  out.assign(in->begin(), in->end());
  return Status::Ok();
}

inline Status ReadText(const flatbuffers::String* in, Budget& budget, std::string& out) {
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

// ---- Codecs -----------------------------------------------------------------------------
// One per table of options. Read() takes the options apart, Write() makes them. kLast is the last
// field that both know.

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

}  // namespace edgeml::tflite

#endif  // EDGEML_FORMATS_TFLITE_OP_CODECS_H_
