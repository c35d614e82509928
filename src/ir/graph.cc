#include "src/ir/graph.h"

#include <utility>

#include "src/base/strings.h"

namespace edgeml::ir {

ConstantData ConstantData::Own(std::vector<std::byte> bytes) {
  auto owner = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
  return {owner, std::span<const std::byte>(owner->data(), owner->size())};
}

Node::Node() = default;
Node::Node(const Node&) = default;
Node::Node(Node&&) noexcept = default;
Node& Node::operator=(const Node&) = default;
Node& Node::operator=(Node&&) noexcept = default;
Node::~Node() = default;

std::string_view Node::name() const {
  if (op == OpCode::kCustom) {
    if (const auto* opaque = std::get_if<OpaqueAttrs>(&attributes)) return opaque->name;
  }
  return NameOf(op);
}

std::string ToString(const Graph& graph) {
  const auto list = [&](const std::vector<int32_t>& indices) {
    std::string out;
    for (const int32_t v : indices) {
      if (!out.empty()) out += ", ";
      if (v == kNoValue) {
        out += "-";
        continue;
      }
      const Value& value = graph.values[static_cast<size_t>(v)];
      out += Concat("%", v, ":", edgeml::NameOf(value.type), value.shape.ToString());
      if (value.is_constant()) out += "#";
    }
    return out;
  };
  std::string out = Concat("graph ", graph.name, "(", list(graph.inputs), ")\n");
  for (const Node& node : graph.nodes) {
    const std::string attrs = ToString(node.attributes);
    out += Concat("  ", list(node.outputs), " = ", node.name(), "(", list(node.inputs), ")",
                  attrs.empty() ? "" : " {", attrs, attrs.empty() ? "" : "}", "\n");
  }
  return out + Concat("  return ", list(graph.outputs), "\n");
}

}  // namespace edgeml::ir
