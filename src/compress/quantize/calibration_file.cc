#include "src/compress/quantize/calibration_file.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "src/base/json.h"
#include "src/base/strings.h"

namespace edgeml::quantize {
namespace {

constexpr char kFormat[] = "edgeml-ranges";
constexpr size_t kHexDigits = 16;

std::string Hex(uint64_t value) {
  std::string out(kHexDigits, '0');
  for (size_t i = kHexDigits; i-- > 0; value >>= 4) out[i] = "0123456789abcdef"[value & 15];
  return out;
}

template <typename T>
std::string Listed(std::span<const T> numbers) {
  std::string out = "\"";
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (i > 0) out += ' ';
    AppendPiece(out, numbers[i]);
  }
  return out + '"';
}

bool AllFinite(const ChannelStatistics& channels) {
  const auto finite = [](const auto& numbers) {
    return std::ranges::all_of(numbers, [](auto x) { return std::isfinite(x); });
  };
  return finite(channels.min) && finite(channels.max) && finite(channels.sum);
}

std::string WriteHistogram(const Histogram& histogram) {
  const std::span<const uint64_t> counts = histogram.counts();
  size_t first = 0, end = counts.size();
  while (first < end && counts[first] == 0) ++first;
  while (end > first && counts[end - 1] == 0) --end;
  return Concat(",\n \"histogram\": {\"exponent\": ", histogram.exponent(),
                ", \"zeros\": ", histogram.zeros(), ", \"first\": ", first,
                ", \"counts\": ", Listed(counts.subspan(first, end - first)), "}");
}

// A number that is there, or why not.
Result<int64_t> Integer(const Json& json, std::string_view name, int64_t least, int64_t most) {
  const auto value = json[name].integer();
  if (value && *value >= least && *value <= most) return *value;
  return Error(Code::kInvalidModel, "\"", name, "\" is ", json[name].ToString(),
               ", not a whole number from ", least, " to ", most);
}

Result<float> Finite(const Json& json, std::string_view name) {
  const auto value = json.number();
  if (value && std::isfinite(static_cast<float>(*value)))
    return static_cast<float>(*value) + 0.0f;  // no observer gives a negative zero
  return Error(Code::kInvalidModel, "\"", name, "\" is ", json.ToString(), ", not a number");
}

// Numbers with blanks between them; all finite.
template <typename T>
Result<std::vector<T>> Numbers(const Json& json, std::string_view name, size_t most) {
  const std::string& text = json[name].text();
  const char* at = text.data();
  const char* const end = at + text.size();
  std::vector<T> numbers;
  while (at != end) {
    T number{};
    const auto [next, error] = std::from_chars(at, end, number);
    bool good = error == std::errc() && (next == end || *next == ' ') && numbers.size() < most;
    if constexpr (std::is_floating_point_v<T>) good = good && std::isfinite(number);
    if (!good)
      return Error(Code::kInvalidModel, "\"", name, "\" is not at most ", most,
                   " numbers with blanks between: see place ", at - text.data());
    numbers.push_back(number + T{0});
    at = next == end ? next : next + 1;
  }
  return numbers;
}

Result<Histogram> ReadHistogram(const Json& json) {
  EDGEML_ASSIGN_OR_RETURN(
      const int64_t exponent,
      Integer(json, "exponent", Histogram::kLeastExponent, Histogram::kLargestExponent));
  EDGEML_ASSIGN_OR_RETURN(const int64_t zeros, Integer(json, "zeros", 0, INT64_MAX));
  EDGEML_ASSIGN_OR_RETURN(const int64_t first, Integer(json, "first", 0, Histogram::kBins));
  const auto before = static_cast<size_t>(first);
  EDGEML_ASSIGN_OR_RETURN(std::vector<uint64_t> counts,
                          Numbers<uint64_t>(json, "counts", Histogram::kBins - before));
  counts.insert(counts.begin(), before, 0);
  counts.resize(Histogram::kBins, 0);
  return Histogram::Restore(static_cast<int>(exponent), std::move(counts),
                            static_cast<uint64_t>(zeros));
}

Result<ChannelStatistics> ReadChannels(const Json& json, int64_t values) {
  const auto most = static_cast<size_t>(std::min<int64_t>(values, INT32_MAX));
  ChannelStatistics channels;
  EDGEML_ASSIGN_OR_RETURN(channels.min, Numbers<float>(json, "min", most));
  EDGEML_ASSIGN_OR_RETURN(channels.max, Numbers<float>(json, "max", most));
  EDGEML_ASSIGN_OR_RETURN(channels.sum, Numbers<double>(json, "sum", most));
  return channels;
}

Result<TensorRecord> ReadTensor(const Json& json) {
  TensorRecord record;
  EDGEML_ASSIGN_OR_RETURN(const int64_t graph, Integer(json, "graph", 0, INT32_MAX));
  EDGEML_ASSIGN_OR_RETURN(const int64_t value, Integer(json, "tensor", 0, INT32_MAX));
  record.graph = static_cast<int32_t>(graph);
  record.value = static_cast<int32_t>(value);
  if (!json["name"].is_string())
    return Error(Code::kInvalidModel, "\"name\" is ", json["name"].ToString(), ", not a text");
  record.name = json["name"].text();
  Observer::Stored stored;
  EDGEML_ASSIGN_OR_RETURN(stored.count, Integer(json, "values", 1, INT64_MAX));
  EDGEML_ASSIGN_OR_RETURN(stored.infinite, Integer(json, "infinite", 0, INT64_MAX));
  EDGEML_ASSIGN_OR_RETURN(stored.min_max.min, Finite(json["min"], "min"));
  EDGEML_ASSIGN_OR_RETURN(stored.min_max.max, Finite(json["max"], "max"));
  EDGEML_ASSIGN_OR_RETURN(stored.moving_average.min, Finite(json["average"][0], "average"));
  EDGEML_ASSIGN_OR_RETURN(stored.moving_average.max, Finite(json["average"][1], "average"));
  if (json.Has("histogram")) {
    EDGEML_ASSIGN_OR_RETURN(stored.histogram, ReadHistogram(json["histogram"]));
  }
  if (json.Has("channels")) {
    EDGEML_ASSIGN_OR_RETURN(stored.channels, ReadChannels(json["channels"], stored.count));
  }
  EDGEML_ASSIGN_OR_RETURN(record.observer, Observer::Restore(std::move(stored)));
  return record;
}

Result<uint64_t> ReadHash(const Json& json) {
  const std::string& text = json.text();
  uint64_t hash = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), hash, 16);
  if (text.size() == kHexDigits && error == std::errc() && end == text.data() + text.size())
    return hash;
  return Error(Code::kInvalidModel, "\"model\" is ", json.ToString(), ", not ", kHexDigits,
               " hexadecimal digits");
}

Result<CalibrationResult> Read(std::string_view text) {
  if (text.size() > kMostRangesBytes)
    return Error(Code::kResourceExhausted, HumanBytes(text.size()), " are more than the ",
                 HumanBytes(kMostRangesBytes), " that are read");
  EDGEML_ASSIGN_OR_RETURN(const Json json, Json::Parse(text, kMostRangesValues));
  if (json["format"].text() != kFormat)
    return Error(Code::kInvalidModel, "not a file of ranges: \"format\" is ",
                 json["format"].ToString(), ", not \"", kFormat, "\"");
  EDGEML_ASSIGN_OR_RETURN(const int64_t version, Integer(json, "version", 1, INT32_MAX));
  if (version > kRangesVersion)
    return Error(Code::kUnsupported, "written by a later edgeml: version ", version, ", not ",
                 kRangesVersion, "; calibrate again");
  CalibrationResult result;
  EDGEML_ASSIGN_OR_RETURN(result.model, ReadHash(json["model"]));
  const Result<RangeMethod> method = ParseRangeMethod(json["method"].text());
  if (!method.ok())
    return Error(Code::kInvalidModel, "\"method\" is ", json["method"].ToString(),
                 ", none that is known");
  result.method = *method;
  result.percentile = json["percentile"].number().value_or(0);
  if (!(result.percentile > 0 && result.percentile <= 100))
    return Error(Code::kInvalidModel, "\"percentile\" is ", json["percentile"].ToString(),
                 ", not over 0 and at most 100");
  EDGEML_ASSIGN_OR_RETURN(result.samples, Integer(json, "samples", 1, INT64_MAX));
  if (!json["tensors"].is_array()) return Error(Code::kInvalidModel, "\"tensors\" is no list");
  for (const Json& item : json["tensors"].items()) {
    auto tensor = ReadTensor(item);
    const auto where = [&] {
      return Concat("tensor ", result.tensors.size(), " of the list (", item["name"].ToString(),
                    ")");
    };
    if (!tensor.ok())
      return Status(Code::kInvalidModel, tensor.status().message()).WithContext(where());
    if (!result.tensors.empty()) {
      const TensorRecord& last = result.tensors.back();
      if (std::pair(last.graph, last.value) >= std::pair(tensor->graph, tensor->value))
        return Error(Code::kInvalidModel, where(), " stands out of order or twice");
    }
    if (NeedsHistogram(result.method) && tensor->observer.histogram().empty())
      return Error(Code::kInvalidModel, where(), " lacks the histogram that ",
                   NameOf(result.method), " needs");
    result.tensors.push_back(std::move(tensor).value());
  }
  return result;
}

}  // namespace

std::string WriteRanges(const CalibrationResult& result) {
  std::string out = Concat("{\"format\": \"", kFormat, "\", \"version\": ", kRangesVersion,
                           ", \"model\": \"", Hex(result.model), "\", \"method\": \"",
                           NameOf(result.method), "\",\n\"percentile\": ", result.percentile,
                           ", \"samples\": ", result.samples, ", \"tensors\": [");
  for (size_t i = 0; i < result.tensors.size(); ++i) {
    const TensorRecord& tensor = result.tensors[i];
    const Observer& observer = tensor.observer;
    const Range range = observer.MinMax(), average = observer.MovingAverage();
    out +=
        Concat(i > 0 ? ",\n" : "\n", "{\"graph\": ", tensor.graph, ", \"tensor\": ", tensor.value,
               ", \"name\": ", JsonString(tensor.name), ", \"values\": ", observer.count(),
               ", \"infinite\": ", observer.infinite(), ", \"min\": ", range.min,
               ", \"max\": ", range.max, ", \"average\": [", average.min, ", ", average.max, "]");
    if (!observer.histogram().empty()) out += WriteHistogram(observer.histogram());
    const auto channels = observer.channel_statistics();
    if (channels && AllFinite(*channels))
      out += Concat(",\n \"channels\": {\"min\": ", Listed(std::span<const float>(channels->min)),
                    ", \"max\": ", Listed(std::span<const float>(channels->max)),
                    ", \"sum\": ", Listed(std::span<const double>(channels->sum)), "}");
    out += "}";
  }
  return out + "\n]}\n";
}

Result<CalibrationResult> ReadRanges(std::string_view text) {
  auto result = Read(text);
  if (!result.ok()) return Status(result.status()).WithContext("ranges");
  return result;
}

}  // namespace edgeml::quantize
