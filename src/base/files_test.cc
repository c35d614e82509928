#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "src/base/atomic_file.h"
#include "src/base/byte_reader.h"
#include "src/base/mapped_file.h"

namespace edgeml {
namespace {

std::span<const std::byte> AsBytes(const std::string& text) {
  return std::as_bytes(std::span(text));
}

class FilesTest : public ::testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  const std::string folder_ = ::testing::TempDir() + "/edgeml_files_test";
  const std::string path_ = folder_ + "/file";
};

TEST_F(FilesTest, WritesAndMaps) {
  ASSERT_TRUE(WriteFileAtomically(path_, AsBytes("first")).ok());
  const auto first = MappedFile::Open(path_);
  ASSERT_TRUE(first.ok()) << first.status().message();
  ASSERT_TRUE(WriteFileAtomically(path_, AsBytes("second!")).ok());
  // The old mapping keeps the old file, which nobody changed.
  EXPECT_EQ((*first)->bytes().size(), 5u);
  EXPECT_TRUE((*first)->StillIntact());
  const auto second = MappedFile::Open(path_);
  ASSERT_TRUE(second.ok());
  EXPECT_EQ((*second)->bytes().size(), 7u);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

TEST_F(FilesTest, NoticesAFileThatShrinksOrChanges) {
  ASSERT_TRUE(WriteFileAtomically(path_, AsBytes("content")).ok());
  const auto file = MappedFile::Open(path_);
  ASSERT_TRUE(file.ok());
  EXPECT_TRUE((*file)->StillIntact());
  std::filesystem::resize_file(path_, 3);
  EXPECT_FALSE((*file)->StillIntact());
}

TEST_F(FilesTest, RefusesWhatIsNoFile) {
  EXPECT_EQ(MappedFile::Open(path_).status().code(), Code::kNotFound);
  EXPECT_EQ(MappedFile::Open(folder_).status().code(), Code::kInvalidModel);
  EXPECT_EQ(MappedFile::Open("/dev/null").status().code(), Code::kInvalidModel);
  std::ofstream(path_).close();
  EXPECT_EQ(MappedFile::Open(path_).status().code(), Code::kInvalidModel);
  EXPECT_EQ(WriteFileAtomically(folder_, {}).code(), Code::kFailed);
  EXPECT_EQ(WriteFileAtomically(folder_ + "/no/such/folder", {}).code(), Code::kFailed);
}

TEST_F(FilesTest, KeepsPermissionsOfTheFileItReplaces) {
  using std::filesystem::perms;
  ASSERT_TRUE(WriteFileAtomically(path_, AsBytes("x")).ok());
  std::filesystem::permissions(path_, perms::owner_read | perms::owner_write | perms::group_read);
  ASSERT_TRUE(WriteFileAtomically(path_, AsBytes("y")).ok());
  EXPECT_EQ(std::filesystem::status(path_).permissions(),
            perms::owner_read | perms::owner_write | perms::group_read);
}

TEST(ByteReader, StaysInside) {
  const std::string text = "\x01\x02\x03\x04\x05";
  ByteReader reader(AsBytes(text));
  EXPECT_EQ(reader.Read<uint16_t>(), 0x0201);
  EXPECT_EQ(reader.remaining(), 3u);
  EXPECT_TRUE(reader.ok());
  EXPECT_EQ(reader.Read<uint32_t>(), 0u);
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.Read<uint8_t>(), 0);  // for good
  EXPECT_FALSE(SubSpan(AsBytes(text), UINT64_MAX, 2).has_value());
  EXPECT_FALSE(SubSpan(AsBytes(text), 2, UINT64_MAX).has_value());
  EXPECT_EQ(SubSpan(AsBytes(text), 5, 0)->size(), 0u);
}

}  // namespace
}  // namespace edgeml
