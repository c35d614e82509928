#include "python/src/custom_op.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "edgeml/audio_frontend.h"
#include "python/src/shared.h"
#include "src/base/flex_map.h"

namespace edgeml::python {

using namespace nb::literals;

namespace {

using Dims = std::vector<int32_t>;

// "ValueError: the text"
std::string TextOf(const nb::python_error& error) {
  const std::string type = nb::cast<std::string>(error.type().attr("__name__"));
  const std::string text = nb::cast<std::string>(nb::str(error.value()));
  return text.empty() ? type : type + ": " + text;
}

// A copy that Python owns, since scripts may keep it; None when absent or unknown.
nb::object CopyOf(const CustomTensor& tensor) {
  static std::byte nothing[64];
  if (!tensor.present() || (tensor.data == nullptr && tensor.bytes > 0)) return nb::none();
  void* const data = tensor.data != nullptr ? tensor.data : nothing;
  const Dims shape(tensor.shape.begin(), tensor.shape.end());
  return nb::cast(MakeArray<Array>(data, tensor.bytes, tensor.dtype, shape, nb::handle()),
                  nb::rv_policy::copy);
}

nb::object Describe(const CustomTensor& tensor) {
  if (!tensor.present()) return nb::none();
  nb::dict out;
  out["dtype"] = static_cast<int>(tensor.dtype);
  out["shape"] = Dims(tensor.shape.begin(), tensor.shape.end());
  out["scales"] = std::vector<float>(tensor.scales.begin(), tensor.scales.end());
  out["zero_points"] = std::vector<int64_t>(tensor.zero_points.begin(), tensor.zero_points.end());
  out["quantized_dimension"] = tensor.quantized_dimension;
  out["value"] = tensor.is_constant ? CopyOf(tensor) : nb::none();
  return out;
}

nb::dict Describe(const CustomNode& node) {
  nb::list inputs, outputs;
  for (size_t i = 0; i < node.num_inputs(); ++i) inputs.append(Describe(node.input(i)));
  for (size_t i = 0; i < node.num_outputs(); ++i) outputs.append(Describe(node.output(i)));
  nb::dict numbers;
  if (const auto map = FlexMap::Parse(node.options())) {
    for (size_t i = 0; i < map->size(); ++i) {
      const std::string_view key = map->key(i);
      const auto text = nb::steal(
          PyUnicode_DecodeUTF8(key.data(), static_cast<Py_ssize_t>(key.size()), "replace"));
      if (const auto value = map->number(i)) numbers[text] = *value;
    }
  }
  nb::dict out;
  out["name"] = nb::str(node.name().data(), node.name().size());
  out["version"] = node.version();
  out["custom_options"] = nb::bytes(node.options().data(), node.options().size());
  out["options"] = numbers;
  out["inputs"] = inputs;
  out["outputs"] = outputs;
  return out;
}

// One node's kernel, a Python object. The session runs without the interpreter lock; it is taken
// for each call.
class PyKernel final : public CustomKernel {
 public:
  explicit PyKernel(std::shared_ptr<const void> factory) : factory_(std::move(factory)) {}

  Status Prepare(CustomPrepare& node) override {
    return Call([&]() -> Status {
      if (kernel_ == nullptr) kernel_ = Hold(Borrow(factory_)());
      // The shapes of the outputs; None for those that only running tells.
      const auto shapes = nb::cast<std::vector<std::optional<Dims>>>(
          Borrow(kernel_).attr("prepare")(Describe(node)));
      for (size_t i = 0; i < shapes.size() && i < node.num_outputs(); ++i) {
        if (shapes[i]) {
          node.SetOutputShape(i, *shapes[i]);
        } else {
          node.LeaveOutputShapeOpen(i);
        }
      }
      return Status::Ok();
    });
  }

  Status Run(CustomRun& node) override {
    return Call([&]() -> Status {
      nb::list inputs;
      for (size_t i = 0; i < node.num_inputs(); ++i) inputs.append(CopyOf(node.input(i)));
      // For each output its shape and its bytes, of the type and, where it is settled, the shape
      // that the output has; None for an absent one.
      using Bytes = nb::ndarray<uint8_t, nb::ro, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
      const auto results = nb::cast<std::vector<std::optional<std::pair<Dims, Bytes>>>>(
          Borrow(kernel_).attr("run")(inputs));
      for (size_t i = 0; i < results.size() && i < node.num_outputs(); ++i) {
        CustomTensor output = node.output(i);
        if (!results[i] || !output.present()) continue;
        const auto& [shape, bytes] = *results[i];
        if (output.data == nullptr && output.rank() == 0 && output.bytes == 0) {
          EDGEML_RETURN_IF_ERROR(node.ResizeOutput(i, shape));
          output = node.output(i);
        }
        if (output.bytes != bytes.size())
          return Status(Code::kFailed, "run gave " + std::to_string(bytes.size()) +
                                           " bytes for output " + std::to_string(i) +
                                           ", which has " + std::to_string(output.bytes));
        if (output.bytes > 0) std::memcpy(output.data, bytes.data(), output.bytes);
      }
      return Status::Ok();
    });
  }

  void Reset() override {
    // It cannot fail: the Python side keeps what goes wrong for the next run.
    static_cast<void>(Call([&]() -> Status {
                        Borrow(kernel_).attr("reset")();
                        return Status::Ok();
                      }).ok());
  }

 private:
  static nb::object Borrow(const std::shared_ptr<const void>& held) {
    return nb::borrow(static_cast<PyObject*>(const_cast<void*>(held.get())));
  }

  template <typename F>
  static Status Call(F&& work) {
    const nb::gil_scoped_acquire gil;
    try {
      return work();
    } catch (const nb::python_error& error) {
      return Status(Code::kFailed, TextOf(error));
    } catch (const nb::cast_error&) {
      return Status(Code::kFailed, "its kernel returned something unexpected");
    }
  }

  const std::shared_ptr<const void> factory_;
  std::shared_ptr<const void> kernel_;
};

}  // namespace

void CustomOps::Add(const std::string& name, nb::object factory, int32_t min_version,
                    int32_t max_version) {
  const auto changed = std::make_shared<CustomOpRegistry>(*registry_);
  const std::shared_ptr<const void> held = Hold(std::move(factory));
  Check(changed->Add(
      {name, [held] { return std::make_unique<PyKernel>(held); }, min_version, max_version}));
  registry_ = changed;
}

void CustomOps::AddAudioFrontend() {
  const auto changed = std::make_shared<CustomOpRegistry>(*registry_);
  Check(AddAudioFrontendOps(*changed));
  registry_ = changed;
}

void CustomOps::AddAll(const CustomOps& other) {
  const auto changed = std::make_shared<CustomOpRegistry>(*registry_);
  Check(changed->AddAll(*other.registry_));
  registry_ = changed;
}

void BindCustomOps(nb::module_& m) {
  nb::class_<CustomOps>(m, "CustomOps")
      .def(nb::init<>())
      .def("add", &CustomOps::Add, "name"_a, "factory"_a, "min_version"_a, "max_version"_a)
      .def("add_audio_frontend", &CustomOps::AddAudioFrontend)
      .def("add_all", &CustomOps::AddAll, "other"_a)
      .def("names", [](const CustomOps& ops) {
        std::vector<std::string> names;
        for (const CustomOp& op : ops.registry()->ops()) names.push_back(op.name);
        return names;
      });
}

}  // namespace edgeml::python
