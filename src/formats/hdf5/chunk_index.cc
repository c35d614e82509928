// Where the chunks of a dataset are: the six kinds of index (specification appendix C; the sizes of
// the extensible array's blocks and the order of its elements as in the HDF5 library).
#include <algorithm>
#include <bit>
#include <optional>

#include "src/base/strings.h"
#include "src/formats/hdf5/btree.h"
#include "src/formats/hdf5/storage.h"

namespace edgeml::hdf5 {
namespace {

Status WrongHeader(std::string_view what) {
  return Error(Code::kInvalidModel, "the header of its ", what, " states sizes that cannot be");
}

uint64_t CeilDiv(uint64_t a, uint64_t b) { return a / b + (a % b != 0 ? 1 : 0); }

class ChunkWalker {
 public:
  ChunkWalker(const Image& image, const Layout& layout, const Dataspace& space, bool filtered,
              uint64_t chunk_size, Budget& budget, FunctionRef<Status(const StoredChunk&)> visit)
      : image_(image),
        layout_(layout),
        space_(space),
        filtered_(filtered),
        chunk_size_(chunk_size),
        budget_(budget),
        visit_(visit),
        rank_(space.dims.size()) {}

  Status Walk() {
    if (layout_.address == kNowhere) return Status::Ok();
    switch (layout_.index) {
      case ChunkIndex::kTree1:
        return WalkOldTree();
      case ChunkIndex::kTree2:
        return WalkNewTree();
      case ChunkIndex::kSingle:
        return WalkSingle();
      case ChunkIndex::kImplicit:
        return WalkImplicit();
      case ChunkIndex::kFixedArray:
        return WalkFixedArray();
      case ChunkIndex::kExtensibleArray:
        return WalkExtensibleArray();
    }
    return Status::Ok();
  }

 private:
  // Hands on a chunk whose position is set, unless it lies wholly outside of the dataset.
  Status Visit(const StoredChunk& chunk) {
    for (size_t d = 0; d < rank_; ++d)
      if (chunk.position[d] >= CeilDiv(space_.dims[d], layout_.chunk[d])) return Status::Ok();
    if (!filtered_ && chunk.size != chunk_size_)
      return Error(Code::kInvalidModel, "a chunk is stored in ", chunk.size, " bytes instead of ",
                   chunk_size_);
    EDGEML_RETURN_IF_ERROR(budget_.Charge(chunk.size));
    return visit_(chunk);
  }

  // --- Trees. Their records stand in the order of the positions, so that none comes twice.

  Status VisitInOrder(const StoredChunk& chunk) {
    const auto begin = chunk.position.begin(), end = begin + static_cast<ptrdiff_t>(rank_);
    if (has_last_ && !std::lexicographical_compare(
                         last_.begin(), last_.begin() + static_cast<ptrdiff_t>(rank_), begin, end))
      return Error(Code::kInvalidModel, "the chunks in its tree are not in order");
    has_last_ = true;
    last_ = chunk.position;
    return Visit(chunk);
  }

  Status WalkOldTree() {
    const int key_size = 8 + 8 * (static_cast<int>(rank_) + 1);
    return WalkTree1(image_, layout_.address, Tree1::kChunks, key_size, budget_,
                     [&](std::span<const std::byte> key, uint64_t address) {
                       Fields fields(image_, key);
                       StoredChunk chunk;
                       chunk.address = address;
                       chunk.size = fields.Dword();
                       chunk.mask = fields.Dword();
                       for (size_t d = 0; d < rank_; ++d) {
                         const uint64_t offset = fields.Uint(8);
                         if (offset % layout_.chunk[d] != 0)
                           return Error(Code::kInvalidModel, "a chunk begins at ", offset,
                                        " in dimension ", d, ", inside of another one");
                         chunk.position[d] = offset / layout_.chunk[d];
                       }
                       return VisitInOrder(chunk);
                     });
  }

  Status WalkNewTree() {
    const Tree2 type = filtered_ ? Tree2::kFilteredChunks : Tree2::kChunks;
    return WalkTree2(
        image_, layout_.address, type, budget_, [&](std::span<const std::byte> record) {
          const size_t positions = 8 * rank_;
          if (record.size() < positions) return WrongHeader("tree of chunks");
          const size_t element = record.size() - positions;
          EDGEML_ASSIGN_OR_RETURN(StoredChunk chunk, ParseElement(record.first(element)));
          Fields fields(image_, record.subspan(element));
          for (size_t d = 0; d < rank_; ++d) chunk.position[d] = fields.Uint(8);
          return VisitInOrder(chunk);
        });
  }

  // --- Arrays of elements that tell where a chunk is.

  // An address and, of filtered chunks, a size in as many bytes as are left and a mask.
  Result<StoredChunk> ParseElement(std::span<const std::byte> element) const {
    const int size_bytes =
        filtered_ ? static_cast<int>(element.size()) - image_.offset_size - 4 : 0;
    if (filtered_ ? size_bytes < 1 || size_bytes > 8
                  : element.size() != static_cast<size_t>(image_.offset_size))
      return WrongHeader("index of chunks");
    Fields fields(image_, element);
    StoredChunk chunk;
    chunk.address = fields.Offset();
    chunk.size = filtered_ ? fields.Uint(size_bytes) : chunk_size_;
    chunk.mask = filtered_ ? fields.Dword() : 0;
    return chunk;
  }

  // Sets up positions from running numbers. `first` is the dimension that varies slowest: the
  // unlimited one in an extensible array, else 0. Numbers count chunks up to the largest
  // dimensions.
  Status NumberChunks(size_t first) {
    first_ = first;
    total_ = 1;
    for (size_t d = 0; d < rank_; ++d) {
      const bool open = space_.max_dims[d] == kNowhere;
      const uint64_t extent = open ? space_.dims[d] : space_.max_dims[d];
      along_[d] = CeilDiv(extent, layout_.chunk[d]);
      if (along_[d] != 0 && total_ > kNowhere / along_[d])
        return Error(Code::kInvalidModel, "its number of chunks overflows");
      total_ *= along_[d];
    }
    return Status::Ok();
  }

  void SetPosition(uint64_t number, StoredChunk& chunk) const {
    for (size_t d = rank_; d-- > 0;) {
      if (d == first_) continue;
      chunk.position[d] = number % along_[d];
      number /= along_[d];
    }
    chunk.position[first_] = number;
  }

  Status VisitElements(std::span<const std::byte> elements, size_t element_size, uint64_t number) {
    for (; elements.size() >= element_size && number < total_; ++number) {
      EDGEML_ASSIGN_OR_RETURN(StoredChunk chunk, ParseElement(elements.first(element_size)));
      elements = elements.subspan(element_size);
      if (chunk.address == kNowhere) continue;
      SetPosition(number, chunk);
      EDGEML_RETURN_IF_ERROR(Visit(chunk));
    }
    return Status::Ok();
  }

  // Elements with a checksum behind them, without a signature.
  Status VisitPage(uint64_t address, uint64_t count, size_t element_size, uint64_t number) {
    const uint64_t size = count * element_size + 4;
    EDGEML_RETURN_IF_ERROR(budget_.Charge(size));
    EDGEML_ASSIGN_OR_RETURN(const std::span<const std::byte> page,
                            image_.Block(address, size, "page of chunks"));
    EDGEML_RETURN_IF_ERROR(CompareChecksum(page, "page of chunks"));
    return VisitElements(page.first(page.size() - 4), element_size, number);
  }

  Status WalkSingle() {
    StoredChunk chunk;
    chunk.address = layout_.address;
    chunk.size = filtered_ && layout_.single_size != 0 ? layout_.single_size : chunk_size_;
    chunk.mask = layout_.single_mask;
    return Visit(chunk);
  }

  Status WalkImplicit() {
    EDGEML_RETURN_IF_ERROR(NumberChunks(0));
    if (total_ > image_.bytes.size() / std::max<uint64_t>(chunk_size_, 1))
      return Error(Code::kInvalidModel, "its ", total_, " chunks do not fit into the file");
    StoredChunk chunk;
    chunk.address = layout_.address;
    chunk.size = chunk_size_;
    for (uint64_t i = 0; i < total_; ++i) {
      SetPosition(i, chunk);
      EDGEML_RETURN_IF_ERROR(Visit(chunk));
      chunk.address += chunk_size_;
    }
    return Status::Ok();
  }

  // What begins every block of an array: version, client and the address of the header.
  Status CheckOwner(Fields& fields) const {
    const uint8_t version = fields.Byte();
    const uint8_t client = fields.Byte();
    const uint64_t header = fields.Offset();
    if (version != 0 || client != (filtered_ ? 1 : 0) || header != layout_.address)
      return Error(Code::kInvalidModel, "a block of its index belongs to another dataset");
    return Status::Ok();
  }

  Status WalkFixedArray() {
    const auto offset = static_cast<uint64_t>(image_.offset_size);
    EDGEML_ASSIGN_OR_RETURN(
        const std::span<const std::byte> head,
        image_.SignedBlock(layout_.address, 12 + offset + static_cast<uint64_t>(image_.length_size),
                           "FAHD", true, budget_));
    Fields header(image_, head);
    const uint8_t version = header.Byte();
    const uint8_t client = header.Byte();
    const size_t element_size = header.Byte();
    const int page_bits = header.Byte();
    const uint64_t count = header.Length();
    const uint64_t data = header.Offset();
    EDGEML_RETURN_IF_ERROR(NumberChunks(0));
    if (version != 0 || client != (filtered_ ? 1 : 0) || element_size == 0 || page_bits > 32 ||
        count < total_ || count > image_.bytes.size())
      return WrongHeader("array of chunks");
    if (data == kNowhere) return Status::Ok();
    const uint64_t page_count = uint64_t{1} << page_bits;
    const uint64_t prefix = 6 + offset;
    if (count <= page_count) {
      EDGEML_ASSIGN_OR_RETURN(
          const std::span<const std::byte> block,
          image_.SignedBlock(data, prefix + count * element_size + 4, "FADB", true, budget_));
      Fields fields(image_, block);
      EDGEML_RETURN_IF_ERROR(CheckOwner(fields));
      return VisitElements(fields.Take(fields.remaining()), element_size, 0);
    }
    const uint64_t pages = CeilDiv(count, page_count);
    const uint64_t bitmap_size = CeilDiv(pages, 8);
    EDGEML_ASSIGN_OR_RETURN(
        const std::span<const std::byte> block,
        image_.SignedBlock(data, prefix + bitmap_size + 4, "FADB", true, budget_));
    Fields fields(image_, block);
    EDGEML_RETURN_IF_ERROR(CheckOwner(fields));
    const std::span<const std::byte> bitmap = fields.Take(bitmap_size);
    // Cannot overflow: the block lies in the file, and a page is smaller than 2^43 bytes.
    uint64_t address = data + prefix + bitmap_size + 4;
    for (uint64_t page = 0; page < pages; ++page) {
      const uint64_t first = page * page_count;
      const uint64_t here = std::min(page_count, count - first);
      if (IsSet(bitmap, page))
        EDGEML_RETURN_IF_ERROR(VisitPage(address, here, element_size, first));
      address += here * element_size + 4;
    }
    return Status::Ok();
  }

  // Bits count from the highest of each byte.
  static bool IsSet(std::span<const std::byte> bits, uint64_t i) {
    return i / 8 < bits.size() &&
           (std::to_integer<unsigned>(bits[static_cast<size_t>(i / 8)]) >> (7 - i % 8) & 1u) != 0;
  }

  // --- The extensible array: some elements in its index block, then data blocks, two and more of
  // the same size forming a "super block". The first super blocks exist in thought only: addresses
  // of their data blocks stand in the index block too.

  struct Extensible {
    size_t element_size = 0;
    int max_bits = 0;           // of the number of elements
    uint64_t in_index = 0;      // elements in the index block
    uint64_t min_elements = 0;  // of a data block
    uint64_t min_pointers = 0;  // of a super block that exists
    uint64_t page_elements = 0;
    uint64_t OffsetBytes() const { return static_cast<uint64_t>(max_bits + 7) / 8; }
  };

  static uint64_t BlocksOf(int super) { return uint64_t{1} << (super / 2); }
  static uint64_t ElementsOf(const Extensible& a, int super) {
    return a.min_elements << ((super + 1) / 2);
  }

  Result<Extensible> ReadExtensibleHeader(uint64_t& index_block) {
    const uint64_t size = 16 + 6 * static_cast<uint64_t>(image_.length_size) +
                          static_cast<uint64_t>(image_.offset_size);
    EDGEML_ASSIGN_OR_RETURN(const std::span<const std::byte> head,
                            image_.SignedBlock(layout_.address, size, "EAHD", true, budget_));
    Fields fields(image_, head);
    const uint8_t version = fields.Byte();
    const uint8_t client = fields.Byte();
    Extensible a;
    a.element_size = fields.Byte();
    a.max_bits = fields.Byte();
    a.in_index = fields.Byte();
    a.min_elements = fields.Byte();
    a.min_pointers = fields.Byte();
    const int page_bits = fields.Byte();
    for (int i = 0; i < 6; ++i) fields.Length();  // statistics
    index_block = fields.Offset();
    if (version != 0 || client != (filtered_ ? 1 : 0) || a.element_size == 0 || a.max_bits > 64 ||
        page_bits > 32 || !std::has_single_bit(a.min_elements) ||
        !std::has_single_bit(a.min_pointers) ||
        a.max_bits < std::countr_zero(a.min_elements) + 2 * std::countr_zero(a.min_pointers))
      return WrongHeader("array of chunks");
    a.page_elements = uint64_t{1} << page_bits;
    return a;
  }

  // The one dimension without a limit.
  std::optional<size_t> OpenDimension() const {
    std::optional<size_t> found;
    for (size_t d = 0; d < rank_; ++d) {
      if (space_.max_dims[d] != kNowhere) continue;
      if (found) return std::nullopt;
      found = d;
    }
    return found;
  }

  Status WalkExtensibleArray() {
    const std::optional<size_t> open = OpenDimension();
    if (!open)
      return Error(Code::kInvalidModel,
                   "its index of chunks needs exactly one dimension without a limit");
    EDGEML_RETURN_IF_ERROR(NumberChunks(*open));
    uint64_t index_block = kNowhere;
    EDGEML_ASSIGN_OR_RETURN(const Extensible a, ReadExtensibleHeader(index_block));
    if (index_block == kNowhere) return Status::Ok();
    const int thought_of = 2 * std::countr_zero(a.min_pointers);
    const int supers = 1 + a.max_bits - std::countr_zero(a.min_elements);
    const uint64_t blocks = 2 * (a.min_pointers - 1);
    const auto offset = static_cast<uint64_t>(image_.offset_size);
    const uint64_t size = 10 + offset + a.in_index * a.element_size +
                          (blocks + static_cast<uint64_t>(supers - thought_of)) * offset;
    EDGEML_ASSIGN_OR_RETURN(const std::span<const std::byte> block,
                            image_.SignedBlock(index_block, size, "EAIB", true, budget_));
    Fields fields(image_, block);
    EDGEML_RETURN_IF_ERROR(CheckOwner(fields));
    EDGEML_RETURN_IF_ERROR(
        VisitElements(fields.Take(a.in_index * a.element_size), a.element_size, 0));
    uint64_t number = a.in_index;
    for (int super = 0; super < supers && number < total_; ++super) {
      const uint64_t elements = ElementsOf(a, super);
      if (super >= thought_of) {
        const uint64_t address = fields.Offset();
        if (address != kNowhere) EDGEML_RETURN_IF_ERROR(WalkSuper(a, address, super, number));
      } else {
        uint64_t here = number;
        for (uint64_t i = 0; i < BlocksOf(super); ++i, here += elements) {
          const uint64_t address = fields.Offset();
          if (address != kNowhere)
            EDGEML_RETURN_IF_ERROR(WalkDataBlock(a, address, elements, here, {}, 0));
        }
      }
      // The numbers of all elements together fit into 64 bits, or the walk ends here.
      const uint64_t all = BlocksOf(super) * elements;
      if (std::bit_width(elements) + super / 2 > 63 || number > kNowhere - all) break;
      number += all;
    }
    return Status::Ok();
  }

  Status WalkSuper(const Extensible& a, uint64_t address, int super, uint64_t number) {
    const uint64_t blocks = BlocksOf(super), elements = ElementsOf(a, super);
    const uint64_t pages = elements > a.page_elements ? elements / a.page_elements : 0;
    const uint64_t bitmap_size = CeilDiv(pages, 8);  // of a data block
    const auto offset = static_cast<uint64_t>(image_.offset_size);
    if (blocks > image_.bytes.size() || bitmap_size > image_.bytes.size() || elements == 0)
      return Error(Code::kInvalidModel, "its index of chunks is larger than the file");
    const uint64_t size = 10 + offset + a.OffsetBytes() + blocks * (bitmap_size + offset);
    EDGEML_ASSIGN_OR_RETURN(const std::span<const std::byte> block,
                            image_.SignedBlock(address, size, "EASB", true, budget_));
    Fields fields(image_, block);
    EDGEML_RETURN_IF_ERROR(CheckOwner(fields));
    fields.Skip(a.OffsetBytes());
    const std::span<const std::byte> bitmap = fields.Take(blocks * bitmap_size);
    for (uint64_t i = 0; i < blocks && number < total_; ++i, number += elements) {
      const uint64_t data = fields.Offset();
      if (data != kNowhere)
        EDGEML_RETURN_IF_ERROR(WalkDataBlock(a, data, elements, number, bitmap, i * pages));
    }
    return Status::Ok();
  }

  // `bitmap` tells from bit `first_page` on which pages of the block are used.
  Status WalkDataBlock(const Extensible& a, uint64_t address, uint64_t elements, uint64_t number,
                       std::span<const std::byte> bitmap, uint64_t first_page) {
    const uint64_t prefix = 6 + static_cast<uint64_t>(image_.offset_size) + a.OffsetBytes();
    const bool paged = elements > a.page_elements;
    if (elements > image_.bytes.size() || (paged && bitmap.empty()))
      return Error(Code::kInvalidModel, "its index of chunks is larger than the file");
    const uint64_t content = paged ? 0 : elements * a.element_size;
    EDGEML_ASSIGN_OR_RETURN(
        const std::span<const std::byte> block,
        image_.SignedBlock(address, prefix + content + 4, "EADB", true, budget_));
    Fields fields(image_, block);
    EDGEML_RETURN_IF_ERROR(CheckOwner(fields));
    fields.Skip(a.OffsetBytes());
    if (!paged) return VisitElements(fields.Take(content), a.element_size, number);
    uint64_t page_at = address + prefix + 4;
    for (uint64_t page = 0; page < elements / a.page_elements; ++page) {
      if (IsSet(bitmap, first_page + page))
        EDGEML_RETURN_IF_ERROR(VisitPage(page_at, a.page_elements, a.element_size, number));
      number += a.page_elements;
      page_at += a.page_elements * a.element_size + 4;
    }
    return Status::Ok();
  }

  const Image& image_;
  const Layout& layout_;
  const Dataspace& space_;
  bool filtered_;
  uint64_t chunk_size_;
  Budget& budget_;
  FunctionRef<Status(const StoredChunk&)> visit_;
  size_t rank_;
  bool has_last_ = false;
  std::array<uint64_t, kMaxRank> last_{};
  size_t first_ = 0;
  std::array<uint64_t, kMaxRank> along_{};  // chunks along each dimension
  uint64_t total_ = 0;
};

}  // namespace

Status WalkChunks(const Image& image, const Layout& layout, const Dataspace& space, bool filtered,
                  uint64_t chunk_size, Budget& budget,
                  FunctionRef<Status(const StoredChunk&)> visit) {
  return ChunkWalker(image, layout, space, filtered, chunk_size, budget, visit).Walk();
}

}  // namespace edgeml::hdf5
