#include "src/ir/sparsify.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <random>
#include <vector>

#include "src/ir/densify.h"

namespace edgeml::ir {
namespace {

template <typename T>
Value Make(DType type, const Shape& shape, const std::function<T(int64_t)>& element) {
  std::vector<T> values;
  for (int64_t i = 0; i < shape.num_elements(); ++i) values.push_back(element(i));
  Value value;
  value.type = type;
  value.shape = shape;
  const auto bytes = std::as_bytes(std::span(values));
  value.data = ConstantData::Own({bytes.begin(), bytes.end()});
  return value;
}

// That it verifies, stands for the same numbers, and takes as few bytes as it says.
void Check(const Value& dense, const Value& sparse) {
  Module module;
  Graph& graph = module.graphs.emplace_back();
  graph.values = {sparse};
  graph.outputs = {0};
  EXPECT_TRUE(Verify(module).ok()) << Verify(module).message();
  const Result<std::vector<std::byte>> back = Densify(sparse);
  ASSERT_TRUE(back.ok()) << back.status().message();
  ASSERT_EQ(back->size(), dense.data.bytes.size());
  EXPECT_EQ(std::memcmp(back->data(), dense.data.bytes.data(), back->size()), 0);
  EXPECT_LT(StoredBytes(sparse), StoredBytes(dense));
}

TEST(Sparsify, ScatteredZerosOfAnyShapeAndType) {
  std::mt19937 random(1);
  std::bernoulli_distribution keep(0.2);
  std::uniform_int_distribution<int> draw(1, 100);
  for (const Shape& shape :
       {Shape{300}, {20, 300}, {300, 20}, {24, 3, 3, 32}, {1, 3, 3, 64}, {3, 2, 5, 4, 7}}) {
    const auto number = [&](int64_t) { return keep(random) ? draw(random) : 0; };
    const Value floats = Make<float>(DType::kFloat32, shape,
                                     [&](int64_t i) { return static_cast<float>(number(i)); });
    const Value bytes = Make<int8_t>(DType::kInt8, shape,
                                     [&](int64_t i) { return static_cast<int8_t>(number(i)); });
    for (const Value& value : {floats, bytes}) {
      const auto sparse = Sparsify(value);
      ASSERT_TRUE(sparse.has_value()) << shape.ToString();
      Check(value, *sparse);
    }
  }
}

// The dimension with few places is compressed: their numbers take a byte each.
TEST(Sparsify, CompressesTheDimensionOfNarrowIndices) {
  std::mt19937 random(2);
  std::bernoulli_distribution keep(0.5);
  const Value value =
      Make<float>(DType::kFloat32, {128, 784}, [&](int64_t) { return keep(random) ? 1.0f : 0.0f; });
  const auto sparse = Sparsify(value);
  ASSERT_TRUE(sparse.has_value());
  EXPECT_EQ(sparse->sparsity->traversal_order, (std::vector<int32_t>{1, 0}));
  EXPECT_EQ(sparse->sparsity->dimensions[1].index_width, 1);
  Check(value, *sparse);
}

TEST(Sparsify, BlocksAndSlices) {
  const Value blocks = Make<int8_t>(DType::kInt8, {8, 256}, [](int64_t i) {
    return static_cast<int8_t>(i / 16 % 5 == 0 ? 1 : 0);
  });
  auto sparse = Sparsify(blocks);
  ASSERT_TRUE(sparse.has_value());
  EXPECT_EQ(sparse->sparsity->block_map, std::vector<int32_t>{1});
  EXPECT_EQ(sparse->sparsity->dimensions.back().dense_size, 16);
  Check(blocks, *sparse);
  const Value filters = Make<float>(DType::kFloat32, {16, 3, 3, 5},
                                    [](int64_t i) { return i / 45 % 4 == 1 ? 2.0f : 0.0f; });
  sparse = Sparsify(filters);
  ASSERT_TRUE(sparse.has_value());
  EXPECT_EQ(sparse->sparsity->dimensions[0].indices, (std::vector<int32_t>{1, 5, 9, 13}));
  EXPECT_EQ(StoredBytes(*sparse), 4 * 45 * sizeof(float) + 4 + 2);
  Check(filters, *sparse);
}

TEST(Sparsify, LeavesAloneWhatDoesNotGain) {
  const auto number = [](int64_t i) { return static_cast<int8_t>((i + i / 30) % 3 == 0 ? 0 : 1); };
  EXPECT_FALSE(Sparsify(Make<int8_t>(DType::kInt8, {30, 30}, number)).has_value());
  const Value few =
      Make<float>(DType::kFloat32, {4, 8}, [](int64_t i) { return i == 3 ? 1.f : 0; });
  EXPECT_TRUE(Sparsify(few).has_value());
  EXPECT_FALSE(Sparsify(few, 128).has_value());
  Value nibbles = few;
  nibbles.type = DType::kInt4;
  EXPECT_FALSE(Sparsify(nibbles).has_value());
}

TEST(Sparsify, MinusZeroIsZero) {
  const Value value =
      Make<float>(DType::kFloat32, {64}, [](int64_t i) { return i == 9 ? 3 : -0.f; });
  const auto sparse = Sparsify(value);
  ASSERT_TRUE(sparse.has_value());
  EXPECT_EQ(sparse->data.bytes.size(), sizeof(float));
}

}  // namespace
}  // namespace edgeml::ir
