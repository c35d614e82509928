#include "src/compress/quantize/observer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <vector>

#include "src/compress/quantize/range_search.h"

namespace edgeml::quantize {
namespace {

constexpr ObserverOptions kAll{.histogram = true, .channels = true};

// Heavy-tailed, a third zeros, sizes that vary by sample.
std::vector<std::vector<float>> Samples(int count, size_t channels) {
  std::mt19937 random(5);
  std::student_t_distribution<float> draw(3.0f);
  std::vector<std::vector<float>> samples;
  for (int i = 0; i < count; ++i) {
    std::vector<float> x((1 + random() % 500) * channels);
    for (float& v : x) v = random() % 3 == 0 ? 0.0f : draw(random) * (1.0f + 0.01f * i);
    samples.push_back(std::move(x));
  }
  return samples;
}

// As calibration does it with that many observers: each has every n-th sample.
Observer Gather(const std::vector<std::vector<float>>& samples, int32_t channels, size_t parts) {
  std::vector<Observer> observers(parts, Observer(kAll));
  std::vector<SampleSummary> summaries;
  for (size_t i = 0; i < samples.size(); ++i) {
    observers[i % parts].Observe(samples[i], channels);
    summaries.push_back(observers[i % parts].EndSample());
  }
  Observer all(kAll);
  for (const SampleSummary& summary : summaries) all.Absorb(summary);
  for (const Observer& observer : observers) all.Merge(observer);
  return all;
}

TEST(Observer, DoesNotDependOnHowSamplesAreSplit) {
  const auto samples = Samples(37, 24);
  const Observer one = Gather(samples, 24, 1);
  for (const size_t parts : {2u, 3u, 8u}) {
    const Observer many = Gather(samples, 24, parts);
    EXPECT_EQ(one.count(), many.count());
    EXPECT_EQ(one.MinMax(), many.MinMax());
    EXPECT_EQ(one.MovingAverage(), many.MovingAverage());
    EXPECT_EQ(one.histogram().exponent(), many.histogram().exponent());
    EXPECT_EQ(one.histogram().zeros(), many.histogram().zeros());
    EXPECT_TRUE(std::ranges::equal(one.histogram().counts(), many.histogram().counts()));
    const auto a = one.channel_statistics(), b = many.channel_statistics();
    ASSERT_TRUE(a && b);
    EXPECT_EQ(a->min, b->min);
    EXPECT_EQ(a->max, b->max);
    EXPECT_EQ(a->sum, b->sum);
  }
}

TEST(Observer, CountsWhatIsThere) {
  const auto samples = Samples(11, 3);
  const Observer observer = Gather(samples, 3, 2);
  std::vector<float> all;
  for (const auto& x : samples) all.insert(all.end(), x.begin(), x.end());
  const auto [low, high] = std::ranges::minmax(all);
  EXPECT_EQ(observer.MinMax(), (Range{low, high}));
  EXPECT_EQ(observer.count(), static_cast<int64_t>(all.size()));
  const Histogram& histogram = observer.histogram();
  EXPECT_EQ(histogram.total(), all.size());
  EXPECT_EQ(histogram.zeros(), static_cast<uint64_t>(std::ranges::count(all, 0.0f)));
  const double limit = std::ldexp(1.0, histogram.exponent());
  EXPECT_LT(std::max(-low, high), limit);
  EXPECT_GE(std::max(-low, high), limit / 2);
  std::vector<uint64_t> counts(Histogram::kBins);
  for (const float x : all) {
    const double width = histogram.bin_width();
    const int m = static_cast<int>(std::fabs(static_cast<double>(x)) / width);
    ++counts[static_cast<size_t>(x < 0 ? Histogram::kHalf - 1 - m : Histogram::kHalf + m)];
  }
  EXPECT_TRUE(std::ranges::equal(counts, histogram.counts()));
  double mean = 0, average = 0, weight = 0;
  for (size_t i = 1; i < all.size(); i += 3) mean += static_cast<double>(all[i]);
  mean /= static_cast<double>(all.size() / 3);
  EXPECT_NEAR(observer.channel_statistics()->mean(1), mean, 1e-12);
  for (size_t i = 0; i < samples.size(); ++i) {
    const double w = std::pow(0.99, static_cast<double>(samples.size() - 1 - i));
    average += w * static_cast<double>(*std::ranges::max_element(samples[i]));
    weight += w;
  }
  EXPECT_NEAR(static_cast<double>(observer.MovingAverage().max), average / weight, 1e-5);
}

TEST(Observer, LeavesOutWhatIsNotFinite) {
  Observer observer(kAll);
  observer.Observe(std::vector<float>{1, NAN, -2, INFINITY, 3, -INFINITY}, 2);
  observer.Absorb(observer.EndSample());
  EXPECT_EQ(observer.not_a_number(), 1);
  EXPECT_EQ(observer.infinite(), 2);
  EXPECT_EQ(observer.MinMax(), (Range{-2, 3}));
  EXPECT_EQ(observer.histogram().total(), 3u);
  const auto channels = observer.channel_statistics();
  EXPECT_EQ(channels->min, (std::vector<float>{-2, INFINITY}));
  Observer nothing(kAll);
  nothing.Observe(std::vector<float>{NAN}, 1);
  nothing.Observe({}, 1);
  EXPECT_FALSE(nothing.seen());
  EXPECT_FALSE(nothing.EndSample().seen);
}

TEST(Observer, SurvivesTheExtremesOfFloat) {
  constexpr float kMost = std::numeric_limits<float>::max();
  constexpr float kLeast = std::numeric_limits<float>::denorm_min();
  Observer observer(kAll);
  observer.Observe(std::vector<float>{kLeast, -kLeast, 0.0f}, 1);
  EXPECT_EQ(observer.histogram().exponent(), Histogram::kLeastExponent);
  observer.Observe(std::vector<float>{kMost, -kMost}, 1);
  EXPECT_EQ(observer.histogram().exponent(), 128);
  EXPECT_EQ(observer.histogram().counts()[0], 1u);
  EXPECT_EQ(observer.histogram().counts()[Histogram::kHalf], 2u);
  EXPECT_EQ(observer.histogram().counts()[Histogram::kHalf - 1], 1u);
  EXPECT_EQ(observer.histogram().counts()[Histogram::kBins - 1], 1u);
  for (const RangeMethod method :
       {RangeMethod::kMinMax, RangeMethod::kPercentile, RangeMethod::kMse, RangeMethod::kEntropy}) {
    for (const bool symmetric : {false, true}) {
      const Range range = FindRange(observer, {.method = method, .symmetric = symmetric});
      EXPECT_LE(range.min, range.max) << NameOf(method);
      EXPECT_TRUE(std::isfinite(range.min) && std::isfinite(range.max)) << NameOf(method);
    }
  }
}

TEST(Observer, GivesUpChannelsThatVary) {
  Observer a(kAll), b(kAll);
  a.Observe(std::vector<float>{1, 2, 3, 4}, 2);
  EXPECT_TRUE(a.channel_statistics().has_value());
  b.Observe(std::vector<float>{1, 2, 3, 4}, 4);
  a.Merge(b);
  EXPECT_FALSE(a.channel_statistics().has_value());
}

// What rounding the values themselves costs.
double TrueError(const std::vector<float>& values, Range range, int bits) {
  const double levels = std::ldexp(1.0, bits) - 1;
  const double step = (static_cast<double>(range.max) - static_cast<double>(range.min)) / levels;
  const double zero = std::round(-static_cast<double>(range.min) / step);
  double sum = 0;
  for (const float x : values) {
    const double n =
        std::clamp(std::round(static_cast<double>(x) / step), -zero, levels - zero) * step;
    sum += (static_cast<double>(x) - n) * (static_cast<double>(x) - n);
  }
  return sum / static_cast<double>(values.size());
}

TEST(RangeSearch, ErrorFromTheHistogramIsThatOfTheValues) {
  const auto samples = Samples(40, 8);
  std::vector<float> all;
  for (const auto& x : samples) all.insert(all.end(), x.begin(), x.end());
  const Observer observer = Gather(samples, 8, 1);
  for (const int bits : {4, 6, 8, 12}) {
    for (const float share : {1.0f, 0.5f, 0.2f}) {
      const Range range{observer.MinMax().min * share, observer.MinMax().max * share};
      const double expected = TrueError(all, range, bits);
      // Within 2 %, or what the place of values in a bin can make.
      EXPECT_NEAR(QuantizationError(observer, range, bits, false), expected, 0.02 * expected)
          << bits << " " << share;
    }
  }
}

TEST(RangeSearch, MseIsAsGoodAsTryingEverything) {
  for (const bool one_sided : {false, true}) {
    auto samples = Samples(40, 8);
    std::vector<float> all;
    for (auto& x : samples) {
      if (one_sided)
        for (float& v : x) v = std::max(v, 0.0f);
      all.insert(all.end(), x.begin(), x.end());
    }
    const Observer observer = Gather(samples, 8, 1);
    for (const int bits : {4, 8}) {
      const Range found = FindRange(observer, {.method = RangeMethod::kMse, .bits = bits});
      const double error = TrueError(all, found, bits);
      double least = INFINITY;
      for (int i = 1; i <= 100; ++i) {
        for (int j = 1; j <= (one_sided ? 1 : 100); ++j) {
          const float low = static_cast<float>(j) * 0.01f, high = static_cast<float>(i) * 0.01f;
          const Range range{std::min(observer.MinMax().min, 0.0f) * low,
                            observer.MinMax().max * high};
          least = std::min(least, QuantizationError(observer, range, bits, false));
        }
      }
      EXPECT_LE(error, least * 1.05) << bits;
      EXPECT_LT(error, TrueError(all, observer.MinMax(), bits)) << bits;
    }
  }
}

TEST(RangeSearch, PercentileIsThatOfTheValues) {
  auto samples = Samples(40, 8);
  std::vector<float> all;
  for (const auto& x : samples) all.insert(all.end(), x.begin(), x.end());
  std::ranges::sort(all);
  const Observer observer = Gather(samples, 8, 1);
  for (const double p : {50.0, 90.0, 99.0, 99.9, 100.0}) {
    const Range range = FindRange(observer, {.method = RangeMethod::kPercentile, .percentile = p});
    const double outside = (1 - p / 100) / 2 * static_cast<double>(all.size() - 1);
    const auto at = [&](double i) { return all[static_cast<size_t>(std::lround(i))]; };
    const auto width = static_cast<float>(observer.histogram().bin_width());
    EXPECT_NEAR(range.min, at(outside), width) << p;
    EXPECT_NEAR(range.max, at(static_cast<double>(all.size() - 1) - outside), width) << p;
  }
  EXPECT_EQ(FindRange(observer, {.method = RangeMethod::kPercentile, .percentile = 100}),
            observer.MinMax());
}

TEST(RangeSearch, EntropyCutsAFarOutlierAndKeepsAnEvenSpread) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::uniform_real_distribution<float> even(-1, 1);
  Observer far(kAll), flat(kAll), positive(kAll);
  std::vector<float> x(100000);
  for (float& v : x) v = normal(random);
  x[0] = 40;
  far.Observe(x, 1);
  for (float& v : x) v = std::fabs(v);
  positive.Observe(x, 1);
  for (float& v : x) v = even(random);
  flat.Observe(x, 1);
  const RangeOptions options{.method = RangeMethod::kEntropy};
  const Range cut = FindRange(far, options);
  EXPECT_GT(cut.max, 2.5f);
  EXPECT_LT(cut.max, 20.0f);
  EXPECT_EQ(cut.min, std::max(far.MinMax().min, -cut.max));
  EXPECT_EQ(FindRange(positive, options).min, 0.0f);
  EXPECT_LT(FindRange(positive, options).max, 20.0f);
  EXPECT_GT(FindRange(flat, options).max, 0.97f);
  const Range even_range =
      FindRange(far, {.method = RangeMethod::kEntropy, .bits = 8, .symmetric = true});
  EXPECT_EQ(even_range.min, -even_range.max);
}

TEST(RangeSearch, ConstantsAndZeros) {
  Observer zeros(kAll), constant(kAll);
  zeros.Observe(std::vector<float>(10, 0.0f), 1);
  constant.Observe(std::vector<float>(10, 2.5f), 1);
  for (const RangeMethod method :
       {RangeMethod::kMinMax, RangeMethod::kMovingAverage, RangeMethod::kPercentile,
        RangeMethod::kMse, RangeMethod::kEntropy}) {
    EXPECT_EQ(FindRange(zeros, {.method = method}), (Range{0, 0})) << NameOf(method);
    EXPECT_NEAR(FindRange(constant, {.method = method}).max, 2.5f, 0.01f) << NameOf(method);
    EXPECT_EQ(ParseRangeMethod(NameOf(method)).value(), method);
  }
  EXPECT_EQ(ParseRangeMethod("minmax").status().code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace edgeml::quantize
