// From what was observed of a tensor to the range that its integers shall span.
#ifndef EDGEML_COMPRESS_QUANTIZE_RANGE_SEARCH_H_
#define EDGEML_COMPRESS_QUANTIZE_RANGE_SEARCH_H_

#include <cstdint>
#include <string_view>

#include "edgeml/status.h"
#include "src/compress/quantize/observer.h"

namespace edgeml::quantize {

enum class RangeMethod : uint8_t {
  kMinMax,         // all values
  kMovingAverage,  // Observer::MovingAverage
  kPercentile,     // without the outermost values on either side
  kMse,            // least mean squared error after quantizing
  kEntropy,        // least divergence of the distribution after quantizing
};

// "min-max", "moving-average", "percentile", "mse", "entropy".
std::string_view NameOf(RangeMethod method);
// Errors: kInvalidArgument with the names there are.
Result<RangeMethod> ParseRangeMethod(std::string_view name);
// Whether it asks for ObserverOptions::histogram.
bool NeedsHistogram(RangeMethod method);

inline constexpr double kDefaultPercentile = 99.99;
inline constexpr int kLeastBits = 2, kMostBits = 16;

struct RangeOptions {
  RangeMethod method = RangeMethod::kMinMax;
  // The share of values inside, in (0, 100]; half of the others lies at either end.
  double percentile = kDefaultPercentile;
  int bits = 8;            // of the integers, kLeastBits to kMostBits; counts for mse and entropy
  bool symmetric = false;  // zero point 0, range [-m, m] over 2^bits - 1 integers
};

// A method that needs the histogram of an observer that has none falls back to min-max. Never wider
// than min-max, made symmetric if asked; the ranges of mse and entropy hold 0, others as observed.
// Sources: mse: a search over shrunken ranges, the error integrated over the histogram's bins in
// closed form (values are taken as spread evenly in a bin, zeros as exact). entropy: the threshold
// search of Migacz, "8-bit inference with TensorRT" (2017), over magnitudes other than zero.
// REQUIRES: observer.seen().
Range FindRange(const Observer& observer, const RangeOptions& options);

// Mean squared error of the histogram's values when quantized to `range`, widened to hold 0, with
// the zero point rounded. REQUIRES: observer.seen(), !observer.histogram().empty().
double QuantizationError(const Observer& observer, Range range, int bits, bool symmetric);

}  // namespace edgeml::quantize

#endif  // EDGEML_COMPRESS_QUANTIZE_RANGE_SEARCH_H_
