// What a file with a table of kernels needs: a constant array kKernels of KernelEntry, best first
// per operator, and a function that returns what this build holds of it,
// ir::SelectedRows<kKernels>().
#ifndef EDGEML_BACKENDS_KERNEL_TABLE_H_
#define EDGEML_BACKENDS_KERNEL_TABLE_H_

#include <span>

#include "src/ir/selection.h"
#include "src/runtime/backend.h"

namespace edgeml::backends {

using ir::OpCode;
using runtime::ErrorBound;
using runtime::KernelEntry;
using runtime::MakeStep;

}  // namespace edgeml::backends

#endif  // EDGEML_BACKENDS_KERNEL_TABLE_H_
