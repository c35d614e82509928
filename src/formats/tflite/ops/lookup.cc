// The options of tables, embeddings and text in the format.
#include "src/formats/tflite/ops/codec.h"
#include "src/formats/tflite/ops/families.h"
#include "src/ir/selection.h"

namespace edgeml::tflite {
namespace {

EDGEML_CODEC(
    HashtableCodec, HashtableOptions, HashtableAttrs, VT_VALUE_DTYPE,
    {
      a.table_id = o.table_id();
      EDGEML_RETURN_IF_ERROR(ReadType(o.key_dtype(), a.key_type));
      return ReadType(o.value_dtype(), a.value_type);
    },
    a.table_id, ToTensorType(a.key_type), ToTensorType(a.value_type))
EDGEML_CODEC(
    EmbeddingLookupSparseCodec, EmbeddingLookupSparseOptions, CombinerAttrs, VT_COMBINER,
    {
      if (o.combiner() < fb::CombinerType::MIN || o.combiner() > fb::CombinerType::MAX)
        return Error(Code::kUnsupported, "combiner ", static_cast<int>(o.combiner()),
                     " is unknown");
      a.combiner = static_cast<ir::Combiner>(o.combiner());
      return Status::Ok();
    },
    static_cast<fb::CombinerType>(a.combiner))
EDGEML_CODEC(
    LshProjectionCodec, LSHProjectionOptions, LshProjectionAttrs, VT_TYPE,
    {
      if (o.type() < fb::LSHProjectionType::MIN || o.type() > fb::LSHProjectionType::MAX)
        return Error(Code::kUnsupported, "projection type ", static_cast<int>(o.type()),
                     " is unknown");
      a.type = static_cast<ir::LshProjection>(o.type());
      return Status::Ok();
    },
    static_cast<fb::LSHProjectionType>(a.type))
EDGEML_CODEC(
    SkipGramCodec, SkipGramOptions, SkipGramAttrs, VT_INCLUDE_ALL_NGRAMS,
    { return Assign(a, o.ngram_size(), o.max_skip_size(), o.include_all_ngrams()); }, a.ngram_size,
    a.max_skip_size, a.include_all_ngrams)

constexpr OpHandler kHandlers[] = {
    With<EmbeddingLookupSparseCodec>(Op::kEmbeddingLookupSparse, Code_::EMBEDDING_LOOKUP_SPARSE),
    With<HashtableCodec>(Op::kHashtable, Code_::HASHTABLE),
    Plain<fb::HashtableFindOptions>(Op::kHashtableFind, Code_::HASHTABLE_FIND),
    Plain<fb::HashtableImportOptions>(Op::kHashtableImport, Code_::HASHTABLE_IMPORT),
    Bare(Op::kHashtableLookup, Code_::HASHTABLE_LOOKUP),
    Plain<fb::HashtableSizeOptions>(Op::kHashtableSize, Code_::HASHTABLE_SIZE),
    With<LshProjectionCodec>(Op::kLshProjection, Code_::LSH_PROJECTION),
    With<SkipGramCodec>(Op::kSkipGram, Code_::SKIP_GRAM),
};

}  // namespace

std::span<const OpHandler> LookupHandlers() { return ir::SelectedRows<kHandlers>(); }

}  // namespace edgeml::tflite
