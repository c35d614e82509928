#include "src/formats/tflite/opaque.h"

#include <vector>

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

bool IsVector(flatbuffers::TypeCode code) {
  return code.is_repeating != 0 || code.base_type == flatbuffers::ET_STRING;
}

constexpr flatbuffers::voffset_t FieldOffset(size_t index) {
  return static_cast<flatbuffers::voffset_t>(4 + 2 * index);
}

// The table that describes member `member` of the union; null for one newer than the schema.
const flatbuffers::TypeTable* MemberType(size_t member, const flatbuffers::TypeTable& unions) {
  if (member >= unions.num_elems || unions.type_codes[member].sequence_ref < 0) return nullptr;
  return unions.type_refs[unions.type_codes[member].sequence_ref]();
}

// Options hold numbers, strings and vectors of numbers, no tables.
Result<uint64_t> TableBytes(const void* options, const flatbuffers::TypeTable& type) {
  const auto* const table = static_cast<const flatbuffers::Table*>(options);
  uint64_t total = 16;
  for (size_t i = 0; i < type.num_elems; ++i) {
    const flatbuffers::TypeCode code = type.type_codes[i];
    const auto base = static_cast<ElementaryType>(code.base_type);
    total += 16;
    // A copy made field by field would keep offsets that lead nowhere.
    if (base == flatbuffers::ET_SEQUENCE ||
        (base == flatbuffers::ET_STRING && code.is_repeating != 0)) {
      if (!table->CheckField(FieldOffset(i))) continue;
      return Error(Code::kUnsupported, "its options hold tables, which this writer cannot keep");
    }
    if (!IsVector(code)) continue;
    const auto* const vector =
        table->GetPointer<const flatbuffers::Vector<uint8_t>*>(FieldOffset(i));
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
  const flatbuffers::TypeTable* const type = MemberType(member, unions);
  if (type == nullptr) return Error(Code::kUnsupported, "its options are newer than this writer");
  return TableBytes(options, *type);
}

// Calls `use` with a zero of the unsigned type that has the element's size.
template <typename F>
auto WithUnsignedType(ElementaryType type, F use) {
  switch (SizeOf(type)) {
    case 8:
      return use(uint64_t{});
    case 4:
      return use(uint32_t{});
    case 2:
      return use(uint16_t{});
    default:
      return use(uint8_t{});
  }
}

flatbuffers::uoffset_t CopyVector(const flatbuffers::Vector<uint8_t>& vector, ElementaryType type,
                                  flatbuffers::FlatBufferBuilder& builder) {
  if (type == flatbuffers::ET_STRING)
    return builder.CreateString(reinterpret_cast<const char*>(vector.Data()), vector.size()).o;
  return WithUnsignedType(type, [&](auto zero) {
    using T = decltype(zero);
    return builder.CreateVector(reinterpret_cast<const T*>(vector.Data()), vector.size()).o;
  });
}

// REQUIRES: UnionBytes() found no error.
flatbuffers::Offset<void> CopyUnion(const void* options, size_t member,
                                    const flatbuffers::TypeTable& unions,
                                    flatbuffers::FlatBufferBuilder& builder) {
  if (options == nullptr || member == 0) return 0;
  const flatbuffers::TypeTable& type = *MemberType(member, unions);
  const auto* const table = static_cast<const flatbuffers::Table*>(options);
  std::vector<flatbuffers::uoffset_t> vectors(type.num_elems);
  for (size_t i = 0; i < type.num_elems; ++i) {
    if (!IsVector(type.type_codes[i])) continue;
    const auto* const vector =
        table->GetPointer<const flatbuffers::Vector<uint8_t>*>(FieldOffset(i));
    if (vector != nullptr)
      vectors[i] =
          CopyVector(*vector, static_cast<ElementaryType>(type.type_codes[i].base_type), builder);
  }
  const flatbuffers::uoffset_t start = builder.StartTable();
  for (size_t i = 0; i < type.num_elems; ++i) {
    if (vectors[i] != 0) {
      builder.AddOffset(FieldOffset(i), flatbuffers::Offset<void>(vectors[i]));
    } else if (const uint8_t* const field = table->GetAddressOf(FieldOffset(i));
               field != nullptr && !IsVector(type.type_codes[i])) {
      const auto base = static_cast<ElementaryType>(type.type_codes[i].base_type);
      WithUnsignedType(base, [&](auto zero) {
        using T = decltype(zero);
        builder.AddElement(FieldOffset(i), flatbuffers::ReadScalar<T>(field));
      });
    }
  }
  return builder.EndTable(start);
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
  return {CopyUnion(op.builtin_options(), static_cast<size_t>(op.builtin_options_type()),
                    *fb::BuiltinOptionsTypeTable(), builder),
          CopyUnion(op.builtin_options_2(), static_cast<size_t>(op.builtin_options_2_type()),
                    *fb::BuiltinOptions2TypeTable(), builder)};
}

}  // namespace edgeml::tflite
