// Weights as small integers with scales.
#ifndef EDGEML_COMPRESS_QUANTIZE_WEIGHTS_H_
#define EDGEML_COMPRESS_QUANTIZE_WEIGHTS_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "edgeml/status.h"
#include "src/ir/graph.h"
#include "src/tensor/quantization.h"
#include "src/tensor/shape.h"

namespace edgeml::quantize {

// How weights are stored. Always symmetric (zero point 0) and without the lowest number, as the
// TFLite quantization specification asks for: [-127, 127], [-7, 7]; 1 bit means {-1, 1}, stored
// as int4.
struct WeightFormat {
  enum class Scale : uint8_t {
    kLargest,       // the largest magnitude becomes the largest number
    kSquaredError,  // below 8 bits that of least squared error, weighted; at most kLargest's
  };
  int bits = 8;            // 8, 4 or 1
  int axis = -1;           // one scale for each index of this dimension; -1 = one for all
  int32_t block_size = 0;  // > 0: one scale for so many elements along the last dimension, whose
                           // size it must divide; float16, as the format stores them
  Scale scale = Scale::kLargest;
  int outputs = -1;    // the dimension of output channels, whose sums rounding keeps (squant.h);
                       // -1 = each weight is rounded to the nearest
  bool packed = true;  // below 8 bits as int4, two to a byte; else as int8, which runs faster

  friend bool operator==(const WeightFormat&, const WeightFormat&) = default;
};

struct QuantizedWeights {
  std::vector<int8_t> values;  // one per element, whatever `bits`
  std::vector<float> scale;    // [1], [channels], or [elements / block_size]
  WeightFormat format;

  // The scale of element `i` of a tensor of this shape.
  float scale_of(const Shape& shape, size_t i) const;
};

// `min_scale`: for each channel (or [1]), the least scale allowed; empty = none. Channels of zeros
// get the least scale of the others, or `min_scale`. For scales of least squared
// error, a weight's counts |w|^1.5 times, since large weights tend to meet large inputs (the power
// was found on the networks of docs/quantization.md: 0 cuts off too much, 2 too little). Errors:
// kInvalidArgument for a format that does not fit the shape; kUnsupported for weights that are not
// finite.
Result<QuantizedWeights> QuantizeWeights(std::span<const float> weights, const Shape& shape,
                                         const WeightFormat& format,
                                         std::span<const float> min_scale = {});

// The numbers that quantized weights stand for. REQUIRES: they are of this shape.
std::vector<float> Dequantize(const QuantizedWeights& weights, const Shape& shape);

// A constant of type int8 or int4 with its quantization. With blocks the format wants the scales in
// a value of their own (BlockScales), whose index goes into `quantization.scale_value`. REQUIRES:
// `weights` are of this shape.
ir::Value MakeConstant(const QuantizedWeights& weights, std::string name, const Shape& shape);
ir::Value BlockScales(const QuantizedWeights& weights, std::string name, const Shape& shape);

// Largest stored number of a format: 127, 7, 1.
constexpr int LargestOf(int bits) { return bits == 1 ? 1 : (1 << (bits - 1)) - 1; }

// Quantization of a tensor with one scale.
Quantization PerTensor(float scale, int64_t zero_point);

}  // namespace edgeml::quantize

#endif  // EDGEML_COMPRESS_QUANTIZE_WEIGHTS_H_
