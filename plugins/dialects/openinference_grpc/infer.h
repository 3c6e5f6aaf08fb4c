// ModelInfer and ModelStreamInfer.
#pragma once

#include <cstddef>
#include <memory>

#include "contracts/dialect/dialect.h"
#include "grpc/message.h"

namespace slipway::openinference_grpc {

/// Answers the exchange, now or later. Borrows: host and limits, until then. Thread: safe.
void infer(const dialect::Host& host, const grpc::Limits& limits,
           std::unique_ptr<dialect::Exchange> exchange);

/// Requests of one stream that are at work at the same time; the next is read when one of them is answered
/// and the client has taken most of what it was sent.
inline constexpr std::size_t kMaxAtOnce = 64;

/// Answers each message as soon as it is done. A request that fails is answered with its error, and the
/// stream goes on; with the metadata "triton_grpc_error: true" the first error ends the stream as its status.
/// Borrows: host and limits, until the stream has ended. Thread: safe.
void stream_infer(const dialect::Host& host, const grpc::Limits& limits,
                  std::unique_ptr<dialect::Exchange> exchange);

}  // namespace slipway::openinference_grpc
