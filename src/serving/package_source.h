// Models that lie in a package store.
#pragma once

#include <memory>
#include <string>

#include "package/local_store.h"
#include "package/reference.h"
#include "serving/source.h"

namespace slipway::serving {

/// The versions of one package name; all of them, or the one that `wanted` pins by version or digest. The
/// package's digest is the fingerprint, so an unchanged version is not loaded again. Borrows: files, clock.
std::unique_ptr<ModelSource> make_package_source(io::FileSystem& files, const Clock& clock, std::string root,
                                                 package::PackageName wanted);

/// Every name in the store. Borrows: files, clock.
std::unique_ptr<ModelRepository> make_package_repository(io::FileSystem& files, const Clock& clock,
                                                         std::string root);

/// The files of the model in an opened package, by their names beside the model file. Every read is verified.
std::unique_ptr<backend::ModelFiles> make_package_files(std::shared_ptr<package::Package> package);

/// Everything that is needed to load it. Errors: the package's.
Result<ModelBundle> make_bundle(std::shared_ptr<package::Package> package);

}  // namespace slipway::serving
