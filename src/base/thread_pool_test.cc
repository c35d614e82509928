#include "src/base/thread_pool.h"

#include "src/base/stop.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace edgeml {
namespace {

TEST(ThreadPool, CoversTheRangeOnce) {
  for (const int threads : {1, 2, 3, 5}) {
    const auto pool = ThreadPool::Create(threads);
    EXPECT_EQ(pool->num_threads(), threads);
    for (const int64_t n : {0, 1, 2, 7, 1000}) {
      for (const int64_t grain : {1, 3, 2000}) {
        std::vector<std::atomic<int>> hits(static_cast<size_t>(n));
        pool->ParallelFor(n, grain, [&](int64_t begin, int64_t end, int worker) {
          EXPECT_GE(worker, 0);
          EXPECT_LT(worker, threads);
          for (int64_t i = begin; i < end; ++i) hits[static_cast<size_t>(i)]++;
        });
        for (const auto& hit : hits) EXPECT_EQ(hit.load(), 1);
      }
    }
  }
}

TEST(ThreadPool, SplitsAlikeEveryTime) {
  const auto pool = ThreadPool::Create(3);
  std::vector<int> owner(100, -1), again(100, -1);
  const auto record = [&](std::vector<int>& into) {
    pool->ParallelFor(100, 1, [&](int64_t begin, int64_t end, int worker) {
      for (int64_t i = begin; i < end; ++i) into[static_cast<size_t>(i)] = worker;
    });
  };
  record(owner);
  for (int i = 0; i < 50; ++i) {
    record(again);
    EXPECT_EQ(owner, again);
  }
}

TEST(ThreadPool, SeveralCallersTakeTurns) {
  const auto pool = ThreadPool::Create(2);
  std::atomic<int64_t> sum{0};
  const auto caller = [&] {
    for (int i = 0; i < 200; ++i) {
      pool->ParallelFor(64, 1, [&](int64_t begin, int64_t end, int) { sum += end - begin; });
    }
  };
  std::thread other(caller);
  caller();
  other.join();
  EXPECT_EQ(sum.load(), 2 * 200 * 64);
}

TEST(ThreadPool, WorkersSeeTheCallersStopFlag) {
  const auto pool = ThreadPool::Create(3);
  std::atomic<bool> stop{false};
  const auto stopped = [&] {
    std::atomic<int> count{0};
    pool->ParallelFor(3, 1, [&](int64_t, int64_t, int) { count += StopRequested() ? 1 : 0; });
    return count.load();
  };
  {
    const StopScope scope(&stop);
    EXPECT_EQ(stopped(), 0);
    stop = true;
    EXPECT_EQ(stopped(), 3);
    const StopScope inner(nullptr);
    EXPECT_EQ(stopped(), 0);
  }
  EXPECT_EQ(stopped(), 0);
}

TEST(ThreadPool, WakesParkedWorkers) {
  const auto pool = ThreadPool::Create(2);
  for (int i = 0; i < 5; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));  // long enough to park
    std::atomic<int> hits{0};
    pool->ParallelFor(2, 1, [&](int64_t, int64_t, int) { hits++; });
    EXPECT_EQ(hits.load(), 2);
  }
}

}  // namespace
}  // namespace edgeml
