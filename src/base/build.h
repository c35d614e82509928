// What kind of build this is.
#ifndef EDGEML_BASE_BUILD_H_
#define EDGEML_BASE_BUILD_H_

namespace edgeml {

// A build with EDGEML_MIN_SIZE: only what the C API reaches, errors without text, no metadata.
#if defined(EDGEML_MIN_SIZE)
inline constexpr bool kMinSize = true;
#else
inline constexpr bool kMinSize = false;
#endif

}  // namespace edgeml

#endif  // EDGEML_BASE_BUILD_H_
