#include "src/compress/quantize/squant.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <vector>

namespace edgeml::quantize {
namespace {

class Balancer {
 public:
  Balancer(std::span<const float> weights, const Shape& shape, QuantizedWeights& rounded)
      : rounded_(rounded),
        largest_(LargestOf(rounded.format.bits)),
        error_(weights.size()),
        order_() {
    for (size_t i = 0; i < weights.size(); ++i) {
      const double scale = rounded.scale_of(shape, i);
      error_[i] = rounded.values[i] - (scale > 0 ? weights[i] / scale : 0.0);
    }
  }

  // `count` weights from `first`, `stride` apart, all of one scale.
  void Balance(size_t first, size_t count, size_t stride) {
    double sum = 0;
    for (size_t i = 0; i < count; ++i) sum += error_[first + i * stride];
    const auto wanted = static_cast<size_t>(std::lround(std::abs(sum)));
    if (wanted == 0) return;
    // Weights that were cut off are further than half a step away, and stay.
    order_.clear();
    for (size_t i = 0; i < count; ++i) {
      const double error = error_[first + i * stride];
      if (error * sum > 0 && std::abs(error) <= 0.5) order_.push_back(first + i * stride);
    }
    const size_t taken = std::min(wanted, order_.size());
    std::partial_sort(order_.begin(), order_.begin() + static_cast<ptrdiff_t>(taken), order_.end(),
                      [&](size_t a, size_t b) {
                        const double apart = std::abs(error_[a]) - std::abs(error_[b]);
                        return apart > 0 || (apart == 0 && a < b);
                      });
    const int step = sum > 0 ? -1 : 1;
    for (size_t i = 0; i < taken; ++i) {
      int8_t& value = rounded_.values[order_[i]];
      if (std::abs(value + step) > largest_) continue;
      value = static_cast<int8_t>(value + step);
      error_[order_[i]] += step;
    }
  }

 private:
  QuantizedWeights& rounded_;
  const int largest_;
  std::vector<double> error_;  // in steps
  std::vector<size_t> order_;
};

}  // namespace

void BalanceRounding(std::span<const float> weights, const Shape& shape, int outputs,
                     QuantizedWeights& rounded) {
  if (rounded.format.bits == 1 || weights.empty() || shape.rank() < 2) return;
  Balancer balancer(weights, shape, rounded);
  if (const auto block = static_cast<size_t>(rounded.format.block_size); block > 0) {
    for (size_t first = 0; first < weights.size(); first += block)
      balancer.Balance(first, block, 1);
    return;
  }
  if (outputs != 0) {
    const auto channels = static_cast<size_t>(shape.back());
    for (size_t o = 0; o < channels; ++o) balancer.Balance(o, weights.size() / channels, channels);
    return;
  }
  const size_t row = weights.size() / static_cast<size_t>(shape[0]);
  const size_t inputs = shape.rank() > 2 ? static_cast<size_t>(shape.back()) : row;
  for (size_t first = 0; first < weights.size(); first += row) {
    if (inputs < row)
      for (size_t i = 0; i < inputs; ++i) balancer.Balance(first + i, row / inputs, inputs);
    balancer.Balance(first, row, 1);
  }
}

}  // namespace edgeml::quantize
