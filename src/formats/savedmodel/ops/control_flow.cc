// Loops and branches.
#include "src/base/strings.h"
#include "src/formats/savedmodel/op.h"
#include "src/formats/savedmodel/ops/sequences.h"

namespace edgeml::savedmodel {
namespace {

using ir::OpCode;

// Rounds in which the shapes of a loop must settle.
constexpr int kMaxRounds = 5;

void IgnoreHints(Op& op) {
  for (const char* const name :
       {"body", "cond", "else_branch", "output_shapes", "parallel_iterations", "then_branch"})
    op.attrs.Ignore(name);
}

// Dimensions in which two shapes differ are open; false when their ranks differ.
bool Widen(const Shape& other, Shape& shape) {
  if (other.rank() != shape.rank()) return false;
  for (int d = 0; d < shape.rank(); ++d)
    if (other[d] != shape[d]) shape[d] = kUnknownDim;
  return true;
}

std::vector<ir::GraphBuilder::Output> Outputs(const Op& op, std::span<const DType> types,
                                              std::span<const Shape> shapes) {
  std::vector<ir::GraphBuilder::Output> out;
  for (size_t i = 0; i < types.size(); ++i)
    out.push_back({types[i], i == 0 ? op.node.name : Concat(op.node.name, ":", i), shapes[i], {}});
  return out;
}

bool IsNewList(const Node& node) { return node.op == "TensorListReserve"; }

// A list that nothing was written to yet gets its elements' shape from what the loop writes.
Result<int32_t> NewList(Op& op, DType type, const Shape& shape) {
  if (!shape.known())
    return Error(Code::kUnsupported, "a loop that collects values of shape ", shape.ToString(),
                 " needs fixed shapes; convert with a fixed batch size");
  EDGEML_ASSIGN_OR_RETURN(const int32_t zero, op.Number(0, type));
  return op.Make(OpCode::kFill, {op.b.AddInts(shape.dims()), zero}, {}, type);
}

Status LowerWhile(Op& op) {
  if (op.node.graphs.size() != 2) return Error(Code::kInvalidModel, "it has no body");
  IgnoreHints(op);
  EDGEML_ASSIGN_OR_RETURN(const bool is_recurrence, LowerRecurrence(op));
  if (is_recurrence) return op.attrs.Finish();
  std::vector<InputSpec> specs;
  for (const int32_t value : op.in) specs.push_back({op.b.type(value), op.b.shape(value)});
  const int32_t count = op.graphs.count();
  LoweredGraph body;
  bool settled = false;
  for (int round = 0; round < kMaxRounds && !settled; ++round) {
    op.graphs.Drop(count);
    EDGEML_ASSIGN_OR_RETURN(body, op.graphs.Lower(op.node.graphs[1], specs));
    if (body.shapes.size() != specs.size())
      return Error(Code::kInvalidModel, "its body has ", body.shapes.size(), " results for ",
                   specs.size(), " inputs");
    settled = true;
    for (size_t i = 0; i < specs.size(); ++i) {
      if (body.types[i] != specs[i].type)
        return Error(Code::kInvalidModel, "its body changes the type of input ", i);
      if (body.shapes[i] == specs[i].shape) continue;
      settled = false;
      if (IsNewList(op.Producer(op.node.inputs[i]))) {
        specs[i].shape = body.shapes[i];
      } else if (!Widen(body.shapes[i], specs[i].shape)) {
        return Error(Code::kUnsupported, "its body changes the rank of input ", i);
      }
    }
  }
  if (!settled) return Error(Code::kUnsupported, "the shapes in its body do not settle");
  EDGEML_ASSIGN_OR_RETURN(const LoweredGraph cond, op.graphs.Lower(op.node.graphs[0], specs));
  if (cond.types.size() != 1 || cond.types[0] != DType::kBool || cond.shapes[0].rank() != 0)
    return Error(Code::kUnsupported, "its condition is no single truth value");
  std::vector<int32_t> inputs = op.in;
  std::vector<DType> types;
  std::vector<Shape> shapes;
  for (size_t i = 0; i < inputs.size(); ++i) {
    types.push_back(specs[i].type);
    shapes.push_back(specs[i].shape);
    if (IsNewList(op.Producer(op.node.inputs[i])) && op.b.shape(inputs[i]) != specs[i].shape) {
      EDGEML_ASSIGN_OR_RETURN(inputs[i], NewList(op, specs[i].type, specs[i].shape));
    }
  }
  EDGEML_ASSIGN_OR_RETURN(
      std::vector<int32_t> made,
      op.b.Add(OpCode::kWhile, std::move(inputs), ir::WhileAttrs{cond.number, body.number},
               Outputs(op, types, shapes)));
  return op.ReturnAll(std::move(made));
}

Status LowerIf(Op& op) {
  if (op.node.graphs.size() != 2 || op.in.empty())
    return Error(Code::kInvalidModel, "it has no branches");
  IgnoreHints(op);
  if (op.type(0) != DType::kBool || op.rank(0) != 0)
    return Error(Code::kUnsupported, "a condition that is no single truth value is not supported");
  std::vector<InputSpec> specs;
  for (size_t i = 1; i < op.in.size(); ++i) specs.push_back({op.type(i), op.shape(i)});
  EDGEML_ASSIGN_OR_RETURN(LoweredGraph then, op.graphs.Lower(op.node.graphs[0], specs));
  EDGEML_ASSIGN_OR_RETURN(const LoweredGraph other, op.graphs.Lower(op.node.graphs[1], specs));
  for (size_t i = 0; i < then.shapes.size(); ++i)
    if (then.types[i] != other.types[i] || !Widen(other.shapes[i], then.shapes[i]))
      return Error(Code::kUnsupported, "its branches give results of different type or rank");
  EDGEML_ASSIGN_OR_RETURN(std::vector<int32_t> made,
                          op.b.Add(OpCode::kIf, op.in, ir::IfAttrs{then.number, other.number},
                                   Outputs(op, then.types, then.shapes)));
  return op.ReturnAll(std::move(made));
}

// Graph `branch` of a CASE, called with the number of the branch in front.
Result<LoweredGraph> LowerBranch(Op& op, size_t branch, std::span<const InputSpec> specs) {
  EDGEML_ASSIGN_OR_RETURN(LoweredGraph made,
                          op.graphs.Lower(op.node.graphs[branch], specs.subspan(1)));
  op.graphs.AddUnusedInput(made.number, specs[0].type, specs[0].shape);
  return made;
}

// IF inputs[0] == branch: that branch, else: the next ones, in a graph of their own. The last
// branch is for numbers out of range too.
Result<std::vector<int32_t>> EmitCase(Op& op, ir::GraphBuilder& b, size_t branch,
                                      std::vector<int32_t> inputs) {
  std::vector<InputSpec> specs;
  for (const int32_t value : inputs) specs.push_back({b.type(value), b.shape(value)});
  EDGEML_ASSIGN_OR_RETURN(LoweredGraph chosen, LowerBranch(op, branch, specs));
  LoweredGraph other;
  if (branch + 2 == op.node.graphs.size()) {
    EDGEML_ASSIGN_OR_RETURN(other, LowerBranch(op, branch + 1, specs));
  } else {
    ir::GraphBuilder inner(Concat(op.node.name, "/case_", branch + 1), b.evaluator());
    std::vector<int32_t> passed;
    for (const InputSpec& spec : specs)
      passed.push_back(inner.AddInput(Concat("input_", passed.size()), spec.type, spec.shape));
    EDGEML_ASSIGN_OR_RETURN(std::vector<int32_t> made,
                            EmitCase(op, inner, branch + 1, std::move(passed)));
    for (const int32_t value : made) {
      other.types.push_back(inner.type(value));
      other.shapes.push_back(inner.shape(value));
    }
    other.number = op.graphs.Add(inner.Finish(std::move(made)));
  }
  if (chosen.types.size() != other.types.size())
    return Error(Code::kInvalidModel, "its branches give different numbers of results");
  for (size_t i = 0; i < chosen.shapes.size(); ++i)
    if (chosen.types[i] != other.types[i] || !Widen(other.shapes[i], chosen.shapes[i]))
      return Error(Code::kUnsupported, "its branches give results of different type or rank");
  EDGEML_ASSIGN_OR_RETURN(const int32_t condition,
                          b.Add(OpCode::kEqual, {inputs[0], b.AddInt(static_cast<int32_t>(branch))},
                                {}, Concat(op.node.name, "/is_", branch), DType::kBool));
  inputs.insert(inputs.begin(), condition);
  return b.Add(OpCode::kIf, std::move(inputs), ir::IfAttrs{chosen.number, other.number},
               Outputs(op, chosen.types, chosen.shapes));
}

Status LowerCase(Op& op) {
  constexpr size_t kMostBranches = 30;  // the runtime lets graphs call each other 32 deep
  const size_t branches = op.node.graphs.size();
  if (op.in.empty() || branches < 2 || op.type(0) != DType::kInt32 || op.rank(0) != 0)
    return Error(Code::kInvalidModel, "it has ", branches, " branches, or no number of one");
  if (branches > kMostBranches)
    return Error(Code::kUnsupported, "more than ", kMostBranches, " branches are not supported");
  op.attrs.Ignore("branches");
  IgnoreHints(op);
  EDGEML_ASSIGN_OR_RETURN(std::vector<int32_t> made, EmitCase(op, op.b, 0, op.in));
  return op.ReturnAll(std::move(made));
}

constexpr OpEntry kOps[] = {
    {"Case", LowerCase},
    {"If", LowerIf},
    {"StatelessCase", LowerCase},
    {"StatelessIf", LowerIf},
    {"StatelessWhile", LowerWhile},
    {"While", LowerWhile},
};

}  // namespace

std::span<const OpEntry> ControlFlowOps() { return kOps; }

}  // namespace edgeml::savedmodel
