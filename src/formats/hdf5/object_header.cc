#include "src/formats/hdf5/object_header.h"

#include <algorithm>
#include <cstring>
#include <deque>

#include "src/base/strings.h"

namespace edgeml::hdf5 {
namespace {

constexpr uint8_t kFailIfUnknown = 0x80;

struct Part {
  uint64_t address = 0, size = 0;
};

class Parser {
 public:
  Parser(const Image& image, Budget& budget) : image_(image), budget_(budget) {}

  Result<ObjectHeader> Parse(uint64_t address) {
    EDGEML_ASSIGN_OR_RETURN(const std::span<const std::byte> start,
                            image_.Block(address, 4, "object header"));
    const bool second = std::memcmp(start.data(), "OHDR", 4) == 0;
    EDGEML_RETURN_IF_ERROR(second ? ParseVersion2(address) : ParseVersion1(address));
    return std::move(header_);
  }

 private:
  Status ParseVersion1(uint64_t address) {
    constexpr uint64_t kPrefix = 16;
    EDGEML_ASSIGN_OR_RETURN(const std::span<const std::byte> prefix,
                            image_.Block(address, kPrefix, "object header"));
    Fields fields(image_, prefix);
    if (fields.Byte() != 1)
      return Error(Code::kInvalidModel, "there is no object header at address ", address);
    fields.Skip(1);
    left_ = fields.Word();
    fields.Skip(4);  // reference count
    // Cannot overflow: a block of 16 bytes is there.
    parts_.push_back({address + kPrefix, fields.Dword()});
    while (!parts_.empty()) {
      const Part part = parts_.front();
      parts_.pop_front();
      EDGEML_RETURN_IF_ERROR(budget_.Charge(part.size));
      EDGEML_ASSIGN_OR_RETURN(const std::span<const std::byte> block,
                              image_.Block(part.address, part.size, "object header"));
      Fields messages(image_, block);
      while (messages.remaining() >= 8 && left_ > 0) {
        --left_;
        Message message;
        message.type = static_cast<MessageType>(messages.Word());
        const uint16_t size = messages.Word();
        message.flags = messages.Byte();
        messages.Skip(3);
        message.data = messages.Take(size);
        if (!messages.ok()) return Cut();
        EDGEML_RETURN_IF_ERROR(Add(message));
      }
    }
    return Status::Ok();
  }

  Status ParseVersion2(uint64_t address) {
    // The largest prefix; a smaller one is followed by at least a checksum.
    const std::span<const std::byte> rest = image_.bytes.subspan(static_cast<size_t>(address));
    Fields prefix(image_, rest);
    prefix.Skip(4);
    if (const uint8_t version = prefix.Byte(); version != 2)
      return Error(Code::kUnsupported, "object header version ", version, " is not known");
    const uint8_t flags = prefix.Byte();
    if ((flags & 0x20u) != 0) prefix.Skip(16);  // times
    if ((flags & 0x10u) != 0) prefix.Skip(4);   // limits of compact storage
    const uint64_t size = prefix.Uint(1 << (flags & 3u));
    if (!prefix.ok()) return Cut();
    header_.has_order = (flags & 4u) != 0;
    const uint64_t start = rest.size() - prefix.remaining();
    if (size > prefix.remaining() || prefix.remaining() - size < 4) return Cut();
    EDGEML_RETURN_IF_ERROR(budget_.Charge(start + size + 4));
    EDGEML_RETURN_IF_ERROR(
        CompareChecksum(rest.first(static_cast<size_t>(start + size + 4)), "object header"));
    EDGEML_RETURN_IF_ERROR(
        AddMessages(rest.subspan(static_cast<size_t>(start), static_cast<size_t>(size))));
    while (!parts_.empty()) {
      const Part part = parts_.front();
      parts_.pop_front();
      EDGEML_ASSIGN_OR_RETURN(const std::span<const std::byte> block,
                              image_.SignedBlock(part.address, part.size, "OCHK", true, budget_));
      EDGEML_RETURN_IF_ERROR(AddMessages(block));
    }
    return Status::Ok();
  }

  // What is left at the end may be a gap, too small for a message.
  Status AddMessages(std::span<const std::byte> block) {
    Fields fields(image_, block);
    const size_t prefix = header_.has_order ? 6 : 4;
    while (fields.remaining() >= prefix) {
      Message message;
      message.type = static_cast<MessageType>(fields.Byte());
      const uint16_t size = fields.Word();
      message.flags = fields.Byte();
      if (header_.has_order) message.order = fields.Word();
      message.data = fields.Take(size);
      if (!fields.ok()) return Cut();
      EDGEML_RETURN_IF_ERROR(Add(message));
    }
    return Status::Ok();
  }

  Status Add(const Message& message) {
    if (message.type == MessageType::kNil) return Status::Ok();
    if (message.type == MessageType::kContinuation) {
      Fields fields(image_, message.data);
      const uint64_t address = fields.Offset();
      const uint64_t size = fields.Length();
      if (!fields.ok()) return Cut();
      parts_.push_back({address, size});
      return Status::Ok();
    }
    if (message.type > MessageType{24} && (message.flags & kFailIfUnknown) != 0)
      return Error(Code::kUnsupported, "header messages of type ",
                   static_cast<uint16_t>(message.type), " are not known");
    header_.messages.push_back(message);
    return Status::Ok();
  }

  static Status Cut() {
    return Error(Code::kInvalidModel, "its object header ends in the middle of a message");
  }

  const Image& image_;
  Budget& budget_;
  ObjectHeader header_;
  std::deque<Part> parts_;
  uint32_t left_ = 0;  // messages, version 1
};

}  // namespace

const Message* ObjectHeader::Find(MessageType type) const {
  const auto found = std::find_if(messages.begin(), messages.end(),
                                  [&](const Message& m) { return m.type == type; });
  return found == messages.end() ? nullptr : &*found;
}

Result<ObjectHeader> ReadObjectHeader(const Image& image, uint64_t address, Budget& budget) {
  return Parser(image, budget).Parse(address);
}

Result<std::span<const std::byte>> ReadShared(const Image& image, MessageType type,
                                              std::span<const std::byte> reference,
                                              Budget& budget) {
  Fields fields(image, reference);
  const uint8_t version = fields.Byte();
  const uint8_t place = fields.Byte();
  if (version == 1) fields.Skip(6);
  if (version < 1 || version > 3)
    return Error(Code::kUnsupported, "shared messages of version ", version, " are not known");
  if (version == 3 && place == 1)
    return Error(
        Code::kUnsupported,
        "the file keeps messages in a table for the whole file, which is not read; save it "
        "without shared object header messages");
  if (version == 3 && place != 2)
    return Error(Code::kInvalidModel, "a shared message says that it is not shared");
  const uint64_t address = fields.Offset();
  if (!fields.ok()) return Error(Code::kInvalidModel, "a shared message is cut short");
  EDGEML_ASSIGN_OR_RETURN(const ObjectHeader header, ReadObjectHeader(image, address, budget));
  const Message* found = header.Find(type);
  if (found == nullptr || found->is_shared())
    return Error(Code::kInvalidModel, "the object at address ", address,
                 " lacks the message that another shares with it");
  return found->data;
}

Result<std::span<const std::byte>> ContentOf(const Image& image, const Message& message,
                                             Budget& budget) {
  if (!message.is_shared()) return message.data;
  return ReadShared(image, message.type, message.data, budget);
}

}  // namespace edgeml::hdf5
