// The options of reductions in the format.
#include "src/formats/tflite/ops/codec.h"
#include "src/formats/tflite/ops/families.h"
#include "src/ir/selection.h"

namespace edgeml::tflite {
namespace {

EDGEML_CODEC(
    ArgMaxCodec, ArgMaxOptions, TypeAttrs, VT_OUTPUT_TYPE,
    { return ReadType(o.output_type(), a.out_type); }, c.TypeOr(a.out_type, c.node.outputs))
EDGEML_CODEC(
    ArgMinCodec, ArgMinOptions, TypeAttrs, VT_OUTPUT_TYPE,
    { return ReadType(o.output_type(), a.out_type); }, c.TypeOr(a.out_type, c.node.outputs))
EDGEML_CODEC(
    CumsumCodec, CumsumOptions, CumsumAttrs, VT_REVERSE,
    { return Assign(a, o.exclusive(), o.reverse()); }, a.exclusive, a.reverse)
EDGEML_CODEC(
    ReduceCodec, ReducerOptions, ReduceAttrs, VT_KEEP_DIMS, { return Assign(a, o.keep_dims()); },
    a.keep_dims)
EDGEML_CODEC(
    ReduceWindowCodec, ReduceWindowOptions, ReduceWindowAttrs, VT_REDUCE_FUNCTION,
    {
      if (o.reduce_function() < fb::ReduceWindowFunction::MIN ||
          o.reduce_function() > fb::ReduceWindowFunction::MAX)
        return Error(Code::kUnsupported, "function ", static_cast<int>(o.reduce_function()),
                     " is unknown");
      a.function = static_cast<ir::WindowFunction>(o.reduce_function());
      return Status::Ok();
    },
    static_cast<fb::ReduceWindowFunction>(a.function))

constexpr OpHandler kHandlers[] = {
    With<ArgMaxCodec>(Op::kArgMax, Code_::ARG_MAX),
    With<ArgMinCodec>(Op::kArgMin, Code_::ARG_MIN),
    With<CumsumCodec>(Op::kCumsum, Code_::CUMSUM),
    With<ReduceCodec>(Op::kMean, Code_::MEAN),
    With<ReduceCodec>(Op::kReduceAll, Code_::REDUCE_ALL),
    With<ReduceCodec>(Op::kReduceAny, Code_::REDUCE_ANY),
    With<ReduceCodec>(Op::kReduceMax, Code_::REDUCE_MAX),
    With<ReduceCodec>(Op::kReduceMin, Code_::REDUCE_MIN),
    With<ReduceCodec>(Op::kReduceProd, Code_::REDUCE_PROD),
    With<ReduceWindowCodec>(Op::kReduceWindow, Code_::REDUCE_WINDOW),
    With<ReduceCodec>(Op::kSum, Code_::SUM),
    Plain<fb::TopKV2Options>(Op::kTopKV2, Code_::TOPK_V2),
};

}  // namespace

std::span<const OpHandler> ReductionHandlers() { return ir::SelectedRows<kHandlers>(); }

}  // namespace edgeml::tflite
