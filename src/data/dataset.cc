#include "src/data/dataset.h"

#include <algorithm>
#include <cctype>

#include "src/base/memory_info.h"
#include "src/base/strings.h"
#include "src/data/array_file.h"
#include "src/data/audio.h"
#include "src/data/dataset_kinds.h"
#include "src/data/image.h"

namespace edgeml::data {
namespace {

std::string Lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

// Cuts ":train" or ":test" off the end of `rest`, or takes the default.
bool TakeTrain(std::string_view& rest, std::string_view default_split) {
  for (const std::string_view split : {std::string_view("train"), std::string_view("test")}) {
    if (rest == split) {
      rest = {};
      return split == "train";
    }
    if (rest.ends_with(split) && rest[rest.size() - split.size() - 1] == ':') {
      rest.remove_suffix(split.size() + 1);
      return split == "train";
    }
  }
  return default_split == "train";
}

constexpr std::string_view kForms =
    "mnist:DIR[:train|:test], cifar10:FILE.bin, images:DIR, csv:FILE:LABEL, npz:FILE, wavs:DIR, "
    "digits[:train|:test]";

}  // namespace

int64_t Dataset::num_classes() const {
  if (!class_names_.empty()) return static_cast<int64_t>(class_names_.size());
  int64_t most = -1;
  for (int64_t i = 0; i < size(); ++i) most = std::max(most, Label(i));
  return most + 1;
}

bool HasWavExtension(std::string_view name) { return Lower(name).ends_with(".wav"); }

Result<std::unique_ptr<Dataset>> OpenDataset(std::string_view spec, const DatasetOptions& options) {
  const size_t cap = options.max_bytes != 0 ? options.max_bytes : EffectiveMemoryCap(0) / 2;
  const size_t colon = spec.find(':');
  const std::string_view kind = spec.substr(0, colon);
  std::string_view rest = colon == std::string_view::npos ? "" : spec.substr(colon + 1);
  if (kind == "digits") {
    const bool train = TakeTrain(rest, options.default_split);
    if (rest.empty()) return OpenDigits(train);
  } else if (!rest.empty()) {
    if (kind == "mnist") {
      const bool train = TakeTrain(rest, options.default_split);
      if (!rest.empty()) return OpenMnist(std::string(rest), train);
    }
    if (kind == "cifar10") return OpenCifar10(std::string(rest), cap);
    if (kind == "images") return OpenFolder(std::string(rest), "pictures", HasImageExtension);
    if (kind == "wavs") return OpenFolder(std::string(rest), "wav files", HasWavExtension);
    if (kind == "npz") return OpenNpz(std::string(rest), cap);
    if (kind == "csv") {
      const size_t last = rest.rfind(':');
      if (last != std::string_view::npos && last > 0 && last + 1 < rest.size()) {
        return OpenCsv(std::string(rest.substr(0, last)), rest.substr(last + 1), cap);
      }
    }
  }
  return Error(Code::kInvalidArgument, "'", spec, "' is not a data set; expected one of: ", kForms);
}

Result<Example> ReadExample(const std::string& path) {
  Example example;
  example.name = path;
  if (HasImageExtension(path)) {
    EDGEML_ASSIGN_OR_RETURN(Image image, ReadImage(path));
    example.kind = ExampleKind::kPixels;
    example.values = {DType::kUInt8, Shape{image.height, image.width, image.channels},
                      std::move(image.pixels)};
    return example;
  }
  if (HasWavExtension(path)) {
    EDGEML_ASSIGN_OR_RETURN(const Audio audio, ReadAudio(path));
    example.kind = ExampleKind::kSamples;
    example.sample_rate = audio.sample_rate;
    const auto* bytes = reinterpret_cast<const uint8_t*>(audio.samples.data());
    example.values = {DType::kFloat32, Shape{static_cast<int32_t>(audio.samples.size())},
                      std::vector<uint8_t>(bytes, bytes + audio.samples.size() * sizeof(float))};
    return example;
  }
  if (Lower(path).ends_with(".npy")) {
    EDGEML_ASSIGN_OR_RETURN(example.values, ReadNpy(path));
    return example;
  }
  return Error(Code::kUnsupported, path,
               ": unknown kind of input; expected .jpg, .png, .bmp, .npy, .npz or .wav");
}

}  // namespace edgeml::data
