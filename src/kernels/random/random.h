// Numbers of a distribution drawn from a Philox stream, in the order in which LiteRT draws them, so
// that equal seeds give equal numbers.
#ifndef EDGEML_KERNELS_RANDOM_RANDOM_H_
#define EDGEML_KERNELS_RANDOM_RANDOM_H_

#include <cstdint>

#include "src/kernels/random/philox.h"

namespace edgeml::kernels {

// out [n], uniform in [0, 1) in steps of 2^-23. A block of the stream gives four numbers; what the
// last one has left over is lost. Exact.
void RandomUniform(Philox& stream, int64_t n, float* out);

// out [n], normal with mean 0 and deviation 1: pairs by Box and Muller's transform, in float32.
// Magnitudes are below 5.7. Blocks as above; of a last odd pair the second number is lost (LiteRT
// writes it behind its output). Error bound: that of std::log, std::sin and std::cos.
void RandomStandardNormal(Philox& stream, int64_t n, float* out);

// Cumulated weights of one row of logits, cdf [classes]: exp(logit - greatest finite logit), those
// not finite counting nothing. classes >= 1.
void CategoricalWeights(int64_t classes, const float* logits, double* cdf);
// Draws uniform numbers in steps of 2^-52, two of each block.
class CategoricalSampler {
 public:
  explicit CategoricalSampler(const Philox& stream) : stream_(stream) {}
  // A class in [0, classes], with the probabilities of `cdf`; `classes` when no weight is positive,
  // as LiteRT.
  int64_t Draw(int64_t classes, const double* cdf);

 private:
  Philox stream_;
  Philox::Block block_{};
  bool half_used_ = false;
};

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_RANDOM_RANDOM_H_
