#include "src/ir/builder.h"

#include <algorithm>
#include <cstring>

#include "src/base/strings.h"
#include "src/ir/op_def.h"

namespace edgeml::ir {
namespace {

// The sizes tried for an open dimension: small for the outermost, which nearly always is the batch;
// for others divisible often, so that halving and doubling an image meets again.
constexpr int32_t kBatchTrials[] = {2, 3};
constexpr int32_t kSizeTrials[] = {256, 384};
// Values up to this many elements are computed on the way.
constexpr int64_t kMostComputed = 4096;

template <size_t... I>
Attributes MakeAttributes(size_t kind, std::index_sequence<I...>) {
  Attributes out;
  ((I == kind ? static_cast<void>(out.emplace<I>()) : static_cast<void>(0)), ...);
  return out;
}

Attributes DefaultAttributes(size_t kind) {
  return MakeAttributes(kind, std::make_index_sequence<std::variant_size_v<Attributes>>());
}

Shape Filled(const Shape& open, size_t trial) {
  Shape out = open;
  for (int i = 0; i < out.rank(); ++i)
    if (out[i] == kUnknownDim) out[i] = i == 0 ? kBatchTrials[trial] : kSizeTrials[trial];
  return out;
}

bool SameBytes(const ConstantData& a, const ConstantData& b) {
  return std::ranges::equal(a.bytes, b.bytes);
}

bool HasNoResultOfItsOwn(OpCode op) {  // random, or with an effect
  return DefOf(op).has_side_effects || op == OpCode::kMultinomial ||
         op == OpCode::kRandomStandardNormal || op == OpCode::kRandomUniform ||
         op == OpCode::kStablehloRngBitGenerator || op == OpCode::kCustom;
}

}  // namespace

GraphBuilder::GraphBuilder(std::string name, Evaluator* evaluator) : evaluator_(evaluator) {
  graph_.name = std::move(name);
}

int32_t GraphBuilder::Append(Value value, const Shape& open_shape) {
  std::array<Trial, kTrials> trials;
  for (size_t t = 0; t < kTrials; ++t) trials[t].shape = Filled(open_shape, t);
  value.shape = open_shape;
  if (!open_shape.known()) {
    value.shape_signature = open_shape;
    value.has_signature = true;
    for (int i = 0; i < value.shape.rank(); ++i)
      if (value.shape[i] == kUnknownDim) value.shape[i] = 1;
  }
  graph_.values.push_back(std::move(value));
  trials_.push_back(std::move(trials));
  return static_cast<int32_t>(graph_.values.size() - 1);
}

int32_t GraphBuilder::AddInput(std::string name, DType type, const Shape& shape) {
  Value value;
  value.name = std::move(name);
  value.type = type;
  const int32_t v = Append(std::move(value), shape);
  graph_.inputs.push_back(v);
  return v;
}

int32_t GraphBuilder::AddVariable(std::string name, DType type, const Shape& shape) {
  Value value;
  value.name = std::move(name);
  value.type = type;
  value.is_variable = true;
  return Append(std::move(value), shape);
}

int32_t GraphBuilder::AddConstant(std::string name, DType type, const Shape& shape,
                                  ConstantData data, Quantization quantization) {
  Value value;
  value.name = std::move(name);
  value.type = type;
  value.data = std::move(data);
  value.quantization = std::move(quantization);
  return Append(std::move(value), shape);
}

int32_t GraphBuilder::AddInts(std::span<const int32_t> values, std::string name) {
  return AddConstant(std::move(name), Shape{static_cast<int32_t>(values.size())}, values);
}

int32_t GraphBuilder::AddInt(int32_t value, std::string name) {
  return AddConstant(std::move(name), Shape{}, std::span<const int32_t>(&value, 1));
}

TensorView GraphBuilder::View(int32_t v, size_t trial) const {
  TensorView view;
  if (v == kNoValue) return view;
  const Value& value = this->value(v);
  const Trial& at = trials_[static_cast<size_t>(v)][trial];
  const ConstantData& data = value.is_constant() ? value.data : at.data;
  // Views are read only here; the type has no const form.
  view.data = const_cast<std::byte*>(data.bytes.data());
  view.type = value.type;
  view.shape = at.shape;
  view.quantization = &value.quantization;
  view.is_constant = value.is_constant();
  view.SetDenseStrides();
  return view;
}

Result<int32_t> GraphBuilder::Add(OpCode op, std::vector<int32_t> inputs, Attributes attributes,
                                  std::string name, DType type) {
  if (type == DType::kInvalid && !inputs.empty() && inputs[0] != kNoValue)
    type = this->type(inputs[0]);
  EDGEML_ASSIGN_OR_RETURN(const std::vector<int32_t> outputs,
                          Add(op, std::move(inputs), std::move(attributes),
                              std::vector<Output>{{type, std::move(name), {}, {}}}));
  return outputs[0];
}

Status GraphBuilder::Infer(const Node& node, std::span<const Output> outputs, size_t trial,
                           std::vector<Shape>* shapes, bool* settled) const {
  std::vector<TensorView> in, out(outputs.size());
  for (const int32_t v : node.inputs) in.push_back(View(v, trial));
  for (size_t i = 0; i < outputs.size(); ++i) {
    out[i].type = outputs[i].type;
    out[i].quantization = &outputs[i].quantization;
  }
  InferContext context{&node, in, out, false, nullptr};
  EDGEML_RETURN_IF_ERROR(InferShapes(context));
  *settled = !context.needs_values;
  shapes->clear();
  for (const TensorView& view : out) shapes->push_back(view.shape);
  return Status::Ok();
}

// A reshape's target that differs between the trials in one place: there it is "what is left".
void GraphBuilder::ReplaceTargetShape(Node& node) {
  if (node.op != OpCode::kReshape || node.inputs.size() != 2 || node.inputs[1] == kNoValue) return;
  const int32_t target = node.inputs[1];
  if (value(target).is_constant()) return;
  const auto& trials = trials_[static_cast<size_t>(target)];
  if (!trials[0].data.present() || !trials[1].data.present()) return;
  const TensorView a = View(target, 0), b = View(target, 1);
  if (a.num_elements() != b.num_elements()) return;
  std::vector<int32_t> dims;
  int open = 0;
  for (int64_t i = 0; i < a.num_elements(); ++i) {
    const int64_t x = IndexAt(a, i), y = IndexAt(b, i);
    if (x == kUnknownDim || x > INT32_MAX) return;
    open += x != y ? 1 : 0;
    dims.push_back(x != y ? kUnknownDim : static_cast<int32_t>(x));
  }
  if (open == 1) node.inputs[1] = AddInts(dims, value(target).name);
}

// Computes the outputs of a node in each trial when its inputs are known there; true when all came
// out equal, so that they are constants now and the node is not needed.
Result<bool> GraphBuilder::Compute(const Node& node, std::span<const int32_t> outputs) {
  if (evaluator_ == nullptr || HasNoResultOfItsOwn(node.op)) return false;
  std::array<std::vector<ConstantData>, kTrials> results;
  for (size_t t = 0; t < kTrials; ++t) {
    std::vector<TensorView> in, out;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      in.push_back(View(node.inputs[i], t));
      const bool only_shape = node.op == OpCode::kShape || node.op == OpCode::kRank;
      if (in.back().present() && in.back().data == nullptr && in.back().num_elements() != 0 &&
          !only_shape)
        return false;
    }
    for (const int32_t v : outputs) {
      out.push_back(View(v, t));
      const auto bytes = CheckedByteSize(out.back().shape, out.back().type);
      if (!bytes || BitsOf(out.back().type) < 8 || out.back().num_elements() > kMostComputed)
        return false;
    }
    if (node.op == OpCode::kShape || node.op == OpCode::kRank) {
      // Nothing but the shape counts: do without the tensor.
      std::vector<int64_t> dims(in[0].shape.dims().begin(), in[0].shape.dims().end());
      if (node.op == OpCode::kRank) dims = {in[0].rank()};
      std::vector<std::byte> bytes(dims.size() * (BitsOf(out[0].type) / 8));
      for (size_t i = 0; i < dims.size(); ++i)  // little-endian
        std::memcpy(bytes.data() + i * (BitsOf(out[0].type) / 8), &dims[i],
                    BitsOf(out[0].type) / 8);
      results[t].push_back(ConstantData::Own(std::move(bytes)));
      continue;
    }
    auto computed = evaluator_->Evaluate(node, in, out);
    if (!computed.ok()) {
      if (computed.status().code() == Code::kUnsupported) return false;
      return computed.status();
    }
    results[t] = std::move(computed).value();
  }
  bool equal = true;
  for (size_t i = 0; i < outputs.size(); ++i) {
    auto& trials = trials_[static_cast<size_t>(outputs[i])];
    for (size_t t = 0; t < kTrials; ++t) trials[t].data = results[t][i];
    equal = equal && trials[0].shape == trials[1].shape && SameBytes(results[0][i], results[1][i]);
  }
  if (!equal) return false;
  for (size_t i = 0; i < outputs.size(); ++i)
    graph_.values[static_cast<size_t>(outputs[i])].data = results[0][i];
  return true;
}

Result<std::vector<int32_t>> GraphBuilder::Add(OpCode op, std::vector<int32_t> inputs,
                                               Attributes attributes, std::vector<Output> outputs) {
  Node node;
  node.op = op;
  node.inputs = std::move(inputs);
  const size_t kind = DefOf(op).attributes;
  node.attributes = std::holds_alternative<std::monostate>(attributes) ? DefaultAttributes(kind)
                                                                       : std::move(attributes);
  // Shape rules multiply dimensions.
  const auto fits = [](const Shape& shape, DType type) {
    return CheckedByteSize(shape, BitsOf(type) == 0 ? DType::kInt8 : type).has_value();
  };
  for (const int32_t v : node.inputs) {
    if (v == kNoValue) continue;
    for (const Trial& trial : trials_[static_cast<size_t>(v)])
      if (!fits(trial.shape, type(v)))
        return Error(Code::kInvalidModel, NameOf(op), ": an input of shape ", shape(v).ToString(),
                     " is larger than memory can be");
  }
  ReplaceTargetShape(node);

  // The shapes in each trial, unless the importer states them.
  std::array<std::vector<Shape>, kTrials> shapes;
  const bool stated = !outputs.empty() && outputs[0].shape.has_value();
  for (size_t t = 0; t < kTrials; ++t) {
    if (stated) {
      for (const Output& output : outputs) shapes[t].push_back(Filled(*output.shape, t));
      continue;
    }
    bool settled = false;
    Status status = Infer(node, outputs, t, &shapes[t], &settled);
    if (!status.ok()) return std::move(status).WithContext(NameOf(op));
    if (!settled)
      return Error(Code::kUnsupported, NameOf(op),
                   ": the shape of its result depends on values that are only known at run time");
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    for (const auto& of_trial : shapes)
      if (!fits(of_trial[i], outputs[i].type))
        return Error(Code::kInvalidModel, NameOf(op), ": a result of shape ",
                     of_trial[i].ToString(), " is larger than memory can be");
    Shape open = shapes[0][i];
    if (shapes[1][i].rank() != open.rank())
      return Error(Code::kUnsupported, NameOf(op), ": the rank of its result is not known");
    for (int d = 0; d < open.rank(); ++d)
      if (open[d] != shapes[1][i][d]) open[d] = kUnknownDim;
    Value value;
    value.name = std::move(outputs[i].name);
    value.type = outputs[i].type;
    value.quantization = std::move(outputs[i].quantization);
    const int32_t v = Append(std::move(value), open);
    for (size_t t = 0; t < kTrials; ++t) trials_[static_cast<size_t>(v)][t].shape = shapes[t][i];
    node.outputs.push_back(v);
  }
  std::vector<int32_t> made = node.outputs;
  auto constant = Compute(node, made);
  if (!constant.ok()) return Status(constant.status()).WithContext(NameOf(op));
  if (!*constant) graph_.nodes.push_back(std::move(node));
  return made;
}

std::optional<std::vector<int64_t>> GraphBuilder::KnownIntegers(int32_t v) const {
  const Value& value = this->value(v);
  if (!value.is_constant() || value.type == DType::kFloat32) return std::nullopt;
  const TensorView view = View(v, 0);
  std::vector<int64_t> out;
  for (int64_t i = 0; i < view.num_elements(); ++i) out.push_back(IndexAt(view, i));
  return out;
}

Graph GraphBuilder::Finish(std::vector<int32_t> outputs) {
  graph_.outputs = std::move(outputs);
  trials_.clear();
  return std::exchange(graph_, {});
}

}  // namespace edgeml::ir
