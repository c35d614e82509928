// Names of kernels that end with the SIMD level in use.
#ifndef EDGEML_BACKENDS_CPU_LEVEL_NAMES_H_
#define EDGEML_BACKENDS_CPU_LEVEL_NAMES_H_

#include <string_view>

namespace edgeml::backends {

// "conv_2d.int8" → "conv_2d.int8.avx512vnni"; lives for ever.
const char* WithLevel(std::string_view name);

}  // namespace edgeml::backends

#endif  // EDGEML_BACKENDS_CPU_LEVEL_NAMES_H_
