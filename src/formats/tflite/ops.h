// The operators of the format: one handler each, which reads an operator's options into the graph's
// attributes and writes them back. They stand in ops/<family>.cc: to add an operator, add a codec
// there (unless one fits) and a line to the table.
#ifndef EDGEML_FORMATS_TFLITE_OPS_H_
#define EDGEML_FORMATS_TFLITE_OPS_H_

#include <span>
#include <vector>

#include "edgeml/status.h"
#include "src/formats/tflite/budget.h"
#include "src/formats/tflite/reader.h"
#include "src/ir/graph.h"
#include "tflite_generated.h"

namespace edgeml::tflite {

struct OpHandler {
  ir::OpCode op;
  fb::BuiltinOperator code;
  // The table it reads and writes, in one of the two unions; NONE in the other, or in both when it
  // has no options.
  fb::BuiltinOptions options;
  fb::BuiltinOptions2 options_2;
  size_t attributes;  // index of the attribute struct in ir::Attributes
  // Field offset (in the vtable) of the last option this handler knows; later ones are errors.
  flatbuffers::voffset_t last_field;
  // `options` is a verified table of type `options`, or one without any field. Null = nothing to
  // read.
  Status (*read)(const void* options, Budget& budget, ir::Attributes& attributes);
  // REQUIRES: node.attributes is of the kind `attributes`. Null = no options are written.
  Result<flatbuffers::Offset<void>> (*write)(flatbuffers::FlatBufferBuilder& builder,
                                             const ir::Node& node, const ir::Graph& graph);
};

std::span<const OpHandler> OpHandlers();
const OpHandler* HandlerOf(fb::BuiltinOperator code);  // null when the graph lacks the operator
const OpHandler* HandlerOf(ir::OpCode op);             // null for kCustom and custom operators

// Reads the options of `op` by `handler`. kUnsupported names an option that would be lost.
Status ReadOperatorOptions(const OpHandler& handler, const fb::Operator& op, Budget& budget,
                           ir::Attributes& attributes);

// The name of a builtin operator, "UNKNOWN" outside of the schema.
const char* NameOf(fb::BuiltinOperator code);

// Element types of the format. kInvalid for those that the graph lacks (FLOAT8_…) and unknown ones.
DType FromTensorType(fb::TensorType type);
// FLOAT32 for kInvalid.
fb::TensorType ToTensorType(DType type);

// kUnsupported when `table` has a field after `last_field`: it was written by a newer schema.
// `what` names the table.
Status CheckNoUnknownFields(const void* table, flatbuffers::voffset_t last_field, const char* what);

// The options of kDetectionPostProcessName are a FlexBuffers map. Safe on any bytes.
Status ReadDetectionOptions(std::span<const uint8_t> bytes, ir::DetectionPostProcessAttrs& attrs);
// `attrs.encoded` when it still decodes to `attrs`, else a new encoding.
std::vector<uint8_t> WriteDetectionOptions(const ir::DetectionPostProcessAttrs& attrs);

}  // namespace edgeml::tflite

#endif  // EDGEML_FORMATS_TFLITE_OPS_H_
