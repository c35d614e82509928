// Mutations of TFLite models that know the format: tables stay well-formed, what they say does not.
#ifndef EDGEML_TESTS_FUZZ_MUTATE_MODEL_H_
#define EDGEML_TESTS_FUZZ_MUTATE_MODEL_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tests/fuzz/dice.h"

namespace edgeml::fuzz {

// A changed copy of the model in `file`: shapes, types, quantization, constants, operators,
// options, wiring, calls and signatures. Empty when `file` is not a TFLite model or is not for
// copying.
std::vector<uint8_t> MutateModel(std::span<const uint8_t> file, Dice& dice);

// `file` with an operator and its tensors, or with a subgraph, of `other`. Empty like MutateModel.
std::vector<uint8_t> CrossModels(std::span<const uint8_t> file, std::span<const uint8_t> other,
                                 Dice& dice);

// Whether each number of a verified model lies at a multiple of its size. The verifier of
// FlatBuffers does not ask it of the elements of vectors; generated code counts on it.
bool IsAligned(std::span<const uint8_t> file);

// Changes some scalars of the model in `file` in place, without moving anything: fields of tables,
// most often of operators' options, and elements of vectors. Does nothing to what is not a model.
void MutateFields(std::span<uint8_t> file, size_t count, Dice& dice);

}  // namespace edgeml::fuzz

#endif  // EDGEML_TESTS_FUZZ_MUTATE_MODEL_H_
