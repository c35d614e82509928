// Helpers of this room's tests.
#ifndef EDGEML_DATA_TESTING_H_
#define EDGEML_DATA_TESTING_H_

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/atomic_file.h"
#include "src/data/file_io.h"

namespace edgeml::data::testing {

// A folder of its own for a test, removed at its end.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "edgeml_data_XXXXXX").string();
    path_ = ::mkdtemp(pattern.data()) != nullptr ? pattern : std::string();
    EXPECT_FALSE(path_.empty());
  }
  ~ScratchFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }
  const std::string& path() const { return path_; }
  // Writes a file, making its folders; returns its path.
  std::string Write(std::string_view name, std::string_view content) const {
    const std::string path = *this / name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    EXPECT_TRUE(WriteFileAtomically(path, std::as_bytes(std::span(content))).ok());
    return path;
  }

 private:
  std::string path_;
};

inline std::span<const uint8_t> AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// FNV-1a.
inline uint64_t Hash(std::span<const uint8_t> bytes) {
  uint64_t h = 0xCBF29CE484222325u;
  for (const uint8_t b : bytes) h = (h ^ b) * 0x100000001B3u;
  return h;
}

// The high bytes of a linear congruential sequence.
inline std::vector<uint8_t> PseudoRandomBytes(size_t n, uint32_t seed) {
  std::vector<uint8_t> out(n);
  for (uint8_t& b : out) {
    seed = seed * 1664525u + 1013904223u;
    b = static_cast<uint8_t>(seed >> 24);
  }
  return out;
}

}  // namespace edgeml::data::testing

#endif  // EDGEML_DATA_TESTING_H_
