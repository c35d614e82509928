// What lowers one TensorFlow node: the handlers of ops/*.cc get an Op.
#ifndef EDGEML_FORMATS_SAVEDMODEL_OP_H_
#define EDGEML_FORMATS_SAVEDMODEL_OP_H_

#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "edgeml/status.h"
#include "src/formats/savedmodel/attributes.h"
#include "src/formats/savedmodel/tf_graph.h"
#include "src/ir/builder.h"

namespace edgeml::savedmodel {

// A graph that a node calls, once it is lowered for inputs of certain shapes.
struct LoweredGraph {
  int32_t number = 0;  // in the module
  std::vector<DType> types;
  std::vector<Shape> shapes;  // of its outputs
};
struct InputSpec {
  DType type = DType::kInvalid;
  Shape shape;
};

// Lowers the graphs that control flow calls.
class GraphLowerer {
 public:
  virtual ~GraphLowerer() = default;
  // Lowers graph `graph` of the TensorFlow model for inputs of these types and shapes.
  virtual Result<LoweredGraph> Lower(int32_t graph, std::span<const InputSpec> inputs) = 0;
  // Takes back the graphs lowered since the module had `count`.
  virtual void Drop(int32_t count) = 0;
  virtual int32_t count() const = 0;
  // Adds a graph to the module; its number.
  virtual int32_t Add(ir::Graph graph) = 0;
  // Gives a graph of the module another input in front of its own, which it does not use.
  virtual void AddUnusedInput(int32_t graph, DType type, const Shape& shape) = 0;
  // Graph `graph` of the TensorFlow model.
  virtual const Graph& Of(int32_t graph) const = 0;
  // The definition of an operator; null when the file has none.
  virtual const pb::OpDef* DefinitionOf(std::string_view op) const = 0;
  // What a lookup table is filled with, by the name of its node; null when that is not known.
  virtual const LookupTable* TableOf(const std::string& node) const = 0;
  // Counts bytes of the options of custom operators; kUnsupported when there are too many.
  virtual Status ChargeOptions(size_t bytes) = 0;
  // Something to tell whoever converts the model; what was told before is not repeated.
  virtual void Note(std::string_view note) = 0;
};

// What the nodes of one graph share while they are lowered.
struct GraphState {
  explicit GraphState(const Graph& of) : graph(of) {}
  // Whether a node reads the value or it is a result of the graph.
  bool IsRead(const Endpoint& value);

  const Graph& graph;
  // Constants that were stored anew with their dimensions permuted, so that each is stored once.
  std::map<std::pair<int32_t, std::vector<int32_t>>, int32_t> permuted;

 private:
  std::set<std::pair<int32_t, int32_t>> read_;  // once someone asked
};

class Op {
 public:
  Op(ir::GraphBuilder& builder, GraphLowerer& graphs, const Graph& graph, const Node& node,
     std::span<const std::vector<int32_t>> values, GraphState& state);

  ir::GraphBuilder& b;
  GraphLowerer& graphs;
  const Graph& graph;  // that the node is in
  const Node& node;
  AttrReader attrs;
  std::vector<int32_t> in;  // the node's inputs as values of the builder

  DType type(size_t i) const { return b.type(in[i]); }
  const Shape& shape(size_t i) const { return b.shape(in[i]); }
  int rank(size_t i) const { return b.rank(in[i]); }
  bool is_constant(size_t i) const { return b.value(in[i]).is_constant(); }
  // kInvalidModel unless the node has that many inputs.
  Status ExpectInputs(size_t count) const;
  // The integers in input i; kUnsupported when they are not known before the model runs.
  Result<std::vector<int64_t>> Known(size_t i) const;
  Result<int64_t> KnownScalar(size_t i) const;
  // The elements of a constant of integers; none for other values.
  std::optional<std::vector<int64_t>> KnownIntegers(int32_t value) const;
  // Input i as int32, which is what our operators take for sizes, axes and positions.
  Result<int32_t> Index32(size_t i);

  // Adds an operator on the way to the result.
  Result<int32_t> Make(ir::OpCode op, std::vector<int32_t> inputs, ir::Attributes attributes = {},
                       DType type = DType::kInvalid);
  // Adds the last one.
  Status Emit(ir::OpCode op, std::vector<int32_t> inputs, ir::Attributes attributes = {},
              DType type = DType::kInvalid);
  Status EmitAll(ir::OpCode op, std::vector<int32_t> inputs, ir::Attributes attributes,
                 std::span<const DType> types);
  // The results of the node. A value that a node made gets its name.
  Status Return(int32_t value);
  Status ReturnAll(std::vector<int32_t> values);

  Result<int32_t> Transpose(int32_t value, std::span<const int32_t> permutation);
  Result<int32_t> Transpose(int32_t value, std::initializer_list<int32_t> permutation) {
    return Transpose(value, std::span(permutation.begin(), permutation.size()));
  }
  // A constant is stored anew; anything else gets an operator.
  Result<int32_t> Reshape(int32_t value, const Shape& shape);
  int32_t Float(float value) { return b.AddFloat(value); }
  // 0 or 1 and the like in the type of an input: float32, int32 or int64.
  Result<int32_t> Number(int value, DType type);

  // The node that output 0 of `endpoint` comes from.
  const Node& Producer(const Endpoint& endpoint) const {
    return graph.nodes[static_cast<size_t>(endpoint.node)];
  }
  // Whether something needs output `number` of this node.
  bool IsRead(int32_t number) const { return state_.IsRead({node_index(), number}); }
  // The number of this node in the graph.
  int32_t node_index() const { return static_cast<int32_t>(&node - graph.nodes.data()); }
  // The values of another node of the graph, made before.
  int32_t ValueOf(const Endpoint& endpoint) const {
    return values_[static_cast<size_t>(endpoint.node)][static_cast<size_t>(endpoint.output)];
  }

  // NHWC or NCHW of `data_format` (also NDHWC and NCDHW).
  struct Layout {
    bool channels_first = false;
    int32_t height = 1, width = 2, channels = 3;  // positions in lists of four
  };
  Result<Layout> DataFormat();
  Result<int32_t> ToChannelsLast(int32_t value);
  Result<int32_t> ToChannelsFirst(int32_t value);

  std::vector<int32_t> out;  // set by Return, ReturnAll, Emit, EmitAll

 private:
  std::span<const std::vector<int32_t>> values_;
  GraphState& state_;
};

using Handler = Status (*)(Op& op);
struct OpEntry {
  std::string_view name;  // TensorFlow's
  Handler lower;
};

std::span<const OpEntry> AudioOps();
std::span<const OpEntry> DetectionOps();
std::span<const OpEntry> ElementwiseOps();
std::span<const OpEntry> ActivationOps();
std::span<const OpEntry> ConvolutionOps();
std::span<const OpEntry> MatrixOps();
std::span<const OpEntry> PoolingOps();
std::span<const OpEntry> ReductionOps();
std::span<const OpEntry> MovementOps();
std::span<const OpEntry> ShapeOps();
std::span<const OpEntry> ControlFlowOps();
std::span<const OpEntry> ListOps();
std::span<const OpEntry> TableOps();

// Null when we lack it.
Handler FindHandler(std::string_view op);

}  // namespace edgeml::savedmodel

#endif  // EDGEML_FORMATS_SAVEDMODEL_OP_H_
