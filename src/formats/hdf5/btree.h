// B-trees of both versions, walked in the order of their records (specification III.A).
#ifndef EDGEML_FORMATS_HDF5_BTREE_H_
#define EDGEML_FORMATS_HDF5_BTREE_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "edgeml/status.h"
#include "src/base/function_ref.h"
#include "src/formats/hdf5/image.h"

namespace edgeml::hdf5 {

// Version 1. `key_size` bytes stand in front of every child; `visit` gets the key and the address
// of each child of a leaf.
enum class Tree1 : uint8_t { kGroup = 0, kChunks = 1 };
Status WalkTree1(const Image& image, uint64_t address, Tree1 type, int key_size, Budget& budget,
                 FunctionRef<Status(std::span<const std::byte> key, uint64_t child)> visit);

// Version 2. `visit` gets every record.
enum class Tree2 : uint8_t {
  kHugeObjects = 1,
  kLinkNames = 5,
  kAttributeNames = 8,
  kChunks = 10,
  kFilteredChunks = 11,
};
Status WalkTree2(const Image& image, uint64_t address, Tree2 type, Budget& budget,
                 FunctionRef<Status(std::span<const std::byte> record)> visit);

}  // namespace edgeml::hdf5

#endif  // EDGEML_FORMATS_HDF5_BTREE_H_
