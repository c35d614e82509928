#include "src/data/csv.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "src/base/strings.h"

namespace edgeml::data {
namespace {

// Splits one line; false when a quote is not closed or followed by text.
bool SplitLine(std::string_view line, std::vector<std::string>& fields) {
  fields.clear();
  size_t at = 0;
  while (true) {
    std::string field;
    if (at < line.size() && line[at] == '"') {
      ++at;
      while (true) {
        const size_t quote = line.find('"', at);
        if (quote == std::string_view::npos) return false;
        field += line.substr(at, quote - at);
        at = quote + 1;
        if (at >= line.size() || line[at] != '"') break;
        field += '"';
        ++at;
      }
      if (at < line.size() && line[at] != ',') return false;
    } else {
      const size_t comma = std::min(line.find(',', at), line.size());
      field = line.substr(at, comma - at);
      const size_t first = field.find_first_not_of(" \t");
      const size_t last = field.find_last_not_of(" \t");
      field = first == std::string::npos ? "" : field.substr(first, last - first + 1);
      at = comma;
    }
    fields.push_back(std::move(field));
    if (at >= line.size()) return true;
    ++at;  // the comma
  }
}

template <typename T>
std::optional<T> Number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  T v{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return v;
}

// A class number: "3", also "3.0" as some tables write it.
std::optional<int64_t> ClassNumber(std::string_view text) {
  if (const auto v = Number<int64_t>(text)) return *v >= 0 ? v : std::nullopt;
  const auto v = Number<double>(text);
  if (!v || !(*v >= 0 && *v < 1e9) || *v != static_cast<double>(static_cast<int64_t>(*v))) {
    return std::nullopt;
  }
  return static_cast<int64_t>(*v);
}

void NumberClasses(const std::vector<std::string>& words, CsvTable& table) {
  for (const std::string& word : words) {
    const auto number = ClassNumber(word);
    if (!number) break;
    table.labels.push_back(*number);
  }
  if (table.labels.size() == words.size()) return;
  table.labels.clear();
  table.class_names = words;
  std::sort(table.class_names.begin(), table.class_names.end());
  table.class_names.erase(std::unique(table.class_names.begin(), table.class_names.end()),
                          table.class_names.end());
  for (const std::string& word : words) {
    const auto it = std::lower_bound(table.class_names.begin(), table.class_names.end(), word);
    table.labels.push_back(it - table.class_names.begin());
  }
}

}  // namespace

Result<CsvTable> ParseCsv(std::string_view text, std::string_view label_column,
                          const std::string& where) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  CsvTable table;
  std::vector<std::string> header, fields, words;
  size_t label = 0;
  for (int64_t line_number = 1; !text.empty(); ++line_number) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    if (!SplitLine(line, fields)) {
      return Error(Code::kInvalidModel, where, ": line ", line_number, ": a quote is not closed");
    }
    if (header.empty()) {
      header = fields;
      const auto it = std::find(header.begin(), header.end(), label_column);
      if (it == header.end()) {
        std::string names;
        for (size_t i = 0; i < header.size() && i < 20; ++i) {
          names += (i == 0 ? "" : ", ") + header[i];
        }
        const bool semicolons = header.size() == 1 && names.find(';') != std::string::npos;
        return Error(Code::kInvalidArgument, where, ": no column '", label_column,
                     "'; the columns are: ", names,
                     semicolons ? " (fields must be separated by commas)" : "");
      }
      label = static_cast<size_t>(it - header.begin());
      table.columns = header;
      table.columns.erase(table.columns.begin() + static_cast<int64_t>(label));
      continue;
    }
    if (fields.size() != header.size()) {
      return Error(Code::kInvalidModel, where, ": line ", line_number, " has ", fields.size(),
                   " fields, the header has ", header.size());
    }
    for (size_t i = 0; i < fields.size(); ++i) {
      if (i == label) {
        words.push_back(std::move(fields[i]));
        continue;
      }
      const auto v = Number<float>(fields[i]);
      if (!v) {
        return Error(Code::kInvalidModel, where, ": line ", line_number, ", column '", header[i],
                     "': '", fields[i].substr(0, 40), "' is not a number");
      }
      table.values.push_back(*v);
    }
  }
  if (header.empty()) return Error(Code::kInvalidModel, where, ": an empty file");
  NumberClasses(words, table);
  return table;
}

}  // namespace edgeml::data
