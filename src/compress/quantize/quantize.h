// Post-training quantization: a float model in, one of small numbers out.
#ifndef EDGEML_COMPRESS_QUANTIZE_QUANTIZE_H_
#define EDGEML_COMPRESS_QUANTIZE_QUANTIZE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "edgeml/status.h"
#include "src/compress/quantize/calibration.h"
#include "src/compress/quantize/integer.h"
#include "src/compress/quantize/prepare.h"
#include "src/ir/graph.h"

namespace edgeml::quantize {

enum class Scheme : uint8_t {
  kDynamic,     // int8 weights; activations quantized as they come
  kWeightInt8,  // int8 weights, float arithmetic
  kWeightInt4,  // int4 weights, float arithmetic
  kFloat16,     // float16 weights, float arithmetic
  kInt8,        // everything int8
  kInt8Float,   // int8 where an operator can, else float
  kInt16x8,     // int16 activations, int8 weights
  kInt4,        // int8 activations, int4 weights
  kBinary,      // int8 activations, one-bit weights
  kMixed,       // int8 activations, weights of 8 or 4 bits: QuantizeOptions::bits
};

struct SchemeInfo {
  Scheme scheme;
  std::string_view name;   // as the command spells it
  std::string_view means;  // in half a line
  bool calibrated;         // needs ranges of activations
};
std::span<const SchemeInfo> Schemes();
const SchemeInfo& InfoOf(Scheme scheme);
// Errors: kInvalidArgument with the names there are.
Result<Scheme> ParseScheme(std::string_view name);

struct QuantizeOptions {
  Scheme scheme = Scheme::kInt8;
  DType input_type = DType::kFloat32, output_type = DType::kFloat32;  // see IntegerOptions
  bool per_channel = true;
  int32_t block_size = 0;     // of int4 weights of FULLY_CONNECTED; 0 = per channel
  bool packed = true;         // see WeightFormat
  bool search_scales = true;  // weights below 8 bits: the scale of least squared error
  bool balance = true;        // rounding keeps the sums of weights (squant.h)
  // Operators without integer form, or kept float, are an error with kInt8, kInt16x8, kInt4 and
  // kBinary unless this is set. kInt8Float has it set.
  bool allow_float = false;
  int64_t min_elements = 1024;          // see WeightOnlyOptions
  std::vector<std::string> keep_float;  // see IntegerOptions
  // Bits of the weights of layers by name (of the value that the node makes): 8, 4, 1 or 32.
  std::map<std::string, int> bits;
  std::vector<int32_t> only_nodes;  // see IntegerOptions; not for weight-only schemes
  // By node; see IntegerOptions. Refine() finds them.
  std::map<int32_t, QuantizedWeights> rounded;
  std::map<int32_t, std::vector<float>> bias_shift;
};

// `module`: as Prepare() left it. `ranges`: by value of its main graph; empty for schemes that are
// not calibrated. Values keep their indices; ir::CompactValues drops those that are gone.
// Errors: kInvalidArgument for options or ranges that do not fit; kUnsupported naming all operators
// that cannot be quantized as asked.
Result<ir::Module> Quantize(const ir::Module& module, const Ranges& ranges,
                            const QuantizeOptions& options, std::vector<LayerReport>* report);

// The range of each value of the main graph for a scheme: as learned, else by the method that
// `seen` was calibrated with.
Ranges ChooseRanges(const CalibrationResult& seen, const Prepared& model, Scheme scheme);

// The options of integer arithmetic that `options` stand for. Errors: kInvalidArgument for a layer
// in `bits` that there is not, or a scheme without integer arithmetic.
Result<IntegerOptions> ToIntegerOptions(const ir::Module& module, const QuantizeOptions& options);

}  // namespace edgeml::quantize

#endif  // EDGEML_COMPRESS_QUANTIZE_QUANTIZE_H_
