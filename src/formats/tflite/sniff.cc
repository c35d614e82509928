#include "src/formats/tflite/sniff.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "src/base/strings.h"

namespace edgeml::tflite {
namespace {

// A protobuf message that starts as ONNX models do: field 1 (ir_version, a small number), then a
// string field 2 (producer), or one of the fields 7 (graph) and 8 (opset).
bool LooksLikeOnnx(std::string_view text) {
  if (text.size() < 16 || text[0] != 0x08) return false;
  const auto version = static_cast<unsigned char>(text[1]);
  const auto next = static_cast<unsigned char>(text[2]);
  return version >= 1 && version <= 32 && (next == 0x12 || next == 0x3a || next == 0x42);
}

bool LooksLikeText(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte >= 0x20 && byte != 0x7f) || byte == '\n' || byte == '\r' || byte == '\t';
  });
}

}  // namespace

Status CheckIsTflite(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.size() >= 8 && text.substr(4, 4) == "TFL3") return Status::Ok();
  const auto is = [](const char* kind, const char* mend) {
    return Error(Code::kInvalidModel, "is ", kind, ", not a TFLite model; ", mend);
  };
  if (text.empty()) return is("empty", "fetch it again");
  if (text.starts_with("version https://git-lfs"))
    return is("a Git LFS pointer", "run `git lfs pull` to fetch the real file");
  if (text.starts_with("\x89HDF\r\n")) return is("an HDF5 (Keras) file", "convert it first");
  if (text.starts_with("PK\x03\x04"))
    return is("a zip archive", "unpack it, or convert it if it is a .keras file");
  if (text.starts_with("\x1f\x8b")) return is("gzip-compressed", "unpack it");
  if (text.starts_with("\x89PNG") || text.starts_with("\xff\xd8\xff"))
    return is("a picture", "name the model file instead");
  if (text.starts_with("GGUF")) return is("a GGUF file", "name a .tflite file");
  if (text.starts_with("\x93NUMPY")) return is("a NumPy array", "name a .tflite file");
  if (text.starts_with("\x80\x02") || text.starts_with("\x80\x04"))
    return is("a Python pickle (PyTorch?)", "export the model to TFLite");
  if (text.starts_with("\x7f"
                       "ELF"))
    return is("a program", "name a .tflite file");
  if (LooksLikeOnnx(text)) return is("an ONNX model", "convert it first");
  if (text.size() >= 8 && text.substr(4, 3) == "TFL")
    return Error(Code::kInvalidModel, "is a TFLite model of format ", text.substr(4, 4),
                 "; only TFL3 is read, convert it anew");
  if (text.starts_with("<!DOCTYPE") || text.starts_with("<html") || text.starts_with("<HTML"))
    return is("a web page", "the download failed, fetch the file itself");
  if (LooksLikeText(text.substr(0, 64))) return is("a text file", "name a .tflite file");
  if (text.size() < 8) return is("too short", "fetch it again");
  return is("an unknown kind of file", "its identifier is not TFL3; fetch it again");
}

}  // namespace edgeml::tflite
