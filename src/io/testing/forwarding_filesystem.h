// A FileSystem that hands every call on, for tests that replace a single one.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/filesystem.h"

namespace slipway::io::testing {

/// Borrows: base. Thread: safe.
class ForwardingFileSystem : public FileSystem {
 public:
  explicit ForwardingFileSystem(FileSystem& base) : base_(base) {}

  Result<std::unique_ptr<ReadableFile>> open_read(const std::string& path) override {
    return base_.open_read(path);
  }
  Result<std::unique_ptr<WritableFile>> create(const std::string& path, CreateMode mode) override {
    return base_.create(path, mode);
  }
  Result<std::unique_ptr<MappedFile>> map(const std::string& path) override { return base_.map(path); }
  Result<FileInfo> stat(const std::string& path) override { return base_.stat(path); }
  Result<std::vector<FolderEntry>> list(const std::string& folder) override { return base_.list(folder); }
  Status make_dir(const std::string& folder) override { return base_.make_dir(folder); }
  Status make_dirs(const std::string& folder) override { return base_.make_dirs(folder); }
  Status rename(const std::string& from, const std::string& to) override { return base_.rename(from, to); }
  Status rename_no_replace(const std::string& from, const std::string& to) override {
    return base_.rename_no_replace(from, to);
  }
  Status remove(const std::string& path) override { return base_.remove(path); }
  Status set_executable(const std::string& path) override { return base_.set_executable(path); }
  Status sync_dir(const std::string& folder) override { return base_.sync_dir(folder); }
  Result<std::unique_ptr<FileLock>> lock(const std::string& path, LockMode mode) override {
    return base_.lock(path, mode);
  }
  Result<std::uint64_t> disk_free(const std::string& path) override { return base_.disk_free(path); }
  Result<std::unique_ptr<ReadableFile>> open_beneath(const std::string& root,
                                                     std::string_view relative) override {
    return base_.open_beneath(root, relative);
  }
  Result<std::unique_ptr<WritableFile>> create_beneath(const std::string& root,
                                                       std::string_view relative) override {
    return base_.create_beneath(root, relative);
  }

 private:
  FileSystem& base_;
};

}  // namespace slipway::io::testing
