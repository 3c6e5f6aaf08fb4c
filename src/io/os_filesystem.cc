#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "io/filesystem.h"

namespace slipway::io {
namespace {

/// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool ok() const { return fd_ >= 0; }
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

Descriptor open_retrying(int folder, const char* path, int flags, mode_t mode = 0) {
  int fd = -1;
  do fd = ::openat(folder, path, flags | O_CLOEXEC, mode);
  while (fd < 0 && errno == EINTR);
  return Descriptor(fd);
}

FileKind kind_of(mode_t mode) {
  if (S_ISREG(mode)) return FileKind::kFile;
  if (S_ISDIR(mode)) return FileKind::kFolder;
  return S_ISLNK(mode) ? FileKind::kLink : FileKind::kOther;
}

class OsReadableFile final : public ReadableFile {
 public:
  OsReadableFile(Descriptor fd, std::uint64_t size_bytes, std::string path)
      : fd_(std::move(fd)), size_bytes_(size_bytes), path_(std::move(path)) {}

  [[nodiscard]] std::uint64_t size_bytes() const override { return size_bytes_; }

  Result<std::size_t> read_at(std::uint64_t offset, MutableByteView out) override {
    std::size_t done = 0;
    while (done < out.size()) {
      const ssize_t got =
          ::pread(fd_.get(), out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return error_from_errno(errno, "read", path_);
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  }

 private:
  Descriptor fd_;
  std::uint64_t size_bytes_;
  std::string path_;
};

class OsWritableFile final : public WritableFile {
 public:
  OsWritableFile(Descriptor fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  Status write(ByteView bytes) override {
    while (!bytes.empty()) {
      const ssize_t put = ::write(fd_.get(), bytes.data(), bytes.size());
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return error_from_errno(errno, "write", path_);
      bytes = bytes.subspan(static_cast<std::size_t>(put));
    }
    return {};
  }
  Status sync() override {
    if (::fsync(fd_.get()) != 0) return error_from_errno(errno, "sync", path_);
    return {};
  }
  Status close() override {
    if (::close(fd_.release()) != 0 && errno != EINTR) return error_from_errno(errno, "close", path_);
    return {};
  }

 private:
  Descriptor fd_;
  std::string path_;
};

class OsMappedFile final : public MappedFile {
 public:
  OsMappedFile(void* data, std::size_t size) : data_(data), size_(size) {}
  OsMappedFile(const OsMappedFile&) = delete;
  OsMappedFile& operator=(const OsMappedFile&) = delete;
  ~OsMappedFile() override {
    if (size_ != 0) ::munmap(data_, size_);
  }
  [[nodiscard]] ByteView bytes() const override { return {static_cast<const std::byte*>(data_), size_}; }

 private:
  void* data_;
  std::size_t size_;
};

class OsFileLock final : public FileLock {
 public:
  explicit OsFileLock(Descriptor fd) : fd_(std::move(fd)) {}

 private:
  Descriptor fd_;
};

Result<std::unique_ptr<ReadableFile>> readable(Descriptor fd, const std::string& path) {
  struct ::stat info {};
  if (::fstat(fd.get(), &info) != 0) return error_from_errno(errno, "open", path);
  if (S_ISDIR(info.st_mode)) return error_from_errno(EISDIR, "open", path);
  if (!S_ISREG(info.st_mode))
    return failed_precondition("io.kind", "cannot open " + path + ": it is no regular file");
  return std::unique_ptr<ReadableFile>(
      std::make_unique<OsReadableFile>(std::move(fd), static_cast<std::uint64_t>(info.st_size), path));
}

/// Opens the folder that holds the last part of `relative` beneath `root`, going down part by part without
/// following links; makes missing folders where `make` says so. `last` becomes the last part.
Result<Descriptor> open_parent_beneath(const std::string& root, std::string_view relative, bool make,
                                       std::string& last) {
  SLIPWAY_TRY(check_relative_path(relative));
  Descriptor folder = open_retrying(AT_FDCWD, root.c_str(), O_RDONLY | O_DIRECTORY);
  if (!folder.ok()) return error_from_errno(errno, "open", root);
  while (true) {
    const std::size_t slash = relative.find('/');
    const std::string part(relative.substr(0, slash));
    if (slash == std::string_view::npos) {
      last = part;
      return folder;
    }
    if (make && ::mkdirat(folder.get(), part.c_str(), 0755) != 0 && errno != EEXIST) {
      return error_from_errno(errno, "make the folder", join_path(root, part));
    }
    Descriptor next = open_retrying(folder.get(), part.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!next.ok()) {
      struct ::stat info {};
      const int cause = errno;
      const bool link =
          ::fstatat(folder.get(), part.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(info.st_mode);
      return error_from_errno(link ? ELOOP : cause, "open", join_path(root, part));
    }
    folder = std::move(next);
    relative.remove_prefix(slash + 1);
  }
}

class OsFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<ReadableFile>> open_read(const std::string& path) override {
    // Not blocking, so that a named pipe is refused below instead of waited for.
    Descriptor fd = open_retrying(AT_FDCWD, path.c_str(), O_RDONLY | O_NONBLOCK);
    if (!fd.ok()) return error_from_errno(errno, "open", path);
    return readable(std::move(fd), path);
  }

  Result<std::unique_ptr<WritableFile>> create(const std::string& path, CreateMode mode) override {
    int flags = O_WRONLY | O_CREAT | O_APPEND;
    if (mode == CreateMode::kExclusive) flags |= O_EXCL;
    if (mode == CreateMode::kTruncate) flags |= O_TRUNC;
    Descriptor fd = open_retrying(AT_FDCWD, path.c_str(), flags, 0644);
    if (!fd.ok()) return error_from_errno(errno, "create", path);
    return std::unique_ptr<WritableFile>(std::make_unique<OsWritableFile>(std::move(fd), path));
  }

  Result<std::unique_ptr<MappedFile>> map(const std::string& path) override {
    Descriptor fd = open_retrying(AT_FDCWD, path.c_str(), O_RDONLY | O_NONBLOCK);
    if (!fd.ok()) return error_from_errno(errno, "map", path);
    struct ::stat info {};
    if (::fstat(fd.get(), &info) != 0) return error_from_errno(errno, "map", path);
    if (!S_ISREG(info.st_mode)) return error_from_errno(EISDIR, "map", path);
    const auto size = static_cast<std::size_t>(info.st_size);
    void* data = nullptr;
    if (size != 0) {
      data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
      if (data == MAP_FAILED) return error_from_errno(errno, "map", path);
    }
    return std::unique_ptr<MappedFile>(std::make_unique<OsMappedFile>(data, size));
  }

  Result<FileInfo> stat(const std::string& path) override {
    struct ::stat info {};
    if (::stat(path.c_str(), &info) != 0) return error_from_errno(errno, "look at", path);
    FileInfo out;
    out.kind = kind_of(info.st_mode);
    out.size_bytes = static_cast<std::uint64_t>(info.st_size);
    out.device = info.st_dev;
    out.inode = info.st_ino;
    out.links = info.st_nlink;
    out.executable = (info.st_mode & S_IXUSR) != 0;
    out.modified = WallTime(std::chrono::seconds(info.st_mtim.tv_sec) + Duration(info.st_mtim.tv_nsec));
    return out;
  }

  Result<std::vector<FolderEntry>> list(const std::string& folder) override {
    DIR* dir = ::opendir(folder.c_str());
    if (dir == nullptr) return error_from_errno(errno, "list", folder);
    std::vector<FolderEntry> entries;
    errno = 0;
    while (const dirent* entry = ::readdir(dir)) {
      const std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      struct ::stat info {};
      // A file that went away in between is no entry.
      if (::fstatat(::dirfd(dir), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0) {
        entries.push_back({name, kind_of(info.st_mode)});
      }
      errno = 0;
    }
    const int cause = errno;
    ::closedir(dir);
    if (cause != 0) return error_from_errno(cause, "list", folder);
    std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return entries;
  }

  Status make_dir(const std::string& folder) override {
    if (::mkdir(folder.c_str(), 0755) != 0) return error_from_errno(errno, "make the folder", folder);
    return {};
  }

  Status make_dirs(const std::string& folder) override {
    for (std::size_t end = 1; end <= folder.size(); ++end) {
      if (end != folder.size() && folder[end] != '/') continue;
      const std::string part = folder.substr(0, end);
      if (::mkdir(part.c_str(), 0755) == 0) continue;
      if (errno != EEXIST) return error_from_errno(errno, "make the folder", part);
      struct ::stat info {};
      if (::stat(part.c_str(), &info) != 0) return error_from_errno(errno, "make the folder", part);
      if (!S_ISDIR(info.st_mode)) return error_from_errno(ENOTDIR, "make the folder", part);
    }
    return {};
  }

  Status rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return error_from_errno(errno, "rename " + from + " to", to);
    return {};
  }

  Status rename_no_replace(const std::string& from, const std::string& to) override {
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return {};
    if (errno != EINVAL && errno != ENOSYS) return error_from_errno(errno, "rename " + from + " to", to);
    // File systems without it: a second name that must be new, then the first one goes.
    if (::link(from.c_str(), to.c_str()) != 0) return error_from_errno(errno, "rename " + from + " to", to);
    return remove(from);
  }

  Status remove(const std::string& path) override {
    if (std::remove(path.c_str()) != 0) return error_from_errno(errno, "remove", path);
    return {};
  }

  Status set_executable(const std::string& path) override {
    if (::chmod(path.c_str(), 0755) != 0) return error_from_errno(errno, "change the mode of", path);
    return {};
  }

  Status sync_dir(const std::string& folder) override {
    Descriptor fd = open_retrying(AT_FDCWD, folder.c_str(), O_RDONLY | O_DIRECTORY);
    if (!fd.ok() || ::fsync(fd.get()) != 0) return error_from_errno(errno, "sync", folder);
    return {};
  }

  Result<std::unique_ptr<FileLock>> lock(const std::string& path, LockMode mode) override {
    Descriptor fd = open_retrying(AT_FDCWD, path.c_str(), O_RDWR | O_CREAT, 0644);
    if (!fd.ok()) return error_from_errno(errno, "lock", path);
    int rc = 0;
    do rc = ::flock(fd.get(), LOCK_EX | (mode == LockMode::kTry ? LOCK_NB : 0));
    while (rc != 0 && errno == EINTR);
    if (rc != 0) return error_from_errno(errno, "lock", path);
    return std::unique_ptr<FileLock>(std::make_unique<OsFileLock>(std::move(fd)));
  }

  Result<std::uint64_t> disk_free(const std::string& path) override {
    struct ::statvfs info {};
    if (::statvfs(path.c_str(), &info) != 0) return error_from_errno(errno, "look at", path);
    return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
  }

  Result<std::unique_ptr<ReadableFile>> open_beneath(const std::string& root,
                                                     std::string_view relative) override {
    std::string last;
    SLIPWAY_ASSIGN_OR_RETURN(const Descriptor folder, open_parent_beneath(root, relative, false, last));
    const std::string path = join_path(root, relative);
    Descriptor fd = open_retrying(folder.get(), last.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
    if (!fd.ok()) return error_from_errno(errno, "open", path);
    return readable(std::move(fd), path);
  }

  Result<std::unique_ptr<WritableFile>> create_beneath(const std::string& root,
                                                       std::string_view relative) override {
    std::string last;
    SLIPWAY_ASSIGN_OR_RETURN(const Descriptor folder, open_parent_beneath(root, relative, true, last));
    const std::string path = join_path(root, relative);
    Descriptor fd =
        open_retrying(folder.get(), last.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW, 0644);
    if (!fd.ok()) return error_from_errno(errno, "create", path);
    return std::unique_ptr<WritableFile>(std::make_unique<OsWritableFile>(std::move(fd), path));
  }
};

}  // namespace

std::unique_ptr<FileSystem> make_os_filesystem() { return std::make_unique<OsFileSystem>(); }

}  // namespace slipway::io
