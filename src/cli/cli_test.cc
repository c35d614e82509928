#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "src/cli/inspect_html.h"
#include "src/cli/layer_compare.h"
#include "src/cli/options.h"
#include "src/cli/output.h"
#include "src/cli/results.h"
#include "src/cli/tensor_statistics.h"

namespace edgeml::cli {
namespace {

TEST(OutputTest, Numbers) {
  EXPECT_EQ(Grouped(0), "0");
  EXPECT_EQ(Grouped(999), "999");
  EXPECT_EQ(Grouped(1234567), "1,234,567");
  EXPECT_EQ(Grouped(-1234), "-1,234");
  EXPECT_EQ(Milliseconds(0.0123), "0.012 ms");
  EXPECT_EQ(Milliseconds(12.34), "12.3 ms");
  EXPECT_EQ(Percent(0.9722), "97.22 %");
  EXPECT_EQ(ShapeText({1, -1, 3}), "[1, ?, 3]");
}

TEST(OutputTest, NothingFromAFileSteersTheTerminal) {
  EXPECT_EQ(Printable("a\x1B[31mb\nc\x7F"), "a?[31mb c?");
  EXPECT_EQ(Printable("d\xC3\xB6g"), "d\xC3\xB6g");
}

TEST(OutputTest, JsonIsAlwaysValid) {
  const Json json = {{"bad", std::string("\xFF\xFE")},
                     {"nan", NAN},
                     {"list", {1, 2, 3}},
                     {"parts", {{{"a", 1}}, {{"b", Json::array()}}}},
                     {"empty", Json::object()}};
  const std::string text = JsonText(json);
  const Json back = Json::parse(text, nullptr, false);
  ASSERT_FALSE(back.is_discarded()) << text;
  EXPECT_TRUE(back["nan"].is_null());
  EXPECT_EQ(back["parts"][0]["a"], 1);
  EXPECT_NE(text.find("[1,2,3]"), std::string::npos);
}

TEST(InspectHtmlTest, NothingInTheDataIsMarkup) {
  const Json json = {{"</script><!--<script>", "a & b > c\xFF\x01"}};
  const std::string text = EmbeddedJson(json);
  EXPECT_EQ(text.find_first_of("<>&"), std::string::npos) << text;
  const Json back = Json::parse(text, nullptr, false);
  ASSERT_FALSE(back.is_discarded()) << text;
  EXPECT_EQ(back["</script><!--<script>"], "a & b > c\xEF\xBF\xBD\x01");

  const std::string page = GraphPage(json);
  const size_t at = page.find(text);
  ASSERT_NE(at, std::string::npos);
  EXPECT_TRUE(page.substr(0, at).ends_with("id=\"model-data\">"));
  EXPECT_TRUE(page.substr(at + text.size()).starts_with("</script>"));
}

TensorInfo MakeTensor(DType type, std::vector<int32_t> shape) {
  TensorInfo info;
  info.dtype = type;
  info.shape = std::move(shape);
  return info;
}

TEST(TensorStatisticsTest, OnlyOfWholeTensorsOfNumbers) {
  const std::vector<std::byte> bytes(8);
  EXPECT_TRUE(StatisticsOf(MakeTensor(DType::kFloat32, {2}), bytes));
  EXPECT_FALSE(StatisticsOf(MakeTensor(DType::kFloat32, {3}), bytes));
  EXPECT_FALSE(StatisticsOf(MakeTensor(DType::kFloat32, {0}), {}));
  EXPECT_FALSE(StatisticsOf(MakeTensor(DType::kComplex64, {1}), bytes));
  EXPECT_FALSE(StatisticsOf(MakeTensor(DType::kString, {1}), bytes));
  EXPECT_FALSE(StatisticsOf(MakeTensor(DType::kInt8, {1 << 30, 1 << 30, 1 << 30}), bytes));
}

TEST(TensorStatisticsTest, RangesBeyondADouble) {
  const double values[] = {-1.7e308, 1.7e308, INFINITY, NAN};
  const auto s = StatisticsOf(MakeTensor(DType::kFloat64, {4}), std::as_bytes(std::span(values)));
  ASSERT_TRUE(s);
  EXPECT_EQ(s->min, -1.7e308);
  EXPECT_EQ(s->max, 1.7e308);
  EXPECT_EQ(s->not_finite, 2);
  EXPECT_EQ(s->histogram[0], 2);
}

// Fewer scales than the dimension has indices, no zero points, and a dimension that is not there.
TEST(TensorStatisticsTest, OddQuantization) {
  const int8_t values[] = {1, 2, 3, 4};
  TensorInfo info = MakeTensor(DType::kInt8, {2, 2});
  info.quantization = {{0.5f, 2}, {}, 7};
  const auto s = StatisticsOf(info, std::as_bytes(std::span(values)));
  ASSERT_TRUE(s);
  EXPECT_EQ(s->count, 4);
  EXPECT_EQ(s->min, 0.5);
  EXPECT_EQ(s->max, 8);
}

TEST(OptionsTest, Bytes) {
  EXPECT_EQ(ParseBytes("1500").value(), 1500u);
  EXPECT_EQ(ParseBytes("64K").value(), 64000u);
  EXPECT_EQ(ParseBytes("1.5MB").value(), 1500000u);
  EXPECT_EQ(ParseBytes("2 GiB").value(), size_t{2} << 30);
  for (const char* bad : {"", "MB", "-1", "0", "5x", "1e30", "12 34"}) {
    EXPECT_EQ(ParseBytes(bad).status().code(), Code::kInvalidArgument) << bad;
  }
}

TEST(ResultsTest, NamesFitTheModelsNumbering) {
  const std::vector<std::string> three = {"a", "b", "c"};
  EXPECT_EQ(FitNames(three, 3)->Of(2), "c");
  EXPECT_EQ(FitNames(three, 4)->Of(0), "");
  EXPECT_EQ(FitNames(three, 4)->Of(1), "a");
  EXPECT_EQ(FitNames(three, 2)->Of(0), "b");
  EXPECT_FALSE(FitNames(three, 2)->note.empty());
  EXPECT_EQ(FitNames(three, 10).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(FitNames({"???", "person"}, 0)->Of(0), "person");
  EXPECT_EQ(FitNames({"person", "dog"}, 0)->Of(0), "person");
  EXPECT_EQ(FitNames(three, 3)->Of(-5), "");
}

TEST(ResultsTest, TopK) {
  const double scores[] = {0.1, NAN, 0.5, 0.5, 0.2};
  const auto top = TopK(scores, 3);
  ASSERT_EQ(top.size(), 3u);
  EXPECT_EQ(top[0].index, 2);
  EXPECT_EQ(top[1].index, 3);
  EXPECT_EQ(top[2].index, 4);
  EXPECT_EQ(TopK(scores, 99).size(), 5u);
}

TEST(ResultsTest, Probabilities) {
  EXPECT_TRUE(LooksLikeProbabilities(std::vector<double>{0.25, 0.75}));
  EXPECT_FALSE(LooksLikeProbabilities(std::vector<double>{-0.25, 1.25}));
  EXPECT_FALSE(LooksLikeProbabilities(std::vector<double>{0.9, 0.9}));
  EXPECT_FALSE(LooksLikeProbabilities(std::vector<double>{NAN, 1}));
}

TEST(ResultsTest, Spread) {
  std::vector<double> values;
  for (int i = 100; i >= 1; --i) values.push_back(i);
  const Spread s = SpreadOf(values);
  EXPECT_EQ(s.min, 1);
  EXPECT_EQ(s.median, 50.5);
  EXPECT_EQ(s.p90, 90);
  EXPECT_EQ(s.p99, 99);
  EXPECT_EQ(s.mean, 50.5);
  EXPECT_EQ(SpreadOf({}).mean, 0);
  EXPECT_EQ(SpreadOf({7}).p99, 7);
}

TEST(ResultsTest, BoxesGoBackToThePicture) {
  const Detection whole{0, 1, 0, 0, 1, 1};
  const data::Box stretched = ToPicture(whole, 200, 100, 50, 50, data::ResizeMode::kStretch);
  EXPECT_EQ(stretched.right, 200);
  EXPECT_EQ(stretched.bottom, 100);
  const data::Box cropped = ToPicture(whole, 200, 100, 50, 50, data::ResizeMode::kCrop);
  EXPECT_EQ(cropped.left, 50);
  EXPECT_EQ(cropped.right, 150);
  EXPECT_EQ(cropped.bottom, 100);
  const data::Box padded = ToPicture(whole, 200, 100, 50, 50, data::ResizeMode::kPad);
  EXPECT_EQ(padded.left, 0);
  EXPECT_EQ(padded.top, -50);
  EXPECT_EQ(padded.bottom, 150);
}

Layer MakeLayer(std::string op, std::string name, std::vector<int32_t> shape) {
  return {0, std::move(op), std::move(name), std::move(shape), 0};
}

TEST(LayerCompareTest, MatchesByNameThenByOperator) {
  const std::vector<Layer> a = {MakeLayer("CONV_2D", "c1", {1, 4}), MakeLayer("RELU", "r", {1, 4}),
                                MakeLayer("CONV_2D", "c2", {1, 4}),
                                MakeLayer("SOFTMAX", "s", {1, 2})};
  const std::vector<Layer> b = {MakeLayer("CONV_2D", "x", {1, 4}),
                                MakeLayer("CONV_2D", "c2", {1, 4}),
                                MakeLayer("SOFTMAX", "t", {1, 2})};
  const std::vector<std::pair<size_t, size_t>> expected = {{0, 0}, {2, 1}, {3, 2}};
  EXPECT_EQ(MatchLayers(a, b), expected);
  EXPECT_TRUE(MatchLayers(a, {}).empty());
  EXPECT_TRUE(
      MatchLayers({MakeLayer("CONV_2D", "c", {1})}, {MakeLayer("CONV_2D", "c", {2})}).empty());
}

TEST(LayerCompareTest, Differences) {
  const Difference d = Compare({1, -4, 2}, {1, -3, 2});
  EXPECT_EQ(d.max_abs, 1);
  EXPECT_EQ(d.range, 4);
  EXPECT_EQ(d.relative, 0.25);
  EXPECT_NEAR(d.sqnr_db, 10 * std::log10(21.0), 1e-12);
  EXPECT_EQ(Compare({1}, {1}).relative, 0);
  EXPECT_TRUE(std::isinf(Compare({1}, {NAN}).relative));
  EXPECT_TRUE(std::isinf(Compare({0}, {1}).relative));
}

}  // namespace
}  // namespace edgeml::cli
