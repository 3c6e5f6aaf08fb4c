#include "package/package.h"

#include <algorithm>
#include <set>

#include "base/checked.h"
#include "base/text.h"
#include "package/layout.h"
#include "package/media_types.h"

namespace slipway::package {
namespace {

bool is_tar_type(std::string_view media_type) {
  return media_type == kWeightTarType || media_type == kDocTarType;
}

bool holds_manifest(const Descriptor& layer) {
  return layer.media_type == kWeightConfigRawType && layer.annotation(kFilePathAnnotation) == kManifestPath;
}

Error bad_layers(std::string message) { return invalid_argument("package.layers", std::move(message)); }

}  // namespace

Result<std::unique_ptr<Package>> Package::open(io::FileSystem& fs, std::string root,
                                               const crypto::Digest& digest) {
  std::unique_ptr<Package> package(new Package(fs, std::move(root), digest));
  const Status status = package->load();
  if (!status.ok()) return status.error();
  return package;
}

Status Package::load() {
  SLIPWAY_ASSIGN_OR_RETURN(const std::string text,
                           read_blob(fs_, root_, Descriptor{"", digest_, 0, {}}, kMaxOciManifestBytes));
  auto oci = decode_oci_manifest(text);
  if (!oci.ok()) return oci.error().within(digest_.to_string());
  oci_ = std::move(*oci);
  size_bytes_ = text.size();
  const auto layer = std::find_if(oci_.layers.begin(), oci_.layers.end(), holds_manifest);
  if (layer == oci_.layers.end()) {
    return failed_precondition("package.foreign", digest_.to_string() + " is a model artifact without " +
                                                      std::string(kManifestPath) +
                                                      ": it was not packed by Slipway");
  }
  SLIPWAY_ASSIGN_OR_RETURN(manifest_text_, read_blob(fs_, root_, *layer, kMaxManifestBytes));
  SLIPWAY_ASSIGN_OR_RETURN(manifest_, decode_manifest(manifest_text_));
  std::optional<std::uint64_t> size = checked_add(size_bytes_, oci_.config.size_bytes);
  for (const Descriptor& each : oci_.layers) size = size ? checked_add(*size, each.size_bytes) : size;
  if (!size) return bad_layers("the layers' sizes are larger than any disk");
  size_bytes_ = *size;
  return check_layers();
}

Status Package::check_layers() const {
  std::map<crypto::Digest, const Descriptor*> layers;
  std::set<crypto::Digest> used;
  for (const Descriptor& layer : oci_.layers) {
    if (holds_manifest(layer)) continue;
    layers[layer.digest] = &layer;
  }
  for (const FileEntry& file : manifest_.files) {
    const auto found = layers.find(file.layer);
    if (found == layers.end()) return bad_layers(file.path + " is in a layer that the package does not have");
    used.insert(file.layer);
    if (is_tar_type(found->second->media_type)) continue;
    if (file.digest != file.layer || file.size_bytes != found->second->size_bytes) {
      return bad_layers(file.path + " is a layer of its own, but of another size or digest");
    }
  }
  for (const auto& [digest, layer] : layers) {
    if (!used.contains(digest))
      return bad_layers("the layer " + digest.to_string() + " holds no file of the package");
  }
  return {};
}

bool Package::is_tar(const crypto::Digest& layer) const {
  return std::any_of(oci_.layers.begin(), oci_.layers.end(), [&layer](const Descriptor& each) {
    return each.digest == layer && is_tar_type(each.media_type);
  });
}

const FileEntry* Package::find(std::string_view path) const {
  const auto found =
      std::lower_bound(manifest_.files.begin(), manifest_.files.end(), path,
                       [](const FileEntry& file, std::string_view wanted) { return file.path < wanted; });
  return found != manifest_.files.end() && found->path == path ? &*found : nullptr;
}

Result<const Package::Blob*> Package::blob(const crypto::Digest& digest) {
  const auto found = blobs_.find(digest);
  if (found != blobs_.end()) return &found->second;
  Blob blob;
  auto map = fs_.map(blob_path(root_, digest));
  if (!map.ok()) {
    if (map.code() != Code::kNotFound) return map.error();
    return data_loss("package.blob_missing", "the blob " + digest.to_string() + " is not in " + root_ +
                                                 "; copy or pack the package again");
  }
  blob.map = std::move(*map);
  if (is_tar(digest)) {
    auto entries = io::read_tar(blob.map->bytes(), {.max_entries = kMaxFiles});
    if (!entries.ok()) {
      return data_loss("package.digest_mismatch",
                       "the blob " + digest.to_string() + " is damaged: " + entries.error().message());
    }
    blob.entries = std::move(*entries);
  }
  return &blobs_.emplace(digest, std::move(blob)).first->second;
}

Result<ByteView> Package::locate(const FileEntry& file) {
  SLIPWAY_ASSIGN_OR_RETURN(const Blob* blob, this->blob(file.layer));
  if (file.layer == file.digest && !is_tar(file.layer)) return blob->map->bytes();
  for (const io::TarEntry& entry : blob->entries) {
    if (entry.path != file.path) continue;
    return blob->map->bytes().subspan(static_cast<std::size_t>(entry.offset),
                                      static_cast<std::size_t>(entry.size_bytes));
  }
  return data_loss("package.digest_mismatch",
                   "the blob " + file.layer.to_string() + " is damaged: " + file.path + " is not in it");
}

Result<ByteView> Package::view(std::string_view path) {
  if (path == kManifestPath) return as_bytes(manifest_text_);
  const FileEntry* file = find(path);
  if (file == nullptr) {
    std::vector<std::string> names;
    for (const FileEntry& each : manifest_.files) names.push_back(each.path);
    const std::string near = nearest(path, names);
    return not_found("package.file_missing", "the package " + manifest_.name + ":" + manifest_.version +
                                                 " has no file " + printable(path) +
                                                 (near.empty() ? "" : "; did you mean " + near + "?"));
  }
  const std::lock_guard lock(mutex_);
  const auto known = checked_.find(path);
  if (known != checked_.end()) return known->second;
  SLIPWAY_ASSIGN_OR_RETURN(const ByteView content, locate(*file));
  if (crypto::Sha256::of(content) != file->digest) {
    return data_loss("package.digest_mismatch",
                     "the blob " + file->layer.to_string() + " in " + root_ + " is damaged: " + file->path +
                         " in it has another digest; copy or pack the package again");
  }
  checked_.emplace(file->path, content);
  return content;
}

}  // namespace slipway::package
