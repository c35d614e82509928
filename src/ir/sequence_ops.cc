#include "src/ir/sequence_ops.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "src/base/strings.h"

namespace edgeml::ir {
namespace {

// A state of [batch of x, units].
int32_t AddState(Emitter& e, int32_t x, int32_t units, std::string name) {
  if (!e.ok()) return kNoValue;
  const int32_t batch = e.shape(x)[0];
  if (batch == kUnknownDim) {
    e.Fail(
        Error(Code::kUnsupported, "its state needs a batch of known size; convert with --batch 1"));
    return kNoValue;
  }
  if (int64_t{batch} * units > INT32_MAX) {
    e.Fail(Error(Code::kInvalidModel, "a batch of ", batch, " for ", units, " units"));
    return kNoValue;
  }
  return e.builder().AddVariable(std::move(name), DType::kFloat32, {batch, units});
}

}  // namespace

int32_t SequenceLstm(Emitter& e, int32_t x, const LstmWeights& weights, const std::string& name) {
  if (!e.ok()) return kNoValue;
  // The format's places of the weights and of the states.
  constexpr size_t kInput = 1, kRecurrent = 5, kBias = 12, kOutputState = 18, kCellState = 19;
  std::vector<int32_t> inputs(24, kNoValue);
  inputs[0] = x;
  std::ranges::copy(weights.input, inputs.begin() + kInput);
  std::ranges::copy(weights.recurrent, inputs.begin() + kRecurrent);
  std::ranges::copy(weights.bias, inputs.begin() + kBias);
  const int32_t units = e.shape(weights.bias[0])[0];
  inputs[kOutputState] = AddState(e, x, units, Concat(name, "/output_state"));
  inputs[kCellState] = AddState(e, x, units, Concat(name, "/cell_state"));
  return e.Op(OpCode::kUnidirectionalSequenceLstm, std::move(inputs), LstmAttrs{});
}

int32_t SequenceRnn(Emitter& e, int32_t x, int32_t kernel, int32_t recurrent_kernel, int32_t bias,
                    Activation activation, const std::string& name) {
  if (!e.ok()) return kNoValue;
  RnnAttrs attributes;
  attributes.activation = activation;
  const int32_t state = AddState(e, x, e.shape(bias)[0], Concat(name, "/state"));
  return e.Op(OpCode::kUnidirectionalSequenceRnn, {x, kernel, recurrent_kernel, bias, state},
              attributes);
}

int32_t LastStep(Emitter& e, int32_t x) {
  if (!e.ok()) return kNoValue;
  const auto rank = static_cast<size_t>(e.rank(x));
  std::vector<int32_t> begin(rank, 0), end(rank, 0), step(rank, 1);
  begin[1] = -1;
  StridedSliceAttrs attributes;
  attributes.begin_mask = attributes.end_mask = ((1 << rank) - 1) & ~2;
  attributes.shrink_axis_mask = 2;
  return e.Op(OpCode::kStridedSlice, {x, e.Ints(begin), e.Ints(end), e.Ints(step)}, attributes);
}

}  // namespace edgeml::ir
