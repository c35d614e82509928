// Wrappers of TensorFlow's optimization toolkit that train for quantization: taken off, and what
// they learned about the range of activations kept as FAKE_QUANT. Names and variables: the
// toolkit's quantize_wrapper.py, quantize_layer.py and quantizers.py, version 0.8.
#include <cmath>

#include "src/base/strings.h"
#include "src/formats/keras/layers/common.h"

namespace edgeml::keras {
namespace {

struct Range {
  std::string_view name;    // of the two variables, without "_min" and "_max"
  size_t index = SIZE_MAX;  // of the first among the layer's weights, where they have no names
};

// Rounds `x` as the learned range says, when the file has it.
int32_t Quantized(LayerContext& c, int32_t x, const Range& range, const Json& quantizer) {
  ir::Emitter& e = c.e;
  const std::string low = Concat(range.name, "_min"), high = Concat(range.name, "_max");
  const size_t next = range.index == SIZE_MAX ? SIZE_MAX : range.index + 1;
  if (x == ir::kNoValue || !c.weights.Has(low, range.index) || !c.weights.Has(high, next)) return x;
  const Weight a = c.Take(low, range.index), b = c.Take(high, next);
  if (!e.ok()) return x;
  ir::FakeQuantAttrs attributes;
  attributes.num_bits = static_cast<int32_t>(quantizer["num_bits"].integer().value_or(8));
  attributes.narrow_range = quantizer["narrow_range"].boolean().value_or(false);
  if (a.type != DType::kFloat32 || b.type != DType::kFloat32 || a.floats().size() != 1 ||
      b.floats().size() != 1 || attributes.num_bits < 2 || attributes.num_bits > 16) {
    e.Fail(Error(Code::kUnsupported, "ranges by channel, or of ", attributes.num_bits, " bits"));
    return x;
  }
  attributes.min = a.floats()[0];
  attributes.max = b.floats()[0];
  const bool usable = std::isfinite(attributes.min) && std::isfinite(attributes.max) &&
                      attributes.min < attributes.max;
  if (!usable) return x;  // nothing was learned
  c.lowering.Note(
      "the learned ranges of activations were kept (FAKE_QUANT); those of weights are "
      "not needed, as quantizing finds them in the weights");
  return e.Op(ir::OpCode::kFakeQuant, {x}, attributes);
}

Status LowerQuantizeWrapper(LayerContext& c) {
  EDGEML_ASSIGN_OR_RETURN(LayerConfig inner, ReadLayerConfig(c.options.Raw("layer")));
  const Json& config = c.options.Raw("quantize_config");
  if (inner.name.empty()) inner.name = c.layer.name;
  c.lowering.Note(Concat("wrappers '", c.layer.class_name, "' were taken off"));
  const Weights own = c.weights.OfPart("layer");
  EDGEML_ASSIGN_OR_RETURN(
      c.outputs,
      c.lowering.LowerLayer(inner, c.weights.is_archive() ? own : c.weights, c.call, c.inputs, ""));
  if (c.outputs.empty()) return c.Finish();
  // Archives number a wrapper's variables: the weights that it quantizes, the step of the
  // optimizer, a range for each of the weights, then those of activations.
  const size_t weights = config["config"]["weight_attrs"].items().size();
  const size_t first = c.weights.is_archive() ? 3 * weights + 1 : SIZE_MAX;
  int32_t& y = c.outputs[0].value;
  const int32_t before = y;
  y = Quantized(c, y, {"post_activation", first}, {});
  if (y == before) y = Quantized(c, y, {"output", first}, {});
  return c.Finish();
}

Status LowerQuantizeLayer(LayerContext& c) {
  const Json& quantizer = c.options.Raw("quantizer");
  c.Return(Quantized(c, c.x(), {c.layer.name, 0}, quantizer["config"]), /*keeps_mask=*/true);
  return c.Finish();
}

// Only a wish that the layer be quantized.
Status LowerQuantizeAnnotate(LayerContext& c) {
  c.options.Ignore({"quantize_config"});
  EDGEML_ASSIGN_OR_RETURN(LayerConfig inner, ReadLayerConfig(c.options.Raw("layer")));
  if (inner.name.empty()) inner.name = c.layer.name;
  c.lowering.Note("wrappers 'QuantizeAnnotate' were taken off");
  const Weights own = c.weights.OfPart("layer");
  EDGEML_ASSIGN_OR_RETURN(c.outputs, c.lowering.LowerLayer(inner, own, c.call, c.inputs, ""));
  return c.Finish();
}

constexpr LayerDef kLayers[] = {
    {"QuantizeAnnotate", LowerQuantizeAnnotate},
    {"QuantizeLayer", LowerQuantizeLayer},
    {"QuantizeWrapper", LowerQuantizeWrapper},
    {"QuantizeWrapperV2", LowerQuantizeWrapper},
};

}  // namespace

std::span<const LayerDef> QuantizeLayers() { return kLayers; }

}  // namespace edgeml::keras
