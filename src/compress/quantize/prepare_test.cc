#include "src/compress/quantize/prepare.h"

#include "src/compress/quantize/quantize_test.h"
#include "src/convert/evaluator.h"

namespace edgeml::quantize {
namespace {

class PrepareTest : public QuantizeTest {
 protected:
  convert::ReferenceEvaluator evaluator_{size_t{1} << 30};
};

TEST_F(PrepareTest, SquaresAndNegativesBecomeProducts) {
  const int32_t x = Input({3, 5});
  const int32_t square = Op(OpCode::kSquare, {x});
  Finish({square, Op(OpCode::kNeg, {Op(OpCode::kSin, {x})})});
  const auto wanted = Run(module);
  auto prepared = Prepare(module, evaluator_);
  ASSERT_TRUE(prepared.ok()) << prepared.status().message();
  EXPECT_EQ(Count(prepared->module, OpCode::kMul), 2u);
  EXPECT_EQ(Count(prepared->module, OpCode::kSquare) + Count(prepared->module, OpCode::kNeg), 0u);
  EXPECT_EQ(Run(prepared->module), wanted);
}

// Integers have no product of another scale.
TEST_F(PrepareTest, NegativesOfIntegersStay) {
  const int32_t x = Input({4}, DType::kInt32);
  Finish({Op(OpCode::kNeg, {x}, {}, DType::kInt32)});
  auto prepared = Prepare(module, evaluator_);
  ASSERT_TRUE(prepared.ok()) << prepared.status().message();
  EXPECT_EQ(Count(prepared->module, OpCode::kNeg), 1u);
}

}  // namespace
}  // namespace edgeml::quantize
