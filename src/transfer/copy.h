// Packages in stores of any kind: listed, found, copied.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "contracts/store/store.h"
#include "package/catalog.h"
#include "package/oci.h"
#include "package/reference.h"

namespace slipway::transfer {

/// The packages of a store, by name, then from the oldest version to the newest. A store without an index is
/// empty. Errors: package.index; the store's.
Result<std::vector<package::StoredPackage>> list(store::Store& store);

/// The package meant. Errors: those of package::select; the store's.
Result<package::StoredPackage> resolve(store::Store& store, const package::PackageName& name);

struct Progress {
  std::uint64_t done_bytes = 0;   ///< sent, or found to be there
  std::uint64_t total_bytes = 0;  ///< of all blobs
  std::string blob;               ///< the digest under way
};

struct CopyOptions {
  package::IfTaken if_taken = package::IfTaken::kRefuse;
  /// Called after each part; an Error stops the copy with that error, and a later copy goes on from there.
  std::function<Status(const Progress&)> on_progress;
};

struct CopyReport {
  package::StoredPackage package;
  std::size_t moved_blobs = 0;
  std::size_t skipped_blobs = 0;    ///< were there already
  std::uint64_t moved_bytes = 0;    ///< read from the source
  std::uint64_t resumed_bytes = 0;  ///< kept by the target from an interrupted copy
  std::uint64_t skipped_bytes = 0;
};

/// Copies one package, name and all. Nothing of it is visible under its name before all of it is there; a
/// copy of what is there already changes nothing. Errors: those of resolve(); transfer.digest_mismatch (the
/// source gave other bytes; nothing of that blob is kept); package.version_taken; transfer.busy (others kept
/// changing the target's index); the stores'.
Result<CopyReport> copy(store::Store& from, const package::PackageName& name, store::Store& to,
                        const CopyOptions& options = {});

}  // namespace slipway::transfer
