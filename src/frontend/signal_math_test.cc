#include "src/frontend/signal_math.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace edgeml::frontend {
namespace {

TEST(SignalMath, SquareRootsAreRounded) {
  for (uint64_t root :
       {0ull, 1ull, 2ull, 3ull, 100ull, 65534ull, 65536ull, 123456789ull, 4294967294ull}) {
    EXPECT_EQ(RoundedSquareRoot(root * root), root);
    if (root == 0) continue;
    EXPECT_EQ(RoundedSquareRoot(root * root + root), root);  // below the half
    EXPECT_EQ(RoundedSquareRoot(root * root + root + 1), root + 1);
  }
  EXPECT_EQ(RoundedSquareRoot(0xFFFFFFFF), 0xFFFFu);  // nearer to 65536, but of 32 bits
  EXPECT_EQ(RoundedSquareRoot(~uint64_t{0}), 0xFFFFFFFFu);
}

TEST(SignalMath, LogarithmsAreNear) {
  const LogTable table;
  EXPECT_EQ(table.values[0], 0);
  EXPECT_EQ(table.values[1], 224);
  EXPECT_EQ(table.values[128], 0);
  for (const uint32_t x : {2u, 3u, 10u, 127u, 1000u, 65535u, 65536u, 1u << 31, 0xFFFFFFFFu}) {
    int16_t out = 0;
    ScaledLog(table, &x, 1, 0, 1000, &out);
    EXPECT_NEAR(out, 1000 * std::log(static_cast<double>(x)), 2) << x;
  }
  const uint32_t small[] = {0, 1, 0x80000000u};
  int16_t out[3];
  ScaledLog(table, small, 2, 0, 1000, out);
  EXPECT_EQ(out[0], 0);
  EXPECT_EQ(out[1], 0);
  ScaledLog(table, small + 2, 1, 1, 1000, out);  // the only bit is shifted out
  EXPECT_EQ(out[0], 0);
  const uint32_t large = 0xFFFFFFFF;
  ScaledLog(table, &large, 1, 0, 2000, out);
  EXPECT_EQ(out[0], 32767);
}

// Facts from signal/micro/kernels/{window,energy}_test.cc of TFLite Micro.
TEST(SignalMath, PublishedVectors) {
  std::vector<int16_t> in(16), window(16), out(16);
  for (int i = 0; i < 16; ++i) {
    in[i] = static_cast<int16_t>(256 * i);
    window[i] = static_cast<int16_t>(256 * (15 - i));
  }
  ApplyWindow(in.data(), window.data(), 16, 12, out.data());
  EXPECT_EQ(out, (std::vector<int16_t>{0, 224, 416, 576, 704, 800, 864, 896, 896, 864, 800, 704,
                                       576, 416, 224, 0}));
  std::vector<int16_t> spectrum(16);
  for (int i = 0; i < 16; ++i) spectrum[i] = static_cast<int16_t>(i + 1);
  std::vector<uint32_t> energy(8, 99);
  Energy(spectrum.data(), 8, 2, 4, energy.data());
  EXPECT_EQ(energy, (std::vector<uint32_t>{0, 0, 61, 113, 0, 0, 0, 0}));
}

TEST(SignalMath, Extremes) {
  const int16_t low[] = {-32768, -32768}, high[] = {32767, 1};
  int16_t out[2];
  ApplyWindow(low, low, 2, 0, out);
  EXPECT_EQ(out[0], 32767);
  ApplyWindow(low, high, 2, 0, out);
  EXPECT_EQ(out[0], -32768);
  uint32_t energy = 0;
  Energy(low, 1, 0, 1, &energy);
  EXPECT_EQ(energy, 1u << 31);
  EXPECT_EQ(AutoScale(low, 2, out), 0);
  EXPECT_EQ(out[0], -32768);
  const int16_t silence[] = {0, 0}, one[] = {-1, 1};
  EXPECT_EQ(AutoScale(silence, 2, out), 0);
  EXPECT_EQ(AutoScale(one, 2, out), 14);
  EXPECT_EQ(out[0], -16384);
}

TEST(SignalMath, BanksStayInside) {
  const std::vector<int16_t> weights{1, 2, 3, 4};
  const std::vector<uint32_t> spectrum{10, 20, 30};
  uint64_t a = 0, b = 0;
  const auto add = [&](int16_t start, int16_t place, int16_t width) {
    FilterBank bank;
    bank.weights = bank.unweights = weights.data();
    bank.num_weights = weights.size();
    bank.starts = &start;
    bank.weight_starts = &place;
    bank.widths = &width;
    a = b = 0;
    return AddChannel(bank, 0, spectrum.data(), spectrum.size(), &a, &b);
  };
  EXPECT_TRUE(add(1, 2, 2));
  EXPECT_EQ(a, 3u * 20 + 4u * 30);
  EXPECT_TRUE(add(-5, -5, 0));
  EXPECT_EQ(a, 0u);
  EXPECT_TRUE(add(-5, -5, -1));
  EXPECT_FALSE(add(2, 0, 2));
  EXPECT_FALSE(add(0, 3, 2));
  EXPECT_FALSE(add(-1, 0, 1));
  EXPECT_FALSE(add(0, -1, 1));
  EXPECT_FALSE(add(0, 0, 32767));
}

}  // namespace
}  // namespace edgeml::frontend
