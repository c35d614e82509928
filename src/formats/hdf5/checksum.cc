#include "src/formats/hdf5/checksum.h"

#include <algorithm>
#include <array>
#include <bit>

namespace edgeml::hdf5 {
namespace {

constexpr size_t kBlock = 12;

struct State {
  uint32_t a, b, c;

  void Add(std::span<const std::byte> block) {
    a += Word(block, 0);
    b += Word(block, 4);
    c += Word(block, 8);
  }
  void Mix() {
    a = (a - c) ^ std::rotl(c, 4), c += b;
    b = (b - a) ^ std::rotl(a, 6), a += c;
    c = (c - b) ^ std::rotl(b, 8), b += a;
    a = (a - c) ^ std::rotl(c, 16), c += b;
    b = (b - a) ^ std::rotl(a, 19), a += c;
    c = (c - b) ^ std::rotl(b, 4), b += a;
  }
  uint32_t Finish() {
    c = (c ^ b) - std::rotl(b, 14);
    a = (a ^ c) - std::rotl(c, 11);
    b = (b ^ a) - std::rotl(a, 25);
    c = (c ^ b) - std::rotl(b, 16);
    a = (a ^ c) - std::rotl(c, 4);
    b = (b ^ a) - std::rotl(a, 14);
    c = (c ^ b) - std::rotl(b, 24);
    return c;
  }

 private:
  static uint32_t Word(std::span<const std::byte> block, size_t at) {
    uint32_t word = 0;
    for (size_t i = 0; i < 4; ++i) word |= std::to_integer<uint32_t>(block[at + i]) << (8 * i);
    return word;
  }
};

}  // namespace

uint32_t MetadataChecksum(std::span<const std::byte> bytes) {
  const uint32_t start = 0xDEADBEEFu + static_cast<uint32_t>(bytes.size());
  State state{start, start, start};
  if (bytes.empty()) return state.c;
  while (bytes.size() > kBlock) {
    state.Add(bytes.first(kBlock));
    state.Mix();
    bytes = bytes.subspan(kBlock);
  }
  std::array<std::byte, kBlock> last{};  // zeros add nothing
  std::copy(bytes.begin(), bytes.end(), last.begin());
  state.Add(last);
  return state.Finish();
}

uint32_t Fletcher32(std::span<const std::byte> bytes) {
  constexpr size_t kStretch = 2 * 360;  // bytes after which the sums must be folded
  const auto fold = [](uint32_t sum) { return (sum & 0xFFFFu) + (sum >> 16); };
  uint32_t first = 0, second = 0;
  while (!bytes.empty()) {
    const std::span<const std::byte> part = bytes.first(std::min(bytes.size(), kStretch));
    for (size_t i = 0; i < part.size(); i += 2) {
      first += std::to_integer<uint32_t>(part[i]) << 8;
      if (i + 1 < part.size()) first += std::to_integer<uint32_t>(part[i + 1]);
      second += first;
    }
    first = fold(first);
    second = fold(second);
    bytes = bytes.subspan(part.size());
  }
  return fold(second) << 16 | fold(first);
}

}  // namespace edgeml::hdf5
