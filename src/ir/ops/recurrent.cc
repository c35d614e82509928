// Shape rules of the recurrent family. They check every shape that the kernels index by.
#include <initializer_list>
#include <limits>
#include <utility>
#include <vector>

#include "src/base/strings.h"
#include "src/ir/ops/families.h"
#include "src/ir/selection.h"

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

// The parts of a gate that are there for all gates that exist, or for none. The parts of one cell
// stand at `base` more than LstmInput says.
Status CheckGateParts(const InferContext& context, size_t base) {
  const auto has = [&](size_t i) { return context.has_input(base + i); };
  const bool coupled = !has(kInputWeights);
  const auto fail = [](const char* what) {
    return Error(Code::kInvalidModel, what, " are present for some gates only");
  };
  for (size_t g = 1; g < 4; ++g) {
    if (!has(kInputWeights + g) || !has(kRecurrentWeights + g) || !has(kBias + g))
      return fail("weights or biases");
  }
  if (has(kRecurrentWeights) == coupled || has(kBias) == coupled) return fail("weights or biases");
  const bool peephole = has(kPeephole + 1);
  if (has(kPeephole + 2) != peephole || has(kPeephole) != (peephole && !coupled))
    return fail("peephole weights");
  if (has(kProjectionBias) && !has(kProjection))
    return Error(Code::kInvalidModel, "has a projection bias but no projection");
  return Status::Ok();
}

Status CheckLayerNorm(const InferContext& context) {
  const bool coupled = !context.has_input(kInputWeights);
  const bool norm = context.has_input(kLayerNorm + 1);
  if (context.has_input(kLayerNorm + 2) == norm && context.has_input(kLayerNorm + 3) == norm &&
      context.has_input(kLayerNorm) == (norm && !coupled))
    return Status::Ok();
  return Error(Code::kInvalidModel,
               "layer normalization coefficients are present for some gates only");
}

struct LstmSizes {
  int32_t cells = 0, outputs = 0;
};

// The weights and biases of one cell of `inputs` inputs. `diagonal`: recurrent weights may be
// vectors, which stand for diagonal matrices.
Result<LstmSizes> CheckLstmCell(const InferContext& context, size_t base, int32_t inputs,
                                bool diagonal) {
  EDGEML_RETURN_IF_ERROR(CheckGateParts(context, base));
  const Shape& weights = context.inputs[base + kInputWeights + 3].shape;
  const Shape& recurrent = context.inputs[base + kRecurrentWeights + 3].shape;
  if (weights.rank() != 2 || recurrent.rank() < (diagonal ? 1 : 2) || recurrent.rank() > 2 ||
      weights[0] < 1)
    return Error(Code::kInvalidModel, "output gate weights of shapes ", weights.ToString(), " and ",
                 recurrent.ToString());
  const int32_t cells = weights[0], outputs = recurrent.back();
  if (!context.has_input(base + kProjection) && outputs != cells)
    return Error(Code::kInvalidModel, "has ", outputs, " outputs for ", cells,
                 " cells but no projection");
  for (size_t g = 0; g < 4; ++g) {
    EDGEML_RETURN_IF_ERROR(Expect(context, base + kInputWeights + g, Shape{cells, inputs}));
    const size_t at = base + kRecurrentWeights + g;
    if (context.has_input(at)) {
      const Shape& shape = context.inputs[at].shape;
      if (!(diagonal && shape.rank() == 1 && shape[0] == cells && outputs == cells))
        EDGEML_RETURN_IF_ERROR(Expect(context, at, Shape{cells, outputs}));
    }
    EDGEML_RETURN_IF_ERROR(Expect(context, base + kBias + g, Shape{cells}));
    if (g < 3) EDGEML_RETURN_IF_ERROR(Expect(context, base + kPeephole + g, Shape{cells}));
  }
  EDGEML_RETURN_IF_ERROR(Expect(context, base + kProjection, Shape{outputs, cells}));
  EDGEML_RETURN_IF_ERROR(Expect(context, base + kProjectionBias, Shape{outputs}));
  return LstmSizes{cells, outputs};
}

Status CheckClips(float cell_clip, float proj_clip) {
  if (cell_clip >= 0.0f && proj_clip >= 0.0f) return Status::Ok();
  return Error(Code::kInvalidModel, "a clip is negative");
}

Status InferFullLstm(InferContext& context, bool sequence) {
  if (context.inputs.size() != 20 && context.inputs.size() != 24)
    return Error(Code::kInvalidModel, "has ", context.inputs.size(), " inputs, expected 20 or 24");
  if (context.outputs.size() != 1)
    return Error(Code::kInvalidModel, "has ", context.outputs.size(), " outputs, expected 1");
  const auto& attrs = context.attrs<LstmAttrs>();
  EDGEML_RETURN_IF_ERROR(CheckClips(attrs.cell_clip, attrs.proj_clip));
  const Shape& input = context.inputs[kIn].shape;
  const int rank = sequence ? 3 : 2;
  if (input.rank() != rank)
    return Error(Code::kInvalidModel, "input 0 has rank ", input.rank(), ", expected ", rank);
  for (const size_t i : {size_t{kOutputState}, size_t{kCellState}})
    if (!context.has_input(i)) return Error(Code::kInvalidModel, "state input ", i, " is absent");
  EDGEML_RETURN_IF_ERROR(CheckLayerNorm(context));
  EDGEML_ASSIGN_OR_RETURN(const LstmSizes sizes,
                          CheckLstmCell(context, 0, input.back(), /*diagonal=*/true));
  for (size_t g = 0; g < 4; ++g)
    EDGEML_RETURN_IF_ERROR(Expect(context, kLayerNorm + g, Shape{sizes.cells}));
  const int64_t batch = sequence && attrs.time_major ? input[1] : input[0];
  EDGEML_RETURN_IF_ERROR(ExpectCount(context, kOutputState, batch * sizes.outputs));
  EDGEML_RETURN_IF_ERROR(ExpectCount(context, kCellState, batch * sizes.cells));
  Shape output = input;
  output[rank - 1] = sizes.outputs;
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

// BIDIRECTIONAL_SEQUENCE_* -------------------------------------------------------------------
// Two cells, one from the first element to the last and one back. A second, auxiliary input has
// weights of its own in both cells; without such weights it is what the backward cell reads in the
// place of the first.

// Checks the auxiliary input at `aux`, which has weights when `weighted`.
Status CheckAuxInput(const InferContext& context, size_t aux, bool weighted) {
  if (!context.has_input(aux)) {
    if (!weighted) return Status::Ok();
    return Error(Code::kInvalidModel, "has auxiliary weights but no auxiliary input");
  }
  const Shape &input = context.inputs[0].shape, &shape = context.inputs[aux].shape;
  if (weighted ? shape.rank() == 3 && shape[0] == input[0] && shape[1] == input[1] : shape == input)
    return Status::Ok();
  return Error(Code::kInvalidModel, "auxiliary input ", aux, " has shape ", shape.ToString(),
               " for an input of shape ", input.ToString());
}

// Sets the outputs of two cells of so many outputs, joined when `merge`.
Status SetBidirectionalOutputs(InferContext& context, int32_t forward, int32_t backward,
                               bool merge) {
  if (context.outputs.size() != (merge ? 1u : 2u))
    return Error(Code::kInvalidModel, "has ", context.outputs.size(), " outputs, expected ",
                 merge ? 1 : 2);
  const int64_t joined = int64_t{forward} + backward;
  if (joined > std::numeric_limits<int32_t>::max())
    return Error(Code::kInvalidModel, "has ", joined, " outputs of both directions");
  Shape output = context.inputs[0].shape;
  output[2] = merge ? static_cast<int32_t>(joined) : forward;
  context.outputs[0].shape = output;
  output[2] = backward;
  if (!merge) context.outputs[1].shape = output;
  return Status::Ok();
}

Status InferBidirectionalLstm(InferContext& context) {
  constexpr size_t kBackward = 17, kStates = 35, kAux = 39, kAuxWeights = 40;
  const auto& attrs = context.attrs<BidirectionalLstmAttrs>();
  EDGEML_RETURN_IF_ERROR(CheckClips(attrs.cell_clip, attrs.proj_clip));
  const Shape& input = context.inputs[0].shape;
  if (input.rank() != 3)
    return Error(Code::kInvalidModel, "input 0 has rank ", input.rank(), ", expected 3");
  const bool weighted = context.has_input(kAuxWeights + 1);
  EDGEML_RETURN_IF_ERROR(CheckAuxInput(context, kAux, weighted));
  const int64_t batch = input[attrs.time_major ? 1 : 0];
  LstmSizes sizes[2];
  for (size_t direction = 0; direction < 2; ++direction) {
    const size_t base = direction * kBackward;
    EDGEML_ASSIGN_OR_RETURN(const LstmSizes found,
                            CheckLstmCell(context, base, input[2], /*diagonal=*/false));
    sizes[direction] = found;
    EDGEML_RETURN_IF_ERROR(ExpectCount(context, kStates + 2 * direction, batch * found.outputs));
    EDGEML_RETURN_IF_ERROR(ExpectCount(context, kStates + 2 * direction + 1, batch * found.cells));
    for (size_t g = 0; g < 4; ++g) {
      const size_t at = kAuxWeights + 4 * direction + g;
      const bool wanted = weighted && (g > 0 || context.has_input(base + kInputWeights));
      if (context.has_input(at) ? !weighted : wanted)
        return Error(Code::kInvalidModel, "auxiliary weights are present for some gates only");
      if (weighted)
        EDGEML_RETURN_IF_ERROR(
            Expect(context, at, Shape{found.cells, context.inputs[kAux].shape[2]}));
    }
  }
  return SetBidirectionalOutputs(context, sizes[0].outputs, sizes[1].outputs, attrs.merge_outputs);
}

Status InferBidirectionalRnn(InferContext& context) {
  constexpr size_t kAux = 9, kAuxWeights = 10;
  const auto& attrs = context.attrs<BidirectionalRnnAttrs>();
  const Shape& input = context.inputs[0].shape;
  if (input.rank() != 3)
    return Error(Code::kInvalidModel, "input 0 has rank ", input.rank(), ", expected 3");
  const bool weighted = context.has_input(kAuxWeights);
  if (context.has_input(kAuxWeights + 1) != weighted)
    return Error(Code::kInvalidModel, "auxiliary weights are present for one direction only");
  EDGEML_RETURN_IF_ERROR(CheckAuxInput(context, kAux, weighted));
  int32_t units[2];
  for (size_t direction = 0; direction < 2; ++direction) {
    const size_t at = 1 + 4 * direction;
    const Shape& weights = context.inputs[at].shape;
    if (weights.rank() != 2 || weights[1] != input[2])
      return Error(Code::kInvalidModel, "input ", input.ToString(), " does not fit weights ",
                   weights.ToString());
    const int32_t n = units[direction] = weights[0];
    EDGEML_RETURN_IF_ERROR(Expect(context, at + 1, Shape{n, n}));
    EDGEML_RETURN_IF_ERROR(Expect(context, at + 2, Shape{n}));
    EDGEML_RETURN_IF_ERROR(Expect(context, at + 3, Shape{input[attrs.time_major ? 1 : 0], n}));
    if (weighted)
      EDGEML_RETURN_IF_ERROR(
          Expect(context, kAuxWeights + direction, Shape{n, context.inputs[kAux].shape[2]}));
  }
  return SetBidirectionalOutputs(context, units[0], units[1], attrs.merge_outputs);
}

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

// Weights of whatever form: matrices, and the vectors of peepholes.
int64_t BidirectionalMacs(const NodeView& view,
                          std::initializer_list<std::pair<size_t, size_t>> in) {
  int64_t weights = 0;
  for (const auto& [begin, end] : in)
    for (size_t i = begin; i < end; ++i) weights += Elements(view, i);
  const Shape& input = view.inputs[0].shape;
  return input.num_elements(0, input.rank() - 1) * weights;
}

int64_t BidirectionalLstmMacs(const NodeView& view) {
  return BidirectionalMacs(view, {{1, 12}, {16, 17}, {18, 29}, {33, 34}, {40, 48}});
}

int64_t BidirectionalRnnMacs(const NodeView& view) {
  return BidirectionalMacs(view, {{1, 3}, {5, 7}, {10, 12}});
}

constexpr uint64_t Bits(int begin, int end) {
  return ((uint64_t{1} << end) - 1) & ~((uint64_t{1} << begin) - 1);
}

// Which inputs of an LSTM may be absent depends on each other: its rule decides.
constexpr OpDef kOps[] = {
    {.op = OpCode::kBidirectionalSequenceLstm,
     .min_inputs = 48,
     .max_inputs = 48,
     .max_outputs = 2,
     .attributes = AttrsKind<BidirectionalLstmAttrs>(),
     .infer = InferBidirectionalLstm,
     .macs = BidirectionalLstmMacs,
     .optional_inputs = Bits(1, 35) | Bits(39, 48),
     .has_side_effects = true},
    {.op = OpCode::kBidirectionalSequenceRnn,
     .min_inputs = 12,
     .max_inputs = 12,
     .max_outputs = 2,
     .attributes = AttrsKind<BidirectionalRnnAttrs>(),
     .infer = InferBidirectionalRnn,
     .macs = BidirectionalRnnMacs,
     .optional_inputs = Bits(9, 12),
     .has_side_effects = true},
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

}  // namespace

std::span<const OpDef> RecurrentOps() { return SelectedRows<kOps>(); }

}  // namespace edgeml::ir
