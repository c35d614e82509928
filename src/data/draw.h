// Boxes with captions on a picture.
#ifndef EDGEML_DATA_DRAW_H_
#define EDGEML_DATA_DRAW_H_

#include <array>
#include <string_view>

#include "src/data/image.h"

namespace edgeml::data {

using Color = std::array<uint8_t, 3>;

// A colour that differs well from those of neighbouring numbers.
Color PaletteColor(int index);

// Draws the outline of a box given in pixels, and, when there is one, its caption in a filled strip
// on its upper edge. Parts outside of the picture are left out. Letters are drawn as capitals;
// characters outside of ASCII as blanks. Line and letter size follow the picture's. REQUIRES: three
// channels.
void DrawBox(Image& image, float left, float top, float right, float bottom, Color color,
             std::string_view caption);

}  // namespace edgeml::data

#endif  // EDGEML_DATA_DRAW_H_
