#include "src/base/flex_writer.h"

#include <cstring>
#include <string_view>
#include <type_traits>
#include <utility>

namespace edgeml {
namespace {

// Types of the format. A packed type is the type and, in the lowest bits, the logarithm of the
// width of what it refers to.
enum FlexType : uint8_t {
  kInt = 1,
  kFloat = 3,
  kString = 5,
  kMap = 9,
  kVector = 10,
  kIntVector = 11,
  kFloatVector = 13,
  kBool = 26,
};
constexpr uint8_t kEightBytes = 3;
constexpr uint8_t Packed(FlexType type) { return static_cast<uint8_t>(type << 2 | kEightBytes); }

// A value as an element: a number, or the place of what it refers to.
struct Element {
  uint64_t bits = 0;
  bool is_place = false;
  uint8_t type = 0;
};

class Writer {
 public:
  std::vector<uint8_t> Write(const std::map<std::string, FlexValue>& entries) {
    std::vector<Element> keys, values;
    for (const auto& [key, value] : entries) {
      keys.push_back({bytes_.size(), true, 0});
      Append(key);
      bytes_.push_back(0);
    }
    for (const auto& [key, value] : entries)
      values.push_back(std::visit([this](const auto& of) { return Add(of); }, value));
    Align();
    Number(keys.size());
    const uint64_t keys_at = bytes_.size();
    for (const Element& key : keys) Put(key);
    Put({keys_at, true, 0});
    Number(8);  // bytes of a key's place
    Number(values.size());
    const uint64_t map_at = bytes_.size();
    for (const Element& value : values) Put(value);
    for (const Element& value : values) bytes_.push_back(value.type);
    Align();
    Put({map_at, true, 0});
    bytes_.push_back(Packed(kMap));
    bytes_.push_back(8);  // bytes of the root's place
    return std::move(bytes_);
  }

 private:
  void Append(std::string_view text) { bytes_.insert(bytes_.end(), text.begin(), text.end()); }
  void Align() { bytes_.resize((bytes_.size() + 7) / 8 * 8); }
  void Number(uint64_t number) {
    for (int shift = 0; shift < 64; shift += 8)
      bytes_.push_back(static_cast<uint8_t>(number >> shift));
  }
  // Places are told as the distance back from where they are told.
  void Put(const Element& element) {
    Number(element.is_place ? bytes_.size() - element.bits : element.bits);
  }
  static uint64_t BitsOf(double value) {
    uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
  }

  Element Add(int64_t value) { return {static_cast<uint64_t>(value), false, Packed(kInt)}; }
  Element Add(double value) { return {BitsOf(value), false, Packed(kFloat)}; }
  Element Add(bool value) { return {value ? uint64_t{1} : 0, false, Packed(kBool)}; }
  Element Add(const std::string& value) {
    Align();
    Number(value.size());
    const Element made{bytes_.size(), true, Packed(kString)};
    Append(value);
    bytes_.push_back(0);
    return made;
  }
  template <typename T>
  Element Add(const std::vector<T>& list) {
    std::vector<Element> elements;
    for (const T& value : list) elements.push_back(Add(value));
    Align();
    Number(list.size());
    const bool typed = !std::is_same_v<T, std::string>;
    const FlexType type = !typed ? kVector : std::is_same_v<T, double> ? kFloatVector : kIntVector;
    const Element made{bytes_.size(), true, Packed(type)};
    for (const Element& element : elements) Put(element);
    for (const Element& element : elements)
      if (!typed) bytes_.push_back(element.type);
    return made;
  }

  std::vector<uint8_t> bytes_;
};

}  // namespace

std::vector<uint8_t> WriteFlexMap(const std::map<std::string, FlexValue>& entries) {
  return Writer().Write(entries);
}

}  // namespace edgeml
