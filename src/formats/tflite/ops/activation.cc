// The options of activations in the format.
#include "src/formats/tflite/ops/codec.h"
#include "src/formats/tflite/ops/families.h"
#include "src/ir/selection.h"

namespace edgeml::tflite {
namespace {

EDGEML_CODEC(
    GeluCodec, GeluOptions, GeluAttrs, VT_APPROXIMATE, { return Assign(a, o.approximate()); },
    a.approximate)
EDGEML_CODEC(
    LeakyReluCodec, LeakyReluOptions, LeakyReluAttrs, VT_ALPHA, { return Assign(a, o.alpha()); },
    a.alpha)
EDGEML_CODEC(
    SoftmaxCodec, SoftmaxOptions, SoftmaxAttrs, VT_BETA, { return Assign(a, o.beta()); }, a.beta)

constexpr OpHandler kHandlers[] = {
    Bare(Op::kElu, Code_::ELU),
    With<GeluCodec>(Op::kGelu, Code_::GELU),
    Plain<fb::HardSwishOptions>(Op::kHardSwish, Code_::HARD_SWISH),
    With<LeakyReluCodec>(Op::kLeakyRelu, Code_::LEAKY_RELU),
    Plain<fb::LogSoftmaxOptions>(Op::kLogSoftmax, Code_::LOG_SOFTMAX),
    Bare(Op::kLogistic, Code_::LOGISTIC),
    Bare(Op::kPrelu, Code_::PRELU),
    Bare(Op::kRelu, Code_::RELU),
    Bare(Op::kRelu0To1, Code_::RELU_0_TO_1),
    Bare(Op::kRelu6, Code_::RELU6),
    Bare(Op::kReluN1To1, Code_::RELU_N1_TO_1),
    With<SoftmaxCodec>(Op::kSoftmax, Code_::SOFTMAX),
    Bare(Op::kTanh, Code_::TANH),
};

}  // namespace

std::span<const OpHandler> ActivationHandlers() { return ir::SelectedRows<kHandlers>(); }

}  // namespace edgeml::tflite
