#include "src/formats/hdf5/storage.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "src/base/strings.h"
#include "src/formats/hdf5/file.h"

namespace edgeml::hdf5 {
namespace {

Status Cut(std::string_view what) {
  return Error(Code::kInvalidModel, "its ", what, " is cut short");
}

// Dimensions of a chunk and, behind them, the size of an element.
Status ParseChunkDims(Fields& fields, int count, int bytes, Layout& out) {
  if (count < 2 || count > 33 || bytes < 1 || bytes > 8)
    return Error(Code::kInvalidModel, "its chunks have ", count - 1, " dimensions of ", bytes,
                 " bytes each");
  for (int i = 0; i + 1 < count; ++i) out.chunk.push_back(fields.Uint(bytes));
  out.element_size = fields.Uint(bytes);
  return Status::Ok();
}

// Versions 1 and 2.
Status ParseOldLayout(Fields& fields, Layout& out) {
  const int rank = fields.Byte();
  out.kind = static_cast<LayoutClass>(fields.Byte());
  fields.Skip(5);
  if (out.kind != LayoutClass::kCompact) out.address = fields.Offset();
  if (out.kind == LayoutClass::kChunked) return ParseChunkDims(fields, rank, 4, out);
  fields.Skip(4 * static_cast<uint64_t>(rank));
  if (out.kind == LayoutClass::kCompact) out.compact = fields.Take(fields.Dword());
  return Status::Ok();
}

// Versions 4 and 5.
Status ParseNewChunks(Fields& fields, Layout& out) {
  const uint8_t flags = fields.Byte();
  const int count = fields.Byte();
  const int bytes = fields.Byte();
  EDGEML_RETURN_IF_ERROR(ParseChunkDims(fields, count, bytes, out));
  out.whole_edges_only = (flags & 1u) != 0;
  const uint8_t index = fields.Byte();
  out.index = static_cast<ChunkIndex>(index);
  switch (out.index) {
    case ChunkIndex::kSingle:
      if ((flags & 2u) != 0) {
        out.single_size = fields.Length();
        out.single_mask = fields.Dword();
      }
      break;
    case ChunkIndex::kImplicit:
      break;
    // What follows stands in the headers of these indexes too.
    case ChunkIndex::kFixedArray:
      fields.Skip(1);
      break;
    case ChunkIndex::kExtensibleArray:
      fields.Skip(5);
      break;
    case ChunkIndex::kTree2:
      fields.Skip(6);
      break;
    default:
      return Error(Code::kUnsupported, "chunk indexes of type ", index, " are not known");
  }
  out.address = fields.Offset();
  return Status::Ok();
}

}  // namespace

Result<Layout> ParseLayout(const Image& image, std::span<const std::byte> message) {
  Fields fields(image, message);
  const uint8_t version = fields.Byte();
  Layout out;
  if (version < 1 || version > 5)
    return Error(Code::kUnsupported, "data layouts of version ", version, " are not known");
  if (version < 3) {
    EDGEML_RETURN_IF_ERROR(ParseOldLayout(fields, out));
  } else {
    out.kind = static_cast<LayoutClass>(fields.Byte());
    if (out.kind == LayoutClass::kCompact) {
      out.compact = fields.Take(fields.Word());
    } else if (out.kind == LayoutClass::kContiguous) {
      out.address = fields.Offset();
      out.size = fields.Length();
    } else if (out.kind == LayoutClass::kChunked && version == 3) {
      const int count = fields.Byte();
      out.address = fields.Offset();
      EDGEML_RETURN_IF_ERROR(ParseChunkDims(fields, count, 4, out));
    } else if (out.kind == LayoutClass::kChunked) {
      EDGEML_RETURN_IF_ERROR(ParseNewChunks(fields, out));
    }
  }
  if (out.kind == LayoutClass::kVirtual)
    return Error(Code::kUnsupported,
                 "virtual datasets, whose elements are in other files, are not read; copy the "
                 "elements into one file");
  if (out.kind > LayoutClass::kVirtual)
    return Error(Code::kUnsupported, "a data layout of an unknown class");
  if (!fields.ok()) return Cut("data layout");
  return out;
}

Result<std::vector<Filter>> ParseFilters(const Image& image, std::span<const std::byte> message) {
  constexpr uint16_t kFirstNamed = 256;  // in version 2, filters below have no name
  Fields fields(image, message);
  const uint8_t version = fields.Byte();
  const int count = fields.Byte();
  if (version < 1 || version > 2)
    return Error(Code::kUnsupported, "filter pipelines of version ", version, " are not known");
  if (count > kMaxFilters) return Error(Code::kInvalidModel, "it has ", count, " filters");
  if (version == 1) fields.Skip(6);
  std::vector<Filter> out;
  for (int i = 0; i < count; ++i) {
    const uint16_t id = fields.Word();
    const uint64_t name_size = version == 1 || id >= kFirstNamed ? fields.Word() : 0;
    fields.Skip(2);  // flags
    const uint64_t values = fields.Word();
    const std::span<const std::byte> name_bytes =
        fields.Take(version == 1 ? (name_size + 7) / 8 * 8 : name_size);
    Fields parameters(image, fields.Take(4 * values));
    if (version == 1 && values % 2 != 0) fields.Skip(4);
    if (!fields.ok()) return Cut("list of filters");
    Filter filter;
    filter.id = static_cast<FilterId>(id);
    if (filter.id == FilterId::kShuffle) {
      filter.element_size = parameters.Dword();
      if (filter.element_size == 0)
        return Error(Code::kInvalidModel, "its filter shuffle has elements of no size");
    } else if (filter.id != FilterId::kDeflate && filter.id != FilterId::kFletcher32) {
      std::string name(reinterpret_cast<const char*>(name_bytes.data()), name_bytes.size());
      name.resize(std::min(name.size(), name.find('\0')));
      if (name.empty()) name = id == 4 ? "szip" : id == 5 ? "nbit" : id == 6 ? "scaleoffset" : "?";
      return Error(Code::kUnsupported, "its elements are stored with the filter '", name, "' (", id,
                   "), which is not read; save it with gzip or without compression");
    }
    out.push_back(filter);
  }
  return out;
}

Result<std::span<const std::byte>> ParseFillValue(const Image& image,
                                                  std::span<const std::byte> message, bool old) {
  Fields fields(image, message);
  bool defined = true;
  if (!old) {
    const uint8_t version = fields.Byte();
    if (version == 1 || version == 2) {
      fields.Skip(2);
      defined = fields.Byte() != 0 || version == 1;
    } else if (version == 3) {
      defined = (fields.Byte() & 0x20u) != 0;
    } else {
      return Error(Code::kUnsupported, "fill values of version ", version, " are not known");
    }
  }
  std::span<const std::byte> value;
  if (defined) {
    const uint32_t size = fields.Dword();
    // Version 1 says "no value" with a negative size.
    if ((size & 0x80000000u) == 0) value = fields.Take(size);
  }
  if (!fields.ok()) return Cut("fill value");
  return value;
}

}  // namespace edgeml::hdf5
