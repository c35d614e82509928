// SavedModels and frozen graphs of TensorFlow into the graph.
#ifndef EDGEML_FORMATS_SAVEDMODEL_READER_H_
#define EDGEML_FORMATS_SAVEDMODEL_READER_H_

#include <memory>
#include <string>
#include <vector>

#include "edgeml/status.h"
#include "src/base/mapped_file.h"
#include "src/formats/savedmodel/graph_reader.h"
#include "src/formats/savedmodel/lower.h"
#include "src/ir/evaluator.h"
#include "src/ir/graph.h"

namespace edgeml::savedmodel {

struct ReadOptions {
  GraphOptions graph;
  LowerOptions lower;
};

// A SavedModel folder, or its saved_model.pb. Errors are those of ReadSavedModelGraph() and
// Lower(); they start with the path. With `mapped`, hands out the files that constants point into.
Result<ir::Module> ReadSavedModel(const std::string& path, const ReadOptions& options,
                                  ir::Evaluator* evaluator,
                                  std::vector<std::shared_ptr<const MappedFile>>* mapped = nullptr);

// A frozen graph: a .pb file that holds a GraphDef.
Result<ir::Module> ReadGraphDef(const std::string& path, const ReadOptions& options,
                                ir::Evaluator* evaluator);

}  // namespace edgeml::savedmodel

#endif  // EDGEML_FORMATS_SAVEDMODEL_READER_H_
