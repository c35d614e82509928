// Expectations printed by LiteRT 2.3.0 (OpResolverType.BUILTIN_REF); the float one by hand.
#include <gtest/gtest.h>

#include <vector>

#include "src/kernels/resize/resize.h"
#include "src/kernels/testing/pattern.h"

namespace edgeml::kernels {
namespace {

using testing::Pattern;

constexpr ResizeShape kHalfPixel{
    .in_h = 2, .in_w = 3, .out_h = 3, .out_w = 4, .half_pixel_centers = true};

TEST(ResizeReference, BilinearFloatKeepsCorners) {
  const ResizeShape s{.in_h = 1, .in_w = 2, .out_h = 1, .out_w = 3, .align_corners = true};
  const std::vector<float> input = {1, 3};
  std::vector<float> output(3);
  ResizeBilinear(s, input.data(), output.data());
  EXPECT_EQ(output, (std::vector<float>{1, 2, 3}));
}

TEST(ResizeReference, BilinearIntegers) {
  const auto input = Pattern<int8_t>(6, 37, 11, -128, 127);
  std::vector<int8_t> output(12);
  ResizeBilinear(kHalfPixel, input.data(), output.data());
  EXPECT_EQ(output, (std::vector<int8_t>{-117, -94, -66, -43, -62, -38, -11, 13, -6, 17, 45, 68}));
  const auto unsigned_input = Pattern<uint8_t>(6, 37, 11, 0, 255);
  std::vector<uint8_t> unsigned_output(12);
  ResizeBilinear(kHalfPixel, unsigned_input.data(), unsigned_output.data());
  EXPECT_EQ(unsigned_output,
            (std::vector<uint8_t>{11, 34, 62, 85, 67, 90, 117, 141, 122, 145, 173, 196}));
}

TEST(ResizeReference, NearestAlignsCorners) {
  const ResizeShape s{.in_h = 2, .in_w = 3, .out_h = 3, .out_w = 5, .align_corners = true};
  const auto input = Pattern<int8_t>(6, 37, 11, -128, 127);
  std::vector<int8_t> output(15);
  ResizeNearest(s, 1, input.data(), output.data());
  EXPECT_EQ(output, (std::vector<int8_t>{-117, -80, -80, -43, -43, -6, 31, 31, 68, 68, -6, 31, 31,
                                         68, 68}));
}

// LiteRT's coordinates, rounded to 1/1024 pixels, run off the image here; ours stop at its edge.
TEST(ResizeReference, StaysInsideLongImages) {
  const ResizeShape s{.in_h = 1, .in_w = 3001, .out_h = 1, .out_w = 5000};
  const std::vector<int8_t> input(3001, 7);
  std::vector<int8_t> output(5000);
  ResizeBilinear(s, input.data(), output.data());
  EXPECT_EQ(output, std::vector<int8_t>(5000, 7));
}

}  // namespace
}  // namespace edgeml::kernels
