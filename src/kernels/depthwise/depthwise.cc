#include "src/kernels/depthwise/depthwise.h"

#include <algorithm>
#include <cstdlib>

#include "src/kernels/quantize/packed.h"
#include "src/kernels/simd/level.h"
#include "src/kernels/simd/quad_layout.h"

namespace edgeml::kernels {

EDGEML_DECLARE_SIMD_TABLE(DepthwiseInt8Kernels, kDepthwiseInt8)
EDGEML_DECLARE_WIDE_SIMD_TABLE(DepthwiseFloatKernels, kDepthwiseFloat)

const DepthwiseInt8Kernels* DepthwiseInt8For([[maybe_unused]] SimdLevel level) {
  return EDGEML_SIMD_TABLE(kDepthwiseInt8, level);
}
const DepthwiseFloatKernels* DepthwiseFloatFor([[maybe_unused]] SimdLevel level) {
  return EDGEML_WIDE_SIMD_TABLE(kDepthwiseFloat, level);
}

const char* WhyNotDepthwise(const ConvShape& shape) {
  if (shape.depth_multiplier != 1) return "depth multiplier other than 1";
  if (shape.filter_h > kMaxDepthwiseFilterHeight) return "filter higher than 32";
  return nullptr;
}

namespace {

DepthwiseGeometry GeometryOf(const ConvShape& s) {
  DepthwiseGeometry g;
  g.in_h = s.in_h;
  g.in_w = s.in_w;
  g.channels = s.in_c;
  g.out_h = s.out_h;
  g.out_w = s.out_w;
  g.filter_h = s.filter_h;
  g.filter_w = s.filter_w;
  g.stride_h = s.stride_h;
  g.stride_w = s.stride_w;
  g.dilation_h = s.dilation_h;
  g.dilation_w = s.dilation_w;
  g.pad_top = s.pad_top;
  g.pad_left = s.pad_left;
  return g;
}

int32_t PaddedChannels(const DepthwiseInt8Kernels& kernels, int32_t channels) {
  int32_t c = 0;
  while (c < channels) c += DepthwiseBlockWidth(kernels.vector_bytes, channels - c);
  return c;
}

// How many bytes-sized terms a weight less its zero point may need.
int32_t TermsFor(bool is_unsigned, int32_t filter_zero_point) {
  if (!is_unsigned || filter_zero_point == 128) return 1;
  return filter_zero_point == 0 ? 3 : 2;  // up to 255 = 127 + 127 + 1
}

size_t WeightBytes(const DepthwiseInt8Kernels& kernels, const ConvShape& s, int32_t terms) {
  const int32_t groups = (s.filter_h + 3) / 4;
  const size_t bytes = static_cast<size_t>(PaddedChannels(kernels, s.in_c)) *
                       static_cast<size_t>(kernels.quad_bytes) * static_cast<size_t>(s.filter_w) *
                       static_cast<size_t>(groups * terms);
  return (bytes + 63) / 64 * 64;
}

// weight(ky, kx, c), less its zero point, in the order that the kernels read.
template <typename Weight>
void PackQuads(const DepthwiseInt8Kernels& kernels, const ConvShape& s, int32_t terms,
               const Weight& weight, int8_t* out) {
  const int32_t groups = (s.filter_h + 3) / 4;
  for (int32_t c0 = 0; c0 < s.in_c;) {
    const int32_t width = DepthwiseBlockWidth(kernels.vector_bytes, s.in_c - c0);
    const int32_t lanes = width / 4;
    for (int32_t kx = 0; kx < s.filter_w; ++kx) {
      for (int32_t group = 0; group < groups; ++group) {
        for (int32_t term = 0; term < terms; ++term) {
          for (int32_t j = 0; j < 4; ++j, out += lanes * kernels.quad_bytes) {
            for (int32_t lane = 0; lane < lanes; ++lane) {
              const int32_t c = c0 + DepthwiseChannelOf(j, lane);
              if (c >= s.in_c) continue;
              int16_t quad[4] = {};
              for (int32_t i = 0; i < 4 && 4 * group + i < s.filter_h; ++i) {
                int w = weight(4 * group + i, kx, c);
                for (int32_t t = 0; t < term; ++t) w -= std::clamp(w, -128, 127);
                quad[i] = static_cast<int16_t>(std::clamp(w, -128, 127));
              }
              StoreQuad(kernels.quad_bytes, lanes, lane, quad, out);
            }
          }
        }
      }
    }
    c0 += width;
  }
}

}  // namespace

size_t DepthwiseInt8Plan::PackedBytes(const DepthwiseInt8Kernels& kernels, const ConvShape& shape,
                                      bool is_unsigned, int32_t filter_zero_point) {
  return WeightBytes(kernels, shape, TermsFor(is_unsigned, filter_zero_point)) +
         2 * sizeof(int64_t) * static_cast<size_t>(shape.in_c);
}

void DepthwiseInt8Plan::Pack(const DepthwiseInt8Kernels& kernels, const ConvShape& s,
                             const void* filter, DType type, int32_t filter_zero_point,
                             std::byte* packed) {
  const bool is_unsigned = type == DType::kUInt8;
  const int32_t zero_point = is_unsigned ? filter_zero_point : 0;
  const int32_t terms = TermsFor(is_unsigned, filter_zero_point);
  WithIntegers(type, filter, [&](auto stored) {
    const auto weight = [&](int32_t ky, int32_t kx, int32_t c) {
      return stored((int64_t{ky} * s.filter_w + kx) * s.in_c + c) - zero_point;
    };
    PackQuads(kernels, s, terms, weight, reinterpret_cast<int8_t*>(packed));
    auto* sums = reinterpret_cast<int64_t*>(packed + WeightBytes(kernels, s, terms));
    for (int32_t c = 0; c < s.in_c; ++c) {
      for (int32_t ky = 0; ky < s.filter_h; ++ky) {
        for (int32_t kx = 0; kx < s.filter_w; ++kx) {
          const int w = weight(ky, kx, c);
          sums[c] += w;
          sums[s.in_c + c] += std::abs(w);
        }
      }
    }
  });
}

void DepthwiseInt8Plan::SettleCommon(const DepthwiseInt8Kernels& kernels, const ConvShape& shape,
                                     bool is_unsigned, int32_t filter_zero_point,
                                     const std::byte* packed) {
  kernels_ = &kernels;
  args_ = DepthwiseInt8Args();
  args_.geometry = GeometryOf(shape);
  args_.terms = TermsFor(is_unsigned, filter_zero_point);
  args_.weights = reinterpret_cast<const int8_t*>(packed);
  args_.input_flip = is_unsigned ? 0 : 0x80;
  sums_ = reinterpret_cast<const int64_t*>(packed + WeightBytes(kernels, shape, args_.terms));
  order_.clear();
  for (int32_t c0 = 0; c0 < shape.in_c;) {
    const int32_t width = DepthwiseBlockWidth(kernels.vector_bytes, shape.in_c - c0);
    for (int32_t j = 0; j < 4; ++j) {
      for (int32_t lane = 0; lane < width / 4; ++lane) {
        const int32_t c = c0 + DepthwiseChannelOf(j, lane);
        order_.push_back(c < shape.in_c ? c : -1);
      }
    }
    c0 += width;
  }
  bias_.assign(order_.size(), 0);
}

void DepthwiseInt8Plan::SettleInteger(const DepthwiseInt8Kernels& kernels, const ConvShape& shape,
                                      const ConvQuantization& q, bool is_unsigned,
                                      const int32_t* bias, const std::byte* packed) {
  SettleCommon(kernels, shape, is_unsigned, is_unsigned ? q.filter_zero_point : 0, packed);
  pad_.assign(static_cast<size_t>(shape.in_c), static_cast<uint8_t>(q.input_zero_point));
  args_.pad = pad_.data();
  const int64_t za = q.input_zero_point + (is_unsigned ? 0 : 128);
  std::vector<FixedPointMultiplier> multipliers(order_.size());
  std::vector<int64_t> bounds(order_.size());
  for (size_t i = 0; i < order_.size(); ++i) {
    const int32_t c = order_[i];
    if (c < 0) continue;
    const int64_t folded = (bias != nullptr ? bias[c] : 0) - za * sums_[c];
    bias_[i] = static_cast<int32_t>(folded);  // wraps as the sums do
    bounds[i] = std::abs(folded) + 255 * 3 * sums_[shape.in_c + c];
    multipliers[i] = q.multipliers[c];
  }
  args_.bias = bias_.data();
  requantization_.Settle(multipliers, bounds, q.output_zero_point, q.output_min, q.output_max,
                         is_unsigned);
  args_.requantize = requantization_.args();
}

void DepthwiseInt8Plan::SettleHybrid(const DepthwiseInt8Kernels& kernels, const ConvShape& shape,
                                     const float* filter_scales, const FloatRange& range,
                                     const float* bias, const std::byte* packed) {
  SettleCommon(kernels, shape, false, 0, packed);
  column_term_.assign(order_.size(), 0);
  column_scale_.assign(order_.size(), 0.0f);
  float_bias_.assign(order_.size(), 0.0f);
  for (size_t i = 0; i < order_.size(); ++i) {
    const int32_t c = order_[i];
    if (c < 0) continue;
    column_term_[i] = static_cast<int32_t>(sums_[c]);
    column_scale_[i] = filter_scales != nullptr ? filter_scales[c] : 1.0f;
    if (bias != nullptr) float_bias_[i] = bias[c];
  }
  args_.bias = bias_.data();
  args_.column_term = column_term_.data();
  args_.column_scale = column_scale_.data();
  args_.float_bias = float_bias_.data();
  args_.float_min = range.min;
  args_.float_max = range.max;
}

void DepthwiseInt8Plan::Run(const void* input, void* output, RowRange rows) const {
  DepthwiseInt8Args args = args_;
  args.input = static_cast<const uint8_t*>(input);
  args.output = static_cast<uint8_t*>(output);
  kernels_->run(args, rows.begin, rows.end);
}

void DepthwiseInt8Plan::RunHybrid(const int8_t* input, float scale, int32_t zero_point,
                                  const int8_t* pad, float* output, RowRange rows) const {
  DepthwiseInt8Args args = args_;
  args.input = reinterpret_cast<const uint8_t*>(input);
  args.pad = reinterpret_cast<const uint8_t*>(pad);
  args.row_scale = scale;
  args.row_term = -(zero_point + 128);
  args.float_output = output;
  kernels_->run(args, rows.begin, rows.end);
}

void DepthwiseFloatPlan::Settle(const DepthwiseFloatKernels& kernels, const ConvShape& shape,
                                const FloatRange& range, const float* filter, const float* bias) {
  kernels_ = &kernels;
  args_ = DepthwiseFloatArgs();
  args_.geometry = GeometryOf(shape);
  const auto channels = static_cast<size_t>(shape.in_c);
  pad_.assign(channels, 0.0f);
  bias_.assign(channels, 0.0f);
  if (bias != nullptr) std::copy(bias, bias + channels, bias_.begin());
  args_.pad = pad_.data();
  args_.bias = bias_.data();
  args_.weights = filter;
  args_.min = range.min;
  args_.max = range.max;
}

void DepthwiseFloatPlan::Run(const float* input, float* output, RowRange rows) const {
  DepthwiseFloatArgs args = args_;
  args.input = input;
  args.output = output;
  kernels_->run(args, rows.begin, rows.end);
}

}  // namespace edgeml::kernels
