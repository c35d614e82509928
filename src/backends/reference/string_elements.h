// Strings for steps that only move elements: such a step sees a string as one wide element, a
// std::string_view, and needs no second kernel.
#ifndef EDGEML_BACKENDS_REFERENCE_STRING_ELEMENTS_H_
#define EDGEML_BACKENDS_REFERENCE_STRING_ELEMENTS_H_

#include <memory>
#include <string>
#include <string_view>

#include "src/runtime/backend.h"

namespace edgeml::backends {

// A type of the width of a string_view; no kernel looks at what it means.
inline constexpr DType kStringElement =
    sizeof(std::string_view) == 16 ? DType::kComplex128 : DType::kComplex64;
static_assert(sizeof(std::string_view) == 16 || sizeof(std::string_view) == 8);

// `decline` of the node with its strings as such elements.
std::string DeclineStringElements(const runtime::NodeView& view,
                                  std::string (*decline)(const runtime::NodeView& view));
// `step` on strings as elements. Run allocates.
std::unique_ptr<runtime::Step> OnStringElements(std::unique_ptr<runtime::Step> step);

// For the kernel list, with takes_strings:
//   {OpCode::kTile, "tile.string.reference", kExact, DeclineStrings<DeclineTile>,
//    MakeStringStep<TileStep>, true}
template <std::string (*decline)(const runtime::NodeView& view)>
std::string DeclineStrings(const runtime::NodeView& view) {
  return DeclineStringElements(view, decline);
}
template <typename S>
std::unique_ptr<runtime::Step> MakeStringStep() {
  return OnStringElements(std::make_unique<S>());
}

}  // namespace edgeml::backends

#endif  // EDGEML_BACKENDS_REFERENCE_STRING_ELEMENTS_H_
