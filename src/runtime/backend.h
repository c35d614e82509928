// The interface between the runtime and the kernels' backends.
//
// A backend is an ordered list of kernels per operator, best first. For each node the runtime walks
// the list, asks each entry whether it declines (a reason in words, kept for the profile), and
// makes a Step from the first that does not. A Step is prepared once per set of shapes and then run
// many times; Run allocates nothing and takes no lock.
#ifndef EDGEML_RUNTIME_BACKEND_H_
#define EDGEML_RUNTIME_BACKEND_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "edgeml/status.h"
#include "src/base/function_ref.h"
#include "src/base/thread_pool.h"
#include "src/ir/graph.h"
#include "src/ir/op_def.h"
#include "src/tensor/view.h"

namespace edgeml::runtime {

using ir::NodeView;

// Runs another graph of the module (control flow). Owned by the session; one per use site.
class SubgraphRunner {
 public:
  virtual ~SubgraphRunner() = default;
  // As the model states it.
  virtual const ir::Graph& graph() const = 0;
  virtual int num_inputs() const = 0;
  virtual int num_outputs() const = 0;
  // Makes input i of that shape and type known; re-plans when it changed.
  virtual Status SetInputShape(int i, const Shape& shape) = 0;
  // Settles shapes and memory. No-op when nothing changed.
  virtual Status Prepare() = 0;
  // Views are valid until the next SetInputShape/Prepare/Run. Write inputs before Run.
  virtual TensorView input(int i) = 0;
  virtual TensorView output(int i) = 0;
  virtual Status Run() = 0;
};

class LookupTable;  // src/runtime/lookup_table.h

// State of a session that outlives a run: resource variables and lookup tables.
class ResourceStore {
 public:
  virtual ~ResourceStore() = default;
  // The id of the variable of that name, made when new. Never fails.
  virtual int32_t VariableId(const std::string& container, const std::string& name) = 0;
  // Copies `value` into variable `id`. kInvalidModel for an unknown id, kResourceExhausted.
  virtual Status Assign(int32_t id, const TensorView& value) = 0;
  // The variable's current value; kInvalidModel when unknown or never assigned.
  virtual Result<TensorView> Read(int32_t id) = 0;
  // Whether graph `graph` has run as an initializer (CALL_ONCE) since the state was made or
  // cleared.
  virtual bool initialized(int32_t graph) const = 0;
  virtual void SetInitialized(int32_t graph) = 0;

  // Lookup tables have ids of their own, given by the model. Makes table `id` unless there is one.
  // kUnsupported unless it maps int64 to string or string to int64.
  virtual Status MakeTable(int32_t id, DType key_type, DType value_type) = 0;
  // Fills table `id` with pairs, one side of each in `numbers` and the other in `strings`, both of
  // one size; of equal keys the first counts. A table is filled once: later calls change nothing.
  // kInvalidModel for an unknown id or other keys than the table's, kResourceExhausted.
  virtual Status FillTable(int32_t id, DType key_type, std::span<const int64_t> numbers,
                           std::span<const std::string_view> strings) = 0;
  // Valid until the state is cleared. kInvalidModel for an unknown id.
  virtual Result<const LookupTable*> Table(int32_t id) const = 0;
};

// What a Step may ask for while it is being prepared.
class PrepareContext {
 public:
  virtual ~PrepareContext() = default;

  virtual const NodeView& view() const = 0;
  virtual int num_threads() const = 0;

  // Memory that only lives during this node's Run, 64-byte aligned, planned in the arena. Returns
  // its index for RunContext::workspace. More than can be addressed is refused after Prepare;
  // counts are multiplied in 64 bits therefore, on 32-bit machines too.
  virtual int RequestWorkspace(uint64_t bytes) = 0;

  // Weights in a layout of the kernel's own, made once per model and shared by its sessions.
  // `layout` names the layout completely: kernel, SIMD level, and every parameter that `fill`
  // depends on besides the bytes of input `input`. `fill` gets 64-byte aligned memory, zeroed.
  // REQUIRES: input is constant. The result lives as long as the step keeps it.
  virtual Result<std::shared_ptr<const std::byte>> Pack(
      size_t input, std::string_view layout, size_t bytes,
      FunctionRef<void(std::byte* packed)> fill) = 0;

  // Output `output` may share memory with input `input` of the same byte size when that input is
  // not needed afterwards; the step must then work in place. If it cannot, they are distinct.
  virtual void AllowInPlace(size_t input, size_t output) = 0;
  // Output `output` holds the same bytes as input `input`, unchanged (reshape): the planner makes
  // them the same memory where it can. The step copies when the pointers differ.
  virtual void AllowAlias(size_t input, size_t output) = 0;
  // Input `input` is a contiguous part of output `output` at that byte offset (concatenation along
  // the outermost dimension): the planner may place it there. The step skips the copy when
  // RunContext shows that the pointers agree already.
  virtual void AllowInputInOutput(size_t input, size_t output, size_t byte_offset) = 0;
  // Output `output` is a contiguous part of input `input` at that byte offset (split, slice).
  virtual void AllowOutputInInput(size_t output, size_t input, size_t byte_offset) = 0;

  // Graph `index` of the module, for control flow. kInvalidModel when there is none, or when graphs
  // call each other in a cycle or too deep.
  virtual Result<SubgraphRunner*> Subgraph(int32_t index) = 0;
  virtual ResourceStore& resources() = 0;
};

// What a Step sees while it runs.
class RunContext {
 public:
  virtual ~RunContext() = default;
  virtual const TensorView& input(size_t i) const = 0;  // !present() when absent
  virtual const TensorView& output(size_t i) const = 0;
  virtual size_t num_inputs() const = 0;
  virtual size_t num_outputs() const = 0;
  virtual void* workspace(int index) const = 0;
  virtual ThreadPool& pool() const = 0;
  // True once a stop was asked for; long steps poll it and return kCancelled.
  virtual bool cancelled() const = 0;
  virtual ResourceStore& resources() const = 0;
  // Gives output `i` a shape that only running could tell (control flow, variables). May allocate.
  // Only for steps whose OpDef's shape rule set needs_values. output(i) is new afterwards.
  virtual Status ResizeOutput(size_t i, const Shape& shape) = 0;
  // Strings are not in a view's memory, whose `data` is null, but here. Both allocate.
  // REQUIRES: input `i` is of type string; its strings stay valid during Run.
  virtual Result<std::vector<std::string_view>> StringInput(size_t i) const = 0;
  // REQUIRES: output `i` is of type string. As many strings as its shape asks for.
  virtual Status SetStringOutput(size_t i, std::span<const std::string_view> strings) = 0;

  // Whether somebody is shown what is computed (calibration). A step then shows, in between, what
  // its variables (input `i`) and its intermediates hold only while it runs; an error ends the run.
  virtual bool observed() const { return false; }
  virtual Status ShowInput(size_t /*i*/, const TensorView& /*view*/) { return Status::Ok(); }
  virtual Status ShowIntermediate(size_t /*i*/, const TensorView& /*view*/) { return Status::Ok(); }
};

class Step {
 public:
  virtual ~Step() = default;
  // Called when the shapes are settled, and again whenever they change. Settles everything that Run
  // needs; what was asked for earlier is forgotten first.
  virtual Status Prepare(PrepareContext& context) = 0;
  virtual Status Run(RunContext& context) = 0;
};

// How far a kernel may be from the `reference` backend on the same inputs.
enum class ErrorBound : uint8_t {
  kExact,         // bit for bit
  kOneQuantum,    // integers: at most 1
  kFloatRounding  // 1e-5 of the largest output magnitude
};

// "exact", "1 quantum", "1e-5 of the largest magnitude".
std::string_view NameOf(ErrorBound bound);

struct KernelEntry {
  ir::OpCode op;
  const char* name;  // "conv_2d.int8.avx512vnni", shown by the profile
  ErrorBound bound = ErrorBound::kExact;
  // Why the kernel cannot take this node, in words; empty = it can. Must look at everything the
  // step relies on: types, quantization, attributes, CPU features. Shapes are known unless dynamic.
  std::string (*decline)(const NodeView& view) = nullptr;  // null = takes everything of this op
  std::unique_ptr<Step> (*make)() = nullptr;
  // A build for some models leaves the kernel out unless tensors of these types occur together with
  // the operator; kInvalid says nothing.
  std::array<DType, 2> types = {};
  bool takes_strings = false;  // else it is not asked about nodes that have string tensors
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string_view name() const = 0;
  // Candidates for an operator, best first; may be empty.
  virtual std::span<const KernelEntry> KernelsFor(ir::OpCode op) const = 0;
};

// A backend over tables of entries, which keep their order per operator.
class ListBackend : public Backend {
 public:
  // `rename`, if given, makes an entry's name from the one in its table; the result must live as
  // long as the backend.
  ListBackend(std::string name, std::initializer_list<std::span<const KernelEntry>> tables,
              const char* (*rename)(std::string_view name) = nullptr);
  std::string_view name() const override { return name_; }
  std::span<const KernelEntry> KernelsFor(ir::OpCode op) const override;

 private:
  std::string name_;
  std::vector<KernelEntry> entries_;  // grouped by op
  std::vector<uint32_t> first_;       // [kNumOpCodes + 1]
};

// For steps that keep nothing between Prepare and Run but parameters:
//   KernelEntry{OpCode::kNeg, "neg.reference", kExact, DeclineNeg, MakeStep<NegStep>}
template <typename S>
std::unique_ptr<Step> MakeStep() {
  return std::make_unique<S>();
}

}  // namespace edgeml::runtime

#endif  // EDGEML_RUNTIME_BACKEND_H_
