// The handlers of the operators by family, one file each in this folder.
#ifndef EDGEML_FORMATS_TFLITE_OPS_FAMILIES_H_
#define EDGEML_FORMATS_TFLITE_OPS_FAMILIES_H_

#include <span>

#include "src/formats/tflite/ops.h"

namespace edgeml::tflite {

std::span<const OpHandler> ActivationHandlers();
std::span<const OpHandler> ControlFlowHandlers();
std::span<const OpHandler> ConversionHandlers();
std::span<const OpHandler> ConvolutionHandlers();
std::span<const OpHandler> DetectionHandlers();
std::span<const OpHandler> ElementwiseHandlers();
std::span<const OpHandler> LookupHandlers();
std::span<const OpHandler> MovementHandlers();
std::span<const OpHandler> PoolingHandlers();
std::span<const OpHandler> RandomHandlers();
std::span<const OpHandler> RecurrentHandlers();
std::span<const OpHandler> ReductionHandlers();
std::span<const OpHandler> SegmentHandlers();
std::span<const OpHandler> SpectralHandlers();
std::span<const OpHandler> StablehloHandlers();

}  // namespace edgeml::tflite

#endif  // EDGEML_FORMATS_TFLITE_OPS_FAMILIES_H_
