// Random numbers on the reference kernels. The streams live in the steps, so that each session has
// its own and every run continues where the last one ended.
#include "src/kernels/random/random.h"

#include <algorithm>
#include <atomic>
#include <chrono>

#include "src/backends/kernel_table.h"
#include "src/backends/reference/reference_backend.h"
#include "src/base/strings.h"

namespace edgeml::backends {
namespace {

using kernels::Philox;
using runtime::NodeView;
using runtime::PrepareContext;
using runtime::RunContext;

// Numbers drawn, or classes summed up, between two looks at whether to stop.
constexpr int64_t kPart = 1 << 16;

// A stream that no other step of this or another process is likely to have. Not for secrets.
Philox UnseededStream(const void* self) {
  static std::atomic<uint64_t> count{0};
  const auto now = std::chrono::system_clock::now().time_since_epoch().count();
  Philox mix(static_cast<uint64_t>(now), reinterpret_cast<uintptr_t>(self));
  mix.Skip(count.fetch_add(1, std::memory_order_relaxed));
  const Philox::Block block = mix.Next();
  return {uint64_t{block[0]} << 32 | block[1], uint64_t{block[2]} << 32 | block[3]};
}

// Begins the stream as LiteRT does: when shapes are settled anew, but not when only the values of
// input `size`, which tells how many numbers to draw, are others. (LiteRT also begins it again in
// every run when an operator before this one has an output whose shape only running tells.)
class SeededStream {
 public:
  void Prepare(const NodeView& view, size_t size) {
    const bool same = begun_ && !view.inputs[size].is_constant && view.inputs[0].shape == shape_;
    if (same) return;
    shape_ = view.inputs[0].shape;
    const auto& attrs = view.attrs<ir::RandomAttrs>();
    const uint64_t seed = Narrowed(attrs.seed), seed2 = Narrowed(attrs.seed2);
    stream_ = seed == 0 && seed2 == 0 ? UnseededStream(this) : Philox(seed, seed2);
    begun_ = true;
  }
  Philox& get() { return stream_; }

 private:
  // LiteRT keeps the lower 32 bits of a seed, with their sign.
  static uint64_t Narrowed(int64_t seed) {
    return static_cast<uint64_t>(int64_t{static_cast<int32_t>(seed)});
  }

  bool begun_ = false;
  Shape shape_;  // of input 0
  Philox stream_;
};

std::string DeclineRandom(const NodeView& view) {
  if (view.outputs[0].type == DType::kFloat32) return "";
  return Concat("output of type ", NameOf(view.outputs[0].type), " is not supported");
}

template <void (*kDraw)(Philox&, int64_t, float*)>
class RandomStep : public runtime::Step {
 public:
  Status Prepare(PrepareContext& context) override {
    stream_.Prepare(context.view(), 0);
    return Status::Ok();
  }
  Status Run(RunContext& context) override {
    const TensorView& output = context.output(0);
    const int64_t n = output.num_elements();
    static_assert(kPart % 4 == 0, "else numbers of a block would be lost between two parts");
    for (int64_t i = 0; i < n; i += kPart) {
      if (context.cancelled()) return Error(Code::kCancelled, "stopped on request");
      kDraw(stream_.get(), std::min(kPart, n - i), output.as_mutable<float>() + i);
    }
    return Status::Ok();
  }

 private:
  SeededStream stream_;
};

std::string DeclineMultinomial(const NodeView& view) {
  if (view.inputs[0].type != DType::kFloat32)
    return Concat("logits of type ", NameOf(view.inputs[0].type), " are not supported");
  const DType type = view.outputs[0].type;
  if (type == DType::kInt32 || type == DType::kInt64) return "";
  return Concat("output of type ", NameOf(type), " is not supported");
}

class MultinomialStep : public runtime::Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const NodeView& view = context.view();
    stream_.Prepare(view, 1);
    const auto bytes = CheckedByteSize(Shape{view.inputs[0].dim(1)}, DType::kFloat64);
    if (!bytes) return Error(Code::kResourceExhausted, "input 0 has too many classes");
    cdf_ = context.RequestWorkspace(*bytes);
    return Status::Ok();
  }

  Status Run(RunContext& context) override {
    const TensorView &logits = context.input(0), &output = context.output(0);
    const int64_t batch = logits.dim(0), classes = logits.dim(1), samples = output.dim(1);
    auto* cdf = static_cast<double*>(context.workspace(cdf_));
    kernels::CategoricalSampler sampler(stream_.get());
    // As LiteRT, leaves room for the most numbers that any implementation would draw.
    const uint64_t room = (static_cast<uint64_t>(samples) + 3) / 4 * 4 * 2 * 256;
    stream_.get().Skip(static_cast<uint64_t>(batch) * room);
    for (int64_t row = 0; row < batch; ++row) {
      if (context.cancelled()) return Error(Code::kCancelled, "stopped on request");
      kernels::CategoricalWeights(classes, logits.as<float>() + row * classes, cdf);
      for (int64_t i = 0; i < samples; ++i) {
        if (i % kPart == 0 && context.cancelled())
          return Error(Code::kCancelled, "stopped on request");
        const int64_t drawn = sampler.Draw(classes, cdf), at = row * samples + i;
        if (output.type == DType::kInt64) {
          output.as_mutable<int64_t>()[at] = drawn;
        } else {
          output.as_mutable<int32_t>()[at] = static_cast<int32_t>(drawn);
        }
      }
    }
    return Status::Ok();
  }

 private:
  SeededStream stream_;
  int cdf_ = 0;
};

constexpr KernelEntry kKernels[] = {
    {OpCode::kMultinomial, "multinomial.reference", ErrorBound::kExact, DeclineMultinomial,
     MakeStep<MultinomialStep>},
    {OpCode::kRandomStandardNormal, "random_standard_normal.reference", ErrorBound::kExact,
     DeclineRandom, MakeStep<RandomStep<kernels::RandomStandardNormal>>},
    {OpCode::kRandomUniform, "random_uniform.reference", ErrorBound::kExact, DeclineRandom,
     MakeStep<RandomStep<kernels::RandomUniform>>},
};

}  // namespace

std::span<const KernelEntry> RandomKernels() { return ir::SelectedRows<kKernels>(); }

}  // namespace edgeml::backends
