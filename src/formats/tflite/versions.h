// Which version of an operator a node asks for.
#ifndef EDGEML_FORMATS_TFLITE_VERSIONS_H_
#define EDGEML_FORMATS_TFLITE_VERSIONS_H_

#include <cstdint>

#include "src/ir/graph.h"

namespace edgeml::tflite {

// The lowest version of the node's operator that has the types, shapes and options the node uses:
// what TensorFlow's converter writes and runtimes check (LiteRT,
// tflite/converter/tools/versioning/op_version.cc). 1 for custom operators and unknown ones.
// REQUIRES: the node belongs to a graph that has passed ir::Verify.
int32_t OperatorVersion(const ir::Node& node, const ir::Graph& graph);

}  // namespace edgeml::tflite

#endif  // EDGEML_FORMATS_TFLITE_VERSIONS_H_
