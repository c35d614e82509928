#include <algorithm>
#include <cmath>

#include "src/kernels/elementwise/integer_math.h"
#include "src/kernels/elementwise/lookup_table.h"

namespace edgeml::kernels {
namespace {

template <typename F>
void FillInt16(F in_scale, int32_t in_zero_point, F out_scale, int32_t out_zero_point,
               FunctionRef<F(F)> function, Int16Table& table) {
  constexpr int kPieces = 512;
  const F in_min = in_scale * static_cast<F>(-32768 - in_zero_point);
  const F in_max = in_scale * static_cast<F>(32767 - in_zero_point);
  const F out_min = out_scale * static_cast<F>(-32768 - out_zero_point);
  const F out_max = out_scale * static_cast<F>(32767 - out_zero_point);
  const F step = (in_max - in_min) / kPieces;
  const F half_step = step / 2;
  const F to_stored = F{65536} / (out_max - out_min);
  const auto stored = [](F value) {
    // NaN (from absurd scales) compares false twice and ends as the minimum.
    const F clamped = value > F{-32768} ? std::min(value, F{32767}) : F{-32768};
    return static_cast<int16_t>(clamped);
  };
  for (int i = 0; i < kPieces; ++i) {
    const F start = function(in_min + static_cast<F>(i) * step);
    const F middle = function(in_min + static_cast<F>(i) * step + half_step);
    const F end = function(in_min + static_cast<F>(i + 1) * step);
    const F sample = std::round(start * to_stored);
    const F interpolated = std::round((end * to_stored + sample) / 2);
    const F error = interpolated - std::round(middle * to_stored);
    table[static_cast<size_t>(i)] = stored(sample - std::round(error / 2));
  }
  table[kPieces] = stored(std::round(function(in_max) * to_stored));
}

}  // namespace

void FillByteTable(DType type, AffineScale in, AffineScale out, FunctionRef<float(float)> function,
                   ByteTable& table) {
  const int32_t lo = type == DType::kInt8 ? -128 : 0;
  const int32_t hi = lo + 255;
  const float inverse_scale = 1.0f / out.scale;
  for (int32_t x = lo; x <= hi; ++x) {
    const float real = in.scale * static_cast<float>(x - in.zero_point);
    const float rescaled = std::round(function(real) * inverse_scale);
    const int32_t y = TruncateToInt32(rescaled + static_cast<float>(out.zero_point));
    table[static_cast<uint8_t>(x)] = static_cast<uint8_t>(std::max(std::min(hi, y), lo));
  }
}

void FillInt16Table(AffineScale in, AffineScale out, FunctionRef<float(float)> function,
                    Int16Table& table) {
  FillInt16<float>(in.scale, in.zero_point, out.scale, out.zero_point, function, table);
}

void FillInt16TableDouble(double in_scale, int32_t in_zero_point, double out_scale,
                          FunctionRef<double(double)> function, Int16Table& table) {
  FillInt16<double>(in_scale, in_zero_point, out_scale, 0, function, table);
}

void ApplyByteTable(const ByteTable& table, const uint8_t* in, int64_t n, uint8_t* out) {
  for (int64_t i = 0; i < n; ++i) out[i] = table[in[i]];
}

void ApplyInt16Table(const Int16Table& table, const int16_t* in, int64_t n, int16_t* out) {
  for (int64_t i = 0; i < n; ++i) out[i] = LookUp(table, in[i]);
}

}  // namespace edgeml::kernels
