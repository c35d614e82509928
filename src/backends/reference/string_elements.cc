#include "src/backends/reference/string_elements.h"

#include <span>
#include <utility>
#include <vector>

namespace edgeml::backends {
namespace {

using runtime::NodeView;
using runtime::PrepareContext;
using runtime::RunContext;

std::vector<TensorView> AsElements(std::span<const TensorView> views) {
  std::vector<TensorView> elements(views.begin(), views.end());
  for (TensorView& view : elements)
    if (view.type == DType::kString) view.type = kStringElement;
  return elements;
}

// The node as the inner step shall see it. Strings share no memory, so wishes for that are dropped.
class ElementsPrepare : public PrepareContext {
 public:
  explicit ElementsPrepare(PrepareContext& outer)
      : outer_(outer),
        inputs_(AsElements(outer.view().inputs)),
        outputs_(AsElements(outer.view().outputs)),
        view_{outer.view().node, inputs_, outputs_} {}

  const NodeView& view() const override { return view_; }
  int num_threads() const override { return outer_.num_threads(); }
  int RequestWorkspace(uint64_t bytes) override { return outer_.RequestWorkspace(bytes); }
  Result<std::shared_ptr<const std::byte>> Pack(size_t input, std::string_view layout, size_t bytes,
                                                FunctionRef<void(std::byte*)> fill) override {
    return outer_.Pack(input, layout, bytes, fill);
  }
  void AllowInPlace(size_t, size_t) override {}
  void AllowAlias(size_t, size_t) override {}
  void AllowInputInOutput(size_t, size_t, size_t) override {}
  void AllowOutputInInput(size_t, size_t, size_t) override {}
  Result<runtime::SubgraphRunner*> Subgraph(int32_t index) override {
    return outer_.Subgraph(index);
  }
  runtime::ResourceStore& resources() override { return outer_.resources(); }

 private:
  PrepareContext& outer_;
  std::vector<TensorView> inputs_, outputs_;
  NodeView view_;
};

class ElementsRun : public RunContext {
 public:
  explicit ElementsRun(RunContext& outer) : outer_(outer) {
    for (size_t i = 0; i < outer.num_inputs(); ++i) inputs_.push_back(outer.input(i));
    for (size_t i = 0; i < outer.num_outputs(); ++i) outputs_.push_back(outer.output(i));
    strings_.resize(inputs_.size() + outputs_.size());
  }

  // Reads the input strings and makes room for the output ones.
  Status Open() {
    for (size_t i = 0; i < inputs_.size(); ++i) {
      if (inputs_[i].type != DType::kString) continue;
      EDGEML_ASSIGN_OR_RETURN(strings_[i], outer_.StringInput(i));
      Show(strings_[i], inputs_[i]);
    }
    for (size_t i = 0; i < outputs_.size(); ++i) {
      if (outputs_[i].type != DType::kString) continue;
      auto& strings = strings_[inputs_.size() + i];
      strings.resize(static_cast<size_t>(outputs_[i].num_elements()));
      Show(strings, outputs_[i]);
    }
    return Status::Ok();
  }

  // Hands the output strings over.
  Status Close() {
    for (size_t i = 0; i < outputs_.size(); ++i) {
      if (outer_.output(i).type != DType::kString) continue;
      EDGEML_RETURN_IF_ERROR(outer_.SetStringOutput(i, strings_[inputs_.size() + i]));
    }
    return Status::Ok();
  }

  const TensorView& input(size_t i) const override { return inputs_[i]; }
  const TensorView& output(size_t i) const override { return outputs_[i]; }
  size_t num_inputs() const override { return inputs_.size(); }
  size_t num_outputs() const override { return outputs_.size(); }
  void* workspace(int index) const override { return outer_.workspace(index); }
  ThreadPool& pool() const override { return outer_.pool(); }
  bool cancelled() const override { return outer_.cancelled(); }
  runtime::ResourceStore& resources() const override { return outer_.resources(); }
  Status ResizeOutput(size_t i, const Shape& shape) override {
    return outer_.ResizeOutput(i, shape);
  }
  Result<std::vector<std::string_view>> StringInput(size_t i) const override {
    return outer_.StringInput(i);
  }
  Status SetStringOutput(size_t i, std::span<const std::string_view> strings) override {
    return outer_.SetStringOutput(i, strings);
  }

 private:
  static void Show(std::vector<std::string_view>& strings, TensorView& view) {
    view.type = kStringElement;
    view.data = strings.data();
  }

  RunContext& outer_;
  std::vector<TensorView> inputs_, outputs_;
  std::vector<std::vector<std::string_view>> strings_;  // of the inputs, then of the outputs
};

class StringElementsStep : public runtime::Step {
 public:
  explicit StringElementsStep(std::unique_ptr<runtime::Step> step) : step_(std::move(step)) {}
  Status Prepare(PrepareContext& context) override {
    ElementsPrepare elements(context);
    return step_->Prepare(elements);
  }
  Status Run(RunContext& context) override {
    ElementsRun elements(context);
    EDGEML_RETURN_IF_ERROR(elements.Open());
    EDGEML_RETURN_IF_ERROR(step_->Run(elements));
    return elements.Close();
  }

 private:
  std::unique_ptr<runtime::Step> step_;
};

}  // namespace

std::string DeclineStringElements(const NodeView& view,
                                  std::string (*decline)(const NodeView& view)) {
  const std::vector<TensorView> inputs = AsElements(view.inputs),
                                outputs = AsElements(view.outputs);
  return decline(NodeView{view.node, inputs, outputs});
}

std::unique_ptr<runtime::Step> OnStringElements(std::unique_ptr<runtime::Step> step) {
  return std::make_unique<StringElementsStep>(std::move(step));
}

}  // namespace edgeml::backends
