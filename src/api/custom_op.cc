#include "src/api/custom_op.h"

#include <algorithm>
#include <exception>
#include <limits>

#include "src/base/flex_map.h"
#include "src/base/strings.h"
#include "src/formats/tflite/reader.h"

namespace edgeml {

CustomNode::~CustomNode() = default;
CustomPrepare::~CustomPrepare() = default;
CustomRun::~CustomRun() = default;
CustomKernel::~CustomKernel() = default;

std::optional<double> CustomNode::option(std::string_view key) const {
  const std::optional<FlexMap> map = FlexMap::Parse(options());
  return map ? map->Number(key) : std::nullopt;
}

Status CustomOpRegistry::Add(CustomOp op) {
  if (op.name.empty()) return Error(Code::kInvalidArgument, "a custom operator has no name");
  const auto refuse = [&op](const auto&... why) {
    return Error(Code::kInvalidArgument, "custom operator '", op.name, "' ", why...);
  };
  if (op.name == tflite::kDetectionPostProcessName) return refuse("is built in");
  if (op.make == nullptr) return refuse("has no function that makes its kernels");
  if (op.min_version > op.max_version)
    return refuse("has an empty range of versions, ", op.min_version, " to ", op.max_version);
  for (const CustomOp& other : ops_) {
    if (other.name == op.name && other.min_version <= op.max_version &&
        op.min_version <= other.max_version)
      return refuse("is registered already");
  }
  ops_.push_back(std::move(op));
  return Status::Ok();
}

Status CustomOpRegistry::AddAll(const CustomOpRegistry& other) {
  CustomOpRegistry both = *this;
  for (const CustomOp& op : other.ops_) EDGEML_RETURN_IF_ERROR(both.Add(op));
  ops_ = std::move(both.ops_);
  return Status::Ok();
}

const CustomOp* CustomOpRegistry::Find(std::string_view name, int32_t version) const {
  for (const CustomOp& op : ops_)
    if (op.name == name && op.min_version <= version && version <= op.max_version) return &op;
  return nullptr;
}

namespace {

using runtime::PrepareContext;
using runtime::RunContext;

// Scratch memory beyond this cannot be there, and sums of sizes below it cannot overflow.
constexpr size_t kLargestRequest = std::numeric_limits<size_t>::max() / 65536;

CustomTensor Describe(const TensorView& view, bool with_data) {
  CustomTensor tensor;
  tensor.dtype = view.type;
  if (!view.present()) return tensor;
  tensor.shape = view.shape.dims();
  tensor.is_constant = view.is_constant;
  tensor.bytes = CheckedByteSize(view.shape, view.type).value_or(0);
  if (with_data) tensor.data = view.data;
  if (view.quantized()) {
    tensor.scales = view.quantization->scale;
    tensor.zero_points = view.quantization->zero_point;
    tensor.quantized_dimension = view.quantization->axis;
  }
  return tensor;
}

Result<Shape> CheckShape(size_t i, std::span<const int32_t> dims) {
  if (dims.size() > kMaxRank)
    return Error(Code::kInvalidArgument, "output ", i, " was given ", dims.size(),
                 " dimensions; at most ", kMaxRank, " can be");
  const Shape shape(dims);
  if (!shape.known())
    return Error(Code::kInvalidArgument, "output ", i, " was given the shape ", shape.ToString(),
                 ": every dimension must be at least 0");
  return shape;
}

Status Explained(Status status) {
  if (!status.ok() && status.message().empty())
    return Status(status.code(), "failed without saying why");
  return status;
}

// The user's code may throw, though it should not; nothing passes from here on.
template <typename F>
Status Guarded(F&& call) {
#if defined(__cpp_exceptions)
  try {
    return Explained(call());
  } catch (const std::exception& error) {
    return Error(Code::kFailed, "an exception escaped: ", error.what());
  } catch (...) {
    return Error(Code::kFailed, "an exception escaped");
  }
#else
  return Explained(call());
#endif
}

// What the two contexts share: the node as the model states it.
template <typename Base>
class NodeFacts : public Base {
 public:
  explicit NodeFacts(const ir::Node& node) : node_(node) {}
  std::string_view name() const override { return node_.name(); }
  int32_t version() const override { return node_.version; }
  size_t num_inputs() const override { return node_.inputs.size(); }
  size_t num_outputs() const override { return node_.outputs.size(); }
  std::span<const uint8_t> options() const override {
    return node_.template attrs<ir::OpaqueAttrs>().custom_options;
  }

 protected:
  ~NodeFacts() override = default;

 private:
  const ir::Node& node_;
};

class KernelStep final : public runtime::CustomStep {
 public:
  KernelStep(const ir::Node& node, runtime::StateBudget& budget,
             std::unique_ptr<CustomKernel> kernel)
      : node_(node), budget_(budget), kernel_(std::move(kernel)) {}
  ~KernelStep() override { Reserve(0); }

  Status Infer(ir::InferContext& context) override;
  void Forget() override { inferred_ = false; }
  void Reset() override {
    if (inferred_) kernel_->Reset();
  }
  Status Prepare(PrepareContext& context) override {
    workspaces_.clear();
    for (const size_t bytes : workspace_bytes_)
      workspaces_.push_back(context.RequestWorkspace(bytes));
    return Status::Ok();
  }
  Status Run(RunContext& context) override;

 private:
  class Preparing;
  class Running;
  enum class OutputState : uint8_t { kUnset, kSettled, kOpen, kGiven };
  struct Output {
    Shape shape;
    OutputState state = OutputState::kUnset;
  };

  void Reserve(size_t bytes) {
    budget_.used = budget_.used - reserved_ + bytes;
    reserved_ = bytes;
  }
  Status PrepareKernel(ir::InferContext& context);

  const ir::Node& node_;
  runtime::StateBudget& budget_;
  const std::unique_ptr<CustomKernel> kernel_;
  bool inferred_ = false;
  std::vector<Shape> input_shapes_;  // as of the last preparation
  std::vector<Output> outputs_;
  std::vector<size_t> workspace_bytes_;
  std::vector<int> workspaces_;
  size_t reserved_ = 0;
};

class KernelStep::Preparing final : public NodeFacts<CustomPrepare> {
 public:
  Preparing(KernelStep& step, ir::InferContext& context)
      : NodeFacts(step.node_), step_(step), context_(context) {}

  CustomTensor input(size_t i) const override {
    const TensorView& view = context_.inputs[i];
    return Describe(view, view.is_constant);
  }
  CustomTensor output(size_t i) const override {
    CustomTensor tensor = Describe(context_.outputs[i], false);
    const Output& output = step_.outputs_[i];
    tensor.shape = output.shape.dims();
    tensor.bytes = CheckedByteSize(output.shape, tensor.dtype).value_or(0);
    if (output.state != OutputState::kSettled) {
      tensor.shape = {};
      tensor.bytes = 0;
    }
    return tensor;
  }
  void SetOutputShape(size_t i, std::span<const int32_t> shape) override {
    const auto checked = i < step_.outputs_.size() ? CheckShape(i, shape) : NoOutput(i);
    if (!checked.ok()) return Fail(checked.status());
    step_.outputs_[i] = {*checked, OutputState::kSettled};
  }
  void LeaveOutputShapeOpen(size_t i) override {
    if (i >= step_.outputs_.size()) return Fail(NoOutput(i).status());
    step_.outputs_[i] = {Shape(), OutputState::kOpen};
  }
  int RequestWorkspace(size_t bytes) override {
    if (bytes > kLargestRequest)
      Fail(Error(Code::kResourceExhausted, "asks for scratch memory of ", HumanBytes(bytes)));
    step_.workspace_bytes_.push_back(bytes);
    return static_cast<int>(step_.workspace_bytes_.size()) - 1;
  }
  Status ReserveState(size_t bytes) override {
    const runtime::StateBudget& budget = step_.budget_;
    if (budget.used > budget.cap || bytes > budget.cap - budget.used)
      return Error(Code::kResourceExhausted, "state of ", HumanBytes(bytes),
                   " would go over the memory cap of ", HumanBytes(budget.cap));
    step_.Reserve(step_.reserved_ + bytes);
    return Status::Ok();
  }

  // The first wrong use of this interface.
  const Status& misuse() const { return misuse_; }

 private:
  Result<Shape> NoOutput(size_t i) const {
    return Error(Code::kInvalidArgument, "output ", i, " does not exist; the node has ",
                 step_.outputs_.size());
  }
  void Fail(Status status) {
    if (misuse_.ok()) misuse_ = std::move(status);
  }

  KernelStep& step_;
  ir::InferContext& context_;
  Status misuse_;
};

class KernelStep::Running final : public NodeFacts<CustomRun> {
 public:
  Running(KernelStep& step, RunContext& context)
      : NodeFacts(step.node_), step_(step), context_(context) {}

  CustomTensor input(size_t i) const override { return Describe(context_.input(i), true); }
  CustomTensor output(size_t i) const override {
    CustomTensor tensor = Describe(context_.output(i), true);
    if (step_.outputs_[i].state != OutputState::kOpen) return tensor;
    tensor.data = nullptr;
    tensor.shape = {};
    tensor.bytes = 0;
    return tensor;
  }
  void* workspace(int index) const override {
    return context_.workspace(step_.workspaces_[static_cast<size_t>(index)]);
  }
  Status ResizeOutput(size_t i, std::span<const int32_t> shape) override {
    if (i >= step_.outputs_.size() || (step_.outputs_[i].state != OutputState::kOpen &&
                                       step_.outputs_[i].state != OutputState::kGiven))
      return Error(Code::kInvalidArgument, "the shape of output ", i,
                   " was not left open while preparing");
    EDGEML_ASSIGN_OR_RETURN(const Shape checked, CheckShape(i, shape));
    EDGEML_RETURN_IF_ERROR(context_.ResizeOutput(i, checked));
    step_.outputs_[i].state = OutputState::kGiven;
    return Status::Ok();
  }
  bool cancelled() const override { return context_.cancelled(); }

 private:
  KernelStep& step_;
  RunContext& context_;
};

Status KernelStep::PrepareKernel(ir::InferContext& context) {
  outputs_.assign(context.outputs.size(), {});
  workspace_bytes_.clear();
  Reserve(0);
  Preparing preparing(*this, context);
  EDGEML_RETURN_IF_ERROR(Guarded([&] { return kernel_->Prepare(preparing); }));
  EDGEML_RETURN_IF_ERROR(preparing.misuse());
  for (size_t i = 0; i < outputs_.size(); ++i) {
    if (context.outputs[i].present() && outputs_[i].state == OutputState::kUnset)
      return Error(Code::kInvalidArgument, "its preparation did not set the shape of output ", i);
  }
  return Status::Ok();
}

Status KernelStep::Infer(ir::InferContext& context) {
  bool same = inferred_ && input_shapes_.size() == context.inputs.size();
  for (size_t i = 0; same && i < input_shapes_.size(); ++i)
    same = input_shapes_[i] == context.inputs[i].shape;
  if (!same) {
    for (const TensorView& view : context.inputs)
      if (view.type == DType::kString)
        return Error(Code::kUnsupported, "custom operators take no tensors of type string");
    for (const TensorView& view : context.outputs)
      if (view.type == DType::kString)
        return Error(Code::kUnsupported, "custom operators give no tensors of type string");
    inferred_ = false;
    EDGEML_RETURN_IF_ERROR(PrepareKernel(context));
    input_shapes_.clear();
    for (const TensorView& view : context.inputs) input_shapes_.push_back(view.shape);
    inferred_ = true;
  }
  for (size_t i = 0; i < outputs_.size(); ++i) {
    if (!context.outputs[i].present()) continue;
    if (outputs_[i].state == OutputState::kSettled) {
      context.outputs[i].shape = outputs_[i].shape;
    } else {
      context.needs_values = true;
    }
  }
  return Status::Ok();
}

Status KernelStep::Run(RunContext& context) {
  // With one output open, the others' memory is made on the way too.
  bool any_open = false;
  for (Output& output : outputs_) {
    if (output.state == OutputState::kGiven) output.state = OutputState::kOpen;
    any_open |= output.state == OutputState::kOpen;
  }
  for (size_t i = 0; any_open && i < outputs_.size(); ++i) {
    if (outputs_[i].state == OutputState::kSettled && context.output(i).present())
      EDGEML_RETURN_IF_ERROR(context.ResizeOutput(i, outputs_[i].shape));
  }
  Running running(*this, context);
  EDGEML_RETURN_IF_ERROR(Guarded([&] { return kernel_->Run(running); }));
  for (size_t i = 0; any_open && i < outputs_.size(); ++i) {
    if (outputs_[i].state == OutputState::kOpen && context.output(i).present())
      return Error(Code::kFailed, "it did not give output ", i, " a shape");
  }
  return Status::Ok();
}

const CustomOp* FindOp(const ir::Node& node, const CustomOpRegistry* registry) {
  if (registry == nullptr || node.op != ir::OpCode::kCustom) return nullptr;
  const auto* opaque = std::get_if<ir::OpaqueAttrs>(&node.attributes);
  if (opaque == nullptr || !opaque->is_custom) return nullptr;
  return registry->Find(opaque->name, node.version);
}

}  // namespace

bool IsRegistered(const ir::Node& node, const CustomOpRegistry* registry) {
  return FindOp(node, registry) != nullptr;
}

Result<std::unique_ptr<runtime::CustomStep>> RegisteredOps::Make(
    const ir::Node& node, runtime::StateBudget& budget) const {
  const CustomOp* const op = FindOp(node, registry_.get());
  if (op == nullptr)
    return Error(Code::kUnsupported, "no kernel is registered for version ", node.version);
  std::unique_ptr<CustomKernel> kernel;
  EDGEML_RETURN_IF_ERROR(Guarded([&] {
    kernel = op->make();
    return kernel != nullptr ? Status::Ok() : Error(Code::kFailed, "no kernel was made");
  }));
  return std::unique_ptr<runtime::CustomStep>(
      std::make_unique<KernelStep>(node, budget, std::move(kernel)));
}

}  // namespace edgeml
