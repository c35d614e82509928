#include "src/kernels/elementwise/bits.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "src/tensor/half.h"

namespace edgeml::kernels {
namespace {

template <typename T>
void XorTyped(const BroadcastPlan& plan, const void* a, const void* b, void* out) {
  BinaryLoop(plan, static_cast<const T*>(a), static_cast<const T*>(b), static_cast<T*>(out),
             [](T x, T y) { return static_cast<T>(x ^ y); });
}

template <typename T>
void ShiftTyped(const BroadcastPlan& plan, const void* a, const void* b, void* out) {
  constexpr int kMost = std::numeric_limits<std::make_unsigned_t<T>>::digits - 1;
  BinaryLoop(plan, static_cast<const T*>(a), static_cast<const T*>(b), static_cast<T*>(out),
             [](T x, T y) {
               const auto by = std::clamp<int64_t>(y, 0, kMost);
               return static_cast<T>(x >> by);
             });
}

template <typename T>
void Atan2Typed(int64_t n, const void* y, const void* x, void* out) {
  const T* py = static_cast<const T*>(y);
  const T* px = static_cast<const T*>(x);
  T* po = static_cast<T*>(out);
  for (int64_t i = 0; i < n; ++i) po[i] = std::atan2(py[i], px[i]);
}

template <float (*kLoad)(uint16_t), uint16_t (*kStore)(float)>
void Atan2Narrow(int64_t n, const void* y, const void* x, void* out) {
  const auto* py = static_cast<const uint16_t*>(y);
  const auto* px = static_cast<const uint16_t*>(x);
  auto* po = static_cast<uint16_t*>(out);
  for (int64_t i = 0; i < n; ++i) po[i] = kStore(std::atan2(kLoad(py[i]), kLoad(px[i])));
}

}  // namespace

void BitwiseXor(int bits, const BroadcastPlan& plan, const void* a, const void* b, void* out) {
  switch (bits) {
    case 8:
      return XorTyped<uint8_t>(plan, a, b, out);
    case 16:
      return XorTyped<uint16_t>(plan, a, b, out);
    default:
      return XorTyped<uint32_t>(plan, a, b, out);
  }
}

void RightShift(DType type, const BroadcastPlan& plan, const void* a, const void* b, void* out) {
  switch (type) {
    case DType::kInt8:
      return ShiftTyped<int8_t>(plan, a, b, out);
    case DType::kUInt8:
      return ShiftTyped<uint8_t>(plan, a, b, out);
    case DType::kInt16:
      return ShiftTyped<int16_t>(plan, a, b, out);
    case DType::kUInt16:
      return ShiftTyped<uint16_t>(plan, a, b, out);
    case DType::kInt32:
      return ShiftTyped<int32_t>(plan, a, b, out);
    case DType::kUInt32:
      return ShiftTyped<uint32_t>(plan, a, b, out);
    default:
      return;
  }
}

void Atan2(DType type, int64_t n, const void* y, const void* x, void* out) {
  switch (type) {
    case DType::kFloat64:
      return Atan2Typed<double>(n, y, x, out);
    case DType::kFloat32:
      return Atan2Typed<float>(n, y, x, out);
    case DType::kFloat16:
      return Atan2Narrow<HalfToFloat, FloatToHalf>(n, y, x, out);
    case DType::kBFloat16:
      return Atan2Narrow<BFloat16ToFloat, FloatToBFloat16>(n, y, x, out);
    default:
      return;
  }
}

}  // namespace edgeml::kernels
