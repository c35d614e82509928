#include "src/runtime/resources.h"

#include <cstring>

#include "src/base/strings.h"

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

void Resources::Clear() {
  initialized_.clear();
  for (auto& variable : variables_) {
    variable->assigned = false;
    variable->data.clear();
  }
}

size_t Resources::bytes() const {
  size_t total = 0;
  for (const auto& variable : variables_) total += variable->data.size();
  return total;
}

}  // namespace edgeml::runtime
