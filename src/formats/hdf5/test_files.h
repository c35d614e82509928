// Small HDF5 files made by hand, for tests of what no library writes.
#ifndef EDGEML_FORMATS_HDF5_TEST_FILES_H_
#define EDGEML_FORMATS_HDF5_TEST_FILES_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "src/formats/hdf5/checksum.h"

namespace edgeml::hdf5::testing {

using Bytes = std::vector<std::byte>;
inline constexpr uint64_t kNoAddress = ~uint64_t{0};

// Appends little-endian fields.
class Out {
 public:
  Out& U(uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) bytes_.push_back(static_cast<std::byte>(value >> (8 * i)));
    return *this;
  }
  Out& U8(uint64_t v) { return U(v, 1); }
  Out& U16(uint64_t v) { return U(v, 2); }
  Out& U32(uint64_t v) { return U(v, 4); }
  Out& U64(uint64_t v) { return U(v, 8); }
  Out& Text(std::string_view text) {
    for (const char c : text) U8(static_cast<unsigned char>(c));
    return *this;
  }
  Out& Add(const Bytes& bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return *this;
  }
  // Zeros up to `size` bytes.
  Out& PadTo(size_t size) {
    if (bytes_.size() < size) bytes_.resize(size);
    return *this;
  }
  Out& Checksum() { return U32(MetadataChecksum(bytes_)); }
  size_t size() const { return bytes_.size(); }
  Bytes bytes() const { return bytes_; }

 private:
  Bytes bytes_;
};

// The messages of object headers.
inline Bytes DataspaceMessage(const std::vector<uint64_t>& dims) {
  Out out;
  out.U8(1).U8(dims.size()).U8(0).U(0, 5);
  for (const uint64_t dim : dims) out.U64(dim);
  return out.bytes();
}
inline Bytes Int32Type() { return Out().U8(0x10).U(8, 3).U32(4).U16(0).U16(32).U(0, 4).bytes(); }
inline Bytes ContiguousLayout(uint64_t address, uint64_t size) {
  return Out().U8(3).U8(1).U64(address).U64(size).bytes();
}
// Version 1: parts padded to 8 bytes.
inline Bytes OldAttribute(std::string_view name, const Bytes& type, const Bytes& space,
                          const Bytes& data) {
  const auto up = [](size_t size) { return (size + 7) / 8 * 8; };
  Out out;
  out.U8(1).U8(0).U16(name.size() + 1).U16(type.size()).U16(space.size());
  out.Add(Out().Text(name).PadTo(up(name.size() + 1)).bytes());
  out.Add(Out().Add(type).PadTo(up(type.size())).bytes());
  out.Add(Out().Add(space).PadTo(up(space.size())).bytes());
  return out.Add(data).bytes();
}

struct Message {
  int type;
  Bytes data;
};

// A header of version 1, or what stands in a continuation block of one.
inline Bytes OldMessages(const std::vector<Message>& messages) {
  Out out;
  for (const Message& m : messages) {
    const size_t size = (m.data.size() + 7) / 8 * 8;
    out.U16(static_cast<uint64_t>(m.type)).U16(size).U8(0).U(0, 3);
    out.Add(Out().Add(m.data).PadTo(size).bytes());
  }
  return out.bytes();
}
inline Bytes OldHeader(const std::vector<Message>& messages, size_t count) {
  const Bytes body = OldMessages(messages);
  return Out().U8(1).U8(0).U16(count).U32(1).U32(body.size()).U32(0).Add(body).bytes();
}
inline Bytes OldHeader(const std::vector<Message>& messages) {
  return OldHeader(messages, messages.size());
}
// A header of version 2.
inline Bytes NewHeader(const std::vector<Message>& messages) {
  Out body;
  for (const Message& m : messages)
    body.U8(static_cast<uint64_t>(m.type)).U16(m.data.size()).U8(0).Add(m.data);
  Out out;
  out.Text("OHDR").U8(2).U8(2).U32(body.size()).Add(body.bytes());
  return out.Checksum().bytes();
}
inline Bytes HardLink(std::string_view name, uint64_t address) {
  return Out().U8(1).U8(0).U8(name.size()).Text(name).U64(address).bytes();
}
inline Bytes SoftLink(std::string_view name, std::string_view target) {
  return Out().U8(1).U8(8).U8(1).U8(name.size()).Text(name).U16(target.size()).Text(target).bytes();
}

// Puts blocks at fixed addresses into one file.
class FileMaker {
 public:
  FileMaker& Put(uint64_t address, const Bytes& block) {
    if (bytes_.size() < address + block.size()) bytes_.resize(address + block.size());
    for (size_t i = 0; i < block.size(); ++i) bytes_[address + i] = block[i];
    return *this;
  }
  // The file with a superblock of that version, whose root group is at `root`.
  Bytes Finish(int version, uint64_t root) {
    const uint64_t size = bytes_.size();
    Out out;
    out.U8(0x89).Text("HDF\r\n\x1A\n").U8(static_cast<uint64_t>(version));
    if (version < 2) {
      out.U(0, 4).U8(8).U8(8).U8(0).U16(4).U16(16).U32(0);
      if (version == 1) out.U16(32).U16(0);
      out.U64(0).U64(kNoAddress).U64(size).U64(kNoAddress);
      out.U64(0).U64(root).U32(0).U32(0).U64(0).U64(0);
    } else {
      out.U8(8).U8(8).U8(0).U64(0).U64(kNoAddress).U64(size).U64(root).Checksum();
    }
    return Put(0, out.bytes()).bytes_;
  }

 private:
  Bytes bytes_;
};

// /x: the integers 1, 2, 3 with an attribute a = 7 in a continuation block; all of the oldest kind.
inline Bytes OldFile(int superblock = 0) {
  constexpr uint64_t kRoot = 128, kTree = 192, kNames = 256, kSymbols = 320, kDataset = 384,
                     kMore = 512, kData = 608;
  FileMaker file;
  file.Put(kRoot, OldHeader({{17, Out().U64(kTree).U64(kNames).bytes()}}));
  file.Put(kTree, Out()
                      .Text("TREE")
                      .U8(0)
                      .U8(0)
                      .U16(1)
                      .U64(kNoAddress)
                      .U64(kNoAddress)
                      .U64(0)
                      .U64(kSymbols)
                      .U64(8)
                      .bytes());
  file.Put(kNames, Out()
                       .Text("HEAP")
                       .U(0, 4)
                       .U64(16)
                       .U64(1)
                       .U64(kNames + 32)
                       .PadTo(40)
                       .Text("x")
                       .PadTo(48)
                       .bytes());
  file.Put(kSymbols, Out().Text("SNOD").U8(1).U8(0).U16(1).U64(8).U64(kDataset).PadTo(48).bytes());
  const Bytes attribute = OldMessages(
      {{12, OldAttribute("a", Int32Type(), DataspaceMessage({}), Out().U32(7).bytes())}});
  file.Put(kDataset, OldHeader({{1, DataspaceMessage({3})},
                                {3, Int32Type()},
                                {8, ContiguousLayout(kData, 12)},
                                {16, Out().U64(kMore).U64(attribute.size()).bytes()}},
                               5));
  file.Put(kMore, attribute);
  file.Put(kData, Out().U32(1).U32(2).U32(3).bytes());
  return file.Finish(superblock, kRoot);
}

// The same, of the newest kind; and /soft, a soft link to /x. `metadata` gets the first byte and
// the one behind the last of each block of metadata.
inline Bytes NewFile(std::vector<std::pair<size_t, size_t>>* metadata = nullptr) {
  constexpr uint64_t kRoot = 64, kDataset = 192, kData = 384;
  Out attribute;
  attribute.U8(3).U8(0).U16(2).U16(Int32Type().size()).U16(4).U8(0).Text("a").U8(0);
  attribute.Add(Int32Type()).U8(2).U(0, 3).U32(7);
  const Bytes root = NewHeader({{6, HardLink("x", kDataset)}, {6, SoftLink("soft", "/x")}});
  const Bytes dataset = NewHeader({{1, DataspaceMessage({3})},
                                   {3, Int32Type()},
                                   {8, ContiguousLayout(kData, 12)},
                                   {12, attribute.bytes()}});
  if (metadata != nullptr)
    *metadata = {{0, 48}, {kRoot, kRoot + root.size()}, {kDataset, kDataset + dataset.size()}};
  FileMaker file;
  file.Put(kRoot, root).Put(kDataset, dataset);
  file.Put(kData, Out().U32(1).U32(2).U32(3).bytes());
  return file.Finish(2, kRoot);
}

}  // namespace edgeml::hdf5::testing

#endif  // EDGEML_FORMATS_HDF5_TEST_FILES_H_
