// The parts of a model worth showing, gathered once for text, JSON and the page.
#ifndef EDGEML_CLI_INSPECTION_H_
#define EDGEML_CLI_INSPECTION_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "edgeml/edgeml.h"
#include "src/cli/output.h"

namespace edgeml::cli {

// One graph; with a session when it can run.
struct GraphInspection {
  const Model& model;
  int subgraph = 0;
  std::optional<Session> session;
  Status why_no_session;
  std::vector<NodeInfo> nodes;  // with MACs when there is a session

  // With the settled shape when there is a session.
  TensorInfo Tensor(int index) const {
    return session ? session->tensor_info(index) : model.tensor(index, subgraph);
  }
  struct OpSum {
    int64_t count = 0, macs = 0;
  };
  // In descending order of MACs, then of the count.
  std::vector<std::pair<std::string, OpSum>> OpSums() const;
  int64_t TotalMacs() const;
};

// Whether a tensor holds learned numbers: a constant with a shape, but for index and shape vectors.
bool IsWeight(const TensorInfo& tensor);
int64_t Elements(const TensorInfo& tensor);
int64_t Parameters(const Model& model);
// Those among a node's inputs.
int64_t Parameters(const Model& model, int subgraph, const NodeInfo& node);

// What `inspect --json` prints: the model, its main graph, and under "other_graphs" the others in
// the same form.
Json InspectionJson(const std::string& path, const GraphInspection& main, bool exact);

// Adds to the tensors of an InspectionJson what their constants hold: `statistics` and, of small
// ones, `values`. Large files take a second or so for each GB.
void AddConstants(const Model& model, Json& inspection);

}  // namespace edgeml::cli

#endif  // EDGEML_CLI_INSPECTION_H_
