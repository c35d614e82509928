#include "src/formats/hdf5/heaps.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

#include "src/base/strings.h"
#include "src/formats/hdf5/btree.h"
#include "src/formats/hdf5/checksum.h"

namespace edgeml::hdf5 {

Result<LocalHeap> LocalHeap::Open(const Image& image, uint64_t address, Budget& budget) {
  const uint64_t size =
      8 + 2 * static_cast<uint64_t>(image.length_size) + static_cast<uint64_t>(image.offset_size);
  EDGEML_ASSIGN_OR_RETURN(const std::span<const std::byte> head,
                          image.SignedBlock(address, size, "HEAP", false, budget));
  Fields fields(image, head);
  if (fields.Byte() != 0) return Error(Code::kUnsupported, "an unknown version of local heaps");
  fields.Skip(3);
  const uint64_t segment_size = fields.Length();
  fields.Length();  // list of free blocks
  const uint64_t segment = fields.Offset();
  EDGEML_RETURN_IF_ERROR(budget.Charge(segment_size));
  LocalHeap heap;
  EDGEML_ASSIGN_OR_RETURN(heap.segment_, image.Block(segment, segment_size, "heap of names"));
  return heap;
}

Result<std::string_view> LocalHeap::Text(uint64_t offset) const {
  if (offset < segment_.size()) {
    const auto* text = reinterpret_cast<const char*>(segment_.data()) + offset;
    const size_t room = segment_.size() - static_cast<size_t>(offset);
    if (const void* end = std::memchr(text, 0, room))
      return std::string_view(text, static_cast<size_t>(static_cast<const char*>(end) - text));
  }
  return Error(Code::kInvalidModel, "a name does not lie in its heap");
}

Result<const GlobalHeap::Collection*> GlobalHeap::Open(const Image& image, uint64_t address,
                                                       Budget& budget) {
  const auto known = collections_.find(address);
  if (known != collections_.end()) return &known->second;
  // The headers of the collection and of each object, filled up to a multiple of 8 whatever the
  // size of lengths.
  constexpr uint64_t kPrefix = 16;
  EDGEML_ASSIGN_OR_RETURN(const std::span<const std::byte> head,
                          image.SignedBlock(address, kPrefix, "GCOL", false, budget));
  Fields fields(image, head);
  if (fields.Byte() != 1) return Error(Code::kUnsupported, "an unknown version of global heaps");
  fields.Skip(3);
  const uint64_t size = fields.Length();
  EDGEML_RETURN_IF_ERROR(budget.Charge(size));
  EDGEML_ASSIGN_OR_RETURN(const std::span<const std::byte> block,
                          image.Block(address, size, "global heap"));
  if (size < kPrefix) return Error(Code::kInvalidModel, "a global heap is smaller than its header");
  Fields objects(image, block.subspan(static_cast<size_t>(kPrefix)));
  Collection collection;
  while (objects.remaining() >= kPrefix) {
    const uint32_t index = objects.Word();
    objects.Skip(6);  // reference count
    const uint64_t length = objects.Length();
    objects.Skip(8 - static_cast<uint64_t>(image.length_size));
    if (index == 0) break;  // the rest is free
    const std::span<const std::byte> content = objects.Take(length);
    if (!objects.ok())
      return Error(Code::kInvalidModel, "object ", index, " of the global heap at address ",
                   address, " goes beyond its end");
    collection.emplace(index, content);
    objects.Skip(std::min<uint64_t>((8 - length % 8) % 8, objects.remaining()));
  }
  return &collections_.emplace(address, std::move(collection)).first->second;
}

Result<std::span<const std::byte>> GlobalHeap::Get(const Image& image, uint64_t address,
                                                   uint32_t index, Budget& budget) {
  EDGEML_ASSIGN_OR_RETURN(const Collection* collection, Open(image, address, budget));
  const auto found = collection->find(index);
  if (found == collection->end())
    return Error(Code::kInvalidModel, "the global heap at address ", address, " has no object ",
                 index);
  return found->second;
}

Result<FractalHeap> FractalHeap::Open(const Image& image, uint64_t address, Budget& budget) {
  const uint64_t size = 26 + 12 * static_cast<uint64_t>(image.length_size) +
                        3 * static_cast<uint64_t>(image.offset_size);
  // The header's size depends on the filters, whose size stands in it; filters are not read.
  EDGEML_ASSIGN_OR_RETURN(const std::span<const std::byte> start,
                          image.Block(address, 9, "fractal heap"));
  if (ByteReader(start.subspan(7)).Read<uint16_t>() != 0 &&
      std::memcmp(start.data(), "FRHP", 4) == 0)
    return Error(Code::kUnsupported,
                 "its links or attributes are stored compressed, which is not read");
  EDGEML_ASSIGN_OR_RETURN(const std::span<const std::byte> head,
                          image.SignedBlock(address, size, "FRHP", true, budget));
  Fields fields(image, head);
  FractalHeap heap;
  heap.address_ = address;
  if (fields.Byte() != 0) return Error(Code::kUnsupported, "an unknown version of fractal heaps");
  heap.id_size_ = fields.Word();
  fields.Skip(2);  // size of filters
  heap.direct_checksums_ = (fields.Byte() & 2u) != 0;
  const uint64_t max_managed = fields.Dword();
  fields.Length();  // next ID of a huge object
  heap.huge_tree_ = fields.Offset();
  fields.Length();                              // free space
  fields.Offset();                              // its manager
  for (int i = 0; i < 8; ++i) fields.Length();  // statistics
  heap.width_ = fields.Word();
  heap.start_size_ = fields.Length();
  heap.max_direct_size_ = fields.Length();
  heap.max_heap_bits_ = fields.Word();
  fields.Skip(2);  // rows at the start
  heap.root_ = fields.Offset();
  heap.root_rows_ = fields.Word();
  const bool powers = std::has_single_bit(heap.width_) && std::has_single_bit(heap.start_size_) &&
                      std::has_single_bit(heap.max_direct_size_);
  if (!fields.ok() || !powers || heap.start_size_ > heap.max_direct_size_ ||
      heap.max_direct_size_ > uint64_t{1} << 32 || heap.max_heap_bits_ > 64 ||
      heap.root_rows_ > 64 || heap.id_size_ == 0)
    return Error(Code::kInvalidModel, "the fractal heap at address ", address,
                 " states sizes that cannot be");
  heap.offset_bytes_ = static_cast<int>((heap.max_heap_bits_ + 7) / 8);
  heap.length_bytes_ = BytesFor(std::min(heap.max_direct_size_, max_managed));
  const int doublings =
      std::countr_zero(heap.max_direct_size_) - std::countr_zero(heap.start_size_);
  heap.direct_rows_ = static_cast<uint64_t>(doublings) + 2;
  return heap;
}

Result<std::span<const std::byte>> FractalHeap::Get(const Image& image,
                                                    std::span<const std::byte> id, Budget& budget) {
  enum : uint8_t { kManaged = 0, kHuge = 1, kTiny = 2 };
  constexpr int kLongId = 18;  // from one byte more on, tiny objects have lengths of 12 bits
  if (id.size() < static_cast<size_t>(id_size_))
    return Error(Code::kInvalidModel, "an ID of a fractal heap is cut short");
  Fields fields(image, id.first(static_cast<size_t>(id_size_)));
  const uint8_t head = fields.Byte();
  switch ((head >> 4) & 3u) {
    case kManaged: {
      const uint64_t offset = fields.Uint(offset_bytes_);
      const uint64_t size = fields.Uint(length_bytes_);
      if (!fields.ok()) return Error(Code::kInvalidModel, "an ID of a fractal heap is too short");
      return GetManaged(image, offset, size, budget);
    }
    case kHuge:
      return GetHuge(image, id.first(static_cast<size_t>(id_size_)).subspan(1), budget);
    case kTiny: {
      uint64_t size = head & 0xFu;
      if (id_size_ > kLongId) size = size << 8 | fields.Byte();
      const std::span<const std::byte> content = fields.Take(size + 1);
      if (!fields.ok()) return Error(Code::kInvalidModel, "a tiny object is longer than its ID");
      return content;
    }
    default:
      return Error(Code::kInvalidModel, "an ID of a fractal heap of unknown kind");
  }
}

Result<uint64_t> FractalHeap::IndirectEntry(const Image& image, uint64_t address, uint64_t rows,
                                            uint64_t entry, Budget& budget) {
  const auto offset_size = static_cast<uint64_t>(image.offset_size);
  const uint64_t size = PrefixSize(image) + rows * width_ * offset_size + 4;
  if (checked_.insert(address).second) {
    EDGEML_ASSIGN_OR_RETURN(const std::span<const std::byte> block,
                            image.SignedBlock(address, size, "FHIB", true, budget));
    Fields fields(image, block);
    if (fields.Byte() != 0 || fields.Offset() != address_)
      return Error(Code::kInvalidModel, "the heap block at address ", address,
                   " belongs to another heap");
  }
  EDGEML_ASSIGN_OR_RETURN(const std::span<const std::byte> block,
                          image.Block(address, size, "heap block"));
  Fields fields(image, block);
  fields.Skip(PrefixSize(image) + entry * offset_size);
  return fields.Offset();
}

Status FractalHeap::CompareDirectChecksum(const Image& image, uint64_t address,
                                          uint64_t size) const {
  const Status wrong = Error(Code::kInvalidModel, "the checksum of the heap block at address ",
                             address, " is wrong");
  const auto at = static_cast<size_t>(PrefixSize(image));
  if (size < at + 4) return wrong;
  EDGEML_ASSIGN_OR_RETURN(const std::span<const std::byte> block,
                          image.Block(address, size, "heap block"));
  // It was computed with zeros in its own place.
  std::vector<std::byte> copy(block.begin(), block.end());
  std::fill_n(copy.begin() + static_cast<ptrdiff_t>(at), 4, std::byte{0});
  if (kCompareChecksums && ByteReader(block.subspan(at)).Read<uint32_t>() != MetadataChecksum(copy))
    return wrong;
  return Status::Ok();
}

Result<std::span<const std::byte>> FractalHeap::GetManaged(const Image& image, uint64_t offset,
                                                           uint64_t size, Budget& budget) {
  const Status outside = Error(Code::kInvalidModel, "an object lies outside of its fractal heap");
  uint64_t at = root_, rows = root_rows_, block_size = start_size_;
  // A child has fewer rows than its parent, so that this ends.
  while (rows > 0) {
    const uint64_t row_size = width_ * start_size_;  // of each of the first two rows
    uint64_t row = 0, start = 0;
    if (offset >= row_size) {
      row = static_cast<uint64_t>(std::bit_width(offset / row_size));
      start = row_size << (row - 1);
    }
    if (row >= rows || at == kNowhere) return outside;
    block_size = BlockSize(row);
    const uint64_t column = (offset - start) / block_size;
    EDGEML_ASSIGN_OR_RETURN(at, IndirectEntry(image, at, rows, row * width_ + column, budget));
    offset -= start + column * block_size;
    if (row < direct_rows_) break;
    // What the rows of the child stand for together is the size of this entry.
    const int child_rows = std::countr_zero(block_size) - std::countr_zero(row_size) + 1;
    if (child_rows < 1) return outside;
    rows = static_cast<uint64_t>(child_rows);
  }
  if (at == kNowhere) return outside;
  if (checked_.insert(at).second) {
    EDGEML_ASSIGN_OR_RETURN(std::span<const std::byte> block,
                            image.SignedBlock(at, block_size, "FHDB", false, budget));
    Fields fields(image, block);
    if (fields.Byte() != 0 || fields.Offset() != address_)
      return Error(Code::kInvalidModel, "the heap block at address ", at,
                   " belongs to another heap");
    if (direct_checksums_) EDGEML_RETURN_IF_ERROR(CompareDirectChecksum(image, at, block_size));
  }
  EDGEML_ASSIGN_OR_RETURN(const std::span<const std::byte> block,
                          image.Block(at, block_size, "heap block"));
  const uint64_t prefix = PrefixSize(image) + (direct_checksums_ ? 4 : 0);
  const auto object = SubSpan(block, offset, size);
  if (!object || offset < prefix || size == 0) return outside;
  return *object;
}

Result<std::span<const std::byte>> FractalHeap::GetHuge(const Image& image,
                                                        std::span<const std::byte> id,
                                                        Budget& budget) {
  const int direct = image.offset_size + image.length_size;
  Fields fields(image, id);
  if (id.size() >= static_cast<size_t>(direct)) {
    const uint64_t address = fields.Offset();
    const uint64_t size = fields.Length();
    return image.Block(address, size, "object of a heap");
  }
  if (!huge_read_ && huge_tree_ != kNowhere) {
    huge_read_ = true;
    EDGEML_RETURN_IF_ERROR(WalkTree2(
        image, huge_tree_, Tree2::kHugeObjects, budget, [&](std::span<const std::byte> record) {
          Fields object(image, record);
          const uint64_t address = object.Offset();
          const uint64_t size = object.Length();
          const uint64_t key = object.Length();
          if (!object.ok()) return Error(Code::kInvalidModel, "a record of a heap is cut short");
          huge_.emplace(key, Huge{address, size});
          return Status::Ok();
        }));
  }
  const uint64_t key = fields.Uint(static_cast<int>(std::min<size_t>(id.size(), 8)));
  const auto found = huge_.find(key);
  if (found == huge_.end())
    return Error(Code::kInvalidModel, "the fractal heap has no object ", key);
  return image.Block(found->second.address, found->second.size, "object of a heap");
}

}  // namespace edgeml::hdf5
