// Whether a model that was just loaded still answers as its package recorded.
#pragma once

#include <cstddef>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "contracts/backend/backend.h"
#include "function/function.h"
#include "package/golden.h"

namespace slipway::serving {

/// What a package recorded.
struct Golden {
  std::vector<package::GoldenCase> cases;
  std::vector<package::OutputTolerance> tolerances;
};

/// Asks the golden requests, the first always and others while `budget` lasts, and compares. Gives how many
/// were asked. It also warms the model in the shapes that were recorded. Cost: those runs; never call it on a
/// loop. Errors: model.golden_different, model.golden_failed, each naming the request; golden.*.
Result<std::size_t> check_golden(const Golden& golden, const function::Function& function,
                                 backend::Instance& instance, Duration budget, const Clock& clock);

}  // namespace slipway::serving
