// Arithmetic, comparison and conversion of elements.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "src/base/strings.h"
#include "src/formats/savedmodel/gelu.h"
#include "src/formats/savedmodel/op.h"

namespace edgeml::savedmodel {
namespace {

using ir::OpCode;

template <OpCode kOp>
Status Unary(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(1));
  return op.Emit(kOp, op.in);
}

template <OpCode kOp>
Status Binary(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(2));
  return op.Emit(kOp, op.in);
}

template <OpCode kOp>
Status Comparison(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(2));
  op.attrs.Ignore("incompatible_shape_error");
  return op.Emit(kOp, op.in, {}, DType::kBool);
}

Status LowerMul(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(2));
  if (op.type(0) == DType::kFloat32)
    if (const auto x = MatchGelu(op))
      return op.Emit(OpCode::kGelu, {op.ValueOf(*x)}, ir::GeluAttrs{false});
  return op.Emit(OpCode::kMul, op.in);
}

Status LowerAddN(Op& op) {
  op.attrs.Ignore("N");
  if (op.in.size() == 1) return op.Return(op.in[0]);
  if (op.in.size() == 2) return op.Emit(OpCode::kAdd, op.in);
  return op.Emit(OpCode::kAddN, op.in);
}

Status LowerCast(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(1));
  const DType to = op.attrs.Type("DstT");
  if (op.attrs.Bool("Truncate", false) && IsFloat(to) && op.type(0) != to)
    return Error(Code::kUnsupported, "a cast that truncates is not supported");
  op.attrs.Ignore("SrcT");
  if (to == DType::kInvalid)
    return Error(Code::kUnsupported, "a cast to a type that is not supported");
  if (to == op.type(0)) return op.Return(op.in[0]);
  return op.Emit(OpCode::kCast, op.in, ir::TypeAttrs{op.type(0), to}, to);
}

Status LowerBitcast(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(1));
  return op.Emit(OpCode::kBitcast, op.in, {}, op.attrs.Type("type"));
}

Status LowerReciprocal(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(1));
  EDGEML_ASSIGN_OR_RETURN(const int32_t one, op.Number(1, op.type(0)));
  return op.Emit(OpCode::kDiv, {one, op.in[0]});
}

Status LowerDivNoNan(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(2));
  EDGEML_ASSIGN_OR_RETURN(const int32_t zero, op.Number(0, op.type(1)));
  EDGEML_ASSIGN_OR_RETURN(const int32_t ratio, op.Make(OpCode::kDiv, op.in));
  EDGEML_ASSIGN_OR_RETURN(const int32_t is_zero,
                          op.Make(OpCode::kEqual, {op.in[1], zero}, {}, DType::kBool));
  return op.Emit(OpCode::kSelectV2, {is_zero, zero, ratio}, {}, op.type(0));
}

Status LowerLog1p(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(1));
  EDGEML_ASSIGN_OR_RETURN(const int32_t one, op.Number(1, op.type(0)));
  EDGEML_ASSIGN_OR_RETURN(const int32_t sum, op.Make(OpCode::kAdd, {op.in[0], one}));
  return op.Emit(OpCode::kLog, {sum});
}

Status LowerExpm1(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(1));
  EDGEML_ASSIGN_OR_RETURN(const int32_t one, op.Number(1, op.type(0)));
  EDGEML_ASSIGN_OR_RETURN(const int32_t power, op.Make(OpCode::kExp, {op.in[0]}));
  return op.Emit(OpCode::kSub, {power, one});
}

Status LowerTan(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(1));
  EDGEML_ASSIGN_OR_RETURN(const int32_t sine, op.Make(OpCode::kSin, {op.in[0]}));
  EDGEML_ASSIGN_OR_RETURN(const int32_t cosine, op.Make(OpCode::kCos, {op.in[0]}));
  return op.Emit(OpCode::kDiv, {sine, cosine});
}

// Half of e^x plus or minus half of e^-x.
template <OpCode kJoin>
Status LowerHyperbolic(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(1));
  EDGEML_ASSIGN_OR_RETURN(const int32_t minus, op.Make(OpCode::kNeg, {op.in[0]}));
  EDGEML_ASSIGN_OR_RETURN(const int32_t up, op.Make(OpCode::kExp, {op.in[0]}));
  EDGEML_ASSIGN_OR_RETURN(const int32_t down, op.Make(OpCode::kExp, {minus}));
  EDGEML_ASSIGN_OR_RETURN(const int32_t both, op.Make(kJoin, {up, down}));
  return op.Emit(OpCode::kMul, {both, op.Float(0.5f)});
}

Status LowerIsNan(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(1));
  return op.Emit(OpCode::kNotEqual, {op.in[0], op.in[0]}, {}, DType::kBool);
}

// |x| against infinity; no comparison with NaN holds.
template <OpCode kOp>
Status LowerAgainstInfinity(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(1));
  if (op.type(0) != DType::kFloat32)
    return Error(Code::kUnsupported, "type ", NameOf(op.type(0)), " is not supported here");
  EDGEML_ASSIGN_OR_RETURN(const int32_t magnitude, op.Make(OpCode::kAbs, {op.in[0]}));
  const int32_t infinity = op.Float(std::numeric_limits<float>::infinity());
  return op.Emit(kOp, {magnitude, infinity}, {}, DType::kBool);
}

Status LowerClip(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(3));
  EDGEML_ASSIGN_OR_RETURN(const int32_t low, op.Make(OpCode::kMaximum, {op.in[0], op.in[1]}));
  return op.Emit(OpCode::kMinimum, {low, op.in[2]});
}

Status LowerSelect(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(3));
  const bool same = op.shape(0) == op.shape(1) && op.shape(1) == op.shape(2);
  return op.Emit(same ? OpCode::kSelectV2 : OpCode::kSelect, op.in, {}, op.type(1));
}

Status LowerSelectV2(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(3));
  return op.Emit(OpCode::kSelectV2, op.in, {}, op.type(1));
}

// Error below 5e-7: Abramowitz and Stegun, formula 7.1.26, with the sign of x.
Result<int32_t> MakeErf(Op& op, int32_t x) {
  constexpr float kPoly[] = {1.061405429f, -1.453152027f, 1.421413741f, -0.284496736f,
                             0.254829592f};
  EDGEML_ASSIGN_OR_RETURN(const int32_t magnitude, op.Make(OpCode::kAbs, {x}));
  EDGEML_ASSIGN_OR_RETURN(const int32_t sign, op.Make(OpCode::kSign, {x}));
  EDGEML_ASSIGN_OR_RETURN(const int32_t scaled,
                          op.Make(OpCode::kMul, {magnitude, op.Float(0.3275911f)}));
  EDGEML_ASSIGN_OR_RETURN(const int32_t below, op.Make(OpCode::kAdd, {scaled, op.Float(1.0f)}));
  EDGEML_ASSIGN_OR_RETURN(const int32_t t, op.Make(OpCode::kDiv, {op.Float(1.0f), below}));
  int32_t poly = op.Float(kPoly[0]);
  for (size_t i = 0; i < std::size(kPoly); ++i) {
    if (i > 0) {
      EDGEML_ASSIGN_OR_RETURN(poly, op.Make(OpCode::kAdd, {poly, op.Float(kPoly[i])}));
    }
    EDGEML_ASSIGN_OR_RETURN(poly, op.Make(OpCode::kMul, {t, poly}));
  }
  EDGEML_ASSIGN_OR_RETURN(const int32_t square, op.Make(OpCode::kSquare, {x}));
  EDGEML_ASSIGN_OR_RETURN(const int32_t minus, op.Make(OpCode::kNeg, {square}));
  EDGEML_ASSIGN_OR_RETURN(const int32_t bell, op.Make(OpCode::kExp, {minus}));
  EDGEML_ASSIGN_OR_RETURN(const int32_t tail, op.Make(OpCode::kMul, {poly, bell}));
  EDGEML_ASSIGN_OR_RETURN(const int32_t inside, op.Make(OpCode::kSub, {op.Float(1.0f), tail}));
  return op.Make(OpCode::kMul, {sign, inside});
}

Status LowerErf(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(1));
  EDGEML_ASSIGN_OR_RETURN(const int32_t erf, MakeErf(op, op.in[0]));
  return op.Return(erf);
}

Status LowerErfc(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(1));
  EDGEML_ASSIGN_OR_RETURN(const int32_t erf, MakeErf(op, op.in[0]));
  return op.Emit(OpCode::kSub, {op.Float(1.0f), erf});
}

Status LowerComplexAbs(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(1));
  return op.Emit(OpCode::kComplexAbs, op.in, {}, DType::kFloat32);
}

template <OpCode kOp>
Status ComplexPart(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(1));
  return op.Emit(kOp, op.in, {}, DType::kFloat32);
}

Status EmitFakeQuant(Op& op, float min, float max) {
  ir::FakeQuantAttrs attrs;
  attrs.min = min;
  attrs.max = max;
  attrs.num_bits = static_cast<int32_t>(op.attrs.Int("num_bits", 8));
  attrs.narrow_range = op.attrs.Bool("narrow_range", false);
  return op.Emit(OpCode::kFakeQuant, {op.in[0]}, attrs);
}

Status LowerFakeQuantArgs(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(1));
  const float min = op.attrs.Float("min", -6.0f), max = op.attrs.Float("max", 6.0f);
  return EmitFakeQuant(op, min, max);
}

Status LowerFakeQuantVars(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(3));
  float range[2] = {};
  for (size_t i = 1; i < 3; ++i) {
    const ir::Value& value = op.b.value(op.in[i]);
    if (!value.is_constant() || value.type != DType::kFloat32 || value.data.bytes.size() != 4)
      return Error(Code::kUnsupported, "a range that is not constant is not supported");
    range[i - 1] = *reinterpret_cast<const float*>(value.data.bytes.data());
  }
  return EmitFakeQuant(op, range[0], range[1]);
}

// Weights with a range for each channel, the last dimension: what TensorFlow would compute with.
// Source: tensorflow/core/kernels/fake_quant_ops_functor.h (the range is moved so that zero is
// among the values; halves are rounded up).
Status LowerFakeQuantPerChannel(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(3));
  const int64_t bits = op.attrs.Int("num_bits", 8);
  const bool narrow = op.attrs.Bool("narrow_range", false);
  if (bits < 2 || bits > 16) return Error(Code::kInvalidModel, bits, " bits");
  std::vector<float> values[3];
  for (size_t i = 0; i < 3; ++i) {
    const ir::Value& value = op.b.value(op.in[i]);
    if (!value.is_constant() || value.type != DType::kFloat32)
      return Error(Code::kUnsupported,
                   "ranges for each channel are supported for constant weights only");
    values[i].resize(value.data.bytes.size() / sizeof(float));
    std::memcpy(values[i].data(), value.data.bytes.data(), values[i].size() * sizeof(float));
  }
  const size_t channels = values[1].size();
  if (op.rank(0) < 1 || channels == 0 || channels != values[2].size() ||
      static_cast<size_t>(op.shape(0).back()) != channels)
    return Error(Code::kInvalidModel, "ranges of ", channels, " and ", values[2].size(),
                 " channels for a tensor of shape ", op.shape(0).ToString());
  const float low = narrow ? 1.0f : 0.0f, high = static_cast<float>((1 << bits) - 1);
  for (size_t c = 0; c < channels; ++c) {
    const float min = values[1][c], max = values[2][c];
    if (!(min <= 0 && max >= 0 && min < max))
      return Error(Code::kInvalidModel, "the range of channel ", c, " does not hold zero");
    const float scale = (max - min) / (high - low);
    const float zero = std::clamp(std::round(low - min / scale), low, high);
    const float from = (low - zero) * scale, to = (high - zero) * scale;
    for (size_t i = c; i < values[0].size(); i += channels) {
      const float inside = std::clamp(values[0][i], from, to) - from;
      values[0][i] = std::floor(inside / scale + 0.5f) * scale + from;
    }
  }
  return op.Return(op.b.AddConstant(op.node.name, op.shape(0), std::span<const float>(values[0])));
}

constexpr OpEntry kOps[] = {
    {"Abs", Unary<OpCode::kAbs>},
    {"Add", Binary<OpCode::kAdd>},
    {"AddN", LowerAddN},
    {"AddV2", Binary<OpCode::kAdd>},
    {"Atan2", Binary<OpCode::kAtan2>},
    {"Bitcast", LowerBitcast},
    {"BitwiseXor", Binary<OpCode::kBitwiseXor>},
    {"Cast", LowerCast},
    {"Ceil", Unary<OpCode::kCeil>},
    {"ClipByValue", LowerClip},
    {"ComplexAbs", LowerComplexAbs},
    {"Cos", Unary<OpCode::kCos>},
    {"Cosh", LowerHyperbolic<OpCode::kAdd>},
    {"Div", Binary<OpCode::kDiv>},
    {"DivNoNan", LowerDivNoNan},
    {"Equal", Comparison<OpCode::kEqual>},
    {"Erf", LowerErf},
    {"Erfc", LowerErfc},
    {"Exp", Unary<OpCode::kExp>},
    {"Expm1", LowerExpm1},
    {"FakeQuantWithMinMaxArgs", LowerFakeQuantArgs},
    {"FakeQuantWithMinMaxVars", LowerFakeQuantVars},
    {"FakeQuantWithMinMaxVarsPerChannel", LowerFakeQuantPerChannel},
    {"Floor", Unary<OpCode::kFloor>},
    {"FloorDiv", Binary<OpCode::kFloorDiv>},
    {"FloorMod", Binary<OpCode::kFloorMod>},
    {"Greater", Comparison<OpCode::kGreater>},
    {"GreaterEqual", Comparison<OpCode::kGreaterEqual>},
    {"Imag", ComplexPart<OpCode::kImag>},
    {"Inv", LowerReciprocal},
    {"IsFinite", LowerAgainstInfinity<OpCode::kLess>},
    {"IsInf", LowerAgainstInfinity<OpCode::kEqual>},
    {"IsNan", LowerIsNan},
    {"Less", Comparison<OpCode::kLess>},
    {"LessEqual", Comparison<OpCode::kLessEqual>},
    {"Log", Unary<OpCode::kLog>},
    {"Log1p", LowerLog1p},
    {"LogicalAnd", Binary<OpCode::kLogicalAnd>},
    {"LogicalNot", Unary<OpCode::kLogicalNot>},
    {"LogicalOr", Binary<OpCode::kLogicalOr>},
    {"Maximum", Binary<OpCode::kMaximum>},
    {"Minimum", Binary<OpCode::kMinimum>},
    {"Mul", LowerMul},
    {"Neg", Unary<OpCode::kNeg>},
    {"NotEqual", Comparison<OpCode::kNotEqual>},
    {"Pow", Binary<OpCode::kPow>},
    {"Real", ComplexPart<OpCode::kReal>},
    {"RealDiv", Binary<OpCode::kDiv>},
    {"Reciprocal", LowerReciprocal},
    {"RightShift", Binary<OpCode::kRightShift>},
    {"Rint", Unary<OpCode::kRound>},
    {"Round", Unary<OpCode::kRound>},
    {"Rsqrt", Unary<OpCode::kRsqrt>},
    {"Select", LowerSelect},
    {"SelectV2", LowerSelectV2},
    {"Sign", Unary<OpCode::kSign>},
    {"Sin", Unary<OpCode::kSin>},
    {"Sinh", LowerHyperbolic<OpCode::kSub>},
    {"Sqrt", Unary<OpCode::kSqrt>},
    {"Square", Unary<OpCode::kSquare>},
    {"SquaredDifference", Binary<OpCode::kSquaredDifference>},
    {"Sub", Binary<OpCode::kSub>},
    {"Tan", LowerTan},
    {"TruncateDiv", Binary<OpCode::kDiv>},
    {"ZerosLike", Unary<OpCode::kZerosLike>},
};

}  // namespace

std::span<const OpEntry> ElementwiseOps() { return kOps; }

}  // namespace edgeml::savedmodel
