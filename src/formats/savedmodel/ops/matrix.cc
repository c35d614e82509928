// Products of matrices.
#include <algorithm>
#include <limits>
#include <map>

#include "src/base/strings.h"
#include "src/formats/savedmodel/op.h"

namespace edgeml::savedmodel {
namespace {

using ir::OpCode;

bool IsFloatWeights(const Op& op, size_t i) {
  return op.is_constant(i) && op.type(i) == DType::kFloat32 && op.rank(i) == 2;
}

Status LowerMatMul(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(2));
  if (op.rank(0) != 2 || op.rank(1) != 2)
    return Error(Code::kInvalidModel, "shapes ", op.shape(0).ToString(), " and ",
                 op.shape(1).ToString(), " are not those of matrices");
  const bool left = op.attrs.Bool("transpose_a", false);
  const bool right = op.attrs.Bool("transpose_b", false);
  for (const char* const hint : {"grad_a", "grad_b", "a_is_sparse", "b_is_sparse"})
    op.attrs.Ignore(hint);
  if (!IsFloatWeights(op, 1))
    return op.Emit(OpCode::kBatchMatMul, op.in, ir::BatchMatMulAttrs{left, right, false});
  int32_t data = op.in[0], weights = op.in[1];
  if (left) {
    EDGEML_ASSIGN_OR_RETURN(data, op.Transpose(data, {1, 0}));
  }
  if (!right) {
    EDGEML_ASSIGN_OR_RETURN(weights, op.Transpose(weights, {1, 0}));
  }
  return op.Emit(OpCode::kFullyConnected, {data, weights}, ir::FullyConnectedAttrs{});
}

Status LowerBatchMatMul(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(2));
  ir::BatchMatMulAttrs attrs;
  attrs.adj_x = op.attrs.Bool("adj_x", false);
  attrs.adj_y = op.attrs.Bool("adj_y", false);
  op.attrs.Ignore("grad_x");
  op.attrs.Ignore("grad_y");
  if (!IsFloatWeights(op, 1) || attrs.adj_x || op.rank(0) < 2)
    return op.Emit(OpCode::kBatchMatMul, op.in, attrs);
  int32_t weights = op.in[1];
  if (!attrs.adj_y) {
    EDGEML_ASSIGN_OR_RETURN(weights, op.Transpose(weights, {1, 0}));
  }
  ir::FullyConnectedAttrs dense;
  dense.keep_num_dims = op.rank(0) > 2;
  return op.Emit(OpCode::kFullyConnected, {op.in[0], weights}, dense);
}

// Einsum ------------------------------------------------------------------------------------------

constexpr size_t kMaxEquation = 64;

// The labels of an operand's dimensions, one letter each; "..." became letters of its own.
using Labels = std::string;

struct Equation {
  Labels left, right, result;
  std::map<char, int32_t> sizes;  // kUnknownDim where open
};

bool Has(const Labels& labels, char label) { return labels.find(label) != Labels::npos; }

// "..." stands for the dimensions that have no letter; they are numbered from the last.
Result<Labels> Expanded(std::string_view text, int rank) {
  Labels out;
  const size_t dots = text.find("...");
  const int named = static_cast<int>(text.size()) - (dots == std::string_view::npos ? 0 : 3);
  if (dots == std::string_view::npos ? named != rank : named > rank)
    return Error(Code::kInvalidModel, "'", text, "' does not fit ", rank, " dimensions");
  for (size_t i = 0; i < text.size(); ++i) {
    if (i == dots) {
      for (int d = rank - named; d-- > 0;) out += static_cast<char>('0' + d);
      i += 2;
    } else {
      out += text[i];
    }
  }
  for (const char label : out)
    if (std::count(out.begin(), out.end(), label) > 1)
      return Error(Code::kUnsupported, "a label that an operand has twice is not supported");
  return out;
}

Status AddSizes(const Labels& labels, const Shape& shape, std::map<char, int32_t>& sizes) {
  for (size_t i = 0; i < labels.size(); ++i) {
    const int32_t dim = shape[static_cast<int>(i)];
    const auto [at, is_new] = sizes.emplace(labels[i], dim);
    if (is_new || at->second == dim || dim == kUnknownDim) continue;
    if (at->second != kUnknownDim)
      return Error(Code::kUnsupported, "dimensions of ", at->second, " and ", dim,
                   " for one label are not supported");
    at->second = dim;
  }
  return Status::Ok();
}

// A value whose dimensions have labels.
struct Labelled {
  int32_t value = 0;
  Labels labels;
};

Result<Labelled> Ordered(Op& op, const Labelled& from, const Labels& wanted) {
  std::vector<int32_t> permutation;
  for (const char label : wanted)
    permutation.push_back(static_cast<int32_t>(from.labels.find(label)));
  EDGEML_ASSIGN_OR_RETURN(const int32_t value, op.Transpose(from.value, permutation));
  return Labelled{value, wanted};
}

// Reshapes to the sizes of `groups`: each group of labels becomes one dimension.
Result<int32_t> Grouped(Op& op, int32_t value, const std::vector<Labels>& groups,
                        const std::map<char, int32_t>& sizes) {
  Shape target;
  int open = 0;
  for (const Labels& group : groups) {
    int64_t size = 1;
    bool known = true;
    for (const char label : group) {
      const int32_t dim = sizes.at(label);
      known = known && dim != kUnknownDim;
      size *= known ? dim : 1;
      if (size > std::numeric_limits<int32_t>::max())
        return Error(Code::kUnsupported, "its operands are too large");
    }
    if (target.rank() == kMaxRank)
      return Error(Code::kUnsupported, "it has more than ", kMaxRank, " dimensions");
    open += known ? 0 : 1;
    target.push_back(known ? static_cast<int32_t>(size) : kUnknownDim);
  }
  if (op.b.shape(value) == target) return value;
  if (open <= 1) return op.Reshape(value, target);
  // The open dimensions at the front are those of the value itself.
  int front = 0;
  while (front < target.rank() && front < op.b.rank(value) &&
         groups[static_cast<size_t>(front)].size() == 1 &&
         target[front] == op.b.shape(value)[front])
    ++front;
  std::vector<int32_t> rest;
  for (int d = front; d < target.rank(); ++d) {
    if (target[d] == kUnknownDim)
      return Error(Code::kUnsupported,
                   "several open dimensions are not supported; fix the shape "
                   "of the inputs");
    rest.push_back(target[d]);
  }
  EDGEML_ASSIGN_OR_RETURN(const int32_t shape,
                          op.Make(OpCode::kShape, {value},
                                  ir::TypeAttrs{DType::kInvalid, DType::kInt32}, DType::kInt32));
  EDGEML_ASSIGN_OR_RETURN(const int32_t kept, op.Make(OpCode::kSlice, {shape, op.b.AddInts({0}),
                                                                       op.b.AddInts({front})}));
  EDGEML_ASSIGN_OR_RETURN(
      const int32_t all,
      op.Make(OpCode::kConcatenation, {kept, op.b.AddInts(rest)}, ir::ConcatAttrs{0}));
  return op.Make(OpCode::kReshape, {value, all});
}

std::vector<Labels> Singles(const Labels& labels) {
  std::vector<Labels> out;
  for (const char label : labels) out.emplace_back(1, label);
  return out;
}

Status ReturnOrdered(Op& op, const Labelled& made, const Labels& wanted) {
  EDGEML_ASSIGN_OR_RETURN(const Labelled ordered, Ordered(op, made, wanted));
  return op.Return(ordered.value);
}

struct Roles {
  Labels batch, summed, left, right;
};

Result<Roles> RolesOf(const Equation& e) {
  Roles roles;
  for (const char label : e.left) {
    if (Has(e.right, label)) {
      (Has(e.result, label) ? roles.batch : roles.summed) += label;
    } else if (Has(e.result, label)) {
      roles.left += label;
    } else {
      return Error(Code::kUnsupported, "a sum over one operand alone is not supported");
    }
  }
  for (const char label : e.right) {
    if (Has(e.left, label)) continue;
    if (!Has(e.result, label))
      return Error(Code::kUnsupported, "a sum over one operand alone is not supported");
    roles.right += label;
  }
  // In the order that the result has them.
  const auto by_result = [&e](char a, char b) { return e.result.find(a) < e.result.find(b); };
  for (Labels* const labels : {&roles.batch, &roles.left, &roles.right})
    std::sort(labels->begin(), labels->end(), by_result);
  return roles;
}

// Constant weights without batch dimensions: a dense layer over the last dimension.
Status EinsumDense(Op& op, const Equation& e, const Roles& roles) {
  EDGEML_ASSIGN_OR_RETURN(const Labelled weights,
                          Ordered(op, {op.in[1], e.right}, roles.right + roles.summed));
  EDGEML_ASSIGN_OR_RETURN(const int32_t matrix,
                          Grouped(op, weights.value, {roles.right, roles.summed}, e.sizes));
  EDGEML_ASSIGN_OR_RETURN(const Labelled data,
                          Ordered(op, {op.in[0], e.left}, roles.left + roles.summed));
  std::vector<Labels> groups = Singles(roles.left);
  groups.push_back(roles.summed);
  EDGEML_ASSIGN_OR_RETURN(const int32_t rows, Grouped(op, data.value, groups, e.sizes));
  ir::FullyConnectedAttrs attrs;
  attrs.keep_num_dims = op.b.rank(rows) > 2;
  EDGEML_ASSIGN_OR_RETURN(int32_t made, op.Make(OpCode::kFullyConnected, {rows, matrix}, attrs));
  const Labels order = roles.left + roles.right;
  EDGEML_ASSIGN_OR_RETURN(made, Grouped(op, made, Singles(order), e.sizes));
  return ReturnOrdered(op, {made, order}, e.result);
}

// BATCH_MATMUL applies one matrix to every row of a tensor of up to that many dimensions.
constexpr size_t kMostBroadcast = 5;

// A product of many rows, whatever their dimensions, and a matrix that all share.
bool SharesMatrix(const Equation& e, const Roles& roles) {
  return roles.batch.empty() && roles.summed.size() == 1 && roles.left.size() > 1 &&
         roles.left.size() < kMostBroadcast && e.left == roles.left + roles.summed &&
         e.result == roles.left + roles.right;
}

Status EinsumGeneral(Op& op, const Equation& e, const Roles& roles) {
  // Whichever operand comes first in the result is the left factor.
  const bool swap = e.result == roles.batch + roles.right + roles.left;
  const Labelled first = swap ? Labelled{op.in[1], e.right} : Labelled{op.in[0], e.left};
  const Labelled second = swap ? Labelled{op.in[0], e.left} : Labelled{op.in[1], e.right};
  const Labels& rows = swap ? roles.right : roles.left;
  const Labels& columns = swap ? roles.left : roles.right;
  const auto factor = [&](const Labelled& from, const Labels& outer, const Labels& inner,
                          bool& adjoint) -> Result<int32_t> {
    adjoint = from.labels == roles.batch + inner + outer;
    const Labels& a = adjoint ? inner : outer;
    const Labels& b = adjoint ? outer : inner;
    EDGEML_ASSIGN_OR_RETURN(const Labelled ordered, Ordered(op, from, roles.batch + a + b));
    std::vector<Labels> groups = Singles(roles.batch);
    groups.push_back(a);
    groups.push_back(b);
    return Grouped(op, ordered.value, groups, e.sizes);
  };
  bool adj_x = false, adj_y = false;
  int32_t x = op.in[0];
  if (!SharesMatrix(e, roles)) {
    EDGEML_ASSIGN_OR_RETURN(x, factor(first, rows, roles.summed, adj_x));
  }
  // The right factor is [summed, columns] when nothing is to be moved.
  EDGEML_ASSIGN_OR_RETURN(const int32_t y, factor(second, columns, roles.summed, adj_y));
  EDGEML_ASSIGN_OR_RETURN(int32_t made, op.Make(OpCode::kBatchMatMul, {x, y},
                                                ir::BatchMatMulAttrs{adj_x, !adj_y, false}));
  const Labels order = roles.batch + rows + columns;
  EDGEML_ASSIGN_OR_RETURN(made, Grouped(op, made, Singles(order), e.sizes));
  return ReturnOrdered(op, {made, order}, e.result);
}

Status LowerEinsum(Op& op) {
  op.attrs.Ignore("N");
  std::string text = op.attrs.String("equation", "");
  std::erase(text, ' ');
  const size_t arrow = text.find("->"), comma = text.find(',');
  if (text.size() > kMaxEquation || arrow == std::string::npos || op.in.empty() ||
      op.in.size() > 2 || (op.in.size() == 2) != (comma < arrow))
    return Error(Code::kUnsupported, "equation '", text.substr(0, kMaxEquation),
                 "' is not supported");
  Equation e;
  const std::string_view whole = text, operands = whole.substr(0, arrow);
  EDGEML_ASSIGN_OR_RETURN(e.left, Expanded(operands.substr(0, comma), op.rank(0)));
  EDGEML_RETURN_IF_ERROR(AddSizes(e.left, op.shape(0), e.sizes));
  if (op.in.size() == 2) {
    EDGEML_ASSIGN_OR_RETURN(e.right, Expanded(operands.substr(comma + 1), op.rank(1)));
    EDGEML_RETURN_IF_ERROR(AddSizes(e.right, op.shape(1), e.sizes));
  }
  // The dots of the result stand for those of the operands.
  int dots = 0;
  for (const auto& [label, size] : e.sizes) dots += label >= '0' && label <= '9' ? 1 : 0;
  const std::string_view result = whole.substr(arrow + 2);
  const bool has_dots = result.find("...") != std::string_view::npos;
  EDGEML_ASSIGN_OR_RETURN(
      e.result, Expanded(result, static_cast<int>(result.size()) - (has_dots ? 3 - dots : 0)));
  for (const char label : e.result)
    if (!e.sizes.contains(label))
      return Error(Code::kInvalidModel, "equation '", text, "' makes a label out of nothing");
  if (op.in.size() == 1) {
    if (e.result.size() != e.left.size())
      return Error(Code::kUnsupported, "equation '", text, "' is not supported");
    return ReturnOrdered(op, {op.in[0], e.left}, e.result);
  }
  EDGEML_ASSIGN_OR_RETURN(const Roles roles, RolesOf(e));
  if (roles.batch.empty() && op.is_constant(1) && op.type(1) == DType::kFloat32 &&
      !roles.summed.empty() && !roles.left.empty())
    return EinsumDense(op, e, roles);
  return EinsumGeneral(op, e, roles);
}

constexpr OpEntry kOps[] = {
    {"BatchMatMul", LowerBatchMatMul},
    {"BatchMatMulV2", LowerBatchMatMul},
    {"BatchMatMulV3", LowerBatchMatMul},
    {"Einsum", LowerEinsum},
    {"MatMul", LowerMatMul},
};

}  // namespace

std::span<const OpEntry> MatrixOps() { return kOps; }

}  // namespace edgeml::savedmodel
