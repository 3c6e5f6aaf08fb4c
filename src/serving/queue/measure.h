// What a run costs, found out by running the model when it is loaded.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "contracts/backend/backend.h"
#include "function/function.h"
#include "tensor/tensor.h"

namespace slipway::serving {

/// Inputs to try a model with: those of an example record, else zeros with 1 in free first dimensions.
/// Nothing where other dimensions are free, since any guess could be wrong.
std::optional<std::vector<Tensor>> trial_inputs(const function::Function& function,
                                                const std::string& example_record,
                                                const Signature& signature);

struct RunCost {
  std::size_t input_bytes = 0;  ///< of the measured run
  Duration run{};               ///< median
  /// Rows of runs, and what those took.
  std::vector<std::pair<std::size_t, Duration>> by_rows;
  std::size_t best_rows = 1;  ///< rows of one run beyond which more rows gain less than a twentieth per row
};

/// Runs the trial a few times; then, where rows can be stacked, 2, 4, 8, ... rows of it, up to `max_rows`, as
/// long as each doubling pays and `budget` lasts. Nothing when the model refuses the trial. Cost: those runs;
/// never call it on a loop.
std::optional<RunCost> measure(backend::Instance& instance, const std::vector<Tensor>& trial,
                               std::size_t max_rows, Duration budget, const Clock& clock);

}  // namespace slipway::serving
