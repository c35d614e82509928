#include <algorithm>
#include <limits>

#include "src/base/stop.h"
#include "src/kernels/matmul/matmul.h"

namespace edgeml::kernels {
namespace {

int32_t WrappingAdd(int32_t a, int32_t b) {
  return static_cast<int32_t>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b));
}
int64_t WrappingAdd(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}

// Calls body(x row, y column, output element, row's index among the scales, column) in output
// order.
template <typename X, typename Y, typename Out, typename Body>
void ForEachOutput(const BatchMatMulShape& s, const X* x, const Y* y, Out* output, Body&& body) {
  for (int64_t i = 0; i < s.batch[0]; ++i) {
    for (int64_t j = 0; j < s.batch[1]; ++j) {
      for (int64_t k = 0; k < s.batch[2]; ++k) {
        const X* x_matrix =
            x + i * s.x_batch_stride[0] + j * s.x_batch_stride[1] + k * s.x_batch_stride[2];
        const Y* y_matrix =
            y + i * s.y_batch_stride[0] + j * s.y_batch_stride[1] + k * s.y_batch_stride[2];
        const int64_t batch[3] = {i, j, k};
        for (int64_t row = 0; row < s.rows; ++row) {
          if (StopRequested()) return;
          for (int64_t col = 0; col < s.cols; ++col) {
            body(x_matrix + row * s.x_row_stride, y_matrix + col * s.y_col_stride, *output, batch,
                 row, col);
            ++output;
          }
        }
      }
    }
  }
}

using Batch = const int64_t (&)[3];

template <typename Acc, typename X, typename Y, typename Out>
void Quantized(const BatchMatMulShape& s, const BatchMatMulQuantization& q, const X* x, const Y* y,
               Out* output) {
  ForEachOutput(s, x, y, output, [&](const X* a, const Y* b, Out& out, Batch, int64_t, int64_t) {
    Acc sum = 0;
    for (int64_t k = 0; k < s.depth; ++k) {
      const Acc x_value = static_cast<Acc>(a[k * s.x_depth_stride]) - q.x_zero_point;
      const Acc y_value = static_cast<Acc>(b[k * s.y_depth_stride]) - q.y_zero_point;
      sum = WrappingAdd(sum, x_value * y_value);
    }
    const int32_t value = WrappingAdd(MultiplyByFixedPoint(sum, q.multiplier), q.output_zero_point);
    out = static_cast<Out>(
        std::min<int32_t>(std::max<int32_t>(value, std::numeric_limits<Out>::min()),
                          std::numeric_limits<Out>::max()));
  });
}

}  // namespace

void BatchMatMulFloat(const BatchMatMulShape& s, const float* x, const float* y, float* output) {
  ForEachOutput(s, x, y, output,
                [&](const float* a, const float* b, float& out, Batch, int64_t, int64_t) {
                  float sum = 0.0f;
                  for (int64_t k = 0; k < s.depth; ++k)
                    sum += a[k * s.x_depth_stride] * b[k * s.y_depth_stride];
                  out = sum;
                });
}

void BatchMatMulInt8(const BatchMatMulShape& shape, const BatchMatMulQuantization& q,
                     const int8_t* x, const int8_t* y, int8_t* output) {
  Quantized<int32_t>(shape, q, x, y, output);
}

void BatchMatMulInt8Int32(const BatchMatMulShape& s, const int8_t* x, const int8_t* y,
                          int32_t* output) {
  ForEachOutput(s, x, y, output,
                [&](const int8_t* a, const int8_t* b, int32_t& out, Batch, int64_t, int64_t) {
                  int32_t sum = 0;
                  for (int64_t k = 0; k < s.depth; ++k)
                    sum = WrappingAdd(sum,
                                      int32_t{a[k * s.x_depth_stride]} * b[k * s.y_depth_stride]);
                  out = sum;
                });
}

void BatchMatMulInt16(const BatchMatMulShape& shape, const BatchMatMulQuantization& q,
                      const int16_t* x, const int16_t* y, int16_t* output) {
  Quantized<int64_t>(shape, q, x, y, output);
}

void BatchMatMulInt16Int8(const BatchMatMulShape& shape, const BatchMatMulQuantization& q,
                          const int16_t* x, const int8_t* y, int16_t* output) {
  Quantized<int64_t>(shape, q, x, y, output);
}

void BatchMatMulHybrid(const BatchMatMulShape& s, const BatchMatMulHybridScales& scales,
                       const int8_t* x, const int8_t* y, float* output) {
  const auto entry = [](const int64_t(&stride)[3], Batch batch, int64_t offset) {
    return batch[0] * stride[0] + batch[1] * stride[1] + batch[2] * stride[2] + offset;
  };
  ForEachOutput(
      s, x, y, output,
      [&](const int8_t* a, const int8_t* b, float& out, Batch batch, int64_t r, int64_t c) {
        const int64_t row = entry(scales.row_batch_stride, batch, r);
        const int64_t col = entry(scales.col_batch_stride, batch, c);
        int32_t sum = 0;
        for (int64_t k = 0; k < s.depth; ++k)
          sum = WrappingAdd(sum, a[k * s.x_depth_stride] * b[k * s.y_depth_stride]);
        const auto offset = static_cast<uint32_t>(scales.row_zero_points[row]) *
                            static_cast<uint32_t>(scales.col_sums[col]);
        sum = static_cast<int32_t>(static_cast<uint32_t>(sum) - offset);
        float scale = scales.row_scales[row];
        if (scales.col_scales != nullptr) scale *= scales.col_scales[c];
        out = scale * static_cast<float>(sum);
      });
}

}  // namespace edgeml::kernels
