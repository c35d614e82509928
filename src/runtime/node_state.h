// What a GraphExecutor keeps per node, and the two contexts a Step sees. Private to the executor.
#ifndef EDGEML_RUNTIME_NODE_STATE_H_
#define EDGEML_RUNTIME_NODE_STATE_H_

#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "src/base/strings.h"
#include "src/runtime/graph_executor.h"

namespace edgeml::runtime {

struct GraphExecutor::NodeState {
  Mode mode = Mode::kStatic;
  const KernelEntry* kernel = nullptr;
  std::unique_ptr<Step> step;
  CustomStep* custom = nullptr;  // `step`, when it is that of a custom operator
  std::vector<TensorView> in, out, intermediates;
  // Dynamic nodes: the shapes the step was prepared for, and memory for its scratch.
  std::vector<Shape> prepared_shapes;
  bool step_ready = false;
  bool idle = false;             // shapes settled and no elements to compute
  bool settled_strings = false;  // dynamic only because strings are; shapes are settled
  std::vector<Buffer> scratch;
  NodeReport report;
};

// Prepares one step. `sink` receives workspace requests and sharing wishes of a planned node; a
// node that runs outside the plan (folded or dynamic) passes null and takes `workspaces` instead.
class GraphExecutor::Preparer : public PrepareContext {
 public:
  Preparer(GraphExecutor& owner, size_t node, LayoutRequest* sink)
      : owner_(owner), node_(node), sink_(sink), view_(owner.ViewOf(node)) {}

  const NodeView& view() const override { return view_; }
  int num_threads() const override { return owner_.context_.pool->num_threads(); }

  int RequestWorkspace(uint64_t bytes) override {
    // As much as fits a size_t is still more than there is.
    workspaces.push_back(
        static_cast<size_t>(std::min<uint64_t>(bytes, std::numeric_limits<size_t>::max())));
    return static_cast<int>(workspaces.size()) - 1;
  }

  Result<std::shared_ptr<const std::byte>> Pack(size_t input, std::string_view layout, size_t bytes,
                                                FunctionRef<void(std::byte*)> fill) override {
    if (bytes > owner_.context_.memory_cap)
      return Error(Code::kResourceExhausted, "packed weights of ", HumanBytes(bytes),
                   " are over the memory cap of ", HumanBytes(owner_.context_.memory_cap));
    const int32_t value = owner_.graph_.nodes[node_].inputs[input];
    if (owner_.kinds_[Index(value)] != Kind::kConstant) {
      // Computed while preparing, so its address is not a lasting name: not shared.
      EDGEML_ASSIGN_OR_RETURN(std::shared_ptr<std::byte> memory, owner_.context_.Allocate(bytes));
      fill(memory.get());
      return std::shared_ptr<const std::byte>(std::move(memory));
    }
    const TensorView& source = view_.inputs[input];
    const std::string key =
        Concat(reinterpret_cast<uintptr_t>(source.data), "/", source.shape.ToString(), "/", layout);
    return owner_.context_.program->Packed(key, bytes, owner_.context_.Budget(), fill);
  }

  void AllowInPlace(size_t input, size_t output) override {
    Wish(SharingWish::Kind::kInPlace, input, output, 0);
  }
  void AllowAlias(size_t input, size_t output) override {
    Wish(SharingWish::Kind::kAlias, input, output, 0);
  }
  void AllowInputInOutput(size_t input, size_t output, size_t byte_offset) override {
    Wish(SharingWish::Kind::kInputInOutput, input, output, byte_offset);
  }
  void AllowOutputInInput(size_t output, size_t input, size_t byte_offset) override {
    Wish(SharingWish::Kind::kOutputInInput, input, output, byte_offset);
  }

  Result<SubgraphRunner*> Subgraph(int32_t index) override {
    EDGEML_ASSIGN_OR_RETURN(GraphExecutor * callee, owner_.Callee(index));
    return static_cast<SubgraphRunner*>(callee);
  }
  ResourceStore& resources() override { return *owner_.context_.resources; }

  std::vector<size_t> workspaces;

 private:
  void Wish(SharingWish::Kind kind, size_t input, size_t output, size_t offset) {
    if (sink_ == nullptr) return;
    const ir::Node& node = owner_.graph_.nodes[node_];
    if (input >= node.inputs.size() || output >= node.outputs.size()) return;
    const int32_t in = node.inputs[input], out = node.outputs[output];
    if (in < 0 || out < 0) return;
    sink_->wishes.push_back({kind, static_cast<int32_t>(node_), in, out, offset});
  }

  GraphExecutor& owner_;
  const size_t node_;
  LayoutRequest* const sink_;
  const NodeView view_;
};

// Prepares called graphs to learn the shapes of their outputs.
class GraphExecutor::Callees : public ir::CalleeShapes {
 public:
  explicit Callees(GraphExecutor& owner) : owner_(owner) {}

  Result<bool> OutputShapes(int32_t graph, std::span<const TensorView> inputs,
                            std::span<Shape> outputs) override {
    EDGEML_ASSIGN_OR_RETURN(GraphExecutor * callee, owner_.Callee(graph));
    const ir::Graph& definition = callee->graph_;
    if (definition.inputs.size() != inputs.size() || definition.outputs.size() != outputs.size())
      return false;
    for (size_t i = 0; i < inputs.size(); ++i)
      EDGEML_RETURN_IF_ERROR(callee->SetInputShape(static_cast<int>(i), inputs[i].shape));
    if (!callee->prepared_) {
      size_t& probed = owner_.context_.probed_nodes;
      if (probed > kMostProbedNodes) return false;
      probed += definition.nodes.size() + 1;
      EDGEML_RETURN_IF_ERROR(callee->Prepare());
    }
    for (size_t i = 0; i < outputs.size(); ++i) {
      const auto v = Index(definition.outputs[i]);
      const Kind kind = callee->kinds_[v];
      if (kind == Kind::kUnused || kind == Kind::kUnsettled || kind == Kind::kDynamic) return false;
      outputs[i] = callee->views_[v].shape;
    }
    return true;
  }

 private:
  GraphExecutor& owner_;
};

// Runs one step.
class GraphExecutor::Runner : public RunContext {
 public:
  Runner(GraphExecutor& owner, size_t node) : owner_(owner), node_(node) {}

  const TensorView& input(size_t i) const override { return state().in[i]; }
  const TensorView& output(size_t i) const override { return state().out[i]; }
  size_t num_inputs() const override { return state().in.size(); }
  size_t num_outputs() const override { return state().out.size(); }
  void* workspace(int index) const override {
    if (state().mode != Mode::kStatic) return state().scratch[Index(index)].data.get();
    const size_t scratch = owner_.node_scratch_[node_][Index(index)];
    return owner_.arena_.get() + owner_.layout_.scratch_offset[scratch];
  }
  ThreadPool& pool() const override { return *owner_.context_.pool; }
  bool cancelled() const override { return owner_.context_.cancel.load(std::memory_order_relaxed); }
  ResourceStore& resources() const override { return *owner_.context_.resources; }

  Status ResizeOutput(size_t i, const Shape& shape) override {
    const int32_t value = owner_.graph_.nodes[node_].outputs[i];
    if (state().mode != Mode::kDynamic) {
      if (state().out[i].shape == shape) return Status::Ok();
      return Error(Code::kInternal, "a settled output cannot be resized");
    }
    EDGEML_RETURN_IF_ERROR(owner_.AllocateDynamic(value, shape));
    owner_.nodes_[node_].out[i] = owner_.views_[Index(value)];
    return Status::Ok();
  }

  Result<std::vector<std::string_view>> StringInput(size_t i) const override {
    return owner_.Strings(owner_.graph_.nodes[node_].inputs[i]);
  }
  Status SetStringOutput(size_t i, std::span<const std::string_view> strings) override {
    return owner_.StoreStrings(owner_.graph_.nodes[node_].outputs[i], strings);
  }

  bool observed() const override { return owner_.context_.observer != nullptr; }
  Status ShowInput(size_t i, const TensorView& view) override {
    return Show(owner_.graph_.nodes[node_].inputs, i, view);
  }
  Status ShowIntermediate(size_t i, const TensorView& view) override {
    return Show(owner_.graph_.nodes[node_].intermediates, i, view);
  }

 private:
  const NodeState& state() const { return owner_.nodes_[node_]; }
  // Of a value that the graph has no name for, nobody is told.
  Status Show(const std::vector<int32_t>& values, size_t i, const TensorView& view) const {
    if (!observed() || i >= values.size() || values[i] < 0) return Status::Ok();
    return owner_.context_.observer->Observe(owner_.graph_index_, values[i], view);
  }

  GraphExecutor& owner_;
  const size_t node_;
};

}  // namespace edgeml::runtime

#endif  // EDGEML_RUNTIME_NODE_STATE_H_
