// Names that packages carry on the wire.
// Source: OCI image specification 1.1; CNCF ModelPack model-spec, specs-go/v1/mediatype.go and docs/annotations.md.
#pragma once

#include <string_view>

namespace slipway::package {

inline constexpr std::string_view kImageManifestType = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kImageIndexType = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kModelManifestType = "application/vnd.cncf.model.manifest.v1+json";
inline constexpr std::string_view kModelConfigType = "application/vnd.cncf.model.config.v1+json";

inline constexpr std::string_view kWeightRawType = "application/vnd.cncf.model.weight.v1.raw";
inline constexpr std::string_view kWeightTarType = "application/vnd.cncf.model.weight.v1.tar";
inline constexpr std::string_view kWeightConfigRawType = "application/vnd.cncf.model.weight.config.v1.raw";
inline constexpr std::string_view kDocRawType = "application/vnd.cncf.model.doc.v1.raw";
inline constexpr std::string_view kDocTarType = "application/vnd.cncf.model.doc.v1.tar";

inline constexpr std::string_view kFilePathAnnotation = "org.cncf.model.filepath";
inline constexpr std::string_view kRefNameAnnotation = "org.opencontainers.image.ref.name";
/// In a store's index only, never inside a package: when the package was packed.
inline constexpr std::string_view kCreatedAnnotation = "org.opencontainers.image.created";

}  // namespace slipway::package
