// Counter-based random bits: the generators that RNG_BIT_GENERATOR names.
#ifndef EDGEML_KERNELS_STABLEHLO_BIT_GENERATOR_H_
#define EDGEML_KERNELS_STABLEHLO_BIT_GENERATOR_H_

#include <array>
#include <cstdint>

namespace edgeml::kernels {

// Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
// Philox4x32 with 10 rounds and Threefry2x32 with 20: the block of words that a counter stands for.
std::array<uint32_t, 4> Philox4x32(std::array<uint32_t, 2> key, std::array<uint32_t, 4> counter);
std::array<uint32_t, 2> Threefry2x32(std::array<uint32_t, 2> key, std::array<uint32_t, 2> counter);

// output [count] words of random bits, and the state for the next ones. A state is of 64-bit words:
// the key, the counter, and, with three words, the upper half of Philox's counter (the key stands
// for it with two). The counter's lower half goes up by one per block, begun blocks included;
// its upper half stays. In and out may be the same memory.
// REQUIRES: state_words is 2, or 3 with Philox.
void PhiloxBits(const uint64_t* state, int state_words, int64_t count, uint32_t* output,
                uint64_t* next_state);
void ThreefryBits(const uint64_t* state, int64_t count, uint32_t* output, uint64_t* next_state);

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_STABLEHLO_BIT_GENERATOR_H_
