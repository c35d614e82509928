// edgeml benchmark
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "src/base/cpu_features.h"
#include "src/base/memory_info.h"
#include "src/base/strings.h"
#include "src/cli/command.h"
#include "src/cli/engine.h"
#include "src/cli/interrupt.h"
#include "src/cli/output.h"
#include "src/cli/results.h"

namespace edgeml::cli {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::string model;
  double seconds = 3;
  int64_t runs = 0;
  bool profile = false;
  EngineOptions engine;
};

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

struct Measurement {
  double load_ms = 0, first_ms = 0;
  std::vector<double> times;
  size_t peak_rss = 0;
  MemoryPlan plan;
};

Result<Measurement> Measure(const Options& options) {
  EDGEML_ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine,
                          Engine::Open(options.model, options.engine));
  EDGEML_RETURN_IF_ERROR(engine->FeedRandom(1));
  Measurement m;
  m.load_ms = engine->load_ms();
  EDGEML_RETURN_IF_ERROR(engine->Run());
  m.first_ms = engine->last_run_ms();
  // Warm up for a tenth of the time, then measure.
  for (const Clock::time_point start = Clock::now(); SecondsSince(start) < options.seconds / 10;) {
    EDGEML_RETURN_IF_ERROR(engine->Run());
  }
  ProgressBar progress("benchmark", static_cast<int64_t>(options.seconds * 1000));
  const Clock::time_point start = Clock::now();
  do {
    EDGEML_RETURN_IF_ERROR(engine->Run());
    m.times.push_back(engine->last_run_ms());
    progress.Update(static_cast<int64_t>(SecondsSince(start) * 1000));
  } while (options.runs > 0 ? static_cast<int64_t>(m.times.size()) < options.runs
                            : SecondsSince(start) < options.seconds);
  m.peak_rss = PeakResidentBytes();
  m.plan = engine->session().memory_plan();
  return m;
}

// A second session, since taking times costs time.
Result<std::vector<NodeProfile>> Profile(const Options& options) {
  SessionOptions session;
  session.profile = true;
  EDGEML_ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine,
                          Engine::Open(options.model, options.engine, session));
  EDGEML_RETURN_IF_ERROR(engine->FeedRandom(1));
  EDGEML_RETURN_IF_ERROR(engine->Run());
  engine->session().ResetProfile();
  const Clock::time_point start = Clock::now();
  do {
    EDGEML_RETURN_IF_ERROR(engine->Run());
  } while (SecondsSince(start) < std::min(options.seconds, 2.0));
  return engine->session().profile();
}

double MeanMs(const NodeProfile& p) {
  return p.runs > 0 ? p.total_ms / static_cast<double>(p.runs) : 0;
}

double TotalMs(const std::vector<NodeProfile>& nodes) {
  double total = 0;
  for (const NodeProfile& p : nodes) total += MeanMs(p);
  return total;
}

Json ToJson(const std::vector<NodeProfile>& nodes) {
  const double total = TotalMs(nodes);
  Json ops = Json::array();
  for (const NodeProfile& p : nodes) {
    ops.push_back({{"node", p.node},
                   {"op", p.op},
                   {"kernel", p.kernel},
                   {"dtype", p.dtype},
                   {"shape", p.output_shape},
                   {"mean_ms", MeanMs(p)},
                   {"min_ms", p.min_ms},
                   {"share", total > 0 ? MeanMs(p) / total : 0},
                   {"macs", p.macs},
                   {"declined", p.declined},
                   {"error_bound", p.error_bound}});
  }
  return ops;
}

void PrintProfile(const std::vector<NodeProfile>& nodes) {
  const double total = TotalMs(nodes);
  const auto share = [&](double ms) { return Fixed(total > 0 ? 100 * ms / total : 0, 1) + " %"; };
  const auto rate = [](int64_t macs, double ms) {
    return macs > 0 && ms > 0 ? Fixed(static_cast<double>(macs) / ms * 1e-6, 2) : "";
  };
  struct Sum {
    int64_t count = 0, macs = 0;
    double ms = 0;
  };
  std::map<std::string, Sum> by_op;
  std::printf("\nNodes\n");
  Table table({">#", "op", "kernel", "output", ">time", ">share", ">GMAC/s"});
  for (const NodeProfile& p : nodes) {
    const double ms = MeanMs(p);
    Sum& sum = by_op[p.op];
    ++sum.count, sum.ms += ms, sum.macs += std::max<int64_t>(p.macs, 0);
    table.Add({std::to_string(p.node), p.op, p.kernel, p.dtype + " " + p.output_shape,
               Fixed(ms, 4) + " ms", share(ms), rate(p.macs, ms)});
  }
  table.Print(2, 40);
  std::vector<std::pair<std::string, Sum>> sums(by_op.begin(), by_op.end());
  std::sort(sums.begin(), sums.end(),
            [](const auto& a, const auto& b) { return a.second.ms > b.second.ms; });
  std::printf("\nOperators\n");
  Table ops({"op", ">count", ">time", ">share", ">GMAC/s"});
  for (const auto& [op, sum] : sums) {
    ops.Add({op, std::to_string(sum.count), Fixed(sum.ms, 4) + " ms", share(sum.ms),
             rate(sum.macs, sum.ms)});
  }
  ops.Print();
  Table declined({">#", "why a faster kernel was not taken"});
  for (const NodeProfile& p : nodes) {
    if (p.kernel.find("reference") == std::string::npos) continue;
    for (const std::string& reason : p.declined) declined.Add({std::to_string(p.node), reason});
  }
  if (!declined.empty()) {
    std::printf("\n");
    declined.Print(2, 110);
  }
}

Status Benchmark(const Options& options, bool json) {
  EDGEML_ASSIGN_OR_RETURN(Measurement m, Measure(options));
  std::vector<NodeProfile> nodes;
  if (options.profile) {
    EDGEML_ASSIGN_OR_RETURN(nodes, Profile(options));
  }
  const auto runs = static_cast<int64_t>(m.times.size());
  const Spread spread = SpreadOf(std::move(m.times));
  if (json) {
    PrintJson({{"model", options.model},
               {"latency_ms", cli::ToJson(spread)},
               {"runs", runs},
               {"threads", options.engine.threads},
               {"exact", options.engine.exact},
               {"simd_level", NameOf(BestSimdLevel())},
               {"load_ms", m.load_ms},
               {"first_inference_ms", m.first_ms},
               {"peak_rss_bytes", m.peak_rss},
               {"arena_bytes", m.plan.arena_bytes},
               {"arena_bound_bytes", m.plan.lower_bound_bytes},
               {"ops", ToJson(nodes)}});
    return Status::Ok();
  }
  std::printf("%s  %d %s, %s%s\n", Printable(options.model).c_str(), options.engine.threads,
              options.engine.threads == 1 ? "thread" : "threads",
              std::string(NameOf(BestSimdLevel())).c_str(),
              options.engine.exact ? ", exact (reference kernels)" : "");
  Table table({"", ""});
  table.Add(
      {"latency", Concat(Milliseconds(spread.median), " median  (min ", Milliseconds(spread.min),
                         ", p90 ", Milliseconds(spread.p90), ", p99 ", Milliseconds(spread.p99),
                         ", mean ", Milliseconds(spread.mean), ")")});
  table.Add({"runs", Grouped(runs)});
  table.Add({"load", Milliseconds(m.load_ms)});
  table.Add({"first inference", Milliseconds(m.first_ms)});
  table.Add({"arena", HumanBytes(m.plan.arena_bytes)});
  table.Add({"peak memory", Concat(HumanBytes(m.peak_rss), "  (the whole process)")});
  table.Print(2, 120);
  if (options.profile) PrintProfile(nodes);
  return Status::Ok();
}

}  // namespace

Action AddBenchmark(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("MODEL", options->model, "Model file")->required();
  app.add_option("--seconds", options->seconds, "How long to measure")
      ->check(CLI::Range(0.01, 86400.0))
      ->capture_default_str();
  app.add_option("--runs", options->runs, "Measure this many runs instead")
      ->check(CLI::PositiveNumber);
  app.add_flag("--profile", options->profile, "Also the time of each node and the kernel it took");
  options->engine.AddTo(app);
  return [options](bool json) { return Benchmark(*options, json); };
}

}  // namespace edgeml::cli
