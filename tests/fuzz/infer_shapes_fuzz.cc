// Fuzz target: the verifier, the shape rules and the costs of any operator with any attributes on
// tensors of any shape, type, quantization and value.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "src/ir/op_def.h"
#include "tests/fuzz/generate.h"
#include "tests/fuzz/session_run.h"

namespace {

using edgeml::CheckedByteSize;
using edgeml::TensorView;
namespace ir = edgeml::ir;

[[noreturn]] void Fail(const ir::Node& node, const char* what) {
  std::fprintf(stderr, "%.*s: %s\n", static_cast<int>(node.name().size()), node.name().data(),
               what);
  std::abort();
}

void InferGraph(const ir::Graph& graph) {
  std::vector<TensorView> views(graph.values.size());
  std::vector<bool> known(graph.values.size(), false);
  for (size_t v = 0; v < views.size(); ++v) {
    const ir::Value& value = graph.values[v];
    views[v].type = value.type;
    views[v].shape = value.shape;
    views[v].quantization = value.quantization.empty() ? nullptr : &value.quantization;
    if (!value.is_constant()) continue;
    views[v].data = const_cast<std::byte*>(value.data.bytes.data());
    views[v].is_constant = true;
  }
  // As for the runtime: a rule never sees a shape that is unknown or has no size.
  const auto check = [&](int32_t v) {
    const auto i = static_cast<size_t>(v);
    known[i] = CheckedByteSize(views[i].shape, views[i].type).has_value();
    views[i].SetDenseStrides();
  };
  for (size_t v = 0; v < views.size(); ++v)
    if (graph.values[v].is_constant() || graph.values[v].is_variable)
      check(static_cast<int32_t>(v));
  for (const int32_t v : graph.inputs) check(v);

  for (const ir::Node& node : graph.nodes) {
    std::vector<TensorView> inputs, outputs;
    bool ready = true;
    for (const int32_t v : node.inputs) {
      ready &= v < 0 || known[static_cast<size_t>(v)];
      inputs.push_back(v < 0 ? TensorView{} : views[static_cast<size_t>(v)]);
    }
    if (!ready) continue;
    for (const int32_t v : node.outputs)
      outputs.push_back(v < 0 ? TensorView{} : views[static_cast<size_t>(v)]);
    ir::InferContext context{&node, inputs, outputs, false};
    const edgeml::Status status = ir::InferShapes(context);
    edgeml::fuzz::CheckError(status);
    if (!status.ok() || context.needs_values) continue;
    bool sized = true;
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (node.outputs[i] < 0) continue;
      for (const int32_t d : outputs[i].shape.dims())
        if (d < 0) Fail(node, "an output has a negative dimension");
      views[static_cast<size_t>(node.outputs[i])].shape = outputs[i].shape;
      check(node.outputs[i]);
      sized &= known[static_cast<size_t>(node.outputs[i])];
    }
    const ir::OpDef& def = ir::DefOf(node.op);
    if (sized && def.macs != nullptr && def.macs({&node, inputs, outputs}) < 0)
      Fail(node, "its cost is negative");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ir::Module module = edgeml::fuzz::GenerateModule({data, size});
  const edgeml::Status status = ir::Verify(module);
  edgeml::fuzz::CheckError(status);
  if (!status.ok()) return 0;
  for (const ir::Graph& graph : module.graphs) {
    (void)ir::ToString(graph);
    InferGraph(graph);
  }
  return 0;
}
