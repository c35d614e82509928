// Both products at every level and without one, against sums in double.
#include "src/kernels/gemm/products.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "src/kernels/simd/simd_test_util.h"

namespace edgeml::kernels {
namespace {

TEST(Products, AgainstPlainSums) {
  for (uint32_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    TestRandom random(seed);
    const int64_t m = random.Int(1, 40), n = random.Int(1, 150), k = random.Int(1, 60);
    const auto a = random.Reals(m * k, -1, 1), b = random.Reals(k * n, -1, 1);
    // `a` is [m, k] and, for the transposed product, [k, m].
    const bool transposed = random.Int(0, 1) == 1;
    const bool b_transposed = !transposed && random.Int(0, 1) == 1;
    const int64_t first = random.Int(0, static_cast<int>(n) - 1);
    const int64_t middle = random.Int(0, static_cast<int>(m));
    std::vector<SimdLevel> levels = LevelsToTest();
    levels.push_back(SimdLevel::kNone);
    for (const SimdLevel level : levels) {
      SCOPED_TRACE(NameOf(level));
      std::vector<float> c(static_cast<size_t>(m * n), 0.0f);
      if (transposed) {
        const TransposedProduct product(GemmFor(level), k, m, n);
        AlignedBytes packed(product.packed_floats() * 4);
        auto* const p = reinterpret_cast<float*>(packed.data());
        std::vector<float> t(product.transposed_floats());
        product.PackB(b.data(), n, p);
        product.TransposeA(a.data(), m, 0, middle, t.data());
        product.TransposeA(a.data(), m, middle, m, t.data());
        product.Run(t.data(), p, 0, middle, first, c.data(), n);
        product.Run(t.data(), p, middle, m, first, c.data(), n);
      } else {
        const MatrixProduct product(GemmFor(level), n, k);
        AlignedBytes packed(product.packed_floats() * 4);
        auto* const p = reinterpret_cast<float*>(packed.data());
        product.Pack(b.data(), b_transposed ? 1 : n, b_transposed ? k : 1, p);
        product.RunRight(a.data(), k, p, 0, middle, first, c.data(), n);
        product.RunRight(a.data(), k, p, middle, m, first, c.data(), n);
      }
      for (int64_t i = 0; i < m; ++i) {
        for (int64_t j = first; j < n; ++j) {
          double sum = 0;
          for (int64_t r = 0; r < k; ++r)
            sum += static_cast<double>(a[static_cast<size_t>(transposed ? r * m + i : i * k + r)]) *
                   b[static_cast<size_t>(b_transposed ? j * k + r : r * n + j)];
          ASSERT_NEAR(c[static_cast<size_t>(i * n + j)], sum, 1e-5) << i << ", " << j;
        }
      }
    }
  }
}

}  // namespace
}  // namespace edgeml::kernels
