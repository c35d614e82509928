#include "src/base/zip.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace edgeml {
namespace {

using Bytes = std::vector<std::byte>;

std::span<const std::byte> AsBytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string Text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Result<ZipReader> OpenText(const std::string& archive) {
  const auto held = std::make_shared<const std::string>(archive);
  return ZipReader::Open(held, AsBytes(*held));
}

// zipfile.ZipFile(…, "w", ZIP_DEFLATED).writestr("a", b"a" * 100)
constexpr std::string_view kDeflated(
    "\x50\x4B\x03\x04\x14\x00\x00\x00\x08\x00\x00\x00\x21\x00\x64\x7A\x70\xAF\x06\x00\x00\x00\x64"
    "\x00"
    "\x00\x00\x01\x00\x00\x00\x61\x4B\x4C\xA4\x3D\x00\x00\x50\x4B\x01\x02\x14\x03\x14\x00\x00\x00"
    "\x08"
    "\x00\x00\x00\x21\x00\x64\x7A\x70\xAF\x06\x00\x00\x00\x64\x00\x00\x00\x01\x00\x00\x00\x00\x00"
    "\x00"
    "\x00\x00\x00\x00\x00\x80\x01\x00\x00\x00\x00\x61\x50\x4B\x05\x06\x00\x00\x00\x00\x01\x00\x01"
    "\x00"
    "\x2F\x00\x00\x00\x25\x00\x00\x00\x00\x00",
    106);

// The same with method 8 and sizes behind the content, as when zip writes to a pipe:
// flag bit 3 is set, the local header has zeros.
std::string WithDataDescriptor() {
  std::string archive(kDeflated);
  constexpr size_t kContent = 31, kPacked = 6, kDirectory = 37;
  archive[6] = 8;
  archive[kDirectory + 8] = 8;
  const std::string sizes = archive.substr(14, 12);
  archive.replace(14, 12, std::string(12, 0));
  archive.insert(kContent + kPacked, "PK\x07\x08" + sizes);
  archive[archive.size() - 6] = static_cast<char>(kDirectory + 16);
  return archive;
}

TEST(ZipTest, RoundTrip) {
  ZipWriter writer;
  ASSERT_TRUE(writer.Add("a/b.txt", AsBytes("abc")).ok());
  ASSERT_TRUE(writer.Add("empty", {}).ok());
  const Bytes archive = writer.Finish();
  const auto held = std::make_shared<const Bytes>(archive);
  const auto reader = ZipReader::Open(held, *held);
  ASSERT_TRUE(reader.ok()) << reader.status().message();
  ASSERT_EQ(reader->entries().size(), 2u);
  EXPECT_EQ(reader->Find("none"), nullptr);
  const ZipEntry* entry = reader->Find("a/b.txt");
  ASSERT_NE(entry, nullptr);
  const auto content = reader->Read(*entry, 0);  // the limit is for what is unpacked
  ASSERT_TRUE(content.ok()) << content.status().message();
  EXPECT_EQ(Text(content->bytes), "abc");
  // In place, with the archive's owner.
  EXPECT_EQ(content->owner, held);
  EXPECT_GE(content->bytes.data(), held->data());
  EXPECT_LT(content->bytes.data(), held->data() + held->size());
  const auto empty = reader->Read(reader->entries()[1], 0);
  ASSERT_TRUE(empty.ok());
  EXPECT_TRUE(empty->bytes.empty());
}

TEST(ZipTest, WriterRefusesNames) {
  ZipWriter writer;
  EXPECT_EQ(writer.Add("", {}).code(), Code::kInvalidArgument);
  EXPECT_EQ(writer.Add(std::string(65536, 'x'), {}).code(), Code::kInvalidArgument);
}

TEST(ZipTest, Zip64) {
  ZipWriter writer(/*base=*/0, /*zip64_from=*/10);
  ASSERT_TRUE(writer.Add("small", AsBytes("abc")).ok());
  ASSERT_TRUE(writer.Add("large", AsBytes("0123456789abcdef")).ok());
  const std::string archive = Text(writer.Finish());
  for (const std::string& front : {std::string(), std::string("something in front")}) {
    const auto reader = OpenText(front + archive);
    ASSERT_TRUE(reader.ok()) << reader.status().message();
    ASSERT_EQ(reader->entries().size(), 2u);
    for (const auto& [index, text] : {std::pair{0, "abc"}, std::pair{1, "0123456789abcdef"}}) {
      const auto content = reader->Read(reader->entries()[static_cast<size_t>(index)], 100);
      ASSERT_TRUE(content.ok()) << content.status().message();
      EXPECT_EQ(Text(content->bytes), text);
    }
  }
}

TEST(ZipTest, BehindOtherBytes) {
  const std::string front(100, 'x');
  // Offsets from the beginning of the file, or of the archive.
  for (const uint64_t base : {100, 0}) {
    ZipWriter writer(base);
    ASSERT_TRUE(writer.Add("a", AsBytes("abc")).ok());
    const auto reader = OpenText(front + Text(writer.Finish()));
    ASSERT_TRUE(reader.ok()) << reader.status().message();
    const auto content = reader->Read(reader->entries()[0], 0);
    ASSERT_TRUE(content.ok()) << content.status().message();
    EXPECT_EQ(Text(content->bytes), "abc");
  }
}

TEST(ZipTest, NoArchive) {
  for (const std::string& text : {std::string(), std::string("PK"), std::string(1000, 'x'),
                                  std::string("PK\x05\x06") + std::string(30, 'x')})
    EXPECT_EQ(OpenText(text).status().code(), Code::kNotFound);
}

TEST(ZipTest, InflatesAndChecks) {
  for (const std::string& archive : {std::string(kDeflated), WithDataDescriptor()}) {
    const auto reader = OpenText(archive);
    ASSERT_TRUE(reader.ok()) << reader.status().message();
    ASSERT_EQ(reader->entries().size(), 1u);
    const ZipEntry entry = reader->entries()[0];
    const auto a = reader->Read(entry, 100);
    ASSERT_TRUE(a.ok()) << a.status().message();
    EXPECT_EQ(Text(a->bytes), std::string(100, 'a'));
    EXPECT_EQ(reader->Read(entry, 99).status().code(), Code::kResourceExhausted);

    ZipEntry wrong = entry;
    wrong.size = 99;
    EXPECT_EQ(reader->Read(wrong, 1000).status().code(), Code::kInvalidModel);
    wrong.size = 101;
    EXPECT_EQ(reader->Read(wrong, 1000).status().code(), Code::kInvalidModel);
    wrong.size = uint64_t{1} << 40;
    EXPECT_EQ(reader->Read(wrong, ~uint64_t{0}).status().code(), Code::kInvalidModel);
    wrong = entry;
    wrong.crc ^= 1;
    EXPECT_NE(reader->Read(wrong, 1000).status().message().find("checksum"), std::string::npos);
    wrong = entry;
    wrong.name = "b";
    EXPECT_EQ(reader->Read(wrong, 1000).status().code(), Code::kInvalidModel);
    wrong = entry;
    wrong.flags |= 1;
    EXPECT_EQ(reader->Read(wrong, 1000).status().code(), Code::kUnsupported);
    wrong = entry;
    wrong.method = 14;
    EXPECT_EQ(reader->Read(wrong, 1000).status().code(), Code::kUnsupported);
  }
}

// Names are keys, and nothing is written anywhere.
TEST(ZipTest, NamesAsTheyAre) {
  ZipWriter writer;
  const std::string names[] = {"../../etc/passwd", "/root", "a", "a", "folder/", "C:\\x"};
  for (size_t i = 0; i < std::size(names); ++i)
    ASSERT_TRUE(writer.Add(names[i], AsBytes(std::to_string(i))).ok());
  const auto reader = OpenText(Text(writer.Finish()));
  ASSERT_TRUE(reader.ok());
  ASSERT_EQ(reader->entries().size(), std::size(names));
  for (size_t i = 0; i < std::size(names); ++i) EXPECT_EQ(reader->entries()[i].name, names[i]);
  EXPECT_EQ(reader->Find("a"), &reader->entries()[2]);
}

TEST(ZipTest, DamageNeverCrashes) {
  ZipWriter writer(/*base=*/0, /*zip64_from=*/3);
  ASSERT_TRUE(writer.Add("abc", AsBytes("0123456789")).ok());
  const std::string zip64 = Text(writer.Finish());
  int errors = 0;
  for (const std::string& good : {std::string(kDeflated), WithDataDescriptor(), zip64}) {
    for (size_t i = 0; i < good.size(); ++i) {
      for (const char value : {'\x00', '\x7F', '\xFF'}) {
        std::string bad = good;
        bad[i] = value;
        const auto reader = OpenText(bad);
        errors += reader.ok() ? 0 : 1;
        if (!reader.ok()) continue;
        for (const ZipEntry& entry : reader->entries()) {
          const auto content = reader->Read(entry, 1 << 20);
          EXPECT_TRUE(content.ok() || !content.status().message().empty());
          errors += content.ok() ? 0 : 1;
        }
      }
      EXPECT_FALSE(OpenText(good.substr(0, i)).ok());
    }
  }
  EXPECT_GT(errors, 200);
}

}  // namespace
}  // namespace edgeml
