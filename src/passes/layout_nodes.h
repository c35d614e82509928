// Nodes that compute the same in any order of dimensions, and how each is told of a new order.
#ifndef EDGEML_PASSES_LAYOUT_NODES_H_
#define EDGEML_PASSES_LAYOUT_NODES_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "src/ir/rewriter.h"

namespace edgeml::passes {

// Dimension i of a transposed value is dimension permutation[i] of what it is made from.
using Permutation = std::vector<int>;

// The constant permutation of a TRANSPOSE; none for other nodes.
std::optional<Permutation> PermutationOf(const ir::Rewriter& graph, const ir::Node& node);
Permutation Inverse(const Permutation& p);
// Transposing by `first` and then by `second`.
Permutation Composed(const Permutation& first, const Permutation& second);
bool IsIdentity(const Permutation& p);
// Of a shape of p's rank.
Shape Transposed(const Shape& shape, const Permutation& p);

// What becomes of a node's inputs and outputs when all its tensors come in another order.
struct LayoutNode {
  std::vector<size_t> inputs;     // those that are tensors in that order
  std::vector<size_t> constants;  // those that are constants broadcast to it
  bool outputs = true;            // whether the outputs are in that order too
};
// None for nodes that depend on the order; `p`: the tensors that there are now are to be replaced
// by ones that, transposed by `p`, give them.
std::optional<LayoutNode> LayoutOf(const ir::Rewriter& graph, const ir::Node& node,
                                   const Permutation& p);

// Changes axes, paddings and the like of node `n`, and its constants; inputs that are tensors and
// outputs are left to the caller. REQUIRES: LayoutOf(…) has a value, which is `layout`.
void ChangeOrder(ir::Rewriter& graph, int32_t n, const LayoutNode& layout, const Permutation& p);

}  // namespace edgeml::passes

#endif  // EDGEML_PASSES_LAYOUT_NODES_H_
