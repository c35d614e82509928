#include "src/formats/savedmodel/custom.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "src/base/flex_writer.h"
#include "src/base/strings.h"
#include "src/formats/savedmodel/tensors.h"
#include "tensorflow.pb.h"

namespace edgeml::savedmodel {
namespace {

constexpr int64_t kMostOutputs = 1024;

// The number of a type in TFLite's enumeration TensorType.
std::optional<int64_t> TensorTypeOf(int32_t type) {
  switch (TypeOf(type)) {
    case DType::kFloat32:
      return 0;
    case DType::kFloat16:
      return 1;
    case DType::kInt32:
      return 2;
    case DType::kUInt8:
      return 3;
    case DType::kInt64:
      return 4;
    case DType::kString:
      return 5;
    case DType::kBool:
      return 6;
    case DType::kInt16:
      return 7;
    case DType::kComplex64:
      return 8;
    case DType::kInt8:
      return 9;
    case DType::kFloat64:
      return 10;
    case DType::kUInt64:
      return 12;
    case DType::kUInt32:
      return 15;
    case DType::kUInt16:
      return 16;
    default:
      return std::nullopt;
  }
}

std::optional<FlexValue> Flex(const pb::AttrValue& value) {
  switch (value.value_case()) {
    case pb::AttrValue::kS:
      return value.s();
    case pb::AttrValue::kI:
      return value.i();
    case pb::AttrValue::kF:
      return static_cast<double>(value.f());
    case pb::AttrValue::kB:
      return value.b();
    case pb::AttrValue::kType:
      if (const auto type = TensorTypeOf(value.type())) return *type;
      return std::nullopt;
    case pb::AttrValue::kList:
      if (value.list().i_size() > 0)
        return std::vector<int64_t>(value.list().i().begin(), value.list().i().end());
      if (value.list().f_size() > 0)
        return std::vector<double>(value.list().f().begin(), value.list().f().end());
      if (value.list().s_size() > 0)
        return std::vector<std::string>(value.list().s().begin(), value.list().s().end());
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

// The attributes of a node, and those it leaves at their defaults.
class Definition {
 public:
  Definition(const pb::NodeDef& node, const pb::OpDef& op) : node_(node), op_(op) {}

  const pb::AttrValue* Find(std::string_view name) const {
    if (const pb::AttrValue* const stated = FindAttr(node_, name)) return stated;
    for (const pb::OpDef::Attr& attr : op_.attr())
      if (attr.name() == name && attr.has_default_value()) return &attr.default_value();
    return nullptr;
  }

  std::map<std::string, FlexValue> Options() const {
    std::map<std::string, FlexValue> out;
    const auto add = [&out](const std::string& name, const pb::AttrValue& value) {
      if (name.empty() || name[0] == '_' || name.find('\0') != std::string::npos) return;
      if (auto flex = Flex(value)) out.insert_or_assign(name, *std::move(flex));
    };
    for (const pb::OpDef::Attr& attr : op_.attr())
      if (attr.has_default_value()) add(attr.name(), attr.default_value());
    for (const pb::AttrEntry& attr : node_.attr()) add(attr.key(), attr.value());
    return out;
  }

  // Numbers of TensorFlow's types.
  Result<std::vector<int32_t>> OutputTypes() const {
    std::vector<int32_t> out;
    for (const pb::OpDef::Arg& arg : op_.output_arg()) {
      if (!arg.type_list_attr().empty()) {
        const pb::AttrValue* const list = Find(arg.type_list_attr());
        if (list != nullptr)
          out.insert(out.end(), list->list().type().begin(), list->list().type().end());
      } else {
        const pb::AttrValue* const type = arg.type_attr().empty() ? nullptr : Find(arg.type_attr());
        const pb::AttrValue* const count =
            arg.number_attr().empty() ? nullptr : Find(arg.number_attr());
        const int64_t copies = arg.number_attr().empty() ? 1 : count == nullptr ? 0 : count->i();
        if (copies < 0 || copies > kMostOutputs)
          return Error(Code::kInvalidModel, "it has ", copies, " outputs");
        out.insert(out.end(), static_cast<size_t>(copies),
                   type == nullptr ? arg.type() : type->type());
      }
      if (static_cast<int64_t>(out.size()) > kMostOutputs)
        return Error(Code::kUnsupported, "it has more than ", kMostOutputs, " outputs");
    }
    return out;
  }

 private:
  const pb::NodeDef& node_;
  const pb::OpDef& op_;
};

}  // namespace

Status LowerCustom(Op& op) {
  const pb::OpDef* const def = op.graphs.DefinitionOf(op.node.op);
  if (op.node.def == nullptr || def == nullptr)
    return Error(Code::kUnsupported,
                 "the file does not tell what its outputs are, so that it cannot become a custom "
                 "operator; convert the SavedModel");
  if (!op.node.graphs.empty())
    return Error(Code::kUnsupported, "it calls functions, which a custom operator cannot");
  const Definition definition(*op.node.def, *def);
  EDGEML_ASSIGN_OR_RETURN(const std::vector<int32_t> types, definition.OutputTypes());
  const pb::AttrValue* const shapes = FindAttr(*op.node.def, "_output_shapes");
  std::vector<ir::GraphBuilder::Output> outputs;
  for (size_t i = 0; i < types.size(); ++i) {
    ir::GraphBuilder::Output& out = outputs.emplace_back();
    out.type = TypeOf(types[i]);
    out.name = i == 0 ? op.node.name : Concat(op.node.name, ":", i);
    if (!TensorTypeOf(types[i]))
      return Error(Code::kUnsupported, "its output ", i, " has the type ", NameOfType(types[i]),
                   ", which a TFLite operator cannot give");
    PartialShape shape;
    if (shapes != nullptr && static_cast<int>(i) < shapes->list().shape_size()) {
      EDGEML_ASSIGN_OR_RETURN(shape, ReadShape(shapes->list().shape(static_cast<int>(i))));
    }
    if (!shape.has_rank)
      return Error(Code::kUnsupported, "the file does not tell the rank of its output ", i,
                   ", so that it cannot become a custom operator");
    out.shape = shape.shape;
  }
  ir::OpaqueAttrs attrs;
  attrs.name = op.node.op;
  EDGEML_RETURN_IF_ERROR(op.graphs.ChargeOptions(static_cast<size_t>(op.node.def->ByteSizeLong())));
  attrs.custom_options = WriteFlexMap(definition.Options());
  EDGEML_ASSIGN_OR_RETURN(
      op.out, op.b.Add(ir::OpCode::kCustom, op.in, std::move(attrs), std::move(outputs)));
  op.graphs.Note(Concat("operator ", op.node.op,
                        " became a custom operator, which the program that runs the model brings"));
  return Status::Ok();
}

}  // namespace edgeml::savedmodel
