#include "src/cli/results.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "src/base/strings.h"

namespace edgeml::cli {

std::string ClassNames::Of(int64_t model_class) const {
  const int64_t i = model_class + shift;
  return i >= 0 && i < static_cast<int64_t>(names.size()) ? names[static_cast<size_t>(i)] : "";
}

Result<ClassNames> FitNames(std::vector<std::string> names, int64_t classes) {
  ClassNames fitted;
  const auto count = static_cast<int64_t>(names.size());
  if (classes == 0) {
    if (!names.empty() && (names[0] == "???" || names[0] == "background")) fitted.shift = 1;
  } else if (count == classes + 1) {
    fitted.shift = 1;
    fitted.note = Concat("the names have a class in front (", names[0], ") that the model lacks");
  } else if (count + 1 == classes) {
    fitted.shift = -1;
    fitted.note = "the model has a class in front that the names lack; its class 0 has no name";
  } else if (count != classes) {
    return Error(Code::kInvalidArgument, "the model has ", classes, " classes, the labels name ",
                 count);
  }
  fitted.names = std::move(names);
  return fitted;
}

std::vector<Score> TopK(std::span<const double> scores, int k) {
  std::vector<int64_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  const auto n = std::min(order.size(), static_cast<size_t>(std::max(k, 0)));
  const auto value = [&](int64_t i) {
    const double v = scores[static_cast<size_t>(i)];
    return std::isnan(v) ? -INFINITY : v;
  };
  std::partial_sort(
      order.begin(), order.begin() + static_cast<int64_t>(n), order.end(),
      [&](int64_t a, int64_t b) { return value(a) != value(b) ? value(a) > value(b) : a < b; });
  std::vector<Score> top;
  for (size_t i = 0; i < n; ++i) top.push_back({order[i], scores[static_cast<size_t>(order[i])]});
  return top;
}

bool LooksLikeProbabilities(std::span<const double> values) {
  double sum = 0;
  for (const double v : values) {
    if (!(v >= 0 && v <= 1.01)) return false;
    sum += v;
  }
  // Quantized ones are rounded one by one.
  return sum > 0.85 && sum < 1.15;
}

std::optional<DetectorOutputs> FindDetector(Engine& engine) {
  const auto indices = engine.session().output_indices();
  const auto position = [&](int32_t tensor) {
    const auto it = std::find(indices.begin(), indices.end(), tensor);
    return it == indices.end() ? -1 : static_cast<int>(it - indices.begin());
  };
  for (const NodeInfo& node : engine.model().nodes()) {
    if (node.op != "TFLite_Detection_PostProcess" || node.outputs.size() < 4) continue;
    const DetectorOutputs found{position(node.outputs[0]), position(node.outputs[1]),
                                position(node.outputs[2]), position(node.outputs[3])};
    if (found.boxes >= 0 && found.classes >= 0 && found.scores >= 0) return found;
  }
  return std::nullopt;
}

std::vector<Detection> Detections(const Engine& engine, const DetectorOutputs& outputs,
                                  double threshold) {
  const std::vector<double> boxes = engine.OutputValues(outputs.boxes);
  const std::vector<double> classes = engine.OutputValues(outputs.classes);
  const std::vector<double> scores = engine.OutputValues(outputs.scores);
  size_t n = std::min({boxes.size() / 4, classes.size(), scores.size()});
  if (outputs.count >= 0) {
    const std::vector<double> count = engine.OutputValues(outputs.count);
    if (!count.empty() && count[0] >= 0) n = std::min(n, static_cast<size_t>(count[0]));
  }
  std::vector<Detection> found;
  for (size_t i = 0; i < n; ++i) {
    if (!(scores[i] >= threshold)) continue;
    const double* b = boxes.data() + 4 * i;  // top, left, bottom, right
    const double index = std::isfinite(classes[i]) ? std::clamp(classes[i], -1.0, 1e9) : -1;
    found.push_back({static_cast<int64_t>(index), scores[i], static_cast<float>(b[1]),
                     static_cast<float>(b[0]), static_cast<float>(b[3]), static_cast<float>(b[2])});
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const Detection& a, const Detection& b) { return a.score > b.score; });
  return found;
}

data::Box ToPicture(const Detection& d, int width, int height, int input_width, int input_height,
                    data::ResizeMode mode) {
  // The part of the picture that the input shows; larger than the picture when padded.
  const auto w = static_cast<float>(width), h = static_cast<float>(height);
  const float ratio = static_cast<float>(input_width) / static_cast<float>(input_height);
  float seen_w = w, seen_h = h;
  if (mode != data::ResizeMode::kStretch) {
    const bool wider = w > h * ratio;
    if (wider == (mode == data::ResizeMode::kCrop)) {
      seen_w = h * ratio;
    } else {
      seen_h = w / ratio;
    }
  }
  const float left = (w - seen_w) / 2, top = (h - seen_h) / 2;
  return {left + d.left * seen_w, top + d.top * seen_h, left + d.right * seen_w,
          top + d.bottom * seen_h};
}

Spread SpreadOf(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  // Nearest rank: the smallest value that this share of all does not exceed.
  const auto rank = [&](double share) {
    const auto n = static_cast<double>(values.size());
    return values[static_cast<size_t>(std::max(std::ceil(share * n) - 1, 0.0))];
  };
  const size_t half = values.size() / 2;
  Spread s;
  s.min = values.front();
  s.median = values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
  s.p90 = rank(0.9);
  s.p99 = rank(0.99);
  s.mean = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  return s;
}

Json ToJson(const Spread& s) {
  return {{"min", s.min}, {"median", s.median}, {"p90", s.p90}, {"p99", s.p99}, {"mean", s.mean}};
}

}  // namespace edgeml::cli
