// Queues of samples, one per row of a tensor, that are filled and emptied in step.
#ifndef EDGEML_FRONTEND_SAMPLE_QUEUES_H_
#define EDGEML_FRONTEND_SAMPLE_QUEUES_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace edgeml::frontend {

class SampleQueues {
 public:
  SampleQueues() = default;
  // REQUIRES: the product fits a size_t.
  SampleQueues(size_t rows, size_t capacity) : capacity_(capacity), samples_(rows * capacity) {}

  // In each row.
  size_t size() const { return size_; }
  void Clear() {
    size_ = first_ = 0;
    std::fill(samples_.begin(), samples_.end(), int16_t{0});
  }

  // Copies n samples behind the newest of a row. To be followed, when all rows have theirs, by
  // Grow(n). REQUIRES: size() + n <= capacity.
  void Write(size_t row, const int16_t* values, size_t n) {
    ForEachPart(row, first_ + size_, n, [&values](int16_t* part, size_t count) {
      std::copy_n(values, count, part);
      values += count;
    });
  }
  void Grow(size_t n) { size_ += n; }
  // Copies the n oldest samples of a row. REQUIRES: n <= size().
  void Read(size_t row, size_t n, int16_t* values) {
    ForEachPart(row, first_, n, [&values](const int16_t* part, size_t count) {
      values = std::copy_n(part, count, values);
    });
  }
  // Forgets the n oldest samples of every row. REQUIRES: n <= size().
  void Drop(size_t n) {
    if (n == 0) return;
    first_ = (first_ + n) % capacity_;
    size_ -= n;
  }

 private:
  // The n places from `at` on, which may be beyond the end and then wrap, as one or two runs.
  template <typename F>
  void ForEachPart(size_t row, size_t at, size_t n, F&& visit) {
    if (n == 0) return;
    int16_t* const begin = samples_.data() + row * capacity_;
    at %= capacity_;
    const size_t head = std::min(n, capacity_ - at);
    visit(begin + at, head);
    if (n > head) visit(begin, n - head);
  }

  size_t capacity_ = 0;
  std::vector<int16_t> samples_;  // [rows, capacity]
  size_t first_ = 0, size_ = 0;
};

}  // namespace edgeml::frontend

#endif  // EDGEML_FRONTEND_SAMPLE_QUEUES_H_
