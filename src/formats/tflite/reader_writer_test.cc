// Reading and writing: what goes through is the same, what is wrong is named.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "src/formats/tflite/metadata.h"
#include "src/formats/tflite/ops.h"
#include "src/formats/tflite/reader.h"
#include "src/formats/tflite/test_models.h"
#include "src/formats/tflite/writer.h"
#include "src/ir/op_def.h"

namespace edgeml::tflite {
namespace {

using testing::ExpectSameModule;
using testing::FloatsOf;
using testing::TinyModule;

std::vector<std::byte> Bytes(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

Result<ir::Module> ReadBytes(const std::vector<std::byte>& bytes) {
  const ir::ConstantData copy = ir::ConstantData::Own(bytes);
  return ReadTflite(copy.owner, copy.bytes);
}

std::vector<std::byte> MustWrite(const ir::Module& module, const WriteOptions& options = {}) {
  Result<std::vector<std::byte>> bytes = WriteTflite(module, options);
  EXPECT_TRUE(bytes.ok()) << bytes.status().message();
  return bytes.ok() ? *std::move(bytes) : std::vector<std::byte>();
}

void ExpectRoundTrip(const ir::Module& module, const WriteOptions& options = {}) {
  const std::vector<std::byte> bytes = MustWrite(module, options);
  const Result<ir::Module> again = ReadBytes(bytes);
  ASSERT_TRUE(again.ok()) << again.status().message();
  ExpectSameModule(module, *again);
  EXPECT_EQ(MustWrite(*again, options), bytes) << "writing is not deterministic";
}

TEST(TfliteRoundTrip, TinyModel) { ExpectRoundTrip(TinyModule()); }

TEST(TfliteRoundTrip, BuffersOutsideOfTheFlatBuffer) {
  ExpectRoundTrip(TinyModule(), {.max_inline_bytes = 0});
}

TEST(TfliteRoundTrip, ConstantsPointIntoTheFile) {
  const ir::ConstantData file = ir::ConstantData::Own(MustWrite(TinyModule()));
  const Result<ir::Module> module = ReadTflite(file.owner, file.bytes);
  ASSERT_TRUE(module.ok()) << module.status().message();
  int constants = 0;
  for (const ir::Value& value : module->graphs[0].values) {
    if (!value.is_constant() || value.data.bytes.empty()) continue;
    ++constants;
    EXPECT_GE(value.data.bytes.data(), file.bytes.data()) << value.name;
    EXPECT_LT(value.data.bytes.data(), file.bytes.data() + file.bytes.size()) << value.name;
    const auto offset = static_cast<size_t>(value.data.bytes.data() - file.bytes.data());
    EXPECT_EQ(offset % 16, 0u) << value.name;
  }
  EXPECT_GT(constants, 0);
}

TEST(TfliteRoundTrip, MisalignedFileIsCopied) {
  std::vector<std::byte> shifted = MustWrite(TinyModule());
  shifted.insert(shifted.begin(), std::byte{0});
  const ir::ConstantData file = ir::ConstantData::Own(std::move(shifted));
  const Result<ir::Module> module = ReadTflite(file.owner, file.bytes.subspan(1));
  ASSERT_TRUE(module.ok()) << module.status().message();
  ExpectSameModule(TinyModule(), *module);
}

TEST(TfliteWriter, SharesEqualBuffersAndDropsDeadOnes) {
  ir::Module one = TinyModule();
  ir::Value weights = one.graphs[0].values[1];
  weights.data = FloatsOf(std::vector<float>(10'000, 0.5f));
  weights.shape = Shape{100, 100};
  one.graphs[0].values.push_back(weights);
  ir::Module two = one;
  two.graphs[0].values.push_back(weights);
  two.graphs[0].values.back().data = FloatsOf(std::vector<float>(10'000, 0.5f));
  const size_t one_size = MustWrite(one).size();
  const size_t two_size = MustWrite(two).size();
  EXPECT_GT(one_size, 40'000u);
  EXPECT_LT(two_size, one_size + 1'000);
  two.graphs[0].values.back().data = {};
  two.graphs[0].values[two.graphs[0].values.size() - 2].data = {};
  EXPECT_LT(MustWrite(two).size(), 10'000u);
}

// Every operator with a handler, with attributes away from their defaults where it has any.
TEST(TfliteRoundTrip, EveryOperator) {
  for (const OpHandler& handler : OpHandlers()) {
    SCOPED_TRACE(NameOf(handler.code));
    const ir::OpDef& def = ir::DefOf(handler.op);
    if (def.infer != nullptr) {
      EXPECT_EQ(def.attributes, handler.attributes);
    }
    ExpectRoundTrip(testing::OneNodeModule(handler));
  }
}

TEST(TfliteOps, EveryOpCodeButCustomOnesHasAHandler) {
  for (int i = 0; i < ir::kNumOpCodes; ++i) {
    const auto op = static_cast<ir::OpCode>(i);
    if (op == ir::OpCode::kCustom || op == ir::OpCode::kDetectionPostProcess) continue;
    EXPECT_NE(HandlerOf(op), nullptr) << ir::NameOf(op);
    if (HandlerOf(op) != nullptr) {
      EXPECT_EQ(ir::NameOf(op), NameOf(HandlerOf(op)->code));
    }
  }
}

TEST(TfliteReader, NamesWhatAFileReallyIs) {
  const auto message = [](std::string_view content) {
    const std::vector<std::byte> bytes = Bytes(content);
    const Result<ir::Module> module = ReadBytes(bytes);
    EXPECT_FALSE(module.ok());
    EXPECT_EQ(module.status().code(), Code::kInvalidModel);
    return module.status().message();
  };
  using namespace std::string_view_literals;
  EXPECT_NE(
      message("version https://git-lfs.github.com/spec/v1\noid sha256:0").find("git lfs pull"),
      std::string::npos);
  EXPECT_NE(message("\x89HDF\r\n\x1a\n....").find("HDF5"), std::string::npos);
  EXPECT_NE(message("PK\x03\x04........").find("zip"), std::string::npos);
  EXPECT_NE(message("\x08\x07\x12\x07pytorch\x1a\x03"
                    "1.0")
                .find("ONNX"),
            std::string::npos);
  EXPECT_NE(message("hello, this is no model\n").find("text"), std::string::npos);
  EXPECT_NE(message("\0\0\0\0TFL2\0\0\0\0"sv).find("TFL2"), std::string::npos);
  EXPECT_NE(message("\x1c\0\0\0TFL3\0\0\0\0"sv).find("cut off"), std::string::npos);
  EXPECT_NE(message("").find("empty"), std::string::npos);
}

TEST(TfliteReader, FilesThatAreNone) {
  const std::string folder = ::testing::TempDir();
  EXPECT_EQ(ReadTfliteFile(folder + "/no-such.tflite").status().code(), Code::kNotFound);
  const Status directory = ReadTfliteFile(folder).status();
  EXPECT_EQ(directory.code(), Code::kInvalidModel);
  EXPECT_NE(directory.message().find("directory"), std::string::npos);
  const std::string empty = folder + "/empty.tflite";
  std::ofstream(empty).close();
  EXPECT_NE(ReadTfliteFile(empty).status().message().find("empty"), std::string::npos);
  std::filesystem::remove(empty);
}

TEST(TfliteReader, FilesThroughTheDisk) {
  const std::string path = ::testing::TempDir() + "/tiny.tflite";
  ASSERT_TRUE(WriteTfliteFile(TinyModule(), path).ok());
  std::shared_ptr<const MappedFile> mapped;
  const Result<ir::Module> module = ReadTfliteFile(path, {}, &mapped);
  ASSERT_TRUE(module.ok()) << module.status().message();
  ExpectSameModule(TinyModule(), *module);
  EXPECT_TRUE(mapped->StillIntact());
  std::filesystem::resize_file(path, 100);
  EXPECT_FALSE(mapped->StillIntact());
  std::filesystem::remove(path);
}

// Cut off at every length: an error or, where only the archive at the end is gone, a model.
TEST(TfliteReader, EveryTruncationIsAnError) {
  ir::Module tiny = TinyModule();
  tiny.associated_files.clear();
  const std::vector<std::byte> bytes = MustWrite(tiny);
  size_t errors = 0;
  for (size_t size = 0; size < bytes.size(); ++size) {
    const Result<ir::Module> module = ReadBytes({bytes.begin(), bytes.begin() + size});
    errors += module.ok() ? 0 : 1;
    if (!module.ok()) {
      EXPECT_FALSE(module.status().message().empty());
    }
  }
  EXPECT_EQ(errors, bytes.size());
}

// Damaged files give a module that passes the verifier and can be written, or an error.
TEST(TfliteReader, RandomDamageIsSurvived) {
  const std::vector<std::byte> bytes = MustWrite(TinyModule());
  const char* const given = std::getenv("EDGEML_TEST_SEED");
  uint64_t state = given != nullptr ? std::strtoull(given, nullptr, 10) : 20240607;
  std::printf("seed %llu (EDGEML_TEST_SEED)\n", static_cast<unsigned long long>(state));
  const auto next = [&state] {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<size_t>(state >> 33);
  };
  int errors = 0;
  for (int round = 0; round < 3000; ++round) {
    std::vector<std::byte> damaged = bytes;
    const size_t flips = 1 + next() % 4;
    for (size_t i = 0; i < flips; ++i)
      damaged[next() % damaged.size()] ^= static_cast<std::byte>(1u << (next() % 8));
    const Result<ir::Module> module = ReadBytes(damaged);
    if (!module.ok()) {
      ++errors;
      continue;
    }
    (void)WriteTflite(*module);
    (void)ReadModelMetadata(*module);
  }
  EXPECT_GT(errors, 0);
  EXPECT_LT(errors, 3000);
}

TEST(TfliteWriter, RefusesWhatTheFormatLacks) {
  ir::Module module = TinyModule();
  ir::Node& node = module.graphs[0].nodes[0];
  ASSERT_EQ(node.op, ir::OpCode::kConv2D);
  std::get<ir::ConvAttrs>(node.attributes).window.padding = ir::Padding::kExplicit;
  const Result<std::vector<std::byte>> bytes = WriteTflite(module);
  ASSERT_FALSE(bytes.ok());
  EXPECT_EQ(bytes.status().code(), Code::kUnsupported);
  EXPECT_NE(bytes.status().message().find("operator 0 (CONV_2D)"), std::string::npos)
      << bytes.status().message();
}

TEST(TfliteDetection, OptionsRoundTripAndHostileBytesAreSafe) {
  ir::DetectionPostProcessAttrs attrs;
  attrs.max_detections = 10;
  attrs.max_classes_per_detection = 1;
  attrs.detections_per_class = 7;
  attrs.use_regular_nms = true;
  attrs.nms_score_threshold = 1e-8f;
  attrs.nms_iou_threshold = 0.6f;
  attrs.num_classes = 90;
  attrs.y_scale = attrs.x_scale = 10;
  attrs.h_scale = attrs.w_scale = 5;
  const std::vector<uint8_t> encoded = WriteDetectionOptions(attrs);
  ir::DetectionPostProcessAttrs again;
  ASSERT_TRUE(ReadDetectionOptions(encoded, again).ok());
  again.encoded.clear();
  EXPECT_EQ(again, attrs);
  for (size_t i = 0; i < encoded.size(); ++i) {
    std::vector<uint8_t> damaged = encoded;
    for (const int value : {0, 1, 0x7F, 0x80, 0xFF}) {
      damaged[i] = static_cast<uint8_t>(value);
      (void)ReadDetectionOptions(damaged, again);
    }
    (void)ReadDetectionOptions(std::span(encoded).first(i), again);
  }
}

// The real models that nobody here made.
TEST(TfliteRoundTrip, RealModels) {
  const char* const given = std::getenv("EDGEML_TEST_DATA");
  const std::filesystem::path folder =
      given != nullptr ? given : std::filesystem::path(EDGEML_SOURCE_DIR) / "../shared/data";
  if (!std::filesystem::is_directory(folder))
    GTEST_SKIP() << "SKIPPED: the real models are not in " << folder
                 << "; set EDGEML_TEST_DATA to their folder";
  int models = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".tflite") continue;
    SCOPED_TRACE(entry.path());
    const Result<ir::Module> module = ReadTfliteFile(entry.path());
    ASSERT_TRUE(module.ok()) << module.status().message();
    EXPECT_GT(module->graphs[0].nodes.size(), 0u);
    ExpectRoundTrip(*module);
    ++models;
  }
  EXPECT_GT(models, 0);
}

}  // namespace
}  // namespace edgeml::tflite
