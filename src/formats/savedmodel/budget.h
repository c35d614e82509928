// A limit on what reading a file may copy and compute.
#ifndef EDGEML_FORMATS_SAVEDMODEL_BUDGET_H_
#define EDGEML_FORMATS_SAVEDMODEL_BUDGET_H_

#include <cstdint>

#include "edgeml/status.h"
#include "src/base/strings.h"

namespace edgeml::savedmodel {

// A small hostile file can ask for large work: a constant of one value that fills a large shape, or
// many variables that all name the same stored bytes. Such work is charged here, in bytes; real
// files stay far below the limit.
class Budget {
 public:
  explicit Budget(uint64_t file_bytes) : left_((uint64_t{256} << 20) + 4 * file_bytes) {}

  // More files turned out to belong to the model.
  void Add(uint64_t file_bytes) { left_ += 4 * file_bytes; }
  Status Charge(uint64_t bytes) {
    if (bytes > left_)
      return Error(Code::kInvalidModel,
                   "it asks for far more memory than the size of its file "
                   "warrants; the file is malformed");
    left_ -= bytes;
    return Status::Ok();
  }

 private:
  uint64_t left_;
};

}  // namespace edgeml::savedmodel

#endif  // EDGEML_FORMATS_SAVEDMODEL_BUDGET_H_
