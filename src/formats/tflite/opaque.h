// Builtin operators that the graph has no OpCode for: kept as they are in the file.
#ifndef EDGEML_FORMATS_TFLITE_OPAQUE_H_
#define EDGEML_FORMATS_TFLITE_OPAQUE_H_

#include <memory>

#include "edgeml/status.h"
#include "src/ir/graph.h"
#include "tflite_generated.h"

namespace edgeml::tflite {

// The attributes of such an operator. They refer to `op`, which `owner` keeps alive.
ir::OpaqueAttrs OpaqueBuiltin(fb::BuiltinOperator code, const fb::Operator& op,
                              const std::shared_ptr<const void>& owner);

// The operator that OpaqueBuiltin() kept; null when another format made the attributes.
const fb::Operator* OpaqueOperator(const ir::OpaqueAttrs& attrs);
// REQUIRES: OpaqueOperator(attrs) != nullptr.
fb::BuiltinOperator OpaqueCode(const ir::OpaqueAttrs& attrs);

// Bytes that its options take at most when they are written again. kInvalidModel for options that
// cannot be read safely.
Result<uint64_t> OpaqueBytes(const fb::Operator& op);

// Its two unions of options, written again. REQUIRES: OpaqueBytes(op) found no error.
struct OpaqueOptions {
  flatbuffers::Offset<void> first, second;
};
OpaqueOptions WriteOpaqueOptions(const fb::Operator& op, flatbuffers::FlatBufferBuilder& builder);

}  // namespace edgeml::tflite

#endif  // EDGEML_FORMATS_TFLITE_OPAQUE_H_
