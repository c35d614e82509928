#include "src/convert/c_array.h"

#include "src/base/strings.h"

namespace edgeml::convert {

std::string AsIdentifier(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    const bool digit = c >= '0' && c <= '9';
    if (digit && out.empty()) out += '_';
    out += letter || digit ? c : '_';
  }
  return out.empty() ? "model" : out;
}

CArray MakeCArray(std::span<const std::byte> bytes, const std::string& name,
                  const std::string& header_name) {
  CArray out;
  std::string guard = AsIdentifier(header_name);
  for (char& c : guard)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  out.header = Concat(
      "/* A TFLite model of ", bytes.size(), " bytes. Written by edgeml convert. */\n#ifndef ",
      guard, "_\n#define ", guard, "_\n\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n",
      "extern const unsigned char ", name, "[", bytes.size(), "];\nextern const unsigned int ",
      name, "_len;\n\n#ifdef __cplusplus\n}\n#endif\n\n#endif /* ", guard, "_ */\n");
  out.source = Concat("/* Written by edgeml convert. */\n#include \"", header_name,
                      "\"\n\n#ifdef __cplusplus\nalignas(16)\n#else\n_Alignas(16)\n#endif\n",
                      "const unsigned char ", name, "[", bytes.size(), "] = {");
  static constexpr char kDigits[] = "0123456789abcdef";
  out.source.reserve(out.source.size() + bytes.size() * 6 + 200);
  for (size_t i = 0; i < bytes.size(); ++i) {
    out.source += i % 12 == 0 ? "\n    " : " ";
    const auto value = std::to_integer<unsigned>(bytes[i]);
    out.source += "0x";
    out.source += kDigits[value >> 4];
    out.source += kDigits[value & 15];
    if (i + 1 < bytes.size()) out.source += ',';
  }
  out.source += Concat("};\n\nconst unsigned int ", name, "_len = ", bytes.size(), ";\n");
  return out;
}

}  // namespace edgeml::convert
