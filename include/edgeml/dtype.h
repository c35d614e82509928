// Element types of tensors.
#ifndef EDGEML_DTYPE_H_
#define EDGEML_DTYPE_H_

#include <cstdint>
#include <string_view>

#include "edgeml/export.h"

namespace edgeml {

// The numeric values are part of the C ABI (edgeml_dtype in c_api.h) and never change.
enum class DType : uint8_t {
  kInvalid = 0,
  kFloat32 = 1,
  kFloat16 = 2,   // IEEE binary16
  kBFloat16 = 3,  // upper half of a float32
  kFloat64 = 4,
  kInt8 = 5,
  kUInt8 = 6,
  kInt16 = 7,
  kUInt16 = 8,
  kInt32 = 9,
  kUInt32 = 10,
  kInt64 = 11,
  kUInt64 = 12,
  kBool = 13,  // one byte, 0 or 1
  kInt4 = 14,  // two per byte, low nibble first
  kInt2 = 15,  // four per byte, low bits first
  kUInt4 = 16,
  kComplex64 = 17,   // two float32: real, imaginary
  kComplex128 = 18,  // two float64
  kString = 19,      // serialized string buffer of the TFLite format
  kResource = 20,    // 4-byte id of a per-session resource (variable, hash table)
  kVariant = 21,
};

// Bits of one element; 0 for kInvalid, kString and kVariant.
EDGEML_API int BitsOf(DType type);

// "float32", "int8", … as NumPy spells them where NumPy has the type.
EDGEML_API std::string_view NameOf(DType type);

constexpr bool IsFloat(DType t) {
  return t == DType::kFloat32 || t == DType::kFloat16 || t == DType::kBFloat16 ||
         t == DType::kFloat64;
}
// Types narrower than a byte, stored packed.
constexpr bool IsSubByte(DType t) {
  return t == DType::kInt4 || t == DType::kInt2 || t == DType::kUInt4;
}

}  // namespace edgeml

#endif  // EDGEML_DTYPE_H_
