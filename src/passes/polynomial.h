// A value as a polynomial of another one: programs write the same formula in many ways, and this
// sees through the order of additions and multiplications by constants.
#ifndef EDGEML_PASSES_POLYNOMIAL_H_
#define EDGEML_PASSES_POLYNOMIAL_H_

#include <array>
#include <cstdint>
#include <optional>

#include "src/ir/rewriter.h"

namespace edgeml::passes {

inline constexpr size_t kMostDegree = 3;
using Polynomial = std::array<double, kMostDegree + 1>;  // coefficients, the constant first

// `v` as a polynomial of `x`, element by element, computed by ADD, SUB, MUL, DIV, NEG, SQUARE and
// POW with single numbers as constants and no fused activation. None when it is not one of degree
// kMostDegree, or written in more than some dozen nodes.
std::optional<Polynomial> PolynomialOf(const ir::Rewriter& graph, int32_t v, int32_t x);

// The same for the result that node `n` had without its fused activation.
std::optional<Polynomial> PolynomialOfNode(const ir::Rewriter& graph, const ir::Node& node,
                                           int32_t x);

// Equal up to the rounding of constants (1e-6 of the larger magnitude).
bool AboutEqual(double a, double b);

// x * a + b up to rounding, without other terms.
bool IsAffine(const std::optional<Polynomial>& p, double a, double b);

}  // namespace edgeml::passes

#endif  // EDGEML_PASSES_POLYNOMIAL_H_
