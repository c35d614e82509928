#include <vector>

#include "src/base/strings.h"
#include "src/ir/ops/families.h"

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

}  // namespace

std::span<const OpDef> DetectionOps() {
  static const std::vector<OpDef> defs = {
      {.op = OpCode::kDetectionPostProcess,
       .min_inputs = 3,
       .max_inputs = 3,
       .min_outputs = 4,
       .max_outputs = 4,
       .attributes = AttrsKind<DetectionPostProcessAttrs>(),
       .infer = InferPostProcess},
  };
  return defs;
}

}  // namespace edgeml::ir
