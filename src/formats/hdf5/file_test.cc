// Handmade and damaged files; tests/formats/test_hdf5.py compares sound ones with h5py.
#include "src/formats/hdf5/file.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "src/formats/hdf5/test_files.h"

namespace edgeml::hdf5 {
namespace {

using namespace testing;

Result<File> OpenBytes(const Bytes& bytes) {
  const auto held = std::make_shared<const Bytes>(bytes);
  return File::Open(held, *held);
}

// Reads all there is; the first error.
Status ReadAll(const Bytes& bytes) {
  const Result<File> file = OpenBytes(bytes);
  if (!file.ok()) return file.status();
  Status first;
  const auto note = [&](const Status& status) {
    if (!status.ok()) {
      EXPECT_FALSE(status.message().empty());
      EXPECT_NE(status.code(), Code::kInternal) << status.message();
      if (first.ok()) first = status;
    }
  };
  note(file->VisitAll([&](const Object& object) {
    for (const std::string& name : object.attribute_names()) {
      const Result<ArrayInfo> info = object.AttributeInfo(name);
      note(info.status());
      if (info.ok() && info->type == DType::kString) {
        note(object.ReadStrings(name).status());
      } else if (info.ok()) {
        note(object.ReadAttribute(name).status());
      }
    }
    if (object.kind() == ObjectKind::kGroup) {
      const auto links = object.Links();
      note(links.status());
      for (size_t i = 0; links.ok() && i < links->size(); ++i)
        note(object.Find((*links)[i].name).status());
    }
    if (object.kind() == ObjectKind::kDataset) {
      note(object.Info().status());
      note(object.Read(1 << 20).status());
    }
    return Status::Ok();
  }));
  return first;
}

void ExpectSample(const Bytes& bytes) {
  const auto held = std::make_shared<const Bytes>(bytes);
  const Result<File> file = File::Open(held, *held);
  ASSERT_TRUE(file.ok()) << file.status().message();
  const Result<Object> x = file->Find("x");
  ASSERT_TRUE(x.ok()) << x.status().message();
  EXPECT_EQ(x->path(), "/x");
  EXPECT_EQ(x->kind(), ObjectKind::kDataset);
  const Result<ArrayInfo> info = x->Info();
  ASSERT_TRUE(info.ok()) << info.status().message();
  EXPECT_EQ(info->type, DType::kInt32);
  EXPECT_EQ(info->shape, Shape({3}));
  const Result<ir::ConstantData> data = x->Read(0);  // nothing is copied
  ASSERT_TRUE(data.ok()) << data.status().message();
  EXPECT_EQ(data->owner, held);
  int32_t values[3];
  ASSERT_EQ(data->bytes.size(), sizeof(values));
  std::memcpy(values, data->bytes.data(), sizeof(values));
  EXPECT_EQ(values[0] * 100 + values[1] * 10 + values[2], 123);
  ASSERT_TRUE(x->HasAttribute("a"));
  EXPECT_FALSE(x->HasAttribute("b"));
  const auto integers = x->ReadIntegers("a");
  ASSERT_TRUE(integers.ok()) << integers.status().message();
  EXPECT_EQ(*integers, std::vector<int64_t>{7});
  const auto numbers = x->ReadNumbers("a");
  ASSERT_TRUE(numbers.ok()) << numbers.status().message();
  EXPECT_EQ(*numbers, std::vector<double>{7});
  EXPECT_EQ(x->ReadString("a").status().code(), Code::kInvalidArgument);
  EXPECT_EQ(x->ReadString("b").status().code(), Code::kNotFound);
  EXPECT_EQ(file->Find("y").status().code(), Code::kNotFound);
  EXPECT_EQ(file->Find("x/y").status().code(), Code::kNotFound);
  EXPECT_EQ(file->root().Read(1).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(x->Links().status().code(), Code::kInvalidArgument);
}

TEST(Hdf5File, OldFile) {
  ExpectSample(OldFile(0));
  ExpectSample(OldFile(1));
}

TEST(Hdf5File, NewFile) {
  ExpectSample(NewFile());
  const Result<File> file = OpenBytes(NewFile());
  ASSERT_TRUE(file.ok());
  const Result<Object> x = file->Find("/soft");
  ASSERT_TRUE(x.ok()) << x.status().message();
  EXPECT_EQ(x->path(), "/x");
  EXPECT_EQ(x->id(), file->Find("x")->id());
}

TEST(Hdf5File, Checksums) {
  const auto bytes = [](std::string_view text) { return std::as_bytes(std::span(text)); };
  EXPECT_EQ(MetadataChecksum({}), 0xDEADBEEFu);
  EXPECT_EQ(MetadataChecksum(bytes("Four score and seven years ago")), 0x17770551u);
  EXPECT_EQ(Fletcher32(bytes("abcdef")), 0x50562A2Du);
  EXPECT_EQ(Fletcher32(bytes("abcde")), Fletcher32(bytes(std::string_view("abcde\0", 6))));
}

TEST(Hdf5File, TruncatedAtEveryByte) {
  for (const Bytes& whole : {OldFile(), NewFile()}) {
    EXPECT_TRUE(ReadAll(whole).ok()) << ReadAll(whole).message();
    for (size_t size = 0; size < whole.size(); ++size) {
      const Status status = ReadAll({whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size)});
      EXPECT_EQ(status.code(), Code::kInvalidModel) << size;
    }
  }
}

TEST(Hdf5File, EveryByteChanged) {
  for (const Bytes& whole : {OldFile(), NewFile()}) {
    int errors = 0;
    for (size_t i = 0; i < whole.size(); ++i) {
      for (const int value : {0, 1, 0x7F, 0x80, 0xFF}) {
        Bytes changed = whole;
        changed[i] = static_cast<std::byte>(value);
        errors += ReadAll(changed).ok() ? 0 : 1;
      }
    }
    EXPECT_GT(errors, 500);
  }
}

TEST(Hdf5File, MetadataChangesAreNoticed) {
  std::vector<std::pair<size_t, size_t>> metadata;
  const Bytes whole = NewFile(&metadata);
  for (const auto& [begin, end] : metadata) {
    for (size_t i = begin; i < end; ++i) {
      Bytes changed = whole;
      changed[i] ^= std::byte{0x10};
      EXPECT_FALSE(ReadAll(changed).ok()) << i;
    }
  }
}

Bytes RootOnly(const std::vector<Message>& messages) {
  return FileMaker().Put(64, NewHeader(messages)).Finish(2, 64);
}

TEST(Hdf5File, HardLinksInACircle) {
  const Bytes file = RootOnly({{6, HardLink("me", 64)}, {6, HardLink("too", 64)}});
  EXPECT_TRUE(ReadAll(file).ok()) << ReadAll(file).message();
  const Result<File> opened = OpenBytes(file);
  ASSERT_TRUE(opened.ok());
  EXPECT_TRUE(opened->Find("me/too/me/me").ok());
  std::string path;
  for (int i = 0; i < kMaxPathParts; ++i) path += "/me";
  EXPECT_TRUE(opened->Find(path).ok());
  EXPECT_EQ(opened->Find(path + "/me").status().code(), Code::kInvalidModel);
}

TEST(Hdf5File, SoftLinksInACircle) {
  const Bytes file = RootOnly({{6, SoftLink("a", "/b")}, {6, SoftLink("b", "a/a/a")}});
  const Result<File> opened = OpenBytes(file);
  ASSERT_TRUE(opened.ok());
  const Status status = opened->Find("a").status();
  EXPECT_EQ(status.code(), Code::kInvalidModel);
  EXPECT_NE(status.message().find("soft links"), std::string::npos) << status.message();
}

TEST(Hdf5File, TwoLinksOfOneName) {
  EXPECT_EQ(ReadAll(RootOnly({{6, HardLink("me", 64)}, {6, HardLink("me", 64)}})).code(),
            Code::kInvalidModel);
}

TEST(Hdf5File, HeaderContinuesInItself) {
  // The block of messages is its own continuation.
  const uint64_t size = 24 + 24;
  const Bytes file = FileMaker()
                         .Put(128, OldHeader({{17, Out().U64(0).U64(0).bytes()},
                                              {16, Out().U64(128 + 16).U64(size).bytes()}},
                                             65535))
                         .Finish(0, 128);
  const Status status = ReadAll(file);
  EXPECT_EQ(status.code(), Code::kInvalidModel);
  EXPECT_NE(status.message().find("circles"), std::string::npos) << status.message();
}

// A node of level 1 whose children are all of level 0, each the same one, many times.
TEST(Hdf5File, TreeNodesUsedAgainAndAgain) {
  constexpr uint64_t kRoot = 128, kTree = 192, kLeaf = 192 + 65600, kNames = 128 + 140000;
  const auto node = [](int level, uint64_t child, int count) {
    Out out;
    out.Text("TREE").U8(0).U8(static_cast<uint64_t>(level)).U16(static_cast<uint64_t>(count));
    out.U64(kNoAddress).U64(kNoAddress);
    for (int i = 0; i < count; ++i) out.U64(0).U64(child);
    return out.U64(0).bytes();
  };
  FileMaker maker;
  maker.Put(kRoot, OldHeader({{17, Out().U64(kTree).U64(kNames).bytes()}}));
  maker.Put(kTree, node(1, kLeaf, 4000));
  maker.Put(kLeaf, node(0, kTree, 4000));
  maker.Put(kNames, Out().Text("HEAP").U(0, 4).U64(16).U64(1).U64(kNames + 32).PadTo(48).bytes());
  const auto start = std::chrono::steady_clock::now();
  const Status status = ReadAll(maker.Finish(0, kRoot));
  EXPECT_EQ(status.code(), Code::kInvalidModel) << status.message();
  // A child of its own level is refused too.
  maker.Put(kTree, node(1, kTree, 10));
  EXPECT_EQ(ReadAll(maker.Finish(0, kRoot)).code(), Code::kInvalidModel);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

// Thousands of groups that share one large continuation block: what is kept stays in proportion to
// the file.
TEST(Hdf5File, OverlappingHeaders) {
  constexpr uint64_t kShared = 64;
  FileMaker maker;
  std::vector<Message> filler(2000, Message{13, Bytes(1)});  // comments
  const Bytes shared = OldMessages(filler);
  maker.Put(kShared + 64, shared);
  uint64_t at = kShared + 64 + shared.size();
  std::vector<Message> links;
  for (int i = 0; i < 1000; ++i) {
    maker.Put(at,
              OldHeader({{10, Bytes(8)}, {16, Out().U64(kShared + 64).U64(shared.size()).bytes()}},
                        3000));
    links.push_back({6, HardLink(std::to_string(i), at)});
    at += 64;
  }
  maker.Put(at, OldHeader(links));
  const Bytes file = maker.Finish(2, at);
  const Status status = ReadAll(file);
  EXPECT_EQ(status.code(), Code::kInvalidModel) << status.message();
}

// A dataset of that space and layout, four-byte integers.
Bytes Dataset(const Bytes& space, const Bytes& layout, const Bytes& type = Int32Type()) {
  return FileMaker()
      .Put(64, NewHeader({{6, HardLink("x", 192)}}))
      .Put(192, NewHeader({{1, space}, {3, type}, {8, layout}}))
      .Put(400, Bytes(64))
      .Finish(2, 64);
}

TEST(Hdf5File, SizesThatCannotBe) {
  const Bytes three = DataspaceMessage({3});
  const Bytes data = ContiguousLayout(400, 12);
  EXPECT_TRUE(ReadAll(Dataset(three, data)).ok());
  const auto chunked = [](uint64_t dim, uint64_t element) {
    return Out().U8(3).U8(2).U8(2).U64(400).U32(dim).U32(element).bytes();
  };
  const auto type = [](uint64_t size, uint64_t offset, uint64_t bits) {
    return Out().U8(0x10).U(8, 3).U32(size).U16(offset).U16(bits).bytes();
  };
  const std::pair<const char*, Bytes> wrong[] = {
      {"data behind the end", Dataset(three, ContiguousLayout(460, 12))},
      {"data far behind the end", Dataset(three, ContiguousLayout(kNoAddress - 4, 12))},
      {"fewer data than elements", Dataset(three, ContiguousLayout(400, 8))},
      {"elements overflow", Dataset(DataspaceMessage({1 << 30, 1 << 30, 1 << 30}), data)},
      {"bytes overflow", Dataset(DataspaceMessage({1 << 30, 1 << 30, 4}), data)},
      {"33 dimensions", Dataset(DataspaceMessage(std::vector<uint64_t>(33, 1)), data)},
      {"chunks of nothing", Dataset(three, chunked(0, 4))},
      {"chunks of other elements", Dataset(three, chunked(2, 3))},
      {"chunks of 16 GB", Dataset(three, chunked(0xFFFFFFFF, 4))},
      {"no tree of chunks", Dataset(three, chunked(2, 4))},
      {"element of no size", Dataset(three, data, type(0, 0, 0))},
      {"no bits", Dataset(three, data, type(4, 0, 0))},
      {"more bits than bytes", Dataset(three, data, type(4, 1, 32))},
  };
  for (const auto& [what, file] : wrong) {
    const Status status = ReadAll(file);
    EXPECT_EQ(status.code(), Code::kInvalidModel) << what << ": " << status.message();
    EXPECT_NE(status.message().find("'/x'"), std::string::npos) << status.message();
  }
  EXPECT_EQ(ReadAll(Dataset(DataspaceMessage({uint64_t{1} << 31}), data)).code(),
            Code::kUnsupported);
  EXPECT_EQ(ReadAll(Dataset(DataspaceMessage(std::vector<uint64_t>(9, 1)), data)).code(),
            Code::kUnsupported);
}

// Data that were never written cost the file nothing; the caller's cap holds.
TEST(Hdf5File, CapOnWhatIsMade) {
  const Bytes file = Dataset(DataspaceMessage({1 << 30}), ContiguousLayout(kNoAddress, 0));
  const Result<File> opened = OpenBytes(file);
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(opened->Find("x")->Read(uint64_t{1} << 31).status().code(), Code::kResourceExhausted);
}

TEST(Hdf5File, OtherFiles) {
  EXPECT_FALSE(LooksLikeHdf5({}));
  EXPECT_TRUE(LooksLikeHdf5(OldFile()));
  const Status status = OpenBytes(Bytes(5000)).status();
  EXPECT_EQ(status.code(), Code::kInvalidModel);
  EXPECT_NE(status.message().find("no HDF5 file"), std::string::npos);
  // Behind a user block.
  Bytes moved(1024);
  const Bytes old = OldFile();
  moved.insert(moved.end(), old.begin(), old.end());
  EXPECT_TRUE(LooksLikeHdf5(moved));
  ExpectSample(moved);
  // External links are named, never followed.
  const Bytes link = Out()
                         .U8(1)
                         .U8(8)
                         .U8(64)
                         .U8(1)
                         .Text("e")
                         .U16(13)
                         .U8(0)
                         .Text("other.h5")
                         .U8(0)
                         .Text("/y")
                         .U8(0)
                         .bytes();
  const Result<File> opened = OpenBytes(RootOnly({{6, link}}));
  ASSERT_TRUE(opened.ok()) << opened.status().message();
  const Status external = opened->Find("e").status();
  EXPECT_EQ(external.code(), Code::kUnsupported);
  EXPECT_NE(external.message().find("'other.h5:/y'"), std::string::npos) << external.message();
}

}  // namespace
}  // namespace edgeml::hdf5
