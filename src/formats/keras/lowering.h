// Keras layers into operators of the graph.
//
// One handler for each layer class, in explicit lists by family (layers/*.cc). A handler reads the
// layer's options and weights from its LayerContext, emits nodes, and returns tensors; what it
// cannot do is an error that says so. Nodes are written plainly: folding and fusing is the passes'
// work.
#ifndef EDGEML_FORMATS_KERAS_LOWERING_H_
#define EDGEML_FORMATS_KERAS_LOWERING_H_

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "edgeml/status.h"
#include "src/formats/keras/config.h"
#include "src/formats/keras/options.h"
#include "src/formats/keras/weights.h"
#include "src/ir/emitter.h"

namespace edgeml::keras {

// A value with the mask of its time steps, bool [batch, time], if it has one.
struct Tensor {
  int32_t value = ir::kNoValue;
  int32_t mask = ir::kNoValue;
};

// What the file asks for and we do not have, gathered so that one run tells everything.
class Problems {
 public:
  // `what` names the thing, `where` the place; `advice` what to do about it.
  void Add(const std::string& what, const std::string& where, const std::string& advice = {});
  // Ok when there are none, else kUnsupported with each thing, how often, and where first.
  Status ToStatus() const;

 private:
  struct Entry {
    std::string what, first, advice;
    int count = 0;
  };
  std::vector<Entry> entries_;
};

class Lowering;

// What a handler works with.
struct LayerContext {
  Lowering& lowering;
  const LayerConfig& layer;
  LayerOptions options;
  Weights weights;
  const Call& call;
  std::vector<Tensor> inputs;   // all tensors of the call's positional arguments, in order
  std::vector<Tensor> outputs;  // to be set
  ir::Emitter e;

  int32_t x() const { return inputs.empty() ? ir::kNoValue : inputs[0].value; }
  // One output; the mask of the first input goes on with it or ends here.
  void Return(int32_t value, bool keeps_mask = false) {
    outputs = {{value, keeps_mask && !inputs.empty() ? inputs[0].mask : ir::kNoValue}};
  }
  // The tensor given as keyword or, failing that, as positional argument `position`; else none.
  Tensor Argument(std::string_view keyword, size_t position) const;
  // A weight, or an empty one after an error (which sticks to `e`).
  Weight Take(std::string_view name, size_t index, int rank = -1);
  // A weight as a constant of this shape (its own when not given; as many elements).
  int32_t Constant(const Weight& weight, const Shape& shape, std::string_view suffix);
  std::string Name(std::string_view suffix) const;
  // Errors so far of the options and of emitting; in the end, options that nobody read as well.
  Status Check() const;
  Status Finish() const;
};

struct LayerDef {
  const char* class_name;
  Status (*lower)(LayerContext& context);
};

// One list for each file of layers/.
std::span<const LayerDef> ActivationLayers();
std::span<const LayerDef> AttentionLayers();
std::span<const LayerDef> ConvolutionLayers();
std::span<const LayerDef> CoreLayers();
std::span<const LayerDef> MergeLayers();
std::span<const LayerDef> NormalizationLayers();
std::span<const LayerDef> OperationLayers();  // keras.ops and TFOpLambda
std::span<const LayerDef> PoolingLayers();
std::span<const LayerDef> PreprocessingLayers();
std::span<const LayerDef> QuantizeLayers();  // wrappers of the optimization toolkit
std::span<const LayerDef> RecurrentLayers();
std::span<const LayerDef> ReshapingLayers();

// The handler of a class, null when there is none.
const LayerDef* FindLayer(std::string_view class_name);
// The same for a layer that may be an operation, whose class may be called like a layer's ("Add").
const LayerDef* FindLayer(const LayerConfig& layer);
// An operation of keras.ops; null when it is a layer.
const LayerDef* FindKerasOperation(const LayerConfig& layer);

// An activation by its name or config: applies it to `x`. Errors stick to c.e.
int32_t Activate(LayerContext& c, const Json& activation, int32_t x);

class Lowering {
 public:
  Lowering(ir::GraphBuilder& builder, int keras_major, Problems& problems,
           std::vector<std::string>& notes)
      : builder_(&builder), keras_major_(keras_major), problems_(problems), notes_(notes) {}

  // Of the graph that is being made: the module's main one, or one for control flow.
  ir::GraphBuilder& builder() { return *builder_; }
  // Makes `builder` that of the layers lowered from now on; returns the one before.
  ir::GraphBuilder& SetBuilder(ir::GraphBuilder& builder) {
    return *std::exchange(builder_, &builder);
  }
  // A further graph of the module, which nodes refer to by the index returned.
  int32_t AddGraph(ir::Graph graph) {
    graphs_.push_back(std::move(graph));
    return static_cast<int32_t>(graphs_.size());
  }
  // Those that were added, to stand after the main one in this order.
  std::vector<ir::Graph> TakeGraphs() { return std::exchange(graphs_, {}); }
  // Of the Keras that wrote the file: 1, 2 or 3.
  int keras_major() const { return keras_major_; }
  Problems& problems() { return problems_; }
  // Something the user should know; told once.
  void Note(const std::string& note);

  // The outputs of a model for these inputs. Values of layers that are not supported are kNoValue,
  // and the problems tell why. Errors: kInvalidModel and the like.
  Result<std::vector<Tensor>> LowerModel(const ModelConfig& model, const Weights& weights,
                                         std::span<const Tensor> inputs, const std::string& scope);
  // The outputs of one call of a layer that is no nested model's part.
  Result<std::vector<Tensor>> LowerLayer(const LayerConfig& layer, const Weights& weights,
                                         const Call& call, std::vector<Tensor> inputs,
                                         const std::string& scope);
  // While a layer is being lowered: the tensors that arguments of its call refer to.
  Tensor Resolve(const TensorRef& ref) const;

 private:
  using CallKey = std::pair<size_t, int32_t>;  // layer, call
  struct Frame {                               // of a model that is being lowered
    const ModelConfig* model = nullptr;
    std::map<std::string, size_t, std::less<>> by_name;
    std::map<CallKey, std::vector<Tensor>> done;
  };
  Result<std::vector<CallKey>> Order(const Frame& frame) const;

  ir::GraphBuilder* builder_;
  std::vector<ir::Graph> graphs_;
  int keras_major_;
  Problems& problems_;
  std::vector<std::string>& notes_;
  std::vector<Frame> frames_;
  int depth_ = 0, calls_ = 0;
};

}  // namespace edgeml::keras

#endif  // EDGEML_FORMATS_KERAS_LOWERING_H_
