#include "src/kernels/movement/indexing.h"

#include <algorithm>
#include <cmath>

#include "src/kernels/movement/strided_copy.h"
#include "src/tensor/half.h"

namespace edgeml::kernels {
namespace {

// Calls fn with a typed pointer to an index tensor.
template <typename Fn>
auto WithIndices(DType type, const void* data, Fn&& fn) {
  switch (type) {
    case DType::kInt16:
      return fn(static_cast<const int16_t*>(data));
    case DType::kInt64:
      return fn(static_cast<const int64_t*>(data));
    default:
      return fn(static_cast<const int32_t*>(data));
  }
}

template <typename I>
IndexFault GatherTyped(const GatherShape& s, int bits, const void* input, const I* positions,
                       void* output) {
  for (int64_t b = 0; b < s.batch; ++b) {
    for (int64_t o = 0; o < s.outer; ++o) {
      const int64_t slab = b * s.outer + o;
      for (int64_t i = 0; i < s.count; ++i) {
        const int64_t at = b * s.count + i;
        const int64_t position = positions[at];
        if (position < 0 || position >= s.axis_size) return {at, position};
        CopyRun(input, (slab * s.axis_size + position) * s.inner, output,
                (slab * s.count + i) * s.inner, s.inner, bits);
      }
    }
  }
  return {};
}

template <typename I>
IndexFault GatherNdTyped(const Shape& shape, int64_t slices, int depth, int bits,
                         const void* params, const I* indices, void* output) {
  const std::array<int64_t, kMaxRank> strides = DenseStrides(shape);
  const int64_t slice = shape.num_elements(depth, shape.rank());
  for (int64_t i = 0; i < slices; ++i) {
    int64_t from = 0;
    for (int d = 0; d < depth; ++d) {
      const int64_t at = i * depth + d;
      const int64_t index = indices[at];
      if (index < 0 || index >= shape[d]) return {at, index};
      from += index * strides[static_cast<size_t>(d)];
    }
    CopyRun(params, from, output, i * slice, slice, bits);
  }
  return {};
}

// Element `index` of a packed signed type, sign extended.
int SignedPacked(const uint8_t* data, int64_t index, int bits) {
  const int per_byte = 8 / bits;
  const int shift = static_cast<int>(index % per_byte) * bits;
  const int raw = (data[index / per_byte] >> shift) & ((1 << bits) - 1);
  return raw >= (1 << (bits - 1)) ? raw - (1 << bits) : raw;
}

template <typename T, typename I>
void OneHotTyped(int64_t prefix, int64_t depth, int64_t suffix, const I* indices, const void* on,
                 const void* off, void* output) {
  const T on_value = *static_cast<const T*>(on);
  const T off_value = *static_cast<const T*>(off);
  T* out = static_cast<T*>(output);
  for (int64_t i = 0; i < prefix; ++i) {
    for (int64_t j = 0; j < depth; ++j) {
      for (int64_t k = 0; k < suffix; ++k, ++out) {
        const auto index = static_cast<int32_t>(indices[i * suffix + k]);
        *out = index == j ? on_value : off_value;
      }
    }
  }
}

template <typename T>
int64_t WhereTyped(const Shape& shape, const T* condition, int64_t capacity, int64_t* output) {
  const int rank = shape.rank();
  const int64_t elements = shape.num_elements();
  std::array<int64_t, kMaxRank> index{};
  int64_t found = 0;
  for (int64_t i = 0; i < elements; ++i) {
    if (condition[i] != T{}) {
      if (found < capacity) std::copy_n(index.begin(), rank, output + found * rank);
      ++found;
    }
    for (int d = rank - 1; d >= 0; --d) {
      int64_t& at = index[static_cast<size_t>(d)];
      if (++at < shape[d]) break;
      at = 0;
    }
  }
  return found;
}

template <typename T, typename Wide>
void RangeInteger(T start, T delta, int64_t count, T* output) {
  auto value = static_cast<Wide>(start);
  for (int64_t i = 0; i < count; ++i) {
    output[i] = static_cast<T>(value);
    value += static_cast<Wide>(delta);
  }
}

// The input index that output index `i` of a mirrored dimension shows.
int64_t Mirrored(int64_t i, int64_t before, int64_t size, int edge) {
  if (i < before) return before + edge - 1 - i;
  i -= before;
  if (i < size) return i;
  const int64_t last = size - 1 - edge;
  return last - std::min(i - size, last);
}

}  // namespace

IndexFault Gather(const GatherShape& shape, int bits, DType index_type, const void* input,
                  const void* positions, void* output) {
  return WithIndices(index_type, positions, [&](const auto* indices) {
    return GatherTyped(shape, bits, input, indices, output);
  });
}

IndexFault GatherNd(const Shape& params_shape, int64_t slices, int depth, int bits,
                    DType index_type, const void* params, const void* indices, void* output) {
  return WithIndices(index_type, indices, [&](const auto* typed) {
    return GatherNdTyped(params_shape, slices, depth, bits, params, typed, output);
  });
}

IndexFault EmbeddingLookupDequantized(const EmbeddingTable& table, int64_t count,
                                      const int32_t* lookup, DType output_type, void* output) {
  const auto* bytes = static_cast<const uint8_t*>(table.data);
  const int bits = BitsOf(table.type);
  const int64_t runs = table.run == 0 ? 0 : table.row_size / table.run;
  int64_t written = 0;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t row = lookup[i];
    if (row < 0 || row >= table.rows) return {i, row};
    for (int64_t r = row * runs; r < (row + 1) * runs; ++r) {
      const float scale = table.scales[table.one_scale ? 0 : r];
      const int64_t begin = r * table.run / (8 / bits) * (8 / bits);
      for (int64_t at = begin; at < begin + table.run; ++at, ++written) {
        const int value =
            bits == 8 ? static_cast<int8_t>(bytes[at]) : SignedPacked(bytes, at, bits);
        const float real = static_cast<float>(value) * scale;
        if (output_type == DType::kFloat32) {
          static_cast<float*>(output)[written] = real;
        } else {
          static_cast<uint16_t*>(output)[written] = FloatToHalf(real);
        }
      }
    }
  }
  return {};
}

void OneHot(int64_t prefix, int64_t depth, int64_t suffix, int bits, DType index_type,
            const void* indices, const void* on, const void* off, void* output) {
  WithIndices(index_type, indices, [&](const auto* typed) {
    switch (bits) {
      case 8:
        return OneHotTyped<uint8_t>(prefix, depth, suffix, typed, on, off, output);
      case 16:
        return OneHotTyped<uint16_t>(prefix, depth, suffix, typed, on, off, output);
      case 32:
        return OneHotTyped<uint32_t>(prefix, depth, suffix, typed, on, off, output);
      default:
        return OneHotTyped<uint64_t>(prefix, depth, suffix, typed, on, off, output);
    }
  });
}

int64_t WhereNonZero(const Shape& shape, DType type, const void* condition, int64_t capacity,
                     int64_t* output) {
  switch (type) {
    case DType::kBool:
    case DType::kInt8:
    case DType::kUInt8:
      return WhereTyped(shape, static_cast<const uint8_t*>(condition), capacity, output);
    case DType::kInt32:
    case DType::kUInt32:
      return WhereTyped(shape, static_cast<const uint32_t*>(condition), capacity, output);
    case DType::kInt64:
      return WhereTyped(shape, static_cast<const uint64_t*>(condition), capacity, output);
    case DType::kFloat32:
      return WhereTyped(shape, static_cast<const float*>(condition), capacity, output);
    default:
      return -1;
  }
}

void RangeInt32(int32_t start, int32_t delta, int64_t count, int32_t* output) {
  RangeInteger<int32_t, uint32_t>(start, delta, count, output);
}
void RangeInt64(int64_t start, int64_t delta, int64_t count, int64_t* output) {
  RangeInteger<int64_t, uint64_t>(start, delta, count, output);
}
void RangeFloat(float start, float delta, int64_t count, float* output) {
  float value = start;
  for (int64_t i = 0; i < count; ++i) {
    output[i] = value;
    value += delta;
  }
}

void MirrorPad(const Shape& input_shape, const std::array<int64_t, kMaxRank>& before,
               const Shape& output_shape, int edge, int bits, const void* input, void* output) {
  const int rank = input_shape.rank();
  const std::array<int64_t, kMaxRank> strides = DenseStrides(input_shape);
  const int64_t elements = output_shape.num_elements();
  std::array<int64_t, kMaxRank> index{};
  for (int64_t i = 0; i < elements; ++i) {
    int64_t from = 0;
    for (int d = 0; d < rank; ++d) {
      const auto at = static_cast<size_t>(d);
      from += Mirrored(index[at], before[at], input_shape[d], edge) * strides[at];
    }
    CopyRun(input, from, output, i, 1, bits);
    for (int d = rank - 1; d >= 0; --d) {
      int64_t& at = index[static_cast<size_t>(d)];
      if (++at < output_shape[d]) break;
      at = 0;
    }
  }
}

void RescaleUInt8(const uint8_t* input, int64_t count, float scale, float bias, int32_t zero_point,
                  uint8_t* output) {
  for (int64_t i = 0; i < count; ++i) {
    const float rounded = std::round(static_cast<float>(input[i]) * scale + bias);
    // Clamped before the conversion: the format allows any scale.
    const float bounded = std::clamp(rounded, -1.0e9f, 1.0e9f);
    const int64_t value = std::isnan(bounded) ? 0 : static_cast<int64_t>(bounded);
    output[i] = static_cast<uint8_t>(std::clamp<int64_t>(value + zero_point, 0, 255));
  }
}

}  // namespace edgeml::kernels
