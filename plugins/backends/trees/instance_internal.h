// One forest as a model.
#pragma once

#include <memory>

#include "contracts/backend/backend.h"
#include "forest/evaluator.h"

namespace slipway::trees {

/// Precondition: forest::check(forest). Errors: backend.unsupported.
Result<std::unique_ptr<backend::Instance>> make_instance(const forest::Forest& forest,
                                                         const backend::LoadOptions& options);

}  // namespace slipway::trees
