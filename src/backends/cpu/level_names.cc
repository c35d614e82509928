#include "src/backends/cpu/level_names.h"

#include <set>
#include <string>

#include "src/base/cpu_features.h"
#include "src/base/strings.h"

namespace edgeml::backends {

const char* WithLevel(std::string_view name) {
  // Only called while the one list of kernels is built.
  static std::set<std::string>& names = *new std::set<std::string>;
  return names.insert(Concat(name, ".", NameOf(BestSimdLevel()))).first->c_str();
}

}  // namespace edgeml::backends
