// A FileSystem that fails on purpose, for fault loops: "fail the n-th call, n = 1, 2, ... until the run
// succeeds".
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "io/filesystem.h"

namespace slipway::io::testing {

enum class Persistence : std::uint8_t { kOnce, kFromThenOn };

/// Every call of the file system and of the files it opened counts as one. A write that fails writes half of
/// its bytes first. Thread: safe.
class FaultyFileSystem final : public FileSystem {
 public:
  /// Borrows: base.
  explicit FaultyFileSystem(FileSystem& base) : base_(base) {}

  /// From now on the `nth` call (1 = the next) fails with `cause`, an errno such as ENOSPC or EIO. Resets the
  /// counter.
  void fail_at(std::uint64_t nth, Persistence persistence, int cause);
  /// At the `nth` call from now the process ends itself by SIGKILL.
  void kill_at(std::uint64_t nth);
  /// No more failures. Resets the counter.
  void heal() { fail_at(0, Persistence::kOnce, 0); }
  [[nodiscard]] std::uint64_t calls() const;
  /// True when a call was made to fail since the last fail_at.
  [[nodiscard]] bool fired() const;
  /// Files opened here and not destroyed yet, to find leaks.
  [[nodiscard]] std::int64_t open_files() const;

  /// Counts one call; the Error it is to fail with, if any. For the files opened here.
  Status step(std::string_view what, std::string_view path);
  void note_opened(int change);

  Result<std::unique_ptr<ReadableFile>> open_read(const std::string& path) override;
  Result<std::unique_ptr<WritableFile>> create(const std::string& path, CreateMode mode) override;
  Result<std::unique_ptr<MappedFile>> map(const std::string& path) override;
  Result<FileInfo> stat(const std::string& path) override;
  Result<std::vector<FolderEntry>> list(const std::string& folder) override;
  Status make_dir(const std::string& folder) override;
  Status make_dirs(const std::string& folder) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status rename_no_replace(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override;
  Status set_executable(const std::string& path) override;
  Status sync_dir(const std::string& folder) override;
  Result<std::unique_ptr<FileLock>> lock(const std::string& path, LockMode mode) override;
  Result<std::uint64_t> disk_free(const std::string& path) override;
  Result<std::unique_ptr<ReadableFile>> open_beneath(const std::string& root,
                                                     std::string_view relative) override;
  Result<std::unique_ptr<WritableFile>> create_beneath(const std::string& root,
                                                       std::string_view relative) override;

 private:
  FileSystem& base_;
  mutable std::mutex mutex_;
  std::uint64_t calls_ = 0;
  std::uint64_t fail_at_ = 0;
  Persistence persistence_ = Persistence::kOnce;
  int cause_ = 0;
  std::uint64_t kill_at_ = 0;
  bool fired_ = false;
  std::int64_t open_files_ = 0;
};

}  // namespace slipway::io::testing
