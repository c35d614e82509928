// Custom operators by the public C++ interface.
#include <gtest/gtest.h>

#include <numeric>
#include <stdexcept>

#include "edgeml/audio_frontend.h"
#include "edgeml/edgeml.h"
#include "tests/end_to_end/custom_models.h"

namespace edgeml {
namespace {

constexpr DType kF32 = DType::kFloat32;

struct Counts {
  int made = 0, prepared = 0, run = 0, reset = 0, destroyed = 0;
};

// y = factor x + constant + the number of runs before; factor from the options, the constant from
// input 1, by way of a workspace.
class Affine : public CustomKernel {
 public:
  explicit Affine(Counts* counts) : counts_(counts) { ++counts_->made; }
  ~Affine() override { ++counts_->destroyed; }

  Status Prepare(CustomPrepare& node) override {
    ++counts_->prepared;
    runs_ = 0;
    const auto factor = node.option("factor");
    if (!factor) return Status(Code::kInvalidModel, "there is no factor");
    factor_ = static_cast<float>(*factor);
    EXPECT_EQ(node.name(), "Affine");
    EXPECT_EQ(node.num_inputs(), 2u);
    EXPECT_EQ(node.input(0).data, nullptr);  // not known yet
    EXPECT_TRUE(node.input(1).is_constant);
    constant_ = node.input(1).as<float>()[0];
    EXPECT_TRUE(node.output(0).shape.empty());
    node.SetOutputShape(0, node.input(0).shape);
    EXPECT_EQ(node.output(0).bytes, node.input(0).bytes);
    workspace_ = node.RequestWorkspace(node.input(0).bytes);
    return node.ReserveState(1000);
  }

  Status Run(CustomRun& node) override {
    ++counts_->run;
    const auto in = node.input(0).as<float>();
    auto* const half = static_cast<float*>(node.workspace(workspace_));
    for (size_t i = 0; i < in.size(); ++i) half[i] = factor_ * in[i];
    const auto out = node.output(0).as_mutable<float>();
    for (size_t i = 0; i < in.size(); ++i) out[i] = half[i] + constant_ + runs_;
    ++runs_;
    return {};
  }

  void Reset() override {
    ++counts_->reset;
    runs_ = 0;
  }

 private:
  Counts* counts_;
  float factor_ = 0, constant_ = 0, runs_ = 0;
  int workspace_ = 0;
};

std::shared_ptr<CustomOpRegistry> RegistryOf(CustomOp op) {
  auto registry = std::make_shared<CustomOpRegistry>();
  const Status added = registry->Add(std::move(op));
  EXPECT_TRUE(added.ok()) << added.message();
  return registry;
}

// x [3] -> Affine -> Affine -> y [3]
Model AffineModel(int32_t version = 1) {
  const auto options = OptionsOf({{"other", 7}, {"factor", 2}});
  return CustomModel(
      {ValueOf(kF32, {3}), ConstantOf<float>(kF32, {1}, {0.5f}), ValueOf(kF32, {3}),
       ValueOf(kF32, {3})},
      {{"Affine", {0, 1}, {2}, options, version}, {"Affine", {2, 1}, {3}, options, 1}}, {0}, {3});
}

std::vector<float> RunOn(Session& session, const std::vector<float>& values) {
  const Status prepared = session.Prepare();
  EXPECT_TRUE(prepared.ok()) << prepared.message();
  const auto in = session.input(0).as<float>();
  EXPECT_EQ(in.size(), values.size());
  std::copy(values.begin(), values.end(), in.begin());
  const Status status = session.Run();
  EXPECT_TRUE(status.ok()) << status.message();
  const auto out = session.output(0).as<float>();
  return {out.begin(), out.end()};
}

TEST(CustomOp, RunsOnBothBackendsWithState) {
  const Model model = AffineModel();
  for (const bool exact : {false, true}) {
    Counts counts;
    {
      SessionOptions options;
      options.exact = exact;
      options.custom_ops =
          RegistryOf({"Affine", [&counts] { return std::make_unique<Affine>(&counts); }});
      auto session = Session::Create(model, options);
      ASSERT_TRUE(session.ok()) << session.status().message();
      options.custom_ops = nullptr;  // the session keeps it
      EXPECT_EQ(session->memory_plan().persistent_bytes, 2000u);
      // 2 (2 x + 0.5) + 0.5, then 2 (2 x + 1.5) + 1.5
      EXPECT_EQ(RunOn(*session, {0, 1, -1}), (std::vector<float>{1.5f, 5.5f, -2.5f}));
      EXPECT_EQ(RunOn(*session, {0, 1, -1}), (std::vector<float>{4.5f, 8.5f, 0.5f}));
      ASSERT_TRUE(session->ResetVariables().ok());
      EXPECT_EQ(RunOn(*session, {0, 1, -1}), (std::vector<float>{1.5f, 5.5f, -2.5f}));
      EXPECT_EQ(counts.prepared, 2);
      const std::vector<int32_t> larger{2, 2};
      ASSERT_TRUE(session->ResizeInput(0, larger).ok());
      EXPECT_EQ(RunOn(*session, {1, 1, 1, 1}), std::vector<float>(4, 5.5f));
      EXPECT_EQ(session->output(0).shape, larger);
      EXPECT_EQ(session->memory_plan().persistent_bytes, 2000u);
      EXPECT_EQ(session->profile()[0].kernel, "custom.Affine");
    }
    EXPECT_EQ(counts.made, 2);
    EXPECT_EQ(counts.prepared, 4);
    EXPECT_EQ(counts.run, 8);
    EXPECT_EQ(counts.reset, 2);
    EXPECT_EQ(counts.destroyed, 2);
  }
}

TEST(CustomOp, UnknownOnesAreNamed) {
  const Model model = AffineModel();
  EXPECT_EQ(model.UnsupportedOps(),
            std::vector<std::string>{"Affine (2 times, first at node 0 of subgraph 0)"});
  const auto session = Session::Create(model);
  EXPECT_EQ(session.status().code(), Code::kUnsupported);
  EXPECT_NE(session.status().message().find("Affine (2 times, first at node 0 of subgraph 0)"),
            std::string::npos);
}

TEST(CustomOp, VersionsOutsideOfTheRangeAreNamed) {
  Counts counts;
  SessionOptions options;
  options.custom_ops =
      RegistryOf({"Affine", [&counts] { return std::make_unique<Affine>(&counts); }, 1, 2});
  EXPECT_TRUE(Session::Create(AffineModel(2), options).ok());
  const auto session = Session::Create(AffineModel(3), options);
  EXPECT_EQ(session.status().code(), Code::kUnsupported);
  EXPECT_NE(session.status().message().find("Affine version 3 (1 time, first at node 0"),
            std::string::npos)
      << session.status().message();
}

TEST(CustomOp, RegistryChecks) {
  const auto make = []() -> std::unique_ptr<CustomKernel> { return nullptr; };
  CustomOpRegistry registry;
  EXPECT_EQ(registry.Add({"", make}).code(), Code::kInvalidArgument);
  EXPECT_EQ(registry.Add({"A", nullptr}).code(), Code::kInvalidArgument);
  EXPECT_EQ(registry.Add({"A", make, 3, 2}).code(), Code::kInvalidArgument);
  EXPECT_EQ(registry.Add({"TFLite_Detection_PostProcess", make}).code(), Code::kInvalidArgument);
  EXPECT_TRUE(registry.Add({"A", make, 2, 3}).ok());
  EXPECT_EQ(registry.Add({"A", make, 3, 4}).code(), Code::kInvalidArgument);
  EXPECT_TRUE(registry.Add({"A", make, 4, 4}).ok());
  EXPECT_EQ(registry.Find("A", 4), &registry.ops()[1]);
  EXPECT_EQ(registry.Find("A", 5), nullptr);
  EXPECT_EQ(registry.Find("B", 4), nullptr);
  CustomOpRegistry other;
  EXPECT_TRUE(other.Add({"B", make}).ok());
  EXPECT_TRUE(other.Add({"A", make}).ok());
  EXPECT_EQ(registry.AddAll(other).code(), Code::kInvalidArgument);
  EXPECT_EQ(registry.ops().size(), 2u);  // all or none
  EXPECT_TRUE(AddAudioFrontendOps(registry).ok());
  EXPECT_EQ(registry.ops().size(), 16u);
  EXPECT_EQ(AddAudioFrontendOps(registry).code(), Code::kInvalidArgument);
}

// A kernel of two functions.
class Scripted : public CustomKernel {
 public:
  using PrepareFunction = std::function<Status(CustomPrepare&)>;
  using RunFunction = std::function<Status(CustomRun&)>;
  Scripted(PrepareFunction prepare, RunFunction run)
      : prepare_(std::move(prepare)), run_(std::move(run)) {}
  Status Prepare(CustomPrepare& node) override { return prepare_(node); }
  Status Run(CustomRun& node) override { return run_ ? run_(node) : Status::Ok(); }

 private:
  PrepareFunction prepare_;
  RunFunction run_;
};

// x [4] and, when `two`, a second output.
Result<Session> ScriptedSession(Scripted::PrepareFunction prepare, Scripted::RunFunction run = {},
                                size_t memory_cap = 0) {
  const Model model = CustomModel({ValueOf(kF32, {4}), ValueOf(kF32, {4}), ValueOf(kF32, {4})},
                                  {{"Scripted", {0}, {1, 2}}}, {0}, {1, 2});
  SessionOptions options;
  options.memory_cap_bytes = memory_cap;
  options.custom_ops =
      RegistryOf({"Scripted", [=] { return std::make_unique<Scripted>(prepare, run); }});
  return Session::Create(model, options);
}

Status SameShapes(CustomPrepare& node) {
  node.SetOutputShape(0, node.input(0).shape);
  node.SetOutputShape(1, node.input(0).shape);
  return {};
}

TEST(CustomOp, ErrorsComeWithTheNode) {
  auto session =
      ScriptedSession([](CustomPrepare&) { return Status(Code::kInvalidModel, "no good"); });
  EXPECT_EQ(session.status().code(), Code::kInvalidModel);
  EXPECT_EQ(session.status().message(), "node 0 (Scripted): no good");
  session = ScriptedSession([](CustomPrepare&) { return Status(Code::kUnsupported, ""); });
  EXPECT_EQ(session.status().message(), "node 0 (Scripted): failed without saying why");
  session = ScriptedSession(SameShapes, [](CustomRun&) { return Status(Code::kFailed, "broke"); });
  ASSERT_TRUE(session.ok()) << session.status().message();
  EXPECT_EQ(session->Run().message(), "node 0 (Scripted): broke");
  EXPECT_EQ(session->Run().message(), "node 0 (Scripted): broke");  // and is not stuck
}

TEST(CustomOp, ExceptionsDoNotEscape) {
  auto session =
      ScriptedSession([](CustomPrepare&) -> Status { throw std::runtime_error("thrown"); });
  EXPECT_EQ(session.status().message(), "node 0 (Scripted): an exception escaped: thrown");
  session = ScriptedSession(SameShapes, [](CustomRun&) -> Status { throw 1; });
  ASSERT_TRUE(session.ok());
  EXPECT_EQ(session->Run().message(), "node 0 (Scripted): an exception escaped");
}

TEST(CustomOp, WrongShapesAreErrors) {
  const auto error = [](std::vector<std::pair<size_t, std::vector<int32_t>>> shapes) {
    const auto session = ScriptedSession([shapes](CustomPrepare& node) {
      for (const auto& [i, shape] : shapes) node.SetOutputShape(i, shape);
      return Status();
    });
    EXPECT_FALSE(session.ok());
    return session.status().message();
  };
  EXPECT_NE(error({{0, {1}}}).find("did not set the shape of output 1"), std::string::npos);
  EXPECT_NE(error({{0, {1}}, {1, {2, -1}}}).find("output 1"), std::string::npos);
  EXPECT_NE(error({{0, {1}}, {1, std::vector<int32_t>(9, 1)}}).find("at most 8"),
            std::string::npos);
  EXPECT_NE(error({{0, {1}}, {1, {1}}, {2, {1}}}).find("output 2 does not exist"),
            std::string::npos);
  const int32_t big = 1 << 30;
  EXPECT_NE(error({{0, {1}}, {1, {big, big, big}}}).find("too large"), std::string::npos);
}

TEST(CustomOp, MemoryIsCapped) {
  constexpr size_t kCap = 1 << 20;
  auto session = ScriptedSession(
      [](CustomPrepare& node) {
        EXPECT_TRUE(node.ReserveState(kCap / 2).ok());
        return node.ReserveState(kCap / 2 + 1);
      },
      {}, kCap);
  EXPECT_EQ(session.status().code(), Code::kResourceExhausted);
  for (const size_t bytes : {size_t{kCap} + 1, std::numeric_limits<size_t>::max()}) {
    session = ScriptedSession(
        [bytes](CustomPrepare& node) {
          node.RequestWorkspace(bytes);
          return SameShapes(node);
        },
        {}, kCap);
    EXPECT_EQ(session.status().code(), Code::kResourceExhausted) << bytes;
  }
}

// Output 0: the positive elements; output 1 settled or open too.
TEST(CustomOp, ShapesThatOnlyRunningTells) {
  for (const bool both_open : {false, true}) {
    auto session = ScriptedSession(
        [=](CustomPrepare& node) {
          node.LeaveOutputShapeOpen(0);
          if (both_open) {
            node.LeaveOutputShapeOpen(1);
          } else {
            node.SetOutputShape(1, std::vector<int32_t>{1});
          }
          return Status();
        },
        [=](CustomRun& node) {
          const auto in = node.input(0).as<float>();
          std::vector<float> positive;
          for (const float x : in)
            if (x > 0) positive.push_back(x);
          EXPECT_EQ(node.output(0).data, nullptr);
          const std::vector<int32_t> shape{static_cast<int32_t>(positive.size())};
          EDGEML_RETURN_IF_ERROR(node.ResizeOutput(0, shape));
          std::copy(positive.begin(), positive.end(), node.output(0).as_mutable<float>().begin());
          const std::vector<int32_t> one{1};
          if (both_open) {
            EDGEML_RETURN_IF_ERROR(node.ResizeOutput(1, one));
          } else {
            EXPECT_EQ(node.ResizeOutput(1, one).code(), Code::kInvalidArgument);
          }
          node.output(1).as_mutable<float>()[0] = std::accumulate(in.begin(), in.end(), 0.0f);
          return Status();
        });
    ASSERT_TRUE(session.ok()) << session.status().message();
    EXPECT_EQ(RunOn(*session, {1, -2, 3, 0}), (std::vector<float>{1, 3}));
    EXPECT_EQ(session->output(1).as<float>()[0], 2);
    EXPECT_EQ(RunOn(*session, {-1, -2, 3, 0}), (std::vector<float>{3}));
    EXPECT_EQ(session->output(0).shape, std::vector<int32_t>{1});
  }
  auto session = ScriptedSession([](CustomPrepare& node) {
    node.LeaveOutputShapeOpen(0);
    node.LeaveOutputShapeOpen(1);
    return Status();
  });
  ASSERT_TRUE(session.ok());
  EXPECT_EQ(session->Run().message(), "node 0 (Scripted): it did not give output 0 a shape");
}

// What follows an open output is prepared when its shape is known, once for each shape.
TEST(CustomOp, ConsumersOfOpenOutputs) {
  Counts counts;
  auto registry = RegistryOf({"Affine", [&counts] { return std::make_unique<Affine>(&counts); }});
  const Status added =
      registry->Add({"Open", [] {
                       return std::make_unique<Scripted>(
                           [](CustomPrepare& node) {
                             node.LeaveOutputShapeOpen(0);
                             return Status();
                           },
                           [](CustomRun& node) {
                             const auto in = node.input(0).as<float>();
                             const std::vector<int32_t> shape{static_cast<int32_t>(in[0])};
                             const Status s = node.ResizeOutput(0, shape);
                             for (float& y : node.output(0).as_mutable<float>()) y = in[1];
                             return s;
                           });
                     }});
  ASSERT_TRUE(added.ok());
  const Model model = CustomModel(
      {ValueOf(kF32, {2}), ConstantOf<float>(kF32, {1}, {0.5f}), ValueOf(kF32, {1}),
       ValueOf(kF32, {1})},
      {{"Open", {0}, {2}}, {"Affine", {2, 1}, {3}, OptionsOf({{"factor", 2}})}}, {0}, {3});
  SessionOptions options;
  options.custom_ops = registry;
  auto session = Session::Create(model, options);
  ASSERT_TRUE(session.ok()) << session.status().message();
  EXPECT_EQ(RunOn(*session, {3, 1}), (std::vector<float>{2.5f, 2.5f, 2.5f}));
  EXPECT_EQ(RunOn(*session, {3, 1}), (std::vector<float>{3.5f, 3.5f, 3.5f}));  // the state stays
  EXPECT_EQ(RunOn(*session, {1, 1}), (std::vector<float>{2.5f}));  // a new shape, a new start
  EXPECT_EQ(counts.prepared, 2);
  EXPECT_EQ(counts.made, 1);
}

TEST(CustomOp, AbsentInputsAndStrings) {
  const auto model = [](DType type) {
    return CustomModel({ValueOf(type, {1}), ValueOf(kF32, {1})},
                       {{"Scripted", {ir::kNoValue, 0}, {1}}}, {0}, {1});
  };
  SessionOptions options;
  options.custom_ops = RegistryOf({"Scripted", [] {
                                     return std::make_unique<Scripted>(
                                         [](CustomPrepare& node) {
                                           EXPECT_FALSE(node.input(0).present());
                                           EXPECT_TRUE(node.input(1).present());
                                           node.SetOutputShape(0, node.input(1).shape);
                                           return Status();
                                         },
                                         nullptr);
                                   }});
  EXPECT_TRUE(Session::Create(model(kF32), options).ok());
  const auto session = Session::Create(model(DType::kString), options);
  EXPECT_EQ(session.status().code(), Code::kUnsupported);
  EXPECT_NE(session.status().message().find("string"), std::string::npos);
}

TEST(CustomOp, HostileOptionsAreErrors) {
  auto registry = std::make_shared<CustomOpRegistry>();
  ASSERT_TRUE(AddAudioFrontendOps(*registry).ok());
  SessionOptions options;
  options.custom_ops = registry;
  const auto create = [&](const std::string& name, DType type, Shape in, Shape out,
                          const std::vector<std::pair<std::string, int32_t>>& numbers) {
    const Model model = CustomModel({ValueOf(type, in), ValueOf(type, out)},
                                    {{name, {0}, {1}, OptionsOf(numbers)}}, {0}, {1});
    return Session::Create(model, options).status();
  };
  const DType i16 = DType::kInt16;
  EXPECT_TRUE(create("SignalRfft", i16, {8}, {10}, {{"fft_length", 8}}).ok());
  for (const int32_t length : {0, -2, 7, 14, 2147483647, 6})
    EXPECT_FALSE(create("SignalRfft", i16, {8}, {10}, {{"fft_length", length}}).ok()) << length;
  EXPECT_EQ(create("SignalRfft", i16, {8}, {10}, {}).code(), Code::kInvalidModel);
  EXPECT_EQ(create("SignalRfft", i16, {}, {10}, {{"fft_length", 8}}).code(), Code::kInvalidModel);
  EXPECT_EQ(create("SignalIrfft", i16, {9}, {8}, {{"fft_length", 8}}).code(), Code::kInvalidModel);
  for (const int32_t delay : {-1, 2147483647})
    EXPECT_EQ(create("SignalDelay", i16, {0}, {0}, {{"delay_length", delay}}).code(),
              Code::kInvalidModel);
  for (const int32_t step : {-1, 0, 9, 2147483647})
    EXPECT_EQ(create("SignalOverlapAdd", i16, {2, 8}, {16}, {{"frame_step", step}}).code(),
              Code::kInvalidModel);
}

}  // namespace
}  // namespace edgeml
