#include "src/formats/savedmodel/lower.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "src/base/strings.h"
#include "src/formats/savedmodel/custom.h"
#include "src/formats/savedmodel/op.h"
#include "src/ir/builder.h"

namespace edgeml::savedmodel {
namespace {

constexpr size_t kMaxReported = 40;    // kinds of problems in a message
constexpr size_t kMaxProblems = 1000;  // kinds that are told apart
// Nodes lowered in all. The graphs of a loop are lowered until their shapes settle, those in them
// each time anew.
constexpr int64_t kMaxLowered = 1 << 22;
// Attributes of all custom operators: a function of a file may be inlined any number of times.
constexpr size_t kMaxOptionBytes = 64 << 20;

// What stands in the way of lowering a model, gathered to be told at once.
class Problems {
 public:
  void Add(const Node& node, const Status& status) {
    // What is unsupported may go away with other options, and a contradiction with it.
    if (list_.empty() || status.code() == Code::kUnsupported) code_ = status.code();
    for (Problem& problem : list_) {
      if (problem.op != node.op || problem.message != status.message()) continue;
      ++problem.count;
      return;
    }
    if (list_.size() < kMaxProblems) list_.push_back({node.op, node.name, status.message(), 1});
  }
  bool empty() const { return list_.empty(); }
  Status ToStatus() const {
    int64_t nodes = 0;
    std::string text;
    for (size_t i = 0; i < list_.size(); ++i) {
      const Problem& p = list_[i];
      nodes += p.count;
      if (i >= kMaxReported) continue;
      text += Concat(i == 0 ? "" : "; ", p.op, " (", p.count, p.count == 1 ? " node" : " nodes",
                     p.count == 1 ? ", '" : ", first '", p.node, "'): ", p.message);
    }
    if (list_.size() > kMaxReported) text += Concat("; and ", list_.size() - kMaxReported, " more");
    return Error(code_, nodes, nodes == 1 ? " node" : " nodes", " cannot be converted: ", text);
  }

 private:
  struct Problem {
    std::string op, node, message;
    int64_t count = 0;
  };
  Code code_ = Code::kUnsupported;
  std::vector<Problem> list_;
};

Status Missing(const Node& node) {
  if (node.op.starts_with("LookupTable") || node.op.find("HashTable") != std::string::npos)
    return Error(Code::kUnsupported,
                 "lookup tables that change are not supported; look up outside of the model");
  return Error(Code::kUnsupported,
               "there is no such operator here; write the model without it, cut it off with other "
               "inputs or outputs, or make it a custom operator with --allow-custom");
}

// LiteRT has no version 1 of this operator.
constexpr int32_t kBroadcastToVersion = 2;

// Leaves out nodes that nothing needs. Values stay.
void DropDeadNodes(ir::Graph& graph) {
  std::vector<bool> live(graph.values.size(), false);
  const auto mark = [&live](const std::vector<int32_t>& values) {
    for (const int32_t v : values)
      if (v != ir::kNoValue) live[static_cast<size_t>(v)] = true;
  };
  mark(graph.outputs);
  std::vector<ir::Node> kept;
  for (size_t i = graph.nodes.size(); i-- > 0;) {
    ir::Node& node = graph.nodes[i];
    // What has no result is there for its effect.
    if (!node.outputs.empty() &&
        std::none_of(node.outputs.begin(), node.outputs.end(),
                     [&live](int32_t v) { return live[static_cast<size_t>(v)]; }))
      continue;
    mark(node.inputs);
    if (node.op == ir::OpCode::kBroadcastTo) node.version = kBroadcastToVersion;
    kept.push_back(std::move(node));
  }
  std::reverse(kept.begin(), kept.end());
  graph.nodes = std::move(kept);
}

class Lowering : public GraphLowerer {
 public:
  Lowering(const Model& model, ir::Evaluator* evaluator) : model_(model), evaluator_(evaluator) {}

  Result<ir::Module> Run(const LowerOptions& options) {
    allow_custom_ = options.allow_custom;
    EDGEML_ASSIGN_OR_RETURN(const std::vector<InputSpec> specs, InputSpecs(options));
    // Unknown operators first: they are known without lowering anything.
    for (const Graph& graph : model_.graphs)
      for (const Node& node : graph.nodes)
        if (node.op != kInputOp && node.op != kConstOp && HandlerOf(node) == nullptr)
          problems_.Add(node, Missing(node));
    module_.graphs.resize(1);
    ir::GraphBuilder builder("main", evaluator_);
    std::vector<int32_t> inputs, outputs;
    const Graph& graph = model_.graphs[0];
    const bool whole = LowerNodes(graph, specs, builder, inputs, outputs);
    if (!problems_.empty()) return problems_.ToStatus();
    if (!whole) return Error(Code::kInternal, "a node was left out without a reason");
    ir::Signature signature;
    signature.key = model_.signature.empty() ? "serving_default" : model_.signature;
    for (size_t i = 0; i < inputs.size(); ++i)
      signature.inputs.emplace_back(graph.inputs[i].spec.name, inputs[i]);
    for (size_t i = 0; i < outputs.size(); ++i)
      signature.outputs.emplace_back(graph.outputs[i].spec.name, outputs[i]);
    module_.signatures.push_back(std::move(signature));
    module_.graphs[0] = builder.Finish(std::move(outputs));
    for (ir::Graph& made : module_.graphs) DropDeadNodes(made);
    EDGEML_RETURN_IF_ERROR(ir::Verify(module_));
    return std::move(module_);
  }

  Result<LoweredGraph> Lower(int32_t graph, std::span<const InputSpec> inputs) override {
    const Graph& from = model_.graphs[static_cast<size_t>(graph)];
    if (inputs.size() != from.inputs.size())
      return Error(Code::kInvalidModel, "graph '", from.name, "' takes ", from.inputs.size(),
                   " inputs, not ", inputs.size());
    lowered_ += static_cast<int64_t>(from.nodes.size()) + 1;
    if (lowered_ > kMaxLowered)
      return Error(Code::kUnsupported, "its loops come to more than ", kMaxLowered, " nodes");
    ir::GraphBuilder builder(from.name, evaluator_);
    std::vector<int32_t> in, out;
    if (!LowerNodes(from, inputs, builder, in, out))
      return Error(Code::kUnsupported, "graph '", from.name, "' cannot be converted");
    LoweredGraph made;
    for (const int32_t value : out) {
      made.types.push_back(builder.type(value));
      made.shapes.push_back(builder.shape(value));
    }
    made.number = count();
    module_.graphs.push_back(builder.Finish(std::move(out)));
    return made;
  }
  void Drop(int32_t count) override { module_.graphs.resize(static_cast<size_t>(count)); }
  int32_t count() const override { return static_cast<int32_t>(module_.graphs.size()); }
  int32_t Add(ir::Graph graph) override {
    module_.graphs.push_back(std::move(graph));
    return count() - 1;
  }
  void AddUnusedInput(int32_t graph, DType type, const Shape& shape) override {
    ir::Graph& of = module_.graphs[static_cast<size_t>(graph)];
    of.inputs.insert(of.inputs.begin(), static_cast<int32_t>(of.values.size()));
    ir::Value& value = of.values.emplace_back();
    value.name = Concat(of.name, "/unused");
    value.type = type;
    value.shape = shape;
  }
  const Graph& Of(int32_t graph) const override {
    return model_.graphs[static_cast<size_t>(graph)];
  }
  const pb::OpDef* DefinitionOf(std::string_view op) const override {
    const auto found = model_.ops.find(op);
    return found == model_.ops.end() ? nullptr : found->second;
  }
  const LookupTable* TableOf(const std::string& node) const override {
    const auto found = model_.tables.find(node);
    return found == model_.tables.end() ? nullptr : &found->second;
  }
  Status ChargeOptions(size_t bytes) override {
    option_bytes_ += bytes;
    if (option_bytes_ <= kMaxOptionBytes) return Status::Ok();
    return Error(Code::kUnsupported, "the attributes of custom operators take more than ",
                 HumanBytes(kMaxOptionBytes));
  }
  void Note(std::string_view note) override {
    if (std::find(notes_.begin(), notes_.end(), note) == notes_.end()) notes_.emplace_back(note);
  }
  std::vector<std::string> TakeNotes() { return std::move(notes_); }

 private:
  Handler HandlerOf(const Node& node) const {
    const Handler found = FindHandler(node.op);
    return found != nullptr || !allow_custom_ ? found : LowerCustom;
  }

  Result<std::vector<InputSpec>> InputSpecs(const LowerOptions& options) const {
    std::vector<InputSpec> specs;
    size_t given = 0;
    for (const Graph::Input& input : model_.graphs[0].inputs) {
      const TensorSpec& stated = input.spec;
      InputSpec spec{stated.type, stated.shape};
      const auto chosen = options.input_shapes.find(stated.name);
      if (chosen != options.input_shapes.end()) {
        spec.shape = chosen->second;
        ++given;
      } else if (!stated.has_rank) {
        return Error(Code::kInvalidArgument, "the shape of input '", stated.name,
                     "' is not known; give it");
      }
      if (spec.type == DType::kInvalid)
        return Error(Code::kUnsupported, "the type of input '", stated.name,
                     "' is not known or not supported");
      if (options.batch > 0 && spec.shape.rank() > 0 && spec.shape[0] == kUnknownDim)
        spec.shape[0] = options.batch;
      specs.push_back(spec);
    }
    if (given == options.input_shapes.size()) return specs;
    std::string names;
    for (const Graph::Input& input : model_.graphs[0].inputs)
      names += Concat(names.empty() ? "'" : ", '", input.spec.name, "'");
    return Error(Code::kInvalidArgument,
                 "a shape is given for an input that does not exist; the "
                 "inputs are ",
                 names);
  }

  // False when something went wrong, which is among the problems then.
  bool LowerNodes(const Graph& graph, std::span<const InputSpec> specs, ir::GraphBuilder& builder,
                  std::vector<int32_t>& inputs, std::vector<int32_t>& outputs) {
    std::vector<std::vector<int32_t>> values(graph.nodes.size());
    for (size_t i = 0; i < graph.inputs.size(); ++i) {
      const Graph::Input& input = graph.inputs[i];
      inputs.push_back(builder.AddInput(input.spec.name, specs[i].type, specs[i].shape));
      values[static_cast<size_t>(input.node)] = {inputs.back()};
    }
    bool whole = true;
    GraphState state(graph);
    const auto has = [&values](const Endpoint& at) {
      return static_cast<size_t>(at.output) < values[static_cast<size_t>(at.node)].size();
    };
    for (size_t i = 0; i < graph.nodes.size(); ++i) {
      const Node& node = graph.nodes[i];
      if (node.op == kInputOp) continue;
      if (node.op == kConstOp) {
        values[i] = {builder.AddConstant(node.name, node.constant.type, node.constant.shape,
                                         node.constant.data)};
        continue;
      }
      // What depends on a node that failed fails too, but says nothing new.
      bool ready = true;
      for (const Endpoint& input : node.inputs) {
        if (has(input)) continue;
        ready = false;
        if (!values[static_cast<size_t>(input.node)].empty())
          problems_.Add(node, Error(Code::kUnsupported, "it reads output ", input.output, " of ",
                                    graph.nodes[static_cast<size_t>(input.node)].op,
                                    ", which is not supported"));
      }
      const Handler handler = HandlerOf(node);
      if (!ready || handler == nullptr) {
        whole = false;
        continue;
      }
      Op op(builder, *this, graph, node, values, state);
      const Status status = handler(op);
      if (!status.ok()) {
        whole = false;
        problems_.Add(node, status);
        continue;
      }
      Name(node, op.out, builder);
      values[i] = std::move(op.out);
    }
    for (const Graph::Output& output : graph.outputs) {
      if (!has(output.value)) {
        if (whole)
          problems_.Add(graph.nodes[static_cast<size_t>(output.value.node)],
                        Error(Code::kUnsupported, "it has no output ", output.value.output));
        return false;
      }
      outputs.push_back(
          values[static_cast<size_t>(output.value.node)][static_cast<size_t>(output.value.output)]);
    }
    return whole;
  }

  // Values on the way to a node's result carry the node's name; the result alone shall have it.
  void Name(const Node& node, const std::vector<int32_t>& out, ir::GraphBuilder& builder) const {
    for (size_t i = 0; i < out.size(); ++i)
      if (builder.value(out[i]).name == node.name && i > 0)
        builder.Rename(out[i], Concat(node.name, ":", i));
  }

  const Model& model_;
  ir::Evaluator* evaluator_;
  ir::Module module_;
  Problems problems_;
  std::vector<std::string> notes_;
  bool allow_custom_ = false;
  int64_t lowered_ = 0;
  size_t option_bytes_ = 0;
};

}  // namespace

Result<ir::Module> Lower(const Model& model, const LowerOptions& options, ir::Evaluator* evaluator,
                         std::vector<std::string>* notes) {
  Lowering lowering(model, evaluator);
  Result<ir::Module> module = lowering.Run(options);
  if (notes != nullptr) *notes = lowering.TakeNotes();
  return module;
}

}  // namespace edgeml::savedmodel
