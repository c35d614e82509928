#include "edgeml/dtype.h"

namespace edgeml {

int BitsOf(DType type) {
  switch (type) {
    case DType::kInt2:
      return 2;
    case DType::kInt4:
    case DType::kUInt4:
      return 4;
    case DType::kInt8:
    case DType::kUInt8:
    case DType::kBool:
      return 8;
    case DType::kFloat16:
    case DType::kBFloat16:
    case DType::kInt16:
    case DType::kUInt16:
      return 16;
    case DType::kFloat32:
    case DType::kInt32:
    case DType::kUInt32:
    case DType::kResource:
      return 32;
    case DType::kFloat64:
    case DType::kInt64:
    case DType::kUInt64:
    case DType::kComplex64:
      return 64;
    case DType::kComplex128:
      return 128;
    case DType::kInvalid:
    case DType::kString:
    case DType::kVariant:
      return 0;
  }
  return 0;
}

std::string_view NameOf(DType type) {
  switch (type) {
    case DType::kInvalid:
      return "invalid";
    case DType::kFloat32:
      return "float32";
    case DType::kFloat16:
      return "float16";
    case DType::kBFloat16:
      return "bfloat16";
    case DType::kFloat64:
      return "float64";
    case DType::kInt8:
      return "int8";
    case DType::kUInt8:
      return "uint8";
    case DType::kInt16:
      return "int16";
    case DType::kUInt16:
      return "uint16";
    case DType::kInt32:
      return "int32";
    case DType::kUInt32:
      return "uint32";
    case DType::kInt64:
      return "int64";
    case DType::kUInt64:
      return "uint64";
    case DType::kBool:
      return "bool";
    case DType::kInt4:
      return "int4";
    case DType::kInt2:
      return "int2";
    case DType::kUInt4:
      return "uint4";
    case DType::kComplex64:
      return "complex64";
    case DType::kComplex128:
      return "complex128";
    case DType::kString:
      return "string";
    case DType::kResource:
      return "resource";
    case DType::kVariant:
      return "variant";
  }
  return "invalid";
}

}  // namespace edgeml
