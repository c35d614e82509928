#include "src/kernels/stablehlo/reduce_window.h"

#include <algorithm>
#include <cstring>

namespace edgeml::kernels {
namespace {

using Index = std::array<int64_t, kMaxRank>;

// The input coordinate that place k of the window at output coordinate `o` falls on, or -1.
int64_t InputAt(const WindowDim& dim, int64_t o, int64_t k) {
  const int64_t place = o * dim.stride + k * dim.dilation - dim.pad_low;
  if (place < 0 || place % dim.base_dilation != 0) return -1;
  const int64_t at = place / dim.base_dilation;
  return at < dim.in ? at : -1;
}

// The next index of `rank` dimensions whose extents `extent(d)` gives; false after the last.
template <typename Extent>
bool Advance(Index& index, int rank, Extent&& extent) {
  for (int d = rank - 1; d >= 0; --d) {
    int64_t& at = index[static_cast<size_t>(d)];
    if (++at < extent(d)) return true;
    at = 0;
  }
  return false;
}

constexpr int64_t kAskEvery = 1 << 20;

class Walk {
 public:
  Walk(const WindowReduction& reduction, const Combiner& combine, const void* input,
       const void* initial, FunctionRef<bool()> stop)
      : r_(reduction),
        combine_(combine),
        input_(static_cast<const std::byte*>(input)),
        initial_(initial),
        stop_(stop),
        inner_(r_.dims[static_cast<size_t>(r_.rank - 1)]) {}

  // False when stopped.
  bool Reduce(const Index& at, void* result) {
    std::memcpy(result, initial_, combine_.element_bytes);
    Index k{};  // the window's rows
    do {
      int64_t row = 0;  // of the input, -1 = a hole
      for (int d = 0; d < r_.rank - 1 && row >= 0; ++d) {
        const auto i = static_cast<size_t>(d);
        const int64_t coordinate = InputAt(r_.dims[i], at[i], k[i]);
        row = coordinate < 0 ? -1 : row * r_.dims[i].in + coordinate;
      }
      if (row < 0)
        Holes(inner_.size, result);
      else
        Row(row * inner_.in, at[static_cast<size_t>(r_.rank - 1)], result);
      places_ += inner_.size;
      if (places_ >= kAskEvery) {
        places_ = 0;
        if (stop_()) return false;
      }
    } while (Advance(k, r_.rank - 1, [&](int d) { return r_.dims[static_cast<size_t>(d)].size; }));
    return true;
  }

 private:
  void Holes(int64_t n, void* result) const { combine_(result, 0, initial_, 0, result, 0, n); }
  void Elements(int64_t from, int64_t step, int64_t n, void* result) const {
    combine_(result, 0, input_ + static_cast<size_t>(from) * combine_.element_bytes,
             static_cast<ptrdiff_t>(step), result, 0, n);
  }

  // One row of the window over the input's row that begins at element `row`.
  void Row(int64_t row, int64_t o, void* result) const {
    if (inner_.base_dilation == 1) {  // holes, elements, holes
      const int64_t start = o * inner_.stride - inner_.pad_low;
      const auto places_below = [&](int64_t end) {  // k with start + k * dilation < end
        const int64_t n = end <= start ? 0 : (end - start - 1) / inner_.dilation + 1;
        return std::min(n, inner_.size);
      };
      const int64_t before = places_below(0), until = places_below(inner_.in);
      Holes(before, result);
      if (until > before)
        Elements(row + start + before * inner_.dilation, inner_.dilation, until - before, result);
      Holes(inner_.size - std::max(until, before), result);
      return;
    }
    for (int64_t k = 0; k < inner_.size; ++k) {
      const int64_t at = InputAt(inner_, o, k);
      if (at < 0)
        Holes(1, result);
      else
        Elements(row + at, 0, 1, result);
    }
  }

  const WindowReduction& r_;
  const Combiner& combine_;
  const std::byte* input_;
  const void* initial_;
  FunctionRef<bool()> stop_;
  const WindowDim& inner_;
  int64_t places_ = 0;  // since the last question
};

}  // namespace

bool ReduceWindow(const WindowReduction& reduction, const Combiner& combine, const void* input,
                  const void* initial, FunctionRef<bool()> stop, void* output) {
  const auto out = [&](int d) { return reduction.dims[static_cast<size_t>(d)].out; };
  for (int d = 0; d < reduction.rank; ++d)
    if (out(d) == 0) return true;
  Walk walk(reduction, combine, input, initial, stop);
  auto* result = static_cast<std::byte*>(output);
  Index at{};
  do {
    if (!walk.Reduce(at, result)) return false;
    result += combine.element_bytes;
  } while (Advance(at, reduction.rank, out));
  return true;
}

}  // namespace edgeml::kernels
