// Resource variables and lookup tables of a session, shared by the sessions made from it for other
// graphs.
#ifndef EDGEML_RUNTIME_RESOURCES_H_
#define EDGEML_RUNTIME_RESOURCES_H_

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "src/runtime/backend.h"
#include "src/runtime/lookup_table.h"

namespace edgeml::runtime {

class Resources : public ResourceStore {
 public:
  explicit Resources(size_t memory_cap) : memory_cap_(memory_cap) {}

  int32_t VariableId(const std::string& container, const std::string& name) override;
  Status Assign(int32_t id, const TensorView& value) override;
  Result<TensorView> Read(int32_t id) override;
  bool initialized(int32_t graph) const override { return initialized_.count(graph) > 0; }
  void SetInitialized(int32_t graph) override { initialized_.insert(graph); }
  Status MakeTable(int32_t id, DType key_type, DType value_type) override;
  Status FillTable(int32_t id, DType key_type, std::span<const int64_t> numbers,
                   std::span<const std::string_view> strings) override;
  Result<const LookupTable*> Table(int32_t id) const override;

  // Forgets every value, every table and that initializers ran; ids of variables stay.
  void Clear();
  size_t bytes() const;

 private:
  struct Variable {
    std::string name;
    bool assigned = false;
    DType type = DType::kInvalid;
    Shape shape;
    Quantization quantization;
    std::vector<std::byte> data;
  };
  size_t memory_cap_;
  std::map<std::pair<std::string, std::string>, int32_t> ids_;
  std::vector<std::unique_ptr<Variable>> variables_;
  std::map<int32_t, LookupTable> tables_;
  std::set<int32_t> initialized_;
};

}  // namespace edgeml::runtime

#endif  // EDGEML_RUNTIME_RESOURCES_H_
