#include "src/compress/quantize/metrics.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>

#include "src/base/cpu_features.h"
#include "src/base/strings.h"
#include "src/base/thread_pool.h"
#include "src/data/preprocess.h"

namespace edgeml::quantize {
namespace {

size_t Index(int64_t i) { return static_cast<size_t>(i); }

// The scale and zero point of each element, in order: f(index, channel).
template <typename F>
void ForChannels(const TensorView& view, F f) {
  const auto count = Index(view.num_elements());
  const Quantization& q = *view.quantization;
  if (!q.per_axis()) {
    for (size_t i = 0; i < count; ++i) f(i, size_t{0});
    return;
  }
  const auto inner = Index(view.shape.num_elements(q.axis + 1, view.rank()));
  const auto channels = q.scale.size();
  for (size_t i = 0, c = 0; i < count; c = c + 1 == channels ? 0 : c + 1)
    for (const size_t end = i + inner; i < end; ++i) f(i, c);
}

template <typename T>
void DequantizeAs(const TensorView& view, std::vector<float>& out) {
  const T* const values = view.as<T>();
  const Quantization& q = *view.quantization;
  ForChannels(view, [&](size_t i, size_t c) {
    const auto steps = static_cast<double>(values[i]) - static_cast<double>(q.zero_point_at(c));
    out[i] = static_cast<float>(steps * static_cast<double>(q.scale_at(c)));
  });
}

template <typename T>
void RequantizeAs(std::span<const float> in, const TensorView& view) {
  constexpr auto kLow = static_cast<double>(std::numeric_limits<T>::min());
  constexpr auto kHigh = static_cast<double>(std::numeric_limits<T>::max());
  T* const values = view.as_mutable<T>();
  const Quantization& q = *view.quantization;
  ForChannels(view, [&](size_t i, size_t c) {
    const double zero = q.zero_point_at(c);
    const double steps =
        std::round(static_cast<double>(in[i]) / static_cast<double>(q.scale_at(c))) + zero;
    values[i] = static_cast<T>(std::isnan(steps) ? zero : std::clamp(steps, kLow, kHigh));
  });
}

// Whether the quantization parameters fit the shape.
bool Readable(const TensorView& view) {
  if (view.data == nullptr && view.num_elements() > 0) return false;
  if (view.type == DType::kFloat32) return true;
  if (!view.quantized() || view.quantization->block_size != 0) return false;
  const Quantization& q = *view.quantization;
  if (q.per_axis() && (q.axis < 0 || q.axis >= view.rank() ||
                       q.scale.size() != Index(std::max(view.shape[q.axis], 0))))
    return false;
  return view.type == DType::kInt8 || view.type == DType::kUInt8 || view.type == DType::kInt16 ||
         view.type == DType::kInt32;
}

// The sample for a graph whose inputs may be quantized where the sample is float.
Result<std::vector<data::Array>> QuantizeSample(const ir::Graph& graph,
                                                const std::vector<data::Array>& sample) {
  std::vector<data::Array> arrays = sample;
  for (size_t i = 0; i < arrays.size() && i < graph.inputs.size(); ++i) {
    const ir::Value& input = graph.values[Index(graph.inputs[i])];
    if (input.type == DType::kFloat32 || arrays[i].type != DType::kFloat32 ||
        input.quantization.empty())
      continue;
    EDGEML_ASSIGN_OR_RETURN(
        arrays[i].bytes,
        data::StoreValues(data::ToDoubles(arrays[i]), input.type, input.quantization.scale_at(0),
                          input.quantization.zero_point_at(0)));
    arrays[i].type = input.type;
  }
  return arrays;
}

// Keeps the values of the reference that are asked for, as of the last run.
class Keeper : public runtime::TensorObserver {
 public:
  Keeper(const ir::Graph& graph, std::span<const LayerPair> pairs)
      : wanted_(graph.values.size(), false), values_(graph.values.size()) {
    for (const LayerPair& pair : pairs) wanted_[Index(pair.reference)] = true;
  }
  Status Observe(int32_t graph, int32_t value, const TensorView& view) override {
    if (graph != 0 || !wanted_[Index(value)]) return Status::Ok();
    Kept& kept = values_[Index(value)];
    kept.numbers.resize(Index(view.num_elements()));
    kept.shape = view.shape;
    kept.there = Dequantize(view, kept.numbers);
    return Status::Ok();
  }
  void Forget() {
    for (Kept& kept : values_) kept.there = false;
  }
  struct Kept {
    bool there = false;
    Shape shape;
    std::vector<float> numbers;
  };
  const Kept& kept(int32_t value) const { return values_[Index(value)]; }

 private:
  std::vector<bool> wanted_;
  std::vector<Kept> values_;
};

// Compares the values of the quantized model with those kept; when asked, puts the latter in their
// place, so that what follows starts from them.
class Comparer : public runtime::TensorObserver {
 public:
  Comparer(const ir::Graph& graph, std::span<const LayerPair> pairs, const Keeper& keeper)
      : pairs_(pairs), keeper_(keeper), of_value_(graph.values.size()) {
    for (size_t p = 0; p < pairs.size(); ++p) of_value_[Index(pairs[p].quantized)].push_back(p);
  }
  Status Observe(int32_t graph, int32_t value, const TensorView& view) override {
    if (graph != 0) return Status::Ok();
    for (const size_t p : of_value_[Index(value)]) {
      const Keeper::Kept& kept = keeper_.kept(pairs_[p].reference);
      if (!kept.there) continue;
      numbers_.resize(Index(view.num_elements()));
      if (!Dequantize(view, numbers_)) continue;
      if (numbers_.size() != kept.numbers.size())
        return Error(Code::kInvalidArgument, "tensor ", value, " has shape ", view.shape.ToString(),
                     ", its float original ", kept.shape.ToString());
      (*meters)[p].Add(kept.numbers, numbers_);
      if (replace) Requantize(kept.numbers, view);
    }
    return Status::Ok();
  }

  std::vector<NoiseMeter>* meters = nullptr;  // [pairs], what is added to
  bool replace = false;

 private:
  const std::span<const LayerPair> pairs_;
  const Keeper& keeper_;
  std::vector<std::vector<size_t>> of_value_;
  std::vector<float> numbers_;
};

struct Noise {
  std::vector<NoiseMeter> total, alone;
};

class Worker {
 public:
  Worker(const std::shared_ptr<const runtime::Program>& reference,
         const std::shared_ptr<const runtime::Program>& quantized, std::span<const LayerPair> pairs,
         const CompareOptions& options, const runtime::Backends& backends)
      : options_(options),
        num_pairs_(pairs.size()),
        keeper_(reference->module().graphs[0], pairs),
        comparer_(quantized->module().graphs[0], pairs, keeper_),
        reference_(reference, backends, OptionsOf(options, &keeper_)),
        quantized_(quantized, backends, OptionsOf(options, &comparer_)) {}

  Status Run(const std::vector<data::Array>& sample, Noise& noise) {
    keeper_.Forget();
    EDGEML_RETURN_IF_ERROR(FeedSample(sample, reference_.executor(), nullptr));
    EDGEML_RETURN_IF_ERROR(reference_.executor().Run());
    EDGEML_ASSIGN_OR_RETURN(const std::vector<data::Array> quantized,
                            QuantizeSample(quantized_.graph(), sample));
    EDGEML_RETURN_IF_ERROR(RunQuantized(quantized, false, noise.total));
    if (!options_.alone) return Status::Ok();
    return RunQuantized(quantized, true, noise.alone);
  }
  void Stop() { reference_.context().cancel = quantized_.context().cancel = true; }

 private:
  static runtime::RunnerOptions OptionsOf(const CompareOptions& options,
                                          runtime::TensorObserver* observer) {
    runtime::RunnerOptions run;
    run.memory_cap = options.memory_cap;
    run.custom_ops = options.custom_ops;
    run.observer = observer;
    return run;
  }
  Status RunQuantized(const std::vector<data::Array>& sample, bool replace,
                      std::vector<NoiseMeter>& meters) {
    meters.assign(num_pairs_, {});
    comparer_.meters = &meters;
    comparer_.replace = replace;
    EDGEML_RETURN_IF_ERROR(
        FeedSample(sample, quantized_.executor(), nullptr).WithContext("the quantized model"));
    return quantized_.executor().Run().WithContext("the quantized model");
  }

  const CompareOptions& options_;
  const size_t num_pairs_;
  Keeper keeper_;
  Comparer comparer_;
  runtime::ModuleRunner reference_, quantized_;
};

}  // namespace

void NoiseMeter::Add(std::span<const float> reference, std::span<const float> other) {
  double signal = 0, noise = 0, sum = 0, largest = 0;
  for (size_t i = 0; i < reference.size(); ++i) {
    const auto x = static_cast<double>(reference[i]);
    const double apart = static_cast<double>(other[i]) - x;
    signal += x * x;
    noise += apart * apart;
    sum += apart;
    largest = std::max(largest, std::fabs(apart));
  }
  count_ += static_cast<int64_t>(reference.size());
  signal_ += signal;
  noise_ += std::isfinite(noise) ? noise : INFINITY;
  sum_ += sum;
  largest_ = std::max(largest_, std::isfinite(noise) ? largest : INFINITY);
}

void NoiseMeter::Add(const NoiseMeter& other) {
  count_ += other.count_;
  signal_ += other.signal_;
  noise_ += other.noise_;
  sum_ += other.sum_;
  largest_ = std::max(largest_, other.largest_);
}

double NoiseMeter::sqnr_db() const {
  if (noise_ == 0) return INFINITY;
  if (signal_ == 0 || std::isinf(noise_)) return -INFINITY;
  return 10 * std::log10(signal_ / noise_);
}

double NoiseMeter::mean_squared_error() const {
  return count_ == 0 ? 0 : noise_ / static_cast<double>(count_);
}

double NoiseMeter::mean_error() const {
  return count_ == 0 ? 0 : sum_ / static_cast<double>(count_);
}

bool Dequantize(const TensorView& view, std::vector<float>& out) {
  if (!Readable(view)) return false;
  out.resize(Index(view.num_elements()));
  switch (view.type) {
    case DType::kFloat32:
      std::copy_n(view.as<float>(), out.size(), out.begin());
      return true;
    case DType::kInt8:
      DequantizeAs<int8_t>(view, out);
      return true;
    case DType::kUInt8:
      DequantizeAs<uint8_t>(view, out);
      return true;
    case DType::kInt16:
      DequantizeAs<int16_t>(view, out);
      return true;
    case DType::kInt32:
      DequantizeAs<int32_t>(view, out);
      return true;
    default:
      return false;
  }
}

void Requantize(std::span<const float> values, const TensorView& view) {
  switch (view.type) {
    case DType::kFloat32:
      std::copy(values.begin(), values.end(), view.as_mutable<float>());
      break;
    case DType::kInt8:
      RequantizeAs<int8_t>(values, view);
      break;
    case DType::kUInt8:
      RequantizeAs<uint8_t>(values, view);
      break;
    case DType::kInt16:
      RequantizeAs<int16_t>(values, view);
      break;
    case DType::kInt32:
      RequantizeAs<int32_t>(values, view);
      break;
    default:
      break;
  }
}

Result<std::vector<LayerError>> CompareLayers(
    const ir::Module& reference, const ir::Module& quantized, std::span<const LayerPair> pairs,
    const SampleSource& samples, const CompareOptions& options, const runtime::Backends& backends,
    const Progress& progress) {
  if (reference.graphs.empty() || quantized.graphs.empty())
    return Error(Code::kInvalidArgument, "a model has no graph");
  for (const LayerPair& pair : pairs) {
    if (pair.reference < 0 || Index(pair.reference) >= reference.graphs[0].values.size() ||
        pair.quantized < 0 || Index(pair.quantized) >= quantized.graphs[0].values.size())
      return Error(Code::kInvalidArgument, "the tensors ", pair.reference, " and ", pair.quantized,
                   " are not both there to be compared");
  }
  const std::vector<int64_t> chosen = SpreadSamples(samples.size(), options.limit);
  const auto total = static_cast<int64_t>(chosen.size());
  if (total == 0) return Error(Code::kInvalidArgument, "there are no samples to compare on");
  const int wanted = options.threads > 0 ? options.threads : AvailableCpus();
  const auto threads = static_cast<int>(std::min<int64_t>(wanted, total));
  const auto float_program = std::make_shared<const runtime::Program>(reference);
  const auto quantized_program = std::make_shared<const runtime::Program>(quantized);
  std::vector<std::unique_ptr<Worker>> workers;
  for (int w = 0; w < threads; ++w)
    workers.push_back(
        std::make_unique<Worker>(float_program, quantized_program, pairs, options, backends));

  std::vector<Noise> noise(chosen.size());  // added up in the samples' order, for equal sums
  std::vector<Status> errors(chosen.size());
  std::atomic<int64_t> done{0};
  std::atomic<bool> stop{false};
  const auto work = [&](int64_t begin, int64_t end, int w) {
    for (int64_t i = begin; i < end && !stop; ++i) {
      auto sample = samples.Get(chosen[Index(i)]);
      errors[Index(i)] =
          sample.ok() ? workers[Index(w)]->Run(*sample, noise[Index(i)]) : sample.status();
      if (!errors[Index(i)].ok()) return;
      const int64_t so_far = done.fetch_add(1) + 1;
      if (w == 0 && progress != nullptr && !progress(so_far, total)) {
        stop = true;
        for (const auto& worker : workers) worker->Stop();
      }
    }
  };
  ThreadPool::Create(threads)->ParallelFor(total, 1, work);
  if (stop) return Error(Code::kCancelled, "comparing was stopped on request");
  for (size_t i = 0; i < errors.size(); ++i)
    if (!errors[i].ok()) return std::move(errors[i]).WithContext(samples.NameOf(chosen[i]));

  std::vector<LayerError> layers;
  for (size_t p = 0; p < pairs.size(); ++p) {
    LayerError layer;
    layer.pair = pairs[p];
    layer.name = reference.graphs[0].values[Index(pairs[p].reference)].name;
    for (const Noise& of_sample : noise) {
      layer.total.Add(of_sample.total[p]);
      if (options.alone) layer.alone.Add(of_sample.alone[p]);
    }
    layers.push_back(std::move(layer));
  }
  std::ranges::stable_sort(layers, {}, [](const LayerError& layer) {
    return std::pair(layer.total.count() == 0, layer.total.sqnr_db());
  });
  return layers;
}

}  // namespace edgeml::quantize
