// JPEG by libjpeg-turbo. Its errors leave by longjmp: between setjmp and the last library call no
// object with a destructor is alive in the frames that are jumped over.
#include <algorithm>
#include <csetjmp>
#include <cstdio>

#include <jpeglib.h>
// jerror.h needs jpeglib.h before it.
#include <jerror.h>

#include "src/base/strings.h"
#include "src/data/image.h"

namespace edgeml::data {
namespace {

// More scans than any real encoder writes; a file of many empty scans would take hours.
constexpr int kMaxScans = 500;

struct ErrorManager {
  jpeg_error_mgr base;
  std::jmp_buf escape;
  char message[JMSG_LENGTH_MAX];
};

struct Progress {
  jpeg_progress_mgr base;
  ErrorManager* errors;
};

[[noreturn]] void OnError(j_common_ptr info) {
  auto* errors = reinterpret_cast<ErrorManager*>(info->err);
  info->err->format_message(info, errors->message);
  std::longjmp(errors->escape, 1);
}

// Warnings are tolerated as Pillow does, but not data that ends too early.
void OnMessage(j_common_ptr info, int level) {
  if (level < 0 && info->err->msg_code == JWRN_JPEG_EOF) OnError(info);
}

void OnProgress(j_common_ptr info) {
  auto* progress = reinterpret_cast<Progress*>(info->progress);
  if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number > kMaxScans) {
    std::snprintf(progress->errors->message, sizeof(progress->errors->message),
                  "more than %d scans", kMaxScans);
    std::longjmp(progress->errors->escape, 1);
  }
}

// Fixed-point a * b / 255, rounded.
inline int MulDiv255(int a, int b) {
  const int t = a * b + 128;
  return ((t >> 8) + t) >> 8;
}

// Inverted CMYK (Adobe's convention, which every such file follows) to RGB, as Pillow converts.
void CmykRowToRgb(const uint8_t* cmyk, uint8_t* rgb, int width) {
  for (int x = 0; x < width; ++x, cmyk += 4, rgb += 3) {
    const int white = cmyk[3];  // 255 - K
    for (int c = 0; c < 3; ++c) {
      rgb[c] = static_cast<uint8_t>(std::clamp(white - MulDiv255(255 - cmyk[c], white), 0, 255));
    }
  }
}

struct Decoder {
  jpeg_decompress_struct info;
  ErrorManager errors;
  Progress progress;
  uint8_t* cmyk_row;  // owned by the library's pool
};

bool ReadHeader(Decoder& d, const uint8_t* bytes, size_t size) {
  if (setjmp(d.errors.escape)) return false;
  jpeg_create_decompress(&d.info);
  d.info.progress = &d.progress.base;
  d.info.mem->max_memory_to_use = 1L << 30;
  jpeg_mem_src(&d.info, bytes, size);
  jpeg_read_header(&d.info, TRUE);
  return true;
}

bool ReadPixels(Decoder& d, uint8_t* pixels) {
  if (setjmp(d.errors.escape)) return false;
  jpeg_decompress_struct* info = &d.info;
  const bool cmyk = info->num_components == 4;
  info->out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
  info->dct_method = JDCT_ISLOW;
  jpeg_start_decompress(info);
  const size_t stride = size_t{3} * info->output_width;
  d.cmyk_row = nullptr;
  if (cmyk) {
    d.cmyk_row = static_cast<uint8_t*>(info->mem->alloc_large(
        reinterpret_cast<j_common_ptr>(info), JPOOL_IMAGE, size_t{4} * info->output_width));
  }
  while (info->output_scanline < info->output_height) {
    uint8_t* out = pixels + stride * info->output_scanline;
    JSAMPROW row = cmyk ? d.cmyk_row : out;
    jpeg_read_scanlines(info, &row, 1);
    if (cmyk) CmykRowToRgb(d.cmyk_row, out, static_cast<int>(info->output_width));
  }
  jpeg_finish_decompress(info);
  return true;
}

}  // namespace

Result<Image> DecodeJpeg(std::span<const uint8_t> bytes, const std::string& where) {
  Decoder d{};
  d.info.err = jpeg_std_error(&d.errors.base);
  d.errors.base.error_exit = OnError;
  d.errors.base.emit_message = OnMessage;
  d.errors.base.output_message = [](j_common_ptr) {};
  d.progress.base.progress_monitor = OnProgress;
  d.progress.errors = &d.errors;

  Image image;
  Status status;
  if (!ReadHeader(d, bytes.data(), bytes.size())) {
    status = Error(Code::kInvalidModel, where, ": damaged JPEG: ", d.errors.message);
  } else if (int64_t{d.info.image_width} * d.info.image_height > kMaxImagePixels) {
    status = Error(Code::kUnsupported, where, ": a picture of ", d.info.image_width, "x",
                   d.info.image_height, " pixels is larger than the limit of ", kMaxImagePixels);
  } else {
    image.width = static_cast<int>(d.info.image_width);
    image.height = static_cast<int>(d.info.image_height);
    image.pixels.resize(size_t{3} * d.info.image_width * d.info.image_height);
    if (!ReadPixels(d, image.pixels.data())) {
      status = Error(Code::kInvalidModel, where, ": damaged JPEG: ", d.errors.message);
    }
  }
  jpeg_destroy_decompress(&d.info);
  if (!status.ok()) return status;
  return image;
}

}  // namespace edgeml::data
