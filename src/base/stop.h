// Whether the work of this thread is still wanted. The runtime sets it for the time that a step
// runs; the thread pool passes it on to its workers; kernels whose loops may take the product of
// two tensors' sizes ask now and then and return early, leaving their output undefined. The runtime
// then returns kCancelled whatever the step says.
#ifndef EDGEML_BASE_STOP_H_
#define EDGEML_BASE_STOP_H_

#include <atomic>

namespace edgeml {

// The flag of this thread; null when nobody may stop it.
const std::atomic<bool>* CurrentStopFlag();

inline bool StopRequested() {
  const std::atomic<bool>* const flag = CurrentStopFlag();
  return flag != nullptr && flag->load(std::memory_order_relaxed);
}

// Makes `flag` the one of this thread while it lives.
class StopScope {
 public:
  explicit StopScope(const std::atomic<bool>* flag);
  ~StopScope();
  StopScope(const StopScope&) = delete;
  StopScope& operator=(const StopScope&) = delete;

 private:
  const std::atomic<bool>* const before_;
};

}  // namespace edgeml

#endif  // EDGEML_BASE_STOP_H_
