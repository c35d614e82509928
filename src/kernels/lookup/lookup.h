// Kernels of tables, embeddings and text. Contract and reference. None allocates.
#ifndef EDGEML_KERNELS_LOOKUP_LOOKUP_H_
#define EDGEML_KERNELS_LOOKUP_LOOKUP_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "src/kernels/movement/indexing.h"

namespace edgeml::kernels {

// Where `key` is in the ascending keys [count], -1 when it is not. Always halves the range between
// the same bounds, so that keys that repeat or are not sorted give LiteRT's answer too.
int64_t FindKey(std::span<const int32_t> keys, int32_t key);

// HASHTABLE_LOOKUP: output[i, :] = values[r, :] with keys[r] == lookup[i], and hits[i] = 1; zeros
// and 0 when there is no such key. keys [rows], values [rows, row_bytes], lookup and hits [count].
void HashtableLookup(std::span<const int32_t> lookup, std::span<const int32_t> keys,
                     size_t row_bytes, const void* values, void* output, uint8_t* hits);

// EMBEDDING_LOOKUP_SPARSE. Lookup i adds weights[i] * table[ids[i], :] to the bucket of output that
// indices[i, 0 … depth - 2] names within dense_shape (row-major); the last index does not count.
// Lookups of a bucket follow each other: when the bucket changes, and at the end, the one left is
// divided by the sum of its weights (mean) or the root of the sum of their squares (sqrtn).
// ids and weights [lookups], indices [lookups, depth], dense_shape [depth], table [rows, row_size],
// output [buckets, row_size], buckets = dense_shape[0] * … * dense_shape[depth - 2]. Float32, in
// LiteRT's order, without contraction.
enum class SparseCombiner : uint8_t { kSum, kMean, kSqrtN };
struct SparseLookup {
  SparseCombiner combiner = SparseCombiner::kSum;
  int64_t rows = 0, row_size = 0, buckets = 0;
  int depth = 1;
  const int32_t* ids = nullptr;
  const int32_t* indices = nullptr;
  const int32_t* dense_shape = nullptr;
  const float* weights = nullptr;
  const float* table = nullptr;
  float* output = nullptr;
};
// The bucket being filled.
struct SparseBucket {
  int64_t bucket = 0, lookups = 0;
  float weight = 0.0f, squares = 0.0f;
};
struct SparseFault {
  IndexFault fault;
  bool in_ids = false;  // else in the indices
};
// Lookups [first, last), in order; the output is zeros before the first. Ids must lie in [0, rows),
// indices must not be negative and their bucket must exist: the first that is wrong stops it.
SparseFault LookUpSparse(const SparseLookup& lookup, int64_t first, int64_t last,
                         SparseBucket& current);
// Divides what `current` holds; after the last lookup.
void FinishBucket(const SparseLookup& lookup, const SparseBucket& current);

// One bit of LSH_PROJECTION: whether the sum of weights[i] * hash(seed, item i) is above 0, in
// float64. items [count, item_bytes], weights [count] or null for ones; the hash is Fingerprint64
// of the seed's four bytes and the item's, as a signed number. `key` has room for both.
bool LshBit(float seed, int64_t count, size_t item_bytes, const uint8_t* items,
            const float* weights, uint8_t* key);

// The first word of `text` from `begin` on, and past it; empty at the end. Words end with white
// space. As in LiteRT, a text's first character always belongs to its first word, which is left out
// if it begins with white space and is not the only one.
std::string_view NextWord(std::string_view text, size_t& begin);

// SKIP_GRAM: all ways to take up to `size` words of `words` in order, where between two taken ones
// at most `max_skip` are left out: those of exactly `size` words, or of any number when
// `all_sizes`. In LiteRT's order.
class SkipGrams {
 public:
  // `stack`: room for `size` numbers. REQUIRES: 1 <= size <= words.
  SkipGrams(int32_t size, int32_t max_skip, bool all_sizes, int32_t words, int32_t* stack);
  // The numbers of the next n-gram's words, valid until the next call; none at the end. Counts
  // what it tries down in `steps` and stops at the end of it too.
  std::span<const int32_t> Next(int64_t& steps);

 private:
  bool CanGoDeeper() const;

  const int32_t size_, max_skip_, words_;
  const bool all_sizes_;
  int32_t* const stack_;
  int32_t depth_ = 1;
};

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_LOOKUP_LOOKUP_H_
