#include "app/models.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.h"
#include "io/file_helpers.h"
#include "packing/pack.h"
#include "packing/probe.h"
#include "serving/folder_source.h"
#include "serving/package_source.h"

namespace slipway::app {
namespace {

constexpr std::string_view kFileScheme = "file://";

bool path_exists(Context& context, const std::string& path) {
  const auto there = io::exists(context.files(), path);
  return there.ok() && *there;
}

Result<bool> is_folder(Context& context, const std::string& path) {
  SLIPWAY_ASSIGN_OR_RETURN(const io::FileInfo info, context.files().stat(path));
  return info.kind == io::FileKind::kFolder;
}

Servable one_model(std::string name, std::unique_ptr<serving::ModelSource> source,
                   const serving::DeploymentSettings& settings) {
  Servable servable;
  servable.deployments.push_back({name.empty() ? "model" : std::move(name), std::move(source), settings});
  return servable;
}

Result<Servable> of_repository(const serving::DeploymentSettings& settings,
                               std::unique_ptr<serving::ModelRepository> models, const std::string& where) {
  SLIPWAY_ASSIGN_OR_RETURN(const auto names, models->names());
  Servable servable;
  for (const std::string& name : names) {
    SLIPWAY_ASSIGN_OR_RETURN(auto source, models->source(name));
    servable.deployments.push_back({name, std::move(source), settings});
  }
  if (servable.deployments.empty()) {
    return not_found("app.not_servable",
                     "there is no model in " + where +
                         "; a repository has NAME/VERSION/model.onnx, a store is made by slipway pack");
  }
  servable.repository = std::move(models);
  return servable;
}

bool holds_named_model(Context& context, const std::string& folder) {
  const auto entries = context.files().list(folder);
  return entries.ok() && std::any_of(entries->begin(), entries->end(), [](const io::FolderEntry& entry) {
           return entry.kind == io::FileKind::kFile && entry.name.starts_with("model.");
         });
}

// True for a folder whose sub-folders hold model files, such as wine/1/model.onnx: one model of a repository.
// A sub-folder that holds some file (config.pbtxt, a README) beside folders with models is itself such a
// model.
bool is_one_model(Context& context, const std::string& folder) {
  const auto versions = serving::make_folder_source(context.files(), folder)->candidates();
  return versions.ok() && std::all_of(versions->begin(), versions->end(), [&](const auto& version) {
           const std::string inside = io::join_path(folder, version.version);
           return holds_named_model(context, inside) ||
                  !serving::make_folder_source(context.files(), inside)->candidates().ok();
         });
}

/// What a folder is to a server.
enum class FolderKind : std::uint8_t { kStore, kUnpacked, kOneModel, kRepository };

FolderKind folder_kind(Context& context, const std::string& folder) {
  if (path_exists(context, io::join_path(folder, "oci-layout"))) return FolderKind::kStore;
  if (path_exists(context, io::join_path(folder, "slipway.yaml"))) return FolderKind::kUnpacked;
  return is_one_model(context, folder) ? FolderKind::kOneModel : FolderKind::kRepository;
}

std::unique_ptr<serving::ModelRepository> open_repository(Context& context, const std::string& folder,
                                                          FolderKind kind) {
  if (kind == FolderKind::kStore)
    return serving::make_package_repository(context.files(), context.clock(), folder);
  if (kind == FolderKind::kRepository) return serving::make_folder_repository(context.files(), folder);
  return nullptr;
}

Result<Servable> of_folder(Context& context, const std::string& folder,
                           const serving::DeploymentSettings& settings) {
  const FolderKind kind = folder_kind(context, folder);
  if (auto models = open_repository(context, folder, kind))
    return of_repository(settings, std::move(models), folder);
  if (kind == FolderKind::kUnpacked) {
    return failed_precondition(
        "app.not_servable",
        folder + " holds a model that is not packed yet; pack it first: slipway pack " + folder);
  }
  return one_model(packing::name_from(folder), serving::make_folder_source(context.files(), folder),
                   settings);
}

}  // namespace

std::string local_store(const Context& context) { return io::join_path(context.home(), "store"); }

Result<PackageAddress> find_package(Context& context, const std::string& text, const std::string& store) {
  SLIPWAY_ASSIGN_OR_RETURN(auto reference, package::parse_reference(text, [&](const std::string& path) {
                             return path_exists(context, path);
                           }));
  switch (reference.kind) {
    case package::Reference::Kind::kName:
      return PackageAddress{store, std::move(reference.package)};
    case package::Reference::Kind::kPath:
      return PackageAddress{reference.location, std::move(reference.package)};
    case package::Reference::Kind::kStore:
      break;
  }
  if (!reference.location.starts_with(kFileScheme)) {
    return unimplemented("app.store_unknown", "this build has no store for " + printable(text) +
                                                  "; it knows folders (file:///path or a path)");
  }
  return PackageAddress{reference.location.substr(kFileScheme.size()), std::move(reference.package)};
}

Result<std::shared_ptr<package::Package>> open_package(Context& context, const std::string& text,
                                                       const std::string& store) {
  SLIPWAY_ASSIGN_OR_RETURN(const PackageAddress address, find_package(context, text, store));
  const package::LocalStore packages(context.files(), context.clock(), address.root);
  if (address.name == package::PackageName{} &&
      !path_exists(context, io::join_path(address.root, "oci-layout"))) {
    return invalid_argument("app.not_a_store",
                            text + " is a path here, and no package store is in it; to mean the package " +
                                "of that name, write its version too: NAME:VERSION");
  }
  SLIPWAY_ASSIGN_OR_RETURN(auto package, packages.open(address.name));
  return std::shared_ptr<package::Package>(std::move(package));
}

Status check_model_file(Context& context, const std::string& path) {
  constexpr std::uint64_t kEndBytes = std::uint64_t{64} << 10U;
  SLIPWAY_ASSIGN_OR_RETURN(const auto file, context.files().open_read(path));
  const std::uint64_t size = file->size_bytes();
  Buffer ends(static_cast<std::size_t>(std::min(size, 2 * kEndBytes)));
  const auto half = static_cast<std::size_t>(std::min(size, kEndBytes));
  SLIPWAY_TRY(file->read_at(0, ends.bytes().first(half)).status());
  SLIPWAY_TRY(file->read_at(size - (ends.size() - half), ends.bytes().subspan(half)).status());
  return packing::find_backend(context.backends(), path.substr(path.rfind('/') + 1), ends.bytes()).status();
}

Result<Servable> servable(Context& context, const std::string& target, const std::string& store,
                          const serving::DeploymentSettings& settings) {
  if (path_exists(context, target)) {
    SLIPWAY_ASSIGN_OR_RETURN(const bool folder, is_folder(context, target));
    if (folder) return of_folder(context, target, settings);
    return one_model(packing::name_from(target), serving::make_file_source(context.files(), target),
                     settings);
  }
  SLIPWAY_ASSIGN_OR_RETURN(const PackageAddress address, find_package(context, target, store));
  if (address.name.name.empty() && address.name.version.empty()) {
    if (!path_exists(context, address.root)) {
      return not_found("app.no_target", "there is neither a file nor a folder " + printable(address.root));
    }
    return of_folder(context, address.root, settings);
  }
  const package::LocalStore packages(context.files(), context.clock(), address.root);
  SLIPWAY_ASSIGN_OR_RETURN(const auto found, packages.resolve(address.name));
  return one_model(found.name,
                   serving::make_package_source(context.files(), context.clock(), address.root, address.name),
                   settings);
}

}  // namespace slipway::app
