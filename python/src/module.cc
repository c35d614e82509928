// The Python module edge_ml._edge_ml: a thin layer over edgeml.h. What scripts see is in
// python/edge_ml/*.py.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "edgeml/edgeml.h"
#include "python/src/custom_op.h"
#include "python/src/shared.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace edgeml::python {
namespace {

void CheckSubgraph(const Model& model, int subgraph) {
  if (subgraph < 0 || subgraph >= model.num_subgraphs())
    throw nb::value_error(("Invalid subgraph index " + std::to_string(subgraph) +
                           " exceeds max subgraph index " + std::to_string(model.num_subgraphs()))
                              .c_str());
}

void CheckTensor(const Model& model, int index, int subgraph) {
  CheckSubgraph(model, subgraph);
  const int count = model.num_tensors(subgraph);
  if (index < 0 || index >= count)
    throw nb::value_error(("Invalid tensor index " + std::to_string(index) +
                           " exceeds max tensor index " + std::to_string(count))
                              .c_str());
}

nb::object SparsityDict(const TensorInfo& info) {
  if (info.sparsity == nullptr) return nb::none();
  nb::list dims;
  for (const SparsityInfo::Dimension& d : info.sparsity->dimensions) {
    nb::dict entry;
    entry["format"] = d.csr ? 1 : 0;
    if (d.csr) {
      entry["array_segments"] = d.segments;
      entry["array_indices"] = d.indices;
    } else {
      entry["dense_size"] = d.dense_size;
    }
    dims.append(entry);
  }
  nb::dict out;
  out["traversal_order"] = info.sparsity->traversal_order;
  out["block_map"] = info.sparsity->block_map;
  out["dim_metadata"] = dims;
  return out;
}

// Lists live in Python as lists; interpreter.py makes the arrays that scripts expect.
nb::dict InfoDict(const TensorInfo& info) {
  nb::dict out;
  out["index"] = info.index;
  out["name"] = info.name;
  out["dtype"] = static_cast<int>(info.dtype);
  out["shape"] = info.shape;
  out["shape_signature"] = info.shape_signature;
  out["scales"] = info.quantization.scales;
  out["zero_points"] = info.quantization.zero_points;
  out["quantized_dimension"] = info.quantization.quantized_dimension;
  out["sparsity"] = SparsityDict(info);
  out["is_constant"] = info.is_constant;
  out["is_variable"] = info.is_variable;
  return out;
}

nb::list NodeList(const std::vector<NodeInfo>& nodes) {
  nb::list out;
  for (const NodeInfo& node : nodes) {
    nb::dict entry;
    entry["index"] = node.index;
    entry["op"] = node.op;
    entry["is_custom"] = node.is_custom;
    entry["attributes"] = node.attributes;
    entry["version"] = node.version;
    entry["inputs"] = node.inputs;
    entry["outputs"] = node.outputs;
    entry["macs"] = node.macs;
    out.append(entry);
  }
  return out;
}

nb::list SignatureList(const Model& model) {
  nb::list out;
  for (const SignatureInfo& signature : model.signatures())
    out.append(
        nb::make_tuple(signature.key, signature.subgraph, signature.inputs, signature.outputs));
  return out;
}

// A session, the number of NumPy views into its memory, and whether a thread is inside Run. Views
// keep the object alive; nothing may move its memory while there are any.
class PySession {
 public:
  PySession(const Model& model, bool exact, int num_threads, bool preserve_all_tensors,
            const CustomOps* custom_ops) {
    SessionOptions options;
    options.exact = exact;
    options.num_threads = num_threads;
    options.preserve_all_tensors = preserve_all_tensors;
    if (custom_ops != nullptr) options.custom_ops = custom_ops->registry();
    options.prepare = false;
    session_.emplace(Take(Session::Create(model, options)));
  }

  PySession* OnSubgraph(int subgraph) {
    Idle();
    return new PySession(Take(session_->OnSubgraph(subgraph)));
  }

  int views() const { return views_; }
  bool prepared() const { return session_->prepared(); }
  std::vector<int32_t> inputs() const { return Copy(session_->input_indices()); }
  std::vector<int32_t> outputs() const { return Copy(session_->output_indices()); }

  void ResizeInput(int position, const std::vector<int32_t>& shape, bool strict) {
    Unreferenced();
    Check(session_->ResizeInput(position, shape, strict));
  }
  void Prepare() {
    Unreferenced();
    const Busy busy(*this);
    Check(WithoutGil([this] { return session_->Prepare(); }));
  }
  void Run() {
    Unreferenced();
    const Busy busy(*this);
    Check(WithoutGil([this] { return session_->Run(); }));
  }
  void Cancel() { session_->Cancel(); }
  void ResetVariables() {
    Idle();
    Check(session_->ResetVariables());
  }

  nb::dict Info(int index) const {
    Idle();
    return InfoDict(session_->tensor_info(index));
  }

  // The tensor's memory as an array without copy, or None when it has none.
  static nb::object View(nb::handle self, int index) {
    PySession& own = *nb::inst_ptr<PySession>(self);
    own.Idle();
    const TensorRef ref = own.session_->tensor(index);
    if (ref.data == nullptr) return nb::none();
    struct Guard {
      PySession* session;
      nb::object keep;
    };
    auto guard = std::make_unique<Guard>(Guard{&own, nb::borrow(self)});
    ++own.views_;
    nb::capsule owner(guard.get(), [](void* p) noexcept {
      const std::unique_ptr<Guard> dead(static_cast<Guard*>(p));
      --dead->session->views_;
    });
    guard.release();
    return nb::cast(MakeArray<Array>(ref.data, ref.bytes, ref.dtype, ref.shape, owner),
                    nb::rv_policy::reference);
  }

  // What is wrong with strings is wrong with a value: ValueError, as set_tensor and get_tensor
  // have.
  void SetStrings(int index, const std::vector<nb::bytes>& values) {
    Unreferenced();  // views must not outlive the memory, which may move
    std::vector<std::string> strings;
    strings.reserve(values.size());
    for (const nb::bytes& value : values) strings.emplace_back(value.c_str(), value.size());
    const Status status = session_->SetStrings(index, strings);
    if (!status.ok()) throw nb::value_error(("Cannot set tensor: " + status.message()).c_str());
  }
  std::vector<nb::bytes> GetStrings(int index) const {
    Idle();
    const auto strings = session_->GetStrings(index);
    if (!strings.ok()) throw nb::value_error(strings.status().message().c_str());
    std::vector<nb::bytes> values;
    for (const std::string& s : *strings) values.emplace_back(s.data(), s.size());
    return values;
  }

  nb::list Kernels() const {
    Idle();
    nb::list out;
    for (const NodeProfile& node : session_->profile()) {
      nb::dict entry;
      entry["index"] = node.node;
      entry["op_name"] = node.op;
      entry["kernel"] = node.kernel;
      entry["error_bound"] = node.error_bound;
      entry["declined"] = node.declined;
      out.append(entry);
    }
    return out;
  }

  nb::dict Plan() const {
    Idle();
    const MemoryPlan plan = session_->memory_plan();
    nb::dict out;
    out["arena_bytes"] = plan.arena_bytes;
    out["lower_bound_bytes"] = plan.lower_bound_bytes;
    out["persistent_bytes"] = plan.persistent_bytes;
    out["dynamic_bytes"] = plan.dynamic_bytes;
    return out;
  }

 private:
  explicit PySession(Session session) { session_.emplace(std::move(session)); }

  // Marks the session as used by this thread; the interpreter lock is held here.
  struct Busy {
    explicit Busy(PySession& s) : session(s) {
      s.Idle();
      s.busy_ = true;
    }
    ~Busy() { session.busy_ = false; }
    Busy(const Busy&) = delete;
    Busy& operator=(const Busy&) = delete;
    PySession& session;
  };

  template <typename F>
  static Status WithoutGil(F&& work) {
    nb::gil_scoped_release release;
    return work();
  }

  void Idle() const {
    if (busy_)
      throw std::runtime_error(
          "The interpreter is running in another thread; wait until its invoke() has returned.");
  }
  void Unreferenced() const {
    Idle();
    if (views_ > 0)
      throw std::runtime_error(
          "There is at least 1 reference to internal data in the interpreter in the form of a "
          "numpy "
          "array or slice. Be sure to only hold the function returned from tensor() if you are "
          "using raw data access.");
  }
  static std::vector<int32_t> Copy(std::span<const int32_t> values) {
    return {values.begin(), values.end()};
  }

  std::optional<Session> session_;
  std::atomic<int> views_{0};
  std::atomic<bool> busy_{false};
};

nb::object ConstantArray(nb::handle self, int index, int subgraph) {
  const Model& model = *nb::inst_ptr<Model>(self);
  CheckTensor(model, index, subgraph);
  const TensorInfo info = model.tensor(index, subgraph);
  if (!info.is_constant) return nb::none();
  const std::span<const std::byte> bytes = model.constant(index, subgraph);
  std::vector<int32_t> shape = info.shape;
  DType type = info.dtype;
  const int bits = BitsOf(type);
  if (info.sparsity != nullptr && bits >= 8)  // the stored values, without their places
    shape.assign(1, static_cast<int32_t>(bytes.size() * 8 / static_cast<size_t>(bits)));
  return nb::cast(MakeArray<ConstArray>(bytes.data(), bytes.size(), type, shape, self),
                  nb::rv_policy::reference);
}

Model FromBytes(nb::bytes content) {
  const std::span bytes(static_cast<const std::byte*>(content.data()), content.size());
  return Take(Model::FromBytes(bytes, Hold(content)));
}

}  // namespace

NB_MODULE(_edge_ml, m) {
  m.doc() = "The C++ part of edge_ml; use the package's own names instead.";
  m.attr("__version__") = std::string(Version());

  static PyObject* status_error =
      PyErr_NewException("edge_ml._edge_ml.StatusError", PyExc_Exception, nullptr);
  m.attr("StatusError") = nb::handle(status_error);
  nb::register_exception_translator([](const std::exception_ptr& pointer, void*) {
    try {
      std::rethrow_exception(pointer);
    } catch (const StatusException& error) {
      const nb::tuple args =
          nb::make_tuple(std::string(CodeName(error.status.code())), error.status.message());
      PyErr_SetObject(status_error, args.ptr());
    }
  });

  nb::class_<Model>(m, "Model")
      .def_static(
          "load",
          [](const std::string& path) {
            auto model = [&] {
              nb::gil_scoped_release release;
              return Model::Load(path);
            }();
            return Take(std::move(model));
          },
          "path"_a)
      .def_static("from_bytes", &FromBytes, "content"_a)
      .def_prop_ro("num_subgraphs", &Model::num_subgraphs)
      .def_prop_ro("description", [](const Model& model) { return model.description(); })
      .def_prop_ro("file_bytes", &Model::file_bytes)
      .def(
          "num_tensors",
          [](const Model& model, int subgraph) {
            CheckSubgraph(model, subgraph);
            return model.num_tensors(subgraph);
          },
          "subgraph"_a = 0)
      .def(
          "tensor",
          [](const Model& model, int index, int subgraph) {
            CheckTensor(model, index, subgraph);
            return InfoDict(model.tensor(index, subgraph));
          },
          "index"_a, "subgraph"_a = 0)
      .def(
          "inputs",
          [](const Model& model, int subgraph) {
            CheckSubgraph(model, subgraph);
            const auto v = model.inputs(subgraph);
            return std::vector<int32_t>(v.begin(), v.end());
          },
          "subgraph"_a = 0)
      .def(
          "outputs",
          [](const Model& model, int subgraph) {
            CheckSubgraph(model, subgraph);
            const auto v = model.outputs(subgraph);
            return std::vector<int32_t>(v.begin(), v.end());
          },
          "subgraph"_a = 0)
      .def(
          "nodes",
          [](const Model& model, int subgraph) {
            CheckSubgraph(model, subgraph);
            return NodeList(model.nodes(subgraph));
          },
          "subgraph"_a = 0)
      .def("signatures", &SignatureList)
      .def(
          "unsupported_ops",
          [](const Model& model, const CustomOps* custom_ops) {
            return model.UnsupportedOps(custom_ops != nullptr ? custom_ops->registry().get()
                                                              : nullptr);
          },
          "custom_ops"_a = nb::none())
      .def(
          "constant",
          [](nb::handle self, int index, int subgraph) {
            return ConstantArray(self, index, subgraph);
          },
          "index"_a, "subgraph"_a = 0);

  BindCustomOps(m);

  nb::class_<PySession>(m, "Session")
      .def(nb::init<const Model&, bool, int, bool, const CustomOps*>(), "model"_a,
           "exact"_a = false, "num_threads"_a = 1, "preserve_all_tensors"_a = false,
           "custom_ops"_a = nb::none())
      .def("on_subgraph", &PySession::OnSubgraph, "subgraph"_a, nb::rv_policy::take_ownership)
      .def_prop_ro("views", &PySession::views)
      .def_prop_ro("prepared", &PySession::prepared)
      .def_prop_ro("inputs", &PySession::inputs)
      .def_prop_ro("outputs", &PySession::outputs)
      .def("resize_input", &PySession::ResizeInput, "position"_a, "shape"_a, "strict"_a = false)
      .def("prepare", &PySession::Prepare)
      .def("run", &PySession::Run)
      .def("cancel", &PySession::Cancel)
      .def("reset_variables", &PySession::ResetVariables)
      .def("info", &PySession::Info, "index"_a)
      .def(
          "view", [](nb::handle self, int index) { return PySession::View(self, index); },
          "index"_a)
      .def("set_strings", &PySession::SetStrings, "index"_a, "values"_a)
      .def("get_strings", &PySession::GetStrings, "index"_a)
      .def("kernels", &PySession::Kernels)
      .def("memory_plan", &PySession::Plan);
}

}  // namespace edgeml::python
