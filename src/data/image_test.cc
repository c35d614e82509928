#include "src/data/image.h"

#include <gtest/gtest.h>

#include "src/data/draw.h"
#include "src/data/testing.h"

namespace edgeml::data {
namespace {

using testing::AsBytes;
using testing::ScratchFolder;

// Written by Pillow 13.0.0; the hashes are of its own decoding.
constexpr std::string_view kProgressiveJpeg(
    "\xFF\xD8\xFF\xE0\x00\x10\x4A\x46\x49\x46\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xFF\xDB\x00"
    "\x43"
    "\x00\x0D\x09\x0A\x0B\x0A\x08\x0D\x0B\x0A\x0B\x0E\x0E\x0D\x0F\x13\x20\x15\x13\x12\x12\x13\x27"
    "\x1C"
    "\x1E\x17\x20\x2E\x29\x31\x30\x2E\x29\x2D\x2C\x33\x3A\x4A\x3E\x33\x36\x46\x37\x2C\x2D\x40\x57"
    "\x41"
    "\x46\x4C\x4E\x52\x53\x52\x32\x3E\x5A\x61\x5A\x50\x60\x4A\x51\x52\x4F\xFF\xDB\x00\x43\x01\x0E"
    "\x0E"
    "\x0E\x13\x11\x13\x26\x15\x15\x26\x4F\x35\x2D\x35\x4F\x4F\x4F\x4F\x4F\x4F\x4F\x4F\x4F\x4F\x4F"
    "\x4F"
    "\x4F\x4F\x4F\x4F\x4F\x4F\x4F\x4F\x4F\x4F\x4F\x4F\x4F\x4F\x4F\x4F\x4F\x4F\x4F\x4F\x4F\x4F\x4F"
    "\x4F"
    "\x4F\x4F\x4F\x4F\x4F\x4F\x4F\x4F\x4F\x4F\x4F\x4F\x4F\x4F\xFF\xC2\x00\x11\x08\x00\x0D\x00\x13"
    "\x03"
    "\x01\x22\x00\x02\x11\x01\x03\x11\x01\xFF\xC4\x00\x17\x00\x00\x03\x01\x00\x00\x00\x00\x00\x00"
    "\x00"
    "\x00\x00\x00\x00\x00\x00\x00\x02\x04\x03\xFF\xC4\x00\x15\x01\x01\x01\x00\x00\x00\x00\x00\x00"
    "\x00"
    "\x00\x00\x00\x00\x00\x00\x00\x01\x03\xFF\xDA\x00\x0C\x03\x01\x00\x02\x10\x03\x10\x00\x00\x01"
    "\x34"
    "\x79\x65\x4A\x04\x07\xFF\xC4\x00\x1B\x10\x00\x03\x00\x02\x03\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x00"
    "\x00\x00\x01\x02\x03\x00\x12\x11\x14\x23\xFF\xDA\x00\x08\x01\x01\x00\x01\x05\x02\xBA\xEC\xFE"
    "\x9A"
    "\x76\x00\xC7\x98\x17\x77\x26\xBC\xE7\xFF\xC4\x00\x19\x11\x01\x00\x02\x03\x00\x00\x00\x00\x00"
    "\x00"
    "\x00\x00\x00\x00\x00\x00\x02\x00\x01\x11\x13\x51\xFF\xDA\x00\x08\x01\x03\x01\x01\x3F\x01\xC2"
    "\xA2"
    "\x49\x9A\x6F\xB3\xFF\xC4\x00\x1B\x11\x00\x02\x01\x05\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x00"
    "\x00\x01\x03\x00\x11\x31\x41\x51\x91\xFF\xDA\x00\x08\x01\x02\x01\x01\x3F\x01\x51\x2C\xBE\x04"
    "\xA2"
    "\x74\x7B\x3F\xFF\xC4\x00\x1B\x10\x00\x02\x02\x03\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x00"
    "\x00\x01\x02\x12\x10\x11\x31\x41\xFF\xDA\x00\x08\x01\x01\x00\x06\x3F\x02\xA8\xA2\xB5\x54\x71"
    "\x91"
    "\x2B\xE6\x3F\xFF\xC4\x00\x1A\x10\x01\x00\x02\x03\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x00"
    "\x01\x00\x11\x21\x31\x51\x61\xFF\xDA\x00\x08\x01\x01\x00\x01\x3F\x21\xA8\xB1\x4C\x42\xF8\xEB"
    "\x35"
    "\x9B\x8F\x25\x79\x71\xE2\x70\x86\x3A\x27\xFF\xDA\x00\x0C\x03\x01\x00\x02\x00\x03\x00\x00\x00"
    "\x10"
    "\x8B\xFF\x00\xFF\xC4\x00\x19\x11\x00\x03\x00\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x00"
    "\x00\x01\x11\x21\xF0\xF1\xFF\xDA\x00\x08\x01\x03\x01\x01\x3F\x10\x73\xF4\x78\x55\x5E\x1A\x51"
    "\xFF"
    "\xC4\x00\x1A\x11\x00\x02\x02\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x11"
    "\x41"
    "\xA1\xD1\xF0\xFF\xDA\x00\x08\x01\x02\x01\x01\x3F\x10\x83\x4D\x66\x4E\xE6\x8F\xFF\xC4\x00\x1A"
    "\x10"
    "\x01\x00\x03\x01\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x11\x21\x41\x51\xB1"
    "\xFF"
    "\xDA\x00\x08\x01\x01\x00\x01\x3F\x10\xDF\xA2\xDA\x76\x6F\x00\x7D\x24\x08\x33\x83\x50\xD9\xCB"
    "\xAC"
    "\xAE\x62\xE0\x44\xA7\xC2\x7F\xFF\xD9",
    657);
constexpr std::string_view kCmykJpeg(
    "\xFF\xD8\xFF\xEE\x00\x0E\x41\x64\x6F\x62\x65\x00\x64\x00\x00\x00\x00\x00\xFF\xDB\x00\x43\x00"
    "\x0D"
    "\x09\x0A\x0B\x0A\x08\x0D\x0B\x0A\x0B\x0E\x0E\x0D\x0F\x13\x20\x15\x13\x12\x12\x13\x27\x1C\x1E"
    "\x17"
    "\x20\x2E\x29\x31\x30\x2E\x29\x2D\x2C\x33\x3A\x4A\x3E\x33\x36\x46\x37\x2C\x2D\x40\x57\x41\x46"
    "\x4C"
    "\x4E\x52\x53\x52\x32\x3E\x5A\x61\x5A\x50\x60\x4A\x51\x52\x4F\xFF\xC0\x00\x14\x08\x00\x0D\x00"
    "\x13"
    "\x04\x43\x11\x00\x4D\x11\x00\x59\x11\x00\x4B\x11\x00\xFF\xC4\x00\x1B\x00\x00\x02\x03\x00\x03"
    "\x00"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x06\x02\x03\x04\x01\x05\x07\xFF\xC4\x00\x28\x10"
    "\x00"
    "\x01\x03\x03\x03\x03\x03\x05\x00\x00\x00\x00\x00\x00\x00\x00\x01\x02\x03\x04\x00\x05\x11\x06"
    "\x12"
    "\x21\x14\x31\x32\x13\x22\x61\x23\x33\x41\x51\x91\xFF\xDA\x00\x0E\x04\x43\x00\x4D\x00\x59\x00"
    "\x4B"
    "\x00\x00\x3F\x00\xD1\x6F\x6F\xA2\x86\xB8\x0A\x20\xC5\x73\xCC\x7E\x6B\x8D\x79\x6D\x37\x4D\x43"
    "\x1D"
    "\x09\x71\x05\x24\x63\x83\x59\x9E\xBE\x35\x26\xC2\xFC\x17\x94\x03\x8E\x76\xAF\x4E\xA9\xDC\xEF"
    "\x96"
    "\xF7\x21\xB3\x6F\x86\xD3\xA9\x31\xCE\x72\xA1\xDE\xB6\x22\xDD\xA9\x51\x05\xA8\xC9\x76\x32\x60"
    "\xC7"
    "\xE4\x05\x1F\x71\x02\xA1\x1A\x3D\xCE\x3D\xA9\x86\xE0\xED\xF7\x71\x95\x76\xA2\xAB\x4E\xAD\x08"
    "\x48"
    "\x4F\x4A\xF9\xC7\x1E\x06\xAD\x1A\xB6\xDC\xC8\x0D\xB8\xCB\xE5\x69\xE0\x90\x9E\x33\x5A\x06\x96"
    "\xD4"
    "\x8B\x01\x7D\x4C\x4E\x79\xF2\xA2\x99\xA1\x59\x61\xBC\xF0\x75\x69\x24\x8F\x9A\xA2\xFD\x05\x98"
    "\x1A"
    "\xB6\x12\x58\xDD\x85\x0C\x9C\x9C\xD2\xC4\xC8\x0C\xFD\xCF\x76\xE1\xF3\x45\x29\x43\x22\x7E\xB1"
    "\x9B"
    "\x05\xF4\x8F\x46\x39\xCA\x00\x15\xD4\xEA\x0B\xC4\xC3\x71\x31\xFD\x42\x1B\x4A\xB8\x02\x9E\xD2"
    "\xF2"
    "\x9A\xD2\xB1\xB6\xE3\xB7\x7A\x29\xAC\x3A\x10\x36\x86\x9B\xC0\xE3\xC4\x55\x88\x74\x94\x02\x52"
    "\x9E"
    "\xDF\xAA\x59\x54\xF9\x3B\x8F\xD5\x57\xF6\x8A\xFF\xD9",
    421);
constexpr std::string_view kGrayJpeg(
    "\xFF\xD8\xFF\xE0\x00\x10\x4A\x46\x49\x46\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xFF\xDB\x00"
    "\x43"
    "\x00\x0D\x09\x0A\x0B\x0A\x08\x0D\x0B\x0A\x0B\x0E\x0E\x0D\x0F\x13\x20\x15\x13\x12\x12\x13\x27"
    "\x1C"
    "\x1E\x17\x20\x2E\x29\x31\x30\x2E\x29\x2D\x2C\x33\x3A\x4A\x3E\x33\x36\x46\x37\x2C\x2D\x40\x57"
    "\x41"
    "\x46\x4C\x4E\x52\x53\x52\x32\x3E\x5A\x61\x5A\x50\x60\x4A\x51\x52\x4F\xFF\xC0\x00\x0B\x08\x00"
    "\x0D"
    "\x00\x13\x01\x01\x11\x00\xFF\xC4\x00\x18\x00\x00\x02\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x00"
    "\x00\x00\x00\x01\x02\x03\x04\x05\xFF\xC4\x00\x22\x10\x00\x01\x03\x03\x04\x03\x01\x00\x00\x00"
    "\x00"
    "\x00\x00\x00\x00\x00\x02\x01\x03\x04\x00\x05\x21\x11\x12\x22\x31\x06\x14\x41\x91\xFF\xDA\x00"
    "\x08"
    "\x01\x01\x00\x00\x3F\x00\x37\xF8\xDE\xCC\xD0\x8F\xBC\x54\x09\x33\xA2\xE6\xA7\x30\xB9\x8C\x16"
    "\x62"
    "\xB2\x4D\x8C\x76\x33\xCB\xB5\x4A\x74\xF2\x36\x5B\x44\x02\x65\xD5\x21\xC2\xE8\x34\xF3\xED\xAC"
    "\x31"
    "\x7C\x8E\xA1\xBB\xAF\xAB\x59\x73\xE7\xBE\xE5\xD0\xE3\x11\x68\xD8\x2E\x11\x2A\xD8\xBC\xBB\x53"
    "\x88"
    "\xFE\x57\xFF\xD9",
    244);

TEST(JpegTest, DecodesAsPillow) {
  const struct {
    std::string_view file;
    uint64_t hash;
  } cases[] = {{kProgressiveJpeg, 0x516DB9D9D2494EB5u},
               {kCmykJpeg, 0x7F9856A7BAE97CFAu},
               {kGrayJpeg, 0xE5B31F56192D54A5u}};
  for (const auto& c : cases) {
    const auto image = DecodeImage(AsBytes(c.file), "test");
    ASSERT_TRUE(image.ok()) << image.status().message();
    EXPECT_EQ(image->width, 19);
    EXPECT_EQ(image->height, 13);
    EXPECT_EQ(testing::Hash(image->pixels), c.hash);
  }
}

TEST(JpegTest, EveryTruncationIsAnError) {
  for (size_t n = 0; n < kGrayJpeg.size() - 2; ++n) {
    EXPECT_FALSE(DecodeImage(AsBytes(kGrayJpeg.substr(0, n)), "test").ok()) << n;
  }
}

TEST(JpegTest, FlippedBytesNeverCrash) {
  for (size_t i = 0; i < kProgressiveJpeg.size(); ++i) {
    std::string file(kProgressiveJpeg);
    file[i] = static_cast<char>(file[i] ^ 0x55);
    const auto image = DecodeImage(AsBytes(file), "test");
    EXPECT_TRUE(image.ok() || !image.status().message().empty());
  }
}

// A little-endian bitmap with a version 1 header.
std::string Bmp(int width, int height, int bits, uint32_t compression, std::string_view between,
                std::string_view data, uint32_t colors = 0) {
  std::string out = "BM";
  const auto put = [&](uint32_t v, int bytes) {
    for (int i = 0; i < bytes; ++i) out += static_cast<char>(v >> (8 * i));
  };
  const auto offset = static_cast<uint32_t>(54 + between.size());
  put(offset + static_cast<uint32_t>(data.size()), 4), put(0, 4), put(offset, 4);
  put(40, 4), put(static_cast<uint32_t>(width), 4), put(static_cast<uint32_t>(height), 4);
  put(1, 2), put(static_cast<uint32_t>(bits), 2), put(compression, 4);
  put(0, 4), put(0, 4), put(0, 4), put(colors, 4), put(0, 4);
  out += between;
  out += data;
  return out;
}

std::vector<uint8_t> Pixels(const std::string& file) {
  const auto image = DecodeImage(AsBytes(file), "test");
  EXPECT_TRUE(image.ok()) << image.status().message();
  return image.ok() ? image->pixels : std::vector<uint8_t>();
}

constexpr std::string_view kPalette(
    "\x00\x00\xFF\x00\x00\xFF\x00\x00\xFF\x00\x00\x00\x09\x08\x07\x00", 16);
using Bytes8 = std::vector<uint8_t>;

TEST(BmpTest, ReadsEachDepth) {
  // 2x2; rows are stored from the bottom and padded to four bytes.
  const std::string bgr("\x01\x02\x03\x04\x05\x06\0\0\x11\x12\x13\x14\x15\x16\0\0", 16);
  EXPECT_EQ(Pixels(Bmp(2, 2, 24, 0, "", bgr)),
            (Bytes8{0x13, 0x12, 0x11, 0x16, 0x15, 0x14, 3, 2, 1, 6, 5, 4}));
  EXPECT_EQ(Pixels(Bmp(2, -2, 24, 0, "", bgr)),
            (Bytes8{3, 2, 1, 6, 5, 4, 0x13, 0x12, 0x11, 0x16, 0x15, 0x14}));
  EXPECT_EQ(Pixels(Bmp(2, 1, 32, 0, "", "\x01\x02\x03\xFF\x04\x05\x06\xFF")),
            (Bytes8{3, 2, 1, 6, 5, 4}));
  // 5-5-5: 31 → 255, 16 → 131; 5-6-5 by masks: green 32 of 63 → 129.
  EXPECT_EQ(Pixels(Bmp(2, 1, 16, 0, "", std::string("\x1F\x00\x00\x40", 4))),
            (Bytes8{0, 0, 255, 131, 0, 0}));
  const std::string masks("\x00\xF8\0\0\xE0\x07\0\0\x1F\0\0\0", 12);
  EXPECT_EQ(Pixels(Bmp(1, 1, 16, 3, masks, std::string("\x00\x04\0\0", 4))), (Bytes8{0, 129, 0}));
  // Indices 1, 0, 3 in 8, 4 and 1 bits.
  EXPECT_EQ(Pixels(Bmp(3, 1, 8, 0, kPalette, std::string("\x01\x00\x03\0", 4), 4)),
            (Bytes8{0, 255, 0, 255, 0, 0, 7, 8, 9}));
  EXPECT_EQ(Pixels(Bmp(3, 1, 4, 0, kPalette, std::string("\x10\x30\0\0", 4), 4)),
            (Bytes8{0, 255, 0, 255, 0, 0, 7, 8, 9}));
  EXPECT_EQ(Pixels(Bmp(2, 1, 1, 0, kPalette.substr(0, 8), std::string("\x40\0\0\0", 4), 2)),
            (Bytes8{255, 0, 0, 0, 255, 0}));
}

TEST(BmpTest, ReadsRuns) {
  // Two of index 1, end of line, then index 3 and 0 as they are, end.
  EXPECT_EQ(Pixels(Bmp(2, 2, 8, 1, kPalette,
                       std::string("\x02\x01\x00\x00\x01\x03\x01\x00\x00\x01", 10), 4)),
            (Bytes8{7, 8, 9, 255, 0, 0, 0, 255, 0, 0, 255, 0}));
  EXPECT_EQ(
      Pixels(Bmp(3, 1, 8, 1, kPalette, std::string("\x00\x03\x01\x00\x03\x00\x00\x01", 8), 4)),
      (Bytes8{0, 255, 0, 255, 0, 0, 7, 8, 9}));
  EXPECT_EQ(Pixels(Bmp(3, 1, 4, 2, kPalette, std::string("\x03\x13\x00\x01", 4), 4)),
            (Bytes8{0, 255, 0, 7, 8, 9, 0, 255, 0}));
  // A jump past the edge and a run that is too long are cut.
  EXPECT_EQ(
      Pixels(Bmp(1, 1, 8, 1, kPalette, std::string("\xFF\x01\x00\x02\xFF\xFF\x05\x01", 8), 4)),
      (Bytes8{0, 255, 0}));
}

TEST(BmpTest, RefusesDamage) {
  const std::string good = Bmp(2, 2, 24, 0, "", std::string(16, 'x'));
  for (size_t n = 0; n < good.size() - 2; ++n) {
    EXPECT_FALSE(DecodeImage(AsBytes(good.substr(0, n)), "test").ok()) << n;
  }
  EXPECT_EQ(DecodeImage(AsBytes(Bmp(1 << 30, 1 << 30, 24, 0, "", "")), "t").status().code(),
            Code::kUnsupported);
  EXPECT_FALSE(DecodeImage(AsBytes(Bmp(1, INT32_MIN, 24, 0, "", "xxxx")), "t").ok());
  EXPECT_FALSE(DecodeImage(AsBytes(Bmp(1, 1, 7, 0, "", "xxxx")), "t").ok());
  // 100 million pixels in two bytes.
  const auto bomb =
      DecodeImage(AsBytes(Bmp(10000, 10000, 8, 1, kPalette, std::string("\x00\x01", 2), 4)), "t");
  EXPECT_NE(bomb.status().message().find("too short"), std::string::npos);
  EXPECT_FALSE(DecodeImage(AsBytes(Bmp(9, 9, 8, 1, kPalette, "\x05\x01", 4)), "t").ok());
}

TEST(PngTest, WritesWhatItReads) {
  const ScratchFolder folder;
  const Image rgb{7, 5, 3, testing::PseudoRandomBytes(105, 1)};
  ASSERT_TRUE(WritePng(folder / "rgb.png", rgb).ok());
  const auto back = ReadImage(folder / "rgb.png");
  ASSERT_TRUE(back.ok()) << back.status().message();
  EXPECT_EQ(back->pixels, rgb.pixels);

  const Image gray{3, 2, 1, {0, 50, 100, 150, 200, 250}};
  ASSERT_TRUE(WritePng(folder / "gray.png", gray).ok());
  const auto three = ReadImage(folder / "gray.png");
  ASSERT_TRUE(three.ok());
  EXPECT_EQ(three->pixels, ToRgb(gray).pixels);
  EXPECT_EQ(ToGray(*three).pixels, gray.pixels);

  const auto file = ReadFile(folder / "rgb.png");
  ASSERT_TRUE(file.ok());
  for (size_t n = 0; n + 20 < file->size(); ++n) {
    EXPECT_FALSE(DecodeImage(std::span(*file).first(n), "test").ok()) << n;
  }
  EXPECT_EQ(WritePng(folder / "no/such/folder.png", rgb).code(), Code::kFailed);
}

TEST(PngTest, RefusesSizesThatTheDataCannotHold) {
  // 65535 x 2000 of nothing: the header alone.
  const std::string file(
      "\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR\0\0\xFF\xFF\0\0\x07\xD0\x08\x02\0\0\0\xB1\x3A\x55\x14", 33);
  EXPECT_EQ(DecodeImage(AsBytes(file), "test").status().code(), Code::kInvalidModel);
}

TEST(ImageTest, NamesWhatIsNoPicture) {
  EXPECT_EQ(DecodeImage({}, "t").status().code(), Code::kInvalidModel);
  EXPECT_EQ(DecodeImage(AsBytes("GIF89a"), "t").status().code(), Code::kInvalidModel);
  EXPECT_NE(DecodeImage(AsBytes("version https://git-lfs.github.com/spec/v1"), "t")
                .status()
                .message()
                .find("git lfs pull"),
            std::string::npos);
  EXPECT_EQ(ReadImage("/no/such/file.png").status().code(), Code::kNotFound);
  EXPECT_EQ(ReadImage("/").status().code(), Code::kInvalidModel);
  EXPECT_TRUE(HasImageExtension("a/b.JPeG"));
  EXPECT_FALSE(HasImageExtension("png"));
}

TEST(DrawTest, DrawsOutlineAndCaption) {
  const Color red{255, 0, 0};
  Image image{100, 60, 3, std::vector<uint8_t>(100 * 60 * 3)};
  DrawBox(image, 10, 20, 50, 40, red, "a");
  const auto at = [&](int x, int y) {
    const uint8_t* p = image.pixels.data() + 3 * (y * 100 + x);
    return Color{p[0], p[1], p[2]};
  };
  EXPECT_EQ(at(10, 20), red);
  EXPECT_EQ(at(49, 39), red);
  EXPECT_EQ(at(30, 30), (Color{0, 0, 0}));
  EXPECT_EQ(at(50, 30), (Color{0, 0, 0}));
  // The strip with the letter A stands on the box: its apex is white, its corner is not.
  EXPECT_EQ(at(10, 9), red);
  EXPECT_EQ(at(12 + 2, 11), (Color{255, 255, 255}));
  EXPECT_EQ(at(12, 11), red);
}

TEST(DrawTest, ClipsWildBoxes) {
  Image image{20, 20, 3, std::vector<uint8_t>(1200)};
  const float huge = 3e38f, nan = std::numeric_limits<float>::quiet_NaN();
  DrawBox(image, -huge, -huge, huge, huge, PaletteColor(1), "a caption longer than the picture");
  DrawBox(image, nan, nan, nan, nan, PaletteColor(-1), "x");
  DrawBox(image, 30, 30, 10, 10, PaletteColor(2), "\xC3\xA9~");
  EXPECT_EQ(image.pixels.size(), 1200u);
}

}  // namespace
}  // namespace edgeml::data
