// Small modules for the tests of this room.
#ifndef EDGEML_FORMATS_TFLITE_TEST_MODELS_H_
#define EDGEML_FORMATS_TFLITE_TEST_MODELS_H_

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "src/formats/tflite/metadata.h"
#include "src/formats/tflite/ops.h"
#include "src/ir/graph.h"
#include "src/ir/op_def.h"

namespace edgeml::tflite::testing {

template <typename T>
ir::ConstantData DataOf(const std::vector<T>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  return ir::ConstantData::Own({bytes.begin(), bytes.end()});
}
inline ir::ConstantData FloatsOf(const std::vector<float>& values) { return DataOf(values); }

inline ir::Value MakeValue(std::string name, DType type, Shape shape, ir::ConstantData data = {}) {
  ir::Value value;
  value.name = std::move(name);
  value.type = type;
  value.shape = shape;
  value.data = std::move(data);
  return value;
}

// A convolution, per-axis quantization, a sparse and an int4 constant, a custom node, a variable,
// two subgraphs, a signature, metadata and associated files.
inline ir::Module TinyModule() {
  ir::Module module;
  module.description = "tiny";
  ir::Graph& graph = module.graphs.emplace_back();
  graph.name = "main";
  auto& values = graph.values;
  values.push_back(MakeValue("in", DType::kFloat32, {1, 4, 4, 1}));
  values[0].shape_signature = Shape{-1, 4, 4, 1};
  values[0].has_signature = true;
  values.push_back(MakeValue("weights", DType::kFloat32, {2, 1, 1, 1}, FloatsOf({1.5f, -2.25f})));
  values.push_back(MakeValue("bias", DType::kFloat32, {2}, FloatsOf({0.5f, 1.0f})));
  values.push_back(MakeValue("conv", DType::kFloat32, {1, 2, 2, 2}));
  values.push_back(MakeValue("out", DType::kFloat32, {1, 8}));
  values.push_back(MakeValue("quantized", DType::kInt8, {2, 2}, DataOf<int8_t>({1, 2, 3, 4})));
  values[5].quantization.scale = {0.5f, 0.25f};
  values[5].quantization.zero_point = {0, 0};
  values[5].quantization.min = {-1.0f, -2.0f};
  values[5].quantization.max = {1.0f, 2.0f};
  values.push_back(MakeValue("nibbles", DType::kInt4, {3}, DataOf<uint8_t>({0x21, 0x03})));
  values.push_back(MakeValue("sparse", DType::kFloat32, {2, 3}, FloatsOf({7.0f, 8.0f})));
  auto sparsity = std::make_shared<ir::Sparsity>();
  sparsity->traversal_order = {0, 1};
  sparsity->dimensions.resize(2);
  sparsity->dimensions[0].dense_size = 2;
  sparsity->dimensions[1].level = ir::Sparsity::Level::kCsr;
  sparsity->dimensions[1].segments = {0, 1, 2};
  sparsity->dimensions[1].indices = {2, 0};
  sparsity->dimensions[1].segment_width = 1;
  sparsity->dimensions[1].index_width = 2;
  values[7].sparsity = sparsity;
  values.push_back(MakeValue("state", DType::kFloat32, {1, 2}));
  values[8].is_variable = true;
  values.push_back(MakeValue("new shape", DType::kInt32, {2}, DataOf<int32_t>({1, 8})));
  values.push_back(MakeValue("custom", DType::kFloat32, {}));
  values.push_back(
      MakeValue("text", DType::kString, {2}, DataOf<int32_t>({2, 16, 18, 20, 0x64636261})));
  values.push_back(
      MakeValue("block scales", DType::kFloat32, {2, 2}, FloatsOf({0.5f, 0.25f, 1.0f, 2.0f})));
  values.push_back(MakeValue("blocks", DType::kInt8, {2, 4}, DataOf(std::vector<int8_t>(8, 3))));
  Quantization& blocks = values[13].quantization;
  blocks.scale = {0.5f, 0.25f, 1.0f, 2.0f};
  blocks.zero_point = {0, 0, 0, 0};
  blocks.block_size = 2;
  blocks.scale_value = 12;

  ir::Node conv;
  conv.op = ir::OpCode::kConv2D;
  conv.version = 3;
  conv.inputs = {0, 1, 2};
  conv.outputs = {3};
  ir::ConvAttrs attrs;
  attrs.window = {ir::Padding::kValid, 2, 3, 1, 1, 0, 0, 0, 0};
  attrs.activation = ir::Activation::kRelu6;
  conv.attributes = attrs;
  ir::Node reshape;
  reshape.op = ir::OpCode::kReshape;
  reshape.inputs = {3, 9};
  reshape.outputs = {4};
  reshape.attributes = ir::ReshapeAttrs{true, {1, 8}};
  ir::Node custom;
  custom.op = ir::OpCode::kCustom;
  custom.version = 2;
  custom.inputs = {4, ir::kNoValue, 5, 6, 7, 8, 11, 13};
  custom.outputs = {10};
  ir::OpaqueAttrs opaque;
  opaque.name = "MyOp";
  opaque.custom_options = {1, 2, 3};
  custom.attributes = opaque;
  graph.nodes = {conv, reshape, custom};
  graph.inputs = {0};
  graph.outputs = {4, 10};

  ir::Graph& second = module.graphs.emplace_back();
  second.name = "second";
  second.values.push_back(MakeValue("x", DType::kInt32, {}));
  second.inputs = {0};
  second.outputs = {0};  // an input that is an output as well

  module.signatures.push_back({"serving_default", 0, {{"x", 0}}, {{"y", 4}, {"z", 10}}});
  ModelMetadata metadata;
  metadata.name = "tiny";
  TensorMetadata& image = metadata.inputs.emplace_back();
  image.name = "image";
  image.content = TensorMetadata::Content::kImage;
  image.color_space = TensorMetadata::ColorSpace::kRgb;
  image.mean = {127.5f};
  image.std = {127.5f};
  image.min = {-1.0f};
  image.max = {1.0f};
  TensorMetadata& scores = metadata.outputs.emplace_back();
  scores.name = "scores";
  scores.files.push_back({"labels.txt", "", MetadataFile::Type::kAxisLabels, "en", ""});
  SetModelMetadata(module, metadata);
  module.metadata.emplace_back("min_runtime_version", DataOf<char>({'1', '.', '5', '.', '0'}));
  SetLabels(module, "labels.txt", std::vector<std::string>{"cat", "dog"});
  return module;
}

namespace internal {

// Sets every field to a value that is valid and not its default.
struct Perturb {
  template <typename T>
  void operator()(const char*, T& field) const {
    if constexpr (std::is_same_v<T, bool>) {
      field = !field;
    } else if constexpr (std::is_same_v<T, ir::Activation>) {
      field = ir::Activation::kRelu6;
    } else if constexpr (std::is_same_v<T, ir::MirrorMode>) {
      field = ir::MirrorMode::kSymmetric;
    } else if constexpr (std::is_same_v<T, DType>) {
      field = DType::kInt64;
    } else if constexpr (std::is_same_v<T, ir::Window>) {
      field = {ir::Padding::kValid, 2, 3, 1, 1, 0, 0, 0, 0};
    } else if constexpr (std::is_same_v<T, std::string>) {
      field = "name";
    } else if constexpr (std::is_same_v<T, std::vector<int32_t>>) {
      field = {2, 1};
    } else if constexpr (std::is_same_v<T, int32_t> || std::is_same_v<T, float>) {
      field += 1;
    }
  }
};

// Fields that the attributes share with operators whose options lack them.
inline void ClearForeignFields(ir::OpCode op, ir::Attributes& attributes) {
  using Op = ir::OpCode;
  if (auto* a = std::get_if<ir::BinaryAttrs>(&attributes); a && (op == Op::kMul || op == Op::kDiv))
    a->pot_scale_int16 = true;
  if (auto* a = std::get_if<ir::AxisAttrs>(&attributes); a && op == Op::kOneHot) a->count = 0;
  if (auto* a = std::get_if<ir::TypeAttrs>(&attributes); a && op != Op::kCast)
    a->in_type = DType::kInvalid;
  if (auto* a = std::get_if<ir::RnnAttrs>(&attributes); a && op == Op::kRnn) a->time_major = false;
  if (auto* a = std::get_if<ir::LstmAttrs>(&attributes)) {
    if (op == Op::kLstm) a->time_major = a->diagonal_recurrent_tensors = false;
    if (op == Op::kUnidirectionalSequenceLstm) a->basic_kernel = false;
  }
}

template <typename A>
void SetPerturbed(ir::Attributes& attributes) {
  if constexpr (std::is_same_v<A, ir::WhileAttrs> || std::is_same_v<A, ir::IfAttrs>) {
    attributes.emplace<A>(A{1, 2});
  } else if constexpr (std::is_same_v<A, ir::CallOnceAttrs>) {
    attributes.emplace<A>(A{2});
  } else if constexpr (std::is_same_v<A, std::monostate>) {
    attributes.emplace<A>();
  } else {
    A::VisitFields(attributes.emplace<A>(), Perturb());
  }
}

// `kind` is an index into the variant. A table, because a compiler takes long for a chain of tests.
template <typename... A>
void SetPerturbed(size_t kind, std::variant<A...>& attributes) {
  static constexpr void (*kSetters[])(ir::Attributes&) = {&SetPerturbed<A>...};
  kSetters[kind](attributes);
}

}  // namespace internal

// A graph of one node of the operator, its attributes away from their defaults.
inline ir::Module OneNodeModule(const OpHandler& handler) {
  const ir::OpDef& def = ir::DefOf(handler.op);
  ir::Module module;
  module.graphs.resize(3);  // for operators that call
  ir::Graph& graph = module.graphs[0];
  ir::Node node;
  node.op = handler.op;
  node.version = 2;
  node.file_index = 0;  // as if read from a file: the version stays
  internal::SetPerturbed(handler.attributes, node.attributes);
  internal::ClearForeignFields(handler.op, node.attributes);
  const auto add = [&graph](std::vector<int32_t>& list, int count, std::vector<int32_t>& ends) {
    for (int i = 0; i < count; ++i) {
      list.push_back(static_cast<int32_t>(graph.values.size()));
      ends.push_back(list.back());
      graph.values.push_back(MakeValue("v" + std::to_string(list.back()), DType::kFloat32, {2, 1}));
    }
  };
  add(node.inputs, def.infer == nullptr ? 2 : std::max<int>(def.min_inputs, 0), graph.inputs);
  add(node.outputs, def.infer == nullptr ? 1 : std::max<int>(def.min_outputs, 0), graph.outputs);
  graph.nodes.push_back(std::move(node));
  return module;
}

inline void ExpectSameBytes(const ir::ConstantData& a, const ir::ConstantData& b) {
  ASSERT_EQ(a.present(), b.present());
  ASSERT_EQ(a.bytes.size(), b.bytes.size());
  EXPECT_TRUE(std::equal(a.bytes.begin(), a.bytes.end(), b.bytes.begin()));
}

inline void ExpectSameValue(const ir::Value& a, const ir::Value& b) {
  EXPECT_EQ(a.name, b.name);
  EXPECT_EQ(a.type, b.type);
  EXPECT_EQ(a.shape, b.shape);
  EXPECT_EQ(a.has_signature, b.has_signature);
  EXPECT_EQ(a.shape_signature, b.shape_signature);
  EXPECT_EQ(a.has_rank, b.has_rank);
  EXPECT_EQ(a.is_variable, b.is_variable);
  EXPECT_EQ(a.quantization, b.quantization);
  ExpectSameBytes(a.data, b.data);
  ASSERT_EQ(a.sparsity == nullptr, b.sparsity == nullptr);
  if (a.sparsity == nullptr) return;
  EXPECT_EQ(a.sparsity->traversal_order, b.sparsity->traversal_order);
  EXPECT_EQ(a.sparsity->block_map, b.sparsity->block_map);
  ASSERT_EQ(a.sparsity->dimensions.size(), b.sparsity->dimensions.size());
  for (size_t i = 0; i < a.sparsity->dimensions.size(); ++i) {
    const ir::Sparsity::Dimension& x = a.sparsity->dimensions[i];
    const ir::Sparsity::Dimension& y = b.sparsity->dimensions[i];
    EXPECT_EQ(x.level, y.level);
    EXPECT_EQ(x.dense_size, y.dense_size);
    EXPECT_EQ(x.segments, y.segments);
    EXPECT_EQ(x.indices, y.indices);
    if (x.level == ir::Sparsity::Level::kCsr) {
      EXPECT_EQ(x.segment_width, y.segment_width);
      EXPECT_EQ(x.index_width, y.index_width);
    }
  }
}

inline void ExpectSameModule(const ir::Module& a, const ir::Module& b) {
  EXPECT_EQ(a.description, b.description);
  ASSERT_EQ(a.graphs.size(), b.graphs.size());
  for (size_t g = 0; g < a.graphs.size(); ++g) {
    const ir::Graph& x = a.graphs[g];
    const ir::Graph& y = b.graphs[g];
    EXPECT_EQ(x.name, y.name);
    EXPECT_EQ(x.inputs, y.inputs);
    EXPECT_EQ(x.outputs, y.outputs);
    ASSERT_EQ(x.values.size(), y.values.size());
    for (size_t i = 0; i < x.values.size(); ++i) {
      SCOPED_TRACE("value " + std::to_string(i));
      ExpectSameValue(x.values[i], y.values[i]);
    }
    ASSERT_EQ(x.nodes.size(), y.nodes.size());
    for (size_t i = 0; i < x.nodes.size(); ++i) {
      SCOPED_TRACE("node " + std::to_string(i));
      EXPECT_EQ(x.nodes[i].op, y.nodes[i].op);
      EXPECT_EQ(x.nodes[i].version, y.nodes[i].version);
      EXPECT_EQ(x.nodes[i].inputs, y.nodes[i].inputs);
      EXPECT_EQ(x.nodes[i].outputs, y.nodes[i].outputs);
      EXPECT_EQ(x.nodes[i].intermediates, y.nodes[i].intermediates);
      EXPECT_EQ(x.nodes[i].name(), y.nodes[i].name());
      const auto* opaque = std::get_if<ir::OpaqueAttrs>(&x.nodes[i].attributes);
      if (opaque == nullptr) {
        EXPECT_TRUE(x.nodes[i].attributes == y.nodes[i].attributes)
            << ir::ToString(x.nodes[i].attributes) << " became "
            << ir::ToString(y.nodes[i].attributes);
      } else {
        const auto& other = std::get<ir::OpaqueAttrs>(y.nodes[i].attributes);
        EXPECT_EQ(opaque->is_custom, other.is_custom);
        EXPECT_EQ(opaque->custom_options, other.custom_options);
        EXPECT_EQ(opaque->format_code, other.format_code);
      }
    }
  }
  ASSERT_EQ(a.signatures.size(), b.signatures.size());
  for (size_t i = 0; i < a.signatures.size(); ++i) {
    EXPECT_EQ(a.signatures[i].key, b.signatures[i].key);
    EXPECT_EQ(a.signatures[i].subgraph, b.signatures[i].subgraph);
    EXPECT_EQ(a.signatures[i].inputs, b.signatures[i].inputs);
    EXPECT_EQ(a.signatures[i].outputs, b.signatures[i].outputs);
  }
  ASSERT_EQ(a.metadata.size(), b.metadata.size());
  for (size_t i = 0; i < a.metadata.size(); ++i) {
    EXPECT_EQ(a.metadata[i].first, b.metadata[i].first);
    ExpectSameBytes(a.metadata[i].second, b.metadata[i].second);
  }
  ASSERT_EQ(a.associated_files.size(), b.associated_files.size());
  for (size_t i = 0; i < a.associated_files.size(); ++i) {
    EXPECT_EQ(a.associated_files[i].name, b.associated_files[i].name);
    ExpectSameBytes(a.associated_files[i].data, b.associated_files[i].data);
  }
}

}  // namespace edgeml::tflite::testing

#endif  // EDGEML_FORMATS_TFLITE_TEST_MODELS_H_
