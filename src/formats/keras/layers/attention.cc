#include "src/formats/keras/lowering.h"

namespace edgeml::keras {

std::span<const LayerDef> AttentionLayers() { return {}; }

}  // namespace edgeml::keras
