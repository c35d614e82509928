#include "src/formats/keras/layers/recurrent_loop.h"

#include <algorithm>
#include <string>
#include <utility>

#include "src/base/strings.h"
#include "src/ir/sequence_ops.h"

namespace edgeml::keras {
namespace {

using ir::OpCode;

constexpr int32_t kMostUnrolled = 2;  // steps; a loop of more has fewer operators
constexpr int64_t kMostZeros = 4096;  // elements of a constant of zeros

std::string_view NameOfActivation(const Json& activation) {
  if (activation.is_null()) return "linear";
  return activation["config"].is_string() ? activation["config"].text() : activation.text();
}

// Layers lowered while this lives go into another graph.
class BuilderScope {
 public:
  BuilderScope(Lowering& lowering, ir::GraphBuilder& builder)
      : lowering_(lowering), before_(lowering.SetBuilder(builder)) {}
  ~BuilderScope() { lowering_.SetBuilder(before_); }
  BuilderScope(const BuilderScope&) = delete;
  BuilderScope& operator=(const BuilderScope&) = delete;

 private:
  Lowering& lowering_;
  ir::GraphBuilder& before_;
};

// Dimension `d` of `x`, int32 of rank 0.
int32_t SizeOf(ir::Emitter& e, int32_t x, int32_t d) {
  if (e.shape(x)[d] != kUnknownDim) return e.builder().AddInt(e.shape(x)[d]);
  const int32_t all =
      e.Op(OpCode::kShape, {x}, ir::TypeAttrs{DType::kInvalid, DType::kInt32}, DType::kInt32);
  ir::StridedSliceAttrs one;
  one.shrink_axis_mask = 1;
  return e.Op(OpCode::kStridedSlice, {all, e.Ints({d}), e.Ints({d + 1}), e.Ints({1})}, one);
}

// Zeros of this shape; dimensions that are open are as large as those of `like`.
int32_t Zeros(ir::Emitter& e, const Shape& shape, int32_t like) {
  if (!e.ok()) return ir::kNoValue;
  if (shape.known() && CheckedByteSize(shape, DType::kFloat32) &&
      shape.num_elements() <= kMostZeros) {
    const std::vector<float> zeros(static_cast<size_t>(shape.num_elements()));
    return e.Floats(shape, zeros);
  }
  int32_t dims = ir::kNoValue;
  if (shape.known()) {
    dims = e.Ints(shape.dims());
  } else {
    std::vector<int32_t> sizes;
    for (int d = 0; d < shape.rank(); ++d)
      sizes.push_back(shape[d] == kUnknownDim ? SizeOf(e, like, d) : e.builder().AddInt(shape[d]));
    dims = e.Op(OpCode::kPack, std::move(sizes), ir::AxisAttrs{0, shape.rank()});
  }
  return e.Op(OpCode::kFill, {dims, e.Float(0)}, {}, DType::kFloat32);
}

int32_t Reversed(ir::Emitter& e, int32_t x) { return e.Op(OpCode::kReverseV2, {x, e.Ints({1})}); }

// What goes from step to step. Indices in whichever graph is being made.
struct Carried {
  std::vector<int32_t> states;
  int32_t output = ir::kNoValue;  // where it is not the last cell's state
};

size_t NumStates(const Recurrence& r) {
  size_t count = 0;
  for (const Cell& cell : r.cells) count += cell.num_states();
  return count;
}

// The place of the last cell's output among the states.
size_t OutputState(const Recurrence& r) { return NumStates(r) - r.cells.back().num_states(); }

// Masked steps repeat the output before, at first zero; so it differs from the state when that is
// not zero at first, or when masked steps put out zeros.
bool OutputIsApart(const Recurrence& r) {
  return r.mask != ir::kNoValue && (r.zero_masked || !r.initial.empty());
}

void Advance(LayerContext& c, const Recurrence& r, int32_t projected, int32_t mask, Carried& now) {
  ir::Emitter& e = c.e;
  std::vector<int32_t> states;
  size_t at = 0;
  for (size_t i = 0; i < r.cells.size(); ++i) {
    const Cell& cell = r.cells[i];
    const size_t count = cell.num_states();
    if (i > 0) projected = Project(c, cell, states[at - r.cells[i - 1].num_states()]);
    for (const int32_t v : Step(c, cell, projected, std::span(now.states).subspan(at, count)))
      states.push_back(v);
    at += count;
  }
  if (mask != ir::kNoValue) {
    const auto select = [&](int32_t fresh, int32_t old) {
      return e.Op(OpCode::kSelectV2, {mask, fresh, old}, {}, DType::kFloat32);
    };
    if (OutputIsApart(r))
      now.output = select(states[OutputState(r)], r.zero_masked ? e.Float(0) : now.output);
    for (size_t i = 0; i < states.size(); ++i) states[i] = select(states[i], now.states[i]);
  }
  now.states = std::move(states);
  if (!OutputIsApart(r)) now.output = now.states[OutputState(r)];
}

// One operator for all steps ------------------------------------------------------------------

// The activation that UNIDIRECTIONAL_SEQUENCE_RNN has for a name.
std::optional<ir::Activation> FusedActivation(std::string_view name) {
  if (name == "tanh") return ir::Activation::kTanh;
  if (name == "relu") return ir::Activation::kRelu;
  if (name == "relu6") return ir::Activation::kRelu6;
  if (name == "linear") return ir::Activation::kNone;
  return std::nullopt;
}

bool CanFuse(const Recurrence& r) {
  if (r.cells.size() != 1 || r.mask != ir::kNoValue || !r.initial.empty() || r.states) return false;
  const Cell& cell = r.cells[0];
  if (cell.dims != 0) return false;
  const std::string_view activation = NameOfActivation(cell.activation);
  if (cell.kind == Cell::Kind::kSimple) return FusedActivation(activation).has_value();
  return cell.kind == Cell::Kind::kLstm && activation == "tanh" &&
         NameOfActivation(cell.recurrent_activation) == "sigmoid";
}

int32_t Part(LayerContext& c, std::span<const float> values, size_t part, const Shape& shape,
             std::string_view name) {
  const auto size = static_cast<size_t>(shape.num_elements());
  return c.e.Floats(shape, values.subspan(part * size, size), c.Name(name));
}

int32_t FusedLstm(LayerContext& c, const Cell& cell, int32_t x) {
  // The operator wants i, f, c, o; the cell has i, f, o, c.
  static constexpr size_t kGateAt[] = {0, 1, 3, 2};
  static constexpr std::string_view kGates[] = {"input", "forget", "cell", "output"};
  const Shape in{cell.units, cell.kernel.shape[1]}, out{cell.units, cell.units};
  const std::vector<float> none(cell.bias.empty() ? static_cast<size_t>(cell.units) * 4 : 0);
  const std::span<const float> bias = cell.bias.empty() ? none : cell.bias;
  ir::LstmWeights weights;
  for (size_t g = 0; g < 4; ++g) {
    const size_t at = kGateAt[g];
    weights.input[g] = Part(c, cell.kernel.floats(), at, in, Concat("input_to_", kGates[g]));
    weights.recurrent[g] =
        Part(c, cell.recurrent_kernel.floats(), at, out, Concat("recurrent_to_", kGates[g]));
    weights.bias[g] = Part(c, bias, at, {cell.units}, Concat(kGates[g], "_bias"));
  }
  return ir::SequenceLstm(c.e, x, weights, c.layer.name);
}

int32_t FusedSimple(LayerContext& c, const Cell& cell, int32_t x) {
  const std::vector<float> none(cell.bias.empty() ? static_cast<size_t>(cell.units) : 0);
  return ir::SequenceRnn(
      c.e, x, c.Constant(cell.kernel, cell.kernel.shape, "kernel"),
      c.Constant(cell.recurrent_kernel, cell.recurrent_kernel.shape, "recurrent_kernel"),
      c.e.Floats({cell.units}, cell.bias.empty() ? none : cell.bias, c.Name("bias")),
      *FusedActivation(NameOfActivation(cell.activation)), c.layer.name);
}

RecurrenceResult RunFused(LayerContext& c, const Recurrence& r, int32_t x) {
  ir::Emitter& e = c.e;
  const Cell& cell = r.cells[0];
  if (!r.stateful) c.lowering.Note(ir::kKeepsStateNote);
  if (r.backwards) x = Reversed(e, x);
  int32_t y = cell.kind == Cell::Kind::kLstm ? FusedLstm(c, cell, x) : FusedSimple(c, cell, x);
  if (!r.sequences) {
    y = ir::LastStep(e, y);
  } else if (r.backwards && r.in_input_order) {
    y = Reversed(e, y);
  }
  return {y, {}};
}

// Step after step ------------------------------------------------------------------------------

// Tensors [batch, …] of each step of [batch, time, …], in the order of the steps.
std::vector<int32_t> Steps(ir::Emitter& e, int32_t x, int32_t count, bool backwards) {
  std::vector<int32_t> steps =
      e.Ops(OpCode::kUnpack, {x}, ir::AxisAttrs{1, count}, static_cast<size_t>(count), e.type(x));
  if (backwards) std::ranges::reverse(steps);
  return steps;
}

RecurrenceResult RunUnrolled(LayerContext& c, const Recurrence& r, int32_t projected, int32_t mask,
                             Carried now) {
  ir::Emitter& e = c.e;
  const int32_t count = e.shape(projected)[1];
  const std::vector<int32_t> steps = Steps(e, projected, count, r.backwards);
  std::vector<int32_t> masks, outputs;
  if (mask != ir::kNoValue) masks = Steps(e, mask, count, r.backwards);
  for (size_t t = 0; t < steps.size() && e.ok(); ++t) {
    Advance(c, r, steps[t], masks.empty() ? ir::kNoValue : masks[t], now);
    outputs.push_back(now.output);
  }
  if (!r.sequences) return {now.output, std::move(now.states)};
  if (r.backwards && r.in_input_order) std::ranges::reverse(outputs);
  const int32_t sequence = e.Op(OpCode::kPack, std::move(outputs), ir::AxisAttrs{1, count});
  return {sequence, std::move(now.states)};
}

// A loop ---------------------------------------------------------------------------------------

// What the loop's graphs are called with, in this order: the step, the states, the output where it
// is apart, the outputs of all steps where they are wanted, the projected input, the mask.
struct LoopPlan {
  size_t states = 0;  // how many
  bool output = false, sequence = false, mask = false;

  size_t OutputAt() const { return 1 + states; }
  size_t SequenceAt() const { return OutputAt() + (output ? 1 : 0); }
  size_t ProjectedAt() const { return SequenceAt() + (sequence ? 1 : 0); }
  size_t MaskAt() const { return ProjectedAt() + 1; }
};

std::vector<int32_t> AddInputs(ir::GraphBuilder& builder, LayerContext& c,
                               std::span<const int32_t> like) {
  std::vector<int32_t> inputs;
  for (const int32_t v : like)
    inputs.push_back(builder.AddInput(Concat("loop_", inputs.size()), c.e.type(v), c.e.shape(v)));
  return inputs;
}

// Whether there is a further step.
ir::Graph MakeCondition(LayerContext& c, const Recurrence& r, const LoopPlan& plan,
                        std::span<const int32_t> arguments) {
  ir::GraphBuilder builder(c.Name("condition"), c.e.builder().evaluator());
  const std::vector<int32_t> inputs = AddInputs(builder, c, arguments);
  ir::Emitter e(builder);
  e.SetPrefix("more");
  const int32_t more =
      r.backwards ? e.Op(OpCode::kGreaterEqual, {inputs[0], builder.AddInt(0)}, {}, DType::kBool)
                  : e.Op(OpCode::kLess, {inputs[0], SizeOf(e, inputs[plan.ProjectedAt()], 1)}, {},
                         DType::kBool);
  c.e.Fail(e.status());
  return builder.Finish({more});
}

ir::Graph MakeBody(LayerContext& c, const Recurrence& r, const LoopPlan& plan,
                   std::span<const int32_t> arguments) {
  ir::GraphBuilder builder(c.Name("body"), c.e.builder().evaluator());
  const std::vector<int32_t> inputs = AddInputs(builder, c, arguments);
  const BuilderScope scope(c.lowering, builder);
  LayerContext body{c.lowering, c.layer, LayerOptions(c.layer.config), {}, c.call,
                    {},         {},      ir::Emitter(builder)};
  ir::Emitter& e = body.e;
  e.SetPrefix(c.Name("step"));
  const int32_t t = inputs[0];
  const auto of_step = [&](int32_t x) {
    return e.Op(OpCode::kGather, {x, t}, ir::GatherAttrs{1, 0});
  };
  Carried now{{inputs.begin() + 1, inputs.begin() + 1 + static_cast<ptrdiff_t>(plan.states)},
              plan.output ? inputs[plan.OutputAt()] : ir::kNoValue};
  const int32_t mask = plan.mask ? of_step(inputs[plan.MaskAt()]) : ir::kNoValue;
  Advance(body, r, of_step(inputs[plan.ProjectedAt()]), mask, now);
  std::vector<int32_t> outputs = inputs;
  outputs[0] = e.Add(t, builder.AddInt(r.backwards ? -1 : 1));
  std::ranges::copy(now.states, outputs.begin() + 1);
  if (plan.output) outputs[plan.OutputAt()] = now.output;
  if (plan.sequence && e.ok()) {
    std::vector<int32_t> place(static_cast<size_t>(e.rank(inputs[plan.SequenceAt()])),
                               builder.AddInt(0));
    place[1] = t;
    const auto rank = static_cast<int32_t>(place.size());
    outputs[plan.SequenceAt()] =
        e.Op(OpCode::kDynamicUpdateSlice,
             {inputs[plan.SequenceAt()], e.ExpandDims(now.output, 1),
              e.Op(OpCode::kPack, std::move(place), ir::AxisAttrs{0, rank})});
  }
  if (!e.ok()) c.e.Fail(e.status());
  return builder.Finish(std::move(outputs));
}

RecurrenceResult RunLoop(LayerContext& c, const Recurrence& r, int32_t projected, int32_t mask,
                         const Carried& first) {
  ir::Emitter& e = c.e;
  LoopPlan plan;
  plan.states = first.states.size();
  plan.output = OutputIsApart(r);
  plan.sequence = r.sequences;
  plan.mask = mask != ir::kNoValue;
  int32_t start = e.builder().AddInt(0);
  if (r.backwards) start = e.Sub(SizeOf(e, projected, 1), e.builder().AddInt(1));
  std::vector<int32_t> arguments = {start};
  arguments.insert(arguments.end(), first.states.begin(), first.states.end());
  if (plan.output) arguments.push_back(first.output);
  if (plan.sequence) {
    const Shape& one = e.shape(first.states[OutputState(r)]);
    Shape all{one[0], e.shape(projected)[1]};
    for (int d = 1; d < one.rank(); ++d) all.push_back(one[d]);
    arguments.push_back(Zeros(e, all, projected));
  }
  arguments.push_back(projected);
  if (plan.mask) arguments.push_back(mask);
  if (!e.ok()) return {};

  ir::Graph condition = MakeCondition(c, r, plan, arguments);
  ir::Graph body = MakeBody(c, r, plan, arguments);
  if (!e.ok()) return {};
  std::vector<ir::GraphBuilder::Output> made;
  for (const int32_t v : arguments)
    made.push_back({e.type(v), c.Name(Concat("loop_", made.size())), e.shape(v), {}});
  ir::WhileAttrs attributes;
  attributes.cond_subgraph = c.lowering.AddGraph(std::move(condition));
  attributes.body_subgraph = c.lowering.AddGraph(std::move(body));
  auto results = e.builder().Add(OpCode::kWhile, std::move(arguments), attributes, std::move(made));
  if (!results.ok()) {
    e.Fail(results.status());
    return {};
  }
  RecurrenceResult result;
  result.states.assign(results->begin() + 1,
                       results->begin() + 1 + static_cast<ptrdiff_t>(plan.states));
  result.output = plan.output ? (*results)[plan.OutputAt()] : result.states[OutputState(r)];
  if (plan.sequence) {
    result.output = (*results)[plan.SequenceAt()];
    // Each output stands where its input stood.
    if (r.backwards && !r.in_input_order) result.output = Reversed(e, result.output);
  }
  return result;
}

// The input's part of the gates in all steps.
int32_t ProjectAll(LayerContext& c, const Cell& cell, int32_t x) {
  ir::Emitter& e = c.e;
  if (cell.dims == 0) return Project(c, cell, x);
  const Shape in = e.shape(x);
  Shape flat{kUnknownDim};
  for (int d = 2; d < in.rank(); ++d) flat.push_back(in[d]);
  const int32_t y = Project(c, cell, e.Reshape(x, flat));
  if (!e.ok()) return ir::kNoValue;
  Shape out{in[0], in[1]};
  for (int d = 1; d < e.rank(y); ++d) out.push_back(e.shape(y)[d]);
  return e.Reshape(y, out);
}

}  // namespace

RecurrenceResult Run(LayerContext& c, const Recurrence& r, int32_t x) {
  ir::Emitter& e = c.e;
  if (!e.ok() || r.cells.empty()) return {};
  const Shape in = e.shape(x);
  if (in.rank() != static_cast<int>(r.cells[0].dims) + 3 || in[1] == 0 ||
      e.type(x) != DType::kFloat32) {
    e.Fail(Error(Code::kInvalidModel, "an input of shape ", in.ToString(), ", expected ",
                 r.cells[0].dims + 3, " dimensions of floats"));
    return {};
  }
  if (CanFuse(r)) return RunFused(c, r, x);
  if (r.stateful) {
    e.Fail(Error(Code::kUnsupported,
                 "stateful = true of a layer that has no operator of its own: only an LSTM or "
                 "SimpleRNN of the usual activations, without a mask. Take the states as inputs "
                 "(initial_state) and outputs (return_state) of the model"));
    return {};
  }
  if (!r.initial.empty() && r.initial.size() != NumStates(r)) {
    e.Fail(
        Error(Code::kInvalidModel, r.initial.size(), " initial states, expected ", NumStates(r)));
    return {};
  }
  const int32_t projected = ProjectAll(c, r.cells[0], x);
  if (!e.ok()) return {};
  Carried now{r.initial, ir::kNoValue};
  for (const Cell& cell : r.cells) {
    if (!r.initial.empty()) break;
    // [batch, units], of a convolution [batch, …, units].
    Shape shape{in[0]};
    for (size_t d = 0; d < cell.dims; ++d)
      shape.push_back(e.shape(projected)[static_cast<int>(d) + 2]);
    shape.push_back(cell.units);
    const int32_t zeros = Zeros(e, shape, x);
    for (size_t i = 0; i < cell.num_states(); ++i) now.states.push_back(zeros);
  }
  if (!e.ok()) return {};
  if (OutputIsApart(r)) now.output = Zeros(e, e.shape(now.states[OutputState(r)]), x);
  int32_t mask = r.mask;
  if (mask != ir::kNoValue) {
    mask = e.Cast(mask, DType::kBool);
    while (e.ok() && e.rank(mask) < e.rank(now.states[0]) + 1)
      mask = e.ExpandDims(mask, e.rank(mask));
  }
  if (!e.ok()) return {};
  const bool few = in[1] != kUnknownDim && in[1] <= kMostUnrolled;
  RecurrenceResult result = few ? RunUnrolled(c, r, projected, mask, std::move(now))
                                : RunLoop(c, r, projected, mask, now);
  if (!r.states) result.states.clear();
  return result;
}

}  // namespace edgeml::keras
