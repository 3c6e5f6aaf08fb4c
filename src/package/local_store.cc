#include "package/local_store.h"

#include <algorithm>
#include <set>

#include "io/file_helpers.h"
#include "package/catalog.h"
#include "package/layout.h"

namespace slipway::package {
namespace {

std::optional<std::uint64_t> blob_bytes(io::FileSystem& fs, const std::string& root,
                                        const Descriptor& descriptor) {
  const auto manifest = read_oci_manifest(fs, root, descriptor.digest);
  if (!manifest.ok()) return std::nullopt;
  std::uint64_t total = descriptor.size_bytes + manifest->config.size_bytes;
  for (const Descriptor& layer : manifest->layers) total += layer.size_bytes;
  return total;
}

/// What the manifests of `entries` need. Nothing when one cannot be read: then nobody knows, and nothing may
/// be removed.
std::optional<std::set<crypto::Digest>> needed_blobs(io::FileSystem& fs, const std::string& root,
                                                     const std::vector<IndexEntry>& entries) {
  std::set<crypto::Digest> needed;
  for (const IndexEntry& entry : entries) {
    const auto manifest = read_oci_manifest(fs, root, entry.manifest.digest);
    if (!manifest.ok()) return std::nullopt;
    needed.insert(entry.manifest.digest);
    needed.insert(manifest->config.digest);
    for (const Descriptor& layer : manifest->layers) needed.insert(layer.digest);
  }
  return needed;
}

/// Removes the blobs of `candidates` that are not needed. What cannot be removed waits for the next
/// collect().
void remove_blobs(io::FileSystem& fs, const std::string& root, const std::set<crypto::Digest>& candidates,
                  const std::set<crypto::Digest>& needed, RemoveReport& report) {
  for (const crypto::Digest& digest : candidates) {
    if (needed.contains(digest)) continue;
    const auto info = fs.stat(blob_path(root, digest));
    if (!info.ok() || !fs.remove(blob_path(root, digest)).ok()) continue;
    ++report.blobs;
    report.bytes += info->size_bytes;
  }
}

}  // namespace

Result<std::vector<StoredPackage>> LocalStore::list() const {
  SLIPWAY_ASSIGN_OR_RETURN(const auto entries, read_index(fs_, root_));
  std::vector<StoredPackage> packages = packages_of(entries);
  for (StoredPackage& package : packages) {
    for (const IndexEntry& entry : entries) {
      if (entry.manifest.digest != package.digest) continue;
      package.size_bytes = blob_bytes(fs_, root_, entry.manifest);
      break;
    }
  }
  return packages;
}

Result<StoredPackage> LocalStore::resolve(const PackageName& name) const {
  SLIPWAY_ASSIGN_OR_RETURN(const auto entries, read_index(fs_, root_));
  SLIPWAY_ASSIGN_OR_RETURN(const auto packages, select(root_, name, packages_of(entries)));
  return packages.back();
}

Result<std::unique_ptr<Package>> LocalStore::open(const PackageName& name) const {
  SLIPWAY_ASSIGN_OR_RETURN(const StoredPackage package, resolve(name));
  return Package::open(fs_, root_, package.digest);
}

Result<RemoveReport> LocalStore::remove(const PackageName& name) {
  SLIPWAY_TRY(resolve(name));
  SLIPWAY_ASSIGN_OR_RETURN(const auto lock, lock_layout(fs_, root_));
  SLIPWAY_ASSIGN_OR_RETURN(auto entries, read_index(fs_, root_));
  RemoveReport report;
  SLIPWAY_ASSIGN_OR_RETURN(report.packages, select(root_, name, packages_of(entries)));
  std::vector<IndexEntry> removed;
  std::vector<IndexEntry> kept;
  for (IndexEntry& entry : entries) {
    const auto package = stored_package(entry);
    const bool goes =
        package && std::any_of(report.packages.begin(), report.packages.end(), [&](const auto& each) {
          return each.name == package->name && each.version == package->version;
        });
    (goes ? removed : kept).push_back(std::move(entry));
  }
  // Asked before the index changes: afterwards a damaged manifest could not be told from a removed one.
  std::set<crypto::Digest> candidates;
  for (const IndexEntry& entry : removed) {
    if (const auto blobs = needed_blobs(fs_, root_, {entry})) candidates.insert(blobs->begin(), blobs->end());
    candidates.insert(entry.manifest.digest);
  }
  SLIPWAY_TRY(replace_index(fs_, root_, kept));
  SLIPWAY_TRY(fs_.sync_dir(root_));
  if (const auto needed = needed_blobs(fs_, root_, kept))
    remove_blobs(fs_, root_, candidates, *needed, report);
  return report;
}

Result<RemoveReport> LocalStore::collect(Duration min_age) {
  RemoveReport report;
  SLIPWAY_ASSIGN_OR_RETURN(const bool there, is_layout(fs_, root_));
  if (!there) return report;
  SLIPWAY_TRY(create_layout(fs_, root_));  // also layouts that another program made get a lock
  SLIPWAY_ASSIGN_OR_RETURN(const auto lock, lock_layout(fs_, root_));
  SLIPWAY_TRY(clean_work_folders(fs_, root_));
  SLIPWAY_TRY(clean_partial(fs_, root_, clock_.wall_now() - min_age));
  SLIPWAY_ASSIGN_OR_RETURN(const auto entries, read_index(fs_, root_));
  const auto needed = needed_blobs(fs_, root_, entries);
  if (!needed) {
    return failed_precondition("package.damaged",
                               "a manifest in " + root_ +
                                   " cannot be read, or is of a kind that is not known, so nothing "
                                   "can be removed safely; see 'slipway verify'");
  }
  SLIPWAY_ASSIGN_OR_RETURN(const auto files, fs_.list(io::join_path(root_, "blobs/sha256")));
  std::set<crypto::Digest> old;
  for (const io::FolderEntry& file : files) {
    const auto digest = crypto::Digest::parse_hex(file.name);
    if (!digest.ok()) continue;
    const auto info = fs_.stat(blob_path(root_, *digest));
    if (info.ok() && info->modified + min_age <= clock_.wall_now()) old.insert(*digest);
  }
  remove_blobs(fs_, root_, old, *needed, report);
  return report;
}

}  // namespace slipway::package
