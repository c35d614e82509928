// The options of convolutions and products of matrices in the format.
#include "src/formats/tflite/ops/codec.h"
#include "src/formats/tflite/ops/families.h"
#include "src/ir/selection.h"

namespace edgeml::tflite {
namespace {

EDGEML_CODEC(
    BatchMatMulCodec, BatchMatMulOptions, BatchMatMulAttrs, VT_ASYMMETRIC_QUANTIZE_INPUTS,
    { return Assign(a, o.adj_x(), o.adj_y(), o.asymmetric_quantize_inputs()); }, a.adj_x, a.adj_y,
    a.asymmetric_quantize_inputs)
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

struct Conv3DCodec {
  using Options = fb::Conv3DOptions;
  using Attrs = ir::Conv3DAttrs;
  static constexpr auto kLast = Options::VT_DILATION_H_FACTOR;
  static Status Read(const Options& o, Budget&, Attrs& a) {
    EDGEML_RETURN_IF_ERROR(ReadPadding(o.padding(), a.window.padding));
    a.stride_d = o.stride_d();
    a.dilation_d = o.dilation_d_factor();
    a.window.stride_h = o.stride_h();
    a.window.stride_w = o.stride_w();
    a.window.dilation_h = o.dilation_h_factor();
    a.window.dilation_w = o.dilation_w_factor();
    return ReadActivation(o.fused_activation_function(), a.activation);
  }
  static Result<Offset<Options>> Write(const WriteContext& c, const Attrs& a) {
    fb::Padding padding = fb::Padding::SAME;
    EDGEML_RETURN_IF_ERROR(WritePadding(a.window.padding, padding));
    return fb::CreateConv3DOptions(c.builder, padding, a.stride_d, a.window.stride_w,
                                   a.window.stride_h, tflite::Write(a.activation), a.dilation_d,
                                   a.window.dilation_w, a.window.dilation_h);
  }
};

constexpr OpHandler kHandlers[] = {
    With<BatchMatMulCodec>(Op::kBatchMatMul, Code_::BATCH_MATMUL),
    With<Conv2DCodec>(Op::kConv2D, Code_::CONV_2D),
    With<Conv3DCodec>(Op::kConv3D, Code_::CONV_3D),
    With<Conv3DCodec>(Op::kConv3DTranspose, Code_::CONV_3D_TRANSPOSE),
    With<DepthwiseConvCodec>(Op::kDepthwiseConv2D, Code_::DEPTHWISE_CONV_2D),
    With<FullyConnectedCodec>(Op::kFullyConnected, Code_::FULLY_CONNECTED),
    With<TransposeConvCodec>(Op::kTransposeConv, Code_::TRANSPOSE_CONV),
};

}  // namespace

std::span<const OpHandler> ConvolutionHandlers() { return ir::SelectedRows<kHandlers>(); }

}  // namespace edgeml::tflite
