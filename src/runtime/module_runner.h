// A module ready to run: the executor of its main graph with all that it needs, for whoever runs
// graphs without a session: conversion, calibration, comparison, tests.
#ifndef EDGEML_RUNTIME_MODULE_RUNNER_H_
#define EDGEML_RUNTIME_MODULE_RUNNER_H_

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <utility>
#include <vector>

#include "edgeml/status.h"
#include "src/runtime/graph_executor.h"

namespace edgeml::runtime {

// What computes: the runtime does not know which backends exist.
struct Backends {
  std::vector<const Backend*> run;   // asked in this order
  const Backend* folding = nullptr;  // evaluates what depends on constants only

  Backends() = default;
  // The last one, which takes the most, folds.
  Backends(std::initializer_list<const Backend*> list)  // NOLINT: implicit by design
      : run(list), folding(run.empty() ? nullptr : run.back()) {}
};

struct RunnerOptions {
  std::shared_ptr<ThreadPool> pool;       // null = one of a single thread
  size_t memory_cap = 0;                  // 0 = 80 % of the machine's memory
  bool preserve_all_tensors = false;      // every tensor keeps its value after a run
  const CustomOps* custom_ops = nullptr;  // null = no custom operators
  TensorObserver* observer = nullptr;     // told every value that is computed
};

class ModuleRunner {
 public:
  // `program` may be shared by many runners, each used by one thread at a time.
  // REQUIRES: the module passed ir::Verify; backends and all that `options` points to live longer.
  ModuleRunner(std::shared_ptr<const Program> program, const Backends& backends,
               const RunnerOptions& options = {});
  ModuleRunner(ir::Module module, const Backends& backends, const RunnerOptions& options = {})
      : ModuleRunner(std::make_shared<const Program>(std::move(module)), backends, options) {}
  // The executor refers to the context beside it.
  ModuleRunner(const ModuleRunner&) = delete;
  ModuleRunner& operator=(const ModuleRunner&) = delete;

  // Settles the inputs' open dimensions: the outermost one to `batch`, others to `other`. Errors:
  // those of GraphExecutor::SetInputShape.
  Status SizeOpenDimensions(int32_t batch, int32_t other);

  GraphExecutor& executor() { return executor_; }
  ExecutionContext& context() { return context_; }
  const ir::Graph& graph() const { return executor_.graph(); }

 private:
  ExecutionContext context_;
  GraphExecutor executor_;
};

}  // namespace edgeml::runtime

#endif  // EDGEML_RUNTIME_MODULE_RUNNER_H_
