#include "serving/folder_source.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "base/text.h"
#include "io/file_helpers.h"
#include "package/version.h"

namespace slipway::serving {
namespace {

// Bare files are outside any store, so nothing states how large they may be; this is far above real model
// files.
constexpr std::uint64_t kMaxFileBytes = std::uint64_t{1} << 37U;

/// The files of one folder, read when they are asked for.
class FolderFiles final : public backend::ModelFiles {
 public:
  enum class Links : std::uint8_t { kNone, kMain };
  /// kMain: the main file may be a link, since a person named it.
  FolderFiles(io::FileSystem& files, std::string folder, std::string main, std::vector<std::string> names,
              Links links)
      : files_(files),
        folder_(std::move(folder)),
        main_(std::move(main)),
        names_(std::move(names)),
        links_(links) {}

  const std::string& main() const override { return main_; }
  std::span<const std::string> names() const override { return names_; }

  Result<ByteView> read(std::string_view name) const override {
    const std::string key(name);
    const std::lock_guard lock(mutex_);
    if (const auto held = held_.find(key); held != held_.end()) return ByteView(held->second.bytes());
    if (std::find(names_.begin(), names_.end(), key) == names_.end()) {
      return not_found("model.file_missing",
                       "there is no file \"" + printable(name) + "\" beside the model in " + folder_);
    }
    SLIPWAY_ASSIGN_OR_RETURN(auto file, links_ == Links::kMain && key == main_
                                            ? files_.open_read(io::join_path(folder_, name))
                                            : files_.open_beneath(folder_, name));
    if (file->size_bytes() > kMaxFileBytes) {
      return invalid_argument("model.too_large",
                              io::join_path(folder_, name) + " is larger than any model can be");
    }
    auto memory = Buffer::allocate(static_cast<std::size_t>(file->size_bytes()));
    if (!memory.ok()) return memory.error().within(io::join_path(folder_, name));
    Buffer bytes = std::move(memory).value();
    SLIPWAY_ASSIGN_OR_RETURN(const std::size_t got, file->read_at(0, bytes.bytes()));
    if (got != bytes.size()) {
      return data_loss("model.file_changed",
                       io::join_path(folder_, name) + " became shorter while it was read");
    }
    return ByteView(held_.emplace(key, std::move(bytes)).first->second.bytes());
  }

 private:
  io::FileSystem& files_;
  const std::string folder_, main_;
  const std::vector<std::string> names_;
  const Links links_;
  mutable std::mutex mutex_;  // guards held_
  mutable std::map<std::string, Buffer> held_;
};

std::string fingerprint_of(const io::FileInfo& info) {
  return std::to_string(info.inode) + ":" + std::to_string(info.size_bytes) + ":" +
         std::to_string(info.modified.time_since_epoch().count());
}

std::vector<std::string> file_names(const std::vector<io::FolderEntry>& entries) {
  std::vector<std::string> names;
  for (const io::FolderEntry& entry : entries) {
    if (entry.kind == io::FileKind::kFile && io::check_relative_path(entry.name).ok())
      names.push_back(entry.name);
  }
  return names;
}

std::optional<std::string> pick_model(const std::vector<std::string>& names) {
  if (std::find(names.begin(), names.end(), "model.onnx") != names.end()) return "model.onnx";
  std::vector<std::string> named_model;
  for (const std::string& name : names) {
    if (name.starts_with("model.")) named_model.push_back(name);
  }
  if (named_model.size() == 1) return named_model.front();
  if (names.size() == 1) return names.front();
  return std::nullopt;
}

class FileSource final : public ModelSource {
 public:
  FileSource(io::FileSystem& files, std::string path) : files_(files), path_(std::move(path)) {}

  Result<std::vector<Candidate>> candidates() override {
    SLIPWAY_ASSIGN_OR_RETURN(const io::FileInfo info, files_.stat(path_));
    return std::vector<Candidate>{{"1", fingerprint_of(info)}};
  }

  Result<ModelBundle> open(const Candidate& candidate) override {
    const std::string folder = io::folder_of(path_);
    const std::string name = path_.substr(path_.rfind('/') == std::string::npos ? 0 : path_.rfind('/') + 1);
    SLIPWAY_ASSIGN_OR_RETURN(const auto entries, files_.list(folder));
    std::vector<std::string> names = file_names(entries);
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    SLIPWAY_ASSIGN_OR_RETURN(const io::FileInfo info, files_.stat(path_));
    ModelBundle bundle;
    bundle.version = candidate.version;
    bundle.size_bytes = info.size_bytes;
    bundle.files =
        std::make_unique<FolderFiles>(files_, folder, name, std::move(names), FolderFiles::Links::kMain);
    return bundle;
  }

 private:
  io::FileSystem& files_;
  const std::string path_;
};

class FolderSource final : public ModelSource {
 public:
  FolderSource(io::FileSystem& files, std::string folder) : files_(files), folder_(std::move(folder)) {}

  Result<std::vector<Candidate>> candidates() override {
    SLIPWAY_ASSIGN_OR_RETURN(const auto entries, files_.list(folder_));
    std::vector<Candidate> found;
    std::vector<package::DatedVersion> dated;
    for (const io::FolderEntry& entry : entries) {
      if (entry.kind != io::FileKind::kFolder || !check_name("version", entry.name).ok()) continue;
      const std::string folder = io::join_path(folder_, entry.name);
      SLIPWAY_ASSIGN_OR_RETURN(const auto inside, files_.list(folder));
      const std::vector<std::string> names = file_names(inside);
      if (!pick_model(names)) continue;
      std::string fingerprint;
      WallTime newest{};
      for (const std::string& name : names) {
        SLIPWAY_ASSIGN_OR_RETURN(const io::FileInfo info, files_.stat(io::join_path(folder, name)));
        fingerprint += name + "=" + fingerprint_of(info) + ";";
        newest = std::max(newest, info.modified);
      }
      found.push_back({entry.name, std::move(fingerprint)});
      dated.push_back({entry.name, newest});
    }
    if (found.empty()) {
      return not_found("source.empty", "no version of a model is in " + folder_ +
                                           "; a version is a folder such as " + folder_ + "/1/model.onnx");
    }
    std::vector<Candidate> ordered;
    for (const std::size_t position : package::order_versions(dated))
      ordered.push_back(std::move(found[position]));
    return ordered;
  }

  Result<ModelBundle> open(const Candidate& candidate) override {
    const std::string folder = io::join_path(folder_, candidate.version);
    SLIPWAY_ASSIGN_OR_RETURN(const auto entries, files_.list(folder));
    std::vector<std::string> names = file_names(entries);
    const auto main = pick_model(names);
    if (!main) return not_found("source.empty", "the model file is gone from " + folder);
    ModelBundle bundle;
    bundle.version = candidate.version;
    for (const std::string& name : names) {
      SLIPWAY_ASSIGN_OR_RETURN(const io::FileInfo info, files_.stat(io::join_path(folder, name)));
      bundle.size_bytes += info.size_bytes;
    }
    bundle.files =
        std::make_unique<FolderFiles>(files_, folder, *main, std::move(names), FolderFiles::Links::kNone);
    return bundle;
  }

 private:
  io::FileSystem& files_;
  const std::string folder_;
};

class FolderRepository final : public ModelRepository {
 public:
  FolderRepository(io::FileSystem& files, std::string root) : files_(files), root_(std::move(root)) {}

  Result<std::vector<std::string>> names() override {
    SLIPWAY_ASSIGN_OR_RETURN(const auto entries, files_.list(root_));
    std::vector<std::string> found;
    for (const io::FolderEntry& entry : entries) {
      if (entry.kind == io::FileKind::kFolder && check_name("model", entry.name).ok())
        found.push_back(entry.name);
    }
    return found;
  }

  Result<std::unique_ptr<ModelSource>> source(std::string_view name) override {
    SLIPWAY_ASSIGN_OR_RETURN(const auto known, names());
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      return not_found("model.unknown", "there is no model \"" + printable(name) + "\" in " + root_);
    }
    return make_folder_source(files_, io::join_path(root_, name));
  }

 private:
  io::FileSystem& files_;
  const std::string root_;
};

}  // namespace

std::unique_ptr<ModelSource> make_file_source(io::FileSystem& files, std::string path) {
  return std::make_unique<FileSource>(files, std::move(path));
}

std::unique_ptr<ModelSource> make_folder_source(io::FileSystem& files, std::string folder) {
  return std::make_unique<FolderSource>(files, std::move(folder));
}

std::unique_ptr<ModelRepository> make_folder_repository(io::FileSystem& files, std::string root) {
  return std::make_unique<FolderRepository>(files, std::move(root));
}

}  // namespace slipway::serving
