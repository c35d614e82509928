// The two checksums of HDF5 files.
#ifndef EDGEML_FORMATS_HDF5_CHECKSUM_H_
#define EDGEML_FORMATS_HDF5_CHECKSUM_H_

#include <cstddef>
#include <cstdint>
#include <span>

namespace edgeml::hdf5 {

// Fuzz targets are built with EDGEML_SKIP_CHECKSUMS: a changed file would hardly ever get past the
// comparison, and the code behind it would not be tried.
#if defined(EDGEML_SKIP_CHECKSUMS)
inline constexpr bool kCompareChecksums = false;
#else
inline constexpr bool kCompareChecksums = true;
#endif

// Of metadata: Bob Jenkins' lookup3 ("hashlittle") with the initial value 0.
uint32_t MetadataChecksum(std::span<const std::byte> bytes);

// Of the filter fletcher32: Fletcher's checksum over big-endian 16-bit words, an odd last byte
// counting as the upper half of one.
uint32_t Fletcher32(std::span<const std::byte> bytes);

}  // namespace edgeml::hdf5

#endif  // EDGEML_FORMATS_HDF5_CHECKSUM_H_
