// Fuzz target: HDF5 files. Everything in a file is read: each object with its links, attributes and
// elements, and some paths. The reader is built with EDGEML_SKIP_CHECKSUMS, or nothing would get
// past the checksums.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "src/formats/hdf5/file.h"
#include "tests/fuzz/check_error.h"

namespace {

using edgeml::Result;
using edgeml::Status;
namespace hdf5 = edgeml::hdf5;

constexpr uint64_t kMostBytes = 16 << 20;

template <typename T>
void Check(const Result<T>& result) {
  if (!result.ok()) edgeml::fuzz::CheckError(result.status());
}

void CheckArray(const hdf5::ArrayInfo& info, const edgeml::ir::ConstantData& data) {
  if (!data.present()) std::abort();
  const auto size = edgeml::CheckedByteSize(info.shape, info.type);
  if (!info.is_null && (!size || *size != data.bytes.size())) std::abort();
  if (info.is_null && !data.bytes.empty()) std::abort();
  // Every byte must be there to be read.
  unsigned sum = 0;
  for (const std::byte b : data.bytes) sum += std::to_integer<unsigned>(b);
  volatile unsigned sink = sum;
  (void)sink;
}

void CheckAttribute(const hdf5::Object& object, const std::string& name) {
  if (!object.HasAttribute(name)) std::abort();
  Check(object.AttributeInfo(name));
  const Result<hdf5::Array> array = object.ReadAttribute(name);
  Check(array);
  if (array.ok()) CheckArray(array->info, array->data);
  Check(object.ReadString(name));
  Check(object.ReadStrings(name));
  Check(object.ReadNumbers(name));
  Check(object.ReadIntegers(name));
}

void CheckObject(const hdf5::File& file, const hdf5::Object& object) {
  for (const std::string& name : object.attribute_names()) CheckAttribute(object, name);
  for (const hdf5::Order order : {hdf5::Order::kName, hdf5::Order::kCreation}) {
    const auto links = object.Links(order);
    Check(links);
    if (!links.ok()) continue;
    for (const hdf5::Link& link : *links) {
      if (!object.HasLink(link.name)) std::abort();
      if (order == hdf5::Order::kName) Check(object.Find(link.name));
      if (link.kind == hdf5::LinkKind::kSoft) Check(file.Find(link.target));
    }
  }
  const Result<hdf5::ArrayInfo> info = object.Info();
  Check(info);
  const Result<edgeml::ir::ConstantData> data = object.Read(kMostBytes);
  Check(data);
  if (info.ok() && data.ok()) CheckArray(*info, *data);
  Check(object.ReadStringElements(kMostBytes));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // Memory of its own, so that reading behind the end is seen.
  const auto held = std::make_shared<const std::vector<uint8_t>>(data, data + size);
  const Result<hdf5::File> file = hdf5::File::Open(held, std::as_bytes(std::span(*held)));
  Check(file);
  if (!file.ok()) return 0;
  const Status status = file->VisitAll([&](const hdf5::Object& object) {
    CheckObject(*file, object);
    return Status::Ok();
  });
  edgeml::fuzz::CheckError(status);
  return 0;
}
