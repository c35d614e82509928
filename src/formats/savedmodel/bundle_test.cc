#include "src/formats/savedmodel/bundle.h"

#include <gtest/gtest.h>

#include <cstring>

#include "src/formats/savedmodel/test_files.h"
#include "src/tensor/string_buffer.h"

namespace edgeml::savedmodel {
namespace {

ir::ConstantData Own(const std::string& text) {
  const auto bytes = AsBytes(text);
  return ir::ConstantData::Own({bytes.begin(), bytes.end()});
}

TEST(Crc32c, KnownValues) {
  // RFC 3720, B.4.
  EXPECT_EQ(Crc32c(AsBytes(std::string(32, '\0'))), 0x8a9136aau);
  EXPECT_EQ(Crc32c(AsBytes(std::string(32, '\xff'))), 0x62a8ab43u);
  std::string rising;
  for (int i = 0; i < 32; ++i) rising += static_cast<char>(i);
  EXPECT_EQ(Crc32c(AsBytes(rising)), 0x46dd794eu);
  EXPECT_EQ(Crc32c(AsBytes(rising.substr(13)), Crc32c(AsBytes(rising.substr(0, 13)))), 0x46dd794eu);
}

const TestEntries kEntries = {
    {"", "header"}, {"layer/bias", "1"}, {"layer/kernel", "22"}, {"m", ""}, {"m2", "3"}};

TEST(Table, ReadsAllBlocks) {
  const std::string file = MakeTable(kEntries);
  const auto table = Table::Read(AsBytes(file));
  ASSERT_TRUE(table.ok()) << table.status().message();
  ASSERT_EQ(table->entries().size(), kEntries.size());
  for (const auto& [key, value] : kEntries) {
    const Table::Entry* const found = table->Find(key);
    ASSERT_NE(found, nullptr) << key;
    EXPECT_TRUE(std::ranges::equal(found->value, AsBytes(value)));
  }
  EXPECT_EQ(table->Find("layer"), nullptr);
  EXPECT_EQ(table->Find("z"), nullptr);
}

TEST(Table, EveryChangedByteOfABlockIsNoticed) {
  const std::string file = MakeTable(kEntries);
  // Nobody reads the block of metadata, which is empty and stands in front of the index.
  const size_t footer = file.size() - 48;
  std::string empty = MakeBlock({}) + '\0';
  AppendFixed32(empty, MaskedCrc(Crc32c(AsBytes(empty))));
  const size_t meta = file.find(empty);
  ASSERT_LT(meta, footer);
  for (size_t i = 0; i < footer; ++i) {
    std::string changed = file;
    changed[i] = static_cast<char>(changed[i] ^ 0x10);
    const bool unread = i >= meta && i < meta + empty.size();
    EXPECT_EQ(Table::Read(AsBytes(changed)).ok(), unread) << i;
  }
  for (size_t size = 0; size < file.size(); ++size)
    EXPECT_FALSE(Table::Read(AsBytes(file.substr(0, size))).ok()) << size;
}

TEST(Table, RefusesWhatItMustNotFollow) {
  const auto message = [](const std::string& file) {
    return Table::Read(AsBytes(file)).status().message();
  };
  EXPECT_NE(message(MakeTable({{"b", ""}, {"a", ""}})).find("out of order"), std::string::npos);
  EXPECT_NE(message(MakeTable({{"a", ""}, {"b", ""}, {"b", ""}})).find("out of order"),
            std::string::npos);
  EXPECT_NE(message(MakeTable(kEntries, 1)).find("snappy"), std::string::npos);
  EXPECT_EQ(Table::Read(AsBytes(MakeTable(kEntries, 1))).status().code(), Code::kUnsupported);
  // Keys that share all of a long beginning: a few bytes each in the file.
  TestEntries many;
  for (int i = 0; i < 2000; ++i) {
    std::string key(60000, 'k');
    key += static_cast<char>('a' + i / 100);
    key += static_cast<char>('!' + i % 100 / 10);
    key += static_cast<char>('0' + i % 10);
    many.emplace_back(key, "");
  }
  EXPECT_NE(message(MakeTable({many.begin(), many.begin() + 2}) + MakeTable({})).size(), 0u);
  std::string block = MakeBlock(many);
  std::string file = block;
  file += '\0';
  AppendFixed32(file, MaskedCrc(Crc32c(AsBytes(file))));
  std::string handle, footer;
  AppendVarint(handle, 0);
  AppendVarint(handle, block.size());
  const std::string index = MakeBlock({{"z", handle}});
  AppendVarint(footer, 0);
  AppendVarint(footer, 0);
  AppendVarint(footer, file.size());
  AppendVarint(footer, index.size());
  file += index + '\0';
  AppendFixed32(file, MaskedCrc(Crc32c(AsBytes(index + '\0'))));
  footer.resize(40, '\0');
  AppendFixed32(footer, 0x8b80fb57u);
  AppendFixed32(footer, 0xdb477524u);
  EXPECT_NE(message(file + footer).find("far too long"), std::string::npos);
}

// A bundle that grows by calls; the data is one file.
class TestBundle {
 public:
  TestBundle() {
    pb::BundleHeader header;
    header.set_num_shards(1);
    entries_[""] = header.SerializeAsString();
  }
  pb::BundleEntry& Add(const std::string& key, int32_t type, std::initializer_list<int64_t> shape,
                       const std::string& bytes) {
    pb::BundleEntry& entry = messages_[key];
    entry.set_dtype(type);
    for (const int64_t dim : shape) entry.mutable_shape()->add_dim()->set_size(dim);
    entry.set_offset(static_cast<int64_t>(data.size()));
    entry.set_size(static_cast<int64_t>(bytes.size()));
    entry.set_crc32c(MaskedCrc(Crc32c(AsBytes(bytes))));
    data += bytes;
    return entry;
  }
  Result<std::unique_ptr<Bundle>> Open() {
    for (const auto& [key, message] : messages_) entries_[key] = message.SerializeAsString();
    return Bundle::Read(Own(MakeTable({entries_.begin(), entries_.end()})),
                        [this](int32_t, int32_t) -> Result<ir::ConstantData> { return Own(data); });
  }
  std::string data;

 private:
  std::map<std::string, std::string> entries_;
  std::map<std::string, pb::BundleEntry> messages_;
};

std::string Floats(std::initializer_list<float> values) {
  std::string out(values.size() * sizeof(float), '\0');
  std::memcpy(out.data(), values.begin(), out.size());
  return out;
}

std::vector<float> FloatsOf(const Constant& constant) {
  std::vector<float> out(constant.data.bytes.size() / sizeof(float));
  std::memcpy(out.data(), constant.data.bytes.data(), constant.data.bytes.size());
  return out;
}

TEST(Bundle, LoadsNumbersAndParts) {
  TestBundle files;
  files.data = "x";  // so that what follows is not aligned
  files.Add("w", 1, {2, 3}, Floats({1, 2, 3, 4, 5, 6}));
  auto bundle = files.Open();
  ASSERT_TRUE(bundle.ok()) << bundle.status().message();
  const auto all = (*bundle)->Load("w");
  ASSERT_TRUE(all.ok()) << all.status().message();
  EXPECT_EQ(all->shape, (Shape{2, 3}));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(all->data.bytes.data()) % 4, 0u);
  EXPECT_EQ(FloatsOf(*all), (std::vector<float>{1, 2, 3, 4, 5, 6}));
  const auto part = (*bundle)->Load("w", "2 3 0,2:1,2");
  ASSERT_TRUE(part.ok()) << part.status().message();
  EXPECT_EQ(part->shape, (Shape{2, 2}));
  EXPECT_EQ(FloatsOf(*part), (std::vector<float>{2, 3, 5, 6}));
  for (const char* const wrong : {"2 3", "2 3 0,2:1,3", "2 4 -:-", "2 3 -:-:-", "2 3 0,2:1", " "})
    EXPECT_EQ((*bundle)->Load("w", wrong).status().code(), Code::kInvalidModel) << wrong;
  EXPECT_EQ((*bundle)->Load("v").status().code(), Code::kNotFound);
}

TEST(Bundle, PutsSavedPartsTogether) {
  TestBundle files;
  pb::BundleEntry& whole = files.Add("w", 1, {2, 3}, "");
  const auto add = [&](int32_t start, int32_t length, const std::string& bytes) {
    pb::TensorSlice* const slice = whole.add_slices();
    slice->add_extent();
    slice->add_extent()->set_start(start);
    slice->mutable_extent(1)->set_length(length);
    files.Add(SliceKey("w", {{0, 2}, {start, length}}, {true, false}), 1, {2, length}, bytes);
  };
  add(0, 1, Floats({1, 4}));
  add(1, 2, Floats({2, 3, 5, 6}));
  auto bundle = files.Open();
  ASSERT_TRUE(bundle.ok()) << bundle.status().message();
  EXPECT_EQ((*bundle)->Keys(), std::vector<std::string_view>{"w"});
  const auto all = (*bundle)->Load("w");
  ASSERT_TRUE(all.ok()) << all.status().message();
  EXPECT_EQ(FloatsOf(*all), (std::vector<float>{1, 2, 3, 4, 5, 6}));
  const auto part = (*bundle)->Load("w", "2 3 1,1:-");
  ASSERT_TRUE(part.ok()) << part.status().message();
  EXPECT_EQ(FloatsOf(*part), (std::vector<float>{4, 5, 6}));
}

TEST(Bundle, LoadsStrings) {
  TestBundle files;
  const std::string texts[] = {"ab", "", "c"};
  std::string lengths, numbers, characters;
  for (const std::string& text : texts) {
    AppendVarint(lengths, text.size());
    AppendFixed32(numbers, static_cast<uint32_t>(text.size()));
    characters += text;
  }
  std::string check;
  AppendFixed32(check, MaskedCrc(Crc32c(AsBytes(numbers))));
  files.Add("s", 7, {3}, lengths + check + characters)
      .set_crc32c(MaskedCrc(Crc32c(AsBytes(numbers + check + characters))));
  auto bundle = files.Open();
  ASSERT_TRUE(bundle.ok()) << bundle.status().message();
  const auto strings = (*bundle)->Load("s");
  ASSERT_TRUE(strings.ok()) << strings.status().message();
  EXPECT_EQ(*ReadStringBuffer(strings->data.bytes, 3),
            (std::vector<std::string_view>{"ab", "", "c"}));
  files.data[files.data.size() - 1] = 'd';
  auto damaged = files.Open();
  ASSERT_TRUE(damaged.ok());
  EXPECT_NE((*damaged)->Load("s").status().message().find("checksum"), std::string::npos);
}

TEST(Bundle, RefusesWhatDoesNotFit) {
  TestBundle files;
  files.Add("beyond", 1, {2}, Floats({1, 2})).set_offset(1 << 20);
  files.Add("short", 1, {3}, Floats({1, 2}));
  files.Add("huge", 1, {1 << 30, 1 << 30}, Floats({1, 2}));
  files.Add("negative", 1, {2}, Floats({1, 2})).set_offset(-8);
  files.Add("shard", 1, {2}, Floats({1, 2})).set_shard_id(1);
  files.Add("open", 1, {-1}, Floats({1, 2}));
  files.Add("type", 24, {2}, "ab");
  files.Add("checksum", 1, {2}, Floats({1, 2})).set_crc32c(1);
  pb::BundleEntry& parts = files.Add("parts", 1, {4}, "");
  parts.add_slices()->add_extent()->set_length(5);
  pb::BundleEntry& lacking = files.Add("lacking", 1, {4}, "");
  lacking.add_slices()->add_extent()->set_length(2);
  auto bundle = files.Open();
  ASSERT_TRUE(bundle.ok()) << bundle.status().message();
  for (const std::string_view key : (*bundle)->Keys()) {
    const Status status = (*bundle)->Load(key).status();
    EXPECT_EQ(status.code(), key == "type" ? Code::kUnsupported : Code::kInvalidModel) << key;
    EXPECT_FALSE(status.message().empty());
  }
}

TEST(Slices, KeysAreOrderedCode) {
  // Zero, the name with its end mark, two dimensions, start and length of each.
  const std::string key = SliceKey("v", {{0, 7}, {64, 100000}}, {true, false});
  EXPECT_EQ(key, std::string("\x00v\x00\x01\x01\x02\x80\x7f\xc0\x40\xe1\x86\xa0", 13));
}

}  // namespace
}  // namespace edgeml::savedmodel
