#include "src/data/dataset.h"

#include <gtest/gtest.h>

#include "src/data/array_file.h"
#include "src/data/audio.h"
#include "src/data/csv.h"
#include "src/data/idx.h"
#include "src/data/image.h"
#include "src/data/labels.h"
#include "src/data/testing.h"

namespace edgeml::data {
namespace {

using testing::AsBytes;
using testing::ScratchFolder;

std::string Wav(int channels, std::vector<int16_t> samples) {
  const auto bytes = static_cast<uint32_t>(samples.size() * 2);
  std::string out = "RIFF";
  const auto put = [&](uint32_t v, int n) {
    for (int i = 0; i < n; ++i) out += static_cast<char>(v >> (8 * i));
  };
  put(36 + bytes, 4);
  out += "WAVEfmt ";
  const auto c = static_cast<uint32_t>(channels);
  put(16, 4), put(1, 2), put(c, 2), put(8000, 4), put(16000 * c, 4), put(2 * c, 2), put(16, 2);
  out += "data";
  put(bytes, 4);
  for (const int16_t s : samples) put(static_cast<uint16_t>(s), 2);
  return out;
}

std::string Idx(std::vector<uint8_t> dims, std::string_view data) {
  std::string out("\0\0\x08", 3);
  out += static_cast<char>(dims.size());
  for (const uint8_t d : dims) out += std::string("\0\0\0", 3) + static_cast<char>(d);
  return out + std::string(data);
}

TEST(DatasetTest, DigitsAreBundled) {
  const auto test = OpenDataset("digits");
  ASSERT_TRUE(test.ok()) << test.status().message();
  EXPECT_EQ((*test)->size(), 360);
  EXPECT_EQ((*test)->num_classes(), 10);
  const auto train = OpenDataset("digits:train");
  ASSERT_TRUE(train.ok());
  EXPECT_EQ((*train)->size(), 1437);
  const auto first = (*train)->Get(0);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->kind, ExampleKind::kValues);
  EXPECT_EQ(first->label, 0);
  EXPECT_EQ(first->values.shape, (Shape{8, 8}));
  // The first row of the first picture of the UCI data set.
  const std::vector<float> row = {0, 0, 5, 13, 9, 1, 0, 0};
  EXPECT_TRUE(std::equal(row.begin(), row.end(), first->values.as<float>().begin()));
}

TEST(DatasetTest, Mnist) {
  const ScratchFolder folder;
  folder.Write("t10k-images-idx3-ubyte", Idx({2, 2, 3}, "abcdefghijkl"));
  folder.Write("t10k-labels-idx1-ubyte", Idx({2}, std::string("\x07\x02", 2)));
  for (const std::string suffix : {"", ":test"}) {
    const auto data = OpenDataset("mnist:" + folder.path() + suffix);
    ASSERT_TRUE(data.ok()) << data.status().message();
    ASSERT_EQ((*data)->size(), 2);
    const auto e = (*data)->Get(1);
    ASSERT_TRUE(e.ok());
    EXPECT_EQ(e->kind, ExampleKind::kPixels);
    EXPECT_EQ(e->label, 2);
    EXPECT_EQ(e->values.shape, (Shape{2, 3, 1}));
    EXPECT_EQ(e->values.bytes, (Bytes{'g', 'h', 'i', 'j', 'k', 'l'}));
  }
  EXPECT_EQ(OpenDataset("mnist:" + folder.path() + ":train").status().code(), Code::kNotFound);
  folder.Write("t10k-labels-idx1-ubyte", Idx({3}, "abc"));
  EXPECT_EQ(OpenDataset("mnist:" + folder.path()).status().code(), Code::kInvalidModel);
}

TEST(DatasetTest, Cifar10) {
  const ScratchFolder folder;
  std::string record(3073, '\0');
  record[0] = 3;
  record[1] = 'r', record[1025] = 'g', record[2049] = 'b';
  record[3072] = 'B';
  const auto data = OpenDataset("cifar10:" + folder.Write("f.bin", record + record));
  ASSERT_TRUE(data.ok()) << data.status().message();
  EXPECT_EQ((*data)->size(), 2);
  EXPECT_EQ((*data)->class_names()[3], "cat");
  const auto e = (*data)->Get(1);
  ASSERT_TRUE(e.ok());
  EXPECT_EQ(e->label, 3);
  EXPECT_EQ(e->values.bytes[0], 'r');
  EXPECT_EQ(e->values.bytes[1], 'g');
  EXPECT_EQ(e->values.bytes[2], 'b');
  EXPECT_EQ(e->values.bytes[3071], 'B');
  EXPECT_FALSE(OpenDataset("cifar10:" + folder.Write("g.bin", record + "x")).ok());
  record[0] = 10;
  EXPECT_FALSE(OpenDataset("cifar10:" + folder.Write("h.bin", record)).ok());
}

TEST(DatasetTest, FoldersAreClasses) {
  const ScratchFolder folder;
  folder.Write("dog/b.wav", Wav(1, {16384, -32768}));
  folder.Write("dog/a.WAV", Wav(2, {0, 16384}));
  folder.Write("cat/x.wav", Wav(1, {1}));
  folder.Write("cat/notes.txt", "no");
  folder.Write(".hidden/y.wav", "no");
  const auto data = OpenDataset("wavs:" + folder.path());
  ASSERT_TRUE(data.ok()) << data.status().message();
  EXPECT_EQ((*data)->class_names(), (std::vector<std::string>{"cat", "dog"}));
  ASSERT_EQ((*data)->size(), 3);
  const auto stereo = (*data)->Get(1);
  ASSERT_TRUE(stereo.ok()) << stereo.status().message();
  EXPECT_EQ(stereo->name, "dog/a.WAV");
  EXPECT_EQ(stereo->label, 1);
  EXPECT_EQ(stereo->sample_rate, 8000);
  ASSERT_EQ(stereo->values.shape, (Shape{1}));
  EXPECT_EQ(stereo->values.as<float>()[0], 0.25f);
  const auto mono = (*data)->Get(2);
  ASSERT_TRUE(mono.ok());
  EXPECT_EQ(mono->values.as<float>()[0], 0.5f);
  EXPECT_EQ(mono->values.as<float>()[1], -1.0f);

  const auto flat = OpenDataset("wavs:" + (folder / "dog"));
  ASSERT_TRUE(flat.ok());
  EXPECT_EQ((*flat)->size(), 2);
  EXPECT_EQ((*flat)->Label(0), -1);
  EXPECT_EQ(OpenDataset("images:" + folder.path()).status().code(), Code::kInvalidModel);
  EXPECT_EQ(OpenDataset("images:/no/such/folder").status().code(), Code::kNotFound);
}

TEST(DatasetTest, Npz) {
  const ScratchFolder folder;
  const Array x{DType::kUInt8, Shape{2, 3}, {1, 2, 3, 4, 5, 6}};
  const Array one_hot{DType::kUInt8, Shape{2, 2}, {0, 1, 1, 0}};
  const NamedArray arrays[] = {{"x", x}, {"y", one_hot}};
  ASSERT_TRUE(WriteNpz(folder / "f.npz", arrays).ok());
  const auto data = OpenDataset("npz:" + (folder / "f.npz"));
  ASSERT_TRUE(data.ok()) << data.status().message();
  EXPECT_EQ((*data)->size(), 2);
  EXPECT_EQ((*data)->Label(0), 1);
  EXPECT_EQ((*data)->num_classes(), 2);
  const auto e = (*data)->Get(1);
  ASSERT_TRUE(e.ok());
  EXPECT_EQ(e->values.bytes, (Bytes{4, 5, 6}));
  const NamedArray wrong[] = {{"images", x}};
  ASSERT_TRUE(WriteNpz(folder / "g.npz", wrong).ok());
  EXPECT_NE(OpenDataset("npz:" + (folder / "g.npz")).status().message().find("images"),
            std::string::npos);
}

TEST(DatasetTest, CsvFile) {
  const ScratchFolder folder;
  const std::string path = folder.Write("t.csv", "a,fault,b\n1,x,2\n3,w,4\n5,x,6\n");
  const auto data = OpenDataset("csv:" + path + ":fault");
  ASSERT_TRUE(data.ok()) << data.status().message();
  EXPECT_EQ((*data)->class_names(), (std::vector<std::string>{"w", "x"}));
  EXPECT_EQ((*data)->Label(0), 1);
  const auto e = (*data)->Get(2);
  ASSERT_TRUE(e.ok());
  EXPECT_EQ(e->values.shape, (Shape{2}));
  EXPECT_EQ(e->values.as<float>()[1], 6.0f);
}

TEST(DatasetTest, RefusesOtherDescriptions) {
  for (const char* spec : {"", "mnist", "mnist:", "mnist:test", "digits:all", "csv:file", "x:y",
                           "csv::", "csv:a:", "images:"}) {
    EXPECT_EQ(OpenDataset(spec).status().code(), Code::kInvalidArgument) << spec;
  }
}

TEST(CsvTest, QuotesNumbersAndErrors) {
  const auto t = ParseCsv("\xEF\xBB\xBF\"a,b\",y\r\n\"1.5\", 0\r\n-2e3,2.0\r\n\r\n", "y", "t");
  ASSERT_TRUE(t.ok()) << t.status().message();
  EXPECT_EQ(t->columns, std::vector<std::string>{"a,b"});
  EXPECT_EQ(t->values, (std::vector<float>{1.5f, -2000.0f}));
  EXPECT_EQ(t->labels, (std::vector<int64_t>{0, 2}));
  EXPECT_TRUE(t->class_names.empty());

  const auto message = [](std::string_view text) {
    return ParseCsv(text, "y", "t").status().message();
  };
  EXPECT_NE(message("a,y\n1,2\nx,3\n").find("line 3, column 'a': 'x'"), std::string::npos);
  EXPECT_NE(message("a,y\n1\n").find("line 2 has 1 fields"), std::string::npos);
  EXPECT_NE(message("a;y\n1;2\n").find("commas"), std::string::npos);
  EXPECT_NE(message("a,y\n\"1,2\n").find("quote"), std::string::npos);
  EXPECT_FALSE(message("").empty());
}

TEST(LabelsTest, LineEndsAndBlanks) {
  EXPECT_EQ(ParseLabels("\xEF\xBB\xBF"
                        "cat\r\n\r\nd\xC3\xB6g\n\n"),
            (std::vector<std::string>{"cat", "", "d\xC3\xB6g"}));
  EXPECT_EQ(ReadLabels("/no/such/labels.txt").status().code(), Code::kNotFound);
}

TEST(IdxTest, TypesAndDamage) {
  const auto floats =
      ParseIdx(AsBytes(std::string_view("\0\0\x0D\x01\0\0\0\x01\x3F\x80\0\0", 12)), "t");
  ASSERT_TRUE(floats.ok()) << floats.status().message();
  EXPECT_EQ(floats->as<float>()[0], 1.0f);
  const std::string good = Idx({2, 2}, "abcd");
  EXPECT_TRUE(ParseIdx(AsBytes(good), "t").ok());
  for (size_t n = 0; n < good.size(); ++n) {
    EXPECT_FALSE(ParseIdx(AsBytes(good.substr(0, n)), "t").ok());
  }
  EXPECT_FALSE(ParseIdx(AsBytes(std::string_view(
                            "\0\0\x08\x03\x7F\xFF\xFF\xFF\x7F\xFF\xFF\xFF\x7F\xFF\xFF\xFF", 16)),
                        "t")
                   .ok());
}

TEST(AudioTest, RefusesDamage) {
  const ScratchFolder folder;
  EXPECT_FALSE(ReadAudio(folder.Write("a.wav", "")).ok());
  EXPECT_FALSE(ReadAudio(folder.Write("b.wav", "RIFF")).ok());
  EXPECT_FALSE(ReadAudio(folder.Write("c.wav", "FORM....AIFF")).ok());
  EXPECT_EQ(ReadAudio(folder / "d.wav").status().code(), Code::kNotFound);
}

TEST(FileTest, GzipBounds) {
  EXPECT_FALSE(GunzipIfNeeded(AsBytes("\x1F\x8B\x08"), "t").ok());
  EXPECT_EQ(ReadFile("/proc/self/status").ok(), true);
  const ScratchFolder folder;
  EXPECT_EQ(ReadFile(folder.Write("big", std::string(100, 'x')), 99).status().code(),
            Code::kInvalidModel);
}

}  // namespace
}  // namespace edgeml::data
