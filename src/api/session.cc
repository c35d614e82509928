#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "src/api/custom_op.h"
#include "src/api/model_impl.h"
#include "src/backends/cpu/cpu_backend.h"
#include "src/backends/reference/reference_backend.h"
#include "src/base/memory_info.h"
#include "src/base/strings.h"
#include "src/runtime/graph_executor.h"

namespace edgeml {

using runtime::ExecutionContext;
using runtime::GraphExecutor;

class SessionImpl {
 public:
  SessionImpl(std::shared_ptr<const ModelImpl> shared_model, SessionOptions session_options,
              std::shared_ptr<runtime::Resources> resources)
      : model(std::move(shared_model)),
        options(std::move(session_options)),
        custom_ops(options.custom_ops) {
    context.program = model->program;
    if (!options.exact) context.backends.push_back(&backends::CpuBackend());
    context.backends.push_back(&backends::ReferenceBackend());
    context.folding = &backends::ReferenceBackend();
    context.custom_ops = &custom_ops;
    context.pool = options.pool;
    context.memory_cap = EffectiveMemoryCap(options.memory_cap_bytes);
    context.custom_state.cap = context.memory_cap;
    context.resources = resources != nullptr
                            ? std::move(resources)
                            : std::make_shared<runtime::Resources>(context.memory_cap);
    context.preserve_all_tensors = options.preserve_all_tensors;
    context.profile = options.profile;
    context.step_limit = options.step_limit;
    executor.emplace(context, options.subgraph, /*is_main=*/true);
    executor->SetProgress(options.progress);
  }

  std::shared_ptr<const ModelImpl> model;
  SessionOptions options;
  const RegisteredOps custom_ops;
  ExecutionContext context;
  std::optional<GraphExecutor> executor;

  const ir::Graph& graph() const { return executor->graph(); }

  TensorRef Ref(int32_t value) const {
    const TensorView& view = executor->view(value);
    TensorRef ref;
    ref.dtype = view.type;
    if (!executor->shape_known(value)) return ref;
    ref.data = view.data;
    ref.bytes = view.type == DType::kString ? executor->string_bytes(value)
                                            : CheckedByteSize(view.shape, view.type).value_or(0);
    ref.shape.assign(view.shape.dims().begin(), view.shape.dims().end());
    return ref;
  }
};

Session::Session(std::unique_ptr<SessionImpl> impl) : impl_(std::move(impl)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

Result<Session> Session::Create(const Model& model, const SessionOptions& options) {
  if (options.subgraph < 0 || options.subgraph >= model.num_subgraphs())
    return Error(Code::kInvalidArgument, "subgraph ", options.subgraph,
                 " does not exist; the model has ", model.num_subgraphs());
  if (const auto unsupported = model.UnsupportedOps(options.custom_ops.get());
      !unsupported.empty()) {
    std::string list;
    for (const std::string& op : unsupported) list += (list.empty() ? "" : ", ") + op;
    return Error(Code::kUnsupported, "the model needs operators that are not supported: ", list);
  }
  SessionOptions own = options;
  if (own.pool == nullptr) {
    EDGEML_ASSIGN_OR_RETURN(own.pool, MakeThreadPool(options.num_threads, options.affinity));
  }
  Session session(std::make_unique<SessionImpl>(model.impl(), std::move(own), nullptr));
  if (options.prepare) EDGEML_RETURN_IF_ERROR(session.Prepare());
  return session;
}

Result<Session> Session::OnSubgraph(int32_t subgraph) const {
  if (subgraph < 0 || static_cast<size_t>(subgraph) >= impl_->model->module().graphs.size())
    return Error(Code::kInvalidArgument, "subgraph ", subgraph, " does not exist; the model has ",
                 impl_->model->module().graphs.size());
  SessionOptions options = impl_->options;
  options.subgraph = subgraph;
  const bool prepare = options.prepare;
  Session session(
      std::make_unique<SessionImpl>(impl_->model, std::move(options), impl_->context.resources));
  if (prepare) EDGEML_RETURN_IF_ERROR(session.Prepare());
  return session;
}

int Session::num_inputs() const { return impl_->executor->num_inputs(); }
int Session::num_outputs() const { return impl_->executor->num_outputs(); }
std::span<const int32_t> Session::input_indices() const { return impl_->graph().inputs; }
std::span<const int32_t> Session::output_indices() const { return impl_->graph().outputs; }

Status Session::ResizeInput(int i, std::span<const int32_t> shape, bool strict) {
  if (i < 0 || i >= num_inputs())
    return Error(Code::kInvalidArgument, "input ", i, " does not exist; the model has ",
                 num_inputs());
  if (shape.size() > kMaxRank)
    return Error(Code::kInvalidArgument, "rank ", shape.size(), " exceeds the limit of ", kMaxRank);
  const ir::Value& value = impl_->graph().values[static_cast<size_t>(input_indices()[i])];
  const Shape wanted(shape);
  if (strict) {
    const Shape& allowed = value.has_signature ? value.shape_signature : value.shape;
    bool fits = allowed.rank() == wanted.rank();
    for (int d = 0; fits && d < wanted.rank(); ++d)
      fits = allowed[d] == kUnknownDim || allowed[d] == wanted[d];
    if (!fits)
      return Error(Code::kInvalidArgument, "input ", i, " ('", value.name, "') has shape ",
                   allowed.ToString(), " where ? may change; it cannot become ", wanted.ToString());
  }
  return impl_->executor->SetInputShape(i, wanted);
}

Status Session::Prepare() {
  impl_->context.cancel.store(false, std::memory_order_relaxed);
  EDGEML_RETURN_IF_ERROR(impl_->model->CheckIntact());
  return impl_->executor->Prepare();
}
bool Session::prepared() const { return impl_->executor->prepared(); }

TensorRef Session::input(int i) const {
  return impl_->Ref(input_indices()[static_cast<size_t>(i)]);
}
TensorRef Session::output(int i) const {
  return impl_->Ref(output_indices()[static_cast<size_t>(i)]);
}
TensorRef Session::tensor(int index) const { return impl_->Ref(index); }

TensorInfo Session::tensor_info(int index) const {
  TensorInfo info = DescribeTensor(impl_->graph(), index);
  if (impl_->executor->prepared() && impl_->executor->shape_known(index)) {
    const Shape& shape = impl_->executor->view(index).shape;
    info.shape.assign(shape.dims().begin(), shape.dims().end());
    info.byte_size = CheckedByteSize(shape, info.dtype).value_or(0);
  } else if (!impl_->executor->prepared()) {
    const std::span<const int32_t> inputs = input_indices();
    const auto input = std::find(inputs.begin(), inputs.end(), index);
    if (input != inputs.end()) {
      const Shape& shape = impl_->executor->input_shape(static_cast<int>(input - inputs.begin()));
      info.shape.assign(shape.dims().begin(), shape.dims().end());
      info.byte_size = CheckedByteSize(shape, info.dtype).value_or(0);
    }
  }
  return info;
}

namespace {

Status CheckStringTensor(const ir::Graph& graph, int index) {
  if (index < 0 || static_cast<size_t>(index) >= graph.values.size())
    return Error(Code::kInvalidArgument, "tensor ", index, " does not exist; the model has ",
                 graph.values.size());
  const ir::Value& value = graph.values[static_cast<size_t>(index)];
  if (value.type != DType::kString)
    return Error(Code::kInvalidArgument, "tensor ", index, " ('", value.name, "') is of type ",
                 NameOf(value.type), ", not string");
  return Status::Ok();
}

}  // namespace

Status Session::SetStrings(int index, std::span<const std::string> values) {
  EDGEML_RETURN_IF_ERROR(CheckStringTensor(impl_->graph(), index));
  const auto inputs = input_indices();
  if (std::find(inputs.begin(), inputs.end(), index) == inputs.end() ||
      impl_->graph().values[static_cast<size_t>(index)].is_constant())
    return Error(Code::kInvalidArgument, "tensor ", index, " is not an input of the model");
  EDGEML_RETURN_IF_ERROR(Prepare());
  const std::vector<std::string_view> strings(values.begin(), values.end());
  return impl_->executor->StoreStrings(index, strings);
}

Result<std::vector<std::string>> Session::GetStrings(int index) const {
  EDGEML_RETURN_IF_ERROR(CheckStringTensor(impl_->graph(), index));
  EDGEML_RETURN_IF_ERROR(impl_->model->CheckIntact());
  EDGEML_ASSIGN_OR_RETURN(const std::vector<std::string_view> strings,
                          impl_->executor->Strings(index));
  return std::vector<std::string>(strings.begin(), strings.end());
}

namespace {

Status CheckBinding(const char* what, int i, int count, DType type, const void* data) {
  if (i < 0 || i >= count)
    return Error(Code::kInvalidArgument, what, " ", i, " does not exist; the model has ", count);
  const auto alignment = static_cast<uintptr_t>(std::max(1, BitsOf(type) / 8));
  if (reinterpret_cast<uintptr_t>(data) % alignment != 0)
    return Error(Code::kInvalidArgument, "the memory bound to ", what, " ", i,
                 " must be aligned to ", alignment, " bytes");
  return Status::Ok();
}

}  // namespace

Status Session::BindInput(int i, const void* data, size_t bytes) {
  const int32_t value = i >= 0 && i < num_inputs() ? input_indices()[static_cast<size_t>(i)] : 0;
  EDGEML_RETURN_IF_ERROR(
      CheckBinding("input", i, num_inputs(), impl_->executor->view(value).type, data));
  // The plan keeps every step from writing into graph inputs, so the cast is never used to write.
  impl_->executor->Bind(value, const_cast<void*>(data), bytes);
  return Status::Ok();
}

Status Session::BindOutput(int i, void* data, size_t bytes) {
  const int32_t value = i >= 0 && i < num_outputs() ? output_indices()[static_cast<size_t>(i)] : 0;
  EDGEML_RETURN_IF_ERROR(
      CheckBinding("output", i, num_outputs(), impl_->executor->view(value).type, data));
  impl_->executor->Bind(value, data, bytes);
  return Status::Ok();
}

Status Session::Run() {
  impl_->context.cancel.store(false, std::memory_order_relaxed);
  impl_->context.steps = 0;
  EDGEML_RETURN_IF_ERROR(impl_->model->CheckIntact());
  return impl_->executor->Run();
}

void Session::Cancel() { impl_->context.cancel.store(true, std::memory_order_relaxed); }

Status Session::ResetVariables() {
  impl_->executor->ResetState();
  for (auto& [index, callee] : impl_->context.callees) callee->ResetState();
  impl_->context.resources->Clear();
  return Status::Ok();
}

MemoryPlan Session::memory_plan() const {
  const GraphExecutor& executor = *impl_->executor;
  const runtime::Layout& layout = executor.layout();
  const runtime::LayoutRequest& request = executor.layout_request();
  MemoryPlan plan;
  plan.arena_bytes = layout.arena_bytes;
  plan.lower_bound_bytes = layout.lower_bound_bytes;
  plan.persistent_bytes = executor.persistent_bytes() + impl_->context.resources->bytes() +
                          impl_->context.custom_state.used;
  plan.dynamic_bytes = executor.dynamic_bytes();
  for (size_t v = 0; v < request.tensors.size(); ++v) {
    const runtime::LayoutTensor& tensor = request.tensors[v];
    if (!tensor.planned || tensor.bytes == 0) continue;
    plan.entries.push_back({static_cast<int32_t>(v), layout.tensor_offset[v], tensor.bytes,
                            tensor.first, tensor.last, layout.shares[v]});
  }
  for (size_t s = 0; s < request.scratch.size(); ++s) {
    const auto& scratch = request.scratch[s];
    plan.entries.push_back(
        {-1, layout.scratch_offset[s], scratch.bytes, scratch.node, scratch.node, false});
  }
  return plan;
}

std::vector<NodeInfo> Session::nodes() const {
  std::vector<NodeInfo> nodes = DescribeNodes(impl_->graph());
  for (size_t n = 0; n < nodes.size(); ++n) nodes[n].macs = impl_->executor->report(n).macs;
  return nodes;
}

std::vector<NodeProfile> Session::profile() const {
  const ir::Graph& graph = impl_->graph();
  std::vector<NodeProfile> out;
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    const GraphExecutor::NodeReport report = impl_->executor->report(n);
    NodeProfile profile;
    profile.node = static_cast<int32_t>(n);
    profile.op = graph.nodes[n].name();
    profile.kernel = report.folded ? "folded" : report.kernel;
    profile.declined = report.declined;
    profile.error_bound = report.error_bound;
    profile.runs = report.runs;
    profile.total_ms = report.total_ms;
    profile.min_ms = report.min_ms;
    profile.macs = report.macs;
    if (!graph.nodes[n].outputs.empty() && graph.nodes[n].outputs[0] >= 0) {
      const TensorView& view = impl_->executor->view(graph.nodes[n].outputs[0]);
      profile.output_shape = view.shape.ToString();
      profile.dtype = NameOf(view.type);
    }
    out.push_back(std::move(profile));
  }
  return out;
}

void Session::ResetProfile() { impl_->executor->ResetProfile(); }

}  // namespace edgeml
