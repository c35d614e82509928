#include "src/cli/inspection.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "src/api/model_impl.h"
#include "src/base/cpu_features.h"
#include "src/base/strings.h"
#include "src/cli/engine.h"
#include "src/cli/tensor_statistics.h"

namespace edgeml::cli {
namespace {

// Graphs beyond this many are listed as the file states them: preparing each costs time, and a
// file may hold any number.
constexpr int kMostPreparedGraphs = 64;
// Constants up to this many elements are listed in full.
constexpr int64_t kSmallConstant = 32;

// The double of fewest digits that is still this float: 0.1 rather than 0.10000000149011612.
double Shortest(float value) {
  char text[32];
  const auto [end, error] = std::to_chars(text, text + sizeof(text), value);
  double out = static_cast<double>(value);
  if (error == std::errc()) std::from_chars(text, end, out);
  return out;
}

// JSON has no infinities and no NaN: they are text.
Json ValueJson(double value, DType type) {
  if (!std::isfinite(value)) return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
  return IsFloat(type) && type != DType::kFloat64 ? Shortest(static_cast<float>(value)) : value;
}

Json QuantizationJson(const TensorInfo& t) {
  if (t.quantization.scales.empty()) return nullptr;
  Json scales = Json::array();
  for (const float scale : t.quantization.scales) scales.push_back(Shortest(scale));
  return {{"scales", std::move(scales)},
          {"zero_points", t.quantization.zero_points},
          {"dimension", t.quantization.quantized_dimension}};
}

Json TensorJson(const TensorInfo& t) {
  Json json = {{"index", t.index}, {"name", t.name},       {"dtype", NameOf(t.dtype)},
               {"shape", t.shape}, {"bytes", t.byte_size}, {"quantization", QuantizationJson(t)}};
  if (!t.shape_signature.empty()) json["shape_signature"] = t.shape_signature;
  if (t.is_constant) json["constant"] = true;
  if (t.is_variable) json["variable"] = true;
  if (t.sparsity != nullptr) json["sparse"] = true;
  return json;
}

Json SignaturesJson(const Model& model) {
  Json list = Json::array();
  for (const SignatureInfo& s : model.signatures()) {
    Json inputs = Json::object(), outputs = Json::object();
    for (const auto& [name, tensor] : s.inputs) inputs[name] = tensor;
    for (const auto& [name, tensor] : s.outputs) outputs[name] = tensor;
    list.push_back({{"key", s.key},
                    {"subgraph", s.subgraph},
                    {"inputs", std::move(inputs)},
                    {"outputs", std::move(outputs)}});
  }
  return list;
}

Json MemoryJson(const MemoryPlan& plan) {
  Json entries = Json::array();
  for (const MemoryPlan::Entry& e : plan.entries) {
    entries.push_back({{"tensor", e.tensor},
                       {"offset", e.offset},
                       {"bytes", e.bytes},
                       {"first", e.first},
                       {"last", e.last},
                       {"shares_memory", e.shares_memory}});
  }
  return {{"arena_bytes", plan.arena_bytes},
          {"arena_bound_bytes", plan.lower_bound_bytes},
          {"persistent_bytes", plan.persistent_bytes},
          {"plan", std::move(entries)}};
}

Json NodesJson(const GraphInspection& in) {
  const std::vector<NodeProfile> profile =
      in.session ? in.session->profile() : std::vector<NodeProfile>();
  Json nodes = Json::array();
  for (size_t i = 0; i < in.nodes.size(); ++i) {
    const NodeInfo& n = in.nodes[i];
    Json shapes = Json::array(), values = Json::object();
    for (const int32_t t : n.outputs) {
      shapes.push_back(t < 0 ? Json(nullptr) : Json(in.Tensor(t).shape));
    }
    for (const auto& [name, value] : n.attribute_values) values[name] = value;
    Json node = {{"index", n.index},
                 {"op", n.op},
                 {"version", n.version},
                 {"custom", n.is_custom},
                 {"attributes", n.attributes},
                 {"attribute_values", std::move(values)},
                 {"inputs", n.inputs},
                 {"outputs", n.outputs},
                 {"output_shapes", std::move(shapes)},
                 {"parameters", Parameters(in.model, in.subgraph, n)},
                 {"macs", n.macs}};
    if (i < profile.size()) {
      node["kernel"] = profile[i].kernel;
      node["declined"] = profile[i].declined;
      node["error_bound"] = profile[i].error_bound;
    }
    nodes.push_back(std::move(node));
  }
  return nodes;
}

// What every graph has; `json` may hold more.
void AddGraph(const GraphInspection& in, Json& json) {
  json["subgraph"] = in.subgraph;
  json["name"] = in.model.subgraph_name(in.subgraph);
  json["problem"] = in.session ? Json(nullptr) : Json(std::string(in.why_no_session.message()));
  json["macs"] = in.session ? Json(in.TotalMacs()) : Json(nullptr);
  for (const auto& [key, indices] : {std::pair{"inputs", in.model.inputs(in.subgraph)},
                                     std::pair{"outputs", in.model.outputs(in.subgraph)}}) {
    Json ports = Json::array();
    for (const int32_t i : indices) ports.push_back(TensorJson(in.Tensor(i)));
    json[key] = std::move(ports);
  }
  Json ops = Json::array();
  for (const auto& [op, sum] : in.OpSums()) {
    ops.push_back({{"op", op}, {"count", sum.count}, {"macs", sum.macs}});
  }
  json["ops"] = std::move(ops);
  json["nodes"] = NodesJson(in);
  Json tensors = Json::array();
  for (int t = 0; t < in.model.num_tensors(in.subgraph); ++t) {
    tensors.push_back(TensorJson(in.Tensor(t)));
  }
  json["tensors"] = std::move(tensors);
  if (in.session) json.update(MemoryJson(in.session->memory_plan()));
}

Json OtherGraphJson(const GraphInspection& main, int subgraph) {
  GraphInspection in{main.model, subgraph, std::nullopt, Status::Ok(), {}};
  if (!main.session) {
    in.why_no_session = Error(Code::kUnsupported, "the model cannot run");
  } else if (subgraph > kMostPreparedGraphs) {
    in.why_no_session = Error(Code::kUnsupported, "only the first ", kMostPreparedGraphs + 1,
                              " graphs are prepared for inspection");
  } else if (auto session = main.session->OnSubgraph(subgraph); session.ok()) {
    in.session = std::move(session).value();
  } else {
    in.why_no_session = session.status();
  }
  in.nodes = in.session ? in.session->nodes() : in.model.nodes(subgraph);
  Json json = Json::object();
  AddGraph(in, json);
  return json;
}

}  // namespace

std::vector<std::pair<std::string, GraphInspection::OpSum>> GraphInspection::OpSums() const {
  std::map<std::string, OpSum> sums;
  for (const NodeInfo& node : nodes) {
    ++sums[node.op].count;
    sums[node.op].macs += std::max<int64_t>(node.macs, 0);
  }
  std::vector<std::pair<std::string, OpSum>> list(sums.begin(), sums.end());
  std::stable_sort(list.begin(), list.end(), [](const auto& a, const auto& b) {
    return a.second.macs != b.second.macs ? a.second.macs > b.second.macs
                                          : a.second.count > b.second.count;
  });
  return list;
}

int64_t GraphInspection::TotalMacs() const {
  int64_t macs = 0;
  for (const NodeInfo& node : nodes) macs += std::max<int64_t>(node.macs, 0);
  return macs;
}

bool IsWeight(const TensorInfo& t) {
  if (!t.is_constant || t.shape.empty()) return false;
  const bool index_type = t.dtype == DType::kInt32 || t.dtype == DType::kInt64;
  return t.dtype != DType::kString && t.dtype != DType::kBool &&
         (!index_type || !t.quantization.scales.empty());
}

int64_t Elements(const TensorInfo& t) {
  int64_t n = 1;
  for (const int32_t dim : t.shape) n *= std::max(dim, 0);
  return n;
}

int64_t Parameters(const Model& model) {
  int64_t n = 0;
  for (int g = 0; g < model.num_subgraphs(); ++g) {
    for (int t = 0; t < model.num_tensors(g); ++t) {
      const TensorInfo info = model.tensor(t, g);
      if (IsWeight(info)) n += Elements(info);
    }
  }
  return n;
}

int64_t Parameters(const Model& model, int subgraph, const NodeInfo& node) {
  int64_t n = 0;
  for (const int32_t t : node.inputs) {
    if (t < 0) continue;
    const TensorInfo info = model.tensor(t, subgraph);
    if (IsWeight(info)) n += Elements(info);
  }
  return n;
}

Json InspectionJson(const std::string& path, const GraphInspection& main, bool exact) {
  const Model& model = main.model;
  const ModelMetadata& m = model.metadata();
  Json json = {{"model", path},
               {"format", "tflite"},
               {"file_bytes", model.file_bytes()},
               {"constant_bytes", model.constant_bytes()},
               {"parameters", Parameters(model)},
               {"description", model.description()},
               {"metadata",
                {{"name", m.name},
                 {"description", m.description},
                 {"version", m.version},
                 {"author", m.author},
                 {"license", m.license},
                 {"associated_files", m.associated_files}}},
               {"signatures", SignaturesJson(model)},
               {"unsupported_ops", model.UnsupportedOps(CustomOps().get())},
               {"simd_level", NameOf(BestSimdLevel())},
               {"exact", exact},
               {"subgraphs", model.num_subgraphs()}};
  AddGraph(main, json);
  Json others = Json::array();
  for (int g = 1; g < model.num_subgraphs(); ++g) others.push_back(OtherGraphJson(main, g));
  json["other_graphs"] = std::move(others);
  return json;
}

void AddConstants(const Model& model, Json& inspection) {
  // A hostile file may name one buffer in any number of tensors.
  size_t budget = 2 * model.file_bytes() + (size_t{1} << 20);
  const auto add = [&](int subgraph, Json& tensors) {
    for (int t = 0; t < model.num_tensors(subgraph); ++t) {
      const TensorInfo info = model.tensor(t, subgraph);
      const std::span<const std::byte> bytes = model.constant(t, subgraph);
      if (bytes.empty() || bytes.size() > budget || info.sparsity != nullptr) continue;
      if (!model.impl()->CheckIntact().ok()) return;
      budget -= bytes.size();
      const std::optional<TensorStatistics> s = StatisticsOf(info, bytes);
      if (!s) continue;
      Json& tensor = tensors[static_cast<size_t>(t)];
      tensor["statistics"] = {{"min", s->min},
                              {"max", s->max},
                              {"mean", s->mean},
                              {"std", s->std},
                              {"count", s->count},
                              {"zeros", s->zeros},
                              {"not_finite", s->not_finite},
                              {"histogram", s->histogram}};
      if (s->count > kSmallConstant) continue;
      TensorRef all;
      all.dtype = info.dtype;
      all.bytes = bytes.size();
      all.shape = info.shape;
      all.data = const_cast<std::byte*>(bytes.data());  // only read
      Json values = Json::array();
      for (const double v : RealValues(info, all)) values.push_back(ValueJson(v, info.dtype));
      tensor["values"] = std::move(values);
    }
  };
  add(0, inspection["tensors"]);
  for (Json& graph : inspection["other_graphs"])
    add(graph["subgraph"].get<int>(), graph["tensors"]);
}

}  // namespace edgeml::cli
