// The options of element-wise operators in the format.
#include "src/formats/tflite/ops/codec.h"
#include "src/formats/tflite/ops/families.h"
#include "src/ir/selection.h"

namespace edgeml::tflite {
namespace {

EDGEML_CODEC(
    AddCodec, AddOptions, BinaryAttrs, VT_POT_SCALE_INT16,
    {
      a.pot_scale_int16 = o.pot_scale_int16();
      return ReadActivation(o.fused_activation_function(), a.activation);
    },
    tflite::Write(a.activation), a.pot_scale_int16)
EDGEML_CODEC(
    DivCodec, DivOptions, BinaryAttrs, VT_FUSED_ACTIVATION_FUNCTION,
    { return ReadActivation(o.fused_activation_function(), a.activation); },
    tflite::Write(a.activation))
EDGEML_CODEC(
    MulCodec, MulOptions, BinaryAttrs, VT_FUSED_ACTIVATION_FUNCTION,
    { return ReadActivation(o.fused_activation_function(), a.activation); },
    tflite::Write(a.activation))
EDGEML_CODEC(
    SubCodec, SubOptions, BinaryAttrs, VT_POT_SCALE_INT16,
    {
      a.pot_scale_int16 = o.pot_scale_int16();
      return ReadActivation(o.fused_activation_function(), a.activation);
    },
    tflite::Write(a.activation), a.pot_scale_int16)
EDGEML_CODEC(
    BucketizeCodec, BucketizeOptions, BucketizeAttrs, VT_BOUNDARIES,
    { return ReadVector(o.boundaries(), b, a.boundaries); }, c.builder.CreateVector(a.boundaries))

constexpr OpHandler kHandlers[] = {
    Plain<fb::AbsOptions>(Op::kAbs, Code_::ABS),
    With<AddCodec>(Op::kAdd, Code_::ADD),
    Plain<fb::AddNOptions>(Op::kAddN, Code_::ADD_N),
    Plain<fb::ATan2Options>(Op::kAtan2, Code_::ATAN2),
    Plain<fb::BitwiseXorOptions>(Op::kBitwiseXor, Code_::BITWISE_XOR),
    With<BucketizeCodec>(Op::kBucketize, Code_::BUCKETIZE),
    Bare(Op::kCeil, Code_::CEIL),
    Bare(Op::kComplexAbs, Code_::COMPLEX_ABS),
    Plain<fb::CosOptions>(Op::kCos, Code_::COS),
    With<DivCodec>(Op::kDiv, Code_::DIV),
    Plain<fb::EqualOptions>(Op::kEqual, Code_::EQUAL),
    Plain<fb::ExpOptions>(Op::kExp, Code_::EXP),
    Bare(Op::kFloor, Code_::FLOOR),
    Plain<fb::FloorDivOptions>(Op::kFloorDiv, Code_::FLOOR_DIV),
    Plain<fb::FloorModOptions>(Op::kFloorMod, Code_::FLOOR_MOD),
    Plain<fb::GreaterOptions>(Op::kGreater, Code_::GREATER),
    Plain<fb::GreaterEqualOptions>(Op::kGreaterEqual, Code_::GREATER_EQUAL),
    Bare(Op::kImag, Code_::IMAG),
    Plain<fb::LessOptions>(Op::kLess, Code_::LESS),
    Plain<fb::LessEqualOptions>(Op::kLessEqual, Code_::LESS_EQUAL),
    Bare(Op::kLog, Code_::LOG),
    Plain<fb::LogicalAndOptions>(Op::kLogicalAnd, Code_::LOGICAL_AND),
    Plain<fb::LogicalNotOptions>(Op::kLogicalNot, Code_::LOGICAL_NOT),
    Plain<fb::LogicalOrOptions>(Op::kLogicalOr, Code_::LOGICAL_OR),
    Plain<fb::MaximumMinimumOptions>(Op::kMaximum, Code_::MAXIMUM),
    Plain<fb::MaximumMinimumOptions>(Op::kMinimum, Code_::MINIMUM),
    With<MulCodec>(Op::kMul, Code_::MUL),
    Plain<fb::NegOptions>(Op::kNeg, Code_::NEG),
    Plain<fb::NotEqualOptions>(Op::kNotEqual, Code_::NOT_EQUAL),
    Plain<fb::PowOptions>(Op::kPow, Code_::POW),
    Bare(Op::kReal, Code_::REAL),
    Plain<fb::RightShiftOptions>(Op::kRightShift, Code_::RIGHT_SHIFT),
    Bare(Op::kRound, Code_::ROUND),
    Bare(Op::kRsqrt, Code_::RSQRT),
    Plain<fb::SelectOptions>(Op::kSelect, Code_::SELECT),
    Plain<fb::SelectV2Options>(Op::kSelectV2, Code_::SELECT_V2),
    Plain<fb::SignOptions>(Op::kSign, Code_::SIGN),
    Bare(Op::kSin, Code_::SIN),
    Bare(Op::kSqrt, Code_::SQRT),
    Plain<fb::SquareOptions>(Op::kSquare, Code_::SQUARE),
    Plain<fb::SquaredDifferenceOptions>(Op::kSquaredDifference, Code_::SQUARED_DIFFERENCE),
    With<SubCodec>(Op::kSub, Code_::SUB),
};

}  // namespace

std::span<const OpHandler> ElementwiseHandlers() { return ir::SelectedRows<kHandlers>(); }

}  // namespace edgeml::tflite
