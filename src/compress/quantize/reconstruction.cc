#include "src/compress/quantize/reconstruction.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <random>
#include <tuple>
#include <utility>

#include "src/base/cpu_features.h"
#include "src/base/strings.h"
#include "src/compress/quantize/rounding_descent.h"
#include "src/runtime/graph_executor.h"
#include "src/train/gradient.h"
#include "src/train/optimizer.h"

namespace edgeml::quantize {
namespace {

size_t Size(int64_t n) { return static_cast<size_t>(n); }

// How far the variables of weights that have integers to begin with go towards those: not so far
// that the sigmoid is flat.
constexpr float kTowardsStart = 0.9f;
// Weights that are flipped together at first.
constexpr size_t kFirstFlips = 32;
// Random signs from which second derivatives are estimated.
constexpr int kSignDraws = 16;

// A weight whose flip the gradient promises to lower the error by so much.
struct Flip {
  double gain = 0;
  size_t weights = 0, at = 0;  // which LearnedWeights, where in its rows
};

// One of the constants, its weights in rows of an output each.
class LearnedWeights {
 public:
  static Result<LearnedWeights> Create(const ir::Graph& graph, const BlockWeights& spec);

  int32_t value() const { return spec_.value; }
  size_t size() const { return weights_.size(); }
  const Shape& shape() const { return shape_; }

  // Weights in the constant's own layout: as far as they are learned; or rounded.
  void Soft(std::span<float> to) const {
    ForAll([&](size_t row_at, size_t at, float) { to[at] = weights_[row_at] + delta_[row_at]; });
  }
  void Hard(std::span<const uint8_t> up, std::span<float> to) const {
    ForAll([&](size_t row_at, size_t at, float scale) {
      to[at] = scale * (choices_.floor[row_at] + static_cast<float>(up[row_at]));
    });
  }
  std::vector<int8_t> Integers(std::span<const uint8_t> up) const {
    std::vector<int8_t> out(size());
    ForAll([&](size_t row_at, size_t at, float) {
      out[at] = static_cast<int8_t>(static_cast<int>(choices_.floor[row_at]) + up[row_at]);
    });
    return out;
  }

  const std::vector<uint8_t>& nearest_up() const { return choices_.nearest_up; }
  // Integers that are neither of a weight's two count as the nearer of them.
  std::vector<uint8_t> start_up() const {
    if (spec_.start.empty()) return nearest_up();
    std::vector<uint8_t> up(size());
    ForAll([&](size_t row_at, size_t at, float) {
      up[row_at] = choices_.free[row_at] != 0 &&
                   static_cast<float>(spec_.start[at]) > choices_.floor[row_at];
    });
    return up;
  }
  std::vector<uint8_t> learned_up() const {
    std::vector<uint8_t> up(size());
    for (size_t i = 0; i < up.size(); ++i)
      up[i] = choices_.free[i] != 0 && kernels::RectifiedSigmoid(v_[i]) >= 0.5f;
    return up;
  }
  bool settled() const { return AreSettled(v_); }

  // Adds the flips that lower the error to second order, interplay aside. `gradient` and
  // `curvature` of the error by each weight, in the constant's layout.
  void AddFlips(std::span<const uint8_t> up, std::span<const float> gradient,
                std::span<const float> curvature, size_t index, std::vector<Flip>* flips) const {
    ForAll([&](size_t row_at, size_t at, float scale) {
      const double step = up[row_at] != 0 ? -scale : scale;
      const double change = step * (gradient[at] + 0.5 * step * curvature[at]);
      if (choices_.free[row_at] != 0 && change < 0) flips->push_back({-change, index, row_at});
    });
  }

  // `gradient`: of the loss, in the constant's layout.
  void Step(kernels::RoundingStep step, float gain, std::span<const float> gradient) {
    ForAll([&](size_t row_at, size_t at, float) { gradient_[row_at] = gradient[at]; });
    const kernels::RoundingKernels& kernels = kernels::RoundingFor(BestSimdLevel());
    step.error_gain = gain;
    const ScaledRows view = rows();
    for (int64_t r = 0; r < view.rows; ++r) {
      for (int64_t i = 0; i < view.k; i += view.block) {
        const int64_t at = r * view.k + i;
        step.scale = view.scale(r, i);
        kernels.step(
            step,
            {gradient_.data() + at, nullptr, choices_.floor.data() + at, weights_.data() + at,
             v_.data() + at, momentum_.data() + at, square_.data() + at, delta_.data() + at},
            view.block);
      }
    }
  }

 private:
  ScaledRows rows() const {
    return {weights_.data(), spec_.scales.data(), outputs_, k_, block_, spec_.qmin, spec_.qmax};
  }
  // f(index in rows, index in the constant, scale).
  template <typename F>
  void ForAll(F f) const {
    const ScaledRows view = rows();
    for (int64_t r = 0; r < outputs_; ++r)
      for (int64_t i = 0; i < k_; ++i)
        f(Size(r * k_ + i), Size(spec_.axis == 0 ? r * k_ + i : i * outputs_ + r),
          view.scale(r, i));
  }

  BlockWeights spec_;
  Shape shape_;
  int64_t outputs_ = 0, k_ = 0, block_ = 0;
  std::vector<float> weights_;  // [outputs, k], as all below
  RoundingChoices choices_;
  std::vector<float> v_, momentum_, square_, delta_, gradient_;
};

Result<std::span<const float>> FloatConstant(const ir::Graph& graph, int32_t v) {
  if (v < 0 || Size(v) >= graph.values.size())
    return Error(Code::kInvalidArgument, "the block has no value ", v);
  const ir::Value& value = graph.values[Size(v)];
  const auto bytes = CheckedByteSize(value.shape, DType::kFloat32);
  if (!value.is_constant() || value.type != DType::kFloat32 || value.sparsity != nullptr ||
      !bytes || value.data.bytes.size() < *bytes)
    return Error(Code::kInvalidArgument, "value ", v, " \"", value.name,
                 "\" is no float32 constant");
  return std::span(reinterpret_cast<const float*>(value.data.bytes.data()), *bytes / sizeof(float));
}

Result<LearnedWeights> LearnedWeights::Create(const ir::Graph& graph, const BlockWeights& spec) {
  EDGEML_ASSIGN_OR_RETURN(const std::span<const float> stored, FloatConstant(graph, spec.value));
  const ir::Value& value = graph.values[Size(spec.value)];
  LearnedWeights w;
  w.spec_ = spec;
  w.shape_ = value.shape;
  if (value.shape.rank() < 1 || (spec.axis != 0 && spec.axis != value.shape.rank() - 1) ||
      stored.empty())
    return Error(Code::kInvalidArgument, "\"", value.name, "\" of shape ", value.shape.ToString(),
                 " has no outputs along dimension ", spec.axis);
  w.outputs_ = value.shape[spec.axis];
  w.k_ = static_cast<int64_t>(stored.size()) / w.outputs_;
  w.block_ = spec.block == 0 ? w.k_ : spec.block;
  if (w.block_ < 1 || w.k_ % w.block_ != 0 ||
      spec.scales.size() != Size(w.outputs_ * (w.k_ / w.block_)) || spec.qmin < -128 ||
      spec.qmax > 127 || spec.qmin >= spec.qmax ||
      (!spec.start.empty() && spec.start.size() != stored.size()))
    return Error(Code::kInvalidArgument, "the scales, integers or range for \"", value.name,
                 "\" do not fit its ", w.outputs_, " outputs of ", w.k_, " weights");
  for (const float scale : spec.scales)
    if (!(scale >= 0) || !std::isfinite(scale))
      return Error(Code::kInvalidArgument, "a scale of ", scale, " for \"", value.name, "\"");
  w.weights_.resize(stored.size());
  w.ForAll([&](size_t row_at, size_t at, float) { w.weights_[row_at] = stored[at]; });
  for (const float x : w.weights_)
    if (!std::isfinite(x))
      return Error(Code::kInvalidArgument, "a weight of ", x, " in \"", value.name, "\"");
  w.choices_ = ChoicesOf(w.rows());
  w.v_ = InitialVariables(w.rows(), w.choices_);
  if (!spec.start.empty()) {
    const std::vector<uint8_t> up = w.start_up();
    for (size_t i = 0; i < up.size(); ++i) {
      if (w.choices_.free[i] == 0) continue;
      const float h = kernels::RectifiedSigmoid(w.v_[i]);
      w.v_[i] =
          kernels::InverseRectifiedSigmoid(h + kTowardsStart * (static_cast<float>(up[i]) - h));
    }
  }
  w.momentum_.resize(w.v_.size());
  w.square_.resize(w.v_.size());
  w.gradient_.resize(w.v_.size());
  w.delta_.resize(w.v_.size());
  w.ForAll([&](size_t row_at, size_t, float scale) {
    w.delta_[row_at] =
        scale * (w.choices_.floor[row_at] + kernels::RectifiedSigmoid(w.v_[row_at])) -
        w.weights_[row_at];
  });
  return w;
}

class Reconstructor {
 public:
  Reconstructor(const BlockSamples& samples, const ReconstructionOptions& options,
                std::shared_ptr<ThreadPool> pool)
      : samples_(samples), options_(options), pool_(std::move(pool)) {}

  Status Prepare(const ir::Graph& block, std::span<const BlockWeights> weights,
                 const runtime::Backends& backends);
  Result<ReconstructedBlock> Run();

 private:
  struct Trained {
    std::vector<float> values;
    train::Adam adam;
  };

  Status SetShapes(int64_t batch);
  size_t InputSize(size_t i) const { return samples_.inputs[i].size() / Size(samples_.count); }
  size_t TargetSize(size_t i) const { return samples_.targets[i].size() / Size(samples_.count); }
  std::span<float> Weights(size_t i) {
    return executor_->input(static_cast<int>(samples_.inputs.size() + i)).mutable_elements<float>();
  }
  std::span<float> TrainedInput(size_t i) { return Weights(weights_.size() + i); }

  // Computes the outputs for these samples, one for each of the batch.
  Status Forward(std::span<const int64_t> chosen);
  // Sum of squares of the errors of the first `count` of the batch; their derivative by the outputs
  // goes to cotangents_, divided by the number of elements.
  double Loss(std::span<const int64_t> chosen, size_t count);
  // Of the samples that are learned from, or those that results are judged by. With `gradients`,
  // also how it changes with each weight; [weights_, elements].
  Result<double> MeanError(const std::vector<std::vector<uint8_t>>& up, bool judging,
                           std::vector<std::vector<float>>* gradients = nullptr);
  int64_t learned_from() const { return samples_.count - samples_.held_out; }
  Status Tick();  // one of the steps that `progress` counts
  // How the slope of the error changes with each weight, other weights left alone, as Gauss and
  // Newton have it: 2 * the mean of the squared derivatives of the outputs. By the method of
  // Hutchinson (1989): derivatives of sums of the outputs with random signs, squared.
  Result<std::vector<std::vector<float>>> Curvature(const std::vector<std::vector<uint8_t>>& up);
  // Flips weights while the error falls; at most options_.flip_trials trials.
  Status FlipWeights(std::vector<std::vector<uint8_t>>* up, double* error);
  Status Descend(double nearest_error);
  Status Step(RoundingClock& clock, std::mt19937& random, float gain);

  const BlockSamples& samples_;
  const ReconstructionOptions& options_;
  std::shared_ptr<ThreadPool> pool_;
  runtime::ExecutionContext context_;
  std::unique_ptr<runtime::GraphExecutor> executor_;
  std::unique_ptr<train::GraphGradient> gradient_;
  std::vector<LearnedWeights> weights_;
  std::vector<Trained> trained_;
  std::vector<std::vector<float>> cotangents_;
  size_t batch_ = 0;
  int done_ = 0;
};

Status Reconstructor::SetShapes(int64_t batch) {
  const ir::Graph& graph = executor_->graph();
  for (size_t i = 0; i < samples_.inputs.size(); ++i) {
    Shape shape = executor_->input_shape(static_cast<int>(i));
    if (shape.rank() < 1)
      return Error(Code::kInvalidArgument, "input ", i, " of the block has no batch");
    shape[0] = static_cast<int32_t>(batch);
    for (int d = 1; d < shape.rank(); ++d)
      if (shape[d] < 0)
        return Error(Code::kInvalidArgument, "input ", i, " of the block has an open size");
    EDGEML_RETURN_IF_ERROR(executor_->SetInputShape(static_cast<int>(i), shape));
  }
  EDGEML_RETURN_IF_ERROR(executor_->Prepare());
  const auto fits = [&](const TensorView& view, std::span<const float> given) {
    return view.type == DType::kFloat32 && view.rank() >= 1 && view.dim(0) == batch &&
           given.size() / Size(samples_.count) * Size(batch) == Size(view.num_elements()) &&
           given.size() % Size(samples_.count) == 0;
  };
  for (size_t i = 0; i < samples_.inputs.size(); ++i)
    if (!fits(executor_->input(static_cast<int>(i)), samples_.inputs[i]))
      return Error(Code::kInvalidArgument, "the samples of input ", i, " do not have its size");
  for (size_t i = 0; i < graph.outputs.size(); ++i)
    if (!executor_->shape_known(graph.outputs[i]) ||
        !fits(executor_->output(static_cast<int>(i)), samples_.targets[i]))
      return Error(Code::kInvalidArgument, "the samples of output ", i, " do not have its size");
  return Status::Ok();
}

Status Reconstructor::Prepare(const ir::Graph& block, std::span<const BlockWeights> weights,
                              const runtime::Backends& backends) {
  if (samples_.held_out < 0 || learned_from() < 1 ||
      samples_.inputs.size() != block.inputs.size() ||
      samples_.targets.size() != block.outputs.size() || options_.batch < 1)
    return Error(Code::kInvalidArgument, "samples of ", samples_.inputs.size(), " inputs and ",
                 samples_.targets.size(), " outputs for a block of ", block.inputs.size(), " and ",
                 block.outputs.size());
  // What is learned becomes an input of the graph.
  ir::Module module;
  ir::Graph& graph = module.graphs.emplace_back(block);
  std::vector<int32_t> learned;
  const auto make_input = [&](int32_t v) {
    ir::Value& value = graph.values[Size(v)];
    value.data = {};
    graph.inputs.push_back(v);
    learned.push_back(v);
  };
  for (const BlockWeights& spec : weights) {
    EDGEML_ASSIGN_OR_RETURN(LearnedWeights made, LearnedWeights::Create(graph, spec));
    weights_.push_back(std::move(made));
    make_input(spec.value);
  }
  for (const int32_t v : options_.trained) {
    EDGEML_ASSIGN_OR_RETURN(const std::span<const float> stored, FloatConstant(graph, v));
    trained_.push_back({{stored.begin(), stored.end()}, train::Adam(stored.size())});
    make_input(v);
  }
  EDGEML_RETURN_IF_ERROR(ir::Verify(module));
  context_.program = std::make_shared<const runtime::Program>(std::move(module));
  context_.backends = backends.run;
  context_.folding = backends.folding;
  context_.pool = pool_;
  context_.memory_cap = options_.memory_cap;
  context_.resources = std::make_shared<runtime::Resources>(options_.memory_cap);
  context_.preserve_all_tensors = true;
  executor_ = std::make_unique<runtime::GraphExecutor>(context_, 0, /*is_main=*/true);
  EDGEML_ASSIGN_OR_RETURN(
      train::GraphGradient gradient,
      train::GraphGradient::Create(executor_->graph(), executor_->graph().outputs, learned));
  gradient_ = std::make_unique<train::GraphGradient>(std::move(gradient));
  batch_ = Size(std::min<int64_t>(options_.batch, learned_from()));
  EDGEML_RETURN_IF_ERROR(SetShapes(static_cast<int64_t>(batch_)));
  for (size_t i = 0; i < samples_.targets.size(); ++i)
    cotangents_.emplace_back(batch_ * TargetSize(i));
  return Status::Ok();
}

Status Reconstructor::Forward(std::span<const int64_t> chosen) {
  for (size_t i = 0; i < samples_.inputs.size(); ++i) {
    const auto to = executor_->input(static_cast<int>(i)).mutable_elements<float>();
    for (size_t b = 0; b < batch_; ++b) {
      const auto from = samples_.inputs[i].subspan(Size(chosen[b]) * InputSize(i), InputSize(i));
      std::copy(from.begin(), from.end(), to.begin() + static_cast<ptrdiff_t>(b * InputSize(i)));
    }
  }
  return executor_->Run();
}

double Reconstructor::Loss(std::span<const int64_t> chosen, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < cotangents_.size(); ++i) {
    const auto found = executor_->output(static_cast<int>(i)).elements<float>();
    const size_t size = TargetSize(i);
    const float gain = 2.0f / static_cast<float>(found.size());
    for (size_t b = 0; b < count; ++b) {
      const float* const target = samples_.targets[i].data() + Size(chosen[b]) * size;
      for (size_t j = b * size; j < (b + 1) * size; ++j) {
        const float difference = found[j] - target[j - b * size];
        cotangents_[i][j] = gain * difference;
        sum += double{difference} * difference;
      }
    }
    std::fill(cotangents_[i].begin() + static_cast<ptrdiff_t>(count * size), cotangents_[i].end(),
              0.0f);
  }
  return sum;
}

// Mean squared error when the weights are rounded so.
Result<double> Reconstructor::MeanError(const std::vector<std::vector<uint8_t>>& up, bool judging,
                                        std::vector<std::vector<float>>* gradients) {
  const bool held_out = judging && samples_.held_out > 0;
  const int64_t begin = held_out ? learned_from() : 0;
  const int64_t end = judging ? samples_.count : learned_from();
  if (gradients != nullptr) {
    gradients->clear();
    for (const LearnedWeights& w : weights_) gradients->emplace_back(w.size());
  }
  for (size_t i = 0; i < weights_.size(); ++i) weights_[i].Hard(up[i], Weights(i));
  double sum = 0, elements = 0;
  std::vector<int64_t> chosen(batch_);
  for (int64_t first = begin; first < end; first += static_cast<int64_t>(batch_)) {
    if (options_.cancel != nullptr && options_.cancel->load(std::memory_order_relaxed))
      return Error(Code::kCancelled, "stopped on request");
    // The last batch is filled up with samples that do not count.
    for (size_t b = 0; b < batch_; ++b)
      chosen[b] = std::min(first + static_cast<int64_t>(b), end - 1);
    EDGEML_RETURN_IF_ERROR(Forward(chosen));
    sum += Loss(chosen, std::min(batch_, Size(end - first)));
    if (gradients == nullptr) continue;
    const std::vector<std::span<const float>> given(cotangents_.begin(), cotangents_.end());
    EDGEML_RETURN_IF_ERROR(gradient_->Run(*executor_, given, *pool_));
    for (size_t i = 0; i < weights_.size(); ++i) {
      const std::span<const float> part = gradient_->gradient(i);
      for (size_t j = 0; j < part.size(); ++j) (*gradients)[i][j] += part[j];
    }
  }
  for (size_t i = 0; i < samples_.targets.size(); ++i)
    elements += static_cast<double>(TargetSize(i)) * static_cast<double>(end - begin);
  if (gradients != nullptr) {
    const float share = static_cast<float>(batch_) / static_cast<float>(end - begin);
    for (std::vector<float>& sums : *gradients)
      for (float& g : sums) g *= share;
  }
  return sum / std::max(elements, 1.0);
}

Status Reconstructor::Step(RoundingClock& clock, std::mt19937& random, float gain) {
  std::vector<int64_t> chosen(batch_);
  // The library's distributions are not the same everywhere; this is even enough.
  for (int64_t& sample : chosen) sample = static_cast<int64_t>(random() % Size(learned_from()));
  for (size_t i = 0; i < weights_.size(); ++i) weights_[i].Soft(Weights(i));
  EDGEML_RETURN_IF_ERROR(Forward(chosen));
  Loss(chosen, batch_);
  const std::vector<std::span<const float>> given(cotangents_.begin(), cotangents_.end());
  EDGEML_RETURN_IF_ERROR(gradient_->Run(*executor_, given, *pool_));
  const kernels::RoundingStep step = clock.Next();
  for (size_t i = 0; i < weights_.size(); ++i) weights_[i].Step(step, gain, gradient_->gradient(i));
  for (size_t i = 0; i < trained_.size(); ++i) {
    trained_[i].adam.Step(options_.trained_learning_rate, gradient_->gradient(weights_.size() + i),
                          trained_[i].values);
    std::copy(trained_[i].values.begin(), trained_[i].values.end(), TrainedInput(i).begin());
  }
  return Status::Ok();
}

Result<std::vector<std::vector<float>>> Reconstructor::Curvature(
    const std::vector<std::vector<uint8_t>>& up) {
  std::vector<std::vector<float>> sums;
  double outputs = 0;
  for (size_t i = 0; i < weights_.size(); ++i) {
    weights_[i].Hard(up[i], Weights(i));
    sums.emplace_back(weights_[i].size());
  }
  for (const auto& cotangent : cotangents_) outputs += static_cast<double>(cotangent.size());
  std::mt19937 random(options_.seed);
  std::vector<int64_t> chosen(batch_);
  for (int draw = 0; draw < kSignDraws; ++draw) {
    for (size_t b = 0; b < batch_; ++b)
      chosen[b] = static_cast<int64_t>((Size(draw) * batch_ + b) % Size(learned_from()));
    EDGEML_RETURN_IF_ERROR(Forward(chosen));
    for (std::vector<float>& cotangent : cotangents_)
      for (float& c : cotangent) c = random() % 2 == 0 ? 1.0f : -1.0f;
    const std::vector<std::span<const float>> given(cotangents_.begin(), cotangents_.end());
    EDGEML_RETURN_IF_ERROR(gradient_->Run(*executor_, given, *pool_));
    for (size_t i = 0; i < weights_.size(); ++i) {
      const std::span<const float> part = gradient_->gradient(i);
      for (size_t j = 0; j < part.size(); ++j) sums[i][j] += part[j] * part[j];
    }
  }
  const auto share = static_cast<float>(2 / (outputs * kSignDraws));
  for (std::vector<float>& sum : sums)
    for (float& c : sum) c *= share;
  return sums;
}

Status Reconstructor::FlipWeights(std::vector<std::vector<uint8_t>>* up, double* error) {
  std::vector<std::vector<float>> gradients;
  std::vector<std::vector<uint8_t>> barred;  // alone they have made it worse
  for (const LearnedWeights& w : weights_) barred.emplace_back(w.size());
  std::vector<Flip> flips;
  size_t together = kFirstFlips;
  if (options_.flip_trials < 1) return Status::Ok();
  EDGEML_ASSIGN_OR_RETURN(const std::vector<std::vector<float>> curvature, Curvature(*up));
  for (int trial = 0; trial < options_.flip_trials; ++trial) {
    EDGEML_RETURN_IF_ERROR(Tick());
    if (gradients.empty()) {
      EDGEML_ASSIGN_OR_RETURN(const double same, MeanError(*up, false, &gradients));
      *error = std::min(*error, same);
      flips.clear();
      for (size_t i = 0; i < weights_.size(); ++i)
        weights_[i].AddFlips((*up)[i], gradients[i], curvature[i], i, &flips);
      std::sort(flips.begin(), flips.end(), [](const Flip& a, const Flip& b) {
        return std::tuple(-a.gain, a.weights, a.at) < std::tuple(-b.gain, b.weights, b.at);
      });
    }
    std::erase_if(flips, [&](const Flip& f) { return barred[f.weights][f.at] != 0; });
    if (flips.empty()) break;
    together = std::min(together, flips.size());
    const auto flip = [&] {
      for (size_t i = 0; i < together; ++i) (*up)[flips[i].weights][flips[i].at] ^= 1;
    };
    flip();
    EDGEML_ASSIGN_OR_RETURN(const double found, MeanError(*up, false));
    if (found < *error) {
      *error = found;
      gradients.clear();
      together += (together + 1) / 2;
      continue;
    }
    flip();
    if (together == 1) barred[flips[0].weights][flips[0].at] = 1;
    together = std::max<size_t>(1, together / 3);
  }
  return Status::Ok();
}

Status Reconstructor::Tick() {
  const int all = options_.iterations + (trained_.empty() ? 2 : 1) * options_.flip_trials;
  if (options_.progress) options_.progress(++done_, all);
  if (options_.cancel != nullptr && options_.cancel->load(std::memory_order_relaxed))
    return Error(Code::kCancelled, "stopped on request");
  return Status::Ok();
}

Status Reconstructor::Descend(double nearest_error) {
  RoundingClock clock({options_.iterations, options_.learning_rate, options_.regularization,
                       options_.beta_start, options_.beta_end, options_.warm_start});
  std::mt19937 random(options_.seed);
  size_t count = 0;
  for (const LearnedWeights& w : weights_) count += w.size();
  const double gain = nearest_error > 0 ? static_cast<double>(count) / nearest_error : 0.0;
  for (int t = 0; t < options_.iterations; ++t) {
    EDGEML_RETURN_IF_ERROR(Tick());
    EDGEML_RETURN_IF_ERROR(Step(clock, random, static_cast<float>(gain)));
    if (clock.regularized() && trained_.empty() &&
        std::all_of(weights_.begin(), weights_.end(),
                    [](const LearnedWeights& w) { return w.settled(); }))
      break;
  }
  return Status::Ok();
}

Result<ReconstructedBlock> Reconstructor::Run() {
  std::vector<std::vector<uint8_t>> nearest, start, learned;
  for (const LearnedWeights& w : weights_) {
    nearest.push_back(w.nearest_up());
    start.push_back(w.start_up());
  }
  ReconstructedBlock result;
  for (const Trained& trained : trained_) result.trained.push_back(trained.values);
  for (size_t i = 0; i < trained_.size(); ++i)
    std::copy(trained_[i].values.begin(), trained_[i].values.end(), TrainedInput(i).begin());
  EDGEML_ASSIGN_OR_RETURN(const double nearest_error, MeanError(nearest, false));
  EDGEML_ASSIGN_OR_RETURN(double start_error, MeanError(start, false));
  if (!std::isfinite(nearest_error))
    return Error(Code::kInvalidArgument, "the block's samples or outputs are not finite");
  EDGEML_ASSIGN_OR_RETURN(result.nearest_error, MeanError(nearest, true));
  EDGEML_ASSIGN_OR_RETURN(result.start_error, MeanError(start, true));
  // What was there before is only given up for something better.
  std::vector<std::vector<uint8_t>> best = start;
  result.error = result.start_error;
  const auto judge = [&](const std::vector<std::vector<uint8_t>>& up, bool with_trained) -> Status {
    EDGEML_ASSIGN_OR_RETURN(const double error, MeanError(up, true));
    if (!(error < result.error)) return Status::Ok();
    result.error = error;
    best = up;
    if (with_trained)
      for (size_t i = 0; i < trained_.size(); ++i) result.trained[i] = trained_[i].values;
    return Status::Ok();
  };
  EDGEML_RETURN_IF_ERROR(judge(nearest, false));
  // From the start too, as long as nothing else is learned that fits other weights.
  if (trained_.empty()) {
    std::vector<std::vector<uint8_t>> flipped = start;
    EDGEML_RETURN_IF_ERROR(FlipWeights(&flipped, &start_error));
    EDGEML_RETURN_IF_ERROR(judge(flipped, false));
  }
  EDGEML_RETURN_IF_ERROR(Descend(nearest_error));
  for (const LearnedWeights& w : weights_) learned.push_back(w.learned_up());
  EDGEML_ASSIGN_OR_RETURN(double error, MeanError(learned, false));
  EDGEML_RETURN_IF_ERROR(FlipWeights(&learned, &error));
  EDGEML_RETURN_IF_ERROR(judge(learned, true));
  for (size_t i = 0; i < weights_.size(); ++i)
    result.weights.push_back(weights_[i].Integers(best[i]));
  return result;
}

}  // namespace

Result<ReconstructedBlock> ReconstructBlock(const ir::Graph& block, const BlockSamples& samples,
                                            std::span<const BlockWeights> weights,
                                            const runtime::Backends& backends,
                                            const ReconstructionOptions& options,
                                            const std::shared_ptr<ThreadPool>& pool) {
  Reconstructor reconstructor(samples, options, pool);
  EDGEML_RETURN_IF_ERROR(reconstructor.Prepare(block, weights, backends));
  return reconstructor.Run();
}

}  // namespace edgeml::quantize
