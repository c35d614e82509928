#include "src/ir/densify.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <vector>

namespace edgeml::ir {
namespace {

using Level = Sparsity::Level;

Sparsity::Dimension Dense(int32_t size) {
  Sparsity::Dimension d;
  d.dense_size = size;
  return d;
}
Sparsity::Dimension Csr(std::vector<int32_t> segments, std::vector<int32_t> indices) {
  Sparsity::Dimension d;
  d.level = Level::kCsr;
  d.segments = std::move(segments);
  d.indices = std::move(indices);
  return d;
}

Value MakeSparse(Shape shape, const std::vector<float>& stored, Sparsity sparsity) {
  Value value;
  value.type = DType::kFloat32;
  value.shape = shape;
  const auto bytes = std::as_bytes(std::span(stored));
  value.data = ConstantData::Own({bytes.begin(), bytes.end()});
  value.sparsity = std::make_shared<Sparsity>(std::move(sparsity));
  return value;
}

std::vector<float> MustDensify(const Value& value) {
  const Result<std::vector<std::byte>> bytes = Densify(value);
  EXPECT_TRUE(bytes.ok()) << bytes.status().message();
  if (!bytes.ok()) return {};
  std::vector<float> out(bytes->size() / sizeof(float));
  std::memcpy(out.data(), bytes->data(), bytes->size());
  return out;
}

TEST(Densify, RowsCompressed) {
  const Value value =
      MakeSparse({3, 4}, {1, 2, 3, 4}, {{0, 1}, {}, {Dense(3), Csr({0, 2, 2, 4}, {0, 3, 1, 2})}});
  EXPECT_EQ(MustDensify(value), (std::vector<float>{1, 0, 0, 2, 0, 0, 0, 0, 0, 3, 4, 0}));
}

TEST(Densify, ColumnMajorTraversal) {
  const Value value =
      MakeSparse({2, 3}, {1, 2, 3}, {{1, 0}, {}, {Dense(3), Csr({0, 1, 1, 3}, {1, 0, 1})}});
  EXPECT_EQ(MustDensify(value), (std::vector<float>{0, 0, 2, 1, 0, 3}));
}

TEST(Densify, Blocks) {
  // 4x4 in blocks of 2x2, of which (0, 1) and (1, 0) are stored.
  const Value value =
      MakeSparse({4, 4}, {1, 2, 3, 4, 5, 6, 7, 8},
                 {{0, 1, 2, 3}, {0, 1}, {Dense(2), Csr({0, 1, 2}, {1, 0}), Dense(2), Dense(2)}});
  EXPECT_EQ(MustDensify(value),
            (std::vector<float>{0, 0, 1, 2, 0, 0, 3, 4, 5, 6, 0, 0, 7, 8, 0, 0}));
}

TEST(Densify, EverythingStored) {
  const Value value = MakeSparse({2, 2}, {1, 2, 3, 4}, {{0, 1}, {}, {Dense(2), Dense(2)}});
  EXPECT_EQ(MustDensify(value), (std::vector<float>{1, 2, 3, 4}));
}

TEST(Densify, HostileSparsityIsAnError) {
  const std::vector<Value> values = {
      MakeSparse({2, 2}, {1}, {{0, 1}, {}, {Dense(2), Dense(2)}}),                   // too little
      MakeSparse({2, 2}, {1}, {{0, 0}, {}, {Dense(2), Csr({0, 1, 1}, {0})}}),        // order
      MakeSparse({2, 2}, {1}, {{0, 1}, {}, {Dense(2), Csr({0, 1, 1}, {2})}}),        // index
      MakeSparse({2, 2}, {1}, {{0, 1}, {}, {Dense(2), Csr({0, 1, 1}, {-1})}}),       // index
      MakeSparse({2, 2}, {1}, {{0, 1}, {}, {Dense(2), Csr({0, 9, 1}, {0})}}),        // segment
      MakeSparse({2, 2}, {1}, {{0, 1}, {}, {Dense(2), Csr({0, 1}, {0})}}),           // segments
      MakeSparse({2, 2}, {1, 2}, {{0, 1}, {}, {Dense(2), Csr({0, 2, 2}, {1, 1})}}),  // twice
      MakeSparse({2, 2}, {1}, {{0, 1}, {}, {Dense(3), Csr({0, 1, 1, 1}, {0})}}),     // size
      MakeSparse({2, 2}, {1}, {{0, 1, 2}, {5}, {Dense(2), Dense(1), Dense(2)}}),     // block map
      MakeSparse({3, 2}, {1}, {{0, 1, 2}, {0}, {Dense(1), Dense(2), Dense(2)}}),     // 3 / 2
      MakeSparse({2, 2}, {1}, {{0, 1}, {}, {Dense(2)}}),                             // missing
  };
  for (size_t i = 0; i < values.size(); ++i) {
    const Result<std::vector<std::byte>> bytes = Densify(values[i]);
    EXPECT_FALSE(bytes.ok()) << i;
    if (!bytes.ok()) {
      EXPECT_EQ(bytes.status().code(), Code::kInvalidModel) << i;
    }
  }
}

TEST(Densify, MemoryIsBounded) {
  const Value value =
      MakeSparse({1 << 14, 1 << 14}, {}, {{0, 1}, {}, {Csr({0, 0}, {}), Csr({0}, {})}});
  EXPECT_EQ(Densify(value, 1 << 20).status().code(), Code::kResourceExhausted);
}

}  // namespace
}  // namespace edgeml::ir
