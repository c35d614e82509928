#include "src/formats/keras/lowering.h"

namespace edgeml::keras {

std::span<const LayerDef> RecurrentLayers() { return {}; }

}  // namespace edgeml::keras
