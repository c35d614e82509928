// Steps that lay out whole tensors anew, or make them from few values.
#include <algorithm>
#include <array>
#include <cstring>

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

// RESHAPE, SQUEEZE, EXPAND_DIMS: the same bytes under another shape.
class SameBytesStep : public Step {
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

class TransposeStep : public Step {
 public:
  Status Prepare(PrepareContext&) override { return Status::Ok(); }
  Status Run(RunContext& context) override {
    const TensorView &input = context.input(0), &perm = context.input(1);
    const TensorView& output = context.output(0);
    const auto from = DenseStrides(input.shape), to = DenseStrides(output.shape);
    StridedCopy copy;
    for (int i = 0; i < output.rank(); ++i) {
      EDGEML_ASSIGN_OR_RETURN(const int axis, ir::CheckedAxis(IndexAt(perm, i), input.rank()));
      copy.AddLoop(output.dim(i), from[static_cast<size_t>(axis)], to[static_cast<size_t>(i)]);
    }
    CopyBetween(copy, input, output);
    return Status::Ok();
  }
};

class ReverseStep : public Step {
 public:
  Status Prepare(PrepareContext&) override { return Status::Ok(); }
  Status Run(RunContext& context) override {
    const TensorView &input = context.input(0), &axes = context.input(1);
    uint32_t reversed = 0;
    for (int64_t i = 0; i < axes.num_elements(); ++i) {
      EDGEML_ASSIGN_OR_RETURN(const int axis, ir::CheckedAxis(IndexAt(axes, i), input.rank()));
      if (((reversed >> axis) & 1u) != 0)
        return Error(Code::kInvalidArgument, "axis ", axis, " is named twice");
      reversed |= 1u << axis;
    }
    const auto strides = DenseStrides(input.shape);
    StridedCopy copy;
    int64_t start = 0;
    for (int i = 0; i < input.rank(); ++i) {
      const int64_t stride = strides[static_cast<size_t>(i)];
      const bool back = ((reversed >> i) & 1u) != 0;
      if (back) start += (input.dim(i) - 1) * stride;
      copy.AddLoop(input.dim(i), back ? -stride : stride, stride);
    }
    copy.set_offsets(start, 0);
    CopyBetween(copy, input, context.output(0));
    return Status::Ok();
  }
};

class BroadcastToStep : public Step {
 public:
  Status Prepare(PrepareContext&) override { return Status::Ok(); }
  Status Run(RunContext& context) override {
    const TensorView &input = context.input(0), &output = context.output(0);
    const Shape shape = input.shape.ExpandedTo(output.rank());
    const auto from = DenseStrides(shape), to = DenseStrides(output.shape);
    StridedCopy copy;
    for (int i = 0; i < output.rank(); ++i) {
      const auto at = static_cast<size_t>(i);
      copy.AddLoop(output.dim(i), shape[i] == 1 ? 0 : from[at], to[at]);
    }
    CopyBetween(copy, input, output);
    return Status::Ok();
  }
};

class TileStep : public Step {
 public:
  Status Prepare(PrepareContext&) override { return Status::Ok(); }
  Status Run(RunContext& context) override {
    const TensorView &input = context.input(0), &output = context.output(0);
    if (output.num_elements() == 0) return Status::Ok();
    const auto from = DenseStrides(input.shape), to = DenseStrides(output.shape);
    StridedCopy copy;
    for (int i = 0; i < output.rank(); ++i) {
      const auto at = static_cast<size_t>(i);
      const int64_t dim = input.dim(i);
      copy.AddLoop(output.dim(i) / dim, 0, dim * to[at]);
      copy.AddLoop(dim, from[at], to[at]);
    }
    CopyBetween(copy, input, output);
    return Status::Ok();
  }
};

// The loops over [batch, height, width, block, block, depth] that both directions share: strides in
// the tensor with the larger image and in the one with the larger depth.
StridedCopy BlockLoops(const TensorView& image, const TensorView& depth, bool to_depth) {
  const auto in_image = DenseStrides(image.shape), in_depth = DenseStrides(depth.shape);
  const int64_t height = depth.dim(1), width = depth.dim(2), channels = image.dim(3);
  const int64_t block_h = height > 0 ? image.dim(1) / height : 0;
  const int64_t block_w = width > 0 ? image.dim(2) / width : 0;
  StridedCopy copy;
  const auto add = [&](int64_t extent, int64_t image_stride, int64_t depth_stride) {
    copy.AddLoop(extent, to_depth ? image_stride : depth_stride,
                 to_depth ? depth_stride : image_stride);
  };
  add(image.dim(0), in_image[0], in_depth[0]);
  add(height, in_image[1] * block_h, in_depth[1]);
  add(width, in_image[2] * block_w, in_depth[2]);
  add(block_h, in_image[1], channels * block_w);
  add(block_w, in_image[2], channels);
  add(channels, 1, 1);
  return copy;
}

template <bool kToDepth>
class SpaceDepthStep : public Step {
 public:
  Status Prepare(PrepareContext&) override { return Status::Ok(); }
  Status Run(RunContext& context) override {
    const TensorView &input = context.input(0), &output = context.output(0);
    CopyBetween(kToDepth ? BlockLoops(input, output, true) : BlockLoops(output, input, false),
                input, output);
    return Status::Ok();
  }
};

// SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND. The spatial tensor [batch, s…, rest…] and the blocked
// one [prod(block) * batch, ceil(s / block)…, rest…]: blocked position i at block offset f stands
// for spatial position i * block + f - edge, where edge is what is padded or cropped in front.
template <bool kToBatch>
class SpaceBatchStep : public Step {
 public:
  Status Prepare(PrepareContext&) override { return Status::Ok(); }
  Status Run(RunContext& context) override {
    const TensorView &input = context.input(0), &output = context.output(0);
    const TensorView &block = context.input(1), &edges = context.input(2);
    if (output.num_elements() == 0) return Status::Ok();
    const int bits = BitsOf(output.type);
    if (kToBatch) {
      const int64_t zero[2] = {output.zero_point(), 0};
      kernels::FillElements(output.data, output.num_elements(), zero, bits);
    }
    if (input.num_elements() == 0) return Status::Ok();
    const TensorView& spatial = kToBatch ? input : output;
    const TensorView& blocked = kToBatch ? output : input;
    const auto in_spatial = DenseStrides(spatial.shape), in_blocked = DenseStrides(blocked.shape);
    const int m = block.dim(0);
    int64_t groups = 1;
    for (int d = 0; d < m; ++d) groups *= IndexAt(block, d);
    for (int64_t group = 0; group < groups; ++group) {
      // The group number spells the block offsets, the last dimension fastest.
      StridedCopy copy;
      std::array<int64_t, kMaxRank> offset{};
      int64_t left = group;
      for (int d = m - 1; d >= 0; --d) {
        offset[static_cast<size_t>(d)] = left % IndexAt(block, d);
        left /= IndexAt(block, d);
      }
      int64_t spatial_start = 0, blocked_start = group * spatial.dim(0) * in_blocked[0];
      const auto add = [&](int64_t extent, int64_t s, int64_t b) {
        copy.AddLoop(extent, kToBatch ? s : b, kToBatch ? b : s);
      };
      add(spatial.dim(0), in_spatial[0], in_blocked[0]);
      for (int d = 0; d < m; ++d) {
        const auto axis = static_cast<size_t>(d) + 1;
        const int64_t size = IndexAt(block, d);
        const int64_t shift = offset[static_cast<size_t>(d)] - IndexAt(edges, 2 * d);
        const int64_t first = shift >= 0 ? 0 : (-shift + size - 1) / size;
        const int64_t room = spatial.dim(d + 1) - shift;  // positions i with i * size < room fit
        const int64_t end =
            std::min<int64_t>(blocked.dim(d + 1), room <= 0 ? 0 : (room - 1) / size + 1);
        add(std::max<int64_t>(end - first, 0), in_spatial[axis] * size, in_blocked[axis]);
        spatial_start += (first * size + shift) * in_spatial[axis];
        blocked_start += first * in_blocked[axis];
      }
      for (int d = m + 1; d < spatial.rank(); ++d) {
        const auto axis = static_cast<size_t>(d);
        add(spatial.dim(d), in_spatial[axis], in_blocked[axis]);
      }
      copy.set_offsets(kToBatch ? spatial_start : blocked_start,
                       kToBatch ? blocked_start : spatial_start);
      if (!copy.empty()) kernels::CopyStrided(copy, input.data, output.data, bits);
    }
    return Status::Ok();
  }
};

// Writes `value` to element i of an int32 or int64 tensor.
void StoreIndex(const TensorView& view, int64_t i, int64_t value) {
  if (view.type == DType::kInt64) {
    view.as_mutable<int64_t>()[i] = value;
  } else {
    view.as_mutable<int32_t>()[i] = static_cast<int32_t>(value);
  }
}

class ShapeStep : public Step {
 public:
  Status Prepare(PrepareContext&) override { return Status::Ok(); }
  Status Run(RunContext& context) override {
    const TensorView& input = context.input(0);
    for (int i = 0; i < input.rank(); ++i) StoreIndex(context.output(0), i, input.dim(i));
    return Status::Ok();
  }
};

class RankStep : public Step {
 public:
  Status Prepare(PrepareContext&) override { return Status::Ok(); }
  Status Run(RunContext& context) override {
    StoreIndex(context.output(0), 0, context.input(0).rank());
    return Status::Ok();
  }
};

class ZerosLikeStep : public Step {
 public:
  Status Prepare(PrepareContext&) override { return Status::Ok(); }
  Status Run(RunContext& context) override {
    const TensorView& output = context.output(0);
    const int64_t zero[2] = {0, 0};
    kernels::FillElements(output.data, output.num_elements(), zero, BitsOf(output.type));
    return Status::Ok();
  }
};

class FillStep : public Step {
 public:
  Status Prepare(PrepareContext&) override { return Status::Ok(); }
  Status Run(RunContext& context) override {
    const TensorView& output = context.output(0);
    kernels::FillElements(output.data, output.num_elements(), context.input(1).data,
                          BitsOf(output.type));
    return Status::Ok();
  }
};

class RangeStep : public Step {
 public:
  Status Prepare(PrepareContext&) override { return Status::Ok(); }
  Status Run(RunContext& context) override {
    const TensorView &start = context.input(0), &delta = context.input(2);
    const TensorView& output = context.output(0);
    const int64_t count = output.num_elements();
    if (output.type == DType::kFloat32) {
      kernels::RangeFloat(*start.as<float>(), *delta.as<float>(), count,
                          output.as_mutable<float>());
    } else if (output.type == DType::kInt64) {
      kernels::RangeInt64(*start.as<int64_t>(), *delta.as<int64_t>(), count,
                          output.as_mutable<int64_t>());
    } else {
      kernels::RangeInt32(*start.as<int32_t>(), *delta.as<int32_t>(), count,
                          output.as_mutable<int32_t>());
    }
    return Status::Ok();
  }
};

// The broadcast of two shapes given as vectors.
class BroadcastArgsStep : public Step {
 public:
  Status Prepare(PrepareContext&) override { return Status::Ok(); }
  Status Run(RunContext& context) override {
    const TensorView &a = context.input(0), &b = context.input(1), &output = context.output(0);
    const int32_t rank = output.dim(0);
    for (int32_t i = 0; i < rank; ++i) {
      const int32_t in_a = i - (rank - a.dim(0)), in_b = i - (rank - b.dim(0));
      const int64_t x = in_a < 0 ? 1 : IndexAt(a, in_a);
      const int64_t y = in_b < 0 ? 1 : IndexAt(b, in_b);
      if (x != y && x != 1 && y != 1)
        return Error(Code::kInvalidArgument, "sizes ", x, " and ", y,
                     " cannot be broadcast together");
      StoreIndex(output, i, x == 1 ? y : x);
    }
    return Status::Ok();
  }
};

std::string DeclineMoved(const NodeView& view) { return DeclineUnlessMoved(view, 0); }

std::string DeclineMovedByIndex(const NodeView& view) {
  for (size_t i = 1; i < view.inputs.size(); ++i) {
    if (!view.has_input(i)) continue;
    if (std::string reason = DeclineUnlessIndex(view, i); !reason.empty()) return reason;
  }
  return DeclineUnlessMoved(view, 0);
}

std::string DeclineBatchSpace(const NodeView& view) {
  if (std::string reason = DeclineMovedByIndex(view); !reason.empty()) return reason;
  return DeclineRequantization(view.inputs[0], view.outputs[0]);
}

std::string DeclineIndexOutput(const NodeView& view) {
  const DType type = view.outputs[0].type;
  if (type == DType::kInt32 || type == DType::kInt64) return {};
  return Concat("output is ", NameOf(type), ", expected int32 or int64");
}

std::string DeclineBroadcastArgs(const NodeView& view) {
  for (size_t i = 0; i < 2; ++i)
    if (std::string reason = DeclineUnlessIndex(view, i); !reason.empty()) return reason;
  return DeclineUnlessMoved(view, 0);
}

std::string DeclineFill(const NodeView& view) {
  if (std::string reason = DeclineUnlessIndex(view, 0); !reason.empty()) return reason;
  if (std::string reason = DeclineRequantization(view.inputs[1], view.outputs[0]); !reason.empty())
    return reason;
  return DeclineUnlessMoved(view, 1);
}

std::string DeclineRange(const NodeView& view) {
  const DType type = view.inputs[0].type;
  if (type != DType::kInt32 && type != DType::kInt64 && type != DType::kFloat32)
    return Concat("makes no range of type ", NameOf(type));
  return DeclineUnlessMoved(view, 0);
}

constexpr ErrorBound kExact = ErrorBound::kExact;
constexpr bool kTakesStrings = true;
constexpr KernelEntry kKernels[] = {

    {OpCode::kBatchToSpaceNd, "batch_to_space_nd.reference", kExact, DeclineBatchSpace,
     MakeStep<SpaceBatchStep<false>>},
    {OpCode::kBroadcastArgs, "broadcast_args.reference", kExact, DeclineBroadcastArgs,
     MakeStep<BroadcastArgsStep>},
    {OpCode::kBroadcastTo, "broadcast_to.reference", kExact, DeclineMovedByIndex,
     MakeStep<BroadcastToStep>},
    {OpCode::kDepthToSpace, "depth_to_space.reference", kExact, DeclineMoved,
     MakeStep<SpaceDepthStep<false>>},
    {OpCode::kExpandDims, "expand_dims.reference", kExact, DeclineMovedByIndex,
     MakeStep<SameBytesStep>},
    {OpCode::kExpandDims,
     "expand_dims.string.reference",
     kExact,
     DeclineStrings<DeclineMovedByIndex>,
     MakeStringStep<SameBytesStep>,
     {DType::kString},
     kTakesStrings},
    {OpCode::kFill, "fill.reference", kExact, DeclineFill, MakeStep<FillStep>},
    {OpCode::kFill,
     "fill.string.reference",
     kExact,
     DeclineStrings<DeclineFill>,
     MakeStringStep<FillStep>,
     {DType::kString},
     kTakesStrings},
    {OpCode::kRange, "range.reference", kExact, DeclineRange, MakeStep<RangeStep>},
    {OpCode::kRank,
     "rank.reference",
     kExact,
     DeclineIndexOutput,
     MakeStep<RankStep>,
     {},
     kTakesStrings},
    {OpCode::kReshape, "reshape.reference", kExact, DeclineMoved, MakeStep<SameBytesStep>},
    {OpCode::kReshape,
     "reshape.string.reference",
     kExact,
     DeclineStrings<DeclineMoved>,
     MakeStringStep<SameBytesStep>,
     {DType::kString},
     kTakesStrings},
    {OpCode::kReverseV2, "reverse_v2.reference", kExact, DeclineMovedByIndex,
     MakeStep<ReverseStep>},
    {OpCode::kShape,
     "shape.reference",
     kExact,
     DeclineIndexOutput,
     MakeStep<ShapeStep>,
     {},
     kTakesStrings},
    {OpCode::kSpaceToBatchNd, "space_to_batch_nd.reference", kExact, DeclineBatchSpace,
     MakeStep<SpaceBatchStep<true>>},
    {OpCode::kSpaceToDepth, "space_to_depth.reference", kExact, DeclineMoved,
     MakeStep<SpaceDepthStep<true>>},
    {OpCode::kSqueeze, "squeeze.reference", kExact, DeclineMoved, MakeStep<SameBytesStep>},
    {OpCode::kSqueeze,
     "squeeze.string.reference",
     kExact,
     DeclineStrings<DeclineMoved>,
     MakeStringStep<SameBytesStep>,
     {DType::kString},
     kTakesStrings},
    {OpCode::kTile, "tile.reference", kExact, DeclineMovedByIndex, MakeStep<TileStep>},
    {OpCode::kTile,
     "tile.string.reference",
     kExact,
     DeclineStrings<DeclineMovedByIndex>,
     MakeStringStep<TileStep>,
     {DType::kString},
     kTakesStrings},
    {OpCode::kTranspose, "transpose.reference", kExact, DeclineMovedByIndex,
     MakeStep<TransposeStep>},
    {OpCode::kZerosLike, "zeros_like.reference", kExact, DeclineMoved, MakeStep<ZerosLikeStep>},
};

}  // namespace

std::span<const KernelEntry> LayoutKernels() { return ir::SelectedRows<kKernels>(); }

}  // namespace edgeml::backends
