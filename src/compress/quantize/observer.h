// What the values of one tensor look like over a calibration set, gathered in one pass.
//
// Statistics of two kinds: those that do not depend on the order of the values (extent, counts,
// histogram, extents of channels), which may be gathered by several observers and merged; and those
// that do (moving average of a sample's extent, sums of channels), of which an observer gives a
// summary per sample, and one observer absorbs the summaries in the samples' order. So the result
// is the same to the bit whatever the number of threads.
#ifndef EDGEML_COMPRESS_QUANTIZE_OBSERVER_H_
#define EDGEML_COMPRESS_QUANTIZE_OBSERVER_H_

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "src/compress/quantize/histogram.h"
#include "src/compress/quantize/range.h"

namespace edgeml::quantize {

struct ObserverOptions {
  bool histogram = false;
  bool channels = false;  // statistics per index of the last dimension
};

// What one sample did to a tensor.
struct SampleSummary {
  bool seen = false;  // any finite value
  Range range;
  std::vector<double> channel_sums;  // empty unless asked for
};

// Of the last dimension, [channels] each.
struct ChannelStatistics {
  int64_t values = 0;  // per channel
  std::vector<float> min, max;
  std::vector<double> sum;
  double mean(size_t c) const { return sum[c] / static_cast<double>(values); }
};

class Observer {
 public:
  explicit Observer(const ObserverOptions& options = {}) : options_(options) {}

  // Values of the sample at hand; `channels` = size of the last dimension (1 for a scalar), which
  // divides their number. A tensor may be seen several times per sample (loops).
  void Observe(std::span<const float> values, int32_t channels);
  // Ends the sample and tells what is to be absorbed.
  SampleSummary EndSample();

  // Adds what depends on the order; once per sample, in the samples' order, by one observer.
  void Absorb(const SampleSummary& summary);
  // Adds what does not depend on the order. The samples of `other` must have ended.
  void Merge(const Observer& other);

  const ObserverOptions& options() const { return options_; }
  int64_t count() const { return count_; }          // values, odd ones included
  int64_t not_a_number() const { return nans_; }    // of them
  int64_t infinite() const { return infinities_; }  // of them
  // False until a finite value came; there is no range then.
  bool seen() const { return extent_.min <= extent_.max; }

  // Of finite values. REQUIRES: seen().
  Range MinMax() const { return extent_; }
  // Moving averages of the samples' minima and maxima with momentum 0.99, corrected for their start
  // as Adam does (Kingma and Ba, 2015): nearly the mean when samples are few, and the average that
  // quantization-aware training keeps when they are many. MinMax() when none was absorbed.
  // REQUIRES: seen().
  Range MovingAverage() const;
  const Histogram& histogram() const { return histogram_; }
  // Nothing unless asked for, and when the last dimension is not the same throughout.
  std::optional<ChannelStatistics> channel_statistics() const;

  // For files: what cannot be computed from the rest.
  struct Stored {
    int64_t count = 0, infinite = 0;
    Range min_max, moving_average;
    Histogram histogram;
    std::optional<ChannelStatistics> channels;
  };
  // kInvalidArgument when this is no observer's outcome.
  static Result<Observer> Restore(Stored stored);

 private:
  void ObserveFinite(std::span<const float> values, int32_t channels, Range extent);
  void SetChannels(int32_t channels);

  static constexpr int32_t kUnknownChannels = 0, kMixedChannels = -1;
  static constexpr Range kNothing{std::numeric_limits<float>::infinity(),
                                  -std::numeric_limits<float>::infinity()};

  ObserverOptions options_;
  int64_t count_ = 0, nans_ = 0, infinities_ = 0;
  Range extent_ = kNothing;
  Histogram histogram_;
  int32_t channels_ = kUnknownChannels;
  std::vector<float> channel_min_, channel_max_;

  Range sample_ = kNothing;
  std::vector<double> sample_sums_;

  double average_min_ = 0, average_max_ = 0, average_weight_ = 0;
  std::vector<double> channel_sums_;
};

}  // namespace edgeml::quantize

#endif  // EDGEML_COMPRESS_QUANTIZE_OBSERVER_H_
