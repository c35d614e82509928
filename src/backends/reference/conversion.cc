// CAST, QUANTIZE, DEQUANTIZE, FAKE_QUANT and DENSIFY on the reference kernels.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "src/backends/kernel_table.h"
#include "src/backends/reference/elementwise.h"
#include "src/backends/weights.h"
#include "src/base/strings.h"
#include "src/kernels/quantize/quantize.h"

namespace edgeml::backends {
namespace {

using namespace reference;

// CAST -------------------------------------------------------------------------------------------

std::string DeclineCast(const NodeView& view) {
  const DType from = view.inputs[0].type, to = view.outputs[0].type;
  if (kernels::CanCast(from, to)) return "";
  return Concat("a cast from ", NameOf(from), " to ", NameOf(to), " is not supported");
}

class CastStep : public runtime::Step {
 public:
  Status Prepare(runtime::PrepareContext& context) override {
    if (context.view().inputs[0].type == context.view().outputs[0].type) context.AllowAlias(0, 0);
    return Status::Ok();
  }
  Status Run(runtime::RunContext& context) override {
    const TensorView& in = context.input(0);
    const TensorView& out = context.output(0);
    if (in.data == out.data) return Status::Ok();
    kernels::Cast(in.type, in.data, in.num_elements(), out.type, out.data);
    return Status::Ok();
  }
};

// QUANTIZE and DEQUANTIZE ------------------------------------------------------------------------

// Finite scales > 0 and zero points in 32 bits (0 ± 2^30, so that sums with them fit).
std::string DeclineScales(const TensorView& view, std::string_view what) {
  if (!view.quantized()) return Concat(what, " has no quantization parameters");
  const Quantization& q = *view.quantization;
  if (q.block_size != 0) return Concat(what, " is quantized in blocks");
  for (float scale : q.scale)
    if (!std::isfinite(scale) || !(scale > 0.0f)) return Concat(what, " has a scale of ", scale);
  for (int64_t zero_point : q.zero_point)
    if (std::abs(static_cast<double>(zero_point)) > 1073741824.0)
      return Concat(what, " has a zero point of ", zero_point);
  return "";
}

// The shape rule has checked that channels fit the shape.
kernels::ChannelScales ScalesOf(const TensorView& view) {
  const Quantization& q = *view.quantization;
  kernels::ChannelScales scales;
  scales.scale = q.scale.data();
  scales.zero_point = q.zero_point.empty() ? nullptr : q.zero_point.data();
  scales.one_zero_point = q.zero_point.size() <= 1;
  if (q.per_axis()) {
    scales.outer = view.shape.num_elements(0, q.axis);
    scales.channels = view.dim(q.axis);
    scales.inner = view.shape.num_elements(q.axis + 1, view.rank());
  } else {
    scales.inner = view.num_elements();
  }
  return scales;
}

std::string DeclineQuantize(const NodeView& view) {
  using D = DType;
  const TensorView& in = view.inputs[0];
  const TensorView& out = view.outputs[0];
  if (std::string why = DeclineScales(out, "output"); !why.empty()) return why;
  bool known = false;
  switch (in.type) {
    case D::kFloat32:
      known = IsOneOf(out.type, {D::kInt8, D::kUInt8, D::kInt16}) ||
              (IsOneOf(out.type, {D::kInt4, D::kUInt4}) && !out.quantization->per_axis());
      break;
    case D::kInt8:
    case D::kUInt8:
      known = IsOneOf(out.type, {D::kInt8, D::kUInt8, D::kInt16});
      break;
    case D::kInt16:
      known = IsOneOf(out.type, {D::kInt8, D::kInt16, D::kInt32});
      break;
    case D::kInt32:
      known = IsOneOf(out.type, {D::kInt8, D::kInt16});
      break;
    default:
      break;
  }
  if (!known)
    return Concat(NameOf(in.type), " input with ", NameOf(out.type), " output is not supported");
  if (in.type == D::kFloat32) return "";
  if (std::string why = DeclineScales(in, "input"); !why.empty()) return why;
  if (in.quantization->per_axis() || out.quantization->per_axis())
    return "integers quantized per channel cannot be requantized";
  if (in.type == D::kInt16 && out.type == D::kInt16) {
    if (std::string why = DeclineAsymmetric(in, "input"); !why.empty()) return why;
    return DeclineAsymmetric(out, "output");
  }
  return "";
}

class QuantizeStep : public runtime::Step {
 public:
  Status Prepare(runtime::PrepareContext& context) override {
    const TensorView& in = context.view().inputs[0];
    const TensorView& out = context.view().outputs[0];
    if (in.type == DType::kFloat32) {
      scales_ = ScalesOf(out);
      return Status::Ok();
    }
    multiplier_ = ToFixedPoint(static_cast<double>(in.scale()) / static_cast<double>(out.scale()));
    zero_point_in_ = in.zero_point();
    zero_point_out_ = out.zero_point();
    AllowInPlaceIfAlike(context, 0);
    return Status::Ok();
  }
  Status Run(runtime::RunContext& context) override {
    const TensorView& in = context.input(0);
    const TensorView& out = context.output(0);
    if (in.type == DType::kFloat32) {
      kernels::QuantizeFloat(in.as<float>(), scales_, out.type, out.data);
    } else {
      kernels::Requantize(in.type, in.data, in.num_elements(), multiplier_, zero_point_in_,
                          zero_point_out_, out.type, out.data);
    }
    return Status::Ok();
  }

 private:
  kernels::ChannelScales scales_;
  FixedPointMultiplier multiplier_;
  int32_t zero_point_in_ = 0, zero_point_out_ = 0;
};

std::string DeclineDequantize(const NodeView& view) {
  using D = DType;
  const TensorView& in = view.inputs[0];
  if (std::string why = DeclineOtherType(view.outputs[0], "output", D::kFloat32); !why.empty())
    return why;
  if (std::string why =
          DeclineType(in, "input",
                      {D::kFloat16, D::kInt8, D::kUInt8, D::kInt16, D::kInt4, D::kUInt4, D::kInt2});
      !why.empty())
    return why;
  if (in.type == D::kFloat16) return "";
  if (std::string why = DeclineScales(in, "input"); !why.empty()) return why;
  if (in.type == D::kInt16) return DeclineAsymmetric(in, "input");
  return "";
}

class DequantizeStep : public runtime::Step {
 public:
  Status Prepare(runtime::PrepareContext& context) override {
    const TensorView& in = context.view().inputs[0];
    if (in.type != DType::kFloat16) scales_ = ScalesOf(in);
    return Status::Ok();
  }
  Status Run(runtime::RunContext& context) override {
    const TensorView& in = context.input(0);
    float* out = context.output(0).as_mutable<float>();
    if (in.type == DType::kFloat16) {
      kernels::HalvesToFloats(in.as<uint16_t>(), in.num_elements(), out);
    } else {
      kernels::Dequantize(in.type, in.data, scales_, out);
    }
    return Status::Ok();
  }

 private:
  kernels::ChannelScales scales_;
};

// FAKE_QUANT -------------------------------------------------------------------------------------

std::string DeclineFakeQuant(const NodeView& view) {
  if (std::string why = DeclineUnary(view, {DType::kFloat32}); !why.empty()) return why;
  const auto& attrs = view.attrs<ir::FakeQuantAttrs>();
  if (attrs.narrow_range) return "a narrow range is not supported";
  if (attrs.num_bits < 1 || attrs.num_bits > 16)
    return Concat("num_bits is ", attrs.num_bits, ", expected 1 to 16");
  if (!(attrs.min < attrs.max))
    return Concat("the range ", attrs.min, " to ", attrs.max, " is empty");
  return "";
}

class FakeQuantStep : public runtime::Step {
 public:
  Status Prepare(runtime::PrepareContext& context) override {
    const auto& attrs = context.view().attrs<ir::FakeQuantAttrs>();
    grid_ = kernels::MakeFakeQuantGrid(attrs.min, attrs.max, attrs.num_bits);
    AllowInPlaceIfAlike(context, 0);
    return Status::Ok();
  }
  Status Run(runtime::RunContext& context) override {
    const TensorView& in = context.input(0);
    kernels::FakeQuantize(grid_, in.num_elements(), in.as<float>(),
                          context.output(0).as_mutable<float>());
    return Status::Ok();
  }

 private:
  kernels::FakeQuantGrid grid_;
};

// DENSIFY: its input reaches the step dense ------------------------------------------------------

std::string DeclineDensify(const NodeView& view) {
  if (BitsOf(view.inputs[0].type) == 0)
    return Concat("input of type ", NameOf(view.inputs[0].type), " is not supported");
  return DeclineOtherType(view.outputs[0], "output", view.inputs[0].type);
}

class DensifyStep : public runtime::Step {
 public:
  Status Prepare(runtime::PrepareContext& context) override {
    const TensorView& out = context.view().outputs[0];
    const auto bytes = CheckedByteSize(out.shape, out.type);
    if (!bytes) return Error(Code::kInternal, "output has no size");
    bytes_ = *bytes;
    context.AllowAlias(0, 0);
    return Status::Ok();
  }
  Status Run(runtime::RunContext& context) override {
    const void* in = context.input(0).data;
    void* out = context.output(0).data;
    if (in != out && bytes_ != 0) std::memcpy(out, in, bytes_);
    return Status::Ok();
  }

 private:
  size_t bytes_ = 0;
};

constexpr auto kExact = ErrorBound::kExact;
constexpr KernelEntry kKernels[] = {
    {OpCode::kCast, "cast.reference", kExact, DeclineCast, MakeStep<CastStep>},
    {OpCode::kQuantize, "quantize.reference", kExact, DeclineQuantize, MakeStep<QuantizeStep>},
    {OpCode::kDequantize, "dequantize.reference", kExact, DeclineDequantize,
     MakeStep<DequantizeStep>},
    {OpCode::kFakeQuant, "fake_quant.reference", kExact, DeclineFakeQuant, MakeStep<FakeQuantStep>},
    {OpCode::kDensify, "densify.reference", kExact, DeclineDensify, MakeStep<DensifyStep>},
};

}  // namespace

std::span<const KernelEntry> ConversionKernels() { return ir::SelectedRows<kKernels>(); }

}  // namespace edgeml::backends
