#include "src/compress/quantize/prepare.h"

#include <algorithm>
#include <utility>

#include "src/base/strings.h"
#include "src/compress/quantize/cells.h"
#include "src/ir/densify.h"
#include "src/ir/rewriter.h"
#include "src/passes/biases.h"
#include "src/passes/matching.h"
#include "src/passes/passes.h"

namespace edgeml::quantize {
namespace {

using ir::OpCode;

// Integer arithmetic on activations: what a quantized model has. What DENSIFY makes are weights.
bool IsQuantized(const ir::Graph& graph) {
  return std::ranges::any_of(graph.nodes, [&](const ir::Node& node) {
    return node.op != OpCode::kDensify && std::ranges::any_of(node.outputs, [&](int32_t v) {
             if (v == ir::kNoValue) return false;
             const ir::Value& value = graph.values[static_cast<size_t>(v)];
             const bool integer = value.type == DType::kInt8 || value.type == DType::kUInt8 ||
                                  value.type == DType::kInt16;
             return integer && !value.quantization.empty();
           });
  });
}

// The range that FAKE_QUANT rounds to, as 256 steps would hold it.
Range RangeOf(const ir::FakeQuantAttrs& attributes) {
  Range range{attributes.min, attributes.max};
  // Of 2^bits numbers the lowest is left out; with it the step stays the same.
  if (attributes.narrow_range && attributes.num_bits > 1 && attributes.num_bits <= 16)
    range.min -= (range.max - range.min) / static_cast<float>((1 << attributes.num_bits) - 2);
  return range;
}

// FAKE_QUANT of constants is computed by the passes: it says what the weights are.
int64_t TakeFakeQuant(ir::Graph& main, Ranges& learned) {
  int64_t taken = 0;
  ir::Rewriter graph(main);
  for (int32_t n = graph.First(); n != ir::kNoNode; n = graph.Next(n)) {
    const ir::Node& node = graph.node(n);
    if (node.op != OpCode::kFakeQuant) continue;
    const int32_t in = node.inputs[0], out = node.outputs[0];
    if (graph.is_constant(in) || !graph.CanReplace(out, in)) continue;
    const Range range = RangeOf(node.attrs<ir::FakeQuantAttrs>());
    learned[static_cast<size_t>(in)] = learned[static_cast<size_t>(out)] = range;
    graph.ReplaceNode(n, in);
    ++taken;
  }
  return taken;
}

// What LiteRT has no integer form of, as products, of which it has: SQUARE, and NEG, whose kernel
// does not rescale.
void MakeProducts(ir::Graph& main) {
  ir::Rewriter graph(main);
  const auto make = [&](int32_t n, int32_t factor) {
    ir::Node& node = graph.mutable_node(n);
    node.op = OpCode::kMul;
    node.attributes = ir::BinaryAttrs{};
    graph.SetInputs(n, {node.inputs[0], factor});
  };
  int32_t minus_one = ir::kNoValue;
  for (int32_t n = graph.First(); n != ir::kNoNode; n = graph.Next(n)) {
    const ir::Node& node = graph.node(n);
    if (node.inputs.empty() || !passes::IsFloatNode(graph, node)) continue;
    if (node.op == OpCode::kSquare) make(n, node.inputs[0]);
    if (node.op != OpCode::kNeg) continue;
    constexpr float kMinusOne = -1;
    if (minus_one == ir::kNoValue)
      minus_one = graph.AddConstant("minus_one", DType::kFloat32, {}, std::span(&kMinusOne, 1));
    make(n, minus_one);
  }
}

Status Densify(ir::Graph& graph) {
  for (ir::Value& value : graph.values) {
    if (value.sparsity == nullptr || BitsOf(value.type) < 8) continue;
    EDGEML_ASSIGN_OR_RETURN(std::vector<std::byte> dense, ir::Densify(value));
    value.data = ir::ConstantData::Own(std::move(dense));
    value.sparsity = nullptr;
  }
  return Status::Ok();
}

}  // namespace

Result<Prepared> Prepare(ir::Module module, ir::Evaluator& evaluator) {
  Prepared out;
  for (ir::Graph& graph : module.graphs) {
    if (IsQuantized(graph))
      return Error(Code::kInvalidArgument,
                   "the model is quantized already; start from the float one");
    EDGEML_RETURN_IF_ERROR(Densify(graph));
  }
  out.module = std::move(module);
  ir::Graph& main = out.module.graphs[0];
  out.learned.resize(main.values.size());
  if (const int64_t taken = TakeFakeQuant(main, out.learned); taken > 0)
    out.notes.push_back(Concat(taken, " ranges that training learned are kept"));
  passes::Options options;
  options.expand_weights = true;
  EDGEML_RETURN_IF_ERROR(passes::RunPasses(out.module, options, &evaluator).status());
  passes::AddMissingBiases(out.module);
  MakeProducts(main);
  NameIntermediates(main);
  out.learned.resize(main.values.size());
  return out;
}

}  // namespace edgeml::quantize
