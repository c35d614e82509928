#include "src/compress/quantize/gram.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace edgeml::quantize {
namespace {

using kernels::ConvShape;

class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  int Int(int lo, int hi) { return std::uniform_int_distribution<int>(lo, hi)(engine_); }
  std::vector<float> Reals(int64_t n, float lo, float hi) {
    std::vector<float> out(static_cast<size_t>(n));
    for (float& x : out) x = std::uniform_real_distribution<float>(lo, hi)(engine_);
    return out;
  }

 private:
  std::mt19937 engine_;
};

ConvShape RandomShape(Random& random, int kind) {
  ConvShape s;
  s.batch = random.Int(1, 3);
  if (kind == 0) {  // dense
    s.in_c = random.Int(1, 70);
    return s;
  }
  s.in_h = random.Int(4, 9);
  s.in_w = random.Int(4, 9);
  s.filter_h = random.Int(1, 3);
  s.filter_w = random.Int(1, 3);
  s.stride_h = random.Int(1, 2);
  s.stride_w = random.Int(1, 2);
  s.dilation_h = random.Int(1, 2);
  s.pad_top = random.Int(0, 1);
  s.pad_left = random.Int(0, 1);
  s.out_h = random.Int(1, 5);
  s.out_w = random.Int(1, 5);
  const int channels = random.Int(1, 5);
  s.groups = kind == 1 ? 1 : kind == 2 ? random.Int(2, 3) : random.Int(2, 40);
  s.in_c = kind == 3 ? s.groups : s.groups * channels;
  return s;
}

// Patch element i of group g at output pixel p, by the definition.
double PatchAt(const ConvShape& s, const std::vector<float>& x, int64_t p, int64_t g, int64_t i) {
  const int64_t channels = s.in_c / s.groups;
  const int64_t fy = i / channels / s.filter_w, fx = i / channels % s.filter_w;
  const int64_t line = p / s.out_w, image = line / s.out_h;
  const int64_t y = line % s.out_h * s.stride_h - s.pad_top + fy * s.dilation_h;
  const int64_t ix = p % s.out_w * s.stride_w - s.pad_left + fx * s.dilation_w;
  if (y < 0 || y >= s.in_h || ix < 0 || ix >= s.in_w) return 0;
  const int64_t c = g * channels + i % channels;
  return x[static_cast<size_t>(((image * s.in_h + y) * s.in_w + ix) * s.in_c + c)];
}

class GramTest : public testing::TestWithParam<int> {};

TEST_P(GramTest, AgainstTheDefinition) {
  for (uint32_t seed = 0; seed < 12; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Random random(seed + 100 * static_cast<uint32_t>(GetParam()));
    ConvShape s = RandomShape(random, GetParam());
    GramAccumulator::Options options;
    options.asymmetric = seed % 3 != 0;
    options.centred = seed % 2 == 0;
    options.patches_per_image = 1000;
    auto gram = GramAccumulator::Create(s, options);
    ASSERT_TRUE(gram.ok()) << gram.status().message();
    const auto pool = ThreadPool::Create(random.Int(1, 2));
    const int64_t k = int64_t{s.filter_h} * s.filter_w * s.in_c / s.groups;
    const int64_t adds = random.Int(1, 4) == 1 ? 60 : 2;
    const int64_t row = s.groups * k;
    std::vector<double> h(static_cast<size_t>(row * k)), d(h.size());
    std::vector<double> mean(static_cast<size_t>(row)), shift(mean.size());
    double n = 0;
    for (int64_t add = 0; add < adds; ++add) {
      s.batch = random.Int(1, 4);
      const int64_t size = int64_t{s.batch} * s.in_h * s.in_w * s.in_c;
      const auto xq = random.Reals(size, -1, 2);
      const auto x = options.asymmetric ? random.Reals(size, -1, 2) : xq;
      const Status added = gram->Add(s, options.asymmetric ? x.data() : nullptr, xq.data(), *pool);
      ASSERT_TRUE(added.ok()) << added.message();
      for (int64_t p = 0; p < s.output_rows() * s.out_w; ++p, ++n) {
        for (int64_t g = 0; g < s.groups; ++g) {
          std::vector<double> q, e;
          for (int64_t i = 0; i < k; ++i) {
            q.push_back(PatchAt(s, xq, p, g, i));
            e.push_back(q.back() - PatchAt(s, x, p, g, i));
          }
          for (size_t i = 0; i < q.size(); ++i) {
            const size_t at = static_cast<size_t>(g * k) + i;
            mean[at] += q[i];
            shift[at] += e[i];
            for (size_t j = 0; j < q.size(); ++j) {
              h[at * q.size() + j] += q[i] * q[j];
              d[at * q.size() + j] += e[i] * q[j];
            }
          }
        }
      }
    }
    const auto found = std::move(*gram).Finish(*pool);
    ASSERT_TRUE(found.ok());
    EXPECT_EQ(found->samples, static_cast<int64_t>(n));
    EXPECT_EQ(found->k, k);
    EXPECT_EQ(found->groups, s.groups);
    EXPECT_EQ(found->d.empty(), !options.asymmetric);
    for (size_t i = 0; i < mean.size(); ++i) {
      EXPECT_NEAR(found->mean[i], mean[i] / n, 1e-5);
      if (options.asymmetric) {
        EXPECT_NEAR(found->shift[i], shift[i] / n, 1e-5);
      }
    }
    const auto width = static_cast<size_t>(k);
    for (size_t i = 0; i < mean.size(); ++i) {
      for (size_t j = 0; j < width; ++j) {
        const size_t at = i * width + j, other = i / width * width + j;
        const double square = options.centred ? mean[i] / n * mean[other] / n : 0;
        const double cross = options.centred ? shift[i] / n * mean[other] / n : 0;
        ASSERT_NEAR(found->h[at], h[at] / n - square, 1e-5) << i << ", " << j;
        if (options.asymmetric) {
          ASSERT_NEAR(found->d[at], d[at] / n - cross, 1e-5);
        }
      }
    }
    if (!found->rows.empty()) {
      ASSERT_LT(2 * found->samples, k);
      for (size_t i = 0; i < width; ++i) {
        for (size_t j = 0; j < width; ++j) {
          double sum = 0;
          for (size_t r = 0; r < static_cast<size_t>(found->samples); ++r)
            sum += double{found->rows[r * width + i]} * found->rows[r * width + j];
          ASSERT_NEAR(sum, found->h[i * width + j], 1e-5);
        }
      }
    }
  }
}

std::string NameOfLayer(const testing::TestParamInfo<int>& layer) {
  static constexpr const char* kNames[] = {"Dense", "Conv", "Grouped", "Depthwise"};
  return kNames[layer.param];
}

INSTANTIATE_TEST_SUITE_P(Layers, GramTest, testing::Values(0, 1, 2, 3), NameOfLayer);

ConvShape Pointwise(int32_t side, int32_t channels) {
  ConvShape s;
  s.in_h = s.in_w = s.out_h = s.out_w = side;
  s.in_c = channels;
  return s;
}

// Large images count in part; the same part whatever the threads and however the images come.
TEST(Gram, TakesTheSamePatchesEachTime) {
  Random random(5);
  ConvShape s = Pointwise(40, 3);
  s.batch = 6;
  const auto x = random.Reals(int64_t{s.batch} * 1600 * 3, -1, 1);
  std::vector<float> first;
  for (const int batch : {6, 1, 2}) {
    GramAccumulator::Options options;
    options.asymmetric = false;
    options.patches_per_image = 50;
    auto gram = GramAccumulator::Create(s, options);
    ASSERT_TRUE(gram.ok());
    const auto pool = ThreadPool::Create(batch == 1 ? 1 : 2);
    s.batch = batch;
    for (int i = 0; i < 6; i += batch)
      ASSERT_TRUE(gram->Add(s, nullptr, x.data() + i * 4800, *pool).ok());
    const auto found = std::move(*gram).Finish(*pool);
    ASSERT_TRUE(found.ok());
    EXPECT_EQ(found->samples, 300);
    if (first.empty()) first = found->h;
    EXPECT_EQ(found->h, first);
  }
  // Spread over the image: uniform values of [-1, 1] have a variance of a third.
  for (const size_t i : {0u, 4u, 8u}) EXPECT_NEAR(first[i], 1.0 / 3, 0.08);
}

TEST(Gram, SaysWhatIsWrong) {
  const auto pool = ThreadPool::Create(1);
  ConvShape s = Pointwise(2, 4);
  auto gram = GramAccumulator::Create(s, {});
  ASSERT_TRUE(gram.ok());
  const std::vector<float> x(16, 1.0f);
  auto bad = x;
  bad[7] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(gram->Add(s, bad.data(), x.data(), *pool).code(), Code::kInvalidArgument);
  bad[7] = std::numeric_limits<float>::infinity();
  EXPECT_EQ(gram->Add(s, x.data(), bad.data(), *pool).code(), Code::kInvalidArgument);
  EXPECT_EQ(gram->Add(Pointwise(2, 5), x.data(), x.data(), *pool).code(), Code::kInvalidArgument);
  EXPECT_EQ(std::move(*gram).Finish(*pool).status().code(), Code::kInvalidArgument);
  s.in_c = 100000;
  EXPECT_EQ(GramAccumulator::Create(s, {}).status().code(), Code::kUnsupported);
  s.groups = 3;
  EXPECT_EQ(GramAccumulator::Create(s, {}).status().code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace edgeml::quantize
