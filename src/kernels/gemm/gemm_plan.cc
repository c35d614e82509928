#include "src/kernels/gemm/gemm_plan.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace edgeml::kernels {
namespace {

// A block of rows of A should stay in the second-level cache beside the weights.
constexpr int64_t kBlockBytes = 64 * 1024;
// A multiple of every number of rows that the kernels take at a time.
constexpr int64_t kRowUnit = 24;

size_t Align64(size_t bytes) { return (bytes + 63) / 64 * 64; }

size_t PanelBytesInt8(const GemmKernels& kernels, const PanelLayout& panels, int64_t k) {
  return Align64(PackedBytesInt8(kernels, panels, k));
}

}  // namespace

PatchGeometry PatchOf(const ConvShape& s, int element_bytes) {
  PatchGeometry g;
  g.pixel_bytes = int64_t{s.in_c} * element_bytes;
  g.plain = s.filter_h == 1 && s.filter_w == 1 && s.stride_h == 1 && s.stride_w == 1 &&
            s.pad_top == 0 && s.pad_left == 0 && s.in_h == s.out_h && s.in_w == s.out_w;
  g.row_bytes = g.pixel_bytes * s.filter_h * s.filter_w;
  g.in_h = s.in_h;
  g.in_w = s.in_w;
  g.out_h = s.out_h;
  g.out_w = s.out_w;
  g.kernel_h = s.filter_h;
  g.kernel_w = s.filter_w;
  g.stride_h = s.stride_h;
  g.stride_w = s.stride_w;
  g.dilation_h = s.dilation_h;
  g.dilation_w = s.dilation_w;
  g.pad_top = s.pad_top;
  g.pad_left = s.pad_left;
  return g;
}

GemmSplit::GemmSplit(int64_t rows, int64_t row_bytes, int32_t panels, int num_threads)
    : rows_(rows), panels_(panels) {
  if (rows <= 0 || panels <= 0) return;
  int64_t block =
      std::clamp(kBlockBytes / std::max<int64_t>(row_bytes, 1), kRowUnit, kRowUnit * 20);
  if (num_threads > 1) block = std::min(block, rows / (2 * num_threads) + 1);
  block = (block + kRowUnit - 1) / kRowUnit * kRowUnit;
  // Even blocks, so that the last one is not a sliver that streams all weights again.
  row_blocks_ = (rows + block - 1) / block;
  rows_per_block_ = (rows + row_blocks_ - 1) / row_blocks_;
  if (row_blocks_ > 1) rows_per_block_ = (rows_per_block_ + 11) / 12 * 12;
  row_blocks_ = (rows + rows_per_block_ - 1) / rows_per_block_;
  panel_groups_ = 1;
  if (num_threads > 1 && row_blocks_ < 2 * num_threads) {
    const int64_t wanted = (2 * num_threads + row_blocks_ - 1) / row_blocks_;
    panel_groups_ = static_cast<int32_t>(std::min<int64_t>(panels, wanted));
  }
  panels_per_group_ = (panels + panel_groups_ - 1) / panel_groups_;
  panel_groups_ = (panels + panels_per_group_ - 1) / panels_per_group_;
}

GemmTile GemmSplit::tile(int64_t piece) const {
  GemmTile t;
  const int64_t block = piece / panel_groups_;
  const auto group = static_cast<int32_t>(piece % panel_groups_);
  t.row_begin = block * rows_per_block_;
  t.row_end = std::min(rows_, t.row_begin + rows_per_block_);
  t.panel_begin = group * panels_per_group_;
  t.panel_end = std::min(panels_, t.panel_begin + panels_per_group_);
  return t;
}

size_t GemmInt8Plan::PackedBytes(const GemmKernels& kernels, int64_t n, int64_t k) {
  const PanelLayout panels = PanelsFor(kernels, n);
  return PanelBytesInt8(kernels, panels, k) +
         2 * sizeof(int64_t) * static_cast<size_t>(PaddedColumns(panels));
}

void GemmInt8Plan::Pack(const GemmKernels& kernels, const WeightMatrix& weights,
                        std::byte* packed) {
  const PanelLayout panels = PanelsFor(kernels, weights.n);
  PackWeightsInt8(kernels, panels, weights, reinterpret_cast<int8_t*>(packed));
  auto* sums = reinterpret_cast<int64_t*>(packed + PanelBytesInt8(kernels, panels, weights.k));
  int64_t* magnitudes = sums + PaddedColumns(panels);
  weights.WithElements([&](auto element) {
    for (int64_t n = 0; n < weights.n; ++n) {
      for (int64_t k = 0; k < weights.k; ++k) {
        const int w = element(n, k);
        sums[n] += w;
        magnitudes[n] += w < 0 ? -w : w;
      }
    }
  });
}

void GemmInt8Plan::SettleCommon(const GemmKernels& kernels, const PatchGeometry& patch,
                                int64_t rows, int64_t n, int64_t k, const std::byte* packed,
                                int num_threads) {
  kernels_ = &kernels;
  args_ = GemmInt8Args();
  args_.patch = patch;
  args_.k = k;
  args_.n = n;
  args_.ldc = n;
  args_.panels = PanelsFor(kernels, n);
  args_.weights = reinterpret_cast<const int8_t*>(packed);
  split_ = GemmSplit(rows, k, args_.panels.panels, num_threads);
  workspace_bytes_ = Align64(WorkspaceBytesInt8(patch, k, split_.rows_per_block()));
}

void GemmInt8Plan::SettleInteger(const GemmKernels& kernels, const PatchGeometry& patch,
                                 int64_t rows, int64_t n, int64_t k, const ConvQuantization& q,
                                 bool is_unsigned, const int32_t* bias, const std::byte* packed,
                                 int num_threads) {
  SettleCommon(kernels, patch, rows, n, k, packed, num_threads);
  args_.input_flip = is_unsigned ? 0 : 0x80;
  args_.pad_byte = static_cast<uint8_t>(q.input_zero_point);
  const auto columns = static_cast<size_t>(PaddedColumns(args_.panels));
  const auto* sums =
      reinterpret_cast<const int64_t*>(packed + PanelBytesInt8(kernels, args_.panels, k));
  const int64_t* magnitudes = sums + columns;
  // With a = stored input as uint8 and w = packed weight:
  //   sum (a - za)(w - zw) = sum a w - zw sum a - za sum w + k za zw.
  const int64_t za = q.input_zero_point + (is_unsigned ? 0 : 128);
  const int64_t zw = is_unsigned ? q.filter_zero_point - 128 : 0;
  bias_.assign(columns, 0);
  std::vector<FixedPointMultiplier> multipliers(columns);
  std::vector<int64_t> bounds(columns);
  for (size_t c = 0; c < static_cast<size_t>(n); ++c) {
    const int64_t folded = (bias != nullptr ? bias[c] : 0) - za * (sums[c] - k * zw);
    bias_[c] = static_cast<int32_t>(folded);  // wraps as the sums do
    bounds[c] = std::abs(folded) + 255 * (magnitudes[c] + k * std::abs(zw));
    multipliers[c] = q.multipliers[c];
  }
  args_.bias = bias_.data();
  column_term_.clear();
  if (zw != 0) {
    column_term_.assign(columns, static_cast<int32_t>(zw));
    args_.column_term = column_term_.data();
  }
  requantization_.Settle(multipliers, bounds, q.output_zero_point, q.output_min, q.output_max,
                         is_unsigned);
  args_.requantize = requantization_.args();
}

void GemmInt8Plan::SettleHybrid(const GemmKernels& kernels, const PatchGeometry& patch,
                                int64_t rows, int64_t rows_per_image, int64_t n, int64_t k,
                                const float* filter_scales, const FloatRange& range,
                                const float* bias, const std::byte* packed, int num_threads) {
  SettleCommon(kernels, patch, rows, n, k, packed, num_threads);
  args_.input_flip = 0x80;
  args_.rows_per_image = rows_per_image;
  const auto columns = static_cast<size_t>(PaddedColumns(args_.panels));
  const auto* sums =
      reinterpret_cast<const int64_t*>(packed + PanelBytesInt8(kernels, args_.panels, k));
  bias_.assign(columns, 0);
  column_term_.assign(columns, 0);
  column_scale_.assign(columns, 0.0f);
  float_bias_.assign(columns, 0.0f);
  for (size_t c = 0; c < static_cast<size_t>(n); ++c) {
    column_term_[c] = static_cast<int32_t>(sums[c]);
    column_scale_[c] = filter_scales != nullptr ? filter_scales[c] : 1.0f;
    if (bias != nullptr) float_bias_[c] = bias[c];
  }
  args_.bias = bias_.data();
  args_.column_term = column_term_.data();
  args_.column_scale = column_scale_.data();
  args_.float_bias = float_bias_.data();
  args_.float_min = range.min;
  args_.float_max = range.max;
}

void GemmInt8Plan::Run(int64_t piece, const void* input, void* output, void* workspace) const {
  GemmInt8Args args = args_;
  args.input = static_cast<const uint8_t*>(input);
  args.output = static_cast<uint8_t*>(output);
  kernels_->run_int8(args, split_.tile(piece), workspace);
}

void GemmInt8Plan::RunHybrid(int64_t piece, const int8_t* input, const float* scales,
                             const int32_t* row_terms, const int8_t* pad_bytes, float* output,
                             void* workspace) const {
  GemmInt8Args args = args_;
  args.input = reinterpret_cast<const uint8_t*>(input);
  args.row_scale = scales;
  args.row_term = row_terms;
  args.pad_bytes = pad_bytes;
  args.float_output = output;
  kernels_->run_int8(args, split_.tile(piece), workspace);
}

size_t GemmBlocksPlan::PackedBytes(const GemmKernels& kernels, int64_t n, int64_t k,
                                   int64_t block) {
  const PanelLayout panels = PanelsFor(kernels, n);
  return static_cast<size_t>(k / block) *
         (PanelBytesInt8(kernels, panels, block) +
          sizeof(int32_t) * static_cast<size_t>(PaddedColumns(panels)));
}

void GemmBlocksPlan::Pack(const GemmKernels& kernels, const WeightMatrix& weights, int64_t block,
                          std::byte* packed) {
  const PanelLayout panels = PanelsFor(kernels, weights.n);
  const size_t panel_bytes = PanelBytesInt8(kernels, panels, block);
  const int64_t blocks = weights.k / block;
  auto* sums = reinterpret_cast<int32_t*>(packed + static_cast<size_t>(blocks) * panel_bytes);
  WeightMatrix part = weights;
  part.k = block;
  for (int64_t b = 0; b < blocks; ++b, part.first += block * weights.k_stride) {
    PackWeightsInt8(kernels, panels, part, reinterpret_cast<int8_t*>(packed));
    part.WithElements([&](auto element) {
      for (int64_t n = 0; n < part.n; ++n)
        for (int64_t k = 0; k < block; ++k) sums[n] += element(n, k);
    });
    packed += panel_bytes;
    sums += PaddedColumns(panels);
  }
}

void GemmBlocksPlan::Settle(const GemmKernels& kernels, int64_t rows, int64_t n, int64_t k,
                            int64_t block, const float* block_scales, const FloatRange& range,
                            const float* bias, const std::byte* packed, int num_threads) {
  kernels_ = &kernels;
  blocks_ = k / block;
  range_ = range;
  args_ = GemmInt8Args();
  args_.patch.row_bytes = k;
  args_.input_flip = 0x80;
  args_.k = block;
  args_.n = n;
  args_.ldc = n;
  args_.panels = PanelsFor(kernels, n);
  args_.weights = reinterpret_cast<const int8_t*>(packed);
  args_.column_term = reinterpret_cast<const int32_t*>(
      packed + static_cast<size_t>(blocks_) * PanelBytesInt8(kernels, args_.panels, block));
  const auto columns = static_cast<size_t>(PaddedColumns(args_.panels));
  zeros_.assign(columns, 0);
  bias_.assign(columns, 0.0f);
  if (bias != nullptr) std::copy(bias, bias + n, bias_.begin());
  scales_.assign(columns * static_cast<size_t>(blocks_), 0.0f);
  for (size_t c = 0; c < static_cast<size_t>(n); ++c) {
    for (size_t b = 0; b < static_cast<size_t>(blocks_); ++b)
      scales_[b * columns + c] = *block_scales++;
  }
  args_.bias = zeros_.data();
  args_.column_scale = scales_.data();
  args_.float_bias = bias_.data();
  split_ = GemmSplit(rows, k, args_.panels.panels, num_threads);
  workspace_bytes_ = Align64(WorkspaceBytesInt8(args_.patch, block, split_.rows_per_block()));
}

void GemmBlocksPlan::Run(int64_t piece, const int8_t* input, const float* scales,
                         const int32_t* row_terms, float* output, void* workspace) const {
  GemmInt8Args args = args_;
  args.input = reinterpret_cast<const uint8_t*>(input);
  args.row_scale = scales;
  args.row_term = row_terms;
  args.float_output = output;
  args.float_min = -std::numeric_limits<float>::infinity();
  args.float_max = std::numeric_limits<float>::infinity();
  const auto panel_bytes = static_cast<int64_t>(PanelBytesInt8(*kernels_, args.panels, args.k));
  for (int64_t b = 0; b < blocks_; ++b) {
    if (b + 1 == blocks_) {
      args.float_min = range_.min;
      args.float_max = range_.max;
    }
    kernels_->run_int8(args, split_.tile(piece), workspace);
    args.accumulate = true;
    args.input += args.k;
    args.weights += panel_bytes;
    args.column_term += PaddedColumns(args.panels);
    args.column_scale += PaddedColumns(args.panels);
  }
}

size_t GemmFloatPlan::PackedBytes(const GemmKernels& kernels, int64_t n, int64_t k) {
  return PackedBytesFloat(PanelsFor(kernels, n), k);
}

void GemmFloatPlan::Pack(const GemmKernels& kernels, const WeightMatrix& weights,
                         std::byte* packed) {
  PackWeightsFloat(PanelsFor(kernels, weights.n), weights, reinterpret_cast<float*>(packed));
}

void GemmFloatPlan::Settle(const GemmKernels& kernels, const PatchGeometry& patch, int64_t rows,
                           int64_t n, int64_t k, const FloatRange& range, const float* bias,
                           const std::byte* packed, int num_threads) {
  kernels_ = &kernels;
  args_ = GemmFloatArgs();
  args_.patch = patch;
  args_.k = k;
  args_.n = n;
  args_.ldc = n;
  args_.panels = PanelsFor(kernels, n);
  args_.weights = reinterpret_cast<const float*>(packed);
  bias_.assign(static_cast<size_t>(PaddedColumns(args_.panels)), 0.0f);
  if (bias != nullptr) std::copy(bias, bias + n, bias_.begin());
  args_.bias = bias_.data();
  args_.min = range.min;
  args_.max = range.max;
  split_ = GemmSplit(rows, k * 4, args_.panels.panels, num_threads);
  workspace_bytes_ = Align64(WorkspaceBytesFloat(patch, k, split_.rows_per_block()));
}

void GemmFloatPlan::SetWeights(const std::byte* packed, const float* bias) {
  args_.weights = reinterpret_cast<const float*>(packed);
  if (bias != nullptr) {
    std::copy(bias, bias + args_.n, bias_.begin());
  } else {
    std::fill(bias_.begin(), bias_.end(), 0.0f);
  }
}

void GemmFloatPlan::Run(int64_t piece, const float* input, float* output, void* workspace) const {
  GemmFloatArgs args = args_;
  args.input = input;
  args.output = output;
  kernels_->run_float(args, split_.tile(piece), workspace);
}

}  // namespace edgeml::kernels
