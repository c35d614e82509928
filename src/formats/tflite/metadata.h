#ifndef EDGEML_FORMATS_TFLITE_METADATA_H_
#define EDGEML_FORMATS_TFLITE_METADATA_H_
#include "edgeml/edgeml.h"
#include "src/base/strings.h"
#include "src/ir/graph.h"
namespace edgeml::tflite {
inline Result<edgeml::ModelMetadata> ReadMetadata(const ir::Module&) {
  return Error(Code::kUnsupported, "metadata is not supported");
}
}  // namespace edgeml::tflite
#endif
