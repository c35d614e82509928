// What a model says about its inputs and outputs: names, normalization, labels.
#ifndef EDGEML_FORMATS_TFLITE_METADATA_H_
#define EDGEML_FORMATS_TFLITE_METADATA_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "edgeml/edgeml.h"
#include "edgeml/status.h"
#include "src/ir/graph.h"

namespace edgeml::tflite {

// The name of the module's metadata blob.
inline constexpr std::string_view kMetadataName = "TFLITE_METADATA";

struct MetadataFile {
  enum class Type : uint8_t {
    kUnknown,
    kDescriptions,
    kAxisLabels,   // line i names index i of an axis
    kValueLabels,  // line i names what a value of i stands for
    kScoreCalibration,
    kVocabulary,
    kScannIndex,
  };
  std::string name;  // of the associated file
  std::string description;
  Type type = Type::kUnknown;
  std::string locale, version;
  friend bool operator==(const MetadataFile&, const MetadataFile&) = default;
};

struct TensorMetadata {
  enum class Content : uint8_t { kNone, kFeature, kImage, kBoundingBox, kAudio };
  enum class ColorSpace : uint8_t { kUnknown, kRgb, kGrayscale };

  std::string name, description;
  std::vector<std::string> dimension_names;
  Content content = Content::kNone;
  ColorSpace color_space = ColorSpace::kUnknown;   // images
  uint32_t default_width = 0, default_height = 0;  // images of dynamic size; 0 = not stated
  uint32_t sample_rate = 0, channels = 0;          // audio
  std::vector<float> mean, std;  // (x - mean) / std, one number or one per channel; empty = none
  std::vector<float> min, max;   // range of values, informative
  std::optional<float> score_threshold;
  std::vector<MetadataFile> files;

  // The first file of labels, null when there is none.
  const MetadataFile* labels() const;
  friend bool operator==(const TensorMetadata&, const TensorMetadata&) = default;
};

struct ModelMetadata {
  std::string name, description, version, author, license;
  std::vector<TensorMetadata> inputs, outputs;  // in the order of the main graph's
  std::vector<MetadataFile> files;              // that belong to the model as a whole
  friend bool operator==(const ModelMetadata&, const ModelMetadata&) = default;
};

// Takes a metadata blob apart. Safe on any bytes: kInvalidModel when they are not one. What
// ModelMetadata has no field for (tokenizers, score calibration, boxes' order) is passed over.
Result<ModelMetadata> ParseModelMetadata(std::span<const std::byte> blob);

// The metadata of a module; nullopt when it has none.
Result<std::optional<ModelMetadata>> ReadModelMetadata(const ir::Module& module);

// The same as the public interface shows it: labels read in (4 MB of them at most), an empty struct
// when there is none.
Result<edgeml::ModelMetadata> ReadMetadata(const ir::Module& module);

// The blob that ParseModelMetadata() reads back as `metadata`. The same input gives the same bytes.
std::vector<std::byte> SerializeModelMetadata(const ModelMetadata& metadata);

// Puts `metadata` into the module, in the place of what was there. A module whose metadata is not
// touched keeps its blob as it was.
void SetModelMetadata(ir::Module& module, const ModelMetadata& metadata);

// The lines of an associated file, without line ends. kNotFound when the module lacks the file,
// kResourceExhausted when it is larger than 4 MB.
Result<std::vector<std::string>> ReadLabels(const ir::Module& module, std::string_view file_name);

// Adds an associated file of one label per line, or replaces the one of that name.
void SetLabels(ir::Module& module, const std::string& file_name,
               std::span<const std::string> labels);

}  // namespace edgeml::tflite

#endif  // EDGEML_FORMATS_TFLITE_METADATA_H_
