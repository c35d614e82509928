#include "src/convert/verification.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <string_view>
#include <utility>
#include <vector>

#include "src/backends/cpu/cpu_backend.h"
#include "src/backends/reference/reference_backend.h"
#include "src/base/strings.h"
#include "src/runtime/module_runner.h"

namespace edgeml::convert {
namespace {

constexpr int32_t kOpenBatch = 1, kOpenSize = 16;

void Fill(const TensorView& view, std::mt19937& random) {
  const int64_t n = view.num_elements();
  if (view.type == DType::kFloat32) {
    std::uniform_real_distribution<float> draw(-1, 1);
    for (int64_t i = 0; i < n; ++i) view.as_mutable<float>()[i] = draw(random);
    return;
  }
  // Ids, counts and flags: 0 and 1 are valid in all of them.
  const auto width = static_cast<size_t>(BitsOf(view.type)) / 8;
  auto* bytes = view.as_mutable<uint8_t>();
  std::fill_n(bytes, static_cast<size_t>(n) * width, uint8_t{0});
  if (IsFloat(view.type)) return;
  for (int64_t i = 0; i < n; ++i) bytes[static_cast<size_t>(i) * width] = random() % 2;
}

// Gives input `i` random values.
Status FillInput(runtime::GraphExecutor& of, int i, std::mt19937& random) {
  const TensorView view = of.input(i);
  if (view.type != DType::kString) {
    Fill(view, random);
    return Status::Ok();
  }
  std::vector<std::string_view> strings;
  for (int64_t k = 0; k < view.num_elements(); ++k)
    strings.emplace_back(random() % 2 == 0 ? "a" : "b");
  return of.StoreStrings(of.graph().inputs[static_cast<size_t>(i)], strings);
}

// How many strings of output `i` differ.
Result<int64_t> DifferentStrings(const runtime::GraphExecutor& a, const runtime::GraphExecutor& b,
                                 int i) {
  const auto output = static_cast<size_t>(i);
  EDGEML_ASSIGN_OR_RETURN(const auto x, a.Strings(a.graph().outputs[output]));
  EDGEML_ASSIGN_OR_RETURN(const auto y, b.Strings(b.graph().outputs[output]));
  int64_t count = 0;
  for (size_t k = 0; k < x.size(); ++k) count += x[k] == y[k] ? 0 : 1;
  return count;
}

// Numbers of any type as double; empty for types that are none.
std::vector<double> Numbers(const TensorView& view) {
  std::vector<double> out(static_cast<size_t>(view.num_elements()));
  const auto convert = [&](const auto* values) {
    for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<double>(values[i]);
  };
  switch (view.type) {
    case DType::kFloat32:
      convert(view.as<float>());
      break;
    case DType::kFloat64:
      convert(view.as<double>());
      break;
    case DType::kInt64:
      convert(view.as<int64_t>());
      break;
    case DType::kInt32:
      convert(view.as<int32_t>());
      break;
    case DType::kInt16:
      convert(view.as<int16_t>());
      break;
    case DType::kInt8:
      convert(view.as<int8_t>());
      break;
    case DType::kUInt8:
    case DType::kBool:
      convert(view.as<uint8_t>());
      break;
    default:
      out.clear();
  }
  return out;
}

}  // namespace

Result<Difference> Compare(const ir::Module& a, const ir::Module& b, int runs, uint32_t seed,
                           size_t memory_cap) {
  const runtime::Backends backends{&backends::CpuBackend(), &backends::ReferenceBackend()};
  runtime::RunnerOptions options;
  options.memory_cap = memory_cap;
  runtime::ModuleRunner runner_a(a, backends, options), runner_b(b, backends, options);
  for (runtime::ModuleRunner* runner : {&runner_a, &runner_b}) {
    EDGEML_RETURN_IF_ERROR(runner->SizeOpenDimensions(kOpenBatch, kOpenSize));
    EDGEML_RETURN_IF_ERROR(runner->executor().Prepare());
  }
  runtime::GraphExecutor &left = runner_a.executor(), &right = runner_b.executor();
  const int inputs = left.num_inputs(), outputs = left.num_outputs();
  if (right.num_inputs() != inputs || right.num_outputs() != outputs)
    return Error(Code::kFailed, "the graphs have different numbers of inputs or outputs");
  Difference difference;
  for (int run = 0; run < runs; ++run) {
    for (int i = 0; i < inputs; ++i) {
      for (runtime::GraphExecutor* side : {&left, &right}) {
        std::mt19937 random(seed + static_cast<uint32_t>(run * 1000 + i));
        EDGEML_RETURN_IF_ERROR(FillInput(*side, i, random));
      }
    }
    for (runtime::GraphExecutor* side : {&left, &right}) {
      side->ResetState();
      EDGEML_RETURN_IF_ERROR(side->Run());
    }
    for (int i = 0; i < outputs; ++i) {
      const TensorView x = left.output(i), y = right.output(i);
      if (x.type != y.type || !(x.shape == y.shape))
        return Error(Code::kFailed, "output ", i, " is ", NameOf(x.type), " ", x.shape.ToString(),
                     " and ", NameOf(y.type), " ", y.shape.ToString());
      if (x.type == DType::kString) {
        EDGEML_ASSIGN_OR_RETURN(const int64_t wrong, DifferentStrings(left, right, i));
        if (wrong > 0) return Error(Code::kFailed, wrong, " strings of output ", i, " differ");
        continue;
      }
      const std::vector<double> expected = Numbers(x), found = Numbers(y);
      double magnitude = 0, largest = 0;
      for (size_t k = 0; k < expected.size(); ++k) {
        magnitude = std::max(magnitude, std::abs(expected[k]));
        const bool both_odd = !std::isfinite(expected[k]) && !std::isfinite(found[k]);
        const double apart = both_odd ? 0 : std::abs(expected[k] - found[k]);
        largest = std::max(largest, std::isnan(apart) ? INFINITY : apart);
      }
      difference.largest = std::max(difference.largest, largest);
      if (largest > 0)
        difference.relative = std::max(difference.relative, largest / std::max(magnitude, 1e-30));
    }
    ++difference.runs;
  }
  return difference;
}

}  // namespace edgeml::convert
