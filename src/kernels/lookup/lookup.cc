#include "src/kernels/lookup/lookup.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "src/kernels/lookup/fingerprint.h"

namespace edgeml::kernels {
namespace {

bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// The bucket that one lookup's indices name, or the place of the index that names none.
int64_t BucketOf(const SparseLookup& s, const int32_t* index, int& wrong) {
  int64_t bucket = 0, stride = 1;
  for (int d = s.depth - 2; d >= 0; --d) {
    wrong = d;
    // Without overflow: bucket stays below s.buckets, which is a multiple of every stride.
    if (index[d] < 0 || s.buckets == 0 || index[d] > (s.buckets - 1 - bucket) / stride) return -1;
    bucket += index[d] * stride;
    stride *= s.dense_shape[d];
  }
  return bucket;
}

}  // namespace

int64_t FindKey(std::span<const int32_t> keys, int32_t key) {
  size_t low = 0, high = keys.size();
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (keys[middle] == key) return static_cast<int64_t>(middle);
    if (key < keys[middle]) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return -1;
}

void HashtableLookup(std::span<const int32_t> lookup, std::span<const int32_t> keys,
                     size_t row_bytes, const void* values, void* output, uint8_t* hits) {
  const auto* from = static_cast<const uint8_t*>(values);
  auto* to = static_cast<uint8_t*>(output);
  for (size_t i = 0; i < lookup.size(); ++i) {
    const int64_t row = FindKey(keys, lookup[i]);
    hits[i] = row >= 0 ? 1 : 0;
    if (row_bytes == 0) continue;
    if (row >= 0) {
      std::memcpy(to + i * row_bytes, from + static_cast<size_t>(row) * row_bytes, row_bytes);
    } else {
      std::memset(to + i * row_bytes, 0, row_bytes);
    }
  }
}

SparseFault LookUpSparse(const SparseLookup& s, int64_t first, int64_t last,
                         SparseBucket& current) {
  for (int64_t i = first; i < last; ++i) {
    const int64_t id = s.ids[i];
    if (id < 0 || id >= s.rows) return {{i, id}, true};
    const int32_t* index = s.indices + i * s.depth;
    int wrong = 0;
    const int64_t bucket = BucketOf(s, index, wrong);
    if (bucket < 0) return {{i * s.depth + wrong, index[wrong]}, false};
    if (bucket != current.bucket) {
      FinishBucket(s, current);
      current = {};
      current.bucket = bucket;
    }
    const float weight = s.weights[i];
    ++current.lookups;
    current.squares += weight * weight;
    current.weight += weight;
    const float* from = s.table + id * s.row_size;
    float* to = s.output + bucket * s.row_size;
    for (int64_t k = 0; k < s.row_size; ++k) to[k] += from[k] * weight;
  }
  return {};
}

void FinishBucket(const SparseLookup& s, const SparseBucket& current) {
  if (s.combiner == SparseCombiner::kSum || current.lookups == 0) return;
  const float divisor =
      s.combiner == SparseCombiner::kMean ? current.weight : std::sqrt(current.squares);
  float* to = s.output + current.bucket * s.row_size;
  for (int64_t k = 0; k < s.row_size; ++k) to[k] /= divisor;
}

bool LshBit(float seed, int64_t count, size_t item_bytes, const uint8_t* items,
            const float* weights, uint8_t* key) {
  std::memcpy(key, &seed, sizeof seed);
  double score = 0.0;
  for (int64_t i = 0; i < count; ++i) {
    if (item_bytes > 0)
      std::memcpy(key + sizeof seed, items + static_cast<size_t>(i) * item_bytes, item_bytes);
    const auto hash = static_cast<int64_t>(Fingerprint64(key, sizeof seed + item_bytes));
    const auto value = static_cast<double>(hash);
    score += weights != nullptr ? static_cast<double>(weights[i]) * value : value;
  }
  return score > 0.0;
}

std::string_view NextWord(std::string_view text, size_t& begin) {
  while (begin < text.size()) {
    const size_t start = begin;
    size_t end = std::max<size_t>(start, 1);
    while (end < text.size() && !IsSpace(text[end])) ++end;
    begin = end + 1;
    const bool is_word = end > start && (end == text.size() || !IsSpace(text[start]));
    if (is_word) return text.substr(start, end - start);
  }
  return {};
}

SkipGrams::SkipGrams(int32_t size, int32_t max_skip, bool all_sizes, int32_t words, int32_t* stack)
    : size_(size), max_skip_(max_skip), words_(words), all_sizes_(all_sizes), stack_(stack) {
  std::fill_n(stack_, size_, 0);
}

bool SkipGrams::CanGoDeeper() const {
  if (depth_ >= size_ || stack_[depth_] + 1 >= words_) return false;
  return depth_ == 0 || stack_[depth_] - stack_[depth_ - 1] <= max_skip_;
}

std::span<const int32_t> SkipGrams::Next(int64_t& steps) {
  while (depth_ >= 0 && steps > 0) {
    --steps;
    if (CanGoDeeper()) {
      ++stack_[depth_++];
      if (depth_ < size_) stack_[depth_] = stack_[depth_ - 1];
      continue;
    }
    const int32_t length = depth_--;
    if (length > 0 && (all_sizes_ || length == size_)) return {stack_, static_cast<size_t>(length)};
  }
  return {};
}

}  // namespace edgeml::kernels
