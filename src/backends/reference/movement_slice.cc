// Steps that take tensors apart and put them together.
#include <algorithm>
#include <vector>

#include "src/backends/kernel_table.h"
#include "src/backends/reference/movement.h"
#include "src/backends/reference/string_elements.h"
#include "src/base/strings.h"
#include "src/ir/ops/movement_rules.h"
#include "src/kernels/movement/indexing.h"

namespace edgeml::backends {
namespace {

using ir::IndexAt;
using kernels::DenseStrides;
using kernels::StridedCopy;
using runtime::NodeView;
using runtime::PrepareContext;
using runtime::RunContext;
using runtime::Step;

// Part [begin, begin + size) of dimension `axis` of a whole tensor, or that whole written into such
// a part: [outer, size, inner] inside [outer, dim, inner].
struct AxisPart {
  int64_t outer = 1, inner = 1, dim = 0, begin = 0, size = 0;

  // Offset of the part's first element in the whole; it is one run when outer is 1.
  int64_t offset() const { return begin * inner; }
  StridedCopy Loops(bool into_whole) const {
    StridedCopy copy;
    const int64_t whole = dim * inner, part = size * inner;
    copy.AddLoop(outer, into_whole ? part : whole, into_whole ? whole : part);
    copy.AddLoop(part, 1, 1);
    copy.set_offsets(into_whole ? 0 : offset(), into_whole ? offset() : 0);
    return copy;
  }
};

size_t ByteOffset(const TensorView& view, int64_t element) {
  return static_cast<size_t>(element * (BitsOf(view.type) / 8));
}

// CONCATENATION and PACK: inputs stand side by side along one axis of the output.
class ConcatStep : public Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const NodeView& view = context.view();
    const Shape& output = view.outputs[0].shape;
    const bool pack = view.node->op == OpCode::kPack;
    const int64_t stated =
        pack ? view.attrs<ir::AxisAttrs>().axis : view.attrs<ir::ConcatAttrs>().axis;
    EDGEML_ASSIGN_OR_RETURN(const int axis, ir::CheckedAxis(stated, output.rank()));
    part_.outer = output.num_elements(0, axis);
    part_.inner = output.num_elements(axis + 1, output.rank());
    part_.dim = output[axis];
    sizes_.clear();
    rescale_.clear();
    int64_t begin = 0;
    for (size_t i = 0; i < view.inputs.size(); ++i) {
      const TensorView& input = view.inputs[i];
      const bool scalar = input.rank() == 0;  // concatenated scalars make a vector
      sizes_.push_back(pack || scalar ? 1 : input.dim(axis));
      rescale_.push_back(RescaleOf(input, view.outputs[0]));
      const bool whole = part_.outer == 1 && !rescale_.back().needed;
      if (whole && ByteAddressable(input) && input.num_elements() > 0)
        context.AllowInputInOutput(i, 0, ByteOffset(input, begin * part_.inner));
      begin += sizes_.back();
    }
    return Status::Ok();
  }

  Status Run(RunContext& context) override {
    const TensorView& output = context.output(0);
    AxisPart part = part_;
    for (size_t i = 0; i < sizes_.size(); ++i) {
      const TensorView& input = context.input(i);
      part.size = sizes_[i];
      if (rescale_[i].needed) {
        const Rescale& r = rescale_[i];
        const int64_t run = part.size * part.inner;
        for (int64_t o = 0; o < part.outer; ++o) {
          kernels::RescaleUInt8(
              input.as<uint8_t>() + o * run, run, r.scale, r.bias, output.zero_point(),
              output.as_mutable<uint8_t>() + o * part.dim * part.inner + part.offset());
        }
      } else {
        CopyBetween(part.Loops(true), input, output);
      }
      part.begin += part.size;
    }
    return Status::Ok();
  }

 private:
  struct Rescale {
    bool needed = false;
    float scale = 1.0f, bias = 0.0f;
  };
  // Only uint8 is requantized on the way.
  static Rescale RescaleOf(const TensorView& input, const TensorView& output) {
    Rescale r;
    if (output.type != DType::kUInt8) return r;
    if (input.scale() == output.scale() && input.zero_point() == output.zero_point()) return r;
    r.needed = true;
    r.scale = input.scale() * (1.0f / output.scale());
    r.bias = static_cast<float>(-int64_t{input.zero_point()}) * r.scale;
    return r;
  }

  AxisPart part_;
  std::vector<int64_t> sizes_;
  std::vector<Rescale> rescale_;
};

// SPLIT, SPLIT_V and UNPACK: the reverse of the above.
class SplitStep : public Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const NodeView& view = context.view();
    op_ = view.node->op;
    source_ = op_ == OpCode::kSplit ? 1 : 0;
    const TensorView& input = view.inputs[source_];
    if (op_ == OpCode::kUnpack) {
      stated_axis_ = view.attrs<ir::AxisAttrs>().axis;
    } else {
      // Another axis at the next run would make another place: only a constant one may be planned.
      const TensorView& axis = view.inputs[op_ == OpCode::kSplit ? 0 : 2];
      if (!axis.is_constant) return Status::Ok();
      stated_axis_ = IndexAt(axis, 0);
    }
    EDGEML_ASSIGN_OR_RETURN(AxisPart part, PartOf(input));
    if (part.outer != 1 || !ByteAddressable(input)) return Status::Ok();
    for (size_t i = 0; i < view.outputs.size(); ++i) {
      part.size = SizeOf(view.outputs[i], part);
      if (view.outputs[i].num_elements() > 0)
        context.AllowOutputInInput(i, source_, ByteOffset(input, part.offset()));
      part.begin += part.size;
    }
    return Status::Ok();
  }

  Status Run(RunContext& context) override {
    const TensorView& input = context.input(source_);
    if (op_ != OpCode::kUnpack)
      stated_axis_ = IndexAt(context.input(op_ == OpCode::kSplit ? 0 : 2), 0);
    EDGEML_ASSIGN_OR_RETURN(AxisPart part, PartOf(input));
    for (size_t i = 0; i < context.num_outputs(); ++i) {
      const TensorView& output = context.output(i);
      part.size = SizeOf(output, part);
      if (part.begin + part.size > part.dim)
        return Error(Code::kInternal, "split outputs are larger than the input");
      CopyBetween(part.Loops(false), input, output);
      part.begin += part.size;
    }
    return Status::Ok();
  }

 private:
  Result<AxisPart> PartOf(const TensorView& input) {
    EDGEML_ASSIGN_OR_RETURN(axis_, ir::CheckedAxis(stated_axis_, input.rank()));
    AxisPart part;
    part.outer = input.shape.num_elements(0, axis_);
    part.inner = input.shape.num_elements(axis_ + 1, input.rank());
    part.dim = input.dim(axis_);
    return part;
  }
  int64_t SizeOf(const TensorView& output, const AxisPart&) const {
    return op_ == OpCode::kUnpack ? 1 : output.dim(axis_);
  }

  OpCode op_ = OpCode::kSplit;
  size_t source_ = 0;
  int64_t stated_axis_ = 0;
  int axis_ = 0;
};

// SLICE and STRIDED_SLICE: a strided range of every input dimension.
class SliceStep : public Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const NodeView& view = context.view();
    strided_ = view.node->op == OpCode::kStridedSlice;
    if (strided_) attrs_ = view.attrs<ir::StridedSliceAttrs>();
    for (size_t i = 1; i < view.inputs.size(); ++i)
      if (!view.inputs[i].is_constant) return Status::Ok();
    EDGEML_ASSIGN_OR_RETURN(const StridedCopy copy,
                            LoopsOf(view.inputs[0], view.inputs[1], view.inputs[2],
                                    strided_ ? view.inputs[3] : view.inputs[2]));
    if (copy.contiguous() && !copy.empty() && ByteAddressable(view.inputs[0]))
      context.AllowOutputInInput(0, 0, ByteOffset(view.inputs[0], copy.source_offset()));
    return Status::Ok();
  }

  Status Run(RunContext& context) override {
    const TensorView &input = context.input(0), &output = context.output(0);
    EDGEML_ASSIGN_OR_RETURN(
        const StridedCopy copy,
        LoopsOf(input, context.input(1), context.input(2), context.input(strided_ ? 3 : 2)));
    int64_t elements = copy.empty() ? 0 : 1;
    for (int i = 0; i < copy.num_loops(); ++i) elements *= copy.loop(i).extent;
    if (elements != output.num_elements() && !(copy.empty() && output.num_elements() == 0))
      return Error(Code::kInvalidArgument, "the slice holds ", elements,
                   " elements, the output has room for ", output.num_elements());
    CopyBetween(copy, input, output);
    return Status::Ok();
  }

 private:
  Result<StridedCopy> LoopsOf(const TensorView& input, const TensorView& begin,
                              const TensorView& end_or_size, const TensorView& strides) const {
    ir::StridedRanges ranges;
    if (strided_) {
      EDGEML_ASSIGN_OR_RETURN(
          ranges, ir::ResolveStridedSlice(attrs_, input.shape, &begin, end_or_size, strides));
    } else {
      EDGEML_ASSIGN_OR_RETURN(const ir::SliceRange range,
                              ir::ResolveSlice(input.shape, begin, end_or_size));
      ranges.start = range.begin;
      ranges.count = range.size;
      ranges.stride.fill(1);
    }
    StridedCopy copy;
    for (int i = 0; i < input.rank(); ++i) {
      if (ranges.count[static_cast<size_t>(i)] != 0 && input.dim(i) != 0) continue;
      copy.AddLoop(0, 0, 0);  // the other dimensions may have any size
      return copy;
    }
    const auto from = DenseStrides(input.shape);
    std::array<int64_t, kMaxRank> to{};
    int64_t run = 1;
    for (int i = input.rank() - 1; i >= 0; --i) {
      to[static_cast<size_t>(i)] = run;
      run *= ranges.count[static_cast<size_t>(i)];
    }
    int64_t start = 0;
    for (size_t i = 0; i < static_cast<size_t>(input.rank()); ++i) {
      start += ranges.start[i] * from[i];
      const int64_t stride = ranges.count[i] > 1 ? ranges.stride[i] : 1;  // of one: any number
      copy.AddLoop(ranges.count[i], stride * from[i], to[i]);
    }
    copy.set_offsets(start, 0);
    return copy;
  }

  bool strided_ = false;
  ir::StridedSliceAttrs attrs_;
};

class PadStep : public Step {
 public:
  Status Prepare(PrepareContext& context) override {
    has_value_ = context.view().has_input(2);
    return Status::Ok();
  }
  Status Run(RunContext& context) override {
    const TensorView &input = context.input(0), &output = context.output(0);
    if (output.num_elements() == 0) return Status::Ok();
    EDGEML_ASSIGN_OR_RETURN(const ir::PadAmounts pad,
                            ir::ResolvePad(input.shape, context.input(1)));
    const bool integer = !IsFloat(output.type);
    const int64_t zero[2] = {integer ? output.zero_point() : 0, 0};
    const void* value = has_value_ ? context.input(2).data : zero;
    kernels::FillElements(output.data, output.num_elements(), value, BitsOf(output.type));
    const auto from = DenseStrides(input.shape), to = DenseStrides(output.shape);
    StridedCopy copy;
    int64_t start = 0;
    for (int i = 0; i < input.rank(); ++i) {
      const auto at = static_cast<size_t>(i);
      start += pad.before[at] * to[at];
      copy.AddLoop(input.dim(i), from[at], to[at]);
    }
    copy.set_offsets(0, start);
    CopyBetween(copy, input, output);
    return Status::Ok();
  }

 private:
  bool has_value_ = false;
};

class MirrorPadStep : public Step {
 public:
  Status Prepare(PrepareContext& context) override {
    edge_ = context.view().attrs<ir::MirrorPadAttrs>().mode == ir::MirrorMode::kReflect ? 1 : 0;
    return Status::Ok();
  }
  Status Run(RunContext& context) override {
    const TensorView &input = context.input(0), &output = context.output(0);
    if (output.num_elements() == 0) return Status::Ok();
    EDGEML_ASSIGN_OR_RETURN(const ir::PadAmounts pad,
                            ir::ResolvePad(input.shape, context.input(1)));
    kernels::MirrorPad(input.shape, pad.before, output.shape, edge_, BitsOf(output.type),
                       input.data, output.data);
    return Status::Ok();
  }

 private:
  int edge_ = 0;
};

class DynamicUpdateSliceStep : public Step {
 public:
  Status Prepare(PrepareContext& context) override {
    context.AllowInPlace(0, 0);
    return Status::Ok();
  }
  Status Run(RunContext& context) override {
    const TensorView &operand = context.input(0), &update = context.input(1);
    const TensorView &start = context.input(2), &output = context.output(0);
    CopyWhole(operand, output);
    const auto from = DenseStrides(update.shape), to = DenseStrides(output.shape);
    StridedCopy copy;
    int64_t offset = 0;
    for (int i = 0; i < output.rank(); ++i) {
      const auto at = static_cast<size_t>(i);
      offset += std::clamp<int64_t>(IndexAt(start, i), 0, output.dim(i) - update.dim(i)) * to[at];
      copy.AddLoop(update.dim(i), from[at], to[at]);
    }
    copy.set_offsets(0, offset);
    CopyBetween(copy, update, output);
    return Status::Ok();
  }
};

// Every input has the output's type and, but for uint8, its quantization.
std::string DeclineJoined(const NodeView& view) {
  const TensorView& output = view.outputs[0];
  for (const TensorView& input : view.inputs) {
    if (input.type != output.type)
      return Concat("joins ", NameOf(input.type), " into ", NameOf(output.type));
    const bool rescales = view.node->op == OpCode::kConcatenation && output.type == DType::kUInt8;
    if (rescales && !DeclineRequantization(input, output).empty() && !(output.scale() > 0.0f))
      return "the output's scale is not positive";
    const bool quantized =
        output.type == DType::kInt8 || output.type == DType::kInt16 || output.type == DType::kUInt8;
    if (quantized && !rescales) {
      if (std::string reason = DeclineRequantization(input, output); !reason.empty()) return reason;
    }
  }
  return DeclineUnmovable(output);
}

std::string DeclineUnpack(const NodeView& view) { return DeclineUnlessMoved(view, 0); }

std::string DeclineSplit(const NodeView& view) {
  const bool sized = view.node->op == OpCode::kSplitV;
  if (std::string reason = DeclineUnlessIndex(view, sized ? 2 : 0); !reason.empty()) return reason;
  if (sized) {
    if (std::string reason = DeclineUnlessIndex(view, 1); !reason.empty()) return reason;
  }
  return DeclineUnlessMoved(view, sized ? 0 : 1);
}

std::string DeclineSlice(const NodeView& view) {
  for (size_t i = 1; i < view.inputs.size(); ++i)
    if (std::string reason = DeclineUnlessIndex(view, i); !reason.empty()) return reason;
  return DeclineUnlessMoved(view, 0);
}

std::string DeclineDynamicUpdateSlice(const NodeView& view) {
  if (std::string reason = DeclineUnlessIndex(view, 2); !reason.empty()) return reason;
  if (view.inputs[1].type != view.inputs[0].type) return "operand and update differ in type";
  return DeclineUnlessMoved(view, 0);
}

std::string DeclinePad(const NodeView& view) {
  switch (view.inputs[1].type) {
    case DType::kInt8:
    case DType::kInt16:
    case DType::kInt32:
    case DType::kInt64:
    case DType::kBool:
      break;
    default:
      return Concat("paddings of type ", NameOf(view.inputs[1].type));
  }
  if (view.has_input(2)) {
    if (view.inputs[2].type != view.inputs[0].type) return "input and padding value differ in type";
    const DType type = view.inputs[0].type;
    const bool integer = type == DType::kUInt8 || type == DType::kInt8 || type == DType::kInt16;
    if (integer && view.inputs[0].quantized()) {
      if (std::string reason = DeclineRequantization(view.inputs[2], view.outputs[0]);
          !reason.empty())
        return reason;
    }
  }
  return DeclineUnlessMoved(view, 0);
}

constexpr ErrorBound kExact = ErrorBound::kExact;
constexpr bool kTakesStrings = true;
constexpr KernelEntry kKernels[] = {

    {OpCode::kConcatenation, "concatenation.reference", kExact, DeclineJoined,
     MakeStep<ConcatStep>},
    {OpCode::kDynamicUpdateSlice, "dynamic_update_slice.reference", kExact,
     DeclineDynamicUpdateSlice, MakeStep<DynamicUpdateSliceStep>},
    {OpCode::kMirrorPad, "mirror_pad.reference", kExact, DeclinePad, MakeStep<MirrorPadStep>},
    {OpCode::kPack, "pack.reference", kExact, DeclineJoined, MakeStep<ConcatStep>},
    {OpCode::kPad, "pad.reference", kExact, DeclinePad, MakeStep<PadStep>},
    {OpCode::kPadV2, "padv2.reference", kExact, DeclinePad, MakeStep<PadStep>},
    {OpCode::kSlice, "slice.reference", kExact, DeclineSlice, MakeStep<SliceStep>},
    {OpCode::kSlice,
     "slice.string.reference",
     kExact,
     DeclineStrings<DeclineSlice>,
     MakeStringStep<SliceStep>,
     {DType::kString},
     kTakesStrings},
    {OpCode::kSplit, "split.reference", kExact, DeclineSplit, MakeStep<SplitStep>},
    {OpCode::kSplitV, "split_v.reference", kExact, DeclineSplit, MakeStep<SplitStep>},
    {OpCode::kStridedSlice, "strided_slice.reference", kExact, DeclineSlice, MakeStep<SliceStep>},
    {OpCode::kStridedSlice,
     "strided_slice.string.reference",
     kExact,
     DeclineStrings<DeclineSlice>,
     MakeStringStep<SliceStep>,
     {DType::kString},
     kTakesStrings},
    {OpCode::kUnpack, "unpack.reference", kExact, DeclineUnpack, MakeStep<SplitStep>},
};

}  // namespace

std::span<const KernelEntry> SliceKernels() { return ir::SelectedRows<kKernels>(); }

}  // namespace edgeml::backends
