// Running sessions the way the fuzz targets do: little memory, few steps, a watchdog that cancels.
#ifndef EDGEML_TESTS_FUZZ_SESSION_RUN_H_
#define EDGEML_TESTS_FUZZ_SESSION_RUN_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "edgeml/edgeml.h"
#include "tests/fuzz/check_error.h"  // IWYU pragma: export

namespace edgeml::fuzz {

inline constexpr size_t kMemoryCap = 16 << 20;

// Prepares a session and runs it twice. Inputs get the bytes of `values` in order, pseudo-random
// ones when these end; with `resize`, some of `values` first make new shapes for the inputs. Ends
// the program for what CheckError() does not take, for outputs that cannot be read, and when
// preparing or running goes on long after it was cancelled.
void RunSession(const Model& model, bool exact, std::span<const uint8_t> values, uint32_t seed,
                bool resize);

}  // namespace edgeml::fuzz

#endif  // EDGEML_TESTS_FUZZ_SESSION_RUN_H_
