#include <vector>

#include "src/base/strings.h"
#include "src/ir/ops/families.h"
#include "src/ir/selection.h"

namespace edgeml::ir {
namespace {

Status InferPostProcess(InferContext& context) {
  const auto& attrs = context.attrs<DetectionPostProcessAttrs>();
  const Shape &boxes = context.inputs[0].shape, &scores = context.inputs[1].shape;
  const Shape& anchors = context.inputs[2].shape;
  if (boxes.rank() != 3 || boxes[0] != 1 || boxes[2] < 4)
    return Error(Code::kInvalidModel, "box encodings of shape ", boxes.ToString(),
                 ", expected [1, boxes, 4]");
  if (scores.rank() != 3 || scores[0] != 1 || scores[1] != boxes[1])
    return Error(Code::kInvalidModel, "class predictions of shape ", scores.ToString(),
                 " do not fit ", boxes[1], " boxes");
  if (anchors.rank() != 2 || anchors[0] < boxes[1] || anchors[1] != 4)
    return Error(Code::kInvalidModel, "anchors of shape ", anchors.ToString(), " do not fit ",
                 boxes[1], " boxes");
  if (attrs.num_classes < 1 || scores[2] < attrs.num_classes ||
      scores[2] > int64_t{attrs.num_classes} + 1)
    return Error(Code::kInvalidModel, "class predictions of shape ", scores.ToString(),
                 " do not fit ", attrs.num_classes, " classes");
  if (attrs.max_detections < 0 || attrs.max_classes_per_detection < 1)
    return Error(Code::kInvalidModel, "keeps ", attrs.max_detections, " detections of ",
                 attrs.max_classes_per_detection, " classes each");
  if (attrs.use_regular_nms && (attrs.detections_per_class < 1 || attrs.max_detections < 1))
    return Error(Code::kInvalidModel, "keeps ", attrs.detections_per_class,
                 " detections per class");
  if (!(attrs.nms_iou_threshold > 0.0f && attrs.nms_iou_threshold <= 1.0f))
    return Error(Code::kInvalidModel, "nms_iou_threshold ", attrs.nms_iou_threshold,
                 " is not in (0, 1]");
  const int64_t slots = int64_t{attrs.max_detections} * attrs.max_classes_per_detection;
  if (slots > (1 << 28)) return Error(Code::kInvalidModel, "keeps ", slots, " detections");
  const auto n = static_cast<int32_t>(slots);
  context.outputs[0].shape = Shape{1, n, 4};
  context.outputs[1].shape = Shape{1, n};
  context.outputs[2].shape = Shape{1, n};
  context.outputs[3].shape = Shape{1};
  return Status::Ok();
}

// Inputs: boxes [boxes, 4], scores [boxes], and scalars: the number of selections (int32), the
// overlap and score thresholds, and for soft suppression its sigma. As in LiteRT, the number of
// inputs and not the operator's version tells whether it is soft.
Status InferNonMaxSuppression(InferContext& context) {
  const Shape &boxes = context.inputs[0].shape, &scores = context.inputs[1].shape;
  if (boxes.rank() != 2 || boxes[1] != 4)
    return Error(Code::kInvalidModel, "input 0 (boxes) has shape ", boxes.ToString(),
                 ", expected [boxes, 4]");
  if (!(scores == Shape{boxes[0]}))
    return Error(Code::kInvalidModel, "input 1 (scores) has shape ", scores.ToString(),
                 ", expected [", boxes[0], "]");
  for (size_t i = 2; i < context.inputs.size(); ++i)
    if (context.inputs[i].rank() != 0)
      return Error(Code::kInvalidModel, "input ", i, " has shape ",
                   context.inputs[i].shape.ToString(), ", expected a scalar");
  if (context.inputs[2].type != DType::kInt32)
    return Error(Code::kInvalidModel, "input 2 (number of selections) is ",
                 edgeml::NameOf(context.inputs[2].type), ", expected int32");
  const bool soft = context.inputs.size() == 6;
  if (context.outputs.size() != (soft ? 3 : 2))
    return Error(Code::kInvalidModel, context.inputs.size(), " inputs with ",
                 context.outputs.size(), " outputs");
  if (!context.has_values(2)) {
    context.needs_values = true;
    return Status::Ok();
  }
  const int32_t slots = *context.inputs[2].as<int32_t>();
  if (slots < 0)
    return Error(Code::kInvalidModel, "input 2 asks for ", slots, " boxes, expected at least 0");
  const Shape selected{slots};
  context.outputs[0].shape = selected;
  if (soft) context.outputs[1].shape = selected;
  context.outputs[soft ? 2 : 1].shape = Shape{};
  return Status::Ok();
}

constexpr OpDef NonMaxSuppression(OpCode op) {
  return {.op = op,
          .min_inputs = 5,
          .max_inputs = 6,
          .min_outputs = 2,
          .max_outputs = 3,
          .infer = InferNonMaxSuppression};
}

constexpr OpDef kOps[] = {
    {.op = OpCode::kDetectionPostProcess,
     .min_inputs = 3,
     .max_inputs = 3,
     .min_outputs = 4,
     .max_outputs = 4,
     .attributes = AttrsKind<DetectionPostProcessAttrs>(),
     .infer = InferPostProcess},
    NonMaxSuppression(OpCode::kNonMaxSuppressionV4),
    NonMaxSuppression(OpCode::kNonMaxSuppressionV5),
};

}  // namespace

std::span<const OpDef> DetectionOps() { return SelectedRows<kOps>(); }

}  // namespace edgeml::ir
