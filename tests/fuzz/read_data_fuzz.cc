// Fuzz target: the files that are data: arrays, pictures, sound, tables, archives, metadata. The
// first byte says which reader gets the rest.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "src/base/zip.h"
#include "src/data/array_file.h"
#include "src/data/audio.h"
#include "src/data/csv.h"
#include "src/data/dataset.h"
#include "src/data/idx.h"
#include "src/data/image.h"
#include "src/data/labels.h"
#include "src/data/preprocess.h"
#include "src/data/resize.h"
#include "src/formats/tflite/metadata.h"
#include "src/formats/tflite/zip.h"
#include "tests/fuzz/session_run.h"

namespace {

using namespace edgeml;

constexpr size_t kMostBytes = 64 << 20;

// A file without a name in any folder.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::span<const uint8_t> bytes) : fd_(memfd_create("fuzz", MFD_CLOEXEC)) {
    if (fd_ < 0 || write(fd_, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
      std::abort();
  }
  ~TemporaryFile() { close(fd_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

template <typename T>
void Check(const Result<T>& result) {
  if (!result.ok()) fuzz::CheckError(result.status());
}

void CheckPicture(const Result<data::Image>& image) {
  Check(image);
  if (!image.ok()) return;
  const auto size = static_cast<size_t>(image->width) * static_cast<size_t>(image->height) *
                    static_cast<size_t>(image->channels);
  if (size != image->pixels.size()) std::abort();
  if (size > 1 << 22) return;
  data::Example example;
  example.kind = data::ExampleKind::kPixels;
  example.values.type = DType::kUInt8;
  example.values.shape = Shape{image->height, image->width, image->channels};
  example.values.bytes = image->pixels;
  for (const auto mode : {data::ResizeMode::kStretch, data::ResizeMode::kCrop}) {
    data::PreprocessOptions options;
    options.resize = mode;
    Check(data::ToModelInput(example, {Shape{1, 7, 5, 3}, DType::kInt8, 0.5f, -3}, options));
  }
}

void ReadSet(std::string_view kind, std::string_view rest, std::span<const uint8_t> bytes) {
  const TemporaryFile file(bytes);
  const std::string spec = std::string(kind) + ":" + file.path() + std::string(rest);
  data::DatasetOptions options;
  options.max_bytes = kMostBytes;
  const auto set = data::OpenDataset(spec, options);
  Check(set);
  if (!set.ok()) return;
  (void)(*set)->num_classes();
  const int64_t count = (*set)->size();
  for (const int64_t i : {int64_t{0}, count / 2, count - 1}) {
    if (i < 0 || i >= count) continue;
    const auto example = (*set)->Get(i);
    Check(example);
    (void)(*set)->Label(i);
    if (!example.ok()) continue;
    if (CheckedByteSize(example->values.shape, example->values.type) !=
        example->values.bytes.size())
      std::abort();
    data::InputSpec wanted{Shape{1, kUnknownDim}, DType::kFloat32, 0, 0};
    Check(data::ToModelInput(*example, wanted, {}));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const std::span<const uint8_t> bytes(data + 1, size - 1);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  switch (data[0] % 14) {
    case 0:
      return Check(data::ParseNpy(bytes, "npy")), 0;
    case 1: {
      const TemporaryFile file(bytes);
      return Check(data::ReadNpz(file.path(), kMostBytes)), 0;
    }
    case 2:
      return CheckPicture(data::DecodeBmp(bytes, "bmp")), 0;
    case 3:
      return CheckPicture(data::DecodePng(bytes, "png")), 0;
    case 4:
      return CheckPicture(data::DecodeJpeg(bytes, "jpeg")), 0;
    case 5: {
      const TemporaryFile file(bytes);
      return Check(data::ReadAudio(file.path())), 0;
    }
    case 6: {
      const TemporaryFile file(bytes);
      return Check(data::ReadIdx(file.path())), 0;
    }
    case 7:
      return ReadSet("cifar10", "", bytes), 0;
    case 8:
      return ReadSet("csv", ":label", bytes), 0;
    case 9:
      return ReadSet("npz", "", bytes), 0;
    case 10: {
      const auto archive =
          ZipReader::Open(std::make_shared<int>(0), std::as_bytes(bytes));  // outlives the reader
      Check(archive);
      if (!archive.ok()) return 0;
      for (const ZipEntry& entry : archive->entries()) Check(archive->Read(entry, kMostBytes));
      return 0;
    }
    case 11: {
      const auto* begin = reinterpret_cast<const std::byte*>(bytes.data());
      const ir::ConstantData archive = ir::ConstantData::Own({begin, begin + bytes.size()});
      return Check(tflite::ReadTrailingZip(archive.owner, archive.bytes)), 0;
    }
    case 12: {
      const auto metadata = tflite::ParseModelMetadata(std::as_bytes(bytes));
      Check(metadata);
      if (!metadata.ok()) return 0;
      const auto again = tflite::ParseModelMetadata(tflite::SerializeModelMetadata(*metadata));
      if (!again.ok()) std::abort();
      return 0;
    }
    default:
      (void)data::ParseLabels(text);
      return Check(data::DecodeImage(bytes, "image")), 0;
  }
}
