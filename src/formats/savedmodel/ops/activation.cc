// Activation functions.
#include "src/base/strings.h"
#include "src/formats/savedmodel/op.h"

namespace edgeml::savedmodel {
namespace {

using ir::OpCode;

template <OpCode kOp>
Status Activate(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(1));
  return op.Emit(kOp, op.in);
}

Status LowerLeakyRelu(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(1));
  const float alpha = op.attrs.Float("alpha", 0.2f);
  return op.Emit(OpCode::kLeakyRelu, op.in, ir::LeakyReluAttrs{alpha});
}

// scale * (x above zero, alpha * (e^x - 1) below).
Status LowerSelu(Op& op) {
  constexpr float kScale = 1.05070098735548049342f, kAlpha = 1.67326324235437728481f;
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(1));
  EDGEML_ASSIGN_OR_RETURN(const int32_t above, op.Make(OpCode::kRelu, {op.in[0]}));
  EDGEML_ASSIGN_OR_RETURN(const int32_t elu, op.Make(OpCode::kElu, {op.in[0]}));
  EDGEML_ASSIGN_OR_RETURN(const int32_t below, op.Make(OpCode::kMinimum, {elu, op.Float(0.0f)}));
  EDGEML_ASSIGN_OR_RETURN(const int32_t up, op.Make(OpCode::kMul, {above, op.Float(kScale)}));
  EDGEML_ASSIGN_OR_RETURN(const int32_t down,
                          op.Make(OpCode::kMul, {below, op.Float(kScale * kAlpha)}));
  return op.Emit(OpCode::kAdd, {up, down});
}

// log(1 + e^x), which overflows above 88 as in TensorFlow's conversion.
Status LowerSoftplus(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(1));
  EDGEML_ASSIGN_OR_RETURN(const int32_t power, op.Make(OpCode::kExp, {op.in[0]}));
  EDGEML_ASSIGN_OR_RETURN(const int32_t sum, op.Make(OpCode::kAdd, {power, op.Float(1.0f)}));
  return op.Emit(OpCode::kLog, {sum});
}

Status LowerSoftsign(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(1));
  EDGEML_ASSIGN_OR_RETURN(const int32_t magnitude, op.Make(OpCode::kAbs, {op.in[0]}));
  EDGEML_ASSIGN_OR_RETURN(const int32_t sum, op.Make(OpCode::kAdd, {magnitude, op.Float(1.0f)}));
  return op.Emit(OpCode::kDiv, {op.in[0], sum});
}

Status LowerSoftmax(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(1));
  return op.Emit(OpCode::kSoftmax, op.in, ir::SoftmaxAttrs{1.0f});
}

constexpr OpEntry kOps[] = {
    {"Elu", Activate<OpCode::kElu>},
    {"LeakyRelu", LowerLeakyRelu},
    {"LogSoftmax", Activate<OpCode::kLogSoftmax>},
    {"Relu", Activate<OpCode::kRelu>},
    {"Relu6", Activate<OpCode::kRelu6>},
    {"Selu", LowerSelu},
    {"Sigmoid", Activate<OpCode::kLogistic>},
    {"Softmax", LowerSoftmax},
    {"Softplus", LowerSoftplus},
    {"Softsign", LowerSoftsign},
    {"Tanh", Activate<OpCode::kTanh>},
};

}  // namespace

std::span<const OpEntry> ActivationOps() { return kOps; }

}  // namespace edgeml::savedmodel
