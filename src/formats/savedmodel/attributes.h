// The attributes of a TensorFlow node.
#ifndef EDGEML_FORMATS_SAVEDMODEL_ATTRIBUTES_H_
#define EDGEML_FORMATS_SAVEDMODEL_ATTRIBUTES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "edgeml/dtype.h"
#include "edgeml/status.h"
#include "src/formats/savedmodel/tensors.h"
#include "src/formats/savedmodel/tf_graph.h"

namespace edgeml::savedmodel {

namespace pb {
class AttrValue;
}  // namespace pb

// The attribute of that name; null when the node lacks it. The last one of several.
const pb::AttrValue* FindAttr(const pb::NodeDef& def, std::string_view name);
// The function that an attribute names; empty when it is not there or no function.
std::string_view FunctionAttr(const pb::NodeDef& def, std::string_view name);
std::vector<std::string_view> FunctionListAttr(const pb::NodeDef& def, std::string_view name);

// Reads the attributes of one node, each at most once. TensorFlow leaves out attributes at their
// default, so every call takes a fallback. What goes wrong is kept for Finish():
//
//   AttrReader attrs(node);
//   const bool keep_dims = attrs.Bool("keep_dims", false);
//   EDGEML_RETURN_IF_ERROR(attrs.Finish());
class AttrReader {
 public:
  explicit AttrReader(const Node& node);

  bool Has(std::string_view name) const;
  int64_t Int(std::string_view name, int64_t fallback);
  float Float(std::string_view name, float fallback);
  bool Bool(std::string_view name, bool fallback);
  std::string String(std::string_view name, std::string_view fallback);
  // kInvalid for a type we lack and, as a fallback, for an absent one.
  DType Type(std::string_view name, DType fallback = DType::kInvalid);
  PartialShape ShapeOr(std::string_view name, const PartialShape& fallback);
  std::vector<int64_t> Ints(std::string_view name, std::vector<int64_t> fallback = {});
  std::vector<float> Floats(std::string_view name, std::vector<float> fallback = {});
  std::vector<std::string> Strings(std::string_view name);
  std::vector<DType> Types(std::string_view name);
  // For attributes that change nothing for us.
  void Ignore(std::string_view name) { (void)Find(name); }

  // kInvalidModel for an attribute of another kind than asked for, kUnsupported for one that nobody
  // asked for. Names that begin with "_" are TensorFlow's notes to itself, those with "T" tell the
  // types of inputs and outputs, which are known; both pass.
  Status Finish();

 private:
  const pb::AttrValue* Find(std::string_view name);
  void WrongKind(std::string_view name, std::string_view wanted);

  const pb::NodeDef* def_;
  std::vector<bool> read_;  // for each attribute of the node
  Status status_;
};

}  // namespace edgeml::savedmodel

#endif  // EDGEML_FORMATS_SAVEDMODEL_ATTRIBUTES_H_
