// CONV_3D and CONV_3D_TRANSPOSE on the reference kernels.
#include "src/kernels/convolution/convolution_3d.h"

#include "src/backends/kernel_table.h"
#include "src/backends/weights.h"
#include "src/base/strings.h"

namespace edgeml::backends {
namespace {

using kernels::Conv3DShape;
using kernels::ConvAxis;

// Where the operands stand. The filter is input 1 of both.
constexpr size_t InputOf(bool transposed) { return transposed ? 2 : 0; }

template <bool kTransposed>
std::string Decline(const NodeView& view) {
  for (size_t i = kTransposed ? 1 : 0; i < view.inputs.size(); ++i)
    if (view.has_input(i) && view.inputs[i].type != DType::kFloat32)
      return Concat("input ", i, " is ", NameOf(view.inputs[i].type), ", expected float32");
  if (view.outputs[0].type != DType::kFloat32)
    return Concat("the output is ", NameOf(view.outputs[0].type), ", expected float32");
  return DeclineActivation(view.attrs<ir::Conv3DAttrs>().activation, view.outputs[0]);
}

template <bool kTransposed>
class Conv3DStep : public runtime::Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const NodeView& view = context.view();
    const auto& attrs = view.attrs<ir::Conv3DAttrs>();
    const Shape &in = view.inputs[InputOf(kTransposed)].shape, &out = view.outputs[0].shape;
    const Shape& filter = view.inputs[1].shape;
    // The transpose convolution's padding is that of the convolution it reverses.
    const Shape &padded = kTransposed ? out : in, &windows = kTransposed ? in : out;
    ir::Window deep = attrs.window;
    deep.stride_h = attrs.stride_d;
    deep.dilation_h = attrs.dilation_d;
    const auto axis = [&](const ir::Window& window, int dim, bool vertical) {
      return ConvAxis{
          .in = in[dim],
          .out = out[dim],
          .filter = filter[dim - 1],
          .stride = vertical ? window.stride_h : window.stride_w,
          .dilation = vertical ? window.dilation_h : window.dilation_w,
          .pad = ir::WindowPadBefore(window, padded[dim], filter[dim - 1], windows[dim], vertical)};
    };
    shape_ = {.batch = in[0],
              .in_c = in[4],
              .out_c = out[4],
              .d = axis(deep, 1, true),
              .h = axis(attrs.window, 2, true),
              .w = axis(attrs.window, 3, false)};
    FloatActivationRange(static_cast<int>(attrs.activation), &range_.min, &range_.max);
    return Status::Ok();
  }

  Status Run(RunContext& context) override {
    constexpr size_t kInput = InputOf(kTransposed), kBias = kInput + (kTransposed ? 1 : 2);
    const bool biased = kBias < context.num_inputs() && context.input(kBias).present();
    const float* bias = biased ? context.input(kBias).as<float>() : nullptr;
    const auto kernel = kTransposed ? kernels::Conv3DTranspose : kernels::Conv3D;
    return ForEachRow(context, shape_.output_pixels(), [&](int64_t pixel) {
      kernel(shape_, range_, context.input(kInput).as<float>(), context.input(1).as<float>(), bias,
             context.output(0).as_mutable<float>(), pixel, pixel + 1);
    });
  }

 private:
  Conv3DShape shape_;
  kernels::FloatRange range_;
};

constexpr KernelEntry kKernels[] = {
    {OpCode::kConv3D, "conv_3d.reference", ErrorBound::kExact, Decline<false>,
     MakeStep<Conv3DStep<false>>},
    {OpCode::kConv3DTranspose, "conv_3d_transpose.reference", ErrorBound::kExact, Decline<true>,
     MakeStep<Conv3DStep<true>>},
};

}  // namespace

std::span<const KernelEntry> Convolution3DKernels() { return ir::SelectedRows<kKernels>(); }

}  // namespace edgeml::backends
