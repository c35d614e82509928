#include "src/compress/quantize/refine_blocks.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "src/base/cpu_features.h"
#include "src/base/strings.h"
#include "src/compress/quantize/blocks.h"
#include "src/compress/quantize/layers.h"
#include "src/compress/quantize/metrics.h"
#include "src/ir/rewriter.h"

namespace edgeml::quantize {
namespace {

// Of the progress: the layers one by one, and all.
constexpr int64_t kLayersShare = 300, kWhole = 1000;
// One in so many samples is held out, where there are several times as many.
constexpr int64_t kHeldOut = 5;

size_t Index(int64_t i) { return static_cast<size_t>(i); }

using Arrays = std::vector<data::Array>;  // one for each value

// A value of all samples: [samples, …].
struct Stacked {
  Shape shape;  // of a sample
  std::vector<float> values;
};

class BlockRefiner {
 public:
  BlockRefiner(const ir::Module& module, const Ranges& ranges, const SampleSource& samples,
               const BlockRefineOptions& how, const runtime::Backends& backends,
               const Progress& progress, QuantizeOptions& options)
      : module_(module),
        graph_(module.graphs[0]),
        ranges_(ranges),
        samples_(samples),
        how_(how),
        backends_(backends),
        progress_(progress),
        options_(options),
        pool_(ThreadPool::Create(how.refine.threads > 0 ? how.refine.threads : AvailableCpus())) {}

  Result<std::vector<RefinedLayer>> Run() {
    EDGEML_ASSIGN_OR_RETURN(layers_, RefineLayers());
    for (size_t n = 0; n < graph_.nodes.size(); ++n)
      if (ir::HasEffects(graph_, graph_.nodes[n]))
        return Left(Concat("rounded by itself: ", graph_.nodes[n].name(), " has effects"));
    std::vector<int32_t> nodes;
    for (const auto& [node, weights] : options_.rounded) nodes.push_back(node);
    blocks_ = CutBlocks(graph_, nodes, how_.most_layers);
    if (blocks_.empty()) return std::move(layers_);
    EDGEML_RETURN_IF_ERROR(ChooseSamples());
    const auto learned =
        std::ranges::count_if(blocks_, [](const Block& b) { return !b.layers.empty(); });
    for (size_t b = 0; b < blocks_.size(); ++b) {
      EDGEML_RETURN_IF_ERROR(RefineOne(b, learned));
      if (!blocks_[b].layers.empty()) ++done_;
    }
    return std::move(layers_);
  }

 private:
  // Of the whole work; false stops it.
  bool Report(int64_t done) { return progress_ == nullptr || progress_(done, kWhole); }

  Result<std::vector<RefinedLayer>> RefineLayers() {
    const Progress part = [this](int64_t done, int64_t total) {
      return Report(kLayersShare * done / std::max<int64_t>(total, 1));
    };
    return Refine(module_, ranges_, samples_, how_.refine, backends_, part, options_);
  }

  std::vector<RefinedLayer> Left(const std::string& why) {
    for (RefinedLayer& layer : layers_) layer.note = why;
    return std::move(layers_);
  }
  void Note(const Block& block, const std::string& text) {
    for (RefinedLayer& layer : layers_)
      if (std::ranges::find(block.layers, layer.node) != block.layers.end()) layer.note = text;
  }

  // As many as the activations at both ends of each block may take.
  Status ChooseSamples() {
    const int64_t most =
        how_.refine.limit > 0 ? std::min(how_.refine.limit, how_.samples) : how_.samples;
    std::vector<int64_t> chosen = SpreadSamples(samples_.size(), most);
    if (chosen.empty()) return Error(Code::kInvalidArgument, "no samples to refine weights on");
    EDGEML_ASSIGN_OR_RETURN(Arrays at, samples_.Get(chosen[0]));
    std::vector<Arrays> one = {std::move(at)};
    size_t largest = 1;
    for (const Block& block : blocks_) {
      const size_t before = BytesOf(one[0]);
      EDGEML_RETURN_IF_ERROR(RunOver(module_, block.inputs, block.outputs, one));
      largest = std::max(largest, before + BytesOf(one[0]));
      one[0].resize(InputsAfter(block).size());
    }
    const size_t fitting = std::max<size_t>(how_.memory / largest, 1);
    if (fitting < chosen.size())
      chosen = SpreadSamples(samples_.size(), static_cast<int64_t>(fitting));
    for (const int64_t i : chosen) {
      EDGEML_ASSIGN_OR_RETURN(Arrays sample, samples_.Get(i));
      plain_.push_back(sample);
      small_.push_back(std::move(sample));
    }
    return Status::Ok();
  }
  static size_t BytesOf(const Arrays& arrays) {
    size_t bytes = 0;
    for (const data::Array& array : arrays) bytes += array.bytes.size();
    return bytes;
  }
  // Of the outputs, the first ones go on to the next block.
  std::span<const int32_t> InputsAfter(const Block& block) const {
    const Block* const next = &block + 1;
    return &block == &blocks_.back() ? std::span<const int32_t>() : std::span(next->inputs);
  }

  // Replaces the inputs of a part of a network by its outputs, for each sample.
  Status RunOver(const ir::Module& whole, std::span<const int32_t> inputs,
                 std::span<const int32_t> outputs, std::vector<Arrays>& samples) {
    EDGEML_ASSIGN_OR_RETURN(ir::Module part, ModuleBetween(whole, inputs, outputs));
    const auto program = std::make_shared<const runtime::Program>(std::move(part));
    std::deque<runtime::ModuleRunner> lanes;
    runtime::RunnerOptions options;
    options.memory_cap = how_.refine.memory_cap;
    const auto threads =
        std::min<int64_t>(pool_->num_threads(), static_cast<int64_t>(samples.size()));
    for (int64_t worker = 0; worker < threads; ++worker)
      lanes.emplace_back(program, backends_, options);
    std::vector<Status> ran(samples.size());
    const auto run = [](runtime::GraphExecutor& executor, Arrays& sample) -> Status {
      EDGEML_RETURN_IF_ERROR(FeedSample(sample, executor, nullptr));
      EDGEML_RETURN_IF_ERROR(executor.Run());
      sample.clear();
      for (int i = 0; i < executor.num_outputs(); ++i) {
        const TensorView view = executor.output(i);
        const auto bytes = CheckedByteSize(view.shape, view.type);
        if (!bytes || (view.data == nullptr && *bytes > 0))
          return Error(Code::kUnsupported, "an output of type ", NameOf(view.type));
        const auto* const from = view.as<uint8_t>();
        sample.push_back({view.type, view.shape, {from, from + *bytes}});
      }
      return Status::Ok();
    };
    pool_->ParallelFor(static_cast<int64_t>(samples.size()), 1,
                       [&](int64_t begin, int64_t end, int worker) {
                         for (int64_t i = begin; i < end; ++i)
                           ran[Index(i)] = run(lanes[Index(worker)].executor(), samples[Index(i)]);
                       });
    for (Status& status : ran) EDGEML_RETURN_IF_ERROR(std::move(status));
    return Status::Ok();
  }

  // The quantized network as it is by now, with float inputs and outputs.
  Result<ir::Module> Quantized() const {
    QuantizeOptions options = options_;
    options.input_type = options.output_type = DType::kFloat32;
    options.packed = false;
    return Quantize(module_, ranges_, options, nullptr);
  }

  Status RefineOne(size_t b, int64_t learned) {
    const Block& block = blocks_[b];
    EDGEML_ASSIGN_OR_RETURN(const ir::Module before, Quantized());
    std::vector<Arrays> targets = std::move(plain_);
    EDGEML_RETURN_IF_ERROR(RunOver(module_, block.inputs, block.outputs, targets));
    if (!block.layers.empty()) {
      const int64_t share = (kWhole - kLayersShare) / std::max<int64_t>(learned, 1);
      Status status = Learn(block, before, targets, kLayersShare + done_ * share, share);
      if (status.code() == Code::kCancelled) return status;
      if (!status.ok())
        Note(block, Concat("rounded by itself, not in a block: ", status.message()));
    }
    if (b + 1 == blocks_.size()) return Status::Ok();
    EDGEML_ASSIGN_OR_RETURN(const ir::Module after, Quantized());
    EDGEML_RETURN_IF_ERROR(RunOver(after, block.inputs, InputsAfter(block), small_));
    for (Arrays& sample : targets) sample.resize(InputsAfter(block).size());
    plain_ = std::move(targets);
    return Status::Ok();
  }

  // Value `i` of all samples, as floats; kUnsupported when they do not go into one array.
  static Result<Stacked> Stack(const std::vector<Arrays>& samples, size_t i,
                               const ir::Value& value) {
    Stacked out;
    out.shape = samples[0][i].shape;
    if (out.shape.rank() == 0 || out.shape[0] != 1)
      return Error(Code::kUnsupported, "\"", value.name, "\" of shape ", out.shape.ToString(),
                   " is not of one example");
    std::vector<float> floats;
    for (const Arrays& sample : samples) {
      const data::Array& array = sample[i];
      if (array.shape != out.shape)
        return Error(Code::kUnsupported, "\"", value.name, "\" has shapes ", out.shape.ToString(),
                     " and ", array.shape.ToString());
      TensorView view;
      view.data = const_cast<uint8_t*>(array.bytes.data());
      view.type = array.type;
      view.shape = array.shape;
      view.quantization = &value.quantization;
      if ((array.type != DType::kFloat32 && value.quantization.empty()) ||
          !Dequantize(view, floats))
        return Error(Code::kUnsupported, "\"", value.name, "\" holds ", NameOf(array.type));
      if (out.values.empty()) out.values.reserve(floats.size() * samples.size());
      out.values.insert(out.values.end(), floats.begin(), floats.end());
    }
    return out;
  }

  // What the rounding of one layer of a block is learned as.
  struct Learned {
    SimulatedBlock::Layer place;
    std::vector<float> scales;
    std::vector<float> bias;
  };

  Result<IntegerPlan> Plan() const {
    if (!InfoOf(options_.scheme).calibrated)
      return IntegerPlan{graph_, ranges_, DType::kInt8, {}, {}};
    EDGEML_ASSIGN_OR_RETURN(const IntegerOptions integer, ToIntegerOptions(module_, options_));
    std::vector<LayerReport> reports;
    return MakeIntegerPlan(graph_, ranges_, integer, reports);
  }

  Status Learn(const Block& block, const ir::Module& quantized, const std::vector<Arrays>& targets,
               int64_t done, int64_t share) {
    EDGEML_ASSIGN_OR_RETURN(const IntegerPlan plan, Plan());
    EDGEML_ASSIGN_OR_RETURN(SimulatedBlock simulated, SimulateBlock(graph_, block, plan));
    ir::Graph& graph = simulated.graph;
    // Samples from the back are held out: evenly spread ones are put there.
    std::vector<Stacked> inputs, outputs;
    for (size_t i = 0; i < block.inputs.size(); ++i) {
      const ir::Value& value = quantized.graphs[0].values[Index(block.inputs[i])];
      EDGEML_ASSIGN_OR_RETURN(Stacked stacked, Stack(small_, i, value));
      ir::Value& input = graph.values[Index(block.inputs[i])];
      input.shape = stacked.shape;
      input.has_signature = false;
      inputs.push_back(std::move(stacked));
    }
    for (size_t i = 0; i < block.outputs.size(); ++i) {
      EDGEML_ASSIGN_OR_RETURN(Stacked stacked,
                              Stack(targets, i, graph_.values[Index(block.outputs[i])]));
      outputs.push_back(std::move(stacked));
    }
    BlockSamples samples;
    samples.count = static_cast<int64_t>(small_.size());
    samples.held_out = samples.count >= 2 * kHeldOut ? samples.count / kHeldOut : 0;
    for (Stacked& stacked : inputs) samples.inputs.push_back(HoldOut(stacked, samples));
    for (Stacked& stacked : outputs) samples.targets.push_back(HoldOut(stacked, samples));

    std::vector<Learned> layers;
    std::vector<BlockWeights> weights;
    ReconstructionOptions options = how_.reconstruction;
    options.trained.clear();
    for (const SimulatedBlock::Layer& place : simulated.layers)
      layers.push_back(PrepareLayer(place, graph));
    for (const Learned& layer : layers) {
      const QuantizedWeights& rounded = options_.rounded.at(layer.place.node);
      BlockWeights spec;
      spec.value = layer.place.weights;
      spec.axis = AxisOf(layer);
      spec.scales = layer.scales;
      spec.block = rounded.format.block_size;
      spec.qmax = LargestOf(rounded.format.bits);
      spec.qmin = -spec.qmax;
      spec.start = rounded.values;
      weights.push_back(spec);
      if (how_.refine.correct_bias && layer.place.bias != ir::kNoValue)
        options.trained.push_back(layer.place.bias);
    }
    std::atomic<bool> stop{false};
    options.cancel = &stop;
    options.progress = [&](int now, int all) {
      if (!Report(done + share * now / std::max(all, 1))) stop = true;
    };
    options.batch = std::min(options.batch, BatchFor(graph, inputs));
    EDGEML_ASSIGN_OR_RETURN(const ReconstructedBlock found,
                            ReconstructBlock(graph, samples, weights, backends_, options, pool_));
    Take(block, samples, layers, found);
    return Status::Ok();
  }

  // Moves every kHeldOut-th sample to the back.
  static std::span<const float> HoldOut(Stacked& stacked, const BlockSamples& samples) {
    if (samples.held_out == 0) return stacked.values;
    const size_t size = stacked.values.size() / Index(samples.count);
    std::vector<float> ordered;
    ordered.reserve(stacked.values.size());
    for (const bool held_out : {false, true}) {
      for (int64_t i = 0; i < samples.count; ++i) {
        const bool is = i % kHeldOut == kHeldOut - 1;
        if (is != held_out) continue;
        const auto from = stacked.values.begin() + static_cast<ptrdiff_t>(Index(i) * size);
        ordered.insert(ordered.end(), from, from + static_cast<ptrdiff_t>(size));
      }
    }
    stacked.values = std::move(ordered);
    return stacked.values;
  }

  Learned PrepareLayer(const SimulatedBlock::Layer& place, ir::Graph& graph) const {
    Learned layer{place, {}, {}};
    const QuantizedWeights& rounded = options_.rounded.at(place.node);
    layer.scales = rounded.scale;
    if (layer.scales.size() == 1)
      layer.scales.assign(Index(LayerOf(graph_, graph_.nodes[Index(place.node)])->out_channels),
                          rounded.scale[0]);
    if (place.bias == ir::kNoValue) return layer;
    ir::Value& bias = graph.values[Index(place.bias)];
    layer.bias.assign(FloatsOf(bias).begin(), FloatsOf(bias).end());
    if (const auto it = options_.bias_shift.find(place.node); it != options_.bias_shift.end())
      for (size_t i = 0; i < std::min(layer.bias.size(), it->second.size()); ++i)
        layer.bias[i] += it->second[i];
    SetFloats(bias, layer.bias);
    return layer;
  }

  int AxisOf(const Learned& layer) const {
    const ir::Node& node = graph_.nodes[Index(layer.place.node)];
    const bool last = node.op == ir::OpCode::kDepthwiseConv2D;
    return last ? graph_.values[Index(node.inputs[1])].shape.rank() - 1 : 0;
  }

  // So many samples that a step's values, and as many gradients, take the memory.
  int BatchFor(const ir::Graph& graph, const std::vector<Stacked>& inputs) const {
    size_t floats = 1;
    for (const Stacked& input : inputs) floats += Index(input.shape.num_elements());
    for (const ir::Node& node : graph.nodes)
      for (const int32_t v : node.outputs) {
        const Shape& shape = graph.values[Index(v)].shape;
        if (const auto bytes = CheckedByteSize(shape, DType::kFloat32))
          floats += *bytes / sizeof(float);
      }
    return static_cast<int>(
        std::clamp<size_t>(how_.memory / (2 * sizeof(float) * floats), 1, 1 << 10));
  }

  void Take(const Block& block, const BlockSamples& samples, const std::vector<Learned>& layers,
            const ReconstructedBlock& found) {
    size_t next_trained = 0;
    for (size_t l = 0; l < layers.size(); ++l) {
      const int32_t node = layers[l].place.node;
      QuantizedWeights& rounded = options_.rounded.at(node);
      rounded.values = found.weights[l];
      CountChanges(node, rounded);
      if (!how_.refine.correct_bias || layers[l].place.bias == ir::kNoValue) continue;
      const std::vector<float>& bias = found.trained[next_trained++];
      std::vector<float>& shift = options_.bias_shift[node];
      shift.resize(bias.size());
      for (size_t i = 0; i < bias.size(); ++i) shift[i] += bias[i] - layers[l].bias[i];
    }
    const int64_t judged = samples.held_out > 0 ? samples.held_out : samples.count;
    Note(block, Concat("in a block of ", layers.size(), " layers: mean squared error ",
                       static_cast<float>(found.start_error), " rounded one by one, ",
                       static_cast<float>(found.error), " together, on ", judged, " of ",
                       samples.count, " samples"));
  }

  void CountChanges(int32_t node, const QuantizedWeights& rounded) {
    const auto it = std::ranges::find(layers_, node, &RefinedLayer::node);
    if (it == layers_.end()) return;
    const ir::Value& value = graph_.values[Index(graph_.nodes[Index(node)].inputs[1])];
    const auto nearest = QuantizeWeights(FloatsOf(value), value.shape, rounded.format);
    if (!nearest.ok()) return;
    it->changed = 0;
    for (size_t i = 0; i < rounded.values.size(); ++i)
      it->changed += rounded.values[i] != nearest->values[i];
  }

  const ir::Module& module_;
  const ir::Graph& graph_;
  const Ranges& ranges_;
  const SampleSource& samples_;
  const BlockRefineOptions& how_;
  const runtime::Backends& backends_;
  const Progress& progress_;
  QuantizeOptions& options_;
  const std::shared_ptr<ThreadPool> pool_;
  std::vector<RefinedLayer> layers_;
  std::vector<Block> blocks_;
  int64_t done_ = 0;  // blocks with layers
  std::vector<Arrays> plain_,
      small_;  // what goes into the next block: float network, quantized one
};

}  // namespace

Result<std::vector<RefinedLayer>> RefineBlocks(const ir::Module& module, const Ranges& ranges,
                                               const SampleSource& samples,
                                               const BlockRefineOptions& how,
                                               const runtime::Backends& backends,
                                               const Progress& progress, QuantizeOptions& options) {
  return BlockRefiner(module, ranges, samples, how, backends, progress, options).Run();
}

}  // namespace edgeml::quantize
