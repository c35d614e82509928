// Fourier transforms of power-of-two lengths. Contract and reference.
#ifndef EDGEML_KERNELS_SPECTRAL_FOURIER_H_
#define EDGEML_KERNELS_SPECTRAL_FOURIER_H_

#include <cstddef>
#include <cstdint>

#include "src/base/function_ref.h"

namespace edgeml::kernels {

struct Complex {
  double re, im;
};

struct RealFourier2DShape {
  int64_t slices = 1;
  int64_t in_h = 0, in_w = 0;    // of one signal; cut or filled with zeros to fft_h x fft_w
  int64_t fft_h = 1, fft_w = 1;  // powers of two
  int64_t columns() const { return fft_w / 2 + 1; }

  // Complex numbers of scratch that RealFourier2D wants, saturated.
  int64_t scratch() const;
};

// input [slices, in_h, in_w] → output [slices, fft_h, fft_w / 2 + 1] complex64: the sum over (y, x)
// of input * exp(-2 pi i (y v / fft_h + x u / fft_w)) for v in [0, fft_h), u in [0, fft_w / 2]. In
// float64, rounded once; error about 1e-16 * log2(fft_h * fft_w) of the largest magnitude.
// `scratch` holds shape.scratch() numbers. Asks `stop` before each row and column and returns false
// once it is true, leaving the output unfinished.
bool RealFourier2D(const RealFourier2DShape& shape, const float* input, Complex* scratch,
                   float* output, FunctionRef<bool()> stop);

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_SPECTRAL_FOURIER_H_
