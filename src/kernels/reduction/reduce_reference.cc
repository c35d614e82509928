#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <type_traits>

#include "src/kernels/elementwise/integer_math.h"
#include "src/kernels/reduction/reduction.h"

namespace edgeml::kernels {
namespace {

template <typename T, typename Acc, typename F>
void Fold(const BroadcastPlan& plan, const void* in, Acc* acc, F f) {
  const T* from = static_cast<const T*>(in);
  const int64_t n = plan.inner(), step = plan.inner_stride(0);
  ForEachRow(plan, [&](const std::array<int64_t, kMaxBroadcastInputs>& offset, int64_t begin) {
    Acc* to = acc + offset[0];
    for (int64_t i = 0; i < n; ++i) to[i * step] = f(to[i * step], from[begin + i]);
  });
}

template <typename T>
T Plus(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    return WrapAdd(a, b);
  } else {
    return a + b;
  }
}

template <typename T>
T Times(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    return WrapMul(a, b);
  } else {
    return a * b;
  }
}

template <typename T>
void ReduceTyped(ReduceOp op, const BroadcastPlan& plan, const void* in, int64_t out_size,
                 bool whole, void* out) {
  T* to = static_cast<T*>(out);
  const auto fill = [&](T value) { std::fill(to, to + out_size, value); };
  const bool from_first = whole && plan.inner() > 0;
  const auto first = [&](T otherwise) {
    return from_first ? *static_cast<const T*>(in) : otherwise;
  };
  switch (op) {
    case ReduceOp::kSum:
      fill(T{0});
      return Fold<T>(plan, in, to, Plus<T>);
    case ReduceOp::kProd:
      fill(T{1});
      return Fold<T>(plan, in, to, Times<T>);
    case ReduceOp::kMax:
      fill(first(std::numeric_limits<T>::lowest()));
      return Fold<T>(plan, in, to, [](T a, T x) { return x > a ? x : a; });
    case ReduceOp::kMin:
      fill(first(std::numeric_limits<T>::max()));
      return Fold<T>(plan, in, to, [](T a, T x) { return x < a ? x : a; });
    default:
      return;
  }
}

void ReduceBool(ReduceOp op, const BroadcastPlan& plan, const void* in, int64_t out_size,
                uint8_t* out) {
  const bool all = op == ReduceOp::kAll;
  std::fill(out, out + out_size, static_cast<uint8_t>(all));
  if (all) return Fold<uint8_t>(plan, in, out, [](uint8_t a, uint8_t x) { return a & (x != 0); });
  return Fold<uint8_t>(plan, in, out, [](uint8_t a, uint8_t x) { return a | (x != 0); });
}

template <typename T>
void SumTyped(const BroadcastPlan& plan, const void* in, int64_t out_size,
              const QuantizedReduceParams& p, int32_t* sums, void* out) {
  constexpr int32_t kLo = std::numeric_limits<T>::min(), kHi = std::numeric_limits<T>::max();
  T* to = static_cast<T*>(out);
  std::fill(to, to + out_size, T{0});
  if (p.count == 0) return;
  std::fill(sums, sums + out_size, 0);
  Fold<T>(plan, in, sums, [](int32_t a, T x) { return WrapAdd(a, int32_t{x}); });
  for (int64_t i = 0; i < out_size; ++i) {
    const int32_t shifted = static_cast<int32_t>(sums[i] - p.zero_point_in * p.count);
    to[i] = static_cast<T>(
        OffsetAndClamp(MultiplyByFixedPoint(shifted, p.multiplier), p.zero_point_out, kLo, kHi));
  }
}

template <typename T>
void ProdTyped(const BroadcastPlan& plan, const void* in, int64_t out_size,
               const QuantizedReduceParams& p, int32_t* products, void* out) {
  constexpr int32_t kLo = std::numeric_limits<T>::min(), kHi = std::numeric_limits<T>::max();
  const T* from = static_cast<const T*>(in);
  T* to = static_cast<T*>(out);
  // The first factor of each product is taken as it is. It is the one that meets a place for the
  // first time; `to` marks the places seen.
  std::fill(to, to + out_size, T{0});
  const int64_t n = plan.inner(), step = plan.inner_stride(0);
  ForEachRow(plan, [&](const std::array<int64_t, kMaxBroadcastInputs>& offset, int64_t begin) {
    for (int64_t i = 0; i < n; ++i) {
      const int64_t place = offset[0] + i * step;
      const int32_t factor = from[begin + i] - p.zero_point_in;
      if (to[place] == 0) {
        products[place] = factor;
        to[place] = 1;
      } else {
        products[place] = MultiplyByFixedPoint(int64_t{products[place]} * factor, p.multiplier);
      }
    }
  });
  for (int64_t i = 0; i < out_size; ++i) {
    to[i] = static_cast<T>(OffsetAndClamp(MultiplyByFixedPoint(int64_t{products[i]}, p.multiplier),
                                          p.zero_point_out, kLo, kHi));
  }
}

}  // namespace

void Reduce(DType type, ReduceOp op, const BroadcastPlan& plan, const void* in, int64_t out_size,
            bool whole, void* out) {
  switch (type) {
    case DType::kFloat32:
      return ReduceTyped<float>(op, plan, in, out_size, whole, out);
    case DType::kInt8:
      return ReduceTyped<int8_t>(op, plan, in, out_size, whole, out);
    case DType::kUInt8:
      return ReduceTyped<uint8_t>(op, plan, in, out_size, whole, out);
    case DType::kInt16:
      return ReduceTyped<int16_t>(op, plan, in, out_size, whole, out);
    case DType::kInt32:
      return ReduceTyped<int32_t>(op, plan, in, out_size, whole, out);
    case DType::kInt64:
      return ReduceTyped<int64_t>(op, plan, in, out_size, whole, out);
    case DType::kBool:
      return ReduceBool(op, plan, in, out_size, static_cast<uint8_t*>(out));
    default:
      return;
  }
}

void Mean(DType type, const BroadcastPlan& plan, const void* in, int64_t out_size, int64_t count,
          int64_t* sums, void* out) {
  if (type == DType::kFloat32) {
    float* to = static_cast<float*>(out);
    if (count == 0) return std::fill(to, to + out_size, std::numeric_limits<float>::quiet_NaN());
    std::fill(to, to + out_size, 0.0f);
    Fold<float>(plan, in, to, Plus<float>);
    for (int64_t i = 0; i < out_size; ++i) to[i] /= static_cast<float>(count);
  } else if (type == DType::kInt64) {
    int64_t* to = static_cast<int64_t*>(out);
    std::fill(to, to + out_size, 0);
    if (count == 0) return;
    Fold<int64_t>(plan, in, to, Plus<int64_t>);
    for (int64_t i = 0; i < out_size; ++i) to[i] /= count;
  } else if (type == DType::kInt32) {
    int32_t* to = static_cast<int32_t*>(out);
    std::fill(to, to + out_size, 0);
    if (count == 0) return;
    std::fill(sums, sums + out_size, 0);
    Fold<int32_t>(plan, in, sums, [](int64_t a, int32_t x) { return a + x; });
    for (int64_t i = 0; i < out_size; ++i) to[i] = static_cast<int32_t>(sums[i] / count);
  }
}

FixedPointMultiplier MeanMultiplier(double in_over_out_scale, int64_t count) {
  FixedPointMultiplier m = ToFixedPoint(in_over_out_scale);
  // As much of the mantissa's headroom in 64 bits as the division by the count uses up.
  int shift = 63 - std::countl_zero(static_cast<uint64_t>(count));
  shift = std::min({shift, 32, 31 + m.shift});
  m.mantissa = static_cast<int32_t>((int64_t{m.mantissa} << shift) / count);
  m.shift -= shift;
  return m;
}

void SumQuantized(DType type, const BroadcastPlan& plan, const void* in, int64_t out_size,
                  const QuantizedReduceParams& params, int32_t* sums, void* out) {
  switch (type) {
    case DType::kInt8:
      return SumTyped<int8_t>(plan, in, out_size, params, sums, out);
    case DType::kUInt8:
      return SumTyped<uint8_t>(plan, in, out_size, params, sums, out);
    case DType::kInt16:
      return SumTyped<int16_t>(plan, in, out_size, params, sums, out);
    default:
      return;
  }
}

void ProdQuantized(DType type, const BroadcastPlan& plan, const void* in, int64_t out_size,
                   const QuantizedReduceParams& params, int32_t* products, void* out) {
  if (type == DType::kInt8) return ProdTyped<int8_t>(plan, in, out_size, params, products, out);
  if (type == DType::kInt16) return ProdTyped<int16_t>(plan, in, out_size, params, products, out);
}

}  // namespace edgeml::kernels
