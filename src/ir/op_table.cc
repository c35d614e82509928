#include <array>
#include <cassert>

#include "src/base/strings.h"
#include "src/ir/op_def.h"
#include "src/ir/ops/families.h"

namespace edgeml::ir {
namespace {

constexpr std::string_view kNames[] = {
#define EDGEML_OP(name, text) text,
    EDGEML_FOR_EACH_OP(EDGEML_OP)
#undef EDGEML_OP
};

struct Table {
  std::array<OpDef, kNumOpCodes> defs{};

  Table() {
    for (int i = 0; i < kNumOpCodes; ++i) {
      OpDef& def = defs[static_cast<size_t>(i)];
      def.op = static_cast<OpCode>(i);
      def.min_inputs = 0;
      def.max_inputs = def.max_outputs = -1;
      def.min_outputs = 0;
    }
    for (std::span<const OpDef> family :
         {ConvolutionOps(), PoolingOps(), ElementwiseOps(), ActivationOps(), ReductionOps(),
          LayoutOps(), SliceOps(), GatherOps(), ScatterOps(), ConversionOps(), RecurrentOps(),
          ControlFlowOps(), DetectionOps(), LookupOps(), RandomOps(), SegmentOps(), SpectralOps(),
          StablehloOps()}) {
      for (const OpDef& def : family) defs[static_cast<size_t>(def.op)] = def;
    }
    OpDef& custom = defs[static_cast<size_t>(OpCode::kCustom)];
    custom.attributes = AttrsKind<OpaqueAttrs>();
    custom.optional_inputs = ~uint64_t{0};
    custom.has_side_effects = true;
  }
};

}  // namespace

std::string_view NameOf(OpCode op) { return kNames[static_cast<size_t>(op)]; }

const OpDef& DefOf(OpCode op) {
  static const Table table;
  return table.defs[static_cast<size_t>(op)];
}

Status InferShapes(InferContext& context) {
  const OpDef& def = DefOf(context.node->op);
  const auto arity = [&](size_t n, int lo, int hi) {
    return static_cast<int>(n) >= lo && (hi < 0 || static_cast<int>(n) <= hi);
  };
  if (!arity(context.inputs.size(), def.min_inputs, def.max_inputs) ||
      !arity(context.outputs.size(), def.min_outputs, def.max_outputs)) {
    return Error(Code::kInvalidModel, "has ", context.inputs.size(), " inputs and ",
                 context.outputs.size(), " outputs, which this operator does not take");
  }
  if (context.node->attributes.index() != def.attributes)
    return Error(Code::kInternal, "carries attributes of another operator");
  for (size_t i = 0; i < context.inputs.size(); ++i) {
    if (!context.inputs[i].present() && !def.MayLack(i))
      return Error(Code::kInvalidModel, "input ", i, " is absent but required");
  }
  if (def.infer == nullptr)
    return Error(Code::kUnsupported, "no shape rule: this operator cannot be run");
  return def.infer(context);
}

int64_t IndexAt(const TensorView& view, int64_t i) {
  switch (view.type) {
    case DType::kInt64:
      return view.as<int64_t>()[i];
    case DType::kInt32:
      return view.as<int32_t>()[i];
    case DType::kUInt32:
      return view.as<uint32_t>()[i];
    case DType::kInt16:
      return view.as<int16_t>()[i];
    case DType::kUInt16:
      return view.as<uint16_t>()[i];
    case DType::kInt8:
      return view.as<int8_t>()[i];
    case DType::kUInt8:
    case DType::kBool:
      return view.as<uint8_t>()[i];
    default:
      return 0;
  }
}

Result<int32_t> WindowOutput(const Window& w, int32_t in, int32_t filter, bool vertical) {
  const int64_t stride = vertical ? w.stride_h : w.stride_w;
  const int64_t dilation = vertical ? w.dilation_h : w.dilation_w;
  if (stride < 1 || dilation < 1)
    return Error(Code::kInvalidModel, "stride ", stride, " and dilation ", dilation,
                 " must be at least 1");
  if (filter < 1) return Error(Code::kInvalidModel, "filter size ", filter, " must be at least 1");
  const int64_t effective = (static_cast<int64_t>(filter) - 1) * dilation + 1;
  int64_t padded = in;
  if (w.padding == Padding::kSame) return static_cast<int32_t>((padded + stride - 1) / stride);
  if (w.padding == Padding::kExplicit)
    padded += vertical ? int64_t{w.pad_top} + w.pad_bottom : int64_t{w.pad_left} + w.pad_right;
  const int64_t out = padded < effective ? 0 : (padded - effective) / stride + 1;
  return static_cast<int32_t>(out);
}

int32_t WindowPadBefore(const Window& w, int32_t in, int32_t filter, int32_t out, bool vertical) {
  if (w.padding == Padding::kExplicit) return vertical ? w.pad_top : w.pad_left;
  if (w.padding == Padding::kValid) return 0;
  const int64_t stride = vertical ? w.stride_h : w.stride_w;
  const int64_t dilation = vertical ? w.dilation_h : w.dilation_w;
  const int64_t effective = (static_cast<int64_t>(filter) - 1) * dilation + 1;
  const int64_t total = (static_cast<int64_t>(out) - 1) * stride + effective - in;
  return total > 0 ? static_cast<int32_t>(total / 2) : 0;
}

const Window* WindowOf(const Node& node) {
  return std::visit(
      [](const auto& attributes) -> const Window* {
        if constexpr (requires { attributes.window; }) {
          return &attributes.window;
        } else {
          return nullptr;
        }
      },
      node.attributes);
}

Activation FusedActivation(const Node& node) {
  return std::visit(
      [](const auto& attributes) {
        if constexpr (requires { attributes.activation; }) {
          return attributes.activation;
        } else {
          return Activation::kNone;
        }
      },
      node.attributes);
}

Status InferSameAsInput(InferContext& context) {
  context.outputs[0].shape = context.inputs[0].shape;
  return Status::Ok();
}

Status InferBroadcast(InferContext& context) {
  const auto shape = BroadcastShapes(context.inputs[0].shape, context.inputs[1].shape);
  if (!shape)
    return Error(Code::kInvalidModel, "shapes ", context.inputs[0].shape.ToString(), " and ",
                 context.inputs[1].shape.ToString(), " cannot be broadcast together");
  context.outputs[0].shape = *shape;
  return Status::Ok();
}

}  // namespace edgeml::ir
