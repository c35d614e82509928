// Reads any bytes as a TensorFlow graph: inlining, freezing, lowering. The first byte says how: as
// a frozen graph, or as a SavedModel with an index and a data file behind it; and whether the
// checksums of the bundle are made right first, without which hardly a change would get past them.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "src/base/byte_reader.h"
#include "src/formats/savedmodel/graph_reader.h"
#include "src/formats/savedmodel/lower.h"
#include "src/formats/savedmodel/test_files.h"

namespace {

using namespace edgeml;
using namespace edgeml::savedmodel;

constexpr uint8_t kSavedModel = 1, kMakeIndex = 2, kBatch = 4, kCustom = 8;

ir::ConstantData Own(std::span<const std::byte> bytes) {
  return ir::ConstantData::Own({bytes.begin(), bytes.end()});
}

std::string TextOf(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Keys and entries as a table; their checksums are those of the data.
ir::ConstantData MakeIndex(ByteReader& reader, std::span<const std::byte> data) {
  TestEntries entries;
  while (reader.remaining() > 0) {
    const std::string key = TextOf(reader.Take(reader.Read<uint8_t>()));
    std::string value = TextOf(reader.Take(reader.Read<uint8_t>()));
    if (!reader.ok()) break;
    pb::BundleEntry entry;
    if (!key.empty() && entry.ParseFromString(value) && entry.offset() >= 0 && entry.size() >= 0) {
      const auto bytes =
          SubSpan(data, static_cast<uint64_t>(entry.offset()), static_cast<uint64_t>(entry.size()));
      if (bytes) entry.set_crc32c(MaskedCrc(Crc32c(*bytes)));
      value = entry.SerializeAsString();
    }
    entries.emplace_back(key, value);
  }
  return Own(AsBytes(MakeTable(entries)));
}

Result<Model> Read(uint8_t how, ByteReader& reader) {
  if ((how & kSavedModel) == 0) return ParseFrozenGraph(reader.Take(reader.remaining()));
  const auto graph = reader.Take(reader.Read<uint16_t>());
  const ir::ConstantData data = Own(reader.Take(reader.Read<uint8_t>()));
  const auto open = [&]() -> Result<std::unique_ptr<Bundle>> {
    const ir::ConstantData index = (how & kMakeIndex) != 0 ? MakeIndex(reader, data.bytes)
                                                           : Own(reader.Take(reader.remaining()));
    auto bundle =
        Bundle::Read(index, [data](int32_t, int32_t) -> Result<ir::ConstantData> { return data; });
    if (bundle.ok())
      for (const std::string_view key : (*bundle)->Keys()) (void)(*bundle)->Load(key);
    return bundle;
  };
  auto model = ParseSavedModelGraph(graph, open);
  if (!model.ok()) (void)open();
  return model;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ByteReader reader(std::as_bytes(std::span(data, size)));
  const auto how = reader.Read<uint8_t>();
  const Result<Model> model = Read(how, reader);
  if (!model.ok()) {
    if (model.status().message().empty()) std::abort();
    return 0;
  }
  (void)ToString(*model);
  LowerOptions options;
  if ((how & kBatch) != 0) options.batch = 1;
  options.allow_custom = (how & kCustom) != 0;
  const Result<ir::Module> module = Lower(*model, options, nullptr);
  if (module.ok()) {
    if (!ir::Verify(*module).ok()) std::abort();
  } else if (module.status().message().empty() || module.status().code() == Code::kInternal) {
    std::abort();
  }
  return 0;
}
