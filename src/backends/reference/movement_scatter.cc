// Steps that put elements to places found by index, on diagonals or backwards, and that number
// values.
#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "src/backends/kernel_table.h"
#include "src/backends/reference/movement.h"
#include "src/base/strings.h"
#include "src/kernels/movement/scatter.h"

namespace edgeml::backends {
namespace {

using runtime::NodeView;
using runtime::PrepareContext;
using runtime::RunContext;
using runtime::Step;

class BitcastStep : public Step {
 public:
  Status Prepare(PrepareContext& context) override {
    context.AllowAlias(0, 0);
    return Status::Ok();
  }
  Status Run(RunContext& context) override {
    CopyWhole(context.input(0), context.output(0));
    return Status::Ok();
  }
};

class BucketizeStep : public Step {
 public:
  Status Prepare(PrepareContext& context) override {
    boundaries_ = context.view().attrs<ir::BucketizeAttrs>().boundaries;
    return Status::Ok();
  }
  Status Run(RunContext& context) override {
    const TensorView& input = context.input(0);
    kernels::Bucketize(input.type, input.num_elements(), input.data, boundaries_.data(),
                       boundaries_.size(), context.output(0).as_mutable<int32_t>());
    return Status::Ok();
  }

 private:
  std::span<const float> boundaries_;  // the node's own
};

// The diagonals of the matrices [..., rows, columns], from a dense run.
kernels::StridedCopy ToDiagonals(const Shape& matrices) {
  const int64_t rows = matrices.back(1), columns = matrices.back(0);
  const int64_t length = std::min(rows, columns);
  kernels::StridedCopy copy;
  copy.AddLoop(matrices.num_elements(0, matrices.rank() - 2), length, rows * columns);
  copy.AddLoop(length, 1, columns + 1);
  return copy;
}

class MatrixDiagStep : public Step {
 public:
  Status Prepare(PrepareContext& context) override {
    copy_ = ToDiagonals(context.view().outputs[0].shape);
    return Status::Ok();
  }
  Status Run(RunContext& context) override {
    const TensorView &input = context.input(0), &output = context.output(0);
    constexpr uint64_t kZero[2] = {0, 0};
    kernels::FillElements(output.data, output.num_elements(), kZero, BitsOf(output.type));
    CopyBetween(copy_, input, output);
    return Status::Ok();
  }

 private:
  kernels::StridedCopy copy_;
};

class MatrixSetDiagStep : public Step {
 public:
  Status Prepare(PrepareContext& context) override {
    copy_ = ToDiagonals(context.view().outputs[0].shape);
    // A tensor that is its own diagonal is still read while the output is written.
    const std::vector<int32_t>& inputs = context.view().node->inputs;
    if (inputs[0] != inputs[1]) context.AllowInPlace(0, 0);
    return Status::Ok();
  }
  Status Run(RunContext& context) override {
    CopyWhole(context.input(0), context.output(0));
    CopyBetween(copy_, context.input(1), context.output(0));
    return Status::Ok();
  }

 private:
  kernels::StridedCopy copy_;
};

class ReverseSequenceStep : public Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const Shape& input = context.view().inputs[0].shape;
    const auto& attrs = context.view().attrs<ir::ReverseSequenceAttrs>();
    const int first = std::min(attrs.seq_dim, attrs.batch_dim);
    const int second = std::max(attrs.seq_dim, attrs.batch_dim);
    shape_.sequence_first = attrs.seq_dim < attrs.batch_dim;
    shape_.outer = input.num_elements(0, first);
    shape_.first = input[first];
    shape_.middle = input.num_elements(first + 1, second);
    shape_.second = input[second];
    shape_.inner = input.num_elements(second + 1, input.rank());
    return Status::Ok();
  }
  Status Run(RunContext& context) override {
    const TensorView &input = context.input(0), &lengths = context.input(1);
    return FaultStatus(kernels::ReverseSequence(shape_, BitsOf(input.type), lengths.type,
                                                input.data, lengths.data, context.output(0).data));
  }

 private:
  kernels::ReverseSequenceShape shape_;
};

class ScatterNdStep : public Step {
 public:
  Status Prepare(PrepareContext&) override { return Status::Ok(); }
  Status Run(RunContext& context) override {
    const TensorView &indices = context.input(0), &output = context.output(0);
    const int64_t slices = indices.shape.num_elements(0, indices.rank() - 1);
    return FaultStatus(kernels::ScatterNd(output.shape, slices, indices.shape.back(), output.type,
                                          indices.as<int32_t>(), context.input(1).data,
                                          output.data));
  }
};

class SparseToDenseStep : public Step {
 public:
  Status Prepare(PrepareContext&) override { return Status::Ok(); }
  Status Run(RunContext& context) override {
    const TensorView &indices = context.input(0), &values = context.input(2);
    const TensorView& output = context.output(0);
    const int64_t count = indices.rank() == 0 ? 1 : indices.dim(0);
    return FaultStatus(kernels::SparseToDense(
        output.shape, count, output.rank(), BitsOf(output.type), indices.type, indices.data,
        values.data, values.rank() == 0, context.input(3).data, output.data));
  }
};

class UniqueStep : public Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const Shape& input = context.view().inputs[0].shape;
    const auto bytes = CheckedByteSize(Shape{input[0], sizeof(kernels::UniqueSlot)}, DType::kInt8);
    if (!bytes)
      return Error(Code::kResourceExhausted, "the input ", input.ToString(), " is too large");
    slots_ = context.RequestWorkspace(*bytes);
    return Status::Ok();
  }
  Status Run(RunContext& context) override {
    const TensorView& input = context.input(0);
    EDGEML_RETURN_IF_ERROR(context.ResizeOutput(1, input.shape));
    auto* slots = static_cast<kernels::UniqueSlot*>(context.workspace(slots_));
    const int64_t count = kernels::Unique(input.type, input.dim(0), input.data, slots,
                                          context.output(1).type, context.output(1).data);
    EDGEML_RETURN_IF_ERROR(context.ResizeOutput(0, Shape{static_cast<int32_t>(count)}));
    for (int64_t i = 0; i < count; ++i)
      kernels::CopyRun(input.data, slots[i].at, context.output(0).data, i, 1, BitsOf(input.type));
    return Status::Ok();
  }

 private:
  int slots_ = 0;
};

// Input `input` and every output have one type of whole bytes.
std::string DeclineUnlessBytes(const NodeView& view, size_t input) {
  if (std::string reason = DeclineUnlessMoved(view, input); !reason.empty()) return reason;
  if (!ByteAddressable(view.inputs[input]))
    return Concat("moves no packed elements of type ", NameOf(view.inputs[input].type));
  return {};
}

std::string DeclineBitcast(const NodeView& view) {
  for (const TensorView* tensor : {&view.inputs[0], &view.outputs[0]}) {
    if (BitsOf(tensor->type) < 8 || tensor->type == DType::kResource)
      return Concat("the bits of a tensor of type ", NameOf(tensor->type));
  }
  return {};
}

std::string DeclineBucketize(const NodeView& view) {
  if (view.outputs[0].type != DType::kInt32) return "the output is not int32";
  switch (view.inputs[0].type) {
    case DType::kInt32:
    case DType::kInt64:
    case DType::kFloat32:
    case DType::kFloat64:
      return {};
    default:
      return Concat("an input of type ", NameOf(view.inputs[0].type));
  }
}

std::string DeclineMatrixDiag(const NodeView& view) { return DeclineUnlessBytes(view, 0); }

std::string DeclineMatrixSetDiag(const NodeView& view) {
  if (view.inputs[1].type != view.inputs[0].type)
    return Concat("a diagonal of ", NameOf(view.inputs[1].type), " in a matrix of ",
                  NameOf(view.inputs[0].type));
  return DeclineUnlessBytes(view, 0);
}

std::string DeclineReverseSequence(const NodeView& view) {
  if (std::string reason = DeclineUnlessIndex(view, 1); !reason.empty()) return reason;
  return DeclineUnlessBytes(view, 0);
}

std::string DeclineScatterNd(const NodeView& view) {
  for (const size_t i : {size_t{0}, size_t{2}}) {
    if (view.inputs[i].type != DType::kInt32)
      return Concat("input ", i, " is ", NameOf(view.inputs[i].type), ", expected int32");
  }
  const DType type = view.inputs[1].type;
  if (view.outputs[0].type != type)
    return Concat("updates are ", NameOf(type), " but the output is ",
                  NameOf(view.outputs[0].type));
  if (!kernels::CanAdd(type)) return Concat("updates of type ", NameOf(type));
  return {};
}

std::string DeclineSparseToDense(const NodeView& view) {
  for (size_t i = 0; i < 2; ++i)
    if (std::string reason = DeclineUnlessIndex(view, i); !reason.empty()) return reason;
  if (view.inputs[3].type != view.inputs[2].type)
    return Concat("values are ", NameOf(view.inputs[2].type), " but the default value is ",
                  NameOf(view.inputs[3].type));
  return DeclineUnlessBytes(view, 2);
}

std::string DeclineUnique(const NodeView& view) {
  const DType type = view.inputs[0].type, id_type = view.outputs[1].type;
  if (!kernels::CanNumber(type)) return Concat("values of type ", NameOf(type));
  if (view.outputs[0].type != type)
    return Concat("input is ", NameOf(type), " but output is ", NameOf(view.outputs[0].type));
  if (id_type != DType::kInt32 && id_type != DType::kInt64)
    return Concat("indices of type ", NameOf(id_type));
  if (view.attrs<ir::TypeAttrs>().out_type != id_type)
    return Concat("output 1 is ", NameOf(id_type), ", but the node states ",
                  NameOf(view.attrs<ir::TypeAttrs>().out_type));
  return {};
}

constexpr ErrorBound kExact = ErrorBound::kExact;
constexpr KernelEntry kKernels[] = {

    {OpCode::kBitcast, "bitcast.reference", kExact, DeclineBitcast, MakeStep<BitcastStep>},
    {OpCode::kBucketize, "bucketize.reference", kExact, DeclineBucketize, MakeStep<BucketizeStep>},
    {OpCode::kMatrixDiag, "matrix_diag.reference", kExact, DeclineMatrixDiag,
     MakeStep<MatrixDiagStep>},
    {OpCode::kMatrixSetDiag, "matrix_set_diag.reference", kExact, DeclineMatrixSetDiag,
     MakeStep<MatrixSetDiagStep>},
    {OpCode::kReverseSequence, "reverse_sequence.reference", kExact, DeclineReverseSequence,
     MakeStep<ReverseSequenceStep>},
    {OpCode::kScatterNd, "scatter_nd.reference", kExact, DeclineScatterNd, MakeStep<ScatterNdStep>},
    {OpCode::kSparseToDense, "sparse_to_dense.reference", kExact, DeclineSparseToDense,
     MakeStep<SparseToDenseStep>},
    {OpCode::kUnique, "unique.reference", kExact, DeclineUnique, MakeStep<UniqueStep>},
};

}  // namespace

std::span<const KernelEntry> ScatterKernels() { return ir::SelectedRows<kKernels>(); }

}  // namespace edgeml::backends
