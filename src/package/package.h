// One package in a store's folder, opened for reading. Everything it gives was checked against its digest
// first.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "crypto/digest.h"
#include "io/filesystem.h"
#include "io/tar.h"
#include "package/manifest.h"
#include "package/oci.h"

namespace slipway::package {

struct VerifyReport {
  std::size_t blobs = 0;
  std::size_t files = 0;
  std::uint64_t bytes = 0;  ///< of all blobs
};

/// Thread: safe.
class Package {
 public:
  /// Reads the manifests, nothing else. Borrows: fs.
  /// Errors: package.blob_missing, package.digest_mismatch, package.foreign (an artifact of another kind),
  /// package.oci_manifest, package.manifest, package.format, package.layers (the two manifests do not fit
  /// each other).
  static Result<std::unique_ptr<Package>> open(io::FileSystem& fs, std::string root,
                                               const crypto::Digest& digest);

  [[nodiscard]] const crypto::Digest& digest() const { return digest_; }
  [[nodiscard]] const Manifest& manifest() const { return manifest_; }
  [[nodiscard]] const OciManifest& oci_manifest() const { return oci_; }
  /// Of all blobs together, the manifest included.
  [[nodiscard]] std::uint64_t size_bytes() const { return size_bytes_; }

  /// The entry of a file, or null. `slipway/package.json` has none.
  [[nodiscard]] const FileEntry* find(std::string_view path) const;

  /// The content of a file, in the store's own pages. The first call for a path hashes it; later ones cost a
  /// lookup. Borrows: valid while this object lives, also after the package was removed from the store.
  /// Errors: package.file_missing (did you mean), package.blob_missing, package.digest_mismatch.
  Result<ByteView> view(std::string_view path);

  /// Checks every byte: each blob, each file in it, the index, the configuration, the set digest.
  /// Errors: package.damaged with one fault per damaged or missing blob, naming it and the files in it.
  Result<VerifyReport> verify();

  /// Writes all files, slipway/package.json too, into `folder`, which must be new or empty. They appear all
  /// at once; after a failure nothing is there. Errors: io.exists; those of view().
  Status unpack(const std::string& folder);

 private:
  struct Blob {
    std::unique_ptr<io::MappedFile> map;
    std::vector<io::TarEntry> entries;  ///< of tars
  };
  Package(io::FileSystem& fs, std::string root, const crypto::Digest& digest)
      : fs_(fs), root_(std::move(root)), digest_(digest) {}

  Status load();
  Status check_layers() const;
  [[nodiscard]] bool is_tar(const crypto::Digest& layer) const;
  Result<const Blob*> blob(const crypto::Digest& digest);
  Result<ByteView> locate(const FileEntry& file);
  Status verify_blob(const Descriptor& descriptor);
  Status verify_files(const Descriptor& layer);
  Status verify_config();
  [[nodiscard]] std::string files_in(const crypto::Digest& layer) const;
  Status unpack_into(const std::string& folder);

  io::FileSystem& fs_;
  std::string root_;
  crypto::Digest digest_;
  OciManifest oci_;
  Manifest manifest_;
  std::string manifest_text_;
  std::uint64_t size_bytes_ = 0;
  std::mutex mutex_;
  std::map<crypto::Digest, Blob> blobs_;
  std::map<std::string, ByteView, std::less<>> checked_;
};

}  // namespace slipway::package
