// What a package says about itself: the content of its file slipway/package.json. docs/package-format.md has
// an example.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "crypto/digest.h"
#include "function/function.h"
#include "tensor/signature.h"

namespace slipway::package {

inline constexpr std::string_view kManifestPath = "slipway/package.json";
inline constexpr std::string_view kGoldenPath = "slipway/golden.jsonl";
inline constexpr std::uint64_t kFormat = 1;
inline constexpr std::size_t kMaxFiles = 100'000;
inline constexpr std::uint64_t kMaxManifestBytes = std::uint64_t{32} << 20U;

/// How far two numbers may lie apart and still count as the same answer: |a - b| <= max(absolute, relative *
/// |a|), where a is the recorded one. Both 0 = the same value.
struct Tolerance {
  double relative = 0;
  double absolute = 0;
  friend bool operator==(const Tolerance&, const Tolerance&) = default;
};

/// FP32: 1e-5 or 1e-6; FP64: 1e-9 or 1e-9; FP16: 1e-3 or 1e-4; BF16: 1e-2 or 1e-3; everything else exact.
[[nodiscard]] Tolerance default_tolerance(DType dtype);

struct OutputTolerance {
  std::string output;  ///< an answer's field, or a model output where there is no function
  Tolerance tolerance;
  friend bool operator==(const OutputTolerance&, const OutputTolerance&) = default;
};

/// Where the golden requests are and how their answers are compared.
struct GoldenIndex {
  std::string file = std::string(kGoldenPath);
  std::uint64_t count = 0;
  bool synthetic = false;  ///< the records were made from a seed, not taken from a sample
  std::vector<OutputTolerance> tolerances;
};

struct FileEntry {
  std::string path;
  crypto::Digest layer;  ///< the blob that holds the file: itself, or a tar
  std::uint64_t size_bytes = 0;
  crypto::Digest digest;
  bool executable = false;
  friend bool operator==(const FileEntry&, const FileEntry&) = default;
};

/// Thread: a value.
struct Manifest {
  std::string name;
  std::string version;
  std::string description;  ///< may be empty
  std::string licence;      ///< an SPDX expression; may be empty
  std::string backend;      ///< the backend that ran it when it was packed, such as "onnxruntime"
  std::string model;        ///< the path of the file that the backend loads
  Signature signature;
  std::optional<function::Spec> function;  ///< absent: the model's inputs are the fields
  bool batchable = false;                  ///< proved by running it
  bool deterministic = false;              ///< proved by running it
  std::optional<GoldenIndex> golden;

  std::vector<FileEntry> files;  ///< sorted by path, without slipway/package.json itself
  crypto::Digest set;            ///< set_digest(files)
};

/// One name for the set of files, however they are packed: SHA-256 over the lines "<hash>  <path>\n" in the
/// order of their bytes, so that `sha256sum` and `sort` can check it. Source: Cog, draft-weights.md,
/// section 2.
[[nodiscard]] crypto::Digest set_digest(const std::vector<FileEntry>& files);

/// The one text of a manifest: the same manifest gives the same bytes.
[[nodiscard]] std::string encode_manifest(const Manifest& manifest);

/// Strict: unknown keys, wrong types, names outside the grammar, unsafe or double paths, a model or golden
/// file that is not listed, a set digest that does not fit the files. Errors: package.manifest with all
/// faults; package.format for a newer format; json.* for text that is no JSON.
Result<Manifest> decode_manifest(std::string_view text);

/// The checks of decode_manifest on a manifest in memory. Errors: package.manifest.
Status validate(const Manifest& manifest);

}  // namespace slipway::package
