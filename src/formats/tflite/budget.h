// A limit on what reading a file may copy.
#ifndef EDGEML_FORMATS_TFLITE_BUDGET_H_
#define EDGEML_FORMATS_TFLITE_BUDGET_H_

#include <cstddef>
#include <cstdint>

#include "edgeml/status.h"
#include "src/base/strings.h"

namespace edgeml::tflite {

// In a FlatBuffer many tables may point to one vector, so a small hostile file can ask for any
// number of copies of it. Everything a reader copies is charged here; real files stay far below the
// limit.
class Budget {
 public:
  explicit Budget(uint64_t file_bytes)
      : limit_(uint64_t{256} << 20), left_(limit_ + 4 * file_bytes) {}

  Status Charge(uint64_t bytes) {
    if (bytes > left_)
      return Error(Code::kInvalidModel,
                   "the file asks for far more copies than its size warrants; it is malformed");
    left_ -= bytes;
    return Status::Ok();
  }

 private:
  uint64_t limit_;
  uint64_t left_;
};

}  // namespace edgeml::tflite

#endif  // EDGEML_FORMATS_TFLITE_BUDGET_H_
