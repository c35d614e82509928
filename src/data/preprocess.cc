#include "src/data/preprocess.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "src/base/strings.h"

namespace edgeml::data {
namespace {

// Where pixels lie in an input. Height and width may be kUnknownDim.
struct PixelLayout {
  int height = 0, width = 0, channels = 0;
  int height_dim = 0;   // width follows; meaningless for flat inputs
  bool planar = false;  // channels before height and width
  Shape shape;          // settled but for height and width
};

bool IsChannels(int32_t dim) { return dim == 1 || dim == 3; }

Status WrongShape(const InputSpec& spec, const Example& example, std::string_view hint) {
  return Error(Code::kInvalidArgument, "the model's input is ", NameOf(spec.type), " ",
               spec.shape.ToString(), "; ", example.name, " gives ", NameOf(example.values.type),
               " ", example.values.shape.ToString(), hint.empty() ? "" : "; ", hint);
}

// The layout of a flat input of n values: the picture's own size, or a square.
std::optional<PixelLayout> FlatLayout(int64_t n, const Image& image, const Shape& shape) {
  const int64_t area = int64_t{image.width} * image.height;
  for (const int channels : {image.channels, 1, 3}) {
    if (n == area * channels)
      return PixelLayout{image.height, image.width, channels, 0, false, shape};
  }
  for (const int channels : {1, 3}) {
    if (n % channels != 0) continue;
    const auto side =
        static_cast<int64_t>(std::lround(std::sqrt(static_cast<double>(n / channels))));
    if (side * side * channels == n) {
      return PixelLayout{static_cast<int>(side), static_cast<int>(side), channels, 0, false, shape};
    }
  }
  return std::nullopt;
}

std::optional<PixelLayout> LayoutOf(const InputSpec& spec, const Image& image) {
  Shape s = spec.shape;
  const auto batch_of_one = [&] {
    if (s[0] == kUnknownDim) s[0] = 1;
    return s[0] == 1;
  };
  switch (s.rank()) {
    case 4:
      if (!batch_of_one()) return std::nullopt;
      if (s[3] == kUnknownDim) s[3] = IsChannels(s[1]) ? kUnknownDim : 3;
      if (IsChannels(s[3])) return PixelLayout{s[1], s[2], s[3], 1, false, s};
      if (IsChannels(s[1])) return PixelLayout{s[2], s[3], s[1], 2, true, s};
      return std::nullopt;
    case 3:
      if (IsChannels(s[2])) return PixelLayout{s[0], s[1], s[2], 0, false, s};
      if (!batch_of_one()) return std::nullopt;
      if (s[1] == 1 && s[2] > 1) return FlatLayout(s[2], image, s);
      return PixelLayout{s[1], s[2], 1, 1, false, s};
    case 2:
      if (s[0] > 1 && s[1] > 1) return PixelLayout{s[0], s[1], 1, 0, false, s};
      if (!batch_of_one() || s[1] < 1) return std::nullopt;
      return FlatLayout(s[1], image, s);
    case 1:
      return s[0] < 1 ? std::nullopt : FlatLayout(s[0], image, s);
    default:
      return std::nullopt;
  }
}

Status CheckNormalization(const Normalization& n, int channels) {
  for (const auto& [name, list] : {std::pair{"mean", &n.mean}, std::pair{"std", &n.std}}) {
    const auto count = static_cast<int>(list->size());
    if (count > 1 && count != channels) {
      return Error(Code::kInvalidArgument, name, " has ", count, " numbers; expected 1",
                   channels > 1 ? Concat(" or ", channels, ", one per channel") : "");
    }
  }
  for (const float v : n.std) {
    if (!(v != 0 && std::isfinite(v))) {
      return Error(Code::kInvalidArgument, "a std of ", v, "; it must not be zero");
    }
  }
  return Status::Ok();
}

// In place over [n / channels, channels].
void Normalize(const Normalization& n, size_t channels, std::vector<double>& values) {
  const auto pick = [](const std::vector<float>& list, size_t c, double fallback) {
    return list.empty() ? fallback : static_cast<double>(list[list.size() > 1 ? c : 0]);
  };
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t c = i % channels;
    values[i] = (values[i] - pick(n.mean, c, 0)) / pick(n.std, c, 1);
  }
}

// Whether every byte comes out of `n` and the input's quantization as itself (uint8) or less 128
// (int8), give or take one.
bool UndoneByQuantization(const Normalization& n, const InputSpec& spec, size_t channels) {
  if (spec.scale <= 0) return false;
  const double offset = spec.type == DType::kInt8 ? 128 : 0;
  std::vector<double> values;
  for (int byte = 0; byte < 256; ++byte) values.insert(values.end(), channels, byte);
  Normalize(n, channels, values);
  for (size_t i = 0; i < values.size(); ++i) {
    const double stored = std::round(values[i] / spec.scale) + spec.zero_point + offset;
    if (!(std::fabs(stored - static_cast<double>(i / channels)) <= 1)) return false;
  }
  return true;
}

Result<Array> FromPixels(const Example& example, const InputSpec& spec,
                         const PreprocessOptions& options) {
  const Shape& shape = example.values.shape;
  if (example.values.type != DType::kUInt8 || shape.rank() != 3 || !IsChannels(shape[2])) {
    return Error(Code::kInternal, example.name, ": not pixels");
  }
  Image image{shape[1], shape[0], shape[2], example.values.bytes};
  std::optional<PixelLayout> layout = LayoutOf(spec, image);
  if (!layout) return WrongShape(spec, example, "this input takes no pictures; give an npy array");
  Shape out = layout->shape;
  if (layout->height == kUnknownDim) out[layout->height_dim] = layout->height = image.height;
  if (layout->width == kUnknownDim) out[layout->height_dim + 1] = layout->width = image.width;

  image = layout->channels == 1 ? ToGray(image) : ToRgb(image);
  if (image.width != layout->width || image.height != layout->height) {
    EDGEML_ASSIGN_OR_RETURN(image, Resize(image, layout->width, layout->height, options.resize));
  }
  const auto channels = static_cast<size_t>(layout->channels);
  std::vector<uint8_t> pixels = std::move(image.pixels);
  const Normalization& n = options.given.empty() ? options.metadata : options.given;
  EDGEML_RETURN_IF_ERROR(CheckNormalization(n, layout->channels));

  Array result{spec.type, out, {}};
  const bool bytes_as_they_are =
      (spec.type == DType::kUInt8 || spec.type == DType::kInt8) &&
      (n.empty() || (options.given.empty() && UndoneByQuantization(n, spec, channels)));
  std::vector<double> values;
  if (!bytes_as_they_are) {
    values.assign(pixels.begin(), pixels.end());
    if (!n.empty()) Normalize(n, channels, values);
  }
  if (layout->planar && channels > 1) {
    const auto to_planes = [&](auto& list) {
      auto planes = list;
      const size_t area = list.size() / channels;
      for (size_t p = 0; p < area; ++p) {
        for (size_t c = 0; c < channels; ++c) planes[c * area + p] = list[p * channels + c];
      }
      list = std::move(planes);
    };
    if (bytes_as_they_are) {
      to_planes(pixels);
    } else {
      to_planes(values);
    }
  }
  if (bytes_as_they_are) {
    if (spec.type == DType::kInt8) {
      for (uint8_t& v : pixels) v ^= 0x80;  // byte - 128 in two's complement
    }
    result.bytes = std::move(pixels);
    return result;
  }
  EDGEML_ASSIGN_OR_RETURN(result.bytes,
                          StoreValues(values, spec.type, spec.scale, spec.zero_point));
  return result;
}

Shape Squeezed(const Shape& shape) {
  Shape out;
  for (const int32_t dim : shape.dims()) {
    if (dim != 1) out.push_back(dim);
  }
  return out;
}

// The spec's shape with unknown dimensions settled for an array of this shape.
std::optional<Shape> Settle(const Shape& spec, const Shape& given) {
  Shape out = spec;
  if (spec.known()) {
    if (out.num_elements() != given.num_elements()) return std::nullopt;
    const Shape a = Squeezed(out), b = Squeezed(given);
    return a == b || a.rank() <= 1 || b.rank() <= 1 ? std::optional(out) : std::nullopt;
  }
  // The array as it is, or without its batch dimension of 1.
  for (const int shift : {0, 1}) {
    if (given.rank() + shift != spec.rank()) continue;
    bool fits = true;
    for (int d = 0; d < spec.rank(); ++d) {
      const int32_t dim = d < shift ? 1 : given[d - shift];
      fits = fits && (spec[d] == kUnknownDim || spec[d] == dim);
      out[d] = dim;
    }
    if (fits) return out;
  }
  // A batch of one, of a shape that differs by dimensions of 1.
  if (spec.rank() > 0 && spec[0] == kUnknownDim) {
    out = spec;
    out[0] = 1;
    if (out.known()) return Settle(out, given);
  }
  return std::nullopt;
}

Result<Array> FromValues(const Example& example, const InputSpec& spec,
                         const PreprocessOptions& options) {
  const Array& values = example.values;
  const std::optional<Shape> shape = Settle(spec.shape, values.shape);
  if (!shape) return WrongShape(spec, example, "");
  Array result{spec.type, *shape, {}};
  if (values.type == spec.type && options.given.empty()) {
    result.bytes = values.bytes;
    return result;
  }
  std::vector<double> numbers = ToDoubles(values);
  if (numbers.size() != static_cast<size_t>(values.shape.num_elements())) {
    return WrongShape(spec, example, "these types cannot be converted");
  }
  if (!options.given.empty()) {
    const int channels = shape->rank() > 0 ? std::max(shape->back(), 1) : 1;
    EDGEML_RETURN_IF_ERROR(CheckNormalization(options.given, channels));
    Normalize(options.given, static_cast<size_t>(channels), numbers);
  }
  EDGEML_ASSIGN_OR_RETURN(result.bytes,
                          StoreValues(numbers, spec.type, spec.scale, spec.zero_point));
  return result;
}

Result<Array> FromSamples(const Example& example, const InputSpec& spec,
                          const PreprocessOptions& options) {
  Shape shape = spec.shape;
  const auto samples = example.values.as<float>();
  int which = -1;  // the dimension of time
  for (int d = 0; d < shape.rank(); ++d) {
    if (shape[d] == 1 || (shape[d] == kUnknownDim && d == 0 && shape.rank() > 1)) {
      shape[d] = 1;
    } else if (which < 0) {
      which = d;
    } else {
      return WrongShape(spec, example,
                        "this input takes no raw sound but features; give them as an npy array");
    }
  }
  if (which < 0) return WrongShape(spec, example, "this input takes no sound");
  if (shape[which] == kUnknownDim) shape[which] = static_cast<int32_t>(samples.size());
  std::vector<double> values(samples.begin(), samples.end());
  values.resize(static_cast<size_t>(shape[which]), 0.0);
  const bool pcm = spec.scale <= 0 && !IsFloat(spec.type);
  if (pcm) {
    for (double& v : values) v *= 32768;
  }
  if (!options.given.empty()) {
    EDGEML_RETURN_IF_ERROR(CheckNormalization(options.given, 1));
    Normalize(options.given, 1, values);
  }
  Array result{spec.type, shape, {}};
  EDGEML_ASSIGN_OR_RETURN(result.bytes,
                          StoreValues(values, spec.type, spec.scale, spec.zero_point));
  return result;
}

}  // namespace

Result<Array> ToModelInput(const Example& example, const InputSpec& spec,
                           const PreprocessOptions& options) {
  switch (example.kind) {
    case ExampleKind::kPixels:
      return FromPixels(example, spec, options);
    case ExampleKind::kValues:
      return FromValues(example, spec, options);
    case ExampleKind::kSamples:
      return FromSamples(example, spec, options);
  }
  return Error(Code::kInternal, "unknown kind of example");
}

}  // namespace edgeml::data
