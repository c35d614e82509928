#include "src/runtime/program.h"

#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>

#include "src/base/strings.h"

namespace edgeml::runtime {

bool MemoryBudget::Take(size_t bytes) {
  size_t used = used_.load(std::memory_order_relaxed);
  do {
    if (used > cap_ || bytes > cap_ - used) return false;
  } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
  return true;
}

Result<std::shared_ptr<void>> Reserve(std::shared_ptr<MemoryBudget> budget, size_t bytes) {
  if (!budget->Take(bytes))
    return Error(Code::kResourceExhausted, "another ", HumanBytes(bytes),
                 " would go over the memory cap of ", HumanBytes(budget->cap()));
  MemoryBudget* const taken = budget.get();
  return std::shared_ptr<void>(taken,
                               [bytes, budget = std::move(budget)](void*) { budget->Give(bytes); });
}

Result<std::shared_ptr<std::byte>> AllocateAligned(size_t bytes,
                                                   std::shared_ptr<MemoryBudget> budget) {
  std::shared_ptr<void> reserved;
  if (budget != nullptr) {
    EDGEML_ASSIGN_OR_RETURN(reserved, Reserve(std::move(budget), bytes));
  }
  constexpr size_t kAlignment = 64;
  if (bytes > std::numeric_limits<size_t>::max() - kAlignment)
    return Error(Code::kResourceExhausted, "cannot allocate ", HumanBytes(bytes));
  const size_t rounded = (bytes / kAlignment + 1) * kAlignment;
  void* memory = std::aligned_alloc(kAlignment, rounded);
  if (memory == nullptr)
    return Error(Code::kResourceExhausted, "cannot allocate ", HumanBytes(bytes));
  std::memset(memory, 0, rounded);
  return std::shared_ptr<std::byte>(
      static_cast<std::byte*>(memory),
      [reserved = std::move(reserved)](std::byte* p) { std::free(p); });
}

Result<std::shared_ptr<const std::byte>> Program::Packed(const std::string& key, size_t bytes,
                                                         std::shared_ptr<MemoryBudget> budget,
                                                         FunctionRef<void(std::byte*)> fill) const {
  std::lock_guard lock(mutex_);
  Entry& entry = packed_[key];
  if (auto held = entry.data.lock(); held != nullptr && entry.bytes == bytes) return held;
  EDGEML_ASSIGN_OR_RETURN(std::shared_ptr<std::byte> memory,
                          AllocateAligned(bytes, std::move(budget)));
  fill(memory.get());
  entry.data = memory;
  entry.bytes = bytes;
  return std::shared_ptr<const std::byte>(std::move(memory));
}

Result<ir::ConstantData> Program::Folded(int graph, int value,
                                         FunctionRef<Result<ir::ConstantData>()> make) const {
  {
    std::lock_guard lock(mutex_);
    const auto found = folded_.find({graph, value});
    if (found != folded_.end()) return found->second;
  }
  // Made without the lock: making may pack weights. Two sessions may do it twice; the first stays.
  EDGEML_ASSIGN_OR_RETURN(ir::ConstantData data, make());
  std::lock_guard lock(mutex_);
  return folded_.emplace(std::pair{graph, value}, std::move(data)).first->second;
}

size_t Program::packed_bytes() const {
  std::lock_guard lock(mutex_);
  size_t total = 0;
  for (const auto& [key, entry] : packed_)
    if (!entry.data.expired()) total += entry.bytes;
  for (const auto& [key, data] : folded_) total += data.bytes.size();
  return total;
}

}  // namespace edgeml::runtime
