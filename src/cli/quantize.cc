// edgeml quantize
#include "src/compress/quantize/quantize.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "src/backends/cpu/cpu_backend.h"
#include "src/backends/reference/reference_backend.h"
#include "src/base/atomic_file.h"
#include "src/base/mapped_file.h"
#include "src/base/memory_info.h"
#include "src/base/strings.h"
#include "src/cli/command.h"
#include "src/cli/engine.h"
#include "src/cli/evaluation.h"
#include "src/cli/interrupt.h"
#include "src/cli/model_file.h"
#include "src/cli/output.h"
#include "src/cli/quantize_report.h"
#include "src/compress/quantize/calibration.h"
#include "src/compress/quantize/calibration_file.h"
#include "src/compress/quantize/equalization.h"
#include "src/compress/quantize/prepare.h"
#include "src/compress/quantize/refine.h"
#include "src/compress/quantize/samples.h"
#include "src/compress/quantize/search.h"
#include "src/convert/evaluator.h"
#include "src/formats/tflite/metadata.h"
#include "src/formats/tflite/writer.h"
#include "src/ir/rewriter.h"
#include "src/passes/sparse_weights.h"

namespace edgeml::cli {
namespace {

using quantize::LayerReport;
using quantize::Scheme;

struct Options {
  std::string in, out;
  ImportOptions reading;
  MetadataOptions metadata;
  PixelOptions pixels;
  std::string scheme = "int8", input_type = "float32", output_type = "float32";
  std::string calibration, ranges, save_ranges, method = "min-max", eval;
  double percentile = quantize::kDefaultPercentile;
  int64_t samples = 0, eval_limit = 0;
  int threads = 0;
  bool per_tensor = false, bias_correction = false, equalize = false, relu6_to_relu = false;
  bool automatic = false;
  std::string rounding = "nearest", max_drop = "1%", max_size, report, sparse = "auto";
  int64_t rounding_samples = 0;
  std::vector<std::string> bits;
  quantize::QuantizeOptions quantize;
};

runtime::Backends BothBackends() {
  return {&backends::CpuBackend(), &backends::ReferenceBackend()};
}

Result<DType> ParseType(const std::string& name) {
  for (const DType type : {DType::kFloat32, DType::kInt8, DType::kUInt8, DType::kInt16})
    if (NameOf(type) == name) return type;
  return Error(Code::kInvalidArgument, "no type '", name, "'; float32, int8, uint8 or int16");
}

Result<quantize::QuantizeOptions> ParseQuantize(const Options& options) {
  quantize::QuantizeOptions out = options.quantize;
  EDGEML_ASSIGN_OR_RETURN(out.scheme, quantize::ParseScheme(options.scheme));
  EDGEML_ASSIGN_OR_RETURN(out.input_type, ParseType(options.input_type));
  EDGEML_ASSIGN_OR_RETURN(out.output_type, ParseType(options.output_type));
  out.per_channel = !options.per_tensor;
  for (const std::string& text : options.bits) {
    const size_t equals = text.rfind('=');
    const std::string number = equals == std::string::npos ? "" : text.substr(equals + 1);
    if (number != "8" && number != "4" && number != "1" && number != "32")
      return Error(Code::kInvalidArgument, "--bits ", text,
                   ": expected LAYER=8, LAYER=4, LAYER=1 or LAYER=32 (float)");
    out.bits[text.substr(0, equals)] = std::stoi(number);
  }
  return out;
}

// What pixels go through: the options, else what the model says.
Result<data::PreprocessOptions> Preprocess(const Options& options, const ir::Module& module) {
  EDGEML_ASSIGN_OR_RETURN(data::PreprocessOptions out, options.pixels.Preprocess());
  EDGEML_ASSIGN_OR_RETURN(const auto metadata, tflite::ReadModelMetadata(module));
  if (metadata && !metadata->inputs.empty())
    out.metadata = {metadata->inputs[0].mean, metadata->inputs[0].std};
  return out;
}

Result<quantize::CalibrationResult> ReadRangesFile(const std::string& path,
                                                   const ir::Module& module) {
  EDGEML_ASSIGN_OR_RETURN(const std::shared_ptr<const MappedFile> file, MappedFile::Open(path));
  const std::span<const std::byte> bytes = file->bytes();
  auto seen = quantize::ReadRanges({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  if (!seen.ok()) return Status(seen.status()).WithContext(path);
  Status fits = seen->CheckModel(module);
  if (!fits.ok()) return std::move(fits).WithContext(path);
  return seen;
}

Status WriteRangesFile(const std::string& path, const quantize::CalibrationResult& seen) {
  const std::string text = quantize::WriteRanges(seen);
  return WriteFileAtomically(path, std::as_bytes(std::span<const char>(text)));
}

// Whether forms of the model are tried and judged.
bool Searches(const Options& options) { return options.automatic || options.scheme == "mixed"; }

// "1%" or "0.5 %" of accuracy, in points; as a fraction.
Result<double> ParseDrop(const std::string& text) {
  const std::string number = text.substr(0, text.find_first_of(" %"));
  double points = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), points);
  if (error != std::errc() || end != number.data() + number.size() || points < 0 || points > 100)
    return Error(Code::kInvalidArgument, "--max-drop ", text,
                 ": expected points of accuracy such as 1%");
  return points / 100;
}

Result<std::unique_ptr<quantize::SampleSource>> OpenSamples(const Options& options,
                                                            const quantize::Prepared& model) {
  if (options.calibration.empty())
    return Error(Code::kInvalidArgument, "the scheme ", options.scheme,
                 " needs to see data: --calibration DATA, or --ranges F from an earlier run");
  EDGEML_ASSIGN_OR_RETURN(const data::PreprocessOptions preprocess,
                          Preprocess(options, model.module));
  data::DatasetOptions how;
  how.default_split = "train";
  EDGEML_ASSIGN_OR_RETURN(std::shared_ptr<const data::Dataset> dataset,
                          data::OpenDataset(options.calibration, how));
  return quantize::MakeDatasetSamples(std::move(dataset), model.module.graphs[0], preprocess);
}

// A progress bar that Ctrl-C ends. It refers to `bar`.
quantize::Progress Show(const char* label, std::optional<ProgressBar>& bar) {
  return [label, &bar](int64_t done, int64_t total) {
    if (!bar) bar.emplace(label, total);
    bar->Update(done);
    return !Interrupted();
  };
}

Result<quantize::CalibrationResult> Calibrate(const Options& options,
                                              const quantize::Prepared& model,
                                              const quantize::SampleSource* samples) {
  if (!options.ranges.empty()) return ReadRangesFile(options.ranges, model.module);
  quantize::CalibrationOptions calibration;
  calibration.method = *quantize::RangeMethodOf(options.method);
  calibration.percentile = options.percentile;
  calibration.threads = options.threads;
  calibration.limit = options.samples;
  calibration.histograms = Searches(options) || !options.report.empty();
  std::optional<ProgressBar> progress;
  auto result = quantize::Calibrate(model.module, *samples, calibration, BothBackends(),
                                    Show("calibrate", progress));
  if (!result.ok()) return Status(result.status()).WithContext(options.calibration);
  return result;
}

void Equalize(const Options& options, quantize::Prepared& model, QuantizeOutcome& outcome) {
  quantize::EqualizationOptions how;
  how.relu6_to_relu = options.relu6_to_relu;
  const quantize::EqualizationReport report = quantize::EqualizeLayers(model.module, how);
  // Ranges that training learned are of channels as they were.
  if (report.pairs > 0) model.learned.assign(model.module.graphs[0].values.size(), std::nullopt);
  outcome.notes.push_back(Concat("equalized ", report.pairs, " pairs of layers, by factors up to ",
                                 Significant(report.largest_scale)));
  if (report.relu6 > 0) outcome.notes.push_back(Concat(report.relu6, " RELU6 became RELU"));
}

Result<Evaluation> EvaluateModule(const Options& options, std::vector<std::byte> bytes) {
  EDGEML_ASSIGN_OR_RETURN(const data::PreprocessOptions preprocess, options.pixels.Preprocess());
  EDGEML_ASSIGN_OR_RETURN(const std::unique_ptr<data::Dataset> dataset,
                          data::OpenDataset(options.eval));
  EDGEML_ASSIGN_OR_RETURN(Model model, Model::FromBytes(bytes));
  EDGEML_ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine,
                          Engine::Make(options.out, std::move(model), EngineOptions{}));
  return Evaluate(*engine, *dataset, preprocess, options.eval_limit);
}

bool Refines(const Options& options) {
  return options.rounding != "nearest" || options.bias_correction;
}

Status Refine(const Options& options, const quantize::Prepared& model,
              const quantize::Ranges& ranges, const quantize::SampleSource& samples,
              quantize::QuantizeOptions& how, QuantizeOutcome& outcome) {
  quantize::RefineOptions refine;
  refine.round = options.rounding == "adaround";
  refine.correct_bias = options.bias_correction;
  refine.limit = options.rounding_samples;
  refine.threads = options.threads;
  std::optional<ProgressBar> progress;
  EDGEML_ASSIGN_OR_RETURN(outcome.refined,
                          quantize::Refine(model.module, ranges, samples, refine, BothBackends(),
                                           Show("refine", progress), how));
  return Status::Ok();
}

// Signal to noise of what each float operator makes, on some of the calibration samples.
Status MeasureLayers(const Options& options, const quantize::Prepared& model,
                     const ir::Module& small, const quantize::SampleSource& samples,
                     QuantizeOutcome& outcome) {
  constexpr int64_t kSamples = 32;
  const ir::Graph& graph = model.module.graphs[0];
  std::vector<quantize::LayerPair> pairs;
  for (const LayerReport& layer : outcome.layers)
    if (layer.output >= 0 &&
        graph.values[static_cast<size_t>(layer.output)].type == DType::kFloat32)
      pairs.push_back({layer.output, layer.output});
  quantize::CompareOptions how;
  how.limit = kSamples;
  how.threads = options.threads;
  EDGEML_ASSIGN_OR_RETURN(outcome.errors, quantize::CompareLayers(model.module, small, pairs,
                                                                  samples, how, BothBackends()));
  return Status::Ok();
}

// Latency of both models, one thread, in turns.
Status MeasureSpeed(const Options& options, const std::vector<std::byte>& float_bytes,
                    const std::vector<std::byte>& bytes, QuantizeOutcome& outcome) {
  constexpr int kRuns = 30;
  std::unique_ptr<Engine> engines[2];
  std::vector<double> times[2];
  for (int side = 0; side < 2; ++side) {
    EDGEML_ASSIGN_OR_RETURN(Model model, Model::FromBytes(side == 0 ? float_bytes : bytes));
    EDGEML_ASSIGN_OR_RETURN(engines[side],
                            Engine::Make(options.out, std::move(model), EngineOptions{}));
    EDGEML_RETURN_IF_ERROR(engines[side]->FeedRandom(1));
  }
  for (int run = 0; run < kRuns; ++run) {
    for (int side = 0; side < 2; ++side) {
      if (Interrupted()) return Error(Code::kCancelled, "interrupted");
      EDGEML_RETURN_IF_ERROR(engines[side]->Run());
      times[side].push_back(engines[side]->last_run_ms());
    }
  }
  for (int side = 0; side < 2; ++side) {
    ModelFigures& figures = side == 0 ? outcome.before : outcome.after;
    figures.latency_ms = SpreadOf(std::move(times[side])).median;
    figures.arena_bytes = static_cast<int64_t>(engines[side]->session().memory_plan().arena_bytes);
  }
  return Status::Ok();
}

// The accuracy of a module, as the searches ask for it.
quantize::Judge MakeJudge(const Options& options) {
  return [&options](const ir::Module& module) -> Result<double> {
    ir::Module compact = module;
    ir::CompactValues(compact);
    EDGEML_ASSIGN_OR_RETURN(std::vector<std::byte> bytes, tflite::WriteTflite(compact));
    EDGEML_ASSIGN_OR_RETURN(const Evaluation found, EvaluateModule(options, std::move(bytes)));
    return found.accuracy;
  };
}

// --auto and --scheme mixed.
Status Search(const Options& options, const quantize::Prepared& model,
              const quantize::CalibrationResult& seen, const quantize::SampleSource& samples,
              double float_accuracy, quantize::QuantizeOptions& how, quantize::Ranges& ranges,
              QuantizeOutcome& outcome) {
  EDGEML_ASSIGN_OR_RETURN(const double max_drop, ParseDrop(options.max_drop));
  const runtime::Backends backends = BothBackends();
  std::optional<ProgressBar> progress;
  quantize::SearchInput input{model, seen, samples, backends, MakeJudge(options)};
  input.float_score = float_accuracy;
  input.max_drop = max_drop;
  input.refine.limit = options.rounding_samples;
  input.refine.threads = options.threads;
  input.on_step = [](const quantize::SearchStep& step) {
    std::fprintf(stderr, "%s: %s%s\n", Printable(step.what).c_str(), Percent(step.score).c_str(),
                 step.kept ? "" : ", not kept");
  };
  input.progress = [](int64_t, int64_t) { return !Interrupted(); };
  size_t max_bytes = 0;
  if (!options.max_size.empty()) {
    EDGEML_ASSIGN_OR_RETURN(max_bytes, ParseBytes(options.max_size));
  }
  const bool mixed = how.scheme == Scheme::kMixed;
  EDGEML_ASSIGN_OR_RETURN(quantize::SearchResult found,
                          mixed ? quantize::MixBits(input, how, static_cast<int64_t>(max_bytes))
                                : quantize::MendUntilGood(input, how));
  how = std::move(found.options);
  ranges = std::move(found.ranges);
  outcome.steps = std::move(found.steps);
  outcome.costs = std::move(found.costs);
  outcome.within_budget = found.within_budget;
  if (found.within_budget || max_bytes > 0) return Status::Ok();
  return Error(Code::kFailed, "the best that was found has an accuracy of ", Percent(found.score),
               ", more than ", options.max_drop, " below the float model's ",
               Percent(float_accuracy),
               "; nothing is written. A larger --max-drop, more "
               "calibration data or --scheme int16x8 may help");
}

Status QuantizeFile(const Options& options, bool json) {
  EDGEML_ASSIGN_OR_RETURN(quantize::QuantizeOptions how, ParseQuantize(options));
  EDGEML_ASSIGN_OR_RETURN(const auto sparse, passes::ParseSparse(options.sparse));
  EDGEML_RETURN_IF_ERROR(CheckOutput(options.out));
  convert::Options reading;
  EDGEML_RETURN_IF_ERROR(options.reading.Apply(reading));
  convert::Report read;
  EDGEML_ASSIGN_OR_RETURN(ir::Module module, convert::Convert(options.in, reading, &read));
  MetadataOptions metadata = options.metadata;
  metadata.mean = options.pixels.mean;
  metadata.std = options.pixels.std;
  EDGEML_RETURN_IF_ERROR(metadata.Apply(module));

  QuantizeOutcome outcome;
  outcome.in = options.in;
  outcome.out = options.out;
  outcome.scheme = options.scheme;
  outcome.method = options.method;
  outcome.eval = options.eval;
  outcome.format = read.format;
  outcome.version = read.version;
  outcome.input_bytes = read.input_bytes;
  outcome.notes = read.notes;
  convert::ReferenceEvaluator evaluator(EffectiveMemoryCap(reading.memory_cap));
  auto prepared = quantize::Prepare(std::move(module), evaluator);
  if (!prepared.ok()) return Status(prepared.status()).WithContext(options.in);
  outcome.notes.insert(outcome.notes.end(), prepared->notes.begin(), prepared->notes.end());
  ir::Module compact = prepared->module;
  ir::CompactValues(compact);
  EDGEML_ASSIGN_OR_RETURN(std::vector<std::byte> float_bytes, tflite::WriteTflite(compact));
  outcome.before.bytes = float_bytes.size();

  if (options.equalize) Equalize(options, *prepared, outcome);
  quantize::Ranges ranges;
  const bool calibrated = quantize::InfoOf(how.scheme).calibrated, refines = Refines(options);
  if (Searches(options) && (!calibrated || options.eval.empty()))
    return Error(Code::kInvalidArgument,
                 "--auto and --scheme mixed judge by accuracy: give --eval DATA, and a scheme that "
                 "is calibrated");
  if (!options.eval.empty()) {
    EDGEML_ASSIGN_OR_RETURN(outcome.before.evaluation, EvaluateModule(options, float_bytes));
  }
  std::unique_ptr<quantize::SampleSource> samples;
  if ((calibrated && options.ranges.empty()) || refines || Searches(options)) {
    EDGEML_ASSIGN_OR_RETURN(samples, OpenSamples(options, *prepared));
  }
  if (calibrated) {
    EDGEML_ASSIGN_OR_RETURN(const quantize::CalibrationResult seen,
                            Calibrate(options, *prepared, samples.get()));
    outcome.calibration_samples = seen.samples;
    outcome.notes.insert(outcome.notes.end(), seen.warnings.begin(), seen.warnings.end());
    if (!options.save_ranges.empty())
      EDGEML_RETURN_IF_ERROR(WriteRangesFile(options.save_ranges, seen));
    ranges = quantize::ChooseRanges(seen, *prepared, how.scheme);
    if (!options.report.empty())
      for (const quantize::TensorRecord& tensor : seen.tensors)
        if (tensor.graph == 0) outcome.observed.emplace(tensor.value, tensor.observer);
    if (Searches(options))
      EDGEML_RETURN_IF_ERROR(Search(options, *prepared, seen, *samples,
                                    outcome.before.evaluation->accuracy, how, ranges, outcome));
  }
  if (refines && !Searches(options))
    EDGEML_RETURN_IF_ERROR(Refine(options, *prepared, ranges, *samples, how, outcome));
  outcome.ranges = ranges;
  EDGEML_ASSIGN_OR_RETURN(ir::Module small,
                          quantize::Quantize(prepared->module, ranges, how, &outcome.layers));
  if (!options.report.empty() && samples != nullptr)
    EDGEML_RETURN_IF_ERROR(MeasureLayers(options, *prepared, small, *samples, outcome));
  if (sparse) {
    EDGEML_ASSIGN_OR_RETURN(const passes::SparseReport stored, passes::StoreSparse(small, *sparse));
    if (stored.constants > 0) outcome.notes.push_back(stored.ToString());
  }
  ir::CompactValues(small);
  outcome.ops = static_cast<int64_t>(small.graphs[0].nodes.size());
  EDGEML_ASSIGN_OR_RETURN(std::vector<std::byte> bytes, tflite::WriteTflite(small));
  if (!options.eval.empty()) {
    EDGEML_ASSIGN_OR_RETURN(outcome.after.evaluation, EvaluateModule(options, bytes));
  }
  if (!options.report.empty())
    EDGEML_RETURN_IF_ERROR(MeasureSpeed(options, float_bytes, bytes, outcome));
  EDGEML_ASSIGN_OR_RETURN(outcome.after.bytes, WriteModel(small, options.out));
  if (!options.report.empty()) {
    const std::string page = ReportPage(outcome);
    EDGEML_RETURN_IF_ERROR(
        WriteFileAtomically(options.report, std::as_bytes(std::span<const char>(page))));
  }
  if (json)
    PrintJson(ToJson(outcome));
  else
    PrintOutcome(outcome);
  return Status::Ok();
}

}  // namespace

Action AddQuantize(CLI::App& app) {
  auto options = std::make_shared<Options>();
  std::string schemes;
  for (const quantize::SchemeInfo& info : quantize::Schemes())
    schemes += Concat(schemes.empty() ? "" : "; ", info.name, ": ", info.means);
  app.add_option("IN", options->in,
                 "Float model: .tflite, .h5, .keras, .json, the folder of a SavedModel, .pb")
      ->required();
  app.add_option("OUT", options->out, "File to write: .tflite, or .c, .cc, .h (C array)")
      ->required();
  app.add_option("--scheme", options->scheme, schemes)->capture_default_str();
  app.add_option("--calibration", options->calibration,
                 "Data to see the ranges of activations on: mnist:DIR[:train|:test], "
                 "cifar10:FILE.bin, images:DIR, csv:FILE:LABEL, npz:FILE, wavs:DIR or digits");
  app.add_option("--samples", options->samples, "Only so many of them, evenly spread")
      ->check(CLI::PositiveNumber);
  app.add_option("--method", options->method,
                 "How a range follows from what was seen: min-max, moving-average, percentile, "
                 "mse, entropy")
      ->check(CLI::IsMember({"min-max", "moving-average", "percentile", "mse", "entropy"}))
      ->capture_default_str();
  app.add_option("--percentile", options->percentile, "Share of values inside the range, percent")
      ->check(CLI::Range(50.0, 100.0));
  app.add_option("--ranges", options->ranges, "Take the ranges that --save-ranges wrote");
  app.add_option("--save-ranges", options->save_ranges, "Write them as JSON");
  app.add_option("--threads", options->threads, "Threads that calibrate (default: all processors)")
      ->check(CLI::Range(1, 256));
  app.add_option("--input-type", options->input_type, "float32, int8, uint8 or int16")
      ->capture_default_str();
  app.add_option("--output-type", options->output_type, "Likewise")->capture_default_str();
  app.add_flag("--equalize", options->equalize,
               "Bring channels of neighbouring layers to like ranges first");
  app.add_flag(
      "--relu6-to-relu", options->relu6_to_relu,
      "With --equalize: RELU6 between layers becomes RELU, so that channels can be scaled");
  app.add_option("--rounding", options->rounding,
                 "nearest, or adaround: learned from the calibration data")
      ->check(CLI::IsMember({"nearest", "adaround"}))
      ->capture_default_str();
  app.add_flag("--bias-correction", options->bias_correction,
               "Biases take up the mean error of each channel, on the calibration data");
  app.add_option("--rounding-samples", options->rounding_samples,
                 "Use only so many samples for these two")
      ->check(CLI::PositiveNumber);
  app.add_flag("--per-tensor", options->per_tensor, "One scale for the weights of a layer");
  app.add_option("--block-size", options->quantize.block_size,
                 "Scales for blocks of so many int4 weights in dense layers, e.g. 32")
      ->check(CLI::Range(1, 1024));
  app.add_option("--bits", options->bits,
                 "LAYER=8, 4, 1 or 32 (float): weights of the layer that makes this tensor");
  app.add_option("--keep-float", options->quantize.keep_float,
                 "Operators (SOFTMAX) or tensors whose layers stay float");
  app.add_flag("--allow-float", options->quantize.allow_float,
               "Operators without integer form stay float instead of being an error");
  app.add_flag("--auto", options->automatic,
               "Mend step by step until the accuracy on --eval is within --max-drop");
  app.add_option("--max-drop", options->max_drop,
                 "With --auto and --scheme mixed: points of accuracy that may be lost")
      ->capture_default_str();
  app.add_option("--max-size", options->max_size,
                 "With --scheme mixed: bytes of weights instead, e.g. 60K");
  app.add_option(
         "--sparse", options->sparse,
         "Pruned weights without their zeros where that is smaller: auto, off, or all (also "
         "where LiteRT needs its delegates turned off)")
      ->check(CLI::IsMember({"auto", "off", "all"}))
      ->capture_default_str();
  app.add_option("--eval", options->eval, "Data to measure accuracy on, before and after");
  app.add_option("--report", options->report,
                 "Write a page (.html): sizes, speed, accuracy, what each layer lost and why");
  app.add_option("--eval-limit", options->eval_limit, "Only the first N examples of it")
      ->check(CLI::PositiveNumber);
  options->pixels.AddTo(app);
  options->metadata.AddLabelsTo(app);
  options->reading.AddTo(app);
  return [options](bool json) { return QuantizeFile(*options, json); };
}

}  // namespace edgeml::cli
