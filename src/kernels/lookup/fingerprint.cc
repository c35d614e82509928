#include "src/kernels/lookup/fingerprint.h"

#include <bit>
#include <utility>

namespace edgeml::kernels {
namespace {

constexpr uint64_t kPrime0 = 0xc3a5c85c97cb3127u;
constexpr uint64_t kPrime1 = 0xb492b66fbe98f273u;
constexpr uint64_t kPrime2 = 0x9ae16a3b2f90404fu;
constexpr size_t kBlock = 64;

// Little-endian words.
template <typename T>
uint64_t Load(const uint8_t* data) {
  uint64_t word = 0;
  for (size_t i = sizeof(T); i-- > 0;) word = (word << 8) | data[i];
  return word;
}
uint64_t Word(const uint8_t* data) { return Load<uint64_t>(data); }

uint64_t Fold(uint64_t value) { return value ^ (value >> 47); }

uint64_t Mix(uint64_t a, uint64_t b, uint64_t factor) {
  const uint64_t low = Fold((a ^ b) * factor);
  return Fold((b ^ low) * factor) * factor;
}

struct Pair {
  uint64_t first = 0, second = 0;
};

// Takes 32 bytes in.
Pair Absorb(const uint8_t* data, uint64_t a, uint64_t b) {
  a += Word(data);
  const uint64_t start = a;
  a += Word(data + 8) + Word(data + 16);
  b = std::rotr(b + start + Word(data + 24), 21) + std::rotr(a, 44);
  return {a + Word(data + 24), b + start};
}

uint64_t UpTo16(const uint8_t* data, size_t size) {
  const uint64_t factor = kPrime2 + size * 2;
  if (size < 8)
    return Mix(size + (Load<uint32_t>(data) << 3), Load<uint32_t>(data + size - 4), factor);
  const uint64_t a = Word(data) + kPrime2, b = Word(data + size - 8);
  return Mix(std::rotr(b, 37) * factor + a, (std::rotr(a, 25) + b) * factor, factor);
}

// The two halves of what up to 32 bytes come to: the first 16 and the last 16.
Pair Ends(const uint8_t* data, size_t size, uint64_t first_factor, uint64_t factor) {
  const uint64_t a = Word(data) * first_factor, b = Word(data + 8);
  const uint64_t c = Word(data + size - 8) * factor, d = Word(data + size - 16) * kPrime2;
  return {std::rotr(a + b, 43) + std::rotr(c, 30) + d, a + std::rotr(b + kPrime2, 18) + c};
}

uint64_t UpTo32(const uint8_t* data, size_t size) {
  const uint64_t factor = kPrime2 + size * 2;
  const Pair ends = Ends(data, size, kPrime1, factor);
  return Mix(ends.first, ends.second, factor);
}

uint64_t UpTo64(const uint8_t* data, size_t size) {
  const uint64_t factor = kPrime2 + size * 2;
  const Pair ends = Ends(data, size, kPrime2, factor);
  const uint64_t y = ends.first, z = Mix(y, ends.second, factor), a = Word(data) * kPrime2;
  const uint64_t e = Word(data + 16) * factor, f = Word(data + 24);
  const uint64_t g = (y + Word(data + size - 32)) * factor;
  const uint64_t h = (z + Word(data + size - 24)) * factor;
  return Mix(std::rotr(e + f, 43) + std::rotr(g, 30) + h, e + std::rotr(f + a, 18) + g, factor);
}

// What whole blocks are mixed into.
struct State {
  uint64_t x, y, z;
  Pair v, w;

  // `factor`, `w_weight` and `v_weight` differ for the last block.
  void Take(const uint8_t* block, uint64_t factor, uint64_t w_weight, uint64_t v_weight) {
    x = std::rotr(x + y + v.first + Word(block + 8), 37) * factor;
    y = std::rotr(y + v.second + Word(block + 48), 42) * factor;
    x ^= w.second * w_weight;
    y += v.first * v_weight + Word(block + 40);
    z = std::rotr(z + w.first, 33) * factor;
    v = Absorb(block, v.second * factor, x + w.first);
    w = Absorb(block + 32, z + w.second, y + Word(block + 16));
    std::swap(z, x);
  }
};

}  // namespace

uint64_t Fingerprint64(const uint8_t* data, size_t size) {
  if (size <= 16) return UpTo16(data, size);
  if (size <= 32) return UpTo32(data, size);
  if (size <= kBlock) return UpTo64(data, size);
  constexpr uint64_t kSeed = 81;
  State state{};
  state.x = kSeed * kPrime2 + Word(data);
  state.y = kSeed * kPrime1 + 113;
  state.z = Fold(state.y * kPrime2 + 113) * kPrime2;
  const size_t whole = (size - 1) / kBlock;
  for (size_t i = 0; i < whole; ++i) state.Take(data + i * kBlock, kPrime1, 1, 1);
  const uint64_t factor = kPrime1 + ((state.z & 0xff) << 1);
  state.w.first += (size - 1) % kBlock;
  state.v.first += state.w.first;
  state.w.first += state.v.first;
  // The last block overlaps the one before unless the bytes end with it.
  state.Take(data + size - kBlock, factor, 9, 9);
  return Mix(Mix(state.v.first, state.w.first, factor) + Fold(state.y) * kPrime0 + state.z,
             Mix(state.v.second, state.w.second, factor) + state.x, factor);
}

}  // namespace edgeml::kernels
