#include "package/layout.h"

#include <utility>

#include "base/text.h"
#include "io/file_helpers.h"

namespace slipway::package {
namespace {

constexpr std::size_t kMaxWriters = 1000;

std::string own_path(const std::string& root, std::string_view name) {
  return io::join_path(io::join_path(root, ".slipway"), name);
}

Error missing_blob(const std::string& root, const crypto::Digest& digest) {
  return data_loss("package.blob_missing", "the blob " + digest.to_string() + " is not in " + root +
                                               "; copy or pack the package again");
}

Status check_size(io::FileSystem& fs, const std::string& root, const Descriptor& blob) {
  const auto info = fs.stat(blob_path(root, blob.digest));
  if (!info.ok() && info.code() != Code::kNotFound) return info.error();
  if (info.ok() && info->size_bytes == blob.size_bytes) return {};
  return aborted("package.incomplete", "the blob " + blob.digest.to_string() + " is not in " + root +
                                           ", or only a part of it; copy the package again");
}

Status put_if_missing(io::FileSystem& fs, const std::string& path, std::string_view content) {
  SLIPWAY_ASSIGN_OR_RETURN(const bool there, io::exists(fs, path));
  return there ? Status() : io::write_atomically(fs, path, as_bytes(content));
}

}  // namespace

std::string blob_path(const std::string& root, const crypto::Digest& digest) {
  return io::join_path(root, "blobs/sha256/" + digest.hex());
}

std::string index_path(const std::string& root) { return io::join_path(root, "index.json"); }

Result<bool> is_layout(io::FileSystem& fs, const std::string& root) {
  const auto info = fs.stat(io::join_path(root, "oci-layout"));
  if (info.ok()) return true;
  if (info.code() == Code::kNotFound || info.error().id() == "io.kind") return false;
  return info.error();
}

Status create_layout(io::FileSystem& fs, const std::string& root) {
  SLIPWAY_TRY(fs.make_dirs(io::join_path(root, "blobs/sha256")));
  SLIPWAY_TRY(fs.make_dirs(own_path(root, "work")));
  SLIPWAY_ASSIGN_OR_RETURN(const auto lock, lock_layout(fs, root));
  SLIPWAY_TRY(put_if_missing(fs, index_path(root), encode_index({})));
  return put_if_missing(fs, io::join_path(root, "oci-layout"), kLayoutFile);
}

Result<std::unique_ptr<io::FileLock>> lock_layout(io::FileSystem& fs, const std::string& root) {
  return fs.lock(own_path(root, "lock"), io::LockMode::kWait);
}

Result<std::vector<IndexEntry>> read_index(io::FileSystem& fs, const std::string& root) {
  const auto text = io::read_all(fs, index_path(root), kMaxIndexBytes);
  if (!text.ok()) {
    if (text.code() == Code::kNotFound) return std::vector<IndexEntry>();
    return text.error();
  }
  auto entries = decode_index(*text);
  if (!entries.ok()) return entries.error().within(root);
  return entries;
}

Status replace_index(io::FileSystem& fs, const std::string& root, const std::vector<IndexEntry>& entries) {
  return io::replace_file(fs, index_path(root), as_bytes(encode_index(entries)));
}

Result<std::string> read_blob(io::FileSystem& fs, const std::string& root, const Descriptor& descriptor,
                              std::uint64_t max_bytes) {
  auto text = io::read_all(fs, blob_path(root, descriptor.digest), max_bytes);
  if (!text.ok()) {
    if (text.code() == Code::kNotFound) return missing_blob(root, descriptor.digest);
    return text.error();
  }
  if (crypto::Sha256::of(*text) == descriptor.digest) return text;
  return data_loss("package.digest_mismatch",
                   "the blob " + descriptor.digest.to_string() + " in " + root +
                       " is damaged: its content has another digest; copy or pack the "
                       "package again");
}

Result<OciManifest> read_oci_manifest(io::FileSystem& fs, const std::string& root,
                                      const crypto::Digest& digest) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::string text,
                           read_blob(fs, root, Descriptor{"", digest, 0, {}}, kMaxOciManifestBytes));
  auto manifest = decode_oci_manifest(text);
  if (!manifest.ok()) return manifest.error().within(digest.to_string());
  return manifest;
}

Status check_complete(io::FileSystem& fs, const std::string& root, const crypto::Digest& digest) {
  const auto manifest = read_oci_manifest(fs, root, digest);
  if (!manifest.ok()) {
    if (manifest.error().id() != "package.blob_missing") return manifest.error();
    return aborted("package.incomplete", manifest.error().message());
  }
  SLIPWAY_TRY(check_size(fs, root, manifest->config));
  for (const Descriptor& layer : manifest->layers) SLIPWAY_TRY(check_size(fs, root, layer));
  return {};
}

Result<std::unique_ptr<WorkFolder>> WorkFolder::take(io::FileSystem& fs, const std::string& root) {
  for (std::size_t n = 0; n < kMaxWriters; ++n) {
    const std::string path = own_path(root, "work/" + std::to_string(n));
    auto lock = fs.lock(path + ".lock", io::LockMode::kTry);
    if (!lock.ok()) {
      if (lock.error().id() == "io.locked") continue;
      return lock.error();
    }
    SLIPWAY_TRY(io::remove_tree(fs, path));
    SLIPWAY_TRY(fs.make_dir(path));
    return std::unique_ptr<WorkFolder>(new WorkFolder(fs, path, std::move(*lock)));
  }
  return resource_exhausted("package.writers",
                            "more than " + std::to_string(kMaxWriters) + " writers in " + root);
}

WorkFolder::~WorkFolder() {
  // What cannot be removed now is removed by the next writer.
  (void)io::remove_tree(fs_, path_);
}

Status clean_partial(io::FileSystem& fs, const std::string& root, WallTime before) {
  const std::string folder = own_path(root, "partial");
  auto entries = fs.list(folder);
  if (!entries.ok()) return entries.code() == Code::kNotFound ? Status() : entries.status();
  for (const io::FolderEntry& entry : *entries) {
    const std::string path = io::join_path(folder, entry.name);
    const auto info = fs.stat(path);
    if (!info.ok() || info->modified > before) continue;
    const Status status = fs.remove(path);
    if (!status.ok() && status.code() != Code::kNotFound) return status;
  }
  return {};
}

Status clean_work_folders(io::FileSystem& fs, const std::string& root) {
  auto entries = fs.list(own_path(root, "work"));
  if (!entries.ok()) return entries.code() == Code::kNotFound ? Status() : entries.status();
  for (const io::FolderEntry& entry : *entries) {
    if (entry.kind != io::FileKind::kFolder) continue;
    const std::string path = own_path(root, "work/" + entry.name);
    const auto lock = fs.lock(path + ".lock", io::LockMode::kTry);
    if (lock.ok()) SLIPWAY_TRY(io::remove_tree(fs, path));
  }
  return {};
}

}  // namespace slipway::package
