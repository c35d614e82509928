// The page of src/cli/page in one piece, made during the build: what comes before its data, and
// what comes after.
#ifndef EDGEML_CLI_PAGE_H_
#define EDGEML_CLI_PAGE_H_

#include <cstdint>
#include <span>

namespace edgeml::cli {

extern const std::span<const uint8_t> kPageBeforeData, kPageAfterData;

}  // namespace edgeml::cli

#endif  // EDGEML_CLI_PAGE_H_
