#include "src/formats/keras/layers/einsum.h"

#include <gtest/gtest.h>

namespace edgeml::keras {
namespace {

TEST(ParseEinsum, ExpandsTheEllipsis) {
  const auto spec = ParseEinsum("...x,xy->...y", 4, 2);
  ASSERT_TRUE(spec.ok());
  EXPECT_EQ(spec->a.size(), 4u);
  EXPECT_EQ(spec->b, "xy");
  EXPECT_EQ(spec->out, spec->a.substr(0, 3) + "y");
}

TEST(ParseEinsum, RefusesWhatItDoesNotKnow) {
  for (const char* equation : {"", "ab", "ab,bc", "ab->ba", "ab,bc,cd->ad", "aa,ab->b", "a1,1b->ab",
                               "->,", "ab,bc->ax", "...a...,ab->b"})
    EXPECT_FALSE(ParseEinsum(equation, 2, 2).ok()) << equation;
  EXPECT_FALSE(ParseEinsum("abc,cd->abd", 2, 2).ok());
  EXPECT_FALSE(ParseEinsum("abcdef,ghijkl->abcdefghijkl", 6, 6).ok());
}

// The shape of the result and the number of nodes that it took.
void ExpectResult(const char* equation, const Shape& a, const Shape& b, const Shape& expected,
                  size_t nodes) {
  SCOPED_TRACE(equation);
  ir::GraphBuilder builder("test");
  const int32_t x = builder.AddInput("a", DType::kFloat32, a);
  const int32_t y = builder.AddInput("b", DType::kFloat32, b);
  const auto spec = ParseEinsum(equation, a.rank(), b.rank());
  ASSERT_TRUE(spec.ok()) << spec.status().message();
  ir::Emitter e(builder);
  const int32_t result = Einsum(e, *spec, x, y);
  ASSERT_TRUE(e.ok()) << e.status().message();
  EXPECT_EQ(builder.shape(result), expected);
  EXPECT_EQ(builder.num_nodes(), nodes);
}

TEST(Einsum, TakesMatricesAsTheyStand) {
  ExpectResult("bik,bkj->bij", {2, 3, 4}, {2, 4, 5}, {2, 3, 5}, 1);
  ExpectResult("bik,bjk->bij", {2, 3, 4}, {2, 5, 4}, {2, 3, 5}, 1);
  ExpectResult("bki,bkj->bij", {2, 4, 3}, {2, 4, 5}, {2, 3, 5}, 1);
}

TEST(Einsum, MovesAndJoinsDimensions) {
  ExpectResult("bihk,bjhk->bhij", {2, 3, 7, 4}, {2, 5, 7, 4}, {2, 7, 3, 5}, 3);
  ExpectResult("bik,bk->bi", {2, 3, 4}, {2, 4}, {2, 3}, 3);
  ExpectResult("abxy,abyz->abxz", {2, 3, 4, 5}, {2, 3, 5, 6}, {2, 3, 4, 6}, 1);
  ExpectResult("ab,cd->abcd", {2, 3}, {4, 5}, {2, 3, 4, 5}, 4);
  ExpectResult("abc,cd->d", {2, 3, 4}, {4, 5}, {5}, 4);
}

TEST(Einsum, LeavesTheBatchOpen) {
  ExpectResult("bik,bjk->bij", {kUnknownDim, 3, 4}, {kUnknownDim, 5, 4}, {kUnknownDim, 3, 5}, 1);
}

}  // namespace
}  // namespace edgeml::keras
