#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "src/kernels/spectral/fourier.h"

namespace edgeml::kernels {
namespace {

Complex Times(Complex a, Complex b) {
  return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

// roots[k] = exp(-2 pi i k / n) for k in [0, n / 2).
void FillRoots(int64_t n, Complex* roots) {
  constexpr double kPi = 3.14159265358979323846;
  for (int64_t k = 0; k < n / 2; ++k) {
    const double angle = -2.0 * kPi * static_cast<double>(k) / static_cast<double>(n);
    roots[k] = {std::cos(angle), std::sin(angle)};
  }
}

// In place, by halves (Cooley and Tukey): elements are put in bit-reversed order, then pairs of
// transforms are joined to ones of twice the length. `roots` are those of `total`, a multiple of n.
void Transform(int64_t n, int64_t total, const Complex* roots, Complex* x) {
  for (int64_t i = 1, reversed = 0; i < n; ++i) {
    int64_t bit = n / 2;
    for (; (reversed & bit) != 0; bit /= 2) reversed -= bit;
    reversed += bit;
    if (i < reversed) std::swap(x[i], x[reversed]);
  }
  for (int64_t half = 1; half < n; half *= 2) {
    const int64_t step = total / (2 * half);
    for (int64_t begin = 0; begin < n; begin += 2 * half) {
      for (int64_t k = 0; k < half; ++k) {
        Complex &a = x[begin + k], &b = x[begin + half + k];
        const Complex turned = Times(roots[k * step], b);
        b = {a.re - turned.re, a.im - turned.im};
        a = {a.re + turned.re, a.im + turned.im};
      }
    }
  }
}

}  // namespace

int64_t RealFourier2DShape::scratch() const {
  // The spectrum, one row or column, and the roots of the longer of the two.
  const int64_t longer = std::max(fft_h, fft_w);
  if (fft_h > (std::numeric_limits<int64_t>::max() - 2 * longer) / columns())
    return std::numeric_limits<int64_t>::max();
  return fft_h * columns() + longer + longer / 2;
}

bool RealFourier2D(const RealFourier2DShape& s, const float* input, Complex* scratch, float* output,
                   FunctionRef<bool()> stop) {
  if (s.slices == 0) return true;
  const int64_t longer = std::max(s.fft_h, s.fft_w), columns = s.columns();
  Complex* line = scratch + s.fft_h * columns;
  Complex* roots = line + longer;
  FillRoots(longer, roots);
  const int64_t rows = std::min(s.in_h, s.fft_h), width = std::min(s.in_w, s.fft_w);
  for (int64_t slice = 0; slice < s.slices; ++slice) {
    for (int64_t y = 0; y < s.fft_h; ++y) {
      Complex* spectrum = scratch + y * columns;
      if (y >= rows) {
        std::fill_n(spectrum, columns, Complex{0.0, 0.0});
        continue;
      }
      if (stop()) return false;
      const float* row = input + (slice * s.in_h + y) * s.in_w;
      for (int64_t x = 0; x < width; ++x) line[x] = {static_cast<double>(row[x]), 0.0};
      std::fill(line + width, line + s.fft_w, Complex{0.0, 0.0});
      Transform(s.fft_w, longer, roots, line);
      std::copy_n(line, columns, spectrum);
    }
    for (int64_t u = 0; u < columns; ++u) {
      if (stop()) return false;
      for (int64_t y = 0; y < s.fft_h; ++y) line[y] = scratch[y * columns + u];
      Transform(s.fft_h, longer, roots, line);
      float* out = output + 2 * (slice * s.fft_h * columns + u);
      for (int64_t v = 0; v < s.fft_h; ++v, out += 2 * columns) {
        out[0] = static_cast<float>(line[v].re);
        out[1] = static_cast<float>(line[v].im);
      }
    }
  }
  return true;
}

}  // namespace edgeml::kernels
