#include <algorithm>
#include <cstring>
#include <utility>

#include "src/ir/op_def.h"
#include "src/passes/matching.h"
#include "src/passes/pass.h"

namespace edgeml::passes {
namespace {

using ir::OpCode;
using ir::Rewriter;

// Results up to this size are always worth having; larger ones when they take no more than twice
// the bytes that they are made from. A FILL, TILE or BROADCAST_TO of megabytes stays a node.
constexpr size_t kSmallBytes = 4096;
constexpr size_t kMostGrowth = 2;
// Nodes that cost more stay: a model is converted in less time than it runs.
constexpr int64_t kMostMacs = 1'000'000'000;

// Weights that a model keeps small on purpose are spread out by these.
bool KeepsWeightsSmall(OpCode op) { return op == OpCode::kDequantize || op == OpCode::kDensify; }

// SHAPE and RANK need no more than the shape.
bool FoldShape(Rewriter& graph, int32_t n) {
  const ir::Node& node = graph.node(n);
  const int32_t in = node.inputs[0], out = node.outputs[0];
  const Shape& shape = graph.shape(in);
  const bool rank_only = node.op == OpCode::kRank;
  if (!graph.value(in).has_rank || (!rank_only && !shape.known())) return false;
  std::vector<int64_t> dims(shape.dims().begin(), shape.dims().end());
  if (rank_only) dims = {shape.rank()};
  const size_t width = static_cast<size_t>(BitsOf(graph.value(out).type)) / 8;
  if (width != 4 && width != 8) return false;
  std::vector<std::byte> bytes(dims.size() * width);
  for (size_t i = 0; i < dims.size(); ++i)  // little-endian
    std::memcpy(bytes.data() + i * width, &dims[i], width);
  ir::Value& value = graph.mutable_value(out);
  value.data = ir::ConstantData::Own(std::move(bytes));
  value.shape = rank_only ? Shape{} : Shape{shape.rank()};
  value.has_signature = false;
  value.shape_signature = {};
  graph.Remove(n);
  return true;
}

bool Fold(Rewriter& graph, int32_t n, ir::Evaluator& evaluator) {
  const ir::Node& node = graph.node(n);
  std::vector<TensorView> inputs, outputs;
  size_t bytes_in = 0, bytes_out = 0;
  for (const int32_t v : node.inputs) {
    if (v == ir::kNoValue) {
      inputs.emplace_back();
      continue;
    }
    const ir::Value& value = graph.value(v);
    if (!value.is_constant() || value.sparsity != nullptr || value.type == DType::kString)
      return false;
    inputs.push_back(ConstantView(value));
    bytes_in += value.data.bytes.size();
  }
  for (const int32_t v : node.outputs) {
    if (v == ir::kNoValue || BitsOf(graph.value(v).type) < 8) return false;
    outputs.push_back(ConstantView(graph.value(v)));
  }
  // The shapes that follow from the inputs, not those of the file.
  ir::InferContext infer{&node, inputs, outputs, false, nullptr};
  if (!ir::InferShapes(infer).ok() || infer.needs_values) return false;
  for (TensorView& view : outputs) {
    view.SetDenseStrides();
    const auto bytes = CheckedByteSize(view.shape, view.type);
    if (!bytes || *bytes > (size_t{1} << 31)) return false;
    bytes_out += *bytes;
  }
  if (bytes_out > kSmallBytes && bytes_out / kMostGrowth > bytes_in && !KeepsWeightsSmall(node.op))
    return false;
  const ir::OpDef& def = ir::DefOf(node.op);
  if (def.macs != nullptr && def.macs({&node, inputs, outputs, {}}) > kMostMacs) return false;

  auto computed = evaluator.Evaluate(node, inputs, outputs);
  // Whatever the reason: the node stays, and says it itself when it is run.
  if (!computed.ok() || computed->size() != outputs.size()) return false;
  const std::vector<int32_t> values = node.outputs;
  graph.Remove(n);
  for (size_t i = 0; i < values.size(); ++i) {
    ir::Value& value = graph.mutable_value(values[i]);
    value.data = std::move((*computed)[i]);
    value.shape = outputs[i].shape;
    value.has_signature = false;
    value.shape_signature = {};
    value.has_rank = true;
  }
  return true;
}

}  // namespace

Result<int64_t> FoldConstants(PassContext& context) {
  Rewriter& graph = context.graph;
  int64_t changes = 0;
  for (int32_t n = graph.First(); n != ir::kNoNode; n = graph.Next(n)) {
    const ir::Node& node = graph.node(n);
    // A graph's output is computed, not given: not every runtime reads one that is a constant.
    if (!ir::IsPure(graph.graph(), node) ||
        (KeepsWeightsSmall(node.op) && !context.expand_weights) ||
        std::any_of(node.outputs.begin(), node.outputs.end(),
                    [&](int32_t v) { return v != ir::kNoValue && graph.IsGraphOutput(v); }))
      continue;
    if (node.op == OpCode::kShape || node.op == OpCode::kRank) {
      changes += FoldShape(graph, n) ? 1 : 0;
    } else if (context.evaluator != nullptr && !node.inputs.empty()) {
      changes += Fold(graph, n, *context.evaluator) ? 1 : 0;
    }
  }
  return changes;
}

Result<int64_t> RemoveDeadCode(PassContext& context) { return context.graph.RemoveDead(); }

}  // namespace edgeml::passes
