#include "src/runtime/resources.h"

#include <cstring>

#include "src/base/strings.h"
#include "src/ir/selection.h"

namespace edgeml::runtime {

int32_t Resources::VariableId(const std::string& container, const std::string& name) {
  const auto [it, inserted] =
      ids_.try_emplace({container, name}, static_cast<int32_t>(variables_.size()));
  if (inserted) {
    variables_.push_back(std::make_unique<Variable>());
    variables_.back()->name = name;
  }
  return it->second;
}

Status Resources::Assign(int32_t id, const TensorView& value) {
  if (id < 0 || static_cast<size_t>(id) >= variables_.size())
    return Error(Code::kInvalidModel, "resource id ", id, " names no variable");
  const auto bytes = CheckedByteSize(value.shape, value.type);
  if (!bytes)
    return Error(Code::kInvalidModel, "a variable of shape ", value.shape.ToString(),
                 " is too large");
  Variable& variable = *variables_[static_cast<size_t>(id)];
  if (this->bytes() - variable.data.size() + *bytes > memory_cap_)
    return Error(Code::kResourceExhausted, "variable '", variable.name, "' needs ",
                 HumanBytes(*bytes), ", over the memory cap of ", HumanBytes(memory_cap_));
  // The buffer keeps its capacity, so that a variable of steady size costs no allocation.
  variable.data.resize(*bytes);
  if (*bytes > 0) std::memcpy(variable.data.data(), value.data, *bytes);
  variable.type = value.type;
  variable.shape = value.shape;
  if (value.quantization != nullptr) {
    if (!(variable.quantization == *value.quantization))
      variable.quantization = *value.quantization;
  } else {
    variable.quantization = {};
  }
  variable.assigned = true;
  return Status::Ok();
}

Result<TensorView> Resources::Read(int32_t id) {
  if (id < 0 || static_cast<size_t>(id) >= variables_.size())
    return Error(Code::kInvalidModel, "resource id ", id, " names no variable");
  Variable& variable = *variables_[static_cast<size_t>(id)];
  if (!variable.assigned)
    return Error(Code::kInvalidModel, "variable '", variable.name,
                 "' is read before it is assigned");
  TensorView view;
  view.data = variable.data.data();
  view.type = variable.type;
  view.shape = variable.shape;
  view.quantization = &variable.quantization;
  view.SetDenseStrides();
  return view;
}

namespace {

Status NoTable(int32_t id) { return Error(Code::kInvalidModel, "there is no lookup table ", id); }

}  // namespace

Status Resources::MakeTable(int32_t id, DType key_type, DType value_type) {
  if constexpr (!ir::IsSelected(ir::OpCode::kHashtable)) return NoTable(id);
  const bool by_number = key_type == DType::kInt64 && value_type == DType::kString;
  const bool by_string = key_type == DType::kString && value_type == DType::kInt64;
  if (!by_number && !by_string)
    return Error(Code::kUnsupported, "a table from ", NameOf(key_type), " to ", NameOf(value_type),
                 "; tables map int64 to string or string to int64");
  tables_.try_emplace(id, key_type);
  return Status::Ok();
}

Status Resources::FillTable(int32_t id, DType key_type, std::span<const int64_t> numbers,
                            std::span<const std::string_view> strings) {
  if constexpr (!ir::IsSelected(ir::OpCode::kHashtable)) return NoTable(id);
  const auto found = tables_.find(id);
  if (found == tables_.end()) return NoTable(id);
  LookupTable& table = found->second;
  if (table.key_type() != key_type)
    return Error(Code::kInvalidModel, "lookup table ", id, " has keys of type ",
                 NameOf(table.key_type()), ", not ", NameOf(key_type));
  if (table.filled()) return Status::Ok();
  const auto bytes = LookupTable::BytesFor(numbers, strings);
  if (!bytes || *bytes > memory_cap_ || this->bytes() > memory_cap_ - *bytes)
    return Error(Code::kResourceExhausted, "lookup table ", id, " of ", strings.size(),
                 " strings is over the memory cap of ", HumanBytes(memory_cap_));
  table.Fill(numbers, strings);
  return Status::Ok();
}

Result<const LookupTable*> Resources::Table(int32_t id) const {
  if constexpr (!ir::IsSelected(ir::OpCode::kHashtable)) return NoTable(id);
  const auto found = tables_.find(id);
  if (found == tables_.end()) return NoTable(id);
  return &found->second;
}

void Resources::Clear() {
  initialized_.clear();
  tables_.clear();
  for (auto& variable : variables_) {
    variable->assigned = false;
    variable->data.clear();
  }
}

size_t Resources::bytes() const {
  size_t total = 0;
  for (const auto& variable : variables_) total += variable->data.size();
  for (const auto& [id, table] : tables_) total += table.bytes();
  return total;
}

}  // namespace edgeml::runtime
