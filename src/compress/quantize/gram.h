// Second moments of what a layer reads, from which the error of rounded weights follows without the
// activations: for patches x of the float network and xq of the quantized one, the mean squared
// error of w~ xq as against w x is, up to a constant,
//   d H d^T + 2 (w D) d^T,  d = w~ - w,  H = E[xq^T xq],  D = E[(xq - x)^T xq].
#ifndef EDGEML_COMPRESS_QUANTIZE_GRAM_H_
#define EDGEML_COMPRESS_QUANTIZE_GRAM_H_

#include <cstdint>
#include <vector>

#include "edgeml/status.h"
#include "src/base/thread_pool.h"
#include "src/kernels/convolution/convolution.h"

namespace edgeml::quantize {

struct GramMatrices {
  int64_t groups = 1;        // of the convolution; depthwise: input channels
  int64_t k = 0;             // weights of one output: filter_h * filter_w * in_c / groups
  int64_t samples = 0;       // patches
  std::vector<float> h;      // [groups, k, k]
  std::vector<float> d;      // [groups, k, k]; empty = zeros: x and xq are the same
  std::vector<float> mean;   // [groups, k] of xq
  std::vector<float> shift;  // [groups, k], mean of xq - x; empty = zeros
  // H = rows^T rows, where that takes fewer operations than H; else empty. Only of one group.
  std::vector<float> rows;  // [samples, k]
};

// Deepest layer whose matrices are computed: 256 MB each.
inline constexpr int64_t kMaxGramDepth = 8192;
// Largest sum of all groups' matrices, in elements.
inline constexpr int64_t kMaxGramElements = kMaxGramDepth * kMaxGramDepth;

// Adds up activations as they stream by.
class GramAccumulator {
 public:
  struct Options {
    // x and xq differ.
    bool asymmetric = true;
    // Moments about the means. Right when the bias is corrected afterwards, which then takes up the
    // mean error.
    bool centred = true;
    // Where an image has more patches, so many are taken: one at a place of its own in each of as
    // many equal parts of the image's pixels, the same ones in each run.
    int64_t patches_per_image = 64;
  };

  // `shape`: in_c, groups and the filter count. Errors: kInvalidArgument for sizes that do not fit,
  // kUnsupported for a layer beyond the limits above.
  static Result<GramAccumulator> Create(const kernels::ConvShape& shape, const Options& options);

  // x and xq: [batch, in_h, in_w, in_c] of `shape`, whose filter, in_c and groups are as before; x
  // is not read unless asymmetric. kInvalidArgument for another layer or a value that is not
  // finite; the sums are then useless.
  Status Add(const kernels::ConvShape& shape, const float* x, const float* xq, ThreadPool& pool);

  // kInvalidArgument when nothing was added.
  Result<GramMatrices> Finish(ThreadPool& pool) &&;

  int64_t samples() const { return samples_; }

 private:
  GramAccumulator() = default;
  bool depthwise() const { return channels_ == 1 && groups_ > 1; }
  void Flush(ThreadPool& pool);
  void FlushGroup(const float* xq, const float* shift, float* h, float* d, ThreadPool& pool);
  void FlushDepthwise(ThreadPool& pool);

  Options options_;
  kernels::ConvShape shape_;
  int64_t groups_ = 1, k_ = 0, taps_ = 1;
  int32_t channels_ = 1;  // of a group
  int64_t samples_ = 0, images_ = 0;
  int64_t pending_ = 0;                 // patches in the buffers
  std::vector<float> xq_, difference_;  // [groups, kBlock, k]; depthwise [kBlock, taps, channels]
  // Sums. Depthwise: [taps, taps, channels].
  std::vector<float> h_, d_;
  std::vector<double> mean_, shift_;  // as the rows of the buffers
  bool flushed_ = false;
};

// The shape of a dense layer on `rows` rows of `depth` elements.
kernels::ConvShape DenseShape(int64_t rows, int64_t depth);

}  // namespace edgeml::quantize

#endif  // EDGEML_COMPRESS_QUANTIZE_GRAM_H_
