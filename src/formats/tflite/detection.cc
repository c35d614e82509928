// The options of TFLite_Detection_PostProcess: a FlexBuffers map of numbers.
//
// Read by a bounded reader of our own: the verifier of the FlexBuffers header that Debian ships
// takes keys for checked that are not terminated.
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <string_view>

#include "flatbuffers/flexbuffers.h"
#include "src/formats/tflite/ops.h"

namespace edgeml::tflite {
namespace {

// Value types of FlexBuffers that matter here.
enum FlexType : uint8_t {
  kNull = 0,
  kInt = 1,
  kUint = 2,
  kFloat = 3,
  kIndirectInt = 6,
  kIndirectUint = 7,
  kIndirectFloat = 8,
  kMap = 9,
  kBool = 26,
};

// A map at the root of a FlexBuffer. Offsets point backwards; widths are 1, 2, 4 or 8 bytes.
class FlexMap {
 public:
  static std::optional<FlexMap> Parse(std::span<const uint8_t> bytes) {
    FlexMap map(bytes);
    return map.Init() ? std::optional(map) : std::nullopt;
  }

  // nullopt when the key is absent, null or not a number.
  std::optional<double> Number(std::string_view key) const {
    for (uint64_t i = 0; i < size_; ++i) {
      if (KeyAt(i) == key) return NumberAt(i);
    }
    return std::nullopt;
  }

 private:
  explicit FlexMap(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  std::optional<uint64_t> Unsigned(uint64_t at, uint64_t width) const {
    if (at > bytes_.size() || width > bytes_.size() - at) return std::nullopt;
    uint64_t value = 0;
    std::memcpy(&value, bytes_.data() + at, width);  // little-endian, like the format
    return value;
  }
  // The place that the offset stored at `at` refers to.
  std::optional<uint64_t> Follow(uint64_t at, uint64_t width) const {
    const auto offset = Unsigned(at, width);
    if (!offset || *offset > at) return std::nullopt;
    return at - *offset;
  }

  bool Init() {
    if (bytes_.size() < 3) return false;
    const uint8_t root_width = bytes_.back();
    const uint8_t packed = bytes_[bytes_.size() - 2];
    if (root_width != 1 && root_width != 2 && root_width != 4 && root_width != 8) return false;
    if (bytes_.size() < 2u + root_width || (packed >> 2) != kMap) return false;
    const auto values = Follow(bytes_.size() - 2 - root_width, root_width);
    width_ = uint64_t{1} << (packed & 3);
    if (!values || *values < 3 * width_) return false;
    values_ = *values;
    const auto size = Unsigned(values_ - width_, width_);
    const auto key_width = Unsigned(values_ - 2 * width_, width_);
    const auto keys = Follow(values_ - 3 * width_, width_);
    if (!size || !key_width || !keys) return false;
    if (*key_width != 1 && *key_width != 2 && *key_width != 4 && *key_width != 8) return false;
    size_ = *size;
    key_width_ = *key_width;
    keys_ = *keys;
    // Every element takes at least a byte of each of the three arrays.
    return size_ <= bytes_.size() && values_ + size_ * (width_ + 1) <= bytes_.size() &&
           keys_ + size_ * key_width_ <= bytes_.size();
  }

  std::string_view KeyAt(uint64_t i) const {
    const auto at = Follow(keys_ + i * key_width_, key_width_);
    if (!at || *at >= bytes_.size()) return {};
    const auto* const text = reinterpret_cast<const char*>(bytes_.data() + *at);
    return {text, strnlen(text, bytes_.size() - *at)};
  }

  std::optional<double> NumberAt(uint64_t i) const {
    const uint8_t packed = bytes_[values_ + size_ * width_ + i];
    uint64_t at = values_ + i * width_;
    uint64_t width = width_;
    uint8_t type = packed >> 2;
    if (type == kIndirectInt || type == kIndirectUint || type == kIndirectFloat) {
      const auto target = Follow(at, width);
      if (!target) return std::nullopt;
      at = *target;
      width = uint64_t{1} << (packed & 3);
      type = static_cast<uint8_t>(type - kIndirectInt + kInt);
    }
    const auto raw = Unsigned(at, width);
    if (!raw) return std::nullopt;
    switch (type) {
      case kUint:
      case kBool:
        return static_cast<double>(*raw);
      case kInt: {
        const unsigned shift = static_cast<unsigned>(64 - 8 * width);
        return static_cast<double>(static_cast<int64_t>(*raw << shift) >> shift);
      }
      case kFloat: {
        if (width == 4) {
          float value;
          std::memcpy(&value, bytes_.data() + at, sizeof value);
          return value;
        }
        if (width != 8) return std::nullopt;
        double value;
        std::memcpy(&value, bytes_.data() + at, sizeof value);
        return value;
      }
      default:
        return std::nullopt;
    }
  }

  std::span<const uint8_t> bytes_;
  uint64_t values_ = 0, keys_ = 0, size_ = 0;
  uint64_t width_ = 1, key_width_ = 1;
};

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
