// Objects as files beneath one folder.
//
//   <root>/<key>                          the objects
//   <root>/.slipway/partial/<id>[.lock]   what an upload with a resume id has received
//   <root>/.slipway/work/, .slipway/lock  see package/layout.h

#include "plugins/stores/file/file_store.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "base/text.h"
#include "contracts/store/store.h"
#include "crypto/digest.h"
#include "io/file_helpers.h"
#include "package/layout.h"

namespace slipway::store {
namespace {

constexpr std::string_view kIndexKey = "index.json";
constexpr std::size_t kPartBytes = std::size_t{1} << 20U;

Error no_object(std::string_view key, const std::string& address) {
  return not_found("store.not_found", std::string(key) + " is not in " + address);
}

/// The file system's errors in the store's words, where there are such.
Error in_store_words(const Error& error, std::string_view key, const std::string& address) {
  if (error.code() == Code::kNotFound || error.id() == "io.kind") return no_object(key, address);
  if (error.id() == "io.disk_full") return resource_exhausted("store.full", error.message());
  if (error.id() == "io.permission") return permission_denied("store.read_only", error.message());
  return error;
}

class FileStore;

/// Receives into `part_`, a file that is renamed into place by commit().
class FileUpload final : public Upload {
 public:
  FileUpload(FileStore& store, std::string key, PutOptions options)
      : store_(store), key_(std::move(key)), options_(std::move(options)) {}
  ~FileUpload() override;

  Status open();
  [[nodiscard]] std::uint64_t kept_bytes() const override { return kept_bytes_; }
  Status read_kept(const Sink& sink) override;
  Status write(ByteView bytes) override;
  Status commit() override;
  void discard() override;

 private:
  Status check_condition();
  Status check_index();
  Status place();

  FileStore& store_;
  std::string key_;
  PutOptions options_;
  std::unique_ptr<package::WorkFolder> work_;  ///< of an upload that is not kept
  std::unique_ptr<io::FileLock> lock_;         ///< of one that is
  std::string part_;
  std::unique_ptr<io::WritableFile> file_;
  std::uint64_t kept_bytes_ = 0;
};

class FileStore final : public Store {
 public:
  FileStore(io::FileSystem& fs, std::string root) : fs_(fs), root_(std::move(root)) {}

  [[nodiscard]] const std::string& address() const override { return root_; }

  Result<ObjectInfo> stat(std::string_view key) override {
    SLIPWAY_TRY(check_key(key));
    const auto file = fs_.open_beneath(root_, key);
    if (!file.ok()) return in_store_words(file.error(), key, root_);
    return info_of(key, **file);
  }

  Status get(std::string_view key, std::uint64_t offset, std::uint64_t length, const Sink& sink) override {
    SLIPWAY_TRY(check_key(key));
    const auto file = fs_.open_beneath(root_, key);
    if (!file.ok()) return in_store_words(file.error(), key, root_);
    const std::uint64_t size = (*file)->size_bytes();
    if (offset > size) {
      return Error(Code::kOutOfRange, "store.range",
                   std::string(key) + " has only " + std::to_string(size) + " bytes");
    }
    std::uint64_t left = std::min(length, size - offset);
    std::vector<std::byte> part(static_cast<std::size_t>(std::min<std::uint64_t>(left, kPartBytes)));
    while (left > 0) {
      const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(left, part.size()));
      SLIPWAY_ASSIGN_OR_RETURN(const std::size_t got,
                               (*file)->read_at(offset, MutableByteView(part).first(want)));
      if (got == 0)
        return data_loss("store.truncated", std::string(key) + " in " + root_ + " became shorter while read");
      SLIPWAY_TRY(sink(ByteView(part).first(got)));
      offset += got;
      left -= got;
    }
    return {};
  }

  Result<std::unique_ptr<Upload>> begin_put(std::string_view key, const PutOptions& options) override {
    SLIPWAY_TRY(check_key(key));
    if (!options.resume_id.empty()) SLIPWAY_TRY(check_key(options.resume_id));
    auto upload = std::make_unique<FileUpload>(*this, std::string(key), options);
    const Status status = upload->open();
    if (!status.ok()) return in_store_words(status.error(), key, root_);
    return std::unique_ptr<Upload>(std::move(upload));
  }

  Result<std::vector<ObjectInfo>> list(std::string_view prefix) override {
    std::vector<ObjectInfo> objects;
    const std::size_t slash = prefix.rfind('/');
    const std::string folder(prefix.substr(0, slash == std::string_view::npos ? 0 : slash));
    if (!folder.empty()) SLIPWAY_TRY(check_key(folder));
    SLIPWAY_TRY(list_folder(folder, prefix, objects));
    std::sort(objects.begin(), objects.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
    return objects;
  }

  Status remove(std::string_view key) override {
    SLIPWAY_TRY(check_key(key));
    // Opened first: no part of the way there may be a link.
    const auto file = fs_.open_beneath(root_, key);
    if (!file.ok()) return in_store_words(file.error(), key, root_);
    SLIPWAY_ASSIGN_OR_RETURN(const auto lock, package::lock_layout(fs_, root_));
    const Status status = fs_.remove(path(key));
    if (!status.ok()) return in_store_words(status.error(), key, root_);
    return fs_.sync_dir(io::folder_of(path(key)));
  }

  [[nodiscard]] io::FileSystem& fs() const { return fs_; }
  [[nodiscard]] std::string path(std::string_view key) const { return io::join_path(root_, key); }

 private:
  /// Blobs are named by their content, so the name tells the version; other files are small, and hashed.
  static Result<ObjectInfo> info_of(std::string_view key, io::ReadableFile& file) {
    ObjectInfo info{std::string(key), file.size_bytes(), ""};
    if (key.starts_with("blobs/")) {
      info.etag = std::string(key.substr(key.rfind('/') + 1)) + "-" + std::to_string(info.size_bytes);
      return info;
    }
    crypto::Sha256 hash;
    SLIPWAY_TRY(io::read_stream(file, 0, [&hash](ByteView part) { return hash.update(part), Status(); }));
    info.etag = hash.digest().hex();
    return info;
  }

  Status list_folder(const std::string& folder, std::string_view prefix, std::vector<ObjectInfo>& objects) {
    const auto entries = fs_.list(folder.empty() ? root_ : path(folder));
    if (!entries.ok()) return entries.code() == Code::kNotFound ? Status() : entries.status();
    for (const io::FolderEntry& entry : *entries) {
      const std::string key = folder.empty() ? entry.name : folder + "/" + entry.name;
      if (!check_key(key).ok()) continue;
      if (entry.kind == io::FileKind::kFolder) {
        const std::string inside = key + "/";
        if (inside.starts_with(prefix) || prefix.starts_with(inside))
          SLIPWAY_TRY(list_folder(key, prefix, objects));
      } else if (entry.kind == io::FileKind::kFile && key.starts_with(prefix)) {
        auto info = stat(key);
        if (info.ok()) objects.push_back(std::move(*info));
        if (!info.ok() && info.code() != Code::kNotFound) return info.error();
      }
    }
    return {};
  }

  io::FileSystem& fs_;
  std::string root_;
};

FileUpload::~FileUpload() {
  if (file_ != nullptr) (void)file_->close();
}

Status FileUpload::open() {
  io::FileSystem& fs = store_.fs();
  if (!options_.resume_id.empty()) {
    const std::string folder = store_.path(".slipway/partial");
    SLIPWAY_TRY(fs.make_dirs(folder));
    const std::string part = io::join_path(folder, options_.resume_id);
    auto lock = fs.lock(part + ".lock", io::LockMode::kTry);
    if (lock.ok()) {
      lock_ = std::move(*lock);
      part_ = part;
      SLIPWAY_ASSIGN_OR_RETURN(file_, fs.create(part_, io::CreateMode::kAppend));
      SLIPWAY_ASSIGN_OR_RETURN(const io::FileInfo info, fs.stat(part_));
      kept_bytes_ = info.size_bytes;
      return {};
    }
    // Somebody else receives the same content: both go on, each for itself.
    if (lock.error().id() != "io.locked") return lock.error();
  }
  SLIPWAY_ASSIGN_OR_RETURN(work_, package::WorkFolder::take(fs, store_.address()));
  part_ = *work_ / "object";
  SLIPWAY_ASSIGN_OR_RETURN(file_, fs.create(part_, io::CreateMode::kExclusive));
  return {};
}

Status FileUpload::read_kept(const Sink& sink) {
  if (kept_bytes_ == 0) return {};
  SLIPWAY_ASSIGN_OR_RETURN(const auto file, store_.fs().open_read(part_));
  SLIPWAY_TRY(io::read_stream(*file, 0, sink));
  return {};
}

Status FileUpload::write(ByteView bytes) {
  const Status status = file_->write(bytes);
  if (status.ok()) return {};
  if (status.error().id() == "io.disk_full")
    discard();  // whoever makes room should find it, not what filled it
  return in_store_words(status.error(), key_, store_.address());
}

void FileUpload::discard() {
  if (file_ != nullptr) (void)file_->close();
  file_.reset();
  (void)store_.fs().remove(part_);
}

Status FileUpload::check_condition() {
  using Condition = PutOptions::Condition;
  if (options_.condition == Condition::kNone) return {};
  const auto info = store_.stat(key_);
  if (!info.ok() && info.code() != Code::kNotFound) return info.error();
  const bool holds =
      options_.condition == Condition::kIfAbsent ? !info.ok() : info.ok() && info->etag == options_.etag;
  if (holds) return {};
  return aborted("store.condition",
                 key_ + " in " + store_.address() + " was written by somebody else in between");
}

/// An index may name only packages that are wholly here. Those that were named before are not looked at
/// again.
Status FileUpload::check_index() {
  io::FileSystem& fs = store_.fs();
  SLIPWAY_ASSIGN_OR_RETURN(const std::string text, io::read_all(fs, part_, package::kMaxIndexBytes));
  SLIPWAY_ASSIGN_OR_RETURN(const auto fresh, package::decode_index(text));
  SLIPWAY_ASSIGN_OR_RETURN(const auto old, package::read_index(fs, store_.address()));
  for (const package::IndexEntry& entry : fresh) {
    const bool known = std::any_of(old.begin(), old.end(), [&entry](const package::IndexEntry& each) {
      return each.manifest.digest == entry.manifest.digest;
    });
    if (known) continue;
    const Status status = package::check_complete(fs, store_.address(), entry.manifest.digest);
    if (!status.ok() && status.error().id() == "package.incomplete") {
      return aborted("store.incomplete", status.error().message());
    }
    if (!status.ok()) return status;
  }
  return {};
}

Status FileUpload::place() {
  io::FileSystem& fs = store_.fs();
  const std::string target = store_.path(key_);
  SLIPWAY_ASSIGN_OR_RETURN(const auto lock, package::lock_layout(fs, store_.address()));
  SLIPWAY_TRY(check_condition());
  if (key_ == kIndexKey) SLIPWAY_TRY(check_index());
  SLIPWAY_TRY(fs.make_dirs(io::folder_of(target)));
  SLIPWAY_TRY(fs.rename(part_, target));
  return fs.sync_dir(io::folder_of(target));
}

Status FileUpload::commit() {
  Status status = file_->sync();
  if (status.ok()) status = file_->close();
  file_.reset();
  if (status.ok()) status = place();
  if (status.ok()) return {};
  if (!options_.resume_id.empty() && status.error().id() == "store.condition") discard();
  return in_store_words(status.error(), key_, store_.address());
}

class FileStoreFactory final : public StoreFactory {
 public:
  explicit FileStoreFactory(const Host& host) : host_(host) {}
  [[nodiscard]] std::string_view name() const override { return "file"; }
  [[nodiscard]] std::vector<std::string> schemes() const override { return {"file", ""}; }

  Result<std::unique_ptr<Store>> open(const std::string& address, OpenMode mode) override {
    std::string root = address;
    if (root.starts_with("file://")) root = root.substr(7);
    if (root.empty() || root.find("://") != std::string::npos || (root != address && root.front() != '/')) {
      return invalid_argument(
          "store.address",
          "'" + printable(address, 200) + "' is no folder: write a path, or file:/// and an absolute path");
    }
    while (root.size() > 1 && root.ends_with('/')) root.pop_back();
    io::FileSystem& fs = *host_.files;
    if (mode == OpenMode::kCreate) {
      const Status status = package::create_layout(fs, root);
      if (!status.ok()) return in_store_words(status.error(), "oci-layout", root);
    } else {
      SLIPWAY_ASSIGN_OR_RETURN(const bool there, package::is_layout(fs, root));
      if (!there) return not_found("store.not_found", root + " holds no packages: it has no file oci-layout");
    }
    return std::unique_ptr<Store>(std::make_unique<FileStore>(fs, root));
  }

 private:
  Host host_;
};

}  // namespace
}  // namespace slipway::store

namespace slipway {

std::unique_ptr<store::StoreFactory> make_store_file(const store::Host& host) {
  return std::make_unique<store::FileStoreFactory>(host);
}

}  // namespace slipway
