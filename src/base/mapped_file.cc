#include "src/base/mapped_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#if !defined(EDGEML_NO_MMAP)
#include <sys/mman.h>
#endif

#include <cerrno>
#include <cstring>
#include <limits>
#include <new>

#include "src/base/strings.h"

namespace edgeml {
namespace {

int64_t ModifiedNs(const struct stat& info) {
  return static_cast<int64_t>(info.st_mtim.tv_sec) * 1'000'000'000 + info.st_mtim.tv_nsec;
}

}  // namespace

Result<std::shared_ptr<const MappedFile>> MappedFile::Open(const std::string& path) {
  // O_NONBLOCK: opening a FIFO must not wait for a writer.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    const int error = errno;
    if (error == ENOENT || error == ENOTDIR) return Error(Code::kNotFound, path, ": no such file");
    return Error(Code::kFailed, path, ": cannot be opened: ", std::strerror(error));
  }
  std::shared_ptr<MappedFile> file(new MappedFile());
  file->fd_ = fd;  // closed by the destructor from here on
  file->path_ = path;

  struct stat info {};
  if (fstat(fd, &info) != 0)
    return Error(Code::kFailed, path, ": cannot be examined: ", std::strerror(errno));
  if (S_ISDIR(info.st_mode))
    return Error(Code::kInvalidModel, path, ": is a directory; name a file in it");
  if (!S_ISREG(info.st_mode))
    return Error(Code::kInvalidModel, path, ": is not a regular file; copy its content into one");
  if (info.st_size <= 0)
    return Error(Code::kInvalidModel, path, ": is empty (0 bytes); fetch it again");
  if (static_cast<uint64_t>(info.st_size) > std::numeric_limits<size_t>::max() / 2)
    return Error(Code::kResourceExhausted, path, ": ", HumanBytes(uint64_t(info.st_size)),
                 " do not fit into this machine's address space");
  const size_t size = static_cast<size_t>(info.st_size);
  file->modified_ns_ = ModifiedNs(info);

#if defined(EDGEML_NO_MMAP)
  file->copy_.reset(new (std::nothrow) std::byte[size]);
  if (file->copy_ == nullptr)
    return Error(Code::kResourceExhausted, path, ": no memory for its ", HumanBytes(size));
  for (size_t done = 0; done < size;) {
    const ssize_t got = read(fd, file->copy_.get() + done, size - done);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return Error(Code::kFailed, path, ": cannot be read to its end");
    done += static_cast<size_t>(got);
  }
  file->bytes_ = {file->copy_.get(), size};
#else
  void* const address = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (address == MAP_FAILED)
    return Error(Code::kFailed, path, ": cannot be mapped: ", std::strerror(errno));
  file->bytes_ = {static_cast<const std::byte*>(address), size};
#endif
  return std::shared_ptr<const MappedFile>(std::move(file));
}

MappedFile::~MappedFile() {
#if !defined(EDGEML_NO_MMAP)
  if (!bytes_.empty())
    munmap(const_cast<void*>(static_cast<const void*>(bytes_.data())), bytes_.size());
#endif
  if (fd_ >= 0) close(fd_);
}

bool MappedFile::StillIntact() const {
#if defined(EDGEML_NO_MMAP)
  return true;
#else
  struct stat info {};
  return fstat(fd_, &info) == 0 && info.st_size >= 0 &&
         static_cast<uint64_t>(info.st_size) == bytes_.size() && ModifiedNs(info) == modified_ns_;
#endif
}

}  // namespace edgeml
