// The nodes of a graph or function with their names resolved. For the inliner.
#ifndef EDGEML_FORMATS_SAVEDMODEL_BODY_H_
#define EDGEML_FORMATS_SAVEDMODEL_BODY_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "edgeml/status.h"
#include "tensorflow.pb.h"

namespace edgeml::savedmodel {

// Output `output` of node `node` of the body, or with node == kArgument its argument `output`.
struct BodyInput {
  int32_t node = 0;
  int32_t output = 0;
};
inline constexpr int32_t kArgument = -1;
// No operator has that many outputs.
inline constexpr int32_t kMaxOutputs = 1 << 16;

struct BodyNode {
  const pb::NodeDef* def = nullptr;
  std::vector<BodyInput> inputs;
  std::vector<int32_t> control;  // nodes that run before
};

struct Body {
  std::vector<BodyNode> nodes;
  std::vector<BodyInput> results;
  // What the results and the function's effects need, every node after its inputs. Nodes that only
  // check something (Assert) and what only they need are left out.
  std::vector<int32_t> order;
};

// By name; null when there is none.
using FunctionFinder = std::function<const pb::FunctionDef*(std::string_view)>;

// The body of a function: its arguments are those of the signature. Errors name the function:
// kInvalidModel for names that do not exist or are used twice and for cycles, kUnsupported for the
// loops of TensorFlow 1 (Enter, Exit …).
Result<Body> MakeFunctionBody(const pb::FunctionDef& function, const FunctionFinder& functions);

// The body of a graph. `fed` names the tensors that become its arguments, `fetched` those that
// become its results, as "node:1" or, for output 0, "node". A tensor that is fed twice is the
// argument that comes first.
Result<Body> MakeGraphBody(const pb::GraphDef& graph, std::span<const std::string> fed,
                           std::span<const std::string> fetched, const FunctionFinder& functions);

// The same with a node that is run for its effect: what it needs is in `order`.
Result<Body> MakeEffectBody(const pb::GraphDef& graph, std::string_view target,
                            const FunctionFinder& functions);

}  // namespace edgeml::savedmodel

#endif  // EDGEML_FORMATS_SAVEDMODEL_BODY_H_
