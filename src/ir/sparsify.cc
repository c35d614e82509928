#include "src/ir/sparsify.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

namespace edgeml::ir {
namespace {

// What a form costs that leaves one zero in ten out is more than it gains.
constexpr uint64_t kFewestZerosTenths = 1;
constexpr int32_t kBlocks[] = {1, 4, 16};

// Bytes of the narrowest unsigned type that holds 0 to `largest`.
int8_t WidthOf(uint64_t largest) {
  return largest <= UINT8_MAX ? 1 : largest <= UINT16_MAX ? 2 : 4;
}

struct Axis {
  int32_t dimension = 0;  // of the shape, or `rank` for the block
  uint64_t size = 1, stride = 1;
};

// The dimensions in the order that they are walked in; the one at `compressed` has its zeros left
// out, what is below it is a group that is kept or not.
struct Layout {
  std::vector<Axis> axes;
  size_t compressed = 0;
  int32_t blocked = -1;  // the dimension that blocks lie along
};

class Sparsifier {
 public:
  explicit Sparsifier(const Value& value)
      : value_(value),
        element_(static_cast<uint64_t>(BitsOf(value.type)) / 8),
        elements_(static_cast<uint64_t>(value.shape.num_elements())) {}

  bool WorthIt() const {
    uint64_t zeros = 0;
    for (uint64_t i = 0; i < elements_; ++i) zeros += IsZero(i) ? 1 : 0;
    return zeros * 10 > elements_ * kFewestZerosTenths;
  }

  std::vector<Layout> Layouts() const {
    std::vector<Layout> layouts;
    const int rank = value_.shape.rank();
    std::vector<Axis> axes;
    uint64_t stride = 1;
    for (int d = rank; d-- > 0;) {
      const auto size = static_cast<uint64_t>(value_.shape[d]);
      axes.insert(axes.begin(), Axis{d, size, stride});
      stride *= size;
    }
    for (int d = 0; d < rank; ++d) {
      std::vector<Axis> others = axes;
      const Axis axis = axes[static_cast<size_t>(d)];
      others.erase(others.begin() + d);
      for (const int32_t block : kBlocks) {
        const auto size = static_cast<uint64_t>(block);
        if (axis.size % size != 0) continue;
        Layout& alone = layouts.emplace_back(Layout{others, others.size()});
        alone.axes.push_back({d, axis.size / size, axis.stride * size});
        if (block == 1) continue;
        alone.axes.push_back({rank, size, axis.stride});
        alone.blocked = d;
      }
      if (rank < 2) continue;
      Layout& slices = layouts.emplace_back(Layout{others, 0});
      slices.axes.insert(slices.axes.begin(), axis);
    }
    return layouts;
  }

  uint64_t Bytes(const Layout& layout) const {
    uint64_t kept = 0;
    ForGroups(
        layout, [&](uint64_t, uint64_t) { ++kept; }, [] {});
    const uint64_t outer = Product(layout, 0, layout.compressed);
    const Axis& axis = layout.axes[layout.compressed];
    return kept * (GroupSize(layout) * element_ + WidthOf(axis.size - 1)) +
           (outer + 1) * static_cast<uint64_t>(WidthOf(kept));
  }

  Value Encode(const Layout& layout) const {
    const std::vector<uint64_t> offsets = Offsets(layout);
    std::vector<std::byte> bytes;
    Sparsity::Dimension compressed;
    compressed.level = Sparsity::Level::kCsr;
    compressed.segments = {0};
    ForGroups(
        layout,
        [&](uint64_t index, uint64_t first) {
          compressed.indices.push_back(static_cast<int32_t>(index));
          for (const uint64_t offset : offsets) {
            const std::byte* const from = value_.data.bytes.data() + (first + offset) * element_;
            bytes.insert(bytes.end(), from, from + element_);
          }
        },
        [&] { compressed.segments.push_back(static_cast<int32_t>(compressed.indices.size())); });
    compressed.index_width = WidthOf(layout.axes[layout.compressed].size - 1);
    compressed.segment_width = WidthOf(compressed.indices.size());
    auto sparsity = std::make_shared<Sparsity>();
    for (size_t i = 0; i < layout.axes.size(); ++i) {
      sparsity->traversal_order.push_back(layout.axes[i].dimension);
      Sparsity::Dimension dense;
      dense.dense_size = static_cast<int32_t>(layout.axes[i].size);
      sparsity->dimensions.push_back(i == layout.compressed ? compressed : dense);
    }
    if (layout.blocked >= 0) sparsity->block_map = {layout.blocked};
    Value out = value_;
    out.data = ConstantData::Own(std::move(bytes));
    out.sparsity = std::move(sparsity);
    return out;
  }

 private:
  static uint64_t Product(const Layout& layout, size_t first, size_t last) {
    uint64_t product = 1;
    for (size_t i = first; i < last; ++i) product *= layout.axes[i].size;
    return product;
  }
  static uint64_t GroupSize(const Layout& layout) {
    return Product(layout, layout.compressed + 1, layout.axes.size());
  }

  bool IsZero(uint64_t i) const {
    const std::byte* const at = value_.data.bytes.data() + i * element_;
    for (uint64_t k = 0; k + 1 < element_; ++k)
      if (at[k] != std::byte{0}) return false;
    // Little-endian floats have their sign in the highest bit.
    const bool has_sign = value_.type == DType::kFloat32 || value_.type == DType::kFloat16 ||
                          value_.type == DType::kFloat64 || value_.type == DType::kBFloat16;
    const std::byte last = at[element_ - 1];
    return last == std::byte{0} || (has_sign && last == std::byte{0x80});
  }

  // Of a group's elements from its first.
  static std::vector<uint64_t> Offsets(const Layout& layout) {
    std::vector<uint64_t> offsets = {0};
    for (size_t i = layout.compressed + 1; i < layout.axes.size(); ++i) {
      std::vector<uint64_t> next;
      next.reserve(offsets.size() * layout.axes[i].size);
      for (const uint64_t offset : offsets)
        for (uint64_t k = 0; k < layout.axes[i].size; ++k)
          next.push_back(offset + k * layout.axes[i].stride);
      offsets = std::move(next);
    }
    return offsets;
  }

  // keep(index, first element) for each group that is not all zeros, end() after each run of the
  // compressed dimension.
  template <typename Keep, typename End>
  void ForGroups(const Layout& layout, Keep keep, End end) const {
    const std::vector<uint64_t> offsets = Offsets(layout);
    const Axis& axis = layout.axes[layout.compressed];
    const uint64_t outer = Product(layout, 0, layout.compressed);
    std::vector<uint64_t> counter(layout.compressed, 0);
    uint64_t first = 0;
    for (uint64_t o = 0; o < outer; ++o) {
      for (uint64_t i = 0; i < axis.size; ++i) {
        const uint64_t at = first + i * axis.stride;
        if (!std::ranges::all_of(offsets, [&](uint64_t offset) { return IsZero(at + offset); }))
          keep(i, at);
      }
      end();
      for (size_t d = layout.compressed; d-- > 0;) {
        first += layout.axes[d].stride;
        if (++counter[d] < layout.axes[d].size) break;
        first -= layout.axes[d].stride * layout.axes[d].size;
        counter[d] = 0;
      }
    }
  }

  const Value& value_;
  const uint64_t element_, elements_;
};

}  // namespace

uint64_t StoredBytes(const Value& value) {
  uint64_t bytes = value.data.bytes.size();
  if (value.sparsity == nullptr) return bytes;
  for (const Sparsity::Dimension& level : value.sparsity->dimensions)
    bytes += level.segments.size() * static_cast<uint64_t>(level.segment_width) +
             level.indices.size() * static_cast<uint64_t>(level.index_width);
  return bytes;
}

std::optional<Value> Sparsify(const Value& value, uint64_t gain) {
  const uint64_t dense = value.data.bytes.size();
  if (value.type == DType::kString || BitsOf(value.type) < 8 || value.shape.rank() == 0 ||
      dense <= gain || value.shape.num_elements() > std::numeric_limits<int32_t>::max())
    return std::nullopt;
  const Sparsifier sparsifier(value);
  if (!sparsifier.WorthIt()) return std::nullopt;
  std::optional<Layout> best;
  uint64_t least = dense - gain + 1;
  for (Layout& layout : sparsifier.Layouts()) {
    const uint64_t bytes = sparsifier.Bytes(layout);
    if (bytes >= least) continue;
    least = bytes;
    best = std::move(layout);
  }
  if (!best) return std::nullopt;
  return sparsifier.Encode(*best);
}

}  // namespace edgeml::ir
