#include "src/passes/float16.h"

#include <cmath>
#include <cstring>

#include "src/base/strings.h"
#include "src/passes/matching.h"
#include "src/tensor/half.h"

namespace edgeml::passes {
namespace {

using ir::Rewriter;

// None when a finite number has no finite float16.
std::optional<std::vector<std::byte>> ToHalf(std::span<const float> values) {
  std::vector<std::byte> bytes(values.size() * sizeof(uint16_t));
  for (size_t i = 0; i < values.size(); ++i) {
    const uint16_t half = FloatToHalf(values[i]);
    if (std::isfinite(values[i]) && !std::isfinite(HalfToFloat(half))) return std::nullopt;
    std::memcpy(bytes.data() + i * sizeof half, &half, sizeof half);
  }
  return bytes;
}

void Store(ir::Graph& graph_of_module, const Float16Options& options, Float16Report& report) {
  Rewriter graph(graph_of_module);
  std::vector<uint8_t> done(graph_of_module.values.size(), 0);
  for (int32_t n = graph.First(); n != ir::kNoNode; n = graph.Next(n)) {
    const std::vector<int32_t> inputs = graph.node(n).inputs;
    for (const int32_t v : inputs) {
      if (v == ir::kNoValue || static_cast<size_t>(v) >= done.size() ||
          done[static_cast<size_t>(v)] != 0)
        continue;
      done[static_cast<size_t>(v)] = 1;
      const auto values = Floats(graph, v);
      if (!values || graph.IsGraphOutput(v) || graph.IsGraphInput(v) ||
          static_cast<int64_t>(values->size()) < options.min_elements)
        continue;
      auto halves = ToHalf(*values);
      if (!halves) {
        ++report.too_large;
        continue;
      }
      // The value of the weights becomes the result of the DEQUANTIZE.
      ir::Value& value = graph.mutable_value(v);
      const std::string name = value.name;
      const Shape shape = value.shape;
      value.data = {};
      ir::Node dequantize;
      dequantize.op = ir::OpCode::kDequantize;
      dequantize.inputs = {graph.AddConstant(name, DType::kFloat16, shape,
                                             ir::ConstantData::Own(std::move(*halves)))};
      dequantize.outputs = {v};
      graph.mutable_value(v).name = name + "_dequantize";
      graph.InsertBefore(n, std::move(dequantize));
      ++report.constants;
    }
  }
}

}  // namespace

Result<Float16Report> StoreFloat16(ir::Module& module, const Float16Options& options) {
  Float16Report report;
  for (ir::Graph& graph : module.graphs) Store(graph, options, report);
  const Status status = ir::Verify(module);
  if (!status.ok()) return Error(Code::kInternal, "float16 weights: ", status.message());
  return report;
}

}  // namespace edgeml::passes
