// What a Model holds.
#ifndef EDGEML_API_MODEL_IMPL_H_
#define EDGEML_API_MODEL_IMPL_H_

#include <memory>
#include <vector>

#include "edgeml/edgeml.h"
#include "src/runtime/program.h"

namespace edgeml {

struct ModelImpl {
  explicit ModelImpl(ir::Module module)
      : program(std::make_shared<runtime::Program>(std::move(module))) {}

  std::shared_ptr<const runtime::Program> program;
  std::vector<SignatureInfo> signatures;
  ModelMetadata metadata;
  size_t file_bytes = 0;

  const ir::Module& module() const { return program->module(); }
};

TensorInfo DescribeTensor(const ir::Graph& graph, int index);
std::vector<NodeInfo> DescribeNodes(const ir::Graph& graph);

}  // namespace edgeml

#endif  // EDGEML_API_MODEL_IMPL_H_
