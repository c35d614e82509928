// What the processor can do, found at run time.
#ifndef EDGEML_BASE_CPU_FEATURES_H_
#define EDGEML_BASE_CPU_FEATURES_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace edgeml {

// The levels SIMD sources are compiled for, in ascending order of preference.
enum class SimdLevel : uint8_t { kNone, kAvx2, kAvxVnni, kAvx512, kAvx512Vnni };

std::string_view NameOf(SimdLevel level);  // "avx512vnni"

// Every level this machine can run and this build holds, ascending; never empty (kNone is always
// there). The environment variable EDGEML_SIMD=<name> lowers the best level, for tests and for
// measuring.
std::span<const SimdLevel> SupportedSimdLevels();
SimdLevel BestSimdLevel();

// "Intel(R) Xeon(R) …" as the system reports it; "unknown" otherwise.
std::string CpuModelName();
// Space-separated list of the SIMD features that matter here, e.g. "avx2 fma avx512f avx512_vnni".
std::string CpuFeatureList();
// Logical processors this process may run on, at least 1.
int AvailableCpus();

}  // namespace edgeml

#endif  // EDGEML_BASE_CPU_FEATURES_H_
