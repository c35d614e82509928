#include "src/formats/tflite/opaque.h"

#include "src/formats/tflite/ops.h"

namespace edgeml::tflite {
namespace {

// format_code = this mark and the number of the builtin operator.
constexpr int32_t kMark = 0x7F1E0000;
constexpr int32_t kMarkMask = 0x7FFF0000;

}  // namespace

ir::OpaqueAttrs OpaqueBuiltin(fb::BuiltinOperator code, const fb::Operator& op,
                              const std::shared_ptr<const void>& owner) {
  ir::OpaqueAttrs attrs;
  attrs.name = NameOf(code);
  attrs.is_custom = false;
  attrs.format_data = std::shared_ptr<const void>(owner, &op);
  attrs.format_code = kMark | static_cast<int32_t>(code);
  return attrs;
}

const fb::Operator* OpaqueOperator(const ir::OpaqueAttrs& attrs) {
  if (attrs.is_custom || attrs.format_data == nullptr || (attrs.format_code & kMarkMask) != kMark)
    return nullptr;
  return static_cast<const fb::Operator*>(attrs.format_data.get());
}

fb::BuiltinOperator OpaqueCode(const ir::OpaqueAttrs& attrs) {
  return static_cast<fb::BuiltinOperator>(attrs.format_code & ~kMarkMask);
}

}  // namespace edgeml::tflite
