#include "src/base/json.h"

#include <gtest/gtest.h>

#include <string>

namespace edgeml {
namespace {

TEST(Json, ReadsWhatIsThereAndAnswersNothingElse) {
  const auto json = Json::Parse(R"({"a": [1, 2.5, "x", true, null], "b": {"c": -3.0}})");
  ASSERT_TRUE(json.ok());
  EXPECT_EQ((*json)["a"][0].integer(), 1);
  EXPECT_EQ((*json)["a"][1].number(), 2.5);
  EXPECT_EQ((*json)["a"][2].text(), "x");
  EXPECT_EQ((*json)["a"][3].boolean(), true);
  EXPECT_EQ((*json)["b"]["c"].integer(), -3);
  EXPECT_TRUE((*json)["nowhere"][7]["at all"].is_null());
}

TEST(Json, IsBounded) {
  EXPECT_EQ(Json::Parse("[1, 2").status().code(), Code::kInvalidModel);
  EXPECT_EQ(Json::Parse(std::string(300, '[')).status().code(), Code::kInvalidModel);
  EXPECT_TRUE(Json::Parse("[1, 2, 3]", 4).ok());
  EXPECT_EQ(Json::Parse("[1, 2, 3]", 3).status().code(), Code::kResourceExhausted);
  EXPECT_EQ(Json::Parse("[[], []]", 2).status().code(), Code::kResourceExhausted);
}

TEST(Json, QuotesAnyText) {
  EXPECT_EQ(JsonString("a\"b\n"), R"("a\"b\n")");
  EXPECT_EQ(JsonString("\xff"), "\"\xEF\xBF\xBD\"");
}

}  // namespace
}  // namespace edgeml
