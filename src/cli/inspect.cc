// edgeml inspect
#include <algorithm>
#include <map>
#include <memory>
#include <optional>

#include "src/base/strings.h"
#include "src/cli/command.h"
#include "src/cli/engine.h"
#include "src/cli/inspect_html.h"
#include "src/cli/output.h"

namespace edgeml::cli {
namespace {

struct Options {
  std::string model, html;
  bool plan = false;
  EngineOptions engine;
};

// The parts of a model worth showing, gathered once for text, JSON and HTML.
struct Inspection {
  const Model& model;
  std::optional<Session> session;
  Status why_no_session;
  std::vector<NodeInfo> nodes;  // of the main graph, with MACs when there is a session

  TensorInfo Tensor(int index) const {
    return session ? session->tensor_info(index) : model.tensor(index);
  }
};

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

// Learned numbers: constants with a shape, but for index and shape vectors.
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

std::string QuantizationText(const TensorInfo& t) {
  const QuantizationInfo& q = t.quantization;
  if (q.scales.empty()) return "";
  if (q.scales.size() > 1) {
    return Concat(q.scales.size(), " scales along dimension ", q.quantized_dimension);
  }
  return Concat("scale ", Significant(q.scales[0]), ", zero point ",
                q.zero_points.empty() ? 0 : q.zero_points[0]);
}

Json QuantizationJson(const TensorInfo& t) {
  if (t.quantization.scales.empty()) return nullptr;
  return {{"scales", t.quantization.scales},
          {"zero_points", t.quantization.zero_points},
          {"dimension", t.quantization.quantized_dimension}};
}

Json TensorJson(const TensorInfo& t) {
  Json json = {{"index", t.index}, {"name", t.name},       {"dtype", NameOf(t.dtype)},
               {"shape", t.shape}, {"bytes", t.byte_size}, {"quantization", QuantizationJson(t)}};
  if (!t.shape_signature.empty()) json["shape_signature"] = t.shape_signature;
  return json;
}

struct OpSum {
  int64_t count = 0, macs = 0;
};
std::vector<std::pair<std::string, OpSum>> OpSums(const Inspection& in) {
  std::map<std::string, OpSum> sums;
  for (const NodeInfo& node : in.nodes) {
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

int64_t TotalMacs(const Inspection& in) {
  int64_t macs = 0;
  for (const NodeInfo& node : in.nodes) macs += std::max<int64_t>(node.macs, 0);
  return macs;
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

Json ToJson(const Options& options, const Inspection& in) {
  const Model& model = in.model;
  Json inputs = Json::array(), outputs = Json::array(), nodes = Json::array();
  for (const int32_t i : model.inputs()) inputs.push_back(TensorJson(in.Tensor(i)));
  for (const int32_t i : model.outputs()) outputs.push_back(TensorJson(in.Tensor(i)));
  for (const NodeInfo& n : in.nodes) {
    Json shapes = Json::array();
    for (const int32_t t : n.outputs) {
      shapes.push_back(t < 0 ? Json(nullptr) : Json(in.Tensor(t).shape));
    }
    nodes.push_back({{"index", n.index},
                     {"op", n.op},
                     {"version", n.version},
                     {"attributes", n.attributes},
                     {"inputs", n.inputs},
                     {"outputs", n.outputs},
                     {"output_shapes", std::move(shapes)},
                     {"macs", n.macs}});
  }
  Json ops = Json::array();
  for (const auto& [op, sum] : OpSums(in)) {
    ops.push_back({{"op", op}, {"count", sum.count}, {"macs", sum.macs}});
  }
  const ModelMetadata& m = model.metadata();
  Json json = {{"model", options.model},
               {"format", "tflite"},
               {"file_bytes", model.file_bytes()},
               {"constant_bytes", model.constant_bytes()},
               {"parameters", Parameters(model)},
               {"macs", in.session ? Json(TotalMacs(in)) : Json(nullptr)},
               {"description", model.description()},
               {"metadata",
                {{"name", m.name},
                 {"description", m.description},
                 {"version", m.version},
                 {"author", m.author},
                 {"license", m.license},
                 {"associated_files", m.associated_files}}},
               {"inputs", std::move(inputs)},
               {"outputs", std::move(outputs)},
               {"signatures", SignaturesJson(model)},
               {"subgraphs", model.num_subgraphs()},
               {"ops", std::move(ops)},
               {"nodes", std::move(nodes)},
               {"unsupported_ops", model.UnsupportedOps(CustomOps().get())}};
  if (in.session) json.update(MemoryJson(in.session->memory_plan()));
  return json;
}

void PrintPorts(const Inspection& in, const char* heading, std::span<const int32_t> indices) {
  std::printf("\n%s\n", heading);
  Table table({">tensor", "name", "type", "shape", "quantization"});
  for (const int32_t i : indices) {
    const TensorInfo t = in.Tensor(i);
    std::string shape = ShapeText(t.shape);
    if (!t.shape_signature.empty() && t.shape_signature != t.shape) {
      shape += Concat("  may be ", ShapeText(t.shape_signature));
    }
    table.Add(
        {std::to_string(i), t.name, std::string(NameOf(t.dtype)), shape, QuantizationText(t)});
  }
  table.Print();
}

void PrintNodes(const Inspection& in, std::span<const NodeInfo> nodes, int subgraph) {
  Table table({">#", "op", "output", "type", ">parameters", ">MACs", "attributes"});
  for (const NodeInfo& n : nodes) {
    std::string shape, type;
    if (!n.outputs.empty() && n.outputs[0] >= 0) {
      const TensorInfo t =
          subgraph == 0 ? in.Tensor(n.outputs[0]) : in.model.tensor(n.outputs[0], subgraph);
      shape = ShapeText(t.shape);
      type = NameOf(t.dtype);
      if (n.outputs.size() > 1) shape += Concat(" +", n.outputs.size() - 1);
    }
    int64_t parameters = 0;
    for (const int32_t t : n.inputs) {
      if (t < 0) continue;
      const TensorInfo info = in.model.tensor(t, subgraph);
      if (IsWeight(info)) parameters += Elements(info);
    }
    table.Add({std::to_string(n.index), n.op, shape, type,
               parameters > 0 ? Grouped(parameters) : "", n.macs > 0 ? Grouped(n.macs) : "",
               n.attributes});
  }
  table.Print(2, 80);
}

void PrintMemory(const Inspection& in, bool with_plan) {
  const MemoryPlan plan = in.session->memory_plan();
  const double over = plan.lower_bound_bytes == 0
                          ? 0
                          : 100.0 * (static_cast<double>(plan.arena_bytes) /
                                         static_cast<double>(plan.lower_bound_bytes) -
                                     1);
  std::printf("\nMemory\n");
  Table table({"", ">", ""});
  table.Add({"arena", Grouped(static_cast<int64_t>(plan.arena_bytes)),
             Concat("bytes, ", over >= 0 ? "+" : "", Fixed(over, 1), " % of the bound")});
  table.Add({"bound", Grouped(static_cast<int64_t>(plan.lower_bound_bytes)),
             "bytes: the largest sum of tensors alive at one step, without sharing"});
  if (plan.persistent_bytes > 0) {
    table.Add({"state", Grouped(static_cast<int64_t>(plan.persistent_bytes)), "bytes"});
  }
  table.Print(2, 100);
  if (!with_plan) return;
  std::printf("\nPlan (node positions between which each part is alive)\n");
  Table entries({">offset", ">bytes", ">from", ">to", "what", ""});
  std::vector<MemoryPlan::Entry> sorted = plan.entries;
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : a.offset < b.offset;
  });
  for (const MemoryPlan::Entry& e : sorted) {
    const std::string what = e.tensor < 0 ? Concat("scratch of node ", e.first)
                                          : Concat(e.tensor, " ", in.Tensor(e.tensor).name);
    entries.Add({Grouped(static_cast<int64_t>(e.offset)), Grouped(static_cast<int64_t>(e.bytes)),
                 std::to_string(e.first), std::to_string(e.last), what,
                 e.shares_memory ? "shares memory" : ""});
  }
  entries.Print();
}

void PrintText(const Options& options, const Inspection& in) {
  const Model& model = in.model;
  std::printf("%s  TFLite, %s bytes\n", Printable(options.model).c_str(),
              Grouped(static_cast<int64_t>(model.file_bytes())).c_str());
  const ModelMetadata& m = model.metadata();
  Table about({"", ""});
  for (const auto& [key, value] :
       {std::pair{"name", &m.name}, std::pair{"about", &m.description},
        std::pair{"version", &m.version}, std::pair{"author", &m.author},
        std::pair{"license", &m.license}, std::pair{"converter", &model.description()}}) {
    if (!value->empty()) about.Add({key, *value});
  }
  for (const std::string& file : m.associated_files) about.Add({"file", file});
  for (const SignatureInfo& s : model.signatures()) {
    std::string text = s.key + "(";
    for (const auto& [name, tensor] : s.inputs) text += (text.back() == '(' ? "" : ", ") + name;
    text += ") → (";
    for (const auto& [name, tensor] : s.outputs) text += (text.back() == '(' ? "" : ", ") + name;
    about.Add({"signature", text + ")"});
  }
  about.Add({"parameters", Concat(Grouped(Parameters(model)), "  (constants ",
                                  HumanBytes(model.constant_bytes()), ")")});
  if (in.session) about.Add({"MACs", Grouped(TotalMacs(in))});
  about.Print(2, 110);
  PrintPorts(in, "Inputs", model.inputs());
  PrintPorts(in, "Outputs", model.outputs());
  std::printf("\nOperators\n");
  Table ops({"op", ">count", ">MACs"});
  for (const auto& [op, sum] : OpSums(in)) {
    ops.Add({op, Grouped(sum.count), sum.macs > 0 ? Grouped(sum.macs) : ""});
  }
  ops.Print();
  std::printf("\nNodes\n");
  PrintNodes(in, in.nodes, 0);
  for (int g = 1; g < model.num_subgraphs(); ++g) {
    std::printf("\nSubgraph %d  %s\n", g, Printable(model.subgraph_name(g)).c_str());
    PrintNodes(in, model.nodes(g), g);
  }
  if (in.session) PrintMemory(in, options.plan);
}

Status Inspect(const Options& options, bool json) {
  EDGEML_ASSIGN_OR_RETURN(const Model model, LoadModel(options.model, options.engine));
  Inspection in{model, std::nullopt, Status::Ok(), {}};
  auto session = MakeSession(model, options.engine);
  if (session.ok()) {
    in.session = std::move(session).value();
    in.nodes = in.session->nodes();
  } else {
    in.why_no_session = Status(session.status()).WithContext(options.model);
    in.nodes = model.nodes();
    for (NodeInfo& node : in.nodes) node.macs = -1;
  }
  if (!options.html.empty()) {
    EDGEML_RETURN_IF_ERROR(WriteGraphPage(options.html, options.model, model,
                                          in.session ? &*in.session : nullptr, in.nodes));
  }
  if (json) {
    Json object = ToJson(options, in);
    if (!options.html.empty()) object["html"] = options.html;
    PrintJson(object);
  } else {
    PrintText(options, in);
    if (!options.html.empty()) std::printf("\ngraph: %s\n", Printable(options.html).c_str());
  }
  // What could be read is shown; that it cannot run is still an error.
  return in.why_no_session;
}

}  // namespace

Action AddInspect(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("MODEL", options->model, "Model file")->required();
  app.add_flag("--plan", options->plan, "Also where each tensor lies in the arena");
  app.add_option("--html", options->html, "Write the graph as a page for the browser");
  app.add_option("--memory-cap", options->engine.memory_cap,
                 "Most memory the model may use, e.g. 512MB");
  app.add_flag("--exact", options->engine.exact, "Plan for the reference kernels");
  return [options](bool json) { return Inspect(*options, json); };
}

}  // namespace edgeml::cli
