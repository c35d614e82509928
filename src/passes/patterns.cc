// Formulas that are one operator of their own.
#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>

#include "src/ir/op_def.h"
#include "src/passes/matching.h"
#include "src/passes/pass.h"
#include "src/passes/polynomial.h"

namespace edgeml::passes {
namespace {

using ir::Activation;
using ir::Node;
using ir::OpCode;
using ir::Rewriter;

void Become(Rewriter& graph, int32_t n, OpCode op, std::vector<int32_t> inputs,
            ir::Attributes attributes = {}) {
  graph.SetInputs(n, std::move(inputs));
  Node& node = graph.mutable_node(n);
  node.op = op;
  node.attributes = std::move(attributes);
}

// The node that computes `v` if it is one of these; null otherwise.
const Node* Is(const Rewriter& graph, int32_t v, std::initializer_list<OpCode> ops) {
  const int32_t n = graph.Producer(v);
  if (n == ir::kNoNode) return nullptr;
  const Node& node = graph.node(n);
  return std::find(ops.begin(), ops.end(), node.op) != ops.end() ? &node : nullptr;
}
const Node* IsPlain(const Rewriter& graph, int32_t v, std::initializer_list<OpCode> ops) {
  const Node* const node = Is(graph, v, ops);
  return node != nullptr && ir::FusedActivation(*node) == Activation::kNone ? node : nullptr;
}

// The input of a node by a single number, which `factor` is multiplied by or divided through.
int32_t WithoutFactor(const Rewriter& graph, const Node& node, double* factor) {
  if (ir::FusedActivation(node) != Activation::kNone) return ir::kNoValue;
  for (const size_t i : {size_t{1}, size_t{0}}) {
    if (node.op != OpCode::kMul && (node.op != OpCode::kDiv || i == 0)) break;
    const auto number = Splat(graph, node.inputs[i]);
    if (!number || *number == 0 ||
        !BroadcastsInto(graph.shape(node.inputs[i]), graph.shape(node.inputs[1 - i])))
      continue;
    *factor = node.op == OpCode::kMul ? *factor * *number : *factor / *number;
    return node.inputs[1 - i];
  }
  return ir::kNoValue;
}

// Products x * g(x) ---------------------------------------------------------------------------

// `v` = factor * x * (a * leaf + b), where `leaf` is the result of a node that `is_leaf` picks and
// x is any of the values that the product may be split at. `accept` decides on (x, leaf, factor *
// a, factor * b).
struct Product {
  const Rewriter& graph;
  std::function<bool(const Node&)> is_leaf;
  std::function<bool(int32_t x, int32_t leaf, double a, double b)> accept;

  // The x that was accepted; kNoValue for none.
  int32_t Match(const Node& node, double factor = 1, int depth = 0) const {
    constexpr int kMostDepth = 4;
    if (depth > kMostDepth || !IsFloatNode(graph, node) ||
        ir::FusedActivation(node) != Activation::kNone)
      return ir::kNoValue;
    double inner = factor;
    if (const int32_t v = WithoutFactor(graph, node, &inner); v != ir::kNoValue) {
      const int32_t n = graph.Producer(v);
      return n == ir::kNoNode ? ir::kNoValue : Match(graph.node(n), inner, depth + 1);
    }
    if (node.op != OpCode::kMul) return ir::kNoValue;
    for (const size_t i : {size_t{0}, size_t{1}}) {
      const int32_t x = Sides(node.inputs[i], node.inputs[1 - i], factor);
      if (x != ir::kNoValue) return x;
    }
    return ir::kNoValue;
  }

 private:
  int32_t Sides(int32_t plain, int32_t other, double factor) const {
    const int32_t leaf = Leaf(other, 0);
    if (leaf == ir::kNoValue) return ir::kNoValue;
    const auto affine = PolynomialOf(graph, other, leaf);
    if (!affine || (*affine)[2] != 0 || (*affine)[3] != 0) return ir::kNoValue;
    for (int depth = 0; depth < 3; ++depth) {
      if (accept(plain, leaf, factor * (*affine)[1], factor * (*affine)[0])) return plain;
      const int32_t n = graph.Producer(plain);
      const int32_t before =
          n == ir::kNoNode ? ir::kNoValue : WithoutFactor(graph, graph.node(n), &factor);
      if (before == ir::kNoValue) return ir::kNoValue;
      plain = before;
    }
    return ir::kNoValue;
  }

  // Down through additions of and multiplications by numbers.
  int32_t Leaf(int32_t v, int depth) const {
    const int32_t n = graph.Producer(v);
    if (n == ir::kNoNode || depth > 4) return ir::kNoValue;
    const Node& node = graph.node(n);
    if (is_leaf(node)) return v;
    if (node.op != OpCode::kAdd && node.op != OpCode::kSub && node.op != OpCode::kMul &&
        node.op != OpCode::kDiv)
      return ir::kNoValue;
    if (ir::FusedActivation(node) != Activation::kNone) return ir::kNoValue;
    if (Splat(graph, node.inputs[1])) return Leaf(node.inputs[0], depth + 1);
    return Splat(graph, node.inputs[0]) ? Leaf(node.inputs[1], depth + 1) : ir::kNoValue;
  }
};

// The number that a node cuts its argument to from above, when it cuts at 0 from below; 0 if not.
double CutOf(const Node& node) {
  if (node.op == OpCode::kRelu6) return 6;
  if (node.op == OpCode::kRelu0To1) return 1;
  const bool sum = node.op == OpCode::kAdd || node.op == OpCode::kSub || node.op == OpCode::kMul;
  return sum && ir::FusedActivation(node) == Activation::kRelu6 ? 6 : 0;
}

// What a node cuts, as a polynomial of x.
std::optional<Polynomial> CutArgument(const Rewriter& graph, const Node& node, int32_t x) {
  if (node.op == OpCode::kRelu6 || node.op == OpCode::kRelu0To1)
    return PolynomialOf(graph, node.inputs[0], x);
  return PolynomialOfNode(graph, node, x);
}

// x * relu6(x + 3) / 6, however it is scaled on the way.
bool HardSwish(Rewriter& graph, int32_t n) {
  const auto accept = [&](int32_t x, int32_t leaf, double a, double b) {
    const Node& cut = graph.node(graph.Producer(leaf));
    const double high = CutOf(cut);
    return b == 0 && AboutEqual(a * high, 1) &&
           IsAffine(CutArgument(graph, cut, x), high / 6, high / 2);
  };
  const int32_t x =
      Product{graph, [](const Node& node) { return CutOf(node) > 0; }, accept}.Match(graph.node(n));
  if (x == ir::kNoValue) return false;
  Become(graph, n, OpCode::kHardSwish, {x});
  return true;
}

// The error function has no operator in the format: importers bring it as a custom one.
bool IsCustom(const Node& node, std::string_view name, std::string_view flex) {
  return node.op == OpCode::kCustom && (node.name() == name || node.name() == flex) &&
         node.inputs.size() == 1 && node.outputs.size() == 1;
}
bool IsErf(const Node& node) { return IsCustom(node, "Erf", "FlexErf"); }
bool IsErfc(const Node& node) { return IsCustom(node, "Erfc", "FlexErfc"); }

// x / 2 * (1 + erf(x / sqrt 2)) = x / 2 * erfc(-x / sqrt 2), or
// x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))).
bool Gelu(Rewriter& graph, int32_t n) {
  bool approximate = false;
  int32_t erf = ir::kNoNode;
  const auto accept = [&](int32_t x, int32_t leaf, double a, double b) {
    const int32_t at = graph.Producer(leaf);
    const Node& node = graph.node(at);
    if (!AboutEqual(a, 0.5) || !AboutEqual(b, IsErfc(node) ? 0 : 0.5)) return false;
    if (IsErf(node) || IsErfc(node)) {
      erf = at;
      const double slope = std::numbers::sqrt2 / 2;
      return IsAffine(PolynomialOf(graph, node.inputs[0], x), IsErf(node) ? slope : -slope, 0);
    }
    approximate = true;
    const auto p = PolynomialOf(graph, node.inputs[0], x);
    const double slope = std::sqrt(2 * std::numbers::inv_pi);
    return p && (*p)[0] == 0 && (*p)[2] == 0 && AboutEqual((*p)[1], slope) &&
           AboutEqual((*p)[3], slope * 0.044715);
  };
  const auto is_leaf = [](const Node& node) {
    return node.op == OpCode::kTanh || IsErf(node) || IsErfc(node);
  };
  const int32_t x = Product{graph, is_leaf, accept}.Match(graph.node(n));
  if (x == ir::kNoValue) return false;
  Become(graph, n, OpCode::kGelu, {x}, ir::GeluAttrs{approximate});
  graph.RemoveDead();
  // Dead code does not go past a custom operator, which may have effects. This one has none.
  if (erf != ir::kNoNode && graph.Unused(graph.node(erf).outputs[0])) graph.Remove(erf);
  return true;
}

// Cutting x / 6 + 1 / 2 at 0 and 1, in three nodes, as relu6(x + 3) / 6, in two.
bool HardSigmoid(Rewriter& graph, int32_t n) {
  if (graph.node(n).op != OpCode::kRelu0To1) return false;
  const int32_t add = graph.SoleProducer(n, 0);
  if (add == ir::kNoNode || !IsFloatNode(graph, graph.node(add))) return false;
  for (const int32_t inner : graph.node(add).inputs) {
    const Node* const mul = IsPlain(graph, inner, {OpCode::kMul, OpCode::kDiv});
    double factor = 1;
    const int32_t x = mul == nullptr || graph.SoleUser(inner) != add
                          ? ir::kNoValue
                          : WithoutFactor(graph, *mul, &factor);
    if (x == ir::kNoValue || ir::FusedActivation(graph.node(add)) != Activation::kNone ||
        !IsAffine(PolynomialOfNode(graph, graph.node(add), x), 1.0 / 6, 0.5))
      continue;
    const float three = 3, sixth = 1.0f / 6;
    const std::string& name = graph.value(graph.node(n).outputs[0]).name;
    const int32_t sum = graph.node(add).outputs[0];
    Become(graph, add, OpCode::kAdd,
           {x, graph.AddConstant(name + "/three", DType::kFloat32, {}, std::span(&three, 1))},
           ir::BinaryAttrs{Activation::kRelu6, true});
    Become(graph, n, OpCode::kMul,
           {sum, graph.AddConstant(name + "/sixth", DType::kFloat32, {}, std::span(&sixth, 1))},
           ir::BinaryAttrs{});
    return true;
  }
  return false;
}

// Slopes --------------------------------------------------------------------------------------

// max(x, a * x) with a below 1, min(x, a * x) with a above 1.
bool LeakyRelu(Rewriter& graph, int32_t n) {
  const Node& node = graph.node(n);
  if (node.op != OpCode::kMaximum && node.op != OpCode::kMinimum) return false;
  for (const size_t i : {size_t{0}, size_t{1}}) {
    const int32_t x = node.inputs[i];
    const Node* const mul = IsPlain(graph, node.inputs[1 - i], {OpCode::kMul, OpCode::kDiv});
    double slope = 1;
    if (mul == nullptr || !IsFloatNode(graph, *mul) || WithoutFactor(graph, *mul, &slope) != x)
      continue;
    if (node.op == OpCode::kMaximum ? slope > 1 : slope < 1) return false;
    Become(graph, n, OpCode::kLeakyRelu, {x}, ir::LeakyReluAttrs{static_cast<float>(slope)});
    return true;
  }
  return false;
}

// relu(-x) or -min(x, 0) up to the sign `sign`: the x; kNoValue for other values.
int32_t NegativePart(const Rewriter& graph, int32_t v, double* sign) {
  if (const Node* const relu = Is(graph, v, {OpCode::kRelu})) {
    const Node* const flipped = IsPlain(graph, relu->inputs[0], {OpCode::kNeg, OpCode::kMul});
    double factor = 1;
    if (flipped == nullptr) return ir::kNoValue;
    *sign = 1;
    if (flipped->op == OpCode::kNeg) return flipped->inputs[0];
    const int32_t x = WithoutFactor(graph, *flipped, &factor);
    return factor == -1 ? x : ir::kNoValue;
  }
  if (const Node* const minimum = Is(graph, v, {OpCode::kMinimum})) {
    *sign = -1;
    if (IsSplat(graph, minimum->inputs[1], 0)) return minimum->inputs[0];
    if (IsSplat(graph, minimum->inputs[0], 0)) return minimum->inputs[1];
  }
  return ir::kNoValue;
}

// relu(x) + a * min(x, 0) with slopes a, as Keras writes it (-a * relu(-x)) and others do.
bool Prelu(Rewriter& graph, int32_t n) {
  const Node& node = graph.node(n);
  if ((node.op != OpCode::kAdd && node.op != OpCode::kSub) || !IsFloatNode(graph, node) ||
      ir::FusedActivation(node) != Activation::kNone)
    return false;
  for (const size_t i : {size_t{0}, size_t{1}}) {
    if (node.op == OpCode::kSub && i == 1) break;
    const Node* const relu = Is(graph, node.inputs[i], {OpCode::kRelu});
    const Node* const mul = IsPlain(graph, node.inputs[1 - i], {OpCode::kMul});
    if (relu == nullptr || mul == nullptr || !IsFloatNode(graph, *mul)) continue;
    const int32_t x = relu->inputs[0];
    for (const size_t k : {size_t{0}, size_t{1}}) {
      const int32_t slopes = mul->inputs[k];
      const auto numbers = Floats(graph, slopes);
      double sign = 0;
      if (!numbers || NegativePart(graph, mul->inputs[1 - k], &sign) != x ||
          !BroadcastsInto(graph.shape(slopes), graph.shape(x)))
        continue;
      // sign 1: y = relu(x) +- c * relu(-x) = relu(x) -+ c * min(x, 0).
      const bool negate = (sign > 0) == (node.op == OpCode::kAdd);
      int32_t alpha = slopes;
      if (negate) {
        std::vector<float> negated(numbers->begin(), numbers->end());
        for (float& number : negated) number = -number;
        alpha = graph.AddConstant(graph.value(slopes).name, DType::kFloat32, graph.shape(slopes),
                                  std::span<const float>(negated));
      }
      Become(graph, n, OpCode::kPrelu, {x, alpha});
      return true;
    }
  }
  return false;
}

// Squares and roots ---------------------------------------------------------------------------

bool Squares(Rewriter& graph, int32_t n) {
  const Node& node = graph.node(n);
  if (!IsFloatNode(graph, node) || ir::FusedActivation(node) != Activation::kNone) return false;
  if (node.op == OpCode::kPow) {
    const auto power = Splat(graph, node.inputs[1]);
    if (!power || !BroadcastsInto(graph.shape(node.inputs[1]), graph.shape(node.inputs[0])))
      return false;
    const OpCode op = *power == 2      ? OpCode::kSquare
                      : *power == 0.5f ? OpCode::kSqrt
                                       : OpCode::kRsqrt;
    if (op == OpCode::kRsqrt && *power != -0.5f) return false;
    Become(graph, n, op, {node.inputs[0]});
    return true;
  }
  if (node.op == OpCode::kMul && node.inputs[0] == node.inputs[1]) {
    Become(graph, n, OpCode::kSquare, {node.inputs[0]});
    return true;
  }
  if (node.op == OpCode::kDiv && IsSplat(graph, node.inputs[0], 1)) {
    const int32_t root = graph.SoleProducer(n, 1);
    if (root == ir::kNoNode || graph.node(root).op != OpCode::kSqrt ||
        !BroadcastsInto(graph.shape(node.inputs[0]), graph.shape(node.inputs[1])))
      return false;
    Become(graph, n, OpCode::kRsqrt, {graph.node(root).inputs[0]});
    return true;
  }
  if (node.op == OpCode::kSquare) {
    const int32_t difference = graph.SoleProducer(n, 0);
    if (difference == ir::kNoNode || graph.node(difference).op != OpCode::kSub ||
        ir::FusedActivation(graph.node(difference)) != Activation::kNone)
      return false;
    Become(graph, n, OpCode::kSquaredDifference, graph.node(difference).inputs);
    return true;
  }
  return false;
}

bool IsReducedAlongLast(const Rewriter& graph, const Node& node, int32_t x) {
  if (node.inputs[0] != x || !node.attrs<ir::ReduceAttrs>().keep_dims) return false;
  const auto axes = Integers(graph, node.inputs[1]);
  const int rank = graph.shape(x).rank();
  return axes && axes->size() == 1 && rank > 0 && NormalizedAxis((*axes)[0], rank) == rank - 1;
}

// x * rsqrt(max(sum(x^2), 1e-12)), over the last dimension.
bool L2Normalization(Rewriter& graph, int32_t n) {
  constexpr float kEpsilon = 1e-12f;  // the square of what the operator's kernels use
  const Node& node = graph.node(n);
  if ((node.op != OpCode::kMul && node.op != OpCode::kDiv) || !IsFloatNode(graph, node) ||
      ir::FusedActivation(node) != Activation::kNone)
    return false;
  for (const size_t i : {size_t{0}, size_t{1}}) {
    if (node.op == OpCode::kDiv && i == 1) break;
    const int32_t x = node.inputs[i];
    const Node* const root =
        Is(graph, node.inputs[1 - i], {node.op == OpCode::kMul ? OpCode::kRsqrt : OpCode::kSqrt});
    if (root == nullptr) continue;
    const Node* const maximum = Is(graph, root->inputs[0], {OpCode::kMaximum});
    if (maximum == nullptr) continue;
    const size_t k = Splat(graph, maximum->inputs[1]) ? 0 : 1;
    const auto epsilon = Splat(graph, maximum->inputs[1 - k]);
    if (!epsilon || !AboutEqual(*epsilon, kEpsilon)) continue;
    const Node* const sum = Is(graph, maximum->inputs[k], {OpCode::kSum});
    if (sum == nullptr || !IsReducedAlongLast(graph, *sum, sum->inputs[0])) continue;
    const Node* const square = Is(graph, sum->inputs[0], {OpCode::kSquare});
    if (square == nullptr || square->inputs[0] != x) continue;
    Become(graph, n, OpCode::kL2Normalization, {x}, ir::ActivationAttrs{});
    return true;
  }
  return false;
}

// not (a > b) is a <= b; as in TensorFlow's converter, also of floats, where NaN makes a
// difference.
bool NegatedComparison(Rewriter& graph, int32_t n) {
  static constexpr std::pair<OpCode, OpCode> kOpposites[] = {
      {OpCode::kGreater, OpCode::kLessEqual}, {OpCode::kLessEqual, OpCode::kGreater},
      {OpCode::kLess, OpCode::kGreaterEqual}, {OpCode::kGreaterEqual, OpCode::kLess},
      {OpCode::kEqual, OpCode::kNotEqual},    {OpCode::kNotEqual, OpCode::kEqual}};
  if (graph.node(n).op != OpCode::kLogicalNot) return false;
  const int32_t comparison = graph.SoleProducer(n, 0);
  if (comparison == ir::kNoNode) return false;
  for (const auto& [op, opposite] : kOpposites) {
    if (graph.node(comparison).op != op) continue;
    Become(graph, n, opposite, graph.node(comparison).inputs);
    return true;
  }
  return false;
}

// Along the last dimension ----------------------------------------------------------------------

// exp(x) / sum(exp(x)); log of it; and either of x - max(x), which changes nothing.
bool Softmax(Rewriter& graph, int32_t n) {
  const Node& node = graph.node(n);
  if (!IsFloatNode(graph, node) || ir::FusedActivation(node) != Activation::kNone) return false;
  if (node.op == OpCode::kDiv) {
    const Node* const exp = Is(graph, node.inputs[0], {OpCode::kExp});
    const Node* const sum = Is(graph, node.inputs[1], {OpCode::kSum});
    if (exp == nullptr || sum == nullptr || !IsReducedAlongLast(graph, *sum, node.inputs[0]))
      return false;
    Become(graph, n, OpCode::kSoftmax, {exp->inputs[0]}, ir::SoftmaxAttrs{});
    return true;
  }
  if (node.op == OpCode::kSub) {
    const Node* const log = Is(graph, node.inputs[1], {OpCode::kLog});
    const Node* const sum = log == nullptr ? nullptr : Is(graph, log->inputs[0], {OpCode::kSum});
    const Node* const exp = sum == nullptr ? nullptr : Is(graph, sum->inputs[0], {OpCode::kExp});
    if (exp == nullptr || exp->inputs[0] != node.inputs[0] ||
        !IsReducedAlongLast(graph, *sum, sum->inputs[0]))
      return false;
    Become(graph, n, OpCode::kLogSoftmax, {node.inputs[0]});
    return true;
  }
  if (node.op != OpCode::kSoftmax && node.op != OpCode::kLogSoftmax) return false;
  const Node* const shifted = IsPlain(graph, node.inputs[0], {OpCode::kSub});
  const Node* const maximum =
      shifted == nullptr ? nullptr : Is(graph, shifted->inputs[1], {OpCode::kReduceMax});
  if (maximum == nullptr || !IsReducedAlongLast(graph, *maximum, shifted->inputs[0])) return false;
  const int32_t x = shifted->inputs[0];
  graph.SetInput(n, 0, x);
  return true;
}

// 1 / (1 + exp(-x)).
bool Sigmoid(Rewriter& graph, int32_t n) {
  const Node& node = graph.node(n);
  if (node.op != OpCode::kDiv || !IsFloatNode(graph, node) ||
      ir::FusedActivation(node) != Activation::kNone || !IsSplat(graph, node.inputs[0], 1) ||
      !BroadcastsInto(graph.shape(node.inputs[0]), graph.shape(node.inputs[1])))
    return false;
  const Node* const sum = IsPlain(graph, node.inputs[1], {OpCode::kAdd});
  if (sum == nullptr) return false;
  for (const int32_t power : sum->inputs) {
    const Node* const exp = Is(graph, power, {OpCode::kExp});
    if (exp == nullptr || !IsAffine(PolynomialOf(graph, node.inputs[1], power), 1, 1)) continue;
    const Node* const negated = Is(graph, exp->inputs[0], {OpCode::kNeg});
    if (negated == nullptr) continue;
    Become(graph, n, OpCode::kLogistic, {negated->inputs[0]});
    return true;
  }
  return false;
}

}  // namespace

Result<int64_t> RecognizePatterns(PassContext& context) {
  Rewriter& graph = context.graph;
  int64_t changes = 0;
  for (int32_t n = graph.First(); n != ir::kNoNode; n = graph.Next(n)) {
    const Node& node = graph.node(n);
    if (node.outputs.size() != 1 || node.outputs[0] == ir::kNoValue) continue;
    if (!IsFloat(graph, node.outputs[0])) {
      changes += NegatedComparison(graph, n) ? 1 : 0;
      continue;
    }
    // The longest formulas first: they contain the others.
    changes += HardSwish(graph, n) || Gelu(graph, n) || HardSigmoid(graph, n) ||
                       L2Normalization(graph, n) || Softmax(graph, n) || Sigmoid(graph, n) ||
                       LeakyRelu(graph, n) || Prelu(graph, n) || Squares(graph, n)
                   ? 1
                   : 0;
  }
  if (changes > 0) graph.RemoveDead();
  return changes;
}

}  // namespace edgeml::passes
