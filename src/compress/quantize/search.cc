#include "src/compress/quantize/search.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "src/base/strings.h"
#include "src/compress/quantize/metrics.h"

namespace edgeml::quantize {
namespace {

size_t Index(int64_t i) { return static_cast<size_t>(i); }

constexpr int kFloat = 32;  // bits

struct WeightedLayer {
  LayerReport report;
  int64_t weights = 0;
};

// Layers with weights that the options quantize.
Result<std::vector<WeightedLayer>> LayersWithWeights(const ir::Module& module, const Ranges& ranges,
                                                     const QuantizeOptions& options) {
  std::vector<LayerReport> reports;
  EDGEML_RETURN_IF_ERROR(Quantize(module, ranges, options, &reports).status());
  const ir::Graph& graph = module.graphs[0];
  std::vector<WeightedLayer> layers;
  for (LayerReport& report : reports) {
    if (report.weight_bits == 0 || !report.quantized) continue;
    const Convention* const convention = ConventionOf(report.op_code);
    if (convention == nullptr || convention->weights < 0) continue;
    const ir::Node& node = graph.nodes[Index(report.node)];
    const int32_t w = node.inputs[Index(convention->weights)];
    layers.push_back({std::move(report), graph.values[Index(w)].shape.num_elements()});
  }
  return layers;
}

std::vector<LayerPair> OutputPairs(const ir::Graph& graph) {
  std::vector<LayerPair> pairs;
  for (const int32_t v : graph.outputs)
    if (graph.values[Index(v)].type == DType::kFloat32) pairs.push_back({v, v});
  return pairs;
}

// Noise of the outputs as a share of their mean square.
double ShareOf(const std::vector<LayerError>& errors) {
  double share = 0;
  for (const LayerError& error : errors)
    if (error.total.count() > 0) share += std::pow(10.0, -error.total.sqnr_db() / 10);
  return std::isfinite(share) ? share : 1e9;
}

int64_t BytesOf(int64_t weights, int bits) { return (weights * bits + 7) / 8; }

class Search {
 public:
  Search(const SearchInput& input, QuantizeOptions options) : input_(input) {
    best_.options = std::move(options);
    best_.ranges = RangesBy(input.seen.method);
  }

  Ranges RangesBy(RangeMethod method) const {
    CalibrationResult seen = input_.seen;
    seen.method = method;
    return ChooseRanges(seen, input_.model, best_.options.scheme);
  }

  // Tries a form of the model; keeps it when it is better than the best, or `must_keep`.
  Result<bool> Try(const std::string& what, const QuantizeOptions& options, const Ranges& ranges,
                   bool must_keep = false) {
    EDGEML_ASSIGN_OR_RETURN(const ir::Module small,
                            Quantize(input_.model.module, ranges, options, nullptr));
    EDGEML_ASSIGN_OR_RETURN(const double score, input_.judge(small));
    SearchStep step{what, score, must_keep || score > best_.score};
    if (step.kept) {
      best_.options = options;
      best_.ranges = ranges;
      best_.score = score;
      best_.within_budget = score >= input_.float_score - input_.max_drop;
    }
    const bool kept = step.kept;
    if (input_.on_step) input_.on_step(step);
    best_.steps.push_back(std::move(step));
    return kept;
  }

  Status Refined(QuantizeOptions& options, bool round) {
    RefineOptions refine = input_.refine;
    refine.round = round;
    refine.correct_bias = true;
    options.rounded.clear();
    options.bias_shift.clear();
    return Refine(input_.model.module, best_.ranges, input_.samples, refine, input_.backends,
                  input_.progress, options)
        .status();
  }

  Status FindCosts(const QuantizeOptions& options) {
    SensitivityOptions how;
    how.threads = input_.refine.threads;
    EDGEML_ASSIGN_OR_RETURN(
        best_.costs, MeasureSensitivity(input_.model.module, best_.ranges, input_.samples, options,
                                        how, input_.backends, input_.progress));
    return Status::Ok();
  }

  SearchResult& best() { return best_; }
  const SearchInput& input() const { return input_; }

 private:
  const SearchInput& input_;
  SearchResult best_;
};

}  // namespace

Result<std::vector<LayerCost>> MeasureSensitivity(const ir::Module& module, const Ranges& ranges,
                                                  const SampleSource& samples,
                                                  const QuantizeOptions& options,
                                                  const SensitivityOptions& how,
                                                  const runtime::Backends& backends,
                                                  const Progress& progress) {
  EDGEML_ASSIGN_OR_RETURN(const std::vector<WeightedLayer> layers,
                          LayersWithWeights(module, ranges, options));
  const std::vector<LayerPair> pairs = OutputPairs(module.graphs[0]);
  std::vector<LayerCost> costs;
  for (const WeightedLayer& layer : layers) {
    QuantizeOptions alone = options;
    alone.input_type = alone.output_type = DType::kFloat32;
    alone.allow_float = true;
    alone.packed = false;
    alone.only_nodes = {layer.report.node};
    EDGEML_ASSIGN_OR_RETURN(const ir::Module small, Quantize(module, ranges, alone, nullptr));
    CompareOptions compare;
    compare.limit = how.limit;
    compare.threads = how.threads;
    compare.alone = false;
    EDGEML_ASSIGN_OR_RETURN(const std::vector<LayerError> errors,
                            CompareLayers(module, small, pairs, samples, compare, backends));
    LayerCost cost;
    cost.node = layer.report.node;
    cost.op = layer.report.op;
    cost.name = layer.report.name;
    cost.weights = layer.weights;
    cost.bits = layer.report.weight_bits;
    cost.noise = ShareOf(errors);
    if (how.judge != nullptr) {
      EDGEML_ASSIGN_OR_RETURN(cost.score, how.judge(small));
    }
    costs.push_back(std::move(cost));
    if (progress != nullptr &&
        !progress(static_cast<int64_t>(costs.size()), static_cast<int64_t>(layers.size())))
      return Error(Code::kCancelled, "stopped on request");
  }
  return costs;
}

Result<double> MeasureLatency(const ir::Module& module, const SampleSource& samples,
                              const runtime::Backends& backends) {
  constexpr int kWarmUps = 2, kLeastRuns = 15;
  constexpr double kLeastMs = 60;
  using Clock = std::chrono::steady_clock;
  EDGEML_ASSIGN_OR_RETURN(const std::vector<data::Array> sample, samples.Get(0));
  runtime::ModuleRunner runner(module, backends);
  EDGEML_RETURN_IF_ERROR(FeedSample(sample, runner.executor(), nullptr));
  double least = std::numeric_limits<double>::infinity(), all = 0;
  for (int run = -kWarmUps; run < kLeastRuns || all < kLeastMs; ++run) {
    const Clock::time_point start = Clock::now();
    EDGEML_RETURN_IF_ERROR(runner.executor().Run());
    const double ms = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
    all += ms;
    if (run >= 0) least = std::min(least, ms);
  }
  return least;
}

Result<SearchResult> MendUntilGood(const SearchInput& input, QuantizeOptions options) {
  Search search(input, std::move(options));
  SearchResult& best = search.best();
  EDGEML_RETURN_IF_ERROR(
      search.Try(std::string(InfoOf(best.options.scheme).name), best.options, best.ranges, true)
          .status());
  for (const RangeMethod method :
       {RangeMethod::kMse, RangeMethod::kPercentile, RangeMethod::kEntropy}) {
    if (best.within_budget) return std::move(best);
    if (method == input.seen.method) continue;
    const Ranges ranges = search.RangesBy(method);
    EDGEML_RETURN_IF_ERROR(
        search.Try(Concat("ranges by ", NameOf(method)), best.options, ranges).status());
  }
  for (const bool round : {false, true}) {
    if (best.within_budget) return std::move(best);
    QuantizeOptions refined = best.options;
    EDGEML_RETURN_IF_ERROR(search.Refined(refined, round));
    EDGEML_RETURN_IF_ERROR(
        search
            .Try(round ? "rounding learned (AdaRound), biases corrected" : "biases corrected",
                 refined, best.ranges)
            .status());
  }
  if (best.within_budget) return std::move(best);
  EDGEML_RETURN_IF_ERROR(search.FindCosts(best.options));
  std::ranges::sort(best.costs, std::ranges::greater{}, &LayerCost::noise);
  const QuantizeOptions whole = best.options;
  for (size_t count = 1; !best.within_budget && count / 2 < best.costs.size(); count *= 2) {
    QuantizeOptions partly = whole;
    partly.allow_float = true;
    std::string names;
    const size_t taken = std::min(count, best.costs.size());
    for (size_t i = 0; i < taken; ++i) {
      partly.bits[best.costs[i].name] = kFloat;
      if (i < 3) names += Concat(i == 0 ? "" : ", ", best.costs[i].name);
    }
    EDGEML_RETURN_IF_ERROR(search
                               .Try(Concat(taken, taken == 1 ? " layer" : " layers",
                                           " kept float: ", names, taken > 3 ? ", …" : ""),
                                    partly, best.ranges)
                               .status());
  }
  return std::move(best);
}

Result<SearchResult> MixBits(const SearchInput& input, QuantizeOptions options, int few,
                             int64_t max_bytes) {
  Search search(input, std::move(options));
  SearchResult& best = search.best();
  EDGEML_ASSIGN_OR_RETURN(const std::vector<WeightedLayer> layers,
                          LayersWithWeights(input.model.module, best.ranges, best.options));
  // The scheme may stand for fewer.
  for (const WeightedLayer& layer : layers) best.options.bits[layer.report.name] = 8;
  QuantizeOptions coarse = best.options;
  for (const WeightedLayer& layer : layers) coarse.bits[layer.report.name] = few;
  if (max_bytes > 0) {
    EDGEML_ASSIGN_OR_RETURN(const std::vector<WeightedLayer> least,
                            LayersWithWeights(input.model.module, best.ranges, coarse));
    int64_t bytes = 0;
    for (const WeightedLayer& layer : least)
      bytes += BytesOf(layer.weights, layer.report.weight_bits);
    if (bytes > max_bytes)
      return Error(Code::kFailed, "with ", few, " bits everywhere the weights take ", bytes,
                   " bytes, more than the ", max_bytes, " asked for");
  }
  EDGEML_RETURN_IF_ERROR(search.Try("8 bits everywhere", best.options, best.ranges, true).status());
  // What each layer costs with few bits.
  EDGEML_RETURN_IF_ERROR(search.FindCosts(coarse));
  std::erase_if(best.costs, [=](const LayerCost& cost) { return cost.bits != few; });
  const auto price = [](const LayerCost& cost) {
    return cost.noise / static_cast<double>(std::max<int64_t>(cost.weights, 1));
  };
  std::ranges::sort(best.costs, {}, price);  // cheapest first
  const auto with = [&](size_t count) {
    QuantizeOptions mixed = best.options;
    mixed.rounded.clear();
    mixed.bias_shift.clear();
    for (const WeightedLayer& layer : layers) mixed.bits[layer.report.name] = 8;
    for (size_t i = 0; i < count; ++i) mixed.bits[best.costs[i].name] = few;
    return mixed;
  };
  const auto attempt = [&](size_t count, bool must_keep) -> Result<bool> {
    QuantizeOptions mixed = with(count);
    EDGEML_RETURN_IF_ERROR(search.Refined(mixed, true));
    const double before = best.score;
    const bool was_good = best.within_budget;
    SearchResult kept = best;
    EDGEML_RETURN_IF_ERROR(search
                               .Try(Concat(count, " of ", best.costs.size(), " layers with ", few,
                                           few == 1 ? " bit" : " bits"),
                                    mixed, best.ranges, true)
                               .status());
    if (best.within_budget || must_keep) return true;
    // Back to what was good.
    kept.steps = best.steps;
    kept.steps.back().kept = false;
    best = std::move(kept);
    best.score = before;
    best.within_budget = was_good;
    return false;
  };
  if (max_bytes > 0) {
    int64_t bytes = 0;
    for (const WeightedLayer& layer : layers) bytes += BytesOf(layer.weights, 8);
    size_t count = 0;
    for (; count < best.costs.size() && bytes > max_bytes; ++count)
      bytes -= BytesOf(best.costs[count].weights, 8) - BytesOf(best.costs[count].weights, few);
    EDGEML_RETURN_IF_ERROR(attempt(count, true).status());
  } else {
    size_t good = 0, bad = best.costs.size() + 1;
    while (bad - good > 1) {
      const size_t middle = good + (bad - good) / 2;
      EDGEML_ASSIGN_OR_RETURN(const bool fits, attempt(middle, false));
      (fits ? good : bad) = middle;
    }
  }
  return std::move(best);
}

Result<SearchResult> SpendLatency(const SearchInput& input, QuantizeOptions options,
                                  double max_ms) {
  options.allow_float = true;
  Search search(input, std::move(options));
  SearchResult& best = search.best();
  const auto latency_of = [&](QuantizeOptions form) -> Result<double> {
    form.input_type = form.output_type = DType::kFloat32;
    EDGEML_ASSIGN_OR_RETURN(const ir::Module small,
                            Quantize(input.model.module, best.ranges, form, nullptr));
    return MeasureLatency(small, input.samples, input.backends);
  };
  EDGEML_ASSIGN_OR_RETURN(const double whole_ms, latency_of(best.options));
  if (whole_ms > max_ms)
    return Error(Code::kFailed, "8 bits everywhere take ", whole_ms,
                 " ms on this machine, longer than the ", max_ms, " ms asked for");
  EDGEML_RETURN_IF_ERROR(search.FindCosts(best.options));
  const QuantizeOptions whole = best.options;
  for (size_t i = 0; i < best.costs.size(); ++i) {
    QuantizeOptions alone = whole;
    alone.bits[best.costs[i].name] = kFloat;
    EDGEML_ASSIGN_OR_RETURN(const double ms, latency_of(alone));
    best.costs[i].latency_ms = ms - whole_ms;
    if (input.progress != nullptr &&
        !input.progress(static_cast<int64_t>(i), static_cast<int64_t>(best.costs.size())))
      return Error(Code::kCancelled, "stopped on request");
  }
  // A layer that is no slower in float costs nothing but the noise of the clock.
  const auto gain = [&](const LayerCost& cost) {
    return cost.noise / std::max(cost.latency_ms, 1e-3 * whole_ms);
  };
  std::ranges::sort(best.costs, std::ranges::greater{}, gain);
  const auto attempt = [&](size_t count) -> Result<bool> {
    QuantizeOptions partly = whole;
    for (size_t i = 0; i < count; ++i) partly.bits[best.costs[i].name] = kFloat;
    EDGEML_ASSIGN_OR_RETURN(const double ms, latency_of(partly));
    if (ms > max_ms) return false;
    EDGEML_RETURN_IF_ERROR(search
                               .Try(Concat(count, " of ", best.costs.size(), " layers kept float, ",
                                           std::round(ms * 1000) / 1000, " ms"),
                                    partly, best.ranges, true)
                               .status());
    return true;
  };
  EDGEML_RETURN_IF_ERROR(attempt(0).status());
  size_t good = 0, bad = best.costs.size() + 1;
  while (bad - good > 1) {
    const size_t middle = good + (bad - good) / 2;
    EDGEML_ASSIGN_OR_RETURN(const bool fits, attempt(middle));
    (fits ? good : bad) = middle;
  }
  best.within_budget = true;
  return std::move(best);
}

}  // namespace edgeml::quantize
