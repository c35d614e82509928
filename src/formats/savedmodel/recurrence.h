// Loops that are a recurrent layer, as Keras 2 and 3 write them: one step of an LSTM or of a simple
// recurrent cell in the body.
#ifndef EDGEML_FORMATS_SAVEDMODEL_RECURRENCE_H_
#define EDGEML_FORMATS_SAVEDMODEL_RECURRENCE_H_

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "src/formats/savedmodel/tf_graph.h"

namespace edgeml::savedmodel {

struct Recurrence {
  // What becomes of an input of the loop, round after round.
  enum class Role : uint8_t {
    kSame,     // nothing
    kCounter,  // one more
    kHidden,   // the state that is the layer's output
    kCell,     // the other state of an LSTM
    kOutputs,  // the list that the outputs are written to: one place, or one for each step
    kUnknown,
  };
  std::vector<Role> roles;  // of each input
  int32_t inputs = -1;      // the input that is the list of what each step gets
  int32_t step = -1;        // the counter that picks from it
  bool last_only = false;   // kOutputs: every step writes to place 0
  int32_t write_step = -1;  // kOutputs: the counter that tells the place, unless last_only

  bool is_lstm = false;
  std::string_view activation;  // of a simple cell: "Tanh", "Relu", "Relu6", "" for none
  // Nodes of the body that are constants: [in, gates * units], [units, gates * units] and
  // [gates * units]. The gates are input, forget, cell, output. bias: -1 for none.
  const Constant* kernel = nullptr;
  const Constant* recurrent_kernel = nullptr;
  const Constant* bias = nullptr;
  int32_t units = 0;
};

// The layer that the loop's body is a step of; none for other bodies.
std::optional<Recurrence> MatchStep(const Graph& body);

// What bounds the rounds: the loop goes on while counter `counter` is below `limit`, or below what
// input `limit_input` holds.
struct LoopLimit {
  int32_t counter = -1, limit_input = -1;
  int64_t limit = 0;
};
// The limits of a condition that is nothing but limits; none for others.
std::optional<std::vector<LoopLimit>> MatchLimits(const Graph& condition);

}  // namespace edgeml::savedmodel

#endif  // EDGEML_FORMATS_SAVEDMODEL_RECURRENCE_H_
