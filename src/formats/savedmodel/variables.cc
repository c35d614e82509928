#include "src/formats/savedmodel/variables.h"

#include "src/base/strings.h"
#include "src/formats/savedmodel/messages.h"
#include "src/tensor/string_buffer.h"

namespace edgeml::savedmodel {
namespace {

constexpr char kObjectGraphKey[] = "_CHECKPOINTABLE_OBJECT_GRAPH";
constexpr char kValueAttribute[] = "VARIABLE_VALUE";

}  // namespace

Status Variables::Prepare() {
  if (bundle_ != nullptr) return Status::Ok();
  EDGEML_ASSIGN_OR_RETURN(bundle_, open_());
  if (restore_op_.empty()) return Status::Ok();
  // Names are found without it too, so what cannot be understood is no error yet.
  uint64_t bytes = 0;
  for (const pb::NodeDef& node : graph_.node()) bytes += node.name().size();
  Budget budget(bytes);
  Result<std::map<std::string, Restored>> found =
      Inliner(graph_, messages_, budget).FindRestored(restore_op_);
  if (found.ok()) restored_ = *std::move(found);
  return Status::Ok();
}

// Checkpoints of objects tell the name that each variable had in the program.
void Variables::ReadObjectGraph() {
  if (has_object_graph_) return;
  has_object_graph_ = true;
  const Result<Constant> stored = bundle_->Load(kObjectGraphKey);
  if (!stored.ok() || stored->type != DType::kString || stored->shape.num_elements() != 1) return;
  const auto text = ReadStringBuffer(stored->data.bytes, 1);
  if (!text.ok()) return;
  const auto graph = ParseMessage<pb::TrackableObjectGraph>(std::as_bytes(std::span((*text)[0])),
                                                            "the object graph");
  if (!graph.ok()) return;
  for (const pb::TrackableObjectGraph::Object& object : (*graph)->nodes())
    for (const pb::TrackableObjectGraph::SerializedTensor& tensor : object.attributes())
      if (tensor.name() == kValueAttribute && !tensor.full_name().empty()) {
        // A name that two variables share tells nothing.
        const auto [at, is_new] =
            key_by_full_name_.emplace(tensor.full_name(), tensor.checkpoint_key());
        if (!is_new && at->second != tensor.checkpoint_key()) at->second.clear();
      }
}

Result<Restored> Variables::Find(const Variable& variable) {
  const auto restored = restored_.find(variable.node);
  if (restored != restored_.end() && bundle_->Has(restored->second.key)) return restored->second;
  for (const std::string& name : {variable.shared_name, variable.node})
    if (!name.empty() && bundle_->Has(name)) return Restored{name, ""};
  ReadObjectGraph();
  const auto named = key_by_full_name_.find(variable.shared_name);
  if (named != key_by_full_name_.end() && bundle_->Has(named->second))
    return Restored{named->second, ""};
  return Error(Code::kInvalidModel, "variable '", variable.node,
               "' has no value in the model's variables folder; save the model again");
}

Result<Constant> Variables::Load(const Variable& variable) {
  EDGEML_RETURN_IF_ERROR(Prepare());
  EDGEML_ASSIGN_OR_RETURN(const Restored from, Find(variable));
  Result<Constant> constant = bundle_->Load(from.key, from.slice);
  if (constant.ok()) return constant;
  Status status = constant.status();
  return std::move(status).WithContext(Concat("variable '", from.key, "'"));
}

}  // namespace edgeml::savedmodel
