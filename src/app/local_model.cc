#include "app/local_model.h"

#include <utility>

#include "app/models.h"
#include "packing/probe.h"

namespace slipway::app {

Result<LocalModel> LocalModel::load(Context& context, const std::string& target, const std::string& store) {
  SLIPWAY_ASSIGN_OR_RETURN(const Servable found, servable(context, target, store, {}));
  const auto& deployments = found.deployments;
  if (deployments.size() != 1) {
    return invalid_argument("app.which_model", target + " holds " + std::to_string(deployments.size()) +
                                                   " models; name one of them");
  }
  SLIPWAY_ASSIGN_OR_RETURN(const auto candidates, deployments.front().source->candidates());
  SLIPWAY_ASSIGN_OR_RETURN(serving::ModelBundle bundle, deployments.front().source->open(candidates.back()));
  SLIPWAY_ASSIGN_OR_RETURN(const ByteView main, bundle.files->read(bundle.files->main()));
  SLIPWAY_ASSIGN_OR_RETURN(backend::Backend * backend,
                           packing::find_backend(context.backends(), bundle.backend, main));
  LocalModel model;
  SLIPWAY_ASSIGN_OR_RETURN(model.instance_, backend->load(*bundle.files, {}));
  auto function = bundle.function
                      ? function::Function::create(std::move(*bundle.function), model.instance_->signature())
                      : function::Function::identity(model.instance_->signature());
  if (!function.ok()) return function.error();
  model.function_ = std::make_unique<function::Function>(std::move(*function));
  model.runner_ = std::make_unique<packing::Runner>(*model.instance_, *model.function_);
  return model;
}

}  // namespace slipway::app
