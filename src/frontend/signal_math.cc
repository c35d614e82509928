#include "src/frontend/signal_math.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace edgeml::frontend {
namespace {

constexpr int32_t kInt16Min = std::numeric_limits<int16_t>::min();
constexpr int32_t kInt16Max = std::numeric_limits<int16_t>::max();

constexpr int kFractionBits = 16;     // of logarithms
constexpr int kSegmentBits = 16 - 7;  // 128 segments
constexpr uint32_t kLn2 = 45426;      // ln 2, with 16 bits
constexpr int kSnrBits = 12, kGainOutputBits = 6;

// log2(x) with 16 fractional bits; x >= 1.
uint32_t Log2(const LogTable& table, uint32_t x) {
  const int exponent = std::bit_width(x) - 1;
  uint32_t fraction = x - (uint32_t{1} << exponent);
  fraction = exponent < kFractionBits ? fraction << (kFractionBits - exponent)
                                      : fraction >> (exponent - kFractionBits);
  const uint32_t segment = fraction >> kSegmentBits;
  const int32_t left = table.values[segment], right = table.values[segment + 1];
  const auto beyond = static_cast<int32_t>(fraction - (segment << kSegmentBits));
  // 16, not kSegmentBits: the published function interpolates this flatly.
  const int32_t correction = left + (((right - left) * beyond) >> kFractionBits);
  return (static_cast<uint32_t>(exponent) << kFractionBits) + fraction +
         static_cast<uint32_t>(correction);
}

uint32_t Gain(const int16_t* gains, uint32_t noise) {
  if (noise <= 2) return static_cast<uint32_t>(int32_t{gains[noise]});
  const int width = std::bit_width(noise);
  const int16_t* const polynomial = gains + 4 * width - 6;
  const auto x =
      static_cast<int32_t>((width < 11 ? noise << (11 - width) : noise >> (width - 11)) & 0x3FF);
  int32_t value = (polynomial[2] * x) >> 5;
  value = (value + polynomial[1] * 32) * x;  // at most 2144289856 in magnitude
  value = ((value + (1 << 14)) >> 15) + polynomial[0];
  return static_cast<uint32_t>(int32_t{static_cast<int16_t>(value)});
}

uint32_t Shrink(uint32_t x) {
  if (x < (2u << kSnrBits)) return (x * x) >> (2 + 2 * kSnrBits - kGainOutputBits);
  return (x >> (kSnrBits - kGainOutputBits)) - (1u << kGainOutputBits);
}

}  // namespace

void ApplyWindow(const int16_t* in, const int16_t* window, size_t n, int shift, int16_t* out) {
  for (size_t i = 0; i < n; ++i) {
    const int32_t value = (int32_t{in[i]} * window[i]) >> shift;
    out[i] = static_cast<int16_t>(std::clamp(value, kInt16Min, kInt16Max));
  }
}

int AutoScale(const int16_t* in, size_t n, int16_t* out) {
  int16_t largest = 0;
  for (size_t i = 0; i < n; ++i) {
    const int32_t value = in[i];
    if (value > largest) {
      largest = static_cast<int16_t>(value);
    } else if (-value > largest) {
      largest = static_cast<int16_t>(-value);
    }
  }
  const int bits = largest > 0 ? 15 - std::bit_width(static_cast<uint32_t>(largest)) : 0;
  for (size_t i = 0; i < n; ++i) out[i] = static_cast<int16_t>(in[i] * (1 << bits));
  return bits;
}

void Energy(const int16_t* in, size_t n, size_t first, size_t last, uint32_t* out) {
  for (size_t i = 0; i < n; ++i) {
    const int32_t real = in[2 * i], imaginary = in[2 * i + 1];
    out[i] = i < first || i >= last ? 0
                                    : static_cast<uint32_t>(real * real) +
                                          static_cast<uint32_t>(imaginary * imaginary);
  }
}

bool AddChannel(const FilterBank& bank, size_t c, const uint32_t* spectrum, size_t bins,
                uint64_t* weighted, uint64_t* unweighted) {
  const int16_t width = bank.widths[c];
  if (width < 1) return true;
  const int16_t start = bank.starts[c], weight = bank.weight_starts[c];
  const auto fits = [width](int16_t from, size_t size) {
    return from >= 0 && static_cast<size_t>(from) + static_cast<size_t>(width) <= size;
  };
  if (!fits(start, bins) || !fits(weight, bank.num_weights)) return false;
  for (int j = 0; j < width; ++j) {
    const uint64_t energy = spectrum[start + j];
    *weighted += static_cast<uint64_t>(int64_t{bank.weights[weight + j]}) * energy;
    *unweighted += static_cast<uint64_t>(int64_t{bank.unweights[weight + j]}) * energy;
  }
  return true;
}

uint32_t RoundedSquareRoot(uint64_t x) {
  if (x == 0) return 0;
  const uint32_t limit = (x >> 32) == 0 ? 0xFFFF : 0xFFFFFFFF;
  // One binary digit of the root after the other.
  uint64_t root = 0;
  for (uint64_t bit = uint64_t{1} << ((std::bit_width(x) - 1) & ~1); bit != 0; bit >>= 2) {
    if (x >= root + bit) {
      x -= root + bit;
      root = (root >> 1) + bit;
    } else {
      root >>= 1;
    }
  }
  return static_cast<uint32_t>(root) + (x > root && root != limit ? 1 : 0);
}

void SubtractNoise(const Subtraction& parameters, const uint32_t* in, size_t n, uint32_t* noise,
                   uint32_t* out) {
  for (size_t i = 0; i < n; ++i) {
    const bool odd = i % 2 == 1;
    const uint64_t smoothing = odd ? parameters.alternate_smoothing : parameters.smoothing;
    const uint64_t rest =
        odd ? parameters.alternate_one_minus_smoothing : parameters.one_minus_smoothing;
    const uint32_t signal = in[i] << parameters.smoothing_bits;
    noise[i] = static_cast<uint32_t>((signal * smoothing + noise[i] * rest) >> parameters.bits);
    const uint32_t estimate = std::min(noise[i], signal);
    if (parameters.clamping) noise[i] = estimate;
    const auto least = static_cast<uint32_t>((uint64_t{in[i]} * parameters.min_signal_remaining) >>
                                             parameters.bits);
    out[i] = std::max((signal - estimate) >> parameters.smoothing_bits, least);
  }
}

LogTable::LogTable() {
  for (size_t i = 0; i < kLogTableSize; ++i) {
    const double x = static_cast<double>(i) / 128;
    values[i] = static_cast<uint16_t>(std::lround(65536 * (std::log2(1 + x) - x)));
  }
}

void ScaledLog(const LogTable& table, const uint32_t* in, size_t n, int shift, uint32_t scale,
               int16_t* out) {
  constexpr uint32_t kHalf = 1u << (kFractionBits - 1);
  for (size_t i = 0; i < n; ++i) {
    const uint32_t x = in[i] << shift;
    out[i] = 0;
    if (x <= 1) continue;
    const auto ln =
        static_cast<uint32_t>((uint64_t{kLn2} * Log2(table, x) + kHalf) >> kFractionBits);
    const uint32_t scaled = (scale * ln + kHalf) >> kFractionBits;  // wraps, as published
    out[i] = static_cast<int16_t>(std::min(scaled, static_cast<uint32_t>(kInt16Max)));
  }
}

void Normalize(const int16_t* gains, const uint32_t* in, const uint32_t* noise, size_t n, int shift,
               uint32_t* out) {
  for (size_t i = 0; i < n; ++i) {
    const uint64_t snr = (uint64_t{in[i]} * Gain(gains, noise[i])) >> shift;
    out[i] = Shrink(static_cast<uint32_t>(snr));
  }
}

}  // namespace edgeml::frontend
