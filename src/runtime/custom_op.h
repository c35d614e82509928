// How the runtime gets at custom operators: the program hands in a CustomOps, which makes the step
// of a node. Such a step brings its own shape rule along, since ir/ knows none.
#ifndef EDGEML_RUNTIME_CUSTOM_OP_H_
#define EDGEML_RUNTIME_CUSTOM_OP_H_

#include <cstddef>
#include <memory>

#include "src/runtime/backend.h"

namespace edgeml::runtime {

// Memory that the custom steps of a session keep, against its cap.
struct StateBudget {
  size_t cap = 0, used = 0;
};

class CustomStep : public Step {
 public:
  // The shape rule. Every input shape is known; `data` of what is not constant must not be read.
  // Called before Prepare, and before every run of a node whose shapes only running tells.
  virtual Status Infer(ir::InferContext& context) = 0;
  // What earlier calls of Infer found may not hold any more, even for equal shapes.
  virtual void Forget() = 0;
  // State from run to run starts anew. No effect before Infer.
  virtual void Reset() = 0;
};

class CustomOps {
 public:
  virtual ~CustomOps() = default;
  // The step of a custom node, kUnsupported when there is none. `budget` outlives it.
  virtual Result<std::unique_ptr<CustomStep>> Make(const ir::Node& node,
                                                   StateBudget& budget) const = 0;
};

}  // namespace edgeml::runtime

#endif  // EDGEML_RUNTIME_CUSTOM_OP_H_
