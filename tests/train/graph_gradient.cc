// graph_gradient MODEL IN.npz OUT.npz: runs a TFLite model and differentiates it, for
// test_gradients.py. IN holds the float32 inputs x0, x1 … and for each output the gradients dy0,
// dy1 … of some scalar; OUT gets the outputs y0 … and the scalar's gradients dx0 … of the inputs.
#include <algorithm>
#include <cstdio>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "src/backends/cpu/cpu_backend.h"
#include "src/backends/reference/reference_backend.h"
#include "src/base/strings.h"
#include "src/data/array_file.h"
#include "src/formats/tflite/reader.h"
#include "src/runtime/module_runner.h"
#include "src/train/gradient.h"

namespace edgeml {
namespace {

using Arrays = std::map<std::string, data::Array>;

Result<std::span<const float>> Floats(const Arrays& arrays, const std::string& name,
                                      const Shape* shape = nullptr) {
  const auto it = arrays.find(name);
  if (it == arrays.end() || it->second.type != DType::kFloat32)
    return Error(Code::kInvalidArgument, "no float32 array ", name);
  if (shape != nullptr && it->second.shape != *shape)
    return Error(Code::kInvalidArgument, name, " is ", it->second.shape.ToString(), ", not ",
                 shape->ToString());
  return it->second.as<float>();
}

data::NamedArray Named(std::string name, const Shape& shape, std::span<const float> values) {
  data::NamedArray out;
  out.name = std::move(name);
  out.array.type = DType::kFloat32;
  out.array.shape = shape;
  const auto bytes = std::as_bytes(values);
  out.array.bytes.resize(bytes.size());
  std::transform(bytes.begin(), bytes.end(), out.array.bytes.begin(),
                 [](std::byte b) { return std::to_integer<uint8_t>(b); });
  return out;
}

Status Differentiate(const std::string& model, const std::string& in, const std::string& out) {
  EDGEML_ASSIGN_OR_RETURN(ir::Module module, tflite::ReadTfliteFile(model));
  EDGEML_ASSIGN_OR_RETURN(std::vector<data::NamedArray> read, data::ReadNpz(in));
  Arrays given;
  for (data::NamedArray& array : read) given[array.name] = std::move(array.array);

  const std::shared_ptr<ThreadPool> pool = ThreadPool::Create(2);
  runtime::RunnerOptions options;
  options.pool = pool;
  options.preserve_all_tensors = true;
  runtime::ModuleRunner runner(std::move(module),
                               {&backends::CpuBackend(), &backends::ReferenceBackend()}, options);
  runtime::GraphExecutor& executor = runner.executor();
  const ir::Graph& graph = runner.graph();
  EDGEML_RETURN_IF_ERROR(executor.Prepare());
  for (int i = 0; i < executor.num_inputs(); ++i) {
    const TensorView& to = executor.input(i);
    EDGEML_ASSIGN_OR_RETURN(const auto values, Floats(given, Concat("x", i), &to.shape));
    std::ranges::copy(values, to.mutable_elements<float>().begin());
  }
  EDGEML_RETURN_IF_ERROR(executor.Run());

  std::vector<data::NamedArray> results;
  std::vector<std::span<const float>> cotangents;
  for (int i = 0; i < executor.num_outputs(); ++i) {
    const TensorView& y = executor.output(i);
    EDGEML_ASSIGN_OR_RETURN(const auto values, Floats(given, Concat("dy", i), &y.shape));
    cotangents.push_back(values);
    results.push_back(Named(Concat("y", i), y.shape, y.elements<float>()));
  }
  EDGEML_ASSIGN_OR_RETURN(auto gradient,
                          train::GraphGradient::Create(graph, graph.outputs, graph.inputs));
  EDGEML_RETURN_IF_ERROR(gradient.Run(executor, cotangents, *pool));
  for (int i = 0; i < executor.num_inputs(); ++i)
    results.push_back(
        Named(Concat("dx", i), executor.input(i).shape, gradient.gradient(static_cast<size_t>(i))));
  return data::WriteNpz(out, results);
}

}  // namespace
}  // namespace edgeml

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const edgeml::Status status = edgeml::Differentiate(argv[1], argv[2], argv[3]);
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.message().c_str());
  return edgeml::ExitCode(status.code());
}
