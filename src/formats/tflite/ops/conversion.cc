// The options of conversions in the format.
#include "src/formats/tflite/ops/codec.h"
#include "src/formats/tflite/ops/families.h"
#include "src/ir/selection.h"

namespace edgeml::tflite {
namespace {

EDGEML_CODEC(
    CastCodec, CastOptions, TypeAttrs, VT_OUT_DATA_TYPE,
    {
      EDGEML_RETURN_IF_ERROR(ReadType(o.in_data_type(), a.in_type));
      return ReadType(o.out_data_type(), a.out_type);
    },
    c.TypeOr(a.in_type, c.node.inputs), c.TypeOr(a.out_type, c.node.outputs))
EDGEML_CODEC(
    FakeQuantCodec, FakeQuantOptions, FakeQuantAttrs, VT_NARROW_RANGE,
    { return Assign(a, o.min(), o.max(), o.num_bits(), o.narrow_range()); }, a.min, a.max,
    a.num_bits, a.narrow_range)

constexpr OpHandler kHandlers[] = {
    Plain<fb::BitcastOptions>(Op::kBitcast, Code_::BITCAST),
    With<CastCodec>(Op::kCast, Code_::CAST),
    Plain<fb::DensifyOptions>(Op::kDensify, Code_::DENSIFY),
    Plain<fb::DequantizeOptions>(Op::kDequantize, Code_::DEQUANTIZE),
    With<FakeQuantCodec>(Op::kFakeQuant, Code_::FAKE_QUANT),
    Plain<fb::QuantizeOptions>(Op::kQuantize, Code_::QUANTIZE),
};

}  // namespace

std::span<const OpHandler> ConversionHandlers() { return ir::SelectedRows<kHandlers>(); }

}  // namespace edgeml::tflite
