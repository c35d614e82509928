#include "src/formats/tflite/metadata.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "src/formats/tflite/zip.h"

namespace edgeml::tflite {
namespace {

ModelMetadata Sample() {
  ModelMetadata metadata;
  metadata.name = "model";
  metadata.description = "what it is";
  metadata.version = "v1";
  metadata.author = "somebody";
  metadata.license = "Apache-2.0";
  metadata.files.push_back({"readme.txt", "", MetadataFile::Type::kDescriptions, "", ""});
  TensorMetadata& image = metadata.inputs.emplace_back();
  image.name = "image";
  image.dimension_names = {"batch", "height", "width", "channels"};
  image.content = TensorMetadata::Content::kImage;
  image.color_space = TensorMetadata::ColorSpace::kGrayscale;
  image.default_width = 96;
  image.default_height = 64;
  image.mean = {1.0f, 2.0f, 3.0f};
  image.std = {4.0f, 5.0f, 6.0f};
  image.min = {-1.0f};
  image.max = {1.0f};
  TensorMetadata& sound = metadata.inputs.emplace_back();
  sound.content = TensorMetadata::Content::kAudio;
  sound.sample_rate = 16000;
  sound.channels = 1;
  TensorMetadata& scores = metadata.outputs.emplace_back();
  scores.name = "scores";
  scores.content = TensorMetadata::Content::kFeature;
  scores.score_threshold = 0.25f;
  scores.files.push_back({"vocab.txt", "", MetadataFile::Type::kVocabulary, "", ""});
  scores.files.push_back({"labels.txt", "names", MetadataFile::Type::kAxisLabels, "en", "2"});
  return metadata;
}

TEST(TfliteMetadata, RoundTrip) {
  const ModelMetadata metadata = Sample();
  const std::vector<std::byte> blob = SerializeModelMetadata(metadata);
  const Result<ModelMetadata> again = ParseModelMetadata(blob);
  ASSERT_TRUE(again.ok()) << again.status().message();
  EXPECT_EQ(*again, metadata);
  EXPECT_EQ(SerializeModelMetadata(*again), blob);
  ASSERT_NE(again->outputs[0].labels(), nullptr);
  EXPECT_EQ(again->outputs[0].labels()->name, "labels.txt");
  EXPECT_EQ(again->inputs[0].labels(), nullptr);
}

TEST(TfliteMetadata, ReplacesWhatTheModuleHas) {
  ir::Module module;
  EXPECT_FALSE(ReadModelMetadata(module)->has_value());
  ModelMetadata metadata = Sample();
  SetModelMetadata(module, metadata);
  metadata.name = "other";
  SetModelMetadata(module, metadata);
  EXPECT_EQ(module.metadata.size(), 1u);
  EXPECT_EQ((*ReadModelMetadata(module))->name, "other");
}

TEST(TfliteMetadata, LabelsThroughThePublicInterface) {
  ir::Module module;
  SetModelMetadata(module, Sample());
  SetLabels(module, "labels.txt", std::vector<std::string>{"cat", "", "dog"});
  const Result<edgeml::ModelMetadata> shown = ReadMetadata(module);
  ASSERT_TRUE(shown.ok());
  EXPECT_EQ(shown->inputs[0].mean, (std::vector<float>{1, 2, 3}));
  EXPECT_EQ(shown->outputs[0].labels, (std::vector<std::string>{"cat", "", "dog"}));
  EXPECT_EQ(shown->associated_files, std::vector<std::string>{"labels.txt"});
  EXPECT_EQ(ReadLabels(module, "none").status().code(), Code::kNotFound);
}

TEST(TfliteMetadata, HostileBytesAreSafe) {
  const std::vector<std::byte> blob = SerializeModelMetadata(Sample());
  for (size_t size = 0; size < blob.size(); ++size)
    (void)ParseModelMetadata(std::span(blob).first(size));
  EXPECT_FALSE(ParseModelMetadata({}).ok());
  for (size_t i = 0; i < blob.size(); ++i) {
    for (const int value : {0, 1, 0x7F, 0x80, 0xFF}) {
      std::vector<std::byte> damaged = blob;
      damaged[i] = static_cast<std::byte>(value);
      (void)ParseModelMetadata(damaged);
    }
  }
}

std::vector<std::byte> BytesOf(const std::string& text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

// `size` bytes of something else, then the archive.
std::vector<std::byte> Behind(size_t size, const std::vector<std::byte>& zip) {
  std::vector<std::byte> file(size + zip.size(), std::byte{7});
  std::copy(zip.begin(), zip.end(), file.begin() + static_cast<ptrdiff_t>(size));
  return file;
}

TEST(TfliteZip, RoundTripBehindAModel) {
  const std::vector<ir::AssociatedFile> files = {
      {"labels.txt", ir::ConstantData::Own(BytesOf("cat\ndog\n"))},
      {"empty", ir::ConstantData::Own({})},
  };
  const auto zip = WriteZip(files, 100);
  ASSERT_TRUE(zip.ok());
  const ir::ConstantData all = ir::ConstantData::Own(Behind(100, *zip));
  const auto again = ReadTrailingZip(all.owner, all.bytes);
  ASSERT_TRUE(again.ok()) << again.status().message();
  ASSERT_EQ(again->size(), 2u);
  EXPECT_EQ((*again)[0].name, "labels.txt");
  EXPECT_EQ(std::vector<std::byte>((*again)[0].data.bytes.begin(), (*again)[0].data.bytes.end()),
            BytesOf("cat\ndog\n"));
  EXPECT_TRUE((*again)[1].data.bytes.empty());
  EXPECT_TRUE((*again)[1].data.present());
}

// Offsets may also count from the archive's own beginning, as when one is appended with `cat`.
TEST(TfliteZip, OffsetsFromItsOwnBeginning) {
  const std::vector<ir::AssociatedFile> files = {{"a", ir::ConstantData::Own(BytesOf("b"))}};
  const auto zip = WriteZip(files, 0);
  ASSERT_TRUE(zip.ok());
  const ir::ConstantData all = ir::ConstantData::Own(Behind(33, *zip));
  const auto again = ReadTrailingZip(all.owner, all.bytes);
  ASSERT_TRUE(again.ok()) << again.status().message();
  EXPECT_EQ(again->size(), 1u);
}

TEST(TfliteZip, DamageIsAnErrorOrHarmless) {
  const std::vector<ir::AssociatedFile> files = {
      {"labels.txt", ir::ConstantData::Own(BytesOf("cat\ndog\n"))}};
  const auto zip = WriteZip(files, 0);
  ASSERT_TRUE(zip.ok());
  int errors = 0;
  for (size_t i = 0; i < zip->size(); ++i) {
    for (const int value : {0, 1, 0x7F, 0x80, 0xFF}) {
      std::vector<std::byte> damaged = *zip;
      damaged[i] = static_cast<std::byte>(value);
      const ir::ConstantData all = ir::ConstantData::Own(damaged);
      errors += ReadTrailingZip(all.owner, all.bytes).ok() ? 0 : 1;
    }
  }
  EXPECT_GT(errors, 50);
  std::vector<std::byte> wrong = *zip;
  wrong[30 + 10] ^= std::byte{1};  // the first byte of the content
  const ir::ConstantData all = ir::ConstantData::Own(wrong);
  const auto again = ReadTrailingZip(all.owner, all.bytes);
  ASSERT_FALSE(again.ok());
  EXPECT_NE(again.status().message().find("labels.txt"), std::string::npos);
  EXPECT_NE(again.status().message().find("checksum"), std::string::npos);
}

}  // namespace
}  // namespace edgeml::tflite
