// What a Model holds.
#ifndef EDGEML_API_MODEL_IMPL_H_
#define EDGEML_API_MODEL_IMPL_H_

#include <memory>
#include <vector>

#include "edgeml/edgeml.h"
#include "src/base/mapped_file.h"
#include "src/runtime/program.h"

namespace edgeml {

struct ModelImpl {
  explicit ModelImpl(ir::Module module)
      : program(std::make_shared<runtime::Program>(std::move(module))) {}

  std::shared_ptr<const runtime::Program> program;
  std::vector<SignatureInfo> signatures;
  ModelMetadata metadata;
  size_t file_bytes = 0;
  std::shared_ptr<const MappedFile> file;  // null when the model came from memory

  // kFailed once the mapped file has changed under us: its pages must not be touched any more.
  Status CheckIntact() const;

  const ir::Module& module() const { return program->module(); }
};

TensorInfo DescribeTensor(const ir::Graph& graph, int index);
std::vector<NodeInfo> DescribeNodes(const ir::Graph& graph);

}  // namespace edgeml

#endif  // EDGEML_API_MODEL_IMPL_H_
