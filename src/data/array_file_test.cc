#include "src/data/array_file.h"

#include <gtest/gtest.h>

#include "src/data/testing.h"

namespace edgeml::data {
namespace {

using testing::AsBytes;
using testing::ScratchFolder;

std::string Npy(std::string header, std::string_view data, int version = 1) {
  std::string out = "\x93NUMPY";
  out += static_cast<char>(version);
  out += '\0';
  const size_t length = header.size();
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i) out += static_cast<char>(length >> (8 * i));
  return out + header + std::string(data);
}

constexpr std::string_view kEight("\x01\x02\x03\x04\x05\x06\x07\x08", 8);

TEST(NpyTest, ReadsVersionsOrdersAndTypes) {
  for (const int version : {1, 2, 3}) {
    const auto a =
        ParseNpy(AsBytes(Npy("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 4), }  \n",
                             kEight, version)),
                 "t");
    ASSERT_TRUE(a.ok()) << a.status().message();
    EXPECT_EQ(a->type, DType::kUInt8);
    EXPECT_EQ(a->shape, (Shape{2, 4}));
    EXPECT_EQ(a->bytes[3], 4);
  }
  const auto big =
      ParseNpy(AsBytes(Npy("{'descr':'>u2','fortran_order':False,'shape':(4,)}", kEight)), "t");
  ASSERT_TRUE(big.ok());
  EXPECT_EQ(big->as<uint16_t>()[1], 0x0304);
  const auto fortran = ParseNpy(
      AsBytes(Npy("{'descr': '|i1', 'fortran_order': True, 'shape': (2, 2, 2)}", kEight)), "t");
  ASSERT_TRUE(fortran.ok());
  EXPECT_EQ(fortran->bytes, (Bytes{1, 5, 3, 7, 2, 6, 4, 8}));
  const auto scalar =
      ParseNpy(AsBytes(Npy("{'descr': '<f8', 'fortran_order': False, 'shape': ()}", kEight)), "t");
  ASSERT_TRUE(scalar.ok());
  EXPECT_EQ(scalar->shape.rank(), 0);
  // Complex parts are swapped one by one.
  const auto complex = ParseNpy(
      AsBytes(Npy("{'descr': '>c8', 'fortran_order': False, 'shape': (1,)}", kEight)), "t");
  ASSERT_TRUE(complex.ok());
  EXPECT_EQ(complex->bytes, (Bytes{4, 3, 2, 1, 8, 7, 6, 5}));
}

TEST(NpyTest, RefusesHostileHeaders) {
  const auto code = [](std::string header, std::string_view data = kEight) {
    return ParseNpy(AsBytes(Npy(std::move(header), data)), "t").status().code();
  };
  EXPECT_EQ(code("{'descr': '|u1', 'fortran_order': False, 'shape': (9,)}"), Code::kInvalidModel);
  EXPECT_EQ(code("{'descr': '<f8', 'fortran_order': False, 'shape': (2147483647, 2147483647, "
                 "2147483647)}"),
            Code::kInvalidModel);
  EXPECT_EQ(code("{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999,)}"),
            Code::kInvalidModel);
  EXPECT_EQ(code("{'descr': '|u1', 'fortran_order': False, 'shape': (4294967296,)}"),
            Code::kUnsupported);
  EXPECT_EQ(code("{'descr': '|u1', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}"),
            Code::kUnsupported);
  EXPECT_EQ(code("{'descr': '|u1', 'fortran_order': False, 'shape': (-1,)}"), Code::kInvalidModel);
  EXPECT_EQ(code("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}"), Code::kUnsupported);
  EXPECT_EQ(code("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}"),
            Code::kUnsupported);
  EXPECT_EQ(code("{'descr': '|u1', 'shape': (1,)}"), Code::kInvalidModel);
  EXPECT_EQ(code("{'descr"), Code::kInvalidModel);
  EXPECT_EQ(code(""), Code::kInvalidModel);
  EXPECT_FALSE(ParseNpy(AsBytes("\x93NUMPY\x01"), "t").ok());
  EXPECT_FALSE(ParseNpy(AsBytes(Npy("{}", "", 4)), "t").ok());
}

Array Ramp(DType type, Shape shape) {
  Array a{type, shape, {}};
  a.bytes = testing::PseudoRandomBytes(*CheckedByteSize(shape, type), 3);
  if (type == DType::kBool) {
    for (uint8_t& b : a.bytes) b &= 1;
  }
  return a;
}

TEST(NpyTest, ReadsBackWhatItWrites) {
  for (const DType type :
       {DType::kBool, DType::kInt8, DType::kUInt8, DType::kInt16, DType::kUInt16, DType::kInt32,
        DType::kUInt32, DType::kInt64, DType::kUInt64, DType::kFloat16, DType::kFloat32,
        DType::kFloat64, DType::kComplex64, DType::kComplex128}) {
    for (const Shape& shape : {Shape{}, Shape{5}, Shape{2, 3}, Shape{2, 0, 3}, Shape{1, 2, 3, 4}}) {
      const Array a = Ramp(type, shape);
      const auto bytes = SerializeNpy(a);
      ASSERT_TRUE(bytes.ok());
      EXPECT_EQ((bytes->size() - a.bytes.size()) % 64, 0u);
      const auto back = ParseNpy(*bytes, "t");
      ASSERT_TRUE(back.ok()) << back.status().message();
      EXPECT_EQ(back->type, type);
      EXPECT_EQ(back->shape, shape);
      EXPECT_EQ(back->bytes, a.bytes);
    }
  }
  EXPECT_EQ(SerializeNpy(Ramp(DType::kBFloat16, {2})).status().code(), Code::kUnsupported);
}

TEST(NpzTest, ReadsBackWhatItWrites) {
  const ScratchFolder folder;
  const std::vector<NamedArray> arrays = {{"x", Ramp(DType::kFloat32, {2, 3})},
                                          {"a/b:0", Ramp(DType::kInt64, {4})},
                                          {"empty", Ramp(DType::kInt8, {0})}};
  ASSERT_TRUE(WriteNpz(folder / "f.npz", arrays).ok());
  const auto back = ReadNpz(folder / "f.npz");
  ASSERT_TRUE(back.ok()) << back.status().message();
  ASSERT_EQ(back->size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ((*back)[i].name, arrays[i].name);
    EXPECT_EQ((*back)[i].array.bytes, arrays[i].array.bytes);
  }
  EXPECT_EQ(ReadNpz(folder / "f.npz", 600).status().code(), Code::kInvalidModel);
  // No temporary file stays behind.
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

}  // namespace
}  // namespace edgeml::data
