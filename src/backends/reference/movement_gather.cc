// Steps that look elements up by index, or make indices.
#include <algorithm>
#include <string>

#include "src/backends/kernel_table.h"
#include "src/backends/reference/movement.h"
#include "src/backends/reference/string_elements.h"
#include "src/base/strings.h"
#include "src/ir/ops/movement_rules.h"
#include "src/kernels/movement/indexing.h"

namespace edgeml::backends {
namespace {

using runtime::NodeView;
using runtime::PrepareContext;
using runtime::RunContext;
using runtime::Step;

class GatherStep : public Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const NodeView& view = context.view();
    const Shape &input = view.inputs[0].shape, &positions = view.inputs[1].shape;
    EDGEML_ASSIGN_OR_RETURN(const ir::GatherAxes axes,
                            ir::ResolveGather(view.attrs<ir::GatherAttrs>(), input, positions));
    shape_.batch = input.num_elements(0, axes.batch_dims);
    shape_.outer = input.num_elements(axes.batch_dims, axes.axis);
    shape_.axis_size = input[axes.axis];
    shape_.inner = input.num_elements(axes.axis + 1, input.rank());
    shape_.count = positions.num_elements(axes.batch_dims, positions.rank());
    return Status::Ok();
  }
  Status Run(RunContext& context) override {
    const TensorView &input = context.input(0), &positions = context.input(1);
    return FaultStatus(kernels::Gather(shape_, BitsOf(input.type), positions.type, input.data,
                                       positions.data, context.output(0).data));
  }

 private:
  kernels::GatherShape shape_;
};

class GatherNdStep : public Step {
 public:
  Status Prepare(PrepareContext&) override { return Status::Ok(); }
  Status Run(RunContext& context) override {
    const TensorView &params = context.input(0), &indices = context.input(1);
    const int64_t slices = indices.shape.num_elements(0, indices.rank() - 1);
    return FaultStatus(kernels::GatherNd(params.shape, slices, indices.shape.back(),
                                         BitsOf(params.type), indices.type, params.data,
                                         indices.data, context.output(0).data));
  }
};

class EmbeddingLookupStep : public Step {
 public:
  Status Prepare(PrepareContext&) override { return Status::Ok(); }
  Status Run(RunContext& context) override {
    const TensorView &lookup = context.input(0), &table = context.input(1);
    const TensorView& output = context.output(0);
    const int64_t row = table.shape.num_elements(1, table.rank());
    if (table.type == output.type) {
      kernels::GatherShape shape;
      shape.axis_size = table.dim(0);
      shape.inner = row;
      shape.count = lookup.num_elements();
      return FaultStatus(kernels::Gather(shape, BitsOf(table.type), DType::kInt32, table.data,
                                         lookup.data, output.data));
    }
    const Quantization& q = *table.quantization;
    kernels::EmbeddingTable quantized;
    quantized.rows = table.dim(0);
    quantized.row_size = row;
    quantized.run = q.block_size != 0 ? q.block_size : row;
    quantized.type = table.type;
    quantized.data = table.data;
    quantized.scales = q.scale.data();
    quantized.one_scale = !q.per_axis();
    return FaultStatus(kernels::EmbeddingLookupDequantized(
        quantized, lookup.num_elements(), lookup.as<int32_t>(), output.type, output.data));
  }
};

class OneHotStep : public Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const NodeView& view = context.view();
    const Shape &indices = view.inputs[0].shape, &output = view.outputs[0].shape;
    EDGEML_ASSIGN_OR_RETURN(const int axis,
                            ir::CheckedAxis(view.attrs<ir::AxisAttrs>().axis, output.rank()));
    prefix_ = indices.num_elements(0, axis);
    depth_ = output[axis];
    suffix_ = indices.num_elements(axis, indices.rank());
    return Status::Ok();
  }
  Status Run(RunContext& context) override {
    const TensorView &indices = context.input(0), &output = context.output(0);
    kernels::OneHot(prefix_, depth_, suffix_, BitsOf(output.type), indices.type, indices.data,
                    context.input(2).data, context.input(3).data, output.data);
    return Status::Ok();
  }

 private:
  int64_t prefix_ = 0, depth_ = 0, suffix_ = 0;
};

class WhereStep : public Step {
 public:
  Status Prepare(PrepareContext&) override { return Status::Ok(); }
  Status Run(RunContext& context) override {
    const TensorView &condition = context.input(0), &output = context.output(0);
    const int64_t found = kernels::WhereNonZero(condition.shape, condition.type, condition.data,
                                                output.dim(0), output.as_mutable<int64_t>());
    if (found != output.dim(0))
      return Error(Code::kInternal, "found ", found, " elements where ", output.dim(0),
                   " were counted");
    return Status::Ok();
  }
};

std::string DeclineGather(const NodeView& view) {
  if (view.inputs[1].type != DType::kInt16) {
    if (std::string reason = DeclineUnlessIndex(view, 1); !reason.empty()) return reason;
  }
  return DeclineUnlessMoved(view, 0);
}

std::string DeclineEmbeddingLookup(const NodeView& view) {
  const TensorView &table = view.inputs[1], &output = view.outputs[0];
  if (view.inputs[0].type != DType::kInt32) return "the indices are not int32";
  if (table.type == output.type) return DeclineUnmovable(table);
  const bool integer = table.type == DType::kInt8 || table.type == DType::kUInt8 ||
                       table.type == DType::kInt4 || table.type == DType::kInt2;
  if (!integer || (output.type != DType::kFloat32 && output.type != DType::kFloat16))
    return Concat("looks no ", NameOf(output.type), " up in a table of ", NameOf(table.type));
  if (!table.quantized()) return "the table is not quantized";
  const Quantization& q = *table.quantization;
  if (q.block_size != 0 && (table.rank() != 2 || !IsSubByte(table.type)))
    return "blocks of a table that is not a matrix of 4 or 2 bits";
  if (q.block_size == 0 && q.per_axis() &&
      (q.axis != 0 || q.scale.size() != static_cast<size_t>(std::max(table.dim(0), 0))))
    return "the table is quantized along another dimension than its rows";
  if (q.zero_point_at(0) != 0) return "the table's zero point is not 0";
  return {};
}

std::string DeclineOneHot(const NodeView& view) {
  for (size_t i = 0; i < 2; ++i)
    if (std::string reason = DeclineUnlessIndex(view, i); !reason.empty()) return reason;
  if (view.inputs[2].type != view.outputs[0].type || view.inputs[3].type != view.outputs[0].type)
    return "on value, off value and output differ in type";
  const int bits = BitsOf(view.outputs[0].type);
  if (bits < 8 || bits > 64) return Concat("values of type ", NameOf(view.outputs[0].type));
  return {};
}

std::string DeclineWhere(const NodeView& view) {
  if (view.outputs[0].type != DType::kInt64) return "the output is not int64";
  switch (view.inputs[0].type) {
    case DType::kBool:
    case DType::kInt8:
    case DType::kUInt8:
    case DType::kInt32:
    case DType::kUInt32:
    case DType::kInt64:
    case DType::kFloat32:
      return {};
    default:
      return Concat("a condition of type ", NameOf(view.inputs[0].type));
  }
}

constexpr ErrorBound kExact = ErrorBound::kExact;
constexpr bool kTakesStrings = true;
constexpr KernelEntry kKernels[] = {

    {OpCode::kEmbeddingLookup, "embedding_lookup.reference", kExact, DeclineEmbeddingLookup,
     MakeStep<EmbeddingLookupStep>},
    {OpCode::kGather, "gather.reference", kExact, DeclineGather, MakeStep<GatherStep>},
    {OpCode::kGather,
     "gather.string.reference",
     kExact,
     DeclineStrings<DeclineGather>,
     MakeStringStep<GatherStep>,
     {DType::kString},
     kTakesStrings},
    {OpCode::kGatherNd, "gather_nd.reference", kExact, DeclineGather, MakeStep<GatherNdStep>},
    {OpCode::kGatherNd,
     "gather_nd.string.reference",
     kExact,
     DeclineStrings<DeclineGather>,
     MakeStringStep<GatherNdStep>,
     {DType::kString},
     kTakesStrings},
    {OpCode::kOneHot, "one_hot.reference", kExact, DeclineOneHot, MakeStep<OneHotStep>},
    {OpCode::kWhere, "where.reference", kExact, DeclineWhere, MakeStep<WhereStep>},
};

}  // namespace

std::span<const KernelEntry> GatherKernels() { return ir::SelectedRows<kKernels>(); }

}  // namespace edgeml::backends
