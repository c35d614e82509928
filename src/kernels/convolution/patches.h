// Patches of images as rows of a matrix, and rows added back into images: what gradients and
// statistics of convolutions are computed from.
#ifndef EDGEML_KERNELS_CONVOLUTION_PATCHES_H_
#define EDGEML_KERNELS_CONVOLUTION_PATCHES_H_

#include <cstdint>
#include <span>

#include "src/kernels/convolution/convolution.h"

namespace edgeml::kernels {

// Input channels [first, first + count) of a patch.
struct ChannelRange {
  int32_t first = 0, count = 0;
};

// rows[i, filter_h, filter_w, channels.count] = the patch of `input` [batch, in_h, in_w, in_c]
// under output pixel pixels[i], counted over batch * out_h * out_w; zeros outside of the image.
// Dense. The shape's out_c is not read. Exact.
void GatherPatches(const ConvShape& shape, ChannelRange channels, const float* input,
                   std::span<const int64_t> pixels, float* rows);
// The same of `count` pixels from `first` on.
void GatherPatches(const ConvShape& shape, ChannelRange channels, const float* input, int64_t first,
                   int64_t count, float* rows);
// The transpose of it: adds each row to the elements of `input` that it would be gathered from.
void ScatterPatches(const ConvShape& shape, ChannelRange channels, const float* rows, int64_t first,
                    int64_t count, float* input);

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_CONVOLUTION_PATCHES_H_
