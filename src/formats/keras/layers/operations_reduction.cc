// Operations that reduce dimensions, and that are made of such.
#include <algorithm>
#include <cmath>

#include "src/base/strings.h"
#include "src/formats/keras/layers/operations.h"

namespace edgeml::keras {
namespace {

using ir::OpCode;

struct Reduction {
  int32_t x = ir::kNoValue;
  std::vector<int32_t> axes;
  bool keep = false;
};

Reduction Read(Operands& o) {
  Reduction r;
  r.x = o.X();
  r.axes = o.Axes({"axis"}, o.e.rank(r.x));
  r.keep = o.Flag({"keepdims", "keep_dims"}, false);
  return r;
}

template <OpCode kOp>
void Reduce(Operands& o) {
  const Reduction r = Read(o);
  o.Return(o.e.Reduce(kOp, r.x, r.axes, r.keep));
}

template <OpCode kOp>
void FloatReduce(Operands& o) {
  const Reduction r = Read(o);
  o.Return(o.e.Reduce(kOp, o.Float(r.x), r.axes, r.keep));
}

template <OpCode kOp>
void LogicalReduce(Operands& o) {
  const Reduction r = Read(o);
  o.Return(o.e.Reduce(kOp, o.e.Cast(r.x, DType::kBool), r.axes, r.keep));
}

int32_t VarianceOf(Operands& o, const Reduction& r) {
  const int32_t x = o.Float(r.x);
  const int32_t mean = o.e.Reduce(OpCode::kMean, x, r.axes, true);
  return o.e.Reduce(OpCode::kMean, o.e.Op(OpCode::kSquaredDifference, {x, mean}), r.axes, r.keep);
}

void Variance(Operands& o) { o.Return(VarianceOf(o, Read(o))); }

void Deviation(Operands& o) { o.Return(o.e.Op(OpCode::kSqrt, {VarianceOf(o, Read(o))})); }

// log(sum(e^(x - max))) + max.
void LogSumExp(Operands& o) {
  ir::Emitter& e = o.e;
  const Reduction r = Read(o);
  const int32_t x = o.Float(r.x);
  const int32_t largest = e.Reduce(OpCode::kReduceMax, x, r.axes, true);
  const int32_t powers = e.Op(OpCode::kExp, {e.Sub(x, largest)});
  int32_t y = e.Add(e.Op(OpCode::kLog, {e.Reduce(OpCode::kSum, powers, r.axes, true)}), largest);
  if (!r.keep) y = e.Op(OpCode::kSqueeze, {y}, ir::SqueezeAttrs{r.axes});
  o.Return(y);
}

template <OpCode kOp>
void ArgOf(Operands& o) {
  ir::Emitter& e = o.e;
  const int32_t x = o.X();
  const int rank = e.rank(x);
  // Without an axis: Keras takes all elements in a row, TensorFlow the first dimension.
  const Json& given = o.Option({"axis", "dimension"});
  if (given.is_null() && !o.is_tensorflow && rank != 1)
    return o.Unsupported("the place of the largest of all elements; state an axis");
  const int axis = o.Axis({"axis", "dimension"}, 0, rank);
  const std::string type = o.Text({"output_type"}, o.is_tensorflow ? "int64" : "int32");
  const DType made = type == "int64" ? DType::kInt64 : DType::kInt32;
  int32_t y = e.Op(kOp, {x, e.builder().AddInt(axis)}, ir::TypeAttrs{DType::kInvalid, made}, made);
  if (o.Flag({"keepdims"}, false)) y = e.ExpandDims(y, axis);
  o.Return(y);
}

void CumulativeSum(Operands& o) {
  const int32_t x = o.X();
  const int axis = o.Axis({"axis"}, 0, o.e.rank(x));
  const bool exclusive = o.Flag({"exclusive"}, false), reverse = o.Flag({"reverse"}, false);
  o.Return(o.e.Op(OpCode::kCumsum, {x, o.e.builder().AddInt(axis)},
                  ir::CumsumAttrs{exclusive, reverse}));
}

void Norm(Operands& o) {
  ir::Emitter& e = o.e;
  const Reduction r = Read(o);
  const Json& order = o.Option({"ord"});
  const std::string& name = order.text();
  const int32_t x = o.Float(r.x);
  if (order.is_null() || name == "euclidean" || (name == "fro" && r.axes.size() == 2) ||
      (order.number() == 2.0 && r.axes.size() == 1)) {
    const int32_t sum = e.Reduce(OpCode::kSum, e.Op(OpCode::kSquare, {x}), r.axes, r.keep);
    return o.Return(e.Op(OpCode::kSqrt, {sum}));
  }
  if (order.number() == 1.0 && r.axes.size() == 1)
    return o.Return(e.Reduce(OpCode::kSum, e.Op(OpCode::kAbs, {x}), r.axes, r.keep));
  o.Unsupported(Concat("the norm ", order.ToString()));
}

// x times the reciprocal of its length, which is at most 1 / epsilon.
void Normalize(Operands& o) {
  ir::Emitter& e = o.e;
  const int32_t x = o.Float(o.X());
  const int axis = o.Axis({"axis"}, -1, e.rank(x));
  if (o.Int({"order"}, 2) != 2) return o.Unsupported("an order that is not 2");
  const auto epsilon = static_cast<float>(o.Number({"epsilon"}, 1e-7));
  const int32_t axes[] = {axis};
  const int32_t sum = e.Reduce(OpCode::kSum, e.Op(OpCode::kSquare, {x}), axes, true);
  o.Return(e.Mul(x, e.Minimum(e.Op(OpCode::kRsqrt, {sum}), e.Float(1 / epsilon))));
}

// x / sqrt(max(sum of squares, epsilon)).
void L2Normalize(Operands& o) {
  ir::Emitter& e = o.e;
  const int32_t x = o.X();
  const std::vector<int32_t> axes = o.Axes({"axis", "dim"}, e.rank(x));
  const auto epsilon = static_cast<float>(o.Number({"epsilon"}, 1e-12));
  const int32_t sum = e.Reduce(OpCode::kSum, e.Op(OpCode::kSquare, {x}), axes, true);
  o.Return(e.Mul(x, e.Op(OpCode::kRsqrt, {e.Maximum(sum, e.Float(epsilon))})));
}

void TopK(Operands& o) {
  const int32_t x = o.Value(0, {"x", "input"});
  const auto k = static_cast<int32_t>(o.Int({"k"}, 1, 1));
  (void)o.Flag({"sorted"}, true);
  if (!o.e.ok() || k < 1) return o.Fail(Error(Code::kInvalidModel, "k = ", k));
  auto made = o.e.builder().Add(
      OpCode::kTopKV2, {x, o.e.builder().AddInt(k)}, {},
      {{o.e.type(x), o.c.Name("values"), {}, {}}, {DType::kInt32, o.c.Name("places"), {}, {}}});
  if (!made.ok()) return o.Fail(made.status());
  o.Return(*made);
}

constexpr Operation kOperations[] = {
    {"all", LogicalReduce<OpCode::kReduceAll>},
    {"amax", Reduce<OpCode::kReduceMax>},
    {"amin", Reduce<OpCode::kReduceMin>},
    {"any", LogicalReduce<OpCode::kReduceAny>},
    {"argmax", ArgOf<OpCode::kArgMax>},
    {"argmin", ArgOf<OpCode::kArgMin>},
    {"cumsum", CumulativeSum},
    {"l2_normalize", L2Normalize},
    {"logsumexp", LogSumExp},
    {"max", Reduce<OpCode::kReduceMax>},
    {"mean", FloatReduce<OpCode::kMean>},
    {"min", Reduce<OpCode::kReduceMin>},
    {"norm", Norm},
    {"normalize", Normalize},
    {"prod", Reduce<OpCode::kReduceProd>},
    {"reduce_all", LogicalReduce<OpCode::kReduceAll>},
    {"reduce_any", LogicalReduce<OpCode::kReduceAny>},
    {"reduce_logsumexp", LogSumExp},
    {"reduce_max", Reduce<OpCode::kReduceMax>},
    {"reduce_mean", FloatReduce<OpCode::kMean>},
    {"reduce_min", Reduce<OpCode::kReduceMin>},
    {"reduce_prod", Reduce<OpCode::kReduceProd>},
    {"reduce_std", Deviation},
    {"reduce_sum", Reduce<OpCode::kSum>},
    {"reduce_variance", Variance},
    {"std", Deviation},
    {"sum", Reduce<OpCode::kSum>},
    {"top_k", TopK},
    {"var", Variance},
};

}  // namespace

std::span<const Operation> ReductionOperations() { return kOperations; }

}  // namespace edgeml::keras
