// Activation functions on their own (not fused). [n] → [n]; all may work in place.
#ifndef EDGEML_KERNELS_ACTIVATION_ACTIVATION_H_
#define EDGEML_KERNELS_ACTIVATION_ACTIVATION_H_

#include <cstdint>

#include "edgeml/dtype.h"
#include "src/kernels/elementwise/broadcast.h"
#include "src/tensor/fixed_point.h"

namespace edgeml::kernels {

// Real functions, float32. Errors: the library's (1 ulp) times the arithmetic around them.
float EluReal(float x);              // x < 0 ? e^x - 1 : x
float GeluReal(float x);             // x/2 * erfc(-x / sqrt 2)
float GeluApproximateReal(float x);  // x/2 * (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
float GeluHalfReal(float x), GeluApproximateHalfReal(float x);  // the same, each step in float16
float HardSwishReal(float x);                                   // x * clamp(x + 3, 0, 6) / 6
float LogisticReal(float x);  // 1 / (1 + e^-x); e^x below -9, 1 above 16.6

// out[i] = function(in[i]).
void MapFloat(float (*function)(float), const float* in, int64_t n, float* out);
// The same of float16 or bfloat16, rounded once.
void MapHalf(DType type, float (*function)(float), const uint16_t* in, int64_t n, uint16_t* out);
// clamp(x) to [lo, hi]; a NaN stays.
void ClampFloat(const float* in, int64_t n, float lo, float hi, float* out);
// x > 0 ? x : x * alpha.
void LeakyReluFloat(const float* in, int64_t n, float alpha, float* out);
// x >= 0 ? x : x * alpha, alpha broadcast to the input's shape (the plan's second input).
void PreluFloat(const BroadcastPlan& plan, const float* in, const float* alpha, float* out);

// Quantized rectifiers: int8, uint8, int16, zero points within the type.
struct RectifierParams {
  int32_t zero_point_in = 0, zero_point_alpha = 0, zero_point_out = 0;
  FixedPointMultiplier identity;  // in / out
  FixedPointMultiplier alpha;     // leaky: in * |alpha| / out; prelu: in * scale of alpha / out
  bool negate_alpha = false;      // leaky: alpha < 0
  int32_t lo = 0, hi = 0;         // stored range of the output
};
// Rescales, then clamps to [lo, hi], max first. Exact.
void ReluQuantized(DType type, const void* in, int64_t n, const RectifierParams& params, void* out);
void LeakyReluQuantized(DType type, const void* in, int64_t n, const RectifierParams& params,
                        void* out);
// alpha is int8 when the input is int16, else of the input's type. Exact.
void PreluQuantized(DType type, const BroadcastPlan& plan, const void* in, const void* alpha,
                    const RectifierParams& params, void* out);

// Quantized hard-swish in 16-bit fixed point: int8, uint8. Exact.
struct HardSwishParams {
  int32_t zero_point_in = 0, zero_point_out = 0;
  int16_t output_multiplier = 0;  // Q0.15, of (in / 128) / out
  int output_exponent = 0;        // in [-31, 0]
  int16_t relu_multiplier = 0;    // Q0.15, of (in / 128) / (3 / 32768)
  int relu_exponent = 0;          // in [-31, 30]
};
// False when the output scale is below in / 128: then the kernel does not apply.
bool MakeHardSwishParams(float scale_in, int32_t zero_point_in, float scale_out,
                         int32_t zero_point_out, HardSwishParams* params);
void HardSwishQuantized(DType type, const void* in, int64_t n, const HardSwishParams& params,
                        void* out);

// int16 logistic and tanh by a table of the logistic function with linear interpolation; the output
// is Q0.15. Scale of the input > 0 and finite; zero points 0.
struct SigmoidInt16Params {
  int32_t multiplier = 0;
  int right_shift = 0;  // in [0, 31]
};
SigmoidInt16Params MakeLogisticInt16Params(float scale_in);
SigmoidInt16Params MakeTanhInt16Params(float scale_in);
void LogisticInt16(const int16_t* in, int64_t n, const SigmoidInt16Params& params, int16_t* out);
void TanhInt16(const int16_t* in, int64_t n, const SigmoidInt16Params& params, int16_t* out);

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_ACTIVATION_ACTIVATION_H_
