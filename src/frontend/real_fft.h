// Fourier transforms of real signals, in the arithmetic of KISS FFT, which TFLite Micro uses: mixed
// radix, decimation in time, and for integers a division by the radix before each stage, rounded
// to the nearest. int16 and int32 results equal it in every bit.
#ifndef EDGEML_FRONTEND_REAL_FFT_H_
#define EDGEML_FRONTEND_REAL_FFT_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace edgeml::frontend {

template <typename T>
struct Complex {
  T re, im;
};

// T: int16_t, int32_t or float.
template <typename T>
class RealFft {
 public:
  // Whether transforms of that length exist: even, at least 2, and half of it has no prime factor
  // above 5 (the published library allocates for others, and crashes in TFLite Micro).
  static bool Supports(int32_t length);
  // Bytes that a transform of that length keeps. REQUIRES: Supports(length).
  static size_t StateBytes(int32_t length);
  // Bytes of `scratch` below.
  static size_t ScratchBytes(int32_t length) { return sizeof(Complex<T>) * Half(length); }

  // Allocates. REQUIRES: Supports(length).
  RealFft(int32_t length, bool inverse);

  // spectrum [length / 2 + 1] of signal [length]. Integers: the spectrum divided by the length.
  // REQUIRES: made with inverse = false.
  void Forward(const T* signal, Complex<T>* spectrum, Complex<T>* scratch) const;
  // signal [length] of spectrum [length / 2 + 1], divided by the length.
  // REQUIRES: made with inverse = true.
  void Inverse(const Complex<T>* spectrum, T* signal, Complex<T>* scratch) const;

 private:
  static size_t Half(int32_t length) { return static_cast<size_t>(length) / 2; }
  void Transform(const Complex<T>* in, size_t stride, size_t stage, Complex<T>* out) const;
  void Butterflies1(Complex<T>* out, size_t m) const;
  void Butterflies2(Complex<T>* out, size_t stride, size_t m) const;
  void Butterflies3(Complex<T>* out, size_t stride, size_t m) const;
  void Butterflies4(Complex<T>* out, size_t stride, size_t m) const;
  void Butterflies5(Complex<T>* out, size_t stride, size_t m) const;

  size_t half_;  // the length of the complex transform that does the work
  bool inverse_;
  std::vector<uint8_t> radices_;           // outermost first
  std::vector<Complex<T>> twiddles_;       // [half]
  std::vector<Complex<T>> real_twiddles_;  // [half / 2]
};

}  // namespace edgeml::frontend

#endif  // EDGEML_FRONTEND_REAL_FFT_H_
