// Serves ensembles of decision trees, read and evaluated by the module `forest`.
#pragma once

#include <memory>

#include "contracts/backend/backend.h"

namespace slipway {

/// Needs no library. Its instances outlive it.
std::unique_ptr<backend::Backend> make_backend_trees(const backend::Host& host);

}  // namespace slipway
