// edgeml compare
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <span>

#include "src/base/strings.h"
#include "src/cli/command.h"
#include "src/cli/evaluation.h"
#include "src/cli/interrupt.h"
#include "src/cli/layer_compare.h"
#include "src/data/dataset.h"

namespace edgeml::cli {
namespace {

struct Options {
  std::vector<std::string> models;
  std::string data, input;
  int64_t limit = 0;
  std::optional<double> tolerance;
  EngineOptions engine;
  PixelOptions pixels;
};

// Values for input `i` that both models can take: on the grid of the first that is quantized.
data::Example RandomInput(const Engine& a, const Engine& b, int i, uint32_t seed) {
  data::InputSpec grid = a.Spec(i);
  if (grid.scale <= 0 && b.Spec(i).scale > 0) grid = b.Spec(i);
  const TensorInfo& info = a.inputs()[static_cast<size_t>(i)].info;
  data::Example example;
  example.name = "random values";
  Shape shape(info.shape);
  std::vector<float> values(static_cast<size_t>(shape.num_elements()));
  for (float& v : values) {
    seed = seed * 1664525u + 1013904223u;
    if (grid.scale > 0) {
      // 8 bits of the sequence as stored values; int16 inputs get a part of their range.
      const int stored = static_cast<int>(seed >> 24) - (grid.type == DType::kUInt8 ? 0 : 128);
      v = static_cast<float>(stored - grid.zero_point) * grid.scale;
    } else if (IsFloat(info.dtype)) {
      v = static_cast<float>(seed >> 8) * 0x1p-24f;
    }  // indices: 0
  }
  const auto* bytes = reinterpret_cast<const uint8_t*>(values.data());
  example.values = {DType::kFloat32, shape,
                    std::vector<uint8_t>(bytes, bytes + values.size() * sizeof(float))};
  return example;
}

Status FeedBoth(const Options& options, Engine& a, Engine& b) {
  EDGEML_ASSIGN_OR_RETURN(const data::PreprocessOptions preprocess, options.pixels.Preprocess());
  if (a.inputs().size() != b.inputs().size()) {
    return Error(Code::kInvalidArgument, "the models have ", a.inputs().size(), " and ",
                 b.inputs().size(), " inputs; they cannot be compared");
  }
  std::optional<data::Example> given;
  if (!options.input.empty()) {
    if (a.inputs().size() != 1) {
      return Error(Code::kInvalidArgument, "--input is for models of one input");
    }
    EDGEML_ASSIGN_OR_RETURN(given, data::ReadExample(options.input));
  }
  for (int i = 0; i < static_cast<int>(a.inputs().size()); ++i) {
    const data::Example example =
        given ? *given : RandomInput(a, b, i, static_cast<uint32_t>(i + 1));
    EDGEML_RETURN_IF_ERROR(a.Feed(i, example, preprocess));
    EDGEML_RETURN_IF_ERROR(b.Feed(i, example, preprocess));
  }
  return Status::Ok();
}

bool AllFloat(const Engine& engine) {
  for (const NodeInfo& node : engine.model().nodes()) {
    for (const int32_t t : node.outputs) {
      if (t >= 0 && !engine.model().tensor(t).quantization.scales.empty()) return false;
    }
  }
  return true;
}

Json Finite(double v) { return std::isfinite(v) ? Json(v) : Json(nullptr); }

Status CompareLayers(const Options& options, bool json) {
  if (options.models.size() != 2) {
    return Error(Code::kInvalidArgument, "layers are compared of two models, not ",
                 options.models.size(), "; more go side by side with --data");
  }
  SessionOptions session;
  session.preserve_all_tensors = true;
  EDGEML_ASSIGN_OR_RETURN(const auto a, Engine::Open(options.models[0], options.engine, session));
  EDGEML_ASSIGN_OR_RETURN(const auto b, Engine::Open(options.models[1], options.engine, session));
  EDGEML_RETURN_IF_ERROR(FeedBoth(options, *a, *b));
  EDGEML_RETURN_IF_ERROR(a->Run());
  EDGEML_RETURN_IF_ERROR(b->Run());

  const std::vector<Layer> layers_a = LayersOf(*a), layers_b = LayersOf(*b);
  const auto pairs = MatchLayers(layers_a, layers_b);
  const double tolerance = options.tolerance.value_or(AllFloat(*a) && AllFloat(*b) ? 1e-4 : 0.1);
  Json list = Json::array();
  Table table({">A", ">B", "op", "output", ">max |A-B|", ">of range", ">SQNR", ""});
  int64_t first = -1;
  for (size_t k = 0; k < pairs.size(); ++k) {
    const Layer &la = layers_a[pairs[k].first], &lb = layers_b[pairs[k].second];
    const auto real = [](Engine& engine, const Layer& layer) {
      return RealValues(engine.session().tensor_info(layer.tensor),
                        engine.session().tensor(layer.tensor));
    };
    const std::vector<double> va = real(*a, la), vb = real(*b, lb);
    if (va.size() != vb.size()) continue;
    const Difference d = Compare(va, vb);
    const bool parts = d.relative > tolerance;
    const bool is_first = parts && first < 0;
    if (is_first) first = static_cast<int64_t>(list.size());
    list.push_back({{"node_a", la.node},
                    {"node_b", lb.node},
                    {"op", la.op},
                    {"name_a", la.name},
                    {"name_b", lb.name},
                    {"shape", la.shape},
                    {"max_abs", d.max_abs},
                    {"range", d.range},
                    {"relative", Finite(d.relative)},
                    {"sqnr_db", Finite(d.sqnr_db)},
                    {"not_finite", d.not_finite}});
    table.Add({std::to_string(la.node), std::to_string(lb.node), la.op, ShapeText(la.shape),
               Significant(d.max_abs),
               std::isfinite(d.relative) ? Percent(d.relative) : "not finite",
               std::isfinite(d.sqnr_db) ? Fixed(d.sqnr_db, 1) + " dB" : "equal",
               is_first ? "◀ they part here"
               : parts  ? "◁"
                        : ""});
  }
  if (json) {
    PrintJson({{"a", options.models[0]},
               {"b", options.models[1]},
               {"input", options.input.empty() ? Json("random") : Json(options.input)},
               {"tolerance", tolerance},
               {"layers_a", layers_a.size()},
               {"layers_b", layers_b.size()},
               {"matched", list.size()},
               {"first_part", first < 0 ? Json(nullptr) : Json(first)},
               {"layers", std::move(list)}});
    return Status::Ok();
  }
  std::printf("A  %s\nB  %s\n", Printable(options.models[0]).c_str(),
              Printable(options.models[1]).c_str());
  std::printf("input: %s; %zu layers matched (A has %zu, B %zu)\n\n",
              options.input.empty() ? "random values" : Printable(options.input).c_str(),
              pairs.size(), layers_a.size(), layers_b.size());
  if (pairs.empty()) {
    std::printf("No layer of A has a counterpart of the same shape in B.\n");
    return Status::Ok();
  }
  table.Print(2, 48);
  std::printf("\n%s\n", first < 0 ? Concat("No layer differs by more than ", Percent(tolerance),
                                           " of its range (--tolerance).")
                                        .c_str()
                                  : Concat("Differences above ", Percent(tolerance),
                                           " of a layer's range are marked (--tolerance).")
                                        .c_str());
  return Status::Ok();
}

// Latencies measured in turns, so that what else the machine does meets all models alike.
struct Latency {
  Spread ms;         // of single runs
  double ratio = 1;  // to the first model, the median of the rounds' own
};
constexpr int kRounds = 7, kMostRuns = 50;
constexpr double kRoundMs = 20;

// REQUIRES: the engines have been fed.
Result<std::vector<Latency>> MeasureInTurns(const std::vector<std::unique_ptr<Engine>>& engines) {
  std::vector<std::vector<double>> times(engines.size()), ratios(engines.size());
  for (int round = 0; round < kRounds; ++round) {
    double first = 0;
    for (size_t m = 0; m < engines.size(); ++m) {
      if (Interrupted()) return Error(Code::kCancelled, "interrupted");
      std::vector<double> own;
      double spent = 0;
      while (own.size() < 3 || (spent < kRoundMs && own.size() < kMostRuns)) {
        EDGEML_RETURN_IF_ERROR(engines[m]->Run());
        own.push_back(engines[m]->last_run_ms());
        spent += own.back();
      }
      times[m].insert(times[m].end(), own.begin(), own.end());
      const double median = SpreadOf(std::move(own)).median;
      if (m == 0) first = median;
      ratios[m].push_back(first > 0 ? median / first : 1);
    }
  }
  std::vector<Latency> found;
  for (size_t m = 0; m < engines.size(); ++m)
    found.push_back({SpreadOf(std::move(times[m])), SpreadOf(std::move(ratios[m])).median});
  return found;
}

std::string ClassName(const data::Dataset& dataset, size_t c) {
  return c < dataset.class_names().size() ? dataset.class_names()[c] : std::to_string(c);
}

// How a model's answers differ from those of the first.
struct Changes {
  int64_t same = 0;
  int64_t lost = 0, gained = 0;  // right there and wrong here, and the other way round
  std::vector<std::vector<int64_t>> confusion;  // what is added to the first's matrix
};

Changes ChangesOf(const Evaluation& first, const Evaluation& other, const data::Dataset& dataset) {
  Changes changes;
  for (size_t i = 0; i < first.predictions.size(); ++i) {
    const int64_t label = dataset.Label(static_cast<int64_t>(i));
    const int64_t a = first.predictions[i], b = other.predictions[i];
    changes.same += a == b;
    if (label < 0) continue;
    changes.lost += a == label && b != label;
    changes.gained += a != label && b == label;
  }
  changes.confusion = other.confusion;
  for (size_t t = 0; t < changes.confusion.size(); ++t)
    for (size_t p = 0; p < changes.confusion[t].size(); ++p)
      changes.confusion[t][p] -= first.confusion[t][p];
  return changes;
}

constexpr size_t kShownClasses = 20, kShownChanges = 8;

// The recall of each class, a column for each model.
void PrintRecall(const std::vector<Evaluation>& found, const data::Dataset& dataset,
                 const std::vector<std::string>& headings) {
  const size_t classes = found[0].confusion.size();
  if (classes == 0 || classes > kShownClasses) return;
  std::printf("\nRecall by class\n");
  Table table(headings);
  for (size_t c = 0; c < classes; ++c) {
    std::vector<std::string> cells = {ClassName(dataset, c)};
    for (const Evaluation& e : found) {
      const auto& row = e.confusion[c];
      const int64_t total = std::accumulate(row.begin(), row.end(), int64_t{0});
      cells.push_back(total > 0 ? Percent(static_cast<double>(row[c]) / static_cast<double>(total))
                                : "-");
    }
    table.Add(std::move(cells));
  }
  table.Print();
}

// The cells of the confusion matrices that changed most against the first model.
void PrintConfusionChanges(const std::vector<Evaluation>& found,
                           const std::vector<Changes>& changes, const data::Dataset& dataset,
                           const std::vector<std::string>& names) {
  struct Cell {
    size_t model, truth, predicted;
    int64_t change;
  };
  std::vector<Cell> cells;
  for (size_t m = 1; m < changes.size(); ++m)
    for (size_t t = 0; t < changes[m].confusion.size(); ++t)
      for (size_t p = 0; p < changes[m].confusion[t].size(); ++p)
        if (t != p && changes[m].confusion[t][p] != 0)
          cells.push_back({m, t, p, changes[m].confusion[t][p]});
  if (cells.empty()) return;
  std::ranges::stable_sort(
      cells, [](const Cell& a, const Cell& b) { return std::abs(a.change) > std::abs(b.change); });
  std::printf("\nMistakes that changed most against the first\n");
  Table table({"model", "class", "taken for", ">first", ">here", ">change"});
  for (const Cell& cell : std::span(cells).first(std::min(cells.size(), kShownChanges)))
    table.Add({names[cell.model], ClassName(dataset, cell.truth),
               ClassName(dataset, cell.predicted),
               Grouped(found[0].confusion[cell.truth][cell.predicted]),
               Grouped(found[cell.model].confusion[cell.truth][cell.predicted]),
               Concat(cell.change > 0 ? "+" : "", Grouped(cell.change))});
  table.Print();
  if (cells.size() > kShownChanges)
    std::printf("  … and %zu more; --json has all\n", cells.size() - kShownChanges);
}

Status CompareOnData(const Options& options, bool json) {
  EDGEML_ASSIGN_OR_RETURN(const data::PreprocessOptions preprocess, options.pixels.Preprocess());
  EDGEML_ASSIGN_OR_RETURN(const std::unique_ptr<data::Dataset> dataset,
                          data::OpenDataset(options.data));
  std::vector<std::unique_ptr<Engine>> engines;
  for (const std::string& path : options.models) {
    EDGEML_ASSIGN_OR_RETURN(engines.emplace_back(), Engine::Open(path, options.engine));
  }
  std::vector<Evaluation> found;
  std::vector<Changes> changes;
  for (const auto& engine : engines) {
    EDGEML_ASSIGN_OR_RETURN(found.emplace_back(),
                            Evaluate(*engine, *dataset, preprocess, options.limit));
    changes.push_back(ChangesOf(found[0], found.back(), *dataset));
  }
  EDGEML_ASSIGN_OR_RETURN(const std::vector<Latency> latencies, MeasureInTurns(engines));

  Json list = Json::array();
  std::vector<std::string> headings = {""}, names;
  std::vector<std::vector<std::string>> rows = {
      {"accuracy"},      {"top 5"},          {"loss"},  {"size"},
      {"latency"},       {"of the first's"}, {"arena"}, {"agrees with the first"},
      {"right → wrong"}, {"wrong → right"}};
  std::vector<std::string> notes;
  for (size_t m = 0; m < engines.size(); ++m) {
    const std::string& path = options.models[m];
    const Evaluation& e = found[m];
    const double agreement =
        static_cast<double>(changes[m].same) / static_cast<double>(found[0].predictions.size());
    const auto size = static_cast<int64_t>(engines[m]->model().file_bytes());
    const size_t arena = engines[m]->session().memory_plan().arena_bytes;
    Json entry = {{"model", path}};
    entry.update(ToJson(e, *dataset));
    entry["latency_ms"] = ToJson(latencies[m].ms);
    entry["latency_ratio"] = latencies[m].ratio;
    entry["model_bytes"] = size;
    entry["arena_bytes"] = arena;
    entry["agreement"] = agreement;
    entry["lost"] = changes[m].lost;
    entry["gained"] = changes[m].gained;
    if (m > 0 && !changes[m].confusion.empty()) entry["confusion_change"] = changes[m].confusion;
    list.push_back(std::move(entry));
    const size_t slash = path.rfind('/');
    names.push_back(Printable(slash == std::string::npos ? path : path.substr(slash + 1)));
    headings.push_back(">" + names.back());
    const std::string cells[] = {Percent(e.accuracy),
                                 e.top5 ? Percent(*e.top5) : "",
                                 Fixed(e.loss, 4),
                                 Grouped(size) + " B",
                                 Milliseconds(latencies[m].ms.median),
                                 m == 0 ? "" : Percent(latencies[m].ratio),
                                 HumanBytes(arena),
                                 Percent(agreement),
                                 m == 0 ? "" : Grouped(changes[m].lost),
                                 m == 0 ? "" : Grouped(changes[m].gained)};
    for (size_t r = 0; r < rows.size(); ++r) rows[r].push_back(cells[r]);
    if (std::string note = ShiftNote(e); !note.empty()) notes.push_back(Concat(path, ": ", note));
  }
  if (json) {
    PrintJson({{"data", options.data}, {"threads", options.engine.threads}, {"models", list}});
    return Status::Ok();
  }
  std::printf("%s, %s examples\n\n", Printable(options.data).c_str(),
              Grouped(static_cast<int64_t>(found[0].predictions.size())).c_str());
  Table table(headings);
  for (auto& row : rows) table.Add(std::move(row));
  table.Print();
  for (const std::string& note : notes) std::printf("  note: %s\n", Printable(note).c_str());
  PrintRecall(found, *dataset, headings);
  PrintConfusionChanges(found, changes, *dataset, names);
  return Status::Ok();
}

}  // namespace

Action AddCompare(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("MODELS", options->models, "Two model files; more with --data")
      ->required()
      ->expected(2, 100);
  app.add_option("--data", options->data, "Compare accuracy on this data set, as in evaluate");
  app.add_option("--input,-i", options->input,
                 "Compare layers on this picture, array or sound instead of random values");
  app.add_option("--tolerance", options->tolerance,
                 "Difference, as a part of a layer's range, above which models part")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--limit", options->limit, "Only the first N examples of the data")
      ->check(CLI::PositiveNumber);
  options->pixels.AddTo(app);
  options->engine.AddTo(app);
  return [options](bool json) {
    return options->data.empty() ? CompareLayers(*options, json) : CompareOnData(*options, json);
  };
}

}  // namespace edgeml::cli
