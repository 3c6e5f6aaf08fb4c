// A forest's answers computed as its definition says, node by node: what the fast evaluation is held against.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "forest/forest.h"

namespace slipway::forest::testing {

struct Reference {
  std::vector<double> answers;
  std::uint32_t chosen = 0;  ///< the class
};

/// What one row gets. Precondition: check(forest).
Reference reference(const Forest& forest, std::span<const double> row);

}  // namespace slipway::forest::testing
