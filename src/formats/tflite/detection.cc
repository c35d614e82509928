// The options of TFLite_Detection_PostProcess: a FlexBuffers map of numbers.
#include <limits>
#include <optional>

#include "flatbuffers/flexbuffers.h"
#include "src/base/flex_map.h"
#include "src/formats/tflite/ops.h"

namespace edgeml::tflite {
namespace {

int32_t ToInt32(double value) {
  if (!(value > std::numeric_limits<int32_t>::min())) return std::numeric_limits<int32_t>::min();
  if (value >= std::numeric_limits<int32_t>::max()) return std::numeric_limits<int32_t>::max();
  return static_cast<int32_t>(value);
}

}  // namespace

Status ReadDetectionOptions(std::span<const uint8_t> bytes, ir::DetectionPostProcessAttrs& attrs) {
  const std::optional<FlexMap> map = FlexMap::Parse(bytes);
  if (!map) return Error(Code::kInvalidModel, "its options are not a FlexBuffers map");
  const auto integer = [&map](const char* key, int32_t absent) {
    const auto value = map->Number(key);
    return value ? ToInt32(*value) : absent;
  };
  const auto real = [&map](const char* key) {
    return static_cast<float>(map->Number(key).value_or(0.0));
  };
  attrs.max_detections = integer("max_detections", 0);
  attrs.max_classes_per_detection = integer("max_classes_per_detection", 0);
  attrs.detections_per_class = integer("detections_per_class", 100);
  attrs.use_regular_nms = integer("use_regular_nms", 0) != 0;
  attrs.num_classes = integer("num_classes", 0);
  attrs.nms_score_threshold = real("nms_score_threshold");
  attrs.nms_iou_threshold = real("nms_iou_threshold");
  attrs.y_scale = real("y_scale");
  attrs.x_scale = real("x_scale");
  attrs.h_scale = real("h_scale");
  attrs.w_scale = real("w_scale");
  attrs.encoded.assign(bytes.begin(), bytes.end());
  return Status::Ok();
}

std::vector<uint8_t> WriteDetectionOptions(const ir::DetectionPostProcessAttrs& attrs) {
  ir::DetectionPostProcessAttrs decoded;
  if (ReadDetectionOptions(attrs.encoded, decoded).ok() && decoded == attrs) return attrs.encoded;
  flexbuffers::Builder builder;
  builder.Map([&] {
    builder.Int("max_detections", attrs.max_detections);
    builder.Int("max_classes_per_detection", attrs.max_classes_per_detection);
    builder.Int("detections_per_class", attrs.detections_per_class);
    builder.Bool("use_regular_nms", attrs.use_regular_nms);
    builder.Float("nms_score_threshold", attrs.nms_score_threshold);
    builder.Float("nms_iou_threshold", attrs.nms_iou_threshold);
    builder.Int("num_classes", attrs.num_classes);
    builder.Float("y_scale", attrs.y_scale);
    builder.Float("x_scale", attrs.x_scale);
    builder.Float("h_scale", attrs.h_scale);
    builder.Float("w_scale", attrs.w_scale);
  });
  builder.Finish();
  return builder.GetBuffer();
}

}  // namespace edgeml::tflite
