// Operators that cut and join streams of samples, with state from run to run: framer, delay,
// stacker, overlap-add.
#include <algorithm>
#include <limits>
#include <vector>

#include "src/frontend/ops.h"
#include "src/frontend/sample_queues.h"

namespace edgeml::frontend {
namespace {

constexpr DType kI16 = DType::kInt16, kF32 = DType::kFloat32, kBool = DType::kBool;

constexpr size_t kTooMany = std::numeric_limits<size_t>::max();

Status Cancelled() { return Status(Code::kCancelled, "stopped on request"); }

// Room for `capacity` samples in each of `rows` rows.
Result<SampleQueues> MakeQueues(CustomPrepare& node, size_t rows, size_t capacity) {
  const auto samples = CheckedMultiply(rows, capacity);
  const auto bytes = samples ? CheckedMultiply(*samples, sizeof(int16_t)) : std::nullopt;
  if (!bytes) return Status(Code::kResourceExhausted, "its state is too large");
  EDGEML_RETURN_IF_ERROR(node.ReserveState(*bytes));
  return SampleQueues(rows, capacity);
}

// SignalFramer: int16 [..., samples] -> int16 [..., samples / frame_step, frame_size], bool [].
// Frames that overlap, `frame_step` samples apart. The flag is false while some frame of the output
// lacks samples; such a frame is zero. With `prefill` the stream starts with zeros, so that
// the first frame is there at once.
class Framer : public CustomKernel {
 public:
  Status Prepare(CustomPrepare& node) override {
    EDGEML_RETURN_IF_ERROR(CheckTypes(node, {kI16}, {kI16, kBool}));
    EDGEML_ASSIGN_OR_RETURN(const int32_t size, IntegerOption(node, "frame_size", 1));
    EDGEML_ASSIGN_OR_RETURN(const int32_t step, IntegerOption(node, "frame_step", 1));
    EDGEML_ASSIGN_OR_RETURN(prefill_, BoolOption(node, "prefill"));
    EDGEML_ASSIGN_OR_RETURN(const Rows rows, RowsOf(node, 0));
    size_ = static_cast<size_t>(size);
    step_ = static_cast<size_t>(step);
    if (prefill_ && size_ < step_)
      return Status(Code::kInvalidModel, "prefill needs a frame_size of at least frame_step");
    if (rows.length < step_ || rows.length % step_ != 0)
      return BadShape(
          node, 0,
          "its last dimension must be a multiple of frame_step, which is " + std::to_string(step));
    rows_ = rows.count;
    frames_ = rows.length / step_;
    const auto in = node.input(0).shape;
    std::vector<int32_t> out(in.begin(), in.end());
    out.back() = static_cast<int32_t>(frames_);
    out.push_back(size);
    node.SetOutputShape(0, out);
    node.SetOutputShape(1, {});
    // Never more than a frame less a sample, and a step on top.
    queues_ = {};
    EDGEML_ASSIGN_OR_RETURN(queues_, MakeQueues(node, rows_, size_ - 1 + step_));
    Reset();
    return Status();
  }

  Status Run(CustomRun& node) override {
    const int16_t* in = node.input(0).as<int16_t>().data();
    int16_t* out = node.output(0).as_mutable<int16_t>().data();
    bool valid = true;
    for (size_t frame = 0; frame < frames_; ++frame) {
      if (node.cancelled()) return Cancelled();
      for (size_t row = 0; row < rows_; ++row)
        queues_.Write(row, in + (row * frames_ + frame) * step_, step_);
      queues_.Grow(step_);
      const bool complete = queues_.size() >= size_;
      for (size_t row = 0; row < rows_; ++row) {
        int16_t* const to = out + (row * frames_ + frame) * size_;
        if (complete) {
          queues_.Read(row, size_, to);
        } else {
          std::fill_n(to, size_, int16_t{0});
        }
      }
      if (complete) queues_.Drop(step_);
      valid &= complete;
    }
    node.output(1).as_mutable<bool>()[0] = valid;
    return Status();
  }

  void Reset() override {
    queues_.Clear();
    if (prefill_) queues_.Grow(size_ - step_);  // zeros
  }

 private:
  size_t size_ = 0, step_ = 0, rows_ = 0, frames_ = 0;
  bool prefill_ = false;
  SampleQueues queues_;
};

// SignalDelay: int16 [..., samples] -> the same, `delay_length` samples later.
class Delay : public CustomKernel {
 public:
  Status Prepare(CustomPrepare& node) override {
    EDGEML_RETURN_IF_ERROR(CheckTypes(node, {kI16}, {kI16}));
    EDGEML_ASSIGN_OR_RETURN(const int32_t delay, IntegerOption(node, "delay_length", 0));
    EDGEML_ASSIGN_OR_RETURN(const Rows rows, RowsOf(node, 0));
    delay_ = static_cast<size_t>(delay);
    rows_ = rows.count;
    length_ = rows.length;
    if (length_ == 0) return BadShape(node, 0, "its last dimension must be at least 1");
    node.SetOutputShape(0, node.input(0).shape);
    queues_ = {};
    EDGEML_ASSIGN_OR_RETURN(queues_, MakeQueues(node, rows_, delay_ + length_));
    Reset();
    return Status();
  }

  Status Run(CustomRun& node) override {
    const int16_t* in = node.input(0).as<int16_t>().data();
    int16_t* out = node.output(0).as_mutable<int16_t>().data();
    if (node.cancelled()) return Cancelled();
    for (size_t row = 0; row < rows_; ++row) queues_.Write(row, in + row * length_, length_);
    queues_.Grow(length_);
    for (size_t row = 0; row < rows_; ++row) queues_.Read(row, length_, out + row * length_);
    queues_.Drop(length_);
    return Status();
  }

  void Reset() override {
    queues_.Clear();
    queues_.Grow(delay_);  // zeros
  }

 private:
  size_t delay_ = 0, rows_ = 0, length_ = 0;
  SampleQueues queues_;
};

// SignalStacker: int16 [num_channels] -> int16 [num_channels * (left + 1 + right)], bool [].
// A frame with its neighbours, every `stacker_step` frames. The flag is false, and the output zero,
// while there is none. The first frame stands for those to the left of it too.
class Stacker : public CustomKernel {
 public:
  Status Prepare(CustomPrepare& node) override {
    EDGEML_RETURN_IF_ERROR(CheckTypes(node, {kI16}, {kI16, kBool}));
    EDGEML_RETURN_IF_ERROR(CheckRank(node, 0, 1));
    EDGEML_ASSIGN_OR_RETURN(const int32_t channels, IntegerOption(node, "num_channels", 1));
    EDGEML_ASSIGN_OR_RETURN(const int32_t left, IntegerOption(node, "stacker_left_context", 0));
    EDGEML_ASSIGN_OR_RETURN(const int32_t right, IntegerOption(node, "stacker_right_context", 0));
    EDGEML_ASSIGN_OR_RETURN(const int32_t step, IntegerOption(node, "stacker_step", 1));
    const int64_t frames = int64_t{left} + 1 + right;
    if (node.input(0).shape[0] != channels)
      return BadShape(node, 0, "num_channels is " + std::to_string(channels));
    // The published operator loses count of its samples then.
    if (step > frames)
      return Status(Code::kInvalidModel,
                    "stacker_step " + std::to_string(step) + " leaves frames out; at most " +
                        std::to_string(frames) + ", the frames of a stack, is supported");
    if (frames > std::numeric_limits<int32_t>::max() / channels)
      return Status(Code::kResourceExhausted, "its output is too large");
    const auto size = static_cast<int32_t>(channels * frames);
    channels_ = static_cast<size_t>(channels);
    left_ = static_cast<size_t>(left);
    size_ = static_cast<size_t>(size);
    step_ = channels_ * static_cast<size_t>(step);
    node.SetOutputShape(0, std::span(&size, 1));
    node.SetOutputShape(1, {});
    queue_ = {};
    EDGEML_ASSIGN_OR_RETURN(queue_, MakeQueues(node, 1, size_));
    Reset();
    return Status();
  }

  Status Run(CustomRun& node) override {
    const int16_t* const in = node.input(0).as<int16_t>().data();
    int16_t* const out = node.output(0).as_mutable<int16_t>().data();
    for (size_t copies = started_ ? 1 : 1 + left_; copies > 0; --copies) {
      queue_.Write(0, in, channels_);
      queue_.Grow(channels_);
    }
    started_ = true;
    const bool valid = queue_.size() >= size_;
    if (valid) {
      queue_.Read(0, size_, out);
      queue_.Drop(step_);
    } else {
      std::fill_n(out, size_, int16_t{0});
    }
    node.output(1).as_mutable<bool>()[0] = valid;
    return Status();
  }

  void Reset() override {
    queue_.Clear();
    started_ = false;
  }

 private:
  size_t channels_ = 0, left_ = 0, size_ = 0, step_ = 0;
  bool started_ = false;
  SampleQueues queue_;  // one row
};

int16_t SumOf(int16_t a, int16_t b) {
  return static_cast<int16_t>(std::clamp<int32_t>(a + b, std::numeric_limits<int16_t>::min(),
                                                  std::numeric_limits<int16_t>::max()));
}
float SumOf(float a, float b) { return a + b; }

// SignalOverlapAdd: T [..., frames, frame_size] -> T [..., frames * frame_step]; T: int16 (sums
// are clamped) or float. Frames that overlap, `frame_step` samples apart, added up.
class OverlapAdd : public CustomKernel {
 public:
  Status Prepare(CustomPrepare& node) override {
    is_float_ = node.num_inputs() > 0 && node.input(0).dtype == kF32;
    const DType type = is_float_ ? kF32 : kI16;
    EDGEML_RETURN_IF_ERROR(CheckTypes(node, {type}, {type}));
    EDGEML_ASSIGN_OR_RETURN(const int32_t step, IntegerOption(node, "frame_step", 1));
    const auto in = node.input(0).shape;
    if (in.size() < 2) return BadShape(node, 0, "it must have two dimensions at least");
    size_ = static_cast<size_t>(in.back());
    step_ = static_cast<size_t>(step);
    frames_ = static_cast<size_t>(in[in.size() - 2]);
    if (step_ > size_)
      return BadShape(
          node, 0,
          "its last dimension must be at least frame_step, which is " + std::to_string(step));
    rows_ = Product(in.first(in.size() - 2)).value_or(kTooMany);
    const size_t samples = CheckedMultiply(frames_, step_).value_or(kTooMany);
    const size_t values = CheckedMultiply(rows_, size_).value_or(kTooMany);
    if (samples > std::numeric_limits<int32_t>::max() || values > kTooMany / sizeof(float))
      return Status(Code::kResourceExhausted, "its output or its state is too large");
    std::vector<int32_t> out(in.begin(), in.end() - 1);
    out.back() = static_cast<int32_t>(samples);
    node.SetOutputShape(0, out);
    ints_.clear();
    floats_.clear();
    EDGEML_RETURN_IF_ERROR(node.ReserveState(values * sizeof(float)));
    if (is_float_) {
      floats_.assign(values, 0.0f);
    } else {
      ints_.assign(values, 0);
    }
    return Status();
  }

  Status Run(CustomRun& node) override {
    return is_float_ ? Add<float>(node, floats_) : Add<int16_t>(node, ints_);
  }

  void Reset() override {
    std::fill(ints_.begin(), ints_.end(), int16_t{0});
    std::fill(floats_.begin(), floats_.end(), 0.0f);
  }

 private:
  template <typename T>
  Status Add(CustomRun& node, std::vector<T>& state) {
    const T* in = node.input(0).as<T>().data();
    T* out = node.output(0).as_mutable<T>().data();
    for (size_t row = 0; row < rows_; ++row) {
      if (node.cancelled()) return Cancelled();
      T* const sums = state.data() + row * size_;
      for (size_t frame = 0; frame < frames_; ++frame, in += size_) {
        for (size_t i = 0; i < size_; ++i) sums[i] = SumOf(sums[i], in[i]);
        out = std::copy_n(sums, step_, out);
        std::copy(sums + step_, sums + size_, sums);
        std::fill_n(sums + (size_ - step_), step_, T{0});
      }
    }
    return Status();
  }

  bool is_float_ = false;
  size_t size_ = 0, step_ = 0, frames_ = 0, rows_ = 0;
  std::vector<int16_t> ints_;  // what is begun, by row [rows, frame_size]; one of these two
  std::vector<float> floats_;
};

}  // namespace

Status AddFramingOps(CustomOpRegistry& registry) {
  EDGEML_RETURN_IF_ERROR(registry.Add<Framer>("SignalFramer"));
  EDGEML_RETURN_IF_ERROR(registry.Add<Delay>("SignalDelay"));
  EDGEML_RETURN_IF_ERROR(registry.Add<Stacker>("SignalStacker"));
  return registry.Add<OverlapAdd>("SignalOverlapAdd");
}

}  // namespace edgeml::frontend
