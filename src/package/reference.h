// How a person names a package.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "crypto/digest.h"

namespace slipway::package {

/// What was meant inside one store. Everything may be empty: an empty version means the newest, an empty name
/// means the store's only package.
struct PackageName {
  std::string name;
  std::string version;
  std::optional<crypto::Digest> digest;

  /// "wine", "wine:1.2.0", "wine@sha256:...", "wine:1.2.0@sha256:..."; the name may not be empty.
  /// Errors: package.reference.
  static Result<PackageName> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;
  friend bool operator==(const PackageName&, const PackageName&) = default;
};

/// Thread: a value.
struct Reference {
  enum class Kind : std::uint8_t {
    kName,  ///< in the local store
    kPath,  ///< a file, or a folder, or a store in a folder
    kStore  ///< an address with a scheme
  };
  Kind kind = Kind::kName;
  std::string location;  ///< kPath: the path; kStore: the store's address, without the package; kName: empty
  PackageName package;   ///< kPath and kStore: empty unless the last part has a version or a digest
  friend bool operator==(const Reference&, const Reference&) = default;
};

/// "s3://bucket/models/wine:1.2.0" -> a store; a path that exists, or has a "/" -> a path; anything else -> a
/// name. The last part of an address or path names a package only where it carries a version or a digest; a
/// path that exists as it is written is never taken apart. `path_exists` answers for one path. Errors:
/// package.reference.
Result<Reference> parse_reference(std::string_view text,
                                  const std::function<bool(const std::string&)>& path_exists);

}  // namespace slipway::package
