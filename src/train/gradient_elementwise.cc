// What works element by element.
#include "src/base/strings.h"
#include "src/kernels/activation/gradient.h"
#include "src/kernels/elementwise/gradient.h"
#include "src/kernels/quantize/quantize.h"
#include "src/train/gradient_ops.h"

namespace edgeml::train {
namespace {

using ir::OpCode;
using kernels::ArithmeticOp;
using kernels::InputSlope;
using kernels::OutputSlope;
using kernels::UnaryOp;

ArithmeticOp ArithmeticOf(OpCode op) {
  switch (op) {
    case OpCode::kSub:
      return ArithmeticOp::kSub;
    case OpCode::kMul:
      return ArithmeticOp::kMul;
    case OpCode::kDiv:
      return ArithmeticOp::kDiv;
    case OpCode::kMaximum:
      return ArithmeticOp::kMaximum;
    case OpCode::kMinimum:
      return ArithmeticOp::kMinimum;
    case OpCode::kSquaredDifference:
      return ArithmeticOp::kSquaredDifference;
    default:
      return ArithmeticOp::kAdd;
  }
}

UnaryOp UnaryOf(OpCode op) {
  switch (op) {
    case OpCode::kCos:
      return UnaryOp::kCos;
    case OpCode::kExp:
      return UnaryOp::kExp;
    case OpCode::kLog:
      return UnaryOp::kLog;
    case OpCode::kNeg:
      return UnaryOp::kNeg;
    case OpCode::kRsqrt:
      return UnaryOp::kRsqrt;
    case OpCode::kSin:
      return UnaryOp::kSin;
    case OpCode::kSqrt:
      return UnaryOp::kSqrt;
    case OpCode::kSquare:
      return UnaryOp::kSquare;
    default:
      return UnaryOp::kAbs;
  }
}

}  // namespace

Status ArithmeticGradient(const GradientContext& c) {
  if (c.output_gradients[0] == nullptr) return Status::Ok();
  const kernels::BroadcastPlan plan =
      kernels::MakeBroadcastPlan(c.outputs[0].shape, {c.inputs[0].shape, c.inputs[1].shape});
  kernels::BinaryGradient(ArithmeticOf(c.node->op), plan, c.inputs[0].as<float>(),
                          c.inputs[1].as<float>(), c.output_gradients[0], c.input_gradients[0],
                          c.input_gradients[1]);
  return Status::Ok();
}

Status UnaryFunctionGradient(const GradientContext& c) {
  if (c.output_gradients[0] == nullptr || c.input_gradients[0] == nullptr) return Status::Ok();
  kernels::UnaryGradient(UnaryOf(c.node->op), c.inputs[0].as<float>(), c.outputs[0].as<float>(),
                         c.output_gradients[0], c.outputs[0].num_elements(), c.input_gradients[0]);
  return Status::Ok();
}

Status ActivationFunctionGradient(const GradientContext& c) {
  const float* const dy = c.output_gradients[0];
  float* const dx = c.input_gradients[0];
  if (dy == nullptr || dx == nullptr) return Status::Ok();
  const int64_t n = c.outputs[0].num_elements();
  const auto from_output = [&](OutputSlope slope) {
    kernels::ActivationGradient(slope, c.outputs[0].as<float>(), dy, n, dx);
    return Status::Ok();
  };
  const auto from_input = [&](InputSlope slope, float alpha = 0) {
    kernels::ActivationGradient(slope, alpha, c.inputs[0].as<float>(), dy, n, dx);
    return Status::Ok();
  };
  switch (c.node->op) {
    case OpCode::kRelu:
      return from_output(OutputSlope::kRelu);
    case OpCode::kRelu6:
      return from_output(OutputSlope::kRelu6);
    case OpCode::kReluN1To1:
      return from_output(OutputSlope::kReluN1To1);
    case OpCode::kRelu0To1:
      return from_output(OutputSlope::kRelu0To1);
    case OpCode::kLogistic:
      return from_output(OutputSlope::kLogistic);
    case OpCode::kTanh:
      return from_output(OutputSlope::kTanh);
    case OpCode::kHardSwish:
      return from_input(InputSlope::kHardSwish);
    case OpCode::kLeakyRelu:
      return from_input(InputSlope::kLeakyRelu, c.attrs<ir::LeakyReluAttrs>().alpha);
    case OpCode::kElu:
      return from_input(InputSlope::kElu);
    case OpCode::kGelu:
      return from_input(c.attrs<ir::GeluAttrs>().approximate ? InputSlope::kGeluApproximate
                                                             : InputSlope::kGelu);
    default:
      return Error(Code::kInternal, "no activation: ", ir::NameOf(c.node->op));
  }
}

Status AddNGradient(const GradientContext& c) {
  const float* const dy = c.output_gradients[0];
  if (dy == nullptr) return Status::Ok();
  for (float* const dx : c.input_gradients) {
    if (dx == nullptr) continue;
    for (int64_t i = 0; i < c.outputs[0].num_elements(); ++i) dx[i] += dy[i];
  }
  return Status::Ok();
}

// Straight through the rounding, where the grid's ends do not clip (Bengio et al., "Estimating or
// Propagating Gradients Through Stochastic Neurons", 2013; as TensorFlow does).
Status FakeQuantGradient(const GradientContext& c) {
  const float* const dy = c.output_gradients[0];
  float* const dx = c.input_gradients[0];
  if (dy == nullptr || dx == nullptr) return Status::Ok();
  const auto& attrs = c.attrs<ir::FakeQuantAttrs>();
  const kernels::FakeQuantGrid grid =
      kernels::MakeFakeQuantGrid(attrs.min, attrs.max, attrs.num_bits);
  const float* const x = c.inputs[0].as<float>();
  for (int64_t i = 0; i < c.outputs[0].num_elements(); ++i)
    if (x[i] >= grid.low && x[i] <= grid.high) dx[i] += dy[i];
  return Status::Ok();
}

}  // namespace edgeml::train
