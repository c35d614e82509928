// Resizing of images: RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR. Contract and reference.
#ifndef EDGEML_KERNELS_RESIZE_RESIZE_H_
#define EDGEML_KERNELS_RESIZE_RESIZE_H_

#include <cstddef>
#include <cstdint>

namespace edgeml::kernels {

// input [batch, in_h, in_w, channels], output [batch, out_h, out_w, channels], dense. in_h and in_w
// are at least 1 unless the output is empty. Where the coordinate of an output pixel falls:
//   neither flag         x * in / out
//   half_pixel_centers   (x + 0.5) * in / out - 0.5 (nearest: without the - 0.5)
//   align_corners        x * (in - 1) / (out - 1); corners fall on corners
struct ResizeShape {
  int32_t batch = 1;
  int32_t in_h = 1, in_w = 1;
  int32_t out_h = 1, out_w = 1;
  int32_t channels = 1;
  bool align_corners = false;
  bool half_pixel_centers = false;
};

// Both flags together are not valid for the bilinear functions. float and uint8 compute in float32
// (uint8 adds a half and truncates); int8 and int16 compute with coordinates in 1/1024 pixels.
// Equal to LiteRT's reference kernels, integers bit for bit.
void ResizeBilinear(const ResizeShape& shape, const float* input, float* output);
void ResizeBilinear(const ResizeShape& shape, const uint8_t* input, uint8_t* output);
void ResizeBilinear(const ResizeShape& shape, const int8_t* input, int8_t* output);
void ResizeBilinear(const ResizeShape& shape, const int16_t* input, int16_t* output);

// Copies whole pixels: any type, of `element_size` bytes.
void ResizeNearest(const ResizeShape& shape, size_t element_size, const void* input, void* output);

// Their gradients, of float32: ADDED to input_gradient. Images [begin, end) of the batch.
void ResizeBilinearGradient(const ResizeShape& shape, const float* output_gradient,
                            float* input_gradient, int32_t begin, int32_t end);
void ResizeNearestGradient(const ResizeShape& shape, const float* output_gradient,
                           float* input_gradient, int32_t begin, int32_t end);

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_RESIZE_RESIZE_H_
