// Program: a verified module and everything sessions of it share: packed weights and folded
// constants. Thread-safe; the locks are only taken while sessions are being prepared.
#ifndef EDGEML_RUNTIME_PROGRAM_H_
#define EDGEML_RUNTIME_PROGRAM_H_

#include <atomic>
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

// What a session may allocate: tensors of all its graphs, scratch memory, folded constants and
// packed weights together. Each would fit by itself in a file made to exhaust memory. Thread-safe.
class MemoryBudget {
 public:
  explicit MemoryBudget(size_t cap) : cap_(cap) {}
  size_t cap() const { return cap_; }
  // False when less is left.
  bool Take(size_t bytes);
  void Give(size_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }

 private:
  const size_t cap_;
  std::atomic<size_t> used_{0};
};

// Takes `bytes` from the budget until the result is destroyed. kResourceExhausted.
Result<std::shared_ptr<void>> Reserve(std::shared_ptr<MemoryBudget> budget, size_t bytes);

// Memory aligned to 64 bytes and zeroed, or kResourceExhausted. Taken from the budget, if any.
Result<std::shared_ptr<std::byte>> AllocateAligned(size_t bytes,
                                                   std::shared_ptr<MemoryBudget> budget = nullptr);

class Program {
 public:
  // `module` must have passed ir::Verify.
  explicit Program(ir::Module module) : module_(std::move(module)) {}

  const ir::Module& module() const { return module_; }

  // Packed weights by key: made by `fill` the first time, shared while anyone holds them.
  Result<std::shared_ptr<const std::byte>> Packed(const std::string& key, size_t bytes,
                                                  std::shared_ptr<MemoryBudget> budget,
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
