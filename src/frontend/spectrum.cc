// Operators between samples and spectra: window, scaling, Fourier transforms, energy.
#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "src/frontend/ops.h"
#include "src/frontend/real_fft.h"
#include "src/frontend/signal_math.h"

namespace edgeml::frontend {
namespace {

constexpr DType kI16 = DType::kInt16, kI32 = DType::kInt32, kF32 = DType::kFloat32;

// SignalWindow: int16 [..., n], int16 weights [n] -> int16 [..., n]. Every row times the weights,
// shifted right by `shift`.
class Window : public CustomKernel {
 public:
  Status Prepare(CustomPrepare& node) override {
    EDGEML_RETURN_IF_ERROR(CheckTypes(node, {kI16, kI16}, {kI16}));
    EDGEML_RETURN_IF_ERROR(CheckRank(node, 1, 1));
    EDGEML_ASSIGN_OR_RETURN(shift_, IntegerOption(node, "shift", 0, 31));
    EDGEML_ASSIGN_OR_RETURN(rows_, RowsOf(node, 0));
    if (node.input(1).shape[0] != node.input(0).shape.back())
      return BadShape(node, 1,
                      "it must be that of a row of input 0, which has " +
                          std::to_string(rows_.length) + " samples");
    node.SetOutputShape(0, node.input(0).shape);
    return Status();
  }

  Status Run(CustomRun& node) override {
    const int16_t* in = node.input(0).as<int16_t>().data();
    const int16_t* const weights = node.input(1).as<int16_t>().data();
    int16_t* out = node.output(0).as_mutable<int16_t>().data();
    if (rows_.length == 0) return Status();
    for (size_t row = 0; row < rows_.count; ++row) {
      ApplyWindow(in, weights, rows_.length, shift_, out);
      in += rows_.length;
      out += rows_.length;
    }
    return Status();
  }

 private:
  int shift_ = 0;
  Rows rows_;
};

// SignalFftAutoScale: int16 [n] -> int16 [n], int32 []. Shifted left as far as the loudest sample
// allows; the second output says by how many bits.
class FftAutoScale : public CustomKernel {
 public:
  Status Prepare(CustomPrepare& node) override {
    EDGEML_RETURN_IF_ERROR(CheckTypes(node, {kI16}, {kI16, kI32}));
    EDGEML_RETURN_IF_ERROR(CheckRank(node, 0, 1));
    node.SetOutputShape(0, node.input(0).shape);
    node.SetOutputShape(1, {});
    return Status();
  }

  Status Run(CustomRun& node) override {
    const auto in = node.input(0).as<int16_t>();
    node.output(1).as_mutable<int32_t>()[0] =
        AutoScale(in.data(), in.size(), node.output(0).as_mutable<int16_t>().data());
    return Status();
  }
};

// SignalRfft: T [..., n] -> T [..., fft_length + 2], n <= fft_length; T: int16, int32, float. The
// rows, zeros behind them, become spectra: real and imaginary parts in turns.
// SignalIrfft: T [..., fft_length + 2] -> T [..., fft_length], the inverse.
// Integer spectra are divided by fft_length, and so are the results of all inverses.
template <typename T>
class Fourier {
 public:
  explicit Fourier(bool inverse) : inverse_(inverse) {}

  Status Prepare(CustomPrepare& node) {
    EDGEML_ASSIGN_OR_RETURN(const int32_t length, IntegerOption(node, "fft_length", 2, 1 << 28));
    if (!RealFft<T>::Supports(length))
      return Status(Code::kUnsupported,
                    "fft_length " + std::to_string(length) +
                        " is not supported: it must be even and have no prime factor above 5");
    EDGEML_ASSIGN_OR_RETURN(rows_, RowsOf(node, 0));
    length_ = static_cast<size_t>(length);
    const auto in = node.input(0).shape;
    if (inverse_ ? in.back() != length + 2 : in.back() > length)
      return BadShape(node, 0,
                      "its last dimension must be " + std::string(inverse_ ? "" : "at most ") +
                          std::to_string(inverse_ ? length + 2 : length));
    std::vector<int32_t> out(in.begin(), in.end());
    out.back() = inverse_ ? length : length + 2;
    node.SetOutputShape(0, out);
    scratch_ = node.RequestWorkspace(RealFft<T>::ScratchBytes(length));
    padded_ = inverse_ ? -1 : node.RequestWorkspace(length_ * sizeof(T));
    fft_.reset();
    EDGEML_RETURN_IF_ERROR(node.ReserveState(RealFft<T>::StateBytes(length)));
    fft_ = std::make_unique<RealFft<T>>(length, inverse_);
    return Status();
  }

  Status Run(CustomRun& node) {
    const T* in = node.input(0).as<T>().data();
    T* out = node.output(0).as_mutable<T>().data();
    auto* const scratch = static_cast<Complex<T>*>(node.workspace(scratch_));
    for (size_t row = 0; row < rows_.count; ++row) {
      if (node.cancelled()) return Status(Code::kCancelled, "stopped on request");
      if (inverse_) {
        fft_->Inverse(reinterpret_cast<const Complex<T>*>(in), out, scratch);
      } else {
        T* const padded = static_cast<T*>(node.workspace(padded_));
        std::fill(std::copy_n(in, rows_.length, padded), padded + length_, T{0});
        fft_->Forward(padded, reinterpret_cast<Complex<T>*>(out), scratch);
      }
      in += rows_.length;
      out += inverse_ ? length_ : length_ + 2;
    }
    return Status();
  }

 private:
  const bool inverse_;
  size_t length_ = 0;
  Rows rows_;
  int scratch_ = 0, padded_ = 0;
  std::unique_ptr<RealFft<T>> fft_;
};

template <bool kInverse>
class FourierOp : public CustomKernel {
 public:
  Status Prepare(CustomPrepare& node) override {
    type_ = node.num_inputs() > 0 ? node.input(0).dtype : DType::kInvalid;
    if (type_ != kI16 && type_ != kI32 && type_ != kF32)
      return Status(Code::kUnsupported, "input 0 must be int16, int32 or float32");
    EDGEML_RETURN_IF_ERROR(CheckTypes(node, {type_}, {type_}));
    if (type_ == kI16) return i16_.Prepare(node);
    return type_ == kI32 ? i32_.Prepare(node) : f32_.Prepare(node);
  }
  Status Run(CustomRun& node) override {
    if (type_ == kI16) return i16_.Run(node);
    return type_ == kI32 ? i32_.Run(node) : f32_.Run(node);
  }

 private:
  DType type_ = DType::kInvalid;
  Fourier<int16_t> i16_{kInverse};
  Fourier<int32_t> i32_{kInverse};
  Fourier<float> f32_{kInverse};
};

// SignalEnergy: int16 [2 n] -> uint32 [n], the squared magnitudes of complex numbers from
// `start_index` up to, not including, `end_index`; 0 elsewhere.
class EnergyOp : public CustomKernel {
 public:
  Status Prepare(CustomPrepare& node) override {
    EDGEML_RETURN_IF_ERROR(CheckTypes(node, {kI16}, {DType::kUInt32}));
    EDGEML_RETURN_IF_ERROR(CheckRank(node, 0, 1));
    const int32_t n = node.input(0).shape[0] / 2;
    EDGEML_ASSIGN_OR_RETURN(const int32_t first, IntegerOption(node, "start_index", 0));
    EDGEML_ASSIGN_OR_RETURN(const int32_t last, IntegerOption(node, "end_index", 0, n));
    first_ = static_cast<size_t>(first);
    last_ = static_cast<size_t>(last);
    node.SetOutputShape(0, std::span(&n, 1));
    return Status();
  }

  Status Run(CustomRun& node) override {
    const auto out = node.output(0).as_mutable<uint32_t>();
    Energy(node.input(0).as<int16_t>().data(), out.size(), first_, last_, out.data());
    return Status();
  }

 private:
  size_t first_ = 0, last_ = 0;
};

}  // namespace

Status AddSpectrumOps(CustomOpRegistry& registry) {
  EDGEML_RETURN_IF_ERROR(registry.Add<Window>("SignalWindow"));
  EDGEML_RETURN_IF_ERROR(registry.Add<FftAutoScale>("SignalFftAutoScale"));
  EDGEML_RETURN_IF_ERROR(registry.Add<FourierOp<false>>("SignalRfft"));
  EDGEML_RETURN_IF_ERROR(registry.Add<FourierOp<true>>("SignalIrfft"));
  return registry.Add<EnergyOp>("SignalEnergy");
}

}  // namespace edgeml::frontend
