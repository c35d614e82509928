#include "src/compress/quantize/feeding.h"

#include <cstring>
#include <vector>

#include "src/base/strings.h"
#include "src/data/preprocess.h"

namespace edgeml::quantize {
namespace {

Status Set(const TensorView& input, const data::Array& array) {
  const std::vector<uint8_t>* bytes = &array.bytes;
  std::vector<uint8_t> stored;
  if (input.type != array.type) {
    if (array.type != DType::kFloat32 || !input.quantized())
      return Error(Code::kInvalidArgument, "takes ", NameOf(input.type), ", not ",
                   NameOf(array.type));
    EDGEML_ASSIGN_OR_RETURN(stored, data::StoreValues(data::ToDoubles(array), input.type,
                                                      input.scale(), input.zero_point()));
    bytes = &stored;
  }
  if (CheckedByteSize(input.shape, input.type) != bytes->size())
    return Error(Code::kInternal, "takes other than ", bytes->size(), " bytes");
  if (!bytes->empty()) std::memcpy(input.data, bytes->data(), bytes->size());
  return Status::Ok();
}

}  // namespace

Status FeedSample(runtime::GraphExecutor& executor, std::span<const data::Array> sample) {
  if (sample.size() != static_cast<size_t>(executor.num_inputs()))
    return Error(Code::kInvalidArgument, "gives ", sample.size(), " arrays; the model has ",
                 executor.num_inputs(), " inputs");
  for (size_t i = 0; i < sample.size(); ++i)
    EDGEML_RETURN_IF_ERROR(executor.SetInputShape(static_cast<int>(i), sample[i].shape));
  EDGEML_RETURN_IF_ERROR(executor.Prepare());
  executor.ResetState();
  for (size_t i = 0; i < sample.size(); ++i)
    EDGEML_RETURN_IF_ERROR(
        Set(executor.input(static_cast<int>(i)), sample[i]).WithContext(Concat("input ", i)));
  return Status::Ok();
}

}  // namespace edgeml::quantize
