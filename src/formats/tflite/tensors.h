// Tensors of the format into values of the graph.
#ifndef EDGEML_FORMATS_TFLITE_TENSORS_H_
#define EDGEML_FORMATS_TFLITE_TENSORS_H_

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "edgeml/status.h"
#include "src/formats/tflite/budget.h"
#include "src/ir/graph.h"
#include "tflite_generated.h"

namespace edgeml::tflite {

// The constant bytes of a file: its buffers, inside and outside of the FlatBuffer.
class BufferTable {
 public:
  BufferTable(std::shared_ptr<const void> owner, std::span<const std::byte> file,
              const fb::Model& model, Budget& budget)
      : owner_(std::move(owner)), file_(file), model_(model), budget_(budget) {}

  size_t size() const { return model_.buffers() == nullptr ? 0 : model_.buffers()->size(); }
  // The bytes of buffer `index`, aligned to `alignment` (copied if need be); absent when it holds
  // none. kInvalidModel when the index or the place in the file is out of range.
  Result<ir::ConstantData> Get(uint32_t index, size_t alignment);
  // Bytes outside of the FlatBuffer.
  Result<std::span<const std::byte>> Outside(uint64_t offset, uint64_t size) const;

  const std::shared_ptr<const void>& owner() const { return owner_; }

 private:
  std::shared_ptr<const void> owner_;
  std::span<const std::byte> file_;
  const fb::Model& model_;
  Budget& budget_;
  std::vector<ir::ConstantData> copies_;  // of misaligned buffers, by index; empty until needed
};

// Reads one tensor, except for block-wise scales, which are tensors themselves.
Status ReadTensor(const fb::Tensor& tensor, BufferTable& buffers, Budget& budget, ir::Value& value);

// Fills in the scales of block-wise quantized values, once all values are there.
Status ResolveBlockScales(const fb::Tensor& tensor, Budget& budget, size_t index,
                          std::vector<ir::Value>& values);

}  // namespace edgeml::tflite

#endif  // EDGEML_FORMATS_TFLITE_TENSORS_H_
