// From what a person writes on the command line or in a file to what the server deploys.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/context.h"
#include "base/error.h"
#include "package/package.h"
#include "package/reference.h"
#include "serving/server.h"

namespace slipway::app {

/// What a target stands for.
struct Servable {
  std::vector<serving::Deployment> deployments;  ///< the models that are there now
  std::unique_ptr<serving::ModelRepository>
      repository;  ///< where more may come to be; null for single models
};

/// A package reference, a model file, a package store, a model repository (NAME/VERSION/model.onnx), or one
/// model of such a repository. `store` is the folder of the local
/// package store. Errors: app.not_servable (says what the folder lacks); package.*; io.*.
Result<Servable> servable(Context& context, const std::string& target, const std::string& store,
                          const serving::DeploymentSettings& settings);

/// Where a package is: a store's folder and the name inside it.
struct PackageAddress {
  std::string root;
  package::PackageName name;
};

/// "wine:1.0.0", "file:///shelf/wine:1.0.0", "shelf/wine:1.0.0". Errors: package.reference; app.store_unknown
/// for a scheme that this build has no store for.
Result<PackageAddress> find_package(Context& context, const std::string& text, const std::string& store);

/// find_package() and opening it.
Result<std::shared_ptr<package::Package>> open_package(Context& context, const std::string& text,
                                                       const std::string& store);

/// What a file is that no backend takes, and the way to one that can be served. Errors: packing.pickle,
/// packing.unknown_model; io.*.
Status check_model_file(Context& context, const std::string& path);

/// $SLIPWAY_HOME/store.
std::string local_store(const Context& context);

}  // namespace slipway::app
