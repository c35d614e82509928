// Fuzz target: descriptions of Keras models, as JSON with a file of weights: the reader, every
// layer's lowering, and the passes over what comes out. An input is the length of the JSON in four
// bytes, the JSON, and the HDF5 file; the latter has a target of its own and is left alone here.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/convert/evaluator.h"
#include "src/formats/keras/reader.h"
#include "src/passes/passes.h"
#include "tests/fuzz/check_error.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace {

using Json = nlohmann::json;

constexpr size_t kMemoryCap = 16 << 20;
constexpr size_t kMostNodes = 20000;

struct Parts {
  std::string_view json;
  std::span<const uint8_t> weights;
};

Parts Split(const uint8_t* data, size_t size) {
  uint32_t length = 0;
  if (size < sizeof length) return {};
  std::memcpy(&length, data, sizeof length);
  const size_t json = std::min<size_t>(length, size - sizeof length);
  const auto* text = reinterpret_cast<const char*>(data + sizeof length);
  return {{text, json}, {data + sizeof length + json, size - sizeof length - json}};
}

void Collect(Json& json, std::vector<Json*>& nodes, int depth = 0) {
  nodes.push_back(&json);
  if (depth < 64 && json.is_structured())
    for (Json& item : json) Collect(item, nodes, depth + 1);
}

// Changes one value to another of the same kind, to one from elsewhere, or to something else.
void Change(Json& root, std::mt19937& random) {
  std::vector<Json*> nodes;
  Collect(root, nodes);
  Json& json = *nodes[random() % nodes.size()];
  const auto elsewhere = [&] { return *nodes[random() % nodes.size()]; };
  static constexpr int64_t kNumbers[] = {0,  1,  -1,  2,     3,         5,         7,         8,
                                         64, -2, 255, 65536, INT32_MAX, INT32_MIN, INT64_MAX, 1000};
  static const char* const kTexts[] = {"same", "valid", "causal",  "channels_first", "relu",
                                       "gelu", "tanh",  "float16", "nearest",        "bilinear",
                                       "int8", "sum",   "softmax", "linear",         ""};
  switch (random() % 8) {
    case 0:
    case 1:
    case 2:
      if (json.is_number())
        json = kNumbers[random() % std::size(kNumbers)];
      else if (json.is_string())
        json = kTexts[random() % std::size(kTexts)];
      else if (json.is_boolean())
        json = !json.get<bool>();
      else
        json = elsewhere();
      break;
    case 3:
      json = elsewhere();
      break;
    case 4:
      json = nullptr;
      break;
    case 5:
      if (json.is_array() && !json.empty())
        json.erase(random() % json.size());
      else if (json.is_object() && !json.empty())
        json.erase(std::next(json.begin(), static_cast<ptrdiff_t>(random() % json.size())));
      break;
    case 6:
      if (json.is_array() && json.size() < 64) json.push_back(elsewhere());
      break;
    default:
      if (json.is_string()) {  // a name of the same file: another class, another layer
        for (int i = 0; i < 8; ++i)
          if (const Json other = elsewhere(); other.is_string()) json = other;
      } else if (json.is_number_integer()) {
        const auto value = static_cast<uint64_t>(json.get<int64_t>());
        json = static_cast<int64_t>(value + random() % 5 - 2);
      }
  }
}

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned seed) {
  std::mt19937 random(seed);
  const Parts parts = Split(data, size);
  Json json = Json::parse(parts.json, nullptr, /*allow_exceptions=*/false);
  std::string text(parts.json);
  if (json.is_discarded() || random() % 16 == 0) {
    text.resize(std::max<size_t>(text.size() * 2, 64), ' ');
    text.resize(
        LLVMFuzzerMutate(reinterpret_cast<uint8_t*>(text.data()), parts.json.size(), text.size()));
  } else {
    for (unsigned i = 0; i <= random() % 4; ++i) Change(json, random);
    text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  const std::vector<uint8_t> weights(parts.weights.begin(), parts.weights.end());
  const auto length = static_cast<uint32_t>(text.size());
  if (sizeof length + text.size() + weights.size() > max_size) return size;
  std::memcpy(data, &length, sizeof length);
  std::memcpy(data + sizeof length, text.data(), text.size());
  if (!weights.empty())
    std::memcpy(data + sizeof length + text.size(), weights.data(), weights.size());
  return sizeof length + text.size() + weights.size();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace edgeml;
  const Parts parts = Split(data, size);
  static convert::ReferenceEvaluator& evaluator = *new convert::ReferenceEvaluator(kMemoryCap);
  keras::ReadOptions options;
  options.evaluator = &evaluator;
  options.batch = 1;
  keras::ReadReport report;
  const auto owner =
      std::make_shared<std::vector<uint8_t>>(parts.weights.begin(), parts.weights.end());
  auto module =
      keras::ReadKerasJson(parts.json, owner, std::as_bytes(std::span(*owner)), options, &report);
  if (!module.ok()) return fuzz::CheckError(module.status()), 0;
  if (module->graphs[0].nodes.size() > kMostNodes) return 0;
  const auto rewritten = passes::RunPasses(*module, {}, &evaluator);
  if (!rewritten.ok()) fuzz::CheckError(rewritten.status());
  return 0;
}
