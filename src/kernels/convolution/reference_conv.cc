#include "src/base/stop.h"
#include "src/kernels/convolution/convolution.h"
#include "src/kernels/convolution/reference.h"

namespace edgeml::kernels {
namespace {

using namespace reference;

template <typename Arithmetic, typename In, typename Filter, typename Out>
void Conv(const ConvShape& s, const Arithmetic& arithmetic, const In* input, const Filter* filter,
          Out* output, RowRange rows) {
  const int64_t depth = s.in_c / s.groups;
  const int64_t channels_per_group = s.out_c / s.groups;
  const int64_t in_row = static_cast<int64_t>(s.in_w) * s.in_c;
  const int64_t filter_row = s.filter_w * depth;
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    const auto image = static_cast<int32_t>(row / s.out_h);
    const int64_t y0 = (row % s.out_h) * s.stride_h - s.pad_top;
    const Taps taps_y = TapsInside(y0, s.dilation_h, s.filter_h, s.in_h);
    const In* in_image = input + image * s.in_h * in_row;
    Out* out = output + row * s.out_w * s.out_c;
    for (int64_t x = 0; x < s.out_w; ++x) {
      if (StopRequested()) return;
      const int64_t x0 = x * s.stride_w - s.pad_left;
      const Taps taps_x = TapsInside(x0, s.dilation_w, s.filter_w, s.in_w);
      for (int32_t channel = 0; channel < s.out_c; ++channel) {
        const Filter* weights = filter + channel * s.filter_h * filter_row;
        const In* in_group = in_image + (channel / channels_per_group) * depth;
        typename Arithmetic::Sum sum = 0;
        for (int32_t fy = taps_y.begin; fy < taps_y.end; ++fy) {
          for (int32_t fx = taps_x.begin; fx < taps_x.end; ++fx) {
            const int64_t in_y = y0 + static_cast<int64_t>(fy) * s.dilation_h;
            const int64_t in_x = x0 + static_cast<int64_t>(fx) * s.dilation_w;
            const In* a = in_group + in_y * in_row + in_x * s.in_c;
            const Filter* w = weights + fy * filter_row + fx * depth;
            for (int64_t k = 0; k < depth; ++k)
              sum = Arithmetic::Add(sum, arithmetic.Product(a[k], w[k], channel, image));
          }
        }
        *out++ = arithmetic.Finish(sum, channel, image);
      }
    }
  }
}

template <typename Arithmetic, typename In, typename Filter, typename Out>
void DepthwiseConv(const ConvShape& s, const Arithmetic& arithmetic, const In* input,
                   const Filter* filter, Out* output, RowRange rows) {
  const int64_t in_row = static_cast<int64_t>(s.in_w) * s.in_c;
  const int64_t filter_row = static_cast<int64_t>(s.filter_w) * s.out_c;
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    const auto image = static_cast<int32_t>(row / s.out_h);
    const int64_t y0 = (row % s.out_h) * s.stride_h - s.pad_top;
    const Taps taps_y = TapsInside(y0, s.dilation_h, s.filter_h, s.in_h);
    const In* in_image = input + image * s.in_h * in_row;
    Out* out = output + row * s.out_w * s.out_c;
    for (int64_t x = 0; x < s.out_w; ++x) {
      if (StopRequested()) return;
      const int64_t x0 = x * s.stride_w - s.pad_left;
      const Taps taps_x = TapsInside(x0, s.dilation_w, s.filter_w, s.in_w);
      for (int32_t channel = 0; channel < s.out_c; ++channel) {
        const In* in_channel = in_image + channel / s.depth_multiplier;
        typename Arithmetic::Sum sum = 0;
        for (int32_t fy = taps_y.begin; fy < taps_y.end; ++fy) {
          for (int32_t fx = taps_x.begin; fx < taps_x.end; ++fx) {
            const int64_t in_y = y0 + static_cast<int64_t>(fy) * s.dilation_h;
            const int64_t in_x = x0 + static_cast<int64_t>(fx) * s.dilation_w;
            const In a = in_channel[in_y * in_row + in_x * s.in_c];
            const Filter w = filter[fy * filter_row + static_cast<int64_t>(fx) * s.out_c + channel];
            sum = Arithmetic::Add(sum, arithmetic.Product(a, w, channel, image));
          }
        }
        *out++ = arithmetic.Finish(sum, channel, image);
      }
    }
  }
}

}  // namespace

void ConvFloat(const ConvShape& shape, const FloatRange& range, const float* input,
               const float* filter, const float* bias, float* output, RowRange rows) {
  Conv(shape, FloatArithmetic{range, bias}, input, filter, output, rows);
}
void ConvInt8(const ConvShape& shape, const ConvQuantization& q, const int8_t* input,
              const int8_t* filter, const int32_t* bias, int8_t* output, RowRange rows) {
  Conv(shape, Int8Arithmetic{q, bias}, input, filter, output, rows);
}
void ConvUInt8(const ConvShape& shape, const ConvQuantization& q, const uint8_t* input,
               const uint8_t* filter, const int32_t* bias, uint8_t* output, RowRange rows) {
  Conv(shape, UInt8Arithmetic{q, bias}, input, filter, output, rows);
}
void ConvInt16(const ConvShape& shape, const ConvQuantization& q, const int16_t* input,
               const int8_t* filter, const int64_t* bias, int16_t* output, RowRange rows) {
  Conv(shape, Int16Arithmetic<int64_t>{q, bias}, input, filter, output, rows);
}
void ConvInt16(const ConvShape& shape, const ConvQuantization& q, const int16_t* input,
               const int8_t* filter, const int32_t* bias, int16_t* output, RowRange rows) {
  Conv(shape, Int16Arithmetic<int32_t>{q, bias}, input, filter, output, rows);
}
void ConvHybrid(const ConvShape& shape, const HybridScales& scales, const FloatRange& range,
                const int8_t* input, const int8_t* filter, const float* bias, float* output,
                RowRange rows) {
  Conv(shape, HybridArithmetic<false>{scales, range, bias}, input, filter, output, rows);
}

void DepthwiseConvFloat(const ConvShape& shape, const FloatRange& range, const float* input,
                        const float* filter, const float* bias, float* output, RowRange rows) {
  DepthwiseConv(shape, FloatArithmetic{range, bias}, input, filter, output, rows);
}
void DepthwiseConvInt8(const ConvShape& shape, const ConvQuantization& q, const int8_t* input,
                       const int8_t* filter, const int32_t* bias, int8_t* output, RowRange rows) {
  DepthwiseConv(shape, Int8Arithmetic{q, bias}, input, filter, output, rows);
}
void DepthwiseConvUInt8(const ConvShape& shape, const ConvQuantization& q, const uint8_t* input,
                        const uint8_t* filter, const int32_t* bias, uint8_t* output,
                        RowRange rows) {
  DepthwiseConv(shape, UInt8Arithmetic{q, bias}, input, filter, output, rows);
}
void DepthwiseConvInt16(const ConvShape& shape, const ConvQuantization& q, const int16_t* input,
                        const int8_t* filter, const int64_t* bias, int16_t* output, RowRange rows) {
  DepthwiseConv(shape, Int16Arithmetic<int64_t>{q, bias}, input, filter, output, rows);
}
void DepthwiseConvHybrid(const ConvShape& shape, const HybridScales& scales,
                         const FloatRange& range, const int8_t* input, const int8_t* filter,
                         const float* bias, float* output, RowRange rows) {
  DepthwiseConv(shape, HybridArithmetic<true>{scales, range, bias}, input, filter, output, rows);
}

}  // namespace edgeml::kernels
