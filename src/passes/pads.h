// Zeros around images.
#ifndef EDGEML_PASSES_PADS_H_
#define EDGEML_PASSES_PADS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "src/ir/attributes.h"
#include "src/tensor/shape.h"

namespace edgeml::passes {

struct ImagePads {
  int32_t top = 0, bottom = 0, left = 0, right = 0;
};

// The paddings of a PAD of that rank that pads height and width of [N, H, W, C] only; none for
// others.
std::optional<ImagePads> ImagePadsOf(const std::vector<int64_t>& rows, int rank);

// Whether a window over the image [N, H, W, C] (kUnknownDim where open) reads with SAME padding
// what it reads with these zeros around it and VALID.
bool IsSamePadding(const ir::Window& window, const Shape& image, int32_t filter_h, int32_t filter_w,
                   const ImagePads& pads);

}  // namespace edgeml::passes

#endif  // EDGEML_PASSES_PADS_H_
