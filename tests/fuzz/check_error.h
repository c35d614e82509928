// What every fuzz target asks of an error.
#ifndef EDGEML_TESTS_FUZZ_CHECK_ERROR_H_
#define EDGEML_TESTS_FUZZ_CHECK_ERROR_H_

#include "edgeml/status.h"

namespace edgeml::fuzz {

// Ends the program when an error says nothing, or is a mistake of ours (kInternal).
void CheckError(const Status& status);

}  // namespace edgeml::fuzz

#endif  // EDGEML_TESTS_FUZZ_CHECK_ERROR_H_
