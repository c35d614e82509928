#include "src/kernels/stablehlo/combine.h"

#include <type_traits>

#include "src/kernels/elementwise/integer_math.h"
#include "src/tensor/half.h"

namespace edgeml::kernels {
namespace {

// A binary16 that computes in float32.
struct Half {
  uint16_t bits;
  Half() = default;
  explicit Half(float value) : bits(FloatToHalf(value)) {}
  operator float() const { return HalfToFloat(bits); }  // NOLINT: arithmetic on it is meant
};

struct Second {
  template <typename T>
  static T Of(T, T b) {
    return b;
  }
};
struct Add {
  template <typename T>
  static T Of(T a, T b) {
    if constexpr (std::is_integral_v<T>)
      return WrapAdd(a, b);
    else
      return static_cast<T>(a + b);
  }
};
struct Mul {
  template <typename T>
  static T Of(T a, T b) {
    if constexpr (std::is_integral_v<T>)
      return WrapMul(a, b);
    else
      return static_cast<T>(a * b);
  }
};
struct Maximum {
  template <typename T>
  static T Of(T a, T b) {
    return a < b ? b : a;
  }
};
struct Minimum {
  template <typename T>
  static T Of(T a, T b) {
    return b < a ? b : a;
  }
};
struct WindowMaximum {
  template <typename T>
  static T Of(T a, T b) {
    return a >= b ? a : b;
  }
};
struct WindowMinimum {
  template <typename T>
  static T Of(T a, T b) {
    return a <= b ? a : b;
  }
};
struct BitAnd {
  template <typename T>
  static T Of(T a, T b) {
    return static_cast<T>(a & b);
  }
};
struct All {
  template <typename T>
  static T Of(T a, T b) {
    return static_cast<T>(a != T(0) && b != T(0));
  }
};
struct Any {
  template <typename T>
  static T Of(T a, T b) {
    return static_cast<T>(a != T(0) || b != T(0));
  }
};

template <typename T, typename Op>
void Run(void*, const void* a, ptrdiff_t a_step, const void* b, ptrdiff_t b_step, void* out,
         ptrdiff_t out_step, int64_t n) {
  const T* x = static_cast<const T*>(a);
  const T* y = static_cast<const T*>(b);
  T* z = static_cast<T*>(out);
  for (int64_t i = 0; i < n; ++i) {
    const auto at = static_cast<ptrdiff_t>(i);
    z[at * out_step] = Op::Of(x[at * a_step], y[at * b_step]);
  }
}

// Where the sign does not count, signed integers run as unsigned ones.
template <typename Op>
CombineFn ByWidth(int bits) {
  switch (bits) {
    case 8:
      return Run<uint8_t, Op>;
    case 16:
      return Run<uint16_t, Op>;
    case 32:
      return Run<uint32_t, Op>;
    case 64:
      return Run<uint64_t, Op>;
    default:
      return nullptr;
  }
}

template <typename Op>
CombineFn OfFloat(DType type) {
  switch (type) {
    case DType::kFloat16:
      return Run<Half, Op>;
    case DType::kFloat32:
      return Run<float, Op>;
    case DType::kFloat64:
      return Run<double, Op>;
    default:
      return nullptr;
  }
}

template <typename Op>
CombineFn OfSigned(DType type) {
  switch (type) {
    case DType::kInt8:
      return Run<int8_t, Op>;
    case DType::kInt16:
      return Run<int16_t, Op>;
    case DType::kInt32:
      return Run<int32_t, Op>;
    case DType::kInt64:
      return Run<int64_t, Op>;
    default:
      return nullptr;
  }
}

bool IsInteger(DType type) {
  switch (type) {
    case DType::kInt8:
    case DType::kUInt8:
    case DType::kInt16:
    case DType::kUInt16:
    case DType::kInt32:
    case DType::kUInt32:
    case DType::kInt64:
    case DType::kUInt64:
      return true;
    default:
      return false;
  }
}

// `Op` on any type; `kSignCounts` when its result on integers depends on their sign.
template <typename Op, bool kSignCounts>
CombineFn OfNumber(DType type) {
  if (!IsInteger(type)) return OfFloat<Op>(type);
  if (kSignCounts)
    if (const CombineFn fn = OfSigned<Op>(type); fn != nullptr) return fn;
  return ByWidth<Op>(BitsOf(type));
}

CombineFn Find(Combination combination, DType type) {
  switch (combination) {
    case Combination::kSecond:
      return ByWidth<Second>(BitsOf(type));
    case Combination::kAdd:
      return OfNumber<Add, false>(type);
    case Combination::kMul:
      return OfNumber<Mul, false>(type);
    case Combination::kMaximum:
      return OfNumber<Maximum, true>(type);
    case Combination::kMinimum:
      return OfNumber<Minimum, true>(type);
    case Combination::kBitAnd:
      return IsInteger(type) ? ByWidth<BitAnd>(BitsOf(type)) : nullptr;
    case Combination::kAll:
      return OfNumber<All, false>(type);
    case Combination::kAny:
      return OfNumber<Any, false>(type);
    case Combination::kWindowMaximum:  // integers have no NaN
      return IsInteger(type) ? Find(Combination::kMaximum, type) : OfFloat<WindowMaximum>(type);
    case Combination::kWindowMinimum:
      return IsInteger(type) ? Find(Combination::kMinimum, type) : OfFloat<WindowMinimum>(type);
  }
  return nullptr;
}

CombineFn FindBool(Combination combination) {
  switch (combination) {
    case Combination::kSecond:
      return Run<uint8_t, Second>;
    case Combination::kAdd:
    case Combination::kMaximum:
    case Combination::kWindowMaximum:
    case Combination::kAny:
      return Run<uint8_t, Any>;
    case Combination::kMul:
    case Combination::kMinimum:
    case Combination::kWindowMinimum:
    case Combination::kBitAnd:
    case Combination::kAll:
      return Run<uint8_t, All>;
  }
  return nullptr;
}

template <typename T>
void ShiftLeftTyped(const void* a, const void* b, void* out, int64_t n) {
  using Bits = std::make_unsigned_t<T>;
  const auto* x = static_cast<const Bits*>(a);
  const auto* y = static_cast<const Bits*>(b);
  auto* z = static_cast<Bits*>(out);
  constexpr uint32_t kBits = 8 * sizeof(T);
  for (int64_t i = 0; i < n; ++i)
    z[i] = y[i] < kBits ? static_cast<Bits>(uint32_t{x[i]} << y[i]) : Bits{0};
}

}  // namespace

Combiner FindCombiner(Combination combination, DType type) {
  Combiner combiner;
  combiner.run = type == DType::kBool ? FindBool(combination) : Find(combination, type);
  combiner.element_bytes = static_cast<size_t>(BitsOf(type) / 8);
  return combiner;
}

void ShiftLeft(int bits, const void* a, const void* b, void* out, int64_t n) {
  switch (bits) {
    case 8:
      return ShiftLeftTyped<int8_t>(a, b, out, n);
    case 16:
      return ShiftLeftTyped<int16_t>(a, b, out, n);
    default:
      return ShiftLeftTyped<int32_t>(a, b, out, n);
  }
}

}  // namespace edgeml::kernels
