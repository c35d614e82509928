// How often which values occur, in bins of equal width whose range grows by powers of two. Counts
// are integers and growing joins whole bins, so what comes out depends neither on the order of the
// values nor on how they were split and merged.
#ifndef EDGEML_COMPRESS_QUANTIZE_HISTOGRAM_H_
#define EDGEML_COMPRESS_QUANTIZE_HISTOGRAM_H_

#include <cstdint>
#include <span>
#include <vector>

#include "edgeml/status.h"

namespace edgeml::quantize {

class Histogram {
 public:
  static constexpr int kBins = 2048, kHalf = kBins / 2;
  static constexpr int kLeastExponent = -100, kLargestExponent = 128;

  bool empty() const { return total_ == 0; }
  // Values lie in (-2^k, 2^k), k being the exponent: the smallest one that the values allow, and at
  // least kLeastExponent.
  int exponent() const { return exponent_; }
  double bin_width() const;
  // The bin i holds values from Edge(i) to Edge(i + 1). What is negative lies in the bins below
  // kHalf, zeros lie in bin kHalf.
  double Edge(int bin) const { return (bin - kHalf) * bin_width(); }
  // [kBins]; none when empty.
  std::span<const uint64_t> counts() const { return counts_; }
  uint64_t total() const { return total_; }
  uint64_t zeros() const { return zeros_; }

  // REQUIRES: the values are finite and `magnitude` is the largest of their absolute values.
  void Add(std::span<const float> values, float magnitude);
  void Merge(const Histogram& other);

  // What counts(), exponent() and zeros() gave. kInvalidArgument when they cannot be a histogram's.
  static Result<Histogram> Restore(int exponent, std::vector<uint64_t> counts, uint64_t zeros);

 private:
  void GrowTo(int exponent);

  int exponent_ = kLeastExponent;
  std::vector<uint64_t> counts_;
  uint64_t total_ = 0, zeros_ = 0;
};

}  // namespace edgeml::quantize

#endif  // EDGEML_COMPRESS_QUANTIZE_HISTOGRAM_H_
