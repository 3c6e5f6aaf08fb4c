// What a store's index says about packages: pure functions on its entries, for local and remote stores alike.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "crypto/digest.h"
#include "package/oci.h"
#include "package/reference.h"

namespace slipway::package {

/// One name in a store.
struct StoredPackage {
  std::string name;
  std::string version;
  crypto::Digest digest;
  WallTime packed{};  ///< by the clock of the machine that packed it
  std::optional<std::uint64_t>
      size_bytes;  ///< of its blobs; nothing when it was not, or cannot be, found out

  [[nodiscard]] std::string to_string() const { return name + ":" + version; }
};

/// What happens when the name and version stand for another package already.
enum class IfTaken : std::uint8_t {
  kRefuse,  ///< package.version_taken
  kReplace  ///< the name moves to the new package; the old one's blobs go with the next collect()
};

/// The package an entry names, or nothing for an entry of another program.
[[nodiscard]] std::optional<StoredPackage> stored_package(const IndexEntry& entry);

/// All packages, by name, then from the oldest version to the newest (order_versions).
[[nodiscard]] std::vector<StoredPackage> packages_of(const std::vector<IndexEntry>& entries);

/// All that `wanted` may mean, oldest first; never empty. `where` names the store in messages.
/// Errors: package.not_found (did you mean), package.version_not_found (names those there are),
/// package.ambiguous, package.digest_not_found (the name stands for another digest now).
Result<std::vector<StoredPackage>> select(const std::string& where, const PackageName& wanted,
                                          const std::vector<StoredPackage>& packages);

/// Adds the package's entry. Where it is there already, nothing changes, and `package.packed` becomes the
/// time it has there. Errors: package.version_taken.
Status add_package(std::vector<IndexEntry>& entries, StoredPackage& package, const Descriptor& manifest,
                   IfTaken if_taken);

}  // namespace slipway::package
