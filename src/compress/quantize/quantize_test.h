// What the tests of quantization share: graphs of one or a few operators that run as floats and
// quantized, on the same inputs.
#ifndef EDGEML_COMPRESS_QUANTIZE_QUANTIZE_TEST_H_
#define EDGEML_COMPRESS_QUANTIZE_QUANTIZE_TEST_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "src/backends/reference/reference_backend.h"
#include "src/compress/quantize/quantize.h"
#include "src/ir/builder.h"
#include "src/runtime/module_runner.h"

namespace edgeml::quantize {

using ir::OpCode;

// The smallest and largest of each value of the main graph.
class MinMax : public runtime::TensorObserver {
 public:
  explicit MinMax(size_t values) : ranges(values) {}
  Status Observe(int32_t graph, int32_t v, const TensorView& view) override {
    if (graph != 0 || view.type != DType::kFloat32) return Status::Ok();
    std::optional<Range>& range = ranges[static_cast<size_t>(v)];
    const auto* data = view.as<float>();
    for (int64_t i = 0; i < view.num_elements(); ++i) {
      if (!range) range = Range{data[i], data[i]};
      range->Include({data[i], data[i]});
    }
    return Status::Ok();
  }
  Ranges ranges;
};

class QuantizeTest : public testing::Test {
 protected:
  QuantizeTest() : b("main") {}

  int32_t Input(const Shape& shape, DType type = DType::kFloat32) {
    return b.AddInput("input", type, shape);
  }
  std::vector<float> Draw(const Shape& shape, float low, float high) {
    std::vector<float> values(static_cast<size_t>(shape.num_elements()));
    std::uniform_real_distribution<float> draw(low, high);
    for (float& value : values) value = draw(random_);
    return values;
  }
  int32_t Weights(const Shape& shape, float low = -1.0f, float high = 1.0f) {
    const std::vector<float> values = Draw(shape, low, high);
    return b.AddConstant("weights", shape, std::span<const float>(values));
  }
  int32_t Op(OpCode op, std::vector<int32_t> inputs, ir::Attributes attributes = {},
             DType type = DType::kInvalid) {
    auto made = b.Add(op, std::move(inputs), std::move(attributes), {}, type);
    EXPECT_TRUE(made.ok()) << made.status().message();
    return made.ok() ? *made : 0;
  }
  void Finish(std::vector<int32_t> outputs) {
    module = {};
    module.graphs.push_back(b.Finish(std::move(outputs)));
    const Status status = ir::Verify(module);
    ASSERT_TRUE(status.ok()) << status.message();
  }

  // The outputs as numbers; inputs are random in [low_, high_), quantized where the model's are.
  std::vector<std::vector<double>> Run(const ir::Module& which, MinMax* observer = nullptr) {
    runtime::RunnerOptions options;
    options.observer = observer;
    runtime::ModuleRunner runner(which, {&backends::ReferenceBackend()}, options);
    Status status = runner.SizeOpenDimensions(1, 4);
    if (status.ok()) status = runner.executor().Prepare();
    EXPECT_TRUE(status.ok()) << status.message() << "\n" << ir::ToString(which.graphs[0]);
    if (!status.ok()) return {};
    runtime::GraphExecutor& executor = runner.executor();
    std::mt19937 random(11);
    for (int i = 0; i < executor.num_inputs(); ++i) {
      const TensorView view = executor.input(i);
      std::uniform_real_distribution<float> draw(low_, high_);
      for (int64_t k = 0; k < view.num_elements(); ++k) Store(view, k, draw(random));
      if (observer != nullptr) {
        const int32_t v = which.graphs[0].inputs[static_cast<size_t>(i)];
        EXPECT_TRUE(observer->Observe(0, v, view).ok());
      }
    }
    status = executor.Run();
    EXPECT_TRUE(status.ok()) << status.message() << "\n" << ir::ToString(which.graphs[0]);
    std::vector<std::vector<double>> outputs;
    for (int i = 0; i < executor.num_outputs(); ++i) {
      const TensorView view = executor.output(i);
      std::vector<double>& values = outputs.emplace_back();
      for (int64_t k = 0; k < view.num_elements(); ++k) values.push_back(Load(view, k));
    }
    return outputs;
  }
  Ranges Calibrate() {
    MinMax observer(module.graphs[0].values.size());
    Run(module, &observer);
    return observer.ranges;
  }

  static void Store(const TensorView& view, int64_t k, float number) {
    const auto quantized = [&](double low, double high) {
      return std::clamp<double>(std::round(number / view.scale()) + view.zero_point(), low, high);
    };
    if (view.type == DType::kFloat32) view.as_mutable<float>()[k] = number;
    if (view.type == DType::kInt8)
      view.as_mutable<int8_t>()[k] = static_cast<int8_t>(quantized(-128, 127));
    if (view.type == DType::kUInt8)
      view.as_mutable<uint8_t>()[k] = static_cast<uint8_t>(quantized(0, 255));
    if (view.type == DType::kInt16)
      view.as_mutable<int16_t>()[k] = static_cast<int16_t>(quantized(-32768, 32767));
    if (view.type == DType::kInt32) view.as_mutable<int32_t>()[k] = number > 0 ? 1 : 0;
  }
  static double Load(const TensorView& view, int64_t k) {
    const auto number = [&](double stored) {
      return view.quantized() ? (stored - view.zero_point()) * view.scale() : stored;
    };
    switch (view.type) {
      case DType::kFloat32:
        return view.as<float>()[k];
      case DType::kInt8:
        return number(view.as<int8_t>()[k]);
      case DType::kUInt8:
        return number(view.as<uint8_t>()[k]);
      case DType::kInt16:
        return number(view.as<int16_t>()[k]);
      case DType::kInt32:
        return number(view.as<int32_t>()[k]);
      case DType::kInt64:
        return number(static_cast<double>(view.as<int64_t>()[k]));
      case DType::kBool:
        return view.as<uint8_t>()[k];
      default:
        ADD_FAILURE() << NameOf(view.type);
        return 0;
    }
  }

  // Signal to noise in dB; infinite when equal.
  static double Sqnr(const std::vector<double>& wanted, const std::vector<double>& found) {
    EXPECT_EQ(wanted.size(), found.size());
    double signal = 0, noise = 0;
    for (size_t i = 0; i < std::min(wanted.size(), found.size()); ++i) {
      signal += wanted[i] * wanted[i];
      noise += (wanted[i] - found[i]) * (wanted[i] - found[i]);
    }
    EXPECT_GT(signal, 0) << "a test that could not fail";
    return noise > 0 ? 10 * std::log10(signal / noise) : INFINITY;
  }
  size_t Count(const ir::Module& which, OpCode op) const {
    return static_cast<size_t>(std::ranges::count(which.graphs[0].nodes, op, &ir::Node::op));
  }

  ir::GraphBuilder b;
  ir::Module module;
  float low_ = -2.0f, high_ = 3.0f;  // of the inputs

 private:
  std::mt19937 random_{1};
};

}  // namespace edgeml::quantize

#endif  // EDGEML_COMPRESS_QUANTIZE_QUANTIZE_TEST_H_
