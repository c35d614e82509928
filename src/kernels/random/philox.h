// Philox 4x32-10, a random generator that encrypts a counter (Salmon et al., "Parallel random
// numbers: as easy as 1, 2, 3", 2011), seeded as TensorFlow does.
#ifndef EDGEML_KERNELS_RANDOM_PHILOX_H_
#define EDGEML_KERNELS_RANDOM_PHILOX_H_

#include <array>
#include <cstdint>

namespace edgeml::kernels {

class Philox {
 public:
  using Block = std::array<uint32_t, 4>;

  Philox() = default;
  // `seed` is the key, `stream` the upper half of the counter.
  Philox(uint64_t seed, uint64_t stream)
      : key_{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)}, high_(stream) {}

  // The next 128 bits.
  Block Next() {
    const Block block = Encrypt();
    Skip(1);
    return block;
  }

  // Passes over `blocks` blocks.
  void Skip(uint64_t blocks) {
    low_ += blocks;
    if (low_ < blocks) ++high_;
  }

 private:
  Block Encrypt() const {
    Block x = {static_cast<uint32_t>(low_), static_cast<uint32_t>(low_ >> 32),
               static_cast<uint32_t>(high_), static_cast<uint32_t>(high_ >> 32)};
    uint32_t k0 = key_[0], k1 = key_[1];
    for (int round = 0; round < 10; ++round) {
      const uint64_t p0 = uint64_t{0xD2511F53} * x[0], p1 = uint64_t{0xCD9E8D57} * x[2];
      x = {static_cast<uint32_t>(p1 >> 32) ^ x[1] ^ k0, static_cast<uint32_t>(p1),
           static_cast<uint32_t>(p0 >> 32) ^ x[3] ^ k1, static_cast<uint32_t>(p0)};
      k0 += 0x9E3779B9;
      k1 += 0xBB67AE85;
    }
    return x;
  }

  std::array<uint32_t, 2> key_{};
  uint64_t low_ = 0, high_ = 0;  // the counter
};

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_RANDOM_PHILOX_H_
