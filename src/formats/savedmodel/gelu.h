// The formulas of the GELU activation that have the error function, which is no operator of ours.
#ifndef EDGEML_FORMATS_SAVEDMODEL_GELU_H_
#define EDGEML_FORMATS_SAVEDMODEL_GELU_H_

#include <optional>

#include "src/formats/savedmodel/op.h"

namespace edgeml::savedmodel {

// The x of which the product that `op` lowers is GELU: c x (a + b erf(x / sqrt 2)) with ca = cb =
// 1/2, or x erfc(-x / sqrt 2) / 2, however the numbers are spread over the factors. None for other
// products. Source: Hendrycks and Gimpel, "Gaussian Error Linear Units", section 2.
std::optional<Endpoint> MatchGelu(const Op& op);

}  // namespace edgeml::savedmodel

#endif  // EDGEML_FORMATS_SAVEDMODEL_GELU_H_
