// A TensorFlow graph as one flat list of typed nodes: functions inlined, variables frozen. It lies
// between the containers (SavedModel, GraphDef), which end here, and the lowering to our operators,
// which starts here.
#ifndef EDGEML_FORMATS_SAVEDMODEL_TF_GRAPH_H_
#define EDGEML_FORMATS_SAVEDMODEL_TF_GRAPH_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "edgeml/dtype.h"
#include "src/base/mapped_file.h"
#include "src/ir/graph.h"
#include "src/tensor/shape.h"

namespace edgeml::savedmodel {

namespace pb {
class NodeDef;
class OpDef;
}  // namespace pb

// Output `output` of node `node` of the same graph.
struct Endpoint {
  int32_t node = -1;
  int32_t output = 0;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// A tensor whose value is known; strings are a string buffer (src/tensor/string_buffer.h).
struct Constant {
  DType type = DType::kInvalid;
  Shape shape;
  ir::ConstantData data;
};

// What is known of a tensor that a graph is fed or answers with.
struct TensorSpec {
  std::string name;              // in the signature; else the node's
  DType type = DType::kInvalid;  // kInvalid when the file does not say
  bool has_rank = false;
  Shape shape;  // kUnknownDim where the file leaves a dimension open
};

// Operators that stand for something of our own; all others are TensorFlow's.
inline constexpr char kInputOp[] = "_Arg";   // what the graph is fed; no inputs
inline constexpr char kConstOp[] = "Const";  // `constant` holds the value; no inputs

struct Node {
  std::string name;  // the path through the functions it was in: "call/inner/MatMul"
  std::string op;
  std::vector<Endpoint> inputs;  // data only; control inputs are gone
  // Attributes, read with AttrReader. Null for nodes that the reader made.
  const pb::NodeDef* def = nullptr;
  Constant constant;  // of kConstOp
  // Graphs that it calls, in Model::graphs. While, StatelessWhile: condition, body. If,
  // StatelessIf: then, else. Case, StatelessCase: each branch.
  std::vector<int32_t> graphs;
};

// Nodes stand in an order in which every input comes before its readers. There are no calls but
// While, If and Case, no Identity, and no operators that only have effects.
struct Graph {
  struct Input {
    int32_t node = 0;  // a kInputOp
    TensorSpec spec;
  };
  struct Output {
    Endpoint value;
    TensorSpec spec;
  };
  std::string name;
  std::vector<Node> nodes;
  std::vector<Input> inputs;
  std::vector<Output> outputs;
};

// What a lookup table is filled with before the model runs.
struct LookupTable {
  Constant keys, values;
};

struct Model {
  std::vector<Graph> graphs;                  // [0] is the main one
  std::map<std::string, LookupTable> tables;  // by the names of their nodes
  std::string signature;  // its key; empty for a frozen graph and for chosen inputs and outputs
  std::vector<std::string> signatures;  // the keys of all that the file has
  std::string tensorflow_version;       // that wrote the file, when it says so
  // The operators that the file defines, by name; frozen graphs define none.
  std::map<std::string, const pb::OpDef*, std::less<>> ops;
  // Keeps alive what `ops` and the `def` pointers point to.
  std::shared_ptr<const void> messages;
  // Files whose bytes the constants point into, for MappedFile::StillIntact().
  std::vector<std::shared_ptr<const MappedFile>> mapped;
};

// A listing for people and tests: a line for each input, node and output.
std::string ToString(const Model& model);

}  // namespace edgeml::savedmodel

#endif  // EDGEML_FORMATS_SAVEDMODEL_TF_GRAPH_H_
