#include "src/kernels/matmul/gradient.h"

#include <gtest/gtest.h>

#include "src/kernels/simd/simd_test_util.h"
#include "src/kernels/testing/finite_differences.h"

namespace edgeml::kernels {
namespace {

using testing::Doubles;

TEST(FullyConnectedGradient, AgainstFiniteDifferences) {
  for (uint32_t seed = 0; seed < 15; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    TestRandom random(seed);
    FullyConnectedShape s;
    s.batch = random.Int(1, 4);
    s.depth = random.Int(1, 6);
    s.units = random.Int(1, 6);
    const auto x = random.Reals(s.batch * s.depth, -1, 1),
               w = random.Reals(s.units * s.depth, -1, 1);
    const auto dy = random.Reals(s.batch * s.units, -1, 1);
    const auto forward = [&](const Doubles& in, const Doubles& weights) {
      Doubles out;
      for (int64_t b = 0; b < s.batch; ++b)
        for (int64_t u = 0; u < s.units; ++u) {
          out.push_back(0);
          for (int64_t i = 0; i < s.depth; ++i)
            out.back() += in[static_cast<size_t>(b * s.depth + i)] *
                          weights[static_cast<size_t>(u * s.depth + i)];
        }
      return out;
    };
    std::vector<float> dx(x.size()), dw(w.size());
    FullyConnectedInputGradient(s, w.data(), dy.data(), dx.data());
    FullyConnectedWeightsGradient(s, x.data(), dy.data(), dw.data());
    const Doubles xs = testing::ToDoubles(x), ws = testing::ToDoubles(w);
    testing::CheckGradient([&](const Doubles& v) { return forward(v, ws); }, x, dy, dx);
    testing::CheckGradient([&](const Doubles& v) { return forward(xs, v); }, w, dy, dw);
  }
}

TEST(BatchMatMulGradient, AgainstFiniteDifferences) {
  for (uint32_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    TestRandom random(seed);
    BatchMatMulShape s;
    s.batch[1] = random.Int(1, 2);
    s.batch[2] = random.Int(1, 3);
    s.rows = random.Int(1, 4);
    s.cols = random.Int(1, 4);
    s.depth = random.Int(1, 4);
    const bool swap_x = random.Int(0, 1) == 1, swap_y = random.Int(0, 1) == 1;
    s.x_row_stride = swap_x ? 1 : s.depth;
    s.x_depth_stride = swap_x ? s.rows : 1;
    s.y_depth_stride = swap_y ? 1 : s.cols;
    s.y_col_stride = swap_y ? s.depth : 1;
    // y is broadcast over one of its batch dimensions.
    s.x_batch_stride[2] = s.rows * s.depth;
    s.x_batch_stride[1] = s.batch[2] * s.rows * s.depth;
    s.y_batch_stride[1] = s.depth * s.cols;
    const auto x = random.Reals(s.batch[1] * s.batch[2] * s.rows * s.depth, -1, 1);
    const auto y = random.Reals(s.batch[1] * s.depth * s.cols, -1, 1);
    const auto dz = random.Reals(s.batch[1] * s.batch[2] * s.rows * s.cols, -1, 1);
    const auto forward = [&](const Doubles& a, const Doubles& b) {
      Doubles out;
      for (int64_t j = 0; j < s.batch[1]; ++j)
        for (int64_t k = 0; k < s.batch[2]; ++k)
          for (int64_t r = 0; r < s.rows; ++r)
            for (int64_t c = 0; c < s.cols; ++c) {
              out.push_back(0);
              for (int64_t d = 0; d < s.depth; ++d)
                out.back() +=
                    a[static_cast<size_t>(j * s.x_batch_stride[1] + k * s.x_batch_stride[2] +
                                          r * s.x_row_stride + d * s.x_depth_stride)] *
                    b[static_cast<size_t>(j * s.y_batch_stride[1] + d * s.y_depth_stride +
                                          c * s.y_col_stride)];
            }
      return out;
    };
    std::vector<float> dx(x.size()), dy(y.size());
    BatchMatMulGradient(s, x.data(), y.data(), dz.data(), dx.data(), nullptr);
    BatchMatMulGradient(s, x.data(), y.data(), dz.data(), nullptr, dy.data());
    const Doubles xs = testing::ToDoubles(x), ys = testing::ToDoubles(y);
    testing::CheckGradient([&](const Doubles& v) { return forward(v, ys); }, x, dz, dx);
    testing::CheckGradient([&](const Doubles& v) { return forward(xs, v); }, y, dz, dy);
  }
}

}  // namespace
}  // namespace edgeml::kernels
