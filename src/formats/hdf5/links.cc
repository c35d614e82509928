// The links of groups: symbol tables of old ones (specification III.B, III.C), link messages in the
// header or in a heap of new ones (IV.A.2.c, IV.A.2.g).
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "src/base/strings.h"
#include "src/formats/hdf5/btree.h"
#include "src/formats/hdf5/session.h"

namespace edgeml::hdf5::internal {
namespace {

std::string Text(std::span<const std::byte> bytes) {
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

Status ReadSymbols(const Image& image, uint64_t address, const LocalHeap& heap, Budget& budget,
                   std::vector<Link>& links) {
  const uint64_t entry_size =
      24 + static_cast<uint64_t>(image.length_size) + static_cast<uint64_t>(image.offset_size);
  EDGEML_ASSIGN_OR_RETURN(const std::span<const std::byte> head,
                          image.SignedBlock(address, 8, "SNOD", false, budget));
  Fields prefix(image, head);
  if (prefix.Byte() != 1) return Error(Code::kUnsupported, "an unknown version of symbol tables");
  prefix.Skip(1);
  const uint64_t size = prefix.Word() * entry_size;
  EDGEML_RETURN_IF_ERROR(budget.Charge(size));
  EDGEML_ASSIGN_OR_RETURN(const std::span<const std::byte> body,
                          image.Block(address + 8, size, "symbol table"));
  Fields fields(image, body);
  while (fields.remaining() > 0) {
    const uint64_t name = fields.Length();
    Link link;
    link.address = fields.Offset();
    const uint32_t cached = fields.Dword();
    fields.Skip(4);
    Fields scratch(image, fields.Take(16));
    EDGEML_ASSIGN_OR_RETURN(const std::string_view text, heap.Text(name));
    EDGEML_RETURN_IF_ERROR(budget.Charge(text.size()));
    link.name = text;
    if (cached == 2) {
      link.kind = LinkKind::kSoft;
      link.address = 0;
      EDGEML_ASSIGN_OR_RETURN(const std::string_view target, heap.Text(scratch.Dword()));
      EDGEML_RETURN_IF_ERROR(budget.Charge(target.size()));
      link.target = target;
    }
    links.push_back(std::move(link));
  }
  return Status::Ok();
}

Status ReadOldGroup(const Image& image, std::span<const std::byte> message, Budget& budget,
                    std::vector<Link>& links) {
  Fields fields(image, message);
  const uint64_t tree = fields.Offset();
  const uint64_t names = fields.Offset();
  if (!fields.ok()) return Error(Code::kInvalidModel, "its symbol table message is cut short");
  EDGEML_ASSIGN_OR_RETURN(const LocalHeap heap, LocalHeap::Open(image, names, budget));
  return WalkTree1(image, tree, Tree1::kGroup, image.length_size, budget,
                   [&](std::span<const std::byte>, uint64_t node) {
                     return ReadSymbols(image, node, heap, budget, links);
                   });
}

Result<Link> ParseLink(const Image& image, std::span<const std::byte> message) {
  enum : uint8_t { kHardLink = 0, kSoftLink = 1, kExternalLink = 64 };
  const Status cut = Error(Code::kInvalidModel, "a link message is cut short");
  Fields fields(image, message);
  if (const uint8_t version = fields.Byte(); version != 1)
    return Error(Code::kUnsupported, "links of version ", version, " are not known");
  const uint8_t flags = fields.Byte();
  const uint8_t type = (flags & 8u) != 0 ? fields.Byte() : uint8_t{kHardLink};
  Link link;
  link.has_order = (flags & 4u) != 0;
  if (link.has_order) link.creation_order = fields.Uint(8);
  if ((flags & 16u) != 0) fields.Skip(1);  // character set
  const uint64_t name_size = fields.Uint(1 << (flags & 3u));
  link.name = Text(fields.Take(name_size));
  if (!fields.ok()) return cut;
  if (type == kHardLink) {
    link.address = fields.Offset();
    if (!fields.ok()) return cut;
    return link;
  }
  const std::span<const std::byte> value = fields.Take(fields.Word());
  if (!fields.ok()) return cut;
  if (type == kSoftLink) {
    link.kind = LinkKind::kSoft;
    link.target = Text(value);
  } else if (type == kExternalLink) {
    link.kind = LinkKind::kExternal;
    // Version and flags, then two texts that end with a zero byte.
    std::string texts = Text(value.subspan(value.empty() ? 0 : 1));
    if (texts.ends_with('\0')) texts.pop_back();
    std::replace(texts.begin(), texts.end(), '\0', ':');
    link.target = std::move(texts);
  } else {
    link.kind = LinkKind::kUserDefined;
  }
  return link;
}

Status ReadDenseLinks(const Image& image, std::span<const std::byte> info, Budget& budget,
                      std::vector<Link>& links) {
  constexpr uint64_t kHash = 4;
  Fields fields(image, info);
  if (fields.Byte() != 0) return Error(Code::kUnsupported, "an unknown version of link info");
  if ((fields.Byte() & 1u) != 0) fields.Skip(8);  // largest creation order
  const uint64_t heap_address = fields.Offset();
  const uint64_t tree = fields.Offset();
  if (!fields.ok()) return Error(Code::kInvalidModel, "its link info message is cut short");
  if (heap_address == kNowhere) return Status::Ok();
  EDGEML_ASSIGN_OR_RETURN(FractalHeap heap, FractalHeap::Open(image, heap_address, budget));
  return WalkTree2(image, tree, Tree2::kLinkNames, budget, [&](std::span<const std::byte> record) {
    if (record.size() < kHash) return Error(Code::kInvalidModel, "a record of links is cut short");
    EDGEML_ASSIGN_OR_RETURN(const std::span<const std::byte> message,
                            heap.Get(image, record.subspan(kHash), budget));
    EDGEML_RETURN_IF_ERROR(budget.Charge(message.size()));
    EDGEML_ASSIGN_OR_RETURN(Link link, ParseLink(image, message));
    links.push_back(std::move(link));
    return Status::Ok();
  });
}

}  // namespace

Result<std::vector<Link>> ReadLinks(const Image& image, const ObjectHeader& header,
                                    Budget& budget) {
  std::vector<Link> links;
  for (const Message& message : header.messages) {
    switch (message.type) {
      case MessageType::kSymbolTable:
        EDGEML_RETURN_IF_ERROR(ReadOldGroup(image, message.data, budget, links));
        break;
      case MessageType::kLinkInfo:
        EDGEML_RETURN_IF_ERROR(ReadDenseLinks(image, message.data, budget, links));
        break;
      case MessageType::kLink: {
        EDGEML_ASSIGN_OR_RETURN(Link link, ParseLink(image, message.data));
        links.push_back(std::move(link));
        break;
      }
      default:
        break;
    }
  }
  std::stable_sort(links.begin(), links.end(),
                   [](const Link& a, const Link& b) { return a.name < b.name; });
  for (size_t i = 0; i < links.size(); ++i) {
    if (links[i].name.empty()) return Error(Code::kInvalidModel, "a link has no name");
    if (i > 0 && links[i].name == links[i - 1].name)
      return Error(Code::kInvalidModel, "two links have the name '", links[i].name, "'");
  }
  return links;
}

}  // namespace edgeml::hdf5::internal
