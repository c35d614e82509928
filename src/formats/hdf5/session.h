// What the objects of one file share: its bytes, and what was parsed of them.
#ifndef EDGEML_FORMATS_HDF5_SESSION_H_
#define EDGEML_FORMATS_HDF5_SESSION_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "edgeml/status.h"
#include "src/formats/hdf5/datatype.h"
#include "src/formats/hdf5/file.h"
#include "src/formats/hdf5/heaps.h"
#include "src/formats/hdf5/image.h"
#include "src/formats/hdf5/object_header.h"

namespace edgeml::hdf5::internal {

// An attribute, checked to lie in the file; what it holds is parsed when it is read.
struct Attribute {
  std::string name;
  std::span<const std::byte> datatype, dataspace, data;
  bool shared_datatype = false, shared_dataspace = false;
  uint32_t order = 0;
};

struct ObjectData {
  uint64_t address = 0;
  ObjectKind kind = ObjectKind::kGroup;
  ObjectHeader header;
  std::vector<Attribute> attributes;
  std::vector<std::string> attribute_names;

  const Attribute* FindAttribute(std::string_view name) const;
};

struct Session {
  std::shared_ptr<const void> owner;
  Image image;
  uint64_t root = 0;  // address of the root group
  Budget budget{0};   // of what is parsed once and kept
  GlobalHeap strings;
  std::map<uint64_t, std::shared_ptr<const ObjectData>> objects;  // by address
  std::map<uint64_t, std::vector<Link>> links;                    // by the group's address, by name

  // For work whose result is not kept.
  Budget FreshBudget() const { return Budget(image.bytes.size() * kMaxMetadataFactor); }
};

Result<std::shared_ptr<const ObjectData>> OpenObject(Session& session, uint64_t address);
// The links of a group, parsed at the first call and kept.
Result<const std::vector<Link>*> LinksOf(Session& session, const ObjectData& object);

// Sorted by name.
Result<std::vector<Link>> ReadLinks(const Image& image, const ObjectHeader& header, Budget& budget);
// In the order of their creation where it is stored, else as they are stored.
Result<std::vector<Attribute>> ReadAttributes(const Image& image, const ObjectHeader& header,
                                              Budget& budget);

// The superblock: the image without what is in front of it, and the address of the root group.
struct Superblock {
  Image image;
  uint64_t root = 0;
};
Result<Superblock> ReadSuperblock(std::span<const std::byte> bytes);

// Elements as they are stored, with what they are.
struct Stored {
  Datatype type;
  ArrayInfo info;
  uint64_t count = 0;
  std::shared_ptr<const void> owner;  // keeps `bytes` alive
  std::span<const std::byte> bytes;   // count * type.size
};

Result<Stored> DescribeDataset(const Session& session, const ObjectData& object);
// Everything but the elements' meaning; `max_bytes` limits the stored ones.
Result<Stored> ReadDataset(const Session& session, const ObjectData& object, uint64_t max_bytes);
Result<Stored> ReadAttributeData(const Session& session, const Attribute& attribute);

// The elements in this machine's order and width.
Result<ir::ConstantData> ToNative(const Stored& stored, uint64_t max_bytes);
// Numbers as ReadNumbers() and ReadIntegers() want them.
std::vector<double> ToDoubles(const Array& array);
Result<std::vector<int64_t>> ToIntegers(const Array& array);
// Strings without their padding; `heap` and its budget are for those of variable length.
Result<std::vector<std::string>> ToStrings(const Image& image, GlobalHeap& heap,
                                           Budget& heap_budget, const Stored& stored,
                                           uint64_t max_bytes);

}  // namespace edgeml::hdf5::internal

#endif  // EDGEML_FORMATS_HDF5_SESSION_H_
