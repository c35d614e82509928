// HDF5 files as h5py writes them, read from memory: groups, links, attributes and datasets.
//
// The format: HDF5 File Format Specification 3.0 and, for what it leaves open, the behaviour of the
// HDF5 library 1.14 and 2.0. Read are files of every format generation that these libraries write
// (superblocks 0 to 3, old and new groups, compact and dense links and attributes, all chunk
// indexes). Every byte may be hostile: addresses, sizes and counts are checked before they are
// followed, checksums are compared, and what is parsed is limited in proportion to the file.
// Nothing outside of the given bytes is ever opened: external links and external data are errors.
#ifndef EDGEML_FORMATS_HDF5_FILE_H_
#define EDGEML_FORMATS_HDF5_FILE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "edgeml/dtype.h"
#include "edgeml/status.h"
#include "src/ir/graph.h"
#include "src/tensor/shape.h"

namespace edgeml::hdf5 {

// What one file may ask for.
inline constexpr int kMaxSoftLinks = 16;   // soft links followed in one look-up
inline constexpr int kMaxPathParts = 256;  // components of a path
inline constexpr size_t kMaxPathBytes = 8192;
inline constexpr int kMaxFilters = 32;  // of one dataset
// Metadata is parsed once and kept; all of it together may not be longer than this many times the
// file, which only overlapping or circular structures are.
inline constexpr uint64_t kMaxMetadataFactor = 4;

enum class LinkKind : uint8_t { kHard, kSoft, kExternal, kUserDefined };

struct Link {
  std::string name;  // as stored: never empty, may be any bytes
  LinkKind kind = LinkKind::kHard;
  uint64_t address = 0;    // kHard: the same for two links to one object
  std::string target;      // kSoft: a path; kExternal: "FILE:PATH"
  bool has_order = false;  // the file tells in which order links were made
  uint64_t creation_order = 0;
};

enum class Order : uint8_t {
  kName,      // bytes of the names ascending
  kCreation,  // oldest first when the file stores it for every link, else by name
};

enum class ObjectKind : uint8_t { kGroup, kDataset, kDatatype };

// The elements of a dataset or attribute. Numbers keep the type that the file states, in this
// machine's byte order:
//   integers and bit fields of 8, 16, 32, 64 bits → the integer types; of other widths up to 64
//     bits → the next wider one; enumerations → their integers; {FALSE = 0, TRUE = 1} → kBool
//   IEEE floats of 16, 32, 64 bits; bfloat16, also in the form of Keras: two opaque bytes and an
//     attribute dtype = "bfloat16"
//   strings → kString; they are read with ReadStrings()
struct ArrayInfo {
  DType type = DType::kInvalid;
  Shape shape;           // rank 0 = scalar
  bool is_null = false;  // a null dataspace ("empty"): no elements at all, shape is rank 0
};
struct Array {
  ArrayInfo info;
  ir::ConstantData data;  // aligned for its type
};

namespace internal {
struct Session;
struct ObjectData;
struct Stored;
}  // namespace internal

// An object of a file: a handle that is cheap to copy and keeps the file's owner alive. Handles of
// one file share what was parsed: use them from one thread at a time.
//
// All errors start with the object's path. kInvalidModel: damaged or contradictory bytes.
// kUnsupported: valid HDF5 that is not read (the message names it). kNotFound: no such link or
// attribute. kInvalidArgument: the wrong call for this object or attribute.
class Object {
 public:
  ObjectKind kind() const;
  // As it was reached, "/" for the root group; not unique when there are several links.
  const std::string& path() const { return path_; }
  // The same for two handles of one object.
  uint64_t id() const;

  // --- Groups; empty or kInvalidArgument for others.

  // The group's links. The names are unique unless the file is damaged.
  Result<std::vector<Link>> Links(Order order = Order::kName) const;
  // Whether there is a link of that name, of whatever kind. False when the links cannot be read.
  bool HasLink(std::string_view name) const;
  // The object at a path of names separated by '/', from the root when it starts with '/', else
  // from here. Soft links are followed, at most kMaxSoftLinks of them; "." and empty components
  // mean the same group; ".." is a name like others, as for the HDF5 library. External links give
  // kUnsupported and are never followed.
  Result<Object> Find(std::string_view path) const;

  // --- Attributes of any object.

  // Names in the order in which the attributes are stored, oldest first when the file tells it.
  const std::vector<std::string>& attribute_names() const;
  bool HasAttribute(std::string_view name) const;
  // What an attribute holds.
  Result<ArrayInfo> AttributeInfo(std::string_view name) const;
  // One string: a scalar string, or an array of one string. Padding is taken off (from the first
  // zero byte on, or zeros or spaces at the end, as the type says); the bytes are UTF-8 or ASCII if
  // the writer kept to what it declared, which nobody checks.
  Result<std::string> ReadString(std::string_view name) const;
  // All strings of an attribute in row-major order; none for a null dataspace or an empty array. A
  // null dataspace of numbers counts too: h5py writes empty lists as arrays of float64 with no
  // elements.
  Result<std::vector<std::string>> ReadStrings(std::string_view name) const;
  // Numbers or booleans in row-major order. The first converts to double (integers over 2^53 are
  // rounded), the second wants integers or booleans that fit into int64.
  Result<std::vector<double>> ReadNumbers(std::string_view name) const;
  Result<std::vector<int64_t>> ReadIntegers(std::string_view name) const;
  // Numbers as they are.
  Result<Array> ReadAttribute(std::string_view name) const;

  // --- Datasets; kInvalidArgument for others.

  // kUnsupported for element types that are not read, a rank over kMaxRank and dimensions of 2^31
  // and more.
  Result<ArrayInfo> Info() const;
  // The elements in row-major order. They point into the file and share its owner when they are
  // stored in one piece, unfiltered, little-endian and aligned for their type; else they are
  // decoded into new memory. Missing chunks and data never written have the fill value.
  // kResourceExhausted when more than `max_bytes` would be needed for the result; chunks need a
  // further buffer of the size of one chunk. kInvalidArgument for strings.
  Result<ir::ConstantData> Read(uint64_t max_bytes) const;
  // The elements of a dataset of strings. `max_bytes` limits their bytes together.
  Result<std::vector<std::string>> ReadStringElements(uint64_t max_bytes) const;

 private:
  friend class File;
  // The object of a hard link of this group.
  Result<Object> Follow(const Link& link) const;
  Result<internal::Stored> StoredAttribute(std::string_view name) const;
  Result<internal::Stored> StoredElements(uint64_t max_bytes) const;

  std::shared_ptr<internal::Session> session_;
  std::shared_ptr<const internal::ObjectData> data_;
  std::string path_;
};

class File {
 public:
  // `owner` keeps `bytes` alive. Opens the root group only; everything else is parsed when it is
  // asked for. kInvalidModel for bytes that are no HDF5 file (no signature at 0, 512, 1024, …),
  // that are truncated, or whose root group is damaged.
  static Result<File> Open(std::shared_ptr<const void> owner, std::span<const std::byte> bytes);

  const Object& root() const { return root_; }
  // The object at a path from the root group; see Object::Find.
  Result<Object> Find(std::string_view path) const { return root_.Find(path); }

  // Calls `visit` for every object that hard links reach from the root group, groups before what is
  // in them, links in the order of their names; each object once, with the first path to it. Ends
  // with the first error.
  Status VisitAll(const std::function<Status(const Object&)>& visit) const;

 private:
  Object root_;
};

// Whether the bytes begin with the signature of HDF5, at offset 0 or after a user block.
bool LooksLikeHdf5(std::span<const std::byte> bytes);

}  // namespace edgeml::hdf5

#endif  // EDGEML_FORMATS_HDF5_FILE_H_
