// How weights for Dot4 (dot_product.h) are laid out, for the code that packs them.
#ifndef EDGEML_KERNELS_SIMD_QUAD_LAYOUT_H_
#define EDGEML_KERNELS_SIMD_QUAD_LAYOUT_H_

#include <cstdint>

namespace edgeml::kernels {

// Writes the four weights of `lane` into a group of `lanes` lanes that starts at `group`.
// quad_bytes is the level's: 4 = int8 in order; 8 = int16, (w0, w2) of all lanes, then (w1, w3) of
// all lanes.
inline void StoreQuad(int quad_bytes, int lanes, int lane, const int16_t w[4], int8_t* group) {
  if (quad_bytes == 4) {
    for (int i = 0; i < 4; ++i) group[4 * lane + i] = static_cast<int8_t>(w[i]);
    return;
  }
  auto* pairs = reinterpret_cast<int16_t*>(group);
  pairs[2 * lane] = w[0];
  pairs[2 * lane + 1] = w[2];
  pairs[2 * lanes + 2 * lane] = w[1];
  pairs[2 * lanes + 2 * lane + 1] = w[3];
}

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_SIMD_QUAD_LAYOUT_H_
