#include <algorithm>
#include <cmath>
#include <limits>

#include "src/kernels/activation/activation.h"
#include "src/kernels/activation/sigmoid_table.h"
#include "src/kernels/elementwise/integer_math.h"
#include "src/kernels/elementwise/quantization_math.h"
#include "src/kernels/elementwise/through_float.h"

namespace edgeml::kernels {
namespace {

template <typename T, typename F>
void Map(const void* in, int64_t n, void* out, F f) {
  const T* from = static_cast<const T*>(in);
  T* to = static_cast<T*>(out);
  for (int64_t i = 0; i < n; ++i) to[i] = static_cast<T>(f(from[i]));
}

template <typename F>
void MapQuantized(DType type, const void* in, int64_t n, void* out, F f) {
  switch (type) {
    case DType::kInt8:
      return Map<int8_t>(in, n, out, f);
    case DType::kUInt8:
      return Map<uint8_t>(in, n, out, f);
    case DType::kInt16:
      return Map<int16_t>(in, n, out, f);
    default:
      return;
  }
}

int16_t Saturate16(int64_t x) {
  return static_cast<int16_t>(std::min<int64_t>(std::max<int64_t>(x, -32768), 32767));
}

// round(a * b / 2^15), ties away from zero.
int16_t RoundingHighMul16(int16_t a, int16_t b) {
  const int32_t ab = int32_t{a} * b;
  return Saturate16((ab + (ab >= 0 ? 1 << 14 : 1 - (1 << 14))) / (1 << 15));
}

// The mantissa's upper 16 bits, rounded.
int16_t UpperHalf(int32_t mantissa) {
  constexpr int32_t kRound = 1 << 15;
  if (mantissa >= std::numeric_limits<int32_t>::max() - kRound) return 32767;
  return static_cast<int16_t>((mantissa + kRound) >> 16);
}

// For scales that are no power of two: 3/4 of the scale in units of 2^-14 times 2^right_shift, the
// largest that stays below 2^15.
SigmoidInt16Params GeneralSigmoidParams(float scale) {
  double multiplier = scale * 4096.0 * 3.0;
  SigmoidInt16Params params;
  while (multiplier <= 32767.0 / 2.0 && params.right_shift <= 30) {
    ++params.right_shift;
    multiplier *= 2.0;
  }
  params.multiplier = static_cast<int32_t>(std::min(multiplier, 2147483647.0));
  return params;
}

// x * params, rounded half up.
int32_t SigmoidArgument(int16_t x, const SigmoidInt16Params& p) {
  const int32_t round = p.right_shift > 0 ? 1 << (p.right_shift - 1) : 0;
  return WrapAdd(WrapMul(int32_t{x}, p.multiplier), round) >> p.right_shift;
}

uint32_t Magnitude(int32_t x) {
  return x < 0 ? 0u - static_cast<uint32_t>(x) : static_cast<uint32_t>(x);
}

}  // namespace

float EluReal(float x) { return x < 0.0f ? std::expm1(x) : x; }

float GeluReal(float x) { return 0.5f * x * std::erfc(x * -0.70710678118654752440f); }

float GeluApproximateReal(float x) {
  constexpr float kSqrt2OverPi =
      static_cast<float>(1.12837916709551257390 * 0.70710678118654752440);
  return 0.5f * x * (1.0f + std::tanh(kSqrt2OverPi * (x + 0.044715f * x * x * x)));
}

float GeluHalfReal(float x) {
  constexpr float kMinusSqrtHalf = Half(-0.70710678118654752440f);
  const float scaled = Half(x * kMinusSqrtHalf);
  return Half(0.5f * x) * Half(std::erfc(scaled));
}

float GeluApproximateHalfReal(float x) {
  constexpr float kSqrt2OverPi =
      Half(static_cast<float>(1.12837916709551257390 * 0.70710678118654752440));
  constexpr float kCubic = Half(0.044715f);
  const float cube = Half(Half(x * x) * x);
  const float sum = Half(x + Half(kCubic * cube));
  const float tanh = Half(std::tanh(Half(kSqrt2OverPi * sum)));
  return Half(0.5f * x) * Half(1.0f + tanh);
}

float HardSwishReal(float x) { return x * std::min(6.0f, std::max(0.0f, x + 3.0f)) / 6.0f; }

float LogisticReal(float x) {
  if (x > 16.619047164916992188f) return 1.0f;
  if (x < -9.0f) return std::exp(x);
  return 1.0f / (1.0f + std::exp(-x));
}

void MapFloat(float (*function)(float), const float* in, int64_t n, float* out) {
  for (int64_t i = 0; i < n; ++i) out[i] = function(in[i]);
}

void MapHalf(DType type, float (*function)(float), const uint16_t* in, int64_t n, uint16_t* out) {
  ThroughFloat(type, in, n, out,
               [=](float* block, int64_t size) { MapFloat(function, block, size, block); });
}

void ClampFloat(const float* in, int64_t n, float lo, float hi, float* out) {
  for (int64_t i = 0; i < n; ++i) {
    const float x = in[i];
    out[i] = x > hi ? hi : x < lo ? lo : x;
  }
}

void LeakyReluFloat(const float* in, int64_t n, float alpha, float* out) {
  for (int64_t i = 0; i < n; ++i) out[i] = in[i] > 0.0f ? in[i] : in[i] * alpha;
}

void PreluFloat(const BroadcastPlan& plan, const float* in, const float* alpha, float* out) {
  BinaryLoop(plan, in, alpha, out, [](float x, float a) { return x >= 0.0f ? x : x * a; });
}

void ReluQuantized(DType type, const void* in, int64_t n, const RectifierParams& p, void* out) {
  MapQuantized(type, in, n, out, [&](int32_t x) {
    return OffsetAndClamp(MultiplyByFixedPoint(x - p.zero_point_in, p.identity), p.zero_point_out,
                          p.lo, p.hi);
  });
}

void LeakyReluQuantized(DType type, const void* in, int64_t n, const RectifierParams& p,
                        void* out) {
  MapQuantized(type, in, n, out, [&](int32_t x) {
    const int32_t value = x - p.zero_point_in;
    int32_t scaled = MultiplyByFixedPoint(value, value >= 0 ? p.identity : p.alpha);
    if (value < 0 && p.negate_alpha) scaled = WrapSub(0, scaled);
    return OffsetAndClamp(scaled, p.zero_point_out, p.lo, p.hi);
  });
}

void PreluQuantized(DType type, const BroadcastPlan& plan, const void* in, const void* alpha,
                    const RectifierParams& p, void* out) {
  const auto prelu = [&](int32_t x, int32_t a) {
    const int32_t value = x - p.zero_point_in;
    const int32_t scaled =
        value >= 0 ? MultiplyByFixedPoint(value, p.identity)
                   : MultiplyByFixedPoint(WrapMul(value, a - p.zero_point_alpha), p.alpha);
    return OffsetAndClamp(scaled, p.zero_point_out, p.lo, p.hi);
  };
  switch (type) {
    case DType::kInt8:
      return BinaryLoop(plan, static_cast<const int8_t*>(in), static_cast<const int8_t*>(alpha),
                        static_cast<int8_t*>(out),
                        [&](int8_t x, int8_t a) { return static_cast<int8_t>(prelu(x, a)); });
    case DType::kUInt8:
      return BinaryLoop(plan, static_cast<const uint8_t*>(in), static_cast<const uint8_t*>(alpha),
                        static_cast<uint8_t*>(out),
                        [&](uint8_t x, uint8_t a) { return static_cast<uint8_t>(prelu(x, a)); });
    case DType::kInt16:
      return BinaryLoop(plan, static_cast<const int16_t*>(in), static_cast<const int8_t*>(alpha),
                        static_cast<int16_t*>(out),
                        [&](int16_t x, int8_t a) { return static_cast<int16_t>(prelu(x, a)); });
    default:
      return;
  }
}

bool MakeHardSwishParams(float scale_in, int32_t zero_point_in, float scale_out,
                         int32_t zero_point_out, HardSwishParams* params) {
  params->zero_point_in = zero_point_in;
  params->zero_point_out = zero_point_out;
  const float fine_scale = (1.0f / 128.0f) * scale_in;
  const FixedPointMultiplier output = ToFixedPoint(fine_scale / scale_out);
  const FixedPointMultiplier relu = ToFixedPoint(fine_scale / (3.0f / 32768.0f));
  params->output_multiplier = UpperHalf(output.mantissa);
  params->output_exponent = output.shift;
  params->relu_multiplier = UpperHalf(relu.mantissa);
  params->relu_exponent = relu.shift;
  return output.shift <= 0;
}

void HardSwishQuantized(DType type, const void* in, int64_t n, const HardSwishParams& p,
                        void* out) {
  const int32_t lo = type == DType::kInt8 ? -128 : 0;
  MapQuantized(type, in, n, out, [&](int32_t x) {
    const int16_t fine = static_cast<int16_t>((x - p.zero_point_in) * 128);
    const int16_t on_output_scale = RoundingHighMul16(fine, p.output_multiplier);
    // (clamp(x, -3, 3) + 3) / 6 in Q0.15, from x / 3 saturated to 16 bits.
    int16_t relu = fine;
    if (p.relu_exponent > 0)
      relu = Saturate16(static_cast<int64_t>(relu) * (int64_t{1} << (p.relu_exponent - 1)));
    relu = RoundingHighMul16(relu, p.relu_multiplier);
    if (p.relu_exponent > 0) relu = Saturate16(int64_t{relu} * 2);
    if (p.relu_exponent < 0)
      relu = static_cast<int16_t>(RoundingDivideByPowerOfTwo(relu, -p.relu_exponent));
    relu = static_cast<int16_t>((relu + (1 << 15)) >> 1);
    // Truncating, saturating product.
    const int32_t product = std::min((int32_t{relu} * on_output_scale) / (1 << 15), 32767);
    const int32_t y = RoundingDivideByPowerOfTwo(product, -p.output_exponent);
    return OffsetAndClamp(y, p.zero_point_out, lo, lo + 255);
  });
}

SigmoidInt16Params MakeLogisticInt16Params(float scale_in) {
  int log2 = 0;
  if (IsPowerOfTwo(scale_in, &log2) && log2 == -12) return {3, 0};
  return GeneralSigmoidParams(scale_in);
}

SigmoidInt16Params MakeTanhInt16Params(float scale_in) {
  int log2 = 0;
  if (IsPowerOfTwo(scale_in, &log2) && (log2 == -12 || log2 == -11))
    return {log2 == -12 ? 3 : 6, 0};
  return GeneralSigmoidParams(scale_in);
}

void LogisticInt16(const int16_t* in, int64_t n, const SigmoidInt16Params& params, int16_t* out) {
  for (int64_t i = 0; i < n; ++i) {
    const int32_t x = SigmoidArgument(in[i], params);
    const uint32_t magnitude = Magnitude(x);
    const uint32_t sample = magnitude >> 9;  // x is in 1/(24 * 512)
    uint32_t y = 0x7FFFu << 10;              // Q0.25
    if (sample < 255) {
      const uint32_t here = kSigmoidTable[sample], next = kSigmoidTable[sample + 1];
      y = (here << 9) + (magnitude & 0x1FF) * (next - here);
    }
    y = x >= 0 ? y + (1u << 9) : (1u << 25) - y + (1u << 9) - 1;
    out[i] = static_cast<int16_t>(y >> 10);
  }
}

void TanhInt16(const int16_t* in, int64_t n, const SigmoidInt16Params& params, int16_t* out) {
  for (int64_t i = 0; i < n; ++i) {
    const int32_t x = SigmoidArgument(in[i], params);
    const uint32_t magnitude = Magnitude(x);
    const uint32_t sample = magnitude >> 8;  // tanh(x) = 2 logistic(2 x) - 1
    uint32_t logistic = 0xFFFFu << 8;        // Q0.24
    if (sample < 255) {
      const uint32_t here = kSigmoidTable[sample], next = kSigmoidTable[sample + 1];
      logistic = (here << 8) + (magnitude & 0xFF) * (next - here);
    }
    const int32_t y = static_cast<int32_t>(logistic) - (1 << 23);
    out[i] = static_cast<int16_t>((x >= 0 ? y + (1 << 7) : -y + (1 << 7) - 1) >> 8);
  }
}

}  // namespace edgeml::kernels
