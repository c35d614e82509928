#include "src/base/strings.h"

#include <cstdio>
#include <cstdlib>

namespace edgeml {

Status ErrorWithoutText(Code code) { return Status(code, std::string(CodeName(code))); }

namespace {

template <typename F>
void AppendShortest(std::string& out, F value, int max_digits) {
  char text[40];
  for (int digits = 6; digits <= max_digits; ++digits) {
    std::snprintf(text, sizeof text, "%.*g", digits, static_cast<double>(value));
    if (static_cast<F>(std::strtod(text, nullptr)) == value) break;
  }
  out += text;
}

}  // namespace

void AppendPiece(std::string& out, double piece) { AppendShortest(out, piece, 17); }
void AppendPiece(std::string& out, float piece) { AppendShortest(out, piece, 9); }

std::string HumanBytes(uint64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "KB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes);
  int unit = 0;
  while (value >= 1000.0 && unit < 4) {
    value /= 1000.0;
    ++unit;
  }
  char text[40];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return text;
}

}  // namespace edgeml
