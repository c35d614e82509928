// What the steps with weights of all backends share: checks of quantization, weights narrower than
// a byte, loops over output rows.
#ifndef EDGEML_BACKENDS_WEIGHTS_H_
#define EDGEML_BACKENDS_WEIGHTS_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/strings.h"
#include "src/ir/attributes.h"
#include "src/runtime/backend.h"
#include "src/tensor/activation_range.h"
#include "src/tensor/fixed_point.h"

namespace edgeml::backends {

using runtime::NodeView;
using runtime::PrepareContext;
using runtime::RunContext;

// Declining -----------------------------------------------------------------------------------
// Each returns why not, or "".

// `view` has finite scales, none negative (none zero unless `zero_scale`), and zero points within
// the range of its type; its scales are not those of blocks (unless `blocks`); `what` names it.
std::string DeclineQuantization(const TensorView& view, std::string_view what,
                                bool zero_scale = false, bool blocks = false);
// All zero points of `view` are 0.
std::string DeclineAsymmetric(const TensorView& view, std::string_view what);
// `weights` has one scale, or one per index of dimension `axis`, which has `channels` of them.
std::string DeclineChannelScales(const TensorView& weights, int axis, int32_t channels);
// The fused activation is a clamp, and for a quantized output can be expressed in its integers.
std::string DeclineActivation(ir::Activation activation, const TensorView& output);
// "float32 input with int8 weights": a combination of types that no kernel takes.
std::string NoKernelFor(const NodeView& view, size_t input, size_t weights);

// Weights -------------------------------------------------------------------------------------

// The weights as whole bytes: as they are, or unpacked from 4 or 2 bits, once per model when they
// are constant and else in every run.
class IntegerWeights {
 public:
  Status Prepare(PrepareContext& context, size_t input);
  // Weights of 8 bits, of whatever sign. REQUIRES: Prepare succeeded for this input.
  const int8_t* Get(RunContext& context) const;

 private:
  size_t input_ = 0;
  int workspace_ = -1;  // unpacked in every run
  std::shared_ptr<const std::byte> packed_;
};

// input scale * weights scale / output scale of each channel, in double precision; `float_product`:
// with the first product rounded to float, as LiteRT does for uint8 and some other per-tensor
// forms. Finite whatever the scales are.
std::vector<double> EffectiveScales(const TensorView& input, const TensorView& weights,
                                    const TensorView& output, int32_t channels,
                                    bool float_product = false);
std::vector<FixedPointMultiplier> FixedPointMultipliers(const std::vector<double>& scales);
// The weights' scales, [channels].
std::vector<float> ChannelScales(const TensorView& weights, int32_t channels);

// A float input quantized image by image or row by row, with what the hybrid kernels need of it.
class QuantizedInput {
 public:
  // Asks for the memory of `rows` rows of `elements` each.
  void Prepare(PrepareContext& context, int64_t rows, int64_t elements);
  // Quantizes values [rows, elements].
  void Fill(RunContext& context, const float* values, bool asymmetric) const;

  size_t rows() const { return rows_; }
  size_t elements() const { return elements_; }
  int8_t* values(RunContext& context) const {
    return static_cast<int8_t*>(context.workspace(values_));
  }
  float* scales(RunContext& context) const {
    return static_cast<float*>(context.workspace(scales_));
  }
  int32_t* zero_points(RunContext& context) const {
    return static_cast<int32_t*>(context.workspace(zero_points_));
  }

 private:
  size_t rows_ = 0, elements_ = 0;
  int values_ = -1, scales_ = -1, zero_points_ = -1;
};

// Calls body(row) for every row in [0, rows) on the pool's threads; kCancelled once a stop is asked
// for.
template <typename Body>
Status ForEachRow(RunContext& context, int64_t rows, Body&& body) {
  context.pool().ParallelFor(rows, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end && !context.cancelled(); ++row) body(row);
  });
  if (context.cancelled()) return Error(Code::kCancelled, "stopped on request");
  return Status::Ok();
}

}  // namespace edgeml::backends

#endif  // EDGEML_BACKENDS_WEIGHTS_H_
