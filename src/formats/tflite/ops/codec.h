// What the handlers of the operators are made of: how enumerations, vectors and text are read and
// written, and With, Plain and Bare, which make a handler from a codec. A codec is a struct that
// names a table of options (Options) and the attributes that it becomes (Attrs), and holds Read(),
// Write() and kLast, the last field that both know. Included by the families' files only.
#ifndef EDGEML_FORMATS_TFLITE_OPS_CODEC_H_
#define EDGEML_FORMATS_TFLITE_OPS_CODEC_H_

#include <string>
#include <utility>
#include <vector>

#include "src/base/strings.h"
#include "src/formats/tflite/budget.h"
#include "src/formats/tflite/ops.h"
#include "src/ir/op_def.h"

namespace edgeml::tflite {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

// ---- Enumerations ---------------------------------------------------------------------

inline Status ReadActivation(fb::ActivationFunctionType in, ir::Activation& out) {
  if (in < fb::ActivationFunctionType::MIN || in > fb::ActivationFunctionType::MAX)
    return Error(Code::kUnsupported, "fused activation ", static_cast<int>(in), " is unknown");
  out = static_cast<ir::Activation>(in);  // the same numbers in both
  return Status::Ok();
}
inline fb::ActivationFunctionType Write(ir::Activation in) {
  return static_cast<fb::ActivationFunctionType>(in);
}
static_assert(static_cast<int>(ir::Activation::kNone) == 0 &&
              static_cast<int>(ir::Activation::kRelu) == 1 &&
              static_cast<int>(ir::Activation::kReluN1To1) == 2 &&
              static_cast<int>(ir::Activation::kRelu6) == 3 &&
              static_cast<int>(ir::Activation::kTanh) == 4 &&
              static_cast<int>(ir::Activation::kSignBit) == 5);

inline Status ReadPadding(fb::Padding in, ir::Padding& out) {
  if (in != fb::Padding::SAME && in != fb::Padding::VALID)
    return Error(Code::kUnsupported, "padding ", static_cast<int>(in), " is unknown");
  out = in == fb::Padding::SAME ? ir::Padding::kSame : ir::Padding::kValid;
  return Status::Ok();
}
inline Status WritePadding(ir::Padding in, fb::Padding& out) {
  if (in == ir::Padding::kExplicit)
    return Error(Code::kUnsupported,
                 "explicit padding does not exist in TFLite; put a PAD operator in front");
  out = in == ir::Padding::kSame ? fb::Padding::SAME : fb::Padding::VALID;
  return Status::Ok();
}

inline Status ReadType(fb::TensorType in, DType& out) {
  out = FromTensorType(in);
  if (out == DType::kInvalid)
    return Error(Code::kUnsupported, "element type ", static_cast<int>(in), " is not supported");
  return Status::Ok();
}

template <typename T>
Status ReadVector(const flatbuffers::Vector<T>* in, Budget& budget, std::vector<T>& out) {
  out.clear();
  if (in == nullptr) return Status::Ok();
  EDGEML_RETURN_IF_ERROR(budget.Charge(uint64_t{in->size()} * sizeof(T)));
  // FlatBuffers' verifier does not ask that eight-byte elements are aligned. Both are
  // little-endian.
  out.resize(in->size());
  if (!out.empty()) std::memcpy(out.data(), in->Data(), out.size() * sizeof(T));
  return Status::Ok();
}

inline Status ReadText(const flatbuffers::String* in, Budget& budget, std::string& out) {
  out.clear();
  if (in == nullptr) return Status::Ok();
  EDGEML_RETURN_IF_ERROR(budget.Charge(in->size()));
  out.assign(in->c_str(), in->size());
  return Status::Ok();
}

// What a codec may need besides the attributes.
struct WriteContext {
  FlatBufferBuilder& builder;
  const ir::Node& node;
  const ir::Graph& graph;

  // The stated type, or that of the node's first input or output when the attribute leaves it open.
  fb::TensorType TypeOr(DType stated, const std::vector<int32_t>& values) const {
    if (stated == DType::kInvalid && !values.empty() && values[0] >= 0)
      stated = graph.values[static_cast<size_t>(values[0])].type;
    return ToTensorType(stated);
  }
};

// ---- Codecs -----------------------------------------------------------------------------

// The attributes from the fields, in the order of the attributes.
template <typename Attrs, typename... Fields>
Status Assign(Attrs& attrs, const Fields&... fields) {
  attrs = Attrs{fields...};
  return Status::Ok();
}

// A codec for tables whose fields and attributes correspond one to one, in the order of the table.
#define EDGEML_CODEC(name, options, attrs, last, read, ...)                         \
  struct name {                                                                     \
    using Options = fb::options;                                                    \
    using Attrs = ir::attrs;                                                        \
    static constexpr auto kLast = Options::last;                                    \
    static Status Read(const Options& o, [[maybe_unused]] Budget& b, Attrs& a) read \
        static Result<Offset<Options>> Write(const WriteContext& c,                 \
                                             [[maybe_unused]] const Attrs& a) {     \
      return fb::Create##options(c.builder, __VA_ARGS__);                           \
    }                                                                               \
  };

// ---- Handlers ---------------------------------------------------------------------------

template <typename Codec>
constexpr OpHandler With(ir::OpCode op, fb::BuiltinOperator code) {
  using Options = typename Codec::Options;
  using Attrs = typename Codec::Attrs;
  return {op,
          code,
          fb::BuiltinOptionsTraits<Options>::enum_value,
          fb::BuiltinOptions2Traits<Options>::enum_value,
          ir::AttrsKind<Attrs>(),
          Codec::kLast,
          [](const void* options, Budget& budget, ir::Attributes& out) {
            return Codec::Read(*static_cast<const Options*>(options), budget, out.emplace<Attrs>());
          },
          [](FlatBufferBuilder& builder, const ir::Node& node,
             const ir::Graph& graph) -> Result<Offset<void>> {
            const WriteContext context{builder, node, graph};
            EDGEML_ASSIGN_OR_RETURN(const Offset<Options> written,
                                    Codec::Write(context, node.attrs<Attrs>()));
            return written.Union();
          }};
}

// An operator without options of its own; `Options` is the empty table that goes with it.
template <typename Options>
constexpr OpHandler Plain(ir::OpCode op, fb::BuiltinOperator code) {
  return {
      op,
      code,
      fb::BuiltinOptionsTraits<Options>::enum_value,
      fb::BuiltinOptions2Traits<Options>::enum_value,
      ir::AttrsKind<std::monostate>(),
      0,
      nullptr,
      [](FlatBufferBuilder& builder, const ir::Node&, const ir::Graph&) -> Result<Offset<void>> {
        return typename Options::Builder(builder).Finish().Union();
      }};
}
constexpr OpHandler Bare(ir::OpCode op, fb::BuiltinOperator code) {
  return {op,
          code,
          fb::BuiltinOptions::NONE,
          fb::BuiltinOptions2::NONE,
          ir::AttrsKind<std::monostate>(),
          0,
          nullptr,
          nullptr};
}

using Op = ir::OpCode;
using Code_ = fb::BuiltinOperator;

}  // namespace edgeml::tflite

#endif  // EDGEML_FORMATS_TFLITE_OPS_CODEC_H_
