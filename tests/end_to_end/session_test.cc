// The public C++ interface on the shipped digits models.
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <thread>
#include <vector>

#include "edgeml/edgeml.h"

namespace edgeml {
namespace {

const std::string kFloat = std::string(EDGEML_SOURCE_DIR) + "/models/digits_float.tflite";
const std::string kInt8 = std::string(EDGEML_SOURCE_DIR) + "/models/digits_int8.tflite";

Model LoadOrDie(const std::string& path) {
  auto model = Model::Load(path);
  EXPECT_TRUE(model.ok()) << model.status().message();
  return std::move(model).value();
}

Session MakeSession(const Model& model, const SessionOptions& options = {}) {
  auto session = Session::Create(model, options);
  EXPECT_TRUE(session.ok()) << session.status().message();
  return std::move(session).value();
}

std::vector<float> RunFloat(Session& session, float seed) {
  std::span<float> in = session.input(0).as<float>();
  for (size_t i = 0; i < in.size(); ++i) in[i] = static_cast<float>((i * 7 + 3) % 17) * seed;
  EXPECT_TRUE(session.Run().ok());
  const std::span<const float> out = session.output(0).as<float>();
  return {out.begin(), out.end()};
}

TEST(Session, DescribesInputsAndOutputs) {
  const Model model = LoadOrDie(kInt8);
  const Session session = MakeSession(model);
  ASSERT_EQ(session.num_inputs(), 1);
  ASSERT_EQ(session.num_outputs(), 1);
  EXPECT_EQ(session.input(0).dtype, DType::kInt8);
  EXPECT_EQ(session.output(0).shape, (std::vector<int32_t>{1, 10}));
  const TensorInfo info = session.tensor_info(session.input_indices()[0]);
  EXPECT_EQ(info.quantization.scales.size(), 1u);
  EXPECT_EQ(info.byte_size, 64u);
  EXPECT_TRUE(session.input(0).as<float>().empty());  // an int8 tensor is no floats
}

TEST(Session, ResultsDoNotDependOnThreadsOrSharing) {
  const Model model = LoadOrDie(kFloat);
  Session one = MakeSession(model);
  SessionOptions options;
  options.num_threads = 3;
  Session three = MakeSession(model, options);
  options.preserve_all_tensors = true;
  Session preserved = MakeSession(model, options);
  for (const float seed : {0.5f, 1.0f}) {
    const auto expected = RunFloat(one, seed);
    EXPECT_EQ(RunFloat(three, seed), expected);
    EXPECT_EQ(RunFloat(preserved, seed), expected);
  }
}

TEST(Session, SharedPoolServesSeveralThreads) {
  const Model model = LoadOrDie(kFloat);
  SessionOptions options;
  auto pool = MakeThreadPool(2);
  ASSERT_TRUE(pool.ok());
  options.pool = *pool;
  Session first = MakeSession(model, options), second = MakeSession(model, options);
  const auto expected = RunFloat(first, 1.0f);
  std::vector<float> from_thread;
  std::thread other([&] {
    for (int i = 0; i < 50; ++i) from_thread = RunFloat(second, 1.0f);
  });
  for (int i = 0; i < 50; ++i) EXPECT_EQ(RunFloat(first, 1.0f), expected);
  other.join();
  EXPECT_EQ(from_thread, expected);
}

TEST(Session, SaysWhatAResizeBreaksAndRecovers) {
  const Model model = LoadOrDie(kFloat);
  Session session = MakeSession(model);
  const auto expected = RunFloat(session, 1.0f);
  const std::vector<int32_t> shape = session.input(0).shape;
  std::vector<int32_t> batched = shape;
  batched[0] = 5;
  // The model flattens to a constant [1, 192].
  ASSERT_TRUE(session.ResizeInput(0, batched).ok());
  EXPECT_FALSE(session.prepared());
  const Status status = session.Prepare();
  EXPECT_EQ(status.code(), Code::kInvalidModel);
  EXPECT_NE(status.message().find("RESHAPE"), std::string::npos) << status.message();
  ASSERT_TRUE(session.ResizeInput(0, shape).ok());
  ASSERT_TRUE(session.Prepare().ok());
  EXPECT_EQ(RunFloat(session, 1.0f), expected);
}

TEST(Session, UsesMemoryOfTheCaller) {
  const Model model = LoadOrDie(kFloat);
  Session session = MakeSession(model);
  const auto expected = RunFloat(session, 1.0f);
  std::vector<float> in(64), out(10);
  for (size_t i = 0; i < in.size(); ++i) in[i] = static_cast<float>((i * 7 + 3) % 17);
  ASSERT_TRUE(session.BindInput(0, in.data(), in.size() * 4).ok());
  ASSERT_TRUE(session.BindOutput(0, out.data(), out.size() * 4).ok());
  ASSERT_TRUE(session.Run().ok());
  EXPECT_EQ(out, expected);
  EXPECT_EQ(session.BindInput(0, reinterpret_cast<char*>(in.data()) + 1, 8).code(),
            Code::kInvalidArgument);
  EXPECT_EQ(session.BindOutput(1, out.data(), 40).code(), Code::kInvalidArgument);
}

TEST(Session, CancelStopsARun) {
  const Model model = LoadOrDie(kFloat);
  SessionOptions options;
  Session* running = nullptr;
  options.progress = [&](int done, int) {
    if (done == 1) running->Cancel();
    return true;
  };
  Session session = MakeSession(model, options);
  running = &session;
  EXPECT_EQ(session.Run().code(), Code::kCancelled);
}

TEST(Session, RefusesWrongArguments) {
  const Model model = LoadOrDie(kFloat);
  SessionOptions options;
  options.num_threads = 0;
  EXPECT_EQ(Session::Create(model, options).status().code(), Code::kInvalidArgument);
  options = {};
  options.subgraph = 1;
  EXPECT_EQ(Session::Create(model, options).status().code(), Code::kInvalidArgument);
  options = {};
  options.memory_cap_bytes = 1000;
  EXPECT_EQ(Session::Create(model, options).status().code(), Code::kResourceExhausted);
  Session session = MakeSession(model);
  const std::vector<int32_t> wrong = {1, 8, 8, 3}, negative = {-1, 8, 8, 1};
  EXPECT_EQ(session.ResizeInput(0, wrong, /*strict=*/true).code(), Code::kInvalidArgument);
  EXPECT_EQ(session.ResizeInput(0, negative).code(), Code::kInvalidArgument);
  EXPECT_EQ(session.ResizeInput(7, wrong).code(), Code::kInvalidArgument);
  ASSERT_TRUE(session.ResizeInput(0, wrong).ok());
  EXPECT_EQ(session.Prepare().code(), Code::kInvalidModel);  // the filters do not fit
}

TEST(Model, RewritesItself) {
  const Model model = LoadOrDie(kInt8);
  const auto bytes = model.Serialize();
  ASSERT_TRUE(bytes.ok()) << bytes.status().message();
  auto again = Model::FromBytes(*bytes);
  ASSERT_TRUE(again.ok()) << again.status().message();
  Session a = MakeSession(model), b = MakeSession(*again);
  for (Session* s : {&a, &b}) {
    std::span<int8_t> in = s->input(0).as<int8_t>();
    for (size_t i = 0; i < in.size(); ++i) in[i] = static_cast<int8_t>(i * 5 % 120);
    ASSERT_TRUE(s->Run().ok());
  }
  EXPECT_EQ(0, std::memcmp(a.output(0).data, b.output(0).data, a.output(0).bytes));
}

TEST(Model, ErrorsSayWhatAndWhere) {
  EXPECT_EQ(Model::Load("/nowhere/model.tflite").status().code(), Code::kNotFound);
  EXPECT_EQ(Model::Load(EDGEML_SOURCE_DIR).status().code(), Code::kInvalidModel);
  const auto text = Model::Load(std::string(EDGEML_SOURCE_DIR) + "/CMakeLists.txt");
  EXPECT_EQ(text.status().code(), Code::kInvalidModel);
  EXPECT_NE(text.status().message().find("CMakeLists.txt"), std::string::npos);
  EXPECT_EQ(text.status().message().find('\n'), std::string::npos);
}

}  // namespace
}  // namespace edgeml
