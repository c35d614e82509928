#include "src/formats/tflite/metadata.h"

#include <algorithm>
#include <utility>

#include "metadata_generated.h"
#include "src/base/strings.h"
#include "src/formats/tflite/budget.h"

namespace edgeml::tflite {
namespace {

namespace meta = fb::meta;

constexpr flatbuffers::uoffset_t kMaxDepth = 16;
constexpr flatbuffers::uoffset_t kMaxTables = 100'000;
constexpr size_t kMaxLabelBytes = 4'000'000;

template <typename T>
size_t SizeOf(const T* vector) {
  return vector == nullptr ? 0 : vector->size();
}

// The first metadata version that has everything this module may write.
constexpr char kMinParserVersion[] = "1.0.0";
constexpr char kMinParserVersionAudio[] = "1.3.0";

class Parser {
 public:
  explicit Parser(size_t bytes) : budget_(bytes) {}

  Status Model(const meta::ModelMetadata& in, ModelMetadata& out) {
    EDGEML_RETURN_IF_ERROR(Text(in.name(), out.name));
    EDGEML_RETURN_IF_ERROR(Text(in.description(), out.description));
    EDGEML_RETURN_IF_ERROR(Text(in.version(), out.version));
    EDGEML_RETURN_IF_ERROR(Text(in.author(), out.author));
    EDGEML_RETURN_IF_ERROR(Text(in.license(), out.license));
    EDGEML_RETURN_IF_ERROR(Files(in.associated_files(), out.files));
    if (SizeOf(in.subgraph_metadata()) == 0) return Status::Ok();
    const meta::SubGraphMetadata& main = *in.subgraph_metadata()->Get(0);
    EDGEML_RETURN_IF_ERROR(Tensors(main.input_tensor_metadata(), out.inputs));
    return Tensors(main.output_tensor_metadata(), out.outputs);
  }

 private:
  Status Text(const flatbuffers::String* in, std::string& out) {
    if (in == nullptr) return Status::Ok();
    EDGEML_RETURN_IF_ERROR(budget_.Charge(in->size()));
    out.assign(in->c_str(), in->size());
    return Status::Ok();
  }

  Status Floats(const flatbuffers::Vector<float>* in, std::vector<float>& out) {
    if (in == nullptr) return Status::Ok();
    EDGEML_RETURN_IF_ERROR(budget_.Charge(uint64_t{in->size()} * sizeof(float)));
    out.assign(in->begin(), in->end());
    return Status::Ok();
  }

  Status Files(const flatbuffers::Vector<flatbuffers::Offset<meta::AssociatedFile>>* in,
               std::vector<MetadataFile>& out) {
    for (uint32_t i = 0; i < SizeOf(in); ++i) {
      const meta::AssociatedFile& file = *in->Get(i);
      EDGEML_RETURN_IF_ERROR(budget_.Charge(sizeof(MetadataFile)));
      MetadataFile& to = out.emplace_back();
      EDGEML_RETURN_IF_ERROR(Text(file.name(), to.name));
      EDGEML_RETURN_IF_ERROR(Text(file.description(), to.description));
      EDGEML_RETURN_IF_ERROR(Text(file.locale(), to.locale));
      EDGEML_RETURN_IF_ERROR(Text(file.version(), to.version));
      const bool known = file.type() >= meta::AssociatedFileType::MIN &&
                         file.type() <= meta::AssociatedFileType::MAX;
      to.type = known ? static_cast<MetadataFile::Type>(file.type()) : MetadataFile::Type::kUnknown;
    }
    return Status::Ok();
  }

  Status Tensors(const flatbuffers::Vector<flatbuffers::Offset<meta::TensorMetadata>>* in,
                 std::vector<TensorMetadata>& out) {
    for (uint32_t i = 0; i < SizeOf(in); ++i) {
      EDGEML_RETURN_IF_ERROR(budget_.Charge(sizeof(TensorMetadata)));
      EDGEML_RETURN_IF_ERROR(Tensor(*in->Get(i), out.emplace_back()));
    }
    return Status::Ok();
  }

  Status Tensor(const meta::TensorMetadata& in, TensorMetadata& out) {
    EDGEML_RETURN_IF_ERROR(Text(in.name(), out.name));
    EDGEML_RETURN_IF_ERROR(Text(in.description(), out.description));
    for (uint32_t i = 0; i < SizeOf(in.dimension_names()); ++i) {
      EDGEML_RETURN_IF_ERROR(budget_.Charge(sizeof(std::string)));
      EDGEML_RETURN_IF_ERROR(
          Text(in.dimension_names()->Get(i), out.dimension_names.emplace_back()));
    }
    if (in.content() != nullptr) Content(*in.content(), out);
    for (uint32_t i = 0; i < SizeOf(in.process_units()); ++i) {
      const meta::ProcessUnit& unit = *in.process_units()->Get(i);
      if (const auto* normalization = unit.options_as_NormalizationOptions()) {
        EDGEML_RETURN_IF_ERROR(Floats(normalization->mean(), out.mean));
        EDGEML_RETURN_IF_ERROR(Floats(normalization->std(), out.std));
      } else if (const auto* threshold = unit.options_as_ScoreThresholdingOptions()) {
        out.score_threshold = threshold->global_score_threshold();
      }
    }
    if (in.stats() != nullptr) {
      EDGEML_RETURN_IF_ERROR(Floats(in.stats()->min(), out.min));
      EDGEML_RETURN_IF_ERROR(Floats(in.stats()->max(), out.max));
    }
    return Files(in.associated_files(), out.files);
  }

  static void Content(const meta::Content& in, TensorMetadata& out) {
    if (in.content_properties_as_FeatureProperties() != nullptr) {
      out.content = TensorMetadata::Content::kFeature;
    } else if (const auto* image = in.content_properties_as_ImageProperties()) {
      out.content = TensorMetadata::Content::kImage;
      if (image->color_space() >= meta::ColorSpaceType::MIN &&
          image->color_space() <= meta::ColorSpaceType::MAX)
        out.color_space = static_cast<TensorMetadata::ColorSpace>(image->color_space());
      if (image->default_size() != nullptr) {
        out.default_width = image->default_size()->width();
        out.default_height = image->default_size()->height();
      }
    } else if (in.content_properties_as_BoundingBoxProperties() != nullptr) {
      out.content = TensorMetadata::Content::kBoundingBox;
    } else if (const auto* audio = in.content_properties_as_AudioProperties()) {
      out.content = TensorMetadata::Content::kAudio;
      out.sample_rate = audio->sample_rate();
      out.channels = audio->channels();
    }
  }

  Budget budget_;
};

std::vector<std::unique_ptr<meta::AssociatedFileT>> ToFiles(const std::vector<MetadataFile>& in) {
  std::vector<std::unique_ptr<meta::AssociatedFileT>> out;
  for (const MetadataFile& file : in) {
    auto& to = out.emplace_back(std::make_unique<meta::AssociatedFileT>());
    to->name = file.name;
    to->description = file.description;
    to->type = static_cast<meta::AssociatedFileType>(file.type);
    to->locale = file.locale;
    to->version = file.version;
  }
  return out;
}

std::unique_ptr<meta::ContentT> ToContent(const TensorMetadata& in) {
  if (in.content == TensorMetadata::Content::kNone) return nullptr;
  auto out = std::make_unique<meta::ContentT>();
  switch (in.content) {
    case TensorMetadata::Content::kNone:
      break;
    case TensorMetadata::Content::kFeature:
      out->content_properties.Set(meta::FeaturePropertiesT());
      break;
    case TensorMetadata::Content::kImage: {
      meta::ImagePropertiesT image;
      image.color_space = static_cast<meta::ColorSpaceType>(in.color_space);
      if (in.default_width != 0 || in.default_height != 0) {
        image.default_size = std::make_unique<meta::ImageSizeT>();
        image.default_size->width = in.default_width;
        image.default_size->height = in.default_height;
      }
      out->content_properties.Set(std::move(image));
      break;
    }
    case TensorMetadata::Content::kBoundingBox:
      out->content_properties.Set(meta::BoundingBoxPropertiesT());
      break;
    case TensorMetadata::Content::kAudio: {
      meta::AudioPropertiesT audio;
      audio.sample_rate = in.sample_rate;
      audio.channels = in.channels;
      out->content_properties.Set(std::move(audio));
      break;
    }
  }
  return out;
}

std::unique_ptr<meta::TensorMetadataT> ToTensor(const TensorMetadata& in) {
  auto out = std::make_unique<meta::TensorMetadataT>();
  out->name = in.name;
  out->description = in.description;
  out->dimension_names = in.dimension_names;
  out->content = ToContent(in);
  if (!in.mean.empty() || !in.std.empty()) {
    meta::NormalizationOptionsT normalization;
    normalization.mean = in.mean;
    normalization.std = in.std;
    out->process_units.emplace_back(std::make_unique<meta::ProcessUnitT>())
        ->options.Set(std::move(normalization));
  }
  if (in.score_threshold) {
    meta::ScoreThresholdingOptionsT threshold;
    threshold.global_score_threshold = *in.score_threshold;
    out->process_units.emplace_back(std::make_unique<meta::ProcessUnitT>())
        ->options.Set(std::move(threshold));
  }
  if (!in.min.empty() || !in.max.empty()) {
    out->stats = std::make_unique<meta::StatsT>();
    out->stats->min = in.min;
    out->stats->max = in.max;
  }
  out->associated_files = ToFiles(in.files);
  return out;
}

}  // namespace

const MetadataFile* TensorMetadata::labels() const {
  for (const MetadataFile& file : files)
    if (file.type == MetadataFile::Type::kAxisLabels ||
        file.type == MetadataFile::Type::kValueLabels)
      return &file;
  return nullptr;
}

Result<ModelMetadata> ParseModelMetadata(std::span<const std::byte> blob) {
  // Read in place, which needs an aligned base.
  std::vector<std::byte> aligned;
  if (reinterpret_cast<uintptr_t>(blob.data()) % 8 != 0) {
    aligned.assign(blob.begin(), blob.end());
    blob = aligned;
  }
  const auto* const bytes = reinterpret_cast<const uint8_t*>(blob.data());
  if (blob.size() >= FLATBUFFERS_MAX_BUFFER_SIZE)
    return Error(Code::kInvalidModel, "the metadata is larger than a FlatBuffer can be");
  flatbuffers::Verifier verifier(bytes, blob.size(), kMaxDepth, kMaxTables);
  if (!meta::VerifyModelMetadataBuffer(verifier))
    return Error(Code::kInvalidModel, "the metadata is damaged or of another format");
  ModelMetadata out;
  EDGEML_RETURN_IF_ERROR(Parser(blob.size()).Model(*meta::GetModelMetadata(bytes), out));
  return out;
}

Result<std::optional<ModelMetadata>> ReadModelMetadata(const ir::Module& module) {
  for (const auto& [name, blob] : module.metadata) {
    if (name != kMetadataName) continue;
    EDGEML_ASSIGN_OR_RETURN(ModelMetadata metadata, ParseModelMetadata(blob.bytes));
    return std::optional(std::move(metadata));
  }
  return std::optional<ModelMetadata>();
}

Result<edgeml::ModelMetadata> ReadMetadata(const ir::Module& module) {
  edgeml::ModelMetadata out;
  for (const ir::AssociatedFile& file : module.associated_files)
    out.associated_files.push_back(file.name);
  EDGEML_ASSIGN_OR_RETURN(const std::optional<ModelMetadata> metadata, ReadModelMetadata(module));
  if (!metadata) return out;
  out.name = metadata->name;
  out.description = metadata->description;
  out.version = metadata->version;
  out.author = metadata->author;
  out.license = metadata->license;
  size_t label_bytes = 0;  // many tensors may name one file
  const auto convert = [&module, &label_bytes](const std::vector<TensorMetadata>& from,
                                               std::vector<edgeml::TensorMetadata>& to) {
    for (const TensorMetadata& tensor : from) {
      edgeml::TensorMetadata& shown = to.emplace_back();
      shown.name = tensor.name;
      shown.description = tensor.description;
      shown.mean = tensor.mean;
      shown.std = tensor.std;
      const MetadataFile* const file = tensor.labels();
      if (file == nullptr || label_bytes > kMaxLabelBytes) continue;
      Result<std::vector<std::string>> labels = ReadLabels(module, file->name);
      if (!labels.ok()) continue;
      shown.labels = *std::move(labels);
      for (const std::string& label : shown.labels) label_bytes += label.size() + 1;
    }
  };
  convert(metadata->inputs, out.inputs);
  convert(metadata->outputs, out.outputs);
  return out;
}

std::vector<std::byte> SerializeModelMetadata(const ModelMetadata& metadata) {
  meta::ModelMetadataT model;
  model.name = metadata.name;
  model.description = metadata.description;
  model.version = metadata.version;
  model.author = metadata.author;
  model.license = metadata.license;
  model.associated_files = ToFiles(metadata.files);
  auto main = std::make_unique<meta::SubGraphMetadataT>();
  bool audio = false;
  for (const TensorMetadata& tensor : metadata.inputs) {
    main->input_tensor_metadata.push_back(ToTensor(tensor));
    audio |= tensor.content == TensorMetadata::Content::kAudio;
  }
  for (const TensorMetadata& tensor : metadata.outputs)
    main->output_tensor_metadata.push_back(ToTensor(tensor));
  model.subgraph_metadata.push_back(std::move(main));
  model.min_parser_version = audio ? kMinParserVersionAudio : kMinParserVersion;
  flatbuffers::FlatBufferBuilder builder;
  meta::FinishModelMetadataBuffer(builder, meta::ModelMetadata::Pack(builder, &model));
  const auto* const bytes = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
  return {bytes, bytes + builder.GetSize()};
}

void SetModelMetadata(ir::Module& module, const ModelMetadata& metadata) {
  ir::ConstantData blob = ir::ConstantData::Own(SerializeModelMetadata(metadata));
  for (auto& [name, data] : module.metadata) {
    if (name != kMetadataName) continue;
    data = std::move(blob);
    return;
  }
  module.metadata.emplace_back(std::string(kMetadataName), std::move(blob));
}

Result<std::vector<std::string>> ReadLabels(const ir::Module& module, std::string_view file_name) {
  for (const ir::AssociatedFile& file : module.associated_files) {
    if (file.name != file_name) continue;
    if (file.data.bytes.size() > kMaxLabelBytes)
      return Error(Code::kResourceExhausted, "associated file '", file_name, "' has ",
                   HumanBytes(file.data.bytes.size()), ", too much for labels");
    std::string_view rest(reinterpret_cast<const char*>(file.data.bytes.data()),
                          file.data.bytes.size());
    std::vector<std::string> labels;
    while (!rest.empty()) {
      const size_t end = std::min(rest.find('\n'), rest.size());
      std::string_view line = rest.substr(0, end);
      if (line.ends_with('\r')) line.remove_suffix(1);
      labels.emplace_back(line);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return labels;
  }
  return Error(Code::kNotFound, "the model has no associated file '", file_name, "'");
}

void SetLabels(ir::Module& module, const std::string& file_name,
               std::span<const std::string> labels) {
  std::vector<std::byte> bytes;
  for (const std::string& label : labels) {
    for (const char c : label) bytes.push_back(static_cast<std::byte>(c));
    bytes.push_back(std::byte{'\n'});
  }
  ir::ConstantData data = ir::ConstantData::Own(std::move(bytes));
  for (ir::AssociatedFile& file : module.associated_files) {
    if (file.name != file_name) continue;
    file.data = std::move(data);
    return;
  }
  module.associated_files.push_back({file_name, std::move(data)});
}

}  // namespace edgeml::tflite
