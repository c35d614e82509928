// Comparisons, LOGICAL_AND, LOGICAL_OR, SELECT and SELECT_V2 on the reference kernels.
#include "src/kernels/elementwise/comparison.h"

#include <string_view>
#include <vector>

#include "src/backends/kernel_table.h"
#include "src/backends/reference/elementwise.h"
#include "src/backends/weights.h"
#include "src/base/strings.h"

namespace edgeml::backends {
namespace {

using namespace reference;
using kernels::CompareOp;

bool IsEquality(OpCode op) { return op == OpCode::kEqual || op == OpCode::kNotEqual; }

// 8-bit tensors are compared as real numbers when they are quantized; int16 ones for equality only.
bool ComparesReal(const NodeView& view) {
  const TensorView& a = view.inputs[0];
  if (!a.quantized()) return false;
  return IsOneOf(a.type, {DType::kInt8, DType::kUInt8}) ||
         (a.type == DType::kInt16 && IsEquality(view.node->op));
}

std::string DeclineCompare(const NodeView& view) {
  const TensorView& a = view.inputs[0];
  if (std::string why =
          DeclineType(a, "input 0",
                      {DType::kFloat32, DType::kFloat16, DType::kBFloat16, DType::kInt8,
                       DType::kUInt8, DType::kInt16, DType::kInt32, DType::kInt64, DType::kBool});
      !why.empty())
    return why;
  if (a.type == DType::kBool && !IsEquality(view.node->op)) return "bool has no order";
  if (std::string why = DeclineOtherType(view.inputs[1], "input 1", a.type); !why.empty())
    return why;
  if (std::string why = DeclineOtherType(view.outputs[0], "output", DType::kBool); !why.empty())
    return why;
  if (!ComparesReal(view)) return "";
  if (std::string why = DeclinePerTensor(a, "input 0"); !why.empty()) return why;
  return DeclinePerTensor(view.inputs[1], "input 1");
}

class CompareStep : public runtime::Step {
 public:
  Status Prepare(runtime::PrepareContext& context) override {
    const NodeView& view = context.view();
    const OpCode op = view.node->op;
    const bool swapped = op == OpCode::kGreater || op == OpCode::kGreaterEqual;
    first_ = swapped ? 1 : 0;
    op_ = op == OpCode::kEqual                            ? CompareOp::kEqual
          : op == OpCode::kNotEqual                       ? CompareOp::kNotEqual
          : op == OpCode::kLess || op == OpCode::kGreater ? CompareOp::kLess
                                                          : CompareOp::kLessEqual;
    const TensorView& a = view.inputs[first_];
    const TensorView& b = view.inputs[1 - first_];
    plan_ = kernels::MakeBroadcastPlan(view.outputs[0].shape, {a.shape, b.shape});
    real_ = ComparesReal(view);
    params_ = {a.zero_point(), b.zero_point(), ToFixedPoint(static_cast<double>(a.scale())),
               ToFixedPoint(static_cast<double>(b.scale()))};
    AllowInPlaceIfAlike(context, 0);
    AllowInPlaceIfAlike(context, 1);
    return Status::Ok();
  }

  Status Run(runtime::RunContext& context) override {
    const DType type = context.input(0).type;
    const void* a = context.input(first_).data;
    const void* b = context.input(1 - first_).data;
    uint8_t* out = context.output(0).as_mutable<uint8_t>();
    if (real_) {
      kernels::CompareQuantized(type, op_, plan_, a, b, params_, out);
    } else {
      kernels::Compare(type, op_, plan_, a, b, out);
    }
    return Status::Ok();
  }

 private:
  size_t first_ = 0;  // the input that stands on the left of "less"
  CompareOp op_ = CompareOp::kEqual;
  bool real_ = false;
  kernels::BroadcastPlan plan_;
  kernels::QuantizedCompareParams params_;
};

std::string DeclineCompareStrings(const NodeView& view) {
  for (const TensorView& input : view.inputs) {
    if (std::string why = DeclineOtherType(input, "an input", DType::kString); !why.empty())
      return why;
  }
  return DeclineOtherType(view.outputs[0], "output", DType::kBool);
}

// EQUAL and NOT_EQUAL of strings, byte by byte.
class CompareStringsStep : public runtime::Step {
 public:
  Status Prepare(runtime::PrepareContext& context) override {
    const NodeView& view = context.view();
    equal_ = view.node->op == OpCode::kEqual;
    plan_ = kernels::MakeBroadcastPlan(view.outputs[0].shape,
                                       {view.inputs[0].shape, view.inputs[1].shape});
    return Status::Ok();
  }

  Status Run(runtime::RunContext& context) override {
    EDGEML_ASSIGN_OR_RETURN(const std::vector<std::string_view> a, context.StringInput(0));
    EDGEML_ASSIGN_OR_RETURN(const std::vector<std::string_view> b, context.StringInput(1));
    kernels::BinaryLoop(plan_, a.data(), b.data(), context.output(0).as_mutable<uint8_t>(),
                        [this](std::string_view x, std::string_view y) {
                          return static_cast<uint8_t>((x == y) == equal_);
                        });
    return Status::Ok();
  }

 private:
  bool equal_ = true;
  kernels::BroadcastPlan plan_;
};

std::string DeclineLogical(const NodeView& view) {
  if (std::string why = DeclineUnary(view, {DType::kBool}); !why.empty()) return why;
  return DeclineOtherType(view.inputs[1], "input 1", DType::kBool);
}

class LogicalStep : public runtime::Step {
 public:
  Status Prepare(runtime::PrepareContext& context) override {
    const NodeView& view = context.view();
    is_and_ = view.node->op == OpCode::kLogicalAnd;
    plan_ = kernels::MakeBroadcastPlan(view.outputs[0].shape,
                                       {view.inputs[0].shape, view.inputs[1].shape});
    AllowInPlaceIfAlike(context, 0);
    AllowInPlaceIfAlike(context, 1);
    return Status::Ok();
  }
  Status Run(runtime::RunContext& context) override {
    const auto kernel = is_and_ ? kernels::LogicalAnd : kernels::LogicalOr;
    kernel(plan_, context.input(0).as<uint8_t>(), context.input(1).as<uint8_t>(),
           context.output(0).as_mutable<uint8_t>());
    return Status::Ok();
  }

 private:
  bool is_and_ = false;
  kernels::BroadcastPlan plan_;
};

std::string DeclineSelect(const NodeView& view) {
  if (std::string why = DeclineOtherType(view.inputs[0], "input 0 (condition)", DType::kBool);
      !why.empty())
    return why;
  const DType type = view.inputs[1].type;
  if (!IsOneOf(type,
               {DType::kFloat32, DType::kFloat16, DType::kBFloat16, DType::kFloat64, DType::kInt8,
                DType::kUInt8, DType::kInt16, DType::kUInt16, DType::kInt32, DType::kUInt32,
                DType::kInt64, DType::kUInt64, DType::kBool, DType::kComplex64}))
    return Concat("values of type ", NameOf(type), " are not supported");
  if (std::string why = DeclineOtherType(view.inputs[2], "input 2", type); !why.empty()) return why;
  return DeclineOtherType(view.outputs[0], "output", type);
}

class SelectStep : public runtime::Step {
 public:
  Status Prepare(runtime::PrepareContext& context) override {
    const NodeView& view = context.view();
    const Shape& out = view.outputs[0].shape;
    const Shape& x = view.inputs[1].shape;
    const Shape& y = view.inputs[2].shape;
    Shape condition = view.inputs[0].shape;
    if (view.node->op == OpCode::kSelect) {
      // A condition of one dimension stands for the first one of the others.
      if (condition.num_elements() == 1) {
        condition = Shape();
      } else {
        while (condition.rank() < out.rank()) condition.push_back(1);
      }
      // Single elements may differ in rank.
      plan_ = kernels::MakeBroadcastPlan(out, {condition, x, out.num_elements() == 1 ? x : y});
    } else {
      plan_ = kernels::MakeBroadcastPlan(out, {condition, x, y});
    }
    AllowInPlaceIfAlike(context, 1);
    AllowInPlaceIfAlike(context, 2);
    return Status::Ok();
  }
  Status Run(runtime::RunContext& context) override {
    kernels::Select(plan_, BitsOf(context.input(1).type) / 8, context.input(0).as<uint8_t>(),
                    context.input(1).data, context.input(2).data, context.output(0).data);
    return Status::Ok();
  }

 private:
  kernels::BroadcastPlan plan_;
};

constexpr auto kExact = ErrorBound::kExact;
constexpr KernelEntry kKernels[] = {
    {OpCode::kEqual, "equal.reference", kExact, DeclineCompare, MakeStep<CompareStep>},
    {OpCode::kNotEqual, "not_equal.reference", kExact, DeclineCompare, MakeStep<CompareStep>},
    {OpCode::kEqual,
     "equal.string.reference",
     kExact,
     DeclineCompareStrings,
     MakeStep<CompareStringsStep>,
     {DType::kString},
     /*takes_strings=*/true},
    {OpCode::kNotEqual,
     "not_equal.string.reference",
     kExact,
     DeclineCompareStrings,
     MakeStep<CompareStringsStep>,
     {DType::kString},
     /*takes_strings=*/true},
    {OpCode::kLess, "less.reference", kExact, DeclineCompare, MakeStep<CompareStep>},
    {OpCode::kLessEqual, "less_equal.reference", kExact, DeclineCompare, MakeStep<CompareStep>},
    {OpCode::kGreater, "greater.reference", kExact, DeclineCompare, MakeStep<CompareStep>},
    {OpCode::kGreaterEqual, "greater_equal.reference", kExact, DeclineCompare,
     MakeStep<CompareStep>},
    {OpCode::kLogicalAnd, "logical_and.reference", kExact, DeclineLogical, MakeStep<LogicalStep>},
    {OpCode::kLogicalOr, "logical_or.reference", kExact, DeclineLogical, MakeStep<LogicalStep>},
    {OpCode::kSelect, "select.reference", kExact, DeclineSelect, MakeStep<SelectStep>},
    {OpCode::kSelectV2, "select_v2.reference", kExact, DeclineSelect, MakeStep<SelectStep>},
};

}  // namespace

std::span<const KernelEntry> ComparisonKernels() { return ir::SelectedRows<kKernels>(); }

}  // namespace edgeml::backends
