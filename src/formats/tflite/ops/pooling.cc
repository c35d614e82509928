// The options of pools, resizing and normalization in the format.
#include "src/formats/tflite/ops/codec.h"
#include "src/formats/tflite/ops/families.h"
#include "src/ir/selection.h"

namespace edgeml::tflite {
namespace {

struct PoolCodec {
  using Options = fb::Pool2DOptions;
  using Attrs = ir::PoolAttrs;
  static constexpr auto kLast = Options::VT_FUSED_ACTIVATION_FUNCTION;
  static Status Read(const Options& o, Budget&, Attrs& a) {
    EDGEML_RETURN_IF_ERROR(ReadPadding(o.padding(), a.window.padding));
    a.window.stride_h = o.stride_h();
    a.window.stride_w = o.stride_w();
    a.filter_h = o.filter_height();
    a.filter_w = o.filter_width();
    return ReadActivation(o.fused_activation_function(), a.activation);
  }
  static Result<Offset<Options>> Write(const WriteContext& c, const Attrs& a) {
    fb::Padding padding = fb::Padding::SAME;
    EDGEML_RETURN_IF_ERROR(WritePadding(a.window.padding, padding));
    return fb::CreatePool2DOptions(c.builder, padding, a.window.stride_w, a.window.stride_h,
                                   a.filter_w, a.filter_h, tflite::Write(a.activation));
  }
};

EDGEML_CODEC(
    L2NormCodec, L2NormOptions, ActivationAttrs, VT_FUSED_ACTIVATION_FUNCTION,
    { return ReadActivation(o.fused_activation_function(), a.activation); },
    tflite::Write(a.activation))
EDGEML_CODEC(
    ResizeBilinearCodec, ResizeBilinearOptions, ResizeAttrs, VT_HALF_PIXEL_CENTERS,
    { return Assign(a, o.align_corners(), o.half_pixel_centers()); }, a.align_corners,
    a.half_pixel_centers)
EDGEML_CODEC(
    ResizeNearestCodec, ResizeNearestNeighborOptions, ResizeAttrs, VT_HALF_PIXEL_CENTERS,
    { return Assign(a, o.align_corners(), o.half_pixel_centers()); }, a.align_corners,
    a.half_pixel_centers)
EDGEML_CODEC(
    LocalResponseNormCodec, LocalResponseNormalizationOptions, LocalResponseNormAttrs, VT_BETA,
    { return Assign(a, o.radius(), o.bias(), o.alpha(), o.beta()); }, a.radius, a.bias, a.alpha,
    a.beta)

constexpr OpHandler kHandlers[] = {
    With<PoolCodec>(Op::kAveragePool2D, Code_::AVERAGE_POOL_2D),
    With<L2NormCodec>(Op::kL2Normalization, Code_::L2_NORMALIZATION),
    With<PoolCodec>(Op::kL2Pool2D, Code_::L2_POOL_2D),
    With<LocalResponseNormCodec>(Op::kLocalResponseNormalization,
                                 Code_::LOCAL_RESPONSE_NORMALIZATION),
    With<PoolCodec>(Op::kMaxPool2D, Code_::MAX_POOL_2D),
    With<ResizeBilinearCodec>(Op::kResizeBilinear, Code_::RESIZE_BILINEAR),
    With<ResizeNearestCodec>(Op::kResizeNearestNeighbor, Code_::RESIZE_NEAREST_NEIGHBOR),
};

}  // namespace

std::span<const OpHandler> PoolingHandlers() { return ir::SelectedRows<kHandlers>(); }

}  // namespace edgeml::tflite
