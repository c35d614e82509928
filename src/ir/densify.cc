#include "src/ir/densify.h"

#include <array>
#include <cstring>
#include <utility>

#include "src/base/strings.h"

namespace edgeml::ir {
namespace {

constexpr size_t kMaxLevels = 2 * static_cast<size_t>(kMaxRank);

class Densifier {
 public:
  explicit Densifier(const Value& value) : value_(value), sparsity_(*value.sparsity) {}

  Result<std::vector<std::byte>> Run(uint64_t max_bytes) {
    const int bits = BitsOf(value_.type);
    if (bits < 8)
      return Error(Code::kUnsupported, "sparse tensors of ", edgeml::NameOf(value_.type),
                   " are not supported");
    element_ = static_cast<size_t>(bits) / 8;
    const auto bytes = CheckedByteSize(value_.shape, value_.type);
    if (!bytes) return Error(Code::kInvalidModel, "its shape is not known or too large");
    if (*bytes > max_bytes)
      return Error(Code::kResourceExhausted, "its dense form would take ", HumanBytes(*bytes));
    dense_elements_ = *bytes / element_;
    EDGEML_RETURN_IF_ERROR(SetLevels());
    EDGEML_RETURN_IF_ERROR(CountPositions());
    out_.assign(*bytes, std::byte{0});
    if (dense_elements_ > 0) Fill(0, 0, 0);
    return std::move(out_);
  }

 private:
  struct Level {
    const Sparsity::Dimension* storage;
    uint64_t size;    // of the dimension that it walks
    uint64_t stride;  // in dense elements, per step of that dimension
  };

  // What every level walks, from the shape and the blocks.
  Status SetLevels() {
    const size_t rank = static_cast<size_t>(value_.shape.rank());
    num_levels_ = sparsity_.traversal_order.size();
    const size_t num_blocks = sparsity_.block_map.size();
    if (num_levels_ < rank || num_levels_ != rank + num_blocks || num_blocks > rank ||
        sparsity_.dimensions.size() != num_levels_)
      return Error(Code::kInvalidModel, "its sparsity does not fit its rank ", rank);
    std::array<uint64_t, kMaxRank> stride{};
    uint64_t product = 1;
    for (size_t d = rank; d-- > 0;) {
      stride[d] = product;
      product *= static_cast<uint64_t>(value_.shape[static_cast<int>(d)]);
    }
    // Where in the traversal each dimension stands.
    std::array<size_t, kMaxLevels> place{};
    std::array<bool, kMaxLevels> seen{};
    for (size_t i = 0; i < num_levels_; ++i) {
      const int32_t d = sparsity_.traversal_order[i];
      if (d < 0 || static_cast<size_t>(d) >= num_levels_ || seen[static_cast<size_t>(d)])
        return Error(Code::kInvalidModel,
                     "the traversal order of its sparsity is not a permutation");
      seen[static_cast<size_t>(d)] = true;
      place[static_cast<size_t>(d)] = i;
    }
    std::array<uint64_t, kMaxRank> block{};
    block.fill(1);
    for (size_t b = 0; b < num_blocks; ++b) {
      const int32_t d = sparsity_.block_map[b];
      const Sparsity::Dimension& storage = sparsity_.dimensions[place[rank + b]];
      if (d < 0 || static_cast<size_t>(d) >= rank || block[static_cast<size_t>(d)] != 1 ||
          storage.level != Sparsity::Level::kDense || storage.dense_size < 1)
        return Error(Code::kInvalidModel, "block ", b, " of its sparsity is malformed");
      const uint64_t size = static_cast<uint64_t>(storage.dense_size);
      if (static_cast<uint64_t>(value_.shape[d]) % size != 0)
        return Error(Code::kInvalidModel, "its dimension ", d, " of ", value_.shape[d],
                     " does not divide into blocks of ", size);
      block[static_cast<size_t>(d)] = size;
      levels_[place[rank + b]] = {&storage, size, stride[static_cast<size_t>(d)]};
    }
    for (size_t d = 0; d < rank; ++d) {
      const uint64_t size = static_cast<uint64_t>(value_.shape[static_cast<int>(d)]) / block[d];
      levels_[place[d]] = {&sparsity_.dimensions[place[d]], size, stride[d] * block[d]};
    }
    return Status::Ok();
  }

  // Checks every level's storage. No level holds more positions than the dense tensor has elements.
  Status CountPositions() const {
    uint64_t count = 1;
    for (size_t i = 0; i < num_levels_; ++i) {
      const Level& level = levels_[i];
      const Sparsity::Dimension& storage = *level.storage;
      const auto malformed = [i](const char* what) {
        return Error(Code::kInvalidModel, "level ", i, " of its sparsity ", what);
      };
      if (storage.level == Sparsity::Level::kDense) {
        if (storage.dense_size < 0 || static_cast<uint64_t>(storage.dense_size) != level.size)
          return malformed("has another size than its dimension");
        count *= level.size;  // at most the product of the dimensions walked so far
      } else {
        const std::vector<int32_t>& segments = storage.segments;
        if (segments.size() != count + 1 || segments[0] != 0 ||
            static_cast<uint64_t>(segments.back()) != storage.indices.size())
          return malformed("has segments that do not fit its indices");
        for (size_t s = 0; s < count; ++s) {
          if (segments[s + 1] < segments[s] ||
              static_cast<uint64_t>(segments[s + 1]) > storage.indices.size())
            return malformed("has segments out of order");
          for (int32_t k = segments[s]; k < segments[s + 1]; ++k) {
            const int32_t index = storage.indices[static_cast<size_t>(k)];
            if (index < 0 || static_cast<uint64_t>(index) >= level.size ||
                (k > segments[s] && index <= storage.indices[static_cast<size_t>(k) - 1]))
              return malformed("has indices out of range or out of order");
          }
        }
        count = storage.indices.size();
      }
    }
    if (count * element_ != value_.data.bytes.size())
      return Error(Code::kInvalidModel, "its data has ", value_.data.bytes.size(),
                   " bytes, its sparsity stores ", count, " elements");
    return Status::Ok();
  }

  // Walks the positions below `position` of level `i`. At most kMaxLevels deep.
  void Fill(size_t i, uint64_t position, uint64_t element) {
    if (i == num_levels_) {
      std::memcpy(out_.data() + element * element_, value_.data.bytes.data() + position * element_,
                  element_);
      return;
    }
    const Level& level = levels_[i];
    const Sparsity::Dimension& storage = *level.storage;
    if (storage.level == Sparsity::Level::kDense) {
      for (uint64_t k = 0; k < level.size; ++k)
        Fill(i + 1, position * level.size + k, element + k * level.stride);
      return;
    }
    const auto end = static_cast<uint64_t>(storage.segments[position + 1]);
    for (auto k = static_cast<uint64_t>(storage.segments[position]); k < end; ++k)
      Fill(i + 1, k, element + static_cast<uint64_t>(storage.indices[k]) * level.stride);
  }

  const Value& value_;
  const Sparsity& sparsity_;
  size_t element_ = 1;
  uint64_t dense_elements_ = 0;
  size_t num_levels_ = 0;
  std::array<Level, kMaxLevels> levels_{};
  std::vector<std::byte> out_;
};

}  // namespace

Result<std::vector<std::byte>> Densify(const Value& value, uint64_t max_bytes) {
  return Densifier(value).Run(max_bytes);
}

}  // namespace edgeml::ir
