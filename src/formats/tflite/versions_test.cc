#include "src/formats/tflite/versions.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "src/base/strings.h"
#include "src/formats/tflite/reader.h"
#include "src/formats/tflite/writer.h"
#include "src/ir/builder.h"

namespace edgeml::tflite {
namespace {

using ir::OpCode;

int32_t VersionOf(OpCode op, std::vector<DType> inputs, DType output, ir::Attributes attributes,
                  std::vector<Shape> shapes = {}) {
  ir::Graph graph;
  ir::Node node;
  node.op = op;
  node.attributes = std::move(attributes);
  for (size_t i = 0; i < inputs.size(); ++i) {
    ir::Value value;
    value.type = inputs[i];
    value.shape = i < shapes.size() ? shapes[i] : Shape{1, 2, 2, 3};
    node.inputs.push_back(static_cast<int32_t>(graph.values.size()));
    graph.values.push_back(std::move(value));
  }
  ir::Value value;
  value.type = output;
  node.outputs.push_back(static_cast<int32_t>(graph.values.size()));
  graph.values.push_back(std::move(value));
  return OperatorVersion(node, graph);
}

TEST(OperatorVersion, FollowsTypesShapesAndOptions) {
  constexpr DType kF = DType::kFloat32, kI8 = DType::kInt8, kI16 = DType::kInt16;
  EXPECT_EQ(VersionOf(OpCode::kConv2D, {kF, kF, kF}, kF, ir::ConvAttrs{}), 1);
  EXPECT_EQ(VersionOf(OpCode::kConv2D, {kI8, kI8, DType::kInt32}, kI8, ir::ConvAttrs{}), 3);
  EXPECT_EQ(VersionOf(OpCode::kConv2D, {kF, kF}, kF, ir::ConvAttrs{}, {{1, 4, 4, 4}, {4, 3, 3, 2}}),
            6);
  ir::DepthwiseConvAttrs dilated;
  dilated.window.dilation_w = 2;
  EXPECT_EQ(VersionOf(OpCode::kDepthwiseConv2D, {kF, kF, kF}, kF, dilated), 2);
  EXPECT_EQ(VersionOf(OpCode::kFullyConnected, {kF, kF}, kF, ir::FullyConnectedAttrs{}), 6);
  ir::FullyConnectedAttrs wide;
  wide.keep_num_dims = true;
  EXPECT_EQ(VersionOf(OpCode::kFullyConnected, {kF, kF, kF}, kF, wide), 5);
  EXPECT_EQ(VersionOf(OpCode::kTranspose, {kF, DType::kInt32}, kF, {}, {{1, 2, 3, 4, 5}}), 4);
  EXPECT_EQ(VersionOf(OpCode::kDequantize, {DType::kFloat16}, kF, {}), 3);
  EXPECT_EQ(VersionOf(OpCode::kSoftmax, {kI16}, kI16, ir::SoftmaxAttrs{}), 3);
  EXPECT_EQ(
      VersionOf(OpCode::kResizeBilinear, {kF, DType::kInt32}, kF, ir::ResizeAttrs{false, true}), 3);
  EXPECT_EQ(VersionOf(OpCode::kBroadcastTo, {kF, DType::kInt32}, kF, {}), 2);
  EXPECT_EQ(VersionOf(OpCode::kMaximum, {kF, kF}, kF, {}, {{1, 2, 3, 4, 5}, {5}}), 3);
  EXPECT_EQ(VersionOf(OpCode::kTanh, {kF}, kF, {}), 1);
}

TEST(OperatorVersion, IsWrittenForNodesThatNoFileGave) {
  ir::GraphBuilder b("main");
  const int32_t x = b.AddInput("x", DType::kInt64, {4});
  const auto y = b.Add(OpCode::kAdd, {x, x});
  ir::Module module;
  module.graphs.push_back(b.Finish({*y}));
  for (const int32_t file_index : {-1, 0}) {
    module.graphs[0].nodes[0].file_index = file_index;
    const auto bytes = WriteTflite(module);
    ASSERT_TRUE(bytes.ok()) << bytes.status().message();
    const auto owner = std::make_shared<std::vector<std::byte>>(*bytes);
    const auto read = ReadTflite(owner, *owner);
    ASSERT_TRUE(read.ok()) << read.status().message();
    EXPECT_EQ(read->graphs[0].nodes[0].version, file_index < 0 ? 4 : 1);
  }
}

// What TensorFlow's converters wrote, as far as there are such files on this machine: the highest
// version of each operator. Left out are models with int16 activations, in which TensorFlow 2.21
// leaves the versions of the float model they are made from or those of int8 (SOFTMAX 2, QUANTIZE
// 1, …), and one file of an older converter that asked for more than its FULLY_CONNECTED needs.
TEST(OperatorVersion, AgreesWithFilesOfTensorFlow) {
  const char* const data = std::getenv("EDGEML_TEST_DATA");
  const char* const cache = std::getenv("EDGEML_CACHE");
  const char* const home = std::getenv("HOME");
  const std::filesystem::path folders[] = {
      data != nullptr ? data : std::filesystem::path(EDGEML_SOURCE_DIR) / "../shared/data",
      cache != nullptr ? std::filesystem::path(cache) / "zoo"
                       : std::filesystem::path(home != nullptr ? home : "") / ".cache/edgeml/zoo"};
  int models = 0;
  std::map<std::string, int> differences;
  for (const std::filesystem::path& folder : folders) {
    if (!std::filesystem::is_directory(folder)) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
      const std::string name = entry.path().stem().string();
      if (entry.path().extension() != ".tflite" || name.ends_with("int16x8")) continue;
      const auto module = ReadTfliteFile(entry.path());
      ASSERT_TRUE(module.ok()) << module.status().message();
      ++models;
      std::map<OpCode, std::pair<int32_t, int32_t>> highest;  // stated, needed
      for (const ir::Graph& graph : module->graphs) {
        for (const ir::Node& node : graph.nodes) {
          auto& [stated, needed] = highest[node.op];
          stated = std::max(stated, node.version);
          needed = std::max(needed, OperatorVersion(node, graph));
        }
      }
      for (const auto& [op, versions] : highest)
        if (versions.first != versions.second &&
            !(op == OpCode::kFullyConnected && name == "kws_ref_model_float32"))
          ++differences[Concat(ir::NameOf(op), " ", versions.first, " computed ", versions.second)];
    }
  }
  if (models == 0) GTEST_SKIP() << "SKIPPED: no files of TensorFlow's converters here";
  for (const auto& [what, count] : differences)
    ADD_FAILURE() << what << " in " << count << " files";
}

}  // namespace
}  // namespace edgeml::tflite
