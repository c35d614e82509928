// edgeml evaluate
#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>

#include "src/base/strings.h"
#include "src/cli/command.h"
#include "src/cli/evaluation.h"

namespace edgeml::cli {
namespace {

struct Options {
  std::string model, data;
  int64_t limit = 0;
  EngineOptions engine;
  PixelOptions pixels;
};

constexpr size_t kShownClasses = 20;

// Rows are true classes; dots are zeros, so that mistakes stand out.
void PrintConfusion(const Evaluation& e, const data::Dataset& dataset) {
  if (e.confusion.empty() || e.confusion.size() > kShownClasses) return;
  std::printf("\nConfusion (rows: true class, columns: predicted)\n");
  std::vector<std::string> headings = {"", ">recall"};
  const auto name = [&](size_t c) {
    return dataset.class_names().empty() ? std::to_string(c) : dataset.class_names()[c];
  };
  for (size_t c = 0; c < e.confusion.size(); ++c) headings.push_back(">" + name(c).substr(0, 6));
  Table table(headings);
  for (size_t c = 0; c < e.confusion.size(); ++c) {
    const auto& row = e.confusion[c];
    const int64_t total = std::accumulate(row.begin(), row.end(), int64_t{0});
    std::vector<std::string> cells = {
        name(c),
        total > 0 ? Percent(static_cast<double>(row[c]) / static_cast<double>(total)) : "-"};
    for (const int64_t v : row) cells.push_back(v == 0 ? "." : Grouped(v));
    table.Add(std::move(cells));
  }
  table.Print();
}

Status EvaluateModel(const Options& options, bool json) {
  EDGEML_ASSIGN_OR_RETURN(const data::PreprocessOptions preprocess, options.pixels.Preprocess());
  EDGEML_ASSIGN_OR_RETURN(const std::unique_ptr<data::Dataset> dataset,
                          data::OpenDataset(options.data));
  EDGEML_ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine,
                          Engine::Open(options.model, options.engine));
  EDGEML_ASSIGN_OR_RETURN(const Evaluation e,
                          Evaluate(*engine, *dataset, preprocess, options.limit));
  const auto size = static_cast<int64_t>(engine->model().file_bytes());
  if (json) {
    Json object = {{"model", options.model}, {"data", options.data}};
    object.update(ToJson(e, *dataset));
    object["model_bytes"] = size;
    object["threads"] = options.engine.threads;
    PrintJson(object);
    return Status::Ok();
  }
  std::printf("%s on %s\n", Printable(options.model).c_str(), Printable(options.data).c_str());
  Table table({"", ""});
  table.Add({"accuracy", Concat(Percent(e.accuracy), "  of ", Grouped(e.count), " examples, ",
                                e.classes, " classes")});
  if (e.top5) table.Add({"top 5", Percent(*e.top5)});
  table.Add({"loss", Concat(Fixed(e.loss, 4), e.from_logits ? "  (softmax of the outputs)" : "")});
  table.Add({"latency", Concat(Milliseconds(e.latency.median), " median, ",
                               Milliseconds(e.latency.p99), " p99, ", options.engine.threads,
                               options.engine.threads == 1 ? " thread" : " threads")});
  table.Add({"size", Grouped(size) + " bytes"});
  table.Print(2, 100);
  if (const std::string note = ShiftNote(e); !note.empty())
    std::printf("  note: %s\n", note.c_str());
  PrintConfusion(e, *dataset);
  return Status::Ok();
}

}  // namespace

Action AddEvaluate(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("MODEL", options->model, "Model file")->required();
  app.add_option("--data", options->data,
                 "mnist:DIR[:train|:test], cifar10:FILE.bin, images:DIR, csv:FILE:LABEL, npz:FILE, "
                 "wavs:DIR or digits[:train|:test]")
      ->required();
  app.add_option("--limit", options->limit, "Only the first N examples")
      ->check(CLI::PositiveNumber);
  options->pixels.AddTo(app);
  options->engine.AddTo(app);
  return [options](bool json) { return EvaluateModel(*options, json); };
}

}  // namespace edgeml::cli
