// Element types, shapes and constants as TensorFlow's messages state them.
#ifndef EDGEML_FORMATS_SAVEDMODEL_TENSORS_H_
#define EDGEML_FORMATS_SAVEDMODEL_TENSORS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "edgeml/dtype.h"
#include "edgeml/status.h"
#include "src/formats/savedmodel/budget.h"
#include "src/formats/savedmodel/tf_graph.h"
#include "src/tensor/shape.h"

namespace edgeml::savedmodel {

namespace pb {
class Tensor;
class TensorShape;
}  // namespace pb

// The type of a DataType number; reference types (of variables of TensorFlow 1) give the type they
// refer to. kInvalid for those we lack: quantized, float8, and the ones narrower than a byte, which
// TensorFlow stores one to a byte.
DType TypeOf(int32_t number);
// "float32", or "type 24" for one that we lack.
std::string NameOfType(int32_t number);

// What the message says; has_rank is false for an unknown rank. kInvalidModel for a dimension below
// -1 or above 2^31; kUnsupported for more than kMaxRank.
struct PartialShape {
  bool has_rank = false;
  Shape shape;
};
Result<PartialShape> ReadShape(const pb::TensorShape& in);

// The shape of a tensor that has one, and its bytes. kInvalidModel for unknown dimensions and for
// sizes that no memory can hold; `type` must not be kString.
struct DenseShape {
  Shape shape;
  size_t bytes = 0;
};
Result<DenseShape> ReadDenseShape(const pb::TensorShape& in, DType type);

// The value of a constant. Its bytes point into the message, which `owner` keeps alive, unless they
// are stored otherwise, misaligned, or booleans other than 0 and 1. kUnsupported for types we lack.
Result<Constant> ReadTensor(const pb::Tensor& in, const std::shared_ptr<const void>& owner,
                            Budget& budget);

// Strings as a constant. REQUIRES: shape.num_elements() == strings.size().
Result<Constant> StringConstant(const Shape& shape, std::span<const std::string_view> strings);

// `bytes` as a constant, copied when kernels could not read it where it is.
Result<ir::ConstantData> AlignedData(DType type, std::span<const std::byte> bytes,
                                     const std::shared_ptr<const void>& owner, Budget& budget);

}  // namespace edgeml::savedmodel

#endif  // EDGEML_FORMATS_SAVEDMODEL_TENSORS_H_
