// Every operator of the conventions as integers beside the same as floats.
#include "src/compress/quantize/integer.h"

#include <functional>

#include "src/compress/quantize/quantize_test.h"

namespace edgeml::quantize {
namespace {

class Maker;
using Make = std::function<std::vector<int32_t>(Maker&)>;

// The fixture's tools in the hands of a case.
class Maker {
 public:
  std::function<int32_t(Shape)> input;
  std::function<int32_t(Shape, float, float)> weights;
  std::function<int32_t(OpCode, std::vector<int32_t>, ir::Attributes, DType)> op_;
  ir::GraphBuilder* b = nullptr;
  int32_t op(OpCode code, std::vector<int32_t> inputs, ir::Attributes attributes = {},
             DType type = DType::kInvalid) {
    return op_(code, std::move(inputs), std::move(attributes), type);
  }
};

struct Case {
  const char* name;
  Make make;
  bool int16 = true;
  float low = -2.0f, high = 3.0f;
  double least_db = 30;    // int8
  double least_db16 = 65;  // int16
};

Make Unary(OpCode op, ir::Attributes attributes = {}) {
  return [=](Maker& m) -> std::vector<int32_t> {
    return {m.op(op, {m.input({1, 6, 5, 4})}, attributes)};
  };
}
Make Binary(OpCode op, ir::Attributes attributes = {}) {
  return [=](Maker& m) -> std::vector<int32_t> {
    return {m.op(op, {m.input({1, 6, 5, 4}), m.input({5, 1})}, attributes)};
  };
}
Make Reduce(OpCode op) {
  return [=](Maker& m) -> std::vector<int32_t> {
    return {m.op(op, {m.input({1, 6, 5, 4}), m.b->AddInts({1, 2})}, ir::ReduceAttrs{true})};
  };
}
Make WithInts(OpCode op, std::vector<std::vector<int32_t>> ints, ir::Attributes attributes = {},
              Shape shape = {2, 6, 4, 4}) {
  return [=](Maker& m) -> std::vector<int32_t> {
    std::vector<int32_t> inputs = {m.input(shape)};
    for (const auto& values : ints) inputs.push_back(m.b->AddInts(values));
    return {m.op(op, inputs, attributes)};
  };
}
Make Arg(OpCode op) {
  return [=](Maker& m) -> std::vector<int32_t> {
    return {m.op(op, {m.input({4, 9}), m.b->AddInt(1)},
                 ir::TypeAttrs{DType::kInvalid, DType::kInt32}, DType::kInt32)};
  };
}
Make Compare(OpCode op) {
  return [=](Maker& m) -> std::vector<int32_t> {
    const int32_t x = m.input({1, 40});
    return {m.op(op, {x, m.op(OpCode::kMul, {x, x}, ir::BinaryAttrs{})}, {}, DType::kBool)};
  };
}

int32_t Pads(Maker& m, const std::vector<int32_t>& pads) {
  const Shape shape{static_cast<int32_t>(pads.size() / 2), 2};
  return m.b->AddConstant("pads", shape, std::span<const int32_t>(pads));
}
Make Padding(OpCode op, ir::Attributes attributes) {
  return [=](Maker& m) -> std::vector<int32_t> {
    return {m.op(op, {m.input({1, 6, 5, 2}), Pads(m, {0, 0, 2, 1, 1, 0, 0, 0})}, attributes)};
  };
}
int32_t Flags(Maker& m) {
  const uint8_t flags[] = {1, 0, 0, 1};
  const auto bytes = std::as_bytes(std::span(flags));
  return m.b->AddConstant("flags", DType::kBool, {1, 4},
                          ir::ConstantData::Own({bytes.begin(), bytes.end()}));
}
std::vector<int32_t> Several(Maker& m, OpCode op, std::vector<int32_t> inputs,
                             ir::Attributes attributes, size_t count) {
  auto made = m.b->Add(op, std::move(inputs), std::move(attributes),
                       std::vector<ir::GraphBuilder::Output>(count));
  EXPECT_TRUE(made.ok()) << made.status().message();
  return made.ok() ? *made : std::vector<int32_t>{};
}

// With int16 activations weights of 8 bits are what is inexact.
constexpr double kWeights = 45;

std::vector<Case> Cases() {
  ir::Window same, strided;
  strided.stride_h = strided.stride_w = 2;
  strided.padding = ir::Padding::kValid;
  ir::PoolAttrs pool;
  pool.window = strided;
  pool.filter_h = pool.filter_w = 2;
  const ir::Activation relu = ir::Activation::kRelu;
  return {
      {"CONV_2D",
       [=](Maker& m) -> std::vector<int32_t> {
         return {
             m.op(OpCode::kConv2D,
                  {m.input({1, 7, 6, 5}), m.weights({8, 3, 3, 5}, -1, 1), m.weights({8}, -9, 9)},
                  ir::ConvAttrs{same, relu})};
       },
       true, -2, 3, 30, kWeights},
      {"DEPTHWISE_CONV_2D",
       [=](Maker& m) -> std::vector<int32_t> {
         return {
             m.op(OpCode::kDepthwiseConv2D,
                  {m.input({1, 7, 6, 5}), m.weights({1, 3, 3, 10}, -1, 1), m.weights({10}, -1, 1)},
                  ir::DepthwiseConvAttrs{strided, 2, ir::Activation::kRelu6})};
       },
       true, -2, 3, 30, kWeights},
      {"FULLY_CONNECTED",
       [=](Maker& m) -> std::vector<int32_t> {
         return {m.op(OpCode::kFullyConnected,
                      {m.input({3, 20}), m.weights({7, 20}, -1, 1), m.weights({7}, -1, 1)},
                      ir::FullyConnectedAttrs{})};
       },
       true, -2, 3, 30, kWeights},
      {"TRANSPOSE_CONV",
       [=](Maker& m) -> std::vector<int32_t> {
         return {m.op(OpCode::kTransposeConv,
                      {m.b->AddInts({1, 11, 9, 4}), m.weights({4, 3, 3, 5}, -1, 1),
                       m.input({1, 5, 4, 5}), m.weights({4}, -1, 1)},
                      ir::ConvAttrs{strided}, DType::kFloat32)};
       },
       true, -2, 3, 30, kWeights},
      {"ADD", Binary(OpCode::kAdd, ir::BinaryAttrs{relu})},
      {"SUB", Binary(OpCode::kSub, ir::BinaryAttrs{})},
      {"MUL", Binary(OpCode::kMul, ir::BinaryAttrs{})},
      {"SQUARED_DIFFERENCE", Binary(OpCode::kSquaredDifference), false},
      {"BATCH_MATMUL",
       [](Maker& m) -> std::vector<int32_t> {
         return {m.op(OpCode::kBatchMatMul, {m.input({2, 5, 8}), m.input({2, 8, 6})},
                      ir::BatchMatMulAttrs{})};
       }},
      {"MEAN", Reduce(OpCode::kMean), true, -1, 3},
      {"SUM", Reduce(OpCode::kSum), true, -1, 3},
      {"REDUCE_MAX", Reduce(OpCode::kReduceMax)},
      {"REDUCE_MIN", Reduce(OpCode::kReduceMin)},
      {"ABS", Unary(OpCode::kAbs)},
      {"RELU", Unary(OpCode::kRelu)},
      {"RELU6", Unary(OpCode::kRelu6)},
      {"RELU_N1_TO_1", Unary(OpCode::kReluN1To1), false},
      {"RELU_0_TO_1", Unary(OpCode::kRelu0To1), false},
      {"LEAKY_RELU", Unary(OpCode::kLeakyRelu, ir::LeakyReluAttrs{0.2f})},
      {"PRELU",
       [](Maker& m) -> std::vector<int32_t> {
         return {m.op(OpCode::kPrelu, {m.input({1, 6, 5, 4}), m.weights({1, 1, 4}, -1, 1)})};
       },
       true, -2, 3, 30, kWeights},
      {"ELU", Unary(OpCode::kElu), false},
      {"GELU", Unary(OpCode::kGelu, ir::GeluAttrs{})},
      {"HARD_SWISH", Unary(OpCode::kHardSwish), false},
      {"EXP", Unary(OpCode::kExp)},
      {"LOG", Unary(OpCode::kLog), true, 0.5f, 9, 30, 50},
      {"SQRT", Unary(OpCode::kSqrt), true, 0.1f, 9},
      {"RSQRT", Unary(OpCode::kRsqrt), true, 0.5f, 9, 28, 50},
      {"ARG_MAX", Arg(OpCode::kArgMax), false},
      {"ARG_MIN", Arg(OpCode::kArgMin), false},
      {"EQUAL",
       [](Maker& m) -> std::vector<int32_t> {
         const int32_t x = m.input({1, 40});
         return {m.op(OpCode::kEqual, {x, x}, {}, DType::kBool)};
       },
       false},
      {"NOT_EQUAL",
       [](Maker& m) -> std::vector<int32_t> {
         return {m.op(OpCode::kNotEqual, {m.input({1, 40}), m.b->AddFloat(-9)}, {}, DType::kBool)};
       },
       false},
      // Near ties come out either way.
      {"GREATER", Compare(OpCode::kGreater), false, -2, 3, 10},
      {"GREATER_EQUAL", Compare(OpCode::kGreaterEqual), false, -2, 3, 10},
      {"LESS", Compare(OpCode::kLess), false, -2, 3, 10},
      {"LESS_EQUAL", Compare(OpCode::kLessEqual), false, -2, 3, 10},
      {"SHAPE",
       [](Maker& m) -> std::vector<int32_t> {
         return {m.op(OpCode::kShape, {m.input({4, 9})},
                      ir::TypeAttrs{DType::kInvalid, DType::kInt32}, DType::kInt32)};
       }},
      {"RANK",
       [](Maker& m) -> std::vector<int32_t> {
         return {m.op(OpCode::kRank, {m.input({4, 9})}, {}, DType::kInt32)};
       }},
      {"AVERAGE_POOL_2D", Unary(OpCode::kAveragePool2D, pool)},
      {"MAX_POOL_2D", Unary(OpCode::kMaxPool2D, pool)},
      {"MAXIMUM", Binary(OpCode::kMaximum)},
      {"MINIMUM",
       [](Maker& m) -> std::vector<int32_t> {
         return {m.op(OpCode::kMinimum, {m.input({1, 30}), m.b->AddFloat(1.5f)})};
       }},
      {"CONCATENATION",
       [](Maker& m) -> std::vector<int32_t> {
         const int32_t x = m.input({1, 30});
         const int32_t sure = m.op(OpCode::kLogistic, {x});  // of a scale of its own
         return {
             m.op(OpCode::kConcatenation, {x, sure, m.weights({1, 5}, -4, 4)}, ir::ConcatAttrs{1})};
       }},
      {"PACK",
       [](Maker& m) -> std::vector<int32_t> {
         return {m.op(OpCode::kPack, {m.input({1, 30}), m.input({1, 30})}, ir::AxisAttrs{1, 2})};
       }},
      {"RESHAPE", WithInts(OpCode::kReshape, {{4, -1}}, ir::ReshapeAttrs{})},
      {"SQUEEZE", WithInts(OpCode::kSqueeze, {}, ir::SqueezeAttrs{}, {1, 6, 1, 4})},
      {"EXPAND_DIMS", WithInts(OpCode::kExpandDims, {{1}})},
      {"TRANSPOSE", WithInts(OpCode::kTranspose, {{0, 2, 3, 1}})},
      {"PAD", Padding(OpCode::kPad, {})},
      {"PADV2",
       [](Maker& m) -> std::vector<int32_t> {
         const int32_t x = m.input({1, 30});
         return {m.op(OpCode::kPadV2, {x, Pads(m, {0, 0, 2, 1}), m.b->AddFloat(1.25f)})};
       },
       true, -2, 3, 30, 60},
      {"MIRROR_PAD", Padding(OpCode::kMirrorPad, ir::MirrorPadAttrs{})},
      {"REVERSE_V2", WithInts(OpCode::kReverseV2, {{1}})},
      {"SLICE", WithInts(OpCode::kSlice, {{0, 1, 0, 2}, {2, 3, 4, 2}})},
      {"STRIDED_SLICE", WithInts(OpCode::kStridedSlice, {{0, 1, 0, 0}, {2, 6, 4, 4}, {1, 2, 1, 1}},
                                 ir::StridedSliceAttrs{})},
      {"GATHER", WithInts(OpCode::kGather, {{1, 0, 1}}, ir::GatherAttrs{})},
      {"GATHER_ND",
       [](Maker& m) -> std::vector<int32_t> {
         const std::vector<int32_t> places = {1, 2, 0, 3};
         return {m.op(OpCode::kGatherNd,
                      {m.input({2, 6, 4}),
                       m.b->AddConstant("places", {2, 2}, std::span<const int32_t>(places))})};
       }},
      {"EMBEDDING_LOOKUP",
       [](Maker& m) -> std::vector<int32_t> {
         return {m.op(OpCode::kEmbeddingLookup, {m.b->AddInts({1, 0, 3}), m.input({4, 6})}, {},
                      DType::kFloat32)};
       }},
      {"DYNAMIC_UPDATE_SLICE",
       [](Maker& m) -> std::vector<int32_t> {
         return {m.op(OpCode::kDynamicUpdateSlice,
                      {m.input({4, 6}), m.input({2, 3}), m.b->AddInts({1, 2})})};
       }},
      {"SELECT",
       [](Maker& m) -> std::vector<int32_t> {
         return {m.op(OpCode::kSelect, {Flags(m), m.input({1, 4}), m.input({1, 4})}, {},
                      DType::kFloat32)};
       }},
      {"SELECT_V2",
       [](Maker& m) -> std::vector<int32_t> {
         return {m.op(OpCode::kSelectV2, {Flags(m), m.input({3, 4}), m.b->AddFloat(-4)}, {},
                      DType::kFloat32)};
       }},
      {"SPLIT",
       [](Maker& m) -> std::vector<int32_t> {
         return Several(m, OpCode::kSplit, {m.b->AddInt(1), m.input({2, 6})}, ir::SplitAttrs{2}, 2);
       }},
      {"SPLIT_V",
       [](Maker& m) -> std::vector<int32_t> {
         return Several(m, OpCode::kSplitV, {m.input({2, 6}), m.b->AddInts({4, 2}), m.b->AddInt(1)},
                        ir::SplitAttrs{2}, 2);
       }},
      {"UNPACK",
       [](Maker& m) -> std::vector<int32_t> {
         return Several(m, OpCode::kUnpack, {m.input({6, 2})}, ir::AxisAttrs{1, 2}, 2);
       }},
      {"TOPK_V2",
       [](Maker& m) -> std::vector<int32_t> {
         auto made =
             m.b->Add(OpCode::kTopKV2, {m.input({2, 9}), m.b->AddInt(3)}, {},
                      {{DType::kFloat32, "top", {}, {}}, {DType::kInt32, "places", {}, {}}});
         EXPECT_TRUE(made.ok()) << made.status().message();
         return {(*made)[0]};
       },
       true, -2, 3, 30, 60},
      {"SPACE_TO_BATCH_ND",
       [](Maker& m) -> std::vector<int32_t> {
         return {m.op(OpCode::kSpaceToBatchNd,
                      {m.input({1, 6, 4, 3}), m.b->AddInts({2, 2}), Pads(m, {0, 0, 2, 0})})};
       }},
      {"BATCH_TO_SPACE_ND",
       [](Maker& m) -> std::vector<int32_t> {
         return {m.op(OpCode::kBatchToSpaceNd,
                      {m.input({4, 3, 2, 3}), m.b->AddInts({2, 2}), Pads(m, {0, 0, 1, 0})})};
       }},
      {"TILE", WithInts(OpCode::kTile, {{1, 2, 1, 1}})},
      {"BROADCAST_TO", WithInts(OpCode::kBroadcastTo, {{2, 6, 4, 4}}, {}, {1, 6, 1, 4})},
      {"SPACE_TO_DEPTH", Unary(OpCode::kSpaceToDepth, ir::BlockAttrs{1}), false},
      {"DEPTH_TO_SPACE", Unary(OpCode::kDepthToSpace, ir::BlockAttrs{2}), false},
      {"RESIZE_BILINEAR", WithInts(OpCode::kResizeBilinear, {{9, 7}}, ir::ResizeAttrs{false, true}),
       true, -2, 3, 30, 50},
      {"RESIZE_NEAREST_NEIGHBOR",
       WithInts(OpCode::kResizeNearestNeighbor, {{9, 7}}, ir::ResizeAttrs{})},
      {"SOFTMAX", Unary(OpCode::kSoftmax, ir::SoftmaxAttrs{}), true, -2, 3, 30, 60},
      {"LOGISTIC", Unary(OpCode::kLogistic)},
      {"TANH", Unary(OpCode::kTanh)},
      {"LOG_SOFTMAX", Unary(OpCode::kLogSoftmax, {}), false},
      {"L2_NORMALIZATION", Unary(OpCode::kL2Normalization, ir::ActivationAttrs{}), false},
  };
}

class IntegerTest : public QuantizeTest {
 protected:
  std::vector<std::vector<double>> Wanted(const Case& one) {
    b = ir::GraphBuilder("main");
    low_ = one.low;
    high_ = one.high;
    Maker maker;
    maker.b = &b;
    maker.input = [this](const Shape& shape) { return Input(shape); };
    maker.weights = [this](const Shape& shape, float low, float high) {
      return Weights(shape, low, high);
    };
    maker.op_ = [this](OpCode op, std::vector<int32_t> inputs, ir::Attributes attributes,
                       DType type) {
      return Op(op, std::move(inputs), std::move(attributes), type);
    };
    Finish(one.make(maker));
    return Run(module);
  }
};

TEST_F(IntegerTest, EveryConventionHasACase) {
  const std::vector<Case> cases = Cases();
  for (const Convention& convention : Conventions()) {
    if (convention.cell) continue;  // cells_test.cc
    const auto it = std::ranges::find_if(
        cases, [&](const Case& one) { return one.name == ir::NameOf(convention.op); });
    ASSERT_NE(it, cases.end()) << ir::NameOf(convention.op);
    EXPECT_EQ(it->int16, convention.int16) << it->name;
  }
}

TEST_F(IntegerTest, EveryOperatorIsCloseToFloat) {
  for (const Case& one : Cases()) {
    for (const DType type : {DType::kInt8, DType::kInt16}) {
      if (type == DType::kInt16 && !one.int16) continue;
      SCOPED_TRACE(testing::Message() << one.name << " " << NameOf(type));
      const auto wanted = Wanted(one);
      for (const bool float_ends : {true, false}) {
        IntegerOptions options;
        options.activations = type;
        options.integer_only = true;
        if (!float_ends) options.input_type = options.output_type = type;
        auto quantized = QuantizeToIntegers(module, Calibrate(), options, nullptr);
        ASSERT_TRUE(quantized.ok()) << quantized.status().message();
        const auto found = Run(*quantized);
        ASSERT_EQ(found.size(), wanted.size());
        for (size_t i = 0; i < wanted.size(); ++i)
          EXPECT_GE(Sqnr(wanted[i], found[i]), type == DType::kInt8 ? one.least_db : one.least_db16)
              << ir::ToString(quantized->graphs[0]);
        if (!float_ends) {
          EXPECT_EQ(Count(*quantized, OpCode::kDequantize), 0u);
        }
      }
    }
  }
}

TEST_F(IntegerTest, WhatCannotBeIntegersStaysFloatOrIsNamed) {
  const int32_t x = Input({1, 8});
  const int32_t y = Op(OpCode::kFullyConnected, {x, Weights({8, 8})}, ir::FullyConnectedAttrs{});
  const int32_t sine = Op(OpCode::kSin, {y});
  const int32_t more = Op(OpCode::kAdd, {sine, b.AddFloat(1)}, ir::BinaryAttrs{});
  Finish({Op(OpCode::kFullyConnected, {more, Weights({4, 8})}, ir::FullyConnectedAttrs{})});
  const auto wanted = Run(module);
  std::vector<LayerReport> layers;
  auto mixed = QuantizeToIntegers(module, Calibrate(), {}, &layers);
  ASSERT_TRUE(mixed.ok()) << mixed.status().message();
  EXPECT_GE(Sqnr(wanted[0], Run(*mixed)[0]), 28);
  ASSERT_EQ(layers.size(), 4u);
  EXPECT_TRUE(layers[0].quantized && layers[3].quantized);
  EXPECT_EQ(layers[1].reason, "no quantized form");
  EXPECT_EQ(layers[2].reason, "between operators that stay float");
  EXPECT_EQ(Count(*mixed, OpCode::kQuantize), 2u);
  EXPECT_EQ(Count(*mixed, OpCode::kDequantize), 2u);
  IntegerOptions options;
  options.integer_only = true;
  const auto refused = QuantizeToIntegers(module, Calibrate(), options, nullptr);
  EXPECT_EQ(refused.status().code(), Code::kUnsupported);
  EXPECT_NE(refused.status().message().find("SIN (1x"), std::string::npos)
      << refused.status().message();
  options.integer_only = false;
  options.keep_float = {"FULLY_CONNECTED"};
  auto none = QuantizeToIntegers(module, Calibrate(), options, &layers);
  ASSERT_TRUE(none.ok());
  EXPECT_EQ(none->graphs[0].nodes.size(), 4u);
}

TEST_F(IntegerTest, BytesAtTheEnds) {
  const int32_t x = Input({1, 8});
  Finish({Op(OpCode::kFullyConnected, {x, Weights({8, 8})}, ir::FullyConnectedAttrs{})});
  const auto wanted = Run(module);
  IntegerOptions options;
  options.input_type = options.output_type = DType::kUInt8;
  auto quantized = QuantizeToIntegers(module, Calibrate(), options, nullptr);
  ASSERT_TRUE(quantized.ok()) << quantized.status().message();
  EXPECT_EQ(quantized->graphs[0].nodes.size(), 3u);
  EXPECT_GE(Sqnr(wanted[0], Run(*quantized)[0]), 30);
  options.input_type = DType::kInt16;
  EXPECT_EQ(QuantizeToIntegers(module, Calibrate(), options, nullptr).status().code(),
            Code::kInvalidArgument);
}

TEST_F(IntegerTest, FourBitsAndOne) {
  const int32_t x = Input({1, 9, 9, 16});
  Finish({Op(OpCode::kConv2D, {x, Weights({8, 3, 3, 16}), Weights({8})}, ir::ConvAttrs{})});
  const auto wanted = Run(module);
  double last = 60;
  for (const int bits : {8, 4, 1}) {
    IntegerOptions options;
    options.bits[0] = bits;
    auto quantized = QuantizeToIntegers(module, Calibrate(), options, nullptr);
    ASSERT_TRUE(quantized.ok()) << quantized.status().message();
    const double sqnr = Sqnr(wanted[0], Run(*quantized)[0]);
    EXPECT_LT(sqnr, last);
    EXPECT_GT(sqnr, bits == 8 ? 35 : bits == 4 ? 18 : 2) << bits;
    last = sqnr;
  }
}

// 0.5 fits a bias beside weights of zeros, and a large bias beside tiny weights.
TEST_F(IntegerTest, BiasesSurviveWeightsOfZeros) {
  const int32_t x = Input({1, 4});
  const std::vector<float> weights = {1, -1, 1, 1, 0, 0, 0, 0, 1e-9f, 0, 0, 0},
                           bias = {0.1f, 0.5f, 3};
  const int32_t w = b.AddConstant("w", {3, 4}, std::span<const float>(weights));
  const int32_t c = b.AddConstant("b", {3}, std::span<const float>(bias));
  Finish({Op(OpCode::kFullyConnected, {x, w, c}, ir::FullyConnectedAttrs{})});
  const auto wanted = Run(module);
  auto quantized = QuantizeToIntegers(module, Calibrate(), {}, nullptr);
  ASSERT_TRUE(quantized.ok());
  const auto found = Run(*quantized);
  for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(found[0][i], wanted[0][i], 0.06);
}

}  // namespace
}  // namespace edgeml::quantize
