#include "tests/fuzz/session_run.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "edgeml/audio_frontend.h"

namespace edgeml::fuzz {
namespace {

constexpr int64_t kMostSteps = 2'000;
constexpr auto kPatience = std::chrono::milliseconds(250);
// What may go by after a stop was asked for. The sanitizers cost a factor of ten or so.
constexpr double kMostSeconds = 4.0;

// Seconds of this thread, which a busy machine does not lengthen.
double CpuSeconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// Cancels a session that works for too long, again and again, since a new run forgets the wish.
class Watchdog {
 public:
  Watchdog() : thread_([this] { Watch(); }) { thread_.detach(); }

  template <typename F>
  Status Guard(Session& session, const char* what, const F& work) {
    Set(&session);
    const double start = CpuSeconds();
    const Status status = work();
    const double seconds = CpuSeconds() - start;
    Set(nullptr);
    if (seconds > kMostSeconds) {
      std::fprintf(stderr, "%s took %.1f s after a stop was asked for\n", what, seconds);
      std::abort();
    }
    return status;
  }

 private:
  void Set(Session* session) {
    const std::lock_guard lock(mutex_);
    session_ = session;
    deadline_ = std::chrono::steady_clock::now() + kPatience;
    changed_.notify_one();
  }

  void Watch() {
    std::unique_lock lock(mutex_);
    while (true) {
      if (session_ == nullptr) {
        changed_.wait(lock);
      } else if (std::chrono::steady_clock::now() < deadline_) {
        changed_.wait_until(lock, deadline_);
      } else {
        session_->Cancel();
        changed_.wait_for(lock, std::chrono::milliseconds(10));
      }
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  Session* session_ = nullptr;
  std::chrono::steady_clock::time_point deadline_;
  std::thread thread_;
};

Watchdog& TheWatchdog() {
  static auto& watchdog = *new Watchdog;  // outlives everything
  return watchdog;
}

class Values {
 public:
  Values(std::span<const uint8_t> given, uint32_t seed) : given_(given), seed_(seed) {}
  uint8_t Next() {
    if (!given_.empty()) {
      const uint8_t byte = given_.front();
      given_ = given_.subspan(1);
      return byte;
    }
    seed_ = seed_ * 1664525u + 1013904223u;
    return static_cast<uint8_t>(seed_ >> 24);
  }

 private:
  std::span<const uint8_t> given_;
  uint32_t seed_;
};

Status Resize(Session& session, Values& values) {
  for (int i = 0; i < session.num_inputs(); ++i) {
    std::vector<int32_t> shape =
        session.tensor_info(session.input_indices()[static_cast<size_t>(i)]).shape;
    const uint8_t what = values.Next();
    if (what % 4 != 0 || shape.empty()) continue;
    shape[what / 4 % shape.size()] = static_cast<int8_t>(values.Next()) % 32;
    if (what >= 192) shape.push_back(values.Next() % 4);
    if (const Status status = session.ResizeInput(i, shape); !status.ok()) return status;
  }
  return Status::Ok();
}

Status Fill(Session& session, Values& values) {
  for (int i = 0; i < session.num_inputs(); ++i) {
    const TensorRef input = session.input(i);
    if (input.dtype == DType::kString) {
      size_t count = 1;
      for (const int32_t d : input.shape) count *= static_cast<size_t>(d);
      std::vector<std::string> strings(std::min<size_t>(count, 4096));
      for (std::string& text : strings)
        for (int left = values.Next() % 12; left > 0; --left)
          text.push_back(static_cast<char>(values.Next()));
      const int32_t index = session.input_indices()[static_cast<size_t>(i)];
      if (const Status status = session.SetStrings(index, strings); !status.ok()) return status;
      continue;
    }
    auto* bytes = static_cast<uint8_t*>(input.data);
    for (size_t k = 0; bytes != nullptr && k < input.bytes; ++k) bytes[k] = values.Next();
  }
  return Status::Ok();
}

// The operators of the audio front-end.
std::shared_ptr<const CustomOpRegistry> CustomOps() {
  static const auto registry = [] {
    auto made = std::make_shared<CustomOpRegistry>();
    CheckError(AddAudioFrontendOps(*made));
    return made;
  }();
  return registry;
}

// Every byte must be readable.
void ReadOutputs(const Session& session) {
  volatile uint8_t sink = 0;
  for (int i = 0; i < session.num_outputs(); ++i) {
    const TensorRef output = session.output(i);
    const auto* bytes = static_cast<const uint8_t*>(output.data);
    for (size_t k = 0; bytes != nullptr && k < output.bytes; ++k) sink = sink ^ bytes[k];
    if (output.dtype == DType::kString)
      (void)session.GetStrings(session.output_indices()[static_cast<size_t>(i)]);
  }
}

}  // namespace

void RunSession(const Model& model, bool exact, std::span<const uint8_t> given, uint32_t seed,
                bool resize) {
  SessionOptions options;
  options.exact = exact;
  options.memory_cap_bytes = kMemoryCap;
  options.step_limit = kMostSteps;
  options.prepare = false;
  options.custom_ops = CustomOps();
  auto session = Session::Create(model, options);
  if (!session.ok()) return CheckError(session.status());
  Values values(given, seed);
  if (resize)
    if (const Status status = Resize(*session, values); !status.ok()) return CheckError(status);
  Status status = TheWatchdog().Guard(*session, "Prepare", [&] { return session->Prepare(); });
  if (!status.ok()) return CheckError(status);
  if (status = Fill(*session, values); !status.ok()) return CheckError(status);
  for (int run = 0; run < 2; ++run) {
    status = TheWatchdog().Guard(*session, "Run", [&] { return session->Run(); });
    if (!status.ok()) return CheckError(status);
    ReadOutputs(*session);
  }
  (void)session->memory_plan();
  (void)session->nodes();
}

}  // namespace edgeml::fuzz
