// Object headers: the messages that make up an object.
#ifndef EDGEML_FORMATS_HDF5_OBJECT_HEADER_H_
#define EDGEML_FORMATS_HDF5_OBJECT_HEADER_H_

#include <cstdint>
#include <span>
#include <vector>

#include "edgeml/status.h"
#include "src/formats/hdf5/image.h"

namespace edgeml::hdf5 {

enum class MessageType : uint16_t {
  kNil = 0,
  kDataspace = 1,
  kLinkInfo = 2,
  kDatatype = 3,
  kOldFillValue = 4,
  kFillValue = 5,
  kLink = 6,
  kExternalFiles = 7,
  kLayout = 8,
  kGroupInfo = 10,
  kFilters = 11,
  kAttribute = 12,
  kContinuation = 16,
  kSymbolTable = 17,
  kDriverInfo = 20,
  kAttributeInfo = 21,
};

struct Message {
  MessageType type = MessageType::kNil;
  uint8_t flags = 0;
  uint16_t order = 0;               // of its creation among those of its type, 0 when not stored
  std::span<const std::byte> data;  // may have padding behind

  bool is_shared() const { return (flags & 2u) != 0; }
};

struct ObjectHeader {
  std::vector<Message> messages;  // without kNil and kContinuation
  bool has_order = false;

  // The first of that type; null when there is none.
  const Message* Find(MessageType type) const;
};

// Specification IV.A.1 and IV.A.2.q, versions 1 and 2.
Result<ObjectHeader> ReadObjectHeader(const Image& image, uint64_t address, Budget& budget);

// The content of a message that stands in another object's header (IV.A.2, "Shared Message");
// kUnsupported for the file-wide heap of shared messages.
Result<std::span<const std::byte>> ReadShared(const Image& image, MessageType type,
                                              std::span<const std::byte> reference, Budget& budget);
// That of any message.
Result<std::span<const std::byte>> ContentOf(const Image& image, const Message& message,
                                             Budget& budget);

}  // namespace edgeml::hdf5

#endif  // EDGEML_FORMATS_HDF5_OBJECT_HEADER_H_
