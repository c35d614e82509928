#include "src/formats/savedmodel/gelu.h"

#include <cmath>
#include <cstring>
#include <numbers>
#include <utility>
#include <vector>

namespace edgeml::savedmodel {
namespace {

// Nodes that a formula may stand in, one after the other. The usual ones have four.
constexpr int kMostDepth = 6;
// Factors that a product is taken apart into. The usual ones have two.
constexpr size_t kMostFactors = 4;

bool AboutEqual(double a, double b) { return std::abs(a - b) <= 1e-6 * std::abs(b); }

// A value times a number.
struct Scaled {
  Endpoint value;
  double factor = 1;
};

class Matcher {
 public:
  explicit Matcher(const Op& op) : op_(op) {}

  std::optional<Endpoint> Match() const {
    std::vector<Scaled> factors;
    Factors({{op_.node_index(), 0}, 1}, {}, 0, factors);
    for (const Scaled& factor : factors)
      for (const Scaled& x : ArgumentsOf(factor.value))
        if (Fits(x)) return x.value;
    return std::nullopt;
  }

 private:
  // The one number that a constant holds.
  std::optional<double> Number(const Endpoint& at) const {
    const ir::Value& value = op_.b.value(op_.ValueOf(at));
    float number = 0;
    if (!value.is_constant() || value.type != DType::kFloat32 ||
        value.data.bytes.size() != sizeof number)
      return std::nullopt;
    std::memcpy(&number, value.data.bytes.data(), sizeof number);
    return number;
  }

  // What a node gives when it multiplies one value by a number.
  std::optional<Scaled> Inner(const Scaled& from) const {
    const Node& node = op_.Producer(from.value);
    if (node.op == "Neg" && node.inputs.size() == 1) return Scaled{node.inputs[0], -from.factor};
    if (node.inputs.size() != 2 || from.value.output != 0) return std::nullopt;
    const bool mul = node.op == "Mul", div = node.op == "RealDiv" || node.op == "Div";
    if (!mul && !div) return std::nullopt;
    if (const auto number = Number(node.inputs[1]); number && *number != 0)
      return Scaled{node.inputs[0], mul ? from.factor * *number : from.factor / *number};
    if (const auto number = mul ? Number(node.inputs[0]) : std::nullopt)
      return Scaled{node.inputs[1], from.factor * *number};
    return std::nullopt;
  }

  // The factors of a product. `whole` is not taken apart. The number is with the first factor.
  void Factors(Scaled from, const Endpoint& whole, int depth, std::vector<Scaled>& out) const {
    for (; depth < kMostDepth && from.value != whole; ++depth) {
      const auto inner = Inner(from);
      if (!inner) break;
      from = *inner;
    }
    const Node& node = op_.Producer(from.value);
    if (node.op == "Mul" && node.inputs.size() == 2 && from.value != whole && depth < kMostDepth &&
        out.size() + 2 <= kMostFactors) {
      Factors({node.inputs[0], from.factor}, whole, depth + 1, out);
      Factors({node.inputs[1], 1}, whole, depth + 1, out);
    } else {
      out.push_back(from);
    }
  }

  // `at` = a + b erf(u); erfc(u) = 1 - erf(u).
  struct Curve {
    double a = 0, b = 0;
    Endpoint argument;
  };
  std::optional<Curve> CurveOf(const Endpoint& at) const {
    Scaled from{at, 1};
    double sum = 0;
    for (int depth = 0; depth < kMostDepth; ++depth) {
      const Node& node = op_.Producer(from.value);
      if (node.inputs.size() == 1 && node.op == "Erf")
        return Curve{sum, from.factor, node.inputs[0]};
      if (node.inputs.size() == 1 && node.op == "Erfc")
        return Curve{sum + from.factor, -from.factor, node.inputs[0]};
      if (const auto inner = Inner(from)) {
        from = *inner;
        continue;
      }
      if ((node.op != "Add" && node.op != "AddV2") || node.inputs.size() != 2) break;
      const auto left = Number(node.inputs[0]), right = Number(node.inputs[1]);
      if (!left && !right) break;
      sum += from.factor * (left ? *left : *right);
      from.value = node.inputs[left ? 1 : 0];
    }
    return std::nullopt;
  }

  // The values that the argument of a curve is a multiple of, the argument itself first.
  std::vector<Scaled> ArgumentsOf(const Endpoint& factor) const {
    std::vector<Scaled> out;
    const auto curve = CurveOf(factor);
    if (!curve) return out;
    std::optional<Scaled> next = Scaled{curve->argument, 1};
    for (int depth = 0; next && depth < kMostDepth; ++depth) {
      out.push_back(*next);
      next = Inner(*next);
    }
    return out;
  }

  // Whether the product is GELU of x.value, of which the error function's argument is a multiple.
  bool Fits(const Scaled& x) const {
    if (!AboutEqual(std::abs(x.factor), std::numbers::sqrt2 / 2)) return false;
    std::vector<Scaled> factors;
    Factors({{op_.node_index(), 0}, 1}, x.value, 0, factors);
    if (factors.size() != 2) return false;
    for (const size_t i : {size_t{0}, size_t{1}}) {
      const auto curve = CurveOf(factors[i].value);
      if (!curve || factors[1 - i].value != x.value) continue;
      // An odd function: erf(-u) = -erf(u).
      const double c = factors[0].factor * factors[1].factor;
      const double b = x.factor < 0 ? -curve->b : curve->b;
      return AboutEqual(c * curve->a, 0.5) && AboutEqual(c * b, 0.5);
    }
    return false;
  }

  const Op& op_;
};

}  // namespace

std::optional<Endpoint> MatchGelu(const Op& op) { return Matcher(op).Match(); }

}  // namespace edgeml::savedmodel
