// Files of class names.
#ifndef EDGEML_DATA_LABELS_H_
#define EDGEML_DATA_LABELS_H_

#include <string>
#include <string_view>
#include <vector>

#include "edgeml/status.h"

namespace edgeml::data {

// One name per line, UTF-8; line ends LF or CRLF; empty lines at the end are dropped, others count.
std::vector<std::string> ParseLabels(std::string_view text);

// Errors: those of ReadFile; kInvalidModel for a file without any name or not of text.
Result<std::vector<std::string>> ReadLabels(const std::string& path);

}  // namespace edgeml::data

#endif  // EDGEML_DATA_LABELS_H_
