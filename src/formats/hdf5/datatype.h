// Datatype and dataspace messages (specification IV.A.2.b and IV.A.2.d).
#ifndef EDGEML_FORMATS_HDF5_DATATYPE_H_
#define EDGEML_FORMATS_HDF5_DATATYPE_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "edgeml/dtype.h"
#include "edgeml/status.h"
#include "src/formats/hdf5/image.h"
#include "src/tensor/shape.h"

namespace edgeml::hdf5 {

enum class Padding : uint8_t { kNullTerminated = 0, kNulls = 1, kSpaces = 2 };

struct Datatype {
  // What elements become; kString for strings; kInvalid for what is not read.
  DType type = DType::kInvalid;
  uint32_t size = 0;  // stored bytes of one element, at least 1
  bool big_endian = false;
  // Integers: where the value stands in its bytes.
  bool is_signed = false;
  uint32_t bit_offset = 0, precision = 0;
  // Strings.
  bool variable_length = false;
  Padding padding = Padding::kNullTerminated;
  // Opaque bytes without a tag: what h5py makes of NumPy types that HDF5 lacks.
  bool untagged_opaque = false;
  // What it is when `type` is kInvalid, for messages: "compound values".
  std::string name;

  // The stored bytes are the value's, but for the byte order.
  bool plain() const {
    return bit_offset == 0 && precision == 8 * size && (size & (size - 1)) == 0;
  }
};

// kInvalidModel for bytes that are no datatype.
Result<Datatype> ParseDatatype(const Image& image, std::span<const std::byte> message);

struct Dataspace {
  std::vector<uint64_t> dims, max_dims;  // kNowhere in max_dims: unlimited
  bool is_null = false;
};

Result<Dataspace> ParseDataspace(const Image& image, std::span<const std::byte> message);

// kUnsupported when the dataspace goes beyond a Shape.
Result<Shape> ShapeOf(const Dataspace& space);

// Number of elements; kInvalidModel when it overflows.
Result<uint64_t> CountOf(const Dataspace& space);

}  // namespace edgeml::hdf5

#endif  // EDGEML_FORMATS_HDF5_DATATYPE_H_
