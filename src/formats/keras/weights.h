// The weights that belong to a layer, wherever the file keeps them.
//
// HDF5 models of all versions: a group for each layer of the outermost model, with an attribute
// weight_names that tells the order; the weights of nested layers stand in the same list, after
// paths that hold their names. Archives (.keras): one group for each layer at every level, named by
// its class, with its weights as vars/0, vars/1, … Both keep the order in which a layer makes its
// variables, trainable ones first.
#ifndef EDGEML_FORMATS_KERAS_WEIGHTS_H_
#define EDGEML_FORMATS_KERAS_WEIGHTS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "edgeml/status.h"
#include "src/formats/hdf5/file.h"
#include "src/formats/keras/config.h"

namespace edgeml::keras {

// A weight in float32 or an integer type.
struct Weight {
  DType type = DType::kFloat32;
  Shape shape;
  ir::ConstantData data;
  std::span<const float> floats() const {
    return {reinterpret_cast<const float*>(data.bytes.data()), data.bytes.size() / sizeof(float)};
  }
};

// The weights of one layer, or of a model.
class Weights {
 public:
  // No weights at all.
  Weights() = default;
  // Of the whole file: the group with the attribute layer_names, or the root of an archive's
  // weights. kInvalidModel.
  static Result<Weights> OfModelFile(const hdf5::Object& group);
  static Result<Weights> OfArchive(const hdf5::Object& root);

  // What may be taken in all, a weight as often as it is: layers that are called over and over
  // would else need memory out of all proportion to the file.
  void SetLimit(uint64_t bytes) { left_ = std::make_shared<uint64_t>(bytes); }

  // The weights of layer `index` of `model`, whose weights these are.
  Weights OfLayer(const ModelConfig& model, size_t index) const;
  // Of a part of this layer: `child` is its name in archives ("cell", "forward_layer"). In other
  // files, where all weights of the layer are in one list: those whose path has a part that begins
  // with one of `prefixes` (none: all of them); when none has, piece `piece` of `pieces` equal
  // ones.
  Weights OfPart(std::string_view child, std::span<const std::string_view> prefixes = {},
                 size_t piece = 0, size_t pieces = 1) const;

  // Of item `index` of a list of layers that is a part of this one. In other files than archives:
  // all of this layer's weights.
  Weights OfItem(std::string_view list, std::span<const LayerConfig> items, size_t index) const;
  // `count` weights from `begin` on where all weights of the layer are in one list; in archives the
  // same weights.
  Weights OfRange(size_t begin, size_t count) const;

  // Whether they are of an archive, where weights have numbers and no names.
  bool is_archive() const { return is_archive_; }
  // Whether there is a weight of that name, or without names more than `index` weights.
  bool Has(std::string_view name, size_t index) const;
  // The weight called `name`; where the file has no names or other ones, the one at `index`.
  // Float types become float32. kInvalidModel when there is none, or it has not the `rank` expected
  // (< 0: any). Errors of the file.
  Result<Weight> Take(std::string_view name, size_t index, int rank = -1) const;

 private:
  struct Entry {
    std::string path;  // as the file calls it: "lstm/lstm_cell/kernel:0"
    hdf5::Object group;
  };
  const Entry* Find(std::string_view name, size_t index) const;
  // None, of the same file.
  Weights None() const;

  std::string where_;                  // for messages
  std::optional<hdf5::Object> group_;  // of the model file: all layers; archives: of this layer
  bool is_archive_ = false;
  bool is_whole_ = false;           // of the whole model file: OfLayer looks for a group
  std::vector<Entry> entries_;      // of a layer in a model file
  std::shared_ptr<uint64_t> left_;  // of the limit, shared by all parts; null: there is none
};

}  // namespace edgeml::keras

#endif  // EDGEML_FORMATS_KERAS_WEIGHTS_H_
