#include "tests/fuzz/mutate_model.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "src/formats/tflite/ops.h"
#include "src/tensor/shape.h"
#include "tflite_objects_generated.h"

namespace edgeml::fuzz {
namespace {

namespace fbo = fb::objects;

constexpr size_t kMostBytes = 1 << 18;  // of buffers: small inputs run fast

// A file may name the type of a union and lack its value, which generated code cannot pack.
void DropTypesWithoutValue(fbo::ModelT& model) {
  const auto drop = [](auto& option) {
    if (option.value == nullptr) option.Reset();
  };
  for (const auto& graph : model.subgraphs) {
    for (const auto& op : graph->operators) {
      drop(op->builtin_options);
      drop(op->builtin_options_2);
    }
    for (const auto& tensor : graph->tensors) {
      if (tensor->quantization != nullptr) drop(tensor->quantization->details);
      if (tensor->sparsity == nullptr) continue;
      for (const auto& dimension : tensor->sparsity->dim_metadata) {
        drop(dimension->array_segments);
        drop(dimension->array_indices);
      }
    }
  }
}

std::unique_ptr<fbo::ModelT> Unpack(std::span<const uint8_t> file) {
  flatbuffers::Verifier verifier(file.data(), file.size(), 64, 10'000);
  if (file.size() < 8 || !fbo::VerifyModelBuffer(verifier) || !IsAligned(file)) return nullptr;
  const fbo::Model& model = *fbo::GetModel(file.data());
  // Tables may share a vector: copies could be many times the file.
  size_t bytes = 0;
  if (model.buffers() != nullptr)
    for (const fbo::Buffer* buffer : *model.buffers())
      bytes += buffer->data() != nullptr ? buffer->data()->size() : 0;
  if (bytes > kMostBytes || model.subgraphs() == nullptr || model.subgraphs()->size() == 0)
    return nullptr;
  std::unique_ptr<fbo::ModelT> unpacked(model.UnPack());
  DropTypesWithoutValue(*unpacked);
  return unpacked;
}

std::vector<uint8_t> Pack(const fbo::ModelT& model) {
  flatbuffers::FlatBufferBuilder builder(4096);
  builder.ForceDefaults(true);  // so that MutateFields finds every field
  fbo::FinishModelBuffer(builder, fbo::Model::Pack(builder, &model));
  return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
}

DType TypeOf(const fbo::TensorT& tensor) {
  return tflite::FromTensorType(static_cast<fb::TensorType>(tensor.type));
}

size_t ByteSize(const fbo::TensorT& tensor) {
  if (tensor.shape.size() > kMaxRank) return 0;
  const DType type = TypeOf(tensor);
  const auto bytes = CheckedByteSize(Shape(std::span<const int32_t>(tensor.shape)), type);
  return bytes.value_or(0);
}

class Mutator {
 public:
  Mutator(fbo::ModelT& model, Dice& dice) : model_(model), dice_(dice) {
    std::erase(model_.subgraphs, nullptr);
    std::erase(model_.buffers, nullptr);
    std::erase(model_.operator_codes, nullptr);
    if (model_.buffers.empty()) model_.buffers.push_back(std::make_unique<fbo::BufferT>());
  }

  void MutateOnce() {
    fbo::SubGraphT& graph = *dice_.Pick(model_.subgraphs);
    if (graph.tensors.empty() || dice_.OneIn(24)) return MutateModule();
    fbo::TensorT& tensor = *dice_.Pick(graph.tensors);
    switch (dice_.Below(14)) {
      case 0:
        return ChangeShape(tensor);
      case 1:
        return ReplaceDimension(graph);
      case 2:
        return ChangeType(graph, tensor);
      case 3:
        return ChangeQuantization(graph, tensor);
      case 4:
        return ChangeStorage(graph, tensor);
      case 5:
      case 6:
        return ChangeConstant(tensor);
      case 7:
        return AddSparsity(tensor);
      default:
        return MutateOperator(graph);
    }
  }

  // An operator of `other` at the end of a graph of ours, on copies of its tensors or on ours.
  void SpliceOperator(const fbo::ModelT& other) {
    const fbo::SubGraphT& from = *other.subgraphs[dice_.Below(other.subgraphs.size())];
    if (from.operators.empty()) return;
    const fbo::OperatorT& source = *from.operators[dice_.Below(from.operators.size())];
    if (source.opcode_index >= other.operator_codes.size()) return;
    fbo::SubGraphT& graph = *dice_.Pick(model_.subgraphs);
    auto op = std::make_unique<fbo::OperatorT>(source);
    op->opcode_index = static_cast<uint32_t>(model_.operator_codes.size());
    model_.operator_codes.push_back(
        std::make_unique<fbo::OperatorCodeT>(*other.operator_codes[source.opcode_index]));
    for (int32_t& v : op->inputs) v = TakeTensor(other, from, v, graph, /*is_input=*/true);
    for (int32_t& v : op->outputs) {
      v = TakeTensor(other, from, v, graph, /*is_input=*/false);
      graph.outputs.push_back(v);
    }
    for (int32_t& v : op->intermediates) v = TakeTensor(other, from, v, graph, false);
    graph.operators.insert(graph.operators.begin() +
                               static_cast<ptrdiff_t>(dice_.OneIn(3) ? 0 : graph.operators.size()),
                           std::move(op));
  }

  // A subgraph of `other`, for operators of ours to call.
  void SpliceGraph(const fbo::ModelT& other) {
    if (model_.subgraphs.size() > 16) return;
    const fbo::SubGraphT& from = *other.subgraphs[dice_.Below(other.subgraphs.size())];
    auto graph = std::make_unique<fbo::SubGraphT>(from);
    const auto buffers = static_cast<uint32_t>(model_.buffers.size());
    for (const auto& buffer : other.buffers)
      model_.buffers.push_back(std::make_unique<fbo::BufferT>(*buffer));
    const auto codes = static_cast<uint32_t>(model_.operator_codes.size());
    for (const auto& code : other.operator_codes)
      model_.operator_codes.push_back(std::make_unique<fbo::OperatorCodeT>(*code));
    for (auto& tensor : graph->tensors)
      if (tensor->buffer != 0) tensor->buffer += buffers;
    for (auto& op : graph->operators) op->opcode_index += codes;
    if (dice_.OneIn(3)) {
      model_.subgraphs.insert(model_.subgraphs.begin(), std::move(graph));
    } else {
      model_.subgraphs.push_back(std::move(graph));
    }
    CallLastGraph();
  }

 private:
  int32_t AnyInteger(int32_t near) {
    // Wraps at the ends.
    if (dice_.OneIn(2))
      return static_cast<int32_t>(static_cast<uint32_t>(near) + dice_.Below(7) - 3);
    return static_cast<int32_t>(dice_.Pick(kIntegers));
  }
  // Mostly one that keeps the model runnable.
  int32_t AnyDimension() {
    if (dice_.OneIn(6)) return static_cast<int32_t>(dice_.Pick(kIntegers));
    return static_cast<int32_t>(dice_.Below(9));
  }
  int32_t AnyTensor(const fbo::SubGraphT& graph) {
    if (dice_.OneIn(16)) return AnyInteger(static_cast<int32_t>(graph.tensors.size()));
    return static_cast<int32_t>(dice_.Below(graph.tensors.size()));
  }

  // Its data if it is a constant, else null.
  std::vector<uint8_t>* DataOf(const fbo::TensorT& tensor) {
    if (tensor.buffer == 0 || tensor.buffer >= model_.buffers.size()) return nullptr;
    return &model_.buffers[tensor.buffer]->data;
  }

  // Makes the data of a constant as long as its shape and type ask for.
  void FitData(const fbo::TensorT& tensor) {
    std::vector<uint8_t>* const data = DataOf(tensor);
    const size_t bytes = ByteSize(tensor);
    if (data == nullptr || data->empty() || bytes > kMostBytes / 4) return;
    const size_t old = data->size();
    data->resize(bytes);
    for (size_t i = old; i < bytes; ++i) (*data)[i] = (*data)[i - old];
  }

  void ChangeShape(fbo::TensorT& tensor) {
    if (dice_.OneIn(4)) {
      tensor.shape_signature = tensor.shape;
      if (!tensor.shape.empty())
        dice_.Pick(tensor.shape_signature) = dice_.OneIn(2) ? -1 : AnyInteger(1);
      if (dice_.OneIn(2)) return;
    }
    switch (tensor.shape.empty() ? 0 : dice_.Below(5)) {
      case 0:
        tensor.shape.insert(
            tensor.shape.begin() + static_cast<ptrdiff_t>(dice_.Below(tensor.shape.size() + 1)),
            dice_.OneIn(2) ? 1 : AnyDimension());
        break;
      case 1:
        tensor.shape.erase(tensor.shape.begin() +
                           static_cast<ptrdiff_t>(dice_.Below(tensor.shape.size())));
        break;
      case 2:
        std::swap(dice_.Pick(tensor.shape), dice_.Pick(tensor.shape));
        break;
      case 3:
        tensor.shape.clear();
        tensor.has_rank = dice_.OneIn(2);
        break;
      default:
        dice_.Pick(tensor.shape) = AnyDimension();
    }
    if (!dice_.OneIn(4)) FitData(tensor);
  }

  // One size for another in all tensors: what belongs together stays together.
  void ReplaceDimension(fbo::SubGraphT& graph) {
    const fbo::TensorT& model = *dice_.Pick(graph.tensors);
    if (model.shape.empty()) return;
    const int32_t from = model.shape[dice_.Below(model.shape.size())];
    const int32_t to = AnyDimension();
    for (auto& tensor : graph.tensors) {
      if (std::find(tensor->shape.begin(), tensor->shape.end(), from) == tensor->shape.end())
        continue;
      std::replace(tensor->shape.begin(), tensor->shape.end(), from, to);
      FitData(*tensor);
    }
  }

  void ChangeType(fbo::SubGraphT& graph, fbo::TensorT& tensor) {
    const auto to =
        static_cast<fbo::TensorType>(dice_.Below(static_cast<size_t>(fbo::TensorType::MAX) + 1));
    const fbo::TensorType from = tensor.type;
    const bool all = dice_.OneIn(2);
    for (auto& t : graph.tensors) {
      if (t.get() != &tensor && (!all || t->type != from)) continue;
      t->type = to;
      if (!dice_.OneIn(6)) FitData(*t);
    }
  }

  void ChangeQuantization(fbo::SubGraphT& graph, fbo::TensorT& tensor) {
    if (dice_.OneIn(6)) return tensor.quantization.reset();
    const fbo::TensorT& other = *dice_.Pick(graph.tensors);
    if (dice_.OneIn(4) && other.quantization != nullptr && &other != &tensor) {
      tensor.quantization = std::make_unique<fbo::QuantizationParametersT>(*other.quantization);
      return;
    }
    if (tensor.quantization == nullptr) {
      tensor.quantization = std::make_unique<fbo::QuantizationParametersT>();
      tensor.quantization->scale = {0.05f};
      tensor.quantization->zero_point = {0};
    }
    fbo::QuantizationParametersT& q = *tensor.quantization;
    switch (dice_.Below(5)) {
      case 0:
        if (!q.scale.empty()) dice_.Pick(q.scale) = dice_.Pick(kFloats);
        break;
      case 1:
        if (!q.zero_point.empty()) dice_.Pick(q.zero_point) = dice_.Pick(kIntegers);
        break;
      case 2: {  // per channel
        if (tensor.shape.empty()) break;
        const size_t axis = dice_.Below(tensor.shape.size());
        const auto channels = static_cast<size_t>(std::clamp(tensor.shape[axis], 0, 64));
        q.quantized_dimension = static_cast<int32_t>(axis);
        q.scale.resize(channels, dice_.OneIn(3) ? dice_.Pick(kFloats) : 0.02f);
        q.zero_point.resize(dice_.OneIn(4) ? 1 : channels, 0);
        break;
      }
      case 3:
        q.quantized_dimension = AnyInteger(0);
        break;
      default: {
        fbo::BlockwiseQuantizationT details;
        details.scales = AnyTensor(graph);
        details.zero_points = dice_.OneIn(2) ? -1 : AnyTensor(graph);
        details.block_size = AnyInteger(4);
        q.details.Set(std::move(details));
      }
    }
  }

  // Constant, input, state or neither.
  void ChangeStorage(fbo::SubGraphT& graph, fbo::TensorT& tensor) {
    const auto index =
        static_cast<int32_t>(std::find_if(graph.tensors.begin(), graph.tensors.end(),
                                          [&](const auto& t) { return t.get() == &tensor; }) -
                             graph.tensors.begin());
    switch (dice_.Below(6)) {
      case 0:
        tensor.is_variable = !tensor.is_variable;
        if (tensor.is_variable && dice_.OneIn(2)) tensor.buffer = 0;
        break;
      case 1:
        tensor.buffer = static_cast<uint32_t>(AnyInteger(static_cast<int32_t>(tensor.buffer)));
        break;
      case 2:
        tensor.buffer = static_cast<uint32_t>(dice_.Below(model_.buffers.size()));
        break;
      case 3:  // its values become run-time values
        tensor.buffer = 0;
        graph.inputs.push_back(index);
        break;
      case 4: {  // an input becomes a constant
        const size_t bytes = ByteSize(tensor);
        if (bytes == 0 || bytes > kMostBytes / 4) break;
        std::erase(graph.inputs, index);
        tensor.buffer = static_cast<uint32_t>(model_.buffers.size());
        auto buffer = std::make_unique<fbo::BufferT>();
        buffer->data.resize(bytes);
        const uint64_t pattern = dice_.OneIn(2) ? dice_.Bits() : dice_.Below(4);
        for (size_t i = 0; i < bytes; ++i)
          buffer->data[i] = static_cast<uint8_t>(pattern >> (i % 4 * 8));
        model_.buffers.push_back(std::move(buffer));
        break;
      }
      default:
        tensor.external_buffer = static_cast<uint32_t>(dice_.Below(3));
    }
  }

  void ChangeConstant(fbo::TensorT& tensor) {
    std::vector<uint8_t>* const data = DataOf(tensor);
    if (data == nullptr || data->empty()) return;
    const DType type = TypeOf(tensor);
    const size_t width = std::clamp<size_t>(static_cast<size_t>(BitsOf(type)) / 8, 1, 8);
    if (data->size() < width) return;
    for (size_t edits = 1 + dice_.Below(3); edits > 0; --edits) {
      uint8_t* const at = data->data() + dice_.Below(data->size() / width) * width;
      if (type == DType::kFloat32) {
        const float value = dice_.Pick(kFloats);
        std::copy_n(reinterpret_cast<const uint8_t*>(&value), sizeof value, at);
      } else {
        const int64_t value =
            dice_.OneIn(3) ? static_cast<int64_t>(dice_.Below(9)) - 4 : dice_.Pick(kIntegers);
        std::copy_n(reinterpret_cast<const uint8_t*>(&value), width, at);
      }
    }
    if (dice_.OneIn(8)) data->resize(data->size() - 1);
  }

  void AddSparsity(fbo::TensorT& tensor) {
    if (dice_.OneIn(3) || tensor.shape.size() > 4) return tensor.sparsity.reset();
    auto sparsity = std::make_unique<fbo::SparsityParametersT>();
    for (size_t d = 0; d < tensor.shape.size(); ++d) {
      sparsity->traversal_order.push_back(static_cast<int32_t>(d));
      auto dim = std::make_unique<fbo::DimensionMetadataT>();
      dim->dense_size = tensor.shape[d];
      if (dice_.OneIn(2)) {
        dim->format = fbo::DimensionType::SPARSE_CSR;
        fbo::Int32VectorT segments;
        for (int32_t i = 0; i <= static_cast<int32_t>(dice_.Below(5)); ++i)
          segments.values.push_back(i);
        fbo::Uint8VectorT indices;
        for (size_t i = dice_.Below(5); i > 0; --i)
          indices.values.push_back(static_cast<uint8_t>(dice_.Below(5)));
        dim->array_segments.Set(std::move(segments));
        dim->array_indices.Set(std::move(indices));
      }
      sparsity->dim_metadata.push_back(std::move(dim));
    }
    if (dice_.OneIn(3)) sparsity->block_map.push_back(AnyInteger(0));
    tensor.sparsity = std::move(sparsity);
  }

  // The index of a code for `builtin`.
  uint32_t CodeFor(fbo::BuiltinOperator builtin) {
    auto code = std::make_unique<fbo::OperatorCodeT>();
    code->builtin_code = builtin;
    code->deprecated_builtin_code = static_cast<int8_t>(std::min(static_cast<int>(builtin), 127));
    code->version = 1 + static_cast<int32_t>(dice_.Below(5));
    if (builtin == fbo::BuiltinOperator::CUSTOM)
      code->custom_code = tflite::kDetectionPostProcessName;
    model_.operator_codes.push_back(std::move(code));
    return static_cast<uint32_t>(model_.operator_codes.size() - 1);
  }

  // Default options of the kind that the operator takes.
  static void GiveOptions(const tflite::OpHandler& handler, fbo::OperatorT& op) {
    // A table without any field is one of every type.
    alignas(8) static constexpr uint16_t kEmptyTable[] = {4, 4, 4, 0};
    const void* const table = kEmptyTable + 2;
    op.builtin_options.Reset();
    op.builtin_options.type = static_cast<fbo::BuiltinOptions>(handler.options);
    op.builtin_options.value =
        fbo::BuiltinOptionsUnion::UnPack(table, op.builtin_options.type, nullptr);
    op.builtin_options_2.Reset();
    op.builtin_options_2.type = static_cast<fbo::BuiltinOptions2>(handler.options_2);
    op.builtin_options_2.value =
        fbo::BuiltinOptions2Union::UnPack(table, op.builtin_options_2.type, nullptr);
  }

  void MutateOperator(fbo::SubGraphT& graph) {
    if (graph.operators.empty()) return MutateModule();
    const size_t at = dice_.Below(graph.operators.size());
    fbo::OperatorT& op = *graph.operators[at];
    switch (dice_.Below(9)) {
      case 0: {
        const tflite::OpHandler& handler =
            tflite::OpHandlers()[dice_.Below(tflite::OpHandlers().size())];
        op.opcode_index = CodeFor(static_cast<fbo::BuiltinOperator>(handler.code));
        if (!dice_.OneIn(8)) GiveOptions(handler, op);
        break;
      }
      case 1:
        if (!op.inputs.empty()) dice_.Pick(op.inputs) = AnyTensor(graph);
        break;
      case 2:
        if (!op.outputs.empty()) dice_.Pick(op.outputs) = AnyTensor(graph);
        break;
      case 3:
        if (dice_.OneIn(2)) {
          op.inputs.push_back(dice_.OneIn(3) ? -1 : AnyTensor(graph));
        } else if (!op.inputs.empty()) {
          op.inputs.pop_back();
        }
        break;
      case 4:
        if (!op.inputs.empty()) std::swap(dice_.Pick(op.inputs), dice_.Pick(op.inputs));
        break;
      case 5:
        if (dice_.OneIn(2)) {
          auto copy = std::make_unique<fbo::OperatorT>(op);
          for (int32_t& v : copy->outputs) v = CopyTensor(graph, v);
          graph.operators.push_back(std::move(copy));
        } else {
          graph.operators.erase(graph.operators.begin() + static_cast<ptrdiff_t>(at));
        }
        break;
      case 6:
        if (!op.outputs.empty()) {  // an output that somebody wants
          graph.outputs.push_back(dice_.Pick(op.outputs));
        }
        break;
      case 7: {
        if (dice_.OneIn(4)) {
          op.opcode_index = CodeFor(fbo::BuiltinOperator::CUSTOM);
          op.builtin_options.Reset();
        }
        if (op.custom_options.empty()) op.custom_options.resize(dice_.Below(16));
        if (!op.custom_options.empty())
          dice_.Pick(op.custom_options) = static_cast<uint8_t>(dice_.Bits());
        break;
      }
      default:
        if (dice_.OneIn(2)) {
          op.intermediates.push_back(AnyTensor(graph));
        } else if (!op.outputs.empty() && dice_.OneIn(2)) {
          op.outputs.push_back(CopyTensor(graph, op.outputs[0]));
        } else if (!op.outputs.empty()) {
          op.outputs.pop_back();
        }
    }
  }

  int32_t CopyTensor(fbo::SubGraphT& graph, int32_t v) {
    if (v < 0 || static_cast<size_t>(v) >= graph.tensors.size()) return v;
    graph.tensors.push_back(std::make_unique<fbo::TensorT>(*graph.tensors[static_cast<size_t>(v)]));
    return static_cast<int32_t>(graph.tensors.size() - 1);
  }

  // An operator that calls the graph added last, with inputs and outputs of that kind.
  void CallLastGraph() {
    fbo::SubGraphT& graph = *dice_.Pick(model_.subgraphs);
    if (graph.tensors.empty() || model_.subgraphs.size() < 2) return;
    const auto callee = static_cast<int32_t>(model_.subgraphs.size() - 1);
    auto op = std::make_unique<fbo::OperatorT>();
    switch (dice_.Below(3)) {
      case 0: {
        op->opcode_index = CodeFor(fbo::BuiltinOperator::IF);
        fbo::IfOptionsT options;
        options.then_subgraph_index = options.else_subgraph_index = callee;
        op->builtin_options.Set(std::move(options));
        op->inputs.push_back(AnyTensor(graph));
        break;
      }
      case 1: {
        op->opcode_index = CodeFor(fbo::BuiltinOperator::WHILE);
        fbo::WhileOptionsT options;
        options.cond_subgraph_index = callee;
        options.body_subgraph_index = callee - static_cast<int32_t>(dice_.Below(2));
        op->builtin_options.Set(std::move(options));
        break;
      }
      default: {
        op->opcode_index = CodeFor(fbo::BuiltinOperator::CALL_ONCE);
        fbo::CallOnceOptionsT options;
        options.init_subgraph_index = callee;
        op->builtin_options.Set(std::move(options));
      }
    }
    // Counted first: a graph that calls itself gets more outputs here.
    const size_t inputs = model_.subgraphs.back()->inputs.size();
    const size_t outputs = model_.subgraphs.back()->outputs.size();
    for (size_t i = 0; i < inputs; ++i) op->inputs.push_back(AnyTensor(graph));
    for (size_t i = 0; i < outputs; ++i) {
      op->outputs.push_back(CopyTensor(graph, AnyTensor(graph)));
      graph.outputs.push_back(op->outputs.back());
    }
    graph.operators.push_back(std::move(op));
  }

  // What is not inside of a graph.
  void MutateModule() {
    switch (dice_.Below(5)) {
      case 0:
        return SpliceGraph(model_copy());
      case 1:
        if (model_.subgraphs.size() > 1) {
          model_.subgraphs.erase(model_.subgraphs.begin() +
                                 static_cast<ptrdiff_t>(dice_.Below(model_.subgraphs.size())));
        }
        return;
      case 2: {
        auto signature = std::make_unique<fbo::SignatureDefT>();
        signature->signature_key = dice_.OneIn(2) ? "serving_default" : "";
        signature->subgraph_index = static_cast<uint32_t>(dice_.Below(3));
        for (auto* list : {&signature->inputs, &signature->outputs}) {
          auto entry = std::make_unique<fbo::TensorMapT>();
          entry->name = "x";
          entry->tensor_index = static_cast<uint32_t>(AnyInteger(1));
          list->push_back(std::move(entry));
        }
        model_.signature_defs.push_back(std::move(signature));
        return;
      }
      case 3: {
        auto metadata = std::make_unique<fbo::MetadataT>();
        metadata->name = dice_.OneIn(2) ? "TFLITE_METADATA" : "min_runtime_version";
        metadata->buffer = static_cast<uint32_t>(dice_.Below(model_.buffers.size() + 1));
        model_.metadata.push_back(std::move(metadata));
        return;
      }
      default: {
        fbo::SubGraphT& graph = *dice_.Pick(model_.subgraphs);
        auto& list = dice_.OneIn(2) ? graph.inputs : graph.outputs;
        if (!list.empty() && dice_.OneIn(3)) {
          list.pop_back();
        } else {
          list.push_back(AnyTensor(graph));
        }
      }
    }
  }
  fbo::ModelT model_copy() const { return fbo::ModelT(model_); }

  // A copy in `graph` of tensor `v` of another model; or a tensor of `graph` with that type.
  int32_t TakeTensor(const fbo::ModelT& other, const fbo::SubGraphT& from, int32_t v,
                     fbo::SubGraphT& graph, bool is_input) {
    if (v < 0 || static_cast<size_t>(v) >= from.tensors.size()) return v;
    const fbo::TensorT& source = *from.tensors[static_cast<size_t>(v)];
    const bool constant = source.buffer != 0 && source.buffer < other.buffers.size() &&
                          !other.buffers[source.buffer]->data.empty();
    if (is_input && !constant) {
      std::vector<int32_t> fitting;
      for (size_t i = 0; i < graph.tensors.size(); ++i)
        if (graph.tensors[i]->type == source.type) fitting.push_back(static_cast<int32_t>(i));
      if (!fitting.empty() && !dice_.OneIn(3)) return dice_.Pick(fitting);
    }
    auto tensor = std::make_unique<fbo::TensorT>(source);
    if (constant) {
      tensor->buffer = static_cast<uint32_t>(model_.buffers.size());
      model_.buffers.push_back(std::make_unique<fbo::BufferT>(*other.buffers[source.buffer]));
    } else {
      tensor->buffer = 0;
    }
    graph.tensors.push_back(std::move(tensor));
    const auto index = static_cast<int32_t>(graph.tensors.size() - 1);
    if (is_input && !constant) graph.inputs.push_back(index);
    return index;
  }

  fbo::ModelT& model_;
  Dice& dice_;
};

}  // namespace

std::vector<uint8_t> MutateModel(std::span<const uint8_t> file, Dice& dice) {
  const std::unique_ptr<fbo::ModelT> model = Unpack(file);
  if (model == nullptr) return {};
  Mutator mutator(*model, dice);
  for (size_t edits = 1 + dice.Below(3); edits > 0; --edits) mutator.MutateOnce();
  std::vector<uint8_t> out = Pack(*model);
  if (dice.OneIn(2)) MutateFields(out, 1, dice);
  return out;
}

std::vector<uint8_t> CrossModels(std::span<const uint8_t> file, std::span<const uint8_t> other,
                                 Dice& dice) {
  const std::unique_ptr<fbo::ModelT> model = Unpack(file), giver = Unpack(other);
  if (model == nullptr || giver == nullptr) return {};
  std::erase(giver->subgraphs, nullptr);
  Mutator mutator(*model, dice);
  if (dice.OneIn(4)) {
    mutator.SpliceGraph(*giver);
  } else {
    mutator.SpliceOperator(*giver);
  }
  if (dice.OneIn(2)) mutator.MutateOnce();
  return Pack(*model);
}

}  // namespace edgeml::fuzz
