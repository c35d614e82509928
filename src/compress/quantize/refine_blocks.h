// Rounding that is learned for blocks of layers together, on what the quantized network gives them.
#ifndef EDGEML_COMPRESS_QUANTIZE_REFINE_BLOCKS_H_
#define EDGEML_COMPRESS_QUANTIZE_REFINE_BLOCKS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "edgeml/status.h"
#include "src/compress/quantize/reconstruction.h"
#include "src/compress/quantize/refine.h"

namespace edgeml::quantize {

struct BlockRefineOptions {
  RefineOptions refine;    // of the layers one by one, before
  size_t most_layers = 8;  // that are joined into a block
  int64_t samples = 1024;  // most that blocks are learned on, evenly spread
  // Of activations: as many samples are taken as a block's inputs and outputs fit in, and as many
  // at a time as its inner values fit in. Bytes.
  size_t memory = size_t{256} << 20;
  // `trained`, `cancel` and `progress` do not count.
  ReconstructionOptions reconstruction;
};

// What Refine() does, and then block after block (CutBlocks) as ReconstructBlock says, starting
// from that; inputs are those that the quantized network gives with everything in front rounded,
// and one in five samples is held out, so that a block only changes if that helps there. Each
// layer's `note` says what became of its block; blocks that cannot be learned, as by operators
// without gradient, stay as they are and say why. `progress` counts parts of the whole work.
// Errors: of Refine; kCancelled.
Result<std::vector<RefinedLayer>> RefineBlocks(const ir::Module& module, const Ranges& ranges,
                                               const SampleSource& samples,
                                               const BlockRefineOptions& how,
                                               const runtime::Backends& backends,
                                               const Progress& progress, QuantizeOptions& options);

}  // namespace edgeml::quantize

#endif  // EDGEML_COMPRESS_QUANTIZE_REFINE_BLOCKS_H_
