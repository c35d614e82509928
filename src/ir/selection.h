// Which operators this build holds: all of them, or those of the models that EDGEML_OPS_FROM named
// (docs/building.md). Lists of what exists per operator pass through here, so that the linker finds
// no reference to what was left out.
#ifndef EDGEML_IR_SELECTION_H_
#define EDGEML_IR_SELECTION_H_

#include <array>
#include <cstddef>
#include <iterator>
#include <span>

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

// Those of `kRows` (a constant array of structs with a member `op`) whose operator is selected.
template <const auto& kRows>
constexpr auto SelectedRows() {
  using Row = std::remove_cvref_t<decltype(kRows[0])>;
  if constexpr (kAllOperators) {
    return std::span<const Row>(kRows);
  } else {
    constexpr size_t kCount = [] {
      size_t count = 0;
      for (const Row& row : kRows) count += IsSelected(row.op) ? 1 : 0;
      return count;
    }();
    if constexpr (kCount == 0) {
      return std::span<const Row>();
    } else {
      static constexpr std::array<Row, kCount> kKept = [] {
        std::array<Row, kCount> kept{};
        size_t next = 0;
        for (const Row& row : kRows)
          if (IsSelected(row.op)) kept[next++] = row;
        return kept;
      }();
      return std::span<const Row>(kKept);
    }
  }
}

}  // namespace edgeml::ir

#endif  // EDGEML_IR_SELECTION_H_
