// Decides which tensors of a graph share memory, then plans the arena.
//
// Tensors that share memory form a group: one block of the arena, with each tensor at an offset in
// it. A step's wish to work in place, to alias, or to have its parts placed in its whole joins
// groups when nobody else needs the bytes that would be overwritten, and when it does not raise the
// bound of the memory needed.
#ifndef EDGEML_RUNTIME_MEMORY_LAYOUT_H_
#define EDGEML_RUNTIME_MEMORY_LAYOUT_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "edgeml/status.h"

namespace edgeml::runtime {

struct LayoutTensor {
  size_t bytes = 0;
  int32_t first = 0, last = 0;  // node positions
  bool planned = false;         // false: its memory is elsewhere, it joins no group
  bool is_graph_input = false, is_graph_output = false;
};

struct SharingWish {
  enum class Kind : uint8_t {
    kInPlace,        // the step overwrites `input` with `output`
    kAlias,          // the same bytes
    kInputInOutput,  // input = output[offset, …)
    kOutputInInput   // output = input[offset, …)
  };
  Kind kind;
  int32_t node = 0;
  int32_t input = 0, output = 0;  // value indices
  size_t offset = 0;
};

struct LayoutRequest {
  std::vector<LayoutTensor> tensors;  // by value index
  std::vector<SharingWish> wishes;    // in node order
  // The inputs of each node: a node that reads two tensors of one group must not overwrite it.
  std::vector<std::vector<int32_t>> node_inputs;
  struct Scratch {
    int32_t node;
    size_t bytes;
  };
  std::vector<Scratch> scratch;
};

struct Layout {
  std::vector<size_t> tensor_offset;   // by value index; valid where planned
  std::vector<bool> shares;            // by value index: joined with another tensor
  std::vector<size_t> scratch_offset;  // by request order
  size_t arena_bytes = 0;
  size_t lower_bound_bytes = 0;  // without sharing
};

// kResourceExhausted when sizes overflow.
Result<Layout> PlanLayout(const LayoutRequest& request);

}  // namespace edgeml::runtime

#endif  // EDGEML_RUNTIME_MEMORY_LAYOUT_H_
