#include "src/compress/quantize/range_search.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "src/base/strings.h"

namespace edgeml::quantize {
namespace {

constexpr std::array<std::pair<RangeMethod, std::string_view>, 5> kNames = {{
    {RangeMethod::kMinMax, "min-max"},
    {RangeMethod::kMovingAverage, "moving-average"},
    {RangeMethod::kPercentile, "percentile"},
    {RangeMethod::kMse, "mse"},
    {RangeMethod::kEntropy, "entropy"},
}};

// Of the search for the least squared error: shares of the whole range that are tried for both ends
// together, then for one end at a time, ever finer.
constexpr int kCoarseSteps = 64, kFineSteps = 8, kRefinements = 3;

// A count that stands for none where a divergence would be infinite, as MXNet smooths.
constexpr double kAlmostNothing = 1e-4;

Range Symmetric(Range range) {
  const float m = std::max(std::fabs(range.min), std::fabs(range.max));
  return {-m, m};
}

// Where a share `q` of the values lies below.
float Quantile(const Histogram& histogram, double q, Range extent) {
  const double target = q * static_cast<double>(histogram.total());
  double below = 0;
  for (int bin = 0; bin < Histogram::kBins; ++bin) {
    const auto count = static_cast<double>(histogram.counts()[static_cast<size_t>(bin)]);
    if (count == 0 || below + count < target) {
      below += count;
      continue;
    }
    // Zeros are the first of their bin.
    const double zeros = bin == Histogram::kHalf ? static_cast<double>(histogram.zeros()) : 0;
    const double share = (target - below - zeros) / std::max(count - zeros, 1.0);
    const double at = histogram.Edge(bin) + std::clamp(share, 0.0, 1.0) * histogram.bin_width();
    return std::clamp(static_cast<float>(at), extent.min, extent.max);
  }
  return extent.max;
}

// The grid of a quantized type: n * step for n in [first, last].
struct Grid {
  double step = 0, first = 0, last = 0;
};

Grid GridOf(double min, double max, int bits, bool symmetric) {
  const double levels = std::ldexp(1.0, bits) - 1;
  if (symmetric) {
    const double half = (levels - 1) / 2;
    return {std::max(-min, max) / half, -half, half};
  }
  const double step = (max - min) / levels;
  if (step <= 0) return {0, 0, 0};
  const double zero = std::clamp(std::round(-min / step), 0.0, levels);
  return {step, -zero, levels - zero};
}

// What the search needs of a histogram: the bins that hold something, cut to the values' extent.
class ErrorMeasure {
 public:
  explicit ErrorMeasure(const Observer& observer)
      : total_(static_cast<double>(observer.histogram().total())) {
    const Histogram& histogram = observer.histogram();
    const auto low = static_cast<double>(observer.MinMax().min);
    const auto high = static_cast<double>(observer.MinMax().max);
    for (int i = 0; i < Histogram::kBins; ++i) {
      uint64_t count = histogram.counts()[static_cast<size_t>(i)];
      if (i == Histogram::kHalf) count -= histogram.zeros();
      if (count == 0) continue;
      Bin bin{std::clamp(histogram.Edge(i), low, high),
              std::clamp(histogram.Edge(i + 1), low, high), static_cast<double>(count)};
      if (bin.to <= bin.from) bin.to = std::nextafter(bin.from, INFINITY);
      bins_.push_back(bin);
    }
  }

  // Mean over all values.
  double operator()(const Grid& grid) const {
    if (grid.step <= 0) return bins_.empty() ? 0 : INFINITY;
    double sum = 0, last_edge = NAN, last_integral = 0;
    for (const Bin& bin : bins_) {
      const double from = bin.from == last_edge ? last_integral : Integral(grid, bin.from);
      const double to = Integral(grid, bin.to);
      sum += bin.count * std::max(to - from, 0.0) / (bin.to - bin.from);
      last_edge = bin.to;
      last_integral = to;
    }
    return sum / total_;
  }

 private:
  struct Bin {
    double from, to, count;
  };

  // An antiderivative of (x - nearest point of the grid)^2: every cell of width `step` adds
  // step^3 / 12, and the way from a point to x a third of its cube, outside of the grid too.
  static double Integral(const Grid& grid, double x) {
    const double n = std::clamp(std::round(x / grid.step), grid.first, grid.last);
    const double rest = x - n * grid.step;
    return n * grid.step * grid.step * grid.step / 12 + rest * rest * rest / 3;
  }

  double total_;
  std::vector<Bin> bins_;
};

Range SearchMse(const Observer& observer, const RangeOptions& options) {
  const ErrorMeasure measure(observer);
  const double low = std::min(static_cast<double>(observer.MinMax().min), 0.0);
  const double high = std::max(static_cast<double>(observer.MinMax().max), 0.0);
  double best_low = 1, best_high = 1, least = INFINITY;  // shares of low and high
  const auto attempt = [&](double share_low, double share_high) {
    if (share_low <= 0 || share_high <= 0 || share_low > 1 || share_high > 1) return;
    const Grid grid = GridOf(share_low * low, share_high * high, options.bits, options.symmetric);
    const double error = measure(grid);
    if (error >= least) return;
    least = error;
    best_low = share_low;
    best_high = share_high;
  };
  for (int i = kCoarseSteps; i > 0; --i)
    attempt(static_cast<double>(i) / kCoarseSteps, static_cast<double>(i) / kCoarseSteps);
  double width = 4.0 / kCoarseSteps;
  for (int round = 0; round < kRefinements; ++round, width /= kFineSteps / 2) {
    const double l = best_low, h = best_high;
    for (int i = -kFineSteps; i <= kFineSteps; ++i) {
      const double away = width * i / kFineSteps;
      if (options.symmetric) {
        attempt(l + away, h + away);
        continue;
      }
      if (high > 0) attempt(best_low, h + away);
    }
    for (int i = -kFineSteps; i <= kFineSteps && !options.symmetric && low < 0; ++i)
      attempt(l + width * i / kFineSteps, best_high);
  }
  const Range range{static_cast<float>(best_low * low), static_cast<float>(best_high * high)};
  return options.symmetric ? Symmetric(range) : range;
}

// Divergence of the counts' first `used` bins, what lies beyond added to the last one, from the
// same joined to `levels` and spread out again over the bins that hold something.
double Divergence(std::span<const double> counts, size_t used, size_t levels) {
  double inside = 0, beyond = 0;
  for (size_t i = 0; i < counts.size(); ++i) (i < used ? inside : beyond) += counts[i];
  if (inside == 0) return INFINITY;
  const double all = inside + beyond;
  double divergence = 0;
  for (size_t level = 0; level < levels; ++level) {
    const size_t from = level * used / levels, to = (level + 1) * used / levels;
    double sum = 0, filled = 0;
    for (size_t i = from; i < to; ++i) {
      sum += counts[i];
      filled += counts[i] > 0;
    }
    for (size_t i = from; i < to; ++i) {
      const double p = (counts[i] + (i + 1 == used ? beyond : 0)) / all;
      if (p == 0) continue;
      const double q = (counts[i] > 0 ? sum / filled : kAlmostNothing) / inside;
      divergence += p * std::log(p / q);
    }
  }
  return divergence;
}

Range SearchEntropy(const Observer& observer, const RangeOptions& options) {
  const Histogram& histogram = observer.histogram();
  const Range extent = observer.MinMax();
  const Range whole{std::min(extent.min, 0.0f), std::max(extent.max, 0.0f)};
  std::vector<double> magnitudes(Histogram::kHalf);
  for (size_t m = 0; m < magnitudes.size(); ++m)
    magnitudes[m] = static_cast<double>(histogram.counts()[Histogram::kHalf + m] +
                                        histogram.counts()[Histogram::kHalf - 1 - m]);
  magnitudes[0] -= static_cast<double>(histogram.zeros());
  while (!magnitudes.empty() && magnitudes.back() == 0) magnitudes.pop_back();
  const bool one_sided = !options.symmetric && (whole.min == 0 || whole.max == 0);
  const size_t levels = size_t{1} << (one_sided ? options.bits : options.bits - 1);
  size_t chosen = magnitudes.size();
  double least = INFINITY;
  for (size_t used = levels; used <= magnitudes.size(); ++used) {
    const double divergence = Divergence(magnitudes, used, levels);
    if (divergence > least) continue;
    least = divergence;
    chosen = used;
  }
  const auto threshold =
      static_cast<float>(static_cast<double>(chosen) * histogram.bin_width());  // infinite at most
  const Range range{std::max(whole.min, -threshold), std::min(whole.max, threshold)};
  return options.symmetric ? Symmetric(range) : range;
}

}  // namespace

std::string_view NameOf(RangeMethod method) {
  for (const auto& [value, name] : kNames)
    if (value == method) return name;
  return "unknown";
}

Result<RangeMethod> ParseRangeMethod(std::string_view name) {
  std::string all;
  for (const auto& [value, known] : kNames) {
    if (known == name) return value;
    all += Concat(all.empty() ? "" : ", ", known);
  }
  return Error(Code::kInvalidArgument, "there is no method '", name, "'; there are ", all);
}

bool NeedsHistogram(RangeMethod method) {
  return method != RangeMethod::kMinMax && method != RangeMethod::kMovingAverage;
}

Range FindRange(const Observer& observer, const RangeOptions& options) {
  const Range extent = observer.MinMax();
  const bool lacks = NeedsHistogram(options.method) && observer.histogram().empty();
  Range range = extent;
  switch (lacks ? RangeMethod::kMinMax : options.method) {
    case RangeMethod::kMinMax:
      break;
    case RangeMethod::kMovingAverage:
      range = observer.MovingAverage();
      break;
    case RangeMethod::kPercentile: {
      const double outside = std::clamp(1 - options.percentile / 100, 0.0, 1.0) / 2;
      if (outside > 0)
        range = {Quantile(observer.histogram(), outside, extent),
                 Quantile(observer.histogram(), 1 - outside, extent)};
      break;
    }
    case RangeMethod::kMse:
      return SearchMse(observer, options);
    case RangeMethod::kEntropy:
      return SearchEntropy(observer, options);
  }
  return options.symmetric ? Symmetric(range) : range;
}

double QuantizationError(const Observer& observer, Range range, int bits, bool symmetric) {
  const double low = std::min(static_cast<double>(range.min), 0.0);
  const double high = std::max(static_cast<double>(range.max), 0.0);
  return ErrorMeasure(observer)(GridOf(low, high, bits, symmetric));
}

}  // namespace edgeml::quantize
