// The folder of a store: an OCI image layout, and beside it one folder of our own for locks and unfinished
// work.
//
//   oci-layout  index.json  blobs/sha256/<hex>      the layout, as every OCI tool reads it
//   .slipway/lock                                   held by whoever changes index.json or removes blobs
//   .slipway/partial/<id>                         what a copy has received of one blob so far; see
//   plugins/stores/file .slipway/work/<n>/  .slipway/work/<n>.lock      what a writer has not finished;
//   nobody's once its lock is free
//
// A blob is written in a work folder and renamed into blobs/ when it is whole; index.json is replaced in one
// step and last. So whatever moment a process ends at, the layout is valid, and what it left behind is
// cleaned up by the next one.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "crypto/digest.h"
#include "io/filesystem.h"
#include "package/oci.h"

namespace slipway::package {

[[nodiscard]] std::string blob_path(const std::string& root, const crypto::Digest& digest);
[[nodiscard]] std::string index_path(const std::string& root);

/// True when `root` holds an OCI layout. Errors: the FileSystem's.
Result<bool> is_layout(io::FileSystem& fs, const std::string& root);
/// Makes what is missing of a layout.
Status create_layout(io::FileSystem& fs, const std::string& root);
/// Holds the layout against all other writers. Precondition: created.
Result<std::unique_ptr<io::FileLock>> lock_layout(io::FileSystem& fs, const std::string& root);

/// Empty where there is no layout. Errors: package.index.
Result<std::vector<IndexEntry>> read_index(io::FileSystem& fs, const std::string& root);
/// Precondition: lock_layout is held.
Status replace_index(io::FileSystem& fs, const std::string& root, const std::vector<IndexEntry>& entries);

/// A manifest blob, checked against its digest.
/// Errors: package.blob_missing, package.digest_mismatch, package.foreign, package.oci_manifest.
Result<OciManifest> read_oci_manifest(io::FileSystem& fs, const std::string& root,
                                      const crypto::Digest& digest);

/// Whether all blobs of a manifest are there, with their sizes. Cost: their content is not read.
/// Errors: package.incomplete, naming the first that is not.
Status check_complete(io::FileSystem& fs, const std::string& root, const crypto::Digest& manifest);

/// Copies of a file's bytes: small ones as a whole, checked. Errors: package.blob_missing,
/// package.digest_mismatch.
Result<std::string> read_blob(io::FileSystem& fs, const std::string& root, const Descriptor& descriptor,
                              std::uint64_t max_bytes);

/// A folder for one writer's unfinished files, empty at first, removed with everything in it when destroyed
/// or, after the process was killed, when the next writer comes. Thread: external lock.
class WorkFolder {
 public:
  /// Borrows: fs. Errors: the FileSystem's.
  static Result<std::unique_ptr<WorkFolder>> take(io::FileSystem& fs, const std::string& root);
  ~WorkFolder();
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string operator/(std::string_view name) const { return io::join_path(path_, name); }

 private:
  WorkFolder(io::FileSystem& fs, std::string path, std::unique_ptr<io::FileLock> lock)
      : fs_(fs), path_(std::move(path)), lock_(std::move(lock)) {}

  io::FileSystem& fs_;
  std::string path_;
  std::unique_ptr<io::FileLock> lock_;
};

/// Removes what interrupted copies left in .slipway/partial/ and did not go on with since `before`.
Status clean_partial(io::FileSystem& fs, const std::string& root, WallTime before);

/// Removes the work folders that nobody holds any more.
Status clean_work_folders(io::FileSystem& fs, const std::string& root);

}  // namespace slipway::package
