#include "src/kernels/gemm/gemm.h"

#include <algorithm>
#include <cstring>

#include "src/kernels/simd/level.h"
#include "src/kernels/simd/quad_layout.h"

namespace edgeml::kernels {

EDGEML_DECLARE_SIMD_TABLE(GemmKernels, kGemm)

const GemmKernels* GemmFor([[maybe_unused]] SimdLevel level) {
  return EDGEML_SIMD_TABLE(kGemm, level);
}

PanelLayout PanelsFor(const GemmKernels& kernels, int64_t columns) {
  PanelLayout p;
  p.lanes = kernels.lanes;
  p.vectors = static_cast<int32_t>((columns + kernels.lanes - 1) / kernels.lanes);
  p.panels = (p.vectors + kernels.max_panel_vectors - 1) / kernels.max_panel_vectors;
  if (p.panels == 0) return p;
  p.wide_vectors = (p.vectors + p.panels - 1) / p.panels;
  p.num_wide = p.panels - (p.wide_vectors * p.panels - p.vectors);
  return p;
}

size_t PackedBytesInt8(const GemmKernels& kernels, const PanelLayout& panels, int64_t k) {
  return static_cast<size_t>(PaddedDepth(k) / 4 * kernels.quad_bytes) *
         static_cast<size_t>(PaddedColumns(panels));
}

size_t PackedBytesFloat(const PanelLayout& panels, int64_t k) {
  return static_cast<size_t>(k) * sizeof(float) * static_cast<size_t>(PaddedColumns(panels));
}

void PackWeightsInt8(const GemmKernels& kernels, const PanelLayout& panels,
                     const WeightMatrix& weights, int8_t* packed) {
  const int lanes = panels.lanes;
  weights.WithElements([&](auto element) {
    for (int32_t panel = 0; panel < panels.panels; ++panel) {
      const int32_t first = FirstVector(panels, panel);
      const int32_t last = FirstVector(panels, panel + 1);
      for (int64_t k0 = 0; k0 < weights.k; k0 += 4) {
        for (int32_t v = first; v < last; ++v) {
          for (int lane = 0; lane < lanes; ++lane) {
            const int64_t column = int64_t{v} * lanes + lane;
            if (column >= weights.n) break;
            int16_t quad[4] = {};
            for (int64_t i = 0; i < std::min<int64_t>(4, weights.k - k0); ++i)
              quad[i] = static_cast<int16_t>(element(column, k0 + i));
            StoreQuad(kernels.quad_bytes, lanes, lane, quad, packed);
          }
          packed += int64_t{lanes} * kernels.quad_bytes;
        }
      }
    }
  });
}

void PackWeightsFloat(const PanelLayout& panels, const WeightMatrix& weights, float* packed) {
  const auto* values = static_cast<const float*>(weights.data);
  for (int32_t panel = 0; panel < panels.panels; ++panel) {
    const int64_t first = int64_t{FirstVector(panels, panel)} * panels.lanes;
    const int64_t last = int64_t{FirstVector(panels, panel + 1)} * panels.lanes;
    for (int64_t i = 0; i < weights.k; ++i) {
      for (int64_t column = first; column < last; ++column) {
        *packed++ =
            column < weights.n ? values[column * weights.n_stride + i * weights.k_stride] : 0.0f;
      }
    }
  }
}

namespace {

// Gathered rows are copied in blocks that may write past a row's end.
constexpr int64_t kSlack = 64;

}  // namespace

size_t WorkspaceBytesInt8(const PatchGeometry& patch, int64_t k, int64_t rows) {
  (void)patch;
  const int64_t sums = (rows * 4 + 63) / 64 * 64;
  return static_cast<size_t>(sums + rows * PaddedDepth(k) + kSlack);
}

size_t WorkspaceBytesFloat(const PatchGeometry& patch, int64_t k, int64_t rows) {
  if (patch.plain) return 0;
  return static_cast<size_t>(rows * k * 4 + kSlack);
}

}  // namespace edgeml::kernels
