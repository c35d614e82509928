// From an example to the bytes of a model's input.
#ifndef EDGEML_DATA_PREPROCESS_H_
#define EDGEML_DATA_PREPROCESS_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "edgeml/status.h"
#include "src/data/array.h"
#include "src/data/dataset.h"
#include "src/data/resize.h"

namespace edgeml::data {

// (x - mean) / std, with one number or one per channel; both empty = none.
struct Normalization {
  std::vector<float> mean, std;
  bool empty() const { return mean.empty() && std.empty(); }
};

struct InputSpec {
  Shape shape;  // may hold kUnknownDim
  DType type = DType::kInvalid;
  float scale = 0;  // 0 = not quantized
  int32_t zero_point = 0;
};

struct PreprocessOptions {
  ResizeMode resize = ResizeMode::kStretch;
  Normalization given;     // of the command line; comes first, and counts for arrays too
  Normalization metadata;  // of the model; counts for pixels only
};

// Makes one example into an input of the model, batch 1.
//
// Pixels: the input is [1, height, width, channels], [1, channels, height, width], [height, width,
// channels], [1, height, width], [height, width], or flat: [1, n], [n]. One channel: luma; three:
// RGB. Resized bilinearly when the size differs; unknown height and width take the picture's. Then
// `given`, else `metadata`; quantized inputs take the outcome through their scale and zero point.
// Without either: float inputs get 0 to 255, uint8 inputs the bytes, int8 inputs byte - 128, other
// quantized inputs the pixel value through their scale and zero point. The same bytes go to a uint8
// or int8 input whose quantization undoes `metadata` to within one step on every byte: models in
// the wild state a mean of 127.5 beside a zero point of 128, and were made for the bytes.
//
// Values: the number of elements must fit the input; shapes may differ by dimensions of 1, or one
// may be flat. Taken bit by bit when their type is the input's (and nothing is `given`); otherwise
// as numbers, quantized when the input is, rounded and saturated when it is an integer.
//
// Samples: the input is [n], [1, n] or [1, n, 1]; cut, or filled with silence at the end. Integer
// inputs without a scale get 16-bit sample values.
//
// Rounding is to nearest, ties away from zero. The result has the settled shape.
// Errors: kInvalidArgument naming expected and given; kUnsupported for other input types.
Result<Array> ToModelInput(const Example& example, const InputSpec& spec,
                           const PreprocessOptions& options);

// Numbers to a tensor's stored form: `scale` > 0 quantizes (round(v / scale) + zero_point).
// Integers saturate, NaN becomes the zero point. kUnsupported.
Result<std::vector<uint8_t>> StoreValues(std::span<const double> values, DType type, float scale,
                                         int32_t zero_point);

// Round to nearest, ties to even; overflow gives infinity.
uint16_t FloatToHalf(float value);

}  // namespace edgeml::data

#endif  // EDGEML_DATA_PREPROCESS_H_
