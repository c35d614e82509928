#include "src/compress/quantize/histogram.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "src/base/strings.h"
#include "src/kernels/statistics/statistics.h"

namespace edgeml::quantize {
namespace {

// Below this many values they are counted one by one; above, in several tables by turns: the same
// bin many times in a row (zeros after a ReLU) would wait for itself.
constexpr size_t kFewValues = 4096;
constexpr size_t kTables = 4;
// Values per pass through the first-level cache, and per pass of 32-bit counts.
constexpr size_t kBlock = 2048, kMostPerTable = size_t{1} << 31;

// The smallest exponent k in range with magnitude < 2^k.
int ExponentFor(float magnitude) {
  int exponent = 0;
  std::frexp(magnitude, &exponent);  // in [0.5, 1) times 2^exponent
  return magnitude == 0 ? Histogram::kLeastExponent : std::max(exponent, Histogram::kLeastExponent);
}

}  // namespace

double Histogram::bin_width() const { return std::ldexp(1.0 / kHalf, exponent_); }

void Histogram::GrowTo(int exponent) {
  if (counts_.empty()) counts_.assign(kBins, 0);
  if (exponent <= exponent_) return;
  const int shift = exponent - exponent_;
  exponent_ = exponent;
  if (total_ == 0) return;
  // From the middle outwards: a bin goes where bins have been taken from already.
  for (int m = 0; m < kHalf; ++m) {
    const int to = shift < 31 ? m >> shift : 0;
    if (to == m) continue;
    for (const auto& [from_bin, to_bin] :
         {std::pair(kHalf + m, kHalf + to), std::pair(kHalf - 1 - m, kHalf - 1 - to)}) {
      const uint64_t count = std::exchange(counts_[static_cast<size_t>(from_bin)], 0);
      counts_[static_cast<size_t>(to_bin)] += count;
    }
  }
}

void Histogram::Add(std::span<const float> values, float magnitude) {
  static const kernels::StatisticsKernels& kernels = kernels::StatisticsFor(BestSimdLevel());
  if (values.empty()) return;
  GrowTo(ExponentFor(magnitude));
  // A power of two: multiplying by it is exact, but for what is too small to leave bin 0 anyway.
  const float scale = std::ldexp(static_cast<float>(kHalf), -exponent_);
  std::array<int32_t, kBlock + kernels::kBinSlack> bins;
  size_t others = 0;  // than zero
  const auto for_blocks = [&](std::span<const float> part, auto&& count) {
    for (size_t i = 0; i < part.size(); i += kBlock) {
      const size_t n = std::min(kBlock, part.size() - i);
      const auto found = static_cast<size_t>(
          kernels.bins(part.data() + i, static_cast<int64_t>(n), scale, kHalf, bins.data()));
      others += found;
      count(found);
    }
  };
  const size_t all = values.size();
  if (all < kFewValues) {
    for_blocks(values, [&](size_t n) {
      for (size_t i = 0; i < n; ++i) ++counts_[static_cast<size_t>(bins[i])];
    });
    values = {};
  }
  while (!values.empty()) {
    const std::span<const float> part = values.first(std::min(kMostPerTable, values.size()));
    values = values.subspan(part.size());
    std::array<std::array<uint32_t, kBins>, kTables> tables{};
    for_blocks(part, [&](size_t n) {
      size_t i = 0;
      for (; i + kTables <= n; i += kTables)
        for (size_t t = 0; t < kTables; ++t) ++tables[t][static_cast<size_t>(bins[i + t])];
      for (; i < n; ++i) ++tables[0][static_cast<size_t>(bins[i])];
    });
    for (size_t b = 0; b < kBins; ++b)
      for (const auto& table : tables) counts_[b] += table[b];
  }
  total_ += all;
  zeros_ += all - others;
  counts_[kHalf] += all - others;
}

void Histogram::Merge(const Histogram& other) {
  if (other.empty()) return;
  GrowTo(other.exponent_);
  const int shift = exponent_ - other.exponent_;
  constexpr size_t kMiddle = kHalf;
  for (size_t m = 0; m < kMiddle; ++m) {
    const size_t to = shift < 31 ? m >> shift : 0;
    counts_[kMiddle + to] += other.counts_[kMiddle + m];
    counts_[kMiddle - 1 - to] += other.counts_[kMiddle - 1 - m];
  }
  total_ += other.total_;
  zeros_ += other.zeros_;
}

Result<Histogram> Histogram::Restore(int exponent, std::vector<uint64_t> counts, uint64_t zeros) {
  if (exponent < kLeastExponent || exponent > kLargestExponent)
    return Error(Code::kInvalidArgument, "a histogram's exponent is ", exponent, ", not from ",
                 kLeastExponent, " to ", kLargestExponent);
  if (counts.size() != kBins)
    return Error(Code::kInvalidArgument, "a histogram has ", counts.size(), " bins, not ", kBins);
  Histogram histogram;
  histogram.exponent_ = exponent;
  for (const uint64_t count : counts) {
    if (count > UINT64_MAX - histogram.total_)
      return Error(Code::kInvalidArgument, "a histogram counts more values than there can be");
    histogram.total_ += count;
  }
  if (zeros > counts[kHalf])
    return Error(Code::kInvalidArgument, "a histogram counts ", zeros, " zeros, but only ",
                 counts[kHalf], " values from zero on");
  histogram.zeros_ = zeros;
  histogram.counts_ = std::move(counts);
  return histogram;
}

}  // namespace edgeml::quantize
