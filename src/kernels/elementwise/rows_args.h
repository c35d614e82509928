// Arguments of the vector kernels over rows of elements: PODs that cross into sources compiled per
// SIMD level. See rows.h.
#ifndef EDGEML_KERNELS_ELEMENTWISE_ROWS_ARGS_H_
#define EDGEML_KERNELS_ELEMENTWISE_ROWS_ARGS_H_

#include <cstdint>

namespace edgeml::kernels {

enum class RowOp : int32_t { kAdd, kSub, kMul, kMaximum, kMinimum, kSquaredDifference };
enum class RowFunction : int32_t { kLogistic, kTanh, kHardSwish };

// In float32, rounded once, ties to even: at most a quantum from the reference.
struct QuantizedRowArgs {
  RowOp op = RowOp::kAdd;    // kAdd or kMul
  bool is_unsigned = false;  // all three are uint8, else int8
  // kAdd: a * scale_a + b * scale_b + offset; kMul: (a - zero_a) * (b - zero_b) * scale_a + offset.
  float scale_a = 0, scale_b = 0, offset = 0;
  float zero_a = 0, zero_b = 0;
  float min = 0, max = 0;
};

struct RowKernels {
  // out[i] = op(a[i * a_step], b[i * b_step]) for i in [0, n); steps 0 or 1. Floats clamped to
  // [lo, hi], but kMaximum, kMinimum and kSquaredDifference.
  void (*binary_float)(RowOp op, const float* a, int a_step, const float* b, int b_step, int64_t n,
                       float lo, float hi, float* out);
  void (*binary_quantized)(const QuantizedRowArgs& args, const void* a, int a_step, const void* b,
                           int b_step, int64_t n, void* out);
  void (*function)(RowFunction function, const float* in, int64_t n, float* out);
  void (*clamp)(const float* in, int64_t n, float lo, float hi, float* out);
  void (*softmax)(const float* in, int64_t n, float beta, float* out);
  void (*min_max)(const float* in, int64_t n, float* lowest, float* highest);
  // out[i] = in[i] * inverse, rounded to nearest, ties away from zero, plus zero_point, clamped; a
  // NaN becomes lo.
  void (*quantize)(const float* in, int64_t n, float inverse, int32_t zero_point, int32_t lo,
                   int32_t hi, int8_t* out);
};

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_ELEMENTWISE_ROWS_ARGS_H_
