// The bundled UCI digits (src/data/digits/README.md): gzip-compressed idx files, embedded at build
// time.
#ifndef EDGEML_DATA_BUNDLED_DIGITS_H_
#define EDGEML_DATA_BUNDLED_DIGITS_H_

#include <cstdint>
#include <span>

namespace edgeml::data {

extern const std::span<const uint8_t> kDigitsImages;
extern const std::span<const uint8_t> kDigitsLabels;

}  // namespace edgeml::data

#endif  // EDGEML_DATA_BUNDLED_DIGITS_H_
