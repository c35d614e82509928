#include "src/base/json.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "src/base/strings.h"

namespace edgeml {
namespace {

constexpr size_t kMaxDepth = 256;
constexpr size_t kMostPrinted = 80;

// Python writes NaN, Infinity and -Infinity, which JSON lacks: outside of strings they become null
// and numbers beyond the range, of the same length or less.
std::string WithoutPythonNumbers(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      out += c;
      if (c == '\\' && i + 1 < text.size()) out += text[++i];
      if (c == '"') in_string = false;
      continue;
    }
    if (text.substr(i).starts_with("Infinity")) {
      out += "1.7e308";  // infinite in every float type that a layer takes
      i += 7;
    } else if (text.substr(i).starts_with("NaN")) {
      out += "null";
      i += 2;
    } else {
      in_string = c == '"';
      out += c;
    }
  }
  return out;
}

}  // namespace

// Builds the tree from the parser's events; its stack is what bounds the depth.
class JsonBuilder : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit JsonBuilder(size_t max_values) : values_left_(max_values) {}
  Json Take() { return std::move(root_); }
  const Status& error() const { return error_; }

  bool null() override { return Put({}); }
  bool boolean(bool value) override {
    Json json;
    json.kind_ = Json::Kind::kBool;
    json.flag_ = value;
    return Put(std::move(json));
  }
  bool number_integer(number_integer_t value) override {
    Json json;
    json.kind_ = Json::Kind::kInteger;
    json.integer_ = value;
    return Put(std::move(json));
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (value <= static_cast<uint64_t>(INT64_MAX))
      return number_integer(static_cast<int64_t>(value));
    return number_float(static_cast<double>(value), {});
  }
  bool number_float(number_float_t value, const string_t& /*text*/) override {
    Json json;
    json.kind_ = Json::Kind::kReal;
    json.real_ = value;
    return Put(std::move(json));
  }
  bool string(string_t& value) override { return Put(Json(std::move(value))); }
  bool binary(binary_t& /*value*/) override { return false; }
  bool start_object(size_t /*size*/) override { return Open(Json::Kind::kObject); }
  bool end_object() override { return Close(); }
  bool start_array(size_t /*size*/) override { return Open(Json::Kind::kArray); }
  bool end_array() override { return Close(); }
  bool key(string_t& name) override {
    open_.back()->members_.emplace_back(std::move(name), Json());
    return true;
  }
  bool parse_error(size_t position, const std::string& /*token*/,
                   const nlohmann::detail::exception& /*error*/) override {
    error_ = Error(Code::kInvalidModel, "not valid JSON at byte ", position);
    return false;
  }

 private:
  Json* Place(Json json) {
    if (open_.empty()) {
      root_ = std::move(json);
      return &root_;
    }
    Json& parent = *open_.back();
    if (parent.kind_ == Json::Kind::kArray) return &parent.items_.emplace_back(std::move(json));
    parent.members_.back().second = std::move(json);
    return &parent.members_.back().second;
  }
  bool Count() {
    if (values_left_-- > 0) return true;
    error_ = Error(Code::kResourceExhausted, "the JSON holds too many values");
    return false;
  }
  bool Put(Json json) {
    if (!Count()) return false;
    Place(std::move(json));
    return true;
  }
  // The containers on the stack stay where they are: only the innermost one grows.
  bool Open(Json::Kind kind) {
    if (!Count()) return false;
    if (open_.size() >= kMaxDepth) {
      error_ = Error(Code::kInvalidModel, "the JSON is more than ", kMaxDepth, " levels deep");
      return false;
    }
    Json json;
    json.kind_ = kind;
    open_.push_back(Place(std::move(json)));
    return true;
  }
  bool Close() {
    open_.pop_back();
    return true;
  }

  Json root_;
  std::vector<Json*> open_;
  size_t values_left_;
  Status error_;
};

Result<Json> Json::Parse(std::string_view text, size_t max_values) {
  JsonBuilder builder(max_values);
  const bool plain =
      text.find("Infinity") == std::string_view::npos && text.find("NaN") == std::string_view::npos;
  const bool good = plain ? nlohmann::json::sax_parse(text, &builder)
                          : nlohmann::json::sax_parse(WithoutPythonNumbers(text), &builder);
  if (!good)
    return builder.error().ok() ? Status(Code::kInvalidModel, "not valid JSON") : builder.error();
  return builder.Take();
}

std::optional<bool> Json::boolean() const {
  if (kind_ == Kind::kBool) return flag_;
  return std::nullopt;
}

std::optional<int64_t> Json::integer() const {
  if (kind_ == Kind::kInteger) return integer_;
  if (kind_ == Kind::kReal && std::abs(real_) < 1e15 && real_ == std::trunc(real_))
    return static_cast<int64_t>(real_);
  return std::nullopt;
}

std::optional<double> Json::number() const {
  if (kind_ == Kind::kInteger) return static_cast<double>(integer_);
  if (kind_ == Kind::kReal) return real_;
  return std::nullopt;
}

namespace {
const Json& Nothing() {
  static const Json nothing;
  return nothing;
}
}  // namespace

const Json& Json::operator[](std::string_view name) const {
  for (const auto& [key, value] : members_)
    if (key == name) return value;
  return Nothing();
}

const Json& Json::operator[](size_t i) const { return i < items_.size() ? items_[i] : Nothing(); }

bool Json::Has(std::string_view name) const {
  for (const auto& member : members_)
    if (member.first == name) return true;
  return false;
}

void Json::Print(std::string& out) const {
  if (out.size() > kMostPrinted) return;
  switch (kind_) {
    case Kind::kNull:
      out += "null";
      break;
    case Kind::kBool:
      out += flag_ ? "true" : "false";
      break;
    case Kind::kInteger:
      out += Concat(integer_);
      break;
    case Kind::kReal:
      out += Concat(real_);
      break;
    case Kind::kString:
      out += Concat("\"", text_, "\"");
      break;
    case Kind::kArray:
      out += "[";
      for (size_t i = 0; i < items_.size(); ++i) {
        if (i > 0) out += ", ";
        items_[i].Print(out);
      }
      out += "]";
      break;
    case Kind::kObject:
      out += "{";
      for (size_t i = 0; i < members_.size(); ++i) {
        out += Concat(i > 0 ? ", " : "", "\"", members_[i].first, "\": ");
        members_[i].second.Print(out);
      }
      out += "}";
      break;
  }
}

std::string Json::ToString() const {
  std::string out;
  Print(out);
  if (out.size() > kMostPrinted) out = out.substr(0, kMostPrinted) + "…";
  return out;
}

std::string JsonString(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace edgeml
