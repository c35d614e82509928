// The LSTM's steps: float and hybrid, integer, and the two basic forms.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "src/backends/kernel_table.h"
#include "src/backends/reference/recurrent.h"
#include "src/base/strings.h"
#include "src/kernels/recurrent/integer.h"

namespace edgeml::backends {
namespace {

using kernels::kCellGate;
using kernels::kNumGates;
using runtime::NodeView;
using runtime::PrepareContext;
using runtime::RunContext;
using runtime::Step;

// Inputs by position, after the weights and biases that LstmLayout knows.
constexpr size_t kInputWeights = LstmLayout::kInputWeights;
constexpr size_t kRecurrentWeights = LstmLayout::kRecurrentWeights;
constexpr size_t kPeephole = LstmLayout::kPeephole, kBias = LstmLayout::kBias;
constexpr size_t kProjection = LstmLayout::kProjection;
constexpr size_t kProjectionBias = LstmLayout::kProjectionBias;
constexpr size_t kOutputState = 18, kCellState = 19, kLayerNorm = 20;

size_t PeepholeInput(int gate) { return LstmLayout{}.Peephole(gate); }

kernels::SequenceShape SequenceOf(const NodeView& view) {
  const Shape& input = view.inputs[0].shape;
  kernels::SequenceShape sequence;
  if (input.rank() == 2) {  // one time step of all batch rows
    sequence.batch = input[0];
    sequence.time_major = true;
    return sequence;
  }
  sequence.time_major = view.attrs<ir::LstmAttrs>().time_major;
  sequence.batch = input[sequence.time_major ? 1 : 0];
  sequence.time = input[sequence.time_major ? 0 : 1];
  return sequence;
}

class LstmStep : public Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const NodeView& view = context.view();
    const auto& attrs = view.attrs<ir::LstmAttrs>();
    cell_.Prepare(view, kLayout);
    kernels::LstmCell& cell = cell_.cell();
    cell.sequence = SequenceOf(view);
    cell.output_stride = cell.outputs;
    cell.activation = CellActivationOf(attrs.activation);
    cell.cell_clip = attrs.cell_clip;
    cell.projection_clip = attrs.proj_clip;
    cell.asymmetric = attrs.asymmetric_quantize_inputs;
    scratch_ = context.RequestWorkspace(kernels::LstmScratchBytes(cell));
    return Status::Ok();
  }

  Status Run(RunContext& context) override {
    cell_.Refresh(context);
    Status shown;
    const auto show = [&](kernels::LstmInside what, float* values) {
      if (!shown.ok()) return;
      TensorView view;
      view.data = values;
      view.type = DType::kFloat32;
      view.shape = {static_cast<int32_t>(cell_.cell().cells)};
      view.SetDenseStrides();
      shown = what == kernels::LstmInside::kCellState
                  ? context.ShowInput(kCellState, view)
                  : context.ShowIntermediate(static_cast<size_t>(what), view);
    };
    const kernels::LstmWatch watch(show);
    kernels::RunLstm(cell_.cell(), context.input(0).as<float>(), nullptr,
                     context.input(kOutputState).as_mutable<float>(),
                     context.input(kCellState).as_mutable<float>(), context.workspace(scratch_),
                     context.output(0).as_mutable<float>(), context.observed() ? &watch : nullptr);
    return shown;
  }

 private:
  static constexpr LstmLayout kLayout = {.layer_norm = kLayerNorm};
  LstmWeights cell_;
  int scratch_ = 0;
};

// The nearest power of two of a scale, when it is one but for rounding.
bool PowerOfTwo(float scale, int* log2) {
  if (!(scale > 0.0f) || !std::isfinite(scale)) return false;
  const float exact = std::log2(scale);
  const float rounded = std::round(exact);
  *log2 = static_cast<int>(rounded);
  return std::fabs(exact - rounded) < 1e-3f;
}

class IntegerLstmStep : public Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const NodeView& view = context.view();
    const auto& attrs = view.attrs<ir::LstmAttrs>();
    const TensorView &input = view.inputs[0], &state = view.inputs[kOutputState];
    cell_ = {};
    cell_.sequence = SequenceOf(view);
    cell_.inputs = input.shape.back();
    cell_.cells = view.inputs[kInputWeights + 3].dim(0);
    cell_.outputs = view.inputs[kRecurrentWeights + 3].shape.back();
    const float cell_scale = view.inputs[kCellState].scale();
    PowerOfTwo(cell_scale, &cell_.cell_scale_log2);
    const bool layer_norm = view.has_input(kLayerNorm + 1);
    for (int g = 0; g < kNumGates; ++g) PrepareGate(view, g, layer_norm);
    const float hidden_scale = view.intermediates[4].scale();
    cell_.hidden_zero_point = view.intermediates[4].zero_point();
    cell_.hidden_scale =
        ToFixedPoint(static_cast<float>(std::pow(2, -15) / hidden_scale * std::pow(2, -15)));
    cell_.output_zero_point = state.zero_point();
    const TensorView& projection = view.inputs[kProjection];
    if (projection.present()) {
      cell_.projection = projection.as<int8_t>();
      cell_.projection_scale = ToFixedPoint(projection.scale() * hidden_scale / state.scale());
      cell_.projection_bias = EffectiveBias(projection, view.inputs[kProjectionBias],
                                            cell_.hidden_zero_point, biases_[8]);
    }
    if (attrs.cell_clip > 0.0f) {
      cell_.cell_clip = static_cast<int16_t>(
          std::min(std::max(attrs.cell_clip / cell_scale, -32768.0f), 32767.0f));
    }
    if (attrs.proj_clip > 0.0f) {
      cell_.projection_clip = static_cast<int8_t>(
          std::min(std::max(attrs.proj_clip / view.outputs[0].scale(), -128.0f), 127.0f));
    }
    scratch_ = context.RequestWorkspace(kernels::IntegerLstmScratchBytes(cell_));
    return Status::Ok();
  }

  Status Run(RunContext& context) override {
    kernels::RunIntegerLstm(cell_, context.input(0).as<int8_t>(),
                            context.input(kOutputState).as_mutable<int8_t>(),
                            context.input(kCellState).as_mutable<int16_t>(),
                            context.workspace(scratch_), context.output(0).as_mutable<int8_t>());
    return Status::Ok();
  }

 private:
  void PrepareGate(const NodeView& view, int g, bool layer_norm) {
    const auto at = static_cast<size_t>(g);
    kernels::IntegerLstmGate& gate = cell_.gates[g];
    const TensorView& weights = view.inputs[kInputWeights + at];
    if (!weights.present()) return;  // coupled gates
    const TensorView& recurrent = view.inputs[kRecurrentWeights + at];
    const TensorView &input = view.inputs[0], &state = view.inputs[kOutputState];
    const TensorView& bias = view.inputs[kBias + at];
    // The gate's sums: 12 fraction bits for the activation, or what calibration found before the
    // normalization.
    const float sum_scale =
        layer_norm ? view.intermediates[at].scale() : static_cast<float>(std::pow(2, -12));
    gate.input = weights.as<int8_t>();
    gate.recurrent = recurrent.as<int8_t>();
    gate.input_scale = ToFixedPoint(weights.scale() * input.scale() / sum_scale);
    gate.recurrent_scale = ToFixedPoint(recurrent.scale() * state.scale() / sum_scale);
    gate.input_bias =
        EffectiveBias(weights, layer_norm ? TensorView{} : bias, -input.zero_point(), biases_[at]);
    gate.recurrent_bias =
        EffectiveBias(recurrent, TensorView{}, -state.zero_point(), biases_[4 + at]);
    const TensorView& peephole = view.inputs[PeepholeInput(g)];
    if (g != kCellGate && peephole.present()) {
      gate.peephole = peephole.as<int16_t>();
      gate.peephole_scale = ToFixedPoint(
          static_cast<float>(std::pow(2, cell_.cell_scale_log2) * peephole.scale() / sum_scale));
    }
    if (layer_norm) {
      const TensorView& norm = view.inputs[kLayerNorm + at];
      gate.layer_norm = norm.as<int16_t>();
      gate.layer_norm_bias = bias.as<int32_t>();
      gate.layer_norm_scale = ToFixedPoint(norm.scale());
      // Keeps the division by a tiny deviation from overflowing.
      gate.variance_guard =
          std::max(1, static_cast<int32_t>(std::min(10000 * norm.scale(), 1.0e9f)));
    }
  }

  // bias (zeros when absent) + zero_point * the row sums of the weights.
  static const int32_t* EffectiveBias(const TensorView& weights, const TensorView& bias,
                                      int32_t zero_point, std::vector<int32_t>& out) {
    out.resize(static_cast<size_t>(weights.dim(0)));
    kernels::RowSums(weights.as<int8_t>(), weights.dim(0), weights.dim(1), out.data());
    for (size_t r = 0; r < out.size(); ++r) {
      const uint32_t base = bias.present() ? static_cast<uint32_t>(bias.as<int32_t>()[r]) : 0u;
      out[r] = static_cast<int32_t>(base + static_cast<uint32_t>(out[r]) *
                                               static_cast<uint32_t>(zero_point));
    }
    return out.data();
  }

  kernels::IntegerLstmCell cell_;
  std::array<std::vector<int32_t>, 9> biases_;
  int scratch_ = 0;
};

// The basic form keeps its states in its inputs 1 and 4 too.
class BasicLstmStep : public Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const NodeView& view = context.view();
    cell_.shape.batch = view.inputs[0].dim(0);
    cell_.shape.inputs = view.inputs[0].dim(1);
    cell_.shape.cells = view.inputs[1].dim(1);
    cell_.weights_zero_point = view.inputs[2].zero_point();
    cell_.accumulator_scale = ToFixedPoint(4096.0 * double{view.inputs[3].scale()});
    return Status::Ok();
  }
  Status Run(RunContext& context) override {
    const TensorView &input = context.input(0), &activation = context.input(1);
    const TensorView &weights = context.input(2), &bias = context.input(3);
    const TensorView& state = context.input(4);
    const TensorView &out = context.output(0), &new_state = context.output(1);
    const TensorView &joined = context.output(2), &gates = context.output(3);
    if (input.type == DType::kFloat32) {
      kernels::RunBasicLstm(cell_.shape, input.as<float>(), activation.as<float>(),
                            weights.as<float>(), bias.as<float>(), state.as<float>(),
                            out.as_mutable<float>(), new_state.as_mutable<float>(),
                            joined.as_mutable<float>(), gates.as_mutable<float>());
    } else {
      kernels::RunQuantizedBasicLstm(cell_, input.as<uint8_t>(), activation.as<uint8_t>(),
                                     weights.as<uint8_t>(), bias.as<int32_t>(), state.as<int16_t>(),
                                     out.as_mutable<uint8_t>(), new_state.as_mutable<int16_t>(),
                                     joined.as_mutable<uint8_t>(), gates.as_mutable<int16_t>());
    }
    KeepState(out, activation);
    KeepState(new_state, state);
    return Status::Ok();
  }

 private:
  static void KeepState(const TensorView& value, const TensorView& state) {
    const auto bytes = CheckedByteSize(value.shape, value.type);
    if (!state.is_constant && bytes && *bytes > 0) std::memcpy(state.data, value.data, *bytes);
  }
  kernels::QuantizedBasicLstm cell_;
};

std::string Expect(const NodeView& view, size_t i, DType type) {
  if (!view.has_input(i) || view.inputs[i].type == type) return {};
  return Concat("input ", i, " is ", NameOf(view.inputs[i].type), ", expected ", NameOf(type));
}

std::string DeclineLstm(const NodeView& view) {
  if (view.attrs<ir::LstmAttrs>().basic_kernel) return "the basic kernel";
  if (std::string reason = DeclineLstmWeights(view, {.layer_norm = kLayerNorm}); !reason.empty())
    return reason;
  for (const size_t i : {kOutputState, kCellState})
    if (std::string reason = DeclineFloatState(view, i); !reason.empty()) return reason;
  return {};
}

std::string DeclineIntegerLstm(const NodeView& view) {
  if (view.attrs<ir::LstmAttrs>().basic_kernel) return "the basic kernel";
  if (view.inputs[0].type != DType::kInt8 || view.outputs[0].type != DType::kInt8)
    return "input and output are not int8";
  if (view.intermediates.size() == 12)
    return "the form with 8-bit gate sums, whose kernel in LiteRT reads beyond its own tables";
  if (view.intermediates.size() != 5)
    return Concat("has ", view.intermediates.size(), " intermediates, expected 5");
  for (size_t i = 0; i < view.inputs.size(); ++i) {
    if (!view.has_input(i)) continue;
    const bool weight = i >= kInputWeights && i < kPeephole;
    const DType expected = weight || i == kProjection || i == kOutputState || i == 0 ? DType::kInt8
                           : i < kBias || i >= kLayerNorm || i == kCellState         ? DType::kInt16
                                                                             : DType::kInt32;
    if (std::string reason = Expect(view, i, expected); !reason.empty()) return reason;
    if (weight && view.inputs[i].rank() != 2) return "diagonal recurrent weights";
    const bool bias = i >= kBias && i < kOutputState && i != kProjection;
    const bool state = i == kOutputState || i == kCellState;
    if (!bias && !view.inputs[i].quantized()) return Concat("input ", i, " is not quantized");
    if (!bias && !(view.inputs[i].scale() > 0.0f)) return Concat("input ", i, " has no scale");
    if (i > 0 && state == view.inputs[i].is_constant)
      return Concat("input ", i, state ? " is a constant state" : " is not constant");
  }
  const bool layer_norm = view.has_input(kLayerNorm + 1);
  for (size_t i = layer_norm ? 0 : 4; i < 5; ++i)
    if (!view.intermediates[i].quantized() || !(view.intermediates[i].scale() > 0.0f))
      return Concat("intermediate ", i, " is not quantized");
  for (const int32_t zero_point :
       {view.inputs[0].zero_point(), view.inputs[kOutputState].zero_point(),
        view.intermediates[4].zero_point()})
    if (zero_point < -128 || zero_point > 127) return Concat("zero point ", zero_point);
  if (!(view.outputs[0].scale() > 0.0f)) return "the output is not quantized";
  int log2 = 0;
  if (!PowerOfTwo(view.inputs[kCellState].scale(), &log2) || log2 < -30 || log2 > -9)
    return "the cell state's scale is not a power of two in [2^-30, 2^-9]";
  for (size_t g = 0; g < 4; ++g) {
    if (view.has_input(kLayerNorm + g) && view.inputs[kLayerNorm + g].scale() >= 262144.0f)
      return "a layer normalization coefficient's scale is too large";
  }
  return {};
}

std::string DeclineBasicLstm(const NodeView& view) {
  if (!view.attrs<ir::LstmAttrs>().basic_kernel) return "not the basic kernel";
  const bool quantized = view.inputs[0].type == DType::kUInt8;
  if (!quantized && view.inputs[0].type != DType::kFloat32)
    return Concat("input is ", NameOf(view.inputs[0].type));
  const auto one = [&](DType integer) { return quantized ? integer : DType::kFloat32; };
  const DType inputs[] = {one(DType::kUInt8), one(DType::kUInt8), one(DType::kUInt8),
                          one(DType::kInt32), one(DType::kInt16)};
  const DType outputs[] = {one(DType::kUInt8), one(DType::kInt16), one(DType::kUInt8),
                           one(DType::kInt16)};
  for (size_t i = 0; i < 5; ++i)
    if (std::string reason = Expect(view, i, inputs[i]); !reason.empty()) return reason;
  for (size_t i = 0; i < 4; ++i)
    if (view.outputs[i].type != outputs[i])
      return Concat("output ", i, " is ", NameOf(view.outputs[i].type));
  if (!quantized) return {};
  int log2 = 0;
  if (!PowerOfTwo(view.outputs[1].scale(), &log2) || log2 != -11)
    return "the state's scale is not 2^-11";
  const int32_t zero_point = view.inputs[2].zero_point();
  if (zero_point < 0 || zero_point > 255) return Concat("weights' zero point ", zero_point);
  return {};
}

constexpr KernelEntry kKernels[] = {

    {OpCode::kLstm, "lstm.basic.reference", ErrorBound::kExact, DeclineBasicLstm,
     MakeStep<BasicLstmStep>},
    {OpCode::kLstm, "lstm.int8.reference", ErrorBound::kExact, DeclineIntegerLstm,
     MakeStep<IntegerLstmStep>},
    {OpCode::kLstm, "lstm.reference", ErrorBound::kExact, DeclineLstm, MakeStep<LstmStep>},
    {OpCode::kUnidirectionalSequenceLstm, "unidirectional_sequence_lstm.int8.reference",
     ErrorBound::kExact, DeclineIntegerLstm, MakeStep<IntegerLstmStep>},
    {OpCode::kUnidirectionalSequenceLstm, "unidirectional_sequence_lstm.reference",
     ErrorBound::kExact, DeclineLstm, MakeStep<LstmStep>},
};

}  // namespace

std::span<const KernelEntry> LstmKernels() { return ir::SelectedRows<kKernels>(); }

}  // namespace edgeml::backends
