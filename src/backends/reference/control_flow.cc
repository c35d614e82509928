// Control flow and resource variables.
#include <algorithm>
#include <cstring>
#include <vector>

#include "src/backends/kernel_table.h"
#include "src/backends/reference/reference_backend.h"
#include "src/base/strings.h"

namespace edgeml::backends {
namespace {

using runtime::NodeView;
using runtime::PrepareContext;
using runtime::RunContext;
using runtime::Step;
using runtime::SubgraphRunner;

// Copies values of equal type and shape.
Status CopyValue(const TensorView& source, const TensorView& target) {
  if (source.type != target.type)
    return Error(Code::kInvalidModel, "a value of type ", NameOf(source.type),
                 " meets a tensor of type ", NameOf(target.type));
  if (!(source.shape == target.shape))
    return Error(Code::kInvalidModel, "a value of shape ", source.shape.ToString(),
                 " meets a tensor of shape ", target.shape.ToString());
  const auto bytes = CheckedByteSize(source.shape, source.type);
  if (!bytes) return Error(Code::kInvalidModel, "a value is too large");
  if (*bytes > 0 && source.data != target.data) std::memmove(target.data, source.data, *bytes);
  return Status::Ok();
}

// Gives output i the value, resizing it first.
Status StoreOutput(RunContext& context, size_t i, const TensorView& value) {
  EDGEML_RETURN_IF_ERROR(context.ResizeOutput(i, value.shape));
  return CopyValue(value, context.output(i));
}

Status CheckCounts(const SubgraphRunner& graph, size_t inputs, size_t outputs, const char* what) {
  if (static_cast<size_t>(graph.num_inputs()) == inputs &&
      static_cast<size_t>(graph.num_outputs()) == outputs)
    return Status::Ok();
  return Error(Code::kInvalidModel, "the ", what, " graph has ", graph.num_inputs(), " inputs and ",
               graph.num_outputs(), " outputs, expected ", inputs, " and ", outputs);
}

// Shapes of a graph's inputs, from those of the node's inputs starting at `first`. Settles the
// graph, so that what it cannot do shows before anything runs.
Status PrepareGraph(SubgraphRunner& graph, const NodeView& view, size_t first) {
  for (size_t i = first; i < view.inputs.size(); ++i)
    EDGEML_RETURN_IF_ERROR(graph.SetInputShape(static_cast<int>(i - first), view.inputs[i].shape));
  return graph.Prepare();
}

// The boolean a condition graph computed.
Result<bool> Truth(const TensorView& view) {
  if (view.type != DType::kBool || view.num_elements() != 1)
    return Error(Code::kInvalidModel, "the condition is ", NameOf(view.type), view.shape.ToString(),
                 ", expected one boolean");
  return *view.as<uint8_t>() != 0;
}

// IF, STABLEHLO_CASE and STABLEHLO_COMPOSITE: one of several graphs, chosen by input 0 (there is
// nothing to choose for the last), runs on the other inputs and makes the outputs.
class BranchStep : public Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const NodeView& view = context.view();
    graphs_.clear();
    if (view.node->op == OpCode::kIf) {
      const auto& attrs = view.attrs<ir::IfAttrs>();
      EDGEML_RETURN_IF_ERROR(AddBranch(context, attrs.else_subgraph, "else"));
      return AddBranch(context, attrs.then_subgraph, "then");
    }
    if (view.node->op == OpCode::kStablehloComposite) {
      first_ = 0;
      return AddBranch(context, view.attrs<ir::CompositeAttrs>().decomposition_subgraph,
                       "decomposition");
    }
    for (const int32_t branch : view.attrs<ir::CaseAttrs>().branch_subgraphs)
      EDGEML_RETURN_IF_ERROR(AddBranch(context, branch, "branch"));
    return Status::Ok();
  }

  Status Run(RunContext& context) override {
    EDGEML_ASSIGN_OR_RETURN(const size_t chosen, Choose(context));
    SubgraphRunner& graph = *graphs_[chosen];
    for (size_t i = first_; i < context.num_inputs(); ++i)
      EDGEML_RETURN_IF_ERROR(
          graph.SetInputShape(static_cast<int>(i - first_), context.input(i).shape));
    EDGEML_RETURN_IF_ERROR(graph.Prepare());
    for (size_t i = first_; i < context.num_inputs(); ++i)
      EDGEML_RETURN_IF_ERROR(
          CopyValue(context.input(i), graph.input(static_cast<int>(i - first_))));
    EDGEML_RETURN_IF_ERROR(graph.Run());
    for (size_t i = 0; i < context.num_outputs(); ++i)
      EDGEML_RETURN_IF_ERROR(StoreOutput(context, i, graph.output(static_cast<int>(i))));
    return Status::Ok();
  }

 private:
  Status AddBranch(PrepareContext& context, int32_t index, const char* what) {
    const NodeView& view = context.view();
    EDGEML_ASSIGN_OR_RETURN(SubgraphRunner * graph, context.Subgraph(index));
    EDGEML_RETURN_IF_ERROR(
        CheckCounts(*graph, view.inputs.size() - first_, view.outputs.size(), what));
    EDGEML_RETURN_IF_ERROR(PrepareGraph(*graph, view, first_));
    graphs_.push_back(graph);
    return Status::Ok();
  }

  Result<size_t> Choose(const RunContext& context) const {
    if (first_ == 0) return 0;
    const TensorView& selector = context.input(0);
    if (selector.type == DType::kBool) {
      EDGEML_ASSIGN_OR_RETURN(const bool condition, Truth(selector));
      return condition ? 1 : 0;
    }
    // A number that is no branch's stands for the last one.
    const auto index = static_cast<uint32_t>(*selector.as<int32_t>());
    return std::min<size_t>(index, graphs_.size() - 1);
  }

  size_t first_ = 1;  // the first input that the graphs get
  std::vector<SubgraphRunner*> graphs_;
};

// The loop's values live in the node's outputs between iterations: a graph's own inputs and outputs
// may share memory with each other.
class WhileStep : public Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const NodeView& view = context.view();
    const auto& attrs = view.attrs<ir::WhileAttrs>();
    EDGEML_ASSIGN_OR_RETURN(condition_, context.Subgraph(attrs.cond_subgraph));
    EDGEML_ASSIGN_OR_RETURN(body_, context.Subgraph(attrs.body_subgraph));
    const size_t n = view.inputs.size();
    EDGEML_RETURN_IF_ERROR(CheckCounts(*condition_, n, 1, "condition"));
    EDGEML_RETURN_IF_ERROR(CheckCounts(*body_, n, n, "body"));
    for (size_t i = 0; i < n; ++i) context.AllowInPlace(i, i);
    EDGEML_RETURN_IF_ERROR(PrepareGraph(*condition_, view, 0));
    return PrepareGraph(*body_, view, 0);
  }

  Status Run(RunContext& context) override {
    const size_t n = context.num_inputs();
    for (size_t i = 0; i < n; ++i)
      EDGEML_RETURN_IF_ERROR(StoreOutput(context, i, context.input(i)));
    while (true) {
      if (context.cancelled()) return Error(Code::kCancelled, "stopped on request in a loop");
      EDGEML_RETURN_IF_ERROR(RunGraph(context, *condition_));
      EDGEML_ASSIGN_OR_RETURN(const bool more, Truth(condition_->output(0)));
      if (!more) return Status::Ok();
      EDGEML_RETURN_IF_ERROR(RunGraph(context, *body_));
      for (size_t i = 0; i < n; ++i)
        EDGEML_RETURN_IF_ERROR(StoreOutput(context, i, body_->output(static_cast<int>(i))));
    }
  }

 private:
  // Runs a graph on the loop's current values.
  static Status RunGraph(RunContext& context, SubgraphRunner& graph) {
    const int n = graph.num_inputs();
    for (int i = 0; i < n; ++i)
      EDGEML_RETURN_IF_ERROR(graph.SetInputShape(i, context.output(static_cast<size_t>(i)).shape));
    EDGEML_RETURN_IF_ERROR(graph.Prepare());
    for (int i = 0; i < n; ++i)
      EDGEML_RETURN_IF_ERROR(CopyValue(context.output(static_cast<size_t>(i)), graph.input(i)));
    return graph.Run();
  }

  SubgraphRunner* condition_ = nullptr;
  SubgraphRunner* body_ = nullptr;
};

class CallOnceStep : public Step {
 public:
  Status Prepare(PrepareContext& context) override {
    graph_index_ = context.view().attrs<ir::CallOnceAttrs>().init_subgraph;
    EDGEML_ASSIGN_OR_RETURN(graph_, context.Subgraph(graph_index_));
    return CheckCounts(*graph_, 0, 0, "initializer");
  }
  Status Run(RunContext& context) override {
    if (context.resources().initialized(graph_index_)) return Status::Ok();
    EDGEML_RETURN_IF_ERROR(graph_->Prepare());
    EDGEML_RETURN_IF_ERROR(graph_->Run());
    context.resources().SetInitialized(graph_index_);
    return Status::Ok();
  }

 private:
  int32_t graph_index_ = 0;
  SubgraphRunner* graph_ = nullptr;
};

// A handle is the variable's id, 4 bytes.
class VarHandleStep : public Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const auto& attrs = context.view().attrs<ir::VarHandleAttrs>();
    id_ = context.resources().VariableId(attrs.container, attrs.shared_name);
    return Status::Ok();
  }
  Status Run(RunContext& context) override {
    std::memcpy(context.output(0).data, &id_, sizeof id_);
    return Status::Ok();
  }

 private:
  int32_t id_ = 0;
};

int32_t HandleOf(const TensorView& view) {
  int32_t id = 0;
  std::memcpy(&id, view.data, sizeof id);
  return id;
}

class ReadVariableStep : public Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const Shape& shape = context.view().outputs[0].shape;
    resize_ = shape.rank() == 0 || !shape.known();
    return Status::Ok();
  }
  Status Run(RunContext& context) override {
    EDGEML_ASSIGN_OR_RETURN(const TensorView value,
                            context.resources().Read(HandleOf(context.input(0))));
    if (resize_) return StoreOutput(context, 0, value);
    return CopyValue(value, context.output(0));
  }

 private:
  bool resize_ = false;
};

class AssignVariableStep : public Step {
 public:
  Status Prepare(PrepareContext&) override { return Status::Ok(); }
  Status Run(RunContext& context) override {
    return context.resources().Assign(HandleOf(context.input(0)), context.input(1));
  }
};

// Values that are handed around must have a size.
std::string DeclineValues(const NodeView& view) {
  for (size_t i = 0; i < view.inputs.size(); ++i) {
    const TensorView& input = view.inputs[i];
    if (!input.present()) return Concat("input ", i, " is absent");
    if (BitsOf(input.type) == 0) return Concat("hands around no ", NameOf(input.type));
  }
  for (size_t i = 0; i < view.outputs.size(); ++i) {
    const TensorView& output = view.outputs[i];
    if (!output.present()) return Concat("output ", i, " is absent");
    if (BitsOf(output.type) == 0) return Concat("hands around no ", NameOf(output.type));
  }
  return {};
}

std::string DeclineIf(const NodeView& view) {
  if (view.inputs[0].type != DType::kBool) return "the condition is not boolean";
  return DeclineValues(view);
}

std::string DeclineCase(const NodeView& view) {
  if (view.inputs[0].type != DType::kInt32) return "the branch's number is not int32";
  return DeclineValues(view);
}

std::string DeclineHandle(const TensorView& view) {
  if (view.type == DType::kResource || view.type == DType::kInt32) return {};
  return Concat("the handle is ", NameOf(view.type));
}

std::string DeclineVarHandle(const NodeView& view) { return DeclineHandle(view.outputs[0]); }

std::string DeclineVariable(const NodeView& view) {
  if (std::string reason = DeclineHandle(view.inputs[0]); !reason.empty()) return reason;
  return DeclineValues(view);
}

constexpr ErrorBound kExact = ErrorBound::kExact;
constexpr KernelEntry kKernels[] = {

    {OpCode::kAssignVariable, "assign_variable.reference", kExact, DeclineVariable,
     MakeStep<AssignVariableStep>},
    {OpCode::kCallOnce, "call_once.reference", kExact, nullptr, MakeStep<CallOnceStep>},
    {OpCode::kIf, "if.reference", kExact, DeclineIf, MakeStep<BranchStep>},
    {OpCode::kReadVariable, "read_variable.reference", kExact, DeclineVariable,
     MakeStep<ReadVariableStep>},
    {OpCode::kStablehloCase, "stablehlo_case.reference", kExact, DeclineCase, MakeStep<BranchStep>},
    {OpCode::kStablehloComposite, "stablehlo_composite.reference", kExact, DeclineValues,
     MakeStep<BranchStep>},
    {OpCode::kVarHandle, "var_handle.reference", kExact, DeclineVarHandle, MakeStep<VarHandleStep>},
    {OpCode::kWhile, "while.reference", kExact, DeclineValues, MakeStep<WhileStep>},
};

}  // namespace

std::span<const KernelEntry> ControlFlowKernels() { return ir::SelectedRows<kKernels>(); }

}  // namespace edgeml::backends
