// TFLite files into the graph.
#ifndef EDGEML_FORMATS_TFLITE_READER_H_
#define EDGEML_FORMATS_TFLITE_READER_H_

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "edgeml/status.h"
#include "src/base/mapped_file.h"
#include "src/ir/graph.h"

namespace edgeml::tflite {

// The custom operator that has an OpCode and attributes of its own.
inline constexpr char kDetectionPostProcessName[] = "TFLite_Detection_PostProcess";

struct ReadOptions {
  // Read the zip archive that may follow the model (labels and other associated files).
  bool associated_files = true;
};

// Reads a version-3 TFLite model. `owner` keeps `bytes` alive; the constants of the module point
// into them and share it. Nothing is copied but names, shapes, attributes and quantization
// parameters, and constants that are not aligned for their element type.
//
// Operators that the graph lacks, and custom ones, become opaque nodes that WriteTflite() can write
// again. Errors: kInvalidModel for bytes that are not such a model or contradict themselves, and
// kUnsupported for element types, quantization schemes and options that would be lost. They name
// the tensor or operator. Safe on any bytes: the structure is verified before it is followed, and
// what is copied is limited in proportion to the file. The module has passed ir::Verify().
Result<ir::Module> ReadTflite(std::shared_ptr<const void> owner, std::span<const std::byte> bytes,
                              const ReadOptions& options = {});

// Maps the file and reads it; see MappedFile for files that change while they are mapped. Errors
// start with the path. With `mapped`, hands out the mapping, for MappedFile::StillIntact().
Result<ir::Module> ReadTfliteFile(const std::string& path, const ReadOptions& options = {},
                                  std::shared_ptr<const MappedFile>* mapped = nullptr);

}  // namespace edgeml::tflite

#endif  // EDGEML_FORMATS_TFLITE_READER_H_
