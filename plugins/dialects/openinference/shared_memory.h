// The routes of the shared-memory extension: registering regions, telling of them, unregistering them.
// Source: Triton docs/protocol/extension_shared_memory.md.
#pragma once

#include <string_view>

#include "contracts/dialect/dialect.h"

namespace slipway::openinference {

// Each answers at once; `name` empty = all regions.
// Errors: v2.shared_memory (unimplemented: not allowed here), v2.body, json.*, those of dialect::SharedMemory.

/// [{"name", "key", "offset", "byte_size"}].
void shared_memory_status(const dialect::Host& host, std::string_view name, dialect::Exchange& exchange);
/// The body is {"key", "offset"?, "byte_size"}.
void register_shared_memory(const dialect::Host& host, std::string_view name, dialect::Exchange& exchange);
void unregister_shared_memory(const dialect::Host& host, std::string_view name, dialect::Exchange& exchange);

}  // namespace slipway::openinference
