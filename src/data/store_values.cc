#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "src/base/strings.h"
#include "src/data/preprocess.h"

namespace edgeml::data {
namespace {

template <typename T>
std::vector<uint8_t> StoreFloats(std::span<const double> values) {
  std::vector<uint8_t> out(values.size() * sizeof(T));
  for (size_t i = 0; i < values.size(); ++i) {
    const T v = static_cast<T>(values[i]);
    std::memcpy(out.data() + i * sizeof(T), &v, sizeof(T));
  }
  return out;
}

template <typename T>
std::vector<uint8_t> StoreIntegers(std::span<const double> values, double scale,
                                   double zero_point) {
  // For 64 bits the largest double that fits lies below the largest integer.
  constexpr double kLow = static_cast<double>(std::numeric_limits<T>::min());
  constexpr double kHigh = sizeof(T) < 8 ? static_cast<double>(std::numeric_limits<T>::max())
                           : std::is_signed_v<T> ? 9223372036854774784.0
                                                 : 18446744073709549568.0;
  std::vector<uint8_t> out(values.size() * sizeof(T));
  for (size_t i = 0; i < values.size(); ++i) {
    const double q = std::round(values[i] / scale) + zero_point;
    const T v = static_cast<T>(std::clamp(std::isnan(q) ? zero_point : q, kLow, kHigh));
    std::memcpy(out.data() + i * sizeof(T), &v, sizeof(T));
  }
  return out;
}

}  // namespace

uint16_t FloatToHalf(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>(bits >> 16 & 0x8000);
  const uint32_t magnitude = bits & 0x7FFFFFFF;
  if (magnitude > 0x7F800000) return sign | 0x7E00;   // NaN
  if (magnitude >= 0x477FF000) return sign | 0x7C00;  // 65520 and up
  if (magnitude < 0x38800000) {                       // below 2^-14: subnormal or zero
    const float scaled = std::bit_cast<float>(magnitude) * 16777216.0f;  // exact
    return sign | static_cast<uint16_t>(std::nearbyint(scaled));
  }
  const uint32_t odd = magnitude >> 13 & 1;
  return sign | static_cast<uint16_t>((magnitude - 0x38000000 + 0xFFF + odd) >> 13);
}

Result<std::vector<uint8_t>> StoreValues(std::span<const double> values, DType type, float scale,
                                         int32_t zero_point) {
  const double s = scale > 0 ? scale : 1.0, z = scale > 0 ? zero_point : 0;
  switch (type) {
    case DType::kFloat32:
      return StoreFloats<float>(values);
    case DType::kFloat64:
      return StoreFloats<double>(values);
    case DType::kInt8:
      return StoreIntegers<int8_t>(values, s, z);
    case DType::kUInt8:
      return StoreIntegers<uint8_t>(values, s, z);
    case DType::kInt16:
      return StoreIntegers<int16_t>(values, s, z);
    case DType::kUInt16:
      return StoreIntegers<uint16_t>(values, s, z);
    case DType::kInt32:
      return StoreIntegers<int32_t>(values, s, z);
    case DType::kUInt32:
      return StoreIntegers<uint32_t>(values, s, z);
    case DType::kInt64:
      return StoreIntegers<int64_t>(values, s, z);
    case DType::kUInt64:
      return StoreIntegers<uint64_t>(values, s, z);
    case DType::kBool: {
      std::vector<uint8_t> out(values.size());
      std::transform(values.begin(), values.end(), out.begin(),
                     [](double v) { return static_cast<uint8_t>(v != 0); });
      return out;
    }
    case DType::kFloat16: {
      std::vector<uint8_t> out(values.size() * 2);
      for (size_t i = 0; i < values.size(); ++i) {
        const uint16_t v = FloatToHalf(static_cast<float>(values[i]));
        std::memcpy(out.data() + 2 * i, &v, 2);
      }
      return out;
    }
    default:
      return Error(Code::kUnsupported, "an input of type ", NameOf(type),
                   " cannot be made from numbers");
  }
}

}  // namespace edgeml::data
