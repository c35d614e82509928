// Which operators this build holds: all of them, or those of the models that EDGEML_OPS_FROM named
// (docs/building.md). Lists of what exists per operator pass through here, so that the linker finds
// no reference to what was left out.
#ifndef EDGEML_IR_SELECTION_H_
#define EDGEML_IR_SELECTION_H_

#include <array>
#include <cstddef>
#include <span>
#include <type_traits>

#include "src/ir/graph.h"

namespace edgeml::ir {

#if defined(EDGEML_SELECTED_OPS)
inline constexpr bool kAllOperators = false;
inline constexpr std::array<bool, kNumOpCodes> kSelected = [] {
  std::array<bool, kNumOpCodes> selected{};
  for (const OpCode op : {
           OpCode::kCustom,
#include EDGEML_SELECTED_OPS
       })
    selected[static_cast<size_t>(op)] = true;
  return selected;
}();
constexpr bool IsSelected(OpCode op) { return kSelected[static_cast<size_t>(op)]; }
#else
inline constexpr bool kAllOperators = true;
constexpr bool IsSelected(OpCode) { return true; }
#endif

namespace internal {

template <const auto& kRows>
constexpr size_t CountSelected() {
  size_t count = 0;
  for (const auto& row : kRows) count += IsSelected(row.op) ? 1 : 0;
  return count;
}

template <const auto& kRows>
inline constexpr auto kKept = [] {
  std::array<std::remove_cvref_t<decltype(kRows[0])>, CountSelected<kRows>()> kept{};
  size_t next = 0;
  for (const auto& row : kRows)
    if (IsSelected(row.op)) kept[next++] = row;
  return kept;
}();

}  // namespace internal

// Those of `kRows` (a constant array of structs with a member `op`) whose operator is selected.
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
