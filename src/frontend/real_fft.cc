#include "src/frontend/real_fft.h"

#include <cmath>
#include <limits>
#include <type_traits>

namespace edgeml::frontend {
namespace {

constexpr double kPi = 3.14159265358979323846;

// Fixed-point numbers with all bits but the sign behind the point. Sums wrap, like the published
// ones do on the machines they are used on.
template <typename T>
struct Arithmetic {
  using Wide = std::conditional_t<sizeof(T) == 2, int32_t, int64_t>;
  using Bits = std::make_unsigned_t<T>;
  static constexpr int kFraction = std::numeric_limits<T>::digits;
  static constexpr Wide kOne = std::numeric_limits<T>::max();

  // No overflow: |x| is at most 2 * 2^kFraction * (2^kFraction - 1).
  static T Round(Wide x) { return static_cast<T>((x + (Wide{1} << (kFraction - 1))) >> kFraction); }
  static T FromReal(double x) {
    return static_cast<T>(std::floor(0.5 + static_cast<double>(kOne) * x));
  }
  static T Add(T a, T b) { return static_cast<T>(static_cast<Bits>(a) + static_cast<Bits>(b)); }
  static T Subtract(T a, T b) {
    return static_cast<T>(static_cast<Bits>(a) - static_cast<Bits>(b));
  }
  static T Multiply(T a, T b) { return Round(Wide{a} * b); }
  static T MulSum(T a, T b, T c, T d) { return Round(Wide{a} * b + Wide{c} * d); }
  static T MulDifference(T a, T b, T c, T d) { return Round(Wide{a} * b - Wide{c} * d); }
  static T Divide(T a, int by) { return Round(Wide{a} * (kOne / by)); }
  static T Half(T a) { return static_cast<T>(a >> 1); }
  // Half of a sum: of 16 bits taken in a wider type, of 32 after it has wrapped.
  static T HalfSum(T a, T b) {
    if constexpr (sizeof(T) == 2) return static_cast<T>((a + b) >> 1);
    return Half(Add(a, b));
  }
  static T HalfDifference(T a, T b) {
    if constexpr (sizeof(T) == 2) return static_cast<T>((a - b) >> 1);
    return Half(Subtract(a, b));
  }
};

template <>
struct Arithmetic<float> {
  static float FromReal(double x) { return static_cast<float>(x); }
  static float Add(float a, float b) { return a + b; }
  static float Subtract(float a, float b) { return a - b; }
  static float Multiply(float a, float b) { return a * b; }
  static float MulSum(float a, float b, float c, float d) { return a * b + c * d; }
  static float MulDifference(float a, float b, float c, float d) { return a * b - c * d; }
  static float Divide(float a, int) { return a; }
  static float Half(float a) { return a * 0.5f; }
  static float HalfSum(float a, float b) { return (a + b) * 0.5f; }
  static float HalfDifference(float a, float b) { return (a - b) * 0.5f; }
};

template <typename T>
T Negative(T a) {
  return Arithmetic<T>::Subtract(T{0}, a);
}
template <>
float Negative(float a) {
  return -a;
}

template <typename T>
Complex<T> operator+(const Complex<T>& a, const Complex<T>& b) {
  return {Arithmetic<T>::Add(a.re, b.re), Arithmetic<T>::Add(a.im, b.im)};
}
template <typename T>
Complex<T> operator-(const Complex<T>& a, const Complex<T>& b) {
  return {Arithmetic<T>::Subtract(a.re, b.re), Arithmetic<T>::Subtract(a.im, b.im)};
}
template <typename T>
Complex<T> operator*(const Complex<T>& a, const Complex<T>& b) {
  return {Arithmetic<T>::MulDifference(a.re, b.re, a.im, b.im),
          Arithmetic<T>::MulSum(a.re, b.im, a.im, b.re)};
}
template <typename T>
Complex<T> Scaled(const Complex<T>& a, T by) {
  return {Arithmetic<T>::Multiply(a.re, by), Arithmetic<T>::Multiply(a.im, by)};
}
template <typename T>
Complex<T> Divided(const Complex<T>& a, int by) {
  return {Arithmetic<T>::Divide(a.re, by), Arithmetic<T>::Divide(a.im, by)};
}
// i a, a quarter turn ahead.
template <typename T>
Complex<T> Turned(const Complex<T>& a) {
  return {Negative(a.im), a.re};
}
template <typename T>
Complex<T> Conjugate(const Complex<T>& a) {
  return {a.re, Negative(a.im)};
}
template <typename T>
Complex<T> UnitCircle(double phase) {
  return {Arithmetic<T>::FromReal(std::cos(phase)), Arithmetic<T>::FromReal(std::sin(phase))};
}

// Fours first, then a two, then threes and fives. Empty when something else is left.
std::vector<uint8_t> Radices(size_t n) {
  std::vector<uint8_t> radices;
  for (const uint8_t radix : {4, 2, 3, 5}) {
    for (; n % radix == 0; n /= radix) radices.push_back(radix);
  }
  if (radices.empty() && n == 1) radices.push_back(1);
  return n == 1 ? radices : std::vector<uint8_t>();
}

}  // namespace

template <typename T>
bool RealFft<T>::Supports(int32_t length) {
  return length >= 2 && length % 2 == 0 && !Radices(Half(length)).empty();
}

template <typename T>
size_t RealFft<T>::StateBytes(int32_t length) {
  return sizeof(Complex<T>) * (Half(length) + Half(length) / 2);
}

template <typename T>
RealFft<T>::RealFft(int32_t length, bool inverse)
    : half_(Half(length)), inverse_(inverse), radices_(Radices(half_)) {
  twiddles_.reserve(half_);
  real_twiddles_.reserve(half_ / 2);
  for (size_t i = 0; i < half_; ++i) {
    double phase = -2 * kPi * static_cast<double>(i) / static_cast<double>(half_);
    if (inverse) phase = -phase;
    twiddles_.push_back(UnitCircle<T>(phase));
  }
  for (size_t i = 0; i < half_ / 2; ++i) {
    double phase = -kPi * (static_cast<double>(i + 1) / static_cast<double>(half_) + 0.5);
    if (inverse) phase = -phase;
    real_twiddles_.push_back(UnitCircle<T>(phase));
  }
}

// The transform of every stride-th element of `in`, from stage `stage` on.
template <typename T>
void RealFft<T>::Transform(const Complex<T>* in, size_t stride, size_t stage,
                           Complex<T>* out) const {
  const size_t radix = radices_[stage];
  size_t m = half_ / stride / radix;
  for (size_t part = 0; part < radix; ++part) {
    if (m == 1) {
      out[part] = in[part * stride];
    } else {
      Transform(in + part * stride, stride * radix, stage + 1, out + part * m);
    }
  }
  switch (radix) {
    case 2:
      return Butterflies2(out, stride, m);
    case 3:
      return Butterflies3(out, stride, m);
    case 4:
      return Butterflies4(out, stride, m);
    case 5:
      return Butterflies5(out, stride, m);
    default:
      return Butterflies1(out, m);
  }
}

template <typename T>
void RealFft<T>::Butterflies1(Complex<T>* out, size_t m) const {
  for (size_t k = 0; k < m; ++k) out[k] = Divided(out[k], 1);
}

template <typename T>
void RealFft<T>::Butterflies2(Complex<T>* out, size_t stride, size_t m) const {
  for (size_t k = 0; k < m; ++k) {
    const Complex<T> a = Divided(out[k], 2);
    const Complex<T> b = Divided(out[k + m], 2) * twiddles_[k * stride];
    out[k] = a + b;
    out[k + m] = a - b;
  }
}

template <typename T>
void RealFft<T>::Butterflies3(Complex<T>* out, size_t stride, size_t m) const {
  const T third = twiddles_[stride * m].im;  // sin of a third of a turn
  for (size_t k = 0; k < m; ++k) {
    const Complex<T> a = Divided(out[k], 3);
    const Complex<T> b = Divided(out[k + m], 3) * twiddles_[k * stride];
    const Complex<T> c = Divided(out[k + 2 * m], 3) * twiddles_[2 * k * stride];
    const Complex<T> sum = b + c;
    const Complex<T> side = Turned(Scaled(b - c, third));
    const Complex<T> middle =
        a - Complex<T>{Arithmetic<T>::Half(sum.re), Arithmetic<T>::Half(sum.im)};
    out[k] = a + sum;
    out[k + m] = middle + side;
    out[k + 2 * m] = middle - side;
  }
}

template <typename T>
void RealFft<T>::Butterflies4(Complex<T>* out, size_t stride, size_t m) const {
  for (size_t k = 0; k < m; ++k) {
    const Complex<T> a = Divided(out[k], 4);
    const Complex<T> b = Divided(out[k + m], 4) * twiddles_[k * stride];
    const Complex<T> c = Divided(out[k + 2 * m], 4) * twiddles_[2 * k * stride];
    const Complex<T> d = Divided(out[k + 3 * m], 4) * twiddles_[3 * k * stride];
    const Complex<T> even = a + c, odd = a - c, sum = b + d, side = Turned(b - d);
    out[k] = even + sum;
    out[k + 2 * m] = even - sum;
    out[k + m] = inverse_ ? odd + side : odd - side;
    out[k + 3 * m] = inverse_ ? odd - side : odd + side;
  }
}

template <typename T>
void RealFft<T>::Butterflies5(Complex<T>* out, size_t stride, size_t m) const {
  const Complex<T> fifth = twiddles_[stride * m], two_fifths = twiddles_[2 * stride * m];
  for (size_t k = 0; k < m; ++k) {
    const Complex<T> a = Divided(out[k], 5);
    Complex<T> arm[5];
    for (size_t i = 1; i < 5; ++i) arm[i] = Divided(out[k + i * m], 5) * twiddles_[i * k * stride];
    const Complex<T> outer = arm[1] + arm[4], inner = arm[2] + arm[3];
    const Complex<T> outer_side = arm[1] - arm[4], inner_side = arm[2] - arm[3];
    out[k] = a + (outer + inner);
    // Minus i times the sum of sines, in the order that floats are summed in.
    const Complex<T> near = a + Scaled(outer, fifth.re) + Scaled(inner, two_fifths.re);
    const Complex<T> near_side =
        Turned(Scaled(outer_side, fifth.im) + Scaled(inner_side, two_fifths.im));
    out[k + m] = near + near_side;
    out[k + 4 * m] = near - near_side;
    const Complex<T> far = a + Scaled(outer, two_fifths.re) + Scaled(inner, fifth.re);
    const Complex<T> far_side =
        Turned(Scaled(outer_side, two_fifths.im) - Scaled(inner_side, fifth.im));
    out[k + 2 * m] = far + far_side;
    out[k + 3 * m] = far - far_side;
  }
}

template <typename T>
void RealFft<T>::Forward(const T* signal, Complex<T>* spectrum, Complex<T>* scratch) const {
  // Even samples are taken as real, odd ones as imaginary parts.
  Transform(reinterpret_cast<const Complex<T>*>(signal), 1, 0, scratch);
  const Complex<T> mean = Divided(scratch[0], 2);
  spectrum[0] = {Arithmetic<T>::Add(mean.re, mean.im), T{0}};
  spectrum[half_] = {Arithmetic<T>::Subtract(mean.re, mean.im), T{0}};
  for (size_t k = 1; k <= half_ / 2; ++k) {
    const Complex<T> low = Divided(scratch[k], 2);
    const Complex<T> high = Divided(Conjugate(scratch[half_ - k]), 2);
    const Complex<T> even = low + high;
    const Complex<T> odd = (low - high) * real_twiddles_[k - 1];
    spectrum[k] = {Arithmetic<T>::HalfSum(even.re, odd.re),
                   Arithmetic<T>::HalfSum(even.im, odd.im)};
    spectrum[half_ - k] = {Arithmetic<T>::HalfDifference(even.re, odd.re),
                           Arithmetic<T>::HalfDifference(odd.im, even.im)};
  }
}

template <typename T>
void RealFft<T>::Inverse(const Complex<T>* spectrum, T* signal, Complex<T>* scratch) const {
  scratch[0] = Divided(Complex<T>{Arithmetic<T>::Add(spectrum[0].re, spectrum[half_].re),
                                  Arithmetic<T>::Subtract(spectrum[0].re, spectrum[half_].re)},
                       2);
  for (size_t k = 1; k <= half_ / 2; ++k) {
    const Complex<T> low = Divided(spectrum[k], 2);
    const Complex<T> high = Divided(Conjugate(spectrum[half_ - k]), 2);
    const Complex<T> even = low + high;
    const Complex<T> odd = (low - high) * real_twiddles_[k - 1];
    scratch[k] = even + odd;
    scratch[half_ - k] = Conjugate(even - odd);
  }
  Transform(scratch, 1, 0, reinterpret_cast<Complex<T>*>(signal));
  if constexpr (std::is_same_v<T, float>) {
    for (size_t i = 0; i < 2 * half_; ++i) signal[i] /= static_cast<float>(2 * half_);
  }
}

template class RealFft<int16_t>;
template class RealFft<int32_t>;
template class RealFft<float>;

}  // namespace edgeml::frontend
