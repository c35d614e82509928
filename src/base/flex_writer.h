// Writes FlexBuffers maps, the form in which TFLite models keep the options of custom operators.
#ifndef EDGEML_BASE_FLEX_WRITER_H_
#define EDGEML_BASE_FLEX_WRITER_H_

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace edgeml {

using FlexValue = std::variant<int64_t, double, bool, std::string, std::vector<int64_t>,
                               std::vector<double>, std::vector<std::string>>;

// A map of those entries. Every number takes eight bytes: larger than need be, but simple.
// Source: https://flatbuffers.dev/internals/ ("FlexBuffers").
std::vector<uint8_t> WriteFlexMap(const std::map<std::string, FlexValue>& entries);

}  // namespace edgeml

#endif  // EDGEML_BASE_FLEX_WRITER_H_
