// The parts of the movement family and what their steps share.
#ifndef EDGEML_BACKENDS_REFERENCE_MOVEMENT_H_
#define EDGEML_BACKENDS_REFERENCE_MOVEMENT_H_

#include <cstddef>
#include <string>

#include "src/backends/reference/reference_backend.h"
#include "src/kernels/movement/indexing.h"
#include "src/kernels/movement/strided_copy.h"
#include "src/tensor/view.h"

namespace edgeml::backends {

// Reasons to decline, empty when there is none.
// Elements of `view` have a width, so that they can be moved without knowing what they mean.
std::string DeclineUnmovable(const TensorView& view);
// Input `input` and every output have one type, which can be moved.
std::string DeclineUnlessMoved(const runtime::NodeView& view, size_t input);
// Input `i` is int32 or int64.
std::string DeclineUnlessIndex(const runtime::NodeView& view, size_t i);
// Scales or zero points of two tensors of an integer type differ.
std::string DeclineRequantization(const TensorView& a, const TensorView& b);

// An error that names the index which does not fit; Ok when all do.
Status FaultStatus(const kernels::IndexFault& fault);

// Copies the elements `copy` names from one tensor to another; nothing to do when they are one run
// that stands in its place already.
void CopyBetween(const kernels::StridedCopy& copy, const TensorView& source,
                 const TensorView& target);

// All bytes of `source` to `target` of the same size, unless they are the same memory.
void CopyWhole(const TensorView& source, const TensorView& target);

// The byte offset of an element, or nothing for packed types, which cannot be addressed so.
inline bool ByteAddressable(const TensorView& view) { return BitsOf(view.type) % 8 == 0; }

}  // namespace edgeml::backends

#endif  // EDGEML_BACKENDS_REFERENCE_MOVEMENT_H_
