#include "src/compress/quantize/gram.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "src/base/aligned_floats.h"
#include "src/base/cpu_features.h"
#include "src/base/strings.h"
#include "src/kernels/convolution/patches.h"
#include "src/kernels/gemm/products.h"
#include "src/kernels/rounding/rounding.h"

namespace edgeml::quantize {
namespace {

using kernels::ConvShape;

// Patches whose products are added at a time.
constexpr int64_t kBlock = 512;
// Rows of a matrix that one piece of work computes.
constexpr int64_t kStrip = 48;

size_t Size(int64_t n) { return static_cast<size_t>(n); }

// A number in [0, 1) from two others.
double Scatter(uint64_t image, uint64_t part) {
  uint64_t z = (image * 0x9E3779B97F4A7C15u) ^ ((part + 1) * 0xBF58476D1CE4E5B9u);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

// The pixels of image `image` of the stream, whose first pixel in the batch is `first`.
void ChoosePixels(int64_t image, int64_t first, int64_t pixels, int64_t most,
                  std::vector<int64_t>* chosen) {
  chosen->clear();
  if (pixels <= most) {
    for (int64_t i = 0; i < pixels; ++i) chosen->push_back(first + i);
    return;
  }
  const double part = static_cast<double>(pixels) / static_cast<double>(most);
  for (int64_t i = 0; i < most; ++i) {
    const double at = part * (static_cast<double>(i) +
                              Scatter(static_cast<uint64_t>(image), static_cast<uint64_t>(i)));
    chosen->push_back(first + std::min(static_cast<int64_t>(at), pixels - 1));
  }
}

}  // namespace

ConvShape DenseShape(int64_t rows, int64_t depth) {
  ConvShape shape;
  shape.batch = static_cast<int32_t>(rows);
  shape.in_c = static_cast<int32_t>(depth);
  return shape;
}

Result<GramAccumulator> GramAccumulator::Create(const ConvShape& shape, const Options& options) {
  if (shape.in_c < 1 || shape.filter_h < 1 || shape.filter_w < 1 || shape.groups < 1 ||
      shape.in_c % shape.groups != 0 || options.patches_per_image < 1)
    return Error(Code::kInvalidArgument, "a layer of ", shape.in_c, " channels, ", shape.groups,
                 " groups and a filter of ", shape.filter_h, " by ", shape.filter_w);
  GramAccumulator gram;
  gram.options_ = options;
  gram.shape_ = shape;
  gram.groups_ = shape.groups;
  gram.channels_ = shape.in_c / shape.groups;
  gram.taps_ = int64_t{shape.filter_h} * shape.filter_w;
  if (gram.taps_ > kMaxGramDepth || gram.taps_ * gram.channels_ > kMaxGramDepth ||
      gram.taps_ * gram.channels_ * gram.taps_ * gram.channels_ > kMaxGramElements / gram.groups_)
    return Error(Code::kUnsupported, "a layer of ", gram.groups_, " times ", gram.taps_, " by ",
                 gram.channels_, " weights per output is too large to learn its rounding");
  gram.k_ = gram.taps_ * gram.channels_;
  const size_t matrices = Size(gram.groups_ * gram.k_ * gram.k_),
               row = Size(gram.groups_ * gram.k_);
  gram.h_.assign(matrices, 0.0f);
  gram.mean_.assign(row, 0.0);
  gram.xq_.resize(row * kBlock);
  if (options.asymmetric) {
    gram.d_.assign(matrices, 0.0f);
    gram.shift_.assign(row, 0.0);
    gram.difference_.resize(row * kBlock);
  }
  return gram;
}

Status GramAccumulator::Add(const ConvShape& shape, const float* x, const float* xq,
                            ThreadPool& pool) {
  if (shape.in_c != shape_.in_c || shape.groups != shape_.groups ||
      shape.filter_h != shape_.filter_h || shape.filter_w != shape_.filter_w)
    return Error(Code::kInvalidArgument, "activations of another layer");
  const int64_t pixels = int64_t{shape.out_h} * shape.out_w;
  std::vector<int64_t> chosen;
  for (int64_t image = 0; image < shape.batch; ++image) {
    ChoosePixels(images_++, image * pixels, pixels, options_.patches_per_image, &chosen);
    for (size_t from = 0; from < chosen.size();) {
      const size_t count = std::min(chosen.size() - from, Size(kBlock - pending_));
      const auto part = std::span(chosen).subspan(from, count);
      for (int64_t g = 0; g < (depthwise() ? 1 : groups_); ++g) {
        const int32_t width = depthwise() ? shape.in_c : channels_;
        const kernels::ChannelRange channels = {static_cast<int32_t>(g) * channels_, width};
        const int64_t at = g * kBlock * k_ + pending_ * taps_ * width;
        const size_t n = count * Size(taps_ * width);
        float* const to = xq_.data() + at;
        kernels::GatherPatches(shape, channels, xq, part, to);
        float sum = 0;  // stays 0 unless an infinity or a NaN is among them
        for (size_t i = 0; i < n; ++i) sum += to[i] * 0.0f;
        if (options_.asymmetric) {
          float* const e = difference_.data() + at;
          kernels::GatherPatches(shape, channels, x, part, e);
          for (size_t i = 0; i < n; ++i) {
            e[i] = to[i] - e[i];
            sum += e[i] * 0.0f;
          }
        }
        if (sum != 0.0f) return Error(Code::kInvalidArgument, "activations that are not finite");
      }
      from += count;
      pending_ += static_cast<int64_t>(count);
      samples_ += static_cast<int64_t>(count);
      // Left in the buffers until there are more, so that few patches are kept as they are.
      if (pending_ == kBlock) Flush(pool);
    }
  }
  return Status::Ok();
}

void GramAccumulator::FlushGroup(const float* xq, const float* difference, float* h, float* d,
                                 ThreadPool& pool) {
  const kernels::TransposedProduct product(kernels::GemmFor(BestSimdLevel()), pending_, k_, k_);
  AlignedFloats packed(product.packed_floats());
  std::vector<float> xq_columns(product.transposed_floats());
  std::vector<float> columns(difference != nullptr ? product.transposed_floats() : 0);
  pool.ParallelFor(3, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      if (i == 0) product.TransposeA(xq, k_, 0, k_, xq_columns.data());
      if (i == 1) product.PackB(xq, k_, packed.data());
      if (i == 2 && difference != nullptr)
        product.TransposeA(difference, k_, 0, k_, columns.data());
    }
  });
  const int64_t strips = (k_ + kStrip - 1) / kStrip;
  std::vector<float> parts(Size(pool.num_threads() * kStrip * k_));
  const auto add = [&](const std::vector<float>& left, bool symmetric, float* sums) {
    pool.ParallelFor(strips, 1, [&](int64_t begin, int64_t end, int worker) {
      float* const part = parts.data() + Size(worker * kStrip * k_);
      for (int64_t i = begin; i < end; ++i) {
        // Long rows of the triangle and short ones in turn, so that each worker gets both.
        const int64_t strip = i % 2 == 0 ? i / 2 : strips - 1 - i / 2;
        const int64_t r0 = strip * kStrip, r1 = std::min(k_, r0 + kStrip);
        const int64_t first = symmetric ? r0 : 0;
        product.Run(left.data() + r0 * pending_, packed.data(), 0, r1 - r0, first, part, k_);
        for (int64_t r = r0; r < r1; ++r) {
          float* const to = sums + r * k_;
          const float* const from = part + (r - r0) * k_;
          for (int64_t c = first; c < k_; ++c) to[c] += from[c];
        }
      }
    });
  };
  add(xq_columns, true, h);
  if (difference != nullptr) add(columns, false, d);
}

void GramAccumulator::FlushDepthwise(ThreadPool& pool) {
  const kernels::RoundingKernels& kernels = kernels::RoundingFor(BestSimdLevel());
  constexpr int64_t kChannels = 16;
  // Few enough rows for the first-level cache.
  constexpr int64_t kRows = 64;
  std::vector<float> part(h_.size());
  const auto add = [&](const float* left, bool symmetric, std::vector<float>& sums) {
    pool.ParallelFor(
        (groups_ + kChannels - 1) / kChannels, 1, [&](int64_t begin, int64_t end, int) {
          const int64_t c0 = begin * kChannels;
          const int64_t c1 = std::min(groups_, end * kChannels);
          for (int64_t r = 0; r < pending_; r += kRows) {
            const int64_t at = r * groups_ * k_;
            kernels.channel_products(left + at, xq_.data() + at, std::min(kRows, pending_ - r), k_,
                                     groups_, c0, c1, symmetric, part.data());
            for (int64_t i = 0; i < k_; ++i)
              for (int64_t j = 0; j < (symmetric ? i + 1 : k_); ++j)
                for (int64_t c = c0; c < c1; ++c)
                  sums[Size((i * k_ + j) * groups_ + c)] += part[Size((i * k_ + j) * groups_ + c)];
          }
        });
  };
  add(xq_.data(), true, h_);
  if (options_.asymmetric) add(difference_.data(), false, d_);
}

void GramAccumulator::Flush(ThreadPool& pool) {
  if (pending_ == 0) return;
  // Groups side by side, unless they are those of a depthwise convolution.
  const int64_t parts = depthwise() ? 1 : groups_;
  const int64_t row = groups_ * k_ / parts;
  for (int64_t p = 0; p < parts; ++p) {
    const float* const xq = xq_.data() + p * kBlock * row;
    for (int64_t r = 0; r < pending_; ++r)
      for (int64_t i = 0; i < row; ++i) mean_[Size(p * row + i)] += double{xq[r * row + i]};
    if (!options_.asymmetric) continue;
    const float* const e = difference_.data() + p * kBlock * row;
    for (int64_t r = 0; r < pending_; ++r)
      for (int64_t i = 0; i < row; ++i) shift_[Size(p * row + i)] += double{e[r * row + i]};
  }
  if (depthwise()) {
    FlushDepthwise(pool);
  } else {
    for (int64_t g = 0; g < groups_; ++g) {
      const size_t at = Size(g * kBlock * k_), matrix = Size(g * k_ * k_);
      FlushGroup(xq_.data() + at, options_.asymmetric ? difference_.data() + at : nullptr,
                 h_.data() + matrix, options_.asymmetric ? d_.data() + matrix : nullptr, pool);
    }
  }
  flushed_ = flushed_ || pending_ == kBlock;
  if (pending_ == kBlock) pending_ = 0;
}

Result<GramMatrices> GramAccumulator::Finish(ThreadPool& pool) && {
  if (samples_ == 0) return Error(Code::kInvalidArgument, "no activations were seen");
  const int64_t left = pending_;
  Flush(pool);
  GramMatrices gram;
  gram.groups = groups_;
  gram.k = k_;
  gram.samples = samples_;
  const double n = static_cast<double>(samples_);
  // Element i of group g of what a row of the buffers is.
  const auto place = [&](int64_t g, int64_t i) {
    return Size(depthwise() ? i * groups_ + g : g * k_ + i);
  };
  const auto means = [&](const std::vector<double>& sums) {
    std::vector<float> out(sums.size());
    for (int64_t g = 0; g < groups_; ++g)
      for (int64_t i = 0; i < k_; ++i)
        out[Size(g * k_ + i)] = static_cast<float>(sums[place(g, i)] / n);
    return out;
  };
  gram.mean = means(mean_);
  if (options_.asymmetric) gram.shift = means(shift_);

  // E[a b] - E[a] E[b] of the left vectors' means and those of xq.
  const auto moments = [&](std::vector<float>& sums, const std::vector<double>& left_sums,
                           bool symmetric) {
    std::vector<float> out;
    if (depthwise()) out.resize(sums.size());
    std::vector<float>& to = depthwise() ? out : sums;
    pool.ParallelFor(groups_ * k_, 16, [&](int64_t begin, int64_t end, int) {
      for (int64_t row = begin; row < end; ++row) {
        const int64_t g = row / k_, i = row % k_;
        const double mean = options_.centred ? left_sums[place(g, i)] / n : 0.0;
        // The half of a symmetric matrix that was summed: j >= i, of depthwise ones j <= i.
        const int64_t j0 = symmetric && !depthwise() ? i : 0;
        const int64_t j1 = symmetric && depthwise() ? i + 1 : k_;
        for (int64_t j = j0; j < j1; ++j) {
          const size_t from =
              Size(depthwise() ? (i * k_ + j) * groups_ + g : (g * k_ + i) * k_ + j);
          to[Size((g * k_ + i) * k_ + j)] = static_cast<float>(
              double{sums[from]} / n - (options_.centred ? mean * mean_[place(g, j)] / n : 0.0));
        }
      }
    });
    if (symmetric) {
      for (int64_t g = 0; g < groups_; ++g)
        for (int64_t i = 0; i < k_; ++i)
          for (int64_t j = 0; j < i; ++j) {
            float& upper = to[Size((g * k_ + j) * k_ + i)];
            float& lower = to[Size((g * k_ + i) * k_ + j)];
            (depthwise() ? upper : lower) = depthwise() ? lower : upper;
          }
    }
    return depthwise() ? std::move(out) : std::move(sums);
  };
  gram.h = moments(h_, mean_, true);
  if (options_.asymmetric) gram.d = moments(d_, shift_, false);

  if (groups_ == 1 && !flushed_ && left == samples_ && 2 * samples_ < k_) {
    const double scale = 1.0 / std::sqrt(n);
    gram.rows.resize(Size(samples_ * k_));
    for (int64_t r = 0; r < samples_; ++r)
      for (int64_t i = 0; i < k_; ++i)
        gram.rows[Size(r * k_ + i)] = static_cast<float>(
            (double{xq_[Size(r * k_ + i)]} - (options_.centred ? mean_[Size(i)] / n : 0.0)) *
            scale);
  }
  return gram;
}

}  // namespace edgeml::quantize
