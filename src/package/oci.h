// The OCI image layout's documents, as far as packages need them.
// Source: OCI image specification 1.1: manifest.md, image-index.md, image-layout.md, descriptor.md.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "crypto/digest.h"

namespace slipway::package {

inline constexpr std::uint64_t kMaxOciManifestBytes = std::uint64_t{4}
                                                      << 20U;  ///< registries take no larger ones
inline constexpr std::uint64_t kMaxConfigBytes = std::uint64_t{32} << 20U;
inline constexpr std::uint64_t kMaxIndexBytes = std::uint64_t{64} << 20U;
inline constexpr std::size_t kMaxLayers = 10'000;

/// The content of the file `oci-layout` at the root of a store.
inline constexpr std::string_view kLayoutFile = "{\"imageLayoutVersion\":\"1.0.0\"}";

/// Names one blob.
struct Descriptor {
  std::string media_type;
  crypto::Digest digest;
  std::uint64_t size_bytes = 0;
  std::map<std::string, std::string, std::less<>> annotations;

  /// The annotation, or empty.
  [[nodiscard]] std::string_view annotation(std::string_view key) const;
};

/// A package's manifest: what its digest is the digest of.
struct OciManifest {
  Descriptor config;
  std::vector<Descriptor> layers;
};

/// The one text: no timestamps, keys in a fixed order.
[[nodiscard]] std::string encode_oci_manifest(const OciManifest& manifest);
/// Unknown keys are allowed, as the specification asks.
/// Errors: package.oci_manifest (with all faults), package.foreign (an artifact of another kind), json.*.
Result<OciManifest> decode_oci_manifest(std::string_view text);

/// One entry of a store's index.json. Entries of other programs are kept as they are.
struct IndexEntry {
  Descriptor manifest;
  std::string text;  ///< the entry's JSON as it was read; empty for an entry made here
};

[[nodiscard]] std::string encode_index(const std::vector<IndexEntry>& entries);
/// Errors: package.index (with all faults), json.*.
Result<std::vector<IndexEntry>> decode_index(std::string_view text);

/// The ModelPack configuration: what other tools read about the package.
struct ModelConfig {
  std::string name;
  std::string version;
  std::string description;  ///< may be empty
  std::string licence;      ///< may be empty
  std::string format;       ///< of the model file, as in "onnx"; may be empty
  std::vector<crypto::Digest> diff_ids;
};

[[nodiscard]] std::string encode_model_config(const ModelConfig& config);
/// Errors: package.config, json.*.
Result<ModelConfig> decode_model_config(std::string_view text);

}  // namespace slipway::package
