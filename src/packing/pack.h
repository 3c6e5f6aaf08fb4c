// From a model file, or a folder with slipway.yaml, to the content of a package.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "contracts/backend/backend.h"
#include "io/filesystem.h"
#include "package/manifest.h"
#include "packing/model_files.h"
#include "packing/report.h"
#include "packing/settings.h"

namespace slipway::packing {

/// What a person gave, where it differs from slipway.yaml.
struct PackRequest {
  std::string path;  ///< a folder with slipway.yaml, that file, or a model file
  std::optional<std::string> name;
  std::optional<std::string> version;
  std::optional<std::string> sample;  ///< a path of its own, not below the model's folder
  DeclaredShapes shapes;
};

struct PackFile {
  std::string path;  ///< in the package
  ByteView content;  ///< Borrows: from the Packed
  bool is_document = false;
};

/// Everything of a package but its bytes on disk. Move-only; owns what `files` point to.
struct Packed {
  /// `files` and `set` are left to whoever writes the package.
  package::Manifest manifest;
  std::vector<PackFile> files;  ///< sorted by path
  Report report;
  std::unique_ptr<FolderModelFiles> model;
  std::vector<std::unique_ptr<std::string>> texts;
};

/// Reads, probes and proves; writes nothing. The package's files are the model's, slipway.yaml, documents, a
/// README (made where there is none), slipway/golden.jsonl and slipway/sample.jsonl. The same files and
/// answers give the same content. Errors: packing.no_model (nothing to pack there), packing.sample_missing;
/// config.*; io.*; those of probe().
Result<Packed> pack(io::FileSystem& fs, std::span<backend::Backend* const> backends, const Clock& clock,
                    const PackRequest& request);

/// A commented slipway.yaml for a folder, filled with what its model file, a sample beside it (sample.csv,
/// .json, .jsonl) and a run of the model tell. Errors: packing.no_model, packing.several_models (they are
/// named); those of find_backend and of loading. A model that can be loaded but not run still gets a file,
/// with the reason as a comment at its top.
Result<std::string> init_settings(io::FileSystem& fs, std::span<backend::Backend* const> backends,
                                  const Clock& clock, const std::string& folder);

/// The model files directly in a folder that some backend takes, sorted.
Result<std::vector<std::string>> find_models(io::FileSystem& fs, std::span<backend::Backend* const> backends,
                                             const std::string& folder);

/// A name for a package by its file or folder: what check_name refuses becomes "-". Empty when nothing is
/// left.
[[nodiscard]] std::string name_from(std::string_view path);

}  // namespace slipway::packing
