// StableHLO's operators, and the two of TFLite that were made for them, on the reference kernels.
#include <algorithm>
#include <string>
#include <vector>

#include "src/backends/kernel_table.h"
#include "src/backends/reference/movement.h"
#include "src/backends/reference/stablehlo_body.h"
#include "src/base/strings.h"
#include "src/ir/ops/stablehlo_rules.h"
#include "src/kernels/stablehlo/bit_generator.h"
#include "src/kernels/stablehlo/combine.h"
#include "src/kernels/stablehlo/reduce_window.h"
#include "src/kernels/stablehlo/slices.h"

namespace edgeml::backends {
namespace {

using kernels::Combination;
using kernels::DenseStrides;
using kernels::StridedCopy;
using runtime::NodeView;
using runtime::PrepareContext;
using runtime::RunContext;
using runtime::Step;

bool Contains(const std::vector<int64_t>& dims, int64_t dim) {
  return std::find(dims.begin(), dims.end(), dim) != dims.end();
}

// ADD, AND, MAXIMUM, MINIMUM, MULTIPLY, SHIFT_LEFT
// -------------------------------------------------

Combination CombinationOf(OpCode op) {
  switch (op) {
    case OpCode::kStablehloAdd:
      return Combination::kAdd;
    case OpCode::kStablehloMultiply:
      return Combination::kMul;
    case OpCode::kStablehloMaximum:
      return Combination::kMaximum;
    case OpCode::kStablehloMinimum:
      return Combination::kMinimum;
    default:
      return Combination::kBitAnd;
  }
}

// Numbers as they are stored: quantization does not count, as in LiteRT.
class CombineStep : public Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const NodeView& view = context.view();
    combiner_ = kernels::FindCombiner(CombinationOf(view.node->op), view.inputs[0].type);
    context.AllowInPlace(0, 0);
    context.AllowInPlace(1, 0);
    return Status::Ok();
  }
  Status Run(RunContext& context) override {
    const TensorView& output = context.output(0);
    combiner_(context.input(0).data, 1, context.input(1).data, 1, output.data, 1,
              output.num_elements());
    return Status::Ok();
  }

 private:
  kernels::Combiner combiner_;
};

class ShiftLeftStep : public Step {
 public:
  Status Prepare(PrepareContext& context) override {
    context.AllowInPlace(0, 0);
    context.AllowInPlace(1, 0);
    return Status::Ok();
  }
  Status Run(RunContext& context) override {
    const TensorView& output = context.output(0);
    kernels::ShiftLeft(BitsOf(output.type), context.input(0).data, context.input(1).data,
                       output.data, output.num_elements());
    return Status::Ok();
  }
};

// Inputs `first` to `last` and every output are of one type.
std::string DeclineUnlessAlike(const NodeView& view, size_t first, size_t last) {
  const DType type = view.outputs[0].type;
  for (size_t i = first; i <= last; ++i)
    if (view.inputs[i].type != type)
      return Concat("input ", i, " is ", NameOf(view.inputs[i].type), ", the output ",
                    NameOf(type));
  return {};
}

std::string DeclineCombine(const NodeView& view) {
  const DType type = view.outputs[0].type;
  if (kernels::FindCombiner(CombinationOf(view.node->op), type).run == nullptr)
    return Concat("elements of type ", NameOf(type));
  return DeclineUnlessAlike(view, 0, 1);
}

std::string DeclineShiftLeft(const NodeView& view) {
  const DType type = view.outputs[0].type;
  if (type != DType::kInt8 && type != DType::kInt16 && type != DType::kInt32)
    return Concat("shifts no ", NameOf(type));
  return DeclineUnlessAlike(view, 0, 1);
}

// PAD and DILATE
// -----------------------------------------------------------------------------------

// What is left of each dimension after cutting, spread over the output.
class PadStep : public Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const NodeView& view = context.view();
    dilate_ = view.node->op == OpCode::kDilate;
    if (dilate_) return Status::Ok();
    const auto& attrs = view.attrs<ir::StablehloPadAttrs>();
    for (size_t i = 0; i < attrs.low.size(); ++i) {
      low_[i] = attrs.low[i];
      step_[i] = attrs.interior[i] + 1;
    }
    return Status::Ok();
  }

  Status Run(RunContext& context) override {
    const TensorView &input = context.input(0), &output = context.output(0);
    const TensorView& value = context.input(dilate_ ? 2 : 1);
    const int bits = BitsOf(output.type);
    kernels::FillElements(output.data, output.num_elements(), value.data, bits);
    const auto from = DenseStrides(input.shape), to = DenseStrides(output.shape);
    StridedCopy copy;
    int64_t source = 0, target = 0;
    for (int d = 0; d < input.rank(); ++d) {
      const auto i = static_cast<size_t>(d);
      const int64_t step = dilate_ ? ir::IndexAt(context.input(1), d) : step_[i];
      const int64_t low = low_[i];
      const int64_t first = low >= 0 ? 0 : (-low - 1) / step + 1;
      const int64_t room = output.dim(d) - 1 - low;  // behind the place of element 0
      const int64_t last = room < 0 ? -1 : std::min<int64_t>(input.dim(d) - 1, room / step);
      if (last < first) return Status::Ok();
      copy.AddLoop(last - first + 1, from[i], last > first ? step * to[i] : 0);
      source += first * from[i];
      target += (low + first * step) * to[i];
    }
    copy.set_offsets(source, target);
    kernels::CopyStrided(copy, input.data, output.data, bits);
    return Status::Ok();
  }

 private:
  bool dilate_ = false;
  std::array<int64_t, kMaxRank> low_{}, step_{};
};

std::string DeclinePad(const NodeView& view) {
  if (std::string reason = DeclineUnlessMoved(view, 0); !reason.empty()) return reason;
  return DeclineUnlessMoved(view, 1);
}

std::string DeclineDilate(const NodeView& view) {
  if (std::string reason = DeclineUnlessMoved(view, 0); !reason.empty()) return reason;
  if (std::string reason = DeclineUnlessIndex(view, 1); !reason.empty()) return reason;
  return DeclineUnlessMoved(view, 2);
}

// GATHER and SCATTER
// -------------------------------------------------------------------------------

// Where the index vectors stand, from checked attributes.
kernels::IndexVectors VectorsOf(const Shape& indices, int64_t vector_dim,
                                const std::vector<int64_t>& map) {
  kernels::IndexVectors vectors;
  vectors.size = static_cast<int>(map.size());
  if (vector_dim < indices.rank())
    vectors.stride = DenseStrides(indices)[static_cast<size_t>(vector_dim)];
  for (size_t k = 0; k < map.size(); ++k) vectors.dim[k] = static_cast<int>(map[k]);
  return vectors;
}

// The strides of the index tensor's dimensions other than the vectors' own.
class BatchStrides {
 public:
  BatchStrides(const Shape& indices, int64_t vector_dim)
      : strides_(DenseStrides(indices)), vector_dim_(vector_dim) {}
  int64_t Next() {
    if (next_ == vector_dim_) ++next_;
    return strides_[static_cast<size_t>(next_++)];
  }

 private:
  std::array<int64_t, kMaxRank> strides_;
  int64_t vector_dim_;
  int64_t next_ = 0;
};

class GatherStep : public Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const NodeView& view = context.view();
    const auto& attrs = view.attrs<ir::StablehloGatherAttrs>();
    const Shape &operand = view.inputs[0].shape, &indices = view.inputs[1].shape;
    const Shape& output = view.outputs[0].shape;
    gather_ = {};
    gather_.operand_stride = DenseStrides(operand);
    for (int d = 0; d < operand.rank(); ++d) {
      const auto i = static_cast<size_t>(d);
      gather_.last_start[i] = operand[d] - attrs.slice_sizes[i];
    }
    gather_.vectors = VectorsOf(indices, attrs.index_vector_dim, attrs.start_index_map);
    BatchStrides index_strides(indices, attrs.index_vector_dim);
    const auto output_strides = DenseStrides(output);
    int64_t from = -1;  // the operand dimension that the next offset dimension runs along
    for (int d = 0; d < output.rank(); ++d) {
      const int64_t stride = output_strides[static_cast<size_t>(d)];
      if (Contains(attrs.offset_dims, d)) {
        do ++from;
        while (Contains(attrs.collapsed_slice_dims, from));
        gather_.slice.AddLoop(output[d], gather_.operand_stride[static_cast<size_t>(from)], stride);
      } else {
        gather_.batch[static_cast<size_t>(gather_.batch_rank++)] = {output[d], stride,
                                                                    index_strides.Next()};
      }
    }
    return Status::Ok();
  }

  Status Run(RunContext& context) override {
    const TensorView &operand = context.input(0), &indices = context.input(1);
    const TensorView& output = context.output(0);
    if (output.num_elements() == 0) return Status::Ok();
    kernels::GatherSlices(gather_, BitsOf(output.type), indices.type, operand.data, indices.data,
                          output.data);
    return Status::Ok();
  }

 private:
  kernels::SliceGather gather_;
};

class ScatterStep : public Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const NodeView& view = context.view();
    const auto& attrs = view.attrs<ir::StablehloScatterAttrs>();
    const Shape &indices = view.inputs[1].shape, &updates = view.inputs[2].shape;
    scatter_ = {};
    scatter_.target = view.inputs[0].shape;
    scatter_.vectors =
        VectorsOf(indices, attrs.index_vector_dim, attrs.scatter_dims_to_operand_dims);
    scatter_.rank = updates.rank();
    BatchStrides index_strides(indices, attrs.index_vector_dim);
    for (int d = 0; d < updates.rank(); ++d) {
      kernels::SliceScatter::Dim& dim = scatter_.dims[static_cast<size_t>(d)];
      dim.extent = updates[d];
      if (!Contains(attrs.update_window_dims, d)) dim.index_stride = index_strides.Next();
    }
    int along = -1;  // the dimension of the target that the next window dimension runs along
    for (const int64_t d : attrs.update_window_dims) {
      do ++along;
      while (Contains(attrs.inserted_window_dims, along));
      scatter_.dims[static_cast<size_t>(d)].window_dim = along;
    }
    context.AllowInPlace(0, 0);
    return body_.Prepare(context, attrs.update_subgraph, BodyCombiner::Use::kScatter,
                         view.inputs[0].type);
  }

  Status Run(RunContext& context) override {
    const TensorView &indices = context.input(1), &updates = context.input(2);
    CopyWhole(context.input(0), context.output(0));
    if (updates.num_elements() == 0) return Status::Ok();
    EDGEML_RETURN_IF_ERROR(body_.Begin());
    kernels::ScatterSlices(scatter_, body_.combiner(), indices.type, indices.data, updates.data,
                           context.output(0).data);
    return body_.status();
  }

 private:
  kernels::SliceScatter scatter_;
  BodyCombiner body_;
};

std::string DeclineGather(const NodeView& view) {
  if (std::string reason = DeclineUnlessIndex(view, 1); !reason.empty()) return reason;
  return DeclineUnlessMoved(view, 0);
}

std::string DeclineUncombined(DType type) {
  if (kernels::FindCombiner(Combination::kAdd, type).run != nullptr) return {};
  return Concat("elements of type ", NameOf(type));
}

std::string DeclineScatter(const NodeView& view) {
  if (std::string reason = DeclineUnlessIndex(view, 1); !reason.empty()) return reason;
  if (std::string reason = DeclineUncombined(view.outputs[0].type); !reason.empty()) return reason;
  if (std::string reason = DeclineUnlessAlike(view, 0, 0); !reason.empty()) return reason;
  return DeclineUnlessAlike(view, 2, 2);
}

// REDUCE_WINDOW, both of them --------------------------------------------------------------------

Combination CombinationOf(ir::WindowFunction function) {
  switch (function) {
    case ir::WindowFunction::kAdd:
      return Combination::kAdd;
    case ir::WindowFunction::kMul:
      return Combination::kMul;
    case ir::WindowFunction::kMinimum:
      return Combination::kWindowMinimum;
    case ir::WindowFunction::kMaximum:
      return Combination::kWindowMaximum;
    case ir::WindowFunction::kAll:
      return Combination::kAll;
    default:
      return Combination::kAny;
  }
}

// `status`, if not null, is what combining has ended with so far.
Status RunWindow(RunContext& context, const ir::SlidingDims& dims,
                 const kernels::Combiner& combiner, const Status* status) {
  const TensorView &input = context.input(0), &output = context.output(0);
  kernels::WindowReduction reduction;
  reduction.rank = input.rank();
  for (int d = 0; d < input.rank(); ++d) {
    const auto i = static_cast<size_t>(d);
    const ir::SlidingDim& dim = dims[i];
    reduction.dims[i] = {input.dim(d), output.dim(d),     dim.size,   dim.stride,
                         dim.dilation, dim.base_dilation, dim.pad_low};
  }
  const auto stop = [&] { return context.cancelled() || (status != nullptr && !status->ok()); };
  const bool done = kernels::ReduceWindow(reduction, combiner, input.data, context.input(1).data,
                                          stop, output.data);
  if (status != nullptr) EDGEML_RETURN_IF_ERROR(*status);
  return done ? Status::Ok() : Error(Code::kCancelled, "stopped on request in a reduction");
}

class StablehloReduceWindowStep : public Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const NodeView& view = context.view();
    const auto& attrs = view.attrs<ir::StablehloReduceWindowAttrs>();
    EDGEML_ASSIGN_OR_RETURN(dims_, ir::ResolveWindow(attrs, view.inputs[0].shape));
    return body_.Prepare(context, attrs.body_subgraph, BodyCombiner::Use::kWindow,
                         view.inputs[0].type);
  }
  Status Run(RunContext& context) override {
    EDGEML_RETURN_IF_ERROR(body_.Begin());
    return RunWindow(context, dims_, body_.combiner(), &body_.status());
  }

 private:
  ir::SlidingDims dims_{};
  BodyCombiner body_;
};

class ReduceWindowStep : public Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const NodeView& view = context.view();
    combiner_ = kernels::FindCombiner(CombinationOf(view.attrs<ir::ReduceWindowAttrs>().function),
                                      view.inputs[0].type);
    return Status::Ok();
  }
  // Other values may give the same shape, so the window is worked out here.
  Status Run(RunContext& context) override {
    EDGEML_ASSIGN_OR_RETURN(const ir::SlidingDims dims,
                            ir::ResolveWindow(context.input(0).shape, context.input(2),
                                              context.input(3), context.input(4)));
    return RunWindow(context, dims, combiner_, nullptr);
  }

 private:
  kernels::Combiner combiner_;
};

std::string DeclineStablehloReduceWindow(const NodeView& view) {
  if (std::string reason = DeclineUncombined(view.outputs[0].type); !reason.empty()) return reason;
  return DeclineUnlessAlike(view, 0, 1);
}

std::string DeclineReduceWindow(const NodeView& view) {
  if (view.attrs<ir::ReduceWindowAttrs>().function == ir::WindowFunction::kUnsupported)
    return "it names no function";
  for (size_t i = 2; i < 5; ++i)
    if (std::string reason = DeclineUnlessIndex(view, i); !reason.empty()) return reason;
  return DeclineStablehloReduceWindow(view);
}

// RNG_BIT_GENERATOR
// --------------------------------------------------------------------------------

class RngBitGeneratorStep : public Step {
 public:
  Status Prepare(PrepareContext& context) override {
    algorithm_ = context.view().attrs<ir::RngBitGeneratorAttrs>().algorithm;
    context.AllowInPlace(0, 0);
    return Status::Ok();
  }
  Status Run(RunContext& context) override {
    const TensorView &state = context.input(0), &output = context.output(1);
    const int64_t words = output.num_elements() * (BitsOf(output.type) / 32);
    auto* bits = output.as_mutable<uint32_t>();
    auto* next = context.output(0).as_mutable<uint64_t>();
    if (algorithm_ == ir::RngAlgorithm::kThreefry)
      kernels::ThreefryBits(state.as<uint64_t>(), words, bits, next);
    else
      kernels::PhiloxBits(state.as<uint64_t>(), state.dim(0), words, bits, next);
    return Status::Ok();
  }

 private:
  ir::RngAlgorithm algorithm_ = ir::RngAlgorithm::kDefault;
};

std::string DeclineRngBitGenerator(const NodeView& view) {
  if (view.inputs[0].type != DType::kUInt64 || view.outputs[0].type != DType::kUInt64)
    return "the state is not uint64";
  switch (view.outputs[1].type) {
    case DType::kInt32:
    case DType::kUInt32:
    case DType::kInt64:
    case DType::kUInt64:
      return {};
    default:
      return Concat("makes no ", NameOf(view.outputs[1].type));
  }
}

constexpr ErrorBound kExact = ErrorBound::kExact;
constexpr KernelEntry kKernels[] = {

    {OpCode::kDilate, "dilate.reference", kExact, DeclineDilate, MakeStep<PadStep>},
    {OpCode::kReduceWindow, "reduce_window.reference", kExact, DeclineReduceWindow,
     MakeStep<ReduceWindowStep>},
    {OpCode::kStablehloAdd, "stablehlo_add.reference", kExact, DeclineCombine,
     MakeStep<CombineStep>},
    {OpCode::kStablehloAnd, "stablehlo_and.reference", kExact, DeclineCombine,
     MakeStep<CombineStep>},
    {OpCode::kStablehloGather, "stablehlo_gather.reference", kExact, DeclineGather,
     MakeStep<GatherStep>},
    {OpCode::kStablehloMaximum, "stablehlo_maximum.reference", kExact, DeclineCombine,
     MakeStep<CombineStep>},
    {OpCode::kStablehloMinimum, "stablehlo_minimum.reference", kExact, DeclineCombine,
     MakeStep<CombineStep>},
    {OpCode::kStablehloMultiply, "stablehlo_multiply.reference", kExact, DeclineCombine,
     MakeStep<CombineStep>},
    {OpCode::kStablehloPad, "stablehlo_pad.reference", kExact, DeclinePad, MakeStep<PadStep>},
    {OpCode::kStablehloReduceWindow, "stablehlo_reduce_window.reference", kExact,
     DeclineStablehloReduceWindow, MakeStep<StablehloReduceWindowStep>},
    {OpCode::kStablehloRngBitGenerator, "stablehlo_rng_bit_generator.reference", kExact,
     DeclineRngBitGenerator, MakeStep<RngBitGeneratorStep>},
    {OpCode::kStablehloScatter, "stablehlo_scatter.reference", kExact, DeclineScatter,
     MakeStep<ScatterStep>},
    {OpCode::kStablehloShiftLeft, "stablehlo_shift_left.reference", kExact, DeclineShiftLeft,
     MakeStep<ShiftLeftStep>},
};

}  // namespace

std::span<const KernelEntry> StablehloKernels() { return ir::SelectedRows<kKernels>(); }

}  // namespace edgeml::backends
