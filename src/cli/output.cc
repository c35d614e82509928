#include "src/cli/output.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "src/base/strings.h"

namespace edgeml::cli {
namespace {

// Characters, not bytes; good enough for names in Latin scripts.
size_t Width(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

std::string Cut(const std::string& text, size_t width) {
  if (Width(text) <= width) return text;
  size_t at = 0;
  for (size_t n = 0; at < text.size() && n + 1 < width; ++n) {
    ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
  }
  return text.substr(0, at) + "…";
}

std::string Format(const char* format, double value, int precision) {
  char text[64];
  std::snprintf(text, sizeof(text), format, precision, value);
  return text;
}

}  // namespace

std::string JsonText(const Json& json, int indent) {
  const bool has_parts = std::any_of(json.begin(), json.end(), [](const Json& part) {
    return part.is_structured() && !part.empty();
  });
  if (!json.is_structured() || json.empty() || (json.is_array() && !has_parts)) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  const std::string inner(static_cast<size_t>(indent) + 2, ' ');
  std::string out(1, json.is_array() ? '[' : '{');
  for (auto it = json.begin(); it != json.end(); ++it) {
    out += it == json.begin() ? "\n" : ",\n";
    out += inner;
    if (json.is_object()) {
      out += Json(it.key()).dump(-1, ' ', false, Json::error_handler_t::replace) + ": ";
    }
    out += JsonText(*it, indent + 2);
  }
  out += '\n' + std::string(static_cast<size_t>(indent), ' ');
  return out + (json.is_array() ? ']' : '}');
}

void PrintJson(const Json& json) { std::printf("%s\n", JsonText(json).c_str()); }

std::string Printable(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = c == '\n' || c == '\t' ? ' ' : '?';
  }
  return out;
}

std::string Grouped(int64_t value) {
  std::string digits = std::to_string(value);
  const size_t first = digits[0] == '-' ? 1 : 0;
  for (size_t at = digits.size(); at > first + 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

std::string Fixed(double value, int decimals) { return Format("%.*f", value, decimals); }

std::string Milliseconds(double ms) {
  const int decimals = ms < 1 ? 3 : ms < 10 ? 2 : ms < 100 ? 1 : 0;
  return Fixed(ms, decimals) + " ms";
}

std::string Percent(double fraction) { return Fixed(fraction * 100, 2) + " %"; }

std::string Significant(double value) { return Format("%.*g", value, 4); }

std::string ShapeText(const std::vector<int32_t>& shape) {
  std::string out = "[";
  for (const int32_t dim : shape) {
    if (out.size() > 1) out += ", ";
    out += dim < 0 ? "?" : std::to_string(dim);
  }
  return out + "]";
}

Table::Table(std::vector<std::string> headings) : headings_(std::move(headings)) {
  for (std::string& heading : headings_) {
    right_.push_back(heading.starts_with('>'));
    if (right_.back()) heading.erase(0, 1);
  }
}

void Table::Add(std::vector<std::string> cells) {
  cells.resize(headings_.size());
  for (std::string& cell : cells) cell = Printable(cell);
  rows_.push_back(std::move(cells));
}

void Table::Print(int indent, size_t max_width) const {
  std::vector<size_t> widths(headings_.size(), 0);
  for (size_t c = 0; c < widths.size(); ++c) {
    for (const auto& row : rows_) widths[c] = std::max(widths[c], Width(row[c]));
    widths[c] = std::min(widths[c], max_width);
    if (widths[c] > 0) widths[c] = std::max(widths[c], Width(headings_[c]));
  }
  const auto print = [&](const std::vector<std::string>& row) {
    std::string line(static_cast<size_t>(indent), ' ');
    size_t trailing = 0;  // blanks at the end are not printed
    for (size_t c = 0; c < widths.size(); ++c) {
      if (widths[c] == 0) continue;
      const std::string cell = Cut(row[c], std::max(max_width, widths[c]));
      const std::string blanks(widths[c] - std::min(widths[c], Width(cell)), ' ');
      line += right_[c] ? blanks + cell : cell + blanks;
      line += "  ";
      if (!cell.empty()) trailing = line.size() - 2 - (right_[c] ? 0 : blanks.size());
    }
    line.resize(trailing);
    std::printf("%s\n", line.c_str());
  };
  const bool has_headings = std::any_of(headings_.begin(), headings_.end(),
                                        [](const std::string& h) { return !h.empty(); });
  if (has_headings) print(headings_);
  for (const auto& row : rows_) print(row);
}

ProgressBar::ProgressBar(std::string label, int64_t total)
    : label_(std::move(label)),
      total_(std::max<int64_t>(total, 1)),
      shown_(::isatty(STDERR_FILENO) != 0),
      start_(Clock::now()),
      last_(start_) {}

ProgressBar::~ProgressBar() {
  if (shown_) std::fputs("\r\033[K", stderr);
}

void ProgressBar::Update(int64_t done) {
  if (!shown_) return;
  const Clock::time_point now = Clock::now();
  if (now - last_ < std::chrono::milliseconds(100)) return;
  last_ = now;
  constexpr int kWidth = 30;
  const double part = std::clamp(static_cast<double>(done) / static_cast<double>(total_), 0.0, 1.0);
  std::string bar;
  for (int i = 0; i < kWidth; ++i) bar += i < part * kWidth ? "█" : "░";
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const double left = part > 0 ? seconds / part - seconds : 0;
  std::fprintf(stderr, "\r\033[K%s %s %3.0f %%  %s/%s  %.0f s left", label_.c_str(), bar.c_str(),
               part * 100, Grouped(done).c_str(), Grouped(total_).c_str(), left);
  std::fflush(stderr);
}

}  // namespace edgeml::cli
