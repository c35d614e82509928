#include "tests/fuzz/check_error.h"

#include <cstdio>
#include <cstdlib>

namespace edgeml::fuzz {

void CheckError(const Status& status) {
  if (status.ok()) return;
  if (status.message().empty() || status.code() == Code::kInternal) {
    std::fprintf(stderr, "error without a reason, or internal: %s\n", status.message().c_str());
    std::abort();
  }
}

}  // namespace edgeml::fuzz
