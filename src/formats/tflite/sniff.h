// What a file that should have been a TFLite model really is.
#ifndef EDGEML_FORMATS_TFLITE_SNIFF_H_
#define EDGEML_FORMATS_TFLITE_SNIFF_H_

#include <cstddef>
#include <span>

#include "edgeml/status.h"

namespace edgeml::tflite {

// Ok when the bytes carry the identifier of a TFLite model, else kInvalidModel that names the kind
// of file as well as it can be told (Git LFS pointer, HDF5, zip, ONNX, text …) and how to mend it.
Status CheckIsTflite(std::span<const std::byte> bytes);

}  // namespace edgeml::tflite

#endif  // EDGEML_FORMATS_TFLITE_SNIFF_H_
