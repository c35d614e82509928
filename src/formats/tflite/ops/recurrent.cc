// The options of recurrent operators in the format.
#include "src/formats/tflite/ops/codec.h"
#include "src/formats/tflite/ops/families.h"
#include "src/ir/selection.h"

namespace edgeml::tflite {
namespace {

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
    RnnCodec, RNNOptions, RnnAttrs, VT_ASYMMETRIC_QUANTIZE_INPUTS,
    {
      a.asymmetric_quantize_inputs = o.asymmetric_quantize_inputs();
      return ReadActivation(o.fused_activation_function(), a.activation);
    },
    tflite::Write(a.activation), a.asymmetric_quantize_inputs)
EDGEML_CODEC(
    SvdfCodec, SVDFOptions, SvdfAttrs, VT_ASYMMETRIC_QUANTIZE_INPUTS,
    {
      a.rank = o.rank();
      a.asymmetric_quantize_inputs = o.asymmetric_quantize_inputs();
      return ReadActivation(o.fused_activation_function(), a.activation);
    },
    a.rank, tflite::Write(a.activation), a.asymmetric_quantize_inputs)
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
    SequenceRnnCodec, SequenceRNNOptions, RnnAttrs, VT_ASYMMETRIC_QUANTIZE_INPUTS,
    {
      a.time_major = o.time_major();
      a.asymmetric_quantize_inputs = o.asymmetric_quantize_inputs();
      return ReadActivation(o.fused_activation_function(), a.activation);
    },
    a.time_major, tflite::Write(a.activation), a.asymmetric_quantize_inputs)
EDGEML_CODEC(
    BidirectionalLstmCodec, BidirectionalSequenceLSTMOptions, BidirectionalLstmAttrs,
    VT_ASYMMETRIC_QUANTIZE_INPUTS,
    {
      a.cell_clip = o.cell_clip();
      a.proj_clip = o.proj_clip();
      a.merge_outputs = o.merge_outputs();
      a.time_major = o.time_major();
      a.asymmetric_quantize_inputs = o.asymmetric_quantize_inputs();
      return ReadActivation(o.fused_activation_function(), a.activation);
    },
    tflite::Write(a.activation), a.cell_clip, a.proj_clip, a.merge_outputs, a.time_major,
    a.asymmetric_quantize_inputs)
EDGEML_CODEC(
    BidirectionalRnnCodec, BidirectionalSequenceRNNOptions, BidirectionalRnnAttrs,
    VT_ASYMMETRIC_QUANTIZE_INPUTS,
    {
      a.time_major = o.time_major();
      a.merge_outputs = o.merge_outputs();
      a.asymmetric_quantize_inputs = o.asymmetric_quantize_inputs();
      return ReadActivation(o.fused_activation_function(), a.activation);
    },
    a.time_major, tflite::Write(a.activation), a.merge_outputs, a.asymmetric_quantize_inputs)

constexpr OpHandler kHandlers[] = {
    With<BidirectionalLstmCodec>(Op::kBidirectionalSequenceLstm,
                                 Code_::BIDIRECTIONAL_SEQUENCE_LSTM),
    With<BidirectionalRnnCodec>(Op::kBidirectionalSequenceRnn, Code_::BIDIRECTIONAL_SEQUENCE_RNN),
    With<LstmCodec>(Op::kLstm, Code_::LSTM),
    With<RnnCodec>(Op::kRnn, Code_::RNN),
    With<SvdfCodec>(Op::kSvdf, Code_::SVDF),
    With<SequenceLstmCodec>(Op::kUnidirectionalSequenceLstm, Code_::UNIDIRECTIONAL_SEQUENCE_LSTM),
    With<SequenceRnnCodec>(Op::kUnidirectionalSequenceRnn, Code_::UNIDIRECTIONAL_SEQUENCE_RNN),
};

}  // namespace

std::span<const OpHandler> RecurrentHandlers() { return ir::SelectedRows<kHandlers>(); }

}  // namespace edgeml::tflite
