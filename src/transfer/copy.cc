#include "transfer/copy.h"

#include <algorithm>
#include <set>
#include <utility>

#include "crypto/digest.h"
#include "package/media_types.h"

namespace slipway::transfer {
namespace {

using store::PutOptions;
using Condition = store::PutOptions::Condition;

constexpr std::string_view kIndexKey = "index.json";
constexpr std::string_view kLayoutKey = "oci-layout";
constexpr int kIndexTries = 20;
constexpr int kCopyTries = 3;

std::string blob_key(const crypto::Digest& digest) { return "blobs/sha256/" + digest.hex(); }

struct Index {
  std::vector<package::IndexEntry> entries;
  std::string etag;  ///< empty where there is none
};

Result<Index> read_index(store::Store& store) {
  auto object = store::get_all(store, kIndexKey, package::kMaxIndexBytes);
  if (!object.ok()) {
    if (object.code() == Code::kNotFound) return Index();
    return object.error();
  }
  auto entries = package::decode_index(object->content);
  if (!entries.ok()) return entries.error().within(store.address());
  return Index{std::move(*entries), std::move(object->etag)};
}

Error wrong_bytes(const store::Store& from, const crypto::Digest& digest) {
  return data_loss("transfer.digest_mismatch", "the blob " + digest.to_string() + " in " + from.address() +
                                                   " is damaged: other bytes came; nothing of it was kept");
}

class Copy {
 public:
  Copy(store::Store& from, store::Store& to, const CopyOptions& options)
      : from_(from), to_(to), options_(options) {}

  Result<CopyReport> run(const package::PackageName& name) {
    SLIPWAY_ASSIGN_OR_RETURN(report_.package, resolve(from_, name));
    SLIPWAY_TRY(check_name_is_free());
    SLIPWAY_TRY(read_manifest());
    SLIPWAY_TRY(copy_blobs());
    SLIPWAY_TRY(put_name());
    report_.package.size_bytes = progress_.total_bytes;
    return report_;
  }

 private:
  Status check_name_is_free();
  Status read_manifest();
  Status copy_blobs();
  Status copy_blob(const package::Descriptor& blob);
  Status send_blob(const package::Descriptor& blob, bool& resumed);
  Status put_name();
  Status step(std::uint64_t bytes) {
    progress_.done_bytes += bytes;
    return options_.on_progress ? options_.on_progress(progress_) : Status();
  }

  store::Store& from_;
  store::Store& to_;
  const CopyOptions& options_;
  package::Descriptor manifest_;
  std::string manifest_text_;
  std::vector<package::Descriptor> blobs_;
  Progress progress_;
  CopyReport report_;
};

/// So that a copy that cannot get its name is refused before anything is sent.
Status Copy::check_name_is_free() {
  SLIPWAY_ASSIGN_OR_RETURN(Index target, read_index(to_));
  package::StoredPackage package = report_.package;
  return package::add_package(target.entries, package, {"", package.digest, 0, {}}, options_.if_taken);
}

Status Copy::read_manifest() {
  const crypto::Digest& digest = report_.package.digest;
  SLIPWAY_ASSIGN_OR_RETURN(auto object,
                           store::get_all(from_, blob_key(digest), package::kMaxOciManifestBytes));
  if (crypto::Sha256::of(object.content) != digest) return wrong_bytes(from_, digest);
  SLIPWAY_ASSIGN_OR_RETURN(const auto oci, package::decode_oci_manifest(object.content));
  manifest_text_ = std::move(object.content);
  manifest_ = {std::string(package::kImageManifestType), digest, manifest_text_.size(), {}};
  progress_.total_bytes = manifest_text_.size();
  std::set<crypto::Digest> seen;
  const auto add = [&](const package::Descriptor& blob) {
    if (!seen.insert(blob.digest).second) return;
    blobs_.push_back(blob);
    progress_.total_bytes += blob.size_bytes;
  };
  for (const package::Descriptor& layer : oci.layers) add(layer);
  add(oci.config);
  return {};
}

Status Copy::copy_blobs() {
  for (const package::Descriptor& blob : blobs_) SLIPWAY_TRY(copy_blob(blob));
  // The manifest after everything that it names.
  return copy_blob(manifest_);
}

Status Copy::copy_blob(const package::Descriptor& blob) {
  progress_.blob = blob.digest.to_string();
  const auto there = to_.stat(blob_key(blob.digest));
  if (there.ok() && there->size_bytes == blob.size_bytes) {
    ++report_.skipped_blobs;
    report_.skipped_bytes += blob.size_bytes;
    return step(blob.size_bytes);
  }
  if (!there.ok() && there.code() != Code::kNotFound) return there.error();
  const Progress before = progress_;
  const CopyReport report_before = report_;
  bool resumed = false;
  Status status = send_blob(blob, resumed);
  if (!status.ok() && resumed && status.error().id() == "transfer.digest_mismatch") {
    // What was kept may have been the wrong part. It is gone now: once more from the start.
    progress_ = before;
    report_ = report_before;
    status = send_blob(blob, resumed);
  }
  if (status.ok()) ++report_.moved_blobs;
  return status;
}

Status Copy::send_blob(const package::Descriptor& blob, bool& resumed) {
  SLIPWAY_ASSIGN_OR_RETURN(
      const auto upload,
      to_.begin_put(blob_key(blob.digest), PutOptions{Condition::kNone, "", blob.digest.hex()}));
  crypto::Sha256 hash;
  const std::uint64_t kept = upload->kept_bytes();
  resumed = kept > 0;
  std::uint64_t received = 0;
  SLIPWAY_TRY(upload->read_kept([&](ByteView part) {
    hash.update(part);
    received += part.size();
    return Status();
  }));
  if (received != kept || kept > blob.size_bytes) {
    upload->discard();
    return wrong_bytes(from_, blob.digest);
  }
  report_.resumed_bytes += kept;
  SLIPWAY_TRY(step(kept));
  Status status =
      from_.get(blob_key(blob.digest), kept, blob.size_bytes - kept, [&](ByteView part) -> Status {
        hash.update(part);
        received += part.size();
        report_.moved_bytes += part.size();
        SLIPWAY_TRY(upload->write(part));
        return step(part.size());
      });
  const bool short_source = !status.ok() && status.error().id() == "store.range";
  if (!status.ok() && !short_source) return status;
  if (short_source || received != blob.size_bytes || hash.digest() != blob.digest) {
    upload->discard();
    return wrong_bytes(from_, blob.digest);
  }
  return upload->commit();
}

Status Copy::put_name() {
  const Status layout = store::put_all(to_, kLayoutKey, as_bytes(package::kLayoutFile),
                                       PutOptions{Condition::kIfAbsent, "", ""});
  if (!layout.ok() && layout.error().id() != "store.condition") return layout;
  for (int i = 0; i < kIndexTries; ++i) {
    SLIPWAY_ASSIGN_OR_RETURN(Index index, read_index(to_));
    SLIPWAY_TRY(package::add_package(index.entries, report_.package, manifest_, options_.if_taken));
    const PutOptions condition = index.etag.empty() ? PutOptions{Condition::kIfAbsent, "", ""}
                                                    : PutOptions{Condition::kIfMatch, index.etag, ""};
    const Status status =
        store::put_all(to_, kIndexKey, as_bytes(package::encode_index(index.entries)), condition);
    if (status.ok() || status.error().id() != "store.condition") return status;
  }
  return unavailable("transfer.busy", "others kept changing the index of " + to_.address() + "; try again");
}

}  // namespace

Result<std::vector<package::StoredPackage>> list(store::Store& store) {
  SLIPWAY_ASSIGN_OR_RETURN(const Index index, read_index(store));
  return package::packages_of(index.entries);
}

Result<package::StoredPackage> resolve(store::Store& store, const package::PackageName& name) {
  SLIPWAY_ASSIGN_OR_RETURN(const auto packages, list(store));
  SLIPWAY_ASSIGN_OR_RETURN(const auto selected, package::select(store.address(), name, packages));
  return selected.back();
}

Result<CopyReport> copy(store::Store& from, const package::PackageName& name, store::Store& to,
                        const CopyOptions& options) {
  for (int i = 1;; ++i) {
    auto report = Copy(from, to, options).run(name);
    // A blob that was there went away meanwhile, as another package was removed: look again.
    if (report.ok() || report.error().id() != "store.incomplete" || i == kCopyTries) return report;
  }
}

}  // namespace slipway::transfer
