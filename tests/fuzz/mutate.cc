// The mutator of the targets that read model files: half of the time it changes what the file says
// (mutate_model.h), else how it says it. libFuzzer's own mutations insert and erase bytes, which
// moves every offset of a FlatBuffer, so that most of its inputs end at the first check of the
// reader: of the edits of bytes, too, most are in place.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "tests/fuzz/dice.h"
#include "tests/fuzz/mutate_model.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace {

using edgeml::fuzz::Dice;

void EditBytes(uint8_t* data, size_t size, Dice& dice) {
  for (size_t edits = 1 + dice.Below(3); edits > 0; --edits) {
    const size_t word = dice.Below(size / 4) * 4;
    switch (dice.Below(5)) {
      case 0: {  // a field or vector element of four bytes
        const auto value = static_cast<int32_t>(dice.Pick(edgeml::fuzz::kIntegers));
        std::memcpy(data + word, &value, 4);
        break;
      }
      case 1: {  // the same, a little changed: offsets, counts, indices
        uint32_t value = 0;
        std::memcpy(&value, data + word, 4);
        value += static_cast<uint32_t>(dice.Below(17)) - 8u;
        std::memcpy(data + word, &value, 4);
        break;
      }
      case 2:  // an enumeration or a flag
        data[dice.Below(size)] = static_cast<uint8_t>(dice.Pick(edgeml::fuzz::kIntegers));
        break;
      case 3:  // an entry of a vtable, or text
        data[dice.Below(size)] ^= static_cast<uint8_t>(1u << dice.Below(8));
        break;
      default: {  // another word of the file: a valid offset or index in a wrong place
        uint32_t value = 0;
        std::memcpy(&value, data + dice.Below(size / 4) * 4, 4);
        std::memcpy(data + word, &value, 4);
      }
    }
  }
}

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  Dice dice(seed);
  if (size < 8 || dice.OneIn(16)) return LLVMFuzzerMutate(data, size, max_size);
  if (dice.OneIn(2)) {
    const std::vector<uint8_t> model = edgeml::fuzz::MutateModel({data, size}, dice);
    if (!model.empty() && model.size() <= max_size) {
      std::memcpy(data, model.data(), model.size());
      return model.size();
    }
  }
  if (dice.OneIn(2)) {
    edgeml::fuzz::MutateFields({data, size}, 1 + dice.Below(3), dice);
  } else {
    EditBytes(data, size, dice);
  }
  return size;
}

extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t* data1, size_t size1,
                                            const uint8_t* data2, size_t size2, uint8_t* out,
                                            size_t max_size, unsigned int seed) {
  Dice dice(seed);
  const std::vector<uint8_t> model =
      edgeml::fuzz::CrossModels({data1, size1}, {data2, size2}, dice);
  if (!model.empty() && model.size() <= max_size) {
    std::memcpy(out, model.data(), model.size());
    return model.size();
  }
  // The start of one and the end of the other.
  const size_t size = std::min(size1, max_size);
  std::memcpy(out, data1, size);
  const size_t shared = std::min(size, size2);
  const size_t from = dice.Below(shared + 1);
  std::memcpy(out + from, data2 + from, shared - from);
  return size;
}
