// Running cells over time: as one operator, step after step, or as a loop.
#ifndef EDGEML_FORMATS_KERAS_LAYERS_RECURRENT_LOOP_H_
#define EDGEML_FORMATS_KERAS_LAYERS_RECURRENT_LOOP_H_

#include <cstdint>
#include <vector>

#include "src/formats/keras/layers/recurrent_cells.h"

namespace edgeml::keras {

struct Recurrence {
  std::vector<Cell> cells;  // each on the outputs of the one before
  bool sequences = false;   // the outputs of all steps are wanted
  bool states = false;      // the states after the last step are wanted
  bool backwards = false;
  // Backwards: the outputs of all steps stand in the order of the input, not of the steps.
  bool in_input_order = false;
  bool zero_masked = false;      // the output of a masked step is zero, not that of the step before
  bool stateful = false;         // the states go on from run to run
  int32_t mask = ir::kNoValue;   // [batch, time], true where a step counts
  std::vector<int32_t> initial;  // the states of all cells before the first step; empty: zeros
};

struct RecurrenceResult {
  int32_t output = ir::kNoValue;  // of the last step, or of all when `sequences`
  std::vector<int32_t> states;    // of all cells, when `states`
};

// Runs over `x` [batch, time, …]. Errors stick to c.e.
RecurrenceResult Run(LayerContext& c, const Recurrence& r, int32_t x);

}  // namespace edgeml::keras

#endif  // EDGEML_FORMATS_KERAS_LAYERS_RECURRENT_LOOP_H_
