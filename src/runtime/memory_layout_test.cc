#include "src/runtime/memory_layout.h"

#include <gtest/gtest.h>

namespace edgeml::runtime {
namespace {

LayoutTensor Tensor(size_t bytes, int first, int last) {
  LayoutTensor tensor;
  tensor.bytes = bytes;
  tensor.first = first;
  tensor.last = last;
  tensor.planned = true;
  return tensor;
}

// x -> relu -> y -> reshape -> z; all 1000 bytes.
TEST(PlanLayout, InPlaceAndAliasNeedOneBlock) {
  LayoutRequest request;
  request.tensors = {Tensor(1000, 0, 1), Tensor(1000, 1, 2), Tensor(1000, 2, 3)};
  request.node_inputs = {{}, {0}, {1}, {2}};
  request.wishes = {{SharingWish::Kind::kInPlace, 1, 0, 1, 0},
                    {SharingWish::Kind::kAlias, 2, 1, 2, 0}};
  const auto layout = PlanLayout(request);
  ASSERT_TRUE(layout.ok());
  EXPECT_EQ(layout->arena_bytes, 1024u);
  EXPECT_EQ(layout->lower_bound_bytes, 2048u);
  EXPECT_EQ(layout->tensor_offset[0], layout->tensor_offset[2]);
  EXPECT_TRUE(layout->shares[1]);
}

TEST(PlanLayout, NeverOverwritesWhatIsReadLater) {
  LayoutRequest request;
  // Tensor 0 is read again at node 3, after node 1 wanted to overwrite it.
  request.tensors = {Tensor(64, 0, 3), Tensor(64, 1, 2)};
  request.node_inputs = {{}, {0}, {1}, {0}};
  request.wishes = {{SharingWish::Kind::kInPlace, 1, 0, 1, 0}};
  const auto layout = PlanLayout(request);
  ASSERT_TRUE(layout.ok());
  EXPECT_NE(layout->tensor_offset[0], layout->tensor_offset[1]);
}

TEST(PlanLayout, NeverOverwritesAnAliasThatIsReadLater) {
  LayoutRequest request;
  // 1 aliases 0; 2 wants to overwrite 1 while 0 is still to be read.
  request.tensors = {Tensor(64, 0, 4), Tensor(64, 1, 2), Tensor(64, 2, 3)};
  request.node_inputs = {{}, {0}, {1}, {2}, {0}};
  request.wishes = {{SharingWish::Kind::kAlias, 1, 0, 1, 0},
                    {SharingWish::Kind::kInPlace, 2, 1, 2, 0}};
  const auto layout = PlanLayout(request);
  ASSERT_TRUE(layout.ok());
  EXPECT_EQ(layout->tensor_offset[0], layout->tensor_offset[1]);
  EXPECT_NE(layout->tensor_offset[1], layout->tensor_offset[2]);
}

TEST(PlanLayout, NeverOverwritesAPartThatTheSameNodeReads) {
  LayoutRequest request;
  // 1 is a part of 0; node 2 reads both and wants to overwrite 0.
  request.tensors = {Tensor(128, 0, 2), Tensor(64, 1, 2), Tensor(128, 2, 3)};
  request.node_inputs = {{}, {0}, {0, 1}, {2}};
  request.wishes = {{SharingWish::Kind::kOutputInInput, 1, 0, 1, 64},
                    {SharingWish::Kind::kInPlace, 2, 0, 2, 0}};
  const auto layout = PlanLayout(request);
  ASSERT_TRUE(layout.ok());
  EXPECT_EQ(layout->tensor_offset[1], layout->tensor_offset[0] + 64);
  EXPECT_NE(layout->tensor_offset[0], layout->tensor_offset[2]);
}

TEST(PlanLayout, PartsAreMadeInTheirWhole) {
  LayoutRequest request;
  request.tensors = {Tensor(128, 0, 2), Tensor(64, 1, 2), Tensor(192, 2, 3)};
  request.node_inputs = {{}, {}, {0, 1}, {2}};
  request.wishes = {{SharingWish::Kind::kInputInOutput, 2, 0, 2, 0},
                    {SharingWish::Kind::kInputInOutput, 2, 1, 2, 128}};
  const auto layout = PlanLayout(request);
  ASSERT_TRUE(layout.ok());
  EXPECT_EQ(layout->arena_bytes, 192u);
  EXPECT_EQ(layout->tensor_offset[0], layout->tensor_offset[2]);
  EXPECT_EQ(layout->tensor_offset[1], layout->tensor_offset[2] + 128);
}

TEST(PlanLayout, WhatSharesMemoryWithAPartStaysOutOfOtherParts) {
  LayoutRequest request;
  // 2 is the end of 1 and becomes 3; 4 joins 0 and 3. As large as 1, it has room for it, but 0 is
  // in its beginning while 1 is written.
  request.tensors = {Tensor(32, 0, 4), Tensor(48, 1, 2), Tensor(16, 2, 3), Tensor(16, 3, 4),
                     Tensor(48, 4, 5)};
  request.node_inputs = {{}, {}, {1}, {2}, {0, 3}, {4}};
  request.wishes = {{SharingWish::Kind::kOutputInInput, 2, 1, 2, 32},
                    {SharingWish::Kind::kInPlace, 3, 2, 3, 0},
                    {SharingWish::Kind::kInputInOutput, 4, 0, 4, 0},
                    {SharingWish::Kind::kInputInOutput, 4, 3, 4, 32}};
  const auto layout = PlanLayout(request);
  ASSERT_TRUE(layout.ok());
  const size_t a = layout->tensor_offset[0], b = layout->tensor_offset[1];
  EXPECT_TRUE(a + 32 <= b || b + 48 <= a) << a << " and " << b;
}

TEST(PlanLayout, KeepsTheWholeApartWhenItWouldLiveTooLong) {
  LayoutRequest request;
  // The skip connection 0 lives from 0 to 3; a large tensor 1 is alive in between.
  request.tensors = {Tensor(64, 0, 3), Tensor(6400, 1, 2), Tensor(6400, 3, 4)};
  request.node_inputs = {{}, {}, {1}, {0}, {2}};
  request.wishes = {{SharingWish::Kind::kInputInOutput, 3, 0, 2, 0}};
  const auto layout = PlanLayout(request);
  ASSERT_TRUE(layout.ok());
  EXPECT_EQ(layout->arena_bytes, 6464u);
}

TEST(PlanLayout, InputsAndOutputsOfTheGraphStayApart) {
  LayoutRequest request;
  request.tensors = {Tensor(64, 0, 1), Tensor(64, 0, 1)};
  request.tensors[0].is_graph_input = true;
  request.tensors[1].is_graph_output = true;
  request.node_inputs = {{0}};
  request.wishes = {{SharingWish::Kind::kAlias, 0, 0, 1, 0}};
  const auto layout = PlanLayout(request);
  ASSERT_TRUE(layout.ok());
  EXPECT_NE(layout->tensor_offset[0], layout->tensor_offset[1]);
}

}  // namespace
}  // namespace edgeml::runtime
