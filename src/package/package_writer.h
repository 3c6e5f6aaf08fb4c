// Making a package in a store's folder.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "io/filesystem.h"
#include "package/layout.h"
#include "package/local_store.h"
#include "package/manifest.h"
#include "package/path_set.h"

namespace slipway::package {

/// Collects files, then makes them a package in one step. Before finish() succeeds nobody sees anything of
/// it, and when it fails, or the process ends, nothing stays. The same files and manifest give the same
/// digest, whatever the order, time or machine. Thread: external lock.
class PackageWriter {
 public:
  /// Files above this size, and the model, are a layer each; smaller ones share a tar.
  static constexpr std::uint64_t kBundleBytes = std::uint64_t{1} << 20U;

  /// Makes the store where there is none. Borrows: fs, clock.
  static Result<std::unique_ptr<PackageWriter>> create(io::FileSystem& fs, const Clock& clock,
                                                       std::string root);

  /// Copies a file into the package as `path`, hashing as it goes.
  /// Errors: io.path, package.path_twice, package.too_many_files; the FileSystem's.
  Status add_file(const std::string& path, const std::string& source);
  Status add_bytes(const std::string& path, ByteView content);

  /// Packs everything added. `manifest` as it shall be, without `files` and `set`, which are filled in. Once
  /// only. Errors: package.manifest, package.version_taken; the FileSystem's.
  Result<StoredPackage> finish(Manifest manifest, IfTaken if_taken = IfTaken::kRefuse);

 private:
  struct Staged {
    std::string path;
    std::string file;  ///< where its bytes are
    FileEntry entry;
  };
  struct Blob {
    std::string file;
    Descriptor descriptor;
  };

  PackageWriter(io::FileSystem& fs, const Clock& clock, std::string root, std::unique_ptr<WorkFolder> work)
      : fs_(fs), clock_(clock), root_(std::move(root)), work_(std::move(work)) {}

  Status begin_file(const std::string& path);
  Result<Blob> write_blob(std::string_view media_type, std::string_view content);
  Result<Blob> write_tar(std::string_view media_type, std::vector<Staged*>& members);
  Status make_layers(const std::string& model, std::vector<Blob>& layers);
  Result<Blob> make_manifest(Manifest& manifest, std::vector<Blob>& blobs);
  Status commit(const std::vector<Blob>& blobs, StoredPackage& package, const Descriptor& manifest,
                IfTaken if_taken);
  Status move_blobs(const std::vector<Blob>& blobs, std::vector<std::string>& made);

  io::FileSystem& fs_;
  const Clock& clock_;
  std::string root_;
  std::unique_ptr<WorkFolder> work_;
  PathSet paths_;
  std::vector<Staged> staged_;
  std::size_t next_file_ = 0;
};

}  // namespace slipway::package
