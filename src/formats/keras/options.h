// A layer's options, read by name. The first wrong one is remembered, so that a layer reads all of
// them and asks once; and what nobody read is an error too, since an option that is passed over
// would change the result in silence.
#ifndef EDGEML_FORMATS_KERAS_OPTIONS_H_
#define EDGEML_FORMATS_KERAS_OPTIONS_H_

#include <cstdint>
#include <initializer_list>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "edgeml/status.h"
#include "src/base/json.h"

namespace edgeml::keras {

class LayerOptions {
 public:
  explicit LayerOptions(const Json& config) : config_(&config) {}

  // The option, or the default when it is absent or null.
  int64_t Int(std::string_view name, int64_t or_else);
  int64_t Int(std::string_view name);  // required
  float Float(std::string_view name, float or_else);
  bool Bool(std::string_view name, bool or_else);
  std::string Text(std::string_view name, std::string_view or_else);
  // One of these, else an error.
  std::string OneOf(std::string_view name, std::initializer_list<std::string_view> choices,
                    std::string_view or_else);
  // `count` integers, or one for all.
  std::vector<int32_t> Ints(std::string_view name, size_t count, int32_t or_else);
  std::vector<int32_t> Ints(std::string_view name, size_t count);  // required
  // As many integers as there are: a list, or one number.
  std::vector<int32_t> List(std::string_view name);
  std::vector<float> Floats(std::string_view name);  // flattened
  const Json& Raw(std::string_view name);
  bool Has(std::string_view name) const;  // and not null
  // Read without a meaning for inference.
  void Ignore(std::initializer_list<std::string_view> names);

  void Fail(Status status) {
    if (status_.ok()) status_ = std::move(status);
  }
  const Status& status() const { return status_; }  // the first error so far
  // The first error; kUnsupported for options that nobody has read, all at once.
  Status Finish() const;

 private:
  const Json& Read(std::string_view name);
  void FailAt(std::string_view name, std::string_view expected);

  const Json* config_;
  std::set<std::string, std::less<>> read_;
  Status status_;
};

}  // namespace edgeml::keras

#endif  // EDGEML_FORMATS_KERAS_OPTIONS_H_
