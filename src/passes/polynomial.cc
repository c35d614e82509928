#include "src/passes/polynomial.h"

#include <algorithm>
#include <cmath>

#include "src/ir/op_def.h"
#include "src/passes/matching.h"

namespace edgeml::passes {
namespace {

using ir::Node;
using ir::OpCode;
using ir::Rewriter;

std::optional<Polynomial> Times(const Polynomial& a, const Polynomial& b) {
  Polynomial out{};
  for (size_t i = 0; i <= kMostDegree; ++i) {
    for (size_t j = 0; j <= kMostDegree; ++j) {
      if (a[i] == 0 || b[j] == 0) continue;
      if (i + j > kMostDegree) return std::nullopt;
      out[i + j] += a[i] * b[j];
    }
  }
  return out;
}

Polynomial Plus(const Polynomial& a, const Polynomial& b, double factor) {
  Polynomial out;
  for (size_t i = 0; i <= kMostDegree; ++i) out[i] = a[i] + factor * b[i];
  return out;
}

class Reader {
 public:
  Reader(const Rewriter& graph, int32_t x) : graph_(graph), x_(x) {}

  std::optional<Polynomial> Value(int32_t v) {
    if (v == x_) return Polynomial{0, 1, 0, 0};
    if (const auto number = Splat(graph_, v)) {
      if (!BroadcastsInto(graph_.shape(v), graph_.shape(x_))) return std::nullopt;
      return Polynomial{*number, 0, 0, 0};
    }
    const int32_t n = graph_.Producer(v);
    if (n == ir::kNoNode || ir::FusedActivation(graph_.node(n)) != ir::Activation::kNone)
      return std::nullopt;
    return Result(graph_.node(n));
  }

  std::optional<Polynomial> Result(const Node& node) {
    // Also bounds the recursion.
    if (++nodes_ > kMostNodes || node.outputs.size() != 1 || !IsFloatNode(graph_, node))
      return std::nullopt;
    switch (node.op) {
      case OpCode::kNeg:
      case OpCode::kSquare: {
        const auto in = Value(node.inputs[0]);
        if (!in) return std::nullopt;
        return node.op == OpCode::kNeg ? Plus({}, *in, -1) : Times(*in, *in);
      }
      case OpCode::kAdd:
      case OpCode::kSub:
      case OpCode::kMul:
      case OpCode::kDiv:
      case OpCode::kPow: {
        const auto a = Value(node.inputs[0]);
        const auto b = a ? Value(node.inputs[1]) : std::nullopt;
        if (!b) return std::nullopt;
        if (node.op == OpCode::kAdd) return Plus(*a, *b, 1);
        if (node.op == OpCode::kSub) return Plus(*a, *b, -1);
        if (node.op == OpCode::kMul) return Times(*a, *b);
        if ((*b)[1] != 0 || (*b)[2] != 0 || (*b)[3] != 0) return std::nullopt;
        const double constant = (*b)[0];
        if (node.op == OpCode::kDiv) {
          if (constant == 0) return std::nullopt;
          return Plus({}, *a, 1 / constant);
        }
        const auto square = Times(*a, *a);
        if (constant == 2 || !square) return constant == 2 ? square : std::nullopt;
        return constant == 3 ? Times(*square, *a) : std::nullopt;
      }
      default:
        return std::nullopt;
    }
  }

 private:
  static constexpr int kMostNodes = 16;
  const Rewriter& graph_;
  const int32_t x_;
  int nodes_ = 0;
};

}  // namespace

std::optional<Polynomial> PolynomialOf(const Rewriter& graph, int32_t v, int32_t x) {
  return Reader(graph, x).Value(v);
}

std::optional<Polynomial> PolynomialOfNode(const Rewriter& graph, const Node& node, int32_t x) {
  return Reader(graph, x).Result(node);
}

bool AboutEqual(double a, double b) {
  return std::abs(a - b) <= 1e-6 * std::max(std::abs(a), std::abs(b));
}

bool IsAffine(const std::optional<Polynomial>& p, double a, double b) {
  return p && AboutEqual((*p)[1], a) && AboutEqual((*p)[0], b) && (*p)[2] == 0 && (*p)[3] == 0;
}

}  // namespace edgeml::passes
