#include "src/data/file_io.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "src/base/strings.h"

namespace edgeml::data {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

Status TooLarge(const std::string& where, size_t max_bytes) {
  return Error(Code::kInvalidModel, where, ": larger than the limit of ", HumanBytes(max_bytes));
}

}  // namespace

Result<Bytes> ReadFile(const std::string& path, size_t max_bytes) {
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) {
    return Error(Code::kNotFound, path, ": cannot be opened: ", std::strerror(errno));
  }
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) {
    return Error(Code::kNotFound, path, ": cannot be read: ", std::strerror(errno));
  }
  if (S_ISDIR(info.st_mode)) return Error(Code::kInvalidModel, path, ": a directory, not a file");
  Bytes bytes;
  if (info.st_size > 0) {
    if (static_cast<uint64_t>(info.st_size) > max_bytes) return TooLarge(path, max_bytes);
    bytes.reserve(static_cast<size_t>(info.st_size) + 1);
  }
  // Reads to the end rather than st_size bytes: pipes and /proc files state no size.
  size_t used = 0;
  while (true) {
    if (used == bytes.size()) {
      if (used > max_bytes) return TooLarge(path, max_bytes);
      bytes.resize(std::max({bytes.capacity(), used + used / 2, size_t{64} << 10}));
    }
    const ssize_t got = ::read(fd.get(), bytes.data() + used, bytes.size() - used);
    if (got < 0) {
      if (errno == EINTR) continue;
      return Error(Code::kNotFound, path, ": cannot be read: ", std::strerror(errno));
    }
    if (got == 0) break;
    used += static_cast<size_t>(got);
  }
  if (used > max_bytes) return TooLarge(path, max_bytes);
  bytes.resize(used);
  return bytes;
}

Result<Bytes> GunzipIfNeeded(std::span<const uint8_t> bytes, const std::string& where,
                             size_t max_bytes) {
  if (bytes.size() < 2 || bytes[0] != 0x1F || bytes[1] != 0x8B) {
    return Bytes(bytes.begin(), bytes.end());
  }
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 16) != Z_OK) {
    return Error(Code::kInternal, where, ": zlib does not start");
  }
  Bytes out;
  size_t fed = 0, made = 0;
  int code = Z_OK;
  while (code != Z_STREAM_END) {
    if (stream.avail_in == 0) {
      const size_t chunk = std::min<size_t>(bytes.size() - fed, size_t{1} << 30);
      stream.next_in = const_cast<Bytef*>(bytes.data() + fed);  // zlib does not write to it
      stream.avail_in = static_cast<uInt>(chunk);
      fed += chunk;
    }
    if (made == out.size()) {
      if (made >= max_bytes) break;
      out.resize(std::min(max_bytes, std::max(size_t{256} << 10, made * 2)));
    }
    const size_t room = std::min<size_t>(out.size() - made, size_t{1} << 30);
    stream.next_out = out.data() + made;
    stream.avail_out = static_cast<uInt>(room);
    code = inflate(&stream, Z_NO_FLUSH);
    made += room - stream.avail_out;
    // Z_BUF_ERROR with input used up: the stream ends too early.
    if (code != Z_OK && code != Z_STREAM_END) break;
  }
  inflateEnd(&stream);
  if (code == Z_OK) return TooLarge(where, max_bytes);
  if (code != Z_STREAM_END) {
    return Error(Code::kInvalidModel, where, ": damaged or truncated gzip data");
  }
  out.resize(made);
  return out;
}

Result<Bytes> ReadMaybeGzip(const std::string& path, size_t max_bytes) {
  EDGEML_ASSIGN_OR_RETURN(Bytes bytes, ReadFile(path, max_bytes));
  if (bytes.size() < 2 || bytes[0] != 0x1F || bytes[1] != 0x8B) return bytes;
  return GunzipIfNeeded(bytes, path, max_bytes);
}

}  // namespace edgeml::data
