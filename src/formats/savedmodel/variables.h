// The values of a SavedModel's variables.
#ifndef EDGEML_FORMATS_SAVEDMODEL_VARIABLES_H_
#define EDGEML_FORMATS_SAVEDMODEL_VARIABLES_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "edgeml/status.h"
#include "src/formats/savedmodel/bundle.h"
#include "src/formats/savedmodel/inliner.h"

namespace edgeml::savedmodel {

// Knows under which keys of the bundle the variables of a graph are. What says so, in this order:
// the graph's own operators that restore them; a key that is the variable's name; the object graph
// that the bundle holds. Nothing is opened before a variable is asked for.
class Variables {
 public:
  using Opener = std::function<Result<std::unique_ptr<Bundle>>()>;

  // `restore_op` is the node that restores all variables of `graph`; may be empty.
  Variables(const pb::GraphDef& graph, std::shared_ptr<const void> messages, std::string restore_op,
            Opener open)
      : graph_(graph),
        messages_(std::move(messages)),
        restore_op_(std::move(restore_op)),
        open_(std::move(open)) {}

  // Errors: those of Bundle, and kInvalidModel for a variable that is not in the bundle.
  Result<Constant> Load(const Variable& variable);
  // Null before the first Load.
  const Bundle* bundle() const { return bundle_.get(); }

 private:
  Status Prepare();
  Result<Restored> Find(const Variable& variable);
  void ReadObjectGraph();

  const pb::GraphDef& graph_;
  std::shared_ptr<const void> messages_;
  std::string restore_op_;
  Opener open_;
  std::unique_ptr<Bundle> bundle_;
  std::map<std::string, Restored> restored_;             // by Variable::node
  bool has_object_graph_ = false;                        // it was read, if there is one
  std::map<std::string, std::string> key_by_full_name_;  // of the object graph
};

}  // namespace edgeml::savedmodel

#endif  // EDGEML_FORMATS_SAVEDMODEL_VARIABLES_H_
