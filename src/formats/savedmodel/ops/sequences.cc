#include "src/formats/savedmodel/ops/sequences.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "src/base/strings.h"
#include "src/formats/savedmodel/recurrence.h"
#include "src/ir/emitter.h"
#include "src/ir/sequence_ops.h"

namespace edgeml::savedmodel {
namespace {

using Role = Recurrence::Role;

bool IsZero(const ir::ConstantData& data) {
  return std::all_of(data.bytes.begin(), data.bytes.end(),
                     [](std::byte byte) { return byte == std::byte{0}; });
}

// Whether the node behind an input gives zeros only.
bool IsZeros(const Op& op, size_t input) {
  if (op.is_constant(input)) return IsZero(op.b.value(op.in[input]).data);
  const Node& node = op.Producer(op.node.inputs[input]);
  if (node.op == "ZerosLike") return true;
  if (node.op != "Fill" || node.inputs.size() != 2) return false;
  const ir::Value& filling = op.b.value(op.ValueOf(node.inputs[1]));
  return filling.is_constant() && IsZero(filling.data);
}

std::optional<int64_t> Number(const Op& op, int32_t input) {
  if (input < 0) return std::nullopt;
  const auto values = op.KnownIntegers(op.in[static_cast<size_t>(input)]);
  return values && values->size() == 1 ? std::optional((*values)[0]) : std::nullopt;
}

// Whether the loop goes over the `steps` steps, each once.
bool GoesOverAll(const Op& op, const Recurrence& r, const std::vector<LoopLimit>& limits,
                 int64_t steps) {
  for (size_t i = 0; i < r.roles.size(); ++i)
    if (r.roles[i] == Role::kCounter && Number(op, static_cast<int32_t>(i)) != 0) return false;
  int64_t rounds = INT64_MAX;
  for (const LoopLimit& limit : limits) {
    const auto has = [&](int32_t i, Role role) {
      return i >= 0 && r.roles[static_cast<size_t>(i)] == role;
    };
    const auto number = has(limit.limit_input, Role::kSame) ? Number(op, limit.limit_input)
                        : limit.limit_input < 0             ? std::optional(limit.limit)
                                                            : std::nullopt;
    if (!has(limit.counter, Role::kCounter) || !number) return false;
    rounds = std::min(rounds, *number);
  }
  return rounds == steps;
}

// The list of inputs [time, batch, size] as [batch, time, size]. Layers make it by a transpose, and
// backwards by one and a reversal.
Result<int32_t> BatchFirst(Op& op, ir::Emitter& e, int32_t list) {
  const int32_t value = op.in[static_cast<size_t>(list)];
  const auto swapped = [&op](const Node& node) -> std::optional<int32_t> {
    if (node.op != "Transpose" || node.inputs.size() != 2) return std::nullopt;
    const auto order = op.KnownIntegers(op.ValueOf(node.inputs[1]));
    if (!order || *order != std::vector<int64_t>{1, 0, 2}) return std::nullopt;
    return op.ValueOf(node.inputs[0]);
  };
  const Node& from = op.Producer(op.node.inputs[static_cast<size_t>(list)]);
  if (from.op == "TensorListFromTensor" && !from.inputs.empty()) {
    const Node& made = op.Producer(from.inputs[0]);
    if (const auto x = swapped(made)) return *x;
    if (made.op == "ReverseV2" && made.inputs.size() == 2) {
      const auto axes = op.KnownIntegers(op.ValueOf(made.inputs[1]));
      const auto x = swapped(op.Producer(made.inputs[0]));
      if (x && axes == std::vector<int64_t>{0})
        return e.Op(ir::OpCode::kReverseV2, {*x, e.Ints({1})});
    }
  }
  return e.Transpose(value, {1, 0, 2});
}

// [rows, gates * units] as [units, rows] of one gate.
int32_t GateMatrix(ir::Emitter& e, const Constant& from, int32_t units, int32_t gate,
                   std::string name) {
  const auto rows = static_cast<size_t>(from.shape[0]), width = static_cast<size_t>(from.shape[1]),
             columns = static_cast<size_t>(units), start = static_cast<size_t>(gate) * columns;
  const auto* const values = reinterpret_cast<const float*>(from.data.bytes.data());
  std::vector<float> out(rows * columns);
  for (size_t c = 0; c < columns; ++c)
    for (size_t r = 0; r < rows; ++r) out[c * rows + r] = values[r * width + start + c];
  return e.Floats({units, from.shape[0]}, out, std::move(name));
}

int32_t GateBias(ir::Emitter& e, const Constant* from, int32_t units, int32_t gate,
                 std::string name) {
  std::vector<float> out(static_cast<size_t>(units), 0.0f);
  if (from != nullptr)
    std::memcpy(out.data(), from->data.bytes.data() + static_cast<size_t>(gate) * out.size() * 4,
                out.size() * 4);
  return e.Floats({units}, out, std::move(name));
}

int32_t AddLayer(ir::Emitter& e, const Recurrence& r, int32_t x, const std::string& name) {
  const int32_t units = r.units;
  if (r.is_lstm) {
    static constexpr std::string_view kGates[] = {"input", "forget", "cell", "output"};
    ir::LstmWeights weights;
    for (size_t g = 0; g < 4; ++g) {
      const auto gate = static_cast<int32_t>(g);
      weights.input[g] =
          GateMatrix(e, *r.kernel, units, gate, Concat(name, "/input_to_", kGates[g]));
      weights.recurrent[g] = GateMatrix(e, *r.recurrent_kernel, units, gate,
                                        Concat(name, "/recurrent_to_", kGates[g]));
      weights.bias[g] = GateBias(e, r.bias, units, gate, Concat(name, "/", kGates[g], "_bias"));
    }
    return ir::SequenceLstm(e, x, weights, name);
  }
  const ir::Activation activation = r.activation == "Tanh"    ? ir::Activation::kTanh
                                    : r.activation == "Relu"  ? ir::Activation::kRelu
                                    : r.activation == "Relu6" ? ir::Activation::kRelu6
                                                              : ir::Activation::kNone;
  return ir::SequenceRnn(
      e, x, GateMatrix(e, *r.kernel, units, 0, Concat(name, "/kernel")),
      GateMatrix(e, *r.recurrent_kernel, units, 0, Concat(name, "/recurrent_kernel")),
      GateBias(e, r.bias, units, 0, Concat(name, "/bias")), activation, name);
}

}  // namespace

Result<bool> LowerRecurrence(Op& op) {
  const auto matched = MatchStep(op.graphs.Of(op.node.graphs[1]));
  const auto limits = MatchLimits(op.graphs.Of(op.node.graphs[0]));
  if (!matched || !limits || matched->roles.size() != op.in.size()) return false;
  const Recurrence& r = *matched;
  const auto list = static_cast<size_t>(r.inputs);
  if (op.type(list) != DType::kFloat32 || op.rank(list) != 3) return false;
  const Shape steps = op.shape(list);  // time, batch, size
  if (steps[0] < 1 || steps[2] != r.kernel->shape[0] || !GoesOverAll(op, r, *limits, steps[0]))
    return false;
  for (size_t i = 0; i < r.roles.size(); ++i) {
    const auto number = static_cast<int32_t>(i);
    switch (r.roles[i]) {
      case Role::kSame:
      case Role::kCounter:
        break;
      case Role::kHidden:
        if (!IsZeros(op, i)) return false;
        break;
      case Role::kCell:
        if (!IsZeros(op, i) || op.IsRead(number)) return false;
        break;
      case Role::kOutputs:
        if (op.rank(i) < 1 || op.shape(i)[0] != (r.last_only ? 1 : steps[0])) return false;
        break;
      case Role::kUnknown:
        return false;
    }
  }

  ir::Emitter e(op.b);
  e.SetPrefix(op.node.name);
  EDGEML_ASSIGN_OR_RETURN(const int32_t x, BatchFirst(op, e, r.inputs));
  const int32_t all = AddLayer(e, r, x, op.node.name);
  const auto is_read = [&op, &r](Role role) {
    for (size_t i = 0; i < r.roles.size(); ++i)
      if (r.roles[i] == role && op.IsRead(static_cast<int32_t>(i))) return true;
    return false;
  };
  const int32_t last = r.last_only || is_read(Role::kHidden) ? ir::LastStep(e, all) : ir::kNoValue;
  std::vector<int32_t> out = op.in;
  for (size_t i = 0; i < r.roles.size(); ++i) {
    if (r.roles[i] == Role::kCounter) out[i] = op.b.AddInt(steps[0]);
    if (r.roles[i] == Role::kHidden && last != ir::kNoValue) out[i] = last;
    if (r.roles[i] == Role::kOutputs)
      out[i] = r.last_only ? e.ExpandDims(last, 0) : e.Transpose(all, {1, 0, 2});
  }
  EDGEML_RETURN_IF_ERROR(e.status());
  op.graphs.Note(ir::kKeepsStateNote);
  op.out = std::move(out);
  return true;
}

}  // namespace edgeml::savedmodel
