// Fourier transforms on the reference kernels.
#include <algorithm>
#include <limits>

#include "src/backends/kernel_table.h"
#include "src/backends/reference/reference_backend.h"
#include "src/base/strings.h"
#include "src/kernels/spectral/fourier.h"

namespace edgeml::backends {
namespace {

using runtime::NodeView;
using runtime::PrepareContext;
using runtime::RunContext;

std::string DeclineRfft2d(const NodeView& view) {
  if (view.inputs[0].type != DType::kFloat32)
    return Concat("input of type ", NameOf(view.inputs[0].type), " is not supported");
  if (view.outputs[0].type != DType::kComplex64)
    return Concat("the output is ", NameOf(view.outputs[0].type), ", expected complex64");
  return "";
}

// LiteRT transforms no columns when the width is 1 and returns what its library left; here that is
// a Fourier transform like any other.
class Rfft2dStep : public runtime::Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const Shape& in = context.view().inputs[0].shape;
    const Shape& out = context.view().outputs[0].shape;
    const int rank = in.rank();
    shape_.slices = in.num_elements(0, rank - 2);
    shape_.in_h = in[rank - 2];
    shape_.in_w = in[rank - 1];
    shape_.fft_h = out[rank - 2];
    shape_.fft_w = std::max<int64_t>(int64_t{out[rank - 1] - 1} * 2, 1);  // a power of two
    const int64_t numbers = shape_.scratch();
    if (numbers > std::numeric_limits<ptrdiff_t>::max() / int64_t{sizeof(kernels::Complex)})
      return Error(Code::kResourceExhausted, "the transform is too long");
    scratch_ = context.RequestWorkspace(static_cast<uint64_t>(numbers) * sizeof(kernels::Complex));
    return Status::Ok();
  }

  Status Run(RunContext& context) override {
    const bool done = kernels::RealFourier2D(
        shape_, context.input(0).as<float>(),
        static_cast<kernels::Complex*>(context.workspace(scratch_)),
        context.output(0).as_mutable<float>(), [&] { return context.cancelled(); });
    return done ? Status::Ok() : Error(Code::kCancelled, "stopped on request");
  }

 private:
  kernels::RealFourier2DShape shape_;
  int scratch_ = 0;
};

constexpr KernelEntry kKernels[] = {
    {OpCode::kRfft2d, "rfft2d.reference", ErrorBound::kExact, DeclineRfft2d, MakeStep<Rfft2dStep>},
};

}  // namespace

std::span<const KernelEntry> SpectralKernels() { return ir::SelectedRows<kKernels>(); }

}  // namespace edgeml::backends
