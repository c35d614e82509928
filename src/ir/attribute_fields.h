// The attributes of an operator as text, field by field.
#ifndef EDGEML_IR_ATTRIBUTE_FIELDS_H_
#define EDGEML_IR_ATTRIBUTE_FIELDS_H_

#include <string>
#include <vector>

#include "src/ir/attributes.h"

namespace edgeml::ir {

struct AttributeField {
  std::string name, text;
  bool is_default = false;
};

// Every field in order; a window as its padding, stride, dilation and explicit pads.
std::vector<AttributeField> Fields(const Attributes& attributes);

}  // namespace edgeml::ir

#endif  // EDGEML_IR_ATTRIBUTE_FIELDS_H_
