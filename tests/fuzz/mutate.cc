// A mutator for binary formats with offsets: mostly edits in place. libFuzzer's own mutations
// insert and erase bytes, which moves every offset of a FlatBuffer, so that most of its inputs end
// at the first check of the reader.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  std::minstd_rand random(seed);
  const auto below = [&random](size_t n) { return static_cast<size_t>(random()) % n; };
  if (size < 8 || below(8) == 0) return LLVMFuzzerMutate(data, size, max_size);

  constexpr std::array<int32_t, 16> kValues = {
      0, 1, -1, 2, 3, 4, 7, 8, 16, 127, 255, 0xffff, 65536, 1 << 20, INT32_MAX, INT32_MIN};
  for (size_t edits = 1 + below(3); edits > 0; --edits) {
    const size_t word = below(size / 4) * 4;
    switch (below(5)) {
      case 0:  // a field or vector element of four bytes
        std::memcpy(data + word, &kValues[below(kValues.size())], 4);
        break;
      case 1: {  // the same, a little changed: offsets, counts, indices
        uint32_t value = 0;
        std::memcpy(&value, data + word, 4);
        value += static_cast<uint32_t>(below(17)) - 8u;
        std::memcpy(data + word, &value, 4);
        break;
      }
      case 2:  // an enumeration or a flag
        data[below(size)] = static_cast<uint8_t>(kValues[below(9)]);
        break;
      case 3:  // an entry of a vtable, or text
        data[below(size)] ^= static_cast<uint8_t>(1u << below(8));
        break;
      default: {  // another word of the file: a valid offset or index in a wrong place
        uint32_t value = 0;
        std::memcpy(&value, data + below(size / 4) * 4, 4);
        std::memcpy(data + word, &value, 4);
      }
    }
  }
  return size;
}
