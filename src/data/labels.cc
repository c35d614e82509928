#include "src/data/labels.h"

#include <algorithm>

#include "src/base/strings.h"
#include "src/data/file_io.h"

namespace edgeml::data {

std::vector<std::string> ParseLabels(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::vector<std::string> names;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    names.emplace_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  while (!names.empty() && names.back().empty()) names.pop_back();
  return names;
}

Result<std::vector<std::string>> ReadLabels(const std::string& path) {
  EDGEML_ASSIGN_OR_RETURN(const Bytes bytes, ReadFile(path, size_t{64} << 20));
  if (std::find(bytes.begin(), bytes.end(), 0) != bytes.end()) {
    return Error(Code::kInvalidModel, path, ": not a text file of class names");
  }
  std::vector<std::string> names =
      ParseLabels({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  if (names.empty()) return Error(Code::kInvalidModel, path, ": no class names in it");
  return names;
}

}  // namespace edgeml::data
