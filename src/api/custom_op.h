// Custom operators of the public interface as the runtime takes them.
#ifndef EDGEML_API_CUSTOM_OP_H_
#define EDGEML_API_CUSTOM_OP_H_

#include <memory>
#include <utility>

#include "edgeml/custom_op.h"
#include "src/runtime/custom_op.h"

namespace edgeml {

class RegisteredOps : public runtime::CustomOps {
 public:
  // `registry` may be null: no operator is registered.
  explicit RegisteredOps(std::shared_ptr<const CustomOpRegistry> registry)
      : registry_(std::move(registry)) {}

  Result<std::unique_ptr<runtime::CustomStep>> Make(const ir::Node& node,
                                                    runtime::StateBudget& budget) const override;

 private:
  std::shared_ptr<const CustomOpRegistry> registry_;
};

// Whether a node is a custom one that `registry`, which may be null, has a kernel for.
bool IsRegistered(const ir::Node& node, const CustomOpRegistry* registry);

}  // namespace edgeml

#endif  // EDGEML_API_CUSTOM_OP_H_
