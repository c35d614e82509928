#include "src/kernels/spectral/fourier.h"

#include <gtest/gtest.h>

#include <cmath>
#include <complex>
#include <vector>

namespace edgeml::kernels {
namespace {

std::vector<std::complex<float>> Transform(const RealFourier2DShape& s,
                                           const std::vector<float>& input) {
  std::vector<Complex> scratch(static_cast<size_t>(s.scratch()));
  std::vector<std::complex<float>> out(static_cast<size_t>(s.slices * s.fft_h * s.columns()));
  EXPECT_TRUE(RealFourier2D(s, input.data(), scratch.data(), reinterpret_cast<float*>(out.data()),
                            [] { return false; }));
  return out;
}

// Every length, also the width of 1 that LiteRT cannot transform, against the definition.
TEST(Fourier, EqualsItsDefinition) {
  for (int64_t h = 1; h <= 8; h *= 2) {
    for (int64_t w = 1; w <= 8; w *= 2) {
      const RealFourier2DShape s{.slices = 2, .in_h = 3, .in_w = 5, .fft_h = h, .fft_w = w};
      std::vector<float> input(30);
      for (size_t i = 0; i < input.size(); ++i) input[i] = static_cast<float>((i * 7) % 11) - 4.0f;
      const auto out = Transform(s, input);
      for (size_t i = 0; i < out.size(); ++i) {
        const auto at = static_cast<int64_t>(i);
        const int64_t u = at % s.columns(), v = at / s.columns() % h, slice = at / s.columns() / h;
        std::complex<double> sum = 0.0;
        for (int64_t y = 0; y < std::min<int64_t>(h, 3); ++y) {
          for (int64_t x = 0; x < std::min<int64_t>(w, 5); ++x) {
            const double turn = static_cast<double>(y * v) / static_cast<double>(h) +
                                static_cast<double>(x * u) / static_cast<double>(w);
            const float value = input[static_cast<size_t>((slice * 3 + y) * 5 + x)];
            sum += double{value} * std::polar(1.0, -2.0 * 3.14159265358979323846 * turn);
          }
        }
        EXPECT_NEAR(out[i].real(), sum.real(), 1e-5) << h << " x " << w;
        EXPECT_NEAR(out[i].imag(), sum.imag(), 1e-5) << h << " x " << w;
      }
    }
  }
}

TEST(Fourier, StopsWhenAsked) {
  const RealFourier2DShape s{.in_h = 4, .in_w = 4, .fft_h = 4, .fft_w = 4};
  const std::vector<float> input(16);
  std::vector<Complex> scratch(static_cast<size_t>(s.scratch()));
  std::vector<float> out(24);
  for (int patience = 0; patience < 7; ++patience) {
    int asked = 0;
    EXPECT_FALSE(RealFourier2D(s, input.data(), scratch.data(), out.data(),
                               [&] { return asked++ == patience; }));
  }
}

TEST(Fourier, ScratchOfTheLongestLengths) {
  const RealFourier2DShape s{.fft_h = 1 << 30, .fft_w = 1 << 30};
  EXPECT_GT(s.scratch(), int64_t{1} << 59);
}

}  // namespace
}  // namespace edgeml::kernels
