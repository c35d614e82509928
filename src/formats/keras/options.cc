#include "src/formats/keras/options.h"

#include <algorithm>

#include "src/base/strings.h"

namespace edgeml::keras {
namespace {

// What every layer has and inference does not ask for.
constexpr std::string_view kWithoutMeaning[] = {
    "name",        "trainable",         "dtype",       "batch_input_shape",
    "batch_shape", "input_shape",       "input_dtype", "activity_regularizer",
    "seed",        "build_input_shape", "autocast",    "quantization_config",
    "lora_rank",   "lora_alpha",        "sparse",      "ragged",
    "optional",    "input_spec",        "input_dim",   "input_length"};
constexpr std::string_view kEndingsWithoutMeaning[] = {"_initializer", "_regularizer",
                                                       "_constraint", "_init"};

bool HasNoMeaning(std::string_view name) {
  return std::ranges::find(kWithoutMeaning, name) != std::end(kWithoutMeaning) ||
         std::ranges::any_of(kEndingsWithoutMeaning,
                             [&](std::string_view end) { return name.ends_with(end); });
}

}  // namespace

const Json& LayerOptions::Read(std::string_view name) {
  read_.emplace(name);
  return (*config_)[name];
}

bool LayerOptions::Has(std::string_view name) const { return !(*config_)[name].is_null(); }

const Json& LayerOptions::Raw(std::string_view name) { return Read(name); }

void LayerOptions::FailAt(std::string_view name, std::string_view expected) {
  Fail(Error(Code::kInvalidModel, "option '", name, "' = ", (*config_)[name].ToString(),
             ", expected ", expected));
}

int64_t LayerOptions::Int(std::string_view name, int64_t or_else) {
  const Json& json = Read(name);
  if (json.is_null()) return or_else;
  if (const auto value = json.integer(); value && *value >= INT32_MIN && *value <= INT32_MAX)
    return *value;
  FailAt(name, "an integer");
  return or_else;
}

int64_t LayerOptions::Int(std::string_view name) {
  if (!Has(name)) FailAt(name, "an integer");
  return Int(name, 1);
}

float LayerOptions::Float(std::string_view name, float or_else) {
  const Json& json = Read(name);
  if (json.is_null()) return or_else;
  // Keras keeps NumPy numbers as {"class_name": "__numpy__", "config": {"value": …}}.
  const Json& inner = json["config"]["value"];
  if (const auto value = json.is_object() ? inner.number() : json.number())
    return static_cast<float>(*value);
  FailAt(name, "a number");
  return or_else;
}

bool LayerOptions::Bool(std::string_view name, bool or_else) {
  const Json& json = Read(name);
  if (json.is_null()) return or_else;
  if (const auto value = json.boolean()) return *value;
  if (const auto value = json.integer(); value == 0 || value == 1) return *value == 1;
  FailAt(name, "true or false");
  return or_else;
}

std::string LayerOptions::Text(std::string_view name, std::string_view or_else) {
  const Json& json = Read(name);
  if (json.is_null()) return std::string(or_else);
  if (json.is_string()) return json.text();
  FailAt(name, "a string");
  return std::string(or_else);
}

std::string LayerOptions::OneOf(std::string_view name,
                                std::initializer_list<std::string_view> choices,
                                std::string_view or_else) {
  std::string value = Text(name, or_else);
  if (std::ranges::find(choices, value) != choices.end()) return value;
  std::string expected;
  for (const std::string_view choice : choices) {
    if (!expected.empty()) expected += " or ";
    expected += Concat("'", choice, "'");
  }
  FailAt(name, expected);
  return std::string(or_else);
}

std::vector<int32_t> LayerOptions::List(std::string_view name) {
  const Json& json = Read(name);
  std::vector<int32_t> out;
  const auto add = [&](const Json& item) {
    const auto value = item.integer();
    if (!value || *value < INT32_MIN || *value > INT32_MAX) return FailAt(name, "integers");
    out.push_back(static_cast<int32_t>(*value));
  };
  // Keras 3 may write a tuple as {"class_name": "__tuple__", "items": […]}.
  const Json& list = json["class_name"].text() == "__tuple__" ? json["items"] : json;
  if (list.is_array()) {
    for (const Json& item : list.items()) add(item);
  } else if (!list.is_null()) {
    add(list);
  }
  return out;
}

std::vector<int32_t> LayerOptions::Ints(std::string_view name, size_t count, int32_t or_else) {
  std::vector<int32_t> out = List(name);
  if (out.empty()) out = {or_else};
  if (out.size() == 1) out.resize(count, out[0]);
  if (out.size() != count) {
    FailAt(name, Concat(count, " integers"));
    out.assign(count, or_else);
  }
  return out;
}

std::vector<int32_t> LayerOptions::Ints(std::string_view name, size_t count) {
  if (!Has(name)) FailAt(name, Concat(count, " integers"));
  return Ints(name, count, 1);
}

std::vector<float> LayerOptions::Floats(std::string_view name) {
  std::vector<float> out;
  const auto add = [&](const auto& self, const Json& json, int depth) -> void {
    if (depth > 16) return FailAt(name, "numbers");
    if (const auto value = json.number()) {
      out.push_back(static_cast<float>(*value));
    } else if (json.is_array()) {
      for (const Json& item : json.items()) self(self, item, depth + 1);
    } else if (json.is_object()) {
      self(self, json["config"]["value"], depth + 1);
    } else if (!json.is_null()) {
      FailAt(name, "numbers");
    }
  };
  add(add, Read(name), 0);
  return out;
}

void LayerOptions::Ignore(std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) read_.emplace(name);
}

Status LayerOptions::Finish() const {
  EDGEML_RETURN_IF_ERROR(status_);
  std::string unknown;
  for (const auto& [name, value] : config_->members()) {
    if (value.is_null() || read_.contains(name) || HasNoMeaning(name)) continue;
    unknown += Concat(unknown.empty() ? "" : ", ", "'", name, "' = ", value.ToString());
  }
  if (unknown.empty()) return Status::Ok();
  return Error(Code::kUnsupported, "options that are not known: ", unknown);
}

}  // namespace edgeml::keras
