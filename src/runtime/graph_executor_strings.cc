// Values of type string. Their memory is a serialized buffer (src/tensor/string_buffer.h) whose
// size no shape tells: never in the arena, always a buffer of the value's own. Shape rules and
// steps do not see that memory; it is read and written here only, every offset checked on reading.
#include <algorithm>

#include "src/runtime/node_state.h"
#include "src/tensor/string_buffer.h"

namespace edgeml::runtime {

bool GraphExecutor::HandlesStrings(size_t n) const {
  const ir::Node& node = graph_.nodes[n];
  const auto is_string = [&](int32_t v) {
    return v >= 0 && graph_.values[Index(v)].type == DType::kString;
  };
  // These look at shapes alone, which are as settled as any.
  const bool shape_only = node.op == ir::OpCode::kShape || node.op == ir::OpCode::kRank;
  return std::any_of(node.outputs.begin(), node.outputs.end(), is_string) ||
         (!shape_only && std::any_of(node.inputs.begin(), node.inputs.end(), is_string));
}

size_t GraphExecutor::string_bytes(int32_t value) const {
  const auto v = Index(value);
  if (views_[v].data == nullptr) return 0;
  return kinds_[v] == Kind::kConstant ? graph_.values[v].data.bytes.size() : dynamic_[v].used;
}

Result<std::vector<std::string_view>> GraphExecutor::Strings(int32_t value) const {
  const TensorView& view = views_[Index(value)];
  if (view.data == nullptr)
    return Error(Code::kInvalidArgument, "tensor ", value, " has no value yet");
  const std::span bytes(static_cast<const std::byte*>(view.data), string_bytes(value));
  auto strings = ReadStringBuffer(bytes, view.num_elements());
  if (!strings.ok()) return Status(strings.status()).WithContext(Concat("tensor ", value));
  return strings;
}

Status GraphExecutor::StoreStrings(int32_t value, std::span<const std::string_view> strings) {
  TensorView& view = views_[Index(value)];
  const auto count = CheckedByteSize(view.shape, DType::kInt8);
  if (count != strings.size())
    return Error(Code::kInvalidArgument, "tensor ", value, " of shape ", view.shape.ToString(),
                 " cannot hold ", strings.size(), " strings");
  size_t characters = 0;
  auto bytes = StringBufferBytes(strings.size(), 0);
  for (size_t i = 0; i < strings.size() && bytes; ++i) {
    characters += strings[i].size();  // no overflow: it was far below the limit before
    bytes = StringBufferBytes(strings.size(), characters);
  }
  if (!bytes)
    return Error(Code::kResourceExhausted, "the strings of tensor ", value, " are too long");
  Buffer& buffer = dynamic_[Index(value)];
  const Status grown = GrowDynamic(value, *bytes);
  view.data = buffer.data.get();
  if (!grown.ok()) return grown;  // still the old strings, or none
  WriteStringBuffer(strings, buffer.data.get());
  buffer.used = *bytes;
  return Status::Ok();
}

// An input keeps its strings while their number fits its shape; else it gets empty ones.
Status GraphExecutor::PrepareStringInput(int32_t value) {
  const auto v = Index(value);
  TensorView& view = views_[v];
  kinds_[v] = Kind::kDynamic;
  const auto count = CheckedByteSize(view.shape, DType::kInt8);
  const auto bytes = count ? StringBufferBytes(*count, 0) : std::nullopt;
  if (!bytes)
    return Error(Code::kResourceExhausted, "a tensor of shape ", view.shape.ToString(),
                 " and type string is too large");
  Buffer& buffer = dynamic_[v];
  if (buffer.data != nullptr) {
    const std::span held(static_cast<const std::byte*>(buffer.data.get()), buffer.used);
    if (CheckStringBuffer(held, static_cast<int64_t>(*count)).ok()) {
      view.data = buffer.data.get();
      return Status::Ok();
    }
  }
  EDGEML_RETURN_IF_ERROR(GrowDynamic(value, *bytes));
  WriteEmptyStringBuffer(*count, buffer.data.get());
  buffer.used = *bytes;
  view.data = buffer.data.get();
  return Status::Ok();
}

}  // namespace edgeml::runtime
