#include "serving/package_source.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/text.h"
#include "package/golden.h"

namespace slipway::serving {
namespace {

class PackageFiles final : public backend::ModelFiles {
 public:
  explicit PackageFiles(std::shared_ptr<package::Package> package) : package_(std::move(package)) {
    const std::string& model = package_->manifest().model;
    const std::size_t slash = model.rfind('/');
    prefix_ = slash == std::string::npos ? "" : model.substr(0, slash + 1);
    main_ = model.substr(prefix_.size());
    for (const package::FileEntry& file : package_->manifest().files) {
      if (file.path.starts_with(prefix_)) names_.push_back(file.path.substr(prefix_.size()));
    }
  }

  const std::string& main() const override { return main_; }
  std::span<const std::string> names() const override { return names_; }
  Result<ByteView> read(std::string_view name) const override {
    if (std::find(names_.begin(), names_.end(), name) == names_.end()) {
      return not_found("model.file_missing",
                       "there is no file \"" + printable(name) + "\" beside the model in the package");
    }
    return package_->view(prefix_ + std::string(name));
  }

 private:
  std::shared_ptr<package::Package> package_;
  std::string prefix_, main_;
  std::vector<std::string> names_;
};

// Nothing where the package has no golden requests.
Result<Golden> recorded(package::Package& package) {
  Golden golden;
  if (!package.manifest().golden) return golden;
  SLIPWAY_ASSIGN_OR_RETURN(const ByteView bytes, package.view(package.manifest().golden->file));
  SLIPWAY_ASSIGN_OR_RETURN(golden.cases, package::decode_golden(as_text(bytes)));
  golden.tolerances = package.manifest().golden->tolerances;
  return golden;
}

class PackageSource final : public ModelSource {
 public:
  PackageSource(io::FileSystem& files, const Clock& clock, std::string root, package::PackageName wanted)
      : files_(files), store_(files, clock, std::move(root)), wanted_(std::move(wanted)) {}

  Result<std::vector<Candidate>> candidates() override {
    std::vector<package::StoredPackage> found;
    if (!wanted_.version.empty() || wanted_.digest) {
      SLIPWAY_ASSIGN_OR_RETURN(auto one, store_.resolve(wanted_));
      found.push_back(std::move(one));
    } else {
      SLIPWAY_ASSIGN_OR_RETURN(auto newest, store_.resolve(wanted_));  // says what is missing, in words
      SLIPWAY_ASSIGN_OR_RETURN(found, store_.list());
      std::erase_if(found,
                    [&](const package::StoredPackage& package) { return package.name != newest.name; });
    }
    std::vector<Candidate> candidates;
    for (const package::StoredPackage& package : found) {
      candidates.push_back({package.version, package.digest.to_string()});
    }
    return candidates;
  }

  Result<ModelBundle> open(const Candidate& candidate) override {
    SLIPWAY_ASSIGN_OR_RETURN(const auto digest, crypto::Digest::parse(candidate.fingerprint));
    SLIPWAY_ASSIGN_OR_RETURN(auto package, package::Package::open(files_, store_.root(), digest));
    return make_bundle(std::move(package));
  }

 private:
  io::FileSystem& files_;
  package::LocalStore store_;
  const package::PackageName wanted_;
};

class PackageRepository final : public ModelRepository {
 public:
  PackageRepository(io::FileSystem& files, const Clock& clock, std::string root)
      : files_(files), clock_(clock), store_(files, clock, std::move(root)) {}

  Result<std::vector<std::string>> names() override {
    SLIPWAY_ASSIGN_OR_RETURN(const auto packages, store_.list());
    std::vector<std::string> names;
    for (const auto& package : packages) {
      if (names.empty() || names.back() != package.name) names.push_back(package.name);
    }
    return names;
  }

  Result<std::unique_ptr<ModelSource>> source(std::string_view name) override {
    // The store takes no name for its only package; here no name is the name of nothing.
    if (name.empty()) return not_found("model.unknown", "a model has a name");
    const package::PackageName wanted{std::string(name), "", std::nullopt};
    const auto found = store_.resolve(wanted);
    if (!found.ok() && found.code() == Code::kNotFound)
      return not_found("model.unknown", found.error().message());
    if (!found.ok()) return found.error();
    return make_package_source(files_, clock_, store_.root(), wanted);
  }

 private:
  io::FileSystem& files_;
  const Clock& clock_;
  package::LocalStore store_;
};

}  // namespace

std::unique_ptr<ModelSource> make_package_source(io::FileSystem& files, const Clock& clock, std::string root,
                                                 package::PackageName wanted) {
  return std::make_unique<PackageSource>(files, clock, std::move(root), std::move(wanted));
}

std::unique_ptr<ModelRepository> make_package_repository(io::FileSystem& files, const Clock& clock,
                                                         std::string root) {
  return std::make_unique<PackageRepository>(files, clock, std::move(root));
}

std::unique_ptr<backend::ModelFiles> make_package_files(std::shared_ptr<package::Package> package) {
  return std::make_unique<PackageFiles>(std::move(package));
}

Result<ModelBundle> make_bundle(std::shared_ptr<package::Package> package) {
  const package::Manifest& manifest = package->manifest();
  ModelBundle bundle;
  bundle.name = manifest.name;
  bundle.version = manifest.version;
  bundle.digest = package->digest().to_string();
  bundle.description = manifest.description;
  bundle.backend = manifest.backend;
  bundle.function = manifest.function;
  bundle.batchable = manifest.batchable;
  SLIPWAY_ASSIGN_OR_RETURN(bundle.golden, recorded(*package));
  if (!bundle.golden.cases.empty()) bundle.example_record = bundle.golden.cases.front().record;
  const std::string folder = manifest.model.substr(0, manifest.model.rfind('/') + 1);
  for (const package::FileEntry& file : manifest.files) {
    if (file.path.starts_with(folder)) bundle.size_bytes += file.size_bytes;
  }
  bundle.files = make_package_files(std::move(package));
  return bundle;
}

}  // namespace slipway::serving
