// The fields that begin an answer. Shared by the kinds of calls.
#pragma once

#include <array>
#include <span>

#include "contracts/dialect/exchange.h"
#include "grpc/message.h"

namespace slipway::grpc {

inline constexpr dialect::Header kContentType{"content-type", "application/grpc"};
inline constexpr dialect::Header kAcceptEncoding{"grpc-accept-encoding", "identity,gzip"};

inline constexpr std::array kPlainHead{kContentType};
inline constexpr std::array kGzipHead{kContentType, dialect::Header{"grpc-encoding", "gzip"}};

[[nodiscard]] inline std::span<const dialect::Header> answer_head(Encoding encoding) {
  if (encoding == Encoding::kGzip) return kGzipHead;
  return kPlainHead;
}

}  // namespace slipway::grpc
