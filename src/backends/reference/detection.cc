#include "src/kernels/detection/post_process.h"

#include <algorithm>

#include "src/backends/kernel_table.h"
#include "src/backends/reference/reference_backend.h"
#include "src/base/strings.h"
#include "src/kernels/detection/non_max_suppression.h"

namespace edgeml::backends {
namespace {

using runtime::NodeView;
using runtime::PrepareContext;
using runtime::RunContext;
using runtime::Step;

template <typename T>
void Dequantize(const TensorView& view, float* out) {
  const auto zero_point = static_cast<float>(view.zero_point());
  const float scale = view.scale();
  for (const T value : view.elements<T>())
    *out++ = (static_cast<float>(value) - zero_point) * scale;
}

// Inputs may be quantized each by itself; the work is done in float.
class PostProcessStep : public Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const NodeView& view = context.view();
    const auto& attrs = view.attrs<ir::DetectionPostProcessAttrs>();
    params_.num_boxes = view.inputs[0].dim(1);
    params_.num_classes = attrs.num_classes;
    params_.score_columns = view.inputs[1].dim(2);
    params_.max_detections = attrs.max_detections;
    params_.max_classes = attrs.max_classes_per_detection;
    params_.per_class = attrs.detections_per_class;
    params_.regular = attrs.use_regular_nms;
    params_.score_threshold = attrs.nms_score_threshold;
    params_.iou_threshold = attrs.nms_iou_threshold;
    params_.y_scale = attrs.y_scale;
    params_.x_scale = attrs.x_scale;
    params_.h_scale = attrs.h_scale;
    params_.w_scale = attrs.w_scale;
    for (size_t i = 0; i < 3; ++i) {
      const TensorView& input = view.inputs[i];
      const auto floats = CheckedByteSize(input.shape, DType::kFloat32);
      if (!floats) return Error(Code::kResourceExhausted, "input ", i, " is too large");
      float_input_[i] = input.type == DType::kFloat32 ? -1 : context.RequestWorkspace(*floats);
    }
    boxes_ =
        context.RequestWorkspace(static_cast<uint64_t>(params_.num_boxes) * sizeof(kernels::Box));
    scratch_ = context.RequestWorkspace(kernels::DetectionScratchBytes(params_));
    return Status::Ok();
  }

  Status Run(RunContext& context) override {
    const float* inputs[3];
    for (size_t i = 0; i < 3; ++i) {
      const TensorView& input = context.input(i);
      if (float_input_[i] < 0) {
        inputs[i] = input.as<float>();
        continue;
      }
      auto* floats = static_cast<float*>(context.workspace(float_input_[i]));
      if (input.type == DType::kUInt8) {
        Dequantize<uint8_t>(input, floats);
      } else {
        Dequantize<int8_t>(input, floats);
      }
      inputs[i] = floats;
    }
    auto* boxes = static_cast<kernels::Box*>(context.workspace(boxes_));
    kernels::DecodeBoxes(params_, inputs[0], context.input(0).dim(2), inputs[2], boxes);
    if (!kernels::SelectDetections(params_, boxes, inputs[1], context.workspace(scratch_),
                                   static_cast<kernels::Box*>(context.output(0).data),
                                   context.output(1).as_mutable<float>(),
                                   context.output(2).as_mutable<float>(),
                                   context.output(3).as_mutable<float>()))
      return Error(Code::kFailed, "a decoded box has its corners the wrong way round");
    return Status::Ok();
  }

 private:
  kernels::DetectionParams params_;
  int float_input_[3] = {-1, -1, -1};
  int boxes_ = 0, scratch_ = 0;
};

std::string DeclinePostProcess(const NodeView& view) {
  for (const TensorView& input : view.inputs) {
    const bool quantized = input.type == DType::kUInt8 || input.type == DType::kInt8;
    if (input.type != DType::kFloat32 && !quantized)
      return Concat("takes no input of type ", NameOf(input.type));
    if (quantized && !input.quantized()) return "an integer input has no quantization";
  }
  for (const TensorView& output : view.outputs)
    if (output.type != DType::kFloat32) return Concat("an output is ", NameOf(output.type));
  return {};
}

class NonMaxSuppressionStep : public Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const int64_t boxes = context.view().inputs[0].dim(0);
    soft_ = context.view().inputs.size() == 6;
    // The boxes exist, at 16 bytes each, and a candidate is no larger.
    static_assert(sizeof(kernels::Candidate) <= sizeof(kernels::Box));
    candidates_ =
        context.RequestWorkspace(static_cast<uint64_t>(boxes) * sizeof(kernels::Candidate));
    return Status::Ok();
  }

  Status Run(RunContext& context) override {
    const TensorView& selected = context.output(0);
    kernels::SuppressionParams params;
    params.num_boxes = context.input(0).dim(0);
    params.max_selected = selected.dim(0);
    params.iou_threshold = *context.input(3).as<float>();
    params.score_threshold = *context.input(4).as<float>();
    params.sigma = soft_ ? *context.input(5).as<float>() : 0.0f;
    if (params.sigma < 0.0f)
      return Error(Code::kInvalidArgument, "input 5 (sigma) is ", params.sigma,
                   ", expected at least 0");
    auto* indices = selected.as_mutable<int32_t>();
    float* scores = soft_ ? context.output(1).as_mutable<float>() : nullptr;
    const int64_t count =
        kernels::SuppressNonMaxima(params, static_cast<const kernels::Box*>(context.input(0).data),
                                   context.input(1).as<float>(),
                                   static_cast<kernels::Candidate*>(context.workspace(candidates_)),
                                   indices, scores, [&] { return context.cancelled(); });
    if (count < 0) return Error(Code::kCancelled, "stopped on request");
    std::fill(indices + count, indices + params.max_selected, 0);
    if (soft_) std::fill(scores + count, scores + params.max_selected, 0.0f);
    *context.output(soft_ ? 2 : 1).as_mutable<int32_t>() = static_cast<int32_t>(count);
    return Status::Ok();
  }

 private:
  bool soft_ = false;
  int candidates_ = 0;
};

std::string DeclineNonMaxSuppression(const NodeView& view) {
  for (size_t i = 0; i < view.inputs.size(); ++i)
    if (i != 2 && view.inputs[i].type != DType::kFloat32)
      return Concat("input ", i, " is ", NameOf(view.inputs[i].type), ", expected float32");
  const bool soft = view.inputs.size() == 6;
  for (size_t i = 0; i < view.outputs.size(); ++i) {
    const DType expected = soft && i == 1 ? DType::kFloat32 : DType::kInt32;
    if (view.outputs[i].type != expected)
      return Concat("output ", i, " is ", NameOf(view.outputs[i].type), ", expected ",
                    NameOf(expected));
  }
  return {};
}

constexpr KernelEntry kKernels[] = {
    {OpCode::kNonMaxSuppressionV4, "non_max_suppression_v4.reference", ErrorBound::kExact,
     DeclineNonMaxSuppression, MakeStep<NonMaxSuppressionStep>},
    {OpCode::kNonMaxSuppressionV5, "non_max_suppression_v5.reference", ErrorBound::kExact,
     DeclineNonMaxSuppression, MakeStep<NonMaxSuppressionStep>},
    {OpCode::kDetectionPostProcess, "detection_post_process.reference", ErrorBound::kExact,
     DeclinePostProcess, MakeStep<PostProcessStep>},
};

}  // namespace

std::span<const KernelEntry> DetectionKernels() { return ir::SelectedRows<kKernels>(); }

}  // namespace edgeml::backends
