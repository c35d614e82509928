#include <algorithm>
#include <numeric>
#include <type_traits>

#include "src/base/stop.h"
#include "src/kernels/elementwise/integer_math.h"
#include "src/kernels/reduction/reduction.h"

namespace edgeml::kernels {
namespace {

template <typename T, typename Out>
void ArgExtremeTyped(bool largest, const T* in, int64_t outer, int64_t axis, int64_t inner,
                     Out* out) {
  for (int64_t o = 0; o < outer; ++o) {
    for (int64_t i = 0; i < inner; ++i) {
      const T* column = in + o * axis * inner + i;
      T best = column[0];
      int64_t at = 0;
      for (int64_t k = 1; k < axis; ++k) {
        const T x = column[k * inner];
        if (largest ? x > best : x < best) {
          best = x;
          at = k;
        }
      }
      *out++ = static_cast<Out>(at);
    }
  }
}

template <typename T>
void ArgExtremeOf(bool largest, const void* in, int64_t outer, int64_t axis, int64_t inner,
                  DType out_type, void* out) {
  const T* from = static_cast<const T*>(in);
  if (out_type == DType::kInt32) {
    ArgExtremeTyped(largest, from, outer, axis, inner, static_cast<int32_t*>(out));
  } else {
    ArgExtremeTyped(largest, from, outer, axis, inner, static_cast<int64_t*>(out));
  }
}

template <typename T>
void CumulativeSumTyped(const void* in, int64_t outer, int64_t axis, int64_t inner, bool exclusive,
                        bool reverse, void* out) {
  for (int64_t o = 0; o < outer; ++o) {
    for (int64_t i = 0; i < inner; ++i) {
      const int64_t column = o * axis * inner + i;
      T sum{0};
      for (int64_t k = 0; k < axis; ++k) {
        const int64_t at = column + (reverse ? axis - 1 - k : k) * inner;
        const T x = static_cast<const T*>(in)[at];
        const T before = sum;
        if constexpr (std::is_integral_v<T>) {
          sum = WrapAdd(sum, x);
        } else {
          sum += x;
        }
        static_cast<T*>(out)[at] = exclusive ? before : sum;
      }
    }
  }
}

template <typename T>
void TopKTyped(const void* in, int64_t rows, int32_t depth, int32_t k, DType index_type,
               int32_t* order, void* values, void* indices) {
  const T* row = static_cast<const T*>(in);
  T* value = static_cast<T*>(values);
  for (int64_t r = 0; r < rows && !StopRequested(); ++r, row += depth, value += k) {
    std::iota(order, order + depth, 0);
    std::partial_sort(order, order + k, order + depth, [row](int32_t a, int32_t b) {
      const T x = row[a], y = row[b];
      const bool x_nan = x != x, y_nan = y != y;
      if (x_nan != y_nan) return y_nan;
      if (x > y) return true;
      if (x < y) return false;
      return a < b;
    });
    for (int32_t i = 0; i < k; ++i) {
      value[i] = row[order[i]];
      if (index_type == DType::kInt32) {
        static_cast<int32_t*>(indices)[r * k + i] = order[i];
      } else {
        static_cast<int16_t*>(indices)[r * k + i] = static_cast<int16_t>(order[i]);
      }
    }
  }
}

}  // namespace

void ArgExtreme(DType type, bool largest, const void* in, int64_t outer, int64_t axis,
                int64_t inner, DType out_type, void* out) {
  switch (type) {
    case DType::kFloat32:
      return ArgExtremeOf<float>(largest, in, outer, axis, inner, out_type, out);
    case DType::kInt8:
      return ArgExtremeOf<int8_t>(largest, in, outer, axis, inner, out_type, out);
    case DType::kUInt8:
    case DType::kBool:
      return ArgExtremeOf<uint8_t>(largest, in, outer, axis, inner, out_type, out);
    case DType::kInt32:
      return ArgExtremeOf<int32_t>(largest, in, outer, axis, inner, out_type, out);
    default:
      return;
  }
}

void CumulativeSum(DType type, const void* in, int64_t outer, int64_t axis, int64_t inner,
                   bool exclusive, bool reverse, void* out) {
  switch (type) {
    case DType::kFloat32:
      return CumulativeSumTyped<float>(in, outer, axis, inner, exclusive, reverse, out);
    case DType::kInt32:
      return CumulativeSumTyped<int32_t>(in, outer, axis, inner, exclusive, reverse, out);
    case DType::kInt64:
      return CumulativeSumTyped<int64_t>(in, outer, axis, inner, exclusive, reverse, out);
    default:
      return;
  }
}

void TopK(DType type, const void* in, int64_t rows, int32_t depth, int32_t k, DType index_type,
          int32_t* order, void* values, void* indices) {
  if (k == 0) return;
  switch (type) {
    case DType::kFloat32:
      return TopKTyped<float>(in, rows, depth, k, index_type, order, values, indices);
    case DType::kInt8:
      return TopKTyped<int8_t>(in, rows, depth, k, index_type, order, values, indices);
    case DType::kUInt8:
      return TopKTyped<uint8_t>(in, rows, depth, k, index_type, order, values, indices);
    case DType::kInt16:
      return TopKTyped<int16_t>(in, rows, depth, k, index_type, order, values, indices);
    case DType::kInt32:
      return TopKTyped<int32_t>(in, rows, depth, k, index_type, order, values, indices);
    case DType::kInt64:
      return TopKTyped<int64_t>(in, rows, depth, k, index_type, order, values, indices);
    default:
      return;
  }
}

}  // namespace edgeml::kernels
