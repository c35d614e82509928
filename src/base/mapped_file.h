// A file mapped read-only into memory.
#ifndef EDGEML_BASE_MAPPED_FILE_H_
#define EDGEML_BASE_MAPPED_FILE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "edgeml/status.h"

namespace edgeml {

// The bytes of a regular file, paged in on first use and shared with the page cache.
//
// A file that somebody truncates while it is mapped takes pages away: touching them raises SIGBUS,
// which no library can turn into an error for its whole process. So the descriptor stays open, and
// whoever is about to read many bytes (a session that packs weights, a run over mapped constants)
// asks StillIntact() first; it costs one system call. Files replaced by renaming, as package
// managers and WriteFileAtomically() do, leave the mapping untouched. What remains is a truncation
// between the question and the read.
//
// Built with EDGEML_NO_MMAP the file is read into memory of its own and StillIntact() is always
// true.
class MappedFile {
 public:
  // Maps the file at `path`. kNotFound when it is not there; kInvalidModel when it is a directory,
  // empty, or not a regular file; kFailed when the system refuses; kResourceExhausted when it does
  // not fit into the address space.
  static Result<std::shared_ptr<const MappedFile>> Open(const std::string& path);

  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  // At least one byte, page-aligned (16-byte aligned when built without mmap).
  std::span<const std::byte> bytes() const { return bytes_; }
  const std::string& path() const { return path_; }

  // False once the file's size or modification time differs from what it was when it was opened.
  bool StillIntact() const;

 private:
  MappedFile() = default;

  std::string path_;
  std::span<const std::byte> bytes_;
  int fd_ = -1;
  int64_t modified_ns_ = 0;
  std::unique_ptr<std::byte[]> copy_;  // without mmap only
};

}  // namespace edgeml

#endif  // EDGEML_BASE_MAPPED_FILE_H_
