// Hash tables, embeddings and text on the reference kernels.
#include "src/kernels/lookup/lookup.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "src/backends/kernel_table.h"
#include "src/backends/reference/movement.h"
#include "src/base/strings.h"
#include "src/runtime/lookup_table.h"
#include "src/tensor/string_buffer.h"

namespace edgeml::backends {
namespace {

using runtime::LookupTable;
using runtime::NodeView;
using runtime::PrepareContext;
using runtime::RunContext;
using runtime::Step;
using Strings = std::vector<std::string_view>;

Status Cancelled() { return Error(Code::kCancelled, "stopped on request"); }

// A handle is the table's id, 4 bytes.
int32_t HandleOf(const TensorView& view) {
  int32_t id = 0;
  std::memcpy(&id, view.data, sizeof id);
  return id;
}

class HashtableStep : public Step {
 public:
  Status Prepare(PrepareContext& context) override {
    attrs_ = context.view().attrs<ir::HashtableAttrs>();
    return Status::Ok();
  }
  Status Run(RunContext& context) override {
    std::memcpy(context.output(0).data, &attrs_.table_id, sizeof attrs_.table_id);
    return context.resources().MakeTable(attrs_.table_id, attrs_.key_type, attrs_.value_type);
  }

 private:
  ir::HashtableAttrs attrs_;
};

class HashtableImportStep : public Step {
 public:
  Status Prepare(PrepareContext&) override { return Status::Ok(); }
  Status Run(RunContext& context) override {
    const bool by_string = context.input(1).type == DType::kString;
    const TensorView& numbers = context.input(by_string ? 2 : 1);
    EDGEML_ASSIGN_OR_RETURN(const Strings strings, context.StringInput(by_string ? 1 : 2));
    return context.resources().FillTable(HandleOf(context.input(0)), context.input(1).type,
                                         numbers.elements<int64_t>(), strings);
  }
};

class HashtableFindStep : public Step {
 public:
  Status Prepare(PrepareContext&) override { return Status::Ok(); }
  Status Run(RunContext& context) override {
    const int32_t id = HandleOf(context.input(0));
    const DType key_type = context.input(1).type;
    EDGEML_ASSIGN_OR_RETURN(const LookupTable* table, context.resources().Table(id));
    if (table->key_type() != key_type)
      return Error(Code::kInvalidModel, "lookup table ", id, " has keys of type ",
                   NameOf(table->key_type()), ", not ", NameOf(key_type));
    if (!table->filled())
      return Error(Code::kInvalidModel, "lookup table ", id, " is read before it is imported");
    return key_type == DType::kString ? FindStrings(context, *table) : FindNumbers(context, *table);
  }

 private:
  static Status FindStrings(RunContext& context, const LookupTable& table) {
    EDGEML_ASSIGN_OR_RETURN(const Strings keys, context.StringInput(1));
    const int64_t missing = *context.input(2).as<int64_t>();
    auto* output = context.output(0).as_mutable<int64_t>();
    for (size_t i = 0; i < keys.size(); ++i) output[i] = table.Find(keys[i]).value_or(missing);
    return Status::Ok();
  }
  static Status FindNumbers(RunContext& context, const LookupTable& table) {
    EDGEML_ASSIGN_OR_RETURN(const Strings missing, context.StringInput(2));
    Strings found;
    found.reserve(static_cast<size_t>(context.input(1).num_elements()));
    for (const int64_t key : context.input(1).elements<int64_t>())
      found.push_back(table.Find(key).value_or(missing[0]));
    return context.SetStringOutput(0, found);
  }
};

class HashtableSizeStep : public Step {
 public:
  Status Prepare(PrepareContext&) override { return Status::Ok(); }
  Status Run(RunContext& context) override {
    EDGEML_ASSIGN_OR_RETURN(const LookupTable* table,
                            context.resources().Table(HandleOf(context.input(0))));
    *context.output(0).as_mutable<int64_t>() = table->size();
    return Status::Ok();
  }
};

class HashtableLookupStep : public Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const TensorView& values = context.view().inputs[2];
    row_bytes_ = static_cast<size_t>(values.shape.num_elements(1, values.rank()) *
                                     (BitsOf(values.type) / 8));
    return Status::Ok();
  }
  Status Run(RunContext& context) override {
    kernels::HashtableLookup(
        context.input(0).elements<int32_t>(), context.input(1).elements<int32_t>(), row_bytes_,
        context.input(2).data, context.output(0).data, context.output(1).as_mutable<uint8_t>());
    return Status::Ok();
  }

 private:
  size_t row_bytes_ = 0;
};

class HashtableLookupStringsStep : public Step {
 public:
  Status Prepare(PrepareContext&) override { return Status::Ok(); }
  Status Run(RunContext& context) override {
    EDGEML_ASSIGN_OR_RETURN(const Strings values, context.StringInput(2));
    const auto lookup = context.input(0).elements<int32_t>();
    const auto keys = context.input(1).elements<int32_t>();
    auto* hits = context.output(1).as_mutable<uint8_t>();
    Strings found(lookup.size());
    for (size_t i = 0; i < lookup.size(); ++i) {
      const int64_t row = kernels::FindKey(keys, lookup[i]);
      hits[i] = row >= 0 ? 1 : 0;
      if (row >= 0) found[i] = values[static_cast<size_t>(row)];
    }
    return context.SetStringOutput(0, found);
  }
};

class EmbeddingLookupSparseStep : public Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const NodeView& view = context.view();
    const TensorView &indices = view.inputs[1], &table = view.inputs[4];
    const Shape& output = view.outputs[0].shape;
    switch (view.attrs<ir::CombinerAttrs>().combiner) {
      case ir::Combiner::kMean:
        lookup_.combiner = kernels::SparseCombiner::kMean;
        break;
      case ir::Combiner::kSqrtN:
        lookup_.combiner = kernels::SparseCombiner::kSqrtN;
        break;
      default:
        lookup_.combiner = kernels::SparseCombiner::kSum;
    }
    lookup_.depth = indices.dim(1);
    lookup_.rows = table.dim(0);
    lookup_.row_size = table.shape.num_elements(1, table.rank());
    lookup_.buckets = output.num_elements(0, lookup_.depth - 1);
    return Status::Ok();
  }
  Status Run(RunContext& context) override {
    kernels::SparseLookup lookup = lookup_;
    lookup.ids = context.input(0).as<int32_t>();
    lookup.indices = context.input(1).as<int32_t>();
    lookup.dense_shape = context.input(2).as<int32_t>();
    lookup.weights = context.input(3).as<float>();
    lookup.table = context.input(4).as<float>();
    const std::span<float> output = context.output(0).mutable_elements<float>();
    lookup.output = output.data();
    std::fill(output.begin(), output.end(), 0.0f);
    const int64_t lookups = context.input(0).dim(0);
    // Few lookups may be much work: an embedding is as long as the model says.
    constexpr int64_t kElements = int64_t{1} << 20;
    const int64_t grain = std::max<int64_t>(1, kElements / std::max<int64_t>(1, lookup.row_size));
    kernels::SparseBucket bucket;
    for (int64_t first = 0; first < lookups; first += grain) {
      if (context.cancelled()) return Cancelled();
      const int64_t last = std::min(first + grain, lookups);
      const kernels::SparseFault result = kernels::LookUpSparse(lookup, first, last, bucket);
      if (result.fault.found())
        return FaultStatus(result.fault).WithContext(result.in_ids ? "input 0" : "input 1");
    }
    kernels::FinishBucket(lookup, bucket);
    return Status::Ok();
  }

 private:
  kernels::SparseLookup lookup_;
};

// The bytes that are hashed: of a string tensor its serialized buffer, as LiteRT does.
class LshProjectionStep : public Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const NodeView& view = context.view();
    dense_ = view.attrs<ir::LshProjectionAttrs>().type == ir::LshProjection::kDense;
    item_bytes_ = 0;
    if (view.inputs[1].type == DType::kString) return Status::Ok();
    const Shape& input = view.inputs[1].shape;
    item_bytes_ = static_cast<size_t>(input.num_elements(1, input.rank()) *
                                      (BitsOf(view.inputs[1].type) / 8));
    key_ = context.RequestWorkspace(item_bytes_ + sizeof(float));
    return Status::Ok();
  }
  Status Run(RunContext& context) override {
    if (context.input(1).type != DType::kString)
      return Project(context, context.input(1).as<uint8_t>(), item_bytes_,
                     static_cast<uint8_t*>(context.workspace(key_)));
    EDGEML_ASSIGN_OR_RETURN(const Strings strings, context.StringInput(1));
    size_t characters = 0;
    for (const std::string_view string : strings) characters += string.size();
    const auto bytes = StringBufferBytes(strings.size(), characters);
    if (!bytes) return Error(Code::kResourceExhausted, "the strings are too long");
    std::vector<std::byte> buffer(*bytes);
    WriteStringBuffer(strings, buffer.data());
    const size_t item_bytes = *bytes / static_cast<size_t>(context.input(1).dim(0));
    std::vector<uint8_t> key(item_bytes + sizeof(float));
    return Project(context, reinterpret_cast<const uint8_t*>(buffer.data()), item_bytes,
                   key.data());
  }

 private:
  Status Project(RunContext& context, const uint8_t* items, size_t item_bytes, uint8_t* key) const {
    const TensorView &hash = context.input(0), &input = context.input(1);
    const float* weights = context.num_inputs() > 2 ? context.input(2).as<float>() : nullptr;
    auto* output = context.output(0).as_mutable<int32_t>();
    const float* seed = hash.as<float>();
    const int32_t bits = hash.dim(1);
    // Keeps the signatures of different functions apart, in 32 bits that wrap. Not those of 32
    // bits: LiteRT's shift by 32 comes out as one by 0 on its processors.
    const uint32_t apart = uint32_t{1} << (bits % 32);
    for (int32_t i = 0; i < hash.dim(0); ++i) {
      uint32_t signature = 0;
      for (int32_t j = 0; j < bits; ++j) {
        if (context.cancelled()) return Cancelled();
        const bool bit = kernels::LshBit(*seed++, input.dim(0), item_bytes, items, weights, key);
        signature = (signature << 1) | (bit ? 1u : 0u);
        if (dense_) *output++ = bit ? 1 : 0;
      }
      if (!dense_) *output++ = static_cast<int32_t>(signature + static_cast<uint32_t>(i) * apart);
    }
    return Status::Ok();
  }

  bool dense_ = false;
  size_t item_bytes_ = 0;
  int key_ = 0;
};

class SkipGramStep : public Step {
 public:
  Status Prepare(PrepareContext& context) override {
    attrs_ = context.view().attrs<ir::SkipGramAttrs>();
    return Status::Ok();
  }
  Status Run(RunContext& context) override {
    EDGEML_ASSIGN_OR_RETURN(const Strings input, context.StringInput(0));
    const std::string_view sentence = input[0];
    Strings words;
    size_t begin = 0;
    while (true) {
      const std::string_view word = kernels::NextWord(sentence, begin);
      if (word.empty()) break;
      if (words.size() == kMaxSteps) return TooMany(words);
      words.push_back(word);
    }
    Strings grams;
    std::string text;
    if (attrs_.ngram_size >= 1 && static_cast<size_t>(attrs_.ngram_size) <= words.size()) {
      size_t characters = 0;
      EDGEML_RETURN_IF_ERROR(ForEachGram(context, words, [&](std::span<const int32_t> gram) {
        size_t length = gram.size() - 1;
        for (const int32_t word : gram) length += words[static_cast<size_t>(word)].size();
        // No longer than the sentence: stands in for the text until there is memory for it.
        grams.push_back(sentence.substr(0, length));
        characters += length;
        return StringBufferBytes(grams.size(), characters).has_value();
      }));
      // Refuses what is over the memory cap, before the text is made.
      EDGEML_RETURN_IF_ERROR(Store(context, grams));
      text.reserve(characters);
      size_t number = 0;
      EDGEML_RETURN_IF_ERROR(ForEachGram(context, words, [&](std::span<const int32_t> gram) {
        const size_t start = text.size();
        for (const int32_t word : gram) {
          if (text.size() > start) text += ' ';
          text += words[static_cast<size_t>(word)];
        }
        grams[number] = std::string_view(text).substr(start);
        ++number;
        return true;
      }));
    }
    return Store(context, grams);
  }

 private:
  // Some half a million n-grams. LiteRT goes on for as long as it takes, which is exponential in
  // their size.
  static constexpr int64_t kMaxSteps = int64_t{1} << 20;

  Status TooMany(const Strings& words) const {
    return Error(Code::kResourceExhausted, "too many n-grams of ", attrs_.ngram_size,
                 " words in a sentence of ", words.size(), " or more");
  }
  // Until `fn` returns false, which is an error.
  Status ForEachGram(RunContext& context, const Strings& words,
                     FunctionRef<bool(std::span<const int32_t>)> fn) const {
    std::vector<int32_t> stack(static_cast<size_t>(attrs_.ngram_size));
    kernels::SkipGrams grams(attrs_.ngram_size, attrs_.max_skip_size, attrs_.include_all_ngrams,
                             static_cast<int32_t>(words.size()), stack.data());
    int64_t steps = kMaxSteps;
    while (true) {
      if (context.cancelled()) return Cancelled();
      const std::span<const int32_t> gram = grams.Next(steps);
      if (gram.empty() && steps > 0) return Status::Ok();
      if (gram.empty() || !fn(gram)) return TooMany(words);
    }
  }
  static Status Store(RunContext& context, const Strings& grams) {
    EDGEML_RETURN_IF_ERROR(context.ResizeOutput(0, Shape{static_cast<int32_t>(grams.size())}));
    return context.SetStringOutput(0, grams);
  }

  ir::SkipGramAttrs attrs_;
};

std::string DeclineHandle(const TensorView& view) {
  if (view.type == DType::kResource || view.type == DType::kInt32) return {};
  return Concat("the handle is ", NameOf(view.type));
}

std::string DeclineHashtable(const NodeView& view) { return DeclineHandle(view.outputs[0]); }

std::string DeclineHashtableSize(const NodeView& view) {
  if (view.outputs[0].type != DType::kInt64) return "the output is not int64";
  return DeclineHandle(view.inputs[0]);
}

std::string DeclinePairs(DType keys, DType values) {
  if ((keys == DType::kInt64 && values == DType::kString) ||
      (keys == DType::kString && values == DType::kInt64))
    return {};
  return Concat("keys of ", NameOf(keys), " and values of ", NameOf(values));
}

std::string DeclineHashtableFind(const NodeView& view) {
  if (std::string reason = DeclineHandle(view.inputs[0]); !reason.empty()) return reason;
  if (view.inputs[2].type != view.outputs[0].type)
    return Concat("the default value is ", NameOf(view.inputs[2].type), " but the output is ",
                  NameOf(view.outputs[0].type));
  return DeclinePairs(view.inputs[1].type, view.outputs[0].type);
}

std::string DeclineHashtableImport(const NodeView& view) {
  if (std::string reason = DeclineHandle(view.inputs[0]); !reason.empty()) return reason;
  return DeclinePairs(view.inputs[1].type, view.inputs[2].type);
}

std::string DeclineLookupKeys(const NodeView& view) {
  if (view.inputs[0].type != DType::kInt32 || view.inputs[1].type != DType::kInt32)
    return "lookup or keys are not int32";
  if (view.outputs[1].type != DType::kUInt8) return "the hits are not uint8";
  if (view.inputs[2].type != view.outputs[0].type)
    return Concat("values are ", NameOf(view.inputs[2].type), " but the output is ",
                  NameOf(view.outputs[0].type));
  return {};
}

std::string DeclineHashtableLookup(const NodeView& view) {
  if (std::string reason = DeclineLookupKeys(view); !reason.empty()) return reason;
  if (BitsOf(view.inputs[2].type) < 8)
    return Concat("moves no values of type ", NameOf(view.inputs[2].type));
  return {};
}

std::string DeclineHashtableLookupStrings(const NodeView& view) {
  if (std::string reason = DeclineLookupKeys(view); !reason.empty()) return reason;
  if (view.inputs[2].type != DType::kString || view.inputs[2].rank() != 1)
    return "the values are no vector of strings";
  return {};
}

std::string DeclineEmbeddingLookupSparse(const NodeView& view) {
  for (size_t i = 0; i < 3; ++i) {
    if (view.inputs[i].type != DType::kInt32)
      return Concat("input ", i, " is ", NameOf(view.inputs[i].type), ", expected int32");
  }
  for (const TensorView* tensor : {&view.inputs[3], &view.inputs[4], &view.outputs[0]}) {
    if (tensor->type != DType::kFloat32)
      return Concat("weights, table or output of ", NameOf(tensor->type), ", expected float32");
  }
  return {};
}

std::string DeclineLshProjection(const NodeView& view) {
  if (view.inputs[0].type != DType::kFloat32) return "the hash functions are not float32";
  if (view.inputs.size() > 2 && view.inputs[2].type != DType::kFloat32)
    return "the weights are not float32";
  if (view.outputs[0].type != DType::kInt32) return "the output is not int32";
  if (view.inputs[1].type != DType::kString && BitsOf(view.inputs[1].type) < 8)
    return Concat("an input of type ", NameOf(view.inputs[1].type));
  return {};
}

std::string DeclineSkipGram(const NodeView& view) {
  if (view.inputs[0].type != DType::kString || view.outputs[0].type != DType::kString)
    return "input or output is not of type string";
  return {};
}

constexpr ErrorBound kExact = ErrorBound::kExact;
constexpr bool kStrings = true;
constexpr KernelEntry kKernels[] = {

    {OpCode::kEmbeddingLookupSparse, "embedding_lookup_sparse.reference", kExact,
     DeclineEmbeddingLookupSparse, MakeStep<EmbeddingLookupSparseStep>},
    {OpCode::kHashtable, "hashtable.reference", kExact, DeclineHashtable, MakeStep<HashtableStep>},
    {OpCode::kHashtableFind,
     "hashtable_find.reference",
     kExact,
     DeclineHashtableFind,
     MakeStep<HashtableFindStep>,
     {},
     kStrings},
    {OpCode::kHashtableImport,
     "hashtable_import.reference",
     kExact,
     DeclineHashtableImport,
     MakeStep<HashtableImportStep>,
     {},
     kStrings},
    {OpCode::kHashtableLookup, "hashtable_lookup.reference", kExact, DeclineHashtableLookup,
     MakeStep<HashtableLookupStep>},
    {OpCode::kHashtableLookup,
     "hashtable_lookup.string.reference",
     kExact,
     DeclineHashtableLookupStrings,
     MakeStep<HashtableLookupStringsStep>,
     {},
     kStrings},
    {OpCode::kHashtableSize, "hashtable_size.reference", kExact, DeclineHashtableSize,
     MakeStep<HashtableSizeStep>},
    {OpCode::kLshProjection,
     "lsh_projection.reference",
     kExact,
     DeclineLshProjection,
     MakeStep<LshProjectionStep>,
     {},
     kStrings},
    {OpCode::kSkipGram,
     "skip_gram.reference",
     kExact,
     DeclineSkipGram,
     MakeStep<SkipGramStep>,
     {},
     kStrings},
};

}  // namespace

std::span<const KernelEntry> LookupKernels() { return ir::SelectedRows<kKernels>(); }

}  // namespace edgeml::backends
