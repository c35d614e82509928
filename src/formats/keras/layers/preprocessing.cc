#include "src/formats/keras/lowering.h"

namespace edgeml::keras {

std::span<const LayerDef> PreprocessingLayers() { return {}; }

}  // namespace edgeml::keras
