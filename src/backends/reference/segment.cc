// Reductions over segments on the reference kernels.
#include "src/kernels/segment/segment.h"

#include <string>

#include "src/backends/kernel_table.h"
#include "src/backends/reference/movement.h"
#include "src/base/strings.h"

namespace edgeml::backends {
namespace {

using kernels::SegmentReduction;
using runtime::NodeView;
using runtime::PrepareContext;
using runtime::RunContext;
using runtime::Step;

// data [ids..., inner...], ids [ids...] → [segments, inner...]
class SegmentStep : public Step {
 public:
  explicit SegmentStep(SegmentReduction reduction) : reduction_(reduction) {}
  Status Prepare(PrepareContext&) override { return Status::Ok(); }
  Status Run(RunContext& context) override {
    const TensorView &data = context.input(0), &ids = context.input(1);
    const TensorView& output = context.output(0);
    kernels::SegmentShape shape;
    shape.count = ids.num_elements();
    shape.inner = data.shape.num_elements(ids.rank(), data.rank());
    shape.segments = output.dim(0);
    return FaultStatus(kernels::ReduceSegments(reduction_, shape, data.type, data.data,
                                               ids.as<int32_t>(), output.data));
  }

 private:
  const SegmentReduction reduction_;
};

template <SegmentReduction reduction>
std::unique_ptr<Step> MakeSegmentStep() {
  return std::make_unique<SegmentStep>(reduction);
}

std::string DeclineSegments(const NodeView& view) {
  const DType type = view.inputs[0].type;
  if (type != DType::kFloat32 && type != DType::kInt32)
    return Concat("data of type ", NameOf(type));
  if (view.outputs[0].type != type)
    return Concat("data are ", NameOf(type), " but the output is ", NameOf(view.outputs[0].type));
  for (size_t i = 1; i < view.inputs.size(); ++i) {
    if (view.inputs[i].type != DType::kInt32)
      return Concat("input ", i, " is ", NameOf(view.inputs[i].type), ", expected int32");
  }
  return {};
}

constexpr ErrorBound kExact = ErrorBound::kExact;
constexpr KernelEntry kKernels[] = {

    {OpCode::kSegmentSum, "segment_sum.reference", kExact, DeclineSegments,
     MakeSegmentStep<SegmentReduction::kSum>},
    {OpCode::kUnsortedSegmentMax, "unsorted_segment_max.reference", kExact, DeclineSegments,
     MakeSegmentStep<SegmentReduction::kMax>},
    {OpCode::kUnsortedSegmentMin, "unsorted_segment_min.reference", kExact, DeclineSegments,
     MakeSegmentStep<SegmentReduction::kMin>},
    {OpCode::kUnsortedSegmentProd, "unsorted_segment_prod.reference", kExact, DeclineSegments,
     MakeSegmentStep<SegmentReduction::kProd>},
    {OpCode::kUnsortedSegmentSum, "unsorted_segment_sum.reference", kExact, DeclineSegments,
     MakeSegmentStep<SegmentReduction::kSum>},
};

}  // namespace

std::span<const KernelEntry> SegmentKernels() { return ir::SelectedRows<kKernels>(); }

}  // namespace edgeml::backends
