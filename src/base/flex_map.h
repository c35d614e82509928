// A bounded reader of FlexBuffers maps, the form in which TFLite models keep the options of custom
// operators. Ours, because the verifier of the FlexBuffers header that Debian ships takes keys for
// checked that are not terminated.
#ifndef EDGEML_BASE_FLEX_MAP_H_
#define EDGEML_BASE_FLEX_MAP_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace edgeml {

// A map at the root of a FlexBuffer. Refers to the bytes it was made from; safe on any bytes.
class FlexMap {
 public:
  // nullopt when the bytes are not such a map.
  static std::optional<FlexMap> Parse(std::span<const uint8_t> bytes);

  size_t size() const { return static_cast<size_t>(size_); }
  // REQUIRES: i < size(). Empty for a key that lies outside of the bytes.
  std::string_view key(size_t i) const;
  // REQUIRES: i < size(). nullopt when the value is null or not a number; booleans are 0 or 1.
  std::optional<double> number(size_t i) const;

  // The number under `key`; nullopt when the key is absent, null or not a number.
  std::optional<double> Number(std::string_view key) const;

 private:
  explicit FlexMap(std::span<const uint8_t> bytes) : bytes_(bytes) {}
  bool Init();
  std::optional<uint64_t> Unsigned(uint64_t at, uint64_t width) const;
  std::optional<uint64_t> Follow(uint64_t at, uint64_t width) const;

  std::span<const uint8_t> bytes_;
  uint64_t values_ = 0, keys_ = 0, size_ = 0;
  uint64_t width_ = 1, key_width_ = 1;
};

}  // namespace edgeml

#endif  // EDGEML_BASE_FLEX_MAP_H_
