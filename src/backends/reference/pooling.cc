// Pools, L2 normalization and resizing on the reference kernels.
#include "src/kernels/pooling/pooling.h"
#include "src/backends/kernel_table.h"
#include "src/backends/reference/reference_backend.h"
#include "src/backends/weights.h"
#include "src/base/strings.h"
#include "src/ir/window_shape.h"
#include "src/kernels/resize/resize.h"

namespace edgeml::backends {
namespace {

using kernels::PoolShape;
using kernels::ResizeShape;

std::string DeclineDifferentTypes(const NodeView& view) {
  const DType input = view.inputs[0].type, output = view.outputs[0].type;
  if (input == output) return "";
  return Concat(NameOf(input), " input and ", NameOf(output), " output differ");
}

bool OneOf(DType type, std::initializer_list<DType> types) {
  return std::find(types.begin(), types.end(), type) != types.end();
}

std::string DeclineType(DType type, std::initializer_list<DType> types) {
  return OneOf(type, types) ? "" : Concat(NameOf(type), " input is not supported");
}

// Pools -------------------------------------------------------------------------------------

std::string DeclinePool(const NodeView& view) {
  std::string reason = DeclineDifferentTypes(view);
  if (reason.empty())
    reason = DeclineType(view.inputs[0].type,
                         {DType::kFloat32, DType::kInt8, DType::kUInt8, DType::kInt16});
  if (reason.empty())
    reason = DeclineActivation(view.attrs<ir::PoolAttrs>().activation, view.outputs[0]);
  // Without parameters there is no telling what a bound would be in stored integers.
  if (reason.empty() && view.inputs[0].type != DType::kFloat32 && !view.outputs[0].quantized() &&
      view.attrs<ir::PoolAttrs>().activation != ir::Activation::kNone)
    reason = "a fused activation needs the output's quantization parameters";
  return reason;
}

std::string DeclineL2Pool(const NodeView& view) {
  std::string reason = DeclineDifferentTypes(view);
  if (reason.empty()) reason = DeclineType(view.inputs[0].type, {DType::kFloat32});
  if (reason.empty())
    reason = DeclineActivation(view.attrs<ir::PoolAttrs>().activation, view.outputs[0]);
  return reason;
}

enum class PoolKind { kAverage, kMax, kL2 };

constexpr OpCode CodeOf(PoolKind kind) {
  return kind == PoolKind::kAverage ? OpCode::kAveragePool2D
         : kind == PoolKind::kMax   ? OpCode::kMaxPool2D
                                    : OpCode::kL2Pool2D;
}

template <PoolKind kind>
class PoolStep : public runtime::Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const NodeView& view = context.view();
    const auto& attrs = view.attrs<ir::PoolAttrs>();
    const TensorView& output = view.outputs[0];
    shape_ = ir::WindowShape<PoolShape>(attrs.window, view.inputs[0].shape, attrs.filter_h,
                                        attrs.filter_w, output.shape);
    const int activation = static_cast<int>(attrs.activation);
    FloatActivationRange(activation, &float_lo_, &float_hi_);
    if (output.type != DType::kFloat32 &&
        !QuantizedActivationRange(activation, output.type, output.scale(), output.zero_point(),
                                  &lo_, &hi_))
      return Error(Code::kInternal, "activation range");
    return Status::Ok();
  }

  Status Run(RunContext& context) override {
    // Pixel by pixel: a row of windows as large as the image could not be stopped for minutes.
    return ForEachRow(context, shape_.output_pixels(), [&](int64_t pixel) {
      if constexpr (kind == PoolKind::kL2) {
        kernels::L2Pool(shape_, float_lo_, float_hi_, context.input(0).as<float>(),
                        context.output(0).as_mutable<float>(), pixel, pixel + 1);
      } else {
        switch (context.input(0).type) {
          case DType::kFloat32:
            RunPixel<DType::kFloat32, float>(context, float_lo_, float_hi_, pixel);
            break;
          case DType::kInt8:
            RunPixel<DType::kInt8, int8_t>(context, lo_, hi_, pixel);
            break;
          case DType::kUInt8:
            RunPixel<DType::kUInt8, uint8_t>(context, lo_, hi_, pixel);
            break;
          default:
            RunPixel<DType::kInt16, int16_t>(context, lo_, hi_, pixel);
            break;
        }
      }
    });
  }

 private:
  template <DType type, typename T, typename Bound>
  void RunPixel(RunContext& context, Bound lo, Bound hi, int64_t pixel) const {
    if constexpr (!ir::IsSelected(CodeOf(kind), type)) return;
    const T* input = context.input(0).as<T>();
    T* output = context.output(0).as_mutable<T>();
    if constexpr (kind == PoolKind::kMax) {
      kernels::MaxPool(shape_, lo, hi, input, output, pixel, pixel + 1);
    } else {
      kernels::AveragePool(shape_, lo, hi, input, output, pixel, pixel + 1);
    }
  }

  PoolShape shape_;
  float float_lo_ = 0.0f, float_hi_ = 0.0f;
  int32_t lo_ = 0, hi_ = 0;
};

// Local response normalization --------------------------------------------------------------

std::string DeclineLocalResponseNormalization(const NodeView& view) {
  std::string reason = DeclineDifferentTypes(view);
  if (reason.empty()) reason = DeclineType(view.inputs[0].type, {DType::kFloat32});
  return reason;
}

class LocalResponseNormalizationStep : public runtime::Step {
 public:
  Status Prepare(PrepareContext& context) override {
    attrs_ = context.view().attrs<ir::LocalResponseNormAttrs>();
    return Status::Ok();
  }

  Status Run(RunContext& context) override {
    const TensorView& input = context.input(0);
    const int64_t depth = input.dim(3), elements = input.num_elements();
    // The steps that one element takes at most, and as many elements as are done soon.
    const int64_t cost = std::clamp<int64_t>(int64_t{attrs_.radius} * 2, 1, depth + 1);
    const int64_t part = std::max<int64_t>((int64_t{1} << 18) / cost, 1);
    return ForEachRow(context, (elements + part - 1) / part, [&](int64_t i) {
      kernels::LocalResponseNormalize(depth, attrs_.radius, double{attrs_.bias},
                                      double{attrs_.alpha}, double{attrs_.beta}, input.as<float>(),
                                      context.output(0).as_mutable<float>(), i * part,
                                      std::min(elements, (i + 1) * part));
    });
  }

 private:
  ir::LocalResponseNormAttrs attrs_;
};

// L2 normalization --------------------------------------------------------------------------

std::string DeclineL2Normalization(const NodeView& view) {
  const TensorView& input = view.inputs[0];
  const TensorView& output = view.outputs[0];
  std::string reason = DeclineDifferentTypes(view);
  if (reason.empty())
    reason = DeclineType(input.type, {DType::kFloat32, DType::kInt8, DType::kUInt8});
  if (reason.empty() && view.attrs<ir::ActivationAttrs>().activation != ir::Activation::kNone)
    reason = "a fused activation is not supported here";
  if (!reason.empty() || input.type == DType::kFloat32) return reason;
  reason = DeclineQuantization(input, "input");
  if (reason.empty()) reason = DeclineQuantization(output, "output");
  const int32_t zero_point = output.type == DType::kUInt8 ? 128 : 0;
  if (reason.empty() && (output.scale() != 1.0f / 128 || output.zero_point() != zero_point))
    reason = Concat("the output must have scale 1/128 and zero point ", zero_point);
  return reason;
}

class L2NormalizationStep : public runtime::Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const TensorView& input = context.view().inputs[0];
    depth_ = input.shape.back();
    outer_ = input.shape.num_elements(0, input.rank() - 1);
    zero_point_ = input.zero_point();
    return Status::Ok();
  }

  Status Run(RunContext& context) override {
    const TensorView& input = context.input(0);
    const TensorView& output = context.output(0);
    switch (input.type) {
      case DType::kFloat32:
        kernels::L2Normalize(outer_, depth_, input.as<float>(), output.as_mutable<float>());
        break;
      case DType::kInt8:
        kernels::L2Normalize(outer_, depth_, zero_point_, input.as<int8_t>(),
                             output.as_mutable<int8_t>());
        break;
      default:
        kernels::L2Normalize(outer_, depth_, zero_point_, input.as<uint8_t>(),
                             output.as_mutable<uint8_t>());
    }
    return Status::Ok();
  }

 private:
  int64_t outer_ = 0, depth_ = 0;
  int32_t zero_point_ = 0;
};

// Resizing ----------------------------------------------------------------------------------

std::string DeclineResizeBilinear(const NodeView& view) {
  std::string reason = DeclineDifferentTypes(view);
  if (reason.empty())
    reason = DeclineType(view.inputs[0].type,
                         {DType::kFloat32, DType::kInt8, DType::kUInt8, DType::kInt16});
  return reason;
}

std::string DeclineResizeNearest(const NodeView& view) {
  std::string reason = DeclineDifferentTypes(view);
  const int bits = BitsOf(view.inputs[0].type);
  if (reason.empty() && bits != 8 && bits != 16 && bits != 32)
    reason = DeclineType(view.inputs[0].type, {});
  return reason;
}

template <bool kBilinear>
class ResizeStep : public runtime::Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const NodeView& view = context.view();
    const auto& attrs = view.attrs<ir::ResizeAttrs>();
    const Shape& in = view.inputs[0].shape;
    const Shape& out = view.outputs[0].shape;
    shape_ = ResizeShape{.batch = in[0],
                         .in_h = in[1],
                         .in_w = in[2],
                         .out_h = out[1],
                         .out_w = out[2],
                         .channels = in[3],
                         .align_corners = attrs.align_corners,
                         .half_pixel_centers = attrs.half_pixel_centers};
    return Status::Ok();
  }

  Status Run(RunContext& context) override {
    const TensorView& input = context.input(0);
    const TensorView& output = context.output(0);
    if constexpr (!kBilinear) {
      kernels::ResizeNearest(shape_, static_cast<size_t>(BitsOf(input.type)) / 8, input.data,
                             output.data);
    } else {
      switch (input.type) {
        case DType::kFloat32:
          Bilinear<float>(input, output);
          break;
        case DType::kInt8:
          Bilinear<int8_t>(input, output);
          break;
        case DType::kUInt8:
          Bilinear<uint8_t>(input, output);
          break;
        default:
          Bilinear<int16_t>(input, output);
          break;
      }
    }
    return Status::Ok();
  }

 private:
  template <typename T>
  void Bilinear(const TensorView& input, const TensorView& output) const {
    kernels::ResizeBilinear(shape_, input.as<T>(), output.as_mutable<T>());
  }

  ResizeShape shape_;
};

constexpr KernelEntry kKernels[] = {
    {OpCode::kAveragePool2D, "average_pool_2d.reference", ErrorBound::kExact, DeclinePool,
     MakeStep<PoolStep<PoolKind::kAverage>>},
    {OpCode::kMaxPool2D, "max_pool_2d.reference", ErrorBound::kExact, DeclinePool,
     MakeStep<PoolStep<PoolKind::kMax>>},
    {OpCode::kL2Pool2D, "l2_pool_2d.reference", ErrorBound::kExact, DeclineL2Pool,
     MakeStep<PoolStep<PoolKind::kL2>>},
    {OpCode::kLocalResponseNormalization, "local_response_normalization.reference",
     ErrorBound::kExact, DeclineLocalResponseNormalization,
     MakeStep<LocalResponseNormalizationStep>},
    {OpCode::kL2Normalization, "l2_normalization.reference", ErrorBound::kExact,
     DeclineL2Normalization, MakeStep<L2NormalizationStep>},
    {OpCode::kResizeBilinear, "resize_bilinear.reference", ErrorBound::kExact,
     DeclineResizeBilinear, MakeStep<ResizeStep<true>>},
    {OpCode::kResizeNearestNeighbor, "resize_nearest_neighbor.reference", ErrorBound::kExact,
     DeclineResizeNearest, MakeStep<ResizeStep<false>>},
};

}  // namespace

std::span<const KernelEntry> PoolingKernels() { return ir::SelectedRows<kKernels>(); }

}  // namespace edgeml::backends
