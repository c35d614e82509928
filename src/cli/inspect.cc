// edgeml inspect
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "src/base/strings.h"
#include "src/cli/command.h"
#include "src/cli/engine.h"
#include "src/cli/inspect_html.h"
#include "src/cli/inspection.h"
#include "src/cli/output.h"

namespace edgeml::cli {
namespace {

struct Options {
  std::string model, html;
  bool plan = false;
  EngineOptions engine;
};

std::string QuantizationText(const TensorInfo& t) {
  const QuantizationInfo& q = t.quantization;
  if (q.scales.empty()) return "";
  if (q.scales.size() > 1) {
    return Concat(q.scales.size(), " scales along dimension ", q.quantized_dimension);
  }
  return Concat("scale ", Significant(q.scales[0]), ", zero point ",
                q.zero_points.empty() ? 0 : q.zero_points[0]);
}

void PrintPorts(const GraphInspection& in, const char* heading, std::span<const int32_t> indices) {
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

void PrintNodes(const GraphInspection& in, std::span<const NodeInfo> nodes, int subgraph) {
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
    const int64_t parameters = Parameters(in.model, subgraph, n);
    table.Add({std::to_string(n.index), n.op, shape, type,
               parameters > 0 ? Grouped(parameters) : "", n.macs > 0 ? Grouped(n.macs) : "",
               n.attributes});
  }
  table.Print(2, 80);
}

void PrintMemory(const GraphInspection& in, bool with_plan) {
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

void PrintText(const Options& options, const GraphInspection& in) {
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
  if (in.session) about.Add({"MACs", Grouped(in.TotalMacs())});
  about.Print(2, 110);
  PrintPorts(in, "Inputs", model.inputs());
  PrintPorts(in, "Outputs", model.outputs());
  std::printf("\nOperators\n");
  Table ops({"op", ">count", ">MACs"});
  for (const auto& [op, sum] : in.OpSums()) {
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
  GraphInspection in{model, 0, std::nullopt, Status::Ok(), {}};
  auto session = MakeSession(model, options.engine);
  if (session.ok()) {
    in.session = std::move(session).value();
    in.nodes = in.session->nodes();
  } else {
    in.why_no_session = Status(session.status()).WithContext(options.model);
    in.nodes = model.nodes();
    for (NodeInfo& node : in.nodes) node.macs = -1;
  }
  const bool html = !options.html.empty();
  Json object;
  if (json || html) object = InspectionJson(options.model, in, options.engine.exact);
  if (html) {
    Json page = object;
    AddConstants(model, page);
    EDGEML_RETURN_IF_ERROR(WriteGraphPage(options.html, page));
  }
  if (json) {
    if (html) object["html"] = options.html;
    PrintJson(object);
  } else {
    PrintText(options, in);
    if (html) std::printf("\ngraph: %s\n", Printable(options.html).c_str());
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
