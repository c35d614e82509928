// Attributes (specification IV.A.2.m, IV.A.2.v).
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "src/base/strings.h"
#include "src/formats/hdf5/btree.h"
#include "src/formats/hdf5/session.h"

namespace edgeml::hdf5::internal {
namespace {

Result<Attribute> ParseAttribute(const Image& image, std::span<const std::byte> message) {
  Fields fields(image, message);
  const uint8_t version = fields.Byte();
  if (version < 1 || version > 3)
    return Error(Code::kUnsupported, "attributes of version ", version, " are not known");
  const uint8_t flags = fields.Byte();
  const uint64_t name_size = fields.Word();
  const uint64_t datatype_size = fields.Word();
  const uint64_t dataspace_size = fields.Word();
  if (version == 3) fields.Skip(1);  // character set of the name
  const auto take = [&](uint64_t size) {
    const std::span<const std::byte> part = fields.Take(size);
    if (version == 1) fields.Skip((8 - size % 8) % 8);
    return part;
  };
  Attribute out;
  const std::span<const std::byte> name = take(name_size);
  out.name.assign(reinterpret_cast<const char*>(name.data()), name.size());
  out.name.resize(std::min(out.name.size(), out.name.find('\0')));
  out.datatype = take(datatype_size);
  out.dataspace = take(dataspace_size);
  if (!fields.ok()) return Error(Code::kInvalidModel, "an attribute is cut short");
  if (out.name.empty()) return Error(Code::kInvalidModel, "an attribute has no name");
  out.data = fields.Take(fields.remaining());
  out.shared_datatype = version > 1 && (flags & 1u) != 0;
  out.shared_dataspace = version > 1 && (flags & 2u) != 0;
  return out;
}

Status ReadDense(const Image& image, std::span<const std::byte> info, Budget& budget,
                 std::vector<Attribute>& attributes) {
  constexpr uint64_t kHeapId = 8;
  Fields fields(image, info);
  if (fields.Byte() != 0) return Error(Code::kUnsupported, "an unknown version of attribute info");
  if ((fields.Byte() & 1u) != 0) fields.Skip(2);  // largest creation order
  const uint64_t heap_address = fields.Offset();
  const uint64_t tree = fields.Offset();
  if (!fields.ok()) return Error(Code::kInvalidModel, "its attribute info message is cut short");
  if (heap_address == kNowhere) return Status::Ok();
  EDGEML_ASSIGN_OR_RETURN(FractalHeap heap, FractalHeap::Open(image, heap_address, budget));
  return WalkTree2(
      image, tree, Tree2::kAttributeNames, budget, [&](std::span<const std::byte> record) {
        Fields parts(image, record);
        const std::span<const std::byte> id = parts.Take(kHeapId);
        const uint8_t flags = parts.Byte();
        const uint32_t order = parts.Dword();
        if (!parts.ok()) return Error(Code::kInvalidModel, "a record of attributes is cut short");
        EDGEML_ASSIGN_OR_RETURN(std::span<const std::byte> message, heap.Get(image, id, budget));
        if ((flags & 2u) != 0) {
          EDGEML_ASSIGN_OR_RETURN(message,
                                  ReadShared(image, MessageType::kAttribute, message, budget));
        }
        EDGEML_ASSIGN_OR_RETURN(Attribute attribute, ParseAttribute(image, message));
        EDGEML_RETURN_IF_ERROR(budget.Charge(attribute.name.size()));
        attribute.order = order;
        attributes.push_back(std::move(attribute));
        return Status::Ok();
      });
}

}  // namespace

const Attribute* ObjectData::FindAttribute(std::string_view name) const {
  const auto found = std::find_if(attributes.begin(), attributes.end(),
                                  [&](const Attribute& a) { return a.name == name; });
  return found == attributes.end() ? nullptr : &*found;
}

Result<std::vector<Attribute>> ReadAttributes(const Image& image, const ObjectHeader& header,
                                              Budget& budget) {
  std::vector<Attribute> attributes;
  for (const Message& message : header.messages) {
    if (message.type == MessageType::kAttribute) {
      EDGEML_ASSIGN_OR_RETURN(const std::span<const std::byte> content,
                              ContentOf(image, message, budget));
      EDGEML_ASSIGN_OR_RETURN(Attribute attribute, ParseAttribute(image, content));
      attribute.order = message.order;
      attributes.push_back(std::move(attribute));
    } else if (message.type == MessageType::kAttributeInfo) {
      EDGEML_RETURN_IF_ERROR(ReadDense(image, message.data, budget, attributes));
    }
  }
  // Without an order stored, all are 0 and stay as they are.
  std::stable_sort(attributes.begin(), attributes.end(),
                   [](const Attribute& a, const Attribute& b) { return a.order < b.order; });
  return attributes;
}

Result<Stored> ReadAttributeData(const Session& session, const Attribute& attribute) {
  Budget budget = session.FreshBudget();
  std::span<const std::byte> datatype = attribute.datatype, dataspace = attribute.dataspace;
  if (attribute.shared_datatype) {
    EDGEML_ASSIGN_OR_RETURN(datatype,
                            ReadShared(session.image, MessageType::kDatatype, datatype, budget));
  }
  if (attribute.shared_dataspace) {
    EDGEML_ASSIGN_OR_RETURN(dataspace,
                            ReadShared(session.image, MessageType::kDataspace, dataspace, budget));
  }
  Stored out;
  EDGEML_ASSIGN_OR_RETURN(out.type, ParseDatatype(session.image, datatype));
  EDGEML_ASSIGN_OR_RETURN(const Dataspace space, ParseDataspace(session.image, dataspace));
  if (out.type.type == DType::kInvalid)
    return Error(Code::kUnsupported, out.type.name, " are not read");
  out.info.type = out.type.type;
  out.info.is_null = space.is_null;
  EDGEML_ASSIGN_OR_RETURN(out.info.shape, ShapeOf(space));
  EDGEML_ASSIGN_OR_RETURN(out.count, CountOf(space));
  if (out.count > attribute.data.size() / out.type.size)
    return Error(Code::kInvalidModel, "its ", out.count, " elements of ", out.type.size,
                 " bytes are more than is stored");
  out.owner = session.owner;
  out.bytes = attribute.data.first(static_cast<size_t>(out.count * out.type.size));
  return out;
}

}  // namespace edgeml::hdf5::internal
