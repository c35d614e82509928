#include "src/formats/tflite/ops.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "src/base/strings.h"
#include "src/formats/tflite/ops/families.h"

namespace edgeml::tflite {
namespace {

// All handlers, and where each one is by either number.
struct Table {
  std::vector<OpHandler> handlers;
  std::array<int16_t, static_cast<size_t>(fb::BuiltinOperator::MAX) + 1> by_code;
  std::array<int16_t, ir::kNumOpCodes> by_op;

  Table() {
    by_code.fill(-1);
    by_op.fill(-1);
    for (const std::span<const OpHandler> family :
         {ActivationHandlers(), ControlFlowHandlers(), ConversionHandlers(), ConvolutionHandlers(),
          DetectionHandlers(), ElementwiseHandlers(), LookupHandlers(), MovementHandlers(),
          PoolingHandlers(), RandomHandlers(), RecurrentHandlers(), ReductionHandlers(),
          SegmentHandlers(), SpectralHandlers(), StablehloHandlers()}) {
      for (const OpHandler& handler : family) {
        by_code[static_cast<size_t>(handler.code)] = by_op[static_cast<size_t>(handler.op)] =
            static_cast<int16_t>(handlers.size());
        handlers.push_back(handler);
      }
    }
  }
};

const Table& AllHandlers() {
  static const Table table;
  return table;
}

// A table without any field: what an operator without options is read from.
alignas(8) constexpr uint8_t kEmptyTable[8] = {4, 0, 4, 0, 4, 0, 0, 0};

}  // namespace

std::span<const OpHandler> OpHandlers() { return AllHandlers().handlers; }

const OpHandler* HandlerOf(fb::BuiltinOperator code) {
  if (code < fb::BuiltinOperator::MIN || code > fb::BuiltinOperator::MAX) return nullptr;
  const int16_t at = AllHandlers().by_code[static_cast<size_t>(code)];
  return at < 0 ? nullptr : &AllHandlers().handlers[static_cast<size_t>(at)];
}

const OpHandler* HandlerOf(ir::OpCode op) {
  const int16_t at = AllHandlers().by_op[static_cast<size_t>(op)];
  return at < 0 ? nullptr : &AllHandlers().handlers[static_cast<size_t>(at)];
}

Status CheckNoUnknownFields(const void* table, flatbuffers::voffset_t last_field,
                            const char* what) {
  const auto* const fields = static_cast<const flatbuffers::Table*>(table);
  const auto vtable_size = flatbuffers::ReadScalar<flatbuffers::voffset_t>(fields->GetVTable());
  const flatbuffers::voffset_t first = std::max<flatbuffers::voffset_t>(4, last_field + 2u);
  for (uint32_t field = first; field + 2u <= vtable_size; field += 2) {
    if (fields->GetOptionalFieldOffset(static_cast<flatbuffers::voffset_t>(field)) != 0)
      return Error(Code::kUnsupported, what, " has field number ", (field - 4) / 2,
                   ", which is newer than this reader; convert the model for an older runtime");
  }
  return Status::Ok();
}

namespace {

// The table of options `options` of kind `type` in one of the two unions, when it is the one that
// the handler reads. Null when there is none, or when it says nothing.
template <typename Kind>
Result<const void*> OptionsOfKind(const void* options, Kind type, Kind expected,
                                  flatbuffers::voffset_t last_field, const char* (*name)(Kind)) {
  // The verifier passes over the union's table when its kind is unknown or NONE: never follow it.
  if (type < Kind::MIN || type > Kind::MAX)
    return Error(Code::kUnsupported, "carries options of kind ", static_cast<int>(type),
                 ", which is newer than this reader; convert the model for an older runtime");
  if (type == Kind::NONE || options == nullptr) return nullptr;
  // Another operator's options are harmless as long as they say nothing.
  const bool known = type == expected;
  EDGEML_RETURN_IF_ERROR(
      CheckNoUnknownFields(options, known ? last_field : flatbuffers::voffset_t{0}, name(type)));
  return known ? options : nullptr;
}

}  // namespace

Status ReadOperatorOptions(const OpHandler& handler, const fb::Operator& op, Budget& budget,
                           ir::Attributes& attributes) {
  EDGEML_ASSIGN_OR_RETURN(
      const void* first,
      OptionsOfKind(op.builtin_options(), op.builtin_options_type(), handler.options,
                    handler.last_field, fb::EnumNameBuiltinOptions));
  EDGEML_ASSIGN_OR_RETURN(
      const void* second,
      OptionsOfKind(op.builtin_options_2(), op.builtin_options_2_type(), handler.options_2,
                    handler.last_field, fb::EnumNameBuiltinOptions2));
  if (handler.read == nullptr) return Status::Ok();
  const void* const options = first != nullptr ? first : second;
  return handler.read(options != nullptr ? options : kEmptyTable + 4, budget, attributes);
}

const char* NameOf(fb::BuiltinOperator code) {
  if (code < fb::BuiltinOperator::MIN || code > fb::BuiltinOperator::MAX) return "UNKNOWN";
  return fb::EnumNameBuiltinOperator(code);
}

namespace {

constexpr std::pair<fb::TensorType, DType> kTypes[] = {
    {fb::TensorType::FLOAT32, DType::kFloat32},
    {fb::TensorType::FLOAT16, DType::kFloat16},
    {fb::TensorType::INT32, DType::kInt32},
    {fb::TensorType::UINT8, DType::kUInt8},
    {fb::TensorType::INT64, DType::kInt64},
    {fb::TensorType::STRING, DType::kString},
    {fb::TensorType::BOOL, DType::kBool},
    {fb::TensorType::INT16, DType::kInt16},
    {fb::TensorType::COMPLEX64, DType::kComplex64},
    {fb::TensorType::INT8, DType::kInt8},
    {fb::TensorType::FLOAT64, DType::kFloat64},
    {fb::TensorType::COMPLEX128, DType::kComplex128},
    {fb::TensorType::UINT64, DType::kUInt64},
    {fb::TensorType::RESOURCE, DType::kResource},
    {fb::TensorType::VARIANT, DType::kVariant},
    {fb::TensorType::UINT32, DType::kUInt32},
    {fb::TensorType::UINT16, DType::kUInt16},
    {fb::TensorType::INT4, DType::kInt4},
    {fb::TensorType::BFLOAT16, DType::kBFloat16},
    {fb::TensorType::INT2, DType::kInt2},
    {fb::TensorType::UINT4, DType::kUInt4},
};

}  // namespace

DType FromTensorType(fb::TensorType type) {
  for (const auto& [theirs, ours] : kTypes)
    if (theirs == type) return ours;
  return DType::kInvalid;
}

fb::TensorType ToTensorType(DType type) {
  for (const auto& [theirs, ours] : kTypes)
    if (ours == type) return theirs;
  return fb::TensorType::FLOAT32;
}

}  // namespace edgeml::tflite
