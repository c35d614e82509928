#include "src/kernels/softmax/softmax.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "src/kernels/elementwise/integer_math.h"
#include "src/tensor/half.h"

namespace edgeml::kernels {
namespace {

// e^x in Q0 for x <= 0 in Q5: a polynomial on [-1/4, 0), then a factor for each further bit.
int32_t ExpOfNegativeQ5(int32_t x) {
  if (x == 0) return kOneQ0;
  constexpr int32_t kQuarterQ5 = 1 << 24;
  constexpr int32_t kExpNegEighthQ0 = 1895147668, kThirdQ0 = 715827883;
  const int32_t fraction = (x & (kQuarterQ5 - 1)) - kQuarterQ5;  // [-1/4, 0) in Q5
  const int32_t rest = WrapSub(fraction, x);                     // a multiple of 1/4, >= 0

  // Taylor series of fourth order around -1/8.
  const int32_t t = ShiftQ(fraction, 5) + (1 << 28);  // fraction + 1/8 in Q0
  const int32_t t2 = MulQ(t, t), t3 = MulQ(t2, t), t4 = MulQ(t2, t2);
  const int32_t tail = ShiftQ(MulQ(ShiftQ(t4, -2) + t3, kThirdQ0) + t2, -1);
  int32_t y = kExpNegEighthQ0 + MulQ(kExpNegEighthQ0, t + tail);

  // e^-(2^k), k = -2 … 4, in Q0.
  constexpr int32_t kFactors[] = {1672461947, 1302514674, 790015084, 290630308,
                                  39332535,   720401,     242};
  for (int k = 0; k < 7; ++k) {
    if (((rest >> (24 + k)) & 1) != 0) y = MulQ(y, kFactors[k]);
  }
  return y;
}

// log(x) in Q5 for x >= 1 in Q12: x is brought into [1/2, 1) by 2^a, or into [1/sqrt 2, sqrt 2) by
// its half power, whichever is better conditioned; then a rational approximation.
int32_t LogQ5(int32_t x_q12) {
  constexpr int32_t kLog2 = 1488522236, kSqrtSqrtHalf = 1805811301, kSqrtHalf = 1518500250,
                    kAlphaN = 117049297, kAlphaD = 127690142, kAlphaI = 1057819769,
                    kAlphaF = 638450708;  // all Q0
  constexpr int kPowerBits = 25;          // fraction bits of Q6
  const int32_t quarter_q6 = ShiftQ(1 << 29, -6);
  const auto saturate = [](int64_t v) {
    return static_cast<int32_t>(std::clamp<int64_t>(v, std::numeric_limits<int32_t>::min(),
                                                    std::numeric_limits<int32_t>::max()));
  };

  const int zeros_a = std::countl_zero(static_cast<uint32_t>(x_q12));
  const int32_t r_a = ShiftQ(MulQ(ShiftQ(x_q12, zeros_a - 1), kSqrtHalf), 1);
  const int32_t power_a = saturate(int64_t{ShiftQ(12 - zeros_a, kPowerBits)} + quarter_q6);

  const int headroom_b = std::countl_zero(static_cast<uint32_t>(MulQ(x_q12, kSqrtHalf))) - 1;
  const int32_t r_b = ShiftQ(x_q12, headroom_b);
  const int32_t power_b = saturate(int64_t{ShiftQ(12 - headroom_b, kPowerBits)} - quarter_q6);

  const int32_t r = std::min(r_a, r_b);
  const int32_t power = std::max(power_a, power_b);
  const int32_t p = HalfSumQ(r, kSqrtSqrtHalf);
  const int32_t half_q = WrapSub(r, kSqrtSqrtHalf);
  const int32_t q = WrapAdd(half_q, half_q);
  const int32_t q2 = MulQ(q, q);
  const int32_t numerator = WrapAdd(MulQ(q, r), MulQ(MulQ(q, q2), kAlphaN));
  const int32_t denominator_minus_one =
      WrapAdd(MulQ(p, WrapAdd(WrapAdd(kAlphaI, q), MulQ(kAlphaD, q2))), MulQ(kAlphaF, q));
  const int32_t quotient_q6 = MulQ(ShiftQ(numerator, -6), OneOverOnePlusQ0(denominator_minus_one));
  return ShiftQ(WrapAdd(MulQ(power, kLog2), quotient_q6), 1);
}

int32_t DifferenceQ5(int32_t difference, const Softmax8Params& p) {
  const int left = std::max(p.shift, 0);
  const int32_t shifted = static_cast<int32_t>(static_cast<uint32_t>(difference) << left);
  return RoundingDivideByPowerOfTwo(SaturatingRoundingDoublingHighMul(shifted, p.mantissa),
                                    std::max(-p.shift, 0));
}

// Saturates: LiteRT leaves sums of 4096 and more undefined.
template <typename T>
int32_t SumOfExps(const T* row, int64_t depth, T max, const Softmax8Params& p) {
  int64_t sum_q12 = 0;
  for (int64_t c = 0; c < depth; ++c) {
    const int32_t difference = int32_t{row[c]} - max;
    if (difference < p.diff_min) continue;
    sum_q12 += ShiftQ(ExpOfNegativeQ5(DifferenceQ5(difference, p)), -12);
  }
  return static_cast<int32_t>(std::min<int64_t>(sum_q12, INT32_MAX));
}

template <typename In, typename Out>
void SoftmaxRows(const In* in, int64_t rows, int64_t depth, const Softmax8Params& p, Out* out) {
  constexpr int32_t kLo = std::numeric_limits<Out>::min(), kHi = std::numeric_limits<Out>::max();
  constexpr int kOutputBits = 8 * sizeof(Out);
  for (int64_t r = 0; r < rows; ++r, in += depth, out += depth) {
    const In max = *std::max_element(in, in + depth);
    const Reciprocal scale = ReciprocalOf(SumOfExps(in, depth, max, p), 12);
    // Above 31, where LiteRT aborts, each class has less than half a quantum.
    const int exponent = std::max(scale.bits_over_unit + 31 - kOutputBits, 0);
    for (int64_t c = 0; c < depth; ++c) {
      const int32_t difference = int32_t{in[c]} - max;
      if (difference < p.diff_min) {
        out[c] = static_cast<Out>(kLo);
        continue;
      }
      const int32_t exp = ExpOfNegativeQ5(DifferenceQ5(difference, p));
      const int32_t y =
          exponent > 31 ? 0 : RoundingDivideByPowerOfTwo(MulQ(scale.q0, exp), exponent);
      out[c] = static_cast<Out>(OffsetAndClamp(y, kLo, kLo, kHi));
    }
  }
}

template <typename T>
void LogSoftmaxRows(const T* in, int64_t rows, int64_t depth, const Softmax8Params& p, T* out) {
  constexpr int32_t kLo = std::numeric_limits<T>::min(), kHi = std::numeric_limits<T>::max();
  for (int64_t r = 0; r < rows; ++r, in += depth, out += depth) {
    const T max = *std::max_element(in, in + depth);
    const int32_t log_q5 = LogQ5(SumOfExps(in, depth, max, p));
    // Below this difference the result would not fit in Q5.
    const int32_t lowest = std::max(
        p.diff_min - 1,
        MultiplyByFixedPoint(WrapAdd(log_q5, std::numeric_limits<int32_t>::min()), p.reverse));
    for (int64_t c = 0; c < depth; ++c) {
      const int32_t difference = int32_t{in[c]} - max;
      if (difference <= lowest) {
        out[c] = static_cast<T>(kLo);
        continue;
      }
      const int32_t y_q5 = WrapSub(DifferenceQ5(difference, p), log_q5);
      out[c] = static_cast<T>(OffsetAndClamp(RoundingDivideByPowerOfTwo(y_q5, 22), kHi, kLo, kHi));
    }
  }
}

}  // namespace

void SoftmaxFloat(const float* in, int64_t rows, int64_t depth, float beta, float* out) {
  for (int64_t r = 0; r < rows; ++r, in += depth, out += depth) {
    float max = std::numeric_limits<float>::lowest();
    for (int64_t c = 0; c < depth; ++c) max = std::max(max, in[c]);
    float sum = 0.0f;
    for (int64_t c = 0; c < depth; ++c) {
      out[c] = std::exp((in[c] - max) * beta);
      sum += out[c];
    }
    for (int64_t c = 0; c < depth; ++c) out[c] /= sum;
  }
}

void SoftmaxHalf(const uint16_t* in, int64_t rows, int64_t depth, float beta, uint16_t* out) {
  for (int64_t r = 0; r < rows; ++r, in += depth, out += depth) {
    float max = -kHalfMax;
    for (int64_t c = 0; c < depth; ++c) max = std::max(max, HalfToFloat(in[c]));
    float sum = 0.0f;
    for (int64_t c = 0; c < depth; ++c) {
      const float power = std::exp((HalfToFloat(in[c]) - max) * beta);
      out[c] = FloatToHalf(power);
      sum += power;
    }
    for (int64_t c = 0; c < depth; ++c) out[c] = FloatToHalf(HalfToFloat(out[c]) / sum);
  }
}

void LogSoftmaxFloat(const float* in, int64_t rows, int64_t depth, float* out) {
  for (int64_t r = 0; r < rows; ++r, in += depth, out += depth) {
    float max = std::numeric_limits<float>::lowest();
    for (int64_t c = 0; c < depth; ++c) max = std::max(max, in[c]);
    float sum = 0.0f;
    for (int64_t c = 0; c < depth; ++c) sum += std::exp(in[c] - max);
    const float log_sum = std::log(sum);
    for (int64_t c = 0; c < depth; ++c) out[c] = in[c] - max - log_sum;
  }
}

Softmax8Params MakeSoftmax8Params(float scale, float beta) {
  Softmax8Params params;
  const double real =
      std::min(static_cast<double>(beta) * static_cast<double>(scale) * (1 << 26), 2147483647.0);
  const double fraction = std::frexp(real, &params.shift);
  int64_t mantissa = static_cast<int64_t>(std::round(fraction * 2147483648.0));
  if (mantissa == int64_t{1} << 31) {
    mantissa /= 2;
    ++params.shift;
  }
  if (params.shift < -31) {
    mantissa = 0;
    params.shift = 0;
  }
  params.mantissa = static_cast<int32_t>(mantissa);
  params.diff_min = -static_cast<int32_t>(
      std::min(std::floor(std::ldexp(31.0 * (1 << 26), -params.shift)), 2147483647.0));
  if (mantissa != 0) {
    params.reverse =
        ToFixedPoint(std::ldexp(1.0, 31 - params.shift) / static_cast<double>(mantissa));
  }
  return params;
}

void Softmax8(DType in_type, const void* in, DType out_type, int64_t rows, int64_t depth,
              const Softmax8Params& params, void* out) {
  if (depth == 0) return;
  if (in_type == DType::kInt8) {
    const int8_t* from = static_cast<const int8_t*>(in);
    if (out_type == DType::kInt8)
      return SoftmaxRows(from, rows, depth, params, static_cast<int8_t*>(out));
    return SoftmaxRows(from, rows, depth, params, static_cast<int16_t*>(out));
  }
  const uint8_t* from = static_cast<const uint8_t*>(in);
  if (out_type == DType::kUInt8)
    return SoftmaxRows(from, rows, depth, params, static_cast<uint8_t*>(out));
  return SoftmaxRows(from, rows, depth, params, static_cast<int16_t*>(out));
}

void LogSoftmax8(DType type, const void* in, int64_t rows, int64_t depth,
                 const Softmax8Params& params, void* out) {
  if (depth == 0) return;
  if (type == DType::kInt8) {
    LogSoftmaxRows(static_cast<const int8_t*>(in), rows, depth, params, static_cast<int8_t*>(out));
  } else {
    LogSoftmaxRows(static_cast<const uint8_t*>(in), rows, depth, params,
                   static_cast<uint8_t*>(out));
  }
}

void MakeSoftmax16Params(float scale, float beta, Softmax16Params* params) {
  constexpr double kRange = 65535.0;
  FillInt16TableDouble(
      10.0 / kRange, 32767, 2.0 / kRange, [](double x) { return std::exp(x); }, params->exp);
  FillInt16TableDouble(
      1.0 / kRange, -32768, 2.0 / kRange, [](double x) { return 1.0 / (1.0 + x); },
      params->one_over_one_plus);
  params->multiplier = ToFixedPoint(scale * beta / (10.0 / 65535.0));
}

void Softmax16(const int16_t* in, int64_t rows, int64_t depth, const Softmax16Params& params,
               int16_t* out) {
  const auto saturate = [](int32_t x) {
    return static_cast<int16_t>(std::min(std::max(x, -32768), 32767));
  };
  for (int64_t r = 0; r < rows && depth > 0; ++r, in += depth, out += depth) {
    const int16_t max = *std::max_element(in, in + depth);
    int32_t sum = 0;  // Q16.15
    for (int64_t c = 0; c < depth; ++c) {
      const int32_t steps = MultiplyByFixedPoint(int32_t{in[c]} - max, params.multiplier);
      out[c] = LookUp(params.exp, saturate(WrapAdd(steps, 32767)));
      sum = WrapAdd(sum, int32_t{out[c]});
    }
    // The sum as (1 + f) * 2^k; the table holds 1 / (1 + f) over the range of int16.
    const int zeros = std::clamp(std::countl_zero(static_cast<uint32_t>(sum)), 1, 30);
    const int32_t fraction =
        static_cast<int32_t>(((static_cast<int64_t>(sum) << (zeros - 1)) + (1 << 13)) >> 14);
    const int16_t reciprocal =
        LookUp(params.one_over_one_plus, saturate(fraction - (1 << 15) - (1 << 16)));
    const int right_shift = 31 - zeros;
    const int64_t round = int64_t{1} << (right_shift - 1);
    for (int64_t c = 0; c < depth; ++c) {
      const int32_t y = static_cast<int32_t>((int64_t{out[c]} * reciprocal + round) >> right_shift);
      out[c] = static_cast<int16_t>(std::min(std::max(y, 0), 32767));
    }
  }
}

}  // namespace edgeml::kernels
