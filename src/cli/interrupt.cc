#include "src/cli/interrupt.h"

#include <unistd.h>
#include <csignal>

#include <atomic>

namespace edgeml::cli {
namespace {

std::atomic<bool> interrupted{false};
std::atomic<Session*> running{nullptr};
static_assert(std::atomic<Session*>::is_always_lock_free);

void OnInterrupt(int) {
  if (interrupted.exchange(true)) ::_exit(130);
  // Cancel only stores to an atomic.
  if (Session* session = running.load()) session->Cancel();
}

}  // namespace

void InstallInterruptHandler() {
  struct sigaction action {};
  action.sa_handler = OnInterrupt;
  ::sigaction(SIGINT, &action, nullptr);
}

bool Interrupted() { return interrupted.load(); }

CancelOnInterrupt::CancelOnInterrupt(Session& session) { running.store(&session); }
CancelOnInterrupt::~CancelOnInterrupt() { running.store(nullptr); }

}  // namespace edgeml::cli
