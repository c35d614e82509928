#include "src/data/array.h"

#include <bit>
#include <cmath>

namespace edgeml::data {
namespace {

template <typename T>
std::vector<double> Convert(const Array& array) {
  std::vector<double> out;
  out.reserve(array.bytes.size() / sizeof(T));
  for (const T v : array.as<T>()) out.push_back(static_cast<double>(v));
  return out;
}

}  // namespace

float HalfToFloat(uint16_t half) {
  const int exponent = (half >> 10) & 31;
  const int fraction = half & 1023;
  const float sign = (half & 0x8000) ? -1.0f : 1.0f;
  if (exponent == 31) {
    const uint32_t bits = 0x7F800000u | static_cast<uint32_t>(fraction) << 13 |
                          static_cast<uint32_t>(half & 0x8000) << 16;
    return std::bit_cast<float>(bits);
  }
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(fraction), -24);
  return sign * std::ldexp(static_cast<float>(fraction + 1024), exponent - 25);
}

std::vector<double> ToDoubles(const Array& array) {
  switch (array.type) {
    case DType::kFloat32:
      return Convert<float>(array);
    case DType::kFloat64:
      return Convert<double>(array);
    case DType::kInt8:
      return Convert<int8_t>(array);
    case DType::kBool:
    case DType::kUInt8:
      return Convert<uint8_t>(array);
    case DType::kInt16:
      return Convert<int16_t>(array);
    case DType::kUInt16:
      return Convert<uint16_t>(array);
    case DType::kInt32:
      return Convert<int32_t>(array);
    case DType::kUInt32:
      return Convert<uint32_t>(array);
    case DType::kInt64:
      return Convert<int64_t>(array);
    case DType::kUInt64:
      return Convert<uint64_t>(array);
    case DType::kFloat16: {
      std::vector<double> out;
      out.reserve(array.bytes.size() / 2);
      for (const uint16_t v : array.as<uint16_t>()) out.push_back(HalfToFloat(v));
      return out;
    }
    case DType::kBFloat16: {
      std::vector<double> out;
      out.reserve(array.bytes.size() / 2);
      for (const uint16_t v : array.as<uint16_t>()) {
        out.push_back(std::bit_cast<float>(static_cast<uint32_t>(v) << 16));
      }
      return out;
    }
    default:
      return {};
  }
}

}  // namespace edgeml::data
