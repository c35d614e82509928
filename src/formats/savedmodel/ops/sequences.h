// Loops that are a recurrent layer, as one operator.
#ifndef EDGEML_FORMATS_SAVEDMODEL_OPS_SEQUENCES_H_
#define EDGEML_FORMATS_SAVEDMODEL_OPS_SEQUENCES_H_

#include "src/formats/savedmodel/op.h"

namespace edgeml::savedmodel {

// Sets the outputs of a While node that runs an LSTM or a simple recurrent cell over all steps from
// states of zero, to those of a sequence operator. False for other loops, and for those whose last
// cell state someone reads, which the operator does not give. kUnsupported for an open batch.
Result<bool> LowerRecurrence(Op& op);

}  // namespace edgeml::savedmodel

#endif  // EDGEML_FORMATS_SAVEDMODEL_OPS_SEQUENCES_H_
