// How much memory the machine has, and the default cap derived from it.
#ifndef EDGEML_BASE_MEMORY_INFO_H_
#define EDGEML_BASE_MEMORY_INFO_H_

#include <cstddef>

namespace edgeml {

// Physical memory in bytes; 0 when unknown.
size_t PhysicalMemoryBytes();

// `requested`, or when that is 0 80 % of physical memory (no cap when unknown).
size_t EffectiveMemoryCap(size_t requested);

// Most memory this process has held resident so far, in bytes; 0 when unknown.
size_t PeakResidentBytes();

}  // namespace edgeml

#endif  // EDGEML_BASE_MEMORY_INFO_H_
