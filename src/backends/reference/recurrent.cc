#include "src/backends/reference/recurrent.h"
#include "src/backends/kernel_table.h"

#include "src/base/strings.h"
#include "src/kernels/recurrent/integer.h"

namespace edgeml::backends {

using runtime::NodeView;
using runtime::PrepareContext;
using runtime::RunContext;
using runtime::Step;

kernels::WeightMatrix MatrixOf(const TensorView& view, std::vector<int32_t>& row_sums) {
  kernels::WeightMatrix matrix;
  if (!view.present()) return matrix;
  matrix.diagonal = view.rank() == 1;
  if (view.type == DType::kFloat32) {
    matrix.values = view.as<float>();
    return matrix;
  }
  matrix.stored = view.as<int8_t>();
  matrix.scale = view.scale();
  row_sums.resize(static_cast<size_t>(view.dim(0)));
  kernels::RowSums(matrix.stored, view.dim(0), view.dim(1), row_sums.data());
  matrix.row_sums = row_sums.data();
  return matrix;
}

void RefreshMatrix(const TensorView& view, kernels::WeightMatrix& matrix) {
  if (view.present() && view.type == DType::kFloat32) matrix.values = view.as<float>();
}

std::string DeclineStoredWeight(const NodeView& view, size_t i) {
  const TensorView& weight = view.inputs[i];
  if (!weight.is_constant) return Concat("weight input ", i, " is not constant");
  if (!weight.quantized()) return Concat("weight input ", i, " is not quantized");
  if (weight.quantization->per_axis())
    return Concat("weight input ", i, " is quantized per channel");
  return {};
}

namespace {

class RnnStep : public Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const NodeView& view = context.view();
    const auto& attrs = view.attrs<ir::RnnAttrs>();
    const Shape& input = view.inputs[0].shape;
    cell_.sequence = {};
    const bool sequence = input.rank() == 3;
    cell_.sequence.time_major = sequence && attrs.time_major;
    cell_.sequence.batch = input[cell_.sequence.time_major ? 1 : 0];
    cell_.sequence.time = sequence ? input[cell_.sequence.time_major ? 0 : 1] : 1;
    cell_.inputs = input.back();
    cell_.units = cell_.output_stride = view.inputs[1].dim(0);
    cell_.input = MatrixOf(view.inputs[1], input_sums_);
    cell_.recurrent = MatrixOf(view.inputs[2], recurrent_sums_);
    cell_.activation = CellActivationOf(attrs.activation);
    cell_.asymmetric = attrs.asymmetric_quantize_inputs;
    scratch_ = context.RequestWorkspace(kernels::RnnScratchBytes(cell_));
    return Status::Ok();
  }
  Status Run(RunContext& context) override {
    RefreshMatrix(context.input(1), cell_.input);
    RefreshMatrix(context.input(2), cell_.recurrent);
    cell_.bias = context.input(3).as<float>();
    kernels::RunRnn(cell_, context.input(0).as<float>(), nullptr,
                    context.input(4).as_mutable<float>(), context.workspace(scratch_),
                    context.output(0).as_mutable<float>());
    return Status::Ok();
  }

 private:
  kernels::RnnCell cell_;
  std::vector<int32_t> input_sums_, recurrent_sums_;
  int scratch_ = 0;
};

kernels::SvdfShape SvdfShapeOf(const NodeView& view) {
  kernels::SvdfShape shape;
  shape.batch = view.inputs[0].dim(0);
  shape.inputs = view.inputs[0].dim(1);
  shape.filters = view.inputs[1].dim(0);
  shape.memory = view.inputs[2].dim(1);
  shape.rank = view.attrs<ir::SvdfAttrs>().rank;
  return shape;
}

class SvdfStep : public Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const NodeView& view = context.view();
    const auto& attrs = view.attrs<ir::SvdfAttrs>();
    shape_ = SvdfShapeOf(view);
    activation_ = CellActivationOf(attrs.activation);
    asymmetric_ = attrs.asymmetric_quantize_inputs;
    features_ = MatrixOf(view.inputs[1], sums_);
    time_weights_.clear();
    if (view.inputs[2].type != DType::kFloat32) {
      for (const int8_t stored : view.inputs[2].elements<int8_t>())
        time_weights_.push_back(static_cast<float>(stored) * view.inputs[2].scale());
    }
    scratch_ = context.RequestWorkspace(kernels::SvdfScratchBytes(shape_));
    return Status::Ok();
  }
  Status Run(RunContext& context) override {
    RefreshMatrix(context.input(1), features_);
    const bool stored = context.input(2).type != DType::kFloat32;
    const TensorView& bias = context.input(3);
    kernels::RunSvdf(shape_, features_,
                     stored ? time_weights_.data() : context.input(2).as<float>(),
                     bias.present() ? bias.as<float>() : nullptr, activation_, asymmetric_,
                     context.input(0).as<float>(), context.input(4).as_mutable<float>(),
                     context.workspace(scratch_), context.output(0).as_mutable<float>());
    return Status::Ok();
  }

 private:
  kernels::SvdfShape shape_;
  kernels::WeightMatrix features_;
  kernels::CellActivation activation_ = kernels::CellActivation::kNone;
  bool asymmetric_ = false;
  std::vector<int32_t> sums_;
  std::vector<float> time_weights_;
  int scratch_ = 0;
};

class IntegerSvdfStep : public Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const NodeView& view = context.view();
    cell_.shape = SvdfShapeOf(view);
    const float input = view.inputs[0].scale(), features = view.inputs[1].scale();
    const float time = view.inputs[2].scale(), state = view.inputs[4].scale();
    cell_.state_scale = ToFixedPoint(double{input * features / state});
    cell_.output_scale = ToFixedPoint(double{state * time / view.outputs[0].scale()});
    cell_.input_zero_point = view.inputs[0].zero_point();
    cell_.output_zero_point = view.outputs[0].zero_point();
    return Status::Ok();
  }
  Status Run(RunContext& context) override {
    const TensorView& bias = context.input(3);
    kernels::RunIntegerSvdf(
        cell_, context.input(0).as<int8_t>(), context.input(1).as<int8_t>(),
        context.input(2).as<int16_t>(), bias.present() ? bias.as<int32_t>() : nullptr,
        context.input(4).as_mutable<int16_t>(), context.output(0).as_mutable<int8_t>());
    return Status::Ok();
  }

 private:
  kernels::IntegerSvdf cell_;
};

std::string DeclineTypes(const NodeView& view, std::initializer_list<DType> inputs, DType output) {
  size_t i = 0;
  for (const DType type : inputs) {
    if (view.has_input(i) && view.inputs[i].type != type)
      return Concat("input ", i, " is ", NameOf(view.inputs[i].type), ", expected ", NameOf(type));
    ++i;
  }
  if (view.outputs[0].type != output)
    return Concat("the output is ", NameOf(view.outputs[0].type), ", expected ", NameOf(output));
  return {};
}

// A state that is constant could not be updated.
std::string DeclineState(const NodeView& view, size_t i) {
  if (view.inputs[i].is_constant) return Concat("state input ", i, " is constant");
  return {};
}

std::string DeclineRnn(const NodeView& view) {
  constexpr DType kFloat = DType::kFloat32;
  const DType weights = view.inputs[1].type;
  if (weights != kFloat && !IsStoredWeight(weights)) return Concat("weights are ", NameOf(weights));
  if (std::string reason = DeclineTypes(view, {kFloat, weights, weights, kFloat, kFloat}, kFloat);
      !reason.empty())
    return reason;
  for (size_t i = 1; i < 3 && weights != kFloat; ++i)
    if (std::string reason = DeclineStoredWeight(view, i); !reason.empty()) return reason;
  return DeclineState(view, 4);
}

std::string DeclineSvdf(const NodeView& view) {
  constexpr DType kFloat = DType::kFloat32;
  const DType weights = view.inputs[1].type, time = view.inputs[2].type;
  const bool stored = IsStoredWeight(weights);
  if ((!stored && weights != kFloat) || (stored ? !IsStoredWeight(time) : time != kFloat))
    return Concat("weights are ", NameOf(weights), " and ", NameOf(time));
  if (std::string reason = DeclineTypes(view, {kFloat, weights, time, kFloat, kFloat}, kFloat);
      !reason.empty())
    return reason;
  for (size_t i = 1; i < 3 && stored; ++i)
    if (std::string reason = DeclineStoredWeight(view, i); !reason.empty()) return reason;
  return DeclineState(view, 4);
}

std::string DeclineIntegerSvdf(const NodeView& view) {
  if (std::string reason = DeclineTypes(
          view, {DType::kInt8, DType::kInt8, DType::kInt16, DType::kInt32, DType::kInt16},
          DType::kInt8);
      !reason.empty())
    return reason;
  for (const size_t i : {0, 1, 2, 4})
    if (!view.inputs[i].quantized()) return Concat("input ", i, " is not quantized");
  if (!view.outputs[0].quantized()) return "the output is not quantized";
  if (view.attrs<ir::SvdfAttrs>().activation != ir::Activation::kRelu)
    return "the fused activation is not RELU";
  return DeclineState(view, 4);
}

constexpr KernelEntry kKernels[] = {

    {OpCode::kRnn, "rnn.reference", ErrorBound::kExact, DeclineRnn, MakeStep<RnnStep>},
    {OpCode::kUnidirectionalSequenceRnn, "unidirectional_sequence_rnn.reference",
     ErrorBound::kExact, DeclineRnn, MakeStep<RnnStep>},
    {OpCode::kSvdf, "svdf.int8.reference", ErrorBound::kExact, DeclineIntegerSvdf,
     MakeStep<IntegerSvdfStep>},
    {OpCode::kSvdf, "svdf.reference", ErrorBound::kExact, DeclineSvdf, MakeStep<SvdfStep>},
};

}  // namespace

std::span<const KernelEntry> RnnKernels() { return ir::SelectedRows<kKernels>(); }

}  // namespace edgeml::backends
