#include "src/compress/quantize/refine.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "src/base/cpu_features.h"
#include "src/base/strings.h"
#include "src/compress/quantize/gram.h"
#include "src/compress/quantize/layers.h"
#include "src/ir/window_shape.h"
#include "src/kernels/convolution/convolution.h"

namespace edgeml::quantize {
namespace {

using ir::OpCode;

// Of the scale that covers all weights of an output; 0 = the one of least squared error.
constexpr float kScaleShares[] = {0, 1.0f, 0.92f, 0.84f, 0.76f, 0.68f, 0.6f, 0.52f};

size_t Index(int64_t i) { return static_cast<size_t>(i); }

// Keeps copies, as floats, of values that a run computes.
class Recorder : public runtime::TensorObserver {
 public:
  struct Record {
    Shape shape;
    std::vector<float> values;
  };
  void Want(int32_t v) { records_[v]; }
  const Record& Get(int32_t v) const { return records_.at(v); }

  Status Observe(int32_t graph, int32_t v, const TensorView& view) override {
    const auto it = records_.find(v);
    if (graph != 0 || it == records_.end()) return Status::Ok();
    it->second.shape = view.shape;
    it->second.values.resize(Index(view.num_elements()));
    std::vector<float>& out = it->second.values;
    switch (view.type) {
      case DType::kFloat32:
        std::copy_n(view.as<float>(), out.size(), out.begin());
        return Status::Ok();
      case DType::kInt8:
        return Dequantize<int8_t>(view, out);
      case DType::kInt16:
        return Dequantize<int16_t>(view, out);
      default:
        return Error(Code::kInternal, "a layer reads ", NameOf(view.type));
    }
  }

 private:
  template <typename T>
  static Status Dequantize(const TensorView& view, std::vector<float>& out) {
    const auto* const stored = view.as<T>();
    const float scale = view.scale();
    const int32_t zero = view.zero_point();
    for (size_t i = 0; i < out.size(); ++i)
      out[i] = static_cast<float>(static_cast<int32_t>(stored[i]) - zero) * scale;
    return Status::Ok();
  }
  std::map<int32_t, Record> records_;
};

// A network that is run over samples.
struct Network {
  Recorder recorder;
  std::unique_ptr<runtime::ModuleRunner> runner;

  void Open(const ir::Module& module, const runtime::Backends& backends,
            const std::shared_ptr<ThreadPool>& pool, size_t memory_cap) {
    runtime::RunnerOptions options;
    options.pool = pool;
    options.memory_cap = memory_cap;
    options.observer = &recorder;
    runner = std::make_unique<runtime::ModuleRunner>(module, backends, options);
  }
  Status Run(const std::vector<data::Array>& sample) {
    runtime::GraphExecutor& executor = runner->executor();
    EDGEML_RETURN_IF_ERROR(FeedSample(sample, executor, &recorder));
    return executor.Run();
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
    Network plain, small;
    std::vector<Layer> layers;
    std::map<int32_t, WeightFormat> formats;
    for (const LayerReport& report : reports) {
      if (std::ranges::find(nodes, report.node) == nodes.end()) continue;
      Layer layer;
      layer.node = report.node;
      layer.weights = *LayerOf(graph_, graph_.nodes[Index(report.node)]);
      layer.quantized_input = report.quantized_input;
      plain.recorder.Want(layer.weights.input);
      small.recorder.Want(layer.quantized_input);
      formats[layer.node] = report.format;
      layers.push_back(std::move(layer));
    }
    plain.Open(module_, backends_, nullptr, how_.memory_cap);
    small.Open(quantized, backends_, nullptr, how_.memory_cap);
    for (const int64_t i : chosen_) {
      Status status = RunSample(i, plain, small, layers);
      if (!status.ok()) return std::move(status).WithContext(samples_.NameOf(i));
      if (progress_ != nullptr && !progress_(++done_, total_))
        return Error(Code::kCancelled, "stopped on request");
    }
    for (Layer& layer : layers)
      if (layer.gram) EDGEML_RETURN_IF_ERROR(RefineLayer(layer, formats.at(layer.node)));
    return Status::Ok();
  }

  Status RunSample(int64_t i, Network& plain, Network& small, std::vector<Layer>& layers) {
    EDGEML_ASSIGN_OR_RETURN(const std::vector<data::Array> sample, samples_.Get(i));
    // One thread to a network, and then one to a layer: work in pieces of milliseconds.
    Status ran[2];
    pool_->ParallelFor(2, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t side = begin; side < end; ++side)
        ran[side] = (side == 0 ? plain : small).Run(sample);
    });
    for (const Status& status : ran) EDGEML_RETURN_IF_ERROR(status);
    std::vector<Status> added(layers.size());
    pool_->ParallelFor(
        static_cast<int64_t>(layers.size()), 1, [&](int64_t begin, int64_t end, int worker) {
          for (int64_t l = begin; l < end; ++l)
            added[Index(l)] = Accumulate(layers[Index(l)], plain, small, *own_[Index(worker)]);
        });
    for (const Status& status : added) EDGEML_RETURN_IF_ERROR(status);
    return Status::Ok();
  }

  Status Accumulate(Layer& layer, const Network& plain, const Network& small, ThreadPool& pool) {
    const Recorder::Record& x = plain.recorder.Get(layer.weights.input);
    const Recorder::Record& xq = small.recorder.Get(layer.quantized_input);
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
