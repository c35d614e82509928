// The weights of LSTM cells with float states, as the kernels see them.
#include "src/backends/reference/recurrent.h"
#include "src/base/strings.h"

namespace edgeml::backends {

using kernels::kCellGate;
using kernels::kNumGates;
using runtime::NodeView;
using runtime::RunContext;

void LstmWeights::Prepare(const NodeView& view, const LstmLayout& layout) {
  layout_ = layout;
  cell_ = {};
  const size_t input = layout.base + LstmLayout::kInputWeights;
  const size_t recurrent = layout.base + LstmLayout::kRecurrentWeights;
  const TensorView& projection = view.inputs[layout.base + LstmLayout::kProjection];
  cell_.inputs = view.inputs[input + 3].dim(1);
  cell_.cells = view.inputs[input + 3].dim(0);
  cell_.outputs = view.inputs[recurrent + 3].shape.back();
  if (layout.aux != 0) cell_.aux_inputs = view.inputs[layout.aux + 3].dim(1);
  for (int g = 0; g < kNumGates; ++g) {
    const auto at = static_cast<size_t>(g);
    kernels::LstmGate& gate = cell_.gates[g];
    gate.input = MatrixOf(view.inputs[input + at], sums_[at]);
    gate.recurrent = MatrixOf(view.inputs[recurrent + at], sums_[4 + at]);
    if (layout.aux != 0) gate.aux = MatrixOf(view.inputs[layout.aux + at], sums_[8 + at]);
    peepholes_[at].clear();
    const TensorView& peephole = view.inputs[layout.Peephole(g)];
    if (g != kCellGate && peephole.present() && peephole.type != DType::kFloat32) {
      for (const int8_t stored : peephole.elements<int8_t>())
        peepholes_[at].push_back(peephole.scale() * static_cast<float>(stored));
    }
  }
  cell_.projection = MatrixOf(projection, sums_[12]);
}

void LstmWeights::Refresh(const RunContext& context) {
  const auto floats = [&](size_t i) -> const float* {
    if (i >= context.num_inputs() || !context.input(i).present()) return nullptr;
    return context.input(i).as<float>();
  };
  const size_t base = layout_.base;
  for (int g = 0; g < kNumGates; ++g) {
    const auto at = static_cast<size_t>(g);
    kernels::LstmGate& gate = cell_.gates[g];
    RefreshMatrix(context.input(base + LstmLayout::kInputWeights + at), gate.input);
    RefreshMatrix(context.input(base + LstmLayout::kRecurrentWeights + at), gate.recurrent);
    if (layout_.aux != 0) RefreshMatrix(context.input(layout_.aux + at), gate.aux);
    gate.bias = floats(base + LstmLayout::kBias + at);
    gate.layer_norm = layout_.layer_norm != 0 ? floats(layout_.layer_norm + at) : nullptr;
    if (g != kCellGate)
      gate.peephole = peepholes_[at].empty() ? floats(layout_.Peephole(g)) : peepholes_[at].data();
  }
  RefreshMatrix(context.input(base + LstmLayout::kProjection), cell_.projection);
  cell_.projection_bias = floats(base + LstmLayout::kProjectionBias);
}

std::string DeclineFloatState(const NodeView& view, size_t i) {
  if (view.inputs[i].is_constant) return Concat("state input ", i, " is constant");
  if (view.inputs[i].type != DType::kFloat32)
    return Concat("state input ", i, " is ", NameOf(view.inputs[i].type));
  return {};
}

std::string DeclineLstmWeights(const NodeView& view, const LstmLayout& layout) {
  constexpr DType kFloat = DType::kFloat32;
  if (view.inputs[0].type != kFloat || view.outputs[0].type != kFloat)
    return Concat("input is ", NameOf(view.inputs[0].type), " and output ",
                  NameOf(view.outputs[0].type));
  const DType weights = view.inputs[layout.base + LstmLayout::kInputWeights + 3].type;
  if (weights != kFloat && !IsStoredWeight(weights)) return Concat("weights are ", NameOf(weights));
  const auto expect = [&](size_t i, DType type) -> std::string {
    if (!view.has_input(i)) return {};
    if (view.inputs[i].type != type)
      return Concat("input ", i, " is ", NameOf(view.inputs[i].type), ", expected ", NameOf(type));
    return IsStoredWeight(type) ? DeclineStoredWeight(view, i) : std::string();
  };
  for (size_t at = LstmLayout::kInputWeights; at < LstmLayout::kEnd; ++at) {
    const size_t i = layout.base + at;
    const bool bias = (at >= LstmLayout::kBias && at < LstmLayout::kProjection) ||
                      at == LstmLayout::kProjectionBias;
    const bool diagonal = at >= LstmLayout::kRecurrentWeights && at < LstmLayout::kPeephole &&
                          view.has_input(i) && view.inputs[i].rank() == 1;
    if (std::string reason = expect(i, bias || diagonal ? kFloat : weights); !reason.empty())
      return reason;
  }
  for (size_t g = 0; g < 4; ++g) {
    std::string reason;
    if (layout.layer_norm != 0) reason = expect(layout.layer_norm + g, kFloat);
    if (reason.empty() && layout.aux != 0) reason = expect(layout.aux + g, weights);
    if (!reason.empty()) return reason;
  }
  return {};
}

}  // namespace edgeml::backends
