#include "src/runtime/lookup_table.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "src/runtime/resources.h"

namespace edgeml::runtime {
namespace {

using Numbers = std::vector<int64_t>;
using Strings = std::vector<std::string_view>;

TEST(LookupTable, FindsTheFirstOfEqualKeys) {
  const Numbers numbers = {7, std::numeric_limits<int64_t>::min(), 7, -1};
  const Strings strings = {"", "b", "a", std::string_view("\0b", 2)};
  LookupTable by_number(DType::kInt64);
  by_number.Fill(numbers, strings);
  EXPECT_EQ(by_number.size(), 3);
  EXPECT_EQ(by_number.Find(7), "");
  EXPECT_EQ(by_number.Find(-1), std::string_view("\0b", 2));
  EXPECT_FALSE(by_number.Find(8).has_value());
  LookupTable by_string(DType::kString);
  const Strings twice = {"x", "\xff", "x", ""};
  by_string.Fill(numbers, twice);
  EXPECT_EQ(by_string.size(), 3);
  EXPECT_EQ(by_string.Find("x"), 7);
  EXPECT_EQ(by_string.Find(""), -1);
  EXPECT_EQ(by_string.Find("\xff"), std::numeric_limits<int64_t>::min());
  EXPECT_FALSE(by_string.Find("y").has_value());
}

TEST(Resources, KeepTablesApartFromVariablesAndFillThemOnce) {
  Resources resources(1000);
  EXPECT_EQ(resources.MakeTable(3, DType::kInt64, DType::kInt64).code(), Code::kUnsupported);
  EXPECT_EQ(resources.Table(3).status().code(), Code::kInvalidModel);
  ASSERT_TRUE(resources.MakeTable(3, DType::kInt64, DType::kString).ok());
  ASSERT_TRUE(resources.MakeTable(3, DType::kString, DType::kInt64).ok());  // stays as it is
  EXPECT_EQ(resources.Table(0).status().code(), Code::kInvalidModel);
  EXPECT_FALSE((*resources.Table(3))->filled());
  const Numbers one = {1}, two = {2};
  const Strings text = {"one"};
  EXPECT_EQ(resources.FillTable(4, DType::kInt64, one, text).code(), Code::kInvalidModel);
  EXPECT_EQ(resources.FillTable(3, DType::kString, one, text).code(), Code::kInvalidModel);
  ASSERT_TRUE(resources.FillTable(3, DType::kInt64, one, text).ok());
  ASSERT_TRUE(resources.FillTable(3, DType::kInt64, two, text).ok());  // changes nothing
  EXPECT_EQ((*resources.Table(3))->Find(1), "one");
  EXPECT_EQ((*resources.Table(3))->size(), 1);
  resources.Clear();
  EXPECT_FALSE(resources.Table(3).ok());
  EXPECT_EQ(resources.bytes(), 0u);
}

TEST(Resources, RefuseTablesOverTheMemoryCap) {
  Resources resources(1000);
  ASSERT_TRUE(resources.MakeTable(0, DType::kString, DType::kInt64).ok());
  ASSERT_TRUE(resources.MakeTable(1, DType::kString, DType::kInt64).ok());
  const std::string text(600, 'x');
  const Numbers one = {1};
  const Strings strings = {text};
  ASSERT_TRUE(resources.FillTable(0, DType::kString, one, strings).ok());
  EXPECT_EQ(resources.FillTable(1, DType::kString, one, strings).code(), Code::kResourceExhausted);
  EXPECT_FALSE((*resources.Table(1))->filled());
}

}  // namespace
}  // namespace edgeml::runtime
