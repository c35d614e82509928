#include "src/cli/tensor_statistics.h"

#include <algorithm>
#include <cmath>

#include "src/base/strings.h"
#include "src/cli/engine.h"
#include "src/tensor/shape.h"

namespace edgeml::cli {
namespace {

// Elements looked at at a time: memory stays small, and packed elements begin at a byte.
constexpr int64_t kChunk = 1 << 16;

// Calls visit(value) for the real value of each element in order.
template <typename Visit>
void ForEachReal(const TensorInfo& info, std::span<const std::byte> bytes, int64_t count,
                 const Visit& visit) {
  const QuantizationInfo& q = info.quantization;
  const bool quantized = !IsFloat(info.dtype) && !q.scales.empty();
  int64_t inner = 1;  // elements between two indices of the quantized dimension
  for (size_t d = static_cast<size_t>(std::max(q.quantized_dimension, 0)) + 1;
       d < info.shape.size(); ++d) {
    inner *= info.shape[d];
  }
  const auto channels = static_cast<int64_t>(q.scales.size());
  TensorInfo stored;
  stored.dtype = info.dtype;
  TensorRef part;
  part.dtype = info.dtype;
  for (int64_t begin = 0; begin < count; begin += kChunk) {
    const int64_t n = std::min(kChunk, count - begin);
    const auto first = static_cast<size_t>(begin * BitsOf(info.dtype) / 8);
    part.bytes = static_cast<size_t>((n * BitsOf(info.dtype) + 7) / 8);
    part.data = const_cast<std::byte*>(bytes.data() + first);  // only read
    part.shape = {static_cast<int32_t>(n)};
    const std::vector<double> values = RealValues(stored, part);
    for (size_t i = 0; i < values.size(); ++i) {
      double value = values[i];
      if (quantized) {
        const int64_t at = begin + static_cast<int64_t>(i);
        const auto c = static_cast<size_t>(channels > 1 ? at / inner % channels : 0);
        const int32_t zero_point = c < q.zero_points.size() ? q.zero_points[c] : 0;
        value = (value - zero_point) * static_cast<double>(q.scales[c]);
      }
      visit(value);
    }
  }
}

}  // namespace

std::optional<TensorStatistics> StatisticsOf(const TensorInfo& info,
                                             std::span<const std::byte> bytes) {
  const bool real = info.dtype != DType::kBool && info.dtype != DType::kComplex64 &&
                    info.dtype != DType::kComplex128 && info.dtype != DType::kResource &&
                    BitsOf(info.dtype) > 0;
  if (!real || info.shape.size() > kMaxRank) return std::nullopt;
  const Shape shape(info.shape);
  const std::optional<size_t> size = CheckedByteSize(shape, info.dtype);
  if (!size || *size != bytes.size() || bytes.empty()) return std::nullopt;

  TensorStatistics s;
  s.count = shape.num_elements();
  double sum = 0;
  s.min = INFINITY, s.max = -INFINITY;
  ForEachReal(info, bytes, s.count, [&](double v) {
    if (!std::isfinite(v)) {
      ++s.not_finite;
      return;
    }
    s.min = std::min(s.min, v), s.max = std::max(s.max, v);
    s.zeros += v == 0 ? 1 : 0;
    sum += v;
  });
  const auto finite = static_cast<double>(s.count - s.not_finite);
  if (finite == 0) {
    s.min = s.max = 0;
    return s;
  }
  s.mean = sum / finite;
  double squares = 0;
  const double bins_per_unit =
      s.max > s.min ? static_cast<double>(TensorStatistics::kBins) / (s.max - s.min) : 0;
  ForEachReal(info, bytes, s.count, [&](double v) {
    if (!std::isfinite(v)) return;
    squares += (v - s.mean) * (v - s.mean);
    const double bin = std::min((v - s.min) * bins_per_unit, TensorStatistics::kBins - 1.0);
    // NaN where the range of doubles overflows: everything is in the first bin.
    ++s.histogram[bin > 0 ? static_cast<size_t>(bin) : 0];
  });
  s.std = std::sqrt(squares / finite);
  return s;
}

}  // namespace edgeml::cli
