#include "src/backends/reference/movement.h"

#include <cstring>

#include "src/base/strings.h"

namespace edgeml::backends {

using runtime::NodeView;

std::string DeclineUnmovable(const TensorView& view) {
  if (BitsOf(view.type) == 0) return Concat("moves no tensor of type ", NameOf(view.type));
  return {};
}

std::string DeclineUnlessMoved(const NodeView& view, size_t input) {
  const DType type = view.inputs[input].type;
  for (const TensorView& output : view.outputs) {
    if (output.type != type)
      return Concat("input is ", NameOf(type), " but output is ", NameOf(output.type));
  }
  return DeclineUnmovable(view.inputs[input]);
}

std::string DeclineUnlessIndex(const NodeView& view, size_t i) {
  const DType type = view.inputs[i].type;
  if (type == DType::kInt32 || type == DType::kInt64) return {};
  return Concat("input ", i, " is ", NameOf(type), ", expected int32 or int64");
}

std::string DeclineRequantization(const TensorView& a, const TensorView& b) {
  if (a.scale() == b.scale() && a.zero_point() == b.zero_point()) return {};
  return "input and output are quantized differently";
}

Status FaultStatus(const kernels::IndexFault& fault) {
  if (!fault.found()) return Status::Ok();
  return Error(Code::kInvalidArgument, "index ", fault.value, " at position ", fault.at,
               " is out of range");
}

void CopyBetween(const kernels::StridedCopy& copy, const TensorView& source,
                 const TensorView& target) {
  if (copy.empty()) return;
  const int bits = BitsOf(source.type);
  if (copy.contiguous() && bits % 8 == 0) {
    const int64_t bytes = bits / 8;
    if (source.as<uint8_t>() + copy.source_offset() * bytes ==
        target.as<uint8_t>() + copy.target_offset() * bytes)
      return;
  }
  kernels::CopyStrided(copy, source.data, target.data, bits);
}

void CopyWhole(const TensorView& source, const TensorView& target) {
  if (source.data == target.data) return;
  const int64_t bits = source.num_elements() * BitsOf(source.type);
  if (bits > 0) std::memmove(target.data, source.data, static_cast<size_t>((bits + 7) / 8));
}

}  // namespace edgeml::backends
