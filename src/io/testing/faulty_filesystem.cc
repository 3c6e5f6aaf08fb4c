#include "io/testing/faulty_filesystem.h"

#include <signal.h>
#include <unistd.h>

namespace slipway::io::testing {
namespace {

class FaultyReadableFile final : public ReadableFile {
 public:
  FaultyReadableFile(FaultyFileSystem& fs, std::unique_ptr<ReadableFile> base, std::string path)
      : fs_(fs), base_(std::move(base)), path_(std::move(path)) {
    fs_.note_opened(1);
  }
  ~FaultyReadableFile() override { fs_.note_opened(-1); }
  [[nodiscard]] std::uint64_t size_bytes() const override { return base_->size_bytes(); }
  Result<std::size_t> read_at(std::uint64_t offset, MutableByteView out) override {
    SLIPWAY_TRY(fs_.step("read", path_));
    return base_->read_at(offset, out);
  }

 private:
  FaultyFileSystem& fs_;
  std::unique_ptr<ReadableFile> base_;
  std::string path_;
};

class FaultyWritableFile final : public WritableFile {
 public:
  FaultyWritableFile(FaultyFileSystem& fs, std::unique_ptr<WritableFile> base, std::string path)
      : fs_(fs), base_(std::move(base)), path_(std::move(path)) {
    fs_.note_opened(1);
  }
  ~FaultyWritableFile() override { fs_.note_opened(-1); }
  Status write(ByteView bytes) override {
    Status fault = fs_.step("write", path_);
    if (!fault.ok()) {
      (void)base_->write(bytes.first(bytes.size() / 2));
      return fault;
    }
    return base_->write(bytes);
  }
  Status sync() override {
    SLIPWAY_TRY(fs_.step("sync", path_));
    return base_->sync();
  }
  Status close() override {
    SLIPWAY_TRY(fs_.step("close", path_));
    return base_->close();
  }

 private:
  FaultyFileSystem& fs_;
  std::unique_ptr<WritableFile> base_;
  std::string path_;
};

}  // namespace

void FaultyFileSystem::fail_at(std::uint64_t nth, Persistence persistence, int cause) {
  const std::lock_guard lock(mutex_);
  calls_ = 0;
  fail_at_ = nth;
  persistence_ = persistence;
  cause_ = cause;
  fired_ = false;
}

void FaultyFileSystem::kill_at(std::uint64_t nth) {
  heal();
  const std::lock_guard lock(mutex_);
  kill_at_ = nth;
}

std::uint64_t FaultyFileSystem::calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}

bool FaultyFileSystem::fired() const {
  const std::lock_guard lock(mutex_);
  return fired_;
}

std::int64_t FaultyFileSystem::open_files() const {
  const std::lock_guard lock(mutex_);
  return open_files_;
}

void FaultyFileSystem::note_opened(int change) {
  const std::lock_guard lock(mutex_);
  open_files_ += change;
}

Status FaultyFileSystem::step(std::string_view what, std::string_view path) {
  const std::lock_guard lock(mutex_);
  ++calls_;
  if (calls_ == kill_at_) (void)::kill(::getpid(), SIGKILL);
  const bool fails =
      fail_at_ != 0 && (persistence_ == Persistence::kOnce ? calls_ == fail_at_ : calls_ >= fail_at_);
  if (!fails) return {};
  fired_ = true;
  return error_from_errno(cause_, what, path);
}

Result<std::unique_ptr<ReadableFile>> FaultyFileSystem::open_read(const std::string& path) {
  SLIPWAY_TRY(step("open", path));
  SLIPWAY_ASSIGN_OR_RETURN(auto file, base_.open_read(path));
  return std::unique_ptr<ReadableFile>(std::make_unique<FaultyReadableFile>(*this, std::move(file), path));
}

Result<std::unique_ptr<WritableFile>> FaultyFileSystem::create(const std::string& path, CreateMode mode) {
  SLIPWAY_TRY(step("create", path));
  SLIPWAY_ASSIGN_OR_RETURN(auto file, base_.create(path, mode));
  return std::unique_ptr<WritableFile>(std::make_unique<FaultyWritableFile>(*this, std::move(file), path));
}

Result<std::unique_ptr<MappedFile>> FaultyFileSystem::map(const std::string& path) {
  SLIPWAY_TRY(step("map", path));
  return base_.map(path);
}

Result<FileInfo> FaultyFileSystem::stat(const std::string& path) {
  SLIPWAY_TRY(step("look at", path));
  return base_.stat(path);
}

Result<std::vector<FolderEntry>> FaultyFileSystem::list(const std::string& folder) {
  SLIPWAY_TRY(step("list", folder));
  return base_.list(folder);
}

Status FaultyFileSystem::make_dir(const std::string& folder) {
  SLIPWAY_TRY(step("make the folder", folder));
  return base_.make_dir(folder);
}

Status FaultyFileSystem::make_dirs(const std::string& folder) {
  SLIPWAY_TRY(step("make the folder", folder));
  return base_.make_dirs(folder);
}

Status FaultyFileSystem::rename(const std::string& from, const std::string& to) {
  SLIPWAY_TRY(step("rename", to));
  return base_.rename(from, to);
}

Status FaultyFileSystem::rename_no_replace(const std::string& from, const std::string& to) {
  SLIPWAY_TRY(step("rename", to));
  return base_.rename_no_replace(from, to);
}

Status FaultyFileSystem::remove(const std::string& path) {
  SLIPWAY_TRY(step("remove", path));
  return base_.remove(path);
}

Status FaultyFileSystem::set_executable(const std::string& path) {
  SLIPWAY_TRY(step("change the mode of", path));
  return base_.set_executable(path);
}

Status FaultyFileSystem::sync_dir(const std::string& folder) {
  SLIPWAY_TRY(step("sync", folder));
  return base_.sync_dir(folder);
}

Result<std::unique_ptr<FileLock>> FaultyFileSystem::lock(const std::string& path, LockMode mode) {
  SLIPWAY_TRY(step("lock", path));
  return base_.lock(path, mode);
}

Result<std::uint64_t> FaultyFileSystem::disk_free(const std::string& path) {
  SLIPWAY_TRY(step("look at", path));
  return base_.disk_free(path);
}

Result<std::unique_ptr<ReadableFile>> FaultyFileSystem::open_beneath(const std::string& root,
                                                                     std::string_view relative) {
  SLIPWAY_TRY(step("open", relative));
  SLIPWAY_ASSIGN_OR_RETURN(auto file, base_.open_beneath(root, relative));
  return std::unique_ptr<ReadableFile>(
      std::make_unique<FaultyReadableFile>(*this, std::move(file), join_path(root, relative)));
}

Result<std::unique_ptr<WritableFile>> FaultyFileSystem::create_beneath(const std::string& root,
                                                                       std::string_view relative) {
  SLIPWAY_TRY(step("create", relative));
  SLIPWAY_ASSIGN_OR_RETURN(auto file, base_.create_beneath(root, relative));
  return std::unique_ptr<WritableFile>(
      std::make_unique<FaultyWritableFile>(*this, std::move(file), join_path(root, relative)));
}

}  // namespace slipway::io::testing
