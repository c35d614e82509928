// PNG by libpng. Its errors leave by longjmp: between setjmp and the last library call no object
// with a destructor is alive in the frames that are jumped over.
#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstring>

#include "src/base/atomic_file.h"
#include "src/base/strings.h"
#include "src/data/file_io.h"
#include "src/data/image.h"

namespace edgeml::data {
namespace {

// Deflate makes at most 1032 bytes of one; fewer bytes than that asks for cannot hold the picture.
constexpr size_t kMaxInflation = 1032;

struct Context {
  const uint8_t* bytes = nullptr;  // reading
  size_t left = 0;
  Bytes* out = nullptr;  // writing
  char message[128] = "";
};

void OnError(png_structp png, png_const_charp text) {
  auto* context = static_cast<Context*>(png_get_error_ptr(png));
  std::snprintf(context->message, sizeof(context->message), "%s", text);
  png_longjmp(png, 1);
}

void OnWarning(png_structp, png_const_charp) {}

void OnRead(png_structp png, png_bytep to, size_t count) {
  auto* context = static_cast<Context*>(png_get_io_ptr(png));
  if (count > context->left) png_error(png, "the data ends too early");
  std::memcpy(to, context->bytes, count);
  context->bytes += count;
  context->left -= count;
}

bool ReadHeader(png_structp png, png_infop info) {
  if (setjmp(png_jmpbuf(png))) return false;
  // Text, colour profiles and the like are not used here; leave them unread.
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
  png_set_user_limits(png, 0x7FFFFFFF, 0x7FFFFFFF);  // the product is checked instead
  png_set_chunk_malloc_max(png, 8u << 20);
  png_set_chunk_cache_max(png, 16);
  png_set_crc_action(png, PNG_CRC_DEFAULT, PNG_CRC_WARN_DISCARD);
  png_read_info(png, info);
  return true;
}

bool ReadPixels(png_structp png, png_infop info, uint8_t* pixels, size_t stride) {
  if (setjmp(png_jmpbuf(png))) return false;
  png_set_strip_16(png);
  png_set_expand(png);
  png_set_strip_alpha(png);
  png_set_gray_to_rgb(png);
  const int passes = png_set_interlace_handling(png);
  png_read_update_info(png, info);
  if (png_get_rowbytes(png, info) != stride) png_error(png, "unexpected row size");
  const png_uint_32 height = png_get_image_height(png, info);
  for (int pass = 0; pass < passes; ++pass) {
    for (png_uint_32 y = 0; y < height; ++y) png_read_row(png, pixels + stride * y, nullptr);
  }
  png_read_end(png, nullptr);
  return true;
}

bool Write(png_structp png, png_infop info, const uint8_t* pixels, png_uint_32 width,
           png_uint_32 height, int channels) {
  if (setjmp(png_jmpbuf(png))) return false;
  png_set_IHDR(png, info, width, height, 8,
               channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
  for (png_uint_32 y = 0; y < height; ++y) {
    png_write_row(png, pixels + size_t{y} * width * static_cast<size_t>(channels));
  }
  png_write_end(png, info);
  return true;
}

}  // namespace

Result<Image> DecodePng(std::span<const uint8_t> bytes, const std::string& where) {
  Context context;
  context.bytes = bytes.data();
  context.left = bytes.size();
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &context, OnError, OnWarning);
  png_infop info = png != nullptr ? png_create_info_struct(png) : nullptr;
  if (info == nullptr) {
    png_destroy_read_struct(&png, nullptr, nullptr);
    return Error(Code::kResourceExhausted, where, ": not enough memory to read a PNG");
  }
  png_set_read_fn(png, &context, OnRead);

  Image image;
  Status status;
  if (!ReadHeader(png, info)) {
    status = Error(Code::kInvalidModel, where, ": damaged PNG: ", context.message);
  } else {
    const int64_t width = png_get_image_width(png, info);
    const int64_t height = png_get_image_height(png, info);
    // Both are below 2^31 by the format, so the product fits.
    if (width * height > kMaxImagePixels) {
      status = Error(Code::kUnsupported, where, ": a picture of ", width, "x", height,
                     " pixels is larger than the limit of ", kMaxImagePixels);
    } else if (static_cast<uint64_t>(height) * png_get_rowbytes(png, info) / kMaxInflation >
               bytes.size()) {
      status = Error(Code::kInvalidModel, where, ": damaged PNG: the data ends too early");
    } else {
      image.width = static_cast<int>(width);
      image.height = static_cast<int>(height);
      const size_t stride = static_cast<size_t>(width) * 3;
      image.pixels.resize(stride * static_cast<size_t>(height));
      if (!ReadPixels(png, info, image.pixels.data(), stride)) {
        status = Error(Code::kInvalidModel, where, ": damaged PNG: ", context.message);
      }
    }
  }
  png_destroy_read_struct(&png, &info, nullptr);
  if (!status.ok()) return status;
  return image;
}

Status WritePng(const std::string& path, const Image& image) {
  if (image.width <= 0 || image.height <= 0) {
    return Error(Code::kFailed, path, ": an empty picture cannot be written as PNG");
  }
  Bytes out;
  Context context;
  context.out = &out;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &context, OnError, OnWarning);
  png_infop info = png != nullptr ? png_create_info_struct(png) : nullptr;
  if (info == nullptr) {
    png_destroy_write_struct(&png, nullptr);
    return Error(Code::kResourceExhausted, path, ": not enough memory to write a PNG");
  }
  png_set_write_fn(
      png, &context,
      [](png_structp p, png_bytep data, size_t count) {
        Bytes& to = *static_cast<Context*>(png_get_io_ptr(p))->out;
        to.insert(to.end(), data, data + count);
      },
      [](png_structp) {});
  const bool done = Write(png, info, image.pixels.data(), static_cast<png_uint_32>(image.width),
                          static_cast<png_uint_32>(image.height), image.channels);
  png_destroy_write_struct(&png, &info);
  if (!done) return Error(Code::kFailed, path, ": cannot be written as PNG: ", context.message);
  return WriteFileAtomically(path, std::as_bytes(std::span(out)));
}

}  // namespace edgeml::data
