#ifndef EDGEML_IR_DENSIFY_H_
#define EDGEML_IR_DENSIFY_H_
#include "src/base/strings.h"
#include "src/ir/graph.h"
namespace edgeml::ir {
inline Result<std::vector<std::byte>> Densify(const Value&) {
  return Error(Code::kUnsupported, "sparse tensors are not supported");
}
}  // namespace edgeml::ir
#endif
