// Operators' options as other writers leave them: of a kind, or on an operator, that is not
// expected.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "src/formats/tflite/reader.h"
#include "src/formats/tflite/writer.h"
#include "tflite_objects_generated.h"

namespace edgeml::tflite {
namespace {

namespace fbo = fb::objects;

Result<ir::Module> ReadBytes(const std::vector<std::byte>& bytes) {
  const ir::ConstantData copy = ir::ConstantData::Own(bytes);
  return ReadTflite(copy.owner, copy.bytes);
}

// A model of one operator on one float input, made by `fill` on the tables of the format.
std::vector<std::byte> OneOperatorFile(
    fbo::BuiltinOperator code,
    const std::function<void(fbo::OperatorT&, flatbuffers::FlatBufferBuilder&)>& fill,
    fbo::BuiltinOptions patched_type = fbo::BuiltinOptions::NONE) {
  fbo::ModelT model;
  model.version = 3;
  auto& operator_code = model.operator_codes.emplace_back(std::make_unique<fbo::OperatorCodeT>());
  operator_code->builtin_code = code;
  model.buffers.push_back(std::make_unique<fbo::BufferT>());
  auto& graph = model.subgraphs.emplace_back(std::make_unique<fbo::SubGraphT>());
  for (int i = 0; i < 2; ++i)
    graph->tensors.emplace_back(std::make_unique<fbo::TensorT>())->shape = {2};
  graph->inputs = {0};
  graph->outputs = {1};
  auto& op = graph->operators.emplace_back(std::make_unique<fbo::OperatorT>());
  op->inputs = {0};
  op->outputs = {1};
  flatbuffers::FlatBufferBuilder builder;
  fill(*op, builder);
  fbo::FinishModelBuffer(builder, fbo::Model::Pack(builder, &model));
  if (patched_type != fbo::BuiltinOptions::NONE) {
    // The kind of options is a byte in the operator's table; the builder only writes true ones.
    auto* const table = reinterpret_cast<flatbuffers::Table*>(const_cast<fbo::Operator*>(
        fbo::GetModel(builder.GetBufferPointer())->subgraphs()->Get(0)->operators()->Get(0)));
    table->SetField<uint8_t>(fbo::Operator::VT_BUILTIN_OPTIONS_TYPE,
                             static_cast<uint8_t>(patched_type), 0);
  }
  const auto* const bytes = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
  return {bytes, bytes + builder.GetSize()};
}

// The library's verifier does not look into a table of options whose kind it does not know.
TEST(TfliteReader, OptionsOfAnUnknownKindAreNotFollowed) {
  const auto softmax = [](fbo::OperatorT& op, flatbuffers::FlatBufferBuilder&) {
    op.builtin_options.Set(fbo::SoftmaxOptionsT());
  };
  EXPECT_TRUE(ReadBytes(OneOperatorFile(fbo::BuiltinOperator::SOFTMAX, softmax)).ok());
  const Result<ir::Module> module = ReadBytes(OneOperatorFile(
      fbo::BuiltinOperator::SOFTMAX, softmax, static_cast<fbo::BuiltinOptions>(200)));
  ASSERT_FALSE(module.ok());
  EXPECT_EQ(module.status().code(), Code::kUnsupported);
  EXPECT_NE(module.status().message().find("operator 0 (SOFTMAX)"), std::string::npos)
      << module.status().message();
}

TEST(TfliteReader, OptionsOfAnotherOperatorAreAnErrorIfTheySayAnything) {
  const auto fill = [](float alpha) {
    return [alpha](fbo::OperatorT& op, flatbuffers::FlatBufferBuilder&) {
      fbo::LeakyReluOptionsT options;
      options.alpha = alpha;
      op.builtin_options.Set(std::move(options));
    };
  };
  EXPECT_TRUE(ReadBytes(OneOperatorFile(fbo::BuiltinOperator::RELU, fill(0.0f))).ok());
  EXPECT_EQ(ReadBytes(OneOperatorFile(fbo::BuiltinOperator::RELU, fill(0.5f))).status().code(),
            Code::kUnsupported);
}

// Builtin operators that the graph has no code for go through with all they carry.
TEST(TfliteRoundTrip, OpaqueBuiltins) {
  const std::vector<std::byte> first =
      OneOperatorFile(fbo::BuiltinOperator::CONCAT_EMBEDDINGS,
                      [](fbo::OperatorT& op, flatbuffers::FlatBufferBuilder&) {
                        fbo::ConcatEmbeddingsOptionsT options;
                        options.num_channels = 3;
                        options.num_columns_per_channel = {1, 2, 3};
                        op.builtin_options.Set(std::move(options));
                      });
  const std::vector<std::byte> second =
      OneOperatorFile(fbo::BuiltinOperator::STABLEHLO_SLICE,
                      [](fbo::OperatorT& op, flatbuffers::FlatBufferBuilder&) {
                        fbo::StablehloSliceOptionsT options;
                        options.start_indices = {4, 5, 6};
                        options.strides = {1};
                        op.builtin_options_2.Set(std::move(options));
                      });
  const auto rewritten = [](const std::vector<std::byte>& bytes) {
    const Result<ir::Module> module = ReadBytes(bytes);
    EXPECT_TRUE(module.ok()) << module.status().message();
    EXPECT_EQ(module->graphs[0].nodes[0].op, ir::OpCode::kCustom);
    const Result<std::vector<std::byte>> written = WriteTflite(*module, {});
    EXPECT_TRUE(written.ok()) << written.status().message();
    std::unique_ptr<fbo::ModelT> model = fbo::UnPackModel(written->data());
    EXPECT_EQ(model->operator_codes.size(), 1u);
    return model;
  };
  const auto embeddings = rewritten(first);
  const auto* channels =
      embeddings->subgraphs[0]->operators[0]->builtin_options.AsConcatEmbeddingsOptions();
  ASSERT_NE(channels, nullptr);
  EXPECT_EQ(embeddings->operator_codes[0]->builtin_code, fbo::BuiltinOperator::CONCAT_EMBEDDINGS);
  EXPECT_EQ(channels->num_channels, 3);
  EXPECT_EQ(channels->num_columns_per_channel, (std::vector<int32_t>{1, 2, 3}));
  const auto slice = rewritten(second);
  const auto* starts =
      slice->subgraphs[0]->operators[0]->builtin_options_2.AsStablehloSliceOptions();
  ASSERT_NE(starts, nullptr);
  EXPECT_EQ(slice->operator_codes[0]->builtin_code, fbo::BuiltinOperator::STABLEHLO_SLICE);
  EXPECT_EQ(starts->start_indices, (std::vector<int64_t>{4, 5, 6}));
  EXPECT_EQ(starts->strides, (std::vector<int64_t>{1}));
}

}  // namespace
}  // namespace edgeml::tflite
