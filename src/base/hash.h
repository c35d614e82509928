// A 64-bit hash of bytes, for telling things apart that nobody forges. Stable from run to run.
#ifndef EDGEML_BASE_HASH_H_
#define EDGEML_BASE_HASH_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace edgeml {

class Hasher {
 public:
  void Add(uint64_t word) {
    state_ = (state_ ^ word) * 0x9E3779B97F4A7C15;  // odd: no word is lost
    state_ ^= state_ >> 32;
  }
  // The length counts too: two strings one after the other are not the same as one of both.
  void Add(std::span<const std::byte> bytes) {
    size_t i = 0;
    for (; i + 8 <= bytes.size(); i += 8) {
      uint64_t word;
      std::memcpy(&word, bytes.data() + i, 8);
      Add(word);
    }
    uint64_t rest = 0;
    if (i < bytes.size()) std::memcpy(&rest, bytes.data() + i, bytes.size() - i);
    Add(rest);
    Add(uint64_t{bytes.size()});
  }
  void Add(std::string_view text) { Add(std::as_bytes(std::span(text.data(), text.size()))); }
  uint64_t value() const { return state_; }

 private:
  uint64_t state_ = 0x243F6A8885A308D3;
};

}  // namespace edgeml

#endif  // EDGEML_BASE_HASH_H_
