// The in-memory model: a Module of Graphs of Values and Nodes. One representation serves readers,
// writers, passes, the runtime, compression and code generation.
//
// A Graph keeps the file's tensor indices: value i is the file's tensor i, and passes append, never
// renumber, so that interpreter-style access by index and name survives. Nodes stand in execution
// order. Copying a Graph shares its constants.
#ifndef EDGEML_IR_GRAPH_H_
#define EDGEML_IR_GRAPH_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "edgeml/dtype.h"
#include "edgeml/status.h"
#include "src/ir/attributes.h"
#include "src/tensor/quantization.h"
#include "src/tensor/shape.h"

namespace edgeml::ir {

enum class OpCode : uint16_t {
#define EDGEML_OP(name, text) k##name,
  EDGEML_FOR_EACH_OP(EDGEML_OP)
#undef EDGEML_OP
};
#define EDGEML_OP(name, text) +1
inline constexpr int kNumOpCodes = 0 EDGEML_FOR_EACH_OP(EDGEML_OP);
#undef EDGEML_OP

std::string_view NameOf(OpCode op);

// Bytes that are shared and never written: a mapped part of a file, or memory of our own.
struct ConstantData {
  std::shared_ptr<const void> owner;  // keeps `bytes` alive
  std::span<const std::byte> bytes;

  bool present() const { return owner != nullptr; }
  static ConstantData Own(std::vector<std::byte> bytes);
};

// Compressed storage of a sparse constant, as the TFLite format defines it (dimension traversal,
// blocks, dense or CSR levels).
struct Sparsity {
  enum class Level : uint8_t { kDense, kCsr };
  struct Dimension {
    Level level = Level::kDense;
    int32_t dense_size = 0;
    std::vector<int32_t> segments, indices;     // kCsr only
    int8_t segment_width = 4, index_width = 4;  // bytes, as stored
  };
  std::vector<int32_t> traversal_order, block_map;
  std::vector<Dimension> dimensions;
};

struct Value {
  std::string name;
  DType type = DType::kFloat32;
  Shape shape;            // as stored; unknown dimensions as the file states them (1 by convention)
  Shape shape_signature;  // with kUnknownDim where dynamic; rank 0 and !has_signature when absent
  bool has_signature = false;
  bool has_rank = true;
  bool is_variable = false;  // state that lives from run to run
  Quantization quantization;
  ConstantData data;                         // present = constant
  std::shared_ptr<const Sparsity> sparsity;  // with `data` compressed
  bool is_constant() const { return data.present(); }
};

inline constexpr int32_t kNoValue = -1;  // an optional input that is absent

struct Node {
  OpCode op = OpCode::kCustom;
  int32_t version = 1;
  std::vector<int32_t> inputs;  // value indices or kNoValue
  std::vector<int32_t> outputs;
  std::vector<int32_t> intermediates;  // quantization carriers of the LSTM family
  Attributes attributes;
  int32_t file_index = -1;  // operator index in the file, -1 when a pass made it

  // Compiled once, in graph.cc: copying or destroying so wide a variant is much to compile.
  Node();
  Node(const Node&);
  Node(Node&&) noexcept;
  Node& operator=(const Node&);
  Node& operator=(Node&&) noexcept;
  ~Node();

  template <typename A>
  const A& attrs() const {
    return *std::get_if<A>(&attributes);
  }
  // The op's name, or a custom op's own.
  std::string_view name() const;
};

struct Graph {
  std::string name;
  std::vector<Value> values;
  std::vector<Node> nodes;
  std::vector<int32_t> inputs, outputs;
};

struct Signature {
  std::string key;
  int32_t subgraph = 0;
  std::vector<std::pair<std::string, int32_t>> inputs, outputs;  // name → value index
};

struct AssociatedFile {
  std::string name;
  ConstantData data;
};

struct Module {
  std::vector<Graph> graphs;  // [0] is the main one
  std::vector<Signature> signatures;
  std::string description;
  // Named blobs of the file's metadata table, "TFLITE_METADATA" and others, in file order.
  std::vector<std::pair<std::string, ConstantData>> metadata;
  std::vector<AssociatedFile> associated_files;
};

// Checks every index, arity, attribute kind and type rule of a module; run after every reader and
// pass. Errors name the graph, node or tensor. kInvalidModel; kUnsupported for rank > kMaxRank.
Status Verify(const Module& module);

// Multi-line listing for people and golden tests.
std::string ToString(const Graph& graph);

}  // namespace edgeml::ir

#endif  // EDGEML_IR_GRAPH_H_
