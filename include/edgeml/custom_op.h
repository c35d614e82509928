// Custom operators of one's own.
//
// A model names custom operators by a string. A CustomOpRegistry says what runs them: for a name
// and a range of versions, a function that makes a CustomKernel. The registry is handed to a
// session:
//
//   class Twice : public edgeml::CustomKernel {
//     edgeml::Status Prepare(edgeml::CustomPrepare& node) override {
//       node.SetOutputShape(0, node.input(0).shape);
//       return {};
//     }
//     edgeml::Status Run(edgeml::CustomRun& node) override {
//       const auto in = node.input(0).as<float>();
//       const auto out = node.output(0).as_mutable<float>();
//       for (size_t i = 0; i < in.size(); ++i) out[i] = 2 * in[i];
//       return {};
//     }
//   };
//
//   auto registry = std::make_shared<edgeml::CustomOpRegistry>();
//   edgeml::Status added = registry->Add<Twice>("Twice");
//   options.custom_ops = registry;
//   auto session = edgeml::Session::Create(*model, options);
//
// Errors are values: what Prepare and Run return becomes the session's error, with the node put in
// front. docs/custom-operators.md has whole programs in C++, C and Python.
#ifndef EDGEML_CUSTOM_OP_H_
#define EDGEML_CUSTOM_OP_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "edgeml/dtype.h"
#include "edgeml/export.h"
#include "edgeml/status.h"

namespace edgeml {

// A tensor as a custom kernel sees it. It owns nothing; valid during the call that it came from.
struct CustomTensor {
  // While preparing, null unless the value never changes (is_constant). An input must not be
  // written.
  void* data = nullptr;
  size_t bytes = 0;
  DType dtype = DType::kInvalid;   // kInvalid = absent: an optional input, an unwanted output
  std::span<const int32_t> shape;  // dimensions >= 0; an output's is unknown until it is set
  bool is_constant = false;
  // real = (stored - zero point) * scale: none = not quantized, one of each for the tensor, or one
  // for each index of `quantized_dimension`.
  std::span<const float> scales;
  std::span<const int64_t> zero_points;
  int32_t quantized_dimension = 0;

  bool present() const { return dtype != DType::kInvalid; }
  int rank() const { return static_cast<int>(shape.size()); }
  // The elements; empty unless T's size is the element's size.
  template <typename T>
  std::span<const T> as() const {
    return as_mutable<T>();
  }
  template <typename T>
  std::span<T> as_mutable() const {
    if (BitsOf(dtype) != static_cast<int>(sizeof(T) * 8) || data == nullptr) return {};
    return {static_cast<T*>(data), bytes / sizeof(T)};
  }
};

// The node that a kernel stands for. In range: i < num_inputs(), i < num_outputs().
class EDGEML_API CustomNode {
 public:
  virtual std::string_view name() const = 0;  // the operator's
  virtual int32_t version() const = 0;
  virtual size_t num_inputs() const = 0;
  virtual size_t num_outputs() const = 0;
  virtual CustomTensor input(size_t i) const = 0;
  virtual CustomTensor output(size_t i) const = 0;
  // What the model keeps for the operator: any bytes, by convention a FlexBuffers map.
  virtual std::span<const uint8_t> options() const = 0;
  // The number that such a map holds under `key`, booleans as 0 and 1. nullopt when there is none,
  // or the options are no such map. Safe on any bytes.
  std::optional<double> option(std::string_view key) const;

 protected:
  virtual ~CustomNode();
};

// What a kernel may do while it is being prepared.
class EDGEML_API CustomPrepare : public CustomNode {
 public:
  // Dimensions >= 0, at most 8 of them. Every output that is present needs this or the next.
  // What is wrong with the shape is an error of the preparation.
  virtual void SetOutputShape(size_t i, std::span<const int32_t> shape) = 0;
  // The shape depends on values: Run calls ResizeOutput.
  virtual void LeaveOutputShapeOpen(size_t i) = 0;
  // Memory that lives during Run only, 64-byte aligned, part of the session's arena. Returns the
  // index for CustomRun::workspace.
  virtual int RequestWorkspace(size_t bytes) = 0;
  // Counts memory that the kernel keeps from run to run against the session's memory cap; to be
  // called before it is allocated when its size comes from the model. kResourceExhausted. What an
  // earlier preparation reserved is given back first.
  virtual Status ReserveState(size_t bytes) = 0;

 protected:
  ~CustomPrepare() override;
};

// What a kernel may do while it runs.
class EDGEML_API CustomRun : public CustomNode {
 public:
  // REQUIRES: an index from RequestWorkspace.
  virtual void* workspace(int index) const = 0;
  // Gives an output that was left open its shape and memory; output(i) is new afterwards. May
  // allocate. kInvalidArgument for other outputs and bad shapes, kResourceExhausted.
  virtual Status ResizeOutput(size_t i, std::span<const int32_t> shape) = 0;
  // True once a stop was asked for; long runs poll it and return an error of code kCancelled.
  virtual bool cancelled() const = 0;

 protected:
  ~CustomRun() override;
};

// One node of one session. Used by one thread at a time; made, prepared at least once, run many
// times, destroyed with the session. State from run to run is the kernel's own.
class EDGEML_API CustomKernel {
 public:
  virtual ~CustomKernel();
  // Called when the shapes of the inputs are known, and again whenever the session is prepared
  // anew or they change; state starts anew then. Sets the outputs' shapes and checks everything
  // that Run relies on: a model is input from a stranger.
  virtual Status Prepare(CustomPrepare& node) = 0;
  // Should neither allocate nor take a lock. Writes every element of every output.
  virtual Status Run(CustomRun& node) = 0;
  // Forgets what earlier runs left behind (Session::ResetVariables). Only called when prepared.
  virtual void Reset() {}
};

struct CustomOp {
  std::string name;
  std::function<std::unique_ptr<CustomKernel>()> make;
  int32_t min_version = 1, max_version = std::numeric_limits<int32_t>::max();
};

// Which kernels run which custom operators. Immutable once a session uses it, and then shared.
class EDGEML_API CustomOpRegistry {
 public:
  // kInvalidArgument: no name or no function, an empty range of versions, one that meets the range
  // of an operator of that name, or the name of an operator that is built in
  // (TFLite_Detection_PostProcess).
  Status Add(CustomOp op);
  // Kernels of class K, which has a constructor without arguments.
  template <typename K>
  Status Add(std::string name) {
    return Add(CustomOp{std::move(name), [] { return std::make_unique<K>(); }});
  }
  // Adds what `other` has; all or, when one cannot be added, none.
  Status AddAll(const CustomOpRegistry& other);

  const std::vector<CustomOp>& ops() const { return ops_; }
  // Null when there is none for that version.
  const CustomOp* Find(std::string_view name, int32_t version) const;

 private:
  std::vector<CustomOp> ops_;
};

}  // namespace edgeml

#endif  // EDGEML_CUSTOM_OP_H_
