// A fixed set of workers for data-parallel loops. Only the pool schedules: kernels never start
// threads.
#ifndef EDGEML_BASE_THREAD_POOL_H_
#define EDGEML_BASE_THREAD_POOL_H_

#include <cstdint>
#include <memory>
#include <span>

#include "src/base/function_ref.h"

namespace edgeml {

class ThreadPool {
 public:
  // `num_threads` >= 1 counts the calling thread; 1 starts no worker. `affinity`, when not empty,
  // names the CPU of each worker in turn (the caller's thread is left alone). Built without
  // threads, the library always gives a pool of one.
  static std::unique_ptr<ThreadPool> Create(int num_threads, std::span<const int> affinity = {});
  virtual ~ThreadPool() = default;

  virtual int num_threads() const = 0;

  // Calls body(begin, end, worker) on disjoint ranges that cover [0, n), each at least `grain` long
  // but the last; worker is in [0, num_threads()). Returns when all are done. The split depends on
  // n, grain and num_threads() only. Not reentrant: a body must not call ParallelFor. Several
  // callers take turns.
  virtual void ParallelFor(int64_t n, int64_t grain,
                           FunctionRef<void(int64_t begin, int64_t end, int worker)> body) = 0;
};

}  // namespace edgeml

#endif  // EDGEML_BASE_THREAD_POOL_H_
