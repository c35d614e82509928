// A graph in blocks: pieces with a few layers of weights each, between places that one value alone
// crosses, and each piece as a graph of its own.
#ifndef EDGEML_COMPRESS_QUANTIZE_BLOCKS_H_
#define EDGEML_COMPRESS_QUANTIZE_BLOCKS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "edgeml/status.h"
#include "src/compress/quantize/integer_plan.h"
#include "src/ir/graph.h"

namespace edgeml::quantize {

struct Block {
  size_t first = 0, last = 0;  // its nodes, [first, last)
  // Values that go in, and those that go out: to later nodes, or as outputs of the model.
  std::vector<int32_t> inputs, outputs;
  std::vector<int32_t> layers;  // nodes among `layers` of CutBlocks
};

// The graph's nodes up to the last of `layers` (ascending), in blocks that follow each other. Cuts
// are where exactly one activation goes over, of float32. A block with layers ends where the next
// one's first layer begins; it has at least two layers if `most` and the cuts allow, else one, or
// as many as stand between two cuts. What comes before the first layer is a block without layers.
// REQUIRES: the graph passed Verify; most >= 1.
std::vector<Block> CutBlocks(const ir::Graph& graph, std::span<const int32_t> layers, size_t most);

// The part of the main graph that computes `outputs` from `inputs`, as a module with these as its
// inputs and outputs; other graphs stay. Values keep their indices. kInvalidArgument when the
// outputs need other inputs too.
Result<ir::Module> ModuleBetween(const ir::Module& module, std::span<const int32_t> inputs,
                                 std::span<const int32_t> outputs);

// A block as a float graph in which FAKE_QUANT stands for the activations that `plan` quantizes,
// but for the block's outputs, for training and for batches of any size.
struct SimulatedBlock {
  struct Layer {
    int32_t node = 0;
    int32_t weights = 0, bias = 0;  // constants of this layer alone; bias may be ir::kNoValue
  };
  ir::Graph graph;  // values of the whole graph keep their indices
  std::vector<Layer> layers;
};
// Errors: those of Verify.
Result<SimulatedBlock> SimulateBlock(const ir::Graph& graph, const Block& block,
                                     const IntegerPlan& plan);

}  // namespace edgeml::quantize

#endif  // EDGEML_COMPRESS_QUANTIZE_BLOCKS_H_
