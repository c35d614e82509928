// Modules made from the bytes of a fuzzer: any operator with any attributes on any tensors.
#ifndef EDGEML_TESTS_FUZZ_GENERATE_H_
#define EDGEML_TESTS_FUZZ_GENERATE_H_

#include <cstdint>
#include <span>

#include "src/ir/graph.h"

namespace edgeml::fuzz {

// A function of `data` alone. Most of what comes out passes ir::Verify(). Constants have at most
// 64 KB each; everything else may claim any size.
ir::Module GenerateModule(std::span<const uint8_t> data);

}  // namespace edgeml::fuzz

#endif  // EDGEML_TESTS_FUZZ_GENERATE_H_
