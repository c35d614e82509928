// What quantizing cost, layer by layer.
#ifndef EDGEML_COMPRESS_QUANTIZE_METRICS_H_
#define EDGEML_COMPRESS_QUANTIZE_METRICS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "edgeml/status.h"
#include "src/compress/quantize/calibration.h"
#include "src/compress/quantize/samples.h"
#include "src/ir/graph.h"
#include "src/runtime/module_runner.h"
#include "src/tensor/view.h"

namespace edgeml::quantize {

// Signal and noise of a tensor in two runs, summed up.
class NoiseMeter {
 public:
  // REQUIRES: equal sizes.
  void Add(std::span<const float> reference, std::span<const float> other);
  void Add(const NoiseMeter& other);

  int64_t count() const { return count_; }
  // Signal to quantization noise ratio, 10 log10(sum reference^2 / sum difference^2), in dB.
  // Infinite without noise; minus infinity without signal, or where one of both is not finite.
  double sqnr_db() const;
  double mean_squared_error() const;
  double largest_error() const { return largest_; }
  // Mean of other - reference: what bias correction takes away.
  double mean_error() const;

 private:
  int64_t count_ = 0;
  double signal_ = 0, noise_ = 0, sum_ = 0, largest_ = 0;
};

// The numbers that a tensor stands for: float32 as they are, integers through their scale and zero
// point, per axis too. False for types and quantizations that have none (float16, block-wise,
// packed), and for integers without scale.
bool Dequantize(const TensorView& view, std::vector<float>& out);
// The other way: rounds to nearest, ties away from zero, saturates. REQUIRES: values has as many
// elements as the view; Dequantize() takes the view.
void Requantize(std::span<const float> values, const TensorView& view);

// A value of the float main graph and what became of it in the quantized one.
struct LayerPair {
  int32_t reference = 0, quantized = 0;
};

struct LayerError {
  LayerPair pair;
  std::string name;  // of the reference
  NoiseMeter total;  // with everything quantized in front of it
  NoiseMeter alone;  // with exact inputs, rounded to their type: what this layer itself adds
};

struct CompareOptions {
  int64_t limit = 0;      // samples taken, evenly spread; 0 = all
  int threads = 0;        // 0 = as many as processors
  bool alone = true;      // also find LayerError::alone: one run more of the quantized model
  size_t memory_cap = 0;  // per thread and model; 0 = 80 % of the machine's memory
  const runtime::CustomOps* custom_ops = nullptr;
};

// Runs both modules over the samples and compares the values of each pair, dequantized; worst
// first. An input of the quantized graph that is of integers gets the sample quantized. A pair that
// no node computes, or of types without numbers (Dequantize), compares nothing: count() is 0; such
// come last. Holds the pairs' float values of one sample per thread. Results do not depend on the
// number of threads. Errors name the sample: those of samples and of running; kInvalidArgument when
// a pair names no value or its shapes differ; kCancelled.
Result<std::vector<LayerError>> CompareLayers(
    const ir::Module& reference, const ir::Module& quantized, std::span<const LayerPair> pairs,
    const SampleSource& samples, const CompareOptions& options, const runtime::Backends& backends,
    const Progress& progress = nullptr);

}  // namespace edgeml::quantize

#endif  // EDGEML_COMPRESS_QUANTIZE_METRICS_H_
