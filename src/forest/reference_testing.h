// A forest's answers computed as its definition says, node by node: what the fast evaluation is held against.
#pragma once

#include <span>
#include <vector>

#include "forest/forest.h"

namespace slipway::forest::testing {

/// The answers of one row, before they are rounded to Forest::answers. Precondition: check(forest).
std::vector<double> reference_answers(const Forest& forest, std::span<const double> row);

}  // namespace slipway::forest::testing
