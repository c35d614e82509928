// What a calibration found as a file (`--ranges F.json`), so that it need not be repeated.
//
// JSON, one tensor to a line:
//
//   {"format": "edgeml-ranges", "version": 1, "model": "0123456789abcdef", "method": "percentile",
//    "percentile": 99.99, "samples": 200, "tensors": [
//   {"graph": 0, "tensor": 3, "name": "conv", "values": 401408, "infinite": 0, "min": -1.5,
//    "max": 6.25, "average": [-1.25, 6],
//    "histogram": {"exponent": 3, "zeros": 0, "first": 828, "counts": "1 0 7"},
//    "channels": {"min": "-1.5 0", "max": "6.25 3", "sum": "1417.5 -3"}}
//   ]}
//
// "average": the samples' minima and maxima, averaged (Observer::MovingAverage). "histogram" and
// "channels" only when they were gathered; their many numbers stand in texts, which take a small
// part of the memory that lists of JSON take to read. Counts begin at bin "first"; bins that are
// not told hold nothing.
#ifndef EDGEML_COMPRESS_QUANTIZE_CALIBRATION_FILE_H_
#define EDGEML_COMPRESS_QUANTIZE_CALIBRATION_FILE_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "edgeml/status.h"
#include "src/compress/quantize/calibration.h"

namespace edgeml::quantize {

inline constexpr int kRangesVersion = 1;
// Limits on files: bytes, and values of JSON (about 20 a tensor, some hundred bytes each to read).
inline constexpr size_t kMostRangesBytes = size_t{256} << 20;
inline constexpr size_t kMostRangesValues = size_t{1} << 18;

// Warnings are not kept. Floats read back as they were.
std::string WriteRanges(const CalibrationResult& result);

// Whether it fits a model is for CalibrationResult::CheckModel to say. Errors, which name the
// tensor: kInvalidModel for what is malformed or cannot be a calibration's outcome, kUnsupported
// for a later version, kResourceExhausted over the limits.
Result<CalibrationResult> ReadRanges(std::string_view text);

}  // namespace edgeml::quantize

#endif  // EDGEML_COMPRESS_QUANTIZE_CALIBRATION_FILE_H_
