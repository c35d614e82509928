#include "src/base/stop.h"
#include "src/kernels/convolution/convolution.h"
#include "src/kernels/convolution/reference.h"

namespace edgeml::kernels {
namespace {

using namespace reference;

// Each scaled product is added in float: LiteRT's order of operations for hybrid weights.
struct ScaledProducts {
  const HybridScales& scales;
  const FloatRange& range;
  const float* bias;
  using Sum = float;
  static float Add(float a, float b) { return a + b; }
  float Product(int32_t x, int32_t w, int32_t channel, int32_t image) const {
    const int32_t zero_point =
        scales.input_zero_points != nullptr ? scales.input_zero_points[image] : 0;
    const float filter_scale = scales.filter_scales != nullptr ? scales.filter_scales[channel] : 1;
    return static_cast<float>((x - zero_point) * w) * filter_scale * scales.input_scales[image];
  }
  float Finish(float sum, int32_t channel, int32_t) const {
    return Clamp(range, sum + (bias != nullptr ? bias[channel] : 0.0f));
  }
};

// Input positions [begin, end) along one dimension that reach output position `out`; position i
// does so with tap out + pad - i * stride.
struct Reach {
  int64_t begin = 0, end = 0;
};
Reach InputsReaching(int64_t out, int32_t pad, int32_t stride, int32_t filter, int32_t in) {
  const int64_t shifted = out + pad;  // = i * stride + tap
  Reach reach;
  reach.begin = shifted < filter ? 0 : (shifted - filter) / stride + 1;
  reach.end = std::min<int64_t>(in, shifted / stride + 1);
  return reach;
}

// Gathers; the terms of one output come in the order of a loop that scatters the input in memory
// order, which keeps the float sums equal to LiteRT's.
template <typename Arithmetic, typename In, typename Filter, typename Out>
void TransposeConv(const ConvShape& s, const Arithmetic& arithmetic, const In* input,
                   const Filter* filter, Out* output, RowRange rows) {
  const int64_t in_row = static_cast<int64_t>(s.in_w) * s.in_c;
  const int64_t filter_row = static_cast<int64_t>(s.filter_w) * s.in_c;
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    const auto image = static_cast<int32_t>(row / s.out_h);
    const int64_t out_y = row % s.out_h;
    const Reach ys = InputsReaching(out_y, s.pad_top, s.stride_h, s.filter_h, s.in_h);
    const In* in_image = input + image * s.in_h * in_row;
    Out* out = output + row * s.out_w * s.out_c;
    for (int64_t out_x = 0; out_x < s.out_w; ++out_x) {
      if (StopRequested()) return;
      const Reach xs = InputsReaching(out_x, s.pad_left, s.stride_w, s.filter_w, s.in_w);
      for (int32_t channel = 0; channel < s.out_c; ++channel) {
        const Filter* weights = filter + channel * s.filter_h * filter_row;
        typename Arithmetic::Sum sum = 0;
        for (int64_t y = ys.begin; y < ys.end; ++y) {
          const int64_t fy = out_y + s.pad_top - y * s.stride_h;
          for (int64_t x = xs.begin; x < xs.end; ++x) {
            const int64_t fx = out_x + s.pad_left - x * s.stride_w;
            const In* a = in_image + y * in_row + x * s.in_c;
            const Filter* w = weights + fy * filter_row + fx * s.in_c;
            for (int64_t k = 0; k < s.in_c; ++k)
              sum = Arithmetic::Add(sum, arithmetic.Product(a[k], w[k], channel, image));
          }
        }
        *out++ = arithmetic.Finish(sum, channel, image);
      }
    }
  }
}

}  // namespace

void TransposeConvFloat(const ConvShape& shape, const FloatRange& range, const float* input,
                        const float* filter, const float* bias, float* output, RowRange rows) {
  TransposeConv(shape, FloatArithmetic{range, bias}, input, filter, output, rows);
}
void TransposeConvInt8(const ConvShape& shape, const ConvQuantization& q, const int8_t* input,
                       const int8_t* filter, const int32_t* bias, int8_t* output, RowRange rows) {
  TransposeConv(shape, Int8Arithmetic{q, bias}, input, filter, output, rows);
}
void TransposeConvUInt8(const ConvShape& shape, const ConvQuantization& q, const uint8_t* input,
                        const uint8_t* filter, const int32_t* bias, uint8_t* output,
                        RowRange rows) {
  TransposeConv(shape, UInt8Arithmetic{q, bias}, input, filter, output, rows);
}
void TransposeConvInt16(const ConvShape& shape, const ConvQuantization& q, const int16_t* input,
                        const int8_t* filter, const int64_t* bias, int16_t* output, RowRange rows) {
  TransposeConv(shape, Int16Arithmetic<int64_t>{q, bias}, input, filter, output, rows);
}
void TransposeConvInt16(const ConvShape& shape, const ConvQuantization& q, const int16_t* input,
                        const int8_t* filter, const int32_t* bias, int16_t* output, RowRange rows) {
  TransposeConv(shape, Int16Arithmetic<int32_t>{q, bias}, input, filter, output, rows);
}
void TransposeConvHybrid(const ConvShape& shape, const HybridScales& scales,
                         const FloatRange& range, const int8_t* input, const int8_t* filter,
                         const float* bias, float* output, RowRange rows) {
  TransposeConv(shape, ScaledProducts{scales, range, bias}, input, filter, output, rows);
}

}  // namespace edgeml::kernels
