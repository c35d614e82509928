#include "src/kernels/detection/non_max_suppression.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace edgeml::kernels {
namespace {

int64_t Suppress(const SuppressionParams& p, const std::vector<Box>& boxes,
                 const std::vector<float>& scores, std::vector<int32_t>& indices,
                 int patience = 1 << 20) {
  std::vector<Candidate> candidates(boxes.size());
  indices.assign(static_cast<size_t>(p.max_selected), -1);
  return SuppressNonMaxima(p, boxes.data(), scores.data(), candidates.data(), indices.data(),
                           nullptr, [&] { return patience-- == 0; });
}

const std::vector<Box> kBoxes = {{0, 0, 1, 1}, {0, 0.1f, 1, 1.1f}, {0, 3, 1, 4}};

TEST(NonMaxSuppression, KeepsTheBestOfOverlapping) {
  std::vector<int32_t> indices;
  const SuppressionParams p{.num_boxes = 3, .max_selected = 3};
  EXPECT_EQ(Suppress(p, kBoxes, {0.5f, 0.9f, 0.7f}, indices), 2);
  EXPECT_EQ(indices, (std::vector<int32_t>{1, 2, -1}));
}

TEST(NonMaxSuppression, StopsWhenAsked) {
  std::vector<int32_t> indices;
  const SuppressionParams p{.num_boxes = 3, .max_selected = 3};
  EXPECT_EQ(Suppress(p, kBoxes, {0.5f, 0.9f, 0.7f}, indices, 1), -1);
}

// Whatever the numbers are, it ends and stays within its memory.
TEST(NonMaxSuppression, AnyNumbers) {
  const float inf = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float odd[] = {nan, inf, -inf, 0.0f, -0.0f, 1e38f, -1e38f, 1e-45f, 0.5f, 2.0f};
  std::vector<Box> boxes;
  std::vector<float> scores;
  for (size_t i = 0; i < 40; ++i) {
    boxes.push_back({odd[i % 10], odd[i / 3 % 10], odd[i / 2 % 10], odd[(i + 5) % 10]});
    scores.push_back(odd[(i * 7) % 10]);
  }
  std::vector<int32_t> indices;
  for (const float threshold : odd) {
    for (const float sigma : {0.0f, 1e-45f, 0.5f, 1e38f, inf, nan}) {
      for (const float overlap : {-1.0f, 0.5f, 2.0f, nan}) {
        const SuppressionParams p{.num_boxes = 40,
                                  .max_selected = 100,
                                  .iou_threshold = overlap,
                                  .score_threshold = threshold,
                                  .sigma = sigma};
        const int64_t found = Suppress(p, boxes, scores, indices);
        ASSERT_GE(found, 0);
        ASSERT_LE(found, 40);
        for (size_t i = 0; i < static_cast<size_t>(found); ++i)
          ASSERT_TRUE(indices[i] >= 0 && indices[i] < 40);
      }
    }
  }
}

}  // namespace
}  // namespace edgeml::kernels
