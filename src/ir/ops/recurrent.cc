// Shape rules of the recurrent family. They check every shape that the kernels index by.
#include <vector>

#include "src/base/strings.h"
#include "src/ir/ops/families.h"

namespace edgeml::ir {
namespace {

// Input i, when present, has the expected shape.
Status Expect(const InferContext& context, size_t i, const Shape& expected) {
  if (!context.has_input(i) || context.inputs[i].shape == expected) return Status::Ok();
  return Error(Code::kInvalidModel, "input ", i, " has shape ", context.inputs[i].shape.ToString(),
               ", expected ", expected.ToString());
}

// States may be stored flat: only their element count matters.
Status ExpectCount(const InferContext& context, size_t i, int64_t count) {
  if (context.inputs[i].num_elements() == count) return Status::Ok();
  return Error(Code::kInvalidModel, "state input ", i, " has shape ",
               context.inputs[i].shape.ToString(), ", expected ", count, " elements");
}

// Inputs by position, as the format numbers them.
enum LstmInput : size_t {
  kIn = 0,
  kInputWeights = 1,      // 4 gates: input, forget, cell, output
  kRecurrentWeights = 5,  // 4 gates
  kPeephole = 9,          // input, forget, output
  kBias = 12,             // 4 gates
  kProjection = 16,
  kProjectionBias = 17,
  kOutputState = 18,
  kCellState = 19,
  kLayerNorm = 20,  // 4 gates
};

// A gate's optional parts are there for all gates that exist, or for none.
Status CheckGateParts(const InferContext& context) {
  const bool coupled = !context.has_input(kInputWeights);
  const auto fail = [](const char* what) {
    return Error(Code::kInvalidModel, what, " are present for some gates only");
  };
  for (size_t g = 1; g < 4; ++g) {
    if (!context.has_input(kInputWeights + g) || !context.has_input(kRecurrentWeights + g) ||
        !context.has_input(kBias + g))
      return fail("weights or biases");
  }
  if (context.has_input(kRecurrentWeights) == coupled || context.has_input(kBias) == coupled)
    return fail("weights or biases");
  const bool peephole = context.has_input(kPeephole + 1);
  if (context.has_input(kPeephole + 2) != peephole ||
      context.has_input(kPeephole) != (peephole && !coupled))
    return fail("peephole weights");
  const bool norm = context.has_input(kLayerNorm + 1);
  if (context.has_input(kLayerNorm + 2) != norm || context.has_input(kLayerNorm + 3) != norm ||
      context.has_input(kLayerNorm) != (norm && !coupled))
    return fail("layer normalization coefficients");
  if (context.has_input(kProjectionBias) && !context.has_input(kProjection))
    return Error(Code::kInvalidModel, "has a projection bias but no projection");
  return Status::Ok();
}

Status InferFullLstm(InferContext& context, bool sequence) {
  if (context.inputs.size() != 20 && context.inputs.size() != 24)
    return Error(Code::kInvalidModel, "has ", context.inputs.size(), " inputs, expected 20 or 24");
  if (context.outputs.size() != 1)
    return Error(Code::kInvalidModel, "has ", context.outputs.size(), " outputs, expected 1");
  const auto& attrs = context.attrs<LstmAttrs>();
  if (!(attrs.cell_clip >= 0.0f) || !(attrs.proj_clip >= 0.0f))
    return Error(Code::kInvalidModel, "a clip is negative");
  const Shape& input = context.inputs[kIn].shape;
  const int rank = sequence ? 3 : 2;
  if (input.rank() != rank)
    return Error(Code::kInvalidModel, "input 0 has rank ", input.rank(), ", expected ", rank);
  for (const size_t i : {size_t{kOutputState}, size_t{kCellState}})
    if (!context.has_input(i)) return Error(Code::kInvalidModel, "state input ", i, " is absent");
  EDGEML_RETURN_IF_ERROR(CheckGateParts(context));
  const Shape& weights = context.inputs[kInputWeights + 3].shape;
  const Shape& recurrent = context.inputs[kRecurrentWeights + 3].shape;
  if (weights.rank() != 2 || recurrent.rank() < 1 || recurrent.rank() > 2 || weights[0] < 1)
    return Error(Code::kInvalidModel, "output gate weights of shapes ", weights.ToString(), " and ",
                 recurrent.ToString());
  const int32_t batch = sequence && attrs.time_major ? input[1] : input[0];
  const int32_t cells = weights[0], outputs = recurrent.back();
  const bool projected = context.has_input(kProjection);
  if (!projected && outputs != cells)
    return Error(Code::kInvalidModel, "has ", outputs, " outputs for ", cells,
                 " cells but no projection");
  for (size_t g = 0; g < 4; ++g) {
    EDGEML_RETURN_IF_ERROR(Expect(context, kInputWeights + g, Shape{cells, input.back()}));
    if (context.has_input(kRecurrentWeights + g)) {
      const Shape& shape = context.inputs[kRecurrentWeights + g].shape;
      // A vector is a diagonal matrix.
      if (!(shape.rank() == 1 && shape[0] == cells && outputs == cells))
        EDGEML_RETURN_IF_ERROR(Expect(context, kRecurrentWeights + g, Shape{cells, outputs}));
    }
    EDGEML_RETURN_IF_ERROR(Expect(context, kBias + g, Shape{cells}));
    EDGEML_RETURN_IF_ERROR(Expect(context, kLayerNorm + g, Shape{cells}));
    if (g < 3) EDGEML_RETURN_IF_ERROR(Expect(context, kPeephole + g, Shape{cells}));
  }
  EDGEML_RETURN_IF_ERROR(Expect(context, kProjection, Shape{outputs, cells}));
  EDGEML_RETURN_IF_ERROR(Expect(context, kProjectionBias, Shape{outputs}));
  EDGEML_RETURN_IF_ERROR(ExpectCount(context, kOutputState, int64_t{batch} * outputs));
  EDGEML_RETURN_IF_ERROR(ExpectCount(context, kCellState, int64_t{batch} * cells));
  Shape output = input;
  output[rank - 1] = outputs;
  context.outputs[0].shape = output;
  return Status::Ok();
}

// Inputs: data, previous activation, weights, bias, previous state; outputs: activation, state and
// two intermediate results.
Status InferBasicLstm(InferContext& context) {
  if (context.inputs.size() != 5 || context.outputs.size() != 4)
    return Error(Code::kInvalidModel, "the basic kernel has 5 inputs and 4 outputs, not ",
                 context.inputs.size(), " and ", context.outputs.size());
  for (size_t i = 0; i < 5; ++i)
    if (!context.has_input(i)) return Error(Code::kInvalidModel, "input ", i, " is absent");
  const Shape &input = context.inputs[0].shape, &activation = context.inputs[1].shape;
  if (input.rank() != 2 || activation.rank() != 2 || activation[0] != input[0])
    return Error(Code::kInvalidModel, "inputs of shapes ", input.ToString(), " and ",
                 activation.ToString());
  const int64_t depth = int64_t{input[1]} + activation[1], gates = 4 * int64_t{activation[1]};
  const Shape& weights = context.inputs[2].shape;
  if (weights.rank() != 2 || weights[0] != gates || weights[1] != depth)
    return Error(Code::kInvalidModel, "weights have shape ", weights.ToString(), ", expected [",
                 gates, ", ", depth, "]");
  EDGEML_RETURN_IF_ERROR(Expect(context, 3, Shape{weights[0]}));
  EDGEML_RETURN_IF_ERROR(Expect(context, 4, activation));
  context.outputs[0].shape = activation;
  context.outputs[1].shape = activation;
  context.outputs[2].shape = Shape{input[0], weights[1]};
  context.outputs[3].shape = Shape{input[0], weights[0]};
  return Status::Ok();
}

Status InferLstm(InferContext& context) {
  if (context.attrs<LstmAttrs>().basic_kernel) return InferBasicLstm(context);
  return InferFullLstm(context, false);
}

Status InferSequenceLstm(InferContext& context) { return InferFullLstm(context, true); }

Status InferRnnOf(InferContext& context, int rank) {
  const Shape &input = context.inputs[0].shape, &weights = context.inputs[1].shape;
  if (input.rank() != rank || weights.rank() != 2 || weights[1] != input.back())
    return Error(Code::kInvalidModel, "input ", input.ToString(), " does not fit weights ",
                 weights.ToString());
  const int32_t units = weights[0];
  const bool time_major = rank == 3 && context.attrs<RnnAttrs>().time_major;
  const int32_t batch = time_major ? input[1] : input[0];
  EDGEML_RETURN_IF_ERROR(Expect(context, 2, Shape{units, units}));
  EDGEML_RETURN_IF_ERROR(Expect(context, 3, Shape{units}));
  EDGEML_RETURN_IF_ERROR(Expect(context, 4, Shape{batch, units}));
  Shape output = input;
  output[rank - 1] = units;
  context.outputs[0].shape = output;
  return Status::Ok();
}

Status InferRnn(InferContext& context) { return InferRnnOf(context, 2); }
Status InferSequenceRnn(InferContext& context) { return InferRnnOf(context, 3); }

Status InferSvdf(InferContext& context) {
  const Shape &input = context.inputs[0].shape, &features = context.inputs[1].shape;
  const Shape &time = context.inputs[2].shape, &state = context.inputs[4].shape;
  const int32_t rank = context.attrs<SvdfAttrs>().rank;
  if (input.rank() != 2 || features.rank() != 2 || time.rank() != 2 || state.rank() != 2 ||
      features[1] != input[1] || time[0] != features[0] || time[1] < 1)
    return Error(Code::kInvalidModel, "shapes ", input.ToString(), ", ", features.ToString(), ", ",
                 time.ToString(), " do not fit");
  if (rank < 1 || features[0] % rank != 0)
    return Error(Code::kInvalidModel, features[0], " filters are not a multiple of rank ", rank);
  if (state[0] != input[0] || state[1] != int64_t{time[1]} * features[0])
    return Error(Code::kInvalidModel, "the state has shape ", state.ToString(), ", expected [",
                 input[0], ", ", int64_t{time[1]} * features[0], "]");
  const int32_t units = features[0] / rank;
  EDGEML_RETURN_IF_ERROR(Expect(context, 3, Shape{units}));
  context.outputs[0].shape = Shape{input[0], units};
  return Status::Ok();
}

int64_t Elements(const NodeView& view, size_t i) {
  return view.has_input(i) ? view.inputs[i].num_elements() : 0;
}

int64_t LstmMacs(const NodeView& view) {
  const Shape& input = view.inputs[0].shape;
  if (view.attrs<LstmAttrs>().basic_kernel) return input[0] * Elements(view, 2);
  int64_t weights = 0;
  for (size_t i = kInputWeights; i < kBias; ++i) weights += Elements(view, i);
  weights += Elements(view, kProjection);
  return input.num_elements(0, input.rank() - 1) * weights;
}

int64_t RnnMacs(const NodeView& view) {
  const Shape& input = view.inputs[0].shape;
  return input.num_elements(0, input.rank() - 1) * (Elements(view, 1) + Elements(view, 2));
}

}  // namespace

std::span<const OpDef> RecurrentOps() {
  // Which inputs of an LSTM may be absent depends on each other: its rule decides.
  static const std::vector<OpDef> defs = {
      {.op = OpCode::kLstm,
       .min_inputs = 5,
       .max_inputs = 24,
       .min_outputs = 1,
       .max_outputs = 4,
       .attributes = AttrsKind<LstmAttrs>(),
       .infer = InferLstm,
       .macs = LstmMacs,
       .optional_inputs = ~0u << 1,
       .has_side_effects = true},
      {.op = OpCode::kUnidirectionalSequenceLstm,
       .min_inputs = 20,
       .max_inputs = 24,
       .attributes = AttrsKind<LstmAttrs>(),
       .infer = InferSequenceLstm,
       .macs = LstmMacs,
       .optional_inputs = ~0u << 1,
       .has_side_effects = true},
      {.op = OpCode::kRnn,
       .min_inputs = 5,
       .max_inputs = 5,
       .attributes = AttrsKind<RnnAttrs>(),
       .infer = InferRnn,
       .macs = RnnMacs,
       .has_side_effects = true},
      {.op = OpCode::kUnidirectionalSequenceRnn,
       .min_inputs = 5,
       .max_inputs = 5,
       .attributes = AttrsKind<RnnAttrs>(),
       .infer = InferSequenceRnn,
       .macs = RnnMacs,
       .has_side_effects = true},
      {.op = OpCode::kSvdf,
       .min_inputs = 5,
       .max_inputs = 5,
       .attributes = AttrsKind<SvdfAttrs>(),
       .infer = InferSvdf,
       .macs = RnnMacs,
       .optional_inputs = 1u << 3,
       .has_side_effects = true},
  };
  return defs;
}

}  // namespace edgeml::ir
