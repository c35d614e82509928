#include "src/passes/sparse_weights.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "src/base/strings.h"
#include "src/ir/rewriter.h"
#include "src/ir/sparsify.h"

namespace edgeml::passes {
namespace {

using ir::OpCode;
using ir::Rewriter;

// What a DENSIFY, its tensor and the tables of the sparse form take, at most.
constexpr uint64_t kNodeBytes = 512;

// Where an operator has its weights and what they are multiplied by.
struct Weighted {
  OpCode op;
  size_t weights, activations;
  // Whether LiteRT's default delegate takes computed int8 weights for int8 activations.
  bool int8 = true;
};
constexpr Weighted kWeighted[] = {
    {OpCode::kConv2D, 1, 0},
    {OpCode::kDepthwiseConv2D, 1, 0},
    {OpCode::kTransposeConv, 1, 2},
    {OpCode::kFullyConnected, 1, 0, false},
};

class Sparser {
 public:
  Sparser(ir::Graph& graph, const SparseOptions& options, SparseReport& report)
      : graph_(graph), options_(options), report_(report) {}

  void Run() {
    std::vector<uint8_t> done(graph_.graph().values.size(), 0);
    for (int32_t n = graph_.First(); n != ir::kNoNode; n = graph_.Next(n)) {
      const std::vector<int32_t> inputs = graph_.node(n).inputs;
      for (const int32_t v : inputs) {
        if (v == ir::kNoValue || static_cast<size_t>(v) >= done.size() ||
            done[static_cast<size_t>(v)]++ != 0)
          continue;
        if (IsCandidate(v)) Store(v, n);
      }
    }
  }

 private:
  bool IsCandidate(int32_t v) const {
    const ir::Value& value = graph_.value(v);
    if (!value.is_constant() || value.is_variable || value.sparsity != nullptr) return false;
    if (value.type != DType::kFloat32 && value.type != DType::kFloat16 &&
        value.type != DType::kInt8)
      return false;
    return !graph_.IsGraphInput(v) && !graph_.IsGraphOutput(v) && ReadAsWeights(v);
  }

  // Whether all that read `v`, or what DEQUANTIZE makes of it, read weights that may be computed.
  bool ReadAsWeights(int32_t v) const {
    const DType type = graph_.value(v).type;
    const auto users = graph_.Users(v);
    return !users.empty() && std::ranges::all_of(users, [&](int32_t n) {
      const ir::Node& node = graph_.node(n);
      if (node.op == OpCode::kDequantize && type != DType::kFloat32)
        return !graph_.IsGraphOutput(node.outputs[0]) && ReadAsWeights(node.outputs[0]);
      const auto* const it = std::ranges::find(kWeighted, node.op, &Weighted::op);
      if (it == std::end(kWeighted) || type == DType::kFloat16) return false;
      if (std::ranges::count(node.inputs, v) != 1 || node.inputs.size() <= it->activations ||
          node.inputs[it->weights] != v || node.inputs[it->activations] == ir::kNoValue)
        return false;
      const DType met = graph_.value(node.inputs[it->activations]).type;
      if (type == DType::kFloat32) return met == DType::kFloat32;
      if (met == DType::kInt16) return true;
      if (met == DType::kInt8) return it->int8 || options_.without_delegates;
      // LiteRT computes something else of DEPTHWISE_CONV_2D, and with any delegate.
      return options_.without_delegates && met == DType::kFloat32 &&
             node.op != OpCode::kDepthwiseConv2D;
    });
  }

  void Store(int32_t v, int32_t before) {
    const uint64_t dense = ir::StoredBytes(graph_.value(v));
    std::optional<ir::Value> sparse = ir::Sparsify(graph_.value(v), kNodeBytes);
    if (!sparse) return;
    report_.saved_bytes += dense - ir::StoredBytes(*sparse);
    ++report_.constants;
    // The value of the weights becomes the result of the DENSIFY.
    graph_.mutable_value(v).data = {};
    graph_.mutable_value(v).name += "_densify";
    ir::Node densify;
    densify.op = OpCode::kDensify;
    densify.inputs = {graph_.AddValue(*std::move(sparse))};
    densify.outputs = {v};
    graph_.InsertBefore(before, std::move(densify));
  }

  Rewriter graph_;
  const SparseOptions& options_;
  SparseReport& report_;
};

}  // namespace

Result<std::optional<SparseOptions>> ParseSparse(std::string_view word) {
  std::optional<SparseOptions> options;
  if (word == "off") return options;
  if (word != "auto" && word != "all")
    return Error(Code::kInvalidArgument, "sparse weights: auto, all or off, not '", word, "'");
  options.emplace().without_delegates = word == "all";
  return options;
}

std::string SparseReport::ToString() const {
  return Concat(constants, " pruned weights are stored without their zeros, ",
                HumanBytes(saved_bytes), " less");
}

Result<SparseReport> StoreSparse(ir::Module& module, const SparseOptions& options) {
  SparseReport report;
  for (ir::Graph& graph : module.graphs) Sparser(graph, options, report).Run();
  const Status status = ir::Verify(module);
  if (!status.ok()) return Error(Code::kInternal, "sparse weights: ", status.message());
  return report;
}

}  // namespace edgeml::passes
