// What the graph knows of an operator without running it: arity, attributes, shape rule, cost.
//
// One OpDef per operator, defined in src/ir/ops/*.cc and collected in src/ir/op_table.cc by an
// explicit list.
#ifndef EDGEML_IR_OP_DEF_H_
#define EDGEML_IR_OP_DEF_H_

#include <cstdint>
#include <span>

#include "edgeml/status.h"
#include "src/ir/graph.h"
#include "src/tensor/view.h"

namespace edgeml::ir {

// A node with what is known of its tensors. `inputs[i].present()` is false for an absent optional
// input; `data` is null unless the value is constant or already computed.
struct NodeView {
  const Node* node = nullptr;
  std::span<const TensorView> inputs;
  std::span<const TensorView> outputs;
  // The LSTM family's intermediate tensors: only type and quantization count.
  std::span<const TensorView> intermediates = {};

  bool has_input(size_t i) const { return i < inputs.size() && inputs[i].present(); }
  template <typename A>
  const A& attrs() const {
    return node->attrs<A>();
  }
};

// What a shape rule may ask about the graphs that its operator calls.
class CalleeShapes {
 public:
  virtual ~CalleeShapes() = default;
  // The shapes of all outputs of graph `graph` on inputs of these shapes. False: only running
  // tells, or the counts do not fit. Errors: of the graph's own shape rules.
  virtual Result<bool> OutputShapes(int32_t graph, std::span<const TensorView> inputs,
                                    std::span<Shape> outputs) = 0;
};

// Handed to a shape rule. Input types, shapes and quantization are set; every input shape is known
// (the caller does not ask otherwise). The rule sets the shape of each output; output types and
// quantization come from the model and are only checked.
struct InferContext {
  const Node* node = nullptr;
  std::span<const TensorView> inputs;
  std::span<TensorView> outputs;  // type as the model states it; shape to be set by the rule
  // Set by the rule when an output shape depends on the values of an input whose data is null. The
  // runtime asks again when they are known.
  bool needs_values = false;
  CalleeShapes* callees = nullptr;  // null: nobody to ask, only running tells

  bool has_input(size_t i) const { return i < inputs.size() && inputs[i].present(); }
  bool has_values(size_t i) const {
    return has_input(i) && (inputs[i].data != nullptr || inputs[i].num_elements() == 0);
  }
  template <typename A>
  const A& attrs() const {
    return node->attrs<A>();
  }
};

// Every value of an int32 or int64 index tensor (also int16, int8, uint8…), saturated to int64.
int64_t IndexAt(const TensorView& view, int64_t i);

struct OpDef {
  OpCode op;
  int8_t min_inputs = 0, max_inputs = 0;    // -1 = any number
  int8_t min_outputs = 1, max_outputs = 1;  // -1 = any number
  // Index of the attribute struct in Attributes, see AttrsKind<A>().
  size_t attributes = 0;
  // Sets output shapes. Checks everything kernels rely on that concerns shapes and attributes;
  // errors: kInvalidModel with the tensor named by position ("input 1").
  Status (*infer)(InferContext& context) = nullptr;
  // Multiply-accumulates of one evaluation; null = 0.
  int64_t (*macs)(const NodeView& view) = nullptr;
  // Bit i set: input i may be absent (kNoValue).
  uint64_t optional_inputs = 0;
  // Evaluating it depends on or changes state, or runs subgraphs: never folded, never removed.
  bool has_side_effects = false;

  bool MayLack(size_t input) const { return input < 64 && ((optional_inputs >> input) & 1) != 0; }
};

template <typename A, size_t I = 0>
constexpr size_t AttrsKind() {
  static_assert(I < std::variant_size_v<Attributes>);
  if constexpr (std::is_same_v<std::variant_alternative_t<I, Attributes>, A>) {
    return I;
  } else {
    return AttrsKind<A, I + 1>();
  }
}

// The definition of an operator; every OpCode has one.
const OpDef& DefOf(OpCode op);

// Runs the shape rule after checking arity. Never calls it with an unknown input shape.
Status InferShapes(InferContext& context);

// Shape helpers shared by rules ---------------------------------------------------------------

// Output size of a window along one dimension; SAME: ceil(in / stride), VALID:
// ceil((in - effective_filter + 1) / stride), explicit pads added first. Error unless >= 0.
Result<int32_t> WindowOutput(const Window& window, int32_t in, int32_t filter, bool vertical);

// Padding in front (top or left) that SAME/VALID/explicit implies; never negative.
int32_t WindowPadBefore(const Window& window, int32_t in, int32_t filter, int32_t out,
                        bool vertical);

// What the attributes of a node say: its window, null for operators that have none, and its fused
// activation, kNone for those.
const Window* WindowOf(const Node& node);
Activation FusedActivation(const Node& node);

// Output shape = first input's shape.
Status InferSameAsInput(InferContext& context);
// Output shape = broadcast of inputs 0 and 1.
Status InferBroadcast(InferContext& context);

}  // namespace edgeml::ir

#endif  // EDGEML_IR_OP_DEF_H_
