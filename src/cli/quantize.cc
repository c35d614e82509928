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
#include "src/compress/quantize/calibration_file.h"
#include "src/compress/quantize/pipeline.h"
#include "src/compress/quantize/samples.h"
#include "src/convert/evaluator.h"
#include "src/formats/tflite/metadata.h"
#include "src/formats/tflite/writer.h"
#include "src/ir/rewriter.h"

namespace edgeml::cli {
namespace {

using quantize::LayerReport;

struct Options {
  std::string in, out;
  ImportOptions reading;
  MetadataOptions metadata;
  PixelOptions pixels;
  std::string scheme = "int8", input_type = "float32", output_type = "float32";
  std::string calibration, ranges, save_ranges, method = "min-max", eval;
  std::string rounding = "squant", max_drop = "1%", max_size, report;
  SparseOption sparse;
  std::vector<std::string> bits;
  bool per_tensor = false;
  int64_t eval_limit = 0;
  quantize::PipelineOptions pipeline;
};

runtime::Backends BothBackends() {
  return {&backends::CpuBackend(), &backends::ReferenceBackend()};
}

Result<DType> ParseType(const std::string& name) {
  for (const DType type : {DType::kFloat32, DType::kInt8, DType::kUInt8, DType::kInt16})
    if (NameOf(type) == name) return type;
  return Error(Code::kInvalidArgument, "no type '", name, "'; float32, int8, uint8 or int16");
}

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

Result<quantize::PipelineOptions> ParsePipeline(const Options& options) {
  quantize::PipelineOptions out = options.pipeline;
  quantize::QuantizeOptions& how = out.quantize;
  EDGEML_ASSIGN_OR_RETURN(how.scheme, quantize::ParseScheme(options.scheme));
  EDGEML_ASSIGN_OR_RETURN(how.input_type, ParseType(options.input_type));
  EDGEML_ASSIGN_OR_RETURN(how.output_type, ParseType(options.output_type));
  EDGEML_ASSIGN_OR_RETURN(out.sparse, options.sparse.For(options.out));
  how.per_channel = !options.per_tensor;
  for (const std::string& text : options.bits) {
    const size_t equals = text.rfind('=');
    const std::string number = equals == std::string::npos ? "" : text.substr(equals + 1);
    if (number != "8" && number != "4" && number != "1" && number != "32")
      return Error(Code::kInvalidArgument, "--bits ", text,
                   ": expected LAYER=8, LAYER=4, LAYER=1 or LAYER=32 (float)");
    how.bits[text.substr(0, equals)] = std::stoi(number);
  }
  EDGEML_ASSIGN_OR_RETURN(out.calibration.method, quantize::ParseRangeMethod(options.method));
  out.calibration.histograms = !options.report.empty();
  EDGEML_ASSIGN_OR_RETURN(out.rounding, quantize::ParseRounding(options.rounding));
  EDGEML_ASSIGN_OR_RETURN(out.max_drop, ParseDrop(options.max_drop));
  if (!options.max_size.empty()) {
    EDGEML_ASSIGN_OR_RETURN(const size_t bytes, ParseBytes(options.max_size));
    out.max_bytes = static_cast<int64_t>(bytes);
  }
  out.judged = !options.eval.empty();
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

Result<quantize::CalibrationResult> ReadRangesFile(const std::string& path) {
  EDGEML_ASSIGN_OR_RETURN(const std::shared_ptr<const MappedFile> file, MappedFile::Open(path));
  const std::span<const std::byte> bytes = file->bytes();
  auto seen = quantize::ReadRanges({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  if (!seen.ok()) return Status(seen.status()).WithContext(path);
  return seen;
}

Status WriteRangesFile(const std::string& path, const quantize::CalibrationResult& seen) {
  const std::string text = quantize::WriteRanges(seen);
  return WriteFileAtomically(path, std::as_bytes(std::span<const char>(text)));
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

// Progress bars that Ctrl-C ends; `bar` outlives them.
std::function<quantize::Progress(std::string_view)> Bars(std::optional<ProgressBar>& bar) {
  return [&bar](std::string_view work) -> quantize::Progress {
    bar.reset();
    return [&bar, work = std::string(work)](int64_t done, int64_t total) {
      if (!work.empty() && !bar) bar.emplace(work, total);
      if (bar) bar->Update(done);
      return !Interrupted();
    };
  };
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

// Signal to noise of what each float operator makes, on some of the calibration samples.
Status MeasureLayers(const quantize::SampleSource& samples, int threads, QuantizeOutcome& outcome) {
  constexpr int64_t kSamples = 32;
  const ir::Module& model = outcome.made.model.module;
  std::vector<quantize::LayerPair> pairs;
  for (const LayerReport& layer : outcome.made.layers)
    if (layer.output >= 0 &&
        model.graphs[0].values[static_cast<size_t>(layer.output)].type == DType::kFloat32)
      pairs.push_back({layer.output, layer.output});
  quantize::CompareOptions how;
  how.limit = kSamples;
  how.threads = threads;
  EDGEML_ASSIGN_OR_RETURN(outcome.errors, quantize::CompareLayers(model, outcome.made.small, pairs,
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

// The module as a file.
Result<std::vector<std::byte>> FileOf(const ir::Module& module) {
  ir::Module compact = module;
  ir::CompactValues(compact);
  return tflite::WriteTflite(compact);
}

// The accuracy of a module, as the searches ask for it.
quantize::Judge MakeJudge(const Options& options) {
  return [&options](const ir::Module& module) -> Result<double> {
    EDGEML_ASSIGN_OR_RETURN(std::vector<std::byte> bytes, FileOf(module));
    EDGEML_ASSIGN_OR_RETURN(const Evaluation found, EvaluateModule(options, std::move(bytes)));
    return found.accuracy;
  };
}

void ShowStep(const quantize::SearchStep& step) {
  std::fprintf(stderr, "%s: %s%s\n", Printable(step.what).c_str(), Percent(step.score).c_str(),
               step.kept ? "" : ", not kept");
}

// The float model, read and prepared.
Result<quantize::Prepared> ReadFloatModel(const Options& options, QuantizeOutcome& outcome) {
  convert::Options reading;
  EDGEML_RETURN_IF_ERROR(options.reading.Apply(reading));
  convert::Report read;
  EDGEML_ASSIGN_OR_RETURN(ir::Module module, convert::Convert(options.in, reading, &read));
  MetadataOptions metadata = options.metadata;
  metadata.mean = options.pixels.mean;
  metadata.std = options.pixels.std;
  EDGEML_RETURN_IF_ERROR(metadata.Apply(module));
  outcome.format = read.format;
  outcome.version = read.version;
  outcome.input_bytes = read.input_bytes;
  outcome.notes = read.notes;
  convert::ReferenceEvaluator evaluator(EffectiveMemoryCap(reading.memory_cap));
  auto prepared = quantize::Prepare(std::move(module), evaluator);
  if (!prepared.ok()) return Status(prepared.status()).WithContext(options.in);
  outcome.notes.insert(outcome.notes.end(), prepared->notes.begin(), prepared->notes.end());
  return prepared;
}

Status QuantizeFile(const Options& options, bool json) {
  EDGEML_ASSIGN_OR_RETURN(const quantize::PipelineOptions how, ParsePipeline(options));
  EDGEML_RETURN_IF_ERROR(CheckOutput(options.out));
  QuantizeOutcome outcome;
  outcome.in = options.in;
  outcome.out = options.out;
  outcome.scheme = options.scheme;
  outcome.method = options.method;
  outcome.eval = options.eval;
  EDGEML_ASSIGN_OR_RETURN(quantize::Prepared prepared, ReadFloatModel(options, outcome));
  EDGEML_ASSIGN_OR_RETURN(const std::vector<std::byte> float_bytes, FileOf(prepared.module));
  outcome.before.bytes = float_bytes.size();

  std::optional<ProgressBar> bar;
  quantize::PipelineInput input;
  input.backends = BothBackends();
  input.progress = Bars(bar);
  input.on_step = ShowStep;
  std::unique_ptr<quantize::SampleSource> samples;
  if (how.NeedsSamples(!options.ranges.empty())) {
    EDGEML_ASSIGN_OR_RETURN(samples, OpenSamples(options, prepared));
    input.samples = samples.get();
    input.samples_name = options.calibration;
  }
  if (!options.ranges.empty()) {
    EDGEML_ASSIGN_OR_RETURN(input.seen, ReadRangesFile(options.ranges));
    input.seen_name = options.ranges;
  }
  if (!options.eval.empty()) {
    EDGEML_ASSIGN_OR_RETURN(outcome.before.evaluation, EvaluateModule(options, float_bytes));
    input.judge = MakeJudge(options);
    input.float_score = outcome.before.evaluation->accuracy;
  }
  input.model = std::move(prepared);
  EDGEML_ASSIGN_OR_RETURN(outcome.made, quantize::RunPipeline(std::move(input), how));
  bar.reset();
  const quantize::PipelineResult& made = outcome.made;
  outcome.notes.insert(outcome.notes.end(), made.notes.begin(), made.notes.end());
  if (!made.within_budget)
    return Error(Code::kFailed, "the best that was found has an accuracy of ", Percent(made.score),
                 ", more than ", options.max_drop, " below the float model's ",
                 Percent(made.float_score),
                 "; nothing is written. A larger --max-drop, more calibration data or --scheme "
                 "int16x8 may help");
  if (!options.save_ranges.empty() && made.seen)
    EDGEML_RETURN_IF_ERROR(WriteRangesFile(options.save_ranges, *made.seen));
  if (!options.report.empty() && samples != nullptr)
    EDGEML_RETURN_IF_ERROR(MeasureLayers(*samples, how.calibration.threads, outcome));
  outcome.ops = static_cast<int64_t>(made.small.graphs[0].nodes.size());
  EDGEML_ASSIGN_OR_RETURN(const std::vector<std::byte> bytes, FileOf(made.small));
  if (!options.eval.empty()) {
    EDGEML_ASSIGN_OR_RETURN(outcome.after.evaluation, EvaluateModule(options, bytes));
  }
  if (!options.report.empty())
    EDGEML_RETURN_IF_ERROR(MeasureSpeed(options, float_bytes, bytes, outcome));
  ir::Module compact = made.small;
  ir::CompactValues(compact);
  EDGEML_ASSIGN_OR_RETURN(outcome.after.bytes, WriteModel(compact, options.out));
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
  app.add_option("--samples", options->pipeline.calibration.limit,
                 "Only so many of them, evenly spread")
      ->check(CLI::PositiveNumber);
  app.add_option("--method", options->method,
                 "How a range follows from what was seen: min-max, moving-average, percentile, "
                 "mse, entropy")
      ->check(CLI::IsMember({"min-max", "moving-average", "percentile", "mse", "entropy"}))
      ->capture_default_str();
  app.add_option("--percentile", options->pipeline.calibration.percentile,
                 "Share of values inside the range, percent")
      ->check(CLI::Range(50.0, 100.0));
  app.add_option("--ranges", options->ranges, "Take the ranges that --save-ranges wrote");
  app.add_option("--save-ranges", options->save_ranges, "Write them as JSON");
  app.add_option("--threads", options->pipeline.calibration.threads,
                 "Threads that calibrate (default: all processors)")
      ->check(CLI::Range(1, 256));
  app.add_option("--input-type", options->input_type, "float32, int8, uint8 or int16")
      ->capture_default_str();
  app.add_option("--output-type", options->output_type, "Likewise")->capture_default_str();
  app.add_flag("--equalize", options->pipeline.equalize,
               "Bring channels of neighbouring layers to like ranges first");
  app.add_flag(
      "--relu6-to-relu", options->pipeline.relu6_to_relu,
      "With --equalize: RELU6 between layers becomes RELU, so that channels can be scaled");
  app.add_flag("--smooth", options->pipeline.smooth,
               "Move outliers of what dense layers read into their weights first, by what the "
               "calibration data shows (SmoothQuant)");
  app.add_option("--smooth-alpha", options->pipeline.smooth_alpha,
                 "With --smooth: how much of the difference goes into the weights")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--rounding", options->rounding,
                 "nearest; squant: keeps the sums of weights, needs no data; or learned from the "
                 "calibration data: adaround, layer by layer, or blocks, for neighbouring layers "
                 "together")
      ->check(CLI::IsMember({"nearest", "squant", "adaround", "blocks"}))
      ->capture_default_str();
  app.add_flag("--bias-correction", options->pipeline.bias_correction,
               "Biases take up the mean error of each channel, on the calibration data");
  app.add_option("--rounding-samples", options->pipeline.rounding_samples,
                 "Use only so many samples for these two")
      ->check(CLI::PositiveNumber);
  app.add_flag("--per-tensor", options->per_tensor, "One scale for the weights of a layer");
  app.add_option("--block-size", options->pipeline.quantize.block_size,
                 "Scales for blocks of so many int4 weights in dense layers, e.g. 32")
      ->check(CLI::Range(1, 1024));
  app.add_option("--bits", options->bits,
                 "LAYER=8, 4, 1 or 32 (float): weights of the layer that makes this tensor");
  app.add_option("--keep-float", options->pipeline.quantize.keep_float,
                 "Operators (SOFTMAX) or tensors whose layers stay float");
  app.add_flag("--allow-float", options->pipeline.quantize.allow_float,
               "Operators without integer form stay float instead of being an error");
  app.add_flag("--auto", options->pipeline.automatic,
               "Mend step by step until the accuracy on --eval is within --max-drop");
  app.add_option("--max-drop", options->max_drop,
                 "With --auto and --scheme mixed: points of accuracy that may be lost")
      ->capture_default_str();
  app.add_flag("--sensitivity", options->pipeline.sensitivity,
               "Measure each layer's cost when it alone is quantized: noise and, with --eval, "
               "accuracy");
  app.add_option("--max-size", options->max_size,
                 "With --scheme mixed: bytes of weights instead, e.g. 60K");
  options->sparse.AddTo(app);
  app.add_option("--max-latency", options->pipeline.max_latency_ms,
                 "With --scheme mixed: milliseconds instead, one thread of this machine; layers "
                 "stay float as far as they last")
      ->check(CLI::PositiveNumber);
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
