// Custom operators in C: an adapter over the C++ interface.
#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "src/api/c_api.h"
#include "src/base/strings.h"

using edgeml::Code;
using edgeml::CustomPrepare;
using edgeml::CustomRun;
using edgeml::CustomTensor;
using edgeml::Error;
using edgeml::Status;
using edgeml::c_api::Refuse;
using edgeml::c_api::Report;

struct edgeml_custom_node {
  edgeml::CustomNode& node;
  CustomPrepare* prepare;  // one of these two
  CustomRun* run;
  int32_t num_workspaces;
  std::string message;  // of edgeml_custom_fail
};

namespace {

// The struct of a registration, and its user data: freed with the last kernel or set that uses it.
struct Registration {
  explicit Registration(const edgeml_custom_op& given) : op(given) {}
  ~Registration() {
    if (owned && op.free_user_data != nullptr) op.free_user_data(op.user_data);
  }
  Registration(const Registration&) = delete;
  Registration& operator=(const Registration&) = delete;

  edgeml_custom_op op;
  bool owned = false;  // added to a set: free_user_data is ours to call
};

class CKernel final : public edgeml::CustomKernel {
 public:
  explicit CKernel(std::shared_ptr<const Registration> registration)
      : registration_(std::move(registration)), op_(registration_->op) {}
  ~CKernel() override {
    if (state_ != nullptr && op_.free_state != nullptr) op_.free_state(op_.user_data, state_);
  }

  Status Prepare(CustomPrepare& context) override {
    edgeml_custom_node node{context, &context, nullptr, 0, {}};
    const Status status = StatusOf(op_.prepare(op_.user_data, &node, &state_), node);
    num_workspaces_ = node.num_workspaces;
    return status;
  }
  Status Run(CustomRun& context) override {
    edgeml_custom_node node{context, nullptr, &context, num_workspaces_, {}};
    return StatusOf(op_.run(op_.user_data, &node, state_), node);
  }
  void Reset() override {
    if (op_.reset != nullptr) op_.reset(op_.user_data, state_);
  }

 private:
  static Status StatusOf(edgeml_status code, edgeml_custom_node& node) {
    if (code == EDGEML_OK) return Status::Ok();
    const bool known = code >= EDGEML_FAILED && code <= EDGEML_INTERNAL;
    if (node.message.empty()) node.message = "its callback failed without edgeml_custom_fail";
    return Status(known ? static_cast<Code>(code) : Code::kFailed, std::move(node.message));
  }

  const std::shared_ptr<const Registration> registration_;
  const edgeml_custom_op& op_;
  void* state_ = nullptr;
  int32_t num_workspaces_ = 0;
};

edgeml_status Describe(const CustomTensor& from, edgeml_custom_tensor* to) {
  std::memset(to, 0, sizeof *to);
  to->data = from.data;
  to->bytes = from.bytes;
  to->dtype = static_cast<edgeml_dtype>(from.dtype);
  to->rank = from.rank();
  std::copy(from.shape.begin(), from.shape.end(), to->dims);  // at most 8
  to->is_constant = from.is_constant ? 1 : 0;
  to->quantized_dimension = from.quantized_dimension;
  to->num_scales = from.scales.size();
  to->scales = from.scales.data();
  if (from.zero_points.size() == from.scales.size()) to->zero_points = from.zero_points.data();
  return EDGEML_OK;
}

bool HasOutput(const edgeml_custom_node& node, int32_t i) {
  return i >= 0 && static_cast<size_t>(i) < node.node.num_outputs();
}

constexpr char kPrepareOnly[] = "may be called while preparing only";
constexpr char kNoOutput[] = "there is no output of that number";
constexpr char kBadShape[] = "dims is null or rank negative";

}  // namespace

extern "C" {

edgeml_status edgeml_custom_ops_create(edgeml_custom_ops** ops) {
  if (ops == nullptr) return Refuse("ops is null");
  *ops = new edgeml_custom_ops{std::make_shared<edgeml::CustomOpRegistry>()};
  return EDGEML_OK;
}

void edgeml_custom_ops_free(edgeml_custom_ops* ops) { delete ops; }

edgeml_status edgeml_custom_ops_add(edgeml_custom_ops* ops, const edgeml_custom_op* op) {
  if (ops == nullptr || op == nullptr) return Refuse("ops or op is null");
  edgeml_custom_op all;
  std::memset(&all, 0, sizeof all);
  // A shorter struct is one of an older program: all fields up to `run` have always been there.
  if (op->struct_size < offsetof(edgeml_custom_op, reset) || op->struct_size > sizeof all)
    return Refuse("struct_size is wrong: set it to sizeof(edgeml_custom_op)");
  std::memcpy(&all, op, op->struct_size);
  if (all.name == nullptr || all.prepare == nullptr || all.run == nullptr)
    return Refuse("name, prepare or run is null");
  edgeml::CustomOp made;
  made.name = all.name;
  all.name = nullptr;
  if (all.min_version != 0) made.min_version = all.min_version;
  if (all.max_version != 0) made.max_version = all.max_version;
  auto registration = std::make_shared<Registration>(all);
  made.make = [registration] { return std::make_unique<CKernel>(registration); };
  // Sessions may hold the set as it is.
  auto changed = std::make_shared<edgeml::CustomOpRegistry>(*ops->registry);
  const Status status = changed->Add(std::move(made));
  if (!status.ok()) return Report(status);
  registration->owned = true;
  ops->registry = std::move(changed);
  return EDGEML_OK;
}

edgeml_status edgeml_custom_fail(edgeml_custom_node* node, edgeml_status status,
                                 const char* message) {
  node->message = message != nullptr ? message : "";
  return status;
}

int32_t edgeml_custom_version(const edgeml_custom_node* node) { return node->node.version(); }
int32_t edgeml_custom_num_inputs(const edgeml_custom_node* node) {
  return static_cast<int32_t>(node->node.num_inputs());
}
int32_t edgeml_custom_num_outputs(const edgeml_custom_node* node) {
  return static_cast<int32_t>(node->node.num_outputs());
}

edgeml_status edgeml_custom_input(const edgeml_custom_node* node, int32_t i,
                                  edgeml_custom_tensor* tensor) {
  if (tensor == nullptr) return Refuse("the tensor to fill in is null");
  if (i < 0 || static_cast<size_t>(i) >= node->node.num_inputs())
    return Refuse("there is no input of that number");
  return Describe(node->node.input(static_cast<size_t>(i)), tensor);
}

edgeml_status edgeml_custom_output(const edgeml_custom_node* node, int32_t i,
                                   edgeml_custom_tensor* tensor) {
  if (tensor == nullptr) return Refuse("the tensor to fill in is null");
  if (!HasOutput(*node, i)) return Refuse(kNoOutput);
  return Describe(node->node.output(static_cast<size_t>(i)), tensor);
}

const uint8_t* edgeml_custom_options(const edgeml_custom_node* node, size_t* size) {
  const auto options = node->node.options();
  if (size != nullptr) *size = options.size();
  return options.data();
}

edgeml_status edgeml_custom_option(const edgeml_custom_node* node, const char* key, double* value) {
  if (key == nullptr || value == nullptr) return Refuse("key or value is null");
  const auto found = node->node.option(key);
  if (!found) return Report(Error(Code::kNotFound, "the options have no number '", key, "'"));
  *value = *found;
  return EDGEML_OK;
}

edgeml_status edgeml_custom_set_output_shape(edgeml_custom_node* node, int32_t i,
                                             const int32_t* dims, int32_t rank) {
  if (node->prepare == nullptr) return Refuse(kPrepareOnly);
  if (!HasOutput(*node, i)) return Refuse(kNoOutput);
  if (rank < 0 || (dims == nullptr && rank > 0)) return Refuse(kBadShape);
  node->prepare->SetOutputShape(static_cast<size_t>(i), {dims, static_cast<size_t>(rank)});
  return EDGEML_OK;
}

edgeml_status edgeml_custom_leave_output_open(edgeml_custom_node* node, int32_t i) {
  if (node->prepare == nullptr) return Refuse(kPrepareOnly);
  if (!HasOutput(*node, i)) return Refuse(kNoOutput);
  node->prepare->LeaveOutputShapeOpen(static_cast<size_t>(i));
  return EDGEML_OK;
}

edgeml_status edgeml_custom_request_workspace(edgeml_custom_node* node, size_t bytes,
                                              int32_t* index) {
  if (node->prepare == nullptr) return Refuse(kPrepareOnly);
  if (index == nullptr) return Refuse("index is null");
  *index = node->prepare->RequestWorkspace(bytes);
  node->num_workspaces = *index + 1;
  return EDGEML_OK;
}

edgeml_status edgeml_custom_reserve_state(edgeml_custom_node* node, size_t bytes) {
  if (node->prepare == nullptr) return Refuse(kPrepareOnly);
  const Status status = node->prepare->ReserveState(bytes);
  if (!status.ok()) node->message = status.message();
  return Report(status);
}

void* edgeml_custom_workspace(const edgeml_custom_node* node, int32_t index) {
  if (node->run == nullptr || index < 0 || index >= node->num_workspaces) return nullptr;
  return node->run->workspace(index);
}

edgeml_status edgeml_custom_resize_output(edgeml_custom_node* node, int32_t i, const int32_t* dims,
                                          int32_t rank) {
  if (node->run == nullptr) return Refuse("may be called while running only");
  if (!HasOutput(*node, i)) return Refuse(kNoOutput);
  if (rank < 0 || (dims == nullptr && rank > 0)) return Refuse(kBadShape);
  const Status status =
      node->run->ResizeOutput(static_cast<size_t>(i), {dims, static_cast<size_t>(rank)});
  if (!status.ok()) node->message = status.message();
  return Report(status);
}

int32_t edgeml_custom_cancelled(const edgeml_custom_node* node) {
  return node->run != nullptr && node->run->cancelled() ? 1 : 0;
}

}  // extern "C"
