// What the shape rules of scatters, segments and lookups refuse.
#include <gtest/gtest.h>

#include <limits>
#include <utility>
#include <vector>

#include "src/ir/op_def.h"

namespace edgeml::ir {
namespace {

constexpr int32_t kHigh = std::numeric_limits<int32_t>::max();

TensorView Tensor(Shape shape, DType type = DType::kInt32) {
  TensorView view;
  view.type = type;
  view.shape = shape;
  return view;
}
TensorView Values(std::vector<int32_t>& values) {
  TensorView view = Tensor({static_cast<int32_t>(values.size())});
  view.data = values.data();
  return view;
}

// Runs the shape rule; the first output's shape, or the error.
Result<Shape> Infer(OpCode op, Attributes attributes, std::vector<TensorView> inputs,
                    DType output_type = DType::kInt32) {
  Node node;
  node.op = op;
  node.attributes = std::move(attributes);
  std::vector<TensorView> outputs(static_cast<size_t>(DefOf(op).min_outputs),
                                  Tensor({}, output_type));
  InferContext context{.node = &node, .inputs = inputs, .outputs = outputs};
  EDGEML_RETURN_IF_ERROR(InferShapes(context));
  if (context.needs_values) return Status(Code::kFailed, "needs values");
  return outputs.empty() ? Shape{} : outputs[0].shape;
}

Code CodeOf(const Result<Shape>& result) { return result.status().code(); }

TEST(ScatterRules, Bitcast) {
  const auto infer = [](Shape shape, DType from, DType to) {
    return Infer(OpCode::kBitcast, {}, {Tensor(shape, from)}, to);
  };
  EXPECT_EQ(*infer({3, 2}, DType::kInt32, DType::kInt64), (Shape{3}));
  EXPECT_EQ(*infer({3}, DType::kComplex64, DType::kInt16), (Shape{3, 4}));
  EXPECT_EQ(CodeOf(infer({2, 3}, DType::kInt32, DType::kInt64)), Code::kInvalidModel);
  EXPECT_EQ(CodeOf(infer({}, DType::kInt8, DType::kInt16)), Code::kInvalidModel);
  EXPECT_EQ(CodeOf(infer({1, 1, 1, 1, 1, 1, 1, 1}, DType::kInt32, DType::kInt8)),
            Code::kUnsupported);
  EXPECT_EQ(CodeOf(infer({2}, DType::kInt4, DType::kInt8)), Code::kUnsupported);
  EXPECT_EQ(CodeOf(infer({2}, DType::kInt8, DType::kString)), Code::kUnsupported);
}

TEST(ScatterRules, Bucketize) {
  EXPECT_TRUE(
      Infer(OpCode::kBucketize, BucketizeAttrs{.boundaries = {1, 1, 2}}, {Tensor({2})}).ok());
  EXPECT_FALSE(Infer(OpCode::kBucketize, BucketizeAttrs{.boundaries = {2, 1}}, {Tensor({2})}).ok());
}

TEST(ScatterRules, Diagonals) {
  EXPECT_EQ(*Infer(OpCode::kMatrixDiag, {}, {Tensor({2, 3})}), (Shape{2, 3, 3}));
  EXPECT_FALSE(Infer(OpCode::kMatrixDiag, {}, {Tensor({})}).ok());
  EXPECT_FALSE(Infer(OpCode::kMatrixDiag, {}, {Tensor({1, 1, 1, 1, 1, 1, 1, 1})}).ok());
  EXPECT_TRUE(Infer(OpCode::kMatrixSetDiag, {}, {Tensor({2, 3, 4}), Tensor({2, 3})}).ok());
  EXPECT_FALSE(Infer(OpCode::kMatrixSetDiag, {}, {Tensor({2, 3, 4}), Tensor({5})}).ok());
  EXPECT_FALSE(Infer(OpCode::kMatrixSetDiag, {}, {Tensor({3}), Tensor({3})}).ok());
}

TEST(ScatterRules, ReverseSequence) {
  const auto infer = [](int32_t seq, int32_t batch, Shape lengths) {
    return Infer(OpCode::kReverseSequence, ReverseSequenceAttrs{.seq_dim = seq, .batch_dim = batch},
                 {Tensor({2, 3}), Tensor(lengths)});
  };
  EXPECT_TRUE(infer(0, 1, {3}).ok());
  EXPECT_FALSE(infer(0, 1, {2}).ok());
  EXPECT_FALSE(infer(0, 1, {3, 1}).ok());
  EXPECT_FALSE(infer(1, 1, {3}).ok());
  EXPECT_FALSE(infer(-1, 0, {2}).ok());
  EXPECT_FALSE(infer(0, 2, {3}).ok());
  EXPECT_FALSE(infer(std::numeric_limits<int32_t>::min(), 0, {2}).ok());
}

TEST(ScatterRules, ScatterNd) {
  const auto infer = [](Shape indices, Shape updates, std::vector<int32_t> shape) {
    return Infer(OpCode::kScatterNd, {}, {Tensor(indices), Tensor(updates), Values(shape)});
  };
  EXPECT_EQ(*infer({5, 2}, {5, 4}, {2, 3, 4}), (Shape{2, 3, 4}));
  EXPECT_FALSE(infer({5, 2}, {5, 3}, {2, 3, 4}).ok());
  EXPECT_FALSE(infer({5, 2}, {4, 4}, {2, 3, 4}).ok());
  EXPECT_FALSE(infer({5, 2}, {5}, {2, 3, 4}).ok());
  EXPECT_FALSE(infer({5, 4}, {5}, {2, 3, 4}).ok());
  EXPECT_FALSE(infer({5, kHigh}, {5}, {2}).ok());
  EXPECT_FALSE(infer({}, {1}, {2}).ok());
  EXPECT_FALSE(infer({5, 1}, {5}, {-2}).ok());
  EXPECT_EQ(CodeOf(infer({5, 1}, {5}, std::vector<int32_t>(9, 1))), Code::kUnsupported);
}

TEST(ScatterRules, SparseToDense) {
  const auto infer = [](Shape indices, std::vector<int32_t> shape, Shape values, Shape fill = {}) {
    return Infer(OpCode::kSparseToDense, SparseToDenseAttrs{},
                 {Tensor(indices), Values(shape), Tensor(values), Tensor(fill)});
  };
  EXPECT_EQ(*infer({5, 2}, {7, 8}, {5}), (Shape{7, 8}));
  EXPECT_EQ(*infer({}, {7}, {}), (Shape{7}));
  EXPECT_FALSE(infer({5, 2}, {7, 8}, {4}).ok());
  EXPECT_FALSE(infer({5, 2}, {7}, {5}).ok());
  EXPECT_FALSE(infer({5}, {7, 8}, {5}).ok());
  EXPECT_FALSE(infer({5, 2, 1}, {7, 8}, {5}).ok());
  EXPECT_FALSE(infer({5, 2}, {7, -8}, {5}).ok());
  EXPECT_FALSE(infer({5, 2}, {7, 8}, {5}, {2}).ok());
}

TEST(SegmentRules, RefuseIdsOutOfOrder) {
  const auto infer = [](std::vector<int32_t> ids, Shape data) {
    return Infer(OpCode::kSegmentSum, {}, {Tensor(data), Values(ids)});
  };
  EXPECT_EQ(*infer({0, 0, 1}, {3, 2}), (Shape{2, 2}));
  EXPECT_EQ(*infer({}, {0, 2}), (Shape{0, 2}));
  EXPECT_FALSE(infer({-1, 0, 1}, {3, 2}).ok());
  EXPECT_FALSE(infer({1, 1, 1}, {3, 2}).ok());
  EXPECT_FALSE(infer({0, 2, 2}, {3, 2}).ok());
  EXPECT_FALSE(infer({0, 1, 0}, {3, 2}).ok());
  EXPECT_FALSE(infer({0, kHigh, 0}, {3, 2}).ok());
  EXPECT_FALSE(infer({0, 0}, {3, 2}).ok());
}

TEST(SegmentRules, RefuseUnsortedSegmentsThatDoNotFit) {
  const auto infer = [](Shape data, Shape ids, std::vector<int32_t> segments) {
    return Infer(OpCode::kUnsortedSegmentMax, {}, {Tensor(data), Tensor(ids), Values(segments)});
  };
  EXPECT_EQ(*infer({3, 2, 4}, {3, 2}, {kHigh}), (Shape{kHigh, 4}));
  EXPECT_FALSE(infer({3, 2}, {2}, {4}).ok());
  EXPECT_FALSE(infer({3}, {3, 1}, {4}).ok());
  EXPECT_FALSE(infer({3}, {3}, {-1}).ok());
  EXPECT_FALSE(infer({3}, {3}, {1, 2}).ok());
  EXPECT_FALSE(infer({1, 1, 1, 1, 1, 1, 1, 1}, {}, {1}).ok());
}

TEST(LookupRules, EmbeddingLookupSparse) {
  const auto infer = [](Shape indices, std::vector<int32_t> dense, Shape table) {
    return Infer(OpCode::kEmbeddingLookupSparse, CombinerAttrs{},
                 {Tensor({5}), Tensor(indices), Values(dense), Tensor({5}), Tensor(table)});
  };
  EXPECT_EQ(*infer({5, 3}, {2, 3, 4}, {9, 6, 7}), (Shape{2, 3, 6, 7}));
  EXPECT_FALSE(infer({5, 0}, {}, {9, 6}).ok());
  EXPECT_FALSE(infer({4, 3}, {2, 3, 4}, {9, 6}).ok());
  EXPECT_FALSE(infer({5, 2}, {2, 3, 4}, {9, 6}).ok());
  EXPECT_FALSE(infer({5, 3}, {2, -3, 4}, {9, 6}).ok());
  EXPECT_FALSE(infer({5, 3}, {2, 3, 4}, {9}).ok());
  EXPECT_EQ(CodeOf(infer({5, 9}, std::vector<int32_t>(9, 1), {9, 6})), Code::kUnsupported);
  EXPECT_EQ(CodeOf(Infer(
                OpCode::kEmbeddingLookupSparse, CombinerAttrs{},
                {Tensor({5}), Tensor({5, kHigh}), Tensor({kHigh}), Tensor({5}), Tensor({9, 6})})),
            Code::kFailed);  // needs values
}

TEST(LookupRules, Tables) {
  EXPECT_FALSE(Infer(OpCode::kHashtableFind, {}, {Tensor({2}), Tensor({1}), Tensor({1})}).ok());
  EXPECT_FALSE(Infer(OpCode::kHashtableFind, {}, {Tensor({1}), Tensor({1}), Tensor({0})}).ok());
  EXPECT_FALSE(Infer(OpCode::kHashtableImport, {}, {Tensor({1}), Tensor({3}), Tensor({2})}).ok());
  EXPECT_FALSE(Infer(OpCode::kHashtableSize, {}, {Tensor({0})}).ok());
  const auto lookup = [](Shape asked, Shape keys, Shape values) {
    return Infer(OpCode::kHashtableLookup, {}, {Tensor(asked), Tensor(keys), Tensor(values)});
  };
  EXPECT_EQ(*lookup({4}, {3}, {3, 2}), (Shape{4, 2}));
  EXPECT_FALSE(lookup({4}, {3}, {2, 2}).ok());
  EXPECT_FALSE(lookup({4}, {0}, {0, 2}).ok());
  EXPECT_FALSE(lookup({4, 1}, {3}, {3, 2}).ok());
  EXPECT_FALSE(lookup({4}, {3}, {}).ok());
}

TEST(LookupRules, LshProjection) {
  const auto infer = [](LshProjection type, Shape hash, Shape input, Shape weights) {
    return Infer(OpCode::kLshProjection, LshProjectionAttrs{.type = type},
                 {Tensor(hash), Tensor(input), Tensor(weights)});
  };
  EXPECT_EQ(*infer(LshProjection::kSparse, {3, 32}, {5, 2}, {5}), (Shape{3}));
  EXPECT_EQ(*infer(LshProjection::kDense, {3, 4}, {5, 2}, {5}), (Shape{12}));
  EXPECT_FALSE(infer(LshProjection::kUnknown, {3, 4}, {5}, {5}).ok());
  EXPECT_FALSE(infer(LshProjection::kSparse, {3, 33}, {5}, {5}).ok());
  EXPECT_FALSE(infer(LshProjection::kSparse, {3}, {5}, {5}).ok());
  EXPECT_FALSE(infer(LshProjection::kSparse, {3, 4}, {0}, {0}).ok());
  EXPECT_FALSE(infer(LshProjection::kSparse, {3, 4}, {}, {1}).ok());
  EXPECT_FALSE(infer(LshProjection::kSparse, {3, 4}, {5}, {4}).ok());
  EXPECT_FALSE(infer(LshProjection::kDense, {kHigh, 32}, {5}, {5}).ok());
}

}  // namespace
}  // namespace edgeml::ir
