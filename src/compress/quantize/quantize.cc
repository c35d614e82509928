#include "src/compress/quantize/quantize.h"

#include <algorithm>
#include <utility>

#include "src/base/strings.h"
#include "src/compress/quantize/weight_only.h"
#include "src/passes/float16.h"

namespace edgeml::quantize {
namespace {

constexpr SchemeInfo kSchemes[] = {
    {Scheme::kDynamic, "dynamic", "int8 weights, activations quantized as they come", false},
    {Scheme::kWeightInt8, "weight-int8", "int8 weights, float arithmetic", false},
    {Scheme::kWeightInt4, "weight-int4", "int4 weights, float arithmetic", false},
    {Scheme::kFloat16, "float16", "float16 weights, float arithmetic", false},
    {Scheme::kInt8, "int8", "everything int8", true},
    {Scheme::kInt8Float, "int8-float", "int8 where an operator can, else float", true},
    {Scheme::kInt16x8, "int16x8", "int16 activations, int8 weights", true},
    {Scheme::kInt4, "int4", "int8 activations, int4 weights", true},
    {Scheme::kBinary, "binary", "int8 activations, one-bit weights", true},
    {Scheme::kMixed, "mixed", "int8 activations, weights of 8 or 4 bits chosen by layer", true},
};

// The layers that `options.bits` names, by node.
Result<std::map<int32_t, int>> BitsByNode(const ir::Graph& graph, const QuantizeOptions& options) {
  std::map<int32_t, int> bits;
  for (const auto& [name, count] : options.bits) {
    if (count != 8 && count != 4 && count != 1 && count != 32)
      return Error(Code::kInvalidArgument, name, ": ", count, " bits; 8, 4, 1 or 32 can be had");
    bool found = false;
    for (size_t n = 0; n < graph.nodes.size(); ++n) {
      for (const int32_t v : graph.nodes[n].outputs) {
        if (v == ir::kNoValue || graph.values[static_cast<size_t>(v)].name != name) continue;
        bits[static_cast<int32_t>(n)] = count;
        found = true;
      }
    }
    if (!found)
      return Error(Code::kInvalidArgument, "no operator makes a value named '", name,
                   "'; `edgeml inspect` lists them");
  }
  return bits;
}

// That each name to keep float is an operator's or a value's that one makes.
Status CheckKeepFloat(const ir::Graph& graph, const QuantizeOptions& options) {
  for (const std::string& name : options.keep_float) {
    const bool found = std::ranges::any_of(graph.nodes, [&](const ir::Node& node) {
      return node.name() == name || std::ranges::any_of(node.outputs, [&](int32_t v) {
               return v != ir::kNoValue && graph.values[static_cast<size_t>(v)].name == name;
             });
    });
    if (!found)
      return Error(Code::kInvalidArgument, "to be kept float: no operator is called '", name,
                   "' and none makes a tensor of that name; `edgeml inspect` lists them");
  }
  return Status::Ok();
}

WeightFormat FormatOf(const QuantizeOptions& options) {
  WeightFormat format;
  switch (options.scheme) {
    case Scheme::kWeightInt4:
    case Scheme::kInt4:
      format.bits = 4;
      break;
    case Scheme::kBinary:
      format.bits = 1;
      break;
    default:
      break;
  }
  format.block_size = options.block_size;
  format.packed = options.packed;
  if (options.search_scales) format.scale = WeightFormat::Scale::kSquaredError;
  if (options.balance) format.outputs = 0;
  return format;
}

Result<ir::Module> StoreHalves(const ir::Module& module) {
  ir::Module out = module;
  EDGEML_RETURN_IF_ERROR(passes::StoreFloat16(out, {}).status());
  return out;
}

}  // namespace

std::span<const SchemeInfo> Schemes() { return kSchemes; }

const SchemeInfo& InfoOf(Scheme scheme) {
  return *std::ranges::find(kSchemes, scheme, &SchemeInfo::scheme);
}

Result<Scheme> ParseScheme(std::string_view name) {
  std::string known;
  for (const SchemeInfo& info : kSchemes) {
    if (info.name == name) return info.scheme;
    known += Concat(known.empty() ? "" : ", ", info.name);
  }
  return Error(Code::kInvalidArgument, "there is no scheme '", name, "'; there are ", known);
}

Ranges ChooseRanges(const CalibrationResult& seen, const Prepared& model, Scheme scheme) {
  const bool wide = scheme == Scheme::kInt16x8;
  Ranges ranges = model.learned;
  ranges.resize(model.module.graphs[0].values.size());
  for (size_t v = 0; v < ranges.size(); ++v)
    if (!ranges[v]) ranges[v] = seen.RangeOf(0, static_cast<int32_t>(v), wide ? 16 : 8, wide);
  return ranges;
}

Result<IntegerOptions> ToIntegerOptions(const ir::Module& module, const QuantizeOptions& options) {
  if (!InfoOf(options.scheme).calibrated)
    return Error(Code::kInvalidArgument, "the scheme ", InfoOf(options.scheme).name,
                 " has no integer arithmetic");
  IntegerOptions out;
  out.activations = options.scheme == Scheme::kInt16x8 ? DType::kInt16 : DType::kInt8;
  out.input_type = options.input_type;
  out.output_type = options.output_type;
  out.weights = FormatOf(options);
  out.per_channel = options.per_channel;
  out.integer_only = options.scheme != Scheme::kInt8Float && !options.allow_float;
  out.keep_float = options.keep_float;
  EDGEML_ASSIGN_OR_RETURN(out.bits, BitsByNode(module.graphs[0], options));
  out.only_nodes = options.only_nodes;
  out.rounded = options.rounded;
  out.bias_shift = options.bias_shift;
  return out;
}

Result<ir::Module> Quantize(const ir::Module& module, const Ranges& ranges,
                            const QuantizeOptions& options, std::vector<LayerReport>* report) {
  const SchemeInfo& info = InfoOf(options.scheme);
  EDGEML_RETURN_IF_ERROR(CheckKeepFloat(module.graphs[0], options));
  if (info.calibrated) {
    if (ranges.size() != module.graphs[0].values.size())
      return Error(Code::kInvalidArgument, "the scheme ", info.name,
                   " needs the ranges of activations: calibration data");
    EDGEML_ASSIGN_OR_RETURN(const IntegerOptions integer, ToIntegerOptions(module, options));
    return QuantizeToIntegers(module, ranges, integer, report);
  }
  if (options.input_type != DType::kFloat32 || options.output_type != DType::kFloat32)
    return Error(Code::kInvalidArgument, "the scheme ", info.name,
                 " has float inputs and outputs; integers need int8 or int16x8");
  if (options.scheme == Scheme::kFloat16) return StoreHalves(module);
  WeightOnlyOptions weights;
  weights.weights = FormatOf(options);
  weights.per_channel = options.per_channel;
  weights.dynamic = options.scheme == Scheme::kDynamic ||
                    (options.scheme == Scheme::kWeightInt4 && options.block_size > 0);
  weights.min_elements = options.min_elements;
  weights.keep_float = options.keep_float;
  EDGEML_ASSIGN_OR_RETURN(weights.bits, BitsByNode(module.graphs[0], options));
  weights.rounded = options.rounded;
  weights.bias_shift = options.bias_shift;
  return QuantizeWeightsOnly(module, weights, report);
}

}  // namespace edgeml::quantize
