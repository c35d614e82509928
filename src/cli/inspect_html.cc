#include "src/cli/inspect_html.h"

#include <nlohmann/json.hpp>
#include <span>
#include <string_view>

#include "src/base/atomic_file.h"
#include "src/base/strings.h"
#include "src/cli/page.h"

namespace edgeml::cli {

std::string EmbeddedJson(const Json& json) {
  // Outside strings JSON has none of these characters, so each stands in a string.
  std::string out;
  for (const char c : json.dump(-1, ' ', false, Json::error_handler_t::replace)) {
    switch (c) {
      case '<':
        out += "\\u003c";
        break;
      case '>':
        out += "\\u003e";
        break;
      case '&':
        out += "\\u0026";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string GraphPage(const Json& inspection) {
  const auto text = [](std::span<const uint8_t> bytes) {
    return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  return Concat(text(kPageBeforeData), EmbeddedJson(inspection), text(kPageAfterData));
}

Status WriteGraphPage(const std::string& path, const Json& inspection) {
  const std::string page = GraphPage(inspection);
  return WriteFileAtomically(path, std::as_bytes(std::span(page)));
}

}  // namespace edgeml::cli
