#include "src/data/resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "src/base/strings.h"

namespace edgeml::data {
namespace {

// 8 bits of the pixel and 2 of headroom stay free in the 32-bit sum.
constexpr int kPrecisionBits = 32 - 8 - 2;

constexpr int kMaxSide = 1 << 20;

// The input pixels that an output pixel is a weighted sum of.
struct Tap {
  int first;
  int count;
};

struct Coefficients {
  int stride = 0;  // room for the largest count
  std::vector<Tap> taps;
  std::vector<int32_t> weights;  // [taps, stride], fixed point
};

Coefficients Precompute(int in_size, float in0, float in1, int out_size) {
  // The box is float as in Pillow, so that the difference rounds alike.
  const double scale = static_cast<double>(in1 - in0) / out_size;
  const double filter_scale = std::max(scale, 1.0);  // antialiasing when shrinking
  const double support = filter_scale;               // the triangle reaches 1 to each side
  Coefficients c;
  c.stride = static_cast<int>(std::ceil(support)) * 2 + 1;
  c.taps.resize(static_cast<size_t>(out_size));
  c.weights.resize(static_cast<size_t>(out_size) * static_cast<size_t>(c.stride));
  std::vector<double> w(static_cast<size_t>(c.stride));
  const double inverse = 1.0 / filter_scale;
  for (int out = 0; out < out_size; ++out) {
    const double center = in0 + (out + 0.5) * scale;
    const int first = std::max(static_cast<int>(center - support + 0.5), 0);
    const int last = std::min(static_cast<int>(center + support + 0.5), in_size);
    const int count = std::max(last - first, 0);
    double sum = 0.0;
    for (int i = 0; i < count; ++i) {
      const double distance = std::fabs((i + first - center + 0.5) * inverse);
      w[static_cast<size_t>(i)] = distance < 1.0 ? 1.0 - distance : 0.0;
      sum += w[static_cast<size_t>(i)];
    }
    int32_t* fixed = c.weights.data() + static_cast<size_t>(out) * static_cast<size_t>(c.stride);
    for (int i = 0; i < count; ++i) {
      double weight = w[static_cast<size_t>(i)];
      if (sum != 0.0) weight /= sum;
      fixed[i] = static_cast<int32_t>(0.5 + weight * (1 << kPrecisionBits));
    }
    c.taps[static_cast<size_t>(out)] = {first, count};
  }
  return c;
}

inline uint8_t Clip(int32_t sum) {
  return static_cast<uint8_t>(std::clamp(sum >> kPrecisionBits, 0, 255));
}

// [height, width, channels] → [height, taps, channels]
Image Horizontal(const Image& in, const Coefficients& c) {
  const auto ch = static_cast<size_t>(in.channels);
  Image result{static_cast<int>(c.taps.size()), in.height, in.channels, {}};
  result.pixels.resize(c.taps.size() * static_cast<size_t>(in.height) * ch);
  uint8_t* out = result.pixels.data();
  for (int y = 0; y < in.height; ++y) {
    const uint8_t* row =
        in.pixels.data() + static_cast<size_t>(y) * static_cast<size_t>(in.width) * ch;
    const int32_t* weights = c.weights.data();
    for (const Tap tap : c.taps) {
      const uint8_t* p = row + static_cast<size_t>(tap.first) * ch;
      for (size_t k = 0; k < ch; ++k) {
        int32_t sum = 1 << (kPrecisionBits - 1);
        for (int i = 0; i < tap.count; ++i) sum += p[static_cast<size_t>(i) * ch + k] * weights[i];
        *out++ = Clip(sum);
      }
      weights += c.stride;
    }
  }
  return result;
}

// [height, width, channels] → [taps, width, channels]
Image Vertical(const Image& in, const Coefficients& c) {
  const size_t row = static_cast<size_t>(in.width) * static_cast<size_t>(in.channels);
  Image result{in.width, static_cast<int>(c.taps.size()), in.channels, {}};
  result.pixels.resize(c.taps.size() * row);
  uint8_t* out = result.pixels.data();
  std::vector<int32_t> sums(row);
  const int32_t* weights = c.weights.data();
  for (const Tap tap : c.taps) {
    std::fill(sums.begin(), sums.end(), 1 << (kPrecisionBits - 1));
    for (int i = 0; i < tap.count; ++i) {
      const uint8_t* p =
          in.pixels.data() + (static_cast<size_t>(tap.first) + static_cast<size_t>(i)) * row;
      const int32_t w = weights[i];
      for (size_t x = 0; x < row; ++x) sums[x] += p[x] * w;
    }
    for (size_t x = 0; x < row; ++x) out[x] = Clip(sums[x]);
    out += row;
    weights += c.stride;
  }
  return result;
}

// Python's round: ties to even.
int RoundToEven(double v) { return static_cast<int>(std::nearbyint(v)); }

}  // namespace

std::optional<ResizeMode> ParseResizeMode(std::string_view name) {
  if (name == "stretch") return ResizeMode::kStretch;
  if (name == "crop") return ResizeMode::kCrop;
  if (name == "pad") return ResizeMode::kPad;
  return std::nullopt;
}

std::string_view NameOf(ResizeMode mode) {
  switch (mode) {
    case ResizeMode::kStretch:
      return "stretch";
    case ResizeMode::kCrop:
      return "crop";
    case ResizeMode::kPad:
      return "pad";
  }
  return "stretch";
}

Result<Image> ResizeBilinear(const Image& image, int width, int height, std::optional<Box> box) {
  if (width < 1 || height < 1 || image.width < 1 || image.height < 1) {
    return Error(Code::kInvalidArgument, "a picture of ", image.width, "x", image.height,
                 " cannot be resized to ", width, "x", height);
  }
  // The picture in between counts too, whichever pass comes first.
  if (int64_t{width} * height > kMaxImagePixels ||
      int64_t{width} * image.height > kMaxImagePixels ||
      int64_t{image.width} * height > kMaxImagePixels) {
    return Error(Code::kUnsupported, "a picture of ", image.width, "x", image.height,
                 " resized to ", width, "x", height, " is larger than the limit of ",
                 kMaxImagePixels, " pixels");
  }
  // Also bounds the table of coefficients.
  if (std::max({image.width, image.height, width, height}) > kMaxSide) {
    return Error(Code::kUnsupported, "a picture of ", image.width, "x", image.height,
                 " resized to ", width, "x", height, ": a side is longer than the limit of ",
                 kMaxSide);
  }
  const Box b =
      box.value_or(Box{0, 0, static_cast<float>(image.width), static_cast<float>(image.height)});
  if (!(b.left >= 0 && b.top >= 0 && b.left < b.right && b.top < b.bottom &&
        b.right <= static_cast<float>(image.width) &&
        b.bottom <= static_cast<float>(image.height))) {
    return Error(Code::kInvalidArgument, "a resize box outside of the picture");
  }
  const bool horizontal =
      width != image.width || b.left != 0 || b.right != static_cast<float>(width);
  const bool vertical =
      height != image.height || b.top != 0 || b.bottom != static_cast<float>(height);
  if (!horizontal && !vertical) return image;
  Coefficients across, down;
  if (horizontal) across = Precompute(image.width, b.left, b.right, width);
  if (vertical) down = Precompute(image.height, b.top, b.bottom, height);
  if (!vertical) return Horizontal(image, across);
  if (!horizontal) return Vertical(image, down);
  // Pillow's choice since its version 13: far fewer rows come before fewer columns.
  const int64_t fewer_rows = int64_t{image.height} - height;
  const int64_t fewer_columns = int64_t{image.width} - width;
  if (fewer_rows > 0 && fewer_rows > 2 * fewer_columns) {
    return Horizontal(Vertical(image, down), across);
  }
  return Vertical(Horizontal(image, across), down);
}

Result<Image> Resize(const Image& image, int width, int height, ResizeMode mode) {
  if (mode == ResizeMode::kStretch || width < 1 || height < 1 || image.width < 1 ||
      image.height < 1) {
    return ResizeBilinear(image, width, height);
  }
  const double in_ratio = static_cast<double>(image.width) / image.height;
  const double out_ratio = static_cast<double>(width) / height;
  if (mode == ResizeMode::kCrop) {
    double crop_width = image.width, crop_height = image.height;
    if (in_ratio > out_ratio) {
      crop_width = out_ratio * image.height;
    } else if (in_ratio < out_ratio) {
      crop_height = image.width / out_ratio;
    }
    const double left = (image.width - crop_width) * 0.5;
    const double top = (image.height - crop_height) * 0.5;
    const Box box{
        static_cast<float>(left), static_cast<float>(top),
        std::min(static_cast<float>(left + crop_width), static_cast<float>(image.width)),
        std::min(static_cast<float>(top + crop_height), static_cast<float>(image.height))};
    return ResizeBilinear(image, width, height, box);
  }
  // Pad.
  int inner_width = width, inner_height = height;
  if (in_ratio > out_ratio) {
    inner_height = RoundToEven(static_cast<double>(image.height) / image.width * width);
  } else if (in_ratio < out_ratio) {
    inner_width = RoundToEven(in_ratio * height);
  }
  inner_width = std::clamp(inner_width, 1, width);
  inner_height = std::clamp(inner_height, 1, height);
  EDGEML_ASSIGN_OR_RETURN(Image inner, ResizeBilinear(image, inner_width, inner_height));
  if (inner_width == width && inner_height == height) return inner;
  if (int64_t{width} * height > kMaxImagePixels) {
    return Error(Code::kUnsupported, "a picture of ", width, "x", height,
                 " is larger than the limit of ", kMaxImagePixels, " pixels");
  }
  const int left = RoundToEven((width - inner_width) * 0.5);
  const int top = RoundToEven((height - inner_height) * 0.5);
  const auto ch = static_cast<size_t>(image.channels);
  Image out{width, height, image.channels, {}};
  out.pixels.resize(static_cast<size_t>(width) * static_cast<size_t>(height) * ch);
  const size_t row = static_cast<size_t>(inner_width) * ch;
  for (int y = 0; y < inner_height; ++y) {
    const size_t to =
        static_cast<size_t>(top + y) * static_cast<size_t>(width) + static_cast<size_t>(left);
    std::memcpy(out.pixels.data() + to * ch, inner.pixels.data() + static_cast<size_t>(y) * row,
                row);
  }
  return out;
}

}  // namespace edgeml::data
