// What a tensor's values span.
#ifndef EDGEML_COMPRESS_QUANTIZE_RANGE_H_
#define EDGEML_COMPRESS_QUANTIZE_RANGE_H_

#include <algorithm>
#include <optional>
#include <vector>

namespace edgeml::quantize {

struct Range {
  float min = 0, max = 0;
  void Include(const Range& other) {
    min = std::min(min, other.min);
    max = std::max(max, other.max);
  }
  friend bool operator==(const Range&, const Range&) = default;
};

// By value of a graph; none = not observed.
using Ranges = std::vector<std::optional<Range>>;

}  // namespace edgeml::quantize

#endif  // EDGEML_COMPRESS_QUANTIZE_RANGE_H_
