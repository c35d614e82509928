// Normalization layers. Formulas: keras.layers of Keras 2.15 and 3.15.
#include <cmath>

#include "src/base/strings.h"
#include "src/formats/keras/layers/common.h"

namespace edgeml::keras {
namespace {

using ir::OpCode;

// Constants of `size` elements along `axis` as a shape that broadcasts over a tensor of this rank.
Shape Along(int axis, int rank, int32_t size) {
  Shape shape;
  for (int d = axis; d < rank; ++d) shape.push_back(d == axis ? size : 1);
  return shape;
}

Result<int> AxisOf(LayerContext& c, int64_t or_else) {
  std::vector<int32_t> axes = c.options.List("axis");
  if (axes.empty()) axes = {static_cast<int32_t>(or_else)};
  const int rank = c.e.rank(c.x());
  const auto axis = NormalizedAxis(axes[0], rank);
  if (axes.size() != 1) return Error(Code::kUnsupported, "several axes");
  if (!axis) return Error(Code::kInvalidModel, "axis ", axes[0], " of a tensor of rank ", rank);
  return *axis;
}

// y = (x - mean) / sqrt(variance + epsilon) * gamma + beta, as one product and one sum.
Status LowerBatchNormalization(LayerContext& c) {
  c.options.Ignore({"momentum", "synchronized", "renorm", "renorm_clipping", "renorm_momentum",
                    "fused", "virtual_batch_size", "mode", "beta_init", "gamma_init"});
  EDGEML_ASSIGN_OR_RETURN(const int axis, AxisOf(c, -1));
  const float epsilon = c.options.Float("epsilon", 1e-3f);
  const bool scale = c.options.Bool("scale", true), center = c.options.Bool("center", true);
  size_t index = 0;
  Weight gamma, beta;
  if (scale) gamma = c.Take("gamma", index++, 1);
  if (center) beta = c.Take("beta", index++, 1);
  const Weight mean = c.Take("moving_mean", index, 1);
  const Weight variance = c.Take("moving_variance", index + 1, 1);
  EDGEML_RETURN_IF_ERROR(c.Check());
  const auto size = static_cast<size_t>(mean.shape[0]);
  for (const Weight* w : {&variance, scale ? &gamma : &mean, center ? &beta : &mean})
    if (static_cast<size_t>(w->shape[0]) != size || w->type != DType::kFloat32)
      return Error(Code::kInvalidModel, "weights of different sizes");
  std::vector<float> factor(size), shift(size);
  for (size_t i = 0; i < size; ++i) {
    const double by =
        (scale ? static_cast<double>(gamma.floats()[i]) : 1.0) /
        std::sqrt(static_cast<double>(variance.floats()[i]) + static_cast<double>(epsilon));
    factor[i] = static_cast<float>(by);
    shift[i] = static_cast<float>((center ? static_cast<double>(beta.floats()[i]) : 0.0) -
                                  static_cast<double>(mean.floats()[i]) * by);
  }
  const Shape shape = Along(axis, c.e.rank(c.x()), mean.shape[0]);
  const int32_t y = c.e.Mul(c.x(), c.e.Floats(shape, factor, c.Name("scale")));
  c.Return(c.e.Add(y, c.e.Floats(shape, shift, c.Name("shift"))), /*keeps_mask=*/true);
  return c.Finish();
}

// (x - mean) / sqrt(variance + epsilon) over these axes.
int32_t Standardize(ir::Emitter& e, int32_t x, std::span<const int32_t> axes, float epsilon) {
  const int32_t centered = e.Sub(x, e.Reduce(OpCode::kMean, x, axes, true));
  const int32_t variance = e.Reduce(OpCode::kMean, e.Op(OpCode::kSquare, {centered}), axes, true);
  return e.Mul(centered, e.Op(OpCode::kRsqrt, {e.Add(variance, e.Float(epsilon))}));
}

Status LowerLayerNormalization(LayerContext& c) {
  std::vector<int32_t> axes = c.options.List("axis");
  if (axes.empty()) axes = {-1};
  const int rank = c.e.rank(c.x());
  for (int32_t& axis : axes) {
    const auto normal = NormalizedAxis(axis, rank);
    if (!normal) return Error(Code::kInvalidModel, "axis ", axis, " of a tensor of rank ", rank);
    axis = *normal;
  }
  const float epsilon = c.options.Float("epsilon", 1e-3f);
  const bool rms = c.options.Bool("rms_scaling", false);
  const bool scale = c.options.Bool("scale", true), center = c.options.Bool("center", true);
  ir::Emitter& e = c.e;
  // gamma and beta have the sizes of the axes; ones in between make them broadcast.
  const auto parameter = [&](std::string_view name, size_t index) {
    const Weight w = c.Take(name, index, static_cast<int>(axes.size()));
    Shape shape;
    size_t next = 0;
    for (int d = axes[0]; d < rank && e.ok(); ++d) {
      const bool is_axis = next < axes.size() && axes[next] == d;
      shape.push_back(is_axis ? w.shape[static_cast<int>(next++)] : 1);
    }
    return c.Constant(w, shape, name);
  };
  int32_t y = ir::kNoValue;
  if (rms) {  // gamma * x / sqrt(variance + epsilon), and no beta
    const int32_t variance = [&] {
      const int32_t centered = e.Sub(c.x(), e.Reduce(OpCode::kMean, c.x(), axes, true));
      return e.Reduce(OpCode::kMean, e.Op(OpCode::kSquare, {centered}), axes, true);
    }();
    y = e.Mul(c.x(), e.Op(OpCode::kRsqrt, {e.Add(variance, e.Float(epsilon))}));
    y = e.Mul(y, parameter("gamma", 0));
  } else {
    y = Standardize(e, c.x(), axes, epsilon);
    size_t index = 0;
    if (scale) y = e.Mul(y, parameter("gamma", index++));
    if (center) y = e.Add(y, parameter("beta", index));
  }
  c.Return(y, /*keeps_mask=*/true);
  return c.Finish();
}

Status LowerRmsNormalization(LayerContext& c) {
  EDGEML_ASSIGN_OR_RETURN(const int axis, AxisOf(c, -1));
  const float epsilon = c.options.Float("epsilon", 1e-6f);
  ir::Emitter& e = c.e;
  const int32_t axes[] = {axis};
  const int32_t mean = e.Reduce(OpCode::kMean, e.Op(OpCode::kSquare, {c.x()}), axes, true);
  const int32_t y = e.Mul(c.x(), e.Op(OpCode::kRsqrt, {e.Add(mean, e.Float(epsilon))}));
  const Weight scale = c.Take("scale", 0, 1);
  EDGEML_RETURN_IF_ERROR(e.status());
  c.Return(e.Mul(y, c.Constant(scale, Along(axis, e.rank(c.x()), scale.shape[0]), "scale")), true);
  return c.Finish();
}

// Each group of neighbouring channels is standardized over all but the batch.
Status LowerGroupNormalization(LayerContext& c) {
  EDGEML_ASSIGN_OR_RETURN(const int axis, AxisOf(c, -1));
  const float epsilon = c.options.Float("epsilon", 1e-3f);
  const bool scale = c.options.Bool("scale", true), center = c.options.Bool("center", true);
  ir::Emitter& e = c.e;
  const Shape in = e.shape(c.x());
  auto groups = static_cast<int32_t>(c.options.Int("groups", 32));
  if (groups == -1) groups = in[axis];
  if (axis == 0 || groups < 1 || in[axis] == kUnknownDim || in[axis] % groups != 0)
    return Error(Code::kInvalidModel, groups, " groups of ", in[axis], " channels");
  Shape split;
  std::vector<int32_t> axes;
  for (int d = 0; d < in.rank(); ++d) {
    if (d == axis) split.push_back(groups);
    const int32_t size = d == axis ? in[d] / groups : in[d];
    if (d > 0) axes.push_back(split.rank());
    split.push_back(size);
  }
  int32_t y = Standardize(e, e.Reshape(c.x(), split), axes, epsilon);
  y = e.Reshape(y, in);
  const Shape shape = Along(axis, in.rank(), in[axis]);
  size_t index = 0;
  if (scale) y = e.Mul(y, c.Constant(c.Take("gamma", index++, 1), shape, "gamma"));
  if (center) y = e.Add(y, c.Constant(c.Take("beta", index, 1), shape, "beta"));
  c.Return(y);
  return c.Finish();
}

// x / sqrt(max(sum of squares, 1e-12)).
Status LowerUnitNormalization(LayerContext& c) {
  std::vector<int32_t> axes = c.options.List("axis");
  if (axes.empty()) axes = {-1};
  const int rank = c.e.rank(c.x());
  for (int32_t& axis : axes) {
    const auto normal = NormalizedAxis(axis, rank);
    if (!normal) return Error(Code::kInvalidModel, "axis ", axis, " of a tensor of rank ", rank);
    axis = *normal;
  }
  ir::Emitter& e = c.e;
  if (axes.size() == 1 && axes[0] == rank - 1 && rank == 2) {
    c.Return(e.Op(OpCode::kL2Normalization, {c.x()}, ir::ActivationAttrs{}));
    return c.Finish();
  }
  const int32_t sum = e.Reduce(OpCode::kSum, e.Op(OpCode::kSquare, {c.x()}), axes, true);
  c.Return(e.Mul(c.x(), e.Op(OpCode::kRsqrt, {e.Maximum(sum, e.Float(1e-12f))})));
  return c.Finish();
}

constexpr LayerDef kLayers[] = {
    {"BatchNormalization", LowerBatchNormalization},
    {"GroupNormalization", LowerGroupNormalization},
    {"LayerNormalization", LowerLayerNormalization},
    {"RMSNormalization", LowerRmsNormalization},
    {"UnitNormalization", LowerUnitNormalization},
};

}  // namespace

std::span<const LayerDef> NormalizationLayers() { return kLayers; }

}  // namespace edgeml::keras
