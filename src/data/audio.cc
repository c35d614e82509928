#include "src/data/audio.h"

#include <sndfile.h>

#include <algorithm>
#include <memory>
#include <string_view>

#include "src/base/strings.h"
#include "src/data/file_io.h"

namespace edgeml::data {
namespace {

constexpr int64_t kMaxValues = int64_t{1} << 28;

// libsndfile reads from memory: the file's size is bounded and errors are ours.
struct Source {
  const Bytes& bytes;
  sf_count_t at = 0;
};

sf_count_t Seek(sf_count_t offset, int whence, void* user) {
  auto& s = *static_cast<Source*>(user);
  const auto size = static_cast<sf_count_t>(s.bytes.size());
  const sf_count_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? s.at : size;
  if (offset < -base || offset > size - base) return -1;
  return s.at = base + offset;
}

sf_count_t Read(void* to, sf_count_t count, void* user) {
  auto& s = *static_cast<Source*>(user);
  const sf_count_t n =
      std::clamp<sf_count_t>(static_cast<sf_count_t>(s.bytes.size()) - s.at, 0, count);
  std::copy_n(s.bytes.data() + s.at, n, static_cast<uint8_t*>(to));
  s.at += n;
  return n;
}

}  // namespace

Result<Audio> ReadAudio(const std::string& path) {
  EDGEML_ASSIGN_OR_RETURN(const Bytes bytes, ReadFile(path));
  // The library knows dozens of formats; only this one is let through to it.
  const std::string_view magic(reinterpret_cast<const char*>(bytes.data()),
                               std::min<size_t>(bytes.size(), 4));
  if (magic != "RIFF" && magic != "RIFX" && magic != "RF64") {
    return Error(Code::kInvalidModel, path, ": not a wav file");
  }
  Source source{bytes};
  SF_VIRTUAL_IO io{};
  io.get_filelen = [](void* user) {
    return static_cast<sf_count_t>(static_cast<Source*>(user)->bytes.size());
  };
  io.seek = Seek;
  io.read = Read;
  io.write = [](const void*, sf_count_t, void*) { return sf_count_t{0}; };
  io.tell = [](void* user) { return static_cast<Source*>(user)->at; };
  SF_INFO info{};
  const std::unique_ptr<SNDFILE, int (*)(SNDFILE*)> file(
      sf_open_virtual(&io, SFM_READ, &info, &source), sf_close);
  if (!file) {
    std::string reason = sf_strerror(nullptr);
    while (!reason.empty() && (reason.back() == '.' || reason.back() == '\n')) reason.pop_back();
    return Error(Code::kInvalidModel, path, ": not a readable sound file: ", reason);
  }
  if (info.channels < 1 || info.samplerate < 1 || info.frames < 0) {
    return Error(Code::kInvalidModel, path, ": a sound file without channels or sample rate");
  }
  if (info.frames > kMaxValues / info.channels) {
    return Error(Code::kUnsupported, path, ": ", info.frames, " samples of ", info.channels,
                 " channels are over the limit of ", kMaxValues, " values");
  }
  Audio audio;
  audio.sample_rate = info.samplerate;
  const auto channels = static_cast<size_t>(info.channels);
  std::vector<float> block(4096 * channels);
  while (true) {
    const sf_count_t got = sf_readf_float(file.get(), block.data(), 4096);
    if (got <= 0) break;
    for (size_t i = 0; i < static_cast<size_t>(got); ++i) {
      float sum = 0;
      for (size_t c = 0; c < channels; ++c) sum += block[i * channels + c];
      audio.samples.push_back(sum / static_cast<float>(channels));
    }
    if (audio.samples.size() > static_cast<size_t>(kMaxValues)) {
      return Error(Code::kUnsupported, path, ": longer than ", kMaxValues, " samples");
    }
  }
  return audio;
}

}  // namespace edgeml::data
