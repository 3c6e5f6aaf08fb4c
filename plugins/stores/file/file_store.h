// The store in a folder; see README.md.
#pragma once

#include <memory>

#include "contracts/store/store.h"

namespace slipway {

/// Precondition: host.files is set.
std::unique_ptr<store::StoreFactory> make_store_file(const store::Host& host);

}  // namespace slipway
