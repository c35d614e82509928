// A lookup table of a session (HASHTABLE): int64 to string or string to int64. Filled once, then
// only read.
#ifndef EDGEML_RUNTIME_LOOKUP_TABLE_H_
#define EDGEML_RUNTIME_LOOKUP_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "edgeml/dtype.h"

namespace edgeml::runtime {

// Sorted by key and searched by halving: compact, and no choice of keys makes it slow.
class LookupTable {
 public:
  // REQUIRES: `key_type` is kInt64 or kString; the values are of the other of the two.
  explicit LookupTable(DType key_type) : key_type_(key_type) {}

  DType key_type() const { return key_type_; }
  bool filled() const { return filled_; }
  // Distinct keys.
  int64_t size() const { return static_cast<int64_t>(entries_.size()); }
  size_t bytes() const { return entries_.capacity() * sizeof(Entry) + characters_.capacity(); }

  // What Fill will take; nullopt when there are too many characters.
  static std::optional<size_t> BytesFor(std::span<const int64_t> numbers,
                                        std::span<const std::string_view> strings);
  // Pair i is numbers[i] and strings[i]; of equal keys the first counts.
  // REQUIRES: as many numbers as strings; BytesFor gave a size; not filled yet.
  void Fill(std::span<const int64_t> numbers, std::span<const std::string_view> strings);

  // REQUIRES: keys of that type. The view is valid while the table lives.
  std::optional<int64_t> Find(std::string_view key) const;
  std::optional<std::string_view> Find(int64_t key) const;

 private:
  struct Entry {
    int64_t number;
    uint32_t offset, length;  // of the string in characters_
  };
  std::string_view StringOf(const Entry& entry) const {
    return {characters_.data() + entry.offset, entry.length};
  }
  bool Less(const Entry& a, const Entry& b) const {
    return key_type_ == DType::kInt64 ? a.number < b.number : StringOf(a) < StringOf(b);
  }

  DType key_type_;
  bool filled_ = false;
  std::vector<Entry> entries_;
  std::vector<char> characters_;
};

}  // namespace edgeml::runtime

#endif  // EDGEML_RUNTIME_LOOKUP_TABLE_H_
