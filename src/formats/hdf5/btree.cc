#include "src/formats/hdf5/btree.h"

#include <limits>
#include <vector>

#include "src/base/strings.h"

namespace edgeml::hdf5 {
namespace {

// A node of each level has at least two children in a tree that grew; no file needs more.
constexpr int kMaxDepth = 32;

class Walker1 {
 public:
  Walker1(const Image& image, Tree1 type, int key_size, Budget& budget,
          FunctionRef<Status(std::span<const std::byte>, uint64_t)> visit)
      : image_(image), type_(type), key_size_(key_size), budget_(budget), visit_(visit) {}

  // `level` < 0: that of the root, which the node itself tells.
  Status Walk(uint64_t address, int level) {
    const auto offset = static_cast<uint64_t>(image_.offset_size);
    const uint64_t prefix = 8 + 2 * offset;
    EDGEML_ASSIGN_OR_RETURN(const std::span<const std::byte> head,
                            image_.SignedBlock(address, prefix, "TREE", false, budget_));
    Fields fields(image_, head);
    const uint8_t type = fields.Byte();
    const int own_level = fields.Byte();
    const uint64_t count = fields.Word();
    if (type != static_cast<uint8_t>(type_) || (level >= 0 && own_level != level) ||
        own_level > kMaxDepth)
      return Error(Code::kInvalidModel, "the tree node at address ", address,
                   " is of another kind or level than its place asks for");
    // Cannot overflow: the prefix lies in the file.
    const uint64_t size = count * (static_cast<uint64_t>(key_size_) + offset);
    EDGEML_RETURN_IF_ERROR(budget_.Charge(size));
    EDGEML_ASSIGN_OR_RETURN(const std::span<const std::byte> body,
                            image_.Block(address + prefix, size, "tree node"));
    Fields entries(image_, body);
    for (uint64_t i = 0; i < count; ++i) {
      const std::span<const std::byte> key = entries.Take(static_cast<uint64_t>(key_size_));
      const uint64_t child = entries.Offset();
      EDGEML_RETURN_IF_ERROR(own_level > 0 ? Walk(child, own_level - 1) : visit_(key, child));
    }
    return Status::Ok();
  }

 private:
  const Image& image_;
  Tree1 type_;
  int key_size_;
  Budget& budget_;
  FunctionRef<Status(std::span<const std::byte>, uint64_t)> visit_;
};

class Walker2 {
 public:
  Walker2(const Image& image, Tree2 type, Budget& budget,
          FunctionRef<Status(std::span<const std::byte>)> visit)
      : image_(image), type_(type), budget_(budget), visit_(visit) {}

  Status Walk(uint64_t address) {
    const uint64_t size =
        22 + static_cast<uint64_t>(image_.offset_size) + static_cast<uint64_t>(image_.length_size);
    EDGEML_ASSIGN_OR_RETURN(const std::span<const std::byte> head,
                            image_.SignedBlock(address, size, "BTHD", true, budget_));
    Fields fields(image_, head);
    const uint8_t version = fields.Byte();
    const uint8_t type = fields.Byte();
    node_size_ = fields.Dword();
    record_size_ = fields.Word();
    const int depth = fields.Word();
    fields.Skip(2);  // split and merge percentages
    const uint64_t root = fields.Offset();
    const uint64_t count = fields.Word();
    if (version != 0 || type != static_cast<uint8_t>(type_))
      return Error(Code::kInvalidModel, "the tree at address ", address,
                   " is of another kind than its place asks for");
    if (root == kNowhere || count == 0) return Status::Ok();
    EDGEML_RETURN_IF_ERROR(Measure(depth));
    return WalkNode(root, count, depth);
  }

 private:
  // How pointers to nodes of a level are stored in the level above.
  struct Level {
    uint64_t most_records = 0;  // in a node
    uint64_t most_below = 0;    // in it and all nodes below it
  };

  Status Measure(int depth) {
    constexpr uint64_t kOverhead = 10;  // signature, version, type, checksum
    const Status wrong =
        Error(Code::kInvalidModel, "a tree has nodes of ", node_size_, " bytes, records of ",
              record_size_, " bytes and ", depth, " levels, which cannot be");
    if (depth > kMaxDepth || record_size_ == 0 || node_size_ < kOverhead + record_size_)
      return wrong;
    const uint64_t most = (node_size_ - kOverhead) / record_size_;
    levels_.push_back({most, most});
    count_bytes_ = BytesFor(most);
    for (int d = 1; d <= depth; ++d) {
      const Level below = levels_.back();
      const uint64_t pointer = PointerBytes(d);
      if (node_size_ < kOverhead + pointer + record_size_ + pointer) return wrong;
      const uint64_t here = (node_size_ - kOverhead - pointer) / (record_size_ + pointer);
      if (below.most_below > std::numeric_limits<uint64_t>::max() / (here + 2)) return wrong;
      levels_.push_back({here, (here + 1) * below.most_below + here});
    }
    return Status::Ok();
  }

  // Bytes of a pointer from a node at `depth` to one below it.
  uint64_t PointerBytes(int depth) const {
    const int bytes = image_.offset_size + count_bytes_ + TotalBytes(depth);
    return static_cast<uint64_t>(bytes);
  }
  int TotalBytes(int depth) const {
    return depth > 1 ? BytesFor(levels_[static_cast<size_t>(depth - 1)].most_below) : 0;
  }

  Status WalkNode(uint64_t address, uint64_t count, int depth) {
    if (count > levels_[static_cast<size_t>(depth)].most_records)
      return Error(Code::kInvalidModel, "the tree node at address ", address, " says it has ",
                   count, " records, more than fit into it");
    const uint64_t records = count * record_size_;
    const uint64_t pointers = depth > 0 ? (count + 1) * PointerBytes(depth) : 0;
    EDGEML_ASSIGN_OR_RETURN(const std::span<const std::byte> node,
                            image_.SignedBlock(address, 6 + records + pointers + 4,
                                               depth > 0 ? "BTIN" : "BTLF", true, budget_));
    Fields fields(image_, node);
    const uint8_t version = fields.Byte();
    const uint8_t type = fields.Byte();
    if (version != 0 || type != static_cast<uint8_t>(type_))
      return Error(Code::kInvalidModel, "the tree node at address ", address,
                   " is of another kind than its tree");
    Fields record(image_, fields.Take(records));
    for (uint64_t i = 0; i < count + (depth > 0 ? 1 : 0); ++i) {
      if (depth > 0) {
        const uint64_t child = fields.Offset();
        const uint64_t below = fields.Uint(count_bytes_);
        fields.Skip(static_cast<uint64_t>(TotalBytes(depth)));
        EDGEML_RETURN_IF_ERROR(WalkNode(child, below, depth - 1));
      }
      if (i < count) EDGEML_RETURN_IF_ERROR(visit_(record.Take(record_size_)));
    }
    return Status::Ok();
  }

  const Image& image_;
  Tree2 type_;
  Budget& budget_;
  FunctionRef<Status(std::span<const std::byte>)> visit_;
  uint64_t node_size_ = 0, record_size_ = 0;
  int count_bytes_ = 0;
  std::vector<Level> levels_;  // by depth, leaves first
};

}  // namespace

Status WalkTree1(const Image& image, uint64_t address, Tree1 type, int key_size, Budget& budget,
                 FunctionRef<Status(std::span<const std::byte>, uint64_t)> visit) {
  return Walker1(image, type, key_size, budget, visit).Walk(address, -1);
}

Status WalkTree2(const Image& image, uint64_t address, Tree2 type, Budget& budget,
                 FunctionRef<Status(std::span<const std::byte>)> visit) {
  return Walker2(image, type, budget, visit).Walk(address);
}

}  // namespace edgeml::hdf5
