#include "src/formats/keras/weights.h"

#include <algorithm>
#include <cstring>

#include "src/base/strings.h"
#include "src/tensor/half.h"

namespace edgeml::keras {
namespace {

constexpr uint64_t kMaxWeightBytes = uint64_t{4} << 30;

// The last part of a path, without ":0".
std::string_view NameOfPath(std::string_view path) {
  if (const size_t slash = path.rfind('/'); slash != std::string_view::npos)
    path.remove_prefix(slash + 1);
  if (const size_t colon = path.rfind(':'); colon != std::string_view::npos)
    path = path.substr(0, colon);
  return path;
}

// Keras 1 put the layer in front: "dense_1_W", "dense_1_b".
std::string_view OldName(std::string_view name) {
  if (name == "kernel") return "_W";
  if (name == "bias") return "_b";
  if (name == "moving_mean") return "_running_mean";
  if (name == "moving_variance") return "_running_std";
  return {};
}

bool HasPart(std::string_view path, const auto& fits) {
  while (true) {
    const size_t slash = path.find('/');
    if (slash == std::string_view::npos) return false;  // the last part is the weight itself
    if (fits(path.substr(0, slash))) return true;
    path.remove_prefix(slash + 1);
  }
}

// The attribute of this name, which may be split into name0, name1, … when it is long.
Result<std::vector<std::string>> ReadNames(const hdf5::Object& group, const std::string& name) {
  if (group.HasAttribute(name)) return group.ReadStrings(name);
  std::vector<std::string> all;
  for (int i = 0; group.HasAttribute(Concat(name, i)); ++i) {
    EDGEML_ASSIGN_OR_RETURN(const std::vector<std::string> part,
                            group.ReadStrings(Concat(name, i)));
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

// "UpSampling2D" → "up_sampling2d", as Keras names groups by classes: an underscore before a
// capital that a small letter follows, and between a small letter and a capital.
std::string SnakeCase(std::string_view name) {
  const auto upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  const auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
  std::string out;
  for (size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const bool word = i + 1 < name.size() && lower(name[i + 1]);
    if (i > 0 && upper(c) && (word || lower(name[i - 1]))) out += '_';
    out += upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return out;
}

// Operations of keras.ops stand among the layers of a config, but not among a model's layers.
bool IsLayer(const LayerConfig& layer) {
  return layer.module.find("keras.src.ops") == std::string::npos;
}

// What archives call the group of one of several layers: the class, with a number from the second
// of that class on.
std::string GroupName(std::span<const LayerConfig> layers, size_t index) {
  std::string name = SnakeCase(layers[index].class_name);
  // The one layer whose class is called otherwise than the config says.
  if (name == "group_query_attention") name = "grouped_query_attention";
  int before = 0;
  for (size_t i = 0; i < index; ++i)
    before += IsLayer(layers[i]) && layers[i].class_name == layers[index].class_name ? 1 : 0;
  return before == 0 ? name : Concat(name, "_", before);
}

Result<ir::ConstantData> ToFloat32(const ir::ConstantData& data, DType type) {
  const size_t width = static_cast<size_t>(BitsOf(type)) / 8;
  const size_t count = data.bytes.size() / width;
  std::vector<std::byte> bytes(count * sizeof(float));
  for (size_t i = 0; i < count; ++i) {
    float value = 0;
    const std::byte* from = data.bytes.data() + i * width;
    if (type == DType::kFloat64) {
      double wide = 0;
      std::memcpy(&wide, from, sizeof wide);
      value = static_cast<float>(wide);
    } else {
      uint16_t bits = 0;
      std::memcpy(&bits, from, sizeof bits);
      value = type == DType::kFloat16 ? HalfToFloat(bits) : BFloat16ToFloat(bits);
    }
    std::memcpy(bytes.data() + i * sizeof(float), &value, sizeof value);
  }
  return ir::ConstantData::Own(std::move(bytes));
}

}  // namespace

Result<Weights> Weights::OfModelFile(const hdf5::Object& group) {
  Weights out;
  out.group_ = group;
  out.is_whole_ = true;
  return out;
}

Result<Weights> Weights::OfArchive(const hdf5::Object& root) {
  Weights out;
  out.group_ = root;
  out.is_archive_ = true;
  return out;
}

Weights Weights::None() const {
  Weights out;
  out.is_archive_ = is_archive_;
  out.where_ = where_;
  out.left_ = left_;
  return out;
}

Weights Weights::OfLayer(const ModelConfig& model, size_t index) const {
  const LayerConfig& layer = model.layers[index];
  Weights out = None();
  out.where_ = Concat("layer '", layer.name, "'");
  if (is_archive_) {
    if (!group_) return out;
    const std::string unique = GroupName(model.layers, index);
    for (const char* list : {"layers", "_layer_checkpoint_dependencies"}) {
      if (!group_->HasLink(list)) continue;
      auto layers = group_->Find(list);
      if (!layers.ok() || !layers->HasLink(unique)) continue;
      if (auto found = layers->Find(unique); found.ok()) out.group_ = std::move(found).value();
    }
    return out;
  }
  if (!is_whole_) {  // nested: part of the outer layer's list
    for (const Entry& entry : entries_)
      if (HasPart(entry.path, [&](std::string_view part) { return part == layer.name; }))
        out.entries_.push_back(entry);
    return out;
  }
  if (!group_ || !group_->HasLink(layer.name)) return out;
  auto group = group_->Find(layer.name);
  if (!group.ok()) return out;
  auto names = ReadNames(*group, "weight_names");
  if (!names.ok()) return out;
  for (std::string& name : *names) out.entries_.push_back({std::move(name), *group});
  return out;
}

Weights Weights::OfPart(std::string_view child, std::span<const std::string_view> prefixes,
                        size_t piece, size_t pieces) const {
  Weights out = None();
  if (is_archive_) {
    if (group_ && group_->HasLink(child))
      if (auto found = group_->Find(child); found.ok()) out.group_ = std::move(found).value();
    return out;
  }
  if (prefixes.empty() && pieces == 1) {
    out.entries_ = entries_;
    return out;
  }
  for (const Entry& entry : entries_) {
    const auto fits = [&](std::string_view part) {
      return std::ranges::any_of(prefixes, [&](std::string_view p) { return part.starts_with(p); });
    };
    if (HasPart(entry.path, fits)) out.entries_.push_back(entry);
  }
  if (out.entries_.empty() && pieces > 1 && entries_.size() % pieces == 0) {
    const size_t size = entries_.size() / pieces;
    out.entries_.assign(entries_.begin() + static_cast<ptrdiff_t>(piece * size),
                        entries_.begin() + static_cast<ptrdiff_t>((piece + 1) * size));
  }
  return out;
}

Weights Weights::OfItem(std::string_view list, std::span<const LayerConfig> items,
                        size_t index) const {
  return is_archive_ ? OfPart(list).OfPart(GroupName(items, index)) : *this;
}

Weights Weights::OfRange(size_t begin, size_t count) const {
  Weights out = *this;
  if (is_archive_) return out;
  out.entries_.clear();
  for (size_t i = begin; i < entries_.size() && i - begin < count; ++i)
    out.entries_.push_back(entries_[i]);
  return out;
}

const Weights::Entry* Weights::Find(std::string_view name, size_t index) const {
  for (const Entry& entry : entries_)
    if (NameOfPath(entry.path) == name) return &entry;
  if (const std::string_view old = OldName(name); !old.empty()) {
    for (const Entry& entry : entries_)
      if (NameOfPath(entry.path).ends_with(old)) return &entry;
  }
  return index < entries_.size() ? &entries_[index] : nullptr;
}

bool Weights::Has(std::string_view name, size_t index) const {
  if (!is_archive_) return Find(name, index) != nullptr;
  if (!group_ || !group_->HasLink("vars")) return false;
  auto vars = group_->Find("vars");
  return vars.ok() && vars->HasLink(Concat(index));
}

Result<Weight> Weights::Take(std::string_view name, size_t index, int rank) const {
  const Entry* entry = is_archive_ ? nullptr : Find(name, index);
  if (!Has(name, index))
    return Error(Code::kInvalidModel, where_, " has no weight '", name, "' in the file");
  auto dataset =
      is_archive_ ? group_->Find(Concat("vars/", index)) : entry->group.Find(entry->path);
  if (!dataset.ok()) return dataset.status();
  EDGEML_ASSIGN_OR_RETURN(const hdf5::ArrayInfo info, dataset->Info());
  Weight weight;
  weight.shape = info.shape;
  weight.type = info.type;
  if (rank >= 0 && info.shape.rank() != rank)
    return Error(Code::kInvalidModel, where_, ": the weight '", name, "' has the shape ",
                 info.shape.ToString(), ", expected ", rank, " dimensions");
  const auto bytes = CheckedByteSize(info.shape, info.type);
  if (left_ != nullptr && (!bytes || *bytes > *left_))
    return Error(Code::kUnsupported, where_, ": the weights of all calls of layers are many times ",
                 "what the file holds");
  if (left_ != nullptr) *left_ -= *bytes;
  EDGEML_ASSIGN_OR_RETURN(weight.data, dataset->Read(kMaxWeightBytes));
  if (info.type == DType::kFloat16 || info.type == DType::kBFloat16 ||
      info.type == DType::kFloat64) {
    EDGEML_ASSIGN_OR_RETURN(weight.data, ToFloat32(weight.data, info.type));
    weight.type = DType::kFloat32;
  }
  return weight;
}

}  // namespace edgeml::keras
