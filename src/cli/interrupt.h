// Ctrl-C: the first one ends the work in order (exit code 130), a second one at once.
#ifndef EDGEML_CLI_INTERRUPT_H_
#define EDGEML_CLI_INTERRUPT_H_

#include "edgeml/edgeml.h"

namespace edgeml::cli {

void InstallInterruptHandler();
// Asked between steps of long work.
bool Interrupted();

// While it lives, Ctrl-C cancels the session's run. One at a time.
class CancelOnInterrupt {
 public:
  explicit CancelOnInterrupt(Session& session);
  ~CancelOnInterrupt();
  CancelOnInterrupt(const CancelOnInterrupt&) = delete;
  CancelOnInterrupt& operator=(const CancelOnInterrupt&) = delete;
};

}  // namespace edgeml::cli

#endif  // EDGEML_CLI_INTERRUPT_H_
