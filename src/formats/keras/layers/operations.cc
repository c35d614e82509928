#include "src/formats/keras/layers/operations.h"

#include <algorithm>
#include <cmath>

#include "src/base/strings.h"

namespace edgeml::keras {
namespace {

const Json kNull;

// Arrays may be wrapped: {"class_name": "__tensor__", "config": {"value": …, "dtype": …}}.
const Json& Unwrap(const Json& json) {
  const std::string& name = json["class_name"].text();
  if (name == "__tensor__" || name == "__numpy__" || name == "Tensor")
    return json["config"]["value"];
  if (name == "__tuple__") return json["items"];
  return json;
}

bool Collect(const Json& json, int depth, Literal& out) {
  if (json.is_array()) {
    const auto size = static_cast<int32_t>(std::min<size_t>(json.items().size(), INT32_MAX));
    if (depth >= kMaxRank) return false;
    if (depth == out.shape.rank()) {
      if (!out.values.empty()) return false;  // numbers stood less deep before
      out.shape.push_back(size);
    }
    if (out.shape[depth] != size) return false;
    return std::ranges::all_of(json.items(),
                               [&](const Json& item) { return Collect(item, depth + 1, out); });
  }
  if (depth != out.shape.rank()) return false;
  if (const auto flag = json.boolean()) {
    out.values.push_back(*flag ? 1 : 0);
    return true;
  }
  const auto value = json.number();
  if (!value) return false;
  out.real = out.real || json.kind() == Json::Kind::kReal;
  out.values.push_back(*value);
  return true;
}

template <typename T>
std::vector<T> Converted(const std::vector<double>& values) {
  std::vector<T> out;
  out.reserve(values.size());
  for (const double v : values) out.push_back(static_cast<T>(v));
  return out;
}

// "math.multiply", "__operators__.add", "compat.v1.shape" → "multiply", "add", "shape".
std::string_view BareName(std::string_view function) {
  if (const size_t dot = function.rfind('.'); dot != std::string_view::npos)
    function.remove_prefix(dot + 1);
  return function;
}

// "ExpandDims" → "expand_dims", "Log10" → "log10".
std::string Snake(std::string_view name) {
  std::string out;
  for (size_t i = 0; i < name.size(); ++i) {
    const char ch = name[i];
    const bool upper = ch >= 'A' && ch <= 'Z';
    const bool after_small = i > 0 && name[i - 1] >= 'a' && name[i - 1] <= 'z';
    const bool before_small =
        i > 0 && i + 1 < name.size() && name[i + 1] >= 'a' && name[i + 1] <= 'z';
    if (upper && (after_small || before_small)) out += '_';
    out += upper ? static_cast<char>(ch - 'A' + 'a') : ch;
  }
  return out;
}

const Operation* FindOperation(std::string_view name) {
  for (const auto& list :
       {ImageOperations(), MathOperations(), ReductionOperations(), ShapeOperations()})
    for (const Operation& operation : list)
      if (name == operation.name) return &operation;
  return nullptr;
}

Status LowerOperation(LayerContext& c, std::string_view name, bool is_tensorflow) {
  const Operation* operation = FindOperation(name);
  if (operation == nullptr) return Error(Code::kUnsupported, "the operation '", name, "'");
  Operands o(c);
  o.is_tensorflow = is_tensorflow;
  operation->lower(o);
  return o.Finish();
}

Status LowerKerasOperation(LayerContext& c) {
  return LowerOperation(c, Snake(c.layer.class_name), false);
}

Status LowerTensorFlowFunction(LayerContext& c) {
  const std::string function = c.options.Text("function", "");
  c.options.Ignore({"symbol"});
  EDGEML_RETURN_IF_ERROR(c.Check());
  return LowerOperation(c, BareName(function), true);
}

// Operators of a graph that TensorFlow 2.0 to 2.3 put into models as they were.
Status LowerTensorFlowOperator(LayerContext& c) {
  static constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"Add", "add"},
      {"AddV2", "add"},
      {"Sub", "subtract"},
      {"Mul", "multiply"},
      {"RealDiv", "divide"},
      {"Div", "divide"},
      {"Maximum", "maximum"},
      {"Minimum", "minimum"},
      {"Pow", "pow"},
      {"Neg", "negative"},
      {"Abs", "abs"},
      {"Exp", "exp"},
      {"Log", "log"},
      {"Sqrt", "sqrt"},
      {"Rsqrt", "rsqrt"},
      {"Square", "square"},
      {"Sigmoid", "sigmoid"},
      {"Tanh", "tanh"},
      {"Relu", "relu"},
      {"Relu6", "relu6"},
      {"Softmax", "softmax"},
      {"Softplus", "softplus"},
      {"Elu", "elu"},
      {"Identity", "identity"},
      {"SquaredDifference", "squared_difference"}};
  EDGEML_ASSIGN_OR_RETURN(const Json node, Json::Parse(c.options.Text("node_def", "{}")));
  const std::string& op = node["op"].text();
  const auto* found = std::ranges::find(kNames, op, [](const auto& entry) { return entry.first; });
  if (found == std::end(kNames)) return Error(Code::kUnsupported, "TensorFlow's operator ", op);
  // The operands are the tensors of the call and, at their places, constants.
  Call call;
  const Json& constants = c.options.Raw("constants");
  size_t next = 0;
  for (size_t i = 0; i < c.inputs.size() + constants.members().size() && i < 8; ++i) {
    Argument argument;
    if (const Json& value = constants[Concat(i)]; !value.is_null()) {
      argument.value = value;
    } else if (!c.call.args.empty() && c.call.args[0].kind == Argument::Kind::kList) {
      if (next < c.call.args[0].items.size()) argument = c.call.args[0].items[next++];
    } else if (next < c.call.args.size()) {
      argument = c.call.args[next++];
    }
    call.args.push_back(std::move(argument));
  }
  LayerContext inner{c.lowering, c.layer,  c.options, c.weights,
                     call,       c.inputs, {},        ir::Emitter(c.e.builder())};
  inner.e.SetPrefix(c.layer.name);
  EDGEML_RETURN_IF_ERROR(LowerOperation(inner, found->second, true));
  c.outputs = std::move(inner.outputs);
  return Status::Ok();
}

constexpr LayerDef kKerasOperation = {"keras.ops", LowerKerasOperation};

constexpr LayerDef kLayers[] = {
    {"SlicingOpLambda", LowerTensorFlowFunction},
    {"TFOpLambda", LowerTensorFlowFunction},
    {"TensorFlowOpLayer", LowerTensorFlowOperator},
};

}  // namespace

std::optional<Literal> ReadLiteral(const Json& json) {
  Literal out;
  const std::string& type = json["config"]["dtype"].text();
  if (!Collect(Unwrap(json), 0, out)) return std::nullopt;
  if (type.find("float") != std::string::npos) out.real = true;
  return out;
}

std::optional<DType> TypeNamed(std::string_view name) {
  static constexpr std::pair<std::string_view, DType> kTypes[] = {
      {"float32", DType::kFloat32}, {"float16", DType::kFloat32}, {"bfloat16", DType::kFloat32},
      {"float64", DType::kFloat32}, {"int32", DType::kInt32},     {"int64", DType::kInt64},
      {"int16", DType::kInt16},     {"int8", DType::kInt8},       {"uint8", DType::kUInt8},
      {"bool", DType::kBool}};
  for (const auto& [text, type] : kTypes)
    if (name == text) return type;
  return std::nullopt;
}

// Operands --------------------------------------------------------------------------------------

const Argument* Operands::Find(size_t position, Names names) {
  for (const std::string_view name : names) {
    read_.emplace(name);
    for (const auto& [key, argument] : c.call.kwargs)
      if (key == name) return argument.is_none() ? nullptr : &argument;
  }
  if (position >= c.call.args.size() || c.call.args[position].is_none()) return nullptr;
  return &c.call.args[position];
}

bool Operands::IsGiven(size_t position, Names names) { return Find(position, names) != nullptr; }

int32_t Operands::Constant(const Literal& literal, DType type) {
  if (type == DType::kInvalid) type = literal.real ? DType::kFloat32 : DType::kInt32;
  if (literal.shape.num_elements() != static_cast<int64_t>(literal.values.size())) {
    Fail(Error(Code::kInvalidModel, "a list of lists of different lengths"));
    return ir::kNoValue;
  }
  const double limit = type == DType::kInt32 ? INT32_MAX : 9.2e18;
  for (const double v : literal.values) {
    if (type == DType::kFloat32 || std::abs(v) <= limit) continue;
    Fail(Error(Code::kInvalidModel, "the number ", v, " among integers"));
    return ir::kNoValue;
  }
  ir::GraphBuilder& builder = e.builder();
  const std::string name = c.Name("constant");
  if (type == DType::kFloat32) {
    const auto values = Converted<float>(literal.values);
    return builder.AddConstant(name, literal.shape, std::span<const float>(values));
  }
  if (type == DType::kInt32) {
    const auto values = Converted<int32_t>(literal.values);
    return builder.AddConstant(name, literal.shape, std::span<const int32_t>(values));
  }
  if (type == DType::kInt64) {
    const auto values = Converted<int64_t>(literal.values);
    return builder.AddConstant(name, literal.shape, std::span<const int64_t>(values));
  }
  std::vector<std::byte> bytes;
  for (const double v : literal.values) {
    if (type != DType::kBool && type != DType::kInt8 && type != DType::kUInt8) break;
    bytes.push_back(type == DType::kBool ? std::byte{v != 0}
                                         : static_cast<std::byte>(static_cast<int64_t>(v) & 255));
  }
  if (bytes.size() != literal.values.size()) {
    Unsupported("numbers of this type");
    return ir::kNoValue;
  }
  return builder.AddConstant(name, type, literal.shape, ir::ConstantData::Own(std::move(bytes)));
}

int32_t Operands::Value(size_t position, Names names, DType like) {
  const Argument* argument = Find(position, names);
  if (argument == nullptr || !e.ok()) return ir::kNoValue;
  if (argument->kind == Argument::Kind::kTensor) {
    const int32_t v = c.lowering.Resolve(argument->tensor).value;
    if (v == ir::kNoValue) Unsupported("an operand that another layer lacks");
    return v;
  }
  const auto literal = ReadLiteral(argument->value);
  if (argument->kind != Argument::Kind::kValue || !literal) {
    Unsupported(Concat("the operand ", argument->value.ToString()));
    return ir::kNoValue;
  }
  const bool whole = like != DType::kInvalid && like != DType::kFloat32;
  return Constant(*literal, whole && literal->real ? DType::kFloat32 : like);
}

int32_t Operands::X() {
  const int32_t x = Value(0, {"x", "inputs", "input", "a", "tensor", "images", "features", "value",
                              "logits", "input_tensor", "params", "array"});
  if (x == ir::kNoValue) Fail(Error(Code::kInvalidModel, "no operand"));
  return x;
}

std::pair<int32_t, int32_t> Operands::Pair(Names first, Names second, size_t position) {
  const auto type_of = [&](size_t at, Names names) {
    const Argument* argument = Find(at, names);
    if (argument == nullptr || argument->kind != Argument::Kind::kTensor) return DType::kInvalid;
    return e.type(c.lowering.Resolve(argument->tensor).value);
  };
  const DType one = type_of(position, first), two = type_of(position + 1, second);
  int32_t a = Value(position, first, one == DType::kInvalid ? two : one);
  int32_t b = Value(position + 1, second, two == DType::kInvalid ? one : two);
  if (a == ir::kNoValue || b == ir::kNoValue) {
    Fail(Error(Code::kInvalidModel, "an operand is missing"));
    return {ir::kNoValue, ir::kNoValue};
  }
  if (e.type(a) == e.type(b)) return {a, b};
  DType type = DType::kFloat32;
  if (e.type(a) != DType::kFloat32 && e.type(b) != DType::kFloat32)
    type = e.type(a) == DType::kInt64 || e.type(b) == DType::kInt64 ? DType::kInt64 : DType::kInt32;
  return {e.Cast(a, type), e.Cast(b, type)};
}

std::vector<int32_t> Operands::List(size_t position, Names names) {
  std::vector<int32_t> out;
  const Argument* argument = Find(position, names);
  if (argument == nullptr) return out;
  const auto add = [&](const Argument& item) {
    if (item.kind == Argument::Kind::kTensor) {
      out.push_back(c.lowering.Resolve(item.tensor).value);
    } else if (const auto literal = ReadLiteral(item.value)) {
      out.push_back(Constant(*literal, c.inputs.empty() ? DType::kInvalid : e.type(c.x())));
    } else {
      out.push_back(ir::kNoValue);
    }
    if (out.back() == ir::kNoValue) Unsupported("an operand that another layer lacks");
  };
  if (argument->kind == Argument::Kind::kList) {
    for (const Argument& item : argument->items) add(item);
  } else {
    add(*argument);
  }
  return out;
}

const Json& Operands::Option(Names names, size_t position) {
  for (const std::string_view name : names) {
    if (is_tensorflow) break;  // there the options are those of the layer around the function
    if (const Json& json = c.options.Raw(name); !json.is_null()) return Unwrap(json);
  }
  const Argument* argument = Find(position, names);
  if (argument == nullptr || argument->kind != Argument::Kind::kValue) return kNull;
  return Unwrap(argument->value);
}

int64_t Operands::Int(Names names, int64_t or_else, size_t position) {
  const Json& json = Option(names, position);
  if (json.is_null()) return or_else;
  if (const auto value = json.integer(); value && *value >= INT32_MIN && *value <= INT32_MAX)
    return *value;
  Fail(Error(Code::kInvalidModel, *names.begin(), " = ", json.ToString(), ", expected an integer"));
  return or_else;
}

double Operands::Number(Names names, double or_else, size_t position) {
  const Json& json = Option(names, position);
  if (json.is_null()) return or_else;
  if (const auto value = json.number()) return *value;
  Fail(Error(Code::kInvalidModel, *names.begin(), " = ", json.ToString(), ", expected a number"));
  return or_else;
}

bool Operands::Flag(Names names, bool or_else) {
  const Json& json = Option(names);
  return json.is_null() ? or_else : json.boolean().value_or(json.integer().value_or(0) != 0);
}

std::string Operands::Text(Names names, std::string_view or_else) {
  const Json& json = Option(names);
  return json.is_string() ? json.text() : std::string(or_else);
}

std::optional<std::vector<int32_t>> Operands::Ints(Names names, size_t position) {
  const Json& json = Option(names, position);
  if (json.is_null()) return std::nullopt;
  std::vector<int32_t> out;
  const auto add = [&](const Json& item) {
    const auto value = item.integer();
    if (value && *value >= INT32_MIN && *value <= INT32_MAX) {
      out.push_back(static_cast<int32_t>(*value));
    } else {
      Fail(Error(Code::kInvalidModel, *names.begin(), " = ", json.ToString(),
                 ", expected integers"));
    }
  };
  if (json.is_array()) {
    for (const Json& item : json.items()) add(item);
  } else {
    add(json);
  }
  return out;
}

int Operands::Normalized(int64_t axis, int rank) {
  if (const auto normal = NormalizedAxis(axis, rank)) return *normal;
  Fail(Error(Code::kInvalidModel, "axis ", axis, " of a tensor of rank ", rank));
  return 0;
}

int Operands::Axis(Names names, int64_t or_else, int rank, size_t position) {
  return Normalized(Int(names, or_else, position), rank);
}

std::vector<int32_t> Operands::Axes(Names names, int rank) {
  std::vector<int32_t> out;
  if (const auto given = Ints(names)) {
    for (const int32_t axis : *given) out.push_back(Normalized(axis, rank));
  } else {
    for (int32_t d = 0; d < rank; ++d) out.push_back(d);
  }
  return out;
}

int32_t Operands::FillLike(int32_t x, int32_t value) {
  const int32_t shape =
      e.Op(ir::OpCode::kShape, {x}, ir::TypeAttrs{DType::kInvalid, DType::kInt32}, DType::kInt32);
  return e.Op(ir::OpCode::kFill, {shape, value}, {}, e.type(value));
}

int32_t Operands::AsLayer(const char* class_name, const std::string& config, int32_t x) {
  if (!e.ok()) return ir::kNoValue;
  auto parsed = Json::Parse(config);
  if (!parsed.ok()) return Fail(parsed.status()), ir::kNoValue;
  LayerConfig layer;
  layer.class_name = class_name;
  layer.name = c.layer.name;
  layer.module = "keras.layers";
  layer.config = std::move(parsed).value();
  auto made = c.lowering.LowerLayer(layer, {}, {}, {{x, ir::kNoValue}}, "");
  if (!made.ok()) return Fail(made.status()), ir::kNoValue;
  return made->empty() ? ir::kNoValue : made->front().value;
}

Status Operands::Finish() {
  EDGEML_RETURN_IF_ERROR(e.status());
  for (const auto& [name, argument] : c.call.kwargs) {
    static constexpr std::string_view kIdle[] = {"name", "validate_indices", "out_type", "sparse"};
    if (argument.is_none() || read_.contains(name) ||
        std::ranges::find(kIdle, name) != std::end(kIdle))
      continue;
    return Error(Code::kUnsupported, "the argument ", name, " = ", argument.value.ToString());
  }
  return c.options.Finish();
}

std::span<const LayerDef> OperationLayers() { return kLayers; }

const LayerDef* FindKerasOperation(const LayerConfig& layer) {
  // Files without modules tell operations by their options: layers always have this one.
  const bool by_module = layer.module.find("keras.src.ops") != std::string::npos ||
                         layer.module.find("keras.ops") != std::string::npos;
  const bool by_options = layer.module.empty() && layer.config.is_object() &&
                          layer.config["trainable"].is_null() &&
                          FindOperation(Snake(layer.class_name)) != nullptr;
  return by_module || by_options ? &kKerasOperation : nullptr;
}

}  // namespace edgeml::keras
