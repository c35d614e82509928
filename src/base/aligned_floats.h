// Memory of floats for kernels that want it at 64 bytes.
#ifndef EDGEML_BASE_ALIGNED_FLOATS_H_
#define EDGEML_BASE_ALIGNED_FLOATS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace edgeml {

class AlignedFloats {
 public:
  AlignedFloats() = default;
  // Zeros.
  explicit AlignedFloats(size_t n) : size_(n), storage_(n + kAlignment / sizeof(float)) {}
  // A copy's floats would start elsewhere in its storage.
  AlignedFloats(const AlignedFloats&) = delete;
  AlignedFloats& operator=(const AlignedFloats&) = delete;
  AlignedFloats(AlignedFloats&&) = default;
  AlignedFloats& operator=(AlignedFloats&&) = default;

  size_t size() const { return size_; }
  float* data() { return storage_.data() + offset(); }
  const float* data() const { return storage_.data() + offset(); }

 private:
  static constexpr size_t kAlignment = 64;
  size_t offset() const {
    const auto address = reinterpret_cast<uintptr_t>(storage_.data());
    return (kAlignment - address % kAlignment) % kAlignment / sizeof(float);
  }

  size_t size_ = 0;
  std::vector<float> storage_;
};

}  // namespace edgeml

#endif  // EDGEML_BASE_ALIGNED_FLOATS_H_
