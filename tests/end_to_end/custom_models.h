// Small models of custom operators, for tests.
#ifndef EDGEML_TESTS_END_TO_END_CUSTOM_MODELS_H_
#define EDGEML_TESTS_END_TO_END_CUSTOM_MODELS_H_

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "edgeml/edgeml.h"
#include "src/formats/tflite/writer.h"
#include "src/ir/graph.h"

namespace edgeml {

struct CustomNodeSpec {
  std::string name;
  std::vector<int32_t> inputs, outputs;
  std::vector<uint8_t> options = {};
  int32_t version = 1;
};

inline ir::Value ValueOf(DType type, Shape shape) {
  ir::Value value;
  value.type = type;
  value.shape = shape;
  return value;
}
template <typename T>
ir::Value ConstantOf(DType type, Shape shape, const std::vector<T>& data) {
  ir::Value value = ValueOf(type, shape);
  std::vector<std::byte> bytes(data.size() * sizeof(T));
  std::memcpy(bytes.data(), data.data(), bytes.size());
  value.data = ir::ConstantData::Own(std::move(bytes));
  return value;
}

// The bytes of a model of one graph.
inline std::vector<std::byte> CustomModelBytes(std::vector<ir::Value> values,
                                               const std::vector<CustomNodeSpec>& nodes,
                                               std::vector<int32_t> inputs,
                                               std::vector<int32_t> outputs) {
  ir::Module module;
  ir::Graph& graph = module.graphs.emplace_back();
  graph.values = std::move(values);
  for (size_t i = 0; i < graph.values.size(); ++i)
    graph.values[i].name = std::string(1, 't') + std::to_string(i);
  for (const CustomNodeSpec& spec : nodes) {
    ir::Node& node = graph.nodes.emplace_back();
    node.version = spec.version;
    node.inputs = spec.inputs;
    node.outputs = spec.outputs;
    auto& opaque = node.attributes.emplace<ir::OpaqueAttrs>();
    opaque.name = spec.name;
    opaque.custom_options = spec.options;
  }
  graph.inputs = std::move(inputs);
  graph.outputs = std::move(outputs);
  auto bytes = tflite::WriteTflite(module);
  EXPECT_TRUE(bytes.ok()) << bytes.status().message();
  return bytes.ok() ? std::move(bytes).value() : std::vector<std::byte>();
}

inline Model CustomModel(std::vector<ir::Value> values, const std::vector<CustomNodeSpec>& nodes,
                         std::vector<int32_t> inputs, std::vector<int32_t> outputs) {
  auto model = Model::FromBytes(
      CustomModelBytes(std::move(values), nodes, std::move(inputs), std::move(outputs)));
  EXPECT_TRUE(model.ok()) << model.status().message();
  return std::move(model).value();
}

// A FlexBuffers map of whole numbers, 4 bytes wide.
inline std::vector<uint8_t> OptionsOf(const std::vector<std::pair<std::string, int32_t>>& numbers) {
  std::vector<uint8_t> out;
  const auto put = [&out](uint32_t value) {
    for (int i = 0; i < 4; ++i) out.push_back(static_cast<uint8_t>(value >> (8 * i)));
  };
  const auto here = [&out] { return static_cast<uint32_t>(out.size()); };
  const auto n = static_cast<uint32_t>(numbers.size());
  std::vector<uint32_t> places;
  for (const auto& [key, value] : numbers) {
    places.push_back(here());
    out.insert(out.end(), key.begin(), key.end());
    out.push_back(0);
  }
  while (out.size() % 4 != 0) out.push_back(0);
  put(n);
  const uint32_t keys = here();
  for (const uint32_t place : places) put(here() - place);
  put(here() - keys);
  put(4);  // the keys' width
  put(n);
  const uint32_t values = here();
  for (const auto& [key, value] : numbers) put(static_cast<uint32_t>(value));
  for (size_t i = 0; i < numbers.size(); ++i) out.push_back(1 << 2 | 2);  // integers of 4 bytes
  while (out.size() % 4 != 0) out.push_back(0);
  put(here() - values);
  out.push_back(9 << 2 | 2);  // a map of that width
  out.push_back(4);
  return out;
}

}  // namespace edgeml

#endif  // EDGEML_TESTS_END_TO_END_CUSTOM_MODELS_H_
