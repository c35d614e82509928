#include "src/kernels/convolution/gradient.h"

#include <algorithm>

#include "src/kernels/convolution/patches.h"
#include "src/kernels/convolution/reference.h"
#include "src/kernels/elementwise/accumulate.h"

namespace edgeml::kernels {
namespace {

// Patches that are worked on at a time.
constexpr int64_t kBlockRows = 256;
// Fewest rows of a product that are worth a piece.
constexpr int64_t kPieceRows = 64;
// So many partial sums at most of a filter's gradient, always as many: the sum is then the same for
// any number of threads.
constexpr int64_t kFilterPieces = 4;
// Channels of a depthwise filter that are one piece; whole vectors.
constexpr int64_t kDepthwiseChannels = 64;

int64_t Align16(int64_t n) { return (n + 15) / 16 * 16; }

}  // namespace

ConvGradient::ConvGradient(SimdLevel level, const ConvShape& shape)
    : shape_(shape),
      level_(level),
      kernels_(GemmFor(level)),
      channels_(shape.in_c / shape.groups),
      outputs_(shape.out_c / shape.groups),
      k_(int64_t{shape.filter_h} * shape.filter_w * channels_),
      pixels_(shape.output_rows() * shape.out_w),
      images_per_piece_(0),
      rows_(std::clamp<int64_t>(pixels_, 1, kBlockRows)),
      to_patches_(kernels_, k_, outputs_),
      block_(kernels_, rows_, outputs_, k_),
      last_block_(kernels_, pixels_ % rows_ == 0 ? rows_ : pixels_ % rows_, outputs_, k_) {
  const int64_t per_image = std::max<int64_t>(1, int64_t{shape.out_h} * shape.out_w);
  images_per_piece_ = std::max<int64_t>(1, kPieceRows / per_image);
  // Patches; and for the filter: those packed, columns of the output, and the product.
  workspace_floats_ = static_cast<size_t>(
      Align16(rows_ * k_) + Align16(static_cast<int64_t>(block_.packed_floats())) +
      Align16(static_cast<int64_t>(block_.transposed_floats())) + Align16(outputs_ * k_));
}

size_t ConvGradient::packed_floats() const {
  const int64_t one = Align16(static_cast<int64_t>(to_patches_.packed_floats()));
  return static_cast<size_t>(one * shape_.groups);
}

void ConvGradient::PackFilter(const float* filter, float* packed) const {
  const int64_t one = Align16(static_cast<int64_t>(to_patches_.packed_floats()));
  for (int64_t g = 0; g < shape_.groups; ++g)
    to_patches_.Pack(filter + g * outputs_ * k_, k_, 1, packed + g * one);
}

int64_t ConvGradient::input_pieces() const {
  return pixels_ == 0 ? 0 : (shape_.batch + images_per_piece_ - 1) / images_per_piece_;
}

void ConvGradient::RunInput(int64_t piece, const float* packed, const float* output_gradient,
                            float* workspace, float* input_gradient) const {
  const int64_t one = Align16(static_cast<int64_t>(to_patches_.packed_floats()));
  const int64_t per_image = pixels_ / shape_.batch;
  const int64_t first = piece * images_per_piece_ * per_image;
  const int64_t last = std::min(first + images_per_piece_ * per_image, pixels_);
  for (int64_t pixel = first; pixel < last; pixel += rows_) {
    const int64_t rows = std::min(rows_, last - pixel);
    for (int64_t g = 0; g < shape_.groups; ++g) {
      to_patches_.Run(output_gradient + pixel * shape_.out_c + g * outputs_, shape_.out_c,
                      packed + g * one, 0, rows, workspace, k_);
      const ChannelRange channels = {static_cast<int32_t>(g * channels_),
                                     static_cast<int32_t>(channels_)};
      ScatterPatches(shape_, channels, workspace, pixel, rows, input_gradient);
    }
  }
}

int64_t ConvGradient::filter_pieces() const {
  return std::min<int64_t>(kFilterPieces, (pixels_ + rows_ - 1) / rows_);
}

void ConvGradient::RunFilter(int64_t piece, const float* input, const float* output_gradient,
                             float* workspace, float* partial) const {
  const int64_t blocks = (pixels_ + rows_ - 1) / rows_, pieces = filter_pieces();
  float* const sums = partial + piece * shape_.out_c * k_;
  std::fill_n(sums, shape_.out_c * k_, 0.0f);
  const AccumulateKernels& accumulate = AccumulateFor(level_);
  for (int64_t block = blocks * piece / pieces; block < blocks * (piece + 1) / pieces; ++block) {
    const int64_t pixel = block * rows_, rows = std::min(rows_, pixels_ - pixel);
    const TransposedProduct& product = rows == rows_ ? block_ : last_block_;
    float* const patches = workspace;
    float* const packed = patches + Align16(rows_ * k_);
    float* const columns = packed + Align16(static_cast<int64_t>(product.packed_floats()));
    float* const result = columns + Align16(static_cast<int64_t>(product.transposed_floats()));
    for (int64_t g = 0; g < shape_.groups; ++g) {
      const ChannelRange channels = {static_cast<int32_t>(g * channels_),
                                     static_cast<int32_t>(channels_)};
      GatherPatches(shape_, channels, input, pixel, rows, patches);
      product.PackB(patches, k_, packed);
      product.TransposeA(output_gradient + pixel * shape_.out_c + g * outputs_, shape_.out_c, 0,
                         outputs_, columns);
      product.Run(columns, packed, 0, outputs_, 0, result, k_);
      accumulate.add(result, outputs_ * k_, sums + g * outputs_ * k_);
    }
  }
}

DepthwiseGradient::DepthwiseGradient(SimdLevel level, const ConvShape& shape)
    : shape_(shape), level_(level) {}

int64_t DepthwiseGradient::filter_pieces() const {
  return (shape_.in_c + kDepthwiseChannels - 1) / kDepthwiseChannels;
}

namespace {

// Calls f(output pixel, input pixel, tap) for the taps inside of the image of output rows [begin,
// end) of batch * out_h.
template <typename F>
void ForTapsOfRows(const ConvShape& s, int64_t begin, int64_t end, F f) {
  for (int64_t row = begin; row < end; ++row) {
    const int64_t y0 = row % s.out_h * s.stride_h - s.pad_top;
    const auto ys = reference::TapsInside(y0, s.dilation_h, s.filter_h, s.in_h);
    for (int64_t fy = ys.begin; fy < ys.end; ++fy) {
      const int64_t line = (row / s.out_h * s.in_h + y0 + fy * s.dilation_h) * s.in_w;
      for (int64_t ox = 0; ox < s.out_w; ++ox) {
        const int64_t x0 = ox * s.stride_w - s.pad_left;
        const auto xs = reference::TapsInside(x0, s.dilation_w, s.filter_w, s.in_w);
        for (int64_t fx = xs.begin; fx < xs.end; ++fx)
          f(row * s.out_w + ox, line + x0 + fx * s.dilation_w, fy * s.filter_w + fx);
      }
    }
  }
}

}  // namespace

void DepthwiseGradient::RunInput(int64_t piece, const float* filter, const float* output_gradient,
                                 float* input_gradient) const {
  const AccumulateKernels& accumulate = AccumulateFor(level_);
  const int64_t channels = shape_.in_c;
  ForTapsOfRows(shape_, piece * shape_.out_h, (piece + 1) * shape_.out_h,
                [&](int64_t out, int64_t in, int64_t tap) {
                  accumulate.add_product(output_gradient + out * channels, filter + tap * channels,
                                         channels, input_gradient + in * channels);
                });
}

void DepthwiseGradient::RunFilter(int64_t piece, const float* input, const float* output_gradient,
                                  float* filter_gradient) const {
  const AccumulateKernels& accumulate = AccumulateFor(level_);
  const int64_t channels = shape_.in_c, first = piece * kDepthwiseChannels;
  const int64_t count = std::min(kDepthwiseChannels, channels - first);
  ForTapsOfRows(shape_, 0, shape_.output_rows(), [&](int64_t out, int64_t in, int64_t tap) {
    accumulate.add_product(output_gradient + out * channels + first, input + in * channels + first,
                           count, filter_gradient + tap * channels + first);
  });
}

}  // namespace edgeml::kernels
