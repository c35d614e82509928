#include "src/tensor/string_buffer.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <string>

namespace edgeml {
namespace {

std::vector<std::byte> Written(const std::vector<std::string_view>& strings) {
  size_t characters = 0;
  for (const std::string_view s : strings) characters += s.size();
  std::vector<std::byte> bytes(StringBufferBytes(strings.size(), characters).value());
  WriteStringBuffer(strings, bytes.data());
  return bytes;
}

TEST(StringBuffer, ReadsWhatItWrote) {
  const std::vector<std::string_view> strings = {"one", "", std::string_view("t\0o", 3)};
  const auto bytes = Written(strings);
  EXPECT_EQ(bytes.size(), 5u * 4 + 6);
  const auto read = ReadStringBuffer(bytes, 3);
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(*read, strings);
  EXPECT_EQ(Written({}).size(), 8u);
  EXPECT_TRUE(ReadStringBuffer(Written({}), 0).ok());
}

TEST(StringBuffer, WritesEmptyStrings) {
  std::vector<std::byte> bytes(StringBufferBytes(4, 0).value());
  WriteEmptyStringBuffer(4, bytes.data());
  EXPECT_EQ(bytes, Written({"", "", "", ""}));
}

// Every word set to every value that could matter: refused, or strings within the buffer.
TEST(StringBuffer, NeverReadsOutside) {
  const auto good = Written({"abc", "de"});
  int refused = 0;
  for (size_t word = 0; word < 4; ++word) {
    for (const int32_t value : {std::numeric_limits<int32_t>::min(), -1, 0, 1, 3, 15, 16, 17, 21,
                                22, 1000, std::numeric_limits<int32_t>::max()}) {
      auto bytes = good;
      std::memcpy(bytes.data() + 4 * word, &value, 4);
      const auto read = ReadStringBuffer(bytes, 2);
      if (!read.ok()) {
        ++refused;
        continue;
      }
      for (const std::string_view s : *read) {
        EXPECT_GE(s.data(), reinterpret_cast<const char*>(bytes.data()));
        EXPECT_LE(s.data() + s.size(), reinterpret_cast<const char*>(bytes.data() + bytes.size()));
      }
    }
  }
  EXPECT_GT(refused, 30);
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(ReadStringBuffer(std::span(good).first(size), 2).ok()) << size;
  EXPECT_FALSE(ReadStringBuffer(good, 1).ok());
  EXPECT_FALSE(ReadStringBuffer(good, 3).ok());
}

TEST(StringBuffer, RefusesWhatOffsetsCannotReach) {
  EXPECT_EQ(StringBufferBytes(1, size_t{1} << 31), std::nullopt);
  EXPECT_EQ(StringBufferBytes(std::numeric_limits<size_t>::max(), 0), std::nullopt);
  EXPECT_EQ(StringBufferBytes(0, (size_t{1} << 31) - 9), (size_t{1} << 31) - 1);
  EXPECT_EQ(StringBufferBytes(0, (size_t{1} << 31) - 8), std::nullopt);
}

}  // namespace
}  // namespace edgeml
