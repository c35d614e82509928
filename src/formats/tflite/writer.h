// The graph into TFLite files.
#ifndef EDGEML_FORMATS_TFLITE_WRITER_H_
#define EDGEML_FORMATS_TFLITE_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "edgeml/status.h"
#include "src/ir/graph.h"

namespace edgeml::tflite {

struct WriteOptions {
  // Constants beyond this many bytes in all are put after the FlatBuffer, which cannot exceed 2 GB.
  uint64_t max_inline_bytes = 1'900'000'000;
};

// Serializes a module as a version-3 TFLite model: buffers aligned to 16 bytes and equal ones
// stored once, one operator code per kind and version, the module's metadata blobs, and its
// associated files in a zip archive at the end. Tensor indices and the operator versions of nodes
// read from a file stay as they are; other nodes get the version that they need (versions.h). The
// same module gives the same bytes.
//
// kUnsupported for what the format lacks (explicit padding, an operator or an opaque node of
// another format); kInvalidModel, kInternal when the module does not pass ir::Verify().
Result<std::vector<std::byte>> WriteTflite(const ir::Module& module,
                                           const WriteOptions& options = {});

// Writes it to a file, whole or not at all.
Status WriteTfliteFile(const ir::Module& module, const std::string& path,
                       const WriteOptions& options = {});

}  // namespace edgeml::tflite

#endif  // EDGEML_FORMATS_TFLITE_WRITER_H_
