// Dense and embedding layers, layers that do nothing in inference, wrappers that are taken off, and
// those that hold code.
#include "src/base/strings.h"
#include "src/formats/keras/layers/common.h"

namespace edgeml::keras {
namespace {

using ir::OpCode;

// Dropout, noise, penalties: identity in inference, whatever their options.
Status LowerIdentity(LayerContext& c) {
  c.outputs = c.inputs;
  return Status::Ok();
}

Status LowerDense(LayerContext& c) {
  const auto units = static_cast<int32_t>(c.options.Int("units"));
  const Weight kernel = c.Take("kernel", 0, 2);  // [in, units]
  const int32_t bias = TakeBias(c, 1, units);
  EDGEML_RETURN_IF_ERROR(c.e.status());
  const int32_t order[] = {1, 0};
  const Weight w = Transposed(kernel, order);
  std::vector<int32_t> inputs = {c.x(), c.Constant(w, w.shape, "kernel")};
  if (bias != ir::kNoValue) inputs.push_back(bias);
  if (c.e.ok() && (c.e.rank(c.x()) < 1 || c.e.shape(c.x()).back() != kernel.shape[0]))
    return Error(Code::kInvalidModel, "an input of shape ", c.e.shape(c.x()).ToString(),
                 " for a kernel of shape ", kernel.shape.ToString());
  ir::FullyConnectedAttrs attributes;
  attributes.keep_num_dims = c.e.rank(c.x()) != 2;
  const int32_t y = c.e.Op(OpCode::kFullyConnected, std::move(inputs), attributes);
  c.Return(Activate(c, c.options.Raw("activation"), y), /*keeps_mask=*/true);
  return c.Finish();
}

Status LowerEmbedding(LayerContext& c) {
  c.options.Ignore({"output_dim", "input_length"});
  const Weight table = c.Take("embeddings", 0, 2);
  const bool masks = c.options.Bool("mask_zero", false);
  const int32_t ids = c.e.Cast(c.x(), DType::kInt32);
  c.Return(c.e.Op(OpCode::kGather, {c.Constant(table, table.shape, "embeddings"), ids},
                  ir::GatherAttrs{0, 0}));
  if (masks)
    c.outputs[0].mask = c.e.Op(OpCode::kNotEqual, {ids, c.e.builder().AddInt(0)}, {}, DType::kBool);
  return c.Finish();
}

// Steps whose features all equal mask_value become zero and are masked.
Status LowerMasking(LayerContext& c) {
  const float value = c.options.Float("mask_value", 0);
  const int32_t differs = c.e.Op(OpCode::kNotEqual, {c.x(), c.e.Float(value)}, {}, DType::kBool);
  const int32_t last[] = {c.e.rank(c.x()) - 1};
  const int32_t kept = c.e.Reduce(OpCode::kReduceAny, differs, last, true);
  const int32_t y = c.e.Mul(c.x(), c.e.Cast(kept, c.e.type(c.x())));
  c.outputs = {{y, c.e.Squeeze(kept, last[0])}};
  return c.Finish();
}

Status LowerLambda(LayerContext& /*c*/) {
  return Error(Code::kUnsupported,
               "it holds Python code, which is never run. Replace it by layers or keras.ops, or "
               "export the model with model.export(DIR) and convert that folder");
}

// A wrapper of TensorFlow's optimization toolkit: the layer inside does the work in inference.
Status LowerStripped(LayerContext& c, const char* toolkit_name) {
  EDGEML_ASSIGN_OR_RETURN(LayerConfig inner, ReadLayerConfig(c.layer.config["layer"]));
  if (inner.name.empty()) inner.name = c.layer.name;
  c.lowering.Note(Concat("wrappers '", toolkit_name, "' were taken off"));
  const std::string_view prefixes[] = {inner.name};
  // The inner layer's weights stand first in the wrapper's list, under their own names.
  Weights weights = c.weights.OfPart("layer", prefixes);
  if (!weights.Has("kernel", 0) && !weights.Has("depthwise_kernel", 0)) weights = c.weights;
  EDGEML_ASSIGN_OR_RETURN(c.outputs, c.lowering.LowerLayer(inner, weights, c.call, c.inputs, ""));
  return Status::Ok();
}

// The kernel in the file is the one that training last normalized; inference takes it as it is.
Status LowerSpectralNormalization(LayerContext& c) {
  c.options.Ignore({"power_iterations"});
  EDGEML_ASSIGN_OR_RETURN(LayerConfig inner, ReadLayerConfig(c.options.Raw("layer")));
  if (inner.name.empty()) inner.name = c.layer.name;
  EDGEML_ASSIGN_OR_RETURN(
      c.outputs, c.lowering.LowerLayer(inner, c.weights.OfPart("layer"), c.call, c.inputs, ""));
  return c.Finish();
}

constexpr LayerDef kLayers[] = {
    {"ActivityRegularization", LowerIdentity},
    {"AlphaDropout", LowerIdentity},
    {"Dense", LowerDense},
    {"Dropout", LowerIdentity},
    {"Embedding", LowerEmbedding},
    {"GaussianDropout", LowerIdentity},
    {"GaussianNoise", LowerIdentity},
    {"Identity", LowerIdentity},
    {"Lambda", LowerLambda},
    {"Masking", LowerMasking},
    {"PruneLowMagnitude", [](LayerContext& c) { return LowerStripped(c, "prune_low_magnitude"); }},
    {"SpatialDropout1D", LowerIdentity},
    {"SpatialDropout2D", LowerIdentity},
    {"SpatialDropout3D", LowerIdentity},
    {"SpectralNormalization", LowerSpectralNormalization},
};

}  // namespace

std::span<const LayerDef> CoreLayers() { return kLayers; }

}  // namespace edgeml::keras
