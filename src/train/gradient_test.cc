// Gradients of small graphs against central differences of what the runtime computes.
#include "src/train/gradient.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <memory>
#include <ostream>
#include <random>
#include <string>

#include "src/backends/cpu/cpu_backend.h"
#include "src/backends/reference/reference_backend.h"
#include "src/ir/builder.h"
#include "src/train/optimizer.h"

namespace edgeml::train {
namespace {

using ir::Activation;
using ir::OpCode;

// A graph, ready to run. Everything that gradients are wanted of is an input of it.
class Runner {
 public:
  Runner(ir::GraphBuilder& b, std::vector<int32_t> outputs, bool preserve = true) {
    ir::Module module;
    module.graphs.push_back(b.Finish(std::move(outputs)));
    EXPECT_TRUE(ir::Verify(module).ok()) << ir::Verify(module).message();
    pool_ = ThreadPool::Create(2);
    context_.program = std::make_shared<const runtime::Program>(std::move(module));
    context_.backends = {&backends::CpuBackend(), &backends::ReferenceBackend()};
    context_.folding = &backends::ReferenceBackend();
    context_.pool = pool_;
    context_.memory_cap = size_t{1} << 28;
    context_.resources = std::make_shared<runtime::Resources>(context_.memory_cap);
    context_.preserve_all_tensors = preserve;
    executor_ = std::make_unique<runtime::GraphExecutor>(context_, 0, true);
    const Status prepared = executor_->Prepare();
    EXPECT_TRUE(prepared.ok()) << prepared.message();
  }
  const ir::Graph& graph() const { return executor_->graph(); }
  runtime::GraphExecutor& executor() { return *executor_; }
  ThreadPool& pool() { return *pool_; }
  std::span<float> input(size_t i) {
    return executor_->input(static_cast<int>(i)).mutable_elements<float>();
  }
  std::span<const float> output(size_t i) {
    return executor_->output(static_cast<int>(i)).elements<float>();
  }
  void Run() {
    const Status ran = executor_->Run();
    ASSERT_TRUE(ran.ok()) << ran.message();
  }

 private:
  runtime::ExecutionContext context_;
  std::shared_ptr<ThreadPool> pool_;
  std::unique_ptr<runtime::GraphExecutor> executor_;
};

struct Case {
  const char* name;
  // Adds inputs (all of which are differentiated) and nodes; returns the outputs.
  std::function<std::vector<int32_t>(ir::GraphBuilder&)> build;
  float low = -1, high = 1;  // of the inputs
  friend void PrintTo(const Case& self, std::ostream* to) { *to << self.name; }
};

int32_t In(ir::GraphBuilder& b, const Shape& shape) {
  return b.AddInput("x", DType::kFloat32, shape);
}
int32_t Add(ir::GraphBuilder& b, OpCode op, std::vector<int32_t> inputs,
            ir::Attributes attributes = {}) {
  auto made = b.Add(op, std::move(inputs), std::move(attributes));
  EXPECT_TRUE(made.ok()) << made.status().message();
  return made.ok() ? *made : 0;
}
ir::ConvAttrs Conv(int stride, ir::Padding padding, Activation activation = Activation::kNone) {
  ir::ConvAttrs attrs;
  attrs.window.padding = padding;
  attrs.window.stride_h = attrs.window.stride_w = stride;
  attrs.activation = activation;
  return attrs;
}
ir::PoolAttrs Pool(ir::Padding padding) {
  ir::PoolAttrs attrs;
  attrs.window.padding = padding;
  attrs.window.stride_h = 2;
  attrs.filter_h = 2;
  attrs.filter_w = 3;
  return attrs;
}
Case Unary(const char* name, OpCode op, ir::Attributes attributes = {}, float low = -1,
           float high = 1) {
  return {name,
          [=](ir::GraphBuilder& b) {
            return std::vector<int32_t>{Add(b, op, {In(b, {2, 3, 4})}, attributes)};
          },
          low, high};
}
Case Binary(const char* name, OpCode op, Activation activation = Activation::kNone) {
  return {name,
          [=](ir::GraphBuilder& b) {
            ir::BinaryAttrs attrs;
            attrs.activation = activation;
            const bool fuses = op == OpCode::kAdd || op == OpCode::kMul || op == OpCode::kDiv ||
                               op == OpCode::kSub;
            return std::vector<int32_t>{Add(b, op, {In(b, {2, 3, 4}), In(b, {3, 1})},
                                            fuses ? ir::Attributes(attrs) : ir::Attributes())};
          },
          op == OpCode::kDiv ? 0.5f : -1.5f, 1.5f};
}

std::vector<Case> Cases() {
  using ir::Padding;
  std::vector<Case> cases = {
      {"Convolution",
       [](ir::GraphBuilder& b) {
         return std::vector{Add(b, OpCode::kConv2D,
                                {In(b, {2, 5, 6, 3}), In(b, {4, 3, 2, 3}), In(b, {4})},
                                Conv(2, Padding::kSame))};
       }},
      {"GroupedConvolution",
       [](ir::GraphBuilder& b) {
         return std::vector{Add(b, OpCode::kConv2D,
                                {In(b, {1, 4, 5, 6}), In(b, {4, 2, 2, 3}), In(b, {4})},
                                Conv(1, Padding::kValid, Activation::kRelu6))};
       }},
      {"Depthwise",
       [](ir::GraphBuilder& b) {
         ir::DepthwiseConvAttrs attrs;
         attrs.activation = Activation::kReluN1To1;
         return std::vector{Add(b, OpCode::kDepthwiseConv2D,
                                {In(b, {2, 4, 5, 3}), In(b, {1, 3, 3, 3}), In(b, {3})}, attrs)};
       }},
      {"DepthwiseMultiplier",
       [](ir::GraphBuilder& b) {
         ir::DepthwiseConvAttrs attrs;
         attrs.depth_multiplier = 2;
         attrs.window.padding = Padding::kValid;
         attrs.window.dilation_h = 2;
         return std::vector{Add(b, OpCode::kDepthwiseConv2D,
                                {In(b, {1, 6, 5, 3}), In(b, {1, 2, 3, 6}), In(b, {6})}, attrs)};
       }},
      {"FullyConnected",
       [](ir::GraphBuilder& b) {
         ir::FullyConnectedAttrs attrs;
         attrs.activation = Activation::kRelu;
         return std::vector{
             Add(b, OpCode::kFullyConnected, {In(b, {3, 5}), In(b, {4, 5}), In(b, {4})}, attrs)};
       }},
      {"BatchMatMul",
       [](ir::GraphBuilder& b) {
         ir::BatchMatMulAttrs attrs;
         attrs.adj_y = true;
         return std::vector{
             Add(b, OpCode::kBatchMatMul, {In(b, {2, 3, 4}), In(b, {1, 5, 4})}, attrs)};
       }},
      Binary("Add", OpCode::kAdd, Activation::kRelu),
      Binary("Sub", OpCode::kSub),
      Binary("Mul", OpCode::kMul, Activation::kRelu6),
      Binary("Div", OpCode::kDiv),
      Binary("Maximum", OpCode::kMaximum),
      Binary("Minimum", OpCode::kMinimum),
      Binary("SquaredDifference", OpCode::kSquaredDifference),
      {"SameTwice",
       [](ir::GraphBuilder& b) {
         const int32_t x = In(b, {2, 3});
         return std::vector{Add(b, OpCode::kMul, {x, x}, ir::BinaryAttrs())};
       }},
      {"AddN",
       [](ir::GraphBuilder& b) {
         const int32_t x = In(b, {2, 3});
         return std::vector{Add(b, OpCode::kAddN, {x, In(b, {2, 3}), x})};
       }},
      Unary("Relu", OpCode::kRelu),
      Unary("Relu6", OpCode::kRelu6, {}, -3, 9),
      Unary("ReluN1To1", OpCode::kReluN1To1, {}, -3, 3),
      Unary("Relu0To1", OpCode::kRelu0To1, {}, -3, 3),
      Unary("Logistic", OpCode::kLogistic),
      Unary("Tanh", OpCode::kTanh),
      Unary("HardSwish", OpCode::kHardSwish, {}, -4, 4),
      Unary("LeakyRelu", OpCode::kLeakyRelu, ir::LeakyReluAttrs{0.2f}),
      Unary("Elu", OpCode::kElu),
      Unary("Gelu", OpCode::kGelu, ir::GeluAttrs{false}),
      Unary("GeluApproximate", OpCode::kGelu, ir::GeluAttrs{true}),
      Unary("Abs", OpCode::kAbs),
      Unary("Cos", OpCode::kCos),
      Unary("Exp", OpCode::kExp),
      Unary("Log", OpCode::kLog, {}, 0.5f, 2),
      Unary("Neg", OpCode::kNeg),
      Unary("Rsqrt", OpCode::kRsqrt, {}, 0.5f, 2),
      Unary("Sin", OpCode::kSin),
      Unary("Sqrt", OpCode::kSqrt, {}, 0.5f, 2),
      Unary("Square", OpCode::kSquare),
      Unary("Softmax", OpCode::kSoftmax, ir::SoftmaxAttrs{1.5f}),
      Unary("LogSoftmax", OpCode::kLogSoftmax),
      {"AveragePool",
       [](ir::GraphBuilder& b) {
         return std::vector{
             Add(b, OpCode::kAveragePool2D, {In(b, {2, 5, 4, 3})}, Pool(Padding::kSame))};
       }},
      {"MaxPool",
       [](ir::GraphBuilder& b) {
         return std::vector{
             Add(b, OpCode::kMaxPool2D, {In(b, {2, 5, 4, 3})}, Pool(Padding::kValid))};
       }},
      {"Mean",
       [](ir::GraphBuilder& b) {
         return std::vector{Add(b, OpCode::kMean, {In(b, {2, 3, 4, 2}), b.AddInts({1, -2})},
                                ir::ReduceAttrs{true})};
       }},
      {"Sum",
       [](ir::GraphBuilder& b) {
         return std::vector{
             Add(b, OpCode::kSum, {In(b, {2, 3, 4}), b.AddInts({0})}, ir::ReduceAttrs{false})};
       }},
      {"Reshape",
       [](ir::GraphBuilder& b) {
         return std::vector{
             Add(b, OpCode::kReshape, {In(b, {2, 6}), b.AddInts({3, 4})}, ir::ReshapeAttrs())};
       }},
      {"Transpose",
       [](ir::GraphBuilder& b) {
         return std::vector{Add(b, OpCode::kTranspose, {In(b, {2, 3, 4}), b.AddInts({2, 0, 1})})};
       }},
      {"Pad",
       [](ir::GraphBuilder& b) {
         const std::vector<int32_t> pads = {1, 0, 0, 2};
         const auto amounts = b.AddConstant("pads", Shape{2, 2}, std::span<const int32_t>(pads));
         return std::vector{Add(b, OpCode::kPad, {In(b, {2, 3}), amounts})};
       }},
      {"Slice",
       [](ir::GraphBuilder& b) {
         return std::vector{Add(b, OpCode::kSlice,
                                {In(b, {3, 4, 2}), b.AddInts({1, 0, 1}), b.AddInts({2, 3, -1})})};
       }},
      {"StridedSlice",
       [](ir::GraphBuilder& b) {
         ir::StridedSliceAttrs attrs;
         attrs.shrink_axis_mask = 1;
         return std::vector{
             Add(b, OpCode::kStridedSlice,
                 {In(b, {3, 6}), b.AddInts({1, 4}), b.AddInts({2, 0}), b.AddInts({1, -2})}, attrs)};
       }},
      {"Concatenation",
       [](ir::GraphBuilder& b) {
         ir::ConcatAttrs attrs;
         attrs.axis = -1;
         return std::vector{
             Add(b, OpCode::kConcatenation, {In(b, {2, 3}), In(b, {2, 1}), In(b, {2, 2})}, attrs)};
       }},
      {"Pack",
       [](ir::GraphBuilder& b) {
         return std::vector{
             Add(b, OpCode::kPack, {In(b, {2, 3}), In(b, {2, 3})}, ir::AxisAttrs{1, 2})};
       }},
      {"Split",
       [](ir::GraphBuilder& b) {
         const int32_t axis = b.AddInt(1), x = In(b, {2, 6});
         auto parts = b.Add(OpCode::kSplit, {axis, x}, ir::SplitAttrs{3},
                            {{.name = "a"}, {.name = "b"}, {.name = "c"}});
         EXPECT_TRUE(parts.ok());
         return std::vector{(*parts)[0], (*parts)[2]};  // one is not used
       }},
      {"BroadcastTo",
       [](ir::GraphBuilder& b) {
         return std::vector{Add(b, OpCode::kBroadcastTo, {In(b, {3, 1}), b.AddInts({2, 3, 4})})};
       }},
      {"ResizeBilinear",
       [](ir::GraphBuilder& b) {
         return std::vector{Add(b, OpCode::kResizeBilinear,
                                {In(b, {2, 3, 4, 2}), b.AddInts({5, 6})},
                                ir::ResizeAttrs{false, true})};
       }},
      {"ResizeNearest",
       [](ir::GraphBuilder& b) {
         return std::vector{Add(b, OpCode::kResizeNearestNeighbor,
                                {In(b, {2, 3, 4, 2}), b.AddInts({5, 6})}, ir::ResizeAttrs())};
       }},
      {"ResidualBlock",
       [](ir::GraphBuilder& b) {
         const int32_t x = In(b, {2, 6, 6, 4});
         const int32_t wide = Add(b, OpCode::kConv2D, {x, In(b, {8, 1, 1, 4}), In(b, {8})},
                                  Conv(1, Padding::kSame, Activation::kRelu6));
         ir::DepthwiseConvAttrs depthwise;
         depthwise.activation = Activation::kRelu;
         const int32_t middle =
             Add(b, OpCode::kDepthwiseConv2D, {wide, In(b, {1, 3, 3, 8}), In(b, {8})}, depthwise);
         const int32_t narrow = Add(b, OpCode::kConv2D, {middle, In(b, {4, 1, 1, 8}), In(b, {4})},
                                    Conv(1, Padding::kSame));
         const int32_t sum = Add(b, OpCode::kAdd, {narrow, x}, ir::BinaryAttrs());
         const int32_t mean =
             Add(b, OpCode::kMean, {sum, b.AddInts({1, 2})}, ir::ReduceAttrs{false});
         const int32_t dense = Add(b, OpCode::kFullyConnected, {mean, In(b, {3, 4}), In(b, {3})},
                                   ir::FullyConnectedAttrs());
         return std::vector{Add(b, OpCode::kSoftmax, {dense}, ir::SoftmaxAttrs{1.0f}), middle};
       }},
  };
  return cases;
}

class GraphGradientTest : public testing::TestWithParam<Case> {};

TEST_P(GraphGradientTest, AgainstFiniteDifferences) {
  ir::GraphBuilder b("main");
  const std::vector<int32_t> outputs = GetParam().build(b);
  ASSERT_FALSE(testing::Test::HasFailure());
  Runner runner(b, outputs);
  ASSERT_FALSE(testing::Test::HasFailure());
  std::mt19937 random(7);
  std::uniform_real_distribution<float> draw(GetParam().low, GetParam().high);
  const size_t inputs = runner.graph().inputs.size();
  for (size_t i = 0; i < inputs; ++i)
    for (float& x : runner.input(i)) x = draw(random);
  runner.Run();
  std::vector<std::vector<float>> cotangents;
  for (size_t i = 0; i < outputs.size(); ++i) {
    cotangents.emplace_back(runner.output(i).size());
    for (float& c : cotangents.back()) c = std::uniform_real_distribution<float>(-1, 1)(random);
  }
  const std::vector<std::span<const float>> given(cotangents.begin(), cotangents.end());
  auto gradient = GraphGradient::Create(runner.graph(), outputs, runner.graph().inputs);
  ASSERT_TRUE(gradient.ok()) << gradient.status().message();
  for (int twice = 0; twice < 2; ++twice) {  // nothing is left of the first run
    const Status ran = gradient->Run(runner.executor(), given, runner.pool());
    ASSERT_TRUE(ran.ok()) << ran.message();
  }

  const auto scalar = [&] {
    runner.Run();
    double sum = 0;
    for (size_t i = 0; i < outputs.size(); ++i)
      for (size_t j = 0; j < cotangents[i].size(); ++j)
        sum += double{cotangents[i][j]} * runner.output(i)[j];
    return sum;
  };
  int checked = 0, skipped = 0;
  for (size_t i = 0; i < inputs; ++i) {
    const std::span<const float> found = gradient->gradient(i);
    ASSERT_EQ(found.size(), runner.input(i).size());
    for (size_t j = 0; j < found.size(); ++j) {
      float& x = runner.input(i)[j];
      const float before = x;
      const auto slope = [&](float step) {
        x = before + step;
        const double above = scalar(), to = x;
        x = before - step;
        const double below = scalar(), from = x;
        x = before;
        return (above - below) / (to - from);
      };
      const double wide = slope(4e-3f), close = slope(2e-3f);
      const double tolerance = 2e-3 * (1 + std::abs(close));
      if (std::abs(wide - close) > tolerance) {
        ++skipped;  // a kink lies near
        continue;
      }
      ++checked;
      ASSERT_NEAR(found[j], close, tolerance) << "input " << i << ", element " << j;
    }
  }
  EXPECT_LE(skipped * 10, checked);
}

INSTANTIATE_TEST_SUITE_P(Operators, GraphGradientTest, testing::ValuesIn(Cases()),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(GraphGradient, StraightThroughFakeQuantization) {
  ir::GraphBuilder b("main");
  // The grid that holds 0 goes from -1.1 to 2.2.
  const int32_t y =
      Add(b, OpCode::kFakeQuant, {In(b, {4})}, ir::FakeQuantAttrs{-1, 2.3f, 2, false});
  Runner runner(b, {y});
  const std::vector<float> x = {-1.2f, -1.05f, 2.1f, 2.25f};
  std::copy(x.begin(), x.end(), runner.input(0).begin());
  runner.Run();
  const std::vector<int32_t> outputs = {y};
  auto gradient = GraphGradient::Create(runner.graph(), outputs, runner.graph().inputs);
  ASSERT_TRUE(gradient.ok());
  const std::vector<float> dy = {1, 2, 3, 4};
  const std::span<const float> given[] = {dy};
  ASSERT_TRUE(gradient->Run(runner.executor(), given, runner.pool()).ok());
  const auto dx = gradient->gradient(0);
  EXPECT_EQ(std::vector<float>(dx.begin(), dx.end()), (std::vector<float>{0, 2, 3, 0}));
}

TEST(GraphGradient, SaysWhatIsWrong) {
  ir::GraphBuilder b("main");
  const int32_t x = In(b, {2, 2});
  const int32_t floor = Add(b, OpCode::kFloor, {x});
  const int32_t twice = Add(b, OpCode::kAdd, {x, x}, ir::BinaryAttrs());
  const int32_t other = In(b, {3});
  const int32_t kept = Add(b, OpCode::kNeg, {other});
  Runner runner(b, {floor, twice, kept});
  const auto create = [&](std::vector<int32_t> outputs, std::vector<int32_t> wanted) {
    return GraphGradient::Create(runner.graph(), outputs, wanted);
  };
  const Status bad = create({floor}, {x}).status();
  EXPECT_EQ(bad.code(), Code::kUnsupported);
  EXPECT_NE(bad.message().find("constant in pieces"), std::string::npos) << bad.message();
  EXPECT_EQ(create({99}, {x}).status().code(), Code::kInvalidArgument);
  // What is not on the way does not matter.
  auto gradient = create({twice}, {x, other});
  ASSERT_TRUE(gradient.ok());
  runner.Run();
  const std::vector<float> four = {1, 2, 3, 4}, three = {1, 2, 3};
  const std::span<const float> right[] = {four}, wrong[] = {three};
  EXPECT_EQ(gradient->Run(runner.executor(), wrong, runner.pool()).code(), Code::kInvalidArgument);
  EXPECT_EQ(gradient->Run(runner.executor(), {}, runner.pool()).code(), Code::kInvalidArgument);
  ASSERT_TRUE(gradient->Run(runner.executor(), right, runner.pool()).ok());
  EXPECT_EQ(gradient->gradient(0)[3], 8);
  EXPECT_EQ(gradient->gradient(1).size(), 3u);
  EXPECT_EQ(gradient->gradient(1)[0], 0);
  EXPECT_EQ(WhyNoGradient(OpCode::kConv2D), "");
  EXPECT_NE(WhyNoGradient(OpCode::kSvdf), "");
}

// Each optimiser brings a least-squares fit by a graph to its solution.
TEST(Optimizers, FitALine) {
  for (int kind = 0; kind < 4; ++kind) {
    SCOPED_TRACE(kind);
    ir::GraphBuilder b("main");
    const int32_t x = In(b, {8, 2}), w = In(b, {1, 2}), bias = In(b, {1}), target = In(b, {8, 1});
    const int32_t y = Add(b, OpCode::kFullyConnected, {x, w, bias}, ir::FullyConnectedAttrs());
    const int32_t squares = Add(b, OpCode::kSquaredDifference, {y, target});
    const int32_t loss =
        Add(b, OpCode::kMean, {squares, b.AddInts({0, 1})}, ir::ReduceAttrs{false});
    Runner runner(b, {loss});
    std::mt19937 random(3);
    std::uniform_real_distribution<float> draw(-1, 1);
    for (float& v : runner.input(0)) v = draw(random);
    for (size_t i = 0; i < 8; ++i)
      runner.input(3)[i] = 2 * runner.input(0)[2 * i] - runner.input(0)[2 * i + 1] + 0.5f;
    const std::vector<int32_t> outputs = {loss}, wanted = {w, bias};
    auto gradient = GraphGradient::Create(runner.graph(), outputs, wanted);
    ASSERT_TRUE(gradient.ok());
    Sgd sgd[] = {Sgd(2, kind == 0 ? 0.0f : 0.9f, kind == 2),
                 Sgd(1, kind == 0 ? 0.0f : 0.9f, kind == 2)};
    Adam adam[] = {Adam(2), Adam(1)};
    const float one = 1;
    const std::span<const float> given[] = {{&one, 1}};
    for (int step = 0; step < 600; ++step) {
      runner.Run();
      ASSERT_TRUE(gradient->Run(runner.executor(), given, runner.pool()).ok());
      for (size_t i = 0; i < 2; ++i) {
        if (kind < 3) {
          sgd[i].Step(kind == 0 ? 0.3f : 0.05f, gradient->gradient(i), runner.input(i + 1));
        } else {
          adam[i].Step(0.03f, gradient->gradient(i), runner.input(i + 1));
        }
      }
    }
    EXPECT_NEAR(runner.input(1)[0], 2, 1e-3);
    EXPECT_NEAR(runner.input(1)[1], -1, 1e-3);
    EXPECT_NEAR(runner.input(2)[0], 0.5f, 1e-3);
  }
}

// The first steps by the formulas.
TEST(Optimizers, FirstSteps) {
  const std::vector<float> g = {2, -4};
  std::vector<float> p = {1, 1};
  Adam adam(2);
  adam.Step(0.1f, g, p);
  EXPECT_NEAR(p[0], 0.9f, 1e-6);
  EXPECT_NEAR(p[1], 1.1f, 1e-6);
  p = {1, 1};
  Sgd momentum(2, 0.5f), nesterov(2, 0.5f, true);
  momentum.Step(0.1f, g, p);
  momentum.Step(0.1f, g, p);
  EXPECT_NEAR(p[0], 1 - 0.2f - 0.3f, 1e-6);
  p = {1, 1};
  nesterov.Step(0.1f, g, p);
  EXPECT_NEAR(p[0], 1 - 0.3f, 1e-6);
}

}  // namespace
}  // namespace edgeml::train
