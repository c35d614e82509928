#include "src/kernels/movement/strided_copy.h"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace edgeml::kernels {
namespace {

struct Bytes16 {
  uint64_t low, high;
};

// Runs `body(source_offset, target_offset)` for every combination of the loops [0, depth).
template <typename Body>
void WalkOuter(const StridedCopy& copy, int depth, Body&& body) {
  std::array<int64_t, kMaxCopyRank> index{};
  int64_t source = copy.source_offset();
  int64_t target = copy.target_offset();
  while (true) {
    body(source, target);
    int level = depth - 1;
    for (; level >= 0; --level) {
      const StridedCopy::Loop& loop = copy.loop(level);
      source += loop.source_stride;
      target += loop.target_stride;
      if (++index[static_cast<size_t>(level)] < loop.extent) break;
      index[static_cast<size_t>(level)] = 0;
      source -= loop.extent * loop.source_stride;
      target -= loop.extent * loop.target_stride;
    }
    if (level < 0) return;
  }
}

template <typename T>
void CopyTyped(const StridedCopy& copy, const void* source, void* target) {
  const int outer = copy.num_loops() - 1;
  const StridedCopy::Loop inner = outer >= 0 ? copy.loop(outer) : StridedCopy::Loop{1, 1, 1};
  const T* from = static_cast<const T*>(source);
  T* to = static_cast<T*>(target);
  if (inner.source_stride == 1 && inner.target_stride == 1) {
    const size_t bytes = static_cast<size_t>(inner.extent) * sizeof(T);
    WalkOuter(copy, std::max(outer, 0),
              [&](int64_t s, int64_t t) { std::memmove(to + t, from + s, bytes); });
    return;
  }
  WalkOuter(copy, outer, [&](int64_t s, int64_t t) {
    for (int64_t i = 0; i < inner.extent; ++i) {
      to[t] = from[s];
      s += inner.source_stride;
      t += inner.target_stride;
    }
  });
}

// Reads and writes one packed element of a type narrower than a byte.
uint8_t LoadPacked(const uint8_t* data, int64_t index, int bits) {
  const int per_byte = 8 / bits;
  const int shift = static_cast<int>(index % per_byte) * bits;
  return static_cast<uint8_t>((data[index / per_byte] >> shift) & ((1 << bits) - 1));
}
void StorePacked(uint8_t* data, int64_t index, int bits, uint8_t value) {
  const int per_byte = 8 / bits;
  const int shift = static_cast<int>(index % per_byte) * bits;
  uint8_t& byte = data[index / per_byte];
  const int mask = ((1 << bits) - 1) << shift;
  byte = static_cast<uint8_t>((byte & ~mask) | (value << shift));
}

}  // namespace

void StridedCopy::AddLoop(int64_t extent, int64_t source_stride, int64_t target_stride) {
  assert(extent >= 0);
  if (extent == 0) empty_ = true;
  if (extent == 1 || empty_) return;
  if (num_loops_ > 0) {
    Loop& outer = loops_[static_cast<size_t>(num_loops_ - 1)];
    if (outer.source_stride == extent * source_stride &&
        outer.target_stride == extent * target_stride) {
      outer = {outer.extent * extent, source_stride, target_stride};
      return;
    }
  }
  assert(num_loops_ < kMaxCopyRank);
  loops_[static_cast<size_t>(num_loops_++)] = {extent, source_stride, target_stride};
}

bool StridedCopy::contiguous() const {
  return num_loops_ == 0 ||
         (num_loops_ == 1 && loops_[0].source_stride == 1 && loops_[0].target_stride == 1);
}

std::array<int64_t, kMaxRank> DenseStrides(const Shape& shape) {
  std::array<int64_t, kMaxRank> strides{};
  int64_t stride = 1;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    strides[static_cast<size_t>(i)] = stride;
    stride *= shape[i];
  }
  return strides;
}

void CopyStrided(const StridedCopy& copy, const void* source, void* target, int bits) {
  if (copy.empty()) return;
  switch (bits) {
    case 8:
      return CopyTyped<uint8_t>(copy, source, target);
    case 16:
      return CopyTyped<uint16_t>(copy, source, target);
    case 32:
      return CopyTyped<uint32_t>(copy, source, target);
    case 64:
      return CopyTyped<uint64_t>(copy, source, target);
    case 128:
      return CopyTyped<Bytes16>(copy, source, target);
    default:
      break;
  }
  const auto* from = static_cast<const uint8_t*>(source);
  auto* to = static_cast<uint8_t*>(target);
  WalkOuter(copy, copy.num_loops(),
            [&](int64_t s, int64_t t) { StorePacked(to, t, bits, LoadPacked(from, s, bits)); });
}

void CopyStridedGradient(const StridedCopy& copy, const float* target_gradient,
                         float* source_gradient) {
  if (copy.empty()) return;
  const int outer = copy.num_loops() - 1;
  const StridedCopy::Loop inner = outer >= 0 ? copy.loop(outer) : StridedCopy::Loop{1, 1, 1};
  WalkOuter(copy, std::max(outer, 0), [&](int64_t s, int64_t t) {
    for (int64_t i = 0; i < inner.extent; ++i)
      source_gradient[s + i * inner.source_stride] += target_gradient[t + i * inner.target_stride];
  });
}

void CopyRun(const void* source, int64_t source_index, void* target, int64_t target_index,
             int64_t count, int bits) {
  if (count <= 0) return;
  const auto* from = static_cast<const uint8_t*>(source);
  auto* to = static_cast<uint8_t*>(target);
  if (bits % 8 == 0) {
    const int64_t bytes = bits / 8;
    std::memcpy(to + target_index * bytes, from + source_index * bytes,
                static_cast<size_t>(count * bytes));
    return;
  }
  for (int64_t i = 0; i < count; ++i)
    StorePacked(to, target_index + i, bits, LoadPacked(from, source_index + i, bits));
}

void FillElements(void* target, int64_t count, const void* value, int bits) {
  if (count <= 0) return;
  auto* to = static_cast<uint8_t*>(target);
  if (bits % 8 != 0) {
    const uint8_t element = LoadPacked(static_cast<const uint8_t*>(value), 0, bits);
    for (int64_t i = 0; i < count; ++i) StorePacked(to, i, bits, element);
    return;
  }
  // Doubling: every memcpy writes as much as is there already.
  const size_t element = static_cast<size_t>(bits / 8);
  const size_t total = static_cast<size_t>(count) * element;
  std::memcpy(to, value, element);
  for (size_t done = element; done < total;) {
    const size_t next = std::min(done, total - done);
    std::memcpy(to + done, to, next);
    done += next;
  }
}

}  // namespace edgeml::kernels
