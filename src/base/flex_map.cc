#include "src/base/flex_map.h"

#include <cstring>

namespace edgeml {
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

bool IsWidth(uint64_t width) { return width == 1 || width == 2 || width == 4 || width == 8; }

}  // namespace

std::optional<FlexMap> FlexMap::Parse(std::span<const uint8_t> bytes) {
  FlexMap map(bytes);
  return map.Init() ? std::optional(map) : std::nullopt;
}

std::optional<double> FlexMap::Number(std::string_view key) const {
  for (size_t i = 0; i < size(); ++i) {
    if (this->key(i) == key) return number(i);
  }
  return std::nullopt;
}

std::optional<uint64_t> FlexMap::Unsigned(uint64_t at, uint64_t width) const {
  if (at > bytes_.size() || width > bytes_.size() - at) return std::nullopt;
  uint64_t value = 0;
  std::memcpy(&value, bytes_.data() + at, width);  // little-endian, like the format
  return value;
}

// The place that the offset stored at `at` refers to: offsets point backwards.
std::optional<uint64_t> FlexMap::Follow(uint64_t at, uint64_t width) const {
  const auto offset = Unsigned(at, width);
  if (!offset || *offset > at) return std::nullopt;
  return at - *offset;
}

bool FlexMap::Init() {
  if (bytes_.size() < 3) return false;
  const uint8_t root_width = bytes_.back();
  const uint8_t packed = bytes_[bytes_.size() - 2];
  if (!IsWidth(root_width) || bytes_.size() < 2u + root_width || (packed >> 2) != kMap)
    return false;
  const auto values = Follow(bytes_.size() - 2 - root_width, root_width);
  width_ = uint64_t{1} << (packed & 3);
  if (!values || *values < 3 * width_) return false;
  values_ = *values;
  const auto size = Unsigned(values_ - width_, width_);
  const auto key_width = Unsigned(values_ - 2 * width_, width_);
  const auto keys = Follow(values_ - 3 * width_, width_);
  if (!size || !key_width || !keys || !IsWidth(*key_width)) return false;
  size_ = *size;
  key_width_ = *key_width;
  keys_ = *keys;
  // Every element takes at least a byte of each of the three arrays.
  return size_ <= bytes_.size() && values_ + size_ * (width_ + 1) <= bytes_.size() &&
         keys_ + size_ * key_width_ <= bytes_.size();
}

std::string_view FlexMap::key(size_t i) const {
  const auto at = Follow(keys_ + i * key_width_, key_width_);
  if (!at || *at >= bytes_.size()) return {};
  const auto* const text = reinterpret_cast<const char*>(bytes_.data() + *at);
  return {text, strnlen(text, bytes_.size() - *at)};
}

std::optional<double> FlexMap::number(size_t i) const {
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

}  // namespace edgeml
