// JSON, also as Python writes it: parsed with bounds, read without exceptions. A question that does
// not fit gets an empty answer, so that a chain of questions needs one check at its end.
#ifndef EDGEML_BASE_JSON_H_
#define EDGEML_BASE_JSON_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "edgeml/status.h"

namespace edgeml {

class Json {
 public:
  enum class Kind : uint8_t { kNull, kBool, kInteger, kReal, kString, kArray, kObject };
  using Members = std::vector<std::pair<std::string, Json>>;

  // At most 256 levels deep. NaN, as Python writes it, becomes null, Infinity a number over all
  // floats. kInvalidModel; kResourceExhausted for more than `max_values` values, each of which
  // takes about a hundred bytes.
  static Result<Json> Parse(std::string_view text, size_t max_values = SIZE_MAX);

  Json() = default;
  explicit Json(std::string text) : kind_(Kind::kString), text_(std::move(text)) {}

  Kind kind() const { return kind_; }
  bool is_null() const { return kind_ == Kind::kNull; }
  bool is_string() const { return kind_ == Kind::kString; }
  bool is_array() const { return kind_ == Kind::kArray; }
  bool is_object() const { return kind_ == Kind::kObject; }
  bool is_number() const { return kind_ == Kind::kInteger || kind_ == Kind::kReal; }

  std::optional<bool> boolean() const;
  std::optional<int64_t> integer() const;  // also a real number without fraction
  std::optional<double> number() const;
  const std::string& text() const { return text_; }  // empty unless a string
  // Elements of an array, none of anything else.
  const std::vector<Json>& items() const { return items_; }
  const Members& members() const { return members_; }
  // The member of this name; null when there is none.
  const Json& operator[](std::string_view name) const;
  // The element at `i`; null when there is none.
  const Json& operator[](size_t i) const;
  bool Has(std::string_view name) const;
  // In one line, cut off after about 80 characters; for messages.
  std::string ToString() const;

 private:
  friend class JsonBuilder;
  void Print(std::string& out) const;

  Kind kind_ = Kind::kNull;
  bool flag_ = false;
  int64_t integer_ = 0;
  double real_ = 0;
  std::string text_;
  std::vector<Json> items_;
  Members members_;
};

// `text` as a JSON string, quotes included. What is not UTF-8 becomes U+FFFD.
std::string JsonString(std::string_view text);

}  // namespace edgeml

#endif  // EDGEML_BASE_JSON_H_
