#include "src/backends/reference/stablehlo_body.h"

#include <cstring>
#include <optional>

#include "src/base/strings.h"

namespace edgeml::backends {
namespace {

using ir::OpCode;
using kernels::Combination;

std::optional<Combination> Recognise(const ir::Graph& graph, BodyCombiner::Use use) {
  const bool window = use == BodyCombiner::Use::kWindow;
  if (graph.nodes.empty())
    return window ? std::nullopt : std::optional<Combination>(Combination::kSecond);
  if (graph.nodes.size() > 1) return std::nullopt;
  switch (graph.nodes[0].op) {
    case OpCode::kStablehloAdd:
      return Combination::kAdd;
    case OpCode::kStablehloMultiply:
      return Combination::kMul;
    case OpCode::kStablehloMaximum:
      return window ? Combination::kWindowMaximum : Combination::kMaximum;
    case OpCode::kStablehloMinimum:
      return window ? Combination::kWindowMinimum : Combination::kMinimum;
    default:
      break;
  }
  if (!window) return std::nullopt;
  switch (graph.nodes[0].op) {
    case OpCode::kAdd:
      return Combination::kAdd;
    case OpCode::kMul:
      return Combination::kMul;
    case OpCode::kMaximum:
      return Combination::kWindowMaximum;
    case OpCode::kMinimum:
      return Combination::kWindowMinimum;
    case OpCode::kLogicalAnd:
    case OpCode::kStablehloAnd:  // of integers too: LiteRT takes it for the logical one here
      return Combination::kAll;
    case OpCode::kLogicalOr:
      return Combination::kAny;
    default:
      return std::nullopt;
  }
}

}  // namespace

Status BodyCombiner::Prepare(runtime::PrepareContext& context, int32_t graph, Use use, DType type) {
  EDGEML_ASSIGN_OR_RETURN(runtime::SubgraphRunner * runner, context.Subgraph(graph));
  graph_ = nullptr;
  status_ = Status::Ok();
  if (const auto known = Recognise(runner->graph(), use)) {
    combiner_ = kernels::FindCombiner(*known, type);
    if (combiner_.run == nullptr)
      return Error(Code::kUnsupported, "combines no ", NameOf(type), " in this way");
    return Status::Ok();
  }
  graph_ = runner;
  combiner_ = {[](void* self, const void* a, ptrdiff_t a_step, const void* b, ptrdiff_t b_step,
                  void* out, ptrdiff_t out_step, int64_t n) {
                 auto& body = *static_cast<BodyCombiner*>(self);
                 const auto bytes = static_cast<ptrdiff_t>(body.combiner_.element_bytes);
                 for (int64_t i = 0; i < n && body.status_.ok(); ++i) {
                   const auto at = static_cast<ptrdiff_t>(i) * bytes;
                   body.RunOnce(static_cast<const std::byte*>(a) + at * a_step,
                                static_cast<const std::byte*>(b) + at * b_step,
                                static_cast<std::byte*>(out) + at * out_step);
                 }
               },
               this, static_cast<size_t>(BitsOf(type) / 8)};
  if (runner->num_inputs() != 2 || runner->num_outputs() != 1)
    return Error(Code::kInvalidModel, "subgraph ", graph, " has ", runner->num_inputs(),
                 " inputs and ", runner->num_outputs(), " outputs, expected 2 and 1");
  EDGEML_RETURN_IF_ERROR(Settle());
  for (const TensorView& view : {runner->input(0), runner->input(1), runner->output(0)}) {
    if (view.type != type)
      return Error(Code::kInvalidModel, "subgraph ", graph, " combines ", NameOf(view.type),
                   ", not ", NameOf(type));
  }
  return Status::Ok();
}

Status BodyCombiner::Settle() {
  EDGEML_RETURN_IF_ERROR(graph_->SetInputShape(0, Shape{}));
  EDGEML_RETURN_IF_ERROR(graph_->SetInputShape(1, Shape{}));
  return graph_->Prepare();
}

Status BodyCombiner::Begin() {
  status_ = Status::Ok();
  return graph_ != nullptr ? Settle() : Status::Ok();
}

void BodyCombiner::RunOnce(const void* a, const void* b, void* out) {
  const size_t bytes = combiner_.element_bytes;
  std::memcpy(graph_->input(0).data, a, bytes);
  std::memcpy(graph_->input(1).data, b, bytes);
  status_ = graph_->Run();
  if (!status_.ok()) return;
  const TensorView result = graph_->output(0);
  if (result.num_elements() != 1 || result.data == nullptr)
    status_ = Error(Code::kInvalidModel, "a combination of two elements has shape ",
                    result.shape.ToString());
  else
    std::memcpy(out, result.data, bytes);
}

}  // namespace edgeml::backends
