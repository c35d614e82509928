#include "src/ir/attributes.h"

#include <type_traits>

#include "src/base/strings.h"
#include "src/ir/attribute_fields.h"

namespace edgeml::ir {
namespace {

template <typename T>
std::string FieldText(const T& value) {
  if constexpr (std::is_same_v<T, Activation> || std::is_same_v<T, Padding>) {
    return NameOf(value);
  } else if constexpr (std::is_same_v<T, MirrorMode>) {
    return value == MirrorMode::kReflect ? "REFLECT" : "SYMMETRIC";
  } else if constexpr (std::is_same_v<T, DType>) {
    return std::string(edgeml::NameOf(value));
  } else if constexpr (std::is_same_v<T, Combiner>) {
    return value == Combiner::kSum ? "SUM" : value == Combiner::kMean ? "MEAN" : "SQRTN";
  } else if constexpr (std::is_same_v<T, LshProjection>) {
    constexpr const char* kNames[] = {"UNKNOWN", "SPARSE", "DENSE"};
    return kNames[static_cast<size_t>(value)];
  } else if constexpr (std::is_same_v<T, RngAlgorithm>) {
    constexpr const char* kNames[] = {"DEFAULT", "PHILOX", "THREEFRY"};
    return kNames[static_cast<size_t>(value)];
  } else if constexpr (std::is_same_v<T, WindowFunction>) {
    constexpr const char* kNames[] = {"UNSUPPORTED", "ADD", "MUL", "MINIMUM",
                                      "MAXIMUM",     "ALL", "ANY"};
    return kNames[static_cast<size_t>(value)];
  } else if constexpr (std::is_same_v<T, std::vector<uint8_t>>) {
    return Concat(value.size(), " bytes");
  } else if constexpr (requires { value.begin(); } && !std::is_same_v<T, std::string>) {
    std::string out = "[";
    for (size_t i = 0; i < value.size(); ++i) out += Concat(i > 0 ? "," : "", value[i]);
    return out + "]";
  } else {
    return Concat(value);
  }
}

void AddWindow(const char* name, const Window& window, std::vector<AttributeField>& out) {
  out.push_back({name, NameOf(window.padding), false});
  out.push_back({"stride", Concat(window.stride_h, "x", window.stride_w), false});
  out.push_back({"dilation", Concat(window.dilation_h, "x", window.dilation_w),
                 window.dilation_h == 1 && window.dilation_w == 1});
  if (window.padding == Padding::kExplicit)
    out.push_back({"pads",
                   Concat(window.pad_top, ",", window.pad_bottom, ",", window.pad_left, ",",
                          window.pad_right),
                   false});
}

}  // namespace

const char* NameOf(Activation activation) {
  switch (activation) {
    case Activation::kNone:
      return "NONE";
    case Activation::kRelu:
      return "RELU";
    case Activation::kReluN1To1:
      return "RELU_N1_TO_1";
    case Activation::kRelu6:
      return "RELU6";
    case Activation::kTanh:
      return "TANH";
    case Activation::kSignBit:
      return "SIGN_BIT";
  }
  return "?";
}

const char* NameOf(Padding padding) {
  switch (padding) {
    case Padding::kSame:
      return "SAME";
    case Padding::kValid:
      return "VALID";
    case Padding::kExplicit:
      return "EXPLICIT";
  }
  return "?";
}

std::vector<AttributeField> Fields(const Attributes& attributes) {
  std::vector<AttributeField> out;
  std::visit(
      [&out](const auto& attrs) {
        using A = std::remove_cvref_t<decltype(attrs)>;
        if constexpr (!std::is_same_v<A, std::monostate>) {
          const A defaults{};
          A::VisitFields(attrs, [&](const char* name, const auto& value) {
            using T = std::remove_cvref_t<decltype(value)>;
            if constexpr (std::is_same_v<T, Window>) {
              AddWindow(name, value, out);
            } else {
              bool is_default = false;
              // The same visit over the defaults finds this field's default by its name.
              A::VisitFields(defaults, [&](const char* other, const auto& default_value) {
                if constexpr (std::is_same_v<T, std::remove_cvref_t<decltype(default_value)>>) {
                  if (std::string_view(name) == other) is_default = value == default_value;
                }
              });
              out.push_back({name, FieldText(value), is_default});
            }
          });
        }
      },
      attributes);
  return out;
}

std::string ToString(const Attributes& attributes) {
  std::string out;
  for (const AttributeField& field : Fields(attributes)) {
    if (!field.is_default) out += Concat(out.empty() ? "" : " ", field.name, "=", field.text);
  }
  return out;
}

}  // namespace edgeml::ir
