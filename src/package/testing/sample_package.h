// A small package with a file of every kind, for tests.
#pragma once

#include <memory>
#include <string>

#include "package/local_store.h"
#include "package/package_writer.h"

namespace slipway::package::testing {

/// A manifest that sample_files() fit.
inline Manifest sample_manifest(const std::string& name = "wine", const std::string& version = "1.2.0") {
  Manifest manifest;
  manifest.name = name;
  manifest.version = version;
  manifest.description = "cultivars";
  manifest.licence = "CC-BY-4.0";
  manifest.backend = "onnxruntime";
  manifest.model = "model.onnx";
  manifest.signature.inputs = {{"X", DType::kFp32, Shape({-1, 13})}};
  manifest.signature.outputs = {{"label", DType::kInt64, Shape({-1})}};
  manifest.batchable = true;
  manifest.deterministic = true;
  manifest.golden = GoldenIndex{std::string(kGoldenPath), 1, false, {{"score", {1e-5, 1e-6}}}};
  return manifest;
}

/// The model (small), a large file, two documents, an executable-free data file, the golden requests. `salt`
/// changes the model's bytes.
inline Status add_sample_files(PackageWriter& writer, const std::string& salt = "") {
  SLIPWAY_TRY(writer.add_bytes("weights/big.bin", as_bytes(std::string((1 << 20) + 5, 'w'))));
  SLIPWAY_TRY(writer.add_bytes("model.onnx", as_bytes("the model" + salt)));
  SLIPWAY_TRY(writer.add_bytes("README.md", as_bytes("# Wine\n")));
  SLIPWAY_TRY(writer.add_bytes("LICENSE", as_bytes("free\n")));
  SLIPWAY_TRY(writer.add_bytes("labels.txt", as_bytes("barolo\n")));
  return writer.add_bytes(std::string(kGoldenPath),
                          as_bytes("{\"record\":{\"a\":1},\"answer\":{\"label\":1}}\n"));
}

inline Result<StoredPackage> pack_sample(io::FileSystem& fs, const Clock& clock, const std::string& root,
                                         const std::string& version = "1.2.0", const std::string& salt = "",
                                         IfTaken if_taken = IfTaken::kRefuse) {
  SLIPWAY_ASSIGN_OR_RETURN(const auto writer, PackageWriter::create(fs, clock, root));
  SLIPWAY_TRY(add_sample_files(*writer, salt));
  return writer->finish(sample_manifest("wine", version), if_taken);
}

}  // namespace slipway::package::testing
