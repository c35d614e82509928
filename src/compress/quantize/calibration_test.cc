#include "src/compress/quantize/calibration.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "src/compress/quantize/calibration_file.h"
#include "src/compress/quantize/samples_test.h"
#include "src/data/dataset.h"
#include "src/ir/builder.h"

namespace edgeml::quantize {
namespace {

using ir::OpCode;

class CalibrationTest : public testing::Test {
 protected:
  CalibrationTest() : b_("main") {}
  int32_t Op(OpCode op, std::vector<int32_t> inputs, ir::Attributes attributes = {}) {
    auto made = b_.Add(op, std::move(inputs), std::move(attributes), "t");
    EXPECT_TRUE(made.ok()) << made.status().message();
    return made.ok() ? *made : 0;
  }
  // x [?, 6] → relu(x * 2) + x; memory of the intermediate values is shared.
  void MakeSum() {
    input_ = b_.AddInput("x", DType::kFloat32, {kUnknownDim, 6});
    doubled_ = Op(OpCode::kMul, {input_, b_.AddFloat(2.0f)}, ir::BinaryAttrs{});
    positive_ = Op(OpCode::kRelu, {doubled_});
    sum_ = Op(OpCode::kAdd, {positive_, input_}, ir::BinaryAttrs{});
    module_ = ModuleOf(b_.Finish({sum_}));
  }
  Result<CalibrationResult> Run(const std::vector<std::vector<data::Array>>& samples,
                                const CalibrationOptions& options = {},
                                const Progress& progress = nullptr) {
    const auto verified = ir::Verify(module_);
    EXPECT_TRUE(verified.ok()) << verified.message();
    return Calibrate(module_, *MakeArraySamples(samples), options, TestBackends(), progress);
  }
  void ExpectError(const std::vector<std::vector<data::Array>>& samples, Code code,
                   const std::vector<std::string>& parts) {
    for (const int threads : {1, 3}) {
      const auto result = Run(samples, {.threads = threads});
      ASSERT_FALSE(result.ok());
      EXPECT_EQ(result.status().code(), code);
      for (const std::string& part : parts)
        EXPECT_NE(result.status().message().find(part), std::string::npos)
            << result.status().message() << " lacks " << part;
    }
  }

  ir::GraphBuilder b_;
  ir::Module module_;
  int32_t input_ = 0, doubled_ = 0, positive_ = 0, sum_ = 0;
};

TEST_F(CalibrationTest, ObservesEveryValue) {
  MakeSum();
  const auto samples = RandomSamples(40, {3, 6});
  const auto result = Run(samples, {.threads = 2, .histograms = true, .all_channels = true});
  ASSERT_TRUE(result.ok()) << result.status().message();
  EXPECT_EQ(result->samples, 40);
  EXPECT_TRUE(result->warnings.empty()) << result->warnings[0];
  EXPECT_EQ(result->tensors.size(), 4u);
  float low = 0, high = 0, sum_low = 0;
  double mean = 0;
  for (const auto& sample : samples) {
    const auto x = sample[0].as<float>();
    for (size_t i = 0; i < x.size(); ++i) {
      low = std::min(low, x[i]);
      high = std::max(high, x[i]);
      sum_low = std::min(sum_low, x[i] + std::max(2 * x[i], 0.0f));
      if (i % 6 == 4) mean += static_cast<double>(x[i]) / (40 * 3);
    }
  }
  EXPECT_EQ(result->RangeOf(0, input_, 8, false), (Range{low, high}));
  EXPECT_EQ(result->RangeOf(0, doubled_, 8, false), (Range{2 * low, 2 * high}));
  EXPECT_EQ(result->RangeOf(0, positive_, 8, false), (Range{0, 2 * high}));
  EXPECT_EQ(result->RangeOf(0, sum_, 8, false), (Range{sum_low, 3 * high}));
  EXPECT_EQ(result->RangeOf(0, positive_, 8, true), (Range{-2 * high, 2 * high}));
  EXPECT_EQ(result->Find(0, input_)->count(), 40 * 3 * 6);
  EXPECT_EQ(result->Find(0, input_)->histogram().total(), 40u * 3 * 6);
  EXPECT_NEAR(result->Find(0, doubled_)->channel_statistics()->mean(4), 2 * mean, 1e-12);
  EXPECT_EQ(result->Find(0, 1), nullptr);  // the constant
  EXPECT_EQ(result->Find(1, 0), nullptr);
}

TEST_F(CalibrationTest, IsTheSameForAnyNumberOfThreads) {
  MakeSum();
  auto samples = RandomSamples(70, {2, 6});
  samples[33] = RandomSamples(1, {5, 6})[0];  // of another batch size
  const CalibrationOptions options{.method = RangeMethod::kMovingAverage,
                                   .threads = 1,
                                   .histograms = true,
                                   .all_channels = true};
  const auto one = Run(samples, options);
  ASSERT_TRUE(one.ok()) << one.status().message();
  for (const int threads : {2, 3, 7}) {
    CalibrationOptions others = options;
    others.threads = threads;
    const auto many = Run(samples, others);
    ASSERT_TRUE(many.ok());
    EXPECT_EQ(WriteRanges(*one), WriteRanges(*many)) << threads;
  }
}

TEST_F(CalibrationTest, TakesSomeSamplesEvenlySpread) {
  EXPECT_EQ(SpreadSamples(10, 4), (std::vector<int64_t>{0, 2, 5, 7}));
  EXPECT_EQ(SpreadSamples(3, 8), (std::vector<int64_t>{0, 1, 2}));
  EXPECT_EQ(SpreadSamples(INT64_MAX, 2), (std::vector<int64_t>{0, INT64_MAX / 2}));
  EXPECT_TRUE(SpreadSamples(0, 5).empty());
  MakeSum();
  const auto result = Run(RandomSamples(50, {1, 6}), {.limit = 12, .values = {input_}});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->samples, 12);
  ASSERT_EQ(result->tensors.size(), 1u);
  EXPECT_EQ(result->tensors[0].observer.count(), 12 * 6);
  EXPECT_EQ(Run(RandomSamples(1, {1, 6}), {.values = {99}}).status().code(),
            Code::kInvalidArgument);
}

TEST_F(CalibrationTest, SaysWhatDoesNotFit) {
  MakeSum();
  auto samples = RandomSamples(20, {1, 6});
  ExpectError({}, Code::kInvalidArgument, {"empty"});
  samples[7] = RandomSamples(1, {1, 5})[0];
  samples[15] = RandomSamples(1, {1, 4})[0];
  ExpectError(samples, Code::kInvalidArgument,
              {"sample 7: input 0 ('x') takes shape [?, 6], not [1, 5]"});
  samples[7] = {FloatArray({1, 6}, std::vector<float>{0, 1, NAN, 3, 4, 5})};
  ExpectError(samples, Code::kInvalidArgument,
              {"sample 7: input 0 ('x') is not a number at element 2"});
  samples[7] = {FloatArray({1, 6}, std::vector<float>{0, 1, 2, 3, 4, INFINITY})};
  ExpectError(samples, Code::kInvalidArgument,
              {"sample 7: input 0 ('x') is infinite at element 5"});
  samples[7][0].type = DType::kInt32;
  ExpectError(samples, Code::kInvalidArgument,
              {"sample 7: input 0 ('x') takes float32, not int32"});
  samples[7] = {};
  ExpectError(samples, Code::kInvalidArgument, {"sample 7: gives 0 arrays; the model has 1"});
  samples[7] = {FloatArray({1, 6}, {})};
  ExpectError(samples, Code::kInvalidArgument, {"sample 7: input 0 ('x'): 0 bytes are not"});
}

TEST_F(CalibrationTest, WarnsOfDataThatTellsLittle) {
  MakeSum();
  const auto few = Run(RandomSamples(3, {1, 6}));
  ASSERT_TRUE(few.ok());
  ASSERT_EQ(few->warnings.size(), 1u);
  EXPECT_NE(few->warnings[0].find("on 3 samples"), std::string::npos);
  auto equal = RandomSamples(12, {1, 6});
  for (auto& sample : equal) sample = equal[0];
  const auto same = Run(equal);
  ASSERT_TRUE(same.ok());
  EXPECT_EQ(same->warnings,
            std::vector<std::string>{"input 0 ('x') is the same in all 12 samples"});
  for (auto& sample : equal) sample = {FloatArray({1, 6}, std::vector<float>(6, 0.5f))};
  const auto constant = Run(equal);
  ASSERT_TRUE(constant.ok());
  EXPECT_EQ(constant->warnings,
            std::vector<std::string>{"input 0 ('x') is 0.5 throughout, in all samples"});
}

TEST_F(CalibrationTest, NamesWhereNumbersCeaseToBe) {
  input_ = b_.AddInput("x", DType::kFloat32, {1, 6});
  const int32_t logarithm = Op(OpCode::kLog, {input_});
  module_ = ModuleOf(b_.Finish({Op(OpCode::kExp, {logarithm})}));
  auto samples = RandomSamples(20, {1, 6});
  for (auto& sample : samples)
    for (float& x : sample[0].as<float>()) x = std::fabs(x) + 0.1f;
  samples[4][0].as<float>()[3] = 0.0f;  // infinite, which is said
  const auto result = Run(samples);
  ASSERT_TRUE(result.ok()) << result.status().message();
  ASSERT_EQ(result->warnings.size(), 1u);
  EXPECT_NE(result->warnings[0].find("infinite in 1 places"), std::string::npos);
  samples[9][0].as<float>()[3] = -1.0f;
  samples[18][0].as<float>()[3] = -1.0f;
  ExpectError(samples, Code::kFailed, {"sample 9: ", "(LOG)", "tensor 1 ('t')", "1 values"});
}

TEST_F(CalibrationTest, StopsWhenAsked) {
  MakeSum();
  for (const int threads : {1, 2}) {
    int64_t last = 0;
    const auto progress = [&](int64_t done, int64_t total) {
      EXPECT_EQ(total, 100);
      last = done;
      return done < 5;
    };
    EXPECT_EQ(Run(RandomSamples(100, {1, 6}), {.threads = threads}, progress).status().code(),
              Code::kCancelled);
    EXPECT_LT(last, 40);
    const auto watch = [&](int64_t done, int64_t) {
      last = done;
      return true;
    };
    EXPECT_TRUE(Run(RandomSamples(100, {1, 6}), {.threads = threads}, watch).ok());
    EXPECT_EQ(last, 100);
  }
}

// while (n > 0) { n -= 1; x = x + x }, n [1] int32, x [2].
TEST_F(CalibrationTest, ObservesGraphsThatAreCalled) {
  const int32_t n = b_.AddInput("n", DType::kInt32, {1});
  const int32_t x = b_.AddInput("x", DType::kFloat32, {2});
  const auto looped =
      b_.Add(OpCode::kWhile, {n, x}, ir::WhileAttrs{1, 2},
             {{DType::kInt32, "last", Shape{1}, {}}, {DType::kFloat32, "looped", Shape{2}, {}}});
  ASSERT_TRUE(looped.ok());
  module_ = ModuleOf(b_.Finish({(*looped)[1]}));
  ir::GraphBuilder condition("condition"), body("body");
  const int32_t cn = condition.AddInput("n", DType::kInt32, {1});
  condition.AddInput("x", DType::kFloat32, {2});
  const auto more =
      condition.Add(OpCode::kGreater, {cn, condition.AddInts({0})}, {}, "more", DType::kBool);
  ASSERT_TRUE(more.ok()) << more.status().message();
  module_.graphs.push_back(condition.Finish({*more}));
  const int32_t bn = body.AddInput("n", DType::kInt32, {1});
  const int32_t bx = body.AddInput("x", DType::kFloat32, {2});
  const auto less = body.Add(OpCode::kSub, {bn, body.AddInts({1})}, ir::BinaryAttrs{});
  const auto twice = body.Add(OpCode::kAdd, {bx, bx}, ir::BinaryAttrs{});
  ASSERT_TRUE(less.ok() && twice.ok());
  module_.graphs.push_back(body.Finish({*less, *twice}));

  std::vector<std::vector<data::Array>> samples;
  for (int32_t i = 0; i < 12; ++i) {
    data::Array count{DType::kInt32, {1}, std::vector<uint8_t>(4)};
    count.as<int32_t>()[0] = 3;
    samples.push_back({count, FloatArray({2}, std::vector<float>{1, static_cast<float>(-i)})});
  }
  const auto result = Run(samples, {.threads = 2});
  ASSERT_TRUE(result.ok()) << result.status().message();
  EXPECT_EQ(result->RangeOf(0, x, 8, false), (Range{-11, 1}));
  EXPECT_EQ(result->RangeOf(0, (*looped)[1], 8, false), (Range{-88, 8}));
  EXPECT_EQ(result->RangeOf(2, bx, 8, false), (Range{-44, 4}));
  EXPECT_EQ(result->RangeOf(2, *twice, 8, false), (Range{-88, 8}));
  EXPECT_EQ(result->Find(2, *twice)->count(), 12 * 3 * 2);
  EXPECT_EQ(result->RangeOf(1, 1, 8, false), (Range{-88, 8}));
}

TEST_F(CalibrationTest, TakesADataSet) {
  auto digits = data::OpenDataset("digits:train");
  ASSERT_TRUE(digits.ok());
  const std::shared_ptr<const data::Dataset> dataset = std::move(digits).value();
  input_ = b_.AddInput("x", DType::kFloat32, {kUnknownDim, 8, 8, 1});
  module_ = ModuleOf(b_.Finish({Op(OpCode::kRelu, {input_})}));
  const auto samples = MakeDatasetSamples(dataset, module_.graphs[0], {});
  ASSERT_TRUE(samples.ok());
  const auto result =
      Calibrate(module_, **samples, {.threads = 2, .limit = 100}, TestBackends(), nullptr);
  ASSERT_TRUE(result.ok()) << result.status().message();
  EXPECT_EQ(result->RangeOf(0, input_, 8, false), (Range{0, 16}));
  EXPECT_EQ(result->Find(0, input_)->count(), 100 * 64);

  ir::GraphBuilder other("other");
  const int32_t wide = other.AddInput("wide", DType::kFloat32, {1, 9, 9, 1});
  const auto relu = other.Add(OpCode::kRelu, {wide});
  const ir::Module wrong = ModuleOf(other.Finish({*relu}));
  const auto misfits = MakeDatasetSamples(dataset, wrong.graphs[0], {});
  ASSERT_TRUE(misfits.ok());
  const auto refused = Calibrate(wrong, **misfits, {}, TestBackends());
  EXPECT_EQ(refused.status().code(), Code::kInvalidArgument);
  EXPECT_TRUE(refused.status().message().starts_with("sample 0 (digits"))
      << refused.status().message();
  EXPECT_FALSE(MakeDatasetSamples(dataset, ir::Graph{}, {}).ok());
}

class RangesFileTest : public CalibrationTest {
 protected:
  std::string Written(RangeMethod method) {
    MakeSum();
    const auto result =
        Run(RandomSamples(30, {1, 6}), {.method = method, .threads = 1, .all_channels = true});
    EXPECT_TRUE(result.ok());
    return WriteRanges(*result);
  }
};

TEST_F(RangesFileTest, ReadsBackAsItWas) {
  for (const RangeMethod method : {RangeMethod::kMovingAverage, RangeMethod::kMse}) {
    b_ = ir::GraphBuilder("main");
    const std::string text = Written(method);
    const auto result = ReadRanges(text);
    ASSERT_TRUE(result.ok()) << result.status().message();
    EXPECT_EQ(WriteRanges(*result), text);
    EXPECT_TRUE(result->CheckModel(module_).ok());
    const auto original =
        Run(RandomSamples(30, {1, 6}), {.method = method, .threads = 1, .all_channels = true});
    for (const int32_t v : {input_, doubled_, positive_, sum_})
      EXPECT_EQ(result->RangeOf(0, v, 8, false), original->RangeOf(0, v, 8, false));
    ir::Module other = module_;
    other.graphs[0].nodes.back().op = OpCode::kMul;
    EXPECT_EQ(result->CheckModel(other).code(), Code::kInvalidArgument);
  }
}

TEST_F(RangesFileTest, ZerosAreNotNegative) {
  std::string text = Written(RangeMethod::kMinMax);
  const std::string_view zero = "\"min\": 0,";
  const size_t at = text.find(zero);
  ASSERT_NE(at, std::string::npos);
  const std::string as_it_was = text;
  for (const char* negative : {"\"min\": -0,", "\"min\": -0.0,", "\"min\": -1e-99,"}) {
    text = as_it_was;
    text.replace(at, zero.size(), negative);
    const auto result = ReadRanges(text);
    ASSERT_TRUE(result.ok()) << result.status().message();
    EXPECT_EQ(WriteRanges(*result), as_it_was) << negative;
  }
}

TEST_F(RangesFileTest, RefusesWhatIsNoOutcome) {
  const std::string text = Written(RangeMethod::kEntropy);
  ASSERT_TRUE(ReadRanges(text).ok());
  for (size_t cut = 0; cut < text.size() - 2; cut += 7)
    EXPECT_FALSE(ReadRanges(std::string_view(text).substr(0, cut)).ok()) << cut;
  const auto change = [&](std::string_view from, std::string_view to, std::string_view said) {
    std::string changed = text;
    const size_t at = changed.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    changed.replace(at, from.size(), to);
    const auto result = ReadRanges(changed);
    ASSERT_FALSE(result.ok()) << from << " → " << to;
    EXPECT_NE(result.status().message().find(said), std::string::npos) << result.status().message();
  };
  change("edgeml-ranges", "ranges", "not a file of ranges");
  change("\"version\": 1", "\"version\": 2", "later edgeml");
  change("\"model\": \"", "\"model\": \"x", "hexadecimal");
  change("entropy", "magic", "\"method\"");
  change("99.99", "0", "\"percentile\"");
  change("99.99", "NaN", "\"percentile\"");
  change("\"samples\": 30", "\"samples\": -1", "\"samples\"");
  change("\"tensor\": 0", "\"tensor\": -1", "tensor 0 of the list (\"x\")");
  change("\"tensor\": 2", "\"tensor\": 0", "out of order or twice");
  change("\"values\": 180", "\"values\": 186", "the histogram counts 180 values of 186");
  change("\"values\": 180", "\"values\": 1e300", "\"values\"");
  change("\"infinite\": 0", "\"infinite\": 181", "cannot be infinite");
  change("\"min\": ", "\"min\": 1e39, \"m\": ", "\"min\"");
  change("\"min\": ", "\"min\": 100, \"m\": ", "is none");
  change("\"average\": [", "\"average\": [-90, ", "outside");
  change("\"exponent\": ", "\"exponent\": -", "ends before");
  change("\"exponent\": ", "\"exponent\": 999", "from -100 to 128");
  change("\"zeros\": ", "\"zeros\": 9", "zeros");
  change("\"counts\": \"", "\"counts\": \"1 ", "counts");
  change("\"counts\": \"", "\"counts\": \"x", "see place 0");
  change("\"counts\": \"", "\"counts\": \"18446744073709551615 ", "than there can be");
  change("\"first\": ", "\"first\": 1", "counts");
  change("\"histogram\"", "\"other\"", "lacks the histogram");
  change("\"sum\": \"", "\"sum\": \"1 ", "channels");
  change("\"sum\": \"", "\"sum\": \"inf ", "\"sum\"");
}

}  // namespace
}  // namespace edgeml::quantize
