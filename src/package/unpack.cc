#include "io/file_helpers.h"
#include "package/package.h"

namespace slipway::package {
namespace {

constexpr std::size_t kMaxTries = 100;

/// A new folder beside `folder`, on the same device.
Result<std::string> make_folder_beside(io::FileSystem& fs, const std::string& folder) {
  SLIPWAY_TRY(fs.make_dirs(io::folder_of(folder)));
  for (std::size_t n = 0;; ++n) {
    std::string path = folder + ".unpacking-" + std::to_string(n);
    const Status status = fs.make_dir(path);
    if (status.ok()) return path;
    if (status.code() != Code::kAlreadyExists || n == kMaxTries) return status.error();
  }
}

Status write_file(io::FileSystem& fs, const std::string& root, const std::string& path, ByteView content) {
  SLIPWAY_ASSIGN_OR_RETURN(const auto file, fs.create_beneath(root, path));
  SLIPWAY_TRY(file->write(content));
  return file->close();
}

}  // namespace

Status Package::unpack_into(const std::string& folder) {
  SLIPWAY_TRY(write_file(fs_, folder, std::string(kManifestPath), as_bytes(manifest_text_)));
  for (const FileEntry& file : manifest_.files) {
    SLIPWAY_ASSIGN_OR_RETURN(const ByteView content, view(file.path));
    SLIPWAY_TRY(write_file(fs_, folder, file.path, content));
    if (file.executable) SLIPWAY_TRY(fs_.set_executable(io::join_path(folder, file.path)));
  }
  return {};
}

Status Package::unpack(const std::string& folder) {
  std::string target = folder;
  while (target.size() > 1 && target.ends_with('/')) target.pop_back();
  SLIPWAY_ASSIGN_OR_RETURN(const std::string fresh, make_folder_beside(fs_, target));
  Status status = unpack_into(fresh);
  if (status.ok()) status = fs_.rename(fresh, target);
  if (!status.ok()) {
    (void)io::remove_tree(fs_, fresh);
    return status;
  }
  return fs_.sync_dir(io::folder_of(target));
}

}  // namespace slipway::package
