// The shared helpers under the name that this backend's files use.
#ifndef EDGEML_BACKENDS_REFERENCE_WEIGHTS_H_
#define EDGEML_BACKENDS_REFERENCE_WEIGHTS_H_

#include "src/backends/weights.h"

namespace edgeml::backends::reference {
using namespace shared;
}  // namespace edgeml::backends::reference

#endif  // EDGEML_BACKENDS_REFERENCE_WEIGHTS_H_
