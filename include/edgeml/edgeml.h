// Edge ML: load a model, make a session, run it.
//
//   auto model = edgeml::Model::Load("model.tflite");
//   if (!model.ok()) { … model.status().message() … }
//   auto session = edgeml::Session::Create(*model);
//   std::span<float> in = session->input(0).as<float>();
//   … fill in …
//   edgeml::Status status = session->Run();
//   std::span<const float> out = session->output(0).as<float>();
//
// A Model is immutable and may be shared by threads. A Session is used by one thread at a time,
// only Cancel() may be called from another. Sessions of one model share its mapped file and its
// packed weights.
#ifndef EDGEML_EDGEML_H_
#define EDGEML_EDGEML_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "edgeml/custom_op.h"
#include "edgeml/dtype.h"
#include "edgeml/export.h"
#include "edgeml/status.h"

namespace edgeml {

class ThreadPool;
class SessionImpl;
struct ModelImpl;

// "0.1.0"
EDGEML_API std::string_view Version();

// Workers that several sessions may share; they take turns. `num_threads` in [1, 256] counts the
// calling thread. `affinity`, when not empty, names the CPU of each worker in turn.
EDGEML_API Result<std::shared_ptr<ThreadPool>> MakeThreadPool(int num_threads,
                                                              std::span<const int> affinity = {});

// real = (stored - zero_point) * scale; one pair, or one per index of `quantized_dimension`.
struct QuantizationInfo {
  std::vector<float> scales;
  std::vector<int32_t> zero_points;
  int32_t quantized_dimension = 0;
};

// How a sparse constant is stored: TFLite's dimension metadata, for those who ask.
struct SparsityInfo {
  struct Dimension {
    bool csr = false;  // else dense
    int32_t dense_size = 0;
    std::vector<int32_t> segments, indices;
  };
  std::vector<int32_t> traversal_order, block_map;
  std::vector<Dimension> dimensions;
};

// A tensor's description. In a session, `shape` is the current one.
struct TensorInfo {
  int32_t index = -1;  // the file's tensor index
  std::string name;
  DType dtype = DType::kInvalid;
  std::vector<int32_t> shape;            // unknown dimensions as the file states them, usually 1
  std::vector<int32_t> shape_signature;  // unknown dimensions are -1; empty when the file has none
  QuantizationInfo quantization;         // no scales = not quantized
  std::shared_ptr<const SparsityInfo> sparsity;  // null = dense
  size_t byte_size = 0;
  bool is_constant = false;
  bool is_variable = false;
};

struct SignatureInfo {
  std::string key;  // e.g. "serving_default"
  int32_t subgraph = 0;
  std::vector<std::pair<std::string, int32_t>> inputs, outputs;  // name → tensor index
};

// What the model's own metadata says of an input or an output.
struct TensorMetadata {
  std::string name, description;
  std::vector<float> mean, std;     // normalization (x - mean) / std; empty = none stated
  std::vector<std::string> labels;  // of an output, or of an input's associated file
};
struct ModelMetadata {
  std::string name, description, version, author, license;
  std::vector<TensorMetadata> inputs, outputs;
  std::vector<std::string> associated_files;
};

// One operator of a graph, for inspection.
struct NodeInfo {
  int32_t index = -1;
  std::string op;          // "CONV_2D", or a custom op's own name
  bool is_custom = false;  // not one of the format's own operators
  std::string attributes;  // "window=SAME stride=2x2 activation=RELU6", defaults left out
  // Every attribute by name, those at their default too.
  std::vector<std::pair<std::string, std::string>> attribute_values;
  int32_t version = 1;
  std::vector<int32_t> inputs, outputs;  // tensor indices, -1 = absent
  int64_t macs = 0;  // at the session's current shapes; -1 when shapes depend on values
};

// The arena of a session: what was planned and what could at best be reached.
struct MemoryPlan {
  struct Entry {
    int32_t tensor = -1;  // -1 = scratch memory of node `first`
    size_t offset = 0, bytes = 0;
    int32_t first = 0, last = 0;  // node positions between which it is alive
    bool shares_memory = false;   // in place of, or a view into, another tensor
  };
  size_t arena_bytes = 0;
  // Largest sum of tensors and scratch alive at one step, 64-byte aligned, without any sharing;
  // constants and persistent state not counted. The arena may be smaller through in-place steps.
  size_t lower_bound_bytes = 0;
  size_t persistent_bytes = 0;  // variables, and state that custom operators reserved
  size_t dynamic_bytes = 0;     // tensors whose shapes only running tells, as of the last run
  std::vector<Entry> entries;
};

// One node's time and the kernel that ran it.
struct NodeProfile {
  int32_t node = -1;
  std::string op, kernel;
  // Better kernels that declined, with the reason: "conv_2d.int8.avx512vnni: dilation 2x2".
  std::vector<std::string> declined;
  // How far the kernel may be from the reference one: "exact", "1 quantum", "1e-5 of the largest
  // magnitude". Empty for a custom operator.
  std::string error_bound;
  int64_t runs = 0;
  double total_ms = 0, min_ms = 0;
  int64_t macs = 0;
  std::string output_shape, dtype;
};

struct LoadOptions {
  // Most bytes the model may make us allocate; 0 = 80 % of the machine's memory.
  size_t memory_cap_bytes = 0;
};

class EDGEML_API Model {
 public:
  // Maps the file and checks it. The format is told by content: TFLite.
  // Errors: kNotFound, kInvalidModel, kUnsupported, kResourceExhausted.
  static Result<Model> Load(const std::string& path, const LoadOptions& options = {});
  // The same from memory. The bytes are copied; or, with `owner`, kept alive by it and not copied.
  static Result<Model> FromBytes(std::span<const std::byte> bytes, const LoadOptions& options = {});
  static Result<Model> FromBytes(std::span<const std::byte> bytes,
                                 std::shared_ptr<const void> owner,
                                 const LoadOptions& options = {});

  // Writes the model as TFLite; appears by rename. kFailed when it cannot be written.
  Status Save(const std::string& path) const;
  Result<std::vector<std::byte>> Serialize() const;

  int num_subgraphs() const;
  const std::string& subgraph_name(int subgraph) const;
  const std::vector<SignatureInfo>& signatures() const;
  const std::string& description() const;
  // Empty when the model carries no metadata, or metadata that cannot be read.
  const ModelMetadata& metadata() const;
  // The content of an associated file; kNotFound.
  Result<std::string> AssociatedFile(const std::string& name) const;

  // As the file states them. REQUIRES: subgraph in [0, num_subgraphs()), index in range.
  int num_tensors(int subgraph = 0) const;
  TensorInfo tensor(int index, int subgraph = 0) const;
  std::span<const int32_t> inputs(int subgraph = 0) const;
  std::span<const int32_t> outputs(int subgraph = 0) const;
  std::vector<NodeInfo> nodes(int subgraph = 0) const;
  // The stored bytes of a constant; empty for anything else.
  std::span<const std::byte> constant(int index, int subgraph = 0) const;

  size_t file_bytes() const;
  size_t constant_bytes() const;  // all graphs
  // Operators that cannot be run: "NAME (3 times, first at node 5 of subgraph 0)". Custom ones can
  // when `custom_ops` has them; one that it has for other versions is listed as "NAME version 2".
  std::vector<std::string> UnsupportedOps(const CustomOpRegistry* custom_ops = nullptr) const;

  const std::shared_ptr<const ModelImpl>& impl() const { return impl_; }

 private:
  explicit Model(std::shared_ptr<const ModelImpl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const ModelImpl> impl_;
};

struct SessionOptions {
  int num_threads = 1;                // [1, 256], the calling thread included
  std::vector<int> affinity;          // CPUs of the workers
  std::shared_ptr<ThreadPool> pool;   // when set, used instead of threads of our own
  bool exact = false;                 // reference kernels only: bit-equal integers
  bool preserve_all_tensors = false;  // no memory is shared: every tensor can be read after a run
  bool profile = false;               // time each node
  size_t memory_cap_bytes = 0;        // 0 = 80 % of the machine's memory
  int64_t step_limit = 0;  // most nodes one Run may execute, loops included; 0 = no limit
  int32_t subgraph = 0;
  // What runs the model's custom operators. Not to be changed any more.
  std::shared_ptr<const CustomOpRegistry> custom_ops;
  // Whether Create prepares. Off, for those who resize inputs first: Prepare or Run does it then.
  bool prepare = true;
  // Called before each node with (nodes done, nodes in all); false stops the run (kCancelled).
  std::function<bool(int done, int total)> progress;
};

// A tensor's memory in a session. Valid until the next ResizeInput, Prepare, or Bind call, and for
// tensors of dynamic shape until the next Run.
struct TensorRef {
  void* data = nullptr;
  size_t bytes = 0;
  DType dtype = DType::kInvalid;
  std::vector<int32_t> shape;

  // Empty unless T's size is the element's size.
  template <typename T>
  std::span<T> as() const {
    const size_t bits = static_cast<size_t>(BitsOf(dtype));
    if (bits != sizeof(T) * 8) return {};
    return {static_cast<T*>(data), bytes / sizeof(T)};
  }
};

class EDGEML_API Session {
 public:
  // Makes a session and, unless options.prepare is off, prepares it for the shapes the model
  // states. Errors: kUnsupported (names the operators), kInvalidModel, kResourceExhausted,
  // kInvalidArgument.
  static Result<Session> Create(const Model& model, const SessionOptions& options = {});
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  // A session on another graph of the same model that shares this one's variables and pool.
  Result<Session> OnSubgraph(int32_t subgraph) const;

  int num_inputs() const;
  int num_outputs() const;
  std::span<const int32_t> input_indices() const;
  std::span<const int32_t> output_indices() const;

  // Gives input `i` a new shape; Prepare (or Run) re-plans. With `strict`, only dimensions that the
  // signature leaves open may change. kInvalidArgument.
  Status ResizeInput(int i, std::span<const int32_t> shape, bool strict = false);
  // Settles shapes, kernels and memory. Inputs and variables keep nothing. No-op when prepared.
  Status Prepare();
  bool prepared() const;

  // REQUIRES: prepared(); i in range.
  TensorRef input(int i) const;
  TensorRef output(int i) const;
  // Any tensor by file index, REQUIRES: in range. Before Prepare, an input has the shape it was
  // last given, any other tensor the file's. `data` is null when it has no memory: not computed
  // (folded away, unused), or of a shape not known yet. Without preserve_all_tensors its bytes may
  // be another's.
  TensorInfo tensor_info(int index) const;
  TensorRef tensor(int index) const;

  // Tensors of type string, by file index. Their memory is a serialized buffer of the session's own
  // that cannot be bound; its size follows from the strings, so `data` and `bytes` of the tensor
  // change with every call of SetStrings and every run, and writing there is of no use.
  //
  // Gives a graph input its strings (any bytes), as many as its shape asks for; empty ones before.
  // Prepares first when needed. kInvalidArgument, kResourceExhausted (memory cap, 2 GiB in all).
  Status SetStrings(int index, std::span<const std::string> values);
  // The strings of an input, a constant, or what a run computed. kInvalidArgument when it is not
  // such a tensor or has no value.
  Result<std::vector<std::string>> GetStrings(int index) const;

  // Caller-owned memory instead of the session's own, used in place: no copies. `bytes` must equal
  // the tensor's size; aligned to its element size; alive until unbound (null) or the session ends.
  // Takes effect at the next Prepare or Run. kInvalidArgument.
  Status BindInput(int i, const void* data, size_t bytes);
  Status BindOutput(int i, void* data, size_t bytes);

  // Runs once. Prepares first when needed. Errors: kCancelled, kInvalidModel (values that the model
  // cannot take: an index out of range), kResourceExhausted (memory cap or step limit).
  Status Run();
  // Makes a running Run() or Prepare() return kCancelled soon. Thread-safe.
  void Cancel();
  // Zeroes the state of stateful operators, resets custom ones and forgets resource variables.
  Status ResetVariables();

  MemoryPlan memory_plan() const;
  std::vector<NodeInfo> nodes() const;       // with MACs at the current shapes
  std::vector<NodeProfile> profile() const;  // times only with options.profile
  void ResetProfile();

 private:
  explicit Session(std::unique_ptr<SessionImpl> impl);
  std::unique_ptr<SessionImpl> impl_;
};

}  // namespace edgeml

#endif  // EDGEML_EDGEML_H_
