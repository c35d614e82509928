#include "src/kernels/movement/scatter.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "src/kernels/movement/strided_copy.h"

namespace edgeml::kernels {
namespace {

// T is unsigned, so that sums wrap, or float.
template <typename T>
void AddRun(int64_t count, const void* from, int64_t from_index, void* to, int64_t to_index) {
  const T* source = static_cast<const T*>(from) + from_index;
  T* target = static_cast<T*>(to) + to_index;
  for (int64_t i = 0; i < count; ++i) target[i] = static_cast<T>(target[i] + source[i]);
}

void OrRun(int64_t count, const void* from, int64_t from_index, void* to, int64_t to_index) {
  const uint8_t* source = static_cast<const uint8_t*>(from) + from_index;
  uint8_t* target = static_cast<uint8_t*>(to) + to_index;
  for (int64_t i = 0; i < count; ++i) target[i] = (target[i] | source[i]) != 0 ? 1 : 0;
}

using AddFn = void (*)(int64_t, const void*, int64_t, void*, int64_t);

AddFn AdderOf(DType type) {
  switch (type) {
    case DType::kBool:
      return OrRun;
    case DType::kInt8:
    case DType::kUInt8:
      return AddRun<uint8_t>;
    case DType::kInt32:
    case DType::kUInt32:
      return AddRun<uint32_t>;
    case DType::kInt64:
    case DType::kUInt64:
      return AddRun<uint64_t>;
    case DType::kFloat32:
      return AddRun<float>;
    default:
      return nullptr;
  }
}

int64_t IndexOf(DType type, const void* data, int64_t i) {
  return type == DType::kInt64 ? static_cast<const int64_t*>(data)[i]
                               : static_cast<const int32_t*>(data)[i];
}

// A number that is equal for equal values only.
int64_t KeyOf(DType type, const void* data, int64_t i) {
  switch (type) {
    case DType::kInt16:
    case DType::kUInt16:
      return static_cast<const int16_t*>(data)[i];
    case DType::kInt32:
    case DType::kUInt32:
      return static_cast<const int32_t*>(data)[i];
    case DType::kInt64:
    case DType::kUInt64:
      return static_cast<const int64_t*>(data)[i];
    case DType::kFloat32: {
      const float value = static_cast<const float*>(data)[i];
      if (std::isnan(value)) return (int64_t{1} << 40) + i;
      if (value == 0.0f) return 0;
      int32_t bits = 0;
      std::memcpy(&bits, &value, sizeof bits);
      return bits;
    }
    default:
      return static_cast<const int8_t*>(data)[i];
  }
}

template <typename I>
int64_t NumberValues(int64_t n, UniqueSlot* slots, I* ids) {
  // Where each value appeared first; equal keys are neighbours, earlier places first.
  int32_t first = 0;
  for (int64_t i = 0; i < n; ++i) {
    if (i == 0 || slots[i].key != slots[i - 1].key) first = slots[i].at;
    ids[slots[i].at] = first;
  }
  int64_t count = 0;
  for (int64_t i = 0; i < n; ++i) {
    if (ids[i] == i) {
      slots[count].at = static_cast<int32_t>(i);
      ids[i] = static_cast<I>(count++);
    } else {
      ids[i] = ids[ids[i]];  // an earlier place, which holds its number already
    }
  }
  return count;
}

double BucketValue(DType type, const void* data, int64_t i) {
  switch (type) {
    case DType::kInt32:
      return static_cast<float>(static_cast<const int32_t*>(data)[i]);
    case DType::kInt64:
      return static_cast<float>(static_cast<const int64_t*>(data)[i]);
    case DType::kFloat64:
      return static_cast<const double*>(data)[i];
    default:
      return static_cast<const float*>(data)[i];
  }
}

}  // namespace

bool CanAdd(DType type) { return AdderOf(type) != nullptr; }

IndexFault ScatterNd(const Shape& output_shape, int64_t slices, int depth, DType type,
                     const int32_t* indices, const void* updates, void* output) {
  const AddFn add = AdderOf(type);
  const std::array<int64_t, kMaxRank> strides = DenseStrides(output_shape);
  const int64_t slice = output_shape.num_elements(depth, output_shape.rank());
  const auto bytes = static_cast<size_t>(output_shape.num_elements() * (BitsOf(type) / 8));
  if (bytes > 0) std::memset(output, 0, bytes);
  for (int64_t i = 0; i < slices; ++i) {
    int64_t to = 0;
    for (int d = 0; d < depth; ++d) {
      const int64_t at = i * depth + d;
      if (indices[at] < 0 || indices[at] >= output_shape[d]) return {at, indices[at]};
      to += indices[at] * strides[static_cast<size_t>(d)];
    }
    add(slice, updates, i * slice, output, to);
  }
  return {};
}

IndexFault SparseToDense(const Shape& output_shape, int64_t count, int depth, int bits,
                         DType index_type, const void* indices, const void* values, bool one_value,
                         const void* default_value, void* output) {
  const std::array<int64_t, kMaxRank> strides = DenseStrides(output_shape);
  FillElements(output, output_shape.num_elements(), default_value, bits);
  for (int64_t i = 0; i < count; ++i) {
    int64_t to = 0;
    for (int d = 0; d < depth; ++d) {
      const int64_t at = i * depth + d;
      const int64_t index = IndexOf(index_type, indices, at);
      if (index < 0 || index >= output_shape[d]) return {at, index};
      to += index * strides[static_cast<size_t>(d)];
    }
    CopyRun(values, one_value ? 0 : i, output, to, 1, bits);
  }
  return {};
}

IndexFault ReverseSequence(const ReverseSequenceShape& s, int bits, DType length_type,
                           const void* input, const void* lengths, void* output) {
  const int64_t batches = s.sequence_first ? s.second : s.first;
  const int64_t extent = s.sequence_first ? s.first : s.second;
  for (int64_t b = 0; b < batches; ++b) {
    const int64_t length = IndexOf(length_type, lengths, b);
    if (length > extent) return {b, length};
  }
  for (int64_t o = 0; o < s.outer; ++o) {
    for (int64_t i = 0; i < s.first; ++i) {
      for (int64_t m = 0; m < s.middle; ++m) {
        for (int64_t j = 0; j < s.second; ++j) {
          const int64_t length = IndexOf(length_type, lengths, s.sequence_first ? j : i);
          const int64_t at = s.sequence_first ? i : j;
          const int64_t to = at < length ? length - 1 - at : at;
          const int64_t row = s.sequence_first ? to : i, column = s.sequence_first ? j : to;
          const int64_t from = ((o * s.first + i) * s.middle + m) * s.second + j;
          const int64_t target = ((o * s.first + row) * s.middle + m) * s.second + column;
          CopyRun(input, from * s.inner, output, target * s.inner, s.inner, bits);
        }
      }
    }
  }
  return {};
}

bool CanNumber(DType type) {
  switch (type) {
    case DType::kBool:
    case DType::kInt8:
    case DType::kUInt8:
    case DType::kInt16:
    case DType::kUInt16:
    case DType::kInt32:
    case DType::kUInt32:
    case DType::kInt64:
    case DType::kUInt64:
    case DType::kFloat32:
      return true;
    default:
      return false;
  }
}

int64_t Unique(DType type, int64_t n, const void* values, UniqueSlot* slots, DType id_type,
               void* ids) {
  for (int64_t i = 0; i < n; ++i) slots[i] = {KeyOf(type, values, i), static_cast<int32_t>(i)};
  std::sort(slots, slots + n, [](const UniqueSlot& a, const UniqueSlot& b) {
    return a.key != b.key ? a.key < b.key : a.at < b.at;
  });
  if (id_type == DType::kInt64) return NumberValues(n, slots, static_cast<int64_t*>(ids));
  return NumberValues(n, slots, static_cast<int32_t*>(ids));
}

void Bucketize(DType type, int64_t n, const void* input, const float* boundaries, size_t count,
               int32_t* output) {
  for (int64_t i = 0; i < n; ++i) {
    const double value = BucketValue(type, input, i);
    const float* above = std::upper_bound(boundaries, boundaries + count, value,
                                          [](double v, float boundary) { return v < boundary; });
    output[i] = static_cast<int32_t>(above - boundaries);
  }
}

}  // namespace edgeml::kernels
