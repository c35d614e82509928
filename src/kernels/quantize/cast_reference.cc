// Casts go through blocks of int64 or double, which hold every source exactly: 14 readers and 14
// writers instead of 196 loops.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "src/kernels/quantize/packed.h"
#include "src/kernels/quantize/quantize.h"
#include "src/tensor/half.h"

namespace edgeml::kernels {
namespace {

constexpr int64_t kBlock = 256;

bool IsWholeByteInteger(DType t) {
  switch (t) {
    case DType::kInt8:
    case DType::kUInt8:
    case DType::kInt16:
    case DType::kUInt16:
    case DType::kInt32:
    case DType::kUInt32:
    case DType::kInt64:
    case DType::kBool:
      return true;
    default:
      return false;
  }
}

template <typename T, typename Wide>
void Widen(const void* in, int64_t begin, int64_t n, Wide* block) {
  const T* from = static_cast<const T*>(in) + begin;
  for (int64_t i = 0; i < n; ++i) block[i] = static_cast<Wide>(from[i]);
}

void ReadIntegers(DType type, const void* in, int64_t begin, int64_t n, int64_t* block) {
  const uint8_t* bytes = static_cast<const uint8_t*>(in);
  switch (type) {
    case DType::kInt8:
      return Widen<int8_t>(in, begin, n, block);
    case DType::kUInt8:
      return Widen<uint8_t>(in, begin, n, block);
    case DType::kBool:
      for (int64_t i = 0; i < n; ++i) block[i] = bytes[begin + i] != 0;
      return;
    case DType::kInt16:
      return Widen<int16_t>(in, begin, n, block);
    case DType::kUInt16:
      return Widen<uint16_t>(in, begin, n, block);
    case DType::kInt32:
      return Widen<int32_t>(in, begin, n, block);
    case DType::kUInt32:
      return Widen<uint32_t>(in, begin, n, block);
    case DType::kInt64:
      return Widen<int64_t>(in, begin, n, block);
    case DType::kInt4:
      for (int64_t i = 0; i < n; ++i) block[i] = LoadInt4(bytes, begin + i);
      return;
    case DType::kUInt4:
      for (int64_t i = 0; i < n; ++i) block[i] = LoadUInt4(bytes, begin + i);
      return;
    case DType::kInt2:
      for (int64_t i = 0; i < n; ++i) block[i] = LoadInt2(bytes, begin + i);
      return;
    default:
      return;
  }
}

void ReadFloats(DType type, const void* in, int64_t begin, int64_t n, double* block) {
  const uint16_t* halves = static_cast<const uint16_t*>(in) + begin;
  switch (type) {
    case DType::kFloat32:
      return Widen<float>(in, begin, n, block);
    case DType::kFloat64:
      return Widen<double>(in, begin, n, block);
    case DType::kFloat16:
      for (int64_t i = 0; i < n; ++i) block[i] = static_cast<double>(HalfToFloat(halves[i]));
      return;
    case DType::kBFloat16:
      for (int64_t i = 0; i < n; ++i) block[i] = static_cast<double>(BFloat16ToFloat(halves[i]));
      return;
    case DType::kComplex64:  // its real part
      for (int64_t i = 0; i < n; ++i)
        block[i] = static_cast<double>(static_cast<const float*>(in)[2 * (begin + i)]);
      return;
    default:
      return;
  }
}

template <typename T, typename Wide>
T Narrow(Wide x) {
  if constexpr (std::is_floating_point_v<Wide> && std::is_integral_v<T>) {
    if (std::isnan(x)) return std::numeric_limits<T>::max();
    // The type's maximum may round up to 2^k, which does not fit; every double below it does.
    if (x <= static_cast<double>(std::numeric_limits<T>::min()))
      return std::numeric_limits<T>::min();
    if (x >= static_cast<double>(std::numeric_limits<T>::max()))
      return std::numeric_limits<T>::max();
  }
  return static_cast<T>(x);
}

template <typename T, typename Wide>
void Write(const Wide* block, int64_t begin, int64_t n, void* out) {
  T* to = static_cast<T*>(out) + begin;
  for (int64_t i = 0; i < n; ++i) to[i] = Narrow<T>(block[i]);
}

template <typename Wide>
void WriteBlock(DType type, const Wide* block, int64_t begin, int64_t n, void* out) {
  uint8_t* bytes = static_cast<uint8_t*>(out);
  uint16_t* halves = static_cast<uint16_t*>(out) + begin;
  const auto pack = [&](int bits, double lo, double hi) {
    for (int64_t i = 0; i < n; ++i) {
      const double x = static_cast<double>(block[i]);
      // NaN ends as the upper bound.
      const double clamped = x < hi ? std::max(lo, x) : hi;
      StorePacked(bytes, begin + i, bits, static_cast<int32_t>(clamped));
    }
  };
  switch (type) {
    case DType::kInt8:
      return Write<int8_t>(block, begin, n, out);
    case DType::kUInt8:
      return Write<uint8_t>(block, begin, n, out);
    case DType::kInt16:
      return Write<int16_t>(block, begin, n, out);
    case DType::kUInt16:
      return Write<uint16_t>(block, begin, n, out);
    case DType::kInt32:
      return Write<int32_t>(block, begin, n, out);
    case DType::kUInt32:
      return Write<uint32_t>(block, begin, n, out);
    case DType::kInt64:
      return Write<int64_t>(block, begin, n, out);
    case DType::kFloat32:
      return Write<float>(block, begin, n, out);
    case DType::kFloat64:
      return Write<double>(block, begin, n, out);
    case DType::kBool:
      for (int64_t i = 0; i < n; ++i) bytes[begin + i] = block[i] != 0;
      return;
    case DType::kFloat16:
      for (int64_t i = 0; i < n; ++i) halves[i] = FloatToHalf(static_cast<float>(block[i]));
      return;
    case DType::kBFloat16:
      for (int64_t i = 0; i < n; ++i) halves[i] = FloatToBFloat16(static_cast<float>(block[i]));
      return;
    case DType::kComplex64:
      for (int64_t i = 0; i < n; ++i) {
        static_cast<float*>(out)[2 * (begin + i)] = static_cast<float>(block[i]);
        static_cast<float*>(out)[2 * (begin + i) + 1] = 0.0f;
      }
      return;
    case DType::kInt4:
      return pack(4, -8.0, 7.0);
    case DType::kUInt4:
      return pack(4, 0.0, 15.0);
    case DType::kInt2:
      return pack(2, -2.0, 1.0);
    default:
      return;
  }
}

}  // namespace

bool CanCast(DType from, DType to) {
  const auto common = [](DType t) {
    return IsFloat(t) || IsWholeByteInteger(t) || t == DType::kComplex64;
  };
  if (common(from) && common(to)) return true;
  const auto packed = [](DType t) {
    return t == DType::kInt4 || t == DType::kUInt4 || t == DType::kInt2;
  };
  return (packed(from) && to == DType::kFloat32) || (from == DType::kFloat32 && packed(to));
}

void Cast(DType from, const void* in, int64_t n, DType to, void* out) {
  if (from == DType::kComplex64 && to == from) {
    if (n > 0) std::memcpy(out, in, static_cast<size_t>(n) * 8);
    return;
  }
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    const int64_t size = std::min(kBlock, n - begin);
    if (IsFloat(from) || from == DType::kComplex64) {
      double block[kBlock];
      ReadFloats(from, in, begin, size, block);
      WriteBlock(to, block, begin, size, out);
    } else {
      int64_t block[kBlock];
      ReadIntegers(from, in, begin, size, block);
      WriteBlock(to, block, begin, size, out);
    }
  }
}

}  // namespace edgeml::kernels
