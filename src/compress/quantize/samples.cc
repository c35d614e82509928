#include "src/compress/quantize/samples.h"

#include <cmath>
#include <cstring>
#include <optional>
#include <utility>

#include "src/base/strings.h"
#include "src/kernels/statistics/statistics.h"

namespace edgeml::quantize {
namespace {

const ir::Value& InputOf(const ir::Graph& graph, size_t i) {
  return graph.values[static_cast<size_t>(graph.inputs[i])];
}

// With kUnknownDim where the model takes any size.
const Shape& ShapeOf(const ir::Value& value) {
  return value.has_signature ? value.shape_signature : value.shape;
}

bool Fits(const Shape& given, const Shape& expected) {
  if (given.rank() != expected.rank()) return false;
  for (int d = 0; d < given.rank(); ++d)
    if (expected[d] != kUnknownDim && given[d] != expected[d]) return false;
  return true;
}

class DatasetSamples : public SampleSource {
 public:
  DatasetSamples(std::shared_ptr<const data::Dataset> dataset, const std::string& input,
                 data::InputSpec spec, const data::PreprocessOptions& options)
      : dataset_(std::move(dataset)),
        input_(Concat("input '", input, "'")),
        spec_(spec),
        options_(options) {}

  int64_t size() const override { return dataset_->size(); }
  Result<std::vector<data::Array>> Get(int64_t i) const override {
    EDGEML_ASSIGN_OR_RETURN(const data::Example example, dataset_->Get(i));
    std::vector<data::Array> arrays(1);
    auto array = data::ToModelInput(example, spec_, options_);
    if (!array.ok()) return Status(array.status()).WithContext(input_);
    arrays[0] = std::move(array).value();
    return arrays;
  }
  std::string NameOf(int64_t i) const override {
    const auto example = dataset_->Get(i);
    if (!example.ok() || example->name.empty()) return SampleSource::NameOf(i);
    return Concat("sample ", i, " (", example->name, ")");
  }

 private:
  const std::shared_ptr<const data::Dataset> dataset_;
  const std::string input_;  // for messages
  const data::InputSpec spec_;
  const data::PreprocessOptions options_;
};

class ArraySamples : public SampleSource {
 public:
  explicit ArraySamples(std::vector<std::vector<data::Array>> samples)
      : samples_(std::move(samples)) {}
  int64_t size() const override { return static_cast<int64_t>(samples_.size()); }
  Result<std::vector<data::Array>> Get(int64_t i) const override {
    return samples_[static_cast<size_t>(i)];
  }

 private:
  const std::vector<std::vector<data::Array>> samples_;
};

}  // namespace

std::string SampleSource::NameOf(int64_t i) const { return Concat("sample ", i); }

Result<std::unique_ptr<SampleSource>> MakeDatasetSamples(
    std::shared_ptr<const data::Dataset> dataset, const ir::Graph& graph,
    const data::PreprocessOptions& options) {
  if (graph.inputs.size() != 1)
    return Error(Code::kInvalidArgument, "the model has ", graph.inputs.size(),
                 " inputs; data sets feed models of one. From Python, a generator can give an "
                 "array for each");
  const ir::Value& input = InputOf(graph, 0);
  data::InputSpec spec{ShapeOf(input), input.type, 0, 0};
  if (spec.shape.rank() > 0 && spec.shape[0] == kUnknownDim) spec.shape[0] = 1;
  if (!IsFloat(input.type) && !input.quantization.empty()) {
    spec.scale = input.quantization.scale_at(0);
    spec.zero_point = input.quantization.zero_point_at(0);
  }
  return std::unique_ptr<SampleSource>(
      std::make_unique<DatasetSamples>(std::move(dataset), input.name, spec, options));
}

std::unique_ptr<SampleSource> MakeArraySamples(std::vector<std::vector<data::Array>> samples) {
  return std::make_unique<ArraySamples>(std::move(samples));
}

std::vector<int64_t> SpreadSamples(int64_t size, int64_t limit) {
  const int64_t count = limit > 0 && limit < size ? limit : size;
  std::vector<int64_t> chosen;
  chosen.reserve(static_cast<size_t>(count));
  // i * size / count without the product, which may be too large.
  const int64_t step = count > 0 ? size / count : 0, rest = count > 0 ? size % count : 0;
  int64_t at = 0, carry = 0;
  for (int64_t i = 0; i < count; ++i) {
    chosen.push_back(at);
    at += step;
    carry += rest;
    if (carry >= count) {
      carry -= count;
      ++at;
    }
  }
  return chosen;
}

Status CheckSample(const ir::Graph& graph, std::span<const data::Array> sample) {
  if (sample.size() != graph.inputs.size())
    return Error(Code::kInvalidArgument, "gives ", sample.size(), " arrays; the model has ",
                 graph.inputs.size(), " inputs");
  for (size_t i = 0; i < sample.size(); ++i) {
    const ir::Value& value = InputOf(graph, i);
    const data::Array& array = sample[i];
    const std::string where = Concat("input ", i, " ('", value.name, "')");
    if (value.type == DType::kString)
      return Error(Code::kUnsupported, where, " takes strings, which no sample holds");
    if (array.type != value.type)
      return Error(Code::kInvalidArgument, where, " takes ", NameOf(value.type), ", not ",
                   NameOf(array.type));
    if (!Fits(array.shape, ShapeOf(value)))
      return Error(Code::kInvalidArgument, where, " takes shape ", ShapeOf(value).ToString(),
                   ", not ", array.shape.ToString());
    if (CheckedByteSize(array.shape, array.type) != array.bytes.size())
      return Error(Code::kInvalidArgument, where, ": ", array.bytes.size(),
                   " bytes are not an array of shape ", array.shape.ToString());
    if (array.type != DType::kFloat32) continue;
    const std::span<const float> values = array.as<float>();
    kernels::Extent extent;
    kernels::StatisticsFor(BestSimdLevel())
        .extent(values.data(), static_cast<int64_t>(values.size()), &extent);
    if (extent.all_finite) continue;
    size_t odd = 0;
    while (std::isfinite(values[odd])) ++odd;
    return Error(Code::kInvalidArgument, where, " is ",
                 std::isnan(values[odd]) ? "not a number" : "infinite", " at element ", odd,
                 "; mend the data or how it is normalized");
  }
  return Status::Ok();
}

Status FeedSample(std::span<const data::Array> sample, runtime::GraphExecutor& executor,
                  runtime::TensorObserver* observer) {
  EDGEML_RETURN_IF_ERROR(CheckSample(executor.graph(), sample));
  for (size_t i = 0; i < sample.size(); ++i)
    EDGEML_RETURN_IF_ERROR(executor.SetInputShape(static_cast<int>(i), sample[i].shape));
  EDGEML_RETURN_IF_ERROR(executor.Prepare());
  executor.ResetState();
  for (size_t i = 0; i < sample.size(); ++i) {
    const TensorView input = executor.input(static_cast<int>(i));
    const std::vector<uint8_t>& bytes = sample[i].bytes;
    if (CheckedByteSize(input.shape, input.type) != bytes.size())
      return Error(Code::kInternal, "input ", i, " takes other than ", bytes.size(), " bytes");
    if (!bytes.empty()) std::memcpy(input.data, bytes.data(), bytes.size());
    if (observer != nullptr)
      EDGEML_RETURN_IF_ERROR(observer->Observe(0, executor.graph().inputs[i], input));
  }
  return Status::Ok();
}

}  // namespace edgeml::quantize
