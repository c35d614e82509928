#include "src/frontend/real_fft.h"

#include <gtest/gtest.h>

#include <cmath>
#include <complex>
#include <vector>

namespace edgeml::frontend {
namespace {

std::vector<std::complex<double>> Spectrum(const std::vector<double>& signal) {
  const size_t n = signal.size();
  std::vector<std::complex<double>> out(n / 2 + 1);
  for (size_t k = 0; k < out.size(); ++k)
    for (size_t i = 0; i < n; ++i)
      out[k] +=
          signal[i] * std::polar(1.0, -2 * 3.14159265358979323846 * static_cast<double>(k * i % n) /
                                          static_cast<double>(n));
  return out;
}

template <typename T>
void CheckLength(int32_t length, double loudness, double scale, double tolerance) {
  const auto n = static_cast<size_t>(length);
  std::vector<double> signal(n);
  std::vector<T> in(n), back(n);
  uint32_t seed = static_cast<uint32_t>(length);
  for (size_t i = 0; i < n; ++i) {
    seed = seed * 1664525u + 1013904223u;
    in[i] = static_cast<T>((static_cast<double>(seed) / 2147483648.0 - 1) * loudness);
    signal[i] = static_cast<double>(in[i]);
  }
  std::vector<Complex<T>> spectrum(n / 2 + 1), scratch(n / 2);
  RealFft<T>(length, false).Forward(in.data(), spectrum.data(), scratch.data());
  const auto expected = Spectrum(signal);
  for (size_t k = 0; k < expected.size(); ++k) {
    EXPECT_NEAR(static_cast<double>(spectrum[k].re), expected[k].real() * scale, tolerance)
        << length << ", " << k;
    EXPECT_NEAR(static_cast<double>(spectrum[k].im), expected[k].imag() * scale, tolerance)
        << length << ", " << k;
  }
  // Back again, from a spectrum loud enough for integers to be precise.
  const double part = scale < 1 ? 0.25 / std::sqrt(length) : 1;
  for (size_t k = 0; k < expected.size(); ++k) {
    spectrum[k] = {static_cast<T>(expected[k].real() * part),
                   static_cast<T>(expected[k].imag() * part)};
  }
  RealFft<T>(length, true).Inverse(spectrum.data(), back.data(), scratch.data());
  for (size_t i = 0; i < n; ++i) {
    EXPECT_NEAR(static_cast<double>(back[i]), signal[i] * part, tolerance) << length << ", " << i;
  }
}

// Against the definition in double; tests/conformance compares every bit with TFLite Micro.
TEST(RealFft, IsAFourierTransform) {
  for (const int32_t length : {2, 4, 6, 8, 10, 12, 16, 18, 20, 30, 32, 50, 64, 90, 128, 480, 512}) {
    ASSERT_TRUE(RealFft<float>::Supports(length)) << length;
    CheckLength<float>(length, 1, 1, 1e-4);
    CheckLength<int16_t>(length, 30000, 1.0 / length, 12);
    CheckLength<int32_t>(length, 1e9, 1.0 / length, 12);
  }
}

TEST(RealFft, LengthsThatItLacks) {
  for (const int32_t length : {-2147483647, -2, 0, 1, 3, 5, 14, 22, 2 * 7 * 64, 2147483647})
    EXPECT_FALSE(RealFft<float>::Supports(length)) << length;
}

}  // namespace
}  // namespace edgeml::frontend
