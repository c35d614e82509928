// Operations on each element, on two tensors, and activations. Formulas: keras.ops of Keras 3.15,
// tf.math and tf.nn.
#include <cmath>

#include "src/base/strings.h"
#include "src/formats/keras/layers/einsum.h"
#include "src/formats/keras/layers/operations.h"

namespace edgeml::keras {
namespace {

using ir::OpCode;

template <OpCode kOp>
void Unary(Operands& o) {
  o.Return(o.e.Op(kOp, {o.X()}));
}

// The same of floats only: integers become floats.
template <OpCode kOp>
void FloatUnary(Operands& o) {
  o.Return(o.e.Op(kOp, {o.Float(o.X())}));
}

template <OpCode kOp>
void Binary(Operands& o) {
  const auto [a, b] = o.Pair({"x1", "x", "a"}, {"x2", "y", "b"});
  o.Return(o.e.Op(kOp, {a, b}));
}

template <OpCode kOp>
void Comparison(Operands& o) {
  const auto [a, b] = o.Pair({"x1", "x", "a"}, {"x2", "y", "b"});
  o.Return(o.e.Op(kOp, {a, b}, {}, DType::kBool));
}

// Of truth values: numbers are true unless they are zero.
template <OpCode kOp>
void Logical(Operands& o) {
  const auto [a, b] = o.Pair({"x1", "x", "a"}, {"x2", "y", "b"});
  o.Return(o.e.Op(kOp, {o.e.Cast(a, DType::kBool), o.e.Cast(b, DType::kBool)}, {}, DType::kBool));
}

void Divide(Operands& o) {
  const auto [a, b] = o.Pair({"x1", "x", "a"}, {"x2", "y", "b"});
  o.Return(o.e.Div(o.Float(a), o.Float(b)));
}

void DivideNoNan(Operands& o) {
  const auto [a, b] = o.Pair({"x1", "x", "a"}, {"x2", "y", "b"});
  ir::Emitter& e = o.e;
  const int32_t none = e.Op(OpCode::kEqual, {b, e.Float(0)}, {}, DType::kBool);
  o.Return(e.Op(OpCode::kSelectV2, {none, e.Float(0), e.Div(a, b)}, {}, DType::kFloat32));
}

void Power(Operands& o) {
  ir::Emitter& e = o.e;
  // The usual exponents have operators of their own.
  if (const Argument* exponent = o.Find(1, {"x2", "y", "b"})) {
    const auto literal = ReadLiteral(exponent->value);
    if (exponent->kind == Argument::Kind::kValue && literal && literal->values.size() == 1 &&
        literal->shape.rank() == 0) {
      const double by = literal->values[0];
      const int32_t x = o.Value(0, {"x1", "x", "a"});
      if (by == 1) return o.Return(x);
      if (by == 2) return o.Return(e.Op(OpCode::kSquare, {x}));
      if (by == 0.5) return o.Return(e.Op(OpCode::kSqrt, {o.Float(x)}));
      if (by == -0.5) return o.Return(e.Op(OpCode::kRsqrt, {o.Float(x)}));
    }
  }
  Binary<OpCode::kPow>(o);
}

void AddAll(Operands& o) {
  std::vector<int32_t> values = o.List(0, {"inputs"});
  if (values.empty()) return o.Fail(Error(Code::kInvalidModel, "nothing to add"));
  if (values.size() == 1) return o.Return(values[0]);
  if (values.size() == 2) return o.Return(o.e.Add(values[0], values[1]));
  o.Return(o.e.Op(OpCode::kAddN, std::move(values)));
}

void BiasAdd(Operands& o) {
  const int32_t x = o.Value(0, {"value"});
  o.Return(o.e.Add(x, o.Value(1, {"bias"}, o.e.type(x))));
}

void Clip(Operands& o) {
  ir::Emitter& e = o.e;
  const int32_t x = o.Value(0, {"x", "t"});
  const auto bound = [&](Names names, size_t position) {
    const Json& json = o.Option(names, position);
    const auto literal = ReadLiteral(json);
    return literal ? o.Constant(*literal, e.type(x)) : o.Value(position, names, e.type(x));
  };
  const int32_t low = bound({"x_min", "clip_value_min"}, 1);
  const int32_t high = bound({"x_max", "clip_value_max"}, 2);
  int32_t y = x;
  if (high != ir::kNoValue) y = e.Minimum(y, high);
  if (low != ir::kNoValue) y = e.Maximum(y, low);
  o.Return(y);
}

void Where(Operands& o) {
  ir::Emitter& e = o.e;
  const int32_t condition = e.Cast(o.Value(0, {"condition"}), DType::kBool);
  if (!o.IsGiven(1, {"x1", "x"})) return o.Unsupported("the places where a condition holds");
  const auto [a, b] = o.Pair({"x1", "x"}, {"x2", "y"}, 1);
  o.Return(e.Op(OpCode::kSelectV2, {condition, a, b}, {}, e.type(a)));
}

// Compositions ---------------------------------------------------------------------------------

void Log1p(Operands& o) { o.Return(o.e.Op(OpCode::kLog, {o.e.Add(o.Float(o.X()), o.e.Float(1))})); }

void Expm1(Operands& o) { o.Return(o.e.Sub(o.e.Op(OpCode::kExp, {o.Float(o.X())}), o.e.Float(1))); }

template <int kBase>
void LogOfBase(Operands& o) {
  const int32_t log = o.e.Op(OpCode::kLog, {o.Float(o.X())});
  o.Return(o.e.Mul(log, o.e.Float(static_cast<float>(1 / std::log(double{kBase})))));
}

void Tan(Operands& o) {
  const int32_t x = o.Float(o.X());
  o.Return(o.e.Div(o.e.Op(OpCode::kSin, {x}), o.e.Op(OpCode::kCos, {x})));
}

void Arctan(Operands& o) {
  const int32_t x = o.Float(o.X());
  o.Return(o.e.Op(OpCode::kAtan2, {x, o.FillLike(x, o.e.Float(1))}));
}

// (e^x - e^-x) / 2, or with a plus.
template <bool kSine>
void Hyperbolic(Operands& o) {
  ir::Emitter& e = o.e;
  const int32_t x = o.Float(o.X());
  const int32_t up = e.Op(OpCode::kExp, {x});
  const int32_t down = e.Op(OpCode::kExp, {e.Op(OpCode::kNeg, {x})});
  o.Return(e.Mul(kSine ? e.Sub(up, down) : e.Add(up, down), e.Float(0.5f)));
}

void Reciprocal(Operands& o) { o.Return(o.e.Div(o.e.Float(1), o.Float(o.X()))); }

void IsNan(Operands& o) {
  const int32_t x = o.X();
  o.Return(o.e.Op(OpCode::kNotEqual, {x, x}, {}, DType::kBool));
}

void Round(Operands& o) {
  if (o.Int({"decimals"}, 0) != 0) return o.Unsupported("rounding to decimals");
  o.Return(o.e.Op(OpCode::kRound, {o.X()}));
}

void LogicalNot(Operands& o) {
  o.Return(o.e.Op(OpCode::kLogicalNot, {o.e.Cast(o.X(), DType::kBool)}, {}, DType::kBool));
}

// Activations ----------------------------------------------------------------------------------

// An activation by the operation's own name, with no options.
void ByOwnName(Operands& o, const char* name) {
  o.Return(Activate(o.c, Json(std::string(name)), o.X()));
}

void LeakyRelu(Operands& o) {
  const int32_t x = o.X();
  const auto slope = static_cast<float>(o.Number({"negative_slope", "alpha"}, 0.2, 1));
  o.Return(o.e.Op(OpCode::kLeakyRelu, {x}, ir::LeakyReluAttrs{slope}));
}

void Elu(Operands& o) {
  const int32_t x = o.X();
  const double alpha = o.Number({"alpha"}, 1);
  o.Return(o.AsLayer("ELU", Concat("{\"alpha\": ", alpha, "}"), x));
}

void Gelu(Operands& o) {
  const int32_t x = o.X();
  const bool approximate = o.Flag({"approximate"}, !o.is_tensorflow);
  o.Return(o.e.Op(OpCode::kGelu, {x}, ir::GeluAttrs{approximate}));
}

void Softmax(Operands& o) {
  const int32_t x = o.X();
  std::string axes;
  for (const int32_t axis : o.Ints({"axis"}).value_or(std::vector<int32_t>{-1}))
    axes += Concat(axes.empty() ? "" : ", ", axis);
  o.Return(o.AsLayer("Softmax", Concat("{\"axis\": [", axes, "]}"), x));
}

void LogSoftmax(Operands& o) {
  const int32_t x = o.X();
  const int rank = o.e.rank(x);
  const int axis = o.Axis({"axis"}, -1, rank);
  if (!o.e.ok()) return;
  std::vector<int32_t> order;
  for (int32_t d = 0; d < rank; ++d) order.push_back(d);
  std::swap(order[static_cast<size_t>(axis)], order.back());
  o.Return(o.e.Transpose(o.e.Op(OpCode::kLogSoftmax, {o.e.Transpose(x, order)}), order));
}

// Activations with an option that only its default can be had of.
template <int kDefaultPercent>
void WithOption(Operands& o, Names names, const char* name) {
  const int32_t x = o.X();
  const double value = o.Number(names, kDefaultPercent / 100.0);
  if (value != kDefaultPercent / 100.0) return o.Unsupported(Concat(*names.begin(), " = ", value));
  o.Return(Activate(o.c, Json(std::string(name)), x));
}

void Threshold(Operands& o) {
  ir::Emitter& e = o.e;
  const int32_t x = o.Float(o.X());
  const auto limit = static_cast<float>(o.Number({"threshold"}, 0, 1));
  const auto other = static_cast<float>(o.Number({"default_value"}, 0, 2));
  const int32_t above = e.Op(OpCode::kGreater, {x, e.Float(limit)}, {}, DType::kBool);
  o.Return(e.Op(OpCode::kSelectV2, {above, x, e.Float(other)}, {}, DType::kFloat32));
}

// Products of matrices --------------------------------------------------------------------------

void Matmul(Operands& o) {
  ir::Emitter& e = o.e;
  const bool first = o.Flag({"transpose_a", "adjoint_a"}, false);
  const bool second = o.Flag({"transpose_b", "adjoint_b"}, false);
  auto [a, b] = o.Pair({"x1", "a"}, {"x2", "b"});
  if (!e.ok()) return;
  if (e.rank(a) < 2 || e.rank(b) < 2) return o.Unsupported("a product with a vector");
  o.Return(e.Op(OpCode::kBatchMatMul, {o.Float(a), o.Float(b)},
                ir::BatchMatMulAttrs{first, second, false}));
}

// The last dimension of one with the last but one of the other.
void Dot(Operands& o) {
  auto [a, b] = o.Pair({"x1", "a"}, {"x2", "b"});
  if (!o.e.ok()) return;
  if (o.e.rank(a) < 2 || o.e.rank(b) != 2)
    return o.Unsupported("a dot product of such dimensions; use matmul");
  o.Return(o.e.Op(OpCode::kBatchMatMul, {a, b}, ir::BatchMatMulAttrs{}));
}

void EinsumOperation(Operands& o) {
  const Json& equation =
      o.Option({"subscripts", "equation"}, o.is_tensorflow ? 0 : Operands::kNowhere);
  std::vector<int32_t> operands = o.is_tensorflow ? o.List(1, {"inputs"}) : std::vector<int32_t>();
  for (size_t i = 0; !o.is_tensorflow && i < o.c.call.args.size(); ++i)
    for (const int32_t v : o.List(i, {})) operands.push_back(v);
  if (!o.e.ok()) return;
  if (operands.size() != 2)
    return o.Unsupported(Concat("an einsum of ", operands.size(), " tensors in the file, not 2"));
  const auto spec = ParseEinsum(equation.text(), o.e.rank(operands[0]), o.e.rank(operands[1]));
  if (!spec.ok()) return o.Fail(spec.status());
  o.Return(Einsum(o.e, *spec, operands[0], operands[1]));
}

constexpr Operation kOperations[] = {
    {"abs", Unary<OpCode::kAbs>},
    {"absolute", Unary<OpCode::kAbs>},
    {"add", Binary<OpCode::kAdd>},
    {"add_n", AddAll},
    {"arctan", Arctan},
    {"arctan2", Binary<OpCode::kAtan2>},
    {"atan", Arctan},
    {"atan2", Binary<OpCode::kAtan2>},
    {"bias_add", BiasAdd},
    {"ceil", Unary<OpCode::kCeil>},
    {"celu", [](Operands& o) { WithOption<100>(o, {"alpha"}, "celu"); }},
    {"clip", Clip},
    {"clip_by_value", Clip},
    {"cos", FloatUnary<OpCode::kCos>},
    {"cosh", Hyperbolic<false>},
    {"div", Divide},
    {"divide", Divide},
    {"divide_no_nan", DivideNoNan},
    {"dot", Dot},
    {"einsum", EinsumOperation},
    {"elu", Elu},
    {"equal", Comparison<OpCode::kEqual>},
    {"exp", FloatUnary<OpCode::kExp>},
    {"expm1", Expm1},
    {"fabs", Unary<OpCode::kAbs>},
    {"floor", Unary<OpCode::kFloor>},
    {"floor_div", Binary<OpCode::kFloorDiv>},
    {"floor_divide", Binary<OpCode::kFloorDiv>},
    {"floordiv", Binary<OpCode::kFloorDiv>},
    {"floormod", Binary<OpCode::kFloorMod>},
    {"gelu", Gelu},
    {"glu", [](Operands& o) { WithOption<-100>(o, {"axis"}, "glu"); }},
    {"greater", Comparison<OpCode::kGreater>},
    {"greater_equal", Comparison<OpCode::kGreaterEqual>},
    {"hard_shrink", [](Operands& o) { WithOption<50>(o, {"threshold"}, "hard_shrink"); }},
    {"hard_sigmoid", [](Operands& o) { ByOwnName(o, "hard_sigmoid"); }},
    {"hard_silu", [](Operands& o) { ByOwnName(o, "hard_silu"); }},
    {"hard_swish", [](Operands& o) { ByOwnName(o, "hard_silu"); }},
    {"hard_tanh", [](Operands& o) { ByOwnName(o, "hard_tanh"); }},
    {"is_nan", IsNan},
    {"isnan", IsNan},
    {"leaky_relu", LeakyRelu},
    {"less", Comparison<OpCode::kLess>},
    {"less_equal", Comparison<OpCode::kLessEqual>},
    {"log", FloatUnary<OpCode::kLog>},
    {"log10", LogOfBase<10>},
    {"log1p", Log1p},
    {"log2", LogOfBase<2>},
    {"log_sigmoid", [](Operands& o) { ByOwnName(o, "log_sigmoid"); }},
    {"log_softmax", LogSoftmax},
    {"logical_and", Logical<OpCode::kLogicalAnd>},
    {"logical_not", LogicalNot},
    {"logical_or", Logical<OpCode::kLogicalOr>},
    {"logical_xor", Logical<OpCode::kNotEqual>},
    {"matmul", Matmul},
    {"maximum", Binary<OpCode::kMaximum>},
    {"minimum", Binary<OpCode::kMinimum>},
    {"mish", [](Operands& o) { ByOwnName(o, "mish"); }},
    {"mod", Binary<OpCode::kFloorMod>},
    {"mul", Binary<OpCode::kMul>},
    {"multiply", Binary<OpCode::kMul>},
    {"neg", Unary<OpCode::kNeg>},
    {"negative", Unary<OpCode::kNeg>},
    {"not_equal", Comparison<OpCode::kNotEqual>},
    {"pow", Power},
    {"power", Power},
    {"reciprocal", Reciprocal},
    {"relu", [](Operands& o) { ByOwnName(o, "relu"); }},
    {"relu6", [](Operands& o) { ByOwnName(o, "relu6"); }},
    {"round", Round},
    {"rsqrt", FloatUnary<OpCode::kRsqrt>},
    {"selu", [](Operands& o) { ByOwnName(o, "selu"); }},
    {"sigmoid", [](Operands& o) { ByOwnName(o, "sigmoid"); }},
    {"sign", Unary<OpCode::kSign>},
    {"silu", [](Operands& o) { ByOwnName(o, "silu"); }},
    {"sin", FloatUnary<OpCode::kSin>},
    {"sinh", Hyperbolic<true>},
    {"soft_shrink", [](Operands& o) { WithOption<50>(o, {"threshold"}, "soft_shrink"); }},
    {"softmax", Softmax},
    {"softplus", [](Operands& o) { ByOwnName(o, "softplus"); }},
    {"softsign", [](Operands& o) { ByOwnName(o, "softsign"); }},
    {"sparse_plus", [](Operands& o) { ByOwnName(o, "sparse_plus"); }},
    {"sparse_sigmoid", [](Operands& o) { ByOwnName(o, "sparse_sigmoid"); }},
    {"sqrt", FloatUnary<OpCode::kSqrt>},
    {"square", Unary<OpCode::kSquare>},
    {"squared_difference", Binary<OpCode::kSquaredDifference>},
    {"squareplus", [](Operands& o) { ByOwnName(o, "squareplus"); }},
    {"sub", Binary<OpCode::kSub>},
    {"subtract", Binary<OpCode::kSub>},
    {"swish", [](Operands& o) { ByOwnName(o, "silu"); }},
    {"tan", Tan},
    {"tanh", FloatUnary<OpCode::kTanh>},
    {"tanh_shrink", [](Operands& o) { ByOwnName(o, "tanh_shrink"); }},
    {"threshold", Threshold},
    {"true_divide", Divide},
    {"truediv", Divide},
    {"where", Where},
    {"where_v2", Where},
};

}  // namespace

std::span<const Operation> MathOperations() { return kOperations; }

}  // namespace edgeml::keras
