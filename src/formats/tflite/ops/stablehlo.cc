// The options of StableHLO in the format.
#include "src/formats/tflite/ops/codec.h"
#include "src/formats/tflite/ops/families.h"
#include "src/ir/selection.h"

namespace edgeml::tflite {
namespace {

EDGEML_CODEC(
    StablehloCaseCodec, StablehloCaseOptions, CaseAttrs, VT_BRANCH_SUBGRAPH_INDICES,
    { return ReadVector(o.branch_subgraph_indices(), b, a.branch_subgraphs); },
    c.builder.CreateVector(a.branch_subgraphs))
EDGEML_CODEC(
    StablehloCompositeCodec, StableHLOCompositeOptions, CompositeAttrs, VT_VERSION,
    {
      EDGEML_RETURN_IF_ERROR(ReadText(o.name(), b, a.name));
      a.decomposition_subgraph = o.decomposition_subgraph_index();
      a.version = o.version();
      return ReadVector(o.composite_attributes(), b, a.encoded);
    },
    c.builder.CreateString(a.name), a.decomposition_subgraph,
    a.encoded.empty() ? 0 : c.builder.CreateVector(a.encoded), fb::CustomOptionsFormat::FLEXBUFFERS,
    a.version)
EDGEML_CODEC(
    StablehloGatherCodec, StablehloGatherOptions, StablehloGatherAttrs, VT_INDICES_ARE_SORTED,
    {
      a.index_vector_dim = o.index_vector_dim();
      a.indices_are_sorted = o.indices_are_sorted();
      EDGEML_RETURN_IF_ERROR(ReadVector(o.offset_dims(), b, a.offset_dims));
      EDGEML_RETURN_IF_ERROR(ReadVector(o.collapsed_slice_dims(), b, a.collapsed_slice_dims));
      EDGEML_RETURN_IF_ERROR(ReadVector(o.start_index_map(), b, a.start_index_map));
      return ReadVector(o.slice_sizes(), b, a.slice_sizes);
    },
    c.builder.CreateVector(a.offset_dims), c.builder.CreateVector(a.collapsed_slice_dims),
    c.builder.CreateVector(a.start_index_map), a.index_vector_dim,
    c.builder.CreateVector(a.slice_sizes), a.indices_are_sorted)
EDGEML_CODEC(
    StablehloPadCodec, StablehloPadOptions, StablehloPadAttrs, VT_INTERIOR_PADDING,
    {
      EDGEML_RETURN_IF_ERROR(ReadVector(o.edge_padding_low(), b, a.low));
      EDGEML_RETURN_IF_ERROR(ReadVector(o.edge_padding_high(), b, a.high));
      return ReadVector(o.interior_padding(), b, a.interior);
    },
    c.builder.CreateVector(a.low), c.builder.CreateVector(a.high),
    c.builder.CreateVector(a.interior))
EDGEML_CODEC(
    StablehloReduceWindowCodec, StablehloReduceWindowOptions, StablehloReduceWindowAttrs,
    VT_BODY_SUBGRAPH_INDEX,
    {
      a.body_subgraph = o.body_subgraph_index();
      EDGEML_RETURN_IF_ERROR(ReadVector(o.window_dimensions(), b, a.dimensions));
      EDGEML_RETURN_IF_ERROR(ReadVector(o.window_strides(), b, a.strides));
      EDGEML_RETURN_IF_ERROR(ReadVector(o.base_dilations(), b, a.base_dilations));
      EDGEML_RETURN_IF_ERROR(ReadVector(o.window_dilations(), b, a.window_dilations));
      return ReadVector(o.padding(), b, a.padding);
    },
    c.builder.CreateVector(a.dimensions), c.builder.CreateVector(a.strides),
    c.builder.CreateVector(a.base_dilations), c.builder.CreateVector(a.window_dilations),
    c.builder.CreateVector(a.padding), a.body_subgraph)
EDGEML_CODEC(
    StablehloScatterCodec, StablehloScatterOptions, StablehloScatterAttrs,
    VT_UPDATE_COMPUTATION_SUBGRAPH_INDEX,
    {
      a.indices_are_sorted = o.indices_are_sorted();
      a.index_vector_dim = o.index_vector_dim();
      a.unique_indices = o.unique_indices();
      a.update_subgraph = o.update_computation_subgraph_index();
      EDGEML_RETURN_IF_ERROR(ReadVector(o.update_window_dims(), b, a.update_window_dims));
      EDGEML_RETURN_IF_ERROR(ReadVector(o.inserted_window_dims(), b, a.inserted_window_dims));
      return ReadVector(o.scatter_dims_to_operand_dims(), b, a.scatter_dims_to_operand_dims);
    },
    a.indices_are_sorted, c.builder.CreateVector(a.update_window_dims),
    c.builder.CreateVector(a.inserted_window_dims),
    c.builder.CreateVector(a.scatter_dims_to_operand_dims), a.index_vector_dim, a.unique_indices,
    a.update_subgraph)

constexpr OpHandler kHandlers[] = {
    Bare(Op::kStablehloAdd, Code_::STABLEHLO_ADD),
    Bare(Op::kStablehloAnd, Code_::STABLEHLO_AND),
    With<StablehloCaseCodec>(Op::kStablehloCase, Code_::STABLEHLO_CASE),
    With<StablehloCompositeCodec>(Op::kStablehloComposite, Code_::STABLEHLO_COMPOSITE),
    With<StablehloGatherCodec>(Op::kStablehloGather, Code_::STABLEHLO_GATHER),
    Bare(Op::kStablehloMaximum, Code_::STABLEHLO_MAXIMUM),
    Bare(Op::kStablehloMinimum, Code_::STABLEHLO_MINIMUM),
    Bare(Op::kStablehloMultiply, Code_::STABLEHLO_MULTIPLY),
    With<StablehloPadCodec>(Op::kStablehloPad, Code_::STABLEHLO_PAD),
    With<StablehloReduceWindowCodec>(Op::kStablehloReduceWindow, Code_::STABLEHLO_REDUCE_WINDOW),
    With<StablehloScatterCodec>(Op::kStablehloScatter, Code_::STABLEHLO_SCATTER),
    Plain<fb::StablehloShiftLeftOptions>(Op::kStablehloShiftLeft, Code_::STABLEHLO_SHIFT_LEFT),
};

}  // namespace

std::span<const OpHandler> StablehloHandlers() { return ir::SelectedRows<kHandlers>(); }

}  // namespace edgeml::tflite
