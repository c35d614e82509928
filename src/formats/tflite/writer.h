#ifndef EDGEML_FORMATS_TFLITE_WRITER_H_
#define EDGEML_FORMATS_TFLITE_WRITER_H_
#include "src/base/strings.h"
#include "src/ir/graph.h"
namespace edgeml::tflite {
inline Result<std::vector<std::byte>> WriteTflite(const ir::Module&) {
  return Error(Code::kUnsupported, "writing is not supported");
}
}  // namespace edgeml::tflite
#endif
