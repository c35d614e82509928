#include "tests/fuzz/generate.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "src/ir/op_def.h"
#include "tests/fuzz/dice.h"

namespace edgeml::fuzz {
namespace {

constexpr size_t kMostConstantBytes = 64 << 10;

// The bytes in order; zeros when they end.
class Source {
 public:
  explicit Source(std::span<const uint8_t> data) : data_(data) {}

  uint8_t Byte() {
    if (at_ >= data_.size()) return 0;
    return data_[at_++];
  }
  size_t Below(size_t n) { return n <= 1 ? 0 : Byte() % n; }
  // True for about one byte of n, and not when the bytes have ended.
  bool OneIn(size_t n) { return Byte() % n == n - 1; }
  // Mostly small: one byte says how the number is written.
  int64_t Integer() {
    const uint8_t how = Byte();
    if (how < 160) return how % 16;
    if (how < 192) return -static_cast<int64_t>(how % 16);
    if (how < 240) return kIntegers[how % kIntegers.size()];
    uint64_t bits = 0;
    for (int i = 0; i < (how < 250 ? 4 : 8); ++i) bits = bits << 8 | Byte();
    return how < 250 ? int64_t{static_cast<int32_t>(static_cast<uint32_t>(bits))}
                     : static_cast<int64_t>(bits);
  }
  float Real() {
    const uint8_t how = Byte();
    if (how < 128) return static_cast<float>(how) / 64.0f;
    if (how < 192) return kFloats[how % kFloats.size()];
    uint32_t bits = 0;
    for (int i = 0; i < 4; ++i) bits = bits << 8 | Byte();
    float value = 0;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }
  bool empty() const { return at_ >= data_.size(); }

 private:
  std::span<const uint8_t> data_;
  size_t at_ = 0;
};

// Reads the fields of an attribute struct.
struct FieldReader {
  Source& source;

  void operator()(const char*, bool& v) const { v = source.OneIn(2); }
  void operator()(const char*, int32_t& v) const { v = static_cast<int32_t>(source.Integer()); }
  void operator()(const char*, int64_t& v) const { v = source.Integer(); }
  void operator()(const char*, float& v) const { v = source.Real(); }
  void operator()(const char*, std::string& v) const { v.assign(source.Below(3), 'a'); }
  void operator()(const char*, DType& v) const { v = static_cast<DType>(1 + source.Below(21)); }
  void operator()(const char*, ir::Activation& v) const { Enumerator(v, 6); }
  void operator()(const char*, ir::MirrorMode& v) const { Enumerator(v, 2); }
  void operator()(const char*, ir::Combiner& v) const { Enumerator(v, 3); }
  void operator()(const char*, ir::LshProjection& v) const { Enumerator(v, 3); }
  void operator()(const char*, ir::RngAlgorithm& v) const { Enumerator(v, 3); }
  void operator()(const char*, ir::WindowFunction& v) const { Enumerator(v, 7); }
  void operator()(const char* name, ir::Window& v) const {
    Enumerator(v.padding, 3);
    for (int32_t* field : {&v.stride_h, &v.stride_w, &v.dilation_h, &v.dilation_w}) {
      (*this)(name, *field);
      if (*field == 0 && !source.OneIn(8)) *field = 1;
    }
    if (v.padding != ir::Padding::kExplicit) return;
    for (int32_t* field : {&v.pad_top, &v.pad_bottom, &v.pad_left, &v.pad_right})
      (*this)(name, *field);
  }
  template <typename T>
  void operator()(const char* name, std::vector<T>& v) const {
    v.resize(source.Below(9));
    for (T& element : v) {
      if constexpr (std::is_same_v<T, uint8_t>) {
        element = source.Byte();
      } else {
        (*this)(name, element);
      }
    }
  }

 private:
  template <typename T>
  void Enumerator(T& v, size_t count) const {
    v = static_cast<T>(source.Below(count));
  }
};

template <size_t I = 0>
ir::Attributes MakeAttributes(size_t kind, Source& source) {
  if constexpr (I < std::variant_size_v<ir::Attributes>) {
    if (kind != I) return MakeAttributes<I + 1>(kind, source);
    std::variant_alternative_t<I, ir::Attributes> attrs{};
    if constexpr (!std::is_same_v<decltype(attrs), std::monostate>) {
      FieldReader reader{source};
      attrs.VisitFields(attrs, reader);
    }
    return attrs;
  } else {
    return {};
  }
}

class GraphMaker {
 public:
  GraphMaker(Source& source, ir::Graph& graph) : source_(source), graph_(graph) {}

  void Make(size_t most_nodes) {
    const size_t nodes = 1 + source_.Below(most_nodes);
    for (size_t n = 0; n < nodes; ++n) AddNode();
    for (const ir::Node& node : graph_.nodes)
      for (const int32_t v : node.outputs) graph_.outputs.push_back(v);
  }

 private:
  static int Count(Source& source, int least, int most) {
    least = std::max(least, 0);
    if (most < 0) most = least + 4;
    return least + static_cast<int>(source.Below(static_cast<size_t>(most - least) + 1));
  }

  void AddNode() {
    ir::Node node;
    node.op = static_cast<ir::OpCode>(source_.Byte() % ir::kNumOpCodes);
    const ir::OpDef& def = ir::DefOf(node.op);
    if (node.op == ir::OpCode::kCustom || def.infer == nullptr) return;
    type_ = AnyType();
    shape_ = AnyShape();
    const int inputs = Count(source_, def.min_inputs, def.max_inputs);
    for (int i = 0; i < inputs; ++i) {
      if (def.MayLack(static_cast<size_t>(i)) && source_.OneIn(3)) {
        node.inputs.push_back(ir::kNoValue);
      } else if (!graph_.values.empty() && source_.OneIn(4)) {
        node.inputs.push_back(static_cast<int32_t>(source_.Below(graph_.values.size())));
      } else {
        node.inputs.push_back(AddInput());
      }
    }
    node.attributes = MakeAttributes(def.attributes, source_);
    const int outputs = Count(source_, def.min_outputs, def.max_outputs);
    for (int i = 0; i < outputs; ++i) {
      ir::Value value = AnyValue();
      node.outputs.push_back(static_cast<int32_t>(graph_.values.size()));
      graph_.values.push_back(std::move(value));
    }
    graph_.nodes.push_back(std::move(node));
  }

  DType AnyType() {
    // The common ones more often.
    constexpr std::array kCommon = {DType::kFloat32, DType::kInt8,  DType::kUInt8, DType::kInt16,
                                    DType::kInt32,   DType::kInt64, DType::kBool,  DType::kFloat32};
    const uint8_t byte = source_.Byte();
    if (byte < 192) return kCommon[byte % kCommon.size()];
    return static_cast<DType>(1 + byte % 21);
  }

  Shape AnyShape() {
    Shape shape;
    const uint8_t rank = source_.Byte();
    for (int i = 0; i < (rank < 230 ? rank % 5 : rank % (kMaxRank + 1)); ++i) {
      const int64_t dim = source_.Integer();
      shape.push_back(static_cast<int32_t>(std::clamp<int64_t>(dim, -1, INT32_MAX)));
      if (shape[i] < 0) shape[i] = source_.OneIn(4) ? kUnknownDim : 1;
    }
    return shape;
  }

  // Often of the node's own type and shape: what belongs together.
  ir::Value AnyValue() {
    ir::Value value;
    const uint8_t how = source_.Byte();
    value.type = how % 4 == 3 ? AnyType() : type_;
    switch (how / 4 % 8) {
      case 0:
      case 1:
      case 2:
        value.shape = shape_;
        break;
      case 3:
        value.shape = shape_;
        if (shape_.rank() > 0)
          value.shape[static_cast<int>(source_.Below(static_cast<size_t>(shape_.rank())))] =
              static_cast<int32_t>(source_.Below(9));
        break;
      case 4:  // a vector for one of the dimensions
        value.shape.push_back(
            shape_.rank() > 0
                ? shape_[static_cast<int>(source_.Below(static_cast<size_t>(shape_.rank())))]
                : 1);
        break;
      case 5:
        break;  // a scalar
      default:
        value.shape = AnyShape();
    }
    if (how >= 128) Quantize(value);
    return value;
  }

  void Quantize(ir::Value& value) {
    Quantization& q = value.quantization;
    q.scale = {source_.Real()};
    q.zero_point = {source_.Integer()};
    if (value.shape.rank() == 0 || !source_.OneIn(3)) return;
    q.axis = static_cast<int32_t>(source_.Below(static_cast<size_t>(value.shape.rank())));
    const int32_t channels = value.shape[q.axis];
    if (channels <= 0 || channels > 64) return;
    for (int32_t c = 1; c < channels; ++c) {
      q.scale.push_back(q.scale[0]);
      q.zero_point.push_back(q.zero_point[0]);
    }
    q.scale.back() = source_.Real();
  }

  // A new value that needs no node: a constant, a graph input or state.
  int32_t AddInput() {
    ir::Value value = AnyValue();
    const auto index = static_cast<int32_t>(graph_.values.size());
    const uint8_t how = source_.Byte();
    const auto bytes = CheckedByteSize(value.shape, value.type);
    if (how % 8 == 7) {
      value.is_variable = true;
    } else if (how % 2 == 1 && bytes.has_value() && *bytes <= kMostConstantBytes &&
               value.type != DType::kString) {
      value.data = ir::ConstantData::Own(AnyBytes(*bytes, value.type));
    } else {
      graph_.inputs.push_back(index);
    }
    graph_.values.push_back(std::move(value));
    return index;
  }

  // Elements of that type; the first few from the source, repeated.
  std::vector<std::byte> AnyBytes(size_t size, DType type) {
    const size_t width = std::max<size_t>(static_cast<size_t>(BitsOf(type)) / 8, 1);
    std::vector<uint8_t> pattern;
    for (size_t n = 1 + source_.Below(8); n > 0 && pattern.size() < size; --n) {
      std::array<uint8_t, 16> element{};
      if (type == DType::kFloat32) {
        const float real = source_.Real();
        std::memcpy(element.data(), &real, sizeof real);
      } else {
        const int64_t integer = source_.Integer();
        std::memcpy(element.data(), &integer, sizeof integer);
      }
      pattern.insert(pattern.end(), element.begin(),
                     element.begin() + static_cast<ptrdiff_t>(width));
    }
    std::vector<std::byte> bytes(size);
    for (size_t i = 0; i < size; ++i)
      bytes[i] = static_cast<std::byte>(pattern[i % pattern.size()]);
    return bytes;
  }

  Source& source_;
  ir::Graph& graph_;
  DType type_ = DType::kFloat32;
  Shape shape_;
};

}  // namespace

ir::Module GenerateModule(std::span<const uint8_t> data) {
  Source source(data);
  ir::Module module;
  // Operators that call graphs need some to call.
  const uint8_t graphs = source.Byte();
  module.graphs.resize(graphs < 192 ? 1 : 1 + graphs % 4);
  for (ir::Graph& graph : module.graphs) GraphMaker(source, graph).Make(4);
  return module;
}

}  // namespace edgeml::fuzz
