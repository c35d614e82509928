// Operators from energies to features: filter bank, square root, noise subtraction, PCAN,
// logarithm.
#include <vector>

#include "src/frontend/ops.h"
#include "src/frontend/signal_math.h"

namespace edgeml::frontend {
namespace {

constexpr DType kI16 = DType::kInt16, kI32 = DType::kInt32, kU32 = DType::kUInt32,
                kU64 = DType::kUInt64;

// SignalFilterBank: uint32 spectrum [bins], int16 weights [m], unweights [m], and by channel int16
// places in the spectrum, places in the weights and widths [num_channels + 1 each] -> uint64
// [num_channels]. The first channel only serves the unweighted part of the second.
class FilterBankOp : public CustomKernel {
 public:
  Status Prepare(CustomPrepare& node) override {
    EDGEML_RETURN_IF_ERROR(CheckTypes(node, {kU32, kI16, kI16, kI16, kI16, kI16}, {kU64}));
    EDGEML_ASSIGN_OR_RETURN(
        const int32_t channels,
        IntegerOption(node, "num_channels", 0, std::numeric_limits<int32_t>::max() - 1));
    for (size_t i = 0; i < 6; ++i) EDGEML_RETURN_IF_ERROR(CheckRank(node, i, 1));
    if (node.input(1).shape[0] != node.input(2).shape[0])
      return BadShape(node, 2, "it must be that of input 1");
    for (size_t i = 3; i < 6; ++i) {
      if (node.input(i).shape[0] <= channels)
        return BadShape(node, i,
                        "it must have num_channels + 1 elements, " + std::to_string(channels + 1));
    }
    node.SetOutputShape(0, std::span(&channels, 1));
    return Status();
  }

  Status Run(CustomRun& node) override {
    const auto spectrum = node.input(0).as<uint32_t>();
    const auto out = node.output(0).as_mutable<uint64_t>();
    FilterBank bank;
    bank.weights = node.input(1).as<int16_t>().data();
    bank.unweights = node.input(2).as<int16_t>().data();
    bank.num_weights = node.input(1).as<int16_t>().size();
    bank.starts = node.input(3).as<int16_t>().data();
    bank.weight_starts = node.input(4).as<int16_t>().data();
    bank.widths = node.input(5).as<int16_t>().data();
    uint64_t weighted = 0, unweighted = 0;
    for (size_t c = 0; c <= out.size(); ++c) {
      if (node.cancelled()) return Status(Code::kCancelled, "stopped on request");
      if (!AddChannel(bank, c, spectrum.data(), spectrum.size(), &weighted, &unweighted))
        return Status(Code::kInvalidModel, "channel " + std::to_string(c) +
                                               " reaches outside of the spectrum or the weights");
      if (c > 0) out[c - 1] = weighted;
      weighted = unweighted;
      unweighted = 0;
    }
    return Status();
  }
};

// SignalFilterBankSquareRoot: uint64 [n], int32 scale_bits [] -> uint32 [n]: the rounded root,
// shifted right by scale_bits, 0 to 31.
class SquareRoot : public CustomKernel {
 public:
  Status Prepare(CustomPrepare& node) override {
    EDGEML_RETURN_IF_ERROR(CheckTypes(node, {kU64, kI32}, {kU32}));
    EDGEML_RETURN_IF_ERROR(CheckRank(node, 0, 1));
    EDGEML_RETURN_IF_ERROR(CheckRank(node, 1, 0));
    node.SetOutputShape(0, node.input(0).shape);
    return Status();
  }

  Status Run(CustomRun& node) override {
    const auto in = node.input(0).as<uint64_t>();
    const auto out = node.output(0).as_mutable<uint32_t>();
    const int32_t bits = node.input(1).as<int32_t>()[0];
    if (bits < 0 || bits > 31)
      return Status(Code::kInvalidModel,
                    "scale_bits is " + std::to_string(bits) + "; it must be from 0 to 31");
    for (size_t i = 0; i < in.size(); ++i) out[i] = RoundedSquareRoot(in[i]) >> bits;
    return Status();
  }
};

// SignalFilterBankSpectralSubtraction: uint32 [num_channels] -> uint32 [num_channels], the signal
// less the noise, and uint32 [num_channels], the estimate of the noise that later runs go on from.
class SpectralSubtraction : public CustomKernel {
 public:
  Status Prepare(CustomPrepare& node) override {
    EDGEML_RETURN_IF_ERROR(CheckTypes(node, {kU32}, {kU32, kU32}));
    EDGEML_RETURN_IF_ERROR(CheckRank(node, 0, 1));
    EDGEML_ASSIGN_OR_RETURN(const int32_t channels, IntegerOption(node, "num_channels", 0));
    if (node.input(0).shape[0] != channels)
      return BadShape(node, 0, "num_channels is " + std::to_string(channels));
    const auto factor = [&node](const char* key, uint32_t& to) -> Status {
      EDGEML_ASSIGN_OR_RETURN(const int32_t value, IntegerOption(node, key, 0));
      to = static_cast<uint32_t>(value);
      return Status();
    };
    EDGEML_RETURN_IF_ERROR(factor("smoothing", parameters_.smoothing));
    EDGEML_RETURN_IF_ERROR(factor("one_minus_smoothing", parameters_.one_minus_smoothing));
    EDGEML_RETURN_IF_ERROR(factor("alternate_smoothing", parameters_.alternate_smoothing));
    EDGEML_RETURN_IF_ERROR(
        factor("alternate_one_minus_smoothing", parameters_.alternate_one_minus_smoothing));
    EDGEML_RETURN_IF_ERROR(factor("min_signal_remaining", parameters_.min_signal_remaining));
    EDGEML_ASSIGN_OR_RETURN(parameters_.smoothing_bits,
                            IntegerOption(node, "smoothing_bits", 0, 31));
    EDGEML_ASSIGN_OR_RETURN(parameters_.bits,
                            IntegerOption(node, "spectral_subtraction_bits", 0, 63));
    EDGEML_ASSIGN_OR_RETURN(parameters_.clamping, BoolOption(node, "clamping"));
    node.SetOutputShape(0, node.input(0).shape);
    node.SetOutputShape(1, node.input(0).shape);
    noise_.clear();
    EDGEML_RETURN_IF_ERROR(node.ReserveState(static_cast<size_t>(channels) * sizeof(uint32_t)));
    noise_.assign(static_cast<size_t>(channels), 0);
    return Status();
  }

  Status Run(CustomRun& node) override {
    SubtractNoise(parameters_, node.input(0).as<uint32_t>().data(), noise_.size(), noise_.data(),
                  node.output(0).as_mutable<uint32_t>().data());
    std::copy(noise_.begin(), noise_.end(), node.output(1).as_mutable<uint32_t>().data());
    return Status();
  }

  void Reset() override { std::fill(noise_.begin(), noise_.end(), 0); }

 private:
  Subtraction parameters_;
  std::vector<uint32_t> noise_;  // [num_channels]
};

// SignalPCAN: uint32 signal [n], uint32 noise [n], int16 gains [125] -> uint32 [n].
class Pcan : public CustomKernel {
 public:
  Status Prepare(CustomPrepare& node) override {
    EDGEML_RETURN_IF_ERROR(CheckTypes(node, {kU32, kU32, kI16}, {kU32}));
    for (size_t i = 0; i < 3; ++i) EDGEML_RETURN_IF_ERROR(CheckRank(node, i, 1));
    EDGEML_ASSIGN_OR_RETURN(shift_, IntegerOption(node, "snr_shift", 0, 63));
    if (node.input(1).shape[0] != node.input(0).shape[0])
      return BadShape(node, 1, "it must be that of input 0");
    if (node.input(2).bytes < kGainTableSize * sizeof(int16_t))
      return BadShape(node, 2, "the table must have " + std::to_string(kGainTableSize) + " values");
    node.SetOutputShape(0, node.input(0).shape);
    return Status();
  }

  Status Run(CustomRun& node) override {
    const auto in = node.input(0).as<uint32_t>();
    Normalize(node.input(2).as<int16_t>().data(), in.data(), node.input(1).as<uint32_t>().data(),
              in.size(), shift_, node.output(0).as_mutable<uint32_t>().data());
    return Status();
  }

 private:
  int shift_ = 0;
};

// SignalFilterBankLog: uint32 [n] -> int16 [n]:
// output_scale times the natural logarithm of the input shifted left by input_correction_bits.
class Log : public CustomKernel {
 public:
  Status Prepare(CustomPrepare& node) override {
    EDGEML_RETURN_IF_ERROR(CheckTypes(node, {kU32}, {kI16}));
    EDGEML_RETURN_IF_ERROR(CheckRank(node, 0, 1));
    EDGEML_ASSIGN_OR_RETURN(const int32_t scale, IntegerOption(node, "output_scale", 0));
    EDGEML_ASSIGN_OR_RETURN(shift_, IntegerOption(node, "input_correction_bits", 0, 31));
    scale_ = static_cast<uint32_t>(scale);
    node.SetOutputShape(0, node.input(0).shape);
    return Status();
  }

  Status Run(CustomRun& node) override {
    const auto in = node.input(0).as<uint32_t>();
    ScaledLog(table_, in.data(), in.size(), shift_, scale_,
              node.output(0).as_mutable<int16_t>().data());
    return Status();
  }

 private:
  const LogTable table_;
  uint32_t scale_ = 0;
  int shift_ = 0;
};

}  // namespace

Status AddFilterBankOps(CustomOpRegistry& registry) {
  EDGEML_RETURN_IF_ERROR(registry.Add<FilterBankOp>("SignalFilterBank"));
  EDGEML_RETURN_IF_ERROR(registry.Add<SquareRoot>("SignalFilterBankSquareRoot"));
  EDGEML_RETURN_IF_ERROR(registry.Add<SpectralSubtraction>("SignalFilterBankSpectralSubtraction"));
  EDGEML_RETURN_IF_ERROR(registry.Add<Pcan>("SignalPCAN"));
  return registry.Add<Log>("SignalFilterBankLog");
}

}  // namespace edgeml::frontend
