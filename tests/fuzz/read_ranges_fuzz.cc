// Fuzz target: files of calibrated ranges, and what is made of them.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "src/compress/quantize/calibration_file.h"
#include "tests/fuzz/check_error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace edgeml;
  using namespace edgeml::quantize;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto result = ReadRanges(text);
  if (!result.ok()) return fuzz::CheckError(result.status()), 0;
  // One search reaches what many do.
  if (!result->tensors.empty()) {
    const TensorRecord& tensor = result->tensors.back();
    for (const bool symmetric : {false, true}) {
      const auto range = result->RangeOf(tensor.graph, tensor.value, 8, symmetric);
      if (!range || !std::isfinite(range->min) || !std::isfinite(range->max) ||
          range->min > range->max)
        std::abort();
    }
  }
  const std::string written = WriteRanges(*result);
  const auto again = ReadRanges(written);
  if (!again.ok() || WriteRanges(*again) != written) std::abort();
  return 0;
}
