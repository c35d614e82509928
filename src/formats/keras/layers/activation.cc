// Activation functions, by name and as layers. Formulas: keras.activations of Keras 2.15 and 3.15.
#include <algorithm>
#include <cmath>

#include "src/base/strings.h"
#include "src/formats/keras/lowering.h"

namespace edgeml::keras {
namespace {

using ir::OpCode;

int32_t Clip(ir::Emitter& e, int32_t x, float low, float high) {
  return e.Minimum(e.Maximum(x, e.Float(low)), e.Float(high));
}

int32_t Sigmoid(ir::Emitter& e, int32_t x) { return e.Op(OpCode::kLogistic, {x}); }

// relu(x + 3 limited to 6) / 6.
int32_t HardSigmoid(LayerContext& c, int32_t x) {
  ir::Emitter& e = c.e;
  if (c.lowering.keras_major() < 3)  // clip(0.2 x + 0.5, 0, 1)
    return Clip(e, e.Add(e.Mul(x, e.Float(0.2f)), e.Float(0.5f)), 0, 1);
  const int32_t inner = e.Op(OpCode::kRelu6, {e.Add(x, e.Float(3))});
  return e.Mul(inner, e.Float(1.0f / 6));
}

// log(1 + e^x), which overflows above 88 as in TensorFlow's conversion.
int32_t Softplus(ir::Emitter& e, int32_t x) {
  return e.Op(OpCode::kLog, {e.Add(e.Op(OpCode::kExp, {x}), e.Float(1))});
}

// Where x > limit: a, else b.
int32_t WhereGreater(ir::Emitter& e, int32_t x, float limit, int32_t a, int32_t b) {
  const int32_t condition = e.Op(OpCode::kGreater, {x, e.Float(limit)}, {}, DType::kBool);
  return e.Op(OpCode::kSelectV2, {condition, a, b}, {}, e.type(x));
}

int32_t SoftmaxOver(ir::Emitter& e, int32_t x, int axis, OpCode op) {
  const int rank = e.rank(x);
  const auto attributes =
      op == OpCode::kSoftmax ? ir::Attributes(ir::SoftmaxAttrs{1.0f}) : ir::Attributes();
  if (axis == rank - 1) return e.Op(op, {x}, attributes);
  std::vector<int32_t> order;
  for (int i = 0; i < rank; ++i) order.push_back(i);
  std::swap(order[static_cast<size_t>(axis)], order.back());
  return e.Transpose(e.Op(op, {e.Transpose(x, order)}, attributes), order);
}

// Softmax over one axis or several, the last by default.
int32_t Softmax(LayerContext& c, int32_t x, std::vector<int32_t> axes, OpCode op) {
  ir::Emitter& e = c.e;
  const int rank = e.rank(x);
  if (axes.empty()) axes = {-1};
  for (int32_t& axis : axes) {
    const auto normal = NormalizedAxis(axis, rank);
    if (!normal) {
      e.Fail(Error(Code::kInvalidModel, "axis ", axis, " of a tensor of rank ", rank));
      return x;
    }
    axis = *normal;
  }
  if (axes.size() == 1) return SoftmaxOver(e, x, axes[0], op);
  // exp(x - max) / sum of it.
  const int32_t shifted = e.Sub(x, e.Reduce(OpCode::kReduceMax, x, axes, true));
  const int32_t powers = e.Op(OpCode::kExp, {shifted});
  return e.Div(powers, e.Reduce(OpCode::kSum, powers, axes, true));
}

int32_t Elu(ir::Emitter& e, int32_t x, float alpha) {
  if (alpha == 1.0f) return e.Op(OpCode::kElu, {x});
  // Above 0 x, else alpha (e^x - 1).
  return WhereGreater(e, x, 0, x, e.Mul(e.Op(OpCode::kElu, {x}), e.Float(alpha)));
}

// keras.activations.relu: x above the threshold up to max_value; below, (x - threshold) * slope.
int32_t Relu(ir::Emitter& e, int32_t x, float slope, float max_value, float threshold) {
  const bool bounded = std::isfinite(max_value) && max_value < 1e30f;
  if (threshold == 0) {
    if (slope == 0) {
      if (!bounded) return e.Op(OpCode::kRelu, {x});
      if (max_value == 6) return e.Op(OpCode::kRelu6, {x});
      return Clip(e, x, 0, max_value);
    }
    const int32_t leaky = e.Op(OpCode::kLeakyRelu, {x}, ir::LeakyReluAttrs{slope});
    return bounded ? e.Minimum(leaky, e.Float(max_value)) : leaky;
  }
  const int32_t condition = e.Op(OpCode::kGreaterEqual, {x, e.Float(threshold)}, {}, DType::kBool);
  const int32_t above = bounded ? e.Minimum(x, e.Float(max_value)) : x;
  const int32_t below =
      slope == 0 ? e.Mul(x, e.Float(0)) : e.Mul(e.Sub(x, e.Float(threshold)), e.Float(slope));
  return e.Op(OpCode::kSelectV2, {condition, above, below}, {}, e.type(x));
}

struct Function {
  const char* name;
  int32_t (*apply)(LayerContext& c, int32_t x);
};

constexpr Function kFunctions[] = {
    {"linear", [](LayerContext&, int32_t x) { return x; }},
    {"relu", [](LayerContext& c, int32_t x) { return c.e.Op(OpCode::kRelu, {x}); }},
    {"relu6", [](LayerContext& c, int32_t x) { return c.e.Op(OpCode::kRelu6, {x}); }},
    {"sigmoid", [](LayerContext& c, int32_t x) { return Sigmoid(c.e, x); }},
    {"tanh", [](LayerContext& c, int32_t x) { return c.e.Op(OpCode::kTanh, {x}); }},
    {"exponential", [](LayerContext& c, int32_t x) { return c.e.Op(OpCode::kExp, {x}); }},
    {"silu", [](LayerContext& c, int32_t x) { return c.e.Mul(x, Sigmoid(c.e, x)); }},
    {"swish", [](LayerContext& c, int32_t x) { return c.e.Mul(x, Sigmoid(c.e, x)); }},
    {"hard_sigmoid", [](LayerContext& c, int32_t x) { return HardSigmoid(c, x); }},
    {"hard_silu", [](LayerContext& c, int32_t x) { return c.e.Op(OpCode::kHardSwish, {x}); }},
    {"hard_swish", [](LayerContext& c, int32_t x) { return c.e.Op(OpCode::kHardSwish, {x}); }},
    {"hard_tanh", [](LayerContext& c, int32_t x) { return Clip(c.e, x, -1, 1); }},
    {"softmax", [](LayerContext& c, int32_t x) { return Softmax(c, x, {}, OpCode::kSoftmax); }},
    {"log_softmax",
     [](LayerContext& c, int32_t x) { return Softmax(c, x, {}, OpCode::kLogSoftmax); }},
    {"softplus", [](LayerContext& c, int32_t x) { return Softplus(c.e, x); }},
    {"log_sigmoid",
     [](LayerContext& c, int32_t x) { return c.e.Op(OpCode::kLog, {Sigmoid(c.e, x)}); }},
    {"softsign",
     [](LayerContext& c, int32_t x) {
       return c.e.Div(x, c.e.Add(c.e.Op(OpCode::kAbs, {x}), c.e.Float(1)));
     }},
    {"mish", [](LayerContext& c,
                int32_t x) { return c.e.Mul(x, c.e.Op(OpCode::kTanh, {Softplus(c.e, x)})); }},
    {"elu", [](LayerContext& c, int32_t x) { return Elu(c.e, x, 1); }},
    {"celu", [](LayerContext& c, int32_t x) { return Elu(c.e, x, 1); }},
    {"selu",
     [](LayerContext& c, int32_t x) {
       // scale * elu(x, alpha)
       constexpr float kAlpha = 1.67326324235437728f, kScale = 1.05070098735548049f;
       const int32_t below = c.e.Op(OpCode::kElu, {c.e.Minimum(x, c.e.Float(0))});
       return c.e.Add(c.e.Mul(c.e.Op(OpCode::kRelu, {x}), c.e.Float(kScale)),
                      c.e.Mul(below, c.e.Float(kScale * kAlpha)));
     }},
    {"gelu",
     [](LayerContext& c, int32_t x) { return c.e.Op(OpCode::kGelu, {x}, ir::GeluAttrs{false}); }},
    {"leaky_relu",
     [](LayerContext& c, int32_t x) {
       return c.e.Op(OpCode::kLeakyRelu, {x}, ir::LeakyReluAttrs{0.2f});
     }},
    {"glu",
     [](LayerContext& c, int32_t x) {
       const int last = c.e.rank(x) - 1;
       const std::vector<int32_t> halves = c.e.Ops(OpCode::kSplit, {c.e.builder().AddInt(last), x},
                                                   ir::SplitAttrs{2}, 2, c.e.type(x));
       return c.e.Mul(halves[0], Sigmoid(c.e, halves[1]));
     }},
    {"hard_shrink",
     [](LayerContext& c, int32_t x) {
       return WhereGreater(c.e, c.e.Op(OpCode::kAbs, {x}), 0.5f, x, c.e.Mul(x, c.e.Float(0)));
     }},
    {"soft_shrink",
     [](LayerContext& c, int32_t x) {
       const int32_t rest =
           c.e.Op(OpCode::kRelu, {c.e.Sub(c.e.Op(OpCode::kAbs, {x}), c.e.Float(0.5f))});
       return c.e.Mul(c.e.Op(OpCode::kSign, {x}), rest);
     }},
    {"tanh_shrink",
     [](LayerContext& c, int32_t x) { return c.e.Sub(x, c.e.Op(OpCode::kTanh, {x})); }},
    {"squareplus",
     [](LayerContext& c, int32_t x) {
       const int32_t root =
           c.e.Op(OpCode::kSqrt, {c.e.Add(c.e.Op(OpCode::kSquare, {x}), c.e.Float(4))});
       return c.e.Mul(c.e.Add(x, root), c.e.Float(0.5f));
     }},
    {"sparse_sigmoid",
     [](LayerContext& c, int32_t x) {
       return Clip(c.e, c.e.Mul(c.e.Add(x, c.e.Float(1)), c.e.Float(0.5f)), 0, 1);
     }},
    {"sparse_plus",
     [](LayerContext& c, int32_t x) {
       // 0 up to -1, ((x + 1) / 2)^2 up to 1, then x.
       const int32_t middle = c.e.Op(
           OpCode::kSquare, {c.e.Mul(c.e.Add(Clip(c.e, x, -1, 1), c.e.Float(1)), c.e.Float(0.5f))});
       return WhereGreater(c.e, x, 1, x, middle);
     }},
};

Status LowerActivation(LayerContext& c) {
  c.Return(Activate(c, c.options.Raw("activation"), c.x()), /*keeps_mask=*/true);
  return c.Finish();
}

Status LowerRelu(LayerContext& c) {
  const float max_value = c.options.Float("max_value", INFINITY);
  const float slope = c.options.Float("negative_slope", 0);
  c.Return(Relu(c.e, c.x(), slope, max_value, c.options.Float("threshold", 0)), true);
  return c.Finish();
}

Status LowerLeakyRelu(LayerContext& c) {
  const bool old = c.options.Has("alpha");  // Keras 2
  const float slope =
      old ? c.options.Float("alpha", 0.3f) : c.options.Float("negative_slope", 0.3f);
  c.options.Ignore({"alpha", "negative_slope"});
  c.Return(c.e.Op(OpCode::kLeakyRelu, {c.x()}, ir::LeakyReluAttrs{slope}), true);
  return c.Finish();
}

Status LowerElu(LayerContext& c) {
  c.Return(Elu(c.e, c.x(), c.options.Float("alpha", 1)), true);
  return c.Finish();
}

Status LowerThresholdedRelu(LayerContext& c) {
  const float theta = c.options.Float("theta", 1);
  c.Return(WhereGreater(c.e, c.x(), theta, c.x(), c.e.Mul(c.x(), c.e.Float(0))), true);
  return c.Finish();
}

Status LowerPrelu(LayerContext& c) {
  // Slopes of the shape of one sample, ones where axes are shared.
  const Weight alpha = c.Take("alpha", 0);
  (void)c.options.List("shared_axes");
  c.Return(c.e.Op(OpCode::kPrelu, {c.x(), c.Constant(alpha, alpha.shape, "alpha")}), true);
  return c.Finish();
}

Status LowerSoftmax(LayerContext& c) {
  if (c.Argument("mask", 1).value != ir::kNoValue)
    return Error(Code::kUnsupported, "a mask of its scores");
  c.Return(Softmax(c, c.x(), c.options.List("axis"), OpCode::kSoftmax), true);
  return c.Finish();
}

constexpr LayerDef kLayers[] = {
    {"Activation", LowerActivation},
    {"ELU", LowerElu},
    {"LeakyReLU", LowerLeakyRelu},
    {"PReLU", LowerPrelu},
    {"ReLU", LowerRelu},
    {"Softmax", LowerSoftmax},
    {"ThresholdedReLU", LowerThresholdedRelu},
};

}  // namespace

int32_t Activate(LayerContext& c, const Json& activation, int32_t x) {
  if (activation.is_null()) return x;
  std::string name = activation.text();
  if (activation.is_object()) {
    const Json& config = activation["config"];
    // The optimization toolkit wraps activations, too.
    if (activation["class_name"].text() == "QuantizeAwareActivation")
      return Activate(c, config["activation"], x);
    if (activation["class_name"].text() == "NoOpActivation") return x;
    // A function by its registered name; {"module": "builtins", "class_name": "function", …}.
    if (config.is_string()) {
      name = config.text();
    } else if (FindLayer(activation["class_name"].text()) != nullptr) {  // a layer
      auto layer = ReadLayerConfig(activation);
      if (layer.ok() && layer->name.empty()) layer->name = Concat(c.layer.name, "/activation");
      auto outputs = layer.ok() ? c.lowering.LowerLayer(*layer, c.weights.OfPart("activation"), {},
                                                        {{x, ir::kNoValue}}, "")
                                : Result<std::vector<Tensor>>(layer.status());
      if (outputs.ok() && outputs->size() == 1) return outputs->front().value;
      c.e.Fail(outputs.ok() ? Error(Code::kUnsupported, "its activation") : outputs.status());
      return ir::kNoValue;
    } else {
      name = activation["class_name"].text();
    }
  }
  for (const Function& function : kFunctions)
    if (name == function.name) return function.apply(c, x);
  c.e.Fail(Error(Code::kUnsupported, "the activation ", activation.ToString()));
  return ir::kNoValue;
}

std::span<const LayerDef> ActivationLayers() { return kLayers; }

}  // namespace edgeml::keras
