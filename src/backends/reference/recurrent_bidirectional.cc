// BIDIRECTIONAL_SEQUENCE_LSTM and BIDIRECTIONAL_SEQUENCE_RNN: two cells over the same sequence, one
// from its first element to its last and one back.
#include <algorithm>

#include "src/backends/kernel_table.h"
#include "src/backends/reference/recurrent.h"
#include "src/base/strings.h"

namespace edgeml::backends {
namespace {

using runtime::NodeView;
using runtime::PrepareContext;
using runtime::RunContext;
using runtime::Step;

kernels::SequenceShape SequenceOf(const Shape& input, bool time_major, bool backward) {
  kernels::SequenceShape sequence;
  sequence.time_major = time_major;
  sequence.backward = backward;
  sequence.batch = input[time_major ? 1 : 0];
  sequence.time = input[time_major ? 0 : 1];
  return sequence;
}

// Where the backward cell writes: behind the forward one's outputs when they are merged.
float* BackwardOutput(RunContext& context, bool merge, int64_t forward_outputs) {
  return merge ? context.output(0).as_mutable<float>() + forward_outputs
               : context.output(1).as_mutable<float>();
}

class BidirectionalLstmStep : public Step {
 public:
  // Inputs by position. The backward cell's weights stand kBackward after the forward one's.
  static constexpr size_t kBackward = 17, kStates = 35, kAux = 39, kAuxWeights = 40;
  static LstmLayout LayoutOf(const NodeView& view, size_t direction) {
    LstmLayout layout;
    layout.base = direction * kBackward;
    if (view.has_input(kAuxWeights + 1)) layout.aux = kAuxWeights + 4 * direction;
    return layout;
  }

  Status Prepare(PrepareContext& context) override {
    const NodeView& view = context.view();
    const auto& attrs = view.attrs<ir::BidirectionalLstmAttrs>();
    merge_ = attrs.merge_outputs;
    weighted_ = view.has_input(kAuxWeights + 1);
    uint64_t scratch = 0;
    for (size_t direction = 0; direction < 2; ++direction) {
      cells_[direction].Prepare(view, LayoutOf(view, direction));
      kernels::LstmCell& cell = cells_[direction].cell();
      cell.sequence = SequenceOf(view.inputs[0].shape, attrs.time_major, direction == 1);
      cell.output_stride = view.outputs[merge_ ? 0 : direction].shape.back();
      cell.activation = CellActivationOf(attrs.activation);
      cell.cell_clip = attrs.cell_clip;
      cell.projection_clip = attrs.proj_clip;
      cell.asymmetric = attrs.asymmetric_quantize_inputs;
      scratch = std::max(scratch, kernels::LstmScratchBytes(cell));
    }
    scratch_ = context.RequestWorkspace(scratch);
    return Status::Ok();
  }

  Status Run(RunContext& context) override {
    const float* input = context.input(0).as<float>();
    const float* aux = context.input(kAux).present() ? context.input(kAux).as<float>() : nullptr;
    for (size_t direction = 0; direction < 2; ++direction) {
      cells_[direction].Refresh(context);
      float* output = direction == 0 ? context.output(0).as_mutable<float>()
                                     : BackwardOutput(context, merge_, cells_[0].cell().outputs);
      kernels::RunLstm(
          cells_[direction].cell(), direction == 1 && aux != nullptr && !weighted_ ? aux : input,
          weighted_ ? aux : nullptr, context.input(kStates + 2 * direction).as_mutable<float>(),
          context.input(kStates + 2 * direction + 1).as_mutable<float>(),
          context.workspace(scratch_), output);
      if (context.cancelled()) return Error(Code::kCancelled, "stopped on request");
    }
    return Status::Ok();
  }

 private:
  std::array<LstmWeights, 2> cells_;
  bool merge_ = false, weighted_ = false;
  int scratch_ = 0;
};

std::string DeclineOutputs(const NodeView& view) {
  for (const TensorView& output : view.outputs)
    if (output.type != DType::kFloat32) return Concat("an output is ", NameOf(output.type));
  return {};
}

std::string DeclineBidirectionalLstm(const NodeView& view) {
  using S = BidirectionalLstmStep;
  std::string reason = DeclineOutputs(view);
  const DType weights = view.inputs[LstmLayout::kInputWeights + 3].type;
  for (size_t direction = 0; direction < 2 && reason.empty(); ++direction) {
    const LstmLayout layout = S::LayoutOf(view, direction);
    reason = DeclineLstmWeights(view, layout);
    if (reason.empty() && view.inputs[layout.base + LstmLayout::kInputWeights + 3].type != weights)
      reason = "the two directions have weights of two types";
  }
  for (size_t i = S::kStates; i < S::kAux && reason.empty(); ++i)
    reason = DeclineFloatState(view, i);
  if (reason.empty() && view.has_input(S::kAux) && view.inputs[S::kAux].type != DType::kFloat32)
    reason = Concat("the auxiliary input is ", NameOf(view.inputs[S::kAux].type));
  return reason;
}

// LiteRT's kernel has three quirks, which its outputs show and which are repeated here:
//   - A backward cell that shall read the auxiliary input reads the first one when the sequence is
//     batch-major.
//   - Rows of the auxiliary input are looked up with the first input's width in part: in its hybrid
//     form and, time-major, in its float form too. Where the first input is the wider one, that
//     reads past the end; then the rows are looked up with their own width.
//   - Its hybrid form runs a time-major sequence as often as it has elements in time, each time
//   with
//     the states of the one before.
class BidirectionalRnnStep : public Step {
 public:
  static constexpr size_t kAux = 9, kAuxWeights = 10;
  static constexpr size_t kWeights(size_t direction) { return 1 + 4 * direction; }

  Status Prepare(PrepareContext& context) override {
    const NodeView& view = context.view();
    const auto& attrs = view.attrs<ir::BidirectionalRnnAttrs>();
    const Shape& input = view.inputs[0].shape;
    merge_ = attrs.merge_outputs;
    weighted_ = view.has_input(kAuxWeights);
    const bool hybrid = view.inputs[1].type != DType::kFloat32;
    reads_aux_ = view.has_input(kAux) && !weighted_ && attrs.time_major;
    passes_ = hybrid && attrs.time_major ? input[0] : 1;
    uint64_t scratch = 0;
    for (size_t direction = 0; direction < 2; ++direction) {
      kernels::RnnCell& cell = cells_[direction];
      const size_t at = kWeights(direction);
      cell = {};
      cell.sequence = SequenceOf(input, attrs.time_major, direction == 1);
      cell.inputs = input[2];
      cell.units = view.inputs[at].dim(0);
      cell.output_stride = view.outputs[merge_ ? 0 : direction].shape.back();
      cell.input = MatrixOf(view.inputs[at], sums_[3 * direction]);
      cell.recurrent = MatrixOf(view.inputs[at + 1], sums_[3 * direction + 1]);
      if (weighted_) {
        cell.aux_inputs = view.inputs[kAux].dim(2);
        cell.aux = MatrixOf(view.inputs[kAuxWeights + direction], sums_[3 * direction + 2]);
        const int64_t width = cell.aux_inputs > cell.inputs ? cell.inputs : cell.aux_inputs;
        if (attrs.time_major) {
          cell.aux_time_stride = width * cell.sequence.batch;
          cell.aux_batch_stride = cell.aux_inputs;
        } else {
          cell.aux_time_stride = hybrid ? width : cell.aux_inputs;
          cell.aux_batch_stride = cell.aux_time_stride * cell.sequence.time;
        }
      }
      cell.activation = CellActivationOf(attrs.activation);
      cell.asymmetric = attrs.asymmetric_quantize_inputs;
      scratch = std::max(scratch, kernels::RnnScratchBytes(cell));
    }
    scratch_ = context.RequestWorkspace(scratch);
    return Status::Ok();
  }

  Status Run(RunContext& context) override {
    const float* input = context.input(0).as<float>();
    const float* aux = context.input(kAux).present() ? context.input(kAux).as<float>() : nullptr;
    for (size_t direction = 0; direction < 2; ++direction) {
      kernels::RnnCell& cell = cells_[direction];
      const size_t at = kWeights(direction);
      RefreshMatrix(context.input(at), cell.input);
      RefreshMatrix(context.input(at + 1), cell.recurrent);
      RefreshMatrix(context.input(kAuxWeights + direction), cell.aux);
      cell.bias = context.input(at + 2).as<float>();
      float* output = direction == 0 ? context.output(0).as_mutable<float>()
                                     : BackwardOutput(context, merge_, cells_[0].units);
      for (int32_t pass = 0; pass < passes_; ++pass) {
        kernels::RunRnn(cell, direction == 1 && reads_aux_ ? aux : input, weighted_ ? aux : nullptr,
                        context.input(at + 3).as_mutable<float>(), context.workspace(scratch_),
                        output);
        if (context.cancelled()) return Error(Code::kCancelled, "stopped on request");
      }
    }
    return Status::Ok();
  }

 private:
  std::array<kernels::RnnCell, 2> cells_;
  std::array<std::vector<int32_t>, 6> sums_;
  bool merge_ = false, weighted_ = false, reads_aux_ = false;
  int32_t passes_ = 1;
  int scratch_ = 0;
};

std::string DeclineBidirectionalRnn(const NodeView& view) {
  using S = BidirectionalRnnStep;
  constexpr DType kFloat = DType::kFloat32;
  std::string reason = DeclineOutputs(view);
  const DType weights = view.inputs[1].type;
  if (reason.empty() && weights != kFloat && !IsStoredWeight(weights))
    reason = Concat("weights are ", NameOf(weights));
  for (size_t i = 0; i < view.inputs.size() && reason.empty(); ++i) {
    const bool is_weight = i == 1 || i == 2 || i == 5 || i == 6 || i >= S::kAuxWeights;
    const DType expected = is_weight ? weights : kFloat;
    if (!view.has_input(i)) continue;
    if (view.inputs[i].type != expected)
      reason =
          Concat("input ", i, " is ", NameOf(view.inputs[i].type), ", expected ", NameOf(expected));
    else if (is_weight && weights != kFloat)
      reason = DeclineStoredWeight(view, i);
  }
  for (const size_t i : {4, 8})
    if (reason.empty()) reason = DeclineFloatState(view, i);
  return reason;
}

constexpr KernelEntry kKernels[] = {
    {OpCode::kBidirectionalSequenceLstm, "bidirectional_sequence_lstm.reference",
     ErrorBound::kExact, DeclineBidirectionalLstm, MakeStep<BidirectionalLstmStep>},
    {OpCode::kBidirectionalSequenceRnn, "bidirectional_sequence_rnn.reference", ErrorBound::kExact,
     DeclineBidirectionalRnn, MakeStep<BidirectionalRnnStep>},
};

}  // namespace

std::span<const KernelEntry> BidirectionalKernels() { return ir::SelectedRows<kKernels>(); }

}  // namespace edgeml::backends
