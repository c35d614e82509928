#include "src/compress/quantize/weight_only.h"

#include <algorithm>
#include <utility>

#include "src/base/strings.h"
#include "src/compress/quantize/layers.h"
#include "src/ir/rewriter.h"

namespace edgeml::quantize {
namespace {

using ir::OpCode;
using ir::Rewriter;

constexpr int kStaysFloat = 32;  // bits

// Which inputs of an operator are weights, and what LiteRT multiplies as integers while the
// activations are float.
struct Weighted {
  OpCode op;
  std::vector<int8_t> inputs;
  int8_t channels = -1;      // the dimension that scales may belong to
  bool dynamic8 = false;     // takes int8
  bool dynamic4 = false;     // takes int4 and blocks of it
  bool all_or_none = false;  // the weights of a node must be of one type

  // The dimension of output channels, -1 where the operator does not add products up, or in another
  // layout.
  int8_t outputs() const {
    return op == OpCode::kEmbeddingLookup ? int8_t{-1} : all_or_none ? int8_t{0} : channels;
  }
};

std::vector<int8_t> Places(std::initializer_list<std::pair<int, int>> spans) {
  std::vector<int8_t> places;
  for (const auto& [first, last] : spans)
    for (int i = first; i <= last; ++i) places.push_back(static_cast<int8_t>(i));
  return places;
}

const std::vector<Weighted>& WeightedOps() {
  // Input to gate and recurrent weights, then the projection.
  static const auto* const ops = new std::vector<Weighted>{
      {OpCode::kConv2D, {1}, 0, true, true},
      {OpCode::kDepthwiseConv2D, {1}, 3, true, false},
      {OpCode::kFullyConnected, {1}, 0, true, true},
      {OpCode::kTransposeConv, {1}, 0, true, false},
      {OpCode::kEmbeddingLookup, {1}, 0, true, true},
      {OpCode::kConv3D, {1}, -1},
      {OpCode::kConv3DTranspose, {1}, -1},
      {OpCode::kBatchMatMul, {0, 1}, -1},
      {OpCode::kGather, {0}, -1},
      {OpCode::kLstm, Places({{1, 8}, {16, 16}}), -1, true, false, true},
      {OpCode::kUnidirectionalSequenceLstm, Places({{1, 8}, {16, 16}}), -1, true, false, true},
      {OpCode::kBidirectionalSequenceLstm, Places({{1, 8}, {16, 16}, {18, 25}, {33, 33}}), -1, true,
       false, true},
      {OpCode::kRnn, {1, 2}, -1, true, false, true},
      {OpCode::kUnidirectionalSequenceRnn, {1, 2}, -1, true, false, true},
      {OpCode::kBidirectionalSequenceRnn, {1, 2, 5, 6}, -1, true, false, true},
      {OpCode::kSvdf, {1, 2}, -1, true, false, true},
  };
  return *ops;
}

// Turns on the attribute that gives activations a zero point of their own as they are quantized.
void SetAsymmetricInputs(ir::Node& node) {
  std::visit(
      [](auto& attributes) {
        if constexpr (requires { attributes.asymmetric_quantize_inputs; })
          attributes.asymmetric_quantize_inputs = true;
      },
      node.attributes);
}

class Quantizer {
 public:
  Quantizer(ir::Graph& graph, bool is_main, const WeightOnlyOptions& options,
            std::vector<LayerReport>& layers)
      : graph_(graph), is_main_(is_main), options_(options), layers_(layers) {}

  Status Run() {
    const size_t nodes = graph_.num_nodes();
    for (int32_t n = graph_.First(); n != ir::kNoNode; n = graph_.Next(n)) {
      if (static_cast<size_t>(n) >= nodes) continue;
      const auto it = std::ranges::find(WeightedOps(), graph_.node(n).op, &Weighted::op);
      if (it != WeightedOps().end()) EDGEML_RETURN_IF_ERROR(Quantize(n, *it));
    }
    return Status::Ok();
  }

 private:
  std::string NameOfOutput(int32_t n) const { return graph_.value(graph_.node(n).outputs[0]).name; }

  int BitsFor(int32_t n) const {
    const ir::Node& node = graph_.node(n);
    for (const std::string& name : options_.keep_float)
      if (name == node.name() || name == NameOfOutput(n)) return kStaysFloat;
    if (is_main_)
      if (const auto it = options_.bits.find(n); it != options_.bits.end()) return it->second;
    return options_.weights.bits;
  }

  bool IsWeights(int32_t v) const {
    if (!graph_.is_constant(v)) return false;
    const ir::Value& value = graph_.value(v);
    return value.type == DType::kFloat32 && value.sparsity == nullptr && value.shape.rank() > 0 &&
           value.shape.num_elements() >= options_.min_elements;
  }

  Status Quantize(int32_t n, const Weighted& weighted) {
    LayerReport layer;
    layer.node = n;
    layer.op_code = graph_.node(n).op;
    layer.op = graph_.node(n).name();
    layer.name = NameOfOutput(n);
    layer.output = graph_.node(n).outputs[0];
    const int bits = BitsFor(n);
    std::vector<size_t> places;
    bool all = true;
    for (const int8_t i : weighted.inputs) {
      const auto place = static_cast<size_t>(i);
      const std::vector<int32_t>& inputs = graph_.node(n).inputs;
      if (place >= inputs.size() || inputs[place] == ir::kNoValue) continue;
      if (IsWeights(inputs[place]))
        places.push_back(place);
      else if (graph_.is_constant(inputs[place]) || weighted.all_or_none)
        all = false;
    }
    if (bits == kStaysFloat)
      layer.reason = "kept float as asked";
    else if (places.empty())
      layer.reason = "no constant weights large enough";
    if (layer.reason.empty()) {
      const bool dynamic = options_.dynamic && (all || !weighted.all_or_none) &&
                           (bits == 8 ? weighted.dynamic8 : weighted.dynamic4);
      layer.format = FormatFor(n, places[0], weighted, bits);
      layer.quantized_input = graph_.node(n).inputs[0];
      for (const size_t place : places)
        EDGEML_RETURN_IF_ERROR(Replace(n, place, FormatFor(n, place, weighted, bits), dynamic));
      if (is_main_) ShiftBias(n);
      if (dynamic) SetAsymmetricInputs(graph_.mutable_node(n));
      layer.quantized = true;
      layer.weight_bits = bits;
    }
    if (is_main_) layers_.push_back(std::move(layer));
    return Status::Ok();
  }

  WeightFormat FormatFor(int32_t n, size_t place, const Weighted& weighted, int bits) const {
    WeightFormat format = options_.weights;
    format.bits = bits;
    const Shape& shape = graph_.value(graph_.node(n).inputs[place]).shape;
    const bool blocks = options_.dynamic && weighted.op == OpCode::kFullyConnected && bits == 4 &&
                        format.block_size > 0 && shape.back() % format.block_size == 0;
    if (!blocks) format.block_size = 0;
    format.axis = options_.per_channel && weighted.channels < shape.rank() ? weighted.channels : -1;
    if (blocks) format.axis = 0;
    if (format.outputs >= 0) format.outputs = weighted.outputs();
    return format;
  }

  Status Replace(int32_t n, size_t place, const WeightFormat& format, bool dynamic) {
    const int32_t w = graph_.node(n).inputs[place];
    const ir::Value& value = graph_.value(w);
    const auto* const data = reinterpret_cast<const float*>(value.data.bytes.data());
    const std::span<const float> floats(data, value.data.bytes.size() / sizeof(float));
    const auto key = std::pair(w, std::tuple(format.bits, format.axis, format.block_size));
    auto [it, added] = made_.emplace(key, ir::kNoValue);
    const auto rounded = options_.rounded.find(n);
    const bool given = is_main_ && rounded != options_.rounded.end() && place == 1;
    if (added) {
      auto weights = given ? Result<QuantizedWeights>(rounded->second)
                           : QuantizeWeights(floats, value.shape, format);
      if (!weights.ok()) return Status(weights.status()).WithContext(value.name);
      weights->format.packed = format.packed;
      if (weights->values.size() != floats.size())
        return Error(Code::kInvalidArgument, value.name, ": rounded weights of another size");
      const std::string name = value.name;
      const Shape shape = value.shape;
      ir::Value constant = MakeConstant(*weights, name, shape);
      if (format.block_size > 0)
        constant.quantization.scale_value =
            graph_.AddValue(BlockScales(*weights, name + "_scales", shape));
      it->second = graph_.AddValue(std::move(constant));
    }
    if (dynamic) {
      graph_.SetInput(n, place, it->second);
      graph_.DropIfUnused(w);
      return Status::Ok();
    }
    if (graph_.node(n).op == OpCode::kGather) return GatherThenDequantize(n, it->second, w);
    auto [floats_it, fresh] = dequantized_.emplace(it->second, ir::kNoValue);
    if (fresh) {
      const Shape shape = graph_.value(w).shape;
      floats_it->second = graph_.AddLike(w, graph_.value(w).name + "_dequantize", shape);
      ir::Node node;
      node.op = OpCode::kDequantize;
      node.inputs = {it->second};
      node.outputs = {floats_it->second};
      graph_.InsertBefore(n, std::move(node));
    }
    graph_.SetInput(n, place, floats_it->second);
    graph_.DropIfUnused(w);
    return Status::Ok();
  }

  void ShiftBias(int32_t n) {
    const auto it = options_.bias_shift.find(n);
    const std::vector<int32_t>& inputs = graph_.node(n).inputs;
    if (it == options_.bias_shift.end() || inputs.size() < 3 || !graph_.is_constant(inputs[2]))
      return;
    ir::Value bias = graph_.value(inputs[2]);
    std::vector<float> numbers(FloatsOf(bias).begin(), FloatsOf(bias).end());
    for (size_t i = 0; i < std::min(numbers.size(), it->second.size()); ++i)
      numbers[i] += it->second[i];
    SetFloats(bias, numbers);
    graph_.SetInput(n, 2, graph_.AddValue(std::move(bias)));
  }

  // Rows of a table: only those that are taken become float.
  Status GatherThenDequantize(int32_t n, int32_t table, int32_t w) {
    const int32_t out = graph_.node(n).outputs[0];
    const int32_t rows =
        graph_.AddLike(out, graph_.value(out).name + "_quantized", graph_.shape(out));
    graph_.mutable_value(rows).type = graph_.value(table).type;
    graph_.mutable_value(rows).quantization = graph_.value(table).quantization;
    graph_.SetInput(n, 0, table);
    graph_.DropIfUnused(w);
    graph_.mutable_node(n);
    graph_.SetOutput(n, 0, rows);
    ir::Node node;
    node.op = OpCode::kDequantize;
    node.inputs = {rows};
    node.outputs = {out};
    graph_.InsertAfter(n, std::move(node));
    return Status::Ok();
  }

  Rewriter graph_;
  const bool is_main_;
  const WeightOnlyOptions& options_;
  std::vector<LayerReport>& layers_;
  std::map<std::pair<int32_t, std::tuple<int, int, int32_t>>, int32_t> made_;
  std::map<int32_t, int32_t> dequantized_;
};

}  // namespace

Result<ir::Module> QuantizeWeightsOnly(const ir::Module& module, const WeightOnlyOptions& options,
                                       std::vector<LayerReport>* report) {
  ir::Module out = module;  // shares the constants
  std::vector<LayerReport> layers;
  for (size_t g = 0; g < out.graphs.size(); ++g)
    EDGEML_RETURN_IF_ERROR(Quantizer(out.graphs[g], g == 0, options, layers).Run());
  const Status status = ir::Verify(out);
  if (!status.ok()) return Error(Code::kInternal, "quantized weights: ", status.message());
  if (report != nullptr) *report = std::move(layers);
  return out;
}

}  // namespace edgeml::quantize
