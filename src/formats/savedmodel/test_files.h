// Small files for tests: tables, bundles, graphs.
#ifndef EDGEML_FORMATS_SAVEDMODEL_TEST_FILES_H_
#define EDGEML_FORMATS_SAVEDMODEL_TEST_FILES_H_

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "src/formats/savedmodel/crc32c.h"
#include "tensorflow.pb.h"

namespace edgeml::savedmodel {

inline std::span<const std::byte> AsBytes(const std::string& text) {
  return std::as_bytes(std::span(text));
}

inline void AppendVarint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}
inline void AppendFixed32(std::string& out, uint32_t value) {
  for (int i = 0; i < 4; ++i) out += static_cast<char>(value >> (8 * i));
}

using TestEntries = std::vector<std::pair<std::string, std::string>>;

// The entries as they are given, keys shortened by what they share with the one before.
inline std::string MakeBlock(const TestEntries& entries) {
  std::string out, last;
  for (const auto& [key, value] : entries) {
    size_t shared = 0;
    while (shared < key.size() && shared < last.size() && key[shared] == last[shared]) ++shared;
    AppendVarint(out, shared);
    AppendVarint(out, key.size() - shared);
    AppendVarint(out, value.size());
    out += key.substr(shared) + value;
    last = key;
  }
  AppendFixed32(out, 0);  // one restart point, at the beginning
  AppendFixed32(out, 1);
  return out;
}

// A table of the LevelDB format with blocks of two entries.
inline std::string MakeTable(const TestEntries& entries, char compression = 0) {
  std::string file;
  const auto add = [&](const std::string& block) {
    std::string handle;
    AppendVarint(handle, file.size());
    AppendVarint(handle, block.size());
    file += block;
    file += compression;
    AppendFixed32(file, MaskedCrc(Crc32c(AsBytes(block + compression))));
    return handle;
  };
  TestEntries index;
  for (size_t i = 0; i < entries.size(); i += 2) {
    const size_t end = std::min(entries.size(), i + 2);
    const TestEntries part(entries.begin() + static_cast<ptrdiff_t>(i),
                           entries.begin() + static_cast<ptrdiff_t>(end));
    index.emplace_back(part.back().first, add(MakeBlock(part)));
  }
  std::string footer = add(MakeBlock({}));
  footer += add(MakeBlock(index));
  footer.resize(40, '\0');
  AppendFixed32(footer, 0x8b80fb57u);
  AppendFixed32(footer, 0xdb477524u);
  return file + footer;
}

inline pb::NodeDef* AddNode(google::protobuf::RepeatedPtrField<pb::NodeDef>* nodes,
                            const std::string& name, const std::string& op,
                            std::initializer_list<const char*> inputs = {}) {
  pb::NodeDef* const node = nodes->Add();
  node->set_name(name);
  node->set_op(op);
  for (const char* const input : inputs) node->add_input(input);
  return node;
}

inline pb::AttrValue* AddAttr(pb::NodeDef* node, const std::string& key) {
  pb::AttrEntry* const entry = node->add_attr();
  entry->set_key(key);
  return entry->mutable_value();
}

// A float [n] constant.
inline pb::NodeDef* AddConst(google::protobuf::RepeatedPtrField<pb::NodeDef>* nodes,
                             const std::string& name, std::initializer_list<float> values) {
  pb::NodeDef* const node = AddNode(nodes, name, "Const");
  AddAttr(node, "dtype")->set_type(1);
  pb::Tensor* const tensor = AddAttr(node, "value")->mutable_tensor();
  tensor->set_dtype(1);
  tensor->mutable_tensor_shape()->add_dim()->set_size(static_cast<int64_t>(values.size()));
  for (const float value : values) tensor->add_float_val(value);
  return node;
}

inline pb::NodeDef* AddPlaceholder(pb::GraphDef& graph, const std::string& name, int64_t size) {
  pb::NodeDef* const node = AddNode(graph.mutable_node(), name, "Placeholder");
  AddAttr(node, "dtype")->set_type(1);
  AddAttr(node, "shape")->mutable_shape()->add_dim()->set_size(size);
  return node;
}

}  // namespace edgeml::savedmodel

#endif  // EDGEML_FORMATS_SAVEDMODEL_TEST_FILES_H_
