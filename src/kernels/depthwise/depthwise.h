// Depthwise convolutions with one output per input channel: set-up and pieces of work over the SIMD
// kernels. Contract of the arithmetic: src/kernels/convolution/convolution.h. Integers are
// bit-exact with the double rounding of MultiplyByFixedPoint; floats add the taps in the
// reference's order but start from the bias and fuse multiply and add.
#ifndef EDGEML_KERNELS_DEPTHWISE_DEPTHWISE_H_
#define EDGEML_KERNELS_DEPTHWISE_DEPTHWISE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "edgeml/dtype.h"
#include "src/base/cpu_features.h"
#include "src/kernels/convolution/convolution.h"
#include "src/kernels/depthwise/depthwise_args.h"
#include "src/kernels/simd/requantize.h"

namespace edgeml::kernels {

// Null for SimdLevel::kNone.
const DepthwiseInt8Kernels* DepthwiseInt8For(SimdLevel level);
const DepthwiseFloatKernels* DepthwiseFloatFor(SimdLevel level);

// Why the kernels do not take this shape, in words; null = they do.
const char* WhyNotDepthwise(const ConvShape& shape);

// REQUIRES: WhyNotDepthwise(shape) is null. After Settle, Run may be called from several threads on
// disjoint ranges of output rows (batch * out_h).
class DepthwiseInt8Plan {
 public:
  // filter_zero_point: 0 for signed filters.
  static size_t PackedBytes(const DepthwiseInt8Kernels& kernels, const ConvShape& shape,
                            bool is_unsigned, int32_t filter_zero_point);
  // filter [filter_h, filter_w, channels] of `type`: int8, uint8 or int4. `packed` is zeroed.
  static void Pack(const DepthwiseInt8Kernels& kernels, const ConvShape& shape, const void* filter,
                   DType type, int32_t filter_zero_point, std::byte* packed);

  void SettleInteger(const DepthwiseInt8Kernels& kernels, const ConvShape& shape,
                     const ConvQuantization& q, bool is_unsigned, const int32_t* bias,
                     const std::byte* packed);
  // int8 input quantized per image, float output. filter_scales [channels] or null = ones.
  void SettleHybrid(const DepthwiseInt8Kernels& kernels, const ConvShape& shape,
                    const float* filter_scales, const FloatRange& range, const float* bias,
                    const std::byte* packed);

  void Run(const void* input, void* output, RowRange rows) const;
  // `pad`: [channels] bytes of that image's zero point. `rows` lie in one image.
  void RunHybrid(const int8_t* input, float scale, int32_t zero_point, const int8_t* pad,
                 float* output, RowRange rows) const;

 private:
  void SettleCommon(const DepthwiseInt8Kernels& kernels, const ConvShape& shape, bool is_unsigned,
                    int32_t filter_zero_point, const std::byte* packed);
  // order[i] = channel whose sum stands at i, -1 for padding.
  std::vector<int32_t> order_;
  const DepthwiseInt8Kernels* kernels_ = nullptr;
  DepthwiseInt8Args args_;
  Requantization requantization_;
  const int64_t* sums_ = nullptr;  // of the weights per channel, then of their magnitudes
  std::vector<uint8_t> pad_;
  std::vector<int32_t> bias_, column_term_;
  std::vector<float> column_scale_, float_bias_;
};

class DepthwiseFloatPlan {
 public:
  // `filter` [filter_h, filter_w, channels] is used in place and must outlive the plan.
  void Settle(const DepthwiseFloatKernels& kernels, const ConvShape& shape, const FloatRange& range,
              const float* filter, const float* bias);
  void Run(const float* input, float* output, RowRange rows) const;

 private:
  const DepthwiseFloatKernels* kernels_ = nullptr;
  DepthwiseFloatArgs args_;
  std::vector<float> pad_, bias_;
};

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_DEPTHWISE_DEPTHWISE_H_
