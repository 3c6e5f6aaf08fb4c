// Packages in a folder of this machine: $SLIPWAY_HOME/store, or any folder with an OCI image layout.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "crypto/digest.h"
#include "io/filesystem.h"
#include "package/catalog.h"
#include "package/package.h"
#include "package/reference.h"

namespace slipway::package {

struct RemoveReport {
  std::vector<StoredPackage> packages;
  std::size_t blobs = 0;
  std::uint64_t bytes = 0;  ///< of those blobs
};

/// Other processes may read and write the same folder at the same time; each call sees one state of the
/// index. Thread: safe.
class LocalStore {
 public:
  /// Touches nothing; a folder that does not exist is an empty store. Borrows: fs, clock.
  LocalStore(io::FileSystem& fs, const Clock& clock, std::string root)
      : fs_(fs), clock_(clock), root_(std::move(root)) {}

  [[nodiscard]] const std::string& root() const { return root_; }

  /// All packages, by name, then from the oldest version to the newest (order_versions). Names of other
  /// programs are left out. Errors: package.index; the FileSystem's.
  Result<std::vector<StoredPackage>> list() const;

  /// The package meant: the newest version where none is given, the only package where no name is given.
  /// Errors: package.not_found (did you mean), package.version_not_found (names those there are),
  /// package.ambiguous, package.digest_not_found (the name stands for another digest now).
  Result<StoredPackage> resolve(const PackageName& name) const;

  /// resolve() and Package::open().
  Result<std::unique_ptr<Package>> open(const PackageName& name) const;

  /// Takes names out of the store: one version, or all versions where none is given; and the blobs that no
  /// other package needs. Who has the package open keeps reading it. Errors: those of resolve(). When the
  /// index could not be changed, nothing is removed.
  Result<RemoveReport> remove(const PackageName& name);

  /// Removes blobs that no package needs and that are older than `min_age` (younger ones may belong to a copy
  /// that is under way), and what killed processes left.
  Result<RemoveReport> collect(Duration min_age = std::chrono::hours(24));

 private:
  io::FileSystem& fs_;
  const Clock& clock_;
  std::string root_;
};

}  // namespace slipway::package
