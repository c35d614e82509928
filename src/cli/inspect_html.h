// A model as a page for the browser that needs nothing else.
#ifndef EDGEML_CLI_INSPECT_HTML_H_
#define EDGEML_CLI_INSPECT_HTML_H_

#include <string>

#include "edgeml/status.h"
#include "src/cli/output.h"

namespace edgeml::cli {

// Text that a script element of type application/json can hold: no markup in it begins or ends
// anything, and JSON.parse gives `json` back.
std::string EmbeddedJson(const Json& json);

// The page of src/cli/page with `inspection` as its data: an InspectionJson.
std::string GraphPage(const Json& inspection);

// Writes that page; it appears by rename. kFailed.
Status WriteGraphPage(const std::string& path, const Json& inspection);

}  // namespace edgeml::cli

#endif  // EDGEML_CLI_INSPECT_HTML_H_
