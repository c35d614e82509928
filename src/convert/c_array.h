// A model as a C array, the way microcontroller projects compile it in.
#ifndef EDGEML_CONVERT_C_ARRAY_H_
#define EDGEML_CONVERT_C_ARRAY_H_

#include <cstddef>
#include <span>
#include <string>

#include "edgeml/status.h"

namespace edgeml::convert {

struct CArray {
  std::string header, source;
};

// Text of a header and a source that hold `bytes` as `name`, aligned to 16 bytes, with its size
// `name_len`. The source is C11 and C++11 alike. REQUIRES: `name` is an identifier.
CArray MakeCArray(std::span<const std::byte> bytes, const std::string& name,
                  const std::string& header_name);

// Letters, digits and underscores of `text`, never empty and never a digit first.
std::string AsIdentifier(const std::string& text);

}  // namespace edgeml::convert

#endif  // EDGEML_CONVERT_C_ARRAY_H_
