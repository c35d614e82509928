#include "src/formats/keras/lowering.h"

namespace edgeml::keras {

std::span<const LayerDef> OperationLayers() { return {}; }

}  // namespace edgeml::keras
