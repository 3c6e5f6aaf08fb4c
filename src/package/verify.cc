#include <algorithm>

#include "io/file_helpers.h"
#include "json/strict.h"
#include "package/layout.h"
#include "package/package.h"

namespace slipway::package {
namespace {

constexpr std::size_t kMaxFilesNamed = 5;

}  // namespace

std::string Package::files_in(const crypto::Digest& layer) const {
  if (layer == oci_.config.digest) return "model config";
  std::string text;
  std::size_t count = 0;
  for (const FileEntry& file : manifest_.files) {
    if (file.layer != layer || ++count > kMaxFilesNamed) continue;
    text += (text.empty() ? "" : ", ") + file.path;
  }
  if (count > kMaxFilesNamed) text += " and " + std::to_string(count - kMaxFilesNamed) + " more";
  return text.empty() ? std::string(kManifestPath) : text;
}

Status Package::verify_blob(const Descriptor& descriptor) {
  auto file = fs_.open_read(blob_path(root_, descriptor.digest));
  if (!file.ok()) return file.error();
  if ((*file)->size_bytes() != descriptor.size_bytes) {
    return data_loss("package.digest_mismatch", "has " + std::to_string((*file)->size_bytes()) +
                                                    " bytes, not " + std::to_string(descriptor.size_bytes));
  }
  crypto::Sha256 hash;
  const auto read = io::read_stream(**file, 0, [&hash](ByteView part) {
    hash.update(part);
    return Status();
  });
  if (!read.ok()) return read.error();
  if (hash.digest() == descriptor.digest) return {};
  return data_loss("package.digest_mismatch", "its content has the digest " + hash.digest().to_string());
}

/// The files inside a tar: all that are listed, none that is not, each with its digest.
Status Package::verify_files(const Descriptor& layer) {
  const std::lock_guard lock(mutex_);
  SLIPWAY_ASSIGN_OR_RETURN(const Blob* blob, this->blob(layer.digest));
  std::size_t listed = 0;
  for (const FileEntry& file : manifest_.files) {
    if (file.layer != layer.digest) continue;
    ++listed;
    SLIPWAY_ASSIGN_OR_RETURN(const ByteView content, locate(file));
    if (crypto::Sha256::of(content) != file.digest || content.size() != file.size_bytes) {
      return data_loss("package.digest_mismatch", file.path + " in it has another digest than is listed");
    }
  }
  if (listed == blob->entries.size()) return {};
  return data_loss("package.digest_mismatch", "it holds files that are not listed");
}

Status Package::verify_config() {
  SLIPWAY_ASSIGN_OR_RETURN(const std::string text, read_blob(fs_, root_, oci_.config, kMaxConfigBytes));
  SLIPWAY_ASSIGN_OR_RETURN(const ModelConfig config, decode_model_config(text));
  const bool same_layers = std::equal(
      config.diff_ids.begin(), config.diff_ids.end(), oci_.layers.begin(), oci_.layers.end(),
      [](const crypto::Digest& digest, const Descriptor& layer) { return digest == layer.digest; });
  if (config.name == manifest_.name && config.version == manifest_.version && same_layers) return {};
  return data_loss("package.config",
                   "it says another name, version or layers than " + std::string(kManifestPath));
}

Result<VerifyReport> Package::verify() {
  json::Faults faults;
  VerifyReport report;
  report.files = manifest_.files.size() + 1;
  report.bytes = size_bytes_;
  const auto note = [&](const crypto::Digest& digest, const Status& status) {
    if (status.ok()) return true;
    faults.add("blob " + digest.to_string() + " (" + files_in(digest) + ")", status.error().message());
    return false;
  };
  // The manifest was checked when the package was opened; the file may have changed since.
  const auto manifest = read_oci_manifest(fs_, root_, digest_);
  if (!manifest.ok()) faults.add("blob " + digest_.to_string() + " (manifest)", manifest.error().message());
  if (note(oci_.config.digest, verify_blob(oci_.config))) note(oci_.config.digest, verify_config());
  for (const Descriptor& layer : oci_.layers) {
    if (note(layer.digest, verify_blob(layer)) && is_tar(layer.digest))
      note(layer.digest, verify_files(layer));
  }
  report.blobs = oci_.layers.size() + 2;
  if (faults.empty()) return report;
  return data_loss("package.damaged", "the package " + manifest_.name + ":" + manifest_.version + " in " +
                                          root_ + " is damaged; remove it and copy or pack it again")
      .with_faults(faults.take());
}

}  // namespace slipway::package
