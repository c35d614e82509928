// Vector kernels over rows of elements. Integers are exact; float functions are within 4 ulp of the
// library's, sums of softmax are added per lane.
#ifndef EDGEML_KERNELS_ELEMENTWISE_ROWS_H_
#define EDGEML_KERNELS_ELEMENTWISE_ROWS_H_

#include <cstddef>
#include <cstdint>

#include "src/base/cpu_features.h"
#include "src/kernels/elementwise/arithmetic.h"
#include "src/kernels/elementwise/rows_args.h"

namespace edgeml::kernels {

// Null for SimdLevel::kNone.
const RowKernels* RowsFor(SimdLevel level);

// The arguments for int8 or uint8 add, sub or mul; false when the multipliers are beyond what the
// vector kernel takes.
bool SettleQuantizedRows(RowOp op, bool is_unsigned, const QuantizedArithmeticParams& params,
                         QuantizedRowArgs* args);

// As QuantizeRows of src/kernels/quantize/dynamic_range.h, bit for bit.
void QuantizeRowsWith(const RowKernels& kernels, const float* values, size_t rows, size_t n,
                      bool asymmetric, int8_t* stored, float* scales, int32_t* zero_points);

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_ELEMENTWISE_ROWS_H_
