#include "src/runtime/lookup_table.h"

#include <algorithm>
#include <limits>

namespace edgeml::runtime {

std::optional<size_t> LookupTable::BytesFor(std::span<const int64_t> numbers,
                                            std::span<const std::string_view> strings) {
  uint64_t characters = 0;
  for (const std::string_view string : strings) {
    characters += string.size() + 1;
    if (characters > std::numeric_limits<uint32_t>::max()) return std::nullopt;
  }
  const uint64_t bytes = characters + uint64_t{numbers.size()} * sizeof(Entry);
  if (bytes > static_cast<uint64_t>(std::numeric_limits<ptrdiff_t>::max())) return std::nullopt;
  return static_cast<size_t>(bytes);
}

void LookupTable::Fill(std::span<const int64_t> numbers,
                       std::span<const std::string_view> strings) {
  size_t characters = 0;
  for (const std::string_view string : strings) characters += string.size() + 1;
  characters_.reserve(characters);
  entries_.reserve(numbers.size());
  for (size_t i = 0; i < numbers.size(); ++i) {
    entries_.push_back({numbers[i], static_cast<uint32_t>(characters_.size()),
                        static_cast<uint32_t>(strings[i].size())});
    characters_.insert(characters_.end(), strings[i].begin(), strings[i].end());
    characters_.push_back('\0');  // so that offsets tell empty strings apart
  }
  std::sort(entries_.begin(), entries_.end(), [this](const Entry& a, const Entry& b) {
    return Less(a, b) || (!Less(b, a) && a.offset < b.offset);
  });
  const auto same = [this](const Entry& a, const Entry& b) { return !Less(a, b) && !Less(b, a); };
  entries_.erase(std::unique(entries_.begin(), entries_.end(), same), entries_.end());
  filled_ = true;
}

std::optional<int64_t> LookupTable::Find(std::string_view key) const {
  const auto less = [this](const Entry& entry, std::string_view k) { return StringOf(entry) < k; };
  const auto found = std::lower_bound(entries_.begin(), entries_.end(), key, less);
  if (found == entries_.end() || StringOf(*found) != key) return std::nullopt;
  return found->number;
}

std::optional<std::string_view> LookupTable::Find(int64_t key) const {
  const auto less = [](const Entry& entry, int64_t k) { return entry.number < k; };
  const auto found = std::lower_bound(entries_.begin(), entries_.end(), key, less);
  if (found == entries_.end() || found->number != key) return std::nullopt;
  return StringOf(*found);
}

}  // namespace edgeml::runtime
