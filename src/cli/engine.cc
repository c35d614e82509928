#include "src/cli/engine.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <optional>

#include "edgeml/audio_frontend.h"
#include "src/base/strings.h"
#include "src/cli/interrupt.h"

namespace edgeml::cli {
namespace {

using Clock = std::chrono::steady_clock;

double MillisecondsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

std::vector<Port> Ports(const Model& model, const Session& session,
                        std::span<const int32_t> indices, bool inputs) {
  const SignatureInfo* signature = nullptr;
  for (const SignatureInfo& s : model.signatures()) {
    if (s.subgraph == 0) {
      signature = &s;
      break;
    }
  }
  std::vector<Port> ports;
  for (const int32_t index : indices) {
    Port port{"", session.tensor_info(index)};
    port.name = port.info.name;
    if (signature != nullptr) {
      for (const auto& [name, tensor] : inputs ? signature->inputs : signature->outputs) {
        if (tensor == index) port.name = name;
      }
    }
    ports.push_back(std::move(port));
  }
  return ports;
}

// Sub-byte values to one byte each, sign-extended when signed.
std::vector<uint8_t> Unpack(const TensorRef& tensor, size_t count) {
  const int bits = BitsOf(tensor.dtype), per_byte = 8 / bits;
  const auto* packed = static_cast<const uint8_t*>(tensor.data);
  std::vector<uint8_t> out(count);
  for (size_t i = 0; i < count; ++i) {
    const int shift = bits * static_cast<int>(i % static_cast<size_t>(per_byte));
    int v = packed[i / static_cast<size_t>(per_byte)] >> shift & ((1 << bits) - 1);
    if (tensor.dtype != DType::kUInt4 && (v >> (bits - 1)) != 0) v -= 1 << bits;
    out[i] = static_cast<uint8_t>(v);
  }
  return out;
}

std::optional<data::Array> Copy(const TensorRef& tensor) {
  if (tensor.shape.size() > kMaxRank || (tensor.data == nullptr && tensor.bytes > 0)) {
    return std::nullopt;
  }
  data::Array array{tensor.dtype, Shape(tensor.shape), {}};
  if (IsSubByte(tensor.dtype)) {
    array.bytes = Unpack(tensor, static_cast<size_t>(array.shape.num_elements()));
    array.type = tensor.dtype == DType::kUInt4 ? DType::kUInt8 : DType::kInt8;
  } else {
    const auto* bytes = static_cast<const uint8_t*>(tensor.data);
    array.bytes.assign(bytes, bytes + tensor.bytes);
  }
  return array;
}

}  // namespace

std::shared_ptr<const CustomOpRegistry> CustomOps() {
  auto registry = std::make_shared<CustomOpRegistry>();
  // Into an empty registry: it cannot fail.
  static_cast<void>(AddAudioFrontendOps(*registry).ok());
  return registry;
}

Result<Model> LoadModel(const std::string& path, const EngineOptions& options) {
  LoadOptions load;
  EDGEML_ASSIGN_OR_RETURN(load.memory_cap_bytes, options.MemoryCap());
  auto model = Model::Load(path, load);
  if (!model.ok() && model.status().message().find(path) == std::string::npos) {
    return Status(model.status()).WithContext(path);
  }
  return model;
}

Result<Session> MakeSession(const Model& model, const EngineOptions& options,
                            SessionOptions session) {
  session.exact = options.exact;
  session.custom_ops = CustomOps();
  session.num_threads = options.threads;
  EDGEML_ASSIGN_OR_RETURN(session.memory_cap_bytes, options.MemoryCap());
  return Session::Create(model, session);
}

std::vector<double> RealValues(const TensorInfo& info, const TensorRef& tensor) {
  const std::optional<data::Array> array = Copy(tensor);
  if (!array) return {};
  std::vector<double> values = data::ToDoubles(*array);
  const QuantizationInfo& q = info.quantization;
  if (IsFloat(info.dtype) || q.scales.empty() || q.scales[0] <= 0) return values;
  // Per channel: the channel of each element follows from the quantized dimension.
  size_t inner = 1;
  size_t channels = 1;
  const auto axis = static_cast<size_t>(std::max(q.quantized_dimension, 0));
  if (q.scales.size() > 1 && axis < tensor.shape.size()) {
    channels = static_cast<size_t>(tensor.shape[axis]);
    for (size_t d = axis + 1; d < tensor.shape.size(); ++d) {
      inner *= static_cast<size_t>(tensor.shape[d]);
    }
    if (channels != q.scales.size()) channels = 1;
  }
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t c = channels > 1 ? i / inner % channels : 0;
    const double zero = c < q.zero_points.size() ? q.zero_points[c] : 0;
    values[i] = (values[i] - zero) * static_cast<double>(q.scales[c]);
  }
  return values;
}

Result<std::unique_ptr<Engine>> Engine::Open(const std::string& path, const EngineOptions& options,
                                             SessionOptions session_options) {
  const Clock::time_point start = Clock::now();
  EDGEML_ASSIGN_OR_RETURN(Model model, LoadModel(path, options));
  EDGEML_ASSIGN_OR_RETURN(std::unique_ptr<Engine> engine,
                          Make(path, std::move(model), options, std::move(session_options)));
  engine->load_ms_ = MillisecondsSince(start);
  return engine;
}

Result<std::unique_ptr<Engine>> Engine::Make(const std::string& path, Model model,
                                             const EngineOptions& options,
                                             SessionOptions session_options) {
  auto session = MakeSession(model, options, std::move(session_options));
  if (!session.ok()) return Status(session.status()).WithContext(path);
  std::unique_ptr<Engine> engine(new Engine(path, std::move(model), std::move(session).value()));
  const Session& s = engine->session_;
  engine->inputs_ = Ports(engine->model_, s, s.input_indices(), true);
  engine->outputs_ = Ports(engine->model_, s, s.output_indices(), false);
  return engine;
}

data::InputSpec Engine::Spec(int input) const {
  const TensorInfo& info = inputs_[static_cast<size_t>(input)].info;
  const std::vector<int32_t>& dims =
      info.shape_signature.size() == info.shape.size() ? info.shape_signature : info.shape;
  data::InputSpec spec;
  if (dims.size() <= kMaxRank) spec.shape = Shape(dims);
  spec.type = info.dtype;
  if (!IsFloat(info.dtype) && !info.quantization.scales.empty()) {
    spec.scale = info.quantization.scales[0];
    spec.zero_point = info.quantization.zero_points.empty() ? 0 : info.quantization.zero_points[0];
  }
  return spec;
}

Status Engine::Feed(int input, const data::Example& example, data::PreprocessOptions options) {
  const auto& metadata = model_.metadata().inputs;
  if (static_cast<size_t>(input) < metadata.size()) {
    const TensorMetadata& m = metadata[static_cast<size_t>(input)];
    options.metadata = {m.mean, m.std};
  }
  EDGEML_ASSIGN_OR_RETURN(const data::Array array,
                          data::ToModelInput(example, Spec(input), options));
  const std::vector<int32_t> shape(array.shape.dims().begin(), array.shape.dims().end());
  if (session_.tensor_info(session_.input_indices()[static_cast<size_t>(input)]).shape != shape) {
    EDGEML_RETURN_IF_ERROR(session_.ResizeInput(input, shape));
  }
  EDGEML_RETURN_IF_ERROR(session_.Prepare());
  const TensorRef to = session_.input(input);
  if (to.bytes != array.bytes.size() || (to.data == nullptr && to.bytes > 0)) {
    return Error(Code::kInvalidArgument, "input '", inputs_[static_cast<size_t>(input)].name,
                 "' takes ", to.bytes, " bytes; ", example.name, " makes ", array.bytes.size());
  }
  std::memcpy(to.data, array.bytes.data(), to.bytes);
  return Status::Ok();
}

Status Engine::FeedRandom(uint32_t seed) {
  EDGEML_RETURN_IF_ERROR(session_.Prepare());
  const auto next = [&seed] {
    seed = seed * 1664525u + 1013904223u;
    return seed >> 8;
  };
  for (int i = 0; i < session_.num_inputs(); ++i) {
    const TensorRef to = session_.input(i);
    if (to.data == nullptr || to.dtype == DType::kString) continue;  // strings stay empty
    std::memset(to.data, 0, to.bytes);
    if (to.dtype == DType::kFloat32) {
      for (float& v : to.as<float>()) v = static_cast<float>(next()) * 0x1p-24f;
    } else if (to.dtype == DType::kFloat16) {
      for (uint16_t& v : to.as<uint16_t>()) {
        v = data::FloatToHalf(static_cast<float>(next()) * 0x1p-24f);
      }
    } else if (to.dtype == DType::kInt8 || to.dtype == DType::kUInt8) {
      for (uint8_t& v : to.as<uint8_t>()) v = static_cast<uint8_t>(next());
    } else if (to.dtype == DType::kInt16) {
      for (int16_t& v : to.as<int16_t>()) v = static_cast<int16_t>(next());
    }
  }
  return Status::Ok();
}

Status Engine::Run() {
  if (Interrupted()) return Error(Code::kCancelled, "interrupted");
  const CancelOnInterrupt guard(session_);
  const Clock::time_point start = Clock::now();
  EDGEML_RETURN_IF_ERROR(session_.Run());
  last_run_ms_ = MillisecondsSince(start);
  return Status::Ok();
}

Result<data::Array> Engine::Output(int i, bool dequantize) const {
  const Port& port = outputs_[static_cast<size_t>(i)];
  const TensorRef tensor = session_.output(i);
  std::optional<data::Array> array = Copy(tensor);
  if (!array || BitsOf(tensor.dtype) == 0) {
    return Error(Code::kUnsupported, "output '", port.name, "' of type ", NameOf(tensor.dtype),
                 " cannot be kept as an array");
  }
  const bool quantized = !port.info.quantization.scales.empty() && !IsFloat(tensor.dtype);
  if ((dequantize && quantized) || tensor.dtype == DType::kBFloat16) {
    const std::vector<double> values = RealValues(port.info, tensor);
    EDGEML_ASSIGN_OR_RETURN(array->bytes, data::StoreValues(values, DType::kFloat32, 0, 0));
    array->type = DType::kFloat32;
  }
  return std::move(*array);
}

std::vector<double> Engine::OutputValues(int i) const {
  return RealValues(outputs_[static_cast<size_t>(i)].info, session_.output(i));
}

}  // namespace edgeml::cli
