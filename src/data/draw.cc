#include "src/data/draw.h"

#include <algorithm>
#include <cctype>
#include <cmath>

namespace edgeml::data {
namespace {

constexpr int kGlyphWidth = 5, kGlyphHeight = 7, kAdvance = 6;

// Rows from the top, five bits each, the leftmost pixel in bit 4. Space to underscore.
constexpr char kFirstGlyph = ' ';
constexpr uint8_t kGlyphs[64][kGlyphHeight] = {
    {0, 0, 0, 0, 0, 0, 0},        {4, 4, 4, 4, 4, 0, 4},        {10, 10, 0, 0, 0, 0, 0},
    {10, 31, 10, 10, 10, 31, 10}, {4, 15, 20, 14, 5, 30, 4},    {25, 25, 2, 4, 8, 19, 19},
    {8, 20, 20, 8, 21, 18, 13},   {4, 4, 0, 0, 0, 0, 0},        {2, 4, 8, 8, 8, 4, 2},
    {8, 4, 2, 2, 2, 4, 8},        {0, 10, 4, 31, 4, 10, 0},     {0, 4, 4, 31, 4, 4, 0},
    {0, 0, 0, 0, 4, 4, 8},        {0, 0, 0, 31, 0, 0, 0},       {0, 0, 0, 0, 0, 12, 12},
    {1, 1, 2, 4, 8, 16, 16},      {14, 17, 17, 17, 17, 17, 14}, {4, 12, 4, 4, 4, 4, 14},
    {14, 17, 1, 6, 8, 16, 31},    {14, 17, 1, 6, 1, 17, 14},    {2, 6, 10, 18, 31, 2, 2},
    {31, 16, 30, 1, 1, 17, 14},   {14, 16, 16, 30, 17, 17, 14}, {31, 1, 2, 4, 4, 8, 8},
    {14, 17, 17, 14, 17, 17, 14}, {14, 17, 17, 15, 1, 1, 14},   {0, 12, 12, 0, 12, 12, 0},
    {0, 12, 12, 0, 12, 12, 8},    {1, 2, 4, 8, 4, 2, 1},        {0, 0, 31, 0, 31, 0, 0},
    {16, 8, 4, 2, 4, 8, 16},      {14, 17, 1, 6, 4, 0, 4},      {14, 17, 23, 21, 23, 16, 15},
    {14, 17, 17, 31, 17, 17, 17}, {30, 17, 17, 30, 17, 17, 30}, {14, 17, 16, 16, 16, 17, 14},
    {28, 18, 17, 17, 17, 18, 28}, {31, 16, 16, 30, 16, 16, 31}, {31, 16, 16, 30, 16, 16, 16},
    {14, 17, 16, 19, 17, 17, 15}, {17, 17, 17, 31, 17, 17, 17}, {14, 4, 4, 4, 4, 4, 14},
    {1, 1, 1, 1, 1, 17, 14},      {17, 18, 20, 24, 20, 18, 17}, {16, 16, 16, 16, 16, 16, 31},
    {17, 27, 21, 21, 17, 17, 17}, {17, 25, 25, 21, 19, 19, 17}, {14, 17, 17, 17, 17, 17, 14},
    {30, 17, 17, 30, 16, 16, 16}, {14, 17, 17, 17, 21, 18, 13}, {30, 17, 17, 30, 20, 18, 17},
    {15, 16, 16, 14, 1, 1, 30},   {31, 4, 4, 4, 4, 4, 4},       {17, 17, 17, 17, 17, 17, 14},
    {17, 17, 17, 17, 10, 10, 4},  {17, 17, 17, 21, 21, 27, 17}, {17, 17, 10, 4, 10, 17, 17},
    {17, 17, 10, 4, 4, 4, 4},     {31, 1, 2, 4, 8, 16, 31},     {14, 8, 8, 8, 8, 8, 14},
    {16, 16, 8, 4, 2, 1, 1},      {14, 2, 2, 2, 2, 2, 14},      {4, 10, 17, 0, 0, 0, 0},
    {0, 0, 0, 0, 0, 0, 31},
};

void FillRect(Image& image, int left, int top, int right, int bottom, Color color) {
  left = std::max(left, 0), top = std::max(top, 0);
  right = std::min(right, image.width), bottom = std::min(bottom, image.height);
  for (int y = top; y < bottom; ++y) {
    for (int x = left; x < right; ++x) {
      const size_t at =
          static_cast<size_t>(y) * static_cast<size_t>(image.width) + static_cast<size_t>(x);
      std::copy(color.begin(), color.end(), image.pixels.begin() + static_cast<int64_t>(3 * at));
    }
  }
}

void DrawText(Image& image, int left, int top, int size, std::string_view text, Color color) {
  for (const char raw : text) {
    const int code = std::toupper(static_cast<unsigned char>(raw)) - kFirstGlyph;
    if (code >= 0 && code < 64) {
      for (int y = 0; y < kGlyphHeight; ++y) {
        for (int x = 0; x < kGlyphWidth; ++x) {
          if ((kGlyphs[code][y] >> (kGlyphWidth - 1 - x) & 1) == 0) continue;
          FillRect(image, left + x * size, top + y * size, left + (x + 1) * size,
                   top + (y + 1) * size, color);
        }
      }
    }
    left += kAdvance * size;
  }
}

// To a pixel position that later sums cannot overflow; NaN to the left or upper edge.
int ToPixel(float v, int limit) {
  if (!(v > -1)) return -1;
  return static_cast<int>(std::lround(std::min(v, static_cast<float>(limit + 1))));
}

}  // namespace

Color PaletteColor(int index) {
  static constexpr Color kColors[] = {{230, 57, 70},  {29, 120, 210}, {35, 150, 75},
                                      {240, 140, 20}, {130, 70, 190}, {0, 150, 160},
                                      {200, 60, 140}, {120, 95, 50}};
  return kColors[static_cast<unsigned>(index) % std::size(kColors)];
}

void DrawBox(Image& image, float left, float top, float right, float bottom, Color color,
             std::string_view caption) {
  const int size = std::clamp(std::min(image.width, image.height) / 300, 1, 8);  // of a dot
  const int line = size + 1;
  const int x0 = ToPixel(left, image.width), x1 = ToPixel(right, image.width);
  const int y0 = ToPixel(top, image.height), y1 = ToPixel(bottom, image.height);
  FillRect(image, x0, y0, x1, y0 + line, color);
  FillRect(image, x0, y1 - line, x1, y1, color);
  FillRect(image, x0, y0, x0 + line, y1, color);
  FillRect(image, x1 - line, y0, x1, y1, color);
  if (caption.empty()) return;
  caption = caption.substr(0, 200);
  const int width = (static_cast<int>(caption.size()) * kAdvance + 3) * size;
  const int height = (kGlyphHeight + 4) * size;
  const int strip_left = std::clamp(x0, 0, std::max(image.width - width, 0));
  const int strip_top = std::max(y0 >= height ? y0 - height : y0, 0);
  FillRect(image, strip_left, strip_top, strip_left + width, strip_top + height, color);
  DrawText(image, strip_left + 2 * size, strip_top + 2 * size, size, caption, {255, 255, 255});
}

}  // namespace edgeml::data
