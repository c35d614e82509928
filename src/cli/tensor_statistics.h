// What the numbers of a constant are like.
#ifndef EDGEML_CLI_TENSOR_STATISTICS_H_
#define EDGEML_CLI_TENSOR_STATISTICS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "edgeml/edgeml.h"

namespace edgeml::cli {

struct TensorStatistics {
  static constexpr size_t kBins = 32;
  double min = 0, max = 0, mean = 0, std = 0;  // of the finite elements
  int64_t count = 0, zeros = 0, not_finite = 0;
  std::array<int64_t, kBins> histogram{};  // equal bins over [min, max]
};

// Of the real values: quantized tensors dequantized. `bytes` are the tensor's elements as stored,
// dense. Empty for types that are no real numbers (string, complex, …), for tensors without
// elements, and when `bytes` is not of the size that shape and type ask for.
std::optional<TensorStatistics> StatisticsOf(const TensorInfo& info,
                                             std::span<const std::byte> bytes);

}  // namespace edgeml::cli

#endif  // EDGEML_CLI_TENSOR_STATISTICS_H_
