#include "src/compress/quantize/refine.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>

#include "src/base/cpu_features.h"
#include "src/base/strings.h"
#include "src/compress/quantize/gram.h"
#include "src/compress/quantize/layers.h"
#include "src/compress/quantize/metrics.h"
#include "src/ir/window_shape.h"
#include "src/kernels/convolution/convolution.h"

namespace edgeml::quantize {
namespace {

using ir::OpCode;

// Of the scale that covers all weights of an output; 0 = the one of least squared error.
constexpr float kScaleShares[] = {0, 1.0f, 0.92f, 0.84f, 0.76f, 0.68f, 0.6f, 0.52f};

size_t Index(int64_t i) { return static_cast<size_t>(i); }

// Of recorded samples, in bytes, beyond one for each thread.
constexpr size_t kMostRecorded = size_t{64} << 20;
constexpr int64_t kSamplesPerThread = 8;

// Keeps copies, as floats, of values that a run computes.
class Recorder : public runtime::TensorObserver {
 public:
  struct Record {
    Shape shape;
    std::vector<float> values;
  };
  using Records = std::map<int32_t, Record>;  // by value

  explicit Recorder(const std::vector<int32_t>& wanted) {
    for (const int32_t v : wanted) records_[v];
  }
  // What the last run left, which is gone afterwards.
  Records Take() {
    Records taken;
    for (auto& [v, record] : records_) taken[v] = std::exchange(record, {});
    return taken;
  }

  Status Observe(int32_t graph, int32_t v, const TensorView& view) override {
    const auto it = records_.find(v);
    if (graph != 0 || it == records_.end()) return Status::Ok();
    it->second.shape = view.shape;
    if (Dequantize(view, it->second.values)) return Status::Ok();
    return Error(Code::kInternal, "a layer reads ", NameOf(view.type));
  }

 private:
  Records records_;
};

// A network that is run over samples, on one thread.
class Network {
 public:
  Network(const std::shared_ptr<const runtime::Program>& program,
          const std::vector<int32_t>& wanted, const runtime::Backends& backends, size_t memory_cap)
      : recorder_(wanted) {
    runtime::RunnerOptions options;
    options.memory_cap = memory_cap;
    options.observer = &recorder_;
    runner_ = std::make_unique<runtime::ModuleRunner>(program, backends, options);
  }
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  Status Run(const std::vector<data::Array>& sample, Recorder::Records& found) {
    runtime::GraphExecutor& executor = runner_->executor();
    EDGEML_RETURN_IF_ERROR(FeedSample(sample, executor, &recorder_));
    EDGEML_RETURN_IF_ERROR(executor.Run());
    found = recorder_.Take();
    return Status::Ok();
  }

 private:
  Recorder recorder_;
  std::unique_ptr<runtime::ModuleRunner> runner_;
};

// What a sample was in the float network and in the quantized one.
struct Recorded {
  Recorder::Records plain, small;
  size_t bytes() const {
    size_t floats = 0;
    for (const Recorder::Records* records : {&plain, &small})
      for (const auto& [v, record] : *records) floats += record.values.size();
    return floats * sizeof(float);
  }
};

struct Layer {
  int32_t node = 0;
  LayerWeights weights;
  int32_t quantized_input = -1;  // in the quantized network
  std::optional<GramAccumulator> gram;
};

// Of a layer that has run.
int32_t OutputSize(const ir::Window& window, int32_t in, int32_t filter, bool vertical) {
  const auto size = ir::WindowOutput(window, in, filter, vertical);
  return size.ok() ? *size : 0;
}

// The layer as a convolution on an input of this shape.
kernels::ConvShape ShapeOf(const ir::Graph& graph, const Layer& layer, const Shape& input) {
  const ir::Node& node = graph.nodes[Index(layer.node)];
  const Shape& filter = graph.values[Index(layer.weights.weights)].shape;
  if (node.op == OpCode::kFullyConnected)
    return DenseShape(filter[1] == 0 ? 0 : input.num_elements() / filter[1], filter[1]);
  const ir::Window& window = *ir::WindowOf(node);
  const Shape output = {input[0], OutputSize(window, input[1], filter[1], true),
                        OutputSize(window, input[2], filter[2], false),
                        static_cast<int32_t>(layer.weights.out_channels)};
  auto s = ir::WindowShape<kernels::ConvShape>(window, input, filter[1], filter[2], output);
  s.groups = node.op == OpCode::kDepthwiseConv2D ? s.in_c : layer.weights.groups;
  return s;
}

// [filter_h, filter_w, out_c] to [out_c, filter_h * filter_w], or the way back.
template <typename T>
std::vector<T> Transposed(std::span<const T> values, int64_t rows, int64_t columns) {
  std::vector<T> out(values.size());
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c) out[Index(c * rows + r)] = values[Index(r * columns + c)];
  return out;
}

class Refiner {
 public:
  Refiner(const ir::Module& module, const Ranges& ranges, const SampleSource& samples,
          const RefineOptions& how, const runtime::Backends& backends, const Progress& progress,
          QuantizeOptions& options)
      : module_(module),
        graph_(module.graphs[0]),
        ranges_(ranges),
        samples_(samples),
        how_(how),
        backends_(backends),
        progress_(progress),
        options_(options),
        chosen_(SpreadSamples(samples.size(), how.limit)),
        pool_(ThreadPool::Create(how.threads > 0 ? how.threads : AvailableCpus())) {
    for (int worker = 0; worker < pool_->num_threads(); ++worker)
      own_.push_back(ThreadPool::Create(1));
  }

  Result<std::vector<RefinedLayer>> Run() {
    if (chosen_.empty()) return Error(Code::kInvalidArgument, "no samples to refine weights on");
    EDGEML_ASSIGN_OR_RETURN(const std::vector<int32_t> nodes, FindLayers());
    const auto count = static_cast<int64_t>(nodes.size());
    const int64_t stages = std::clamp<int64_t>(how_.stages > 0 ? how_.stages : kMostStages, 1,
                                               std::max<int64_t>(count, 1));
    total_ = stages * static_cast<int64_t>(chosen_.size());
    for (int64_t stage = 0; stage < stages && count > 0; ++stage) {
      const int64_t first = count * stage / stages, last = count * (stage + 1) / stages;
      EDGEML_RETURN_IF_ERROR(RefineStage({nodes.begin() + first, nodes.begin() + last}));
    }
    return std::move(layers_);
  }

 private:
  // Layers whose weights the options quantize, in order.
  Result<std::vector<int32_t>> FindLayers() {
    std::vector<LayerReport> reports;
    EDGEML_RETURN_IF_ERROR(Quantize(module_, ranges_, options_, &reports).status());
    std::vector<int32_t> nodes;
    for (const LayerReport& report : reports)
      if (report.weight_bits > 0 && LayerOf(graph_, graph_.nodes[Index(report.node)]))
        nodes.push_back(report.node);
    return nodes;
  }

  Status RefineStage(const std::vector<int32_t>& nodes) {
    // Inputs and outputs of the model stay float for the time being: both networks are fed alike.
    QuantizeOptions options = options_;
    options.input_type = options.output_type = DType::kFloat32;
    options.packed = false;
    std::vector<LayerReport> reports;
    EDGEML_ASSIGN_OR_RETURN(const ir::Module quantized,
                            Quantize(module_, ranges_, options, &reports));
    std::vector<int32_t> reads, quantized_reads;
    std::vector<Layer> layers;
    std::map<int32_t, WeightFormat> formats;
    for (const LayerReport& report : reports) {
      if (std::ranges::find(nodes, report.node) == nodes.end()) continue;
      Layer layer;
      layer.node = report.node;
      layer.weights = *LayerOf(graph_, graph_.nodes[Index(report.node)]);
      layer.quantized_input = report.quantized_input;
      reads.push_back(layer.weights.input);
      quantized_reads.push_back(layer.quantized_input);
      formats[layer.node] = report.format;
      layers.push_back(std::move(layer));
    }
    // Each thread has both networks and takes whole samples.
    const auto plain = std::make_shared<const runtime::Program>(module_);
    const auto small = std::make_shared<const runtime::Program>(quantized);
    std::deque<std::pair<Network, Network>> lanes;
    for (int worker = 0; worker < pool_->num_threads(); ++worker)
      lanes.emplace_back(std::piecewise_construct,
                         std::tuple(plain, reads, backends_, how_.memory_cap),
                         std::tuple(small, quantized_reads, backends_, how_.memory_cap));
    const auto total = static_cast<int64_t>(chosen_.size());
    int64_t count = 0;
    for (int64_t first = 0; first < total; first += count) {
      count = std::min(RoundSize(), total - first);
      std::vector<Recorded> recorded(Index(count));
      EDGEML_RETURN_IF_ERROR(RunSamples(first, lanes, recorded));
      EDGEML_RETURN_IF_ERROR(Accumulate(recorded, layers));
      done_ += count;
      if (progress_ != nullptr && !progress_(done_, total_))
        return Error(Code::kCancelled, "stopped on request");
    }
    for (Layer& layer : layers)
      if (layer.gram) EDGEML_RETURN_IF_ERROR(RefineLayer(layer, formats.at(layer.node)));
    return Status::Ok();
  }

  // Samples that are recorded before the layers look at them: a few for each thread.
  int64_t RoundSize() const {
    const auto threads = static_cast<int64_t>(pool_->num_threads());
    const size_t fitting = kMostRecorded / std::max<size_t>(largest_sample_, 1);
    return largest_sample_ == 0
               ? threads
               : std::clamp(static_cast<int64_t>(fitting), threads, kSamplesPerThread * threads);
  }

  Status RunSamples(int64_t first, std::deque<std::pair<Network, Network>>& lanes,
                    std::vector<Recorded>& recorded) {
    std::vector<Status> ran(recorded.size());
    const auto run = [&](size_t i, std::pair<Network, Network>& networks) -> Status {
      EDGEML_ASSIGN_OR_RETURN(const std::vector<data::Array> sample,
                              samples_.Get(chosen_[Index(first) + i]));
      EDGEML_RETURN_IF_ERROR(networks.first.Run(sample, recorded[i].plain));
      return networks.second.Run(sample, recorded[i].small);
    };
    pool_->ParallelFor(static_cast<int64_t>(recorded.size()), 1,
                       [&](int64_t begin, int64_t end, int worker) {
                         for (int64_t i = begin; i < end; ++i)
                           ran[Index(i)] = run(Index(i), lanes[Index(worker)]);
                       });
    for (size_t i = 0; i < ran.size(); ++i) {
      if (!ran[i].ok())
        return std::move(ran[i]).WithContext(samples_.NameOf(chosen_[Index(first) + i]));
      largest_sample_ = std::max(largest_sample_, recorded[i].bytes());
    }
    return Status::Ok();
  }

  // A thread to a layer, which takes the samples in order: so the sums are the same for any number
  // of threads.
  Status Accumulate(const std::vector<Recorded>& recorded, std::vector<Layer>& layers) {
    std::vector<Status> added(layers.size());
    pool_->ParallelFor(
        static_cast<int64_t>(layers.size()), 1, [&](int64_t begin, int64_t end, int worker) {
          for (int64_t l = begin; l < end; ++l)
            for (const Recorded& sample : recorded)
              if (added[Index(l)].ok())
                added[Index(l)] = Accumulate(layers[Index(l)], sample, *own_[Index(worker)]);
        });
    for (const Status& status : added) EDGEML_RETURN_IF_ERROR(status);
    return Status::Ok();
  }

  Status Accumulate(Layer& layer, const Recorded& sample, ThreadPool& pool) {
    const Recorder::Record& x = sample.plain.at(layer.weights.input);
    const Recorder::Record& xq = sample.small.at(layer.quantized_input);
    if (x.values.size() != xq.values.size() || x.values.empty()) return Status::Ok();
    const kernels::ConvShape shape = ShapeOf(graph_, layer, x.shape);
    if (!layer.gram) {
      GramAccumulator::Options options;
      options.centred = how_.correct_bias && layer.weights.bias != ir::kNoValue;
      auto made = GramAccumulator::Create(shape, options);
      if (made.status().code() == Code::kUnsupported) return Status::Ok();
      if (!made.ok()) return made.status();
      layer.gram.emplace(*std::move(made));
    }
    return layer.gram->Add(shape, x.values.data(), xq.values.data(), pool);
  }

  Status RefineLayer(Layer& layer, const WeightFormat& format) {
    const ir::Value& value = graph_.values[Index(layer.weights.weights)];
    std::vector<float> weights(FloatsOf(value).begin(), FloatsOf(value).end());
    EDGEML_ASSIGN_OR_RETURN(const GramMatrices gram, std::move(*layer.gram).Finish(*pool_));
    layer.gram.reset();
    // A single bit has nothing between -1 and 1 to round to.
    const bool fixed = !how_.round || format.bits == 1;
    EDGEML_ASSIGN_OR_RETURN(QuantizedWeights quantized,
                            QuantizeWeights(weights, value.shape, format));
    const bool depthwise = layer.weights.depthwise;
    const int64_t outputs = layer.weights.out_channels;
    const int64_t depth = static_cast<int64_t>(weights.size()) / outputs;
    if (depthwise) weights = Transposed<float>(weights, depth, outputs);
    // One scale per row, or per block of a row.
    std::vector<float> scales = quantized.scale;
    if (scales.size() == 1) scales.assign(Index(outputs), quantized.scale[0]);
    AdaRoundProblem problem;
    problem.outputs = outputs;
    problem.weights = weights;
    problem.scales = scales;
    problem.block = format.block_size;
    problem.qmax = LargestOf(format.bits);
    problem.qmin = -problem.qmax;
    std::vector<int8_t> start =
        depthwise ? Transposed<int8_t>(quantized.values, depth, outputs) : quantized.values;
    problem.start = start;
    if (!fixed && format.bits < 8 && quantized.scale.size() == Index(outputs)) {
      EDGEML_RETURN_IF_ERROR(ChooseScales(problem, gram, scales, start));
      quantized.scale = scales;
    }
    AdaRoundOptions rounding = how_.rounding;
    if (fixed) {
      rounding.iterations = 0;
      rounding.polish = false;
    }
    EDGEML_ASSIGN_OR_RETURN(RoundedWeights rounded, AdaRound(problem, gram, rounding, *pool_));
    Report(layer, rounded, problem);
    if (!fixed) {
      quantized.values = depthwise ? Transposed<int8_t>(rounded.values, outputs, depth)
                                   : std::move(rounded.values);
      quantized.format.packed = options_.packed;
      options_.rounded[layer.node] = std::move(quantized);
    }
    if (how_.correct_bias && layer.weights.bias != ir::kNoValue && format.bits > 1)
      options_.bias_shift[layer.node] = std::move(rounded.bias_shift);
    return Status::Ok();
  }

  // With few bits the scale of each output counts, and how much of it rounding can make good: takes
  // those with the least error after single weights were flipped. `scales` and `start` are those of
  // the problem.
  Status ChooseScales(AdaRoundProblem problem, const GramMatrices& gram, std::vector<float>& scales,
                      std::vector<int8_t>& start) {
    AdaRoundOptions flips = how_.rounding;
    flips.iterations = 0;
    flips.polish = true;
    const int64_t depth = static_cast<int64_t>(problem.weights.size()) / problem.outputs;
    const std::vector<float> given = scales;
    std::vector<double> least(scales.size(), std::numeric_limits<double>::infinity());
    for (const float share : kScaleShares) {
      std::vector<float> tried(given.size());
      for (size_t o = 0; o < tried.size(); ++o) {
        float most = 0;
        for (const float w : problem.weights.subspan(o * Index(depth), Index(depth)))
          most = std::max(most, std::abs(w));
        tried[o] = most > 0 ? most * share / static_cast<float>(problem.qmax) : given[o];
        if (share == 0) tried[o] = given[o];
      }
      problem.scales = tried;
      if (share != 0) problem.start = {};
      EDGEML_ASSIGN_OR_RETURN(const RoundedWeights found, AdaRound(problem, gram, flips, *pool_));
      for (size_t o = 0; o < tried.size(); ++o) {
        if (!(found.error[o] < least[o])) continue;
        least[o] = found.error[o];
        scales[o] = tried[o];
        std::copy_n(found.values.begin() + static_cast<ptrdiff_t>(o) * depth, depth,
                    start.begin() + static_cast<ptrdiff_t>(o) * depth);
      }
    }
    return Status::Ok();
  }

  void Report(const Layer& layer, const RoundedWeights& rounded, const AdaRoundProblem& problem) {
    RefinedLayer report;
    report.node = layer.node;
    const ir::Node& node = graph_.nodes[Index(layer.node)];
    report.op = node.name();
    report.name = graph_.values[Index(node.outputs[0])].name;
    report.weights = static_cast<int64_t>(problem.weights.size());
    std::vector<int8_t> nearest(problem.weights.size());
    RoundToNearest(problem, report.weights / problem.outputs, nearest.data());
    for (size_t i = 0; i < nearest.size(); ++i) report.changed += nearest[i] != rounded.values[i];
    for (const double error : rounded.nearest_error) report.nearest_error += error;
    for (const double error : rounded.error) report.error += error;
    layers_.push_back(std::move(report));
  }

  const ir::Module& module_;
  const ir::Graph& graph_;
  const Ranges& ranges_;
  const SampleSource& samples_;
  const RefineOptions& how_;
  const runtime::Backends& backends_;
  const Progress& progress_;
  QuantizeOptions& options_;
  const std::vector<int64_t> chosen_;
  const std::shared_ptr<ThreadPool> pool_;
  std::vector<std::shared_ptr<ThreadPool>> own_;  // of one thread, for each worker
  int64_t done_ = 0, total_ = 0;
  size_t largest_sample_ = 0;  // bytes recorded
  std::vector<RefinedLayer> layers_;
};

}  // namespace

Result<std::vector<RefinedLayer>> Refine(const ir::Module& module, const Ranges& ranges,
                                         const SampleSource& samples, const RefineOptions& how,
                                         const runtime::Backends& backends,
                                         const Progress& progress, QuantizeOptions& options) {
  return Refiner(module, ranges, samples, how, backends, progress, options).Run();
}

}  // namespace edgeml::quantize
