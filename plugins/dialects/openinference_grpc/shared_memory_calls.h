// The calls of the shared-memory extension: registering regions, telling of them, unregistering them.
// Source: openinference.proto; Triton docs/protocol/extension_shared_memory.md.
#pragma once

#include <memory>

#include "contracts/dialect/dialect.h"
#include "grpc/message.h"

namespace slipway::openinference_grpc {

enum class SharedMemoryCall : std::uint8_t { kStatus, kRegister, kUnregister };

/// Answers at once. Errors (as the call's status): v2.shared_memory (unimplemented: not allowed here),
/// v2.message, those of dialect::SharedMemory. Thread: safe.
void answer_shared_memory(SharedMemoryCall kind, const dialect::Host& host, const grpc::Limits& limits,
                          std::unique_ptr<dialect::Exchange> exchange);

}  // namespace slipway::openinference_grpc
