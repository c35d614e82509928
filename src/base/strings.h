// Message building without iostreams: Concat("tensor ", 3, " has rank ", rank).
#ifndef EDGEML_BASE_STRINGS_H_
#define EDGEML_BASE_STRINGS_H_

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include "edgeml/status.h"
#include "src/base/build.h"

namespace edgeml {

inline void AppendPiece(std::string& out, std::string_view piece) { out += piece; }
inline void AppendPiece(std::string& out, const char* piece) { out += piece; }
inline void AppendPiece(std::string& out, char piece) { out += piece; }
inline void AppendPiece(std::string& out, bool piece) { out += piece ? "true" : "false"; }
template <std::integral I>
void AppendPiece(std::string& out, I piece) {
  out += std::to_string(piece);
}
// Shortest form that reads back as the same float or double ("%.9g" / "%.17g" trimmed).
void AppendPiece(std::string& out, double piece);
void AppendPiece(std::string& out, float piece);

template <typename... Pieces>
std::string Concat(const Pieces&... pieces) {
  std::string out;
  (AppendPiece(out, pieces), ...);
  return out;
}

// A Status of that code with the concatenated message; with the code's name in a build whose errors
// have no text.
Status ErrorWithoutText(Code code);
template <typename... Pieces>
Status Error(Code code, const Pieces&... pieces) {
  if constexpr (kMinSize) {
    return ErrorWithoutText(code);
  } else {
    return Status(code, Concat(pieces...));
  }
}

// "12.3 KB", "4.5 MB"; decimal units, for messages only.
std::string HumanBytes(uint64_t bytes);

}  // namespace edgeml

#endif  // EDGEML_BASE_STRINGS_H_
