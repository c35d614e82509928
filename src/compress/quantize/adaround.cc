#include "src/compress/quantize/adaround.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "src/base/aligned_floats.h"
#include "src/base/cpu_features.h"
#include "src/base/strings.h"
#include "src/compress/quantize/rounding_descent.h"
#include "src/kernels/elementwise/accumulate.h"
#include "src/kernels/gemm/products.h"
#include "src/kernels/rounding/rounding.h"

namespace edgeml::quantize {
namespace {

using kernels::MatrixProduct;
using kernels::RoundingKernels;

// Outputs that are learned together. Each is learned as if alone; together their products are
// faster.
constexpr int64_t kRows = 64;
// Sweeps over the weights of an output while any of them is flipped.
constexpr int kMaxSweeps = 50;
// Steps between looks at whether all weights are settled.
constexpr int kSettledInterval = 25;

size_t Size(int64_t n) { return static_cast<size_t>(n); }

// rows * H of one group, by way of the samples where that is cheaper.
class HessianProduct {
 public:
  HessianProduct(const GramMatrices& gram, int64_t group)
      : k_(gram.k),
        samples_(gram.rows.empty() ? 0 : gram.samples),
        to_inputs_(kernels::GemmFor(BestSimdLevel()), k_, samples_ == 0 ? k_ : samples_),
        to_samples_(kernels::GemmFor(BestSimdLevel()), std::max<int64_t>(samples_, 1), k_),
        inputs_(to_inputs_.packed_floats()),
        sample_columns_(samples_ == 0 ? 0 : to_samples_.packed_floats()) {
    if (samples_ == 0) {
      to_inputs_.Pack(gram.h.data() + group * k_ * k_, k_, 1, inputs_.data());
    } else {
      to_inputs_.Pack(gram.rows.data(), k_, 1, inputs_.data());
      to_samples_.Pack(gram.rows.data(), 1, k_, sample_columns_.data());
    }
  }

  size_t workspace_floats(int64_t rows) const { return Size(rows * samples_); }
  // a and out [rows, k].
  void Run(const float* a, int64_t rows, float* workspace, float* out) const {
    if (samples_ == 0) {
      to_inputs_.Run(a, k_, inputs_.data(), 0, rows, out, k_);
      return;
    }
    to_samples_.Run(a, k_, sample_columns_.data(), 0, rows, workspace, samples_);
    to_inputs_.Run(workspace, samples_, inputs_.data(), 0, rows, out, k_);
  }

 private:
  int64_t k_, samples_;
  MatrixProduct to_inputs_, to_samples_;
  AlignedFloats inputs_, sample_columns_;
};

double Dot(const float* a, const float* b, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += double{a[i]} * b[i];
  return sum;
}

// Some outputs of one group.
class Solver {
 public:
  Solver(const AdaRoundProblem& problem, const GramMatrices& gram, const AdaRoundOptions& options,
         int64_t group, int64_t first, int64_t rows, RoundedWeights* result)
      : problem_(problem),
        options_(options),
        kernels_(kernels::RoundingFor(BestSimdLevel())),
        sums_(kernels::AccumulateFor(BestSimdLevel())),
        k_(gram.k),
        block_(problem.block == 0 ? gram.k : problem.block),
        rows_(rows),
        first_(first),
        h_(gram.h.data() + group * k_ * k_),
        d_(gram.d.empty() ? nullptr : gram.d.data() + group * k_ * k_),
        mean_(gram.mean.data() + group * k_),
        shift_(gram.shift.empty() ? nullptr : gram.shift.data() + group * k_),
        weights_(problem.weights.data() + first * k_),
        scales_(problem.scales.data() + first * (k_ / block_)),
        result_(result) {
    choices_ = ChoicesOf(rows_view());
    start_up_ = choices_.nearest_up;
    for (size_t i = 0; i < start_up_.size() && !problem.start.empty(); ++i)
      if (choices_.free[i])
        start_up_[i] = static_cast<float>(problem.start[Size(first * k_) + i]) > choices_.floor[i];
    up_ = choices_.nearest_up;
    delta_.resize(up_.size());
    gradient_.resize(up_.size());
    if (d_ != nullptr) linear_.resize(up_.size());
  }

  // All outputs by trying everything.
  void Exhaust() {
    if (d_ != nullptr) PlainLinear();
    for (int64_t r = 0; r < rows_; ++r) {
      SetUp(r, choices_.nearest_up);
      PlainGradient(r);
      result_->nearest_error[Size(first_ + r)] = Error(r);
      result_->error[Size(first_ + r)] = ExhaustRow(r);
      Store(r);
    }
  }

  // False when cancelled.
  bool Learn(const HessianProduct& hessian) {
    std::vector<float> workspace(hessian.workspace_floats(rows_));
    if (d_ != nullptr) Linear();
    // Nearest rounding, and what becomes of what is begun with.
    for (int64_t r = 0; r < rows_; ++r) SetUp(r, choices_.nearest_up);
    hessian.Run(delta_.data(), rows_, workspace.data(), gradient_.data());
    for (int64_t r = 0; r < rows_; ++r) result_->nearest_error[Size(first_ + r)] = Error(r);
    std::vector<uint8_t> best = start_up_;
    std::vector<double> error(Size(rows_));
    if (best != choices_.nearest_up) {
      for (int64_t r = 0; r < rows_; ++r) SetUp(r, best);
      hessian.Run(delta_.data(), rows_, workspace.data(), gradient_.data());
    }
    for (int64_t r = 0; r < rows_; ++r) error[Size(r)] = Error(r);
    const auto keep_better = [&] {
      if (options_.polish) {
        for (int64_t r = 0; r < rows_; ++r) Polish(r);
        for (int64_t r = 0; r < rows_; ++r) SetUp(r, up_);
        hessian.Run(delta_.data(), rows_, workspace.data(), gradient_.data());
      }
      for (int64_t r = 0; r < rows_; ++r) {
        const double found = Error(r);
        if (!(found < error[Size(r)])) continue;
        error[Size(r)] = found;
        std::copy_n(up_.begin() + r * k_, k_, best.begin() + r * k_);
      }
    };
    if (options_.polish) keep_better();
    if (options_.iterations > 0) {
      if (!Descend(hessian, workspace.data())) return false;
      for (int64_t r = 0; r < rows_; ++r) SetUp(r, up_);
      hessian.Run(delta_.data(), rows_, workspace.data(), gradient_.data());
      keep_better();
    }
    for (int64_t r = 0; r < rows_; ++r) {
      SetUp(r, best);
      result_->error[Size(first_ + r)] = error[Size(r)];
      Store(r);
    }
    return true;
  }

 private:
  float Scale(int64_t r, int64_t i) const { return scales_[r * (k_ / block_) + i / block_]; }

  ScaledRows rows_view() const {
    return {weights_, scales_, rows_, k_, block_, problem_.qmin, problem_.qmax};
  }

  // Rounds output `r` so.
  void SetUp(int64_t r, const std::vector<uint8_t>& up) {
    for (int64_t i = 0; i < k_; ++i) {
      const size_t at = Size(r * k_ + i);
      up_[at] = up[at];
      delta_[at] = Scale(r, i) * (choices_.floor[at] + static_cast<float>(up_[at])) - weights_[at];
    }
  }

  // w D.
  void Linear() {
    const MatrixProduct product(kernels::GemmFor(BestSimdLevel()), k_, k_);
    AlignedFloats packed(product.packed_floats());
    product.Pack(d_, k_, 1, packed.data());
    product.Run(weights_, k_, packed.data(), 0, rows_, linear_.data(), k_);
  }
  void PlainLinear() {
    std::fill(linear_.begin(), linear_.end(), 0.0f);
    for (int64_t r = 0; r < rows_; ++r)
      for (int64_t i = 0; i < k_; ++i)
        for (int64_t j = 0; j < k_; ++j)
          linear_[Size(r * k_ + j)] += weights_[r * k_ + i] * d_[i * k_ + j];
  }
  void PlainGradient(int64_t r) {
    for (int64_t j = 0; j < k_; ++j) {
      float sum = 0;
      for (int64_t i = 0; i < k_; ++i) sum += delta_[Size(r * k_ + i)] * h_[i * k_ + j];
      gradient_[Size(r * k_ + j)] = sum;
    }
  }

  // Of delta_, whose product is in gradient_.
  double Error(int64_t r) const {
    const float* const delta = delta_.data() + r * k_;
    double error = Dot(delta, gradient_.data() + r * k_, k_);
    if (d_ != nullptr) error += 2 * Dot(delta, linear_.data() + r * k_, k_);
    return error;
  }

  // Change of the error when weight i of output r is rounded the other way, and by how much that
  // moves the weight. gradient_ includes the linear part.
  double FlipGain(int64_t r, int64_t i, double* step) const {
    const size_t at = Size(r * k_ + i);
    *step = up_[at] ? -double{Scale(r, i)} : double{Scale(r, i)};
    return *step * (2 * double{gradient_[at]} + *step * h_[i * k_ + i]);
  }

  // Flips single weights of an output while its error falls. REQUIRES: gradient_ is that of up_.
  void Polish(int64_t r) {
    float* const gradient = gradient_.data() + r * k_;
    if (d_ != nullptr) sums_.add_scaled(1.0f, linear_.data() + r * k_, k_, gradient);
    for (int sweep = 0; sweep < kMaxSweeps; ++sweep) {
      bool flipped = false;
      for (int64_t i = 0; i < k_; ++i) {
        const size_t at = Size(r * k_ + i);
        if (!choices_.free[at]) continue;
        double step;
        // Not for what rounding errors of the sums may feign.
        if (!(FlipGain(r, i, &step) < -1e-5 * step * step * h_[i * k_ + i])) continue;
        up_[at] ^= 1;
        sums_.add_scaled(static_cast<float>(step), h_ + i * k_, k_, gradient);
        flipped = true;
      }
      if (!flipped) break;
    }
  }

  // Every rounding of an output in Gray code, one flip from each to the next.
  double ExhaustRow(int64_t r) {
    std::vector<int64_t> free;
    for (int64_t i = 0; i < k_; ++i)
      if (choices_.free[Size(r * k_ + i)]) free.push_back(i);
    std::vector<double> gradient(Size(k_));
    for (int64_t i = 0; i < k_; ++i) {
      const size_t at = Size(r * k_ + i);
      gradient[Size(i)] = double{gradient_[at]} + (d_ != nullptr ? linear_[at] : 0.0f);
    }
    double error = result_->nearest_error[Size(first_ + r)], least = error;
    uint32_t code = 0, best = 0;
    for (uint32_t count = 1; count < (uint32_t{1} << free.size()); ++count) {
      // The lowest bit that is set in the counter is the one that changes in its Gray code.
      size_t bit = 0;
      while (((count >> bit) & 1) == 0) ++bit;
      const int64_t i = free[bit];
      const size_t at = Size(r * k_ + i);
      const double step = up_[at] ? -double{Scale(r, i)} : double{Scale(r, i)};
      error += step * (2 * gradient[Size(i)] + step * h_[i * k_ + i]);
      for (int64_t j = 0; j < k_; ++j) gradient[Size(j)] += step * h_[i * k_ + j];
      up_[at] ^= 1;
      code ^= uint32_t{1} << bit;
      if (error < least) {
        least = error;
        best = code;
      }
    }
    std::vector<uint8_t> up = choices_.nearest_up;
    for (size_t bit = 0; bit < free.size(); ++bit)
      up[Size(r * k_ + free[bit])] ^= static_cast<uint8_t>((best >> bit) & 1);
    SetUp(r, up);
    return least;
  }

  bool Descend(const HessianProduct& hessian, float* workspace) {
    std::vector<float> v = InitialVariables(rows_view(), choices_);
    std::vector<float> momentum(v.size()), square(v.size()), gain(Size(rows_));
    for (int64_t r = 0; r < rows_; ++r) {
      double chance = 0;
      for (int64_t i = 0; i < k_; ++i) {
        const size_t at = Size(r * k_ + i);
        const float scale = Scale(r, i);
        chance += double{scale} * scale * h_[i * k_ + i] / 12;
        delta_[at] = scale * (choices_.floor[at] + kernels::RectifiedSigmoid(v[at])) - weights_[at];
      }
      gain[Size(r)] = chance > 0 ? static_cast<float>(2.0 * static_cast<double>(k_) / chance) : 0;
    }
    RoundingClock clock({options_.iterations, options_.learning_rate, options_.regularization,
                         options_.beta_start, options_.beta_end, options_.warm_start});
    for (int t = 0; t < options_.iterations; ++t) {
      if (options_.cancel != nullptr && options_.cancel->load(std::memory_order_relaxed))
        return false;
      hessian.Run(delta_.data(), rows_, workspace, gradient_.data());
      kernels::RoundingStep step = clock.Next();
      for (int64_t r = 0; r < rows_; ++r) {
        step.error_gain = gain[Size(r)];
        for (int64_t i = 0; i < k_; i += block_) {
          const int64_t at = r * k_ + i;
          step.scale = Scale(r, i);
          kernels_.step(step,
                        {gradient_.data() + at, d_ != nullptr ? linear_.data() + at : nullptr,
                         choices_.floor.data() + at, weights_ + at, v.data() + at,
                         momentum.data() + at, square.data() + at, delta_.data() + at},
                        block_);
        }
      }
      if (clock.regularized() && t % kSettledInterval == 0 && AreSettled(v)) break;
    }
    for (size_t i = 0; i < v.size(); ++i)
      up_[i] = choices_.free[i] != 0 && kernels::RectifiedSigmoid(v[i]) >= 0.5f;
    return true;
  }

  // The result of output r, from up_ and delta_.
  void Store(int64_t r) {
    for (int64_t i = 0; i < k_; ++i) {
      const size_t at = Size(r * k_ + i);
      result_->values[Size(first_ * k_) + at] =
          static_cast<int8_t>(static_cast<int>(choices_.floor[at]) + up_[at]);
    }
    double shift = -Dot(delta_.data() + r * k_, mean_, k_);
    if (shift_ != nullptr) shift -= Dot(weights_ + r * k_, shift_, k_);
    result_->bias_shift[Size(first_ + r)] = static_cast<float>(shift);
  }

  const AdaRoundProblem& problem_;
  const AdaRoundOptions& options_;
  const RoundingKernels& kernels_;
  const kernels::AccumulateKernels& sums_;
  const int64_t k_, block_, rows_, first_;
  const float *h_, *d_, *mean_, *shift_, *weights_, *scales_;
  RoundedWeights* result_;
  RoundingChoices choices_;
  std::vector<float> delta_, gradient_, linear_;
  std::vector<uint8_t> up_, start_up_;
};

Status Check(const AdaRoundProblem& p, const GramMatrices& gram) {
  const int64_t k = gram.k, block = p.block == 0 ? k : p.block;
  if (k < 1 || p.outputs < 1 || gram.groups < 1 || p.outputs % gram.groups != 0 || block < 1 ||
      k % block != 0 || p.outputs > std::numeric_limits<int64_t>::max() / k ||
      p.weights.size() != Size(p.outputs * k) || p.scales.size() != Size(p.outputs * (k / block)))
    return Error(Code::kInvalidArgument, "the weights and scales are not those of ", p.outputs,
                 " outputs of ", k, " weights in blocks of ", block);
  const size_t matrices = Size(gram.groups * k * k), row = Size(gram.groups * k);
  if (gram.h.size() != matrices || (!gram.d.empty() && gram.d.size() != matrices) ||
      gram.mean.size() != row || (!gram.shift.empty() && gram.shift.size() != row) ||
      (!p.start.empty() && p.start.size() != p.weights.size()) ||
      (!gram.rows.empty() && (gram.groups != 1 || gram.rows.size() != Size(gram.samples * k))))
    return Error(Code::kInvalidArgument, "the Gram matrices do not have their sizes");
  if (p.qmin < -128 || p.qmax > 127 || p.qmin >= p.qmax)
    return Error(Code::kInvalidArgument, "the integers ", p.qmin, " to ", p.qmax,
                 " are not a range of int8");
  for (const float scale : p.scales)
    if (!(scale >= 0) || !std::isfinite(scale))
      return Error(Code::kInvalidArgument, "a weight scale of ", scale);
  for (const float w : p.weights)
    if (!std::isfinite(w)) return Error(Code::kInvalidArgument, "a weight of ", w);
  return Status::Ok();
}

}  // namespace

void RoundToNearest(const AdaRoundProblem& problem, int64_t k, int8_t* values) {
  const int64_t block = problem.block == 0 ? k : problem.block;
  const auto lo = static_cast<float>(problem.qmin), hi = static_cast<float>(problem.qmax);
  for (int64_t i = 0; i < problem.outputs * k; ++i) {
    const float scale = problem.scales[Size(i / block)];
    const float real = scale > 0 ? std::nearbyint(problem.weights[Size(i)] / scale) : 0.0f;
    values[i] = static_cast<int8_t>(std::clamp(real, lo, hi));
  }
}

Result<RoundedWeights> AdaRound(const AdaRoundProblem& problem, const GramMatrices& gram,
                                const AdaRoundOptions& options, ThreadPool& pool) {
  EDGEML_RETURN_IF_ERROR(Check(problem, gram));
  RoundedWeights result;
  result.values.resize(problem.weights.size());
  const size_t outputs = Size(problem.outputs);
  result.nearest_error.resize(outputs);
  result.error.resize(outputs);
  result.bias_shift.resize(outputs);
  const int64_t per_group = problem.outputs / gram.groups;
  const bool searched = options.iterations > 0 || options.polish;
  if (gram.k <= kMaxExhaustiveDepth && searched) {
    pool.ParallelFor(gram.groups, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t g = begin; g < end; ++g)
        Solver(problem, gram, options, g, g * per_group, per_group, &result).Exhaust();
    });
    return result;
  }
  std::atomic<bool> cancelled{false};
  for (int64_t g = 0; g < gram.groups && !cancelled; ++g) {
    const HessianProduct hessian(gram, g);
    const int64_t pieces = (per_group + kRows - 1) / kRows;
    pool.ParallelFor(pieces, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) {
        // Even pieces, so that none is a sliver.
        const int64_t from = per_group * i / pieces, to = per_group * (i + 1) / pieces;
        Solver solver(problem, gram, options, g, g * per_group + from, to - from, &result);
        if (!solver.Learn(hessian)) cancelled = true;
      }
    });
  }
  if (cancelled) return Error(Code::kCancelled, "stopped on request");
  return result;
}

}  // namespace edgeml::quantize
