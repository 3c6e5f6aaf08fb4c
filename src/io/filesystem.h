// Files behind an interface: the operating system's, or one that fails on purpose
// (io/testing/faulty_filesystem.h).
//
// Errors of every call, by cause, each naming the file and what to do:
//   io.not_found (NOT_FOUND)            io.exists (ALREADY_EXISTS; also a folder that is not empty)
//   io.permission (PERMISSION_DENIED)   io.disk_full, io.open_files, io.too_large (RESOURCE_EXHAUSTED)
//   io.kind (FAILED_PRECONDITION: a folder where a file is wanted, or the reverse)
//   io.link (FAILED_PRECONDITION: a link where none is allowed)
//   io.path (INVALID_ARGUMENT: a name that is no safe relative path)
//   io.locked (UNAVAILABLE)             io.failed (DATA_LOSS: the device failed, or any other cause)
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"

namespace slipway::io {

enum class FileKind : std::uint8_t { kFile, kFolder, kLink, kOther };

struct FileInfo {
  FileKind kind = FileKind::kFile;
  std::uint64_t size_bytes = 0;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t links = 1;  ///< hard links to it
  bool executable = false;  ///< by its owner
  WallTime modified{};
};

struct FolderEntry {
  std::string name;
  FileKind kind = FileKind::kFile;
};

/// A file open for reading. Closed when destroyed. Thread: safe.
class ReadableFile {
 public:
  virtual ~ReadableFile() = default;
  /// As it was when opened.
  [[nodiscard]] virtual std::uint64_t size_bytes() const = 0;
  /// Fills `out` from `offset`; gives how many bytes there were, fewer than asked only at the end of the
  /// file.
  virtual Result<std::size_t> read_at(std::uint64_t offset, MutableByteView out) = 0;
};

/// A file open for writing at its end. Closed when destroyed, without a word about failures: call close().
/// Thread: external lock.
class WritableFile {
 public:
  virtual ~WritableFile() = default;
  /// Writes all of it, or fails with an unknown part written.
  virtual Status write(ByteView bytes) = 0;
  /// Returns when the content is on the device.
  virtual Status sync() = 0;
  /// At most once, last.
  virtual Status close() = 0;
};

/// A file's content in memory, read-only, loaded as it is touched. It stays readable after the file's name is
/// removed. A file that shrinks while mapped, or a failing device, ends the process when touched: map only
/// files that are written once, such as the store's blobs. Thread: safe.
class MappedFile {
 public:
  virtual ~MappedFile() = default;
  [[nodiscard]] virtual ByteView bytes() const = 0;
};

/// An advisory lock between processes and between holders in one process. Released when destroyed, or when
/// the process ends in any way.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

enum class CreateMode : std::uint8_t {
  kExclusive,  ///< io.exists when there is one already
  kTruncate,   ///< an old file loses its content
  kAppend,     ///< an old file is continued
};
enum class LockMode : std::uint8_t {
  kWait,  ///< until the holder lets go
  kTry,   ///< io.locked when somebody holds it
};

/// Thread: safe.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  virtual Result<std::unique_ptr<ReadableFile>> open_read(const std::string& path) = 0;
  /// New files get mode 0644, less the process's mask.
  virtual Result<std::unique_ptr<WritableFile>> create(const std::string& path, CreateMode mode) = 0;
  virtual Result<std::unique_ptr<MappedFile>> map(const std::string& path) = 0;

  /// Of the file a link points to. Errors: io.not_found.
  virtual Result<FileInfo> stat(const std::string& path) = 0;
  /// The names in a folder, sorted by bytes, without "." and "..". Links are reported as links.
  virtual Result<std::vector<FolderEntry>> list(const std::string& folder) = 0;

  /// One new folder. Errors: io.exists.
  virtual Status make_dir(const std::string& folder) = 0;
  /// Also the folders above. No error when it exists.
  virtual Status make_dirs(const std::string& folder) = 0;
  /// Replaces a file, or an empty folder by a folder, in one step.
  virtual Status rename(const std::string& from, const std::string& to) = 0;
  /// The same, but io.exists when `to` exists.
  virtual Status rename_no_replace(const std::string& from, const std::string& to) = 0;
  /// A file or an empty folder. Errors: io.not_found, io.exists (the folder is not empty).
  virtual Status remove(const std::string& path) = 0;
  virtual Status set_executable(const std::string& path) = 0;
  /// Returns when renames and removals in the folder are on the device.
  virtual Status sync_dir(const std::string& folder) = 0;

  /// Takes the lock of `path`, a file made where it is missing and left there afterwards.
  virtual Result<std::unique_ptr<FileLock>> lock(const std::string& path, LockMode mode) = 0;

  /// Units: bytes that this user may still write on the device of `path`.
  virtual Result<std::uint64_t> disk_free(const std::string& path) = 0;

  // For names that came from outside: `relative` must pass check_relative_path, and no part of it below
  // `root` may be a link. Errors: io.path, io.link.
  virtual Result<std::unique_ptr<ReadableFile>> open_beneath(const std::string& root,
                                                             std::string_view relative) = 0;
  /// Also makes the folders in between. An existing file is io.exists.
  virtual Result<std::unique_ptr<WritableFile>> create_beneath(const std::string& root,
                                                               std::string_view relative) = 0;
};

/// The operating system's files. No state. Thread: safe.
std::unique_ptr<FileSystem> make_os_filesystem();

/// True for names that stay where they are put: parts joined by "/", each 1 to 255 bytes, none "." or "..",
/// no leading or trailing slash, no backslash, no control character, UTF-8, 1024 bytes in all at most.
/// Errors: io.path.
Status check_relative_path(std::string_view path);

/// "a" + "b/c" = "a/b/c". Precondition: neither is empty.
[[nodiscard]] std::string join_path(std::string_view folder, std::string_view name);
/// The folder part: "a/b" of "a/b/c", "." of "c", "/" of "/c".
[[nodiscard]] std::string folder_of(std::string_view path);

/// An Error for a cause in the terms of errno. `what` is a verb phrase: "open".
[[nodiscard]] Error error_from_errno(int cause, std::string_view what, std::string_view path);

}  // namespace slipway::io
