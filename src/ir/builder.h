// Makes a graph node by node: what importers and passes use. The shape rule of each operator runs
// as its node is added, so that an importer can ask for the shape of everything it has made.
//
// A dimension that the model leaves open (kUnknownDim) is tried with two sizes, and the shape rules
// run for both: a dimension that comes out the same is settled, one that does not is open too. So
// the rules need not know of open dimensions. Small integers that follow from shapes are computed
// for both sizes as well when there is an evaluator; what comes out equal becomes a constant, and
// the usual way of writing "the same batch, everything else in one" (SHAPE, STRIDED_SLICE, PACK,
// RESHAPE) becomes a reshape to [-1, n].
#ifndef EDGEML_IR_BUILDER_H_
#define EDGEML_IR_BUILDER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "edgeml/status.h"
#include "src/ir/evaluator.h"
#include "src/ir/graph.h"

namespace edgeml::ir {

// The element type of a constant made from values of type T.
template <typename T>
constexpr DType TypeOfElement() {
  if constexpr (std::is_same_v<T, float>) return DType::kFloat32;
  if constexpr (std::is_same_v<T, double>) return DType::kFloat64;
  if constexpr (std::is_same_v<T, int8_t>) return DType::kInt8;
  if constexpr (std::is_same_v<T, uint8_t>) return DType::kUInt8;
  if constexpr (std::is_same_v<T, int16_t>) return DType::kInt16;
  if constexpr (std::is_same_v<T, int32_t>) return DType::kInt32;
  if constexpr (std::is_same_v<T, int64_t>) return DType::kInt64;
  if constexpr (std::is_same_v<T, bool>) return DType::kBool;
  return DType::kInvalid;
}

class GraphBuilder {
 public:
  // What an output of a new node is. `shape` only where no rule can tell it (control flow); open
  // dimensions as kUnknownDim.
  struct Output {
    DType type = DType::kFloat32;
    std::string name;
    std::optional<Shape> shape;
    Quantization quantization;
  };

  explicit GraphBuilder(std::string name, Evaluator* evaluator = nullptr);

  // A graph input; open dimensions as kUnknownDim. Two open dimensions at the same place of two
  // inputs are taken for equal.
  int32_t AddInput(std::string name, DType type, const Shape& shape);
  // State from run to run, zero at first.
  int32_t AddVariable(std::string name, DType type, const Shape& shape);
  // REQUIRES: the data has the size that type and shape tell.
  int32_t AddConstant(std::string name, DType type, const Shape& shape, ConstantData data,
                      Quantization quantization = {});
  template <typename T>
  int32_t AddConstant(std::string name, const Shape& shape, std::span<const T> values) {
    static_assert(TypeOfElement<T>() != DType::kInvalid);
    const auto bytes = std::as_bytes(values);
    return AddConstant(std::move(name), TypeOfElement<T>(), shape,
                       ConstantData::Own({bytes.begin(), bytes.end()}));
  }
  int32_t AddFloat(float value, std::string name = {}) {  // of rank 0
    return AddConstant(std::move(name), Shape{}, std::span<const float>(&value, 1));
  }
  // int32 [n]: axes, sizes, paddings and the like.
  int32_t AddInts(std::span<const int32_t> values, std::string name = {});
  int32_t AddInts(std::initializer_list<int32_t> values, std::string name = {}) {
    return AddInts(std::span(values.begin(), values.size()), std::move(name));
  }
  int32_t AddInt(int32_t value, std::string name = {});  // of rank 0

  // Appends a node with one output of type `type` (kInvalid: of the first input) and returns the
  // output. Errors: of the shape rule, with the operator's name in front.
  Result<int32_t> Add(OpCode op, std::vector<int32_t> inputs, Attributes attributes = {},
                      std::string name = {}, DType type = DType::kInvalid);
  // The same with any number of outputs.
  Result<std::vector<int32_t>> Add(OpCode op, std::vector<int32_t> inputs, Attributes attributes,
                                   std::vector<Output> outputs);

  const Value& value(int32_t v) const { return graph_.values[static_cast<size_t>(v)]; }
  DType type(int32_t v) const { return value(v).type; }
  // With kUnknownDim where open.
  const Shape& shape(int32_t v) const {
    return value(v).has_signature ? value(v).shape_signature : value(v).shape;
  }
  int rank(int32_t v) const { return shape(v).rank(); }
  // The elements of a constant or computed integer value, if they do not depend on open dimensions.
  std::optional<std::vector<int64_t>> KnownIntegers(int32_t v) const;
  size_t num_nodes() const { return graph_.nodes.size(); }
  Evaluator* evaluator() const { return evaluator_; }
  void Rename(int32_t v, std::string name) {
    graph_.values[static_cast<size_t>(v)].name = std::move(name);
  }

  // The graph; the builder is empty afterwards.
  Graph Finish(std::vector<int32_t> outputs);

 private:
  static constexpr size_t kTrials = 2;
  // A value when the open dimensions have the sizes of one trial.
  struct Trial {
    Shape shape;
    ConstantData data;  // small and computed; constants have theirs in the graph
  };

  int32_t Append(Value value, const Shape& open_shape);
  Result<bool> Compute(const Node& node, std::span<const int32_t> outputs);
  Status Infer(const Node& node, std::span<const Output> outputs, size_t trial,
               std::vector<Shape>* shapes, bool* settled) const;
  TensorView View(int32_t v, size_t trial) const;
  void ReplaceTargetShape(Node& node);

  Graph graph_;
  Evaluator* evaluator_;
  std::vector<std::array<Trial, kTrials>> trials_;  // of each value
};

}  // namespace edgeml::ir

#endif  // EDGEML_IR_BUILDER_H_
