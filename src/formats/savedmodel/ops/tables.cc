// Lookup tables that are filled once, before the model runs first.
#include "src/base/strings.h"
#include "src/formats/savedmodel/op.h"

namespace edgeml::savedmodel {
namespace {

using ir::OpCode;

// A graph that fills the table.
Result<int32_t> AddFilling(Op& op, const ir::HashtableAttrs& attrs, const LookupTable& table) {
  ir::GraphBuilder b(Concat(op.node.name, "/fill"), op.b.evaluator());
  EDGEML_ASSIGN_OR_RETURN(
      const std::vector<int32_t> handle,
      b.Add(OpCode::kHashtable, {}, attrs, {{DType::kResource, op.node.name, {}, {}}}));
  const auto constant = [&b](std::string name, const Constant& of) {
    return b.AddConstant(std::move(name), of.type, of.shape, of.data);
  };
  EDGEML_RETURN_IF_ERROR(
      b.Add(OpCode::kHashtableImport,
            {handle[0], constant("keys", table.keys), constant("values", table.values)}, {},
            std::vector<ir::GraphBuilder::Output>())
          .status());
  return op.graphs.Add(b.Finish({}));
}

Status LowerTable(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(0));
  for (const char* const name : {"container", "shared_name", "use_node_name_sharing"})
    op.attrs.Ignore(name);
  ir::HashtableAttrs attrs;
  attrs.key_type = op.attrs.Type("key_dtype");
  attrs.value_type = op.attrs.Type("value_dtype");
  const bool from_text = attrs.key_type == DType::kString && attrs.value_type == DType::kInt64;
  const bool to_text = attrs.key_type == DType::kInt64 && attrs.value_type == DType::kString;
  if (!from_text && !to_text)
    return Error(Code::kUnsupported, "a table from ", NameOf(attrs.key_type), " to ",
                 NameOf(attrs.value_type),
                 "; TFLite has those from string to int64 and from int64 to string");
  const LookupTable* const table = op.graphs.TableOf(op.node.name);
  if (table == nullptr)
    return Error(Code::kUnsupported,
                 "what is in the table is not known: it is not filled with constants when the "
                 "model is loaded");
  if (table->keys.type != attrs.key_type || table->values.type != attrs.value_type)
    return Error(Code::kInvalidModel, "it is filled with other types than its own");
  // Tables of one number are one; any number that others do not have will do.
  attrs.table_id = op.graphs.count();
  EDGEML_ASSIGN_OR_RETURN(const int32_t filling, AddFilling(op, attrs, *table));
  EDGEML_RETURN_IF_ERROR(op.b.Add(OpCode::kCallOnce, {}, ir::CallOnceAttrs{filling},
                                  std::vector<ir::GraphBuilder::Output>())
                             .status());
  EDGEML_ASSIGN_OR_RETURN(
      std::vector<int32_t> made,
      op.b.Add(OpCode::kHashtable, {}, attrs, {{DType::kResource, op.node.name, {}, {}}}));
  return op.ReturnAll(std::move(made));
}

// Table, keys, what is given for those that it lacks.
Status LowerFind(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(3));
  for (const char* const name : {"Tin", "Tout"}) op.attrs.Ignore(name);
  return op.Emit(OpCode::kHashtableFind, op.in, {}, op.type(2));
}

constexpr OpEntry kOps[] = {
    {"HashTableV2", LowerTable},
    {"LookupTableFindV2", LowerFind},
};

}  // namespace

std::span<const OpEntry> TableOps() { return kOps; }

}  // namespace edgeml::savedmodel
