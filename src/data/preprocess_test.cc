#include "src/data/preprocess.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

namespace edgeml::data {
namespace {

Example Pixels(int height, int width, int channels, std::vector<uint8_t> bytes) {
  return {ExampleKind::kPixels,
          {DType::kUInt8, Shape{height, width, channels}, std::move(bytes)},
          -1,
          "picture",
          0};
}

template <typename T>
Example Values(DType type, Shape shape, std::vector<T> values) {
  Example e;
  e.name = "array";
  e.values = {type, shape, std::vector<uint8_t>(values.size() * sizeof(T))};
  std::memcpy(e.values.bytes.data(), values.data(), e.values.bytes.size());
  return e;
}

template <typename T>
std::vector<T> Made(const Example& e, const InputSpec& spec,
                    const PreprocessOptions& options = {}) {
  const auto out = ToModelInput(e, spec, options);
  EXPECT_TRUE(out.ok()) << out.status().message();
  if (!out.ok()) return {};
  const auto values = out->as<T>();
  return {values.begin(), values.end()};
}

InputSpec Spec(Shape shape, DType type, float scale = 0, int32_t zero_point = 0) {
  return {shape, type, scale, zero_point};
}

TEST(PixelsTest, DefaultsByType) {
  const Example two = Pixels(1, 2, 3, {0, 127, 255, 1, 128, 2});
  EXPECT_EQ(Made<float>(two, Spec({1, 1, 2, 3}, DType::kFloat32)),
            (std::vector<float>{0, 127, 255, 1, 128, 2}));
  EXPECT_EQ(Made<uint8_t>(two, Spec({1, 1, 2, 3}, DType::kUInt8, 0.5f, 7)),
            (std::vector<uint8_t>{0, 127, 255, 1, 128, 2}));
  EXPECT_EQ(Made<int8_t>(two, Spec({1, 1, 2, 3}, DType::kInt8, 0.5f, 7)),
            (std::vector<int8_t>{-128, -1, 127, -127, 0, -126}));
  EXPECT_EQ(Made<int16_t>(two, Spec({1, 1, 2, 3}, DType::kInt16, 0.5f, 0)),
            (std::vector<int16_t>{0, 254, 510, 2, 256, 4}));
}

TEST(PixelsTest, NormalizationComesFirstAndIsQuantized) {
  const Example one = Pixels(1, 1, 3, {0, 128, 255});
  PreprocessOptions options;
  options.metadata = {{127.5f}, {127.5f}};
  EXPECT_EQ(Made<float>(one, Spec({1, 1, 1, 3}, DType::kFloat32), options)[2], 1.0f);
  // (x - 127.5) / 127.5 / 0.015625 + 64
  EXPECT_EQ(Made<uint8_t>(one, Spec({1, 1, 1, 3}, DType::kUInt8, 0.015625f, 64), options),
            (std::vector<uint8_t>{0, 64, 128}));
  // With 0.0078125 and 128 the 128 would become 129; the quantization undoes the normalization.
  EXPECT_EQ(Made<uint8_t>(one, Spec({1, 1, 1, 3}, DType::kUInt8, 0.0078125f, 128), options),
            (std::vector<uint8_t>{0, 128, 255}));
  EXPECT_EQ(Made<int8_t>(one, Spec({1, 1, 1, 3}, DType::kInt8, 0.0078125f, 0), options),
            (std::vector<int8_t>{-128, 0, 127}));
  options.given = options.metadata;
  EXPECT_EQ(Made<uint8_t>(one, Spec({1, 1, 1, 3}, DType::kUInt8, 0.0078125f, 128), options),
            (std::vector<uint8_t>{0, 129, 255}));
  options.given = {{0, 28, 55}, {1, 10, 100}};
  EXPECT_EQ(Made<float>(one, Spec({1, 1, 1, 3}, DType::kFloat32), options),
            (std::vector<float>{0, 10, 2}));
  options.given = {{}, {255}};
  EXPECT_EQ(Made<float>(one, Spec({1, 1, 1, 3}, DType::kFloat32), options)[2], 1.0f);
  options.given = {{1, 2}, {}};
  EXPECT_EQ(ToModelInput(one, Spec({1, 1, 1, 3}, DType::kFloat32), options).status().code(),
            Code::kInvalidArgument);
  options.given = {{}, {0}};
  EXPECT_EQ(ToModelInput(one, Spec({1, 1, 1, 3}, DType::kFloat32), options).status().code(),
            Code::kInvalidArgument);
}

TEST(PixelsTest, Layouts) {
  const Example rgb = Pixels(1, 2, 3, {10, 20, 30, 40, 50, 60});
  EXPECT_EQ(Made<float>(rgb, Spec({1, 3, 1, 2}, DType::kFloat32)),
            (std::vector<float>{10, 40, 20, 50, 30, 60}));
  EXPECT_EQ(Made<int8_t>(rgb, Spec({1, 3, 1, 2}, DType::kInt8)),
            (std::vector<int8_t>{-118, -88, -108, -78, -98, -68}));
  EXPECT_EQ(Made<uint8_t>(rgb, Spec({1, 2, 3}, DType::kUInt8)).size(), 6u);
  EXPECT_EQ(Made<uint8_t>(rgb, Spec({1, 6}, DType::kUInt8)),
            (std::vector<uint8_t>{10, 20, 30, 40, 50, 60}));
  // Luma of (10, 20, 30) and (40, 50, 60).
  EXPECT_EQ(Made<uint8_t>(rgb, Spec({1, 1, 2, 1}, DType::kUInt8)), (std::vector<uint8_t>{18, 48}));
  EXPECT_EQ(Made<uint8_t>(rgb, Spec({2}, DType::kUInt8)), (std::vector<uint8_t>{18, 48}));
  // Gray, resized to a square.
  const Example gray = Pixels(2, 4, 1, {9, 9, 9, 9, 9, 9, 9, 9});
  EXPECT_EQ(Made<uint8_t>(gray, Spec({1, 9}, DType::kUInt8)), std::vector<uint8_t>(9, 9));
  EXPECT_EQ(Made<uint8_t>(gray, Spec({1, 3, 3}, DType::kUInt8)), std::vector<uint8_t>(9, 9));
  EXPECT_EQ(Made<uint8_t>(gray, Spec({1, 1, 1, 3}, DType::kUInt8)), std::vector<uint8_t>(3, 9));
  const auto open = ToModelInput(rgb, Spec({-1, -1, -1, 3}, DType::kUInt8), {});
  ASSERT_TRUE(open.ok());
  EXPECT_EQ(open->shape, (Shape{1, 1, 2, 3}));
  for (const Shape& shape :
       {Shape{2, 4, 4, 3}, Shape{1, 4, 4, 5}, Shape{1, 7}, Shape{}, Shape{1, 1, 4, 4, 3}}) {
    EXPECT_EQ(ToModelInput(rgb, Spec(shape, DType::kUInt8), {}).status().code(),
              Code::kInvalidArgument)
        << shape.ToString();
  }
}

TEST(ValuesTest, AsTheyAreOrQuantized) {
  const Example e = Values<float>(DType::kFloat32, {2, 2}, {0, 1.5f, -0.25f, 1000});
  EXPECT_EQ(Made<float>(e, Spec({1, 2, 2, 1}, DType::kFloat32)),
            (std::vector<float>{0, 1.5f, -0.25f, 1000}));
  EXPECT_EQ(Made<int8_t>(e, Spec({1, 4}, DType::kInt8, 0.5f, -1)),
            (std::vector<int8_t>{-1, 2, -2, 127}));  // -0.5 rounds away from zero
  const Example stored = Values<int8_t>(DType::kInt8, {2}, {5, -5});
  EXPECT_EQ(Made<int8_t>(stored, Spec({1, 2}, DType::kInt8, 0.5f, -1)),
            (std::vector<int8_t>{5, -5}));
  EXPECT_EQ(Made<float>(stored, Spec({1, 2}, DType::kFloat32)), (std::vector<float>{5, -5}));
  EXPECT_EQ(Made<int64_t>(e, Spec({4}, DType::kInt64)), (std::vector<int64_t>{0, 2, 0, 1000}));
  EXPECT_EQ(Made<uint8_t>(e, Spec({4}, DType::kBool)), (std::vector<uint8_t>{0, 1, 1, 1}));
  const auto open = ToModelInput(e, Spec({-1, 2, -1}, DType::kFloat32), {});
  ASSERT_TRUE(open.ok());
  EXPECT_EQ(open->shape, (Shape{1, 2, 2}));
  EXPECT_EQ(Made<float>(e, Spec({-1, 2, 2, 1}, DType::kFloat32)).size(), 4u);
  EXPECT_EQ(Made<float>(e, Spec({-1, 4}, DType::kFloat32)).size(), 4u);
  for (const Shape& shape : {Shape{5}, Shape{3, 2}, Shape{-1, 3}}) {
    const auto wrong = ToModelInput(e, Spec(shape, DType::kFloat32), {});
    EXPECT_EQ(wrong.status().code(), Code::kInvalidArgument);
    EXPECT_NE(wrong.status().message().find("[2, 2]"), std::string::npos);
  }
  const Example six = Values<int8_t>(DType::kInt8, {2, 3}, {1, 2, 3, 4, 5, 6});
  EXPECT_FALSE(ToModelInput(six, Spec({3, 2}, DType::kInt8), {}).ok());
}

TEST(SamplesTest, CutAndFilled) {
  Example e = Values<float>(DType::kFloat32, {3}, {0.5f, -1, 0.25f});
  e.kind = ExampleKind::kSamples;
  EXPECT_EQ(Made<float>(e, Spec({1, 2}, DType::kFloat32)), (std::vector<float>{0.5f, -1}));
  EXPECT_EQ(Made<float>(e, Spec({4}, DType::kFloat32)), (std::vector<float>{0.5f, -1, 0.25f, 0}));
  EXPECT_EQ(Made<float>(e, Spec({-1, -1}, DType::kFloat32)).size(), 3u);
  EXPECT_EQ(Made<int16_t>(e, Spec({1, 3, 1}, DType::kInt16)),
            (std::vector<int16_t>{16384, -32768, 8192}));
  EXPECT_EQ(ToModelInput(e, Spec({1, 49, 10}, DType::kFloat32), {}).status().code(),
            Code::kInvalidArgument);
}

TEST(StoreValuesTest, Saturates) {
  const double inf = std::numeric_limits<double>::infinity();
  const double values[] = {inf, -inf, std::nan("")};
  const auto bytes = StoreValues(values, DType::kInt8, 0.1f, 3);
  ASSERT_TRUE(bytes.ok());
  EXPECT_EQ(*bytes, (std::vector<uint8_t>{127, 128, 3}));
  const auto wide = StoreValues(values, DType::kInt64, 0, 0);
  ASSERT_TRUE(wide.ok());
  int64_t first = 0;
  std::memcpy(&first, wide->data(), 8);
  EXPECT_GT(first, int64_t{1} << 62);
  EXPECT_FALSE(StoreValues(values, DType::kString, 0, 0).ok());
}

TEST(StoreValuesTest, HalvesRoundToEven) {
  EXPECT_EQ(FloatToHalf(1.0f), 0x3C00);
  EXPECT_EQ(FloatToHalf(-2.0f), 0xC000);
  EXPECT_EQ(FloatToHalf(1.0f + 1.0f / 2048), 0x3C00);
  EXPECT_EQ(FloatToHalf(1.0f + 3.0f / 2048), 0x3C02);
  EXPECT_EQ(FloatToHalf(65519.0f), 0x7BFF);
  EXPECT_EQ(FloatToHalf(65520.0f), 0x7C00);
  EXPECT_EQ(FloatToHalf(std::ldexp(1.0f, -24)), 1);
  EXPECT_EQ(FloatToHalf(std::ldexp(1.0f, -25)), 0);
  EXPECT_EQ(FloatToHalf(std::ldexp(1023.75f, -24)), 0x0400);
  for (int h = 0; h < 0x10000; ++h) {
    const float f = HalfToFloat(static_cast<uint16_t>(h));
    if (std::isnan(f)) continue;
    EXPECT_EQ(FloatToHalf(f), h);
  }
}

}  // namespace
}  // namespace edgeml::data
