#include "src/formats/savedmodel/bundle.h"

#include <array>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <optional>
#include <utility>

#include "src/base/byte_reader.h"
#include "src/base/strings.h"
#include "src/formats/savedmodel/crc32c.h"
#include "src/formats/savedmodel/messages.h"
#include "src/formats/savedmodel/tensors.h"
#include "src/formats/savedmodel/varint.h"

namespace edgeml::savedmodel {
namespace {

constexpr char kHeaderKey[] = "";

std::string ShardName(const std::string& prefix, int32_t number, int32_t count) {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), ".data-%05" PRId32 "-of-%05" PRId32, number, count);
  return prefix + text.data();
}

Status Damaged(std::string_view what) {
  return Error(Code::kInvalidModel, what, " does not match its checksum; the file is damaged");
}

}  // namespace

struct Bundle::Entry {
  struct Part {
    Box box;
    std::vector<bool> whole;  // extents that the file leaves out
  };
  DType type = DType::kInvalid;
  Shape shape;
  size_t bytes = 0;  // of the dense tensor; the number of strings
  int32_t shard = 0;
  uint64_t offset = 0, size = 0;
  uint32_t crc = 0;
  std::vector<Part> parts;
};

Result<std::unique_ptr<Bundle>> Bundle::Open(const std::string& prefix) {
  const std::string path = prefix + ".index";
  EDGEML_ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
  auto bundle = Read(ir::ConstantData{file, file->bytes()}, nullptr);
  if (!bundle.ok()) {
    Status status = bundle.status();
    return std::move(status).WithContext(path);
  }
  Bundle* const self = bundle->get();
  self->mapped_.push_back(file);
  self->load_shard_ = [self, prefix](int32_t number, int32_t count) -> Result<ir::ConstantData> {
    EDGEML_ASSIGN_OR_RETURN(auto shard, MappedFile::Open(ShardName(prefix, number, count)));
    self->mapped_.push_back(shard);
    return ir::ConstantData{shard, shard->bytes()};
  };
  return bundle;
}

Result<std::unique_ptr<Bundle>> Bundle::Read(ir::ConstantData index, ShardLoader shards) {
  std::unique_ptr<Bundle> bundle(new Bundle);
  bundle->index_ = std::move(index);
  bundle->load_shard_ = std::move(shards);
  bundle->budget_.Add(bundle->index_.bytes.size());
  EDGEML_ASSIGN_OR_RETURN(bundle->table_, Table::Read(bundle->index_.bytes));
  const Table::Entry* const entry = bundle->table_.Find(kHeaderKey);
  if (entry == nullptr) return Error(Code::kInvalidModel, "has no header; it is no tensor bundle");
  EDGEML_ASSIGN_OR_RETURN(const auto header,
                          ParseMessage<pb::BundleHeader>(entry->value, "the header"));
  if (header->num_shards() < 1)
    return Error(Code::kInvalidModel, "states ", header->num_shards(), " data files");
  if (header->endianness() != 0)
    return Error(Code::kUnsupported, "was written on a big-endian machine");
  bundle->num_shards_ = header->num_shards();
  return bundle;
}

std::vector<std::string_view> Bundle::Keys() const {
  std::vector<std::string_view> keys;
  for (const Table::Entry& entry : table_.entries())
    if (!entry.key.empty() && entry.key[0] != '\0') keys.push_back(entry.key);
  return keys;
}

Result<Bundle::Entry> Bundle::ReadEntry(const Table::Entry& in) const {
  EDGEML_ASSIGN_OR_RETURN(const auto message,
                          ParseMessage<pb::BundleEntry>(in.value, "its entry in the index"));
  Entry out;
  out.type = TypeOf(message->dtype());
  if (out.type == DType::kInvalid || out.type == DType::kResource || out.type == DType::kVariant)
    return Error(Code::kUnsupported, "its type, ", NameOfType(message->dtype()),
                 ", is not supported");
  EDGEML_ASSIGN_OR_RETURN(
      const DenseShape dense,
      ReadDenseShape(message->shape(), out.type == DType::kString ? DType::kUInt8 : out.type));
  out.shape = dense.shape;
  out.bytes = dense.bytes;
  if (message->shard_id() < 0 || message->shard_id() >= num_shards_)
    return Error(Code::kInvalidModel, "it is in data file ", message->shard_id(), " of ",
                 num_shards_);
  if (message->offset() < 0 || message->size() < 0)
    return Error(Code::kInvalidModel, "its place in the data file is negative");
  out.shard = message->shard_id();
  out.offset = static_cast<uint64_t>(message->offset());
  out.size = static_cast<uint64_t>(message->size());
  out.crc = message->crc32c();
  for (const pb::TensorSlice& slice : message->slices()) {
    Entry::Part& part = out.parts.emplace_back();
    if (slice.extent_size() != out.shape.rank())
      return Error(Code::kInvalidModel, "a part has ", slice.extent_size(), " dimensions");
    for (int d = 0; d < out.shape.rank(); ++d) {
      const pb::TensorSlice::Extent& extent = slice.extent(d);
      const int64_t dim = out.shape[d];
      const int64_t start = extent.has_length() ? extent.start() : 0;
      const int64_t length = extent.has_length() ? extent.length() : dim;
      if (start < 0 || start > dim || length < 0 || length > dim - start)
        return Error(Code::kInvalidModel, "a part lies outside of shape ", out.shape.ToString());
      part.box.push_back({static_cast<int32_t>(start), static_cast<int32_t>(length)});
      part.whole.push_back(!extent.has_length());
    }
  }
  return out;
}

Result<ir::ConstantData> Bundle::Shard(int32_t number) {
  const auto found = shards_.find(number);
  if (found != shards_.end()) return found->second;
  EDGEML_ASSIGN_OR_RETURN(ir::ConstantData shard, load_shard_(number, num_shards_));
  budget_.Add(shard.bytes.size());
  shards_[number] = shard;
  return shard;
}

// The bytes of an entry in its data file. What reads them is charged for it.
Result<ir::ConstantData> Bundle::Stored(const Entry& entry) {
  EDGEML_ASSIGN_OR_RETURN(const ir::ConstantData shard, Shard(entry.shard));
  const auto bytes = SubSpan(shard.bytes, entry.offset, entry.size);
  if (!bytes)
    return Error(Code::kInvalidModel, "its data at byte ", entry.offset, ", ", entry.size,
                 " bytes long, lies beyond the ", shard.bytes.size(), " bytes of data file ",
                 entry.shard, "; the file was cut off");
  EDGEML_RETURN_IF_ERROR(budget_.Charge(bytes->size()));
  return ir::ConstantData{shard.owner, *bytes};
}

// The lengths as varints, their checksum, then the characters. The checksums are of the lengths as
// numbers of four bytes (eight for those that need them).
Result<Constant> Bundle::LoadStrings(const Entry& entry) {
  EDGEML_ASSIGN_OR_RETURN(const ir::ConstantData stored, Stored(entry));
  const auto damaged = [] { return Error(Code::kInvalidModel, "its strings are damaged"); };
  if (entry.bytes > stored.bytes.size()) return damaged();
  ByteReader reader(stored.bytes);
  std::vector<uint64_t> lengths(entry.bytes);
  uint32_t crc = 0;
  for (uint64_t& length : lengths) {
    const auto value = ReadVarint(reader);
    if (!value) return damaged();
    length = *value;
    const size_t width = length <= 0xFFFFFFFFu ? 4 : 8;
    crc = Crc32c(std::as_bytes(std::span(&length, 1)).first(width), crc);
  }
  const auto lengths_crc = reader.Take(4);
  if (!reader.ok()) return damaged();
  if (ByteReader(lengths_crc).Read<uint32_t>() != MaskedCrc(crc))
    return Damaged("the length of its strings");
  crc = Crc32c(lengths_crc, crc);
  std::vector<std::string_view> strings;
  for (const uint64_t length : lengths) {
    const auto text = reader.Take(length);
    if (!reader.ok()) return damaged();
    strings.emplace_back(reinterpret_cast<const char*>(text.data()), text.size());
    crc = Crc32c(text, crc);
  }
  if (reader.remaining() != 0) return damaged();
  if (MaskedCrc(crc) != entry.crc) return Damaged("it");
  EDGEML_RETURN_IF_ERROR(budget_.Charge(stored.bytes.size() + 4 * lengths.size()));
  return StringConstant(entry.shape, strings);
}

// Puts together what is wanted of a tensor: from the tensor itself, or from the parts it was saved
// in.
Result<Constant> Bundle::LoadParts(std::string_view key, const Entry& entry, const Box& wanted) {
  const Shape shape = ShapeOf(wanted);
  const auto size = CheckedByteSize(shape, entry.type);
  if (!size) return Error(Code::kInvalidModel, "its shape ", shape.ToString(), " is too large");
  EDGEML_RETURN_IF_ERROR(budget_.Charge(*size));
  std::vector<std::byte> bytes(*size);
  const size_t width = static_cast<size_t>(BitsOf(entry.type)) / 8;
  int64_t copied = 0;
  if (entry.parts.empty()) {
    EDGEML_ASSIGN_OR_RETURN(const Constant all, Load(key));
    copied = CopyCommon(width, WholeOf(all.shape), all.data.bytes, wanted, bytes);
  }
  for (const Entry::Part& part : entry.parts) {
    if (!HaveCommon(part.box, wanted)) continue;
    const Table::Entry* const found = table_.Find(SliceKey(key, part.box, part.whole));
    if (found == nullptr) return Error(Code::kInvalidModel, "one of its parts is missing");
    EDGEML_ASSIGN_OR_RETURN(const Entry piece, ReadEntry(*found));
    if (piece.type != entry.type || !piece.parts.empty() || piece.shape != ShapeOf(part.box) ||
        piece.size != piece.bytes)
      return Error(Code::kInvalidModel, "one of its parts has another type or shape");
    EDGEML_ASSIGN_OR_RETURN(const ir::ConstantData stored, Stored(piece));
    if (MaskedCrc(Crc32c(stored.bytes)) != piece.crc) return Damaged("one of its parts");
    copied += CopyCommon(width, part.box, stored.bytes, wanted, bytes);
  }
  if (copied != shape.num_elements())
    return Error(Code::kInvalidModel, "its parts do not make up the whole");
  const ir::ConstantData own = ir::ConstantData::Own(std::move(bytes));
  EDGEML_ASSIGN_OR_RETURN(ir::ConstantData data,
                          AlignedData(entry.type, own.bytes, own.owner, budget_));
  return Constant{entry.type, shape, std::move(data)};
}

Result<Constant> Bundle::Load(std::string_view key, std::string_view slice) {
  const Table::Entry* const found = key.empty() ? nullptr : table_.Find(key);
  if (found == nullptr) return Error(Code::kNotFound, "the index has no tensor '", key, "'");
  EDGEML_ASSIGN_OR_RETURN(const Entry entry, ReadEntry(*found));
  EDGEML_ASSIGN_OR_RETURN(const Box wanted, ParseSliceSpec(slice, entry.shape));
  const bool whole = ShapeOf(wanted) == entry.shape;
  if (entry.type == DType::kString) {
    if (!whole || !entry.parts.empty())
      return Error(Code::kUnsupported, "strings that are stored in parts are not supported");
    return LoadStrings(entry);
  }
  if (!whole || !entry.parts.empty()) return LoadParts(key, entry, wanted);
  if (entry.size != entry.bytes)
    return Error(Code::kInvalidModel, "it has ", entry.size, " bytes, its shape ",
                 entry.shape.ToString(), " takes ", entry.bytes);
  EDGEML_ASSIGN_OR_RETURN(const ir::ConstantData stored, Stored(entry));
  if (MaskedCrc(Crc32c(stored.bytes)) != entry.crc) return Damaged("it");
  EDGEML_ASSIGN_OR_RETURN(ir::ConstantData data,
                          AlignedData(entry.type, stored.bytes, stored.owner, budget_));
  return Constant{entry.type, entry.shape, std::move(data)};
}

}  // namespace edgeml::savedmodel
