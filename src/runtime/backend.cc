#include "src/runtime/backend.h"

#include <algorithm>
#include <utility>

namespace edgeml::runtime {

std::string_view NameOf(ErrorBound bound) {
  switch (bound) {
    case ErrorBound::kExact:
      return "exact";
    case ErrorBound::kOneQuantum:
      return "1 quantum";
    case ErrorBound::kFloatRounding:
      return "1e-5 of the largest magnitude";
  }
  return "";
}

ListBackend::ListBackend(std::string name,
                         std::initializer_list<std::span<const KernelEntry>> tables,
                         const char* (*rename)(std::string_view name))
    : name_(std::move(name)), first_(ir::kNumOpCodes + 1) {
  for (const std::span<const KernelEntry> table : tables)
    entries_.insert(entries_.end(), table.begin(), table.end());
  if (rename != nullptr)
    for (KernelEntry& entry : entries_) entry.name = rename(entry.name);
  std::stable_sort(entries_.begin(), entries_.end(),
                   [](const KernelEntry& a, const KernelEntry& b) { return a.op < b.op; });
  uint32_t next = 0;
  for (size_t op = 0; op <= ir::kNumOpCodes; ++op) {
    while (next < entries_.size() && static_cast<size_t>(entries_[next].op) < op) ++next;
    first_[op] = next;
  }
}

std::span<const KernelEntry> ListBackend::KernelsFor(ir::OpCode op) const {
  const auto i = static_cast<size_t>(op);
  return std::span(entries_).subspan(first_[i], first_[i + 1] - first_[i]);
}

}  // namespace edgeml::runtime
