// A 64-bit fingerprint of bytes that never changes.
#ifndef EDGEML_KERNELS_LOOKUP_FINGERPRINT_H_
#define EDGEML_KERNELS_LOOKUP_FINGERPRINT_H_

#include <cstddef>
#include <cstdint>

namespace edgeml::kernels {

// FarmHash's Fingerprint64 of `size` bytes, on every machine. LSH_PROJECTION is defined by it.
// Source: G. Pike, FarmHash (2014), the function farmhashna::Hash64, whose constants these are.
// REQUIRES: size >= 4, the shortest key there is.
uint64_t Fingerprint64(const uint8_t* data, size_t size);

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_LOOKUP_FINGERPRINT_H_
