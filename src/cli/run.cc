// edgeml run
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "src/base/strings.h"
#include "src/cli/command.h"
#include "src/cli/engine.h"
#include "src/cli/interrupt.h"
#include "src/cli/output.h"
#include "src/cli/results.h"
#include "src/data/array_file.h"
#include "src/data/draw.h"
#include "src/data/image.h"
#include "src/data/labels.h"

namespace edgeml::cli {
namespace {

struct Options {
  std::string model;
  std::vector<std::string> inputs;
  std::string labels, output, draw;
  int top_k = 0;
  double threshold = 0.5;
  bool dequantize = false;
  EngineOptions engine;
  PixelOptions pixels;
};

// The examples of one run, one per model input.
struct Job {
  std::string name;  // of its files
  std::vector<data::Example> examples;
};

std::string InputNames(const Engine& engine) {
  std::string names;
  for (const Port& port : engine.inputs()) names += (names.empty() ? "" : ", ") + port.name;
  return names;
}

// The position of the input called `name`, or -1.
int InputNamed(const Engine& engine, std::string_view name) {
  for (size_t i = 0; i < engine.inputs().size(); ++i) {
    if (engine.inputs()[i].name == name || engine.inputs()[i].info.name == name) {
      return static_cast<int>(i);
    }
  }
  return -1;
}

// An npz file: one array per input, by name; a single array for a single input may have any name.
Result<std::vector<std::pair<int, data::Example>>> FromNpz(const Engine& engine,
                                                           const std::string& path) {
  EDGEML_ASSIGN_OR_RETURN(std::vector<data::NamedArray> arrays, data::ReadNpz(path));
  std::vector<std::pair<int, data::Example>> found;
  std::string names;
  for (data::NamedArray& a : arrays) {
    names += (names.empty() ? "" : ", ") + a.name;
    int at = InputNamed(engine, a.name);
    if (at < 0 && arrays.size() == 1 && engine.inputs().size() == 1) at = 0;
    if (at < 0) continue;
    data::Example example;
    example.values = std::move(a.array);
    example.name = Concat(path, "[", a.name, "]");
    found.emplace_back(at, std::move(example));
  }
  if (found.empty()) {
    return Error(Code::kInvalidArgument, path, ": no array is named like an input of the model (",
                 InputNames(engine), "); it holds: ", names);
  }
  return found;
}

// One file, by its extension, for input `at` or, when that is -1, for the inputs it names itself.
Result<std::vector<std::pair<int, data::Example>>> ReadInput(const Engine& engine,
                                                             const std::string& path, int at) {
  if (path.ends_with(".npz")) return FromNpz(engine, path);
  EDGEML_ASSIGN_OR_RETURN(data::Example example, data::ReadExample(path));
  std::vector<std::pair<int, data::Example>> one;
  one.emplace_back(at, std::move(example));
  return one;
}

// A model of one input runs once per file; a model of several takes one file for each, in their
// order, by NAME=FILE, or by the names in an npz file.
Result<Job> ReadJob(const Engine& engine, const std::vector<std::string>& files) {
  const size_t n = engine.inputs().size();
  Job job;
  std::vector<bool> given(n, false);
  job.examples.resize(n);
  int next = 0;
  for (const std::string& file : files) {
    const size_t equals = file.find('=');
    const int named = equals == std::string::npos ? -1 : InputNamed(engine, file.substr(0, equals));
    const std::string path = named >= 0 ? file.substr(equals + 1) : file;
    EDGEML_ASSIGN_OR_RETURN(auto examples, ReadInput(engine, path, named >= 0 ? named : next++));
    for (auto& [at, example] : examples) {
      if (at >= static_cast<int>(n)) {
        return Error(Code::kInvalidArgument, "the model has ", n, " inputs (", InputNames(engine),
                     "); ", path, " is one too many");
      }
      job.examples[static_cast<size_t>(at)] = std::move(example);
      given[static_cast<size_t>(at)] = true;
    }
    job.name += (job.name.empty() ? "" : ", ") + path;
  }
  for (size_t i = 0; i < n; ++i) {
    if (!given[i]) {
      return Error(Code::kInvalidArgument, "no --input for input '", engine.inputs()[i].name,
                   "'; the model's inputs are: ", InputNames(engine));
    }
  }
  return job;
}

// What a finished run is shown as.
class Presenter {
 public:
  Presenter(const Options& options, Engine& engine, std::vector<std::string> names)
      : options_(options), engine_(engine), names_(std::move(names)) {
    detector_ = FindDetector(engine);
  }

  Status Check() const {
    if (!options_.draw.empty() && !detector_) {
      return Error(Code::kInvalidArgument,
                   "--draw needs a detector: a model that ends in TFLite_Detection_PostProcess");
    }
    // Names that do not fit are found before anything runs.
    for (const Port& port : engine_.outputs()) {
      if (detector_ || names_.empty() || port.info.shape.empty()) break;
      const auto fitted = FitNames(names_, std::max(port.info.shape.back(), 1));
      if (fitted.ok()) return Status::Ok();
      if (&port == &engine_.outputs().back()) return fitted.status();
    }
    return Status::Ok();
  }

  Status Present(const Job& job, bool json, Json& results) {
    Json result = {{"input", job.name}, {"run_ms", engine_.last_run_ms()}};
    if (!json) {
      std::printf("%s  (%s)\n", Printable(job.name).c_str(),
                  Milliseconds(engine_.last_run_ms()).c_str());
    }
    if (detector_) {
      EDGEML_RETURN_IF_ERROR(PresentDetections(job, json, result));
    } else {
      EDGEML_RETURN_IF_ERROR(PresentOutputs(json, result));
    }
    results.push_back(std::move(result));
    return Status::Ok();
  }

 private:
  std::vector<std::string> NamesOf(int output) const {
    if (!names_.empty()) return names_;
    const auto& metadata = engine_.model().metadata().outputs;
    if (static_cast<size_t>(output) < metadata.size()) {
      return metadata[static_cast<size_t>(output)].labels;
    }
    return {};
  }

  Status PresentDetections(const Job& job, bool json, Json& result) {
    EDGEML_ASSIGN_OR_RETURN(const ClassNames names, FitNames(NamesOf(detector_->classes), 0));
    std::vector<Detection> found = Detections(engine_, *detector_, options_.threshold);
    if (options_.top_k > 0 && found.size() > static_cast<size_t>(options_.top_k)) {
      found.resize(static_cast<size_t>(options_.top_k));
    }
    const data::Example& example = job.examples[0];
    const bool picture = example.kind == data::ExampleKind::kPixels;
    data::Image image;
    if (picture) {
      const Shape& shape = example.values.shape;
      image = data::ToRgb({shape[1], shape[0], shape[2], example.values.bytes});
    } else if (!options_.draw.empty()) {
      return Error(Code::kInvalidArgument, "--draw needs a picture as input, not ", job.name);
    }
    const std::vector<int32_t> input =
        engine_.session().tensor_info(engine_.session().input_indices()[0]).shape;
    EDGEML_ASSIGN_OR_RETURN(const data::PreprocessOptions preprocess, options_.pixels.Preprocess());
    Json list = Json::array();
    Table table({">class", "name", ">score", ">left", ">top", ">right", ">bottom"});
    for (size_t i = found.size(); i-- > 0;) {
      // Drawn from the worst, so that the best lies on top.
      const Detection& d = found[i];
      if (options_.draw.empty() || input.size() != 4) continue;
      const data::Box box =
          ToPicture(d, image.width, image.height, input[2], input[1], preprocess.resize);
      const std::string name = names.Of(d.index);
      data::DrawBox(image, box.left, box.top, box.right, box.bottom,
                    data::PaletteColor(static_cast<int>(d.index)),
                    Concat(name.empty() ? std::to_string(d.index) : name, " ", Fixed(d.score, 2)));
    }
    for (const Detection& d : found) {
      Json entry = {{"class", d.index},
                    {"label", names.Of(d.index)},
                    {"score", d.score},
                    {"box", {d.left, d.top, d.right, d.bottom}}};
      std::vector<std::string> row = {std::to_string(d.index), names.Of(d.index),
                                      Fixed(d.score, 3)};
      if (picture && input.size() == 4) {
        const data::Box box =
            ToPicture(d, image.width, image.height, input[2], input[1], preprocess.resize);
        entry["box_pixels"] = {box.left, box.top, box.right, box.bottom};
        for (const float v : {box.left, box.top, box.right, box.bottom}) {
          row.push_back(Fixed(v, 0));
        }
      } else {
        for (const float v : {d.left, d.top, d.right, d.bottom}) row.push_back(Fixed(v, 3));
      }
      list.push_back(std::move(entry));
      table.Add(std::move(row));
    }
    result["detections"] = std::move(list);
    if (!options_.draw.empty()) {
      EDGEML_RETURN_IF_ERROR(data::WritePng(options_.draw, image));
      result["drawn"] = options_.draw;
    }
    if (json) return Status::Ok();
    if (found.empty()) {
      std::printf("  nothing scored %s or more (--threshold)\n",
                  Significant(options_.threshold).c_str());
    } else {
      table.Print();
    }
    if (!options_.draw.empty())
      std::printf("  boxes drawn: %s\n", Printable(options_.draw).c_str());
    return Status::Ok();
  }

  Status PresentOutputs(bool json, Json& result) {
    Json outputs = Json::array();
    for (int i = 0; i < static_cast<int>(engine_.outputs().size()); ++i) {
      const Port& port = engine_.outputs()[static_cast<size_t>(i)];
      const TensorRef tensor = engine_.session().output(i);
      const std::vector<double> values = engine_.OutputValues(i);
      Json out = {{"name", port.name}, {"dtype", NameOf(tensor.dtype)}, {"shape", tensor.shape}};
      if (!json) {
        std::printf("  %s  %s %s\n", Printable(port.name).c_str(),
                    std::string(NameOf(tensor.dtype)).c_str(), ShapeText(tensor.shape).c_str());
      }
      const bool row = !tensor.shape.empty() &&
                       static_cast<size_t>(tensor.shape.back()) == values.size() &&
                       values.size() > 1;
      std::vector<std::string> list = NamesOf(i);
      const auto classes = static_cast<int64_t>(values.size());
      const bool labelled =
          !list.empty() && std::abs(classes - static_cast<int64_t>(list.size())) <= 1;
      if (row && (options_.top_k > 0 || labelled || LooksLikeProbabilities(values))) {
        ClassNames names;
        if (!list.empty()) {
          EDGEML_ASSIGN_OR_RETURN(names, FitNames(std::move(list), classes));
        }
        out["top"] = PresentTop(values, names, json);
      } else {
        PresentStatistics(values, json, out);
      }
      outputs.push_back(std::move(out));
    }
    result["outputs"] = std::move(outputs);
    return Status::Ok();
  }

  Json PresentTop(const std::vector<double>& values, const ClassNames& names, bool json) const {
    Json top = Json::array();
    Table table({">class", "name", ">score"});
    for (const Score& s : TopK(values, options_.top_k > 0 ? options_.top_k : 5)) {
      top.push_back({{"class", s.index}, {"label", names.Of(s.index)}, {"score", s.value}});
      table.Add({std::to_string(s.index), names.Of(s.index), Fixed(s.value, 4)});
    }
    if (!json) {
      table.Print(4);
      if (!names.note.empty()) std::printf("    (%s)\n", Printable(names.note).c_str());
    }
    return top;
  }

  static void PresentStatistics(const std::vector<double>& values, bool json, Json& out) {
    if (values.empty()) return;
    double least = INFINITY, most = -INFINITY, sum = 0;
    for (const double v : values) {
      least = std::min(least, v), most = std::max(most, v), sum += v;
    }
    const double mean = sum / static_cast<double>(values.size());
    out["min"] = least, out["max"] = most, out["mean"] = mean;
    if (values.size() <= 16) out["values"] = values;
    if (json) return;
    std::printf("    min %s, max %s, mean %s\n", Significant(least).c_str(),
                Significant(most).c_str(), Significant(mean).c_str());
    std::string first;
    for (size_t i = 0; i < std::min<size_t>(values.size(), 8); ++i) {
      first += (i == 0 ? "" : "  ") + Significant(values[i]);
    }
    std::printf("    %s%s\n", first.c_str(), values.size() > 8 ? "  …" : "");
  }

  const Options& options_;
  Engine& engine_;
  std::vector<std::string> names_;
  std::optional<DetectorOutputs> detector_;
};

// The outputs of all runs: under the output's name, joined along the batch when there were several
// of one shape, else numbered.
class Keeper {
 public:
  Status Keep(const Engine& engine, bool dequantize) {
    for (int i = 0; i < static_cast<int>(engine.outputs().size()); ++i) {
      EDGEML_ASSIGN_OR_RETURN(data::Array array, engine.Output(i, dequantize));
      std::string name = engine.outputs()[static_cast<size_t>(i)].name;
      if (name.empty()) name = Concat("output_", i);
      auto it = std::find_if(kept_.begin(), kept_.end(),
                             [&](const auto& entry) { return entry.first == name; });
      if (it == kept_.end()) it = kept_.insert(kept_.end(), {name, {}});
      it->second.push_back(std::move(array));
    }
    return Status::Ok();
  }

  Status Write(const std::string& path) const {
    std::vector<data::NamedArray> arrays;
    for (const auto& [name, list] : kept_) {
      const data::Array& first = list.front();
      const bool joins = std::all_of(list.begin(), list.end(), [&](const data::Array& a) {
        return a.shape == first.shape && a.shape.rank() > 0 && a.shape[0] == 1;
      });
      if (list.size() > 1 && joins) {
        data::Array joined = first;
        joined.shape[0] = static_cast<int32_t>(list.size());
        for (size_t i = 1; i < list.size(); ++i) {
          joined.bytes.insert(joined.bytes.end(), list[i].bytes.begin(), list[i].bytes.end());
        }
        arrays.push_back({name, std::move(joined)});
        continue;
      }
      for (size_t i = 0; i < list.size(); ++i) {
        arrays.push_back({list.size() == 1 ? name : Concat(name, "_", i), list[i]});
      }
    }
    return data::WriteNpz(path, arrays);
  }

 private:
  std::vector<std::pair<std::string, std::vector<data::Array>>> kept_;
};

Status Run(const Options& options, bool json) {
  EDGEML_ASSIGN_OR_RETURN(const data::PreprocessOptions preprocess, options.pixels.Preprocess());
  std::vector<std::string> names;
  if (!options.labels.empty()) {
    EDGEML_ASSIGN_OR_RETURN(names, data::ReadLabels(options.labels));
  }
  EDGEML_ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine,
                          Engine::Open(options.model, options.engine));
  Presenter presenter(options, *engine, std::move(names));
  EDGEML_RETURN_IF_ERROR(presenter.Check());
  // With one input each file is a run of its own.
  std::vector<std::vector<std::string>> jobs;
  if (engine->inputs().size() == 1) {
    for (const std::string& file : options.inputs) jobs.push_back({file});
  } else {
    jobs.push_back(options.inputs);
  }
  if (!options.draw.empty() && jobs.size() > 1) {
    return Error(Code::kInvalidArgument, "--draw takes one --input, not ", jobs.size());
  }
  Json results = Json::array();
  Keeper keeper;
  ProgressBar progress("run", static_cast<int64_t>(jobs.size()));
  int64_t done = 0;
  for (const auto& files : jobs) {
    EDGEML_ASSIGN_OR_RETURN(const Job job, ReadJob(*engine, files));
    for (size_t i = 0; i < job.examples.size(); ++i) {
      EDGEML_RETURN_IF_ERROR(engine->Feed(static_cast<int>(i), job.examples[i], preprocess));
    }
    EDGEML_RETURN_IF_ERROR(engine->Run());
    EDGEML_RETURN_IF_ERROR(presenter.Present(job, json, results));
    if (!options.output.empty()) {
      EDGEML_RETURN_IF_ERROR(keeper.Keep(*engine, options.dequantize));
    }
    if (json) progress.Update(++done);
  }
  if (!options.output.empty()) EDGEML_RETURN_IF_ERROR(keeper.Write(options.output));
  if (json) {
    Json object = {{"model", options.model}, {"results", std::move(results)}};
    if (!options.output.empty()) object["output"] = options.output;
    PrintJson(object);
  } else if (!options.output.empty()) {
    std::printf("outputs kept: %s\n", Printable(options.output).c_str());
  }
  return Status::Ok();
}

}  // namespace

Action AddRun(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("MODEL", options->model, "Model file")->required();
  app.add_option("--input,-i", options->inputs,
                 "Pictures (jpg, png, bmp), arrays (npy, npz) or sound (wav); NAME=FILE for one of "
                 "several inputs")
      ->required();
  app.add_option("--top-k", options->top_k, "Show this many classes or boxes")
      ->check(CLI::Range(1, 100000));
  app.add_option("--labels", options->labels, "Class names, one per line");
  app.add_option("--output", options->output, "Keep the outputs in this npz file")
      ->check([](const std::string& path) {
        return path.ends_with(".npz") ? "" : "the file to keep outputs in must end in .npz";
      });
  app.add_flag("--dequantize", options->dequantize, "Keep quantized outputs as floats");
  app.add_option("--draw", options->draw, "Draw a detector's boxes on the picture, as PNG")
      ->check([](const std::string& path) {
        return path.ends_with(".png") ? "" : "the picture to draw must end in .png";
      });
  app.add_option("--threshold", options->threshold, "Least score of a box")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  options->pixels.AddTo(app);
  options->engine.AddTo(app);
  return [options](bool json) { return Run(*options, json); };
}

}  // namespace edgeml::cli
