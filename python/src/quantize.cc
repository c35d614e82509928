#include "python/src/quantize.h"

#include <nanobind/nanobind.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "python/src/convert.h"
#include "src/backends/cpu/cpu_backend.h"
#include "src/backends/reference/reference_backend.h"
#include "src/base/memory_info.h"
#include "src/base/strings.h"
#include "src/compress/quantize/calibration_file.h"
#include "src/compress/quantize/pipeline.h"
#include "src/compress/quantize/samples.h"
#include "src/convert/evaluator.h"
#include "src/formats/tflite/writer.h"
#include "src/ir/rewriter.h"

namespace edgeml::python {
namespace {

namespace nb = nanobind;

constexpr DType kSampleTypes[] = {DType::kFloat32, DType::kFloat64, DType::kFloat16, DType::kInt8,
                                  DType::kUInt8,   DType::kInt16,   DType::kUInt16,  DType::kInt32,
                                  DType::kUInt32,  DType::kInt64,   DType::kUInt64,  DType::kBool};

Result<DType> TypeNamed(const std::string& name) {
  for (const DType type : kSampleTypes)
    if (NameOf(type) == name) return type;
  return Error(Code::kInvalidArgument, "no type '", name, "' that models take");
}

// Every one has a default, so that Python hands over those that it was given.
struct Settings {
  std::string scheme = "int8", input_type = "float32", output_type = "float32";
  std::string method = "min-max", rounding = "squant", ranges, sparse = "off";
  double percentile = quantize::kDefaultPercentile, max_drop = 0.01, max_latency = 0;
  double smooth_alpha = 0.5;
  bool per_channel = true, allow_float = false, equalize = false, relu6_to_relu = false;
  bool smooth = false, sensitivity = false;
  bool bias_correction = false, automatic = false;
  int threads = 0, block_size = 0;
  int64_t samples = 0, rounding_samples = 0, max_size = 0;
  std::vector<std::string> keep_float;
  std::map<std::string, int> bits;
  // Ranges come from training (FAKE_QUANT), and this one from nowhere.
  std::optional<std::pair<float, float>> default_range;
  bool learned_only = false;
  nb::object evaluate;  // bytes → a number, of which more is better
};

template <typename T>
void Set(const nb::dict& given, const char* name, T& field) {
  if (given.contains(name)) field = nb::cast<T>(given[name]);
}

Settings SettingsOf(const nb::dict& given) {
  Settings s;
  Set(given, "scheme", s.scheme);
  Set(given, "input_type", s.input_type);
  Set(given, "output_type", s.output_type);
  Set(given, "method", s.method);
  Set(given, "rounding", s.rounding);
  Set(given, "ranges", s.ranges);
  Set(given, "sparse", s.sparse);
  Set(given, "percentile", s.percentile);
  Set(given, "max_drop", s.max_drop);
  Set(given, "per_channel", s.per_channel);
  Set(given, "allow_float", s.allow_float);
  Set(given, "equalize", s.equalize);
  Set(given, "relu6_to_relu", s.relu6_to_relu);
  Set(given, "smooth", s.smooth);
  Set(given, "smooth_alpha", s.smooth_alpha);
  Set(given, "bias_correction", s.bias_correction);
  Set(given, "auto", s.automatic);
  Set(given, "threads", s.threads);
  Set(given, "block_size", s.block_size);
  Set(given, "samples", s.samples);
  Set(given, "rounding_samples", s.rounding_samples);
  Set(given, "max_size", s.max_size);
  Set(given, "sensitivity", s.sensitivity);
  Set(given, "max_latency", s.max_latency);
  Set(given, "keep_float", s.keep_float);
  Set(given, "bits", s.bits);
  Set(given, "default_range", s.default_range);
  Set(given, "learned_only", s.learned_only);
  Set(given, "evaluate", s.evaluate);
  return s;
}

Result<quantize::PipelineOptions> OptionsOf(const Settings& s) {
  quantize::PipelineOptions out;
  quantize::QuantizeOptions& how = out.quantize;
  EDGEML_ASSIGN_OR_RETURN(how.scheme, quantize::ParseScheme(s.scheme));
  EDGEML_ASSIGN_OR_RETURN(how.input_type, TypeNamed(s.input_type));
  EDGEML_ASSIGN_OR_RETURN(how.output_type, TypeNamed(s.output_type));
  how.per_channel = s.per_channel;
  how.block_size = s.block_size;
  how.allow_float = s.allow_float;
  how.keep_float = s.keep_float;
  how.bits = s.bits;
  EDGEML_ASSIGN_OR_RETURN(out.calibration.method, quantize::ParseRangeMethod(s.method));
  EDGEML_ASSIGN_OR_RETURN(out.rounding, quantize::ParseRounding(s.rounding));
  EDGEML_ASSIGN_OR_RETURN(out.sparse, passes::ParseSparse(s.sparse));
  out.calibration.percentile = s.percentile;
  out.calibration.threads = s.threads;
  out.calibration.limit = s.samples;
  out.equalize = s.equalize;
  out.relu6_to_relu = s.relu6_to_relu;
  out.smooth = s.smooth;
  out.smooth_alpha = s.smooth_alpha;
  out.bias_correction = s.bias_correction;
  out.rounding_samples = s.rounding_samples;
  out.learned_only = s.learned_only;
  if (s.default_range) out.default_range = {s.default_range->first, s.default_range->second};
  out.automatic = s.automatic;
  out.max_drop = s.max_drop;
  out.max_bytes = s.max_size;
  out.max_latency_ms = s.max_latency;
  out.sensitivity = s.sensitivity;
  out.judged = s.evaluate.is_valid() && !s.evaluate.is_none();
  return out;
}

runtime::Backends BothBackends() {
  return {&backends::CpuBackend(), &backends::ReferenceBackend()};
}

// Ctrl-C ends the work. Called without the interpreter's lock.
bool GoOn(int64_t, int64_t) {
  nb::gil_scoped_acquire gil;
  return PyErr_CheckSignals() == 0;
}

Result<std::vector<std::byte>> Bytes(const ir::Module& module) {
  ir::Module compact = module;
  ir::CompactValues(compact);
  return tflite::WriteTflite(compact);
}

// A model that was read, samples that are added, and its quantized form.
class Quantizer {
 public:
  convert::Report read;
  std::vector<std::string> notes;

  static Result<std::unique_ptr<Quantizer>> Open(const std::string& path,
                                                 const convert::Options& options) {
    auto made = std::make_unique<Quantizer>();
    EDGEML_ASSIGN_OR_RETURN(ir::Module module, convert::Convert(path, options, &made->read));
    convert::ReferenceEvaluator evaluator(EffectiveMemoryCap(options.memory_cap));
    EDGEML_ASSIGN_OR_RETURN(made->model_, quantize::Prepare(std::move(module), evaluator));
    EDGEML_ASSIGN_OR_RETURN(const std::vector<std::byte> bytes, Bytes(made->model_.module));
    made->float_bytes_ = bytes.size();
    made->notes = made->read.notes;
    made->notes.insert(made->notes.end(), made->model_.notes.begin(), made->model_.notes.end());
    return made;
  }

  // For each input its name in the signature (else the tensor's), the tensor's, and its type.
  std::vector<std::tuple<std::string, std::string, std::string>> Inputs() const {
    const ir::Module& module = model_.module;
    std::vector<std::tuple<std::string, std::string, std::string>> found;
    for (const int32_t v : module.graphs[0].inputs) {
      const ir::Value& value = module.graphs[0].values[static_cast<size_t>(v)];
      std::string name = value.name;
      for (const ir::Signature& signature : module.signatures)
        if (signature.subgraph == 0)
          for (const auto& [key, index] : signature.inputs)
            if (index == v) name = key;
      found.emplace_back(name, value.name, std::string(NameOf(value.type)));
    }
    return found;
  }

  // An array for each input: type, shape, bytes.
  Status Add(const std::vector<std::tuple<std::string, std::vector<int32_t>, nb::bytes>>& arrays) {
    std::vector<data::Array> sample;
    for (const auto& [type, shape, bytes] : arrays) {
      data::Array array;
      EDGEML_ASSIGN_OR_RETURN(array.type, TypeNamed(type));
      if (shape.size() > static_cast<size_t>(kMaxRank))
        return Error(Code::kInvalidArgument, "an array of ", shape.size(), " dimensions");
      array.shape = Shape(std::span<const int32_t>(shape));
      const auto* const data = static_cast<const uint8_t*>(bytes.data());
      array.bytes.assign(data, data + bytes.size());
      sample.push_back(std::move(array));
    }
    EDGEML_RETURN_IF_ERROR(quantize::CheckSample(model_.module.graphs[0], sample));
    samples_.push_back(std::move(sample));
    return Status::Ok();
  }

  // The samples are gone afterwards.
  Result<std::vector<std::byte>> Run(const Settings& s, quantize::PipelineResult& outcome) {
    EDGEML_ASSIGN_OR_RETURN(const quantize::PipelineOptions how, OptionsOf(s));
    const auto samples = quantize::MakeArraySamples(std::move(samples_));
    quantize::PipelineInput input;
    input.model = model_;
    input.samples = samples.get();
    input.backends = BothBackends();
    input.progress = [](std::string_view) -> quantize::Progress { return GoOn; };
    if (!s.ranges.empty()) {
      EDGEML_ASSIGN_OR_RETURN(input.seen, quantize::ReadRanges(s.ranges));
    }
    if (s.evaluate.is_valid() && !s.evaluate.is_none()) input.judge = JudgeOf(s);
    EDGEML_ASSIGN_OR_RETURN(outcome, quantize::RunPipeline(std::move(input), how));
    if (!outcome.within_budget)
      return Error(Code::kFailed, "the best that was found scores ", outcome.score, ", more than ",
                   s.max_drop, " below the float model's ", outcome.float_score,
                   "; a larger max_drop, more samples or the scheme int16x8 may help");
    return Bytes(outcome.small);
  }

  uint64_t float_bytes() const { return float_bytes_; }

 private:
  // `s` must live longer.
  static quantize::Judge JudgeOf(const Settings& s) {
    return [&s](const ir::Module& module) -> Result<double> {
      EDGEML_ASSIGN_OR_RETURN(const std::vector<std::byte> bytes, Bytes(module));
      nb::gil_scoped_acquire gil;
      try {
        return nb::cast<double>(s.evaluate(nb::bytes(bytes.data(), bytes.size())));
      } catch (nb::python_error& error) {
        error.restore();  // thrown on when the work has ended
        return Error(Code::kFailed, "`evaluate` failed");
      } catch (const std::exception&) {
        return Error(Code::kInvalidArgument, "`evaluate` returned no number");
      }
    };
  }

  quantize::Prepared model_;
  uint64_t float_bytes_ = 0;
  std::vector<std::vector<data::Array>> samples_;
};

nb::dict OutcomeDict(const Quantizer& quantizer, const Settings& s,
                     const quantize::PipelineResult& outcome, size_t bytes) {
  nb::dict out = ReportDict(quantizer.read);
  out["scheme"] = s.scheme;
  std::vector<std::string> notes = quantizer.notes;
  notes.insert(notes.end(), outcome.notes.begin(), outcome.notes.end());
  out["notes"] = notes;
  out["float_bytes"] = quantizer.float_bytes();
  out["output_bytes"] = bytes;
  out["ops"] = outcome.small.graphs[0].nodes.size();
  out["calibration_samples"] = outcome.seen ? outcome.seen->samples : 0;
  out["ranges"] = outcome.seen ? quantize::WriteRanges(*outcome.seen) : "";
  out["within_budget"] = outcome.within_budget;
  nb::list layers, refined, steps;
  for (const quantize::LayerReport& layer : outcome.layers) {
    nb::dict one;
    one["op"] = layer.op;
    one["name"] = layer.name;
    one["quantized"] = layer.quantized;
    if (layer.weight_bits > 0) one["weight_bits"] = layer.weight_bits;
    if (!layer.reason.empty()) one["reason"] = layer.reason;
    layers.append(one);
  }
  for (const quantize::RefinedLayer& layer : outcome.refined) {
    nb::dict one;
    one["op"] = layer.op;
    one["name"] = layer.name;
    one["weights"] = layer.weights;
    one["changed"] = layer.changed;
    one["nearest_error"] = layer.nearest_error;
    one["error"] = layer.error;
    if (!layer.note.empty()) one["note"] = layer.note;
    refined.append(one);
  }
  for (const quantize::SearchStep& step : outcome.steps) {
    nb::dict one;
    one["what"] = step.what;
    one["score"] = step.score;
    one["kept"] = step.kept;
    steps.append(one);
  }
  nb::list costs;
  for (const quantize::LayerCost& cost : outcome.costs) {
    nb::dict one;
    one["op"] = cost.op;
    one["name"] = cost.name;
    one["weights"] = cost.weights;
    one["bits"] = cost.bits;
    one["noise"] = cost.noise;
    if (cost.latency_ms != 0) one["latency_ms"] = cost.latency_ms;
    if (cost.score) one["score"] = *cost.score;
    costs.append(one);
  }
  out["costs"] = costs;
  out["layers"] = layers;
  out["refined"] = refined;
  out["steps"] = steps;
  return out;
}

nb::tuple OpenQuantizer(const std::string& path, std::optional<int32_t> batch,
                        const std::vector<NamedShape>& input_shapes, int verify,
                        const std::string& signature, const std::vector<std::string>& tags,
                        const std::vector<std::string>& inputs,
                        const std::vector<std::string>& outputs, bool allow_custom) {
  const convert::Options options =
      ReadingOptions(batch, input_shapes, verify, signature, tags, inputs, outputs, allow_custom);
  std::unique_ptr<Quantizer> made;
  Status status;
  {
    nb::gil_scoped_release release;
    auto opened = Quantizer::Open(path, options);
    if (opened.ok())
      made = *std::move(opened);
    else
      status = opened.status();
  }
  if (!status.ok()) return nb::make_tuple(nb::none(), status.message());
  return nb::make_tuple(nb::cast(made.release(), nb::rv_policy::take_ownership), "");
}

// (bytes, report), or (None, what is wrong). An exception of `evaluate`, or Ctrl-C, is thrown on.
nb::tuple RunQuantizer(Quantizer& quantizer, const nb::dict& given) {
  const Settings settings = SettingsOf(given);
  quantize::PipelineResult outcome;
  std::vector<std::byte> bytes;
  Status status;
  {
    nb::gil_scoped_release release;
    auto made = quantizer.Run(settings, outcome);
    if (made.ok())
      bytes = *std::move(made);
    else
      status = made.status();
  }
  if (PyErr_Occurred() != nullptr) throw nb::python_error();
  if (!status.ok()) return nb::make_tuple(nb::none(), status.message());
  return nb::make_tuple(nb::bytes(bytes.data(), bytes.size()),
                        OutcomeDict(quantizer, settings, outcome, bytes.size()));
}

}  // namespace

void AddQuantizer(nb::module_& m) {
  using namespace nanobind::literals;  // NOLINT: nanobind's names of arguments
  nb::class_<Quantizer>(m, "Quantizer")
      .def("inputs", &Quantizer::Inputs)
      .def("add",
           [](Quantizer& quantizer,
              const std::vector<std::tuple<std::string, std::vector<int32_t>, nb::bytes>>& arrays) {
             return std::string(quantizer.Add(arrays).message());
           })
      .def("run", &RunQuantizer);
  m.def("open_quantizer", &OpenQuantizer, "path"_a, "batch"_a = nb::none(),
        "input_shapes"_a = std::vector<NamedShape>(), "verify"_a = 1, "signature"_a = "",
        "tags"_a = std::vector<std::string>(), "inputs"_a = std::vector<std::string>(),
        "outputs"_a = std::vector<std::string>(), "allow_custom"_a = false);
}

}  // namespace edgeml::python
