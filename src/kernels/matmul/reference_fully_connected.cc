#include <algorithm>
#include <cmath>

#include "src/kernels/matmul/matmul.h"

namespace edgeml::kernels {
namespace {

int32_t WrappingAdd(int32_t a, int32_t b) {
  return static_cast<int32_t>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b));
}
int64_t WrappingAdd(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}

// Nearest 32-bit integer, ties away from zero, saturating; NaN gives 0.
int32_t RoundToInt32(double value) {
  const double rounded = std::round(value);
  if (rounded >= 2147483647.0) return 2147483647;
  if (rounded <= -2147483648.0) return -2147483647 - 1;
  return rounded == rounded ? static_cast<int32_t>(rounded) : 0;
}

template <typename Out>
Out Store(const FullyConnectedQuantization& q, int32_t value) {
  value = WrappingAdd(value, q.output_zero_point);
  return static_cast<Out>(std::min(std::max(value, q.output_min), q.output_max));
}

// Sum of (x - zero_point)(w - zero_point) along one row. Wide = int64_t where a single product does
// not fit 32 bits.
template <typename Wide, typename Acc, typename In, typename Weight>
Acc Dot(const In* x, const Weight* w, int64_t depth, int32_t x_zero_point, int32_t w_zero_point) {
  Acc sum = 0;
  for (int64_t k = 0; k < depth; ++k) {
    const Wide product =
        (static_cast<Wide>(x[k]) - x_zero_point) * (static_cast<Wide>(w[k]) - w_zero_point);
    sum = WrappingAdd(sum, static_cast<Acc>(product));
  }
  return sum;
}

int32_t SumOf(const int8_t* w, int64_t n) {
  int32_t sum = 0;
  for (int64_t k = 0; k < n; ++k) sum = WrappingAdd(sum, int32_t{w[k]});
  return sum;
}

template <typename Acc, typename In, typename Weight, typename Out>
void FullyConnected(const FullyConnectedShape& s, const FullyConnectedQuantization& q,
                    const In* input, const Weight* weights, const Acc* bias, Out* output) {
  const int32_t weights_zero_point = q.per_channel ? 0 : q.weights_zero_point;
  for (int64_t row = s.row_begin; row < s.row_end; ++row) {
    for (int64_t unit = 0; unit < s.units; ++unit) {
      Acc sum = Dot<int32_t, Acc>(input + row * s.depth, weights + unit * s.depth, s.depth,
                                  q.input_zero_point, weights_zero_point);
      if (bias != nullptr) sum = WrappingAdd(sum, bias[unit]);
      const double scaled = static_cast<double>(sum) * q.scales[q.per_channel ? unit : 0];
      output[row * s.units + unit] = Store<Out>(q, RoundToInt32(scaled));
    }
  }
}

template <typename Wide, typename Acc, typename Value, typename Weight, typename Bias>
void FullyConnectedFixedPoint(const FullyConnectedShape& s, const FullyConnectedQuantization& q,
                              const FixedPointMultiplier* multipliers, const Value* input,
                              const Weight* weights, const Bias* bias, Value* output) {
  const int32_t weights_zero_point = q.per_channel ? 0 : q.weights_zero_point;
  for (int64_t row = s.row_begin; row < s.row_end; ++row) {
    for (int64_t unit = 0; unit < s.units; ++unit) {
      auto sum = Dot<Wide, Acc>(input + row * s.depth, weights + unit * s.depth, s.depth,
                                q.input_zero_point, weights_zero_point);
      if (bias != nullptr) sum = WrappingAdd(sum, static_cast<Acc>(bias[unit]));
      output[row * s.units + unit] = Store<Value>(q, MultiplyByFixedPoint(sum, multipliers[unit]));
    }
  }
}

}  // namespace

void FullyConnectedFloat(const FullyConnectedShape& s, float output_min, float output_max,
                         const float* input, const float* weights, const float* bias,
                         float* output) {
  for (int64_t row = s.row_begin; row < s.row_end; ++row) {
    for (int64_t unit = 0; unit < s.units; ++unit) {
      float sum = 0.0f;
      for (int64_t k = 0; k < s.depth; ++k)
        sum += input[row * s.depth + k] * weights[unit * s.depth + k];
      sum += bias != nullptr ? bias[unit] : 0.0f;
      output[row * s.units + unit] = std::min(std::max(sum, output_min), output_max);
    }
  }
}

void FullyConnectedInt8(const FullyConnectedShape& shape, const FullyConnectedQuantization& q,
                        const int8_t* input, const int8_t* weights, const int32_t* bias,
                        int8_t* output) {
  FullyConnected<int32_t>(shape, q, input, weights, bias, output);
}
void FullyConnectedUInt8(const FullyConnectedShape& shape, const FullyConnectedQuantization& q,
                         const uint8_t* input, const uint8_t* weights, const int32_t* bias,
                         uint8_t* output) {
  FullyConnected<int32_t>(shape, q, input, weights, bias, output);
}
void FullyConnectedUInt8Int16(const FullyConnectedShape& shape, const FullyConnectedQuantization& q,
                              const uint8_t* input, const uint8_t* weights, const int32_t* bias,
                              int16_t* output) {
  FullyConnected<int32_t>(shape, q, input, weights, bias, output);
}
void FullyConnectedInt16(const FullyConnectedShape& shape, const FullyConnectedQuantization& q,
                         const int16_t* input, const int8_t* weights, const int64_t* bias,
                         int16_t* output) {
  FullyConnected<int64_t>(shape, q, input, weights, bias, output);
}
void FullyConnectedInt16(const FullyConnectedShape& shape, const FullyConnectedQuantization& q,
                         const int16_t* input, const int8_t* weights, const int32_t* bias,
                         int16_t* output) {
  FullyConnected<int32_t>(shape, q, input, weights, bias, output);
}
void FullyConnectedInt16Weights(const FullyConnectedShape& shape,
                                const FullyConnectedQuantization& q,
                                const FixedPointMultiplier* multipliers, const int16_t* input,
                                const int16_t* weights, const int64_t* bias, int16_t* output) {
  FullyConnectedFixedPoint<int64_t, int64_t>(shape, q, multipliers, input, weights, bias, output);
}
void FullyConnectedInt16Weights(const FullyConnectedShape& shape,
                                const FullyConnectedQuantization& q,
                                const FixedPointMultiplier* multipliers, const int16_t* input,
                                const int16_t* weights, const int32_t* bias, int16_t* output) {
  FullyConnectedFixedPoint<int64_t, int64_t>(shape, q, multipliers, input, weights, bias, output);
}

void FullyConnectedInt8FixedPoint(const FullyConnectedShape& shape,
                                  const FullyConnectedQuantization& q,
                                  const FixedPointMultiplier* multipliers, const int8_t* input,
                                  const int8_t* weights, const int32_t* bias, int8_t* output) {
  FullyConnectedFixedPoint<int32_t, int32_t>(shape, q, multipliers, input, weights, bias, output);
}

void FullyConnectedShuffled(const FullyConnectedShape& s, FixedPointMultiplier multiplier,
                            int32_t output_min, int32_t output_max, const uint8_t* input,
                            const int8_t* weights, const int32_t* bias, uint8_t* workspace,
                            int16_t* output) {
  constexpr int64_t kRun = 16, kTile = 4 * kRun;
  for (int64_t row = 0; row < s.batch; ++row) {
    for (int64_t k = 0; k < s.depth; ++k)
      workspace[k / kRun * kRun * s.batch + row * kRun + k % kRun] =
          static_cast<uint8_t>(input[row * s.depth + k] ^ 0x80);
  }
  const auto* flipped = reinterpret_cast<const int8_t*>(workspace);
  for (int64_t row = 0; row < s.batch; ++row) {
    for (int64_t unit = 0; unit < s.units; ++unit) {
      int32_t sum = 0;
      for (int64_t run = 0; run < s.depth / kRun; ++run) {
        const int8_t* x = flipped + (run * s.batch + row) * kRun;
        const int8_t* w = weights + unit / 4 * 4 * s.depth + run * kTile + unit % 4 * kRun;
        sum = WrappingAdd(sum, Dot<int32_t, int32_t>(x, w, kRun, 0, 0));
      }
      if (bias != nullptr) sum = WrappingAdd(sum, bias[unit]);
      const int32_t value = MultiplyByFixedPoint(sum, multiplier);
      output[row * s.units + unit] =
          static_cast<int16_t>(std::min(std::max(value, output_min), output_max));
    }
  }
}

void FullyConnectedHybrid(const FullyConnectedShape& s, const float* input_scales,
                          const int32_t* input_zero_points, const float* weights_scales,
                          float output_min, float output_max, const int8_t* input,
                          const int8_t* weights, const float* bias, float* output) {
  for (int64_t row = s.row_begin; row < s.row_end; ++row) {
    const int32_t zero_point = input_zero_points != nullptr ? input_zero_points[row] : 0;
    for (int64_t unit = 0; unit < s.units; ++unit) {
      const auto sum = Dot<int32_t, int32_t>(input + row * s.depth, weights + unit * s.depth,
                                             s.depth, zero_point, 0);
      const float scale =
          weights_scales != nullptr ? weights_scales[unit] * input_scales[row] : input_scales[row];
      const float value = (bias != nullptr ? bias[unit] : 0.0f) + static_cast<float>(sum) * scale;
      output[row * s.units + unit] = std::min(std::max(value, output_min), output_max);
    }
  }
}

void FullyConnectedHybridSparse(const FullyConnectedShape& s, const float* input_scales,
                                const int32_t* input_zero_points, const float* weights_scales,
                                float output_min, float output_max, const int8_t* input,
                                const int8_t* weights, const float* bias, float* output) {
  for (int64_t row = s.row_begin; row < s.row_end; ++row) {
    const float shift = input_scales[row] * static_cast<float>(input_zero_points[row]);
    for (int64_t unit = 0; unit < s.units; ++unit) {
      const int8_t* x = input + row * s.depth;
      const int8_t* w = weights + unit * s.depth;
      const float weights_scale = weights_scales != nullptr ? weights_scales[unit] : 1.0f;
      float value = bias != nullptr ? bias[unit] : 0.0f;
      value -= shift * weights_scale * static_cast<float>(SumOf(w, s.depth));
      value += static_cast<float>(Dot<int32_t, int32_t>(x, w, s.depth, 0, 0)) *
               (weights_scale * input_scales[row]);
      output[row * s.units + unit] = std::min(std::max(value, output_min), output_max);
    }
  }
}

void FullyConnectedHybridBlocks(const FullyConnectedShape& s, int64_t block,
                                const float* block_scales, const float* input_scales,
                                const int32_t* input_zero_points, float output_min,
                                float output_max, const int8_t* input, const int8_t* weights,
                                const float* bias, float* output) {
  const int64_t blocks = s.depth / block;
  for (int64_t row = s.row_begin; row < s.row_end; ++row) {
    for (int64_t unit = 0; unit < s.units; ++unit) {
      const int8_t* x = input + row * s.depth;
      const int8_t* w = weights + unit * s.depth;
      float value = 0.0f, weights_sum = 0.0f;
      for (int64_t b = 0; b < blocks; ++b, x += block, w += block) {
        const float scale = block_scales[unit * blocks + b];
        value += static_cast<float>(Dot<int32_t, int32_t>(x, w, block, 0, 0)) * scale;
        weights_sum += scale * static_cast<float>(SumOf(w, block));
      }
      value -= static_cast<float>(input_zero_points[row]) * weights_sum;
      value *= input_scales[row];
      if (bias != nullptr) value += bias[unit];
      output[row * s.units + unit] = std::min(std::max(value, output_min), output_max);
    }
  }
}

}  // namespace edgeml::kernels
