// The graph of a model as a self-contained page.
#ifndef EDGEML_CLI_INSPECT_HTML_H_
#define EDGEML_CLI_INSPECT_HTML_H_

#include <string>
#include <vector>

#include "edgeml/edgeml.h"

namespace edgeml::cli {

// Writes a page with the main graph as a drawing: nodes in layers from inputs to outputs, edges
// with shapes, details on hover. `session`, when there is one, knows the settled shapes. kFailed.
Status WriteGraphPage(const std::string& path, const std::string& title, const Model& model,
                      const Session* session, const std::vector<NodeInfo>& nodes);

}  // namespace edgeml::cli

#endif  // EDGEML_CLI_INSPECT_HTML_H_
