// Prints what the HDF5 reader makes of a file, as JSON: `hdf5_dump FILE`. For test_hdf5.py, which
// compares it with h5py. Bytes are printed in hexadecimal, so that nothing is lost.
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nlohmann/json.hpp"
#include "src/base/mapped_file.h"
#include "src/formats/hdf5/file.h"

namespace {

using edgeml::Result;
using edgeml::Status;
using nlohmann::json;
namespace hdf5 = edgeml::hdf5;

constexpr uint64_t kMaxBytes = uint64_t{1} << 30;

std::string Hex(std::span<const std::byte> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const std::byte b : bytes) {
    out += kDigits[std::to_integer<size_t>(b) >> 4];
    out += kDigits[std::to_integer<size_t>(b) & 15];
  }
  return out;
}

std::string Hex(const std::string& text) { return Hex(std::as_bytes(std::span(text))); }

json ErrorOf(const Status& status) {
  return {{"error", status.message()}, {"code", edgeml::CodeName(status.code())}};
}

json Describe(const hdf5::ArrayInfo& info) {
  return {{"type", edgeml::NameOf(info.type)},
          {"shape", std::vector<int>(info.shape.dims().begin(), info.shape.dims().end())},
          {"null", info.is_null}};
}

json StringsOf(const Result<std::vector<std::string>>& strings, json out) {
  if (!strings.ok()) return ErrorOf(strings.status());
  out["strings"] = json::array();
  for (const std::string& s : *strings) out["strings"].push_back(Hex(s));
  return out;
}

json AttributeOf(const hdf5::Object& object, const std::string& name) {
  const Result<hdf5::ArrayInfo> info = object.AttributeInfo(name);
  if (!info.ok()) return ErrorOf(info.status());
  if (info->type == edgeml::DType::kString)
    return StringsOf(object.ReadStrings(name), Describe(*info));
  const Result<hdf5::Array> array = object.ReadAttribute(name);
  if (!array.ok()) return ErrorOf(array.status());
  json out = Describe(*info);
  out["data"] = Hex(array->data.bytes);
  return out;
}

json DatasetOf(const hdf5::Object& object, std::span<const std::byte> file) {
  const Result<hdf5::ArrayInfo> info = object.Info();
  if (!info.ok()) return ErrorOf(info.status());
  if (info->type == edgeml::DType::kString)
    return StringsOf(object.ReadStringElements(kMaxBytes), Describe(*info));
  const Result<edgeml::ir::ConstantData> data = object.Read(kMaxBytes);
  if (!data.ok()) return ErrorOf(data.status());
  json out = Describe(*info);
  out["data"] = Hex(data->bytes);
  const std::byte* at = data->bytes.data();
  out["in_file"] = at >= file.data() && at < file.data() + file.size();
  return out;
}

json LinksOf(const hdf5::Object& group, hdf5::Order order) {
  constexpr std::string_view kKinds[] = {"hard", "soft", "external", "user"};
  const auto links = group.Links(order);
  if (!links.ok()) return ErrorOf(links.status());
  json out = json::array();
  for (const hdf5::Link& link : *links)
    out.push_back({Hex(link.name), kKinds[static_cast<size_t>(link.kind)], Hex(link.target)});
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: hdf5_dump FILE [PATH...]\n");
    return 2;
  }
  const auto mapped = edgeml::MappedFile::Open(argv[1]);
  if (!mapped.ok()) {
    std::fprintf(stderr, "%s\n", mapped.status().message().c_str());
    return 3;
  }
  const std::span<const std::byte> bytes = (*mapped)->bytes();
  const Result<hdf5::File> file = hdf5::File::Open(*mapped, bytes);
  json out = json::object();
  if (!file.ok()) {
    out = ErrorOf(file.status());
  } else {
    json objects = json::array();
    const Status status = file->VisitAll([&](const hdf5::Object& object) {
      constexpr std::string_view kKinds[] = {"group", "dataset", "datatype"};
      json node = {{"path", Hex(object.path())},
                   {"kind", kKinds[static_cast<size_t>(object.kind())]}};
      node["attributes"] = json::array();
      for (const std::string& name : object.attribute_names())
        node["attributes"].push_back({Hex(name), AttributeOf(object, name)});
      if (object.kind() == hdf5::ObjectKind::kDataset) node["dataset"] = DatasetOf(object, bytes);
      if (object.kind() == hdf5::ObjectKind::kGroup) {
        node["links"] = LinksOf(object, hdf5::Order::kName);
        node["by_creation"] = LinksOf(object, hdf5::Order::kCreation);
      }
      objects.push_back(std::move(node));
      return Status::Ok();
    });
    if (!status.ok()) out = ErrorOf(status);
    out["objects"] = std::move(objects);
    // Paths to look up, soft links among them.
    out["found"] = json::array();
    for (int i = 2; i < argc; ++i) {
      const Result<hdf5::Object> found = file->Find(argv[i]);
      if (found.ok()) {
        out["found"].push_back({{"path", Hex(found->path())}});
      } else {
        out["found"].push_back(ErrorOf(found.status()));
      }
    }
  }
  std::printf("%s\n", out.dump().c_str());
  return 0;
}
