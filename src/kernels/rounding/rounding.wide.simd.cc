#include "src/kernels/rounding/rounding_args.h"
#include "src/kernels/simd/vector.h"

#include "hwy/contrib/math/math-inl.h"

namespace edgeml::kernels::EDGEML_SIMD_LEVEL {
namespace {

using DF = hn::ScalableTag<float>;
using VF = hn::Vec<DF>;

// Applies f(i, count) to whole vectors and once to the rest.
template <typename F>
HWY_INLINE void ForVectors(int64_t n, F f) {
  int64_t i = 0;
  for (; i + kLanes32 <= n; i += kLanes32) f(i, kLanes32);
  if (i < n) f(i, static_cast<int>(n - i));
}

HWY_INLINE VF Sigmoid(VF v) {
  const DF d;
  const VF one = hn::Set(d, 1.0f);
  return hn::Div(one, hn::Add(one, hn::Exp(d, hn::Neg(v))));
}

HWY_INLINE VF Stretch(VF sigmoid) {
  const DF d;
  return hn::MulAdd(sigmoid, hn::Set(d, kRoundingZeta - kRoundingGamma),
                    hn::Set(d, kRoundingGamma));
}

void Step(const RoundingStep& s, const RoundingArrays& a, int64_t n) {
  const DF d;
  const VF zero = hn::Zero(d), one = hn::Set(d, 1.0f), two = hn::Set(d, 2.0f);
  const VF scale = hn::Set(d, s.scale), error_gain = hn::Set(d, s.error_gain * s.scale);
  const VF stretch = hn::Set(d, kRoundingZeta - kRoundingGamma);
  const VF regularization = hn::Set(d, 2.0f * s.regularization * s.beta);
  const VF exponent = hn::Set(d, s.beta - 1.0f);
  const VF tiny = hn::Set(d, 1e-30f);
  const VF momentum = hn::Set(d, s.momentum), fresh = hn::Set(d, 1.0f - s.momentum);
  const VF decay = hn::Set(d, s.rms_decay), fresh_square = hn::Set(d, 1.0f - s.rms_decay);
  const VF rate = hn::Set(d, s.learning_rate * s.momentum_gain);
  const VF rms_gain = hn::Set(d, s.rms_gain), epsilon = hn::Set(d, s.epsilon);
  const bool regularized = s.regularization != 0.0f;
  ForVectors(n, [&](int64_t i, int count) HWY_ATTR {
    VF v = LoadPart(d, a.v + i, count);
    const VF sigmoid = Sigmoid(v);
    const VF h = Stretch(sigmoid);
    VF error = LoadPart(d, a.gradient + i, count);
    if (a.linear != nullptr) error = hn::Add(error, LoadPart(d, a.linear + i, count));
    VF slope = hn::Mul(error, error_gain);
    if (regularized) {
      const VF inside = hn::Min(hn::Max(h, zero), one);
      const VF centred = hn::Sub(hn::Mul(two, inside), one);
      const VF magnitude = hn::Max(hn::Abs(centred), tiny);
      const VF power = hn::Exp(d, hn::Mul(exponent, hn::Log(d, magnitude)));
      slope = hn::Sub(slope, hn::CopySign(hn::Mul(regularization, power), centred));
    }
    const VF bell = hn::Mul(hn::Mul(sigmoid, hn::Sub(one, sigmoid)), stretch);
    const auto free = hn::And(hn::Gt(h, zero), hn::Lt(h, one));
    const VF g = hn::IfThenElseZero(free, hn::Mul(slope, bell));
    const VF m = hn::MulAdd(momentum, LoadPart(d, a.momentum + i, count), hn::Mul(fresh, g));
    const VF q =
        hn::MulAdd(decay, LoadPart(d, a.square + i, count), hn::Mul(fresh_square, hn::Mul(g, g)));
    const VF root = hn::Add(hn::Sqrt(hn::Mul(q, rms_gain)), epsilon);
    v = hn::Sub(v, hn::Div(hn::Mul(rate, m), root));
    const VF moved = hn::Min(hn::Max(Stretch(Sigmoid(v)), zero), one);
    const VF rounded = hn::Add(LoadPart(d, a.floor + i, count), moved);
    StorePart(m, d, a.momentum + i, count);
    StorePart(q, d, a.square + i, count);
    StorePart(v, d, a.v + i, count);
    StorePart(hn::Sub(hn::Mul(scale, rounded), LoadPart(d, a.weight + i, count)), d, a.delta + i,
              count);
  });
}

// Sums of one tap of `a` with kTaps taps of `b`, so that each value of `a` is loaded once.
template <int kTaps>
HWY_INLINE void TapProducts(const float* a, const float* b, int64_t rows, int64_t row,
                            int64_t channels, int count, float* out) {
  const DF d;
  VF sum[kTaps];
  for (int j = 0; j < kTaps; ++j) sum[j] = hn::Zero(d);
  for (int64_t r = 0; r < rows; ++r) {
    const VF x = LoadPart(d, a + r * row, count);
#pragma GCC unroll 8
    for (int j = 0; j < kTaps; ++j)
      sum[j] = hn::MulAdd(x, LoadPart(d, b + r * row + j * channels, count), sum[j]);
  }
  for (int j = 0; j < kTaps; ++j) StorePart(sum[j], d, out + j * channels, count);
}

void ChannelProducts(const float* a, const float* b, int64_t rows, int64_t taps, int64_t channels,
                     int64_t begin, int64_t end, bool lower, float* out) {
  const int64_t row = taps * channels;
  ForVectors(end - begin, [&](int64_t at, int count) HWY_ATTR {
    const int64_t c = begin + at;
    for (int64_t i = 0; i < taps; ++i) {
      const int64_t most = lower ? i + 1 : taps;
      const float* x = a + i * channels + c;
      int64_t j = 0;
      for (; j + 4 <= most; j += 4)
        TapProducts<4>(x, b + j * channels + c, rows, row, channels, count,
                       out + (i * taps + j) * channels + c);
      for (; j < most; ++j)
        TapProducts<1>(x, b + j * channels + c, rows, row, channels, count,
                       out + (i * taps + j) * channels + c);
    }
  });
}

}  // namespace

extern const RoundingKernels kRounding;
const RoundingKernels kRounding = {.step = Step, .channel_products = ChannelProducts};

}  // namespace edgeml::kernels::EDGEML_SIMD_LEVEL
