#include "src/compress/quantize/adaround.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

namespace edgeml::quantize {
namespace {

// A dense layer whose inputs depend on each other, as those of a trained network do.
struct Layer {
  int64_t outputs, k, samples, block;
  std::vector<float> weights, scales, x, xq;
  GramMatrices gram;

  AdaRoundProblem problem(int32_t qmax) const {
    return {outputs, weights, scales, block == k ? 0 : block, -qmax, qmax};
  }
};

Layer MakeLayer(uint32_t seed, int64_t outputs, int64_t k, int64_t samples, int64_t block,
                int32_t qmax, bool asymmetric) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal;
  Layer layer{outputs, k, samples, block, {}, {}, {}, {}, {}};
  const auto at = [](int64_t i) { return static_cast<size_t>(i); };
  const int64_t rank = std::max<int64_t>(1, k / 6);
  std::vector<float> basis(at(rank * k));
  for (float& b : basis) b = normal(engine) / std::sqrt(static_cast<float>(rank));
  for (int64_t s = 0; s < samples; ++s) {
    std::vector<float> row(at(k));
    for (float& v : row) v = 0.2f * normal(engine);
    for (int64_t r = 0; r < rank; ++r) {
      const float z = normal(engine);
      for (int64_t i = 0; i < k; ++i) row[at(i)] += z * basis[at(r * k + i)];
    }
    for (const float v : row) {
      layer.x.push_back(std::max(v, 0.0f));
      layer.xq.push_back(asymmetric ? layer.x.back() + 0.03f * normal(engine) : layer.x.back());
    }
  }
  for (int64_t i = 0; i < outputs * k; ++i) layer.weights.push_back(normal(engine));
  for (int64_t i = 0; i < outputs * k; i += block) {
    float most = 0;
    for (int64_t j = i; j < i + block; ++j) most = std::max(most, std::abs(layer.weights[at(j)]));
    layer.scales.push_back(most / static_cast<float>(qmax));
  }
  const auto pool = ThreadPool::Create(1);
  GramAccumulator::Options options;
  options.asymmetric = asymmetric;
  auto gram = std::move(GramAccumulator::Create(DenseShape(1, k), options)).value();
  EXPECT_TRUE(gram.Add(DenseShape(samples, k), layer.x.data(), layer.xq.data(), *pool).ok());
  layer.gram = std::move(std::move(gram).Finish(*pool)).value();
  return layer;
}

// Variance over the samples of w x - w~ xq: the error with the bias corrected; and its mean.
std::pair<double, double> Measure(const Layer& layer, const std::vector<int8_t>& values,
                                  int64_t r) {
  double sum = 0, squares = 0;
  for (int64_t s = 0; s < layer.samples; ++s) {
    double difference = 0;
    for (int64_t i = 0; i < layer.k; ++i) {
      const auto at = static_cast<size_t>(r * layer.k + i),
                 in = static_cast<size_t>(s * layer.k + i);
      const double rounded =
          double{layer.scales[at / static_cast<size_t>(layer.block)]} * values[at];
      difference += double{layer.weights[at]} * layer.x[in] - rounded * layer.xq[in];
    }
    sum += difference;
    squares += difference * difference;
  }
  const auto n = static_cast<double>(layer.samples);
  return {squares / n - sum / n * sum / n, sum / n};
}

RoundedWeights Round(const Layer& layer, int32_t qmax, const AdaRoundOptions& options = {},
                     int threads = 1) {
  const auto pool = ThreadPool::Create(threads);
  auto result = AdaRound(layer.problem(qmax), layer.gram, options, *pool);
  EXPECT_TRUE(result.ok()) << result.status().message();
  return std::move(result).value();
}

double Sum(const std::vector<double>& v) { return std::accumulate(v.begin(), v.end(), 0.0); }

TEST(AdaRound, GivenIntegersStayWhenNothingIsLearned) {
  // Also where all roundings could be tried.
  for (const int64_t k : {9, 60}) {
    const Layer layer = MakeLayer(3, 12, k, 200, k, 7, true);
    AdaRoundProblem problem = layer.problem(7);
    std::vector<int8_t> start(problem.weights.size());
    RoundToNearest(problem, k, start.data());
    for (size_t i = 0; i < start.size(); i += 5) {
      const auto exact = problem.weights[i] / problem.scales[i / static_cast<size_t>(k)];
      if (std::abs(exact) > 6.9f) continue;  // the largest has no neighbour outside
      start[i] = static_cast<int8_t>(start[i] > exact ? std::floor(exact) : std::ceil(exact));
    }
    problem.start = start;
    const auto pool = ThreadPool::Create(1);
    AdaRoundOptions options;
    options.iterations = 0;
    options.polish = false;
    const auto result = AdaRound(problem, layer.gram, options, *pool);
    ASSERT_TRUE(result.ok()) << result.status().message();
    EXPECT_EQ(result->values, start);
    for (int64_t r = 0; r < 12; ++r)
      EXPECT_NEAR(Measure(layer, start, r).second, result->bias_shift[static_cast<size_t>(r)],
                  1e-4);
    options.polish = true;
    const auto polished = AdaRound(problem, layer.gram, options, *pool);
    ASSERT_TRUE(polished.ok());
    EXPECT_LT(Sum(polished->error), Sum(result->error));
  }
}

TEST(AdaRound, LessErrorThanNearestRoundingOnTheSamplesThemselves) {
  for (const bool asymmetric : {false, true}) {
    for (const int64_t block : {60, 20}) {
      const Layer layer = MakeLayer(1, 12, 60, 400, block, 7, asymmetric);
      const RoundedWeights rounded = Round(layer, 7);
      std::vector<int8_t> nearest(rounded.values.size());
      RoundToNearest(layer.problem(7), 60, nearest.data());
      double before = 0, after = 0;
      for (int64_t r = 0; r < 12; ++r) {
        const auto at = static_cast<size_t>(r);
        const auto [error, mean] = Measure(layer, rounded.values, r);
        const auto [nearest_error, nearest_mean] = Measure(layer, nearest, r);
        // Both are told up to the same constant.
        EXPECT_NEAR(error - nearest_error, rounded.error[at] - rounded.nearest_error[at],
                    1e-3 * nearest_error);
        if (!asymmetric) {
          EXPECT_NEAR(error, rounded.error[at], 1e-3 * nearest_error);
        }
        EXPECT_LE(rounded.error[at], rounded.nearest_error[at]);
        EXPECT_NEAR(mean, rounded.bias_shift[at], 1e-4);
        before += nearest_error;
        after += error;
      }
      EXPECT_LT(after, 0.5 * before) << asymmetric << " " << block;
      for (size_t i = 0; i < nearest.size(); ++i) {
        EXPECT_LE(std::abs(rounded.values[i]), 7);
        EXPECT_LE(std::abs(rounded.values[i] - nearest[i]), 1);
      }
    }
  }
}

// What the descent adds to flips alone, and the flips to the descent.
TEST(AdaRound, EachPartHelps) {
  const Layer layer = MakeLayer(2, 16, 128, 600, 128, 7, true);
  AdaRoundOptions descent, flips;
  descent.polish = false;
  flips.iterations = 0;
  const RoundedWeights both = Round(layer, 7);
  const double nearest = Sum(both.nearest_error);
  EXPECT_LT(Sum(Round(layer, 7, flips).error), 0.7 * nearest);
  EXPECT_LT(Sum(Round(layer, 7, descent).error), 0.6 * nearest);
  EXPECT_LT(Sum(both.error), Sum(Round(layer, 7, flips).error));
  EXPECT_LT(Sum(both.error), Sum(Round(layer, 7, descent).error));
}

TEST(AdaRound, NeverWorseThanNearestRounding) {
  for (uint32_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    const Layer layer = MakeLayer(seed, 5, 14 + seed, 30, 14 + seed, 7, seed % 2 == 1);
    AdaRoundOptions options;
    options.iterations = static_cast<int>(seed);  // far too few
    options.polish = seed % 3 == 0;
    const RoundedWeights rounded = Round(layer, 7, options);
    for (size_t r = 0; r < rounded.error.size(); ++r)
      EXPECT_LE(rounded.error[r], rounded.nearest_error[r]);
  }
}

TEST(AdaRound, SmallFiltersAreExact) {
  const Layer layer = MakeLayer(3, 4, 6, 50, 6, 7, true);
  const RoundedWeights rounded = Round(layer, 7);
  std::vector<int8_t> tried = rounded.values;
  for (int64_t r = 0; r < 4; ++r) {
    double least = std::numeric_limits<double>::infinity();
    for (int code = 0; code < 64; ++code) {
      for (int64_t i = 0; i < 6; ++i) {
        const auto at = static_cast<size_t>(r * 6 + i);
        const float below = std::floor(layer.weights[at] / layer.scales[static_cast<size_t>(r)]);
        tried[at] = static_cast<int8_t>(
            std::clamp(below + static_cast<float>((code >> i) & 1), -7.0f, 7.0f));
      }
      least = std::min(least, Measure(layer, tried, r).first);
    }
    EXPECT_NEAR(Measure(layer, rounded.values, r).first, least, 1e-5 * least + 1e-9);
  }
}

TEST(AdaRound, ThreadsAndTheFormOfTheStatisticsDoNotMatter) {
  // Fewer samples than half the depth: the product goes through them.
  Layer layer = MakeLayer(4, 150, 64, 24, 64, 7, true);
  ASSERT_FALSE(layer.gram.rows.empty());
  AdaRoundOptions options;
  options.iterations = 50;
  const RoundedWeights one = Round(layer, 7, options, 1), two = Round(layer, 7, options, 2);
  EXPECT_EQ(one.values, two.values);
  EXPECT_EQ(one.error, two.error);
  layer.gram.rows.clear();
  const RoundedWeights full = Round(layer, 7, options);
  EXPECT_NEAR(Sum(full.error), Sum(one.error), 0.02 * Sum(one.nearest_error));
}

TEST(AdaRound, GroupsHaveTheirOwnStatistics) {
  const Layer a = MakeLayer(5, 3, 20, 80, 20, 7, true), b = MakeLayer(6, 3, 20, 80, 20, 7, true);
  Layer both = a;
  both.outputs = 6;
  both.gram.groups = 2;
  const auto append = [](std::vector<float>& to, const std::vector<float>& from) {
    to.insert(to.end(), from.begin(), from.end());
  };
  append(both.weights, b.weights);
  append(both.scales, b.scales);
  append(both.gram.h, b.gram.h);
  append(both.gram.d, b.gram.d);
  append(both.gram.mean, b.gram.mean);
  append(both.gram.shift, b.gram.shift);
  const RoundedWeights together = Round(both, 7), first = Round(a, 7), second = Round(b, 7);
  auto expected = first.values;
  expected.insert(expected.end(), second.values.begin(), second.values.end());
  EXPECT_EQ(together.values, expected);
}

TEST(AdaRound, WeightsBeyondTheRangeAndWithoutScale) {
  Layer layer = MakeLayer(7, 2, 16, 50, 16, 7, false);
  layer.weights[0] = 100 * layer.scales[0];
  layer.weights[1] = -100 * layer.scales[0];
  layer.scales[1] = 0;
  const RoundedWeights rounded = Round(layer, 7);
  EXPECT_EQ(rounded.values[0], 7);
  EXPECT_EQ(rounded.values[1], -7);
  for (size_t i = 16; i < 32; ++i) EXPECT_EQ(rounded.values[i], 0);
  // Activations that are always 0 tell nothing: nearest rounding stays.
  std::fill(layer.gram.h.begin(), layer.gram.h.end(), 0.0f);
  std::vector<int8_t> nearest(32);
  RoundToNearest(layer.problem(7), 16, nearest.data());
  EXPECT_EQ(Round(layer, 7).values, nearest);
}

TEST(AdaRound, SaysWhatIsWrong) {
  const auto pool = ThreadPool::Create(1);
  const Layer layer = MakeLayer(8, 3, 16, 50, 16, 7, false);
  const auto code = [&](const AdaRoundProblem& problem, const AdaRoundOptions& options = {}) {
    return AdaRound(problem, layer.gram, options, *pool).status().code();
  };
  AdaRoundProblem p = layer.problem(7);
  EXPECT_EQ(code(p), Code::kOk);
  p.block = 5;
  EXPECT_EQ(code(p), Code::kInvalidArgument);
  p = layer.problem(7);
  p.outputs = 4;
  EXPECT_EQ(code(p), Code::kInvalidArgument);
  p = layer.problem(200);
  EXPECT_EQ(code(p), Code::kInvalidArgument);
  p = layer.problem(7);
  auto scales = layer.scales;
  scales[1] = -1;
  p.scales = scales;
  EXPECT_EQ(code(p), Code::kInvalidArgument);
  p = layer.problem(7);
  auto weights = layer.weights;
  weights[5] = std::numeric_limits<float>::quiet_NaN();
  p.weights = weights;
  EXPECT_EQ(code(p), Code::kInvalidArgument);
  const std::atomic<bool> stop{true};
  AdaRoundOptions options;
  options.cancel = &stop;
  EXPECT_EQ(code(layer.problem(7), options), Code::kCancelled);
}

}  // namespace
}  // namespace edgeml::quantize
