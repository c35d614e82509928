// The three heaps that hold names, links, attributes and strings (specification III.D, E and G).
#ifndef EDGEML_FORMATS_HDF5_HEAPS_H_
#define EDGEML_FORMATS_HDF5_HEAPS_H_

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string_view>

#include "edgeml/status.h"
#include "src/formats/hdf5/image.h"

namespace edgeml::hdf5 {

// Names of an old group.
class LocalHeap {
 public:
  static Result<LocalHeap> Open(const Image& image, uint64_t address, Budget& budget);
  // The text at `offset`, up to its zero byte.
  Result<std::string_view> Text(uint64_t offset) const;

 private:
  std::span<const std::byte> segment_;
};

// Strings of variable length. What was looked up is kept.
class GlobalHeap {
 public:
  // Object `index` of the collection at `address`.
  Result<std::span<const std::byte>> Get(const Image& image, uint64_t address, uint32_t index,
                                         Budget& budget);

 private:
  using Collection = std::map<uint32_t, std::span<const std::byte>>;
  Result<const Collection*> Open(const Image& image, uint64_t address, Budget& budget);
  std::map<uint64_t, Collection> collections_;
};

// Links and attributes of objects that have many.
class FractalHeap {
 public:
  static Result<FractalHeap> Open(const Image& image, uint64_t address, Budget& budget);
  int id_size() const { return id_size_; }
  // The object of that ID of id_size() bytes, or longer, with other bytes behind it.
  Result<std::span<const std::byte>> Get(const Image& image, std::span<const std::byte> id,
                                         Budget& budget);

 private:
  struct Huge {
    uint64_t address = 0, size = 0;
  };

  Result<std::span<const std::byte>> GetManaged(const Image& image, uint64_t offset, uint64_t size,
                                                Budget& budget);
  Result<std::span<const std::byte>> GetHuge(const Image& image, std::span<const std::byte> id,
                                             Budget& budget);
  Status CompareDirectChecksum(const Image& image, uint64_t address, uint64_t size) const;
  // The address of an entry of an indirect block of `rows` rows.
  Result<uint64_t> IndirectEntry(const Image& image, uint64_t address, uint64_t rows,
                                 uint64_t entry, Budget& budget);
  uint64_t BlockSize(uint64_t row) const { return start_size_ << (row == 0 ? 0 : row - 1); }
  uint64_t PrefixSize(const Image& image) const {
    return 5 + static_cast<uint64_t>(image.offset_size + offset_bytes_);
  }

  uint64_t address_ = 0;
  int id_size_ = 0, offset_bytes_ = 0, length_bytes_ = 0;
  bool direct_checksums_ = false;
  uint64_t width_ = 0, start_size_ = 0, max_direct_size_ = 0, max_heap_bits_ = 0;
  uint64_t direct_rows_ = 0;  // rows of direct blocks in an indirect block at most
  uint64_t root_ = kNowhere, root_rows_ = 0;
  uint64_t huge_tree_ = kNowhere;
  bool huge_read_ = false;
  std::map<uint64_t, Huge> huge_;
  std::set<uint64_t> checked_;  // blocks whose signature and checksum are right
};

}  // namespace edgeml::hdf5

#endif  // EDGEML_FORMATS_HDF5_HEAPS_H_
