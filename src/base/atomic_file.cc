#include "src/base/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "src/base/strings.h"

namespace edgeml {
namespace {

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// The permission bits of the file that is replaced, else what the process' mask leaves of 0666.
mode_t ModeFor(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode)) return info.st_mode & 07777;
  const mode_t mask = umask(0);
  umask(mask);
  return 0666 & ~mask;
}

}  // namespace

Status WriteFileAtomically(const std::string& path, std::span<const std::byte> bytes) {
  const auto failed = [&path](const char* step, int error) {
    return Error(Code::kFailed, path, ": ", step, ": ", std::strerror(error));
  };
  struct stat info {};
  if (stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode))
    return Error(Code::kFailed, path, ": is a directory; name a file");

  std::string temporary = path + ".XXXXXX";
  const int fd = mkostemp(temporary.data(), O_CLOEXEC);
  if (fd < 0) return failed("cannot create a file beside it", errno);
  const auto abandon = [&](const char* step) {
    const int error = errno;
    close(fd);
    unlink(temporary.c_str());
    return failed(step, error);
  };
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t put = write(fd, bytes.data() + done, bytes.size() - done);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return abandon("cannot be written");
    done += static_cast<size_t>(put);
  }
  if (fchmod(fd, ModeFor(path)) != 0) return abandon("cannot set its permissions");
  if (fsync(fd) != 0) return abandon("cannot be flushed to the disk");
  if (close(fd) != 0) {
    const int error = errno;
    unlink(temporary.c_str());
    return failed("cannot be closed", error);
  }
  if (rename(temporary.c_str(), path.c_str()) != 0) {
    const int error = errno;
    unlink(temporary.c_str());
    return failed("cannot be put in place", error);
  }
  // Makes the new name durable; file systems that cannot do it for a folder say so and are left be.
  const int folder = open(FolderOf(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0) {
    (void)fsync(folder);
    close(folder);
  }
  return Status::Ok();
}

}  // namespace edgeml
