#include "src/formats/hdf5/file.h"

#include <algorithm>
#include <set>
#include <utility>

#include "src/base/strings.h"
#include "src/formats/hdf5/session.h"

namespace edgeml::hdf5 {

using internal::ObjectData;
using internal::Session;
using internal::Stored;

namespace internal {
namespace {

Result<ObjectKind> KindOf(const ObjectHeader& header) {
  const auto has = [&](MessageType type) { return header.Find(type) != nullptr; };
  if (has(MessageType::kLayout)) {
    if (!has(MessageType::kDatatype) || !has(MessageType::kDataspace))
      return Error(Code::kInvalidModel, "the dataset lacks its datatype or its dataspace");
    return ObjectKind::kDataset;
  }
  if (has(MessageType::kSymbolTable) || has(MessageType::kLinkInfo) || has(MessageType::kLink) ||
      has(MessageType::kGroupInfo))
    return ObjectKind::kGroup;
  if (has(MessageType::kDatatype)) return ObjectKind::kDatatype;
  return Error(Code::kUnsupported, "it is neither a group nor a dataset nor a datatype");
}

}  // namespace

Result<std::shared_ptr<const ObjectData>> OpenObject(Session& session, uint64_t address) {
  const auto known = session.objects.find(address);
  if (known != session.objects.end()) return known->second;
  auto data = std::make_shared<ObjectData>();
  data->address = address;
  EDGEML_ASSIGN_OR_RETURN(data->header, ReadObjectHeader(session.image, address, session.budget));
  EDGEML_ASSIGN_OR_RETURN(data->kind, KindOf(data->header));
  EDGEML_ASSIGN_OR_RETURN(data->attributes,
                          ReadAttributes(session.image, data->header, session.budget));
  for (const Attribute& attribute : data->attributes)
    data->attribute_names.push_back(attribute.name);
  session.objects.emplace(address, data);
  return std::shared_ptr<const ObjectData>(std::move(data));
}

// The links of a group, parsed at the first call.
Result<const std::vector<Link>*> LinksOf(Session& session, const ObjectData& object) {
  const auto known = session.links.find(object.address);
  if (known != session.links.end()) return &known->second;
  EDGEML_ASSIGN_OR_RETURN(std::vector<Link> links,
                          ReadLinks(session.image, object.header, session.budget));
  return &session.links.emplace(object.address, std::move(links)).first->second;
}

const Link* FindLink(const std::vector<Link>& links, std::string_view name) {
  const auto found =
      std::lower_bound(links.begin(), links.end(), name,
                       [](const Link& link, std::string_view n) { return link.name < n; });
  return found == links.end() || found->name != name ? nullptr : &*found;
}

}  // namespace internal

namespace {

std::string Join(std::string_view parent, std::string_view name) {
  return parent == "/" ? Concat("/", name) : Concat(parent, "/", name);
}

Status At(std::string_view path, const Status& status) {
  return Status(status).WithContext(Concat("'", path, "'"));
}

Status At(std::string_view path, std::string_view attribute, const Status& status) {
  return Status(status).WithContext(Concat("attribute '", attribute, "' of '", path, "'"));
}

Status TooDeep(std::string_view path) {
  return At(path, Error(Code::kInvalidModel, "paths of more than ", kMaxPathParts, " names or ",
                        kMaxPathBytes, " bytes are not read"));
}

// Takes the first name off a path; empty when there is none left.
std::string_view TakeName(std::string_view& path) {
  const size_t begin = std::min(path.find_first_not_of('/'), path.size());
  const size_t end = std::min(path.find('/', begin), path.size());
  const std::string_view name = path.substr(begin, end - begin);
  path.remove_prefix(end);
  return name;
}

}  // namespace

ObjectKind Object::kind() const { return data_->kind; }
uint64_t Object::id() const { return data_->address; }

Result<std::vector<Link>> Object::Links(Order order) const {
  if (kind() != ObjectKind::kGroup)
    return At(path_, Error(Code::kInvalidArgument, "only groups have links"));
  const Result<const std::vector<Link>*> by_name = internal::LinksOf(*session_, *data_);
  if (!by_name.ok()) return At(path_, by_name.status());
  std::vector<Link> links = **by_name;
  const bool ordered =
      std::all_of(links.begin(), links.end(), [](const Link& link) { return link.has_order; });
  if (order == Order::kCreation && ordered)
    std::stable_sort(links.begin(), links.end(), [](const Link& a, const Link& b) {
      return a.creation_order < b.creation_order;
    });
  return links;
}

bool Object::HasLink(std::string_view name) const {
  if (kind() != ObjectKind::kGroup) return false;
  const Result<const std::vector<Link>*> links = internal::LinksOf(*session_, *data_);
  return links.ok() && internal::FindLink(**links, name) != nullptr;
}

Result<Object> Object::Follow(const Link& link) const {
  if (path_.size() + link.name.size() > kMaxPathBytes) return TooDeep(path_);
  Object child = *this;
  child.path_ = Join(path_, link.name);
  Result<std::shared_ptr<const ObjectData>> data = internal::OpenObject(*session_, link.address);
  if (!data.ok()) return At(child.path_, data.status());
  child.data_ = *std::move(data);
  return child;
}

Result<Object> Object::Find(std::string_view path) const {
  Object at = *this;
  const auto to_root = [&]() -> Status {
    EDGEML_ASSIGN_OR_RETURN(at.data_, internal::OpenObject(*session_, session_->root));
    at.path_ = "/";
    return Status::Ok();
  };
  std::string left(path);  // what is still to be walked; soft links put their targets in front
  if (left.starts_with('/')) EDGEML_RETURN_IF_ERROR(to_root());
  int soft_links = 0, parts = 0;
  std::string_view rest = left;
  for (;;) {
    const std::string_view name = TakeName(rest);
    if (name.empty()) return at;
    if (name == ".") continue;
    if (++parts > kMaxPathParts) return TooDeep(at.path_);
    if (at.kind() != ObjectKind::kGroup)
      return At(at.path_,
                Error(Code::kNotFound, "it is no group, so there is no '", name, "' in it"));
    const Result<const std::vector<Link>*> links = internal::LinksOf(*session_, *at.data_);
    if (!links.ok()) return At(at.path_, links.status());
    const Link* link = internal::FindLink(**links, name);
    if (link == nullptr) return At(at.path_, Error(Code::kNotFound, "there is no '", name, "'"));
    switch (link->kind) {
      case LinkKind::kHard: {
        EDGEML_ASSIGN_OR_RETURN(at, at.Follow(*link));
        break;
      }
      case LinkKind::kSoft: {
        if (++soft_links > kMaxSoftLinks)
          return At(Join(at.path_, name), Error(Code::kInvalidModel, "more than ", kMaxSoftLinks,
                                                " soft links point to each other"));
        std::string target = Concat(link->target, "/", rest);
        if (target.starts_with('/')) EDGEML_RETURN_IF_ERROR(to_root());
        left = std::move(target);
        rest = left;
        break;
      }
      case LinkKind::kExternal:
        return At(Join(at.path_, name),
                  Error(Code::kUnsupported, "it links to another file, '", link->target,
                        "', and is not followed; copy the object into this file"));
      case LinkKind::kUserDefined:
        return At(Join(at.path_, name),
                  Error(Code::kUnsupported, "it is a user-defined link, which is not read"));
    }
  }
}

const std::vector<std::string>& Object::attribute_names() const { return data_->attribute_names; }

bool Object::HasAttribute(std::string_view name) const {
  return data_->FindAttribute(name) != nullptr;
}

Result<Stored> Object::StoredAttribute(std::string_view name) const {
  const internal::Attribute* attribute = data_->FindAttribute(name);
  if (attribute == nullptr)
    return At(path_, Error(Code::kNotFound, "there is no attribute '", name, "'"));
  Result<Stored> stored = internal::ReadAttributeData(*session_, *attribute);
  if (!stored.ok()) return At(path_, name, stored.status());
  return stored;
}

Result<ArrayInfo> Object::AttributeInfo(std::string_view name) const {
  EDGEML_ASSIGN_OR_RETURN(const Stored stored, StoredAttribute(name));
  return stored.info;
}

Result<std::vector<std::string>> Object::ReadStrings(std::string_view name) const {
  EDGEML_ASSIGN_OR_RETURN(const Stored stored, StoredAttribute(name));
  // Strings do not overlap in a sound file.
  Result<std::vector<std::string>> strings = internal::ToStrings(
      session_->image, session_->strings, session_->budget, stored, session_->image.bytes.size());
  if (!strings.ok()) return At(path_, name, strings.status());
  return strings;
}

Result<std::string> Object::ReadString(std::string_view name) const {
  EDGEML_ASSIGN_OR_RETURN(std::vector<std::string> strings, ReadStrings(name));
  if (strings.size() != 1)
    return At(
        path_, name,
        Error(Code::kInvalidArgument, "it holds ", strings.size(), " strings where one is wanted"));
  return std::move(strings.front());
}

Result<Array> Object::ReadAttribute(std::string_view name) const {
  EDGEML_ASSIGN_OR_RETURN(const Stored stored, StoredAttribute(name));
  // Elements of 1 to 7 bytes become at most twice as long.
  Result<ir::ConstantData> data = internal::ToNative(stored, 2 * uint64_t{stored.bytes.size()});
  if (!data.ok()) return At(path_, name, data.status());
  return Array{stored.info, *std::move(data)};
}

Result<std::vector<double>> Object::ReadNumbers(std::string_view name) const {
  EDGEML_ASSIGN_OR_RETURN(const Array array, ReadAttribute(name));
  return internal::ToDoubles(array);
}

Result<std::vector<int64_t>> Object::ReadIntegers(std::string_view name) const {
  EDGEML_ASSIGN_OR_RETURN(const Array array, ReadAttribute(name));
  Result<std::vector<int64_t>> values = internal::ToIntegers(array);
  if (!values.ok()) return At(path_, name, values.status());
  return values;
}

Result<ArrayInfo> Object::Info() const {
  if (kind() != ObjectKind::kDataset)
    return At(path_, Error(Code::kInvalidArgument, "it is no dataset"));
  const Result<Stored> stored = internal::DescribeDataset(*session_, *data_);
  if (!stored.ok()) return At(path_, stored.status());
  return stored->info;
}

Result<Stored> Object::StoredElements(uint64_t max_bytes) const {
  if (kind() != ObjectKind::kDataset)
    return At(path_, Error(Code::kInvalidArgument, "it is no dataset"));
  Result<Stored> stored = internal::ReadDataset(*session_, *data_, max_bytes);
  if (!stored.ok()) return At(path_, stored.status());
  return stored;
}

Result<ir::ConstantData> Object::Read(uint64_t max_bytes) const {
  EDGEML_ASSIGN_OR_RETURN(const Stored stored, StoredElements(max_bytes));
  Result<ir::ConstantData> data = internal::ToNative(stored, max_bytes);
  if (!data.ok()) return At(path_, data.status());
  return data;
}

Result<std::vector<std::string>> Object::ReadStringElements(uint64_t max_bytes) const {
  EDGEML_ASSIGN_OR_RETURN(const Stored stored, StoredElements(max_bytes));
  Result<std::vector<std::string>> strings =
      internal::ToStrings(session_->image, session_->strings, session_->budget, stored, max_bytes);
  if (!strings.ok()) return At(path_, strings.status());
  return strings;
}

Result<File> File::Open(std::shared_ptr<const void> owner, std::span<const std::byte> bytes) {
  EDGEML_ASSIGN_OR_RETURN(const internal::Superblock superblock, internal::ReadSuperblock(bytes));
  auto session = std::make_shared<Session>();
  session->owner = std::move(owner);
  session->image = superblock.image;
  session->root = superblock.root;
  session->budget = session->FreshBudget();
  File file;
  file.root_.path_ = "/";
  Result<std::shared_ptr<const ObjectData>> root = internal::OpenObject(*session, superblock.root);
  if (!root.ok()) return At("/", root.status());
  file.root_.data_ = *std::move(root);
  file.root_.session_ = std::move(session);
  if (file.root_.kind() != ObjectKind::kGroup)
    return At("/", Error(Code::kInvalidModel, "the root is no group"));
  return file;
}

Status File::VisitAll(const std::function<Status(const Object&)>& visit) const {
  struct Frame {
    Object group;
    const std::vector<Link>* links;  // kept by the session
    size_t next = 0;
  };
  std::set<uint64_t> seen;
  std::vector<Frame> stack;
  const auto enter = [&](const Object& object) -> Status {
    seen.insert(object.id());
    EDGEML_RETURN_IF_ERROR(visit(object));
    if (object.kind() != ObjectKind::kGroup) return Status::Ok();
    const Result<const std::vector<Link>*> links =
        internal::LinksOf(*object.session_, *object.data_);
    if (!links.ok()) return At(object.path(), links.status());
    if (!(*links)->empty()) stack.push_back({object, *links});
    return Status::Ok();
  };
  EDGEML_RETURN_IF_ERROR(enter(root_));
  while (!stack.empty()) {
    Frame& frame = stack.back();
    if (frame.next == frame.links->size()) {
      stack.pop_back();
      continue;
    }
    const Link& link = (*frame.links)[frame.next++];
    if (link.kind != LinkKind::kHard || seen.contains(link.address)) continue;
    EDGEML_ASSIGN_OR_RETURN(const Object child, frame.group.Follow(link));
    if (stack.size() >= static_cast<size_t>(kMaxPathParts)) return TooDeep(child.path());
    EDGEML_RETURN_IF_ERROR(enter(child));
  }
  return Status::Ok();
}

}  // namespace edgeml::hdf5
