#include "src/base/flex_writer.h"

#include <gtest/gtest.h>

#include "src/base/flex_map.h"

namespace edgeml {
namespace {

TEST(FlexWriterTest, NumbersAreReadBack) {
  const std::vector<uint8_t> bytes = WriteFlexMap({{"stride", int64_t{-160}},
                                                   {"limit", 4000.5},
                                                   {"squared", true},
                                                   {"padding", std::string("SAME")},
                                                   {"sizes", std::vector<int64_t>{1, 2, 3}},
                                                   {"names", std::vector<std::string>{"a", ""}}});
  const auto map = FlexMap::Parse(bytes);
  ASSERT_TRUE(map);
  ASSERT_EQ(map->size(), 6u);
  EXPECT_EQ(map->key(0), "limit");  // in order
  EXPECT_EQ(map->key(5), "stride");
  EXPECT_EQ(map->Number("stride"), -160);
  EXPECT_EQ(map->Number("limit"), 4000.5);
  EXPECT_EQ(map->Number("squared"), 1);
  EXPECT_FALSE(map->Number("padding"));
}

TEST(FlexWriterTest, AnEmptyMap) {
  const std::vector<uint8_t> bytes = WriteFlexMap({});
  const auto map = FlexMap::Parse(bytes);
  ASSERT_TRUE(map);
  EXPECT_EQ(map->size(), 0u);
}

}  // namespace
}  // namespace edgeml
