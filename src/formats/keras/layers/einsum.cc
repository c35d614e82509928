#include "src/formats/keras/layers/einsum.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "src/base/strings.h"

namespace edgeml::keras {
namespace {

using ir::OpCode;

constexpr size_t kMostBatchDims = 3;  // of BATCH_MATMUL in LiteRT, which takes rank 5

bool Has(std::string_view labels, char label) {
  return labels.find(label) != std::string_view::npos;
}

// Labels of a dimension that "..." stands for: below all letters.
char Elided(size_t i) { return static_cast<char>('\1' + i); }

Result<std::string> Expand(std::string_view part, size_t elided) {
  std::string out;
  const size_t dots = part.find("...");
  for (size_t i = 0; i < part.size(); ++i) {
    if (i == dots) {
      for (size_t d = 0; d < elided; ++d) out += Elided(d);
      i += 2;
      continue;
    }
    const char c = part[i];
    if (c == ' ') continue;
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!letter || Has(out, c))
      return Error(Code::kUnsupported, "the part '", part, "' of an einsum equation");
    out += c;
  }
  return out;
}

size_t CountLetters(std::string_view part) {
  return static_cast<size_t>(
      std::ranges::count_if(part, [](char c) { return c != '.' && c != ' '; }));
}

std::vector<int32_t> OrderOf(std::string_view from, std::string_view to) {
  std::vector<int32_t> order;
  for (const char label : to) order.push_back(static_cast<int32_t>(from.find(label)));
  return order;
}

// The product of the sizes of `labels` in a tensor with `of`, kUnknownDim when one is open; none
// when it is too large.
std::optional<int32_t> Product(const Shape& shape, std::string_view of, std::string_view labels) {
  int64_t product = 1;
  for (const char label : labels) {
    const int32_t size = shape[static_cast<int>(of.find(label))];
    if (size == kUnknownDim) return kUnknownDim;
    product *= size;
    if (product > INT32_MAX) return std::nullopt;
  }
  return static_cast<int32_t>(product);
}

void FailLarge(ir::Emitter& e) { e.Fail(Error(Code::kInvalidModel, "dimensions too large")); }

// One side of the product: transposed to [batch, rows, columns] in groups of labels, each group
// joined to one dimension.
int32_t Side(ir::Emitter& e, int32_t x, const std::string& labels, std::string_view batch,
             bool join_batch, std::string_view rows, std::string_view columns) {
  if (!e.ok()) return ir::kNoValue;
  const Shape shape = e.shape(x);
  const std::string order = Concat(batch, rows, columns);
  x = e.Transpose(x, OrderOf(labels, order));
  Shape joined;
  if (join_batch) {
    const auto size = Product(shape, labels, batch);
    if (!size) return FailLarge(e), ir::kNoValue;
    joined.push_back(*size);
  } else {
    for (const char label : batch) joined.push_back(shape[static_cast<int>(labels.find(label))]);
  }
  for (const std::string_view group : {rows, columns}) {
    const auto size = Product(shape, labels, group);
    if (!size) return FailLarge(e), ir::kNoValue;
    joined.push_back(*size);
  }
  const bool same = !join_batch && rows.size() == 1 && columns.size() == 1;
  return same ? x : e.Reshape(x, joined);
}

// Sums over the labels that are in no other place.
int32_t SumAlone(ir::Emitter& e, int32_t x, std::string& labels, std::string_view other,
                 std::string_view out) {
  std::vector<int32_t> axes;
  std::string kept;
  for (size_t i = 0; i < labels.size(); ++i) {
    if (Has(other, labels[i]) || Has(out, labels[i])) {
      kept += labels[i];
    } else {
      axes.push_back(static_cast<int32_t>(i));
    }
  }
  if (axes.empty()) return x;
  labels = kept;
  return e.Reduce(OpCode::kSum, x, axes, false);
}

}  // namespace

Result<EinsumSpec> ParseEinsum(std::string_view equation, int rank_a, int rank_b) {
  const size_t comma = equation.find(','), arrow = equation.find("->");
  if (comma == std::string_view::npos || arrow == std::string_view::npos || comma > arrow ||
      equation.find(',', comma + 1) != std::string_view::npos)
    return Error(Code::kUnsupported, "the einsum equation '", equation, "'");
  const std::string_view a = equation.substr(0, comma);
  const std::string_view b = equation.substr(comma + 1, arrow - comma - 1);
  const std::string_view out = equation.substr(arrow + 2);
  // "..." stands for as many dimensions on each side that has it.
  size_t elided = 0;
  bool any = false;
  for (const auto& [part, rank] : {std::pair(a, rank_a), std::pair(b, rank_b)}) {
    const size_t letters = CountLetters(part);
    const auto dims = static_cast<size_t>(rank);
    if (part.find("...") == std::string_view::npos) {
      if (letters != dims)
        return Error(Code::kInvalidModel, "the einsum equation '", equation,
                     "' for an operand of rank ", rank);
      continue;
    }
    if (letters > dims || (any && dims - letters != elided))
      return Error(Code::kUnsupported, "the einsum equation '", equation, "'");
    elided = dims - letters;
    any = true;
  }
  EinsumSpec spec;
  EDGEML_ASSIGN_OR_RETURN(spec.a, Expand(a, elided));
  EDGEML_ASSIGN_OR_RETURN(spec.b, Expand(b, elided));
  EDGEML_ASSIGN_OR_RETURN(spec.out, Expand(out, elided));
  if (spec.out.size() > static_cast<size_t>(kMaxRank))
    return Error(Code::kUnsupported, "a result of rank ", spec.out.size());
  for (const char label : spec.out)
    if (!Has(spec.a, label) && !Has(spec.b, label))
      return Error(Code::kInvalidModel, "the einsum equation '", equation, "'");
  return spec;
}

int32_t Einsum(ir::Emitter& e, const EinsumSpec& spec, int32_t a, int32_t b) {
  std::string of_a = spec.a, of_b = spec.b;
  a = SumAlone(e, a, of_a, spec.b, spec.out);
  b = SumAlone(e, b, of_b, spec.a, spec.out);
  std::string batch, free_a, free_b, common;
  for (const char label : spec.out) {
    if (Has(of_a, label) && Has(of_b, label)) {
      batch += label;
    } else {
      (Has(of_a, label) ? free_a : free_b) += label;
    }
  }
  for (const char label : of_a)
    if (Has(of_b, label) && !Has(spec.out, label)) common += label;
  if (!e.ok()) return ir::kNoValue;
  const bool join = batch.size() > kMostBatchDims;
  Shape result;  // of all labels, before its transpose
  for (const char label : batch) {
    const int32_t size = e.shape(a)[static_cast<int>(of_a.find(label))];
    result.push_back(size);
  }
  for (const char label : free_a) result.push_back(e.shape(a)[static_cast<int>(of_a.find(label))]);
  for (const char label : free_b) result.push_back(e.shape(b)[static_cast<int>(of_b.find(label))]);
  // Sides whose matrices stand the other way round stay as they are.
  const bool turned_a = !common.empty() && of_a == Concat(batch, common, free_a);
  const bool straight_b = common.empty() || of_b == Concat(batch, common, free_b);
  const int32_t left = turned_a ? Side(e, a, of_a, batch, join, common, free_a)
                                : Side(e, a, of_a, batch, join, free_a, common);
  const int32_t right = straight_b ? Side(e, b, of_b, batch, join, common, free_b)
                                   : Side(e, b, of_b, batch, join, free_b, common);
  int32_t y =
      e.Op(OpCode::kBatchMatMul, {left, right}, ir::BatchMatMulAttrs{turned_a, !straight_b, false});
  if (join || free_a.size() != 1 || free_b.size() != 1) y = e.Reshape(y, result);
  return e.Transpose(y, OrderOf(Concat(batch, free_a, free_b), spec.out));
}

int32_t EinsumDense(LayerContext& c, const EinsumSpec& spec, int32_t x, const Weight& kernel,
                    const Weight* bias, std::string_view bias_axes, std::string_view name) {
  ir::Emitter& e = c.e;
  if (!e.ok()) return ir::kNoValue;
  if (kernel.shape.rank() != static_cast<int>(spec.b.size()) ||
      e.rank(x) != static_cast<int>(spec.a.size())) {
    e.Fail(Error(Code::kInvalidModel, "an einsum of shapes ", e.shape(x).ToString(), " and ",
                 kernel.shape.ToString()));
    return ir::kNoValue;
  }
  std::string free, made, common;
  bool shared = false;  // a label of both operands and the result
  for (const char label : spec.out) {
    shared = shared || (Has(spec.a, label) && Has(spec.b, label));
    (Has(spec.a, label) ? free : made) += label;
  }
  bool alone = false;  // a label of one operand only
  for (const char label : spec.a) {
    if (Has(spec.b, label) && !Has(spec.out, label)) common += label;
    alone = alone || (!Has(spec.b, label) && !Has(spec.out, label));
  }
  for (const char label : spec.b) alone = alone || (!Has(spec.a, label) && !Has(spec.out, label));
  for (const char label : common) {
    const int32_t size = e.shape(x)[static_cast<int>(spec.a.find(label))];
    if (size == kernel.shape[static_cast<int>(spec.b.find(label))]) continue;
    e.Fail(Error(Code::kInvalidModel, "an input of shape ", e.shape(x).ToString(),
                 " for a kernel of shape ", kernel.shape.ToString()));
    return ir::kNoValue;
  }
  const auto add_bias = [&](int32_t y) {
    return bias == nullptr ? y : e.Add(y, c.Constant(*bias, bias->shape, Concat(name, "_bias")));
  };
  if (shared || alone || common.empty() || free.empty())
    return add_bias(Einsum(e, spec, x, c.Constant(kernel, kernel.shape, name)));

  const Shape in = e.shape(x);
  const auto rows = Product(kernel.shape, spec.b, made),
             columns = Product(kernel.shape, spec.b, common);
  if (!rows || !columns) return FailLarge(e), ir::kNoValue;
  const Weight w = Transposed(kernel, OrderOf(spec.b, Concat(made, common)));
  int32_t y = e.Transpose(x, OrderOf(spec.a, Concat(free, common)));
  Shape flat, result;
  for (const char label : free) flat.push_back(in[static_cast<int>(spec.a.find(label))]);
  result = flat;
  flat.push_back(*columns);
  for (const char label : made)
    result.push_back(kernel.shape[static_cast<int>(spec.b.find(label))]);
  if (common.size() > 1) y = e.Reshape(y, flat);
  std::vector<int32_t> inputs = {y, c.Constant(w, {*rows, *columns}, name)};
  // A bias of all that the kernel makes goes into the operator.
  const bool fused = bias != nullptr && bias_axes == made && bias->shape.num_elements() == *rows;
  if (fused) inputs.push_back(c.Constant(*bias, {*rows}, Concat(name, "_bias")));
  ir::FullyConnectedAttrs attributes;
  attributes.keep_num_dims = flat.rank() != 2;
  y = e.Op(OpCode::kFullyConnected, std::move(inputs), attributes);
  if (made.size() != 1) y = e.Reshape(y, result);
  y = e.Transpose(y, OrderOf(Concat(free, made), spec.out));
  return fused ? y : add_bias(y);
}

int32_t Projection(LayerContext& c, int32_t x, const Weights& weights, bool use_bias, int inputs,
                   int outputs, bool joined, float factor, std::string_view name) {
  ir::Emitter& e = c.e;
  const auto take = [&](std::string_view which, size_t index, int rank) {
    auto weight = weights.Take(which, index, rank);
    if (weight.ok()) return std::move(weight).value();
    e.Fail(weight.status());
    return Weight{};
  };
  const auto scaled = [&](Weight weight) {
    if (factor == 1 || weight.type != DType::kFloat32) return weight;
    std::vector<float> values(weight.floats().begin(), weight.floats().end());
    for (float& value : values) value *= factor;
    return MakeWeight(weight.shape, std::move(values));
  };
  const Weight kernel = scaled(take("kernel", 0, inputs + outputs));
  Weight bias;
  if (use_bias) bias = scaled(take("bias", 1, outputs));
  if (!e.ok()) return ir::kNoValue;
  int64_t rows = 1, columns = 1;
  for (int d = 0; d < kernel.shape.rank(); ++d) (d < inputs ? columns : rows) *= kernel.shape[d];
  const Shape in = e.shape(x);
  if (rows > INT32_MAX || columns > INT32_MAX || in.rank() < 2 || in.back() != columns ||
      in.rank() - 1 + outputs > kMaxRank) {
    e.Fail(Error(Code::kInvalidModel, "an input of shape ", in.ToString(),
                 " for a kernel of shape ", kernel.shape.ToString()));
    return ir::kNoValue;
  }
  const auto units = static_cast<int32_t>(rows), depth = static_cast<int32_t>(columns);
  Weight flat = kernel;
  flat.shape = {depth, units};
  const int32_t order[] = {1, 0};
  std::vector<int32_t> arguments = {
      x, c.Constant(Transposed(flat, order), {units, depth}, Concat(name, "_kernel"))};
  if (use_bias) arguments.push_back(c.Constant(bias, {units}, Concat(name, "_bias")));
  ir::FullyConnectedAttrs attributes;
  attributes.keep_num_dims = in.rank() != 2;
  const int32_t y = e.Op(OpCode::kFullyConnected, std::move(arguments), attributes);
  if (joined || outputs == 1) return y;
  Shape out;
  for (int d = 0; d + 1 < in.rank(); ++d) out.push_back(in[d]);
  for (int d = inputs; d < kernel.shape.rank(); ++d) out.push_back(kernel.shape[d]);
  return e.Reshape(y, out);
}

}  // namespace edgeml::keras
