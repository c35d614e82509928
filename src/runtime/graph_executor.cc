// Preparing: shapes, folding, kernels. Memory is in graph_executor_memory.cc, running in
// graph_executor_run.cc.
#include "src/runtime/graph_executor.h"

#include <algorithm>
#include <cstring>

#include "src/base/stop.h"
#include "src/ir/densify.h"
#include "src/ir/selection.h"
#include "src/runtime/node_state.h"

namespace edgeml::runtime {
namespace {

// What depends on constants only is computed while preparing, unless it takes longer than a caller
// of Prepare expects to wait. (A small file can ask for a very large window.)
constexpr int64_t kMostFoldedMacs = int64_t{1} << 26;

// Why the kernel cannot take the node; empty = it can.
std::string Decline(const KernelEntry& entry, const NodeView& view) {
  if (!entry.takes_strings) {
    for (const auto& tensors : {view.inputs, view.outputs})
      for (const TensorView& tensor : tensors)
        if (tensor.type == DType::kString) return "it takes no strings";
  }
  if constexpr (!ir::kAllOperators) {
    for (const auto& tensors : {view.inputs, view.outputs})
      for (const TensorView& tensor : tensors)
        if (tensor.present() && !ir::IsSelected(view.node->op, tensor.type))
          return Concat("this build lacks it for ", NameOf(tensor.type));
  }
  return entry.decline != nullptr ? entry.decline(view) : std::string();
}

}  // namespace

const std::shared_ptr<MemoryBudget>& ExecutionContext::Budget() {
  if (budget == nullptr) budget = std::make_shared<MemoryBudget>(memory_cap);
  return budget;
}

GraphExecutor::GraphExecutor(ExecutionContext& context, int32_t graph_index, bool is_main)
    : context_(context),
      graph_index_(graph_index),
      graph_(context.program->module().graphs[Index(graph_index)]),
      is_main_(is_main) {
  const size_t n = graph_.nodes.size();
  nodes_.resize(n);
  views_.resize(graph_.values.size());
  kinds_.assign(graph_.values.size(), Kind::kUnused);
  held_.resize(graph_.values.size());
  dynamic_.resize(graph_.values.size());
  last_use_.assign(graph_.values.size(), -1);
  is_output_.assign(graph_.values.size(), false);
  for (size_t i = 0; i < n; ++i) {
    for (const int32_t v : graph_.nodes[i].inputs)
      if (v >= 0) last_use_[Index(v)] = static_cast<int32_t>(i);
  }
  for (const int32_t v : graph_.outputs) {
    last_use_[Index(v)] = static_cast<int32_t>(n);
    is_output_[Index(v)] = true;
  }
  for (const int32_t v : graph_.inputs) input_shapes_.push_back(graph_.values[Index(v)].shape);
}

GraphExecutor::~GraphExecutor() = default;

Status GraphExecutor::Where(const Status& status, size_t node) const {
  if (status.ok()) return status;
  std::string where = Concat("node ", node, " (", graph_.nodes[node].name(), ")");
  if (graph_index_ != 0) where += Concat(" of subgraph ", graph_index_);
  return Status(status).WithContext(where);
}

Status GraphExecutor::SetInputShape(int i, const Shape& shape) {
  if (i < 0 || Index(i) >= input_shapes_.size())
    return Error(Code::kInvalidArgument, "input ", i, " does not exist; the graph has ",
                 input_shapes_.size());
  if (!shape.known())
    return Error(Code::kInvalidArgument, "input ", i, " cannot have shape ", shape.ToString(),
                 ": every dimension must be at least 0");
  if (input_shapes_[Index(i)] == shape) return Status::Ok();
  input_shapes_[Index(i)] = shape;
  prepared_ = false;
  return Status::Ok();
}

void GraphExecutor::Bind(int32_t value, void* data, size_t bytes) {
  const auto found = bindings_.find(value);
  if (data == nullptr) {
    if (found == bindings_.end()) return;
    bindings_.erase(found);
    prepared_ = false;
    return;
  }
  // A new address of the same size needs no new plan.
  if (found != bindings_.end() && found->second.bytes == bytes && prepared_) {
    found->second.data = data;
    views_[Index(value)].data = data;
    for (size_t n = 0; n < nodes_.size(); ++n)
      if (nodes_[n].mode == Mode::kStatic) RefreshNodeViews(n);
    return;
  }
  bindings_[value] = {data, bytes};
  prepared_ = false;
}

NodeView GraphExecutor::ViewOf(size_t n) const {
  const NodeState& state = nodes_[n];
  return NodeView{&graph_.nodes[n], state.in, state.out, state.intermediates};
}

void GraphExecutor::RefreshNodeViews(size_t n) {
  const ir::Node& node = graph_.nodes[n];
  NodeState& state = nodes_[n];
  const auto refresh = [&](const std::vector<int32_t>& values, std::vector<TensorView>& views) {
    views.resize(values.size());
    for (size_t i = 0; i < values.size(); ++i) {
      views[i] = values[i] < 0 ? TensorView{} : views_[Index(values[i])];
      if (views[i].type == DType::kString) views[i].data = nullptr;  // see RunContext::StringInput
    }
  };
  refresh(node.inputs, state.in);
  refresh(node.outputs, state.out);
  refresh(node.intermediates, state.intermediates);
}

Status GraphExecutor::CheckSize(const TensorView& view, size_t* bytes) const {
  const auto size = CheckedByteSize(view.shape, view.type);
  if (!size)
    return Error(Code::kResourceExhausted, "a tensor of shape ", view.shape.ToString(),
                 " and type ", NameOf(view.type), " is too large");
  if (*size > context_.memory_cap)
    return Error(Code::kResourceExhausted, "a tensor of shape ", view.shape.ToString(), " needs ",
                 HumanBytes(*size), ", over the memory cap of ", HumanBytes(context_.memory_cap));
  *bytes = *size;
  return Status::Ok();
}

// Views of everything the file holds; sparse constants are stored dense from here on.
Status GraphExecutor::InitConstants() {
  if (initialised_) return Status::Ok();
  for (size_t v = 0; v < views_.size(); ++v) {
    const ir::Value& value = graph_.values[v];
    TensorView& view = views_[v];
    view.type = value.type;
    view.quantization = value.quantization.empty() ? nullptr : &value.quantization;
    if (!value.is_constant() || value.is_variable) continue;
    std::span<const std::byte> bytes = value.data.bytes;
    if (value.sparsity != nullptr && value.type == DType::kString)
      return Error(Code::kUnsupported, "tensor ", v, " ('", value.name, "') holds sparse strings");
    if (value.sparsity != nullptr) {
      const auto make = [&]() -> Result<ir::ConstantData> {
        size_t dense_bytes = 0;
        TensorView dense = view;
        dense.shape = value.shape;
        EDGEML_RETURN_IF_ERROR(CheckSize(dense, &dense_bytes));
        EDGEML_ASSIGN_OR_RETURN(std::shared_ptr<void> reserved,
                                Reserve(context_.Budget(), dense_bytes));
        EDGEML_ASSIGN_OR_RETURN(std::vector<std::byte> dense_data, ir::Densify(value));
        const std::span<const std::byte> all(dense_data);  // stays where it is when moved
        auto owner = std::make_shared<std::pair<std::vector<std::byte>, std::shared_ptr<void>>>(
            std::move(dense_data), std::move(reserved));
        return ir::ConstantData{std::move(owner), all};
      };
      auto folded = context_.program->Folded(graph_index_, static_cast<int>(v), make);
      if (!folded.ok())
        return Status(folded.status()).WithContext(Concat("tensor ", v, " ('", value.name, "')"));
      held_[v] = std::move(folded).value();
      bytes = held_[v].bytes;
    }
    kinds_[v] = Kind::kConstant;
    view.is_constant = true;
    view.is_sparse = value.sparsity != nullptr;
    view.shape = value.shape;
    view.data = const_cast<std::byte*>(bytes.data());  // kernels get it as an input only
    view.SetDenseStrides();
  }
  initialised_ = true;
  return Status::Ok();
}

Result<GraphExecutor*> GraphExecutor::Callee(int32_t index) {
  const auto& graphs = context_.program->module().graphs;
  if (index < 0 || Index(index) >= graphs.size())
    return Error(Code::kInvalidModel, "subgraph ", index, " does not exist; the model has ",
                 graphs.size());
  auto& callee = context_.callees[index];
  if (callee == nullptr)
    callee = std::make_unique<GraphExecutor>(context_, index, /*is_main=*/false);
  return callee.get();
}

Status GraphExecutor::Enter() {
  if (context_.depth >= kMaxCallDepth)
    return Error(Code::kUnsupported, "subgraphs call each other more than ", kMaxCallDepth,
                 " levels deep");
  ++context_.depth;
  return Status::Ok();
}

Status GraphExecutor::Prepare() {
  if (prepared_) return Status::Ok();
  if (preparing_ || running_)
    return Error(Code::kInvalidModel, "subgraph ", graph_index_, " calls itself");
  if (is_main_) context_.probed_nodes = 0;
  EDGEML_RETURN_IF_ERROR(Enter());
  preparing_ = true;
  const StopScope scope(&context_.cancel);
  const auto work = [&]() -> Status {
    EDGEML_RETURN_IF_ERROR(InitConstants());
    known_.clear();
    known_bytes_ = 0;
    request_ = {};
    node_scratch_.assign(nodes_.size(), {});
    for (size_t v = 0; v < views_.size(); ++v) {
      if (kinds_[v] == Kind::kConstant && graph_.values[v].is_constant()) continue;
      kinds_[v] = graph_.values[v].is_variable ? Kind::kVariable : Kind::kUnused;
      views_[v].data = nullptr;
      views_[v].is_constant = false;
      views_[v].shape = graph_.values[v].shape;
    }
    for (size_t i = 0; i < graph_.inputs.size(); ++i) {
      const auto v = Index(graph_.inputs[i]);
      if (kinds_[v] == Kind::kConstant) continue;
      views_[v].shape = input_shapes_[i];
      views_[v].SetDenseStrides();
      size_t bytes = 0;
      EDGEML_RETURN_IF_ERROR(CheckSize(views_[v], &bytes).WithContext(Concat("input ", i)));
      if (kinds_[v] == Kind::kVariable) continue;
      kinds_[v] = Kind::kPlanned;
      if (views_[v].type == DType::kString)
        EDGEML_RETURN_IF_ERROR(
            PrepareStringInput(graph_.inputs[i]).WithContext(Concat("input ", i)));
    }
    EDGEML_RETURN_IF_ERROR(AllocateVariables());
    for (size_t n = 0; n < nodes_.size(); ++n) {
      if (StopRequested())
        return Error(Code::kCancelled, "stopped on request before preparing node ", n);
      EDGEML_RETURN_IF_ERROR(Where(SettleNode(n), n));
    }
    for (size_t n = 0; n < nodes_.size(); ++n) {
      if (nodes_[n].mode == Mode::kStatic || nodes_[n].settled_strings)
        EDGEML_RETURN_IF_ERROR(Where(ChooseAndPrepare(n), n));
    }
    return PlanMemory();
  };
  const Status status = work();
  --context_.depth;
  preparing_ = false;
  prepared_ = status.ok();
  return status;
}

// Whether node n only computes values without elements, which is done without its step: a kernel
// may loop over dimensions of any size beside the one that is zero.
bool GraphExecutor::HasNothingToDo(size_t n) const {
  const ir::Node& node = graph_.nodes[n];
  if (ir::DefOf(node.op).has_side_effects || nodes_[n].custom != nullptr) return false;
  bool any = false;
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] < 0) continue;
    const TensorView& view = nodes_[n].out[i];
    if (view.type == DType::kString || view.num_elements() != 0) return false;
    any = true;
  }
  return any;
}

// Infers the shapes of node n and decides how it runs.
Status GraphExecutor::SettleNode(size_t n) {
  const ir::Node& node = graph_.nodes[n];
  NodeState& state = nodes_[n];
  state.mode = Mode::kStatic;
  state.step_ready = false;
  state.settled_strings = false;
  state.report.folded = false;
  state.report.macs = -1;
  RefreshNodeViews(n);

  bool settled = true;
  for (const int32_t v : node.inputs) {
    if (v < 0) continue;
    const Kind kind = kinds_[Index(v)];
    const bool is_string = views_[Index(v)].type == DType::kString;
    if (kind == Kind::kUnsettled || (kind == Kind::kDynamic && !is_string)) settled = false;
    if (kind == Kind::kUnused)
      return Error(Code::kInvalidModel, "reads tensor ", v, " ('", graph_.values[Index(v)].name,
                   "'), which nothing computes");
  }
  if (node.op == ir::OpCode::kCustom) EDGEML_RETURN_IF_ERROR(MakeCustomStep(n));
  const ir::OpDef& def = ir::DefOf(node.op);
  bool values_known = !node.inputs.empty();
  for (const int32_t v : node.inputs) {
    if (v < 0) continue;
    const Kind kind = kinds_[Index(v)];
    values_known &= kind == Kind::kConstant || kind == Kind::kKnown;
  }
  if (settled) {
    Callees callees(*this);
    ir::InferContext infer{&node, state.in, state.out, false, &callees};
    EDGEML_RETURN_IF_ERROR(Infer(n, infer));
    settled = !infer.needs_values;
  }
  if (!settled || HandlesStrings(n)) {
    state.mode = Mode::kDynamic;
    state.settled_strings = settled;
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] < 0) continue;
      const auto v = Index(node.outputs[i]);
      if (kinds_[v] == Kind::kVariable)
        return Error(Code::kUnsupported, "computes variable tensor ", v,
                     settled ? " from strings" : " in a shape that only running tells");
      kinds_[v] = settled ? Kind::kDynamic : Kind::kUnsettled;
      if (!settled) continue;
      views_[v].shape = state.out[i].shape;
      views_[v].SetDenseStrides();
      size_t bytes = 0;
      EDGEML_RETURN_IF_ERROR(CheckSize(views_[v], &bytes));
    }
    return Status::Ok();
  }
  bool feeds_output = false;
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] < 0) continue;
    const auto v = Index(node.outputs[i]);
    state.out[i].SetDenseStrides();
    if (kinds_[v] == Kind::kVariable) {
      if (!(views_[v].shape == state.out[i].shape))
        return Error(Code::kInvalidModel, "computes shape ", state.out[i].shape.ToString(),
                     " for variable tensor ", v, ", which has shape ", views_[v].shape.ToString());
      continue;
    }
    views_[v].shape = state.out[i].shape;
    views_[v].SetDenseStrides();
    size_t bytes = 0;
    EDGEML_RETURN_IF_ERROR(CheckSize(views_[v], &bytes));
    kinds_[v] = Kind::kPlanned;
    feeds_output |= is_output_[v];
  }
  state.report.macs = def.macs != nullptr ? def.macs(ViewOf(n)) : 0;
  state.idle = HasNothingToDo(n);
  const bool shape_only = node.op == ir::OpCode::kShape || node.op == ir::OpCode::kRank;
  const bool cheap = state.report.macs <= kMostFoldedMacs;
  if (!def.has_side_effects && !feeds_output && cheap && (values_known || shape_only))
    return Fold(n);
  return Status::Ok();
}

// Evaluates node n now, since its inputs will not change while the shapes stay. What depends on the
// file's constants only is shared by all sessions.
Status GraphExecutor::Fold(size_t n) {
  const ir::Node& node = graph_.nodes[n];
  NodeState& state = nodes_[n];
  bool constant_only = !node.inputs.empty();
  for (const int32_t v : node.inputs)
    if (v >= 0) constant_only &= kinds_[Index(v)] == Kind::kConstant;
  constant_only &= node.outputs.size() == 1;
  if (node.op == ir::OpCode::kShape || node.op == ir::OpCode::kRank) constant_only = false;

  const KernelEntry* kernel = nullptr;
  const NodeView view = ViewOf(n);
  std::string reason = "no kernel";
  for (const KernelEntry& entry : context_.folding->KernelsFor(node.op)) {
    reason = Decline(entry, view);
    if (reason.empty()) {
      kernel = &entry;
      break;
    }
  }
  if (kernel == nullptr) return Error(Code::kUnsupported, "is not supported: ", reason);

  const auto evaluate = [&](std::vector<Buffer>& outputs) -> Status {
    std::unique_ptr<Step> step = kernel->make();
    Preparer preparer(*this, n, nullptr);
    EDGEML_RETURN_IF_ERROR(step->Prepare(preparer));
    state.scratch.clear();
    for (const size_t bytes : preparer.workspaces) {
      if (bytes > context_.memory_cap)
        return Error(Code::kResourceExhausted, "scratch memory over the memory cap");
      EDGEML_ASSIGN_OR_RETURN(auto memory, context_.Allocate(bytes));
      state.scratch.push_back({std::move(memory), bytes});
    }
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      size_t bytes = 0;
      EDGEML_RETURN_IF_ERROR(CheckSize(state.out[i], &bytes));
      known_bytes_ += bytes;
      if (known_bytes_ > context_.memory_cap)
        return Error(Code::kResourceExhausted, "values known before running need ",
                     HumanBytes(known_bytes_), ", over the memory cap of ",
                     HumanBytes(context_.memory_cap));
      EDGEML_ASSIGN_OR_RETURN(auto memory, context_.Allocate(bytes));
      state.out[i].data = memory.get();
      outputs.push_back({std::move(memory), bytes});
    }
    state.mode = Mode::kFolded;
    Runner runner(*this, n);
    Status status = state.idle ? Status::Ok() : step->Run(runner);
    state.scratch.clear();
    if (status.ok() && context_.cancel.load(std::memory_order_relaxed))
      status = Status(Code::kCancelled, "stopped on request");  // it may have left its loop early
    return status;
  };

  if (constant_only) {
    const auto v = Index(node.outputs[0]);
    const auto make = [&]() -> Result<ir::ConstantData> {
      std::vector<Buffer> outputs;
      EDGEML_RETURN_IF_ERROR(evaluate(outputs));
      const std::span<const std::byte> bytes(outputs[0].data.get(), outputs[0].capacity);
      return ir::ConstantData{std::move(outputs[0].data), bytes};
    };
    EDGEML_ASSIGN_OR_RETURN(held_[v],
                            context_.program->Folded(graph_index_, static_cast<int>(v), make));
    if (kinds_[v] != Kind::kVariable) {
      views_[v].data = const_cast<std::byte*>(held_[v].bytes.data());
      kinds_[v] = Kind::kConstant;
      views_[v].is_constant = true;
    }
  } else {
    std::vector<Buffer> outputs;
    EDGEML_RETURN_IF_ERROR(evaluate(outputs));
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] < 0) continue;
      const auto v = Index(node.outputs[i]);
      if (kinds_[v] != Kind::kVariable) {
        views_[v].data = outputs[i].data.get();
        views_[v].is_constant = true;
        kinds_[v] = Kind::kKnown;
      }
      known_[node.outputs[i]] = std::move(outputs[i]);
    }
  }
  ResetVariables();  // a variable computed here starts with this value
  state.mode = Mode::kFolded;
  state.step.reset();
  state.kernel = kernel;
  state.report.kernel = kernel->name;
  state.report.error_bound = NameOf(kernel->bound);
  state.report.folded = true;
  return Status::Ok();
}

// Walks the backends' lists, best first, until a kernel takes the node; makes its step.
Status GraphExecutor::ChooseKernel(size_t n) {
  const ir::Node& node = graph_.nodes[n];
  NodeState& state = nodes_[n];
  if (state.custom != nullptr) return Status::Ok();
  const NodeView view = ViewOf(n);
  const KernelEntry* chosen = nullptr;
  std::vector<std::string> declined;
  size_t first_of_last =
      0;  // the reasons of the last backend, which takes the most, are the ones to tell
  for (const Backend* backend : context_.backends) {
    first_of_last = declined.size();
    for (const KernelEntry& entry : backend->KernelsFor(node.op)) {
      std::string reason = Decline(entry, view);
      if (reason.empty()) {
        chosen = &entry;
        break;
      }
      declined.push_back(Concat(entry.name, ": ", reason));
    }
    if (chosen != nullptr) break;
  }
  if (chosen == nullptr) {
    std::string reasons;
    for (size_t i = first_of_last; i < declined.size(); ++i)
      reasons += Concat(i == first_of_last ? "" : "; ", declined[i]);
    return Error(Code::kUnsupported, "is not supported: ",
                 reasons.empty() ? std::string("there is no kernel for it") : reasons);
  }
  if (state.kernel != chosen || state.step == nullptr) {
    state.kernel = chosen;
    state.step = chosen->make();
  }
  state.report.kernel = chosen->name;
  state.report.error_bound = NameOf(chosen->bound);
  state.report.declined = std::move(declined);
  return Status::Ok();
}

// Settles which step runs node n, and prepares it.
Status GraphExecutor::ChooseAndPrepare(size_t n) {
  NodeState& state = nodes_[n];
  RefreshNodeViews(n);
  EDGEML_RETURN_IF_ERROR(ChooseKernel(n));
  const bool planned = state.mode == Mode::kStatic;
  Preparer preparer(*this, n, planned ? &request_ : nullptr);
  EDGEML_RETURN_IF_ERROR(state.step->Prepare(preparer));
  if (planned) {
    for (const size_t bytes : preparer.workspaces) {
      node_scratch_[n].push_back(request_.scratch.size());
      request_.scratch.push_back({static_cast<int32_t>(n), bytes});
    }
    return Status::Ok();
  }
  state.scratch.resize(preparer.workspaces.size());
  for (size_t i = 0; i < state.scratch.size(); ++i) {
    if (state.scratch[i].capacity >= preparer.workspaces[i] && state.scratch[i].data != nullptr)
      continue;
    if (preparer.workspaces[i] > context_.memory_cap)
      return Error(Code::kResourceExhausted, "scratch memory of ",
                   HumanBytes(preparer.workspaces[i]), " is over the memory cap");
    state.scratch[i] = {};
    EDGEML_ASSIGN_OR_RETURN(state.scratch[i].data, context_.Allocate(preparer.workspaces[i]));
    state.scratch[i].capacity = preparer.workspaces[i];
  }
  return Status::Ok();
}

GraphExecutor::NodeReport GraphExecutor::report(size_t node) const { return nodes_[node].report; }

void GraphExecutor::ResetProfile() {
  for (NodeState& state : nodes_) {
    state.report.runs = 0;
    state.report.total_ms = state.report.min_ms = 0;
  }
}

}  // namespace edgeml::runtime
