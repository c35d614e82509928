// What tests that run models over samples share.
#ifndef EDGEML_COMPRESS_QUANTIZE_SAMPLES_TEST_H_
#define EDGEML_COMPRESS_QUANTIZE_SAMPLES_TEST_H_

#include <cstring>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include "src/backends/cpu/cpu_backend.h"
#include "src/backends/reference/reference_backend.h"
#include "src/compress/quantize/samples.h"
#include "src/ir/graph.h"
#include "src/runtime/module_runner.h"

namespace edgeml::quantize {

inline runtime::Backends TestBackends() {
  return {&backends::CpuBackend(), &backends::ReferenceBackend()};
}

inline ir::Module ModuleOf(ir::Graph graph) {
  ir::Module module;
  module.graphs.push_back(std::move(graph));
  return module;
}

inline data::Array FloatArray(const Shape& shape, std::span<const float> values) {
  data::Array array{DType::kFloat32, shape, std::vector<uint8_t>(values.size_bytes())};
  if (!values.empty()) std::memcpy(array.bytes.data(), values.data(), values.size_bytes());
  return array;
}

// Normally distributed numbers; sample i only depends on i.
inline std::vector<std::vector<data::Array>> RandomSamples(int count, const Shape& shape) {
  std::vector<std::vector<data::Array>> samples;
  for (int i = 0; i < count; ++i) {
    std::mt19937 random(static_cast<uint32_t>(i));
    std::normal_distribution<float> draw;
    std::vector<float> values(static_cast<size_t>(shape.num_elements()));
    for (float& value : values) value = draw(random);
    samples.push_back({FloatArray(shape, values)});
  }
  return samples;
}

}  // namespace edgeml::quantize

#endif  // EDGEML_COMPRESS_QUANTIZE_SAMPLES_TEST_H_
