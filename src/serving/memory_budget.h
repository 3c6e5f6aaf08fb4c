// Which models leave when another one needs their memory.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"

namespace slipway::serving {

/// A model that is loaded.
struct Resident {
  std::string name;
  std::uint64_t bytes = 0;
  std::int64_t last_used = 0;  ///< the larger, the later
  bool may_leave = false;      ///< it is loaded again when it is asked for
};

/// The models that leave so that `need` more bytes fit into `budget`, the least recently used first and no
/// more than are needed. `taken`: bytes in use, of these and of others that cannot leave. Errors:
/// model.memory_never when `need` alone is above the budget; model.memory when what may not leave is in the
/// way. Both say how much is missing.
Result<std::vector<std::string>> who_leaves(std::uint64_t budget, std::uint64_t taken, std::uint64_t need,
                                            std::vector<Resident> residents);

}  // namespace slipway::serving
