#include "src/compress/quantize/observer.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "src/base/strings.h"
#include "src/kernels/statistics/statistics.h"

namespace edgeml::quantize {
namespace {

constexpr double kMomentum = 0.99;
// Values are looked at in pieces that stay in the cache for all that is asked of them. The smallest
// multiple of the channels from here on.
constexpr size_t kPiece = 65536;

const kernels::StatisticsKernels& Kernels() {
  static const kernels::StatisticsKernels& kernels = kernels::StatisticsFor(BestSimdLevel());
  return kernels;
}

void Widen(Range& range, const Range& other) {
  range.min = std::min(range.min, other.min);
  range.max = std::max(range.max, other.max);
}

bool Finite(const Range& range) { return std::isfinite(range.min) && std::isfinite(range.max); }

}  // namespace

void Observer::SetChannels(int32_t channels) {
  if (channels_ == channels || channels_ == kMixedChannels) return;
  if (channels_ != kUnknownChannels) channels = kMixedChannels;
  channels_ = channels;
  const auto n = static_cast<size_t>(std::max(channels, 0));
  channel_min_.assign(n, kNothing.min);
  channel_max_.assign(n, kNothing.max);
  sample_sums_.assign(n, 0.0);
}

void Observer::Observe(std::span<const float> values, int32_t channels) {
  count_ += static_cast<int64_t>(values.size());
  if (values.empty()) return;
  if (options_.channels) SetChannels(channels);
  const size_t width = static_cast<size_t>(std::max(channels, 1));
  const size_t piece = (kPiece + width - 1) / width * width;
  std::vector<float> finite;  // of a piece with others among them
  while (!values.empty()) {
    const std::span<const float> part = values.first(std::min(piece, values.size()));
    values = values.subspan(part.size());
    kernels::Extent extent;
    Kernels().extent(part.data(), static_cast<int64_t>(part.size()), &extent);
    if (extent.all_finite) {
      ObserveFinite(part, channels, {extent.min, extent.max});
      continue;
    }
    finite.clear();
    Range range = kNothing;
    for (size_t i = 0; i < part.size(); ++i) {
      const float x = part[i];
      nans_ += std::isnan(x);
      infinities_ += std::isinf(x);
      if (!std::isfinite(x)) continue;
      finite.push_back(x);
      Widen(range, {x + 0.0f, x + 0.0f});
      if (channels_ <= 0) continue;
      const size_t c = i % width;
      channel_min_[c] = std::min(channel_min_[c], x + 0.0f);
      channel_max_[c] = std::max(channel_max_[c], x + 0.0f);
      sample_sums_[c] += static_cast<double>(x);
    }
    if (!finite.empty()) ObserveFinite(finite, 0, range);
  }
}

// `channels` 0: those have been seen to.
void Observer::ObserveFinite(std::span<const float> values, int32_t channels, Range extent) {
  Widen(extent_, extent);
  Widen(sample_, extent);
  if (options_.histogram) histogram_.Add(values, std::max(-extent.min, extent.max));
  if (channels_ > 0 && channels > 0)
    Kernels().channels(values.data(), static_cast<int64_t>(values.size()) / channels, channels,
                       channel_min_.data(), channel_max_.data(), sample_sums_.data());
}

SampleSummary Observer::EndSample() {
  SampleSummary summary;
  summary.seen = sample_.min <= sample_.max;
  summary.range = std::exchange(sample_, kNothing);
  summary.channel_sums = sample_sums_;
  std::fill(sample_sums_.begin(), sample_sums_.end(), 0.0);
  return summary;
}

void Observer::Absorb(const SampleSummary& summary) {
  if (summary.seen) {
    average_min_ += (1 - kMomentum) * (static_cast<double>(summary.range.min) - average_min_);
    average_max_ += (1 - kMomentum) * (static_cast<double>(summary.range.max) - average_max_);
    average_weight_ += (1 - kMomentum) * (1 - average_weight_);
  }
  if (channel_sums_.size() < summary.channel_sums.size())
    channel_sums_.resize(summary.channel_sums.size(), 0.0);
  for (size_t c = 0; c < summary.channel_sums.size(); ++c)
    channel_sums_[c] += summary.channel_sums[c];
}

void Observer::Merge(const Observer& other) {
  count_ += other.count_;
  nans_ += other.nans_;
  infinities_ += other.infinities_;
  Widen(extent_, other.extent_);
  histogram_.Merge(other.histogram_);
  if (other.channels_ == kUnknownChannels) return;
  SetChannels(other.channels_);
  if (channels_ <= 0) return;
  for (size_t c = 0; c < channel_min_.size(); ++c) {
    channel_min_[c] = std::min(channel_min_[c], other.channel_min_[c]);
    channel_max_[c] = std::max(channel_max_[c], other.channel_max_[c]);
  }
}

Range Observer::MovingAverage() const {
  if (average_weight_ == 0) return extent_;
  // Rounding must not leave the range that the values have.
  const auto corrected = [&](double average) {
    return std::clamp(static_cast<float>(average / average_weight_), extent_.min, extent_.max) +
           0.0f;
  };
  return {corrected(average_min_), corrected(average_max_)};
}

std::optional<ChannelStatistics> Observer::channel_statistics() const {
  if (channels_ <= 0) return std::nullopt;
  return ChannelStatistics{count_ / channels_, channel_min_, channel_max_, channel_sums_};
}

Result<Observer> Observer::Restore(Stored stored) {
  Observer observer;
  const bool seen = stored.min_max.min <= stored.min_max.max;
  if (stored.count < 0 || stored.infinite < 0 || stored.infinite > stored.count)
    return Error(Code::kInvalidArgument, stored.infinite, " of ", stored.count,
                 " values cannot be infinite");
  if (!seen || !Finite(stored.min_max))
    return Error(Code::kInvalidArgument, "the range [", stored.min_max.min, ", ",
                 stored.min_max.max, "] is none");
  const Range& average = stored.moving_average;
  if (!Finite(average) || average.min > average.max || average.min < stored.min_max.min ||
      average.max > stored.min_max.max)
    return Error(Code::kInvalidArgument, "the average [", average.min, ", ", average.max,
                 "] lies outside of the range [", stored.min_max.min, ", ", stored.min_max.max,
                 "]");
  const auto values = static_cast<uint64_t>(stored.count - stored.infinite);
  if (!stored.histogram.empty()) {
    const double limit = std::ldexp(1.0, stored.histogram.exponent());
    if (stored.histogram.total() != values)
      return Error(Code::kInvalidArgument, "the histogram counts ", stored.histogram.total(),
                   " values of ", values);
    if (static_cast<double>(stored.min_max.max) >= limit ||
        static_cast<double>(stored.min_max.min) <= -limit)
      return Error(Code::kInvalidArgument, "the histogram ends before the range does");
    observer.options_.histogram = true;
  }
  if (stored.channels) {
    ChannelStatistics& channels = *stored.channels;
    const size_t n = channels.min.size();
    if (n == 0 || n > INT32_MAX || channels.max.size() != n || channels.sum.size() != n)
      return Error(Code::kInvalidArgument, "the channels' minima, maxima and sums are ", n, ", ",
                   channels.max.size(), " and ", channels.sum.size());
    if (stored.count % static_cast<int64_t>(n) != 0)
      return Error(Code::kInvalidArgument, stored.count, " values cannot be of ", n, " channels");
    observer.options_.channels = true;
    observer.channels_ = static_cast<int32_t>(n);
    observer.channel_min_ = std::move(channels.min);
    observer.channel_max_ = std::move(channels.max);
    observer.channel_sums_ = std::move(channels.sum);
    observer.sample_sums_.assign(n, 0.0);
  }
  observer.count_ = stored.count;
  observer.infinities_ = stored.infinite;
  observer.extent_ = stored.min_max;
  observer.average_min_ = static_cast<double>(average.min);
  observer.average_max_ = static_cast<double>(average.max);
  observer.average_weight_ = 1;
  observer.histogram_ = std::move(stored.histogram);
  return observer;
}

}  // namespace edgeml::quantize
