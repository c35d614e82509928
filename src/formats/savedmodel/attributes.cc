#include "src/formats/savedmodel/attributes.h"

#include "src/base/strings.h"
#include "tensorflow.pb.h"

namespace edgeml::savedmodel {
namespace {

int IndexOf(const pb::NodeDef& def, std::string_view name) {
  for (int i = def.attr_size(); i-- > 0;)
    if (def.attr(i).key() == name) return i;
  return -1;
}

}  // namespace

const pb::AttrValue* FindAttr(const pb::NodeDef& def, std::string_view name) {
  const int i = IndexOf(def, name);
  return i < 0 ? nullptr : &def.attr(i).value();
}

std::string_view FunctionAttr(const pb::NodeDef& def, std::string_view name) {
  const pb::AttrValue* const value = FindAttr(def, name);
  return value != nullptr && value->has_func() ? std::string_view(value->func().name())
                                               : std::string_view();
}

std::vector<std::string_view> FunctionListAttr(const pb::NodeDef& def, std::string_view name) {
  std::vector<std::string_view> names;
  const pb::AttrValue* const value = FindAttr(def, name);
  if (value != nullptr && value->has_list())
    for (const auto& function : value->list().func()) names.push_back(function.name());
  return names;
}

AttrReader::AttrReader(const Node& node)
    : def_(node.def), read_(node.def == nullptr ? 0 : static_cast<size_t>(node.def->attr_size())) {}

bool AttrReader::Has(std::string_view name) const {
  return def_ != nullptr && IndexOf(*def_, name) >= 0;
}

const pb::AttrValue* AttrReader::Find(std::string_view name) {
  const int i = def_ == nullptr ? -1 : IndexOf(*def_, name);
  if (i < 0) return nullptr;
  read_[static_cast<size_t>(i)] = true;
  const pb::AttrValue& value = def_->attr(i).value();
  if (value.value_case() != pb::AttrValue::kPlaceholder) return &value;
  if (status_.ok())
    status_ = Error(Code::kUnsupported, "attribute '", name,
                    "' is a parameter of the function around it; such functions are not supported");
  return nullptr;
}

void AttrReader::WrongKind(std::string_view name, std::string_view wanted) {
  if (status_.ok()) status_ = Error(Code::kInvalidModel, "attribute '", name, "' is not ", wanted);
}

int64_t AttrReader::Int(std::string_view name, int64_t fallback) {
  const pb::AttrValue* const value = Find(name);
  if (value == nullptr) return fallback;
  if (value->value_case() != pb::AttrValue::kI) WrongKind(name, "an integer");
  return value->i();
}

float AttrReader::Float(std::string_view name, float fallback) {
  const pb::AttrValue* const value = Find(name);
  if (value == nullptr) return fallback;
  if (value->value_case() != pb::AttrValue::kF) WrongKind(name, "a number");
  return value->f();
}

bool AttrReader::Bool(std::string_view name, bool fallback) {
  const pb::AttrValue* const value = Find(name);
  if (value == nullptr) return fallback;
  if (value->value_case() != pb::AttrValue::kB) WrongKind(name, "a truth value");
  return value->b();
}

std::string AttrReader::String(std::string_view name, std::string_view fallback) {
  const pb::AttrValue* const value = Find(name);
  if (value == nullptr) return std::string(fallback);
  if (value->value_case() != pb::AttrValue::kS) WrongKind(name, "a string");
  return value->s();
}

DType AttrReader::Type(std::string_view name, DType fallback) {
  const pb::AttrValue* const value = Find(name);
  if (value == nullptr) return fallback;
  if (value->value_case() != pb::AttrValue::kType) WrongKind(name, "a type");
  return TypeOf(value->type());
}

PartialShape AttrReader::ShapeOr(std::string_view name, const PartialShape& fallback) {
  const pb::AttrValue* const value = Find(name);
  if (value == nullptr) return fallback;
  if (value->value_case() != pb::AttrValue::kShape) {
    WrongKind(name, "a shape");
    return fallback;
  }
  const Result<PartialShape> shape = ReadShape(value->shape());
  if (shape.ok()) return *shape;
  if (status_.ok()) status_ = shape.status();
  return fallback;
}

std::vector<int64_t> AttrReader::Ints(std::string_view name, std::vector<int64_t> fallback) {
  const pb::AttrValue* const value = Find(name);
  if (value == nullptr) return fallback;
  if (value->value_case() != pb::AttrValue::kList) WrongKind(name, "a list of integers");
  return {value->list().i().begin(), value->list().i().end()};
}

std::vector<float> AttrReader::Floats(std::string_view name, std::vector<float> fallback) {
  const pb::AttrValue* const value = Find(name);
  if (value == nullptr) return fallback;
  if (value->value_case() != pb::AttrValue::kList) WrongKind(name, "a list of numbers");
  return {value->list().f().begin(), value->list().f().end()};
}

std::vector<std::string> AttrReader::Strings(std::string_view name) {
  const pb::AttrValue* const value = Find(name);
  if (value == nullptr) return {};
  if (value->value_case() != pb::AttrValue::kList) WrongKind(name, "a list of strings");
  return {value->list().s().begin(), value->list().s().end()};
}

std::vector<DType> AttrReader::Types(std::string_view name) {
  const pb::AttrValue* const value = Find(name);
  if (value == nullptr) return {};
  if (value->value_case() != pb::AttrValue::kList) WrongKind(name, "a list of types");
  std::vector<DType> types;
  for (const int32_t type : value->list().type()) types.push_back(TypeOf(type));
  return types;
}

Status AttrReader::Finish() {
  if (!status_.ok()) return status_;
  for (size_t i = 0; i < read_.size(); ++i) {
    const std::string& name = def_->attr(static_cast<int>(i)).key();
    if (!read_[i] && !name.empty() && name[0] != '_' && name[0] != 'T')
      return Error(Code::kUnsupported, "attribute '", name, "' is not supported");
  }
  return Status::Ok();
}

}  // namespace edgeml::savedmodel
