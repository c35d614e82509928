#include "src/base/memory_info.h"

#include <limits>

#if defined(__unix__) || defined(__APPLE__)
#include <sys/resource.h>
#include <unistd.h>
#endif

namespace edgeml {

size_t PhysicalMemoryBytes() {
#if defined(_SC_PHYS_PAGES) && defined(_SC_PAGESIZE)
  const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  if (pages > 0 && page > 0) {
    const auto bytes =
        static_cast<unsigned long long>(pages) * static_cast<unsigned long long>(page);
    const auto most = static_cast<unsigned long long>(std::numeric_limits<size_t>::max());
    return static_cast<size_t>(bytes < most ? bytes : most);
  }
#endif
  return 0;
}

size_t EffectiveMemoryCap(size_t requested) {
  if (requested != 0) return requested;
  const size_t physical = PhysicalMemoryBytes();
  return physical == 0 ? std::numeric_limits<size_t>::max() : physical / 10 * 8;
}

size_t PeakResidentBytes() {
#if defined(__unix__) || defined(__APPLE__)
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
#if defined(__APPLE__)
    return static_cast<size_t>(usage.ru_maxrss);
#else
    return static_cast<size_t>(usage.ru_maxrss) * 1024;
#endif
  }
#endif
  return 0;
}

}  // namespace edgeml
