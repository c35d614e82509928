// Which operators this build holds: all of them, or those of the models that EDGEML_OPS_FROM named
// (docs/building.md). Lists of what exists per operator pass through here, so that the linker finds
// no reference to what was left out.
#ifndef EDGEML_IR_SELECTION_H_
#define EDGEML_IR_SELECTION_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <type_traits>
#include <utility>

#include "src/ir/graph.h"

namespace edgeml::ir {

// IsSelected(op, type): whether a tensor of that type occurs together with the operator. A step
// that serves many types asks before it calls a kernel for one.
#if defined(EDGEML_SELECTED_OPS)
inline constexpr bool kAllOperators = false;
// Per operator a bit for each type of its tensors; 0 = not selected.
inline constexpr std::array<uint32_t, kNumOpCodes> kSelected = [] {
  std::array<uint32_t, kNumOpCodes> selected{};
  for (const auto& [op, type] : std::initializer_list<std::pair<OpCode, DType>>{
#include EDGEML_SELECTED_OPS
       })
    selected[static_cast<size_t>(op)] |= uint32_t{1} << static_cast<int>(type);
  return selected;
}();
constexpr bool IsSelected(OpCode op) { return kSelected[static_cast<size_t>(op)] != 0; }
constexpr bool IsSelected(OpCode op, DType type) {
  return (kSelected[static_cast<size_t>(op)] >> static_cast<int>(type)) & 1;
}
#else
inline constexpr bool kAllOperators = true;
constexpr bool IsSelected(OpCode) { return true; }
constexpr bool IsSelected(OpCode, DType) { return true; }
#endif

namespace internal {

template <typename Row>
constexpr bool IsRowSelected(const Row& row) {
  if constexpr (requires { row.types; }) {
    for (const DType type : row.types)
      if (type != DType::kInvalid && !IsSelected(row.op, type)) return false;
  }
  return IsSelected(row.op);
}

template <const auto& kRows>
constexpr size_t CountSelected() {
  size_t count = 0;
  for (const auto& row : kRows) count += IsRowSelected(row) ? 1 : 0;
  return count;
}

template <const auto& kRows>
inline constexpr auto kKept = [] {
  std::array<std::remove_cvref_t<decltype(kRows[0])>, CountSelected<kRows>()> kept{};
  size_t next = 0;
  for (const auto& row : kRows)
    if (IsRowSelected(row)) kept[next++] = row;
  return kept;
}();

}  // namespace internal

// Whether a tensor of that type occurs together with one of the operators.
template <OpCode... kOps>
constexpr bool AnySelected(DType type) {
  return (IsSelected(kOps, type) || ...);
}

// Those of `kRows` (a constant array of structs with a member `op`) whose operator is selected, and
// all of whose `types`, if the structs have them.
template <const auto& kRows>
constexpr std::span<const std::remove_cvref_t<decltype(kRows[0])>> SelectedRows() {
  if constexpr (kAllOperators) {
    return kRows;
  } else {
    return internal::kKept<kRows>;
  }
}

}  // namespace edgeml::ir

#endif  // EDGEML_IR_SELECTION_H_
