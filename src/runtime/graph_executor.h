// Runs one graph of a module: settles shapes, kernels and memory in Prepare, then runs many times.
#ifndef EDGEML_RUNTIME_GRAPH_EXECUTOR_H_
#define EDGEML_RUNTIME_GRAPH_EXECUTOR_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/runtime/backend.h"
#include "src/runtime/custom_op.h"
#include "src/runtime/memory_layout.h"
#include "src/runtime/program.h"
#include "src/runtime/resources.h"

namespace edgeml::runtime {

class GraphExecutor;

// Told what a run computes. One that is asked for costs a call per value, none costs nothing.
class TensorObserver {
 public:
  virtual ~TensorObserver() = default;
  // Value `value` of graph `graph` has just been computed by a node, given to a graph that control
  // flow calls, or, if it is a variable, been used by a node that may have changed it. Of a
  // recurrent node what its variables and intermediates hold at each step of time is shown too, a
  // batch row at a time. Not called for inputs of the main graph nor for what was evaluated while
  // preparing. The view's memory holds something else later; numbers written to it are what the
  // rest of the run computes with. An error ends the run. Strings are not shown.
  virtual Status Observe(int32_t graph, int32_t value, const TensorView& view) = 0;
};

// How deep graphs may call graphs.
inline constexpr int kMaxCallDepth = 32;
// How many nodes of called graphs are settled to learn output shapes: what a model without malice
// needs. Graphs that call each other twice per level would take 2^kMaxCallDepth; past this, the
// outputs of a call take the shape that running it gives.
inline constexpr size_t kMostProbedNodes = size_t{1} << 16;

// What the executors of one session share.
struct ExecutionContext {
  std::shared_ptr<const Program> program;
  std::vector<const Backend*> backends;   // asked in this order
  const Backend* folding = nullptr;       // evaluates what depends on constants only
  const CustomOps* custom_ops = nullptr;  // null = no custom operators
  StateBudget custom_state;
  std::shared_ptr<ThreadPool> pool;
  std::shared_ptr<Resources> resources;
  size_t memory_cap = 0;
  bool preserve_all_tensors = false;
  bool profile = false;
  TensorObserver* observer = nullptr;  // null = none
  std::atomic<bool> cancel{false};
  int depth = 0;           // of the graph now being prepared or run
  int64_t step_limit = 0;  // most nodes a session's Run may execute; 0 = no limit
  int64_t steps = 0;       // executed so far
  // Nodes of called graphs settled to learn output shapes since the session's own graph was last
  // prepared.
  size_t probed_nodes = 0;
  std::shared_ptr<MemoryBudget> budget;  // of memory_cap; made when first asked for memory
  // Graphs called by control flow, made on demand; one executor per graph.
  std::map<int32_t, std::unique_ptr<GraphExecutor>> callees;

  const std::shared_ptr<MemoryBudget>& Budget();
  // kResourceExhausted over the memory cap.
  Result<std::shared_ptr<std::byte>> Allocate(size_t bytes) {
    return AllocateAligned(bytes, Budget());
  }
};

class GraphExecutor : public SubgraphRunner {
 public:
  // `is_main`: the session's own graph. Its inputs keep their values from run to run.
  GraphExecutor(ExecutionContext& context, int32_t graph_index, bool is_main);
  ~GraphExecutor() override;

  int num_inputs() const override { return static_cast<int>(graph_.inputs.size()); }
  int num_outputs() const override { return static_cast<int>(graph_.outputs.size()); }
  Status SetInputShape(int i, const Shape& shape) override;
  Status Prepare() override;
  TensorView input(int i) override { return views_[Index(graph_.inputs[Index(i)])]; }
  TensorView output(int i) override { return views_[Index(graph_.outputs[Index(i)])]; }
  Status Run() override;

  bool prepared() const { return prepared_; }
  // The shape input `i` was last given, or the file's.
  const Shape& input_shape(int i) const { return input_shapes_[Index(i)]; }
  const ir::Graph& graph() const override { return graph_; }
  // Current type, shape and memory of value `v`; `data` null when it has none.
  const TensorView& view(int32_t v) const { return views_[Index(v)]; }
  bool shape_known(int32_t v) const { return kinds_[Index(v)] != Kind::kUnsettled; }

  // Caller-owned memory for a graph input or output; null unbinds. The size is checked in Prepare.
  void Bind(int32_t value, void* data, size_t bytes);
  // The strings of a value of type string, pointing into its memory. kInvalidArgument when it has
  // no value yet, kInvalidModel when a caller has written something else over them.
  Result<std::vector<std::string_view>> Strings(int32_t value) const;
  // Gives such a value, not a constant, as many strings as its shape asks for.
  Status StoreStrings(int32_t value, std::span<const std::string_view> strings);
  // Size of its memory, 0 when it has none.
  size_t string_bytes(int32_t value) const;
  void ResetVariables();
  // That, and the state of custom steps.
  void ResetState();
  void SetProgress(std::function<bool(int, int)> progress) { progress_ = std::move(progress); }

  // For reports.
  struct NodeReport {
    std::string kernel;
    std::vector<std::string> declined;
    std::string_view error_bound;  // NameOf the kernel's; empty for a custom operator
    int64_t runs = 0;
    double total_ms = 0, min_ms = 0;
    int64_t macs = 0;     // -1 = shapes not settled
    bool folded = false;  // evaluated in Prepare
  };
  NodeReport report(size_t node) const;
  void ResetProfile();
  const Layout& layout() const { return layout_; }
  const LayoutRequest& layout_request() const { return request_; }
  size_t persistent_bytes() const { return persistent_bytes_; }
  size_t dynamic_bytes() const { return dynamic_bytes_; }

 private:
  enum class Kind : uint8_t {
    kUnused,     // produced by nobody, constant of nobody
    kConstant,   // bytes of the file
    kKnown,      // computed in Prepare
    kVariable,   // state, persistent
    kPlanned,    // in the arena, or bound to the caller's memory
    kUnsettled,  // dynamic, shape not known yet
    kDynamic     // memory of its own; shape as of the last run, or settled (strings)
  };
  enum class Mode : uint8_t { kStatic, kFolded, kDynamic };
  struct NodeState;
  class Preparer;
  class Runner;
  class Callees;

  static size_t Index(int i) { return static_cast<size_t>(i); }
  Status Where(const Status& status, size_t node) const;
  // The executor of graph `index`. kInvalidModel when there is none.
  Result<GraphExecutor*> Callee(int32_t index);
  Status Enter();  // one level deeper; the caller takes it back from context_.depth
  Status InitConstants();
  Status SettleNode(size_t n);
  bool HasNothingToDo(size_t n) const;
  Status Infer(size_t n, ir::InferContext& infer);
  Status MakeCustomStep(size_t n);
  Status Fold(size_t n);
  Status CheckSize(const TensorView& view, size_t* bytes) const;
  Status ChooseKernel(size_t n);
  Status ChooseAndPrepare(size_t n);
  Status PlanMemory();
  Status AllocateVariables();
  Status RunDynamic(size_t n);
  Status Show(int32_t v) const;
  Status ShowInputs() const;
  Status ShowResults(size_t n) const;
  Status AllocateDynamic(int32_t value, const Shape& shape);
  Status GrowDynamic(int32_t value, size_t bytes);
  bool HandlesStrings(size_t n) const;
  Status PrepareStringInput(int32_t value);
  void RefreshNodeViews(size_t n);
  NodeView ViewOf(size_t n) const;

  ExecutionContext& context_;
  const int32_t graph_index_;
  const ir::Graph& graph_;
  const bool is_main_;
  bool prepared_ = false;
  bool initialised_ = false;
  bool preparing_ = false;  // guards against graphs that call themselves
  bool running_ = false;

  std::vector<TensorView> views_;  // by value
  std::vector<Kind> kinds_;
  std::vector<int32_t> last_use_;  // node position; nodes.size() for graph outputs
  std::vector<bool> is_output_;
  std::vector<NodeState> nodes_;
  std::vector<Shape> input_shapes_;

  struct Binding {
    void* data = nullptr;
    size_t bytes = 0;
  };
  std::map<int32_t, Binding> bindings_;

  LayoutRequest request_;
  std::vector<std::vector<size_t>> node_scratch_;  // [node][workspace] → index in request_.scratch
  Layout layout_;
  std::shared_ptr<std::byte> arena_;
  size_t arena_capacity_ = 0;

  struct Buffer {
    std::shared_ptr<std::byte> data;
    size_t capacity = 0;
    size_t used = 0;  // of strings: bytes of the serialized buffer
  };
  std::vector<ir::ConstantData> held_;  // densified and folded constants, by value
  std::map<int32_t, Buffer> known_;     // values computed in Prepare from shapes
  std::map<int32_t, Buffer> variables_;
  std::vector<Buffer> dynamic_;  // by value
  size_t persistent_bytes_ = 0, dynamic_bytes_ = 0, known_bytes_ = 0;
  std::function<bool(int, int)> progress_;
};

}  // namespace edgeml::runtime

#endif  // EDGEML_RUNTIME_GRAPH_EXECUTOR_H_
