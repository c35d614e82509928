#include "src/formats/keras/layers/recurrent_cells.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

#include "src/base/strings.h"

namespace edgeml::keras {
namespace {

using ir::OpCode;

// Activations that work on each element alone.
bool IsElementwise(const Json& activation) {
  static constexpr std::string_view kNames[] = {"linear", "relu",     "relu6", "sigmoid",
                                                "tanh",   "softsign", "elu",   "hard_sigmoid"};
  const std::string& name =
      activation["config"].is_string() ? activation["config"].text() : activation.text();
  return std::ranges::find(kNames, name) != std::end(kNames);
}

// A weight [.., gates * units] with the blocks of its last dimension in this order.
Weight Reordered(const Weight& weight, std::span<const size_t> order) {
  if (weight.data.bytes.empty()) return weight;
  const auto row = static_cast<size_t>(weight.shape.back());
  const size_t block = row / order.size();
  const std::span<const float> from = weight.floats();
  std::vector<float> values(from.size());
  for (size_t start = 0; start + row <= from.size(); start += row)
    for (size_t i = 0; i < order.size(); ++i)
      std::copy_n(&from[start + order[i] * block], block, &values[start + i * block]);
  return MakeWeight(weight.shape, std::move(values));
}

// The kernels of cuDNN layers hold each gate's matrix transposed; those of the input, as if that
// had been reshaped in column-major order (keras.saving.legacy.hdf5_format).
void FromCudnn(Weight& weight, int32_t units, bool is_recurrent) {
  const auto rows = static_cast<size_t>(weight.shape[0]),
             row = static_cast<size_t>(weight.shape[1]);
  const auto columns = static_cast<size_t>(units);
  const std::span<const float> from = weight.floats();
  std::vector<float> values(from.size());
  for (size_t gate = 0; gate * columns < row; ++gate) {
    const auto at = [&](size_t r, size_t c) { return r * row + gate * columns + c; };
    for (size_t r = 0; r < rows; ++r) {
      for (size_t c = 0; c < columns; ++c) {
        const size_t flat = r + c * rows;  // of the element in column-major order
        values[at(r, c)] = is_recurrent ? from[at(c, r)] : from[at(flat / columns, flat % columns)];
      }
    }
  }
  weight = MakeWeight(weight.shape, std::move(values));
}

// A cell's activation by name. Layers in its place would be lowered over and over.
Json ReadActivation(LayerOptions& options, std::string_view name, std::string_view or_else) {
  const Json& json = options.Raw(name);
  if (json.is_null()) return Json(std::string(or_else));
  if (json.is_object() && !json["config"].is_string() &&
      FindLayer(json["class_name"].text()) != nullptr)
    options.Fail(Error(Code::kUnsupported, "a layer as activation of a cell: ", json.ToString()));
  return json;
}

std::vector<float> ToVector(std::span<const float> values) {
  return {values.begin(), values.end()};
}

// The biases in their forms: [n], of a GRU that resets afterwards [2, n], of cuDNN [2 n].
void ReadBias(LayerContext& c, Cell& cell, Weight bias, int64_t n, bool cudnn) {
  if (!c.e.ok()) return;
  const bool two = cell.reset_after || cudnn;
  if (bias.type != DType::kFloat32 || bias.shape.num_elements() != (two ? 2 * n : n)) {
    c.e.Fail(Error(Code::kInvalidModel, "a bias of shape ", bias.shape.ToString(), " for ",
                   cell.units, " units"));
    return;
  }
  cell.bias = ToVector(bias.floats().subspan(0, static_cast<size_t>(n)));
  if (!two) return;
  cell.recurrent_bias = ToVector(bias.floats().subspan(static_cast<size_t>(n)));
  if (cell.reset_after) return;
  for (size_t i = 0; i < cell.bias.size(); ++i) cell.bias[i] += cell.recurrent_bias[i];
  cell.recurrent_bias.clear();
}

void ReadWindow(Cell& cell, LayerOptions& options) {
  const std::vector<int32_t> strides = options.Ints("strides", cell.dims, 1);
  const std::vector<int32_t> dilation = options.Ints("dilation_rate", cell.dims, 1);
  for (const auto* sizes : {&strides, &dilation})
    if (std::ranges::any_of(*sizes, [](int32_t n) { return n < 1; }))
      options.Fail(Error(Code::kInvalidModel, "a stride or dilation below 1"));
  cell.window.padding = options.OneOf("padding", {"valid", "same"}, "valid") == "same"
                            ? ir::Padding::kSame
                            : ir::Padding::kValid;
  const size_t last = cell.dims - 1;
  cell.window.stride_w = strides[last];
  cell.window.dilation_w = dilation[last];
  if (cell.dims > 1) {
    cell.window.stride_h = strides[last - 1];
    cell.window.dilation_h = dilation[last - 1];
  }
  if (cell.dims > 2) {
    cell.stride_d = strides[0];
    cell.dilation_d = dilation[0];
  }
  options.Ignore({"kernel_size", "data_format"});
}

// A kernel [k…, in, out] as the operators take it: [out, k…, in], of one dimension as two; of three
// dimensions as it is.
Weight ForOperator(Weight kernel, size_t dims) {
  if (dims == 0) {
    const int32_t order[] = {1, 0};
    return Transposed(kernel, order);
  }
  if (dims == 3) return kernel;
  if (dims == 1) kernel.shape = {1, kernel.shape[0], kernel.shape[1], kernel.shape[2]};
  const int32_t order[] = {3, 0, 1, 2};
  return Transposed(kernel, order);
}

int32_t Bias(LayerContext& c, std::span<const float> values) {
  if (values.empty()) return ir::kNoValue;
  return c.e.Floats({static_cast<int32_t>(values.size())}, values);
}

int32_t Weights2D(LayerContext& c, const Weight& weight, std::string_view name) {
  return c.Constant(weight, weight.shape, name);
}

// x W + b, or its convolution.
int32_t Product(LayerContext& c, const Cell& cell, int32_t x, const Weight& kernel,
                std::span<const float> bias, std::string_view name, bool is_recurrent) {
  ir::Emitter& e = c.e;
  std::vector<int32_t> inputs = {x, Weights2D(c, kernel, name)};
  if (!bias.empty()) {
    inputs.push_back(Bias(c, bias));
  } else if (cell.dims == 1 || cell.dims == 2) {  // CONV_2D of LiteRT does not work without
    const std::vector<float> zeros(static_cast<size_t>(cell.units * cell.gates()));
    inputs.push_back(Bias(c, zeros));
  }
  if (cell.dims == 0) {
    ir::FullyConnectedAttrs attributes;
    attributes.keep_num_dims = e.rank(x) != 2;
    return e.Op(OpCode::kFullyConnected, std::move(inputs), attributes);
  }
  ir::Window window = cell.window;
  if (is_recurrent) {
    window = {};
    window.padding = ir::Padding::kSame;
  }
  if (cell.dims == 3) {
    ir::Conv3DAttrs attributes;
    attributes.window = window;
    attributes.stride_d = is_recurrent ? 1 : cell.stride_d;
    attributes.dilation_d = is_recurrent ? 1 : cell.dilation_d;
    return e.Op(OpCode::kConv3D, std::move(inputs), attributes);
  }
  ir::ConvAttrs attributes;
  attributes.window = window;
  if (cell.dims == 1) inputs[0] = e.ExpandDims(x, 1);
  const int32_t y = e.Op(OpCode::kConv2D, std::move(inputs), attributes);
  return cell.dims == 1 ? e.Squeeze(y, 1) : y;
}

// The first of `parts` units and what follows: [.., a units], [.., b units].
std::vector<int32_t> Cut(ir::Emitter& e, int32_t x, int32_t first, int32_t second) {
  return e.Ops(OpCode::kSplitV, {x, e.Ints({first, second}), e.builder().AddInt(e.rank(x) - 1)},
               ir::SplitAttrs{2}, 2);
}

std::vector<int32_t> Split(ir::Emitter& e, int32_t x, int32_t parts) {
  return e.Ops(OpCode::kSplit, {e.builder().AddInt(e.rank(x) - 1), x}, ir::SplitAttrs{parts},
               static_cast<size_t>(parts), e.type(x));
}

// `count` gates with the recurrent activation from their sums.
std::vector<int32_t> Gates(LayerContext& c, const Cell& cell, int32_t sums, int32_t count) {
  if (cell.grouped) return Split(c.e, Activate(c, cell.recurrent_activation, sums), count);
  std::vector<int32_t> gates = Split(c.e, sums, count);
  for (int32_t& gate : gates) gate = Activate(c, cell.recurrent_activation, gate);
  return gates;
}

std::vector<int32_t> StepLstm(LayerContext& c, const Cell& cell, int32_t projected,
                              std::span<const int32_t> states) {
  ir::Emitter& e = c.e;
  const int32_t sums = e.Add(
      projected, Product(c, cell, states[0], cell.recurrent_kernel, {}, "recurrent_kernel", true));
  const std::vector<int32_t> parts = Cut(e, sums, 3 * cell.units, cell.units);
  const std::vector<int32_t> gates = Gates(c, cell, parts[0], 3);
  const int32_t candidate = Activate(c, cell.activation, parts[1]);
  const int32_t carry = e.Add(e.Mul(gates[1], states[1]), e.Mul(gates[0], candidate));
  return {e.Mul(gates[2], Activate(c, cell.activation, carry)), carry};
}

std::vector<int32_t> StepGru(LayerContext& c, const Cell& cell, int32_t projected,
                             std::span<const int32_t> states) {
  ir::Emitter& e = c.e;
  const int32_t h = states[0];
  const auto block = 2 * static_cast<size_t>(cell.units);
  const std::vector<int32_t> x = Cut(e, projected, 2 * cell.units, cell.units);
  // Rows [from, to) of the recurrent weights and biases.
  const auto product = [&](int32_t of, bool candidate, std::string_view name) {
    const std::span<const float> all = cell.recurrent_kernel.floats();
    const size_t cut = block * static_cast<size_t>(cell.units);
    const auto bias = std::span<const float>(cell.recurrent_bias);
    const Weight part = MakeWeight({candidate ? cell.units : 2 * cell.units, cell.units},
                                   ToVector(candidate ? all.subspan(cut) : all.first(cut)));
    return Product(c, cell, of, part,
                   bias.empty() ? bias
                   : candidate  ? bias.subspan(block)
                                : bias.first(block),
                   name, true);
  };
  int32_t inner = ir::kNoValue, candidate = ir::kNoValue;
  std::vector<int32_t> gates;
  if (cell.reset_after) {
    const int32_t all =
        Product(c, cell, h, cell.recurrent_kernel, cell.recurrent_bias, "recurrent_kernel", true);
    const std::vector<int32_t> recurrent = Cut(e, all, 2 * cell.units, cell.units);
    gates = Gates(c, cell, e.Add(x[0], recurrent[0]), 2);
    inner = e.Mul(gates[1], recurrent[1]);
  } else {
    gates = Gates(c, cell, e.Add(x[0], product(h, false, "recurrent_kernel")), 2);
    inner = product(e.Mul(gates[1], h), true, "candidate_kernel");
  }
  candidate = Activate(c, cell.activation, e.Add(x[1], inner));
  // z h + (1 - z) candidate
  return {e.Add(candidate, e.Mul(gates[0], e.Sub(h, candidate)))};
}

}  // namespace

size_t CountWeights(const Json& config) {
  return config["use_bias"].boolean().value_or(true) ? 3 : 2;
}

Cell ReadCell(LayerContext& c, std::string_view class_name, LayerOptions& options,
              const Weights& weights) {
  Cell cell;
  if (class_name.ends_with("Cell")) class_name.remove_suffix(4);
  const bool cudnn = class_name.starts_with("CuDNN");
  if (cudnn) class_name.remove_prefix(5);
  if (class_name == "GRU") cell.kind = Cell::Kind::kGru;
  if (class_name == "LSTM" || class_name.starts_with("ConvLSTM")) cell.kind = Cell::Kind::kLstm;
  if (class_name.starts_with("ConvLSTM")) cell.dims = static_cast<size_t>(class_name[8] - '0');
  // In Keras 1 units were called output_dim.
  const char* units = cell.dims > 0 ? "filters" : options.Has("units") ? "units" : "output_dim";
  const int64_t count = options.Int(units);
  const int32_t gates = cell.gates();
  if (count < 1 || count > INT32_MAX / 8) {
    options.Fail(Error(Code::kInvalidModel, count, " units"));
    return cell;
  }
  cell.units = static_cast<int32_t>(count);
  cell.activation = ReadActivation(options, "activation", cudnn ? "tanh" : "linear");
  if (cell.kind != Cell::Kind::kSimple) {
    const char* inner =
        options.Has("inner_activation") ? "inner_activation" : "recurrent_activation";
    cell.recurrent_activation = ReadActivation(options, inner, cudnn ? "sigmoid" : "linear");
    cell.grouped = IsElementwise(cell.recurrent_activation);
  }
  if (cell.kind == Cell::Kind::kGru) cell.reset_after = options.Bool("reset_after", cudnn);
  if (cell.dims > 0) ReadWindow(cell, options);
  options.Ignore({"unit_forget_bias", "dropout", "recurrent_dropout", "implementation", "use_cudnn",
                  "cache_dropout_mask", "consume_less", "dropout_W", "dropout_U"});

  const int rank = static_cast<int>(cell.dims) + 2;
  const auto take = [&](std::string_view name, size_t index, int of_rank) {
    auto weight = weights.Take(name, index, of_rank);
    if (weight.ok()) return std::move(weight).value();
    c.e.Fail(weight.status());
    return Weight{};
  };
  Weight kernel = take("kernel", 0, rank), recurrent = take("recurrent_kernel", 1, rank);
  if (!c.e.ok()) return cell;
  const int64_t wide = count * gates;
  if (kernel.shape.back() != wide || recurrent.shape.back() != wide ||
      recurrent.shape.back(1) != count || kernel.type != DType::kFloat32 ||
      recurrent.type != DType::kFloat32) {
    c.e.Fail(Error(Code::kInvalidModel, "weights of shapes ", kernel.shape.ToString(), " and ",
                   recurrent.shape.ToString(), " for ", count, " units"));
    return cell;
  }
  if (options.Bool("use_bias", true)) {
    Weight bias = take("bias", 2, -1);
    // Files of cuDNN layers tell by the number of their biases alone.
    const bool doubled = c.e.ok() && bias.shape.rank() == 1 && bias.shape[0] == 2 * wide;
    if (doubled) {
      FromCudnn(kernel, cell.units, false);
      FromCudnn(recurrent, cell.units, true);
    }
    ReadBias(c, cell, std::move(bias), wide, doubled);
  }
  if (cell.kind == Cell::Kind::kLstm) {
    static constexpr std::array<size_t, 4> kOrder = {0, 1, 3, 2};
    kernel = Reordered(kernel, kOrder);
    recurrent = Reordered(recurrent, kOrder);
    if (!cell.bias.empty())
      cell.bias =
          ToVector(Reordered(MakeWeight({static_cast<int32_t>(wide)}, cell.bias), kOrder).floats());
  }
  cell.kernel = ForOperator(std::move(kernel), cell.dims);
  cell.recurrent_kernel = ForOperator(std::move(recurrent), cell.dims);
  return cell;
}

int32_t Project(LayerContext& c, const Cell& cell, int32_t x) {
  return Product(c, cell, x, cell.kernel, cell.bias, "kernel", false);
}

std::vector<int32_t> Step(LayerContext& c, const Cell& cell, int32_t projected,
                          std::span<const int32_t> states) {
  if (cell.kind == Cell::Kind::kLstm) return StepLstm(c, cell, projected, states);
  if (cell.kind == Cell::Kind::kGru) return StepGru(c, cell, projected, states);
  const int32_t sum = c.e.Add(
      projected, Product(c, cell, states[0], cell.recurrent_kernel, {}, "recurrent_kernel", true));
  return {Activate(c, cell.activation, sum)};
}

}  // namespace edgeml::keras
