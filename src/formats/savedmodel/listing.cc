#include "src/base/strings.h"
#include "src/formats/savedmodel/tf_graph.h"

namespace edgeml::savedmodel {
namespace {

void Append(const TensorSpec& spec, std::string& out) {
  out += Concat(spec.name, " ", NameOf(spec.type), " ",
                spec.has_rank ? spec.shape.ToString() : "[...]");
}

}  // namespace

std::string ToString(const Model& model) {
  std::string out;
  for (size_t g = 0; g < model.graphs.size(); ++g) {
    const Graph& graph = model.graphs[g];
    out += Concat("graph ", g, " ", graph.name, "\n");
    for (const Graph::Input& input : graph.inputs) {
      out += Concat("  input ", input.node, " ");
      Append(input.spec, out);
      out += '\n';
    }
    for (size_t n = 0; n < graph.nodes.size(); ++n) {
      const Node& node = graph.nodes[n];
      out += Concat("  ", n, " ", node.op, "(");
      for (size_t i = 0; i < node.inputs.size(); ++i)
        out += Concat(i == 0 ? "" : ", ", node.inputs[i].node, ":", node.inputs[i].output);
      out += ')';
      if (node.op == kConstOp)
        out += Concat(" ", NameOf(node.constant.type), " ", node.constant.shape.ToString());
      for (const int32_t called : node.graphs) out += Concat(" graph ", called);
      out += Concat(" # ", node.name, "\n");
    }
    for (const Graph::Output& output : graph.outputs) {
      out += Concat("  output ", output.value.node, ":", output.value.output, " ");
      Append(output.spec, out);
      out += '\n';
    }
  }
  return out;
}

}  // namespace edgeml::savedmodel
