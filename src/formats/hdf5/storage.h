// How the elements of a dataset are stored: layout, filters and fill value (specification IV.A.2.e,
// f, i and l), and where its chunks are (appendix C).
#ifndef EDGEML_FORMATS_HDF5_STORAGE_H_
#define EDGEML_FORMATS_HDF5_STORAGE_H_

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "edgeml/status.h"
#include "src/base/function_ref.h"
#include "src/formats/hdf5/datatype.h"
#include "src/formats/hdf5/image.h"
#include "src/tensor/shape.h"

namespace edgeml::hdf5 {

enum class LayoutClass : uint8_t { kCompact = 0, kContiguous = 1, kChunked = 2, kVirtual = 3 };

// How the chunks of a dataset are found.
enum class ChunkIndex : uint8_t {
  kTree1 = 0,
  kSingle = 1,
  kImplicit = 2,
  kFixedArray = 3,
  kExtensibleArray = 4,
  kTree2 = 5,
};

struct Layout {
  LayoutClass kind = LayoutClass::kContiguous;
  std::span<const std::byte> compact;
  uint64_t address = kNowhere;  // of the elements, or of the index of the chunks
  uint64_t size = 0;            // kContiguous: bytes stored; 0 when the message does not tell
  // kChunked:
  ChunkIndex index = ChunkIndex::kTree1;
  std::vector<uint64_t> chunk;  // its dimensions in elements
  uint64_t element_size = 0;
  bool whole_edges_only = false;  // chunks that go beyond the dataset are not filtered
  uint64_t single_size = 0;       // kSingle: stored bytes when filtered
  uint32_t single_mask = 0;
};

Result<Layout> ParseLayout(const Image& image, std::span<const std::byte> message);

enum class FilterId : uint16_t { kDeflate = 1, kShuffle = 2, kFletcher32 = 3 };
struct Filter {
  FilterId id = FilterId::kDeflate;
  uint32_t element_size = 0;  // kShuffle
};

// In the order in which they were applied. kUnsupported names a filter that is not read.
Result<std::vector<Filter>> ParseFilters(const Image& image, std::span<const std::byte> message);

// The fill value; empty when there is none. `old` for messages of type 4.
Result<std::span<const std::byte>> ParseFillValue(const Image& image,
                                                  std::span<const std::byte> message, bool old);

// Undoes the filters on a stored chunk. `size` is what it must be in the end. Bit i of `mask` says
// that filter i was left out.
Result<std::vector<std::byte>> Unfilter(std::span<const Filter> filters, uint32_t mask,
                                        std::span<const std::byte> stored, uint64_t size);

struct StoredChunk {
  std::array<uint64_t, kMaxRank> position{};  // in chunks
  uint64_t address = 0;
  uint64_t size = 0;  // stored bytes
  uint32_t mask = 0;
};

// Visits every chunk that is stored and lies in the dataset at least in part; each at most once.
// `chunk_size`: bytes of a chunk without filters. REQUIRES: a chunked layout whose chunk has as
// many dimensions as the space, at most kMaxRank and at least one, none of them 0.
Status WalkChunks(const Image& image, const Layout& layout, const Dataspace& space, bool filtered,
                  uint64_t chunk_size, Budget& budget,
                  FunctionRef<Status(const StoredChunk&)> visit);

}  // namespace edgeml::hdf5

#endif  // EDGEML_FORMATS_HDF5_STORAGE_H_
