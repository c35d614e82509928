// Functions of quantized numbers as tables, filled once in prepare. The tables hold exactly what
// the TFLite runtime computes: float32 arithmetic, round half away from zero.
#ifndef EDGEML_KERNELS_ELEMENTWISE_LOOKUP_TABLE_H_
#define EDGEML_KERNELS_ELEMENTWISE_LOOKUP_TABLE_H_

#include <array>
#include <cstdint>

#include "edgeml/dtype.h"
#include "src/base/function_ref.h"

namespace edgeml::kernels {

struct AffineScale {
  float scale = 1.0f;
  int32_t zero_point = 0;
};

// One byte per input byte, indexed by the input's bits.
using ByteTable = std::array<uint8_t, 256>;
// Samples at every 128th int16 value and at the end; between them the function is linear.
using Int16Table = std::array<int16_t, 513>;

// Table of `function` on real numbers from `in` to `out`. `type` is kInt8 or kUInt8, for both.
void FillByteTable(DType type, AffineScale in, AffineScale out, FunctionRef<float(float)> function,
                   ByteTable& table);

// The same for int16. The bias of linear interpolation at the middle of each piece is split.
void FillInt16Table(AffineScale in, AffineScale out, FunctionRef<float(float)> function,
                    Int16Table& table);
// In double arithmetic, as softmax asks for.
void FillInt16TableDouble(double in_scale, int32_t in_zero_point, double out_scale,
                          FunctionRef<double(double)> function, Int16Table& table);

inline int16_t LookUp(const Int16Table& table, int16_t x) {
  const int nearest = (x >> 7) + 256;
  const auto piece = static_cast<size_t>(nearest);
  const int32_t base = table[piece];
  // The slope is kept in 16 bits, as the format's definition has it.
  const int16_t slope = static_cast<int16_t>(table[piece + 1] - table[piece]);
  return static_cast<int16_t>(base + ((slope * (x & 0x7F) + 64) >> 7));
}

// [n] → [n]; in place allowed.
void ApplyByteTable(const ByteTable& table, const uint8_t* in, int64_t n, uint8_t* out);
void ApplyInt16Table(const Int16Table& table, const int16_t* in, int64_t n, int16_t* out);

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_ELEMENTWISE_LOOKUP_TABLE_H_
