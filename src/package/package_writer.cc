#include "package/package_writer.h"

#include <algorithm>
#include <utility>

#include "io/file_helpers.h"
#include "io/tar.h"
#include "package/media_types.h"

namespace slipway::package {
namespace {

bool is_document(std::string_view path) {
  const std::string_view file = path.substr(path.rfind('/') + 1);
  for (const std::string_view start : {"README", "LICENSE", "LICENCE", "NOTICE", "CHANGELOG", "CITATION"}) {
    if (file.starts_with(start)) return true;
  }
  for (const std::string_view end : {".md", ".rst", ".pdf"}) {
    if (file.ends_with(end)) return true;
  }
  return false;
}

/// "onnx" of "model.onnx": what ModelPack calls the model's format.
std::string format_of(std::string_view path) {
  const std::size_t dot = path.rfind('.');
  if (dot == std::string_view::npos || path.find('/', dot) != std::string_view::npos) return {};
  return std::string(path.substr(dot + 1));
}

Descriptor describe(std::string_view media_type, const crypto::Digest& digest, std::uint64_t size_bytes) {
  return {std::string(media_type), digest, size_bytes, {}};
}

}  // namespace

Result<std::unique_ptr<PackageWriter>> PackageWriter::create(io::FileSystem& fs, const Clock& clock,
                                                             std::string root) {
  SLIPWAY_TRY(create_layout(fs, root));
  SLIPWAY_ASSIGN_OR_RETURN(auto work, WorkFolder::take(fs, root));
  return std::unique_ptr<PackageWriter>(new PackageWriter(fs, clock, std::move(root), std::move(work)));
}

Status PackageWriter::begin_file(const std::string& path) {
  if (path == kManifestPath)
    return already_exists("package.path_twice", path + " is written by the packer itself");
  if (staged_.size() == kMaxFiles) {
    return resource_exhausted(
        "package.too_many_files",
        "a package holds at most " + std::to_string(kMaxFiles) + " files; put some into an archive");
  }
  return paths_.add(path);
}

Status PackageWriter::add_file(const std::string& path, const std::string& source) {
  SLIPWAY_TRY(begin_file(path));
  SLIPWAY_ASSIGN_OR_RETURN(const io::FileInfo info, fs_.stat(source));
  SLIPWAY_ASSIGN_OR_RETURN(const auto from, fs_.open_read(source));
  Staged staged{path, *work_ / std::to_string(next_file_++), {}};
  SLIPWAY_ASSIGN_OR_RETURN(const auto to, fs_.create(staged.file, io::CreateMode::kExclusive));
  crypto::Sha256 hash;
  SLIPWAY_ASSIGN_OR_RETURN(staged.entry.size_bytes, io::read_stream(*from, 0, [&](ByteView part) {
                             hash.update(part);
                             return to->write(part);
                           }));
  // Small files are read back into a tar, or written again as a blob.
  if (staged.entry.size_bytes > kBundleBytes) SLIPWAY_TRY(to->sync());
  SLIPWAY_TRY(to->close());
  staged.entry.path = path;
  staged.entry.digest = hash.digest();
  staged.entry.executable = info.executable;
  staged_.push_back(std::move(staged));
  return {};
}

Status PackageWriter::add_bytes(const std::string& path, ByteView content) {
  SLIPWAY_TRY(begin_file(path));
  Staged staged{path, *work_ / std::to_string(next_file_++), {}};
  SLIPWAY_ASSIGN_OR_RETURN(const auto to, fs_.create(staged.file, io::CreateMode::kExclusive));
  SLIPWAY_TRY(to->write(content));
  if (content.size() > kBundleBytes) SLIPWAY_TRY(to->sync());
  SLIPWAY_TRY(to->close());
  staged.entry = {path, {}, content.size(), crypto::Sha256::of(content), false};
  staged_.push_back(std::move(staged));
  return {};
}

Result<PackageWriter::Blob> PackageWriter::write_blob(std::string_view media_type, std::string_view content) {
  Blob blob{*work_ / std::to_string(next_file_++),
            describe(media_type, crypto::Sha256::of(content), content.size())};
  SLIPWAY_ASSIGN_OR_RETURN(const auto file, fs_.create(blob.file, io::CreateMode::kExclusive));
  SLIPWAY_TRY(file->write(as_bytes(content)));
  SLIPWAY_TRY(file->sync());
  SLIPWAY_TRY(file->close());
  return blob;
}

Result<PackageWriter::Blob> PackageWriter::write_tar(std::string_view media_type,
                                                     std::vector<Staged*>& members) {
  Blob blob{*work_ / std::to_string(next_file_++), {}};
  SLIPWAY_ASSIGN_OR_RETURN(const auto file, fs_.create(blob.file, io::CreateMode::kExclusive));
  crypto::Sha256 hash;
  std::uint64_t size_bytes = 0;
  io::TarWriter tar([&](ByteView part) {
    hash.update(part);
    size_bytes += part.size();
    return file->write(part);
  });
  for (const Staged* member : members) {
    SLIPWAY_ASSIGN_OR_RETURN(const std::string content, io::read_all(fs_, member->file, kBundleBytes));
    SLIPWAY_TRY(tar.add(member->path, content.size(), member->entry.executable));
    SLIPWAY_TRY(tar.write(as_bytes(content)));
  }
  SLIPWAY_TRY(tar.finish());
  SLIPWAY_TRY(file->sync());
  SLIPWAY_TRY(file->close());
  blob.descriptor = describe(media_type, hash.digest(), size_bytes);
  for (Staged* member : members) member->entry.layer = blob.descriptor.digest;
  return blob;
}

/// The files as layers: big ones and the model by themselves in the order of their paths, then the two tars.
Status PackageWriter::make_layers(const std::string& model, std::vector<Blob>& layers) {
  std::sort(staged_.begin(), staged_.end(), [](const Staged& a, const Staged& b) { return a.path < b.path; });
  std::vector<Staged*> documents;
  std::vector<Staged*> others;
  for (Staged& staged : staged_) {
    const bool alone = staged.path == model || staged.entry.size_bytes > kBundleBytes;
    if (!alone) {
      (is_document(staged.path) ? documents : others).push_back(&staged);
      continue;
    }
    const std::string_view type = is_document(staged.path) ? kDocRawType : kWeightRawType;
    Blob blob{staged.file, describe(type, staged.entry.digest, staged.entry.size_bytes)};
    if (staged.entry.size_bytes <= kBundleBytes) {
      SLIPWAY_ASSIGN_OR_RETURN(const std::string content, io::read_all(fs_, staged.file, kBundleBytes));
      SLIPWAY_ASSIGN_OR_RETURN(blob, write_blob(type, content));
    }
    blob.descriptor.annotations.emplace(kFilePathAnnotation, staged.path);
    staged.entry.layer = blob.descriptor.digest;
    layers.push_back(std::move(blob));
  }
  for (auto& [type, members] : {std::pair(kDocTarType, &documents), std::pair(kWeightTarType, &others)}) {
    if (members->empty()) continue;
    SLIPWAY_ASSIGN_OR_RETURN(Blob tar, write_tar(type, *members));
    layers.push_back(std::move(tar));
  }
  return {};
}

Result<PackageWriter::Blob> PackageWriter::make_manifest(Manifest& manifest, std::vector<Blob>& blobs) {
  SLIPWAY_TRY(make_layers(manifest.model, blobs));
  manifest.files.clear();
  for (const Staged& staged : staged_) manifest.files.push_back(staged.entry);
  manifest.set = set_digest(manifest.files);
  SLIPWAY_TRY(validate(manifest));
  SLIPWAY_ASSIGN_OR_RETURN(Blob own, write_blob(kWeightConfigRawType, encode_manifest(manifest)));
  own.descriptor.annotations.emplace(kFilePathAnnotation, kManifestPath);
  blobs.insert(blobs.begin(), std::move(own));

  OciManifest oci;
  ModelConfig config{manifest.name,    manifest.version,          manifest.description,
                     manifest.licence, format_of(manifest.model), {}};
  // Two files with the same bytes are one blob, and stay two layers with their own paths.
  for (const Blob& blob : blobs) {
    oci.layers.push_back(blob.descriptor);
    config.diff_ids.push_back(blob.descriptor.digest);
  }
  SLIPWAY_ASSIGN_OR_RETURN(Blob config_blob, write_blob(kModelConfigType, encode_model_config(config)));
  oci.config = config_blob.descriptor;
  blobs.push_back(std::move(config_blob));
  return write_blob(kImageManifestType, encode_oci_manifest(oci));
}

/// Moves the blobs to where the index may name them. `made` gets those that were not there before.
Status PackageWriter::move_blobs(const std::vector<Blob>& blobs, std::vector<std::string>& made) {
  for (const Blob& blob : blobs) {
    const std::string path = blob_path(root_, blob.descriptor.digest);
    SLIPWAY_ASSIGN_OR_RETURN(const bool there, io::exists(fs_, path));
    if (!there) made.push_back(path);
    // Also over one that is there: should it be damaged, it is whole again. The second of two layers with the
    // same bytes has a file of its own.
    SLIPWAY_TRY(fs_.rename(blob.file, path));
  }
  return fs_.sync_dir(io::join_path(root_, "blobs/sha256"));
}

Status PackageWriter::commit(const std::vector<Blob>& blobs, StoredPackage& package,
                             const Descriptor& manifest, IfTaken if_taken) {
  SLIPWAY_ASSIGN_OR_RETURN(const auto lock, lock_layout(fs_, root_));
  SLIPWAY_ASSIGN_OR_RETURN(auto entries, read_index(fs_, root_));
  SLIPWAY_TRY(add_package(entries, package, manifest, if_taken));
  std::vector<std::string> made;
  Status status = move_blobs(blobs, made);
  if (status.ok()) status = replace_index(fs_, root_, entries);
  if (!status.ok()) {
    // Nobody can have come to need them: the lock is held. What cannot be removed goes with a later
    // collect().
    for (const std::string& path : made) (void)fs_.remove(path);
    return status;
  }
  return fs_.sync_dir(root_);
}

Result<StoredPackage> PackageWriter::finish(Manifest manifest, IfTaken if_taken) {
  std::vector<Blob> blobs;
  SLIPWAY_ASSIGN_OR_RETURN(Blob own, make_manifest(manifest, blobs));
  const Descriptor descriptor = own.descriptor;
  blobs.push_back(std::move(own));
  StoredPackage package;
  package.name = manifest.name;
  package.version = manifest.version;
  package.digest = descriptor.digest;
  package.packed = clock_.wall_now();
  package.size_bytes = 0;
  for (const Blob& blob : blobs) *package.size_bytes += blob.descriptor.size_bytes;
  SLIPWAY_TRY(commit(blobs, package, descriptor, if_taken));
  return package;
}

}  // namespace slipway::package
