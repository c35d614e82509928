// The elements of datasets: gathered from where the layout says, in the order and form in which
// they are stored.
#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "src/base/strings.h"
#include "src/formats/hdf5/session.h"
#include "src/formats/hdf5/storage.h"

namespace edgeml::hdf5::internal {
namespace {

// Chunks may go beyond the dataset; what they hold together may be that many times what the caller
// allows for the result, and as many bytes more.
constexpr uint64_t kMaxEdgeFactor = 16, kMaxEdgeBytes = uint64_t{64} << 20;

// What Keras makes of bfloat16, which HDF5 has no type for.
bool IsMarkedBFloat16(const Session& session, const ObjectData& object, const Datatype& type) {
  if (!type.untagged_opaque || type.size != 2) return false;
  const Attribute* mark = object.FindAttribute("dtype");
  if (mark == nullptr) return false;
  constexpr uint64_t kMaxMark = 64;
  const Result<Stored> stored = ReadAttributeData(session, *mark);
  if (!stored.ok() || stored->type.type != DType::kString || stored->count != 1) return false;
  GlobalHeap heap;
  Budget budget = session.FreshBudget();
  const Result<std::vector<std::string>> text =
      ToStrings(session.image, heap, budget, *stored, kMaxMark);
  return text.ok() && text->front() == "bfloat16";
}

Status TooLarge(uint64_t bytes, uint64_t max_bytes) {
  return Error(Code::kResourceExhausted, "its elements take ", HumanBytes(bytes),
               ", over the cap of ", HumanBytes(max_bytes));
}

struct Extent {
  std::vector<uint64_t> dims;   // of the dataset
  std::vector<uint64_t> chunk;  // of a chunk
  uint64_t element_size = 0;
};

// Copies that part of a chunk which lies in the dataset.
void PlaceChunk(const Extent& extent, const std::array<uint64_t, kMaxRank>& position,
                std::span<const std::byte> chunk, std::span<std::byte> out) {
  const size_t rank = extent.dims.size();
  std::array<uint64_t, kMaxRank> count{}, from_step{}, to_step{}, index{};
  uint64_t from_size = extent.element_size, to_size = extent.element_size, to = 0;
  for (size_t d = rank; d-- > 0;) {
    const uint64_t start = position[d] * extent.chunk[d];
    count[d] = std::min(extent.chunk[d], extent.dims[d] - start);
    from_step[d] = from_size;
    to_step[d] = to_size;
    to += start * to_size;
    from_size *= extent.chunk[d];
    to_size *= extent.dims[d];
  }
  const size_t row = static_cast<size_t>(count[rank - 1] * extent.element_size);
  uint64_t from = 0;
  for (;;) {
    std::memcpy(out.data() + to, chunk.data() + from, row);
    size_t d = rank - 1;
    for (; d-- > 0;) {
      from += from_step[d];
      to += to_step[d];
      if (++index[d] < count[d]) break;
      from -= from_step[d] * count[d];
      to -= to_step[d] * count[d];
      index[d] = 0;
    }
    if (d == static_cast<size_t>(-1)) return;
  }
}

class Reader {
 public:
  Reader(const Session& session, const ObjectData& object, uint64_t max_bytes)
      : session_(session), object_(object), max_bytes_(max_bytes), budget_(session.FreshBudget()) {}

  Result<Stored> Read() {
    EDGEML_ASSIGN_OR_RETURN(Stored out, DescribeDataset(session_, object_));
    if (out.count > kNowhere / out.type.size)
      return Error(Code::kInvalidModel, "the size of its elements overflows");
    const uint64_t size = out.count * out.type.size;
    if (object_.header.Find(MessageType::kExternalFiles) != nullptr)
      return Error(Code::kUnsupported,
                   "its elements are in other files, which are never opened; copy them into this "
                   "one");
    EDGEML_ASSIGN_OR_RETURN(const std::span<const std::byte> message,
                            Content(*object_.header.Find(MessageType::kLayout)));
    EDGEML_ASSIGN_OR_RETURN(const Layout layout, ParseLayout(session_.image, message));
    if (size == 0) {
      Hold(out, {});
      return out;
    }
    if (layout.kind == LayoutClass::kCompact) {
      if (layout.compact.size() < size)
        return Error(Code::kInvalidModel, "it holds ", layout.compact.size(), " of ", size,
                     " bytes");
      out.owner = session_.owner;
      out.bytes = layout.compact.first(static_cast<size_t>(size));
      return out;
    }
    if (layout.kind == LayoutClass::kContiguous && layout.address != kNowhere) {
      if (layout.size != 0 && layout.size < size)
        return Error(Code::kInvalidModel, "it holds ", layout.size, " of ", size, " bytes");
      out.owner = session_.owner;
      EDGEML_ASSIGN_OR_RETURN(out.bytes,
                              session_.image.Block(layout.address, size, "data of the dataset"));
      return out;
    }
    if (size > max_bytes_) return TooLarge(size, max_bytes_);
    EDGEML_ASSIGN_OR_RETURN(std::vector<std::byte> elements, Filled(out.type.size, size));
    if (layout.kind == LayoutClass::kChunked)
      EDGEML_RETURN_IF_ERROR(ReadChunks(layout, out.type.size, elements));
    Hold(out, std::move(elements));
    return out;
  }

 private:
  Result<std::span<const std::byte>> Content(const Message& message) {
    return ContentOf(session_.image, message, budget_);
  }

  static void Hold(Stored& out, std::vector<std::byte> elements) {
    ir::ConstantData data = ir::ConstantData::Own(std::move(elements));
    out.owner = std::move(data.owner);
    out.bytes = data.bytes;
  }

  // `size` bytes of fill values.
  Result<std::vector<std::byte>> Filled(uint64_t element_size, uint64_t size) {
    std::span<const std::byte> value;
    for (const MessageType type : {MessageType::kFillValue, MessageType::kOldFillValue}) {
      const Message* message = object_.header.Find(type);
      if (message == nullptr) continue;
      EDGEML_ASSIGN_OR_RETURN(const std::span<const std::byte> content, Content(*message));
      EDGEML_ASSIGN_OR_RETURN(
          value, ParseFillValue(session_.image, content, type == MessageType::kOldFillValue));
      break;
    }
    if (!value.empty() && value.size() != element_size)
      return Error(Code::kInvalidModel, "its fill value has ", value.size(), " bytes instead of ",
                   element_size);
    std::vector<std::byte> out(static_cast<size_t>(size));
    const bool zero =
        std::all_of(value.begin(), value.end(), [](std::byte b) { return b == std::byte{0}; });
    if (!zero) {
      for (size_t at = 0; at < out.size(); at += value.size())
        std::copy(value.begin(), value.end(), out.begin() + static_cast<ptrdiff_t>(at));
    }
    return out;
  }

  Status ReadChunks(const Layout& layout, uint64_t element_size, std::span<std::byte> out) {
    EDGEML_ASSIGN_OR_RETURN(const std::span<const std::byte> space_message,
                            Content(*object_.header.Find(MessageType::kDataspace)));
    EDGEML_ASSIGN_OR_RETURN(const Dataspace space, ParseDataspace(session_.image, space_message));
    std::vector<Filter> filters;
    if (const Message* message = object_.header.Find(MessageType::kFilters)) {
      EDGEML_ASSIGN_OR_RETURN(const std::span<const std::byte> content, Content(*message));
      EDGEML_ASSIGN_OR_RETURN(filters, ParseFilters(session_.image, content));
    }
    const uint64_t limit = max_bytes_ > (kNowhere - kMaxEdgeBytes) / kMaxEdgeFactor
                               ? kNowhere
                               : max_bytes_ * kMaxEdgeFactor + kMaxEdgeBytes;
    uint64_t chunk_size = element_size;
    for (const uint64_t dim : layout.chunk) {
      if (dim == 0 || chunk_size > limit / dim)
        return Error(Code::kInvalidModel, "a dimension of its chunks is ", dim);
      chunk_size *= dim;
    }
    if (layout.chunk.size() != space.dims.size() || layout.element_size != element_size)
      return Error(Code::kInvalidModel, "its chunks have other dimensions or elements than itself");
    const Extent extent{space.dims, layout.chunk, element_size};
    uint64_t unpacked = 0;
    return WalkChunks(
        session_.image, layout, space, !filters.empty(), chunk_size, budget_,
        [&](const StoredChunk& chunk) {
          unpacked += chunk_size;
          if (unpacked > limit) return TooLarge(unpacked, limit);
          EDGEML_ASSIGN_OR_RETURN(const std::span<const std::byte> stored,
                                  session_.image.Block(chunk.address, chunk.size, "chunk"));
          const bool plain = filters.empty() || (layout.whole_edges_only && IsEdge(extent, chunk));
          if (plain && stored.size() != chunk_size)
            return Error(Code::kInvalidModel, "a chunk has ", stored.size(), " bytes instead of ",
                         chunk_size);
          std::vector<std::byte> content;
          if (!plain) {
            EDGEML_ASSIGN_OR_RETURN(content, Unfilter(filters, chunk.mask, stored, chunk_size));
          }
          PlaceChunk(extent, chunk.position, plain ? stored : content, out);
          return Status::Ok();
        });
  }

  // Whether a chunk goes beyond the dataset.
  static bool IsEdge(const Extent& extent, const StoredChunk& chunk) {
    for (size_t d = 0; d < extent.dims.size(); ++d)
      if (extent.dims[d] - chunk.position[d] * extent.chunk[d] < extent.chunk[d]) return true;
    return false;
  }

  const Session& session_;
  const ObjectData& object_;
  uint64_t max_bytes_;
  Budget budget_;
};

}  // namespace

Result<Stored> DescribeDataset(const Session& session, const ObjectData& object) {
  Budget budget = session.FreshBudget();
  const Message* space_message = object.header.Find(MessageType::kDataspace);
  if (space_message == nullptr) return Error(Code::kInvalidModel, "it has no dataspace");
  EDGEML_ASSIGN_OR_RETURN(
      const std::span<const std::byte> type_content,
      ContentOf(session.image, *object.header.Find(MessageType::kDatatype), budget));
  EDGEML_ASSIGN_OR_RETURN(const std::span<const std::byte> space_content,
                          ContentOf(session.image, *space_message, budget));
  Stored out;
  EDGEML_ASSIGN_OR_RETURN(out.type, ParseDatatype(session.image, type_content));
  EDGEML_ASSIGN_OR_RETURN(const Dataspace space, ParseDataspace(session.image, space_content));
  if (IsMarkedBFloat16(session, object, out.type)) {
    out.type.type = DType::kBFloat16;
    out.type.bit_offset = 0;
    out.type.precision = 16;
  }
  if (out.type.type == DType::kInvalid)
    return Error(Code::kUnsupported, out.type.name, " are not read");
  out.info.type = out.type.type;
  out.info.is_null = space.is_null;
  EDGEML_ASSIGN_OR_RETURN(out.info.shape, ShapeOf(space));
  EDGEML_ASSIGN_OR_RETURN(out.count, CountOf(space));
  return out;
}

Result<Stored> ReadDataset(const Session& session, const ObjectData& object, uint64_t max_bytes) {
  return Reader(session, object, max_bytes).Read();
}

}  // namespace edgeml::hdf5::internal
