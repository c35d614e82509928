#include "src/cli/quantize_report.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string_view>

#include "src/base/strings.h"

namespace edgeml::cli {
namespace {

using quantize::LayerReport;

double Ratio(uint64_t a, uint64_t b) {
  return static_cast<double>(a) / static_cast<double>(std::max<uint64_t>(b, 1));
}

// Text from a file, safe between tags and in quoted attributes.
std::string Escaped(std::string_view text) {
  std::string out;
  for (const char c : Printable(text)) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string Samples(const QuantizeOutcome& outcome) {
  const int64_t count = outcome.calibration_samples();
  return Concat(Grouped(count), count == 1 ? " sample" : " samples");
}

std::string Decibels(double db) {
  if (std::isnan(db)) return "–";
  if (std::isinf(db)) return db > 0 ? "exact" : "–";
  return Fixed(db, 1);
}

constexpr std::string_view kStyle = R"(
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --soft: #667; --line: #d8dbe0;
  --bar: #3867d6; --bad: #c0392b; --good: #218c5a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e6e6; --paper: #16181c; --soft: #9aa;
  --line: #33373e; --bar: #7aa2ff; --bad: #ff7b6b; --good: #5fd39b; } }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 1100px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: .2rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
p.sub { color: var(--soft); margin-top: 0; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .3rem .6rem;
  border-bottom: 1px solid var(--line); vertical-align: middle; }
th { color: var(--soft); font-weight: 600; } td.n, th.n { text-align: right;
  font-variant-numeric: tabular-nums; white-space: nowrap; }
td.name { word-break: break-all; max-width: 22rem; }
.bar { background: var(--bar); height: .7rem; display: inline-block; border-radius: 2px; }
.bad { color: var(--bad); } .good { color: var(--good); } .soft { color: var(--soft); }
svg { display: block; } svg .b { fill: var(--bar); opacity: .75; }
svg .r { fill: none; stroke: var(--bad); } svg text { fill: var(--soft); font-size: 9px; }
)";

std::string Row(std::string_view what, std::string_view before, std::string_view after,
                std::string_view change) {
  return Concat("<tr><td>", what, "</td><td class=n>", before, "</td><td class=n>", after,
                "</td><td class=n>", change, "</td></tr>\n");
}

std::string Figures(const QuantizeOutcome& outcome) {
  const ModelFigures &a = outcome.before, &b = outcome.after;
  std::string out =
      "<table><tr><th></th><th class=n>float</th><th class=n>quantized</th><th "
      "class=n></th></tr>\n";
  out += Row("file, bytes", Grouped(static_cast<int64_t>(a.bytes)),
             Grouped(static_cast<int64_t>(b.bytes)),
             Concat(Fixed(Ratio(a.bytes, b.bytes), 2), " × smaller"));
  if (a.latency_ms > 0 && b.latency_ms > 0) {
    const double faster = a.latency_ms / b.latency_ms;
    out += Row("latency, one thread", Milliseconds(a.latency_ms), Milliseconds(b.latency_ms),
               faster >= 1 ? Concat(Fixed(faster, 2), " × faster")
                           : Concat("<span class=bad>", Fixed(1 / faster, 2), " × slower</span>"));
    out += Row("arena, bytes", Grouped(a.arena_bytes), Grouped(b.arena_bytes),
               Concat(Fixed(Ratio(static_cast<uint64_t>(a.arena_bytes),
                                  static_cast<uint64_t>(b.arena_bytes)),
                            2),
                      " × smaller"));
  }
  if (a.evaluation && b.evaluation) {
    const double drop = (a.evaluation->accuracy - b.evaluation->accuracy) * 100;
    out += Row(Concat("accuracy, ", Grouped(b.evaluation->count), " examples"),
               Percent(a.evaluation->accuracy), Percent(b.evaluation->accuracy),
               Concat("<span class=", drop > 0 ? "bad" : "good", ">", drop > 0 ? "−" : "+",
                      Fixed(std::abs(drop), 2), " points</span>"));
    out += Row("loss", Fixed(a.evaluation->loss, 4), Fixed(b.evaluation->loss, 4), "");
  }
  return out + "</table>\n";
}

// The values of a tensor in 64 bars, and the range that its integers span.
std::string HistogramPicture(const quantize::Observer& observer,
                             const std::optional<quantize::Range>& range) {
  constexpr int kBars = 64, kWidth = 256, kHeight = 48;
  const quantize::Histogram& histogram = observer.histogram();
  if (histogram.empty() || !observer.seen()) return "";
  const quantize::Range extent = observer.MinMax();
  const double low = std::min(extent.min, 0.0f), high = std::max(extent.max, 0.0f);
  if (!(high > low)) return "";
  std::vector<double> bars(kBars, 0);
  for (int i = 0; i < quantize::Histogram::kBins; ++i) {
    const uint64_t count = histogram.counts()[static_cast<size_t>(i)];
    if (count == 0) continue;
    const double middle = (histogram.Edge(i) + histogram.Edge(i + 1)) / 2;
    const auto bar = static_cast<int>((middle - low) / (high - low) * kBars);
    bars[static_cast<size_t>(std::clamp(bar, 0, kBars - 1))] += static_cast<double>(count);
  }
  // Zeros of RELU would hide everything else: the height is a logarithm.
  double most = 0;
  for (double& bar : bars) most = std::max(most, bar = std::log1p(bar));
  std::string out = Concat("<svg width=", kWidth, " height=", kHeight + 12,
                           " role=img aria-label=\"histogram\">");
  for (int i = 0; i < kBars; ++i) {
    const double height = bars[static_cast<size_t>(i)] / most * kHeight;
    if (height <= 0) continue;
    out += Concat("<rect class=b x=", i * kWidth / kBars, " y=", Fixed(kHeight - height, 1),
                  " width=3 height=", Fixed(height, 1), " />");
  }
  const auto x = [&](double v) {
    return std::clamp((v - low) / (high - low) * kWidth, 0.5, kWidth - 0.5);
  };
  if (range)
    out += Concat("<rect class=r x=", Fixed(x(range->min), 1),
                  " y=0.5 width=", Fixed(std::max(x(range->max) - x(range->min), 1.0), 1),
                  " height=", kHeight - 1, " />");
  out += Concat("<text x=0 y=", kHeight + 10, ">", Significant(low), "</text><text x=", kWidth,
                " y=", kHeight + 10, " text-anchor=end>", Significant(high), "</text></svg>");
  return out;
}

std::string WhatWasDone(const QuantizeOutcome& outcome, const LayerReport& layer) {
  if (!layer.quantized) return Concat("stays float: ", Escaped(layer.reason));
  std::string out = layer.weight_bits > 0 ? Concat(layer.weight_bits, "-bit weights") : "integers";
  for (const quantize::RefinedLayer& refined : outcome.made.refined) {
    if (refined.node != layer.node) continue;
    if (refined.changed > 0)
      out += Concat(", ", Grouped(refined.changed), " of ", Grouped(refined.weights),
                    " weights rounded the other way");
    if (!refined.note.empty()) out += Concat(", ", Escaped(refined.note));
  }
  return out;
}

// Noise that each layer adds by itself, as shares of all.
std::map<int32_t, double> Shares(const QuantizeOutcome& outcome) {
  std::map<int32_t, double> shares;
  double all = 0;
  for (const quantize::LayerError& error : outcome.errors) {
    const double share = error.alone.count() > 0 ? std::pow(10, -error.alone.sqnr_db() / 10) : 0;
    shares[error.pair.reference] = std::isfinite(share) ? share : 0;
    all += shares[error.pair.reference];
  }
  for (auto& [value, share] : shares) share = all > 0 ? share / all : 0;
  return shares;
}

std::string Layers(const QuantizeOutcome& outcome) {
  std::string out =
      "<h2>Layers, worst first</h2>\n<p class=soft>SQNR: signal to quantization noise of what the "
      "layer makes, in dB; <i>alone</i> with exact inputs. The share is that of the noise which "
      "layers add by themselves. Heights of histograms are logarithms; the frame is the range "
      "that the integers span.</p>\n"
      "<table><tr><th>layer</th><th class=n>SQNR</th><th class=n>alone</th><th>share</th>"
      "<th>values</th></tr>\n";
  const std::map<int32_t, double> shares = Shares(outcome);
  for (const quantize::LayerError& error : outcome.errors) {
    const auto layer =
        std::ranges::find(outcome.made.layers, error.pair.reference, &LayerReport::output);
    const int32_t v = error.pair.reference;
    const double share = shares.at(v);
    std::string picture;
    const quantize::Observer* const seen =
        outcome.made.seen ? outcome.made.seen->Find(0, v) : nullptr;
    if (seen != nullptr)
      picture = HistogramPicture(*seen, outcome.made.ranges.empty()
                                            ? std::nullopt
                                            : outcome.made.ranges[static_cast<size_t>(v)]);
    out += Concat("<tr><td class=name><b>", layer == outcome.made.layers.end() ? "" : layer->op,
                  "</b> ", Escaped(error.name), "<br><span class=soft>",
                  layer == outcome.made.layers.end() ? "" : WhatWasDone(outcome, *layer),
                  "</span></td><td class=n>", Decibels(error.total.sqnr_db()), "</td><td class=n>",
                  Decibels(error.alone.sqnr_db()),
                  "</td><td><span class=bar style=\"width:", Fixed(share * 120, 0), "px\"></span> ",
                  Percent(share), "</td><td>", picture, "</td></tr>\n");
  }
  return out + "</table>\n";
}

std::string Steps(const QuantizeOutcome& outcome) {
  if (outcome.made.steps.empty()) return "";
  std::string out =
      "<h2>What was tried</h2>\n<table><tr><th>step</th><th class=n>accuracy</th><th></th></tr>\n";
  for (const quantize::SearchStep& step : outcome.made.steps)
    out += Concat("<tr><td>", Escaped(step.what), "</td><td class=n>", Percent(step.score),
                  "</td><td>", step.kept ? "kept" : "<span class=soft>not kept</span>",
                  "</td></tr>\n");
  return out + "</table>\n";
}

// What the choice of bits or of float layers was made by.
std::string Costs(const QuantizeOutcome& outcome) {
  if (outcome.made.costs.empty()) return "";
  double most = 0;
  bool timed = false, judged = false;
  for (const quantize::LayerCost& cost : outcome.made.costs) {
    most = std::max(most, cost.noise);
    timed = timed || cost.latency_ms != 0;
    judged = judged || cost.score.has_value();
  }
  std::string out = Concat(
      "<h2>What each layer costs alone</h2>\n<p class=soft>Noise at the model's outputs, as a "
      "share of their mean square, when this layer alone is quantized",
      judged ? ", and the accuracy then" : "",
      timed ? "; and how much longer the model takes when it alone stays float" : "",
      ".</p>\n<table><tr><th>layer</th><th class=n>bits</th><th class=n>weights</th>"
      "<th>noise</th>",
      timed ? "<th class=n>float, ms more</th>" : "", judged ? "<th class=n>accuracy</th>" : "",
      "</tr>\n");
  for (const quantize::LayerCost& cost : outcome.made.costs)
    out += Concat(
        "<tr><td class=name><b>", Escaped(cost.op), "</b> ", Escaped(cost.name),
        "</td><td class=n>", cost.bits, "</td><td class=n>", Grouped(cost.weights),
        "</td><td><span class=bar style=\"width:", Fixed(most > 0 ? cost.noise / most * 120 : 0, 0),
        "px\"></span> ", Significant(cost.noise), "</td>",
        timed ? Concat("<td class=n>", Fixed(cost.latency_ms, 3), "</td>") : "",
        cost.score ? Concat("<td class=n>", Percent(*cost.score), "</td>") : "", "</tr>\n");
  return out + "</table>\n";
}

void PrintCosts(const QuantizeOutcome& outcome) {
  constexpr size_t kMost = 10;
  const std::vector<quantize::LayerCost>& costs = outcome.made.costs;
  if (costs.empty()) return;
  Table table({"quantized alone", "output", ">bits", ">noise of the outputs", ">accuracy"});
  for (size_t i = 0; i < std::min(costs.size(), kMost); ++i)
    table.Add({costs[i].op, Printable(costs[i].name), std::to_string(costs[i].bits),
               Significant(costs[i].noise), costs[i].score ? Percent(*costs[i].score) : ""});
  table.Print();
  if (costs.size() > kMost)
    std::printf("  and %zu more; --report and --json have all\n", costs.size() - kMost);
}

}  // namespace

void PrintOutcome(const QuantizeOutcome& outcome) {
  std::printf("%s: %s%s%s, %s bytes; as float32 TFLite %s bytes\n", Printable(outcome.in).c_str(),
              outcome.format.c_str(), outcome.version.empty() ? "" : " ",
              Printable(outcome.version).c_str(),
              Grouped(static_cast<int64_t>(outcome.input_bytes)).c_str(),
              Grouped(static_cast<int64_t>(outcome.before.bytes)).c_str());
  for (const std::string& note : outcome.notes) std::printf("note: %s\n", Printable(note).c_str());
  if (outcome.calibration_samples() > 0)
    std::printf("calibrated on %s (%s)\n", Samples(outcome).c_str(), outcome.method.c_str());
  int64_t quantized = 0;
  Table stays({"stays float", "output", "why"});
  for (const LayerReport& layer : outcome.made.layers) {
    if (layer.quantized)
      ++quantized;
    else
      stays.Add({layer.op, Printable(layer.name), Printable(layer.reason)});
  }
  if (!outcome.made.layers.empty())
    std::printf("%lld of %zu float operators quantized\n", static_cast<long long>(quantized),
                outcome.made.layers.size());
  if (!stays.empty()) stays.Print();
  PrintCosts(outcome);
  if (outcome.before.evaluation && outcome.after.evaluation)
    std::printf("accuracy %s → %s on %s examples of %s\n",
                Percent(outcome.before.evaluation->accuracy).c_str(),
                Percent(outcome.after.evaluation->accuracy).c_str(),
                Grouped(outcome.after.evaluation->count).c_str(), Printable(outcome.eval).c_str());
  std::printf("→ %s, %s bytes, %.3g x smaller\n", Printable(outcome.out).c_str(),
              Grouped(static_cast<int64_t>(outcome.after.bytes)).c_str(),
              Ratio(outcome.before.bytes, outcome.after.bytes));
}

Json ToJson(const QuantizeOutcome& outcome) {
  Json layers = Json::array(), steps = Json::array(), refined = Json::array();
  for (const LayerReport& layer : outcome.made.layers) {
    Json one = {{"op", layer.op}, {"name", layer.name}, {"quantized", layer.quantized}};
    if (layer.weight_bits > 0) one["weight_bits"] = layer.weight_bits;
    if (!layer.reason.empty()) one["reason"] = layer.reason;
    layers.push_back(std::move(one));
  }
  for (const quantize::SearchStep& step : outcome.made.steps)
    steps.push_back({{"what", step.what}, {"accuracy", step.score}, {"kept", step.kept}});
  for (const quantize::RefinedLayer& layer : outcome.made.refined) {
    Json one = {{"op", layer.op},
                {"name", layer.name},
                {"weights", layer.weights},
                {"changed", layer.changed},
                {"nearest_error", layer.nearest_error},
                {"error", layer.error}};
    if (!layer.note.empty()) one["note"] = layer.note;
    refined.push_back(std::move(one));
  }
  Json costs = Json::array();
  for (const quantize::LayerCost& cost : outcome.made.costs) {
    Json one = {{"op", cost.op},
                {"name", cost.name},
                {"weights", cost.weights},
                {"bits", cost.bits},
                {"noise", cost.noise}};
    if (cost.latency_ms != 0) one["latency_ms"] = cost.latency_ms;
    if (cost.score) one["accuracy"] = *cost.score;
    costs.push_back(std::move(one));
  }
  Json json = {{"input", outcome.in},
               {"output", outcome.out},
               {"scheme", outcome.scheme},
               {"format", outcome.format},
               {"version", outcome.version},
               {"input_bytes", outcome.input_bytes},
               {"float_bytes", outcome.before.bytes},
               {"output_bytes", outcome.after.bytes},
               {"ops", outcome.ops},
               {"calibration_samples", outcome.calibration_samples()},
               {"notes", outcome.notes},
               {"layers", std::move(layers)},
               {"within_budget", outcome.made.within_budget},
               {"steps", std::move(steps)},
               {"costs", std::move(costs)},
               {"refined", std::move(refined)}};
  if (outcome.before.evaluation) json["accuracy_before"] = outcome.before.evaluation->accuracy;
  if (outcome.after.evaluation) json["accuracy"] = outcome.after.evaluation->accuracy;
  if (outcome.after.latency_ms > 0) {
    json["latency_before_ms"] = outcome.before.latency_ms;
    json["latency_ms"] = outcome.after.latency_ms;
    json["arena_before_bytes"] = outcome.before.arena_bytes;
    json["arena_bytes"] = outcome.after.arena_bytes;
  }
  return json;
}

std::string ReportPage(const QuantizeOutcome& outcome) {
  std::string out = Concat(
      "<!doctype html>\n<html lang=en><head><meta charset=utf-8>"
      "<meta name=viewport content=\"width=device-width\"><title>",
      Escaped(outcome.out), " – quantization report</title><style>", kStyle,
      "</style></head><body>\n<h1>", Escaped(outcome.out), "</h1>\n<p class=sub>",
      Escaped(outcome.in), " quantized by the scheme <b>", Escaped(outcome.scheme), "</b>");
  if (outcome.calibration_samples() > 0)
    out += Concat(", calibrated on ", Samples(outcome), " (", Escaped(outcome.method), ")");
  out += "</p>\n" + Figures(outcome);
  if (!outcome.notes.empty()) {
    out += "<ul>";
    for (const std::string& note : outcome.notes) out += "<li>" + Escaped(note) + "</li>";
    out += "</ul>\n";
  }
  out += Steps(outcome) + Costs(outcome);
  if (!outcome.errors.empty()) out += Layers(outcome);
  return out + "</body></html>\n";
}

}  // namespace edgeml::cli
