// Tensor bundles: the variables of a SavedModel, and checkpoints of TensorFlow's V2 format. An
// index (PREFIX.index, a sorted table) names tensors and tells where they are in the data files
// (PREFIX.data-00000-of-00001 …).
// Source: tensorflow/core/protobuf/tensor_bundle.proto, tensorflow/core/util/tensor_bundle.
#ifndef EDGEML_FORMATS_SAVEDMODEL_BUNDLE_H_
#define EDGEML_FORMATS_SAVEDMODEL_BUNDLE_H_

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "edgeml/status.h"
#include "src/base/mapped_file.h"
#include "src/formats/savedmodel/budget.h"
#include "src/formats/savedmodel/slices.h"
#include "src/formats/savedmodel/table.h"
#include "src/formats/savedmodel/tf_graph.h"

namespace edgeml::savedmodel {

class Bundle {
 public:
  // Gets the bytes of data file `number` of `count`.
  using ShardLoader = std::function<Result<ir::ConstantData>(int32_t number, int32_t count)>;

  // Maps the index; data files when they are asked for. The names of data files come from their
  // numbers alone. Errors start with the path: kNotFound, and those of Read.
  static Result<std::unique_ptr<Bundle>> Open(const std::string& prefix);
  // The same of an index in memory.
  static Result<std::unique_ptr<Bundle>> Read(ir::ConstantData index, ShardLoader shards);

  bool Has(std::string_view key) const { return table_.Find(key) != nullptr; }
  // All keys but the header's and those of parts of tensors, in order.
  std::vector<std::string_view> Keys() const;

  // The tensor of that key, or the part of it that `slice` asks for (see ParseSliceSpec). Checks
  // the checksum of what it reads. Numbers point into the data file where they can; what is copied
  // or read more than once is limited by the size of the files. kNotFound without such a key,
  // kInvalidModel for damaged entries and data, kUnsupported for types we lack.
  Result<Constant> Load(std::string_view key, std::string_view slice = {});

  // The files that were mapped so far.
  const std::vector<std::shared_ptr<const MappedFile>>& mapped() const { return mapped_; }

 private:
  struct Entry;  // checked and without Protobuf types

  Bundle() : budget_(0) {}
  Result<Entry> ReadEntry(const Table::Entry& in) const;
  Result<ir::ConstantData> Shard(int32_t number);
  Result<ir::ConstantData> Stored(const Entry& entry);
  Result<Constant> LoadStrings(const Entry& entry);
  Result<Constant> LoadParts(std::string_view key, const Entry& entry, const Box& wanted);

  ir::ConstantData index_;
  Table table_;
  int32_t num_shards_ = 0;
  ShardLoader load_shard_;
  std::map<int32_t, ir::ConstantData> shards_;
  std::vector<std::shared_ptr<const MappedFile>> mapped_;
  Budget budget_;
};

}  // namespace edgeml::savedmodel

#endif  // EDGEML_FORMATS_SAVEDMODEL_BUNDLE_H_
