#include "src/base/strings.h"

#include <gtest/gtest.h>

namespace edgeml {
namespace {

TEST(Concat, MixesPieces) {
  EXPECT_EQ(Concat("tensor ", 3, ' ', true, " ", 0.1f, " ", 1e300), "tensor 3 true 0.1 1e+300");
}

TEST(HumanBytes, PicksTheUnit) {
  EXPECT_EQ(HumanBytes(0), "0 B");
  EXPECT_EQ(HumanBytes(999), "999 B");
  EXPECT_EQ(HumanBytes(12345), "12.3 KB");
}

}  // namespace
}  // namespace edgeml
