#include <algorithm>
#include <cmath>

#include "src/kernels/pooling/pooling.h"

namespace edgeml::kernels {

void LocalResponseNormalize(int64_t depth, int64_t radius, double bias, double alpha, double beta,
                            const float* input, float* output, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    const int64_t channel = i % depth;
    const float* vector = input + (i - channel);
    const int64_t last = std::min(depth, channel + radius);
    float sum = 0.0f;
    for (int64_t c = std::max<int64_t>(0, channel - radius); c < last; ++c)
      sum += vector[c] * vector[c];
    output[i] = input[i] * static_cast<float>(std::pow(bias + alpha * double{sum}, -beta));
  }
}

}  // namespace edgeml::kernels
