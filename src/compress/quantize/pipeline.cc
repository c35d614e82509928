#include "src/compress/quantize/pipeline.h"

#include <algorithm>
#include <utility>

#include "src/base/strings.h"
#include "src/compress/quantize/equalization.h"
#include "src/compress/quantize/refine_blocks.h"
#include "src/compress/quantize/smoothing.h"

namespace edgeml::quantize {
namespace {

struct RoundingName {
  Rounding rounding;
  std::string_view name;
};
constexpr RoundingName kRoundings[] = {{Rounding::kNearest, "nearest"},
                                       {Rounding::kSquant, "squant"},
                                       {Rounding::kAdaRound, "adaround"},
                                       {Rounding::kBlocks, "blocks"}};

class Pipeline {
 public:
  Pipeline(PipelineInput input, const PipelineOptions& options)
      : input_(std::move(input)), options_(options) {
    out_.model = std::move(input_.model);
    out_.options = options.quantize;
    out_.options.balance = options.rounding != Rounding::kNearest;
    out_.seen = std::move(input_.seen);
  }

  Result<PipelineResult> Run() {
    EDGEML_RETURN_IF_ERROR(Check());
    if (options_.equalize) Equalize();
    if (options_.smooth) EDGEML_RETURN_IF_ERROR(Smooth());
    if (options_.Calibrates()) EDGEML_RETURN_IF_ERROR(FindRanges());
    if (options_.Searches())
      EDGEML_RETURN_IF_ERROR(Search());
    else if (options_.Refines())
      EDGEML_RETURN_IF_ERROR(RefineWeights());
    if (options_.sensitivity) EDGEML_RETURN_IF_ERROR(MeasureLayers());
    EDGEML_ASSIGN_OR_RETURN(out_.small,
                            Quantize(out_.model.module, out_.ranges, out_.options, &out_.layers));
    if (options_.sparse) {
      EDGEML_ASSIGN_OR_RETURN(const passes::SparseReport stored,
                              passes::StoreSparse(out_.small, *options_.sparse));
      if (stored.constants > 0) out_.notes.push_back(stored.ToString());
    }
    return std::move(out_);
  }

 private:
  Status Check() const {
    const PipelineOptions& o = options_;
    if (!(o.calibration.percentile > 0 && o.calibration.percentile <= 100))
      return Error(Code::kInvalidArgument, "percentile ", o.calibration.percentile,
                   " is outside of (0, 100]");
    if (!(o.max_drop >= 0 && o.max_drop <= 1))
      return Error(Code::kInvalidArgument, "the drop that is allowed, ", o.max_drop,
                   ", is outside of [0, 1]");
    if (!(o.smooth_alpha >= 0 && o.smooth_alpha <= 1))
      return Error(Code::kInvalidArgument, "smooth_alpha ", o.smooth_alpha,
                   " is outside of [0, 1]");
    if (o.smooth && o.learned_only)
      return Error(Code::kInvalidArgument,
                   "smoothing changes what the ranges that training learned are of");
    if (o.calibration.threads < 0 || o.calibration.limit < 0 || o.rounding_samples < 0 ||
        o.max_bytes < 0 || o.max_latency_ms < 0 || o.quantize.block_size < 0)
      return Error(Code::kInvalidArgument,
                   "numbers of threads, samples, bytes and milliseconds are not negative");
    const bool mixes = o.quantize.scheme == Scheme::kMixed && !o.automatic;
    if ((o.max_bytes > 0 || o.max_latency_ms > 0) &&
        (!mixes || (o.max_bytes > 0 && o.max_latency_ms > 0)))
      return Error(Code::kInvalidArgument,
                   "a budget of size or of latency is for the scheme mixed, one of both at a time");
    if (o.quantize.block_size > 0 && o.quantize.scheme != Scheme::kWeightInt4)
      return Error(Code::kInvalidArgument,
                   "blocks of weights with scales of their own are for the scheme weight-int4: "
                   "LiteRT has no kernel that multiplies them by integer activations");
    if (o.sensitivity && !o.Calibrates())
      return Error(Code::kInvalidArgument,
                   "the sensitivity of layers is measured for schemes that "
                   "are calibrated");
    if (o.Searches() && (!o.Calibrates() || input_.judge == nullptr))
      return Error(Code::kInvalidArgument,
                   "to mend until it is good (auto), and the scheme mixed, need something to judge "
                   "by: --eval DATA, or in Python `evaluate`, a function from a model's bytes to a "
                   "number; and a scheme that is calibrated");
    if (o.NeedsSamples(out_.seen.has_value()) &&
        (input_.samples == nullptr || input_.samples->size() == 0))
      return Error(Code::kInvalidArgument, "the scheme ", InfoOf(o.quantize.scheme).name,
                   " as asked for needs to see data: --calibration DATA, or in Python a "
                   "representative_dataset that yields samples");
    return Status::Ok();
  }

  Progress ProgressOf(std::string_view work) const {
    return input_.progress ? input_.progress(work) : nullptr;
  }

  static Status Named(Status status, const std::string& name) {
    return name.empty() ? status : std::move(status).WithContext(name);
  }

  void Equalize() {
    EqualizationOptions how;
    how.relu6_to_relu = options_.relu6_to_relu;
    const EqualizationReport report = EqualizeLayers(out_.model.module, how);
    // Ranges that training learned are of channels as they were.
    if (report.pairs > 0)
      out_.model.learned.assign(out_.model.module.graphs[0].values.size(), std::nullopt);
    out_.notes.push_back(Concat("equalized ", report.pairs, " pairs of layers, by factors up to ",
                                static_cast<float>(report.largest_scale)));
    if (report.relu6 > 0) out_.notes.push_back(Concat(report.relu6, " RELU6 became RELU"));
  }

  Status Smooth() {
    ir::Module& module = out_.model.module;
    CalibrationOptions how = options_.calibration;
    how.method = RangeMethod::kMinMax;
    how.histograms = false;
    how.values = how.channel_values = SmoothedInputs(module);
    SmoothReport report;
    if (!how.values.empty()) {  // else all would be observed
      const auto seen =
          Calibrate(module, *input_.samples, how, input_.backends, ProgressOf("smooth"));
      if (!seen.ok()) return Named(seen.status(), input_.samples_name);
      report = SmoothLayers(module, *seen, {options_.smooth_alpha});
    }
    if (report.sources > 0) out_.model.learned.assign(module.graphs[0].values.size(), std::nullopt);
    out_.notes.push_back(Concat("smoothed what ", report.layers, " layers read, in ",
                                report.sources, " places, by factors up to ",
                                static_cast<float>(report.largest_scale)));
    for (const std::string& left : report.left) out_.notes.push_back("not smoothed: " + left);
    return Status::Ok();
  }

  Status FindRanges() {
    if (options_.learned_only) {
      out_.ranges = out_.model.learned;
      out_.ranges.resize(out_.model.module.graphs[0].values.size());
      if (options_.default_range)
        for (auto& range : out_.ranges)
          if (!range) range = options_.default_range;
      return Status::Ok();
    }
    if (out_.seen) {
      Status fits = out_.seen->CheckModel(out_.model.module);
      if (!fits.ok()) return Named(std::move(fits), input_.seen_name);
    } else {
      CalibrationOptions how = options_.calibration;
      how.histograms = how.histograms || options_.Searches();
      auto seen = Calibrate(out_.model.module, *input_.samples, how, input_.backends,
                            ProgressOf("calibrate"));
      if (!seen.ok()) return Named(seen.status(), input_.samples_name);
      out_.seen = *std::move(seen);
    }
    out_.notes.insert(out_.notes.end(), out_.seen->warnings.begin(), out_.seen->warnings.end());
    out_.ranges = ChooseRanges(*out_.seen, out_.model, options_.quantize.scheme);
    return Status::Ok();
  }

  RefineOptions Refining() const {
    RefineOptions refine;
    refine.round =
        options_.rounding == Rounding::kAdaRound || options_.rounding == Rounding::kBlocks;
    refine.correct_bias = options_.bias_correction;
    refine.limit = options_.rounding_samples;
    refine.threads = options_.calibration.threads;
    return refine;
  }

  Status RefineWeights() {
    const auto refine = [&](const auto& how, auto function) {
      return function(out_.model.module, out_.ranges, *input_.samples, how, input_.backends,
                      ProgressOf("refine"), out_.options);
    };
    if (options_.rounding == Rounding::kBlocks) {
      BlockRefineOptions how;
      how.refine = Refining();
      EDGEML_ASSIGN_OR_RETURN(out_.refined, refine(how, RefineBlocks));
    } else {
      EDGEML_ASSIGN_OR_RETURN(out_.refined, refine(Refining(), Refine));
    }
    return Status::Ok();
  }

  Status MeasureLayers() {
    SensitivityOptions how;
    how.threads = options_.calibration.threads;
    how.judge = input_.judge;
    EDGEML_ASSIGN_OR_RETURN(
        out_.costs, MeasureSensitivity(out_.model.module, out_.ranges, *input_.samples,
                                       out_.options, how, input_.backends, ProgressOf("layers")));
    std::ranges::sort(out_.costs, std::ranges::greater{}, &LayerCost::noise);
    return Status::Ok();
  }

  Status Search() {
    SearchInput search{out_.model, *out_.seen, *input_.samples, input_.backends, input_.judge};
    if (input_.float_score) {
      search.float_score = *input_.float_score;
    } else {
      EDGEML_ASSIGN_OR_RETURN(search.float_score, input_.judge(out_.model.module));
    }
    search.max_drop = options_.max_drop;
    search.refine = Refining();
    search.on_step = input_.on_step;
    search.progress = ProgressOf("");
    EDGEML_ASSIGN_OR_RETURN(SearchResult found, Searched(search));
    out_.options = std::move(found.options);
    out_.ranges = std::move(found.ranges);
    out_.steps = std::move(found.steps);
    out_.costs = std::move(found.costs);
    out_.score = found.score;
    out_.float_score = search.float_score;
    out_.within_budget = found.within_budget || options_.max_bytes > 0;
    return Status::Ok();
  }

  Result<SearchResult> Searched(const SearchInput& search) {
    if (options_.automatic) return MendUntilGood(search, out_.options);
    if (options_.max_latency_ms > 0)
      return SpendLatency(search, out_.options, options_.max_latency_ms);
    const int few = options_.quantize.scheme == Scheme::kBinary ? 1 : 4;
    return MixBits(search, out_.options, few, options_.max_bytes);
  }

  PipelineInput input_;
  const PipelineOptions& options_;
  PipelineResult out_;
};

}  // namespace

Result<Rounding> ParseRounding(std::string_view name) {
  std::string known;
  for (const RoundingName& one : kRoundings) {
    if (one.name == name) return one.rounding;
    known += Concat(known.empty() ? "" : ", ", one.name);
  }
  return Error(Code::kInvalidArgument, "there is no rounding '", name, "'; there are ", known);
}

Result<PipelineResult> RunPipeline(PipelineInput input, const PipelineOptions& options) {
  return Pipeline(std::move(input), options).Run();
}

}  // namespace edgeml::quantize
