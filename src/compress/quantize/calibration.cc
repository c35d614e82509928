#include "src/compress/quantize/calibration.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <memory>
#include <tuple>
#include <utility>

#include "src/base/cpu_features.h"
#include "src/base/hash.h"
#include "src/base/strings.h"
#include "src/base/thread_pool.h"

namespace edgeml::quantize {
namespace {

// Samples per thread between two times of absorbing what depends on their order.
constexpr int64_t kRound = 16;

size_t Index(int64_t i) { return static_cast<size_t>(i); }

// What is observed of each value: nothing, or this.
using Plan = std::vector<std::vector<std::optional<ObserverOptions>>>;  // [graph][value]

Result<Plan> MakePlan(const ir::Module& module, const CalibrationOptions& options) {
  const bool histogram = options.histograms || NeedsHistogram(options.method);
  Plan plan(module.graphs.size());
  for (size_t g = 0; g < plan.size(); ++g) {
    const auto& values = module.graphs[g].values;
    plan[g].resize(values.size());
    for (size_t v = 0; v < values.size(); ++v) {
      if (values[v].type != DType::kFloat32) continue;
      if (values[v].is_constant() && !values[v].is_variable) continue;
      if (g > 0 || options.values.empty()) plan[g][v] = ObserverOptions{histogram, false};
    }
  }
  const auto& values = module.graphs[0].values;
  const auto check = [&](int32_t v) {
    if (v >= 0 && Index(v) < values.size()) return Status::Ok();
    return Error(Code::kInvalidArgument, "there is no tensor ", v, " to observe; the graph has ",
                 values.size());
  };
  for (const int32_t v : options.values) {
    EDGEML_RETURN_IF_ERROR(check(v));
    if (values[Index(v)].type == DType::kFloat32)
      plan[0][Index(v)] = ObserverOptions{histogram, false};
  }
  for (const int32_t v : options.channel_values) {
    EDGEML_RETURN_IF_ERROR(check(v));
    if (plan[0][Index(v)]) plan[0][Index(v)]->channels = true;
  }
  if (options.all_channels)
    for (auto& what : plan[0])
      if (what) what->channels = true;
  return plan;
}

// Float32 values of the main graph that an executor computes while it prepares, from shapes; an
// observer is not told of them.
std::vector<int32_t> KnownBeforeRunning(const runtime::GraphExecutor& executor, const Plan& plan) {
  const ir::Graph& graph = executor.graph();
  std::vector<bool> constant(graph.values.size());
  for (size_t v = 0; v < constant.size(); ++v)
    constant[v] = graph.values[v].is_constant() && !graph.values[v].is_variable;
  std::vector<int32_t> known;
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    if (!executor.report(n).folded) continue;
    const ir::Node& node = graph.nodes[n];
    const bool from_constants =
        std::ranges::all_of(node.inputs, [&](int32_t v) { return v < 0 || constant[Index(v)]; });
    for (const int32_t v : node.outputs) {
      if (v < 0) continue;
      if (from_constants)
        constant[Index(v)] = true;
      else if (plan[0][Index(v)])
        known.push_back(v);
    }
  }
  return known;
}

// What a sample leaves behind that has to be absorbed in order.
struct Leftover {
  int32_t graph = 0, value = 0;
  SampleSummary summary;
};

// One thread's executor and what it has observed.
class Worker : public runtime::TensorObserver {
 public:
  Worker(const std::shared_ptr<const runtime::Program>& program, const runtime::Backends& backends,
         const CalibrationOptions& options, const Plan& plan)
      : plan_(plan), runner_(program, backends, OptionsOf(options, this)) {
    observers_.resize(plan.size());
    for (size_t g = 0; g < plan.size(); ++g) observers_[g].resize(plan[g].size());
  }

  Status Run(const std::vector<data::Array>& sample) {
    runtime::GraphExecutor& executor = runner_.executor();
    EDGEML_RETURN_IF_ERROR(FeedSample(sample, executor, this));
    EDGEML_RETURN_IF_ERROR(executor.Run());
    for (const int32_t v : KnownBeforeRunning(executor, plan_))
      EDGEML_RETURN_IF_ERROR(Observe(0, v, executor.view(v)));
    return Status::Ok();
  }

  Status Observe(int32_t graph, int32_t value, const TensorView& view) override {
    const auto& what = plan_[Index(graph)][Index(value)];
    if (!what || view.data == nullptr || view.type != DType::kFloat32) return Status::Ok();
    auto& observer = observers_[Index(graph)][Index(value)];
    if (observer == nullptr) observer = std::make_unique<Observer>(*what);
    observer->Observe(view.elements<float>(), view.rank() == 0 ? 1 : view.shape.back());
    if (observer->not_a_number() == 0) return Status::Ok();
    const ir::Graph& where = runner_.context().program->module().graphs[Index(graph)];
    return Error(Code::kFailed, "tensor ", value, " ('", where.values[Index(value)].name, "') of ",
                 graph == 0 ? std::string("the graph") : Concat("subgraph ", graph), " holds ",
                 observer->not_a_number(),
                 " values that are not a number; its ranges cannot be "
                 "found. Mend the model, or leave the sample out");
  }

  // Ends the sample.
  std::vector<Leftover> Leftovers() {
    std::vector<Leftover> leftovers;
    for (size_t g = 0; g < observers_.size(); ++g)
      for (size_t v = 0; v < observers_[g].size(); ++v)
        if (observers_[g][v] != nullptr)
          leftovers.push_back(
              {static_cast<int32_t>(g), static_cast<int32_t>(v), observers_[g][v]->EndSample()});
    return leftovers;
  }

  void Stop() { runner_.context().cancel = true; }
  const Observer* observer(size_t graph, size_t value) const {
    return observers_[graph][value].get();
  }

 private:
  static runtime::RunnerOptions OptionsOf(const CalibrationOptions& options, Worker* self) {
    runtime::RunnerOptions run;
    run.memory_cap = options.memory_cap;
    run.custom_ops = options.custom_ops;
    run.observer = self;
    return run;
  }

  const Plan& plan_;
  std::vector<std::vector<std::unique_ptr<Observer>>> observers_;
  runtime::ModuleRunner runner_;
};

// Whether an input holds the same in all samples: hashes of its bytes.
struct InputTrace {
  uint64_t least = UINT64_MAX, largest = 0;
  void Add(uint64_t hash) {
    least = std::min(least, hash);
    largest = std::max(largest, hash);
  }
};

uint64_t HashOf(const data::Array& array) {
  Hasher hasher;
  hasher.Add(std::as_bytes(std::span(array.bytes)));
  return hasher.value();
}

class Calibrator {
 public:
  Calibrator(const ir::Module& module, const SampleSource& samples,
             const CalibrationOptions& options, Plan plan, std::vector<int64_t> chosen)
      : module_(module),
        samples_(samples),
        options_(options),
        plan_(std::move(plan)),
        chosen_(std::move(chosen)),
        traces_(module.graphs[0].inputs.size()) {}

  Status Run(const runtime::Backends& backends, const Progress& progress) {
    const int wanted = options_.threads > 0 ? options_.threads : AvailableCpus();
    const auto total = static_cast<int64_t>(chosen_.size());
    const auto threads = static_cast<int>(std::min<int64_t>(wanted, total));
    const auto program = std::make_shared<const runtime::Program>(module_);
    for (int w = 0; w < threads; ++w)
      workers_.push_back(std::make_unique<Worker>(program, backends, options_, plan_));
    const std::unique_ptr<ThreadPool> pool = ThreadPool::Create(threads);
    const int64_t round = kRound * threads;
    for (int64_t first = 0; first < total; first += round) {
      const int64_t count = std::min(round, total - first);
      EDGEML_RETURN_IF_ERROR(RunRound(*pool, first, count, progress));
    }
    return Status::Ok();
  }

  CalibrationResult Collect() {
    CalibrationResult result;
    result.method = options_.method;
    result.percentile = options_.percentile;
    result.samples = static_cast<int64_t>(chosen_.size());
    result.model = ModelHash(module_);
    for (size_t g = 0; g < plan_.size(); ++g) {
      for (size_t v = 0; v < plan_[g].size(); ++v) {
        if (!plan_[g][v]) continue;
        const std::pair key(static_cast<int32_t>(g), static_cast<int32_t>(v));
        const auto absorbed = absorbed_.find(key);
        Observer all =
            absorbed != absorbed_.end() ? std::move(absorbed->second) : Observer(*plan_[g][v]);
        for (const auto& worker : workers_)
          if (const Observer* one = worker->observer(g, v)) all.Merge(*one);
        if (!all.seen()) continue;
        const std::string& name = module_.graphs[g].values[v].name;
        result.tensors.push_back({key.first, key.second, name, std::move(all)});
      }
    }
    Warn(result);
    return result;
  }

 private:
  Status RunRound(ThreadPool& pool, int64_t first, int64_t count, const Progress& progress) {
    const auto total = static_cast<int64_t>(chosen_.size());
    std::vector<std::vector<Leftover>> leftovers(Index(count));
    std::vector<std::vector<uint64_t>> hashes(Index(count));
    std::vector<std::pair<int64_t, Status>> errors(workers_.size(), {total, Status::Ok()});
    std::atomic<int64_t> failed{total};  // the first sample known to fail
    std::atomic<bool> stop{false};
    const auto work = [&](int64_t begin, int64_t end, int w) {
      for (int64_t i = begin; i < end && first + i < failed; ++i) {
        if (stop) return;
        Status status = RunSample(first + i, *workers_[Index(w)], hashes[Index(i)]);
        if (!status.ok()) {
          errors[Index(w)] = {first + i, std::move(status)};
          for (int64_t seen = failed; first + i < seen;)
            if (failed.compare_exchange_weak(seen, first + i)) break;
          return;
        }
        leftovers[Index(i)] = workers_[Index(w)]->Leftovers();
        const int64_t done = done_.fetch_add(1) + 1;
        if (w == 0 && progress != nullptr && !progress(done, total)) {
          stop = true;
          for (const auto& worker : workers_) worker->Stop();
        }
      }
    };
    pool.ParallelFor(count, 1, work);
    if (stop) return Error(Code::kCancelled, "calibration was stopped on request");
    // Of several that fail the first is told, whichever thread was faster.
    const auto worst =
        std::ranges::min_element(errors, {}, [](const auto& error) { return error.first; });
    if (!worst->second.ok()) return worst->second;
    for (const auto& of_sample : hashes)
      for (size_t i = 0; i < of_sample.size(); ++i) traces_[i].Add(of_sample[i]);
    for (const auto& of_sample : leftovers) {
      for (const Leftover& one : of_sample) {
        const std::pair key(one.graph, one.value);
        auto found = absorbed_.find(key);
        if (found == absorbed_.end()) {
          const ObserverOptions& what = *plan_[Index(one.graph)][Index(one.value)];
          found = absorbed_.emplace(key, Observer(what)).first;
        }
        found->second.Absorb(one.summary);
      }
    }
    // The caller's own share may have been done before the others'.
    if (progress != nullptr && !progress(done_, total))
      return Error(Code::kCancelled, "calibration was stopped on request");
    return Status::Ok();
  }

  Status RunSample(int64_t position, Worker& worker, std::vector<uint64_t>& hashes) {
    const int64_t i = chosen_[Index(position)];
    const auto run = [&]() -> Status {
      EDGEML_ASSIGN_OR_RETURN(const std::vector<data::Array> sample, samples_.Get(i));
      for (const data::Array& array : sample) hashes.push_back(HashOf(array));
      return worker.Run(sample);
    };
    Status status = run();
    return status.ok() ? status : std::move(status).WithContext(samples_.NameOf(i));
  }

  void Warn(CalibrationResult& result) const {
    const auto count = static_cast<int64_t>(chosen_.size());
    if (count < kFewSamples)
      result.warnings.push_back(Concat("calibrated on ", count, count == 1 ? " sample" : " samples",
                                       "; ranges found on fewer than ", kFewSamples,
                                       " may be too narrow"));
    const ir::Graph& graph = module_.graphs[0];
    for (size_t i = 0; i < graph.inputs.size(); ++i) {
      const std::string name =
          Concat("input ", i, " ('", graph.values[Index(graph.inputs[i])].name, "')");
      const Observer* const observer = result.Find(0, graph.inputs[i]);
      if (observer != nullptr && observer->MinMax().min == observer->MinMax().max)
        result.warnings.push_back(
            Concat(name, " is ", observer->MinMax().min, " throughout, in all samples"));
      else if (count > 1 && traces_[i].least == traces_[i].largest)
        result.warnings.push_back(Concat(name, " is the same in all ", count, " samples"));
    }
    for (const TensorRecord& tensor : result.tensors)
      if (tensor.observer.infinite() > 0)
        result.warnings.push_back(Concat("tensor ", tensor.value, " ('", tensor.name, "') is ",
                                         "infinite in ", tensor.observer.infinite(),
                                         " places, which count for no range"));
  }

  const ir::Module& module_;
  const SampleSource& samples_;
  const CalibrationOptions& options_;
  const Plan plan_;
  const std::vector<int64_t> chosen_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::map<std::pair<int32_t, int32_t>, Observer> absorbed_;
  std::vector<InputTrace> traces_;
  std::atomic<int64_t> done_{0};
};

}  // namespace

const Observer* CalibrationResult::Find(int32_t graph, int32_t value) const {
  const auto found = std::ranges::lower_bound(
      tensors, std::pair(graph, value), {},
      [](const TensorRecord& record) { return std::pair(record.graph, record.value); });
  if (found == tensors.end() || found->graph != graph || found->value != value) return nullptr;
  return &found->observer;
}

std::optional<Range> CalibrationResult::RangeOf(int32_t graph, int32_t value, int bits,
                                                bool symmetric) const {
  const Observer* const observer = Find(graph, value);
  if (observer == nullptr) return std::nullopt;
  return FindRange(*observer, {method, percentile, bits, symmetric});
}

Status CalibrationResult::CheckModel(const ir::Module& module) const {
  if (model != ModelHash(module))
    return Error(Code::kInvalidArgument,
                 "the ranges were found for another model, or for this one before it was changed; "
                 "calibrate again");
  for (const TensorRecord& tensor : tensors) {
    const bool there = tensor.graph >= 0 && Index(tensor.graph) < module.graphs.size() &&
                       tensor.value >= 0 &&
                       Index(tensor.value) < module.graphs[Index(tensor.graph)].values.size();
    const ir::Value* const value =
        there ? &module.graphs[Index(tensor.graph)].values[Index(tensor.value)] : nullptr;
    if (value == nullptr || value->type != DType::kFloat32)
      return Error(Code::kInvalidArgument, "the ranges name tensor ", tensor.value, " of graph ",
                   tensor.graph, ", which the model does not have as float32");
  }
  return Status::Ok();
}

uint64_t ModelHash(const ir::Module& module) {
  Hasher hasher;
  for (const ir::Graph& graph : module.graphs) {
    hasher.Add(ir::ToString(graph));
    hasher.Add(uint64_t{graph.values.size()});
    for (const ir::Value& value : graph.values)
      if (value.is_constant()) hasher.Add(value.data.bytes);
  }
  return hasher.value();
}

Result<CalibrationResult> Calibrate(const ir::Module& module, const SampleSource& samples,
                                    const CalibrationOptions& options,
                                    const runtime::Backends& backends, const Progress& progress) {
  if (module.graphs.empty()) return Error(Code::kInvalidArgument, "the model has no graph");
  if (!(options.percentile > 0 && options.percentile <= 100))
    return Error(Code::kInvalidArgument, "the percentile is ", options.percentile,
                 ", not over 0 and at most 100");
  std::vector<int64_t> chosen = SpreadSamples(samples.size(), options.limit);
  if (chosen.empty())
    return Error(Code::kInvalidArgument, "the calibration data is empty: there are no samples");
  EDGEML_ASSIGN_OR_RETURN(Plan plan, MakePlan(module, options));
  Calibrator calibrator(module, samples, options, std::move(plan), std::move(chosen));
  EDGEML_RETURN_IF_ERROR(calibrator.Run(backends, progress));
  return calibrator.Collect();
}

}  // namespace edgeml::quantize
