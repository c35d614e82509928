// The operator families, one file each in this folder.
#ifndef EDGEML_IR_OPS_FAMILIES_H_
#define EDGEML_IR_OPS_FAMILIES_H_

#include <span>

#include "src/ir/op_def.h"

namespace edgeml::ir {

std::span<const OpDef> ConvolutionOps();
std::span<const OpDef> PoolingOps();
std::span<const OpDef> ElementwiseOps();
std::span<const OpDef> ActivationOps();
std::span<const OpDef> ReductionOps();
std::span<const OpDef> LayoutOps();   // reshape, transpose, tile, fill …: whole tensors
std::span<const OpDef> SliceOps();    // slice, pad, split, concatenation …: parts of tensors
std::span<const OpDef> GatherOps();   // gather, embedding lookup, one-hot, where
std::span<const OpDef> ScatterOps();  // scatter, diagonals, reverse sequence, unique, bucketize
std::span<const OpDef> ConversionOps();
std::span<const OpDef> RecurrentOps();
std::span<const OpDef> ControlFlowOps();
std::span<const OpDef> DetectionOps();
std::span<const OpDef> LookupOps();
std::span<const OpDef> RandomOps();
std::span<const OpDef> SegmentOps();
std::span<const OpDef> SpectralOps();
std::span<const OpDef> StablehloOps();

}  // namespace edgeml::ir

#endif  // EDGEML_IR_OPS_FAMILIES_H_
