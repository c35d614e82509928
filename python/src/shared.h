// What the parts of the extension module share: errors, and arrays over our memory.
#ifndef EDGEML_PYTHON_SRC_SHARED_H_
#define EDGEML_PYTHON_SRC_SHARED_H_

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <utility>
#include <vector>

#include "edgeml/dtype.h"
#include "edgeml/status.h"

namespace edgeml::python {

namespace nb = nanobind;

// A Status on its way to Python, where it is StatusError(code name, message).
struct StatusException : std::exception {
  explicit StatusException(Status s) : status(std::move(s)) {}
  const char* what() const noexcept override { return status.message().c_str(); }
  Status status;
};

inline void Check(Status status) {
  if (!status.ok()) throw StatusException(std::move(status));
}

template <typename T>
T Take(Result<T> result) {
  if (!result.ok()) throw StatusException(result.status());
  return std::move(result).value();
}

// The element type NumPy sees. Types that NumPy lacks are shown by their bytes: bfloat16 as uint16,
// sub-byte types, strings and the like as uint8.
inline nb::dlpack::dtype NumpyType(DType type) {
  switch (type) {
    case DType::kFloat32:
      return nb::dtype<float>();
    case DType::kFloat64:
      return nb::dtype<double>();
    case DType::kFloat16:
      return {static_cast<uint8_t>(nb::dlpack::dtype_code::Float), 16, 1};
    case DType::kInt8:
      return nb::dtype<int8_t>();
    case DType::kInt16:
      return nb::dtype<int16_t>();
    case DType::kInt32:
      return nb::dtype<int32_t>();
    case DType::kInt64:
      return nb::dtype<int64_t>();
    case DType::kBFloat16:
    case DType::kUInt16:
      return nb::dtype<uint16_t>();
    case DType::kUInt32:
      return nb::dtype<uint32_t>();
    case DType::kUInt64:
      return nb::dtype<uint64_t>();
    case DType::kBool:
      return nb::dtype<bool>();
    case DType::kComplex64:
      return {static_cast<uint8_t>(nb::dlpack::dtype_code::Complex), 64, 1};
    case DType::kComplex128:
      return {static_cast<uint8_t>(nb::dlpack::dtype_code::Complex), 128, 1};
    case DType::kResource:
      return nb::dtype<int32_t>();
    default:
      return nb::dtype<uint8_t>();
  }
}

inline bool ShownAsBytes(DType type) {
  return IsSubByte(type) || type == DType::kString || type == DType::kVariant ||
         type == DType::kInvalid;
}

using Array = nb::ndarray<nb::numpy>;
using ConstArray = nb::ndarray<nb::numpy, nb::ro>;

template <typename A, typename P>
A MakeArray(P data, size_t bytes, DType type, const std::vector<int32_t>& shape, nb::handle owner) {
  std::vector<size_t> dims(shape.begin(), shape.end());
  if (ShownAsBytes(type)) dims.assign(1, bytes);
  return A(data, dims.size(), dims.data(), owner, nullptr, NumpyType(type));
}

// Keeps a Python object alive from C++, whichever thread drops it.
inline std::shared_ptr<const void> Hold(nb::object object) {
  return {object.release().ptr(), [](const void* held) {
            if (!nb::is_alive()) return;
            nb::gil_scoped_acquire gil;
            Py_DECREF(static_cast<PyObject*>(const_cast<void*>(held)));
          }};
}

}  // namespace edgeml::python

#endif  // EDGEML_PYTHON_SRC_SHARED_H_
