// Resizing pictures as Pillow does.
#ifndef EDGEML_DATA_RESIZE_H_
#define EDGEML_DATA_RESIZE_H_

#include <optional>
#include <string_view>

#include "edgeml/status.h"
#include "src/data/image.h"

namespace edgeml::data {

// How a picture of one aspect ratio becomes one of another.
enum class ResizeMode {
  kStretch,  // both sides scaled on their own: Image.resize
  kCrop,     // the largest centred part of the right ratio: ImageOps.fit
  kPad,      // all of it, centred on black: ImageOps.pad
};

// "stretch", "crop" or "pad".
std::optional<ResizeMode> ParseResizeMode(std::string_view name);
std::string_view NameOf(ResizeMode mode);

// The part of a picture that is resized, in pixels; edges may lie between pixels.
struct Box {
  float left, top, right, bottom;
};

// Bilinear (triangle filter) with antialiasing, equal to Pillow's Image.resize((width, height),
// BILINEAR, box) of version 13 to the last bit: coefficients in double, rounded to 22 fractional
// bits; the horizontal pass first, rounded to 8 bits in between. Pictures that lose more than twice
// as many rows as columns take the vertical pass first; earlier versions did not, and may differ by
// one there. No box: the whole picture.
// Errors: kInvalidArgument (a side < 1, an empty or outlying box), kUnsupported (too large).
Result<Image> ResizeBilinear(const Image& image, int width, int height,
                             std::optional<Box> box = std::nullopt);

// The same by mode.
Result<Image> Resize(const Image& image, int width, int height, ResizeMode mode);

}  // namespace edgeml::data

#endif  // EDGEML_DATA_RESIZE_H_
