#include "src/kernels/stablehlo/bit_generator.h"

#include <algorithm>
#include <bit>

namespace edgeml::kernels {
namespace {

uint32_t Low(uint64_t word) { return static_cast<uint32_t>(word); }
uint32_t High(uint64_t word) { return static_cast<uint32_t>(word >> 32); }

}  // namespace

std::array<uint32_t, 4> Philox4x32(std::array<uint32_t, 2> key, std::array<uint32_t, 4> counter) {
  constexpr uint64_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57;
  constexpr uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = kMultiplier0 * counter[0], product1 = kMultiplier1 * counter[2];
    counter = {High(product1) ^ counter[1] ^ key[0], Low(product1),
               High(product0) ^ counter[3] ^ key[1], Low(product0)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return counter;
}

std::array<uint32_t, 2> Threefry2x32(std::array<uint32_t, 2> key, std::array<uint32_t, 2> counter) {
  constexpr int kRotations[8] = {13, 15, 26, 6, 17, 29, 16, 24};
  const uint32_t keys[3] = {key[0], key[1], key[0] ^ key[1] ^ 0x1BD11BDAu};
  uint32_t x0 = counter[0] + keys[0], x1 = counter[1] + keys[1];
  for (uint32_t round = 0; round < 20; ++round) {
    x0 += x1;
    x1 = std::rotl(x1, kRotations[round % 8]) ^ x0;
    if (round % 4 == 3) {  // a part of the key after every fourth round
      const uint32_t injection = round / 4 + 1;
      x0 += keys[injection % 3];
      x1 += keys[(injection + 1) % 3] + injection;
    }
  }
  return {x0, x1};
}

void PhiloxBits(const uint64_t* state, int state_words, int64_t count, uint32_t* output,
                uint64_t* next_state) {
  const uint64_t key = state[0];
  uint64_t low = state[1];
  const uint64_t high = state_words == 3 ? state[2] : key;
  for (int64_t i = 0; i < count; i += 4, ++low) {
    const auto block =
        Philox4x32({Low(key), High(key)}, {Low(low), High(low), Low(high), High(high)});
    std::copy_n(block.begin(), std::min<int64_t>(4, count - i), output + i);
  }
  next_state[0] = key;
  next_state[1] = low;
  if (state_words == 3) next_state[2] = high;
}

void ThreefryBits(const uint64_t* state, int64_t count, uint32_t* output, uint64_t* next_state) {
  const uint64_t key = state[0];
  uint64_t counter = state[1];
  for (int64_t i = 0; i < count; i += 2, ++counter) {
    const auto block = Threefry2x32({Low(key), High(key)}, {Low(counter), High(counter)});
    std::copy_n(block.begin(), std::min<int64_t>(2, count - i), output + i);
  }
  next_state[0] = key;
  next_state[1] = counter;
}

}  // namespace edgeml::kernels
