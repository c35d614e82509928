// Tables of numbers in CSV files.
#ifndef EDGEML_DATA_CSV_H_
#define EDGEML_DATA_CSV_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "edgeml/status.h"

namespace edgeml::data {

struct CsvTable {
  std::vector<std::string> columns;      // without the label column
  std::vector<float> values;             // [rows, columns]
  std::vector<int64_t> labels;           // [rows]
  std::vector<std::string> class_names;  // sorted, when labels are words; empty when numbers
};

// Comma-separated with a header line; fields may be quoted ("" is a quote). Every column but
// `label_column` must hold numbers. Labels that are all non-negative integers are class numbers;
// otherwise each different word is a class, in sorted order. `where` names the source in messages.
// Errors: kInvalidModel (names line and column), kInvalidArgument (no such label column).
Result<CsvTable> ParseCsv(std::string_view text, std::string_view label_column,
                          const std::string& where);

}  // namespace edgeml::data

#endif  // EDGEML_DATA_CSV_H_
