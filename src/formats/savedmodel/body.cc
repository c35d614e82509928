#include "src/formats/savedmodel/body.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <utility>

#include "src/base/strings.h"
#include "src/formats/savedmodel/attributes.h"

namespace edgeml::savedmodel {
namespace {

constexpr std::string_view kControlFlow1[] = {"Enter",    "Exit",    "LoopCond", "NextIteration",
                                              "RefEnter", "RefExit", "RefMerge", "RefNextIteration",
                                              "RefSwitch"};

// Names of the outputs of operators that have several, none of them a list. In functions an output
// is called by name; any name of another operator means its first output or list of outputs.
struct Outputs {
  std::string_view op;
  std::array<std::string_view, 7> names;  // empty after the last
};

constexpr Outputs kMultiOutputs[] = {
    {"BlockLSTM", {"i", "cs", "f", "o", "ci", "co", "h"}},
    {"BlockLSTMV2", {"i", "cs", "f", "o", "ci", "co", "h"}},
    {"CombinedNonMaxSuppression",
     {"nmsed_boxes", "nmsed_scores", "nmsed_classes", "valid_detections"}},
    {"CudnnRNN", {"output", "output_h", "output_c", "reserve_space"}},
    {"CudnnRNNV2", {"output", "output_h", "output_c", "reserve_space", "host_reserved"}},
    {"CudnnRNNV3", {"output", "output_h", "output_c", "reserve_space", "host_reserved"}},
    {"DecodeWav", {"audio", "sample_rate"}},
    {"FractionalAvgPool", {"output", "row_pooling_sequence", "col_pooling_sequence"}},
    {"FractionalMaxPool", {"output", "row_pooling_sequence", "col_pooling_sequence"}},
    {"FusedBatchNorm", {"y", "batch_mean", "batch_variance", "reserve_space_1", "reserve_space_2"}},
    {"FusedBatchNormV2",
     {"y", "batch_mean", "batch_variance", "reserve_space_1", "reserve_space_2"}},
    {"FusedBatchNormV3",
     {"y", "batch_mean", "batch_variance", "reserve_space_1", "reserve_space_2",
      "reserve_space_3"}},
    {"GRUBlockCell", {"r", "u", "c", "h"}},
    {"ListDiff", {"out", "idx"}},
    {"LSTMBlockCell", {"i", "cs", "f", "o", "ci", "co", "h"}},
    {"LookupTableExportV2", {"keys", "values"}},
    {"Lu", {"lu", "p"}},
    {"MaxPoolWithArgmax", {"output", "argmax"}},
    {"NonMaxSuppressionV4", {"selected_indices", "valid_outputs"}},
    {"NonMaxSuppressionV5", {"selected_indices", "selected_scores", "valid_outputs"}},
    {"Qr", {"q", "r"}},
    {"QuantizeV2", {"output", "output_min", "output_max"}},
    {"SampleDistortedBoundingBoxV2", {"begin", "size", "bboxes"}},
    {"SelfAdjointEigV2", {"e", "v"}},
    {"SparseSoftmaxCrossEntropyWithLogits", {"loss", "backprop"}},
    {"SoftmaxCrossEntropyWithLogits", {"loss", "backprop"}},
    {"StatelessRandomGetKeyCounter", {"key", "counter"}},
    {"StatelessRandomGetKeyCounterAlg", {"key", "counter", "alg"}},
    {"StringSplit", {"indices", "values", "shape"}},
    {"StringSplitV2", {"indices", "values", "shape"}},
    {"Svd", {"s", "u", "v"}},
    {"TensorArrayConcatV3", {"value", "lengths"}},
    {"TensorArrayV3", {"handle", "flow"}},
    {"TensorListConcat", {"tensor", "lengths"}},
    {"TensorListConcatV2", {"tensor", "lengths"}},
    {"TensorListPopBack", {"output_handle", "tensor"}},
    {"TopK", {"values", "indices"}},
    {"TopKV2", {"values", "indices"}},
    {"Unique", {"y", "idx"}},
    {"UniqueV2", {"y", "idx"}},
    {"UniqueWithCounts", {"y", "idx", "count"}},
    {"UniqueWithCountsV2", {"y", "idx", "count"}},
};

// The number in front of which output `name` of `op` begins.
std::optional<int32_t> OutputStart(std::string_view op, std::string_view name,
                                   const FunctionFinder& functions) {
  if (const pb::FunctionDef* const callee = functions ? functions(op) : nullptr) {
    const auto& outputs = callee->signature().output_arg();
    for (int i = 0; i < outputs.size(); ++i)
      if (outputs[i].name() == name) return i;
    return std::nullopt;
  }
  for (const Outputs& row : kMultiOutputs) {
    if (row.op != op) continue;
    for (size_t i = 0; i < row.names.size(); ++i)
      if (!row.names[i].empty() && row.names[i] == name) return static_cast<int32_t>(i);
    return std::nullopt;
  }
  return 0;
}

std::optional<int32_t> OutputNumber(std::string_view text) {
  int32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0 || value >= kMaxOutputs)
    return std::nullopt;
  return value;
}

// "node", "node:1" or, in functions, "node:name:1".
struct TensorName {
  std::string_view node, output, number;
};

TensorName SplitName(std::string_view text) {
  TensorName name;
  const size_t first = text.find(':');
  name.node = text.substr(0, first);
  if (first == std::string_view::npos) return name;
  const size_t second = text.find(':', first + 1);
  if (second == std::string_view::npos) {
    name.number = text.substr(first + 1);
  } else {
    name.output = text.substr(first + 1, second - first - 1);
    name.number = text.substr(second + 1);
  }
  return name;
}

class BodyMaker {
 public:
  explicit BodyMaker(FunctionFinder functions = nullptr) : functions_(std::move(functions)) {}

  Status AddNodes(const google::protobuf::RepeatedPtrField<pb::NodeDef>& nodes) {
    body_.nodes.resize(static_cast<size_t>(nodes.size()));
    for (int i = 0; i < nodes.size(); ++i) {
      if (!by_name_.emplace(nodes[i].name(), i).second)
        return Error(Code::kInvalidModel, "two nodes are called '", nodes[i].name(), "'");
      body_.nodes[static_cast<size_t>(i)].def = &nodes[i];
    }
    return Status::Ok();
  }
  Status AddArgument(std::string_view name, int32_t number) {
    if (by_name_.contains(name) || !arguments_.emplace(name, number).second)
      return Error(Code::kInvalidModel, "argument '", name, "' shares its name");
    return Status::Ok();
  }
  // From here on the tensor is an argument.
  Status Feed(std::string_view tensor, int32_t number) {
    EDGEML_ASSIGN_OR_RETURN(const BodyInput at, Resolve(tensor));
    if (at.node != kArgument) fed_.emplace(std::pair(at.node, at.output), number);
    return Status::Ok();
  }
  Status AddResult(std::string_view tensor) {
    EDGEML_ASSIGN_OR_RETURN(const BodyInput at, Resolve(tensor));
    body_.results.push_back(at);
    if (at.node != kArgument) roots_.push_back(at.node);
    return Status::Ok();
  }
  Status AddEffect(std::string_view node) {
    const auto found = by_name_.find(SplitName(node).node);
    if (found == by_name_.end()) return Error(Code::kInvalidModel, "there is no node '", node, "'");
    roots_.push_back(found->second);
    return Status::Ok();
  }

  // After the calls above.
  Result<Body> Finish() {
    for (BodyNode& node : body_.nodes) {
      Status status = ResolveInputs(node);
      if (!status.ok())
        return std::move(status).WithContext(
            Concat("node '", node.def->name(), "' (", node.def->op(), ")"));
    }
    EDGEML_RETURN_IF_ERROR(Sort());
    return std::move(body_);
  }

 private:
  Result<BodyInput> Resolve(std::string_view text) const {
    const TensorName name = SplitName(text);
    const auto number = name.number.empty() && name.node.size() == text.size()
                            ? std::optional<int32_t>(0)
                            : OutputNumber(name.number);
    if (!number) return Error(Code::kInvalidModel, "'", text, "' is no name of a tensor");
    if (const auto argument = arguments_.find(name.node); argument != arguments_.end())
      return BodyInput{kArgument, argument->second};
    const auto found = by_name_.find(name.node);
    if (found == by_name_.end())
      return Error(Code::kInvalidModel, "there is no node '", name.node, "'");
    BodyInput at{found->second, *number};
    if (!name.output.empty()) {
      const pb::NodeDef& def = *body_.nodes[static_cast<size_t>(at.node)].def;
      const auto start = OutputStart(def.op(), name.output, functions_);
      if (!start)
        return Error(Code::kInvalidModel, "node '", name.node, "' (", def.op(), ") has no output '",
                     name.output, "'");
      at.output += *start;
    }
    const auto fed = fed_.find(std::pair(at.node, at.output));
    return fed == fed_.end() ? at : BodyInput{kArgument, fed->second};
  }

  Status ResolveInputs(BodyNode& node) const {
    for (const std::string& input : node.def->input()) {
      if (input.empty() || input[0] != '^') {
        EDGEML_ASSIGN_OR_RETURN(const BodyInput at, Resolve(input));
        node.inputs.push_back(at);
        continue;
      }
      const std::string_view name = std::string_view(input).substr(1);
      const auto found = by_name_.find(name);
      if (found != by_name_.end()) {
        node.control.push_back(found->second);
      } else if (!arguments_.contains(name)) {
        return Error(Code::kInvalidModel, "there is no node '", name, "'");
      }
    }
    return Status::Ok();
  }

  // The Identity of a Switch, which the nodes of a branch of TensorFlow 1 wait for.
  bool BeginsBranch(const BodyNode& node) const {
    return node.def->op() == "Identity" && node.inputs.size() == 1 &&
           node.inputs[0].node != kArgument &&
           body_.nodes[static_cast<size_t>(node.inputs[0].node)].def->op() == "Switch";
  }
  static bool OnlyChecks(const BodyNode& node) { return node.def->op() == "Assert"; }

  // Depth first, without recursion: a graph may be as deep as it is long.
  Status Sort() {
    enum class State : uint8_t { kNew, kOpen, kDone };
    std::vector<State> states(body_.nodes.size(), State::kNew);
    struct Visit {
      int32_t node;
      size_t next = 0;  // of the inputs, then the control inputs
    };
    std::vector<Visit> stack;
    for (const int32_t root : roots_) {
      if (states[static_cast<size_t>(root)] != State::kDone) stack.push_back({root});
      while (!stack.empty()) {
        Visit& visit = stack.back();
        const BodyNode& node = body_.nodes[static_cast<size_t>(visit.node)];
        State& state = states[static_cast<size_t>(visit.node)];
        if (visit.next == 0 && state == State::kNew) {
          state = State::kOpen;
          EDGEML_RETURN_IF_ERROR(CheckKind(*node.def));
        }
        if (visit.next == node.inputs.size() + node.control.size()) {
          state = State::kDone;
          body_.order.push_back(visit.node);
          stack.pop_back();
          continue;
        }
        const size_t i = visit.next++;
        const int32_t input =
            i < node.inputs.size() ? node.inputs[i].node : node.control[i - node.inputs.size()];
        if (input == kArgument || states[static_cast<size_t>(input)] == State::kDone) continue;
        if (OnlyChecks(body_.nodes[static_cast<size_t>(input)])) continue;
        // What a constant waits for does not change it, unless it is a branch.
        if (node.def->op() == "Const" && !BeginsBranch(body_.nodes[static_cast<size_t>(input)]))
          continue;
        if (states[static_cast<size_t>(input)] == State::kOpen)
          return Error(Code::kInvalidModel, "node '", node.def->name(), "' depends on itself");
        stack.push_back({input});
      }
    }
    return Status::Ok();
  }

  static Status CheckKind(const pb::NodeDef& def) {
    if (std::find(std::begin(kControlFlow1), std::end(kControlFlow1), def.op()) ==
        std::end(kControlFlow1))
      return Status::Ok();
    // The nodes of a loop carry the name of its frame.
    const pb::AttrValue* const frame = FindAttr(def, "frame_name");
    return Error(
        Code::kUnsupported, "node '", def.name(), "' (", def.op(), ") is ",
        frame == nullptr ? std::string("control flow") : Concat("of the loop '", frame->s(), "'"),
        " of TensorFlow 1, which is not supported; export the model with "
        "tf.compat.v1.enable_control_flow_v2()");
  }

  FunctionFinder functions_;
  Body body_;
  std::unordered_map<std::string_view, int32_t> by_name_, arguments_;
  std::map<std::pair<int32_t, int32_t>, int32_t> fed_;
  std::vector<int32_t> roots_;
};

}  // namespace

Result<Body> MakeFunctionBody(const pb::FunctionDef& function, const FunctionFinder& functions) {
  const auto make = [&]() -> Result<Body> {
    BodyMaker maker(functions);
    EDGEML_RETURN_IF_ERROR(maker.AddNodes(function.node_def()));
    const pb::OpDef& signature = function.signature();
    for (int i = 0; i < signature.input_arg_size(); ++i) {
      const pb::OpDef::Arg& arg = signature.input_arg(i);
      if (!arg.number_attr().empty() || !arg.type_list_attr().empty())
        return Error(Code::kUnsupported, "argument '", arg.name(),
                     "' is a list; such functions are not supported");
      EDGEML_RETURN_IF_ERROR(maker.AddArgument(arg.name(), i));
    }
    std::unordered_map<std::string_view, std::string_view> results;
    for (const pb::FunctionDef::Ret& ret : function.ret()) results.emplace(ret.key(), ret.value());
    for (const pb::OpDef::Arg& arg : signature.output_arg()) {
      const auto result = results.find(arg.name());
      if (result == results.end())
        return Error(Code::kInvalidModel, "nothing gives its result '", arg.name(), "'");
      EDGEML_RETURN_IF_ERROR(maker.AddResult(result->second));
    }
    for (const pb::FunctionDef::Ret& ret : function.control_ret())
      EDGEML_RETURN_IF_ERROR(maker.AddEffect(ret.value()));
    return maker.Finish();
  };
  Result<Body> body = make();
  if (body.ok()) return body;
  Status status = body.status();
  return std::move(status).WithContext(Concat("function '", function.signature().name(), "'"));
}

Result<Body> MakeGraphBody(const pb::GraphDef& graph, std::span<const std::string> fed,
                           std::span<const std::string> fetched, const FunctionFinder& functions) {
  BodyMaker maker(functions);
  EDGEML_RETURN_IF_ERROR(maker.AddNodes(graph.node()));
  for (size_t i = 0; i < fed.size(); ++i)
    EDGEML_RETURN_IF_ERROR(maker.Feed(fed[i], static_cast<int32_t>(i)));
  for (const std::string& tensor : fetched) EDGEML_RETURN_IF_ERROR(maker.AddResult(tensor));
  return maker.Finish();
}

Result<Body> MakeEffectBody(const pb::GraphDef& graph, std::string_view target,
                            const FunctionFinder& functions) {
  BodyMaker maker(functions);
  EDGEML_RETURN_IF_ERROR(maker.AddNodes(graph.node()));
  EDGEML_RETURN_IF_ERROR(maker.AddEffect(target));
  return maker.Finish();
}

}  // namespace edgeml::savedmodel
