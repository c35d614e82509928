#include "src/base/thread_pool.h"

#include "src/base/stop.h"

#if !defined(EDGEML_NO_THREADS)
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <pthread.h>
#include <sched.h>
#endif
#endif

namespace edgeml {
namespace {

class InlinePool : public ThreadPool {
 public:
  int num_threads() const override { return 1; }
  void ParallelFor(int64_t n, int64_t, FunctionRef<void(int64_t, int64_t, int)> body) override {
    if (n > 0) body(0, n, 0);
  }
};

#if !defined(EDGEML_NO_THREADS)
// Ranges are handed out by static split: worker w gets the w-th chunk. That keeps the split, and so
// every result, independent of timing.
struct Job {
  FunctionRef<void(int64_t, int64_t, int)>* body = nullptr;
  int64_t n = 0;
  int64_t chunk = 0;
  const std::atomic<bool>* stop = nullptr;  // the caller's

  void RunShare(int worker) const {
    const StopScope scope(stop);
    const int64_t begin = std::min(n, chunk * worker);
    const int64_t end = std::min(n, begin + chunk);
    if (begin < end) (*body)(begin, end, worker);
  }
};

// Workers spin for a short while after a job, since the next layer usually follows at once, then
// park on a condition variable.
class WorkerPool : public ThreadPool {
 public:
  WorkerPool(int num_threads, std::span<const int> affinity) : num_threads_(num_threads) {
    for (int w = 1; w < num_threads; ++w) {
      workers_.emplace_back([this, w] { WorkerLoop(w); });
#if defined(__linux__)
      if (!affinity.empty()) {
        const int cpu = affinity[static_cast<size_t>(w - 1) % affinity.size()];
        if (cpu >= 0 && cpu < CPU_SETSIZE) {
          cpu_set_t set;
          CPU_ZERO(&set);
          CPU_SET(static_cast<unsigned>(cpu), &set);
          // Best effort: a CPU that is not ours leaves the worker unpinned.
          (void)pthread_setaffinity_np(workers_.back().native_handle(), sizeof set, &set);
        }
      }
#else
      (void)affinity;
#endif
    }
  }

  ~WorkerPool() override {
    {
      std::lock_guard lock(mutex_);
      stop_.store(true, std::memory_order_release);
    }
    wake_.notify_all();
    for (std::thread& worker : workers_) worker.join();
  }

  int num_threads() const override { return num_threads_; }

  void ParallelFor(int64_t n, int64_t grain,
                   FunctionRef<void(int64_t, int64_t, int)> body) override {
    if (n <= 0) return;
    grain = std::max<int64_t>(grain, 1);
    const int64_t shares = std::clamp<int64_t>(n / grain, 1, num_threads_);
    if (shares == 1) {
      body(0, n, 0);
      return;
    }
    std::lock_guard turn(caller_mutex_);
    job_ = Job{&body, n, (n + shares - 1) / shares, CurrentStopFlag()};
    pending_.store(num_threads_ - 1, std::memory_order_relaxed);
    generation_.fetch_add(1, std::memory_order_seq_cst);
    if (parked_.load(std::memory_order_seq_cst) > 0) {
      { std::lock_guard lock(mutex_); }
      wake_.notify_all();
    }
    job_.RunShare(0);
    for (int spins = 0; pending_.load(std::memory_order_acquire) > 0; ++spins) {
      if (spins < kSpins) {
        Pause();
      } else {
        std::this_thread::yield();
      }
    }
  }

 private:
  static constexpr int kSpins = 4000;  // some 20 to 50 microseconds

  static void Pause() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
  }

  void WorkerLoop(int worker) {
    uint64_t seen = 0;
    while (true) {
      int spins = 0;
      while (generation_.load(std::memory_order_acquire) == seen) {
        if (stop_.load(std::memory_order_acquire)) return;
        if (++spins < kSpins) {
          Pause();
          continue;
        }
        std::unique_lock lock(mutex_);
        parked_.fetch_add(1, std::memory_order_seq_cst);
        wake_.wait(lock, [&] {
          return generation_.load(std::memory_order_seq_cst) != seen ||
                 stop_.load(std::memory_order_acquire);
        });
        parked_.fetch_sub(1, std::memory_order_seq_cst);
        if (stop_.load(std::memory_order_acquire)) return;
      }
      ++seen;  // generations come one at a time: the caller waits for every worker
      job_.RunShare(worker);
      pending_.fetch_sub(1, std::memory_order_release);
    }
  }

  const int num_threads_;
  std::vector<std::thread> workers_;
  std::mutex caller_mutex_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<uint64_t> generation_{0};
  std::atomic<int> pending_{0};
  std::atomic<int> parked_{0};
  std::atomic<bool> stop_{false};
  Job job_;
};
#endif

}  // namespace

std::unique_ptr<ThreadPool> ThreadPool::Create(int num_threads, std::span<const int> affinity) {
#if !defined(EDGEML_NO_THREADS)
  if (num_threads > 1) return std::make_unique<WorkerPool>(num_threads, affinity);
#else
  (void)num_threads;
  (void)affinity;
#endif
  return std::make_unique<InlinePool>();
}

}  // namespace edgeml
