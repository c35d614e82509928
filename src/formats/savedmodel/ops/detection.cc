// Choosing among boxes that overlap.
#include <limits>

#include "src/base/strings.h"
#include "src/formats/savedmodel/op.h"

namespace edgeml::savedmodel {
namespace {

using ir::OpCode;

// The first `count` (of rank 0) of a list.
Result<int32_t> First(Op& op, int32_t list, int32_t count) {
  EDGEML_ASSIGN_OR_RETURN(const int32_t size, op.Reshape(count, {1}));
  EDGEML_ASSIGN_OR_RETURN(
      const std::vector<int32_t> made,
      op.b.Add(OpCode::kSlice, {list, op.b.AddInts({0}), size}, {},
               {{op.b.type(list), op.b.value(list).name, Shape{kUnknownDim}, {}}}));
  return made[0];
}

// Boxes, scores, number of selections, then the thresholds that the version has. Our operators
// always fill up with zeros; TensorFlow's do where `pad_to_max_output_size` says so.
Status LowerNonMaxSuppression(Op& op) {
  const int version = op.node.op.back() - '0';  // 2 to 5
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(version == 2 ? 4 : version == 5 ? 6 : 5));
  const bool padded = version >= 4 && op.attrs.Bool("pad_to_max_output_size", false);
  std::vector<int32_t> inputs = op.in;
  EDGEML_ASSIGN_OR_RETURN(inputs[2], op.Index32(2));
  if (version == 2) inputs.push_back(op.Float(-std::numeric_limits<float>::infinity()));
  const bool soft = version == 5;
  std::vector<ir::GraphBuilder::Output> outputs = {{DType::kInt32, op.node.name, {}, {}}};
  if (soft) outputs.push_back({DType::kFloat32, Concat(op.node.name, ":1"), {}, {}});
  outputs.push_back({DType::kInt32, Concat(op.node.name, ":", outputs.size()), {}, {}});
  EDGEML_ASSIGN_OR_RETURN(
      std::vector<int32_t> made,
      op.b.Add(soft ? OpCode::kNonMaxSuppressionV5 : OpCode::kNonMaxSuppressionV4,
               std::move(inputs), {}, std::move(outputs)));
  for (size_t i = 0; i + 1 < made.size() && !padded; ++i) {
    EDGEML_ASSIGN_OR_RETURN(made[i], First(op, made[i], made.back()));
  }
  if (version < 4) made.pop_back();
  return op.ReturnAll(std::move(made));
}

constexpr OpEntry kOps[] = {
    {"NonMaxSuppressionV2", LowerNonMaxSuppression},
    {"NonMaxSuppressionV3", LowerNonMaxSuppression},
    {"NonMaxSuppressionV4", LowerNonMaxSuppression},
    {"NonMaxSuppressionV5", LowerNonMaxSuppression},
};

}  // namespace

std::span<const OpEntry> DetectionOps() { return kOps; }

}  // namespace edgeml::savedmodel
