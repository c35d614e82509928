#include "src/compress/quantize/blocks.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "src/base/strings.h"
#include "src/compress/quantize/layers.h"
#include "src/passes/matching.h"

namespace edgeml::quantize {
namespace {

using ir::OpCode;

size_t Index(int64_t i) { return static_cast<size_t>(i); }

// Where values come from and where they are last read, as positions of nodes.
class Lifetimes {
 public:
  explicit Lifetimes(const ir::Graph& graph) : graph_(graph) {
    born_.assign(graph.values.size(), kNever);
    last_use_.assign(graph.values.size(), 0);
    for (const int32_t v : graph.inputs) born_[Index(v)] = 0;
    for (size_t n = 0; n < graph.nodes.size(); ++n) {
      for (const int32_t v : graph.nodes[n].inputs)
        if (v != ir::kNoValue) last_use_[Index(v)] = n + 1;
      // A node at position n makes its values for positions from n + 1 on.
      for (const int32_t v : graph.nodes[n].outputs)
        if (v != ir::kNoValue) born_[Index(v)] = n + 1;
    }
  }

  // What nodes from `position` on read of what is there before.
  std::vector<int32_t> Crossing(size_t position) const {
    std::vector<int32_t> crossing;
    for (size_t v = 0; v < born_.size(); ++v)
      if (born_[v] <= position && last_use_[v] > position)
        crossing.push_back(static_cast<int32_t>(v));
    return crossing;
  }
  // Positions where one float value alone crosses, with the first and the last of all.
  std::vector<size_t> Cuts() const {
    const size_t end = graph_.nodes.size();
    std::vector<int64_t> change(end + 2, 0);
    std::vector<size_t> cuts = {0};
    for (size_t v = 0; v < born_.size(); ++v) {
      if (born_[v] == kNever || last_use_[v] <= born_[v]) continue;
      ++change[born_[v]];
      --change[last_use_[v]];
    }
    int64_t alive = 0;
    for (size_t position = 0; position < end; ++position) {
      alive += change[position];
      if (position == 0 || alive != 1) continue;
      const ir::Value& value = graph_.values[Index(Crossing(position)[0])];
      if (value.type == DType::kFloat32) cuts.push_back(position);
    }
    cuts.push_back(end);
    return cuts;
  }
  bool IsBornWithin(int32_t v, size_t first, size_t last) const {
    return born_[Index(v)] != kNever && born_[Index(v)] > first && born_[Index(v)] <= last;
  }

 private:
  static constexpr size_t kNever = static_cast<size_t>(-1);
  const ir::Graph& graph_;
  std::vector<size_t> born_, last_use_;
};

}  // namespace

std::vector<Block> CutBlocks(const ir::Graph& graph, std::span<const int32_t> layers, size_t most) {
  std::vector<Block> blocks;
  if (layers.empty()) return blocks;
  const Lifetimes lifetimes(graph);
  const std::vector<size_t> cuts = lifetimes.Cuts();
  size_t next_layer = 0;
  for (size_t c = 0; c + 1 < cuts.size() && next_layer < layers.size(); ++c) {
    Block piece;
    piece.first = cuts[c];
    piece.last = cuts[c + 1];
    for (; next_layer < layers.size() && Index(layers[next_layer]) < piece.last; ++next_layer)
      piece.layers.push_back(layers[next_layer]);
    // What has no layers belongs to what is in front of it.
    const bool joins = !blocks.empty() && (piece.layers.empty() ||
                                           (blocks.back().layers.size() == 1 &&
                                            1 + piece.layers.size() <= std::max<size_t>(most, 1)));
    if (!joins) {
      blocks.push_back(std::move(piece));
      continue;
    }
    blocks.back().last = piece.last;
    blocks.back().layers.insert(blocks.back().layers.end(), piece.layers.begin(),
                                piece.layers.end());
  }
  // A layer that is left alone at the end.
  if (const size_t count = blocks.size(); count > 1 && blocks[count - 1].layers.size() == 1) {
    Block& before = blocks[count - 2];
    if (!before.layers.empty() && before.layers.size() + 1 <= most) {
      before.last = blocks.back().last;
      before.layers.push_back(blocks.back().layers[0]);
      blocks.pop_back();
    }
  }
  for (Block& block : blocks) {
    block.inputs = block.first == 0 ? graph.inputs : lifetimes.Crossing(block.first);
    block.outputs = lifetimes.Crossing(block.last);
    for (const int32_t v : graph.outputs)
      if (lifetimes.IsBornWithin(v, block.first, block.last) &&
          std::ranges::find(block.outputs, v) == block.outputs.end())
        block.outputs.push_back(v);
  }
  return blocks;
}

Result<ir::Module> ModuleBetween(const ir::Module& module, std::span<const int32_t> inputs,
                                 std::span<const int32_t> outputs) {
  const ir::Graph& whole = module.graphs[0];
  std::vector<bool> given(whole.values.size()), needed(whole.values.size());
  for (const int32_t v : inputs) given[Index(v)] = true;
  for (const int32_t v : outputs) needed[Index(v)] = true;
  std::vector<bool> kept(whole.nodes.size());
  std::vector<bool> made(whole.values.size());
  for (size_t n = whole.nodes.size(); n-- > 0;) {
    const ir::Node& node = whole.nodes[n];
    kept[n] = std::ranges::any_of(node.outputs, [&](int32_t v) {
      return v != ir::kNoValue && needed[Index(v)] && !given[Index(v)];
    });
    if (!kept[n]) continue;
    for (const int32_t v : node.outputs)
      if (v != ir::kNoValue) made[Index(v)] = true;
    for (const int32_t v : node.inputs)
      if (v != ir::kNoValue) needed[Index(v)] = true;
  }
  for (const int32_t v : whole.inputs)
    if (needed[Index(v)] && !given[Index(v)])
      return Error(Code::kInvalidArgument, "the part of the graph needs the input \"",
                   whole.values[Index(v)].name, "\" too");
  for (const int32_t v : inputs)
    if (made[Index(v)])
      return Error(Code::kInvalidArgument, "\"", whole.values[Index(v)].name,
                   "\" comes from a node that makes other values too");
  ir::Module part;
  part.graphs = module.graphs;
  ir::Graph& graph = part.graphs[0];
  graph.nodes.clear();
  for (size_t n = 0; n < kept.size(); ++n)
    if (kept[n]) graph.nodes.push_back(whole.nodes[n]);
  graph.inputs.assign(inputs.begin(), inputs.end());
  graph.outputs.assign(outputs.begin(), outputs.end());
  EDGEML_RETURN_IF_ERROR(ir::Verify(part));
  return part;
}

namespace {

// Whether the operator makes no numbers that its inputs do not hold.
bool OnlyMoves(OpCode op) {
  switch (op) {
    case OpCode::kConcatenation:
    case OpCode::kMaxPool2D:
    case OpCode::kPad:
    case OpCode::kReshape:
    case OpCode::kSlice:
    case OpCode::kSplit:
    case OpCode::kSqueeze:
    case OpCode::kStridedSlice:
    case OpCode::kTranspose:
      return true;
    default:
      return false;
  }
}

// The numbers that int8 or int16 activations with these parameters can be.
ir::FakeQuantAttrs FakeQuantOf(const Affine& affine, DType type) {
  ir::FakeQuantAttrs attributes;
  attributes.num_bits = type == DType::kInt16 ? 16 : 8;
  const int32_t half = 1 << (attributes.num_bits - 1);
  attributes.min = static_cast<float>(-half - affine.zero_point) * affine.scale;
  attributes.max = static_cast<float>(half - 1 - affine.zero_point) * affine.scale;
  return attributes;
}

class Simulator {
 public:
  Simulator(const ir::Graph& graph, const Block& block, const IntegerPlan& plan)
      : whole_(graph), block_(block), plan_(plan) {
    own_.resize(graph.values.size());
    for (size_t n = 0; n < plan.nodes.size(); ++n)
      for (size_t i = 0; i < plan.nodes[n].outputs.size(); ++i)
        if (plan.nodes[n].outputs[i])
          own_[Index(graph.nodes[n].outputs[i])] = plan.nodes[n].outputs[i];
  }

  Result<SimulatedBlock> Run() {
    ir::Graph& graph = out_.graph;
    graph.name = "block";
    graph.values = whole_.values;
    graph.inputs = block_.inputs;
    graph.outputs = block_.outputs;
    // What comes from in front of the block is rounded already.
    on_grid_.insert(block_.inputs.begin(), block_.inputs.end());
    for (size_t n = block_.first; n < block_.last; ++n) AddNode(n);
    ir::Module module;
    module.graphs.push_back(graph);
    EDGEML_RETURN_IF_ERROR(ir::Verify(module));
    return std::move(out_);
  }

 private:
  const IntegerPlan::Node* PlanOf(size_t n) const {
    return n < plan_.nodes.size() && plan_.nodes[n].quantized ? &plan_.nodes[n] : nullptr;
  }

  void AddNode(size_t n) {
    ir::Node node = whole_.nodes[n];
    const IntegerPlan::Node* const plan = PlanOf(n);
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const int32_t v = node.inputs[i];
      if (v == ir::kNoValue) continue;
      int32_t read = v;
      if (own_[Index(v)] && !on_grid_.contains(v)) read = Rounded(v, *own_[Index(v)]);
      if (plan != nullptr && i < plan->inputs.size() && plan->inputs[i] &&
          plan->inputs[i] != own_[Index(v)])
        read = Rounded(read, *plan->inputs[i]);
      node.inputs[i] = read;
    }
    if (std::ranges::find(block_.layers, static_cast<int32_t>(n)) != block_.layers.end()) {
      SimulatedBlock::Layer layer{static_cast<int32_t>(n), Copy(node.inputs[1]), ir::kNoValue};
      node.inputs[1] = layer.weights;
      if (node.inputs.size() > 2 && node.inputs[2] != ir::kNoValue)
        node.inputs[2] = layer.bias = Copy(node.inputs[2]);
      out_.layers.push_back(layer);
    }
    if (node.op == OpCode::kReshape) OpenBatch(node);
    if (plan != nullptr && OnlyMoves(node.op))
      on_grid_.insert(node.outputs.begin(), node.outputs.end());
    out_.graph.nodes.push_back(std::move(node));
  }

  int32_t Copy(int32_t v) {
    ir::Value copy = out_.graph.values[Index(v)];
    out_.graph.values.push_back(std::move(copy));
    return static_cast<int32_t>(out_.graph.values.size()) - 1;
  }

  int32_t Rounded(int32_t v, const Affine& affine) {
    const auto [it, added] =
        rounded_.emplace(std::tuple(v, affine.scale, affine.zero_point), ir::kNoValue);
    if (!added) return it->second;
    ir::Value value = out_.graph.values[Index(v)];
    value.data = {};
    out_.graph.values.push_back(std::move(value));
    it->second = static_cast<int32_t>(out_.graph.values.size()) - 1;
    ir::Node node;
    node.op = OpCode::kFakeQuant;
    node.inputs = {v};
    node.outputs = {it->second};
    node.attributes = FakeQuantOf(affine, plan_.activations);
    out_.graph.nodes.push_back(std::move(node));
    return it->second;
  }

  // A target that names the batch takes any batch: the other sizes stay.
  void OpenBatch(ir::Node& node) {
    Shape shape = out_.graph.values[Index(node.outputs[0])].shape;
    const bool constant =
        node.inputs.size() < 2 || out_.graph.values[Index(node.inputs[1])].is_constant();
    if (!constant || shape.rank() == 0 || !shape.known() ||
        shape.num_elements(1, shape.rank()) == 0)
      return;
    shape[0] = -1;
    const std::vector<int32_t> target(shape.dims().begin(), shape.dims().end());
    node.attributes = ir::ReshapeAttrs{true, target};
    if (node.inputs.size() < 2) return;
    const auto bytes = std::as_bytes(std::span(target));
    ir::Value value;
    value.name = "target";
    value.type = DType::kInt32;
    value.shape = {static_cast<int32_t>(target.size())};
    value.data = ir::ConstantData::Own({bytes.begin(), bytes.end()});
    out_.graph.values.push_back(std::move(value));
    node.inputs[1] = static_cast<int32_t>(out_.graph.values.size()) - 1;
  }

  const ir::Graph& whole_;
  const Block& block_;
  const IntegerPlan& plan_;
  SimulatedBlock out_;
  std::vector<std::optional<Affine>> own_;  // by value: of what the quantized graph stores
  std::set<int32_t> on_grid_;               // values that need no rounding
  std::map<std::tuple<int32_t, float, int32_t>, int32_t> rounded_;
};

}  // namespace

Result<SimulatedBlock> SimulateBlock(const ir::Graph& graph, const Block& block,
                                     const IntegerPlan& plan) {
  return Simulator(graph, block, plan).Run();
}

}  // namespace edgeml::quantize
