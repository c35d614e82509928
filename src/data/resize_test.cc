#include "src/data/resize.h"

#include <gtest/gtest.h>

#include "src/data/testing.h"

namespace edgeml::data {
namespace {

struct Golden {
  int width, height, channels, to_width, to_height;
  ResizeMode mode;
  uint64_t hash;
};

// Hashes of what Pillow 13.0.0 makes of PseudoRandomBytes(…, 1000 * width + height) with
// Image.resize, ImageOps.fit and ImageOps.pad, BILINEAR.
constexpr Golden kGolden[] = {
    {37, 23, 3, 16, 16, ResizeMode::kStretch, 0xD2CCEA244DED8ACDu},
    {37, 23, 3, 64, 50, ResizeMode::kStretch, 0xB92B52763117C8B8u},
    {5, 90, 1, 11, 7, ResizeMode::kStretch, 0x406D15E58B8D4056u},
    {90, 5, 3, 7, 11, ResizeMode::kStretch, 0x0CDB909ADBE28A66u},
    {41, 30, 3, 16, 16, ResizeMode::kCrop, 0x04A846872D735E3Eu},
    {30, 41, 1, 24, 12, ResizeMode::kCrop, 0x7CFF9300408A50E3u},
    {41, 30, 3, 17, 17, ResizeMode::kPad, 0x2635CF5AE35081DAu},
    {30, 41, 3, 10, 20, ResizeMode::kPad, 0x2394A6620F459763u},
    {1, 1, 3, 5, 4, ResizeMode::kStretch, 0x9FB9F49A4DF39999u},
};

TEST(ResizeTest, EqualsPillow) {
  for (const Golden& g : kGolden) {
    const auto size = static_cast<size_t>(g.width * g.height * g.channels);
    const Image image{
        g.width, g.height, g.channels,
        testing::PseudoRandomBytes(size, static_cast<uint32_t>(g.width * 1000 + g.height))};
    const auto out = Resize(image, g.to_width, g.to_height, g.mode);
    ASSERT_TRUE(out.ok()) << out.status().message();
    EXPECT_EQ(out->width, g.to_width);
    EXPECT_EQ(out->height, g.to_height);
    EXPECT_EQ(testing::Hash(out->pixels), g.hash)
        << g.width << "x" << g.height << " to " << g.to_width << "x" << g.to_height << " "
        << NameOf(g.mode);
  }
}

TEST(ResizeTest, RefusesWhatCannotBe) {
  const Image image{2, 2, 1, {1, 2, 3, 4}};
  EXPECT_EQ(ResizeBilinear(image, 0, 5).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(ResizeBilinear(Image{0, 0, 3, {}}, 4, 4).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(ResizeBilinear(image, 1, 1, Box{0, 0, 3, 1}).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(ResizeBilinear(image, 1 << 20, 1 << 20).status().code(), Code::kUnsupported);
  EXPECT_EQ(ResizeBilinear(image, 1 << 30, 1).status().code(), Code::kUnsupported);
}

TEST(ResizeTest, ModesHaveNames) {
  for (const ResizeMode mode : {ResizeMode::kStretch, ResizeMode::kCrop, ResizeMode::kPad}) {
    EXPECT_EQ(ParseResizeMode(NameOf(mode)), mode);
  }
  EXPECT_EQ(ParseResizeMode("squeeze"), std::nullopt);
}

}  // namespace
}  // namespace edgeml::data
