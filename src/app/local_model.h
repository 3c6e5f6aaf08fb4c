// A model in this process, without a server: for one-off predictions and replays.
#pragma once

#include <memory>
#include <string>

#include "app/context.h"
#include "function/function.h"
#include "packing/runner.h"

namespace slipway::app {

/// Loaded from a package, a model file or a folder of a model repository. Move-only.
class LocalModel {
 public:
  /// Errors: those of finding, verifying and loading it; app.which_model when the target holds several
  /// models.
  static Result<LocalModel> load(Context& context, const std::string& target, const std::string& store);

  [[nodiscard]] const function::Function& function() const { return *function_; }
  [[nodiscard]] packing::Runner& runner() { return *runner_; }

 private:
  std::unique_ptr<backend::Instance> instance_;
  std::unique_ptr<function::Function> function_;
  std::unique_ptr<packing::Runner> runner_;
};

}  // namespace slipway::app
