#include "src/formats/tflite/opaque.h"

#include "src/base/strings.h"
#include "src/formats/tflite/ops.h"

namespace edgeml::tflite {
namespace {

// format_code = this mark and the number of the builtin operator.
constexpr int32_t kMark = 0x7F1E0000;
constexpr int32_t kMarkMask = 0x7FFF0000;

using flatbuffers::ElementaryType;

constexpr size_t SizeOf(ElementaryType type) {
  switch (type) {
    case flatbuffers::ET_SHORT:
    case flatbuffers::ET_USHORT:
      return 2;
    case flatbuffers::ET_INT:
    case flatbuffers::ET_UINT:
    case flatbuffers::ET_FLOAT:
      return 4;
    case flatbuffers::ET_LONG:
    case flatbuffers::ET_ULONG:
    case flatbuffers::ET_DOUBLE:
      return 8;
    default:
      return 1;
  }
}

// Options hold numbers, strings and vectors of numbers, no tables.
Result<uint64_t> TableBytes(const void* options, const flatbuffers::TypeTable& type) {
  const auto* const table = static_cast<const flatbuffers::Table*>(options);
  uint64_t total = 16;
  for (size_t i = 0; i < type.num_elems; ++i) {
    const auto field = static_cast<flatbuffers::voffset_t>(4 + 2 * i);
    const flatbuffers::TypeCode code = type.type_codes[i];
    const auto base = static_cast<ElementaryType>(code.base_type);
    total += 16;
    if (code.is_repeating == 0 && base != flatbuffers::ET_STRING) continue;
    if (base == flatbuffers::ET_SEQUENCE)
      return Error(Code::kInternal, "options with nested tables are not expected");
    const auto* const vector = table->GetPointer<const flatbuffers::Vector<uint8_t>*>(field);
    if (vector == nullptr) continue;
    if (reinterpret_cast<uintptr_t>(vector->Data()) % SizeOf(base) != 0)
      return Error(Code::kInvalidModel, "its options are misaligned");
    total += uint64_t{vector->size()} * SizeOf(base);
  }
  return total;
}

// `options` is member `member` of the union that `unions` describes.
Result<uint64_t> UnionBytes(const void* options, size_t member,
                            const flatbuffers::TypeTable& unions) {
  if (options == nullptr || member == 0) return uint64_t{0};
  if (member >= unions.num_elems || unions.type_codes[member].sequence_ref < 0)
    return Error(Code::kUnsupported, "its options are newer than this writer");
  return TableBytes(options, *unions.type_refs[unions.type_codes[member].sequence_ref]());
}

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

Result<uint64_t> OpaqueBytes(const fb::Operator& op) {
  EDGEML_ASSIGN_OR_RETURN(
      const uint64_t first,
      UnionBytes(op.builtin_options(), static_cast<size_t>(op.builtin_options_type()),
                 *fb::BuiltinOptionsTypeTable()));
  EDGEML_ASSIGN_OR_RETURN(
      const uint64_t second,
      UnionBytes(op.builtin_options_2(), static_cast<size_t>(op.builtin_options_2_type()),
                 *fb::BuiltinOptions2TypeTable()));
  const uint64_t custom = op.custom_options() == nullptr ? 0 : op.custom_options()->size();
  return first + second + custom;
}

OpaqueOptions WriteOpaqueOptions(const fb::Operator& op, flatbuffers::FlatBufferBuilder& builder) {
  OpaqueOptions out;
  if (op.builtin_options_type() != fb::BuiltinOptions::NONE && op.builtin_options() != nullptr) {
    fb::BuiltinOptionsUnion options;
    options.type = op.builtin_options_type();
    options.value =
        fb::BuiltinOptionsUnion::UnPack(op.builtin_options(), op.builtin_options_type(), nullptr);
    out.first = options.Pack(builder);
  }
  if (op.builtin_options_2_type() != fb::BuiltinOptions2::NONE &&
      op.builtin_options_2() != nullptr) {
    fb::BuiltinOptions2Union options;
    options.type = op.builtin_options_2_type();
    options.value = fb::BuiltinOptions2Union::UnPack(op.builtin_options_2(),
                                                     op.builtin_options_2_type(), nullptr);
    out.second = options.Pack(builder);
  }
  return out;
}

}  // namespace edgeml::tflite
