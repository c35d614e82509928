// What the command prints: tables, numbers, JSON, a progress bar.
#ifndef EDGEML_CLI_OUTPUT_H_
#define EDGEML_CLI_OUTPUT_H_

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace edgeml::cli {

using Json = nlohmann::ordered_json;

// Indented text; lists of plain values on one line. Text from files that is not UTF-8 is mended,
// NaN becomes null.
std::string JsonText(const Json& json, int indent = 0);
// The same on stdout.
void PrintJson(const Json& json);

// Text from a file or the user made harmless for a terminal: control characters become '?'.
std::string Printable(std::string_view text);

std::string Grouped(int64_t value);             // 1,234,567
std::string Fixed(double value, int decimals);  // 3.14
std::string Milliseconds(double ms);            // three significant digits: "0.012 ms", "12.3 ms"
std::string Percent(double fraction);           // "97.22 %"
std::string Significant(double value);          // four significant digits: "0.003922"
std::string ShapeText(const std::vector<int32_t>& shape);  // "[1, 224, 224, 3]", unknown as "?"

// Columns that line up. A heading that starts with '>' aligns its column to the right.
class Table {
 public:
  explicit Table(std::vector<std::string> headings);
  void Add(std::vector<std::string> cells);
  // Leaves columns out that are empty in every row. Cells longer than `max_width` are cut.
  void Print(int indent = 2, size_t max_width = 60) const;
  bool empty() const { return rows_.empty(); }

 private:
  std::vector<std::string> headings_;
  std::vector<bool> right_;
  std::vector<std::vector<std::string>> rows_;
};

// On stderr, when that is a terminal; nothing otherwise.
class ProgressBar {
 public:
  ProgressBar(std::string label, int64_t total);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  void Update(int64_t done);

 private:
  using Clock = std::chrono::steady_clock;
  std::string label_;
  int64_t total_;
  bool shown_;
  Clock::time_point start_, last_;
};

}  // namespace edgeml::cli

#endif  // EDGEML_CLI_OUTPUT_H_
