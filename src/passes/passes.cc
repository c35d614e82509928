#include "src/passes/passes.h"

#include <algorithm>
#include <chrono>

#include "src/base/strings.h"
#include "src/passes/pass.h"

namespace edgeml::passes {
namespace {

struct Pass {
  std::string_view name;
  PassFunction run;
};

// In this order.
constexpr Pass kPasses[] = {
    {"fold-constants", FoldConstants},
    {"identities", RemoveIdentities},
    {"clamps", RecognizeClamps},
    // Before anything takes a factor out of a formula.
    {"patterns", RecognizePatterns},
    {"matmul", MatMulToFullyConnected},
    {"reshapes", MergeReshapes},
    {"transposes", MoveTransposes},
    {"pads", FoldPads},
    {"fold-affine", FoldAffineIntoWeights},
    {"affine-chains", MergeAffineChains},
    {"fuse-activations", FuseActivations},
    {"subexpressions", MergeSubexpressions},
    {"dead-code", RemoveDeadCode},
};

int64_t CountNodes(const ir::Module& module) {
  int64_t count = 0;
  for (const ir::Graph& graph : module.graphs) count += static_cast<int64_t>(graph.nodes.size());
  return count;
}

std::vector<uint8_t> NeededValues(const ir::Graph& graph) {
  std::vector<uint8_t> needed(graph.values.size(), 0);
  const auto need = [&](const std::vector<int32_t>& values) {
    for (const int32_t v : values)
      if (v >= 0) needed[static_cast<size_t>(v)] = 1;
  };
  need(graph.inputs);
  need(graph.outputs);
  for (const ir::Node& node : graph.nodes) {
    need(node.inputs);
    need(node.outputs);
    need(node.intermediates);
  }
  for (size_t v = 0; v < needed.size(); ++v) {
    if (needed[v] != 0)
      need({graph.values[v].quantization.scale_value,
            graph.values[v].quantization.zero_point_value});
  }
  return needed;
}

// Whatever a pass leaves behind that does not verify is our own mistake.
Status Check(const ir::Module& module, std::string_view pass) {
  Status status = ir::Verify(module);
  if (status.ok()) return status;
  return Error(Code::kInternal, "after the pass ", pass, ": ", status.message());
}

Result<int64_t> RunPass(ir::Module& module, const Pass& pass, const Options& options,
                        ir::Evaluator* evaluator) {
  int64_t changes = 0;
  for (ir::Graph& graph : module.graphs) {
    ir::Rewriter rewriter(graph);
    PassContext context{rewriter, evaluator, options.expand_weights};
    EDGEML_ASSIGN_OR_RETURN(const int64_t made, pass.run(context));
    changes += made;
  }
  return changes;
}

}  // namespace

std::vector<std::string_view> PassNames() {
  std::vector<std::string_view> names;
  for (const Pass& pass : kPasses) names.push_back(pass.name);
  return names;
}

Result<Report> RunPasses(ir::Module& module, const Options& options, ir::Evaluator* evaluator) {
  for (const std::string& name : options.disabled) {
    const std::vector<std::string_view> names = PassNames();
    if (std::find(names.begin(), names.end(), name) == names.end())
      return Error(Code::kInvalidArgument, "there is no pass '", name, "'");
  }
  Report report;
  report.nodes_before = CountNodes(module);
  std::vector<const Pass*> enabled;
  for (const Pass& pass : kPasses) {
    if (std::find(options.disabled.begin(), options.disabled.end(), pass.name) !=
        options.disabled.end())
      continue;
    enabled.push_back(&pass);
    report.passes.push_back({pass.name, 0, 0});
  }
  std::vector<std::vector<uint8_t>> needed;
  for (const ir::Graph& graph : module.graphs) needed.push_back(NeededValues(graph));

  for (bool changed = true; changed && report.rounds < options.max_rounds; ++report.rounds) {
    changed = false;
    for (size_t i = 0; i < enabled.size(); ++i) {
      const auto start = std::chrono::steady_clock::now();
      Result<int64_t> changes = RunPass(module, *enabled[i], options, evaluator);
      if (!changes.ok()) return Status(changes.status()).WithContext(enabled[i]->name);
      report.passes[i].changes += *changes;
      report.passes[i].ms +=
          std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
              .count();
      changed = changed || *changes > 0;
      if (options.verify_each) EDGEML_RETURN_IF_ERROR(Check(module, enabled[i]->name));
    }
  }
  if (options.renumber_values) {
    ir::CompactValues(module);
  } else {
    // What was needed and is not any more keeps its place, but not its bytes.
    for (size_t g = 0; g < module.graphs.size(); ++g) {
      const std::vector<uint8_t> now = NeededValues(module.graphs[g]);
      for (size_t v = 0; v < needed[g].size(); ++v) {
        if (needed[g][v] == 0 || now[v] != 0) continue;
        module.graphs[g].values[v].data = {};
        module.graphs[g].values[v].sparsity = nullptr;
      }
    }
  }
  EDGEML_RETURN_IF_ERROR(Check(module, "list"));
  report.nodes_after = CountNodes(module);
  return report;
}

}  // namespace edgeml::passes
