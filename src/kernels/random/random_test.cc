// The blocks are the known answers of Random123, the generator's authors' library.
#include "src/kernels/random/random.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace edgeml::kernels {
namespace {

TEST(Philox, KnownAnswers) {
  EXPECT_EQ(Philox().Next(), (Philox::Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  // The counter, given as seed2 and skipped blocks, and the key.
  Philox digits(0x299f31d0a4093822, 0x0370734413198a2e);
  digits.Skip(0x85a308d3243f6a88);
  EXPECT_EQ(digits.Next(), (Philox::Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, TheCounterCarries) {
  const uint64_t all = std::numeric_limits<uint64_t>::max();
  Philox ones(all, all);
  ones.Skip(all);
  EXPECT_EQ(ones.Next(), (Philox::Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  Philox from_zero(all, 0);  // all 128 bits have wrapped
  EXPECT_EQ(ones.Next(), from_zero.Next());
}

TEST(Random, WritesNoMoreThanAsked) {
  for (int64_t n = 0; n < 9; ++n) {
    Philox uniform(7, 1), normal(7, 1);
    std::vector<float> out(16, 42.0f);
    RandomUniform(uniform, n, out.data());
    for (size_t i = 0; i < out.size(); ++i)
      EXPECT_EQ(out[i] == 42.0f, i >= static_cast<size_t>(n)) << n;
    out.assign(16, 42.0f);
    RandomStandardNormal(normal, n, out.data());
    for (size_t i = 0; i < out.size(); ++i)
      EXPECT_EQ(out[i] == 42.0f, i >= static_cast<size_t>(n)) << n;
    EXPECT_EQ(uniform.Next(), normal.Next());  // as many blocks were drawn
  }
}

TEST(Random, OnlyFiniteLogitsCount) {
  const float inf = std::numeric_limits<float>::infinity();
  const float logits[] = {std::nanf(""), 0.0f, -inf, inf};
  double cdf[4];
  CategoricalWeights(4, logits, cdf);
  CategoricalSampler sampler(Philox(1, 2));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(sampler.Draw(4, cdf), 1);
  const float none[] = {-inf, -inf};
  CategoricalWeights(2, none, cdf);
  EXPECT_EQ(sampler.Draw(2, cdf), 2);
}

}  // namespace
}  // namespace edgeml::kernels
