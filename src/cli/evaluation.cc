#include "src/cli/evaluation.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "src/base/strings.h"
#include "src/cli/interrupt.h"

namespace edgeml::cli {
namespace {

constexpr int64_t kMaxConfusion = 100;  // classes

// -log of the probability of `label`, bounded for probabilities of 0.
double CrossEntropy(const std::vector<double>& scores, size_t label, bool from_logits) {
  if (!from_logits) return -std::log(std::max(scores[label], 1e-7));
  const double most = *std::max_element(scores.begin(), scores.end());
  double sum = 0;
  for (const double s : scores) sum += std::exp(s - most);
  return std::log(sum) + most - scores[label];
}

}  // namespace

Result<Evaluation> Evaluate(Engine& engine, const data::Dataset& dataset,
                            const data::PreprocessOptions& preprocess, int64_t limit) {
  if (engine.inputs().size() != 1) {
    return Error(Code::kInvalidArgument, engine.path(), ": has ", engine.inputs().size(),
                 " inputs; data sets feed models of one");
  }
  Evaluation result;
  result.classes = dataset.num_classes();
  if (result.classes == 0) {
    return Error(Code::kInvalidArgument,
                 "the data has no labels; put the files into a folder per class, or give y");
  }
  const int64_t n = limit > 0 ? std::min(limit, dataset.size()) : dataset.size();
  const auto classes = static_cast<size_t>(result.classes);
  const bool confusion = result.classes <= kMaxConfusion;
  if (confusion) result.confusion.assign(classes, std::vector<int64_t>(classes, 0));
  std::vector<double> times;
  times.reserve(static_cast<size_t>(n));
  int64_t right = 0, in_five = 0;
  double loss = 0;
  bool decided = false;
  ProgressBar progress("evaluate", n);
  for (int64_t i = 0; i < n; ++i) {
    if (Interrupted()) return Error(Code::kCancelled, "interrupted");
    EDGEML_ASSIGN_OR_RETURN(const data::Example example, dataset.Get(i));
    result.predictions.push_back(-1);
    if (example.label < 0) continue;
    EDGEML_RETURN_IF_ERROR(engine.Feed(0, example, preprocess));
    EDGEML_RETURN_IF_ERROR(engine.Run());
    times.push_back(engine.last_run_ms());
    std::vector<double> scores = engine.OutputValues(0);
    if (scores.size() == 1) scores = {1 - scores[0], scores[0]};
    const auto model_classes = static_cast<int64_t>(scores.size());
    if (!decided) {
      decided = true;
      if (model_classes < result.classes) {
        return Error(Code::kInvalidArgument, engine.path(), ": has ", model_classes,
                     " scores, the data has ", result.classes, " classes");
      }
      result.label_shift = model_classes == result.classes + 1 ? 1 : 0;
      result.from_logits = !LooksLikeProbabilities(scores);
    }
    const int64_t label = example.label + result.label_shift;
    if (label >= model_classes) {
      return Error(Code::kInvalidArgument, example.name, ": label ", example.label,
                   " is outside of the model's ", model_classes, " classes");
    }
    const std::vector<Score> top = TopK(scores, 5);
    const int64_t predicted = top[0].index - result.label_shift;
    result.predictions.back() = predicted;
    if (top[0].index == label) ++right;
    if (std::any_of(top.begin(), top.end(), [&](const Score& s) { return s.index == label; })) {
      ++in_five;
    }
    loss += CrossEntropy(scores, static_cast<size_t>(label), result.from_logits);
    if (confusion && predicted >= 0 && predicted < result.classes) {
      ++result.confusion[static_cast<size_t>(example.label)][static_cast<size_t>(predicted)];
    }
    ++result.count;
    progress.Update(i + 1);
  }
  if (result.count == 0) return Error(Code::kInvalidArgument, "no example has a label");
  const auto count = static_cast<double>(result.count);
  result.accuracy = static_cast<double>(right) / count;
  if (result.classes > 5) result.top5 = static_cast<double>(in_five) / count;
  result.loss = loss / count;
  result.latency = SpreadOf(std::move(times));
  return result;
}

std::string ShiftNote(const Evaluation& e) {
  if (e.label_shift == 0) return "";
  return Concat("labels are shifted by one: the model has ", e.classes + 1, " classes, the data ",
                e.classes, "; label 0 is the model's class 1");
}

Json ToJson(const Evaluation& e, const data::Dataset& dataset) {
  Json json = {{"count", e.count}, {"accuracy", e.accuracy}};
  json["top5"] = e.top5 ? Json(*e.top5) : Json(nullptr);
  json["loss"] = e.loss;
  json["loss_from"] = e.from_logits ? "logits" : "probabilities";
  json["label_shift"] = e.label_shift;
  json["latency_ms"] = ToJson(e.latency);
  Json names = Json::array();
  for (int64_t c = 0; c < e.classes; ++c) {
    names.push_back(dataset.class_names().empty() ? std::to_string(c)
                                                  : dataset.class_names()[static_cast<size_t>(c)]);
  }
  json["classes"] = std::move(names);
  if (!e.confusion.empty()) json["confusion"] = e.confusion;
  return json;
}

}  // namespace edgeml::cli
