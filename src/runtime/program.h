// Program: a verified module and everything sessions of it share: packed weights and folded
// constants. Thread-safe; the locks are only taken while sessions are being prepared.
#ifndef EDGEML_RUNTIME_PROGRAM_H_
#define EDGEML_RUNTIME_PROGRAM_H_

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "edgeml/status.h"
#include "src/base/function_ref.h"
#include "src/ir/graph.h"

namespace edgeml::runtime {

// Memory aligned to 64 bytes and zeroed, or kResourceExhausted.
Result<std::shared_ptr<std::byte>> AllocateAligned(size_t bytes);

class Program {
 public:
  // `module` must have passed ir::Verify.
  explicit Program(ir::Module module) : module_(std::move(module)) {}

  const ir::Module& module() const { return module_; }

  // Packed weights by key: made by `fill` the first time, shared while anyone holds them.
  Result<std::shared_ptr<const std::byte>> Packed(const std::string& key, size_t bytes,
                                                  FunctionRef<void(std::byte*)> fill) const;

  // A value of graph `graph` that depends on constants only, made by `make` the first time.
  Result<ir::ConstantData> Folded(int graph, int value,
                                  FunctionRef<Result<ir::ConstantData>()> make) const;

  // Bytes now held by packed weights and folded constants.
  size_t packed_bytes() const;

 private:
  struct Entry {
    std::weak_ptr<const std::byte> data;
    size_t bytes = 0;
  };
  ir::Module module_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, Entry> packed_;
  mutable std::map<std::pair<int, int>, ir::ConstantData> folded_;
};

}  // namespace edgeml::runtime

#endif  // EDGEML_RUNTIME_PROGRAM_H_
