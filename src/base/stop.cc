#include "src/base/stop.h"

namespace edgeml {
namespace {

#if defined(EDGEML_NO_THREADS)
const std::atomic<bool>* current = nullptr;
#else
thread_local const std::atomic<bool>* current = nullptr;
#endif

}  // namespace

const std::atomic<bool>* CurrentStopFlag() { return current; }

StopScope::StopScope(const std::atomic<bool>* flag) : before_(current) { current = flag; }
StopScope::~StopScope() { current = before_; }

}  // namespace edgeml
