#include "src/kernels/elementwise/rows_args.h"
#include "src/kernels/simd/requantize-inl.h"
#include "src/kernels/simd/table_entry.h"
#include "src/kernels/simd/vector.h"

namespace edgeml::kernels::EDGEML_SIMD_LEVEL {
namespace {

using DF = hn::ScalableTag<float>;
using VF = hn::Vec<DF>;
using DI = hn::ScalableTag<int32_t>;
using VI = hn::Vec<DI>;

// Applies f(i, count) to whole vectors and once to the rest.
template <typename F>
HWY_INLINE void ForVectors(int64_t n, F f) {
  int64_t i = 0;
  for (; i + kLanes32 <= n; i += kLanes32) f(i, kLanes32);
  if (i < n) f(i, static_cast<int>(n - i));
}

template <typename F>
HWY_INLINE void BinaryFloatLoop(const float* a, int a_step, const float* b, int b_step, int64_t n,
                                float lo, float hi, float* out, F f) {
  const DF d;
  const VF vlo = hn::Set(d, lo), vhi = hn::Set(d, hi);
  const VF a0 = hn::Set(d, a[0]), b0 = hn::Set(d, b[0]);
  ForVectors(n, [&](int64_t i, int count) HWY_ATTR {
    const VF x = a_step != 0 ? LoadPart(d, a + i, count) : a0;
    const VF y = b_step != 0 ? LoadPart(d, b + i, count) : b0;
    StorePart(hn::Min(hn::Max(f(x, y), vlo), vhi), d, out + i, count);
  });
}

void BinaryFloat(RowOp op, const float* a, int a_step, const float* b, int b_step, int64_t n,
                 float lo, float hi, float* out) {
  if (n <= 0) return;
  const DF d;
  switch (op) {
    case RowOp::kAdd:
      return BinaryFloatLoop(a, a_step, b, b_step, n, lo, hi, out,
                             [](VF x, VF y) HWY_ATTR { return hn::Add(x, y); });
    case RowOp::kSub:
      return BinaryFloatLoop(a, a_step, b, b_step, n, lo, hi, out,
                             [](VF x, VF y) HWY_ATTR { return hn::Sub(x, y); });
    case RowOp::kMul:
      return BinaryFloatLoop(a, a_step, b, b_step, n, lo, hi, out,
                             [](VF x, VF y) HWY_ATTR { return hn::Mul(x, y); });
    case RowOp::kMaximum:
    case RowOp::kMinimum:
    case RowOp::kSquaredDifference:
      break;
  }
  const VF a0 = hn::Set(d, a[0]), b0 = hn::Set(d, b[0]);
  ForVectors(n, [&](int64_t i, int count) HWY_ATTR {
    const VF x = a_step != 0 ? LoadPart(d, a + i, count) : a0;
    const VF y = b_step != 0 ? LoadPart(d, b + i, count) : b0;
    const VF difference = hn::Sub(x, y);
    const VF z = op == RowOp::kMaximum   ? hn::Max(x, y)
                 : op == RowOp::kMinimum ? hn::Min(x, y)
                                         : hn::Mul(difference, difference);
    StorePart(z, d, out + i, count);
  });
}

template <typename T>
void BinaryQuantizedTyped(const QuantizedRowArgs& q, const T* a, int a_step, const T* b, int b_step,
                          int64_t n, T* out) {
  const DI d;
  const DF df;
  const hn::Rebind<T, DI> d8;
  const VF scale_a = hn::Set(df, q.scale_a), scale_b = hn::Set(df, q.scale_b);
  const VF zero_a = hn::Set(df, q.zero_a), zero_b = hn::Set(df, q.zero_b);
  const VF offset = hn::Set(df, q.offset), lo = hn::Set(df, q.min), hi = hn::Set(df, q.max);
  const auto load = [&](const T* from, int step, int64_t i, int count) HWY_ATTR {
    const auto bytes = step != 0 ? LoadPart(d8, from + i, count) : hn::Set(d8, from[0]);
    return hn::ConvertTo(df, hn::PromoteTo(d, bytes));
  };
  const auto store = [&](VF y, int64_t i, int count) HWY_ATTR {
    const VI rounded = RoundToInt(hn::Min(hn::Max(y, lo), hi));
    StorePart(hn::DemoteTo(d8, rounded), d8, out + i, count);
  };
  if (q.op == RowOp::kMul) {
    ForVectors(n, [&](int64_t i, int count) HWY_ATTR {
      const VF x = hn::Sub(load(a, a_step, i, count), zero_a);
      const VF y = hn::Sub(load(b, b_step, i, count), zero_b);
      store(hn::MulAdd(hn::Mul(x, y), scale_a, offset), i, count);
    });
    return;
  }
  ForVectors(n, [&](int64_t i, int count) HWY_ATTR {
    const VF y = hn::MulAdd(load(b, b_step, i, count), scale_b, offset);
    store(hn::MulAdd(load(a, a_step, i, count), scale_a, y), i, count);
  });
}

void BinaryQuantized(const QuantizedRowArgs& q, const void* a, int a_step, const void* b,
                     int b_step, int64_t n, void* out) {
  if (n <= 0) return;
  if (q.is_unsigned) {
    BinaryQuantizedTyped(q, static_cast<const uint8_t*>(a), a_step, static_cast<const uint8_t*>(b),
                         b_step, n, static_cast<uint8_t*>(out));
  } else {
    BinaryQuantizedTyped(q, static_cast<const int8_t*>(a), a_step, static_cast<const int8_t*>(b),
                         b_step, n, static_cast<int8_t*>(out));
  }
}

// e^x within 2 ulp for x in [-87, 88]; 0 below, the largest finite power above. Cody-Waite
// reduction by ln 2 and the Taylor polynomial of degree 7 on [-ln 2 / 2, ln 2 / 2].
HWY_INLINE VF Exp(VF x) {
  const DF d;
  const DI di;
  const VF clamped = hn::Min(hn::Max(x, hn::Set(d, -87.0f)), hn::Set(d, 88.0f));
  const VI n = hn::NearestInt(hn::Mul(clamped, hn::Set(d, 1.44269504f)));
  const VF nf = hn::ConvertTo(d, n);
  VF r = hn::NegMulAdd(nf, hn::Set(d, 0.693359375f), clamped);
  r = hn::NegMulAdd(nf, hn::Set(d, -2.12194440e-4f), r);
  VF p = hn::Set(d, 1.0f / 5040);
  p = hn::MulAdd(p, r, hn::Set(d, 1.0f / 720));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0f / 120));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0f / 24));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0f / 6));
  p = hn::MulAdd(p, r, hn::Set(d, 0.5f));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0f));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0f));
  const VI bits = hn::ShiftLeft<23>(hn::Add(n, hn::Set(di, 127)));
  const VF value = hn::Mul(p, hn::BitCast(d, bits));
  return hn::IfThenElse(hn::Lt(x, hn::Set(d, -87.0f)), hn::Zero(d), value);
}

HWY_INLINE VF Tanh(VF x) {
  const DF d;
  const VF magnitude = hn::Abs(x);
  const VF e = Exp(hn::Add(magnitude, magnitude));
  const VF one = hn::Set(d, 1.0f);
  const VF large = hn::Sub(one, hn::Div(hn::Set(d, 2.0f), hn::Add(e, one)));
  // Near zero the difference would lose digits: the series.
  const VF square = hn::Mul(x, x);
  VF p = hn::Set(d, -17.0f / 315);
  p = hn::MulAdd(p, square, hn::Set(d, 2.0f / 15));
  p = hn::MulAdd(p, square, hn::Set(d, -1.0f / 3));
  const VF small = hn::MulAdd(hn::Mul(p, square), magnitude, magnitude);
  const VF y = hn::IfThenElse(hn::Lt(magnitude, hn::Set(d, 0.15f)), small, large);
  return hn::CopySign(y, x);
}

void Function(RowFunction function, const float* in, int64_t n, float* out) {
  const DF d;
  const VF one = hn::Set(d, 1.0f);
  ForVectors(n, [&](int64_t i, int count) HWY_ATTR {
    const VF x = LoadPart(d, in + i, count);
    VF y = x;
    switch (function) {
      case RowFunction::kLogistic:
        y = hn::Div(one, hn::Add(one, Exp(hn::Neg(x))));
        y = hn::IfThenElse(hn::Lt(x, hn::Set(d, -9.0f)), Exp(x), y);  // as the reference has it
        break;
      case RowFunction::kTanh:
        y = Tanh(x);
        break;
      case RowFunction::kHardSwish: {
        const VF relu6 =
            hn::Min(hn::Max(hn::Add(x, hn::Set(d, 3.0f)), hn::Zero(d)), hn::Set(d, 6.0f));
        y = hn::Div(hn::Mul(x, relu6), hn::Set(d, 6.0f));
        break;
      }
    }
    // A NaN stays one.
    StorePart(hn::IfThenElse(hn::Eq(x, x), y, x), d, out + i, count);
  });
}

void Clamp(const float* in, int64_t n, float lo, float hi, float* out) {
  const DF d;
  const VF vlo = hn::Set(d, lo), vhi = hn::Set(d, hi);
  ForVectors(n, [&](int64_t i, int count) HWY_ATTR {
    // The operand order keeps a NaN.
    const VF x = LoadPart(d, in + i, count);
    StorePart(hn::Min(vhi, hn::Max(vlo, x)), d, out + i, count);
  });
}

void MinMax(const float* in, int64_t n, float* lowest, float* highest) {
  const DF d;
  VF lo = hn::Set(d, in[0]), hi = lo;
  int64_t i = 0;
  for (; i + kLanes32 <= n; i += kLanes32) {
    const VF x = hn::LoadU(d, in + i);
    lo = hn::Min(x, lo);
    hi = hn::Max(x, hi);
  }
  float l = hn::GetLane(hn::MinOfLanes(d, lo)), h = hn::GetLane(hn::MaxOfLanes(d, hi));
  for (; i < n; ++i) {
    l = in[i] < l ? in[i] : l;
    h = in[i] > h ? in[i] : h;
  }
  *lowest = l;
  *highest = h;
}

void Softmax(const float* in, int64_t n, float beta, float* out) {
  if (n <= 0) return;
  const DF d;
  float lowest, highest;
  MinMax(in, n, &lowest, &highest);
  const VF max = hn::Set(d, highest), scale = hn::Set(d, beta);
  VF sums = hn::Zero(d);
  ForVectors(n, [&](int64_t i, int count) HWY_ATTR {
    const VF x = LoadPart(d, in + i, count);
    const VF difference = hn::Mul(hn::Sub(x, max), scale);
    const VF e = hn::IfThenElse(hn::Eq(x, x), Exp(difference), x);
    StorePart(e, d, out + i, count);
    sums = hn::Add(sums, count == kLanes32
                             ? e
                             : hn::IfThenElseZero(hn::FirstN(d, static_cast<size_t>(count)), e));
  });
  const VF sum = hn::SumOfLanes(d, sums);
  ForVectors(n, [&](int64_t i, int count) HWY_ATTR {
    StorePart(hn::Div(LoadPart(d, out + i, count), sum), d, out + i, count);
  });
}

void Quantize(const float* in, int64_t n, float inverse, int32_t zero_point, int32_t lo, int32_t hi,
              int8_t* out) {
  const DF d;
  const DI di;
  const hn::Rebind<int8_t, DF> d8;
  const VF vinverse = hn::Set(d, inverse);
  const VF vlo = hn::Set(d, static_cast<float>(lo - zero_point));
  const VF vhi = hn::Set(d, static_cast<float>(hi - zero_point));
  const VI zero = hn::Set(di, zero_point);
  const VF almost_half = hn::Set(d, 0.49999997f);
  ForVectors(n, [&](int64_t i, int count) HWY_ATTR {
    // Max puts a NaN to the lower limit.
    VF x = hn::Mul(LoadPart(d, in + i, count), vinverse);
    x = hn::Min(hn::Max(x, vlo), vhi);
    const VI y = hn::ConvertTo(di, hn::Add(x, hn::CopySign(almost_half, x)));
    StorePart(hn::DemoteTo(d8, hn::Add(y, zero)), d8, out + i, count);
  });
}

}  // namespace

extern const RowKernels kRows;
const RowKernels kRows = {
    .binary_float = EDGEML_FLOAT_KERNEL(BinaryFloat),
    .binary_quantized = EDGEML_BYTE_KERNEL(BinaryQuantized),
    .function = EDGEML_FLOAT_KERNEL(Function),
    .clamp = EDGEML_FLOAT_KERNEL(Clamp),
    .softmax = EDGEML_FLOAT_KERNEL(Softmax),
    .min_max = EDGEML_FLOAT_KERNEL(MinMax),
    .quantize = EDGEML_FLOAT_KERNEL(Quantize),
};

}  // namespace edgeml::kernels::EDGEML_SIMD_LEVEL
