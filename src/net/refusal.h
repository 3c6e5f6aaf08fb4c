// Why the transport itself answers a request, before any handler would.
#pragma once

#include <string_view>

#include "base/error.h"

namespace slipway::net {

/// A row of the table of refusals. Lives for ever.
struct Refusal {
  int status;           ///< of HTTP
  Code code;            ///< canonical
  std::string_view id;  ///< "net.host"
  std::string_view message;
  bool close = true;  ///< the connection cannot go on: what follows could not be told apart
};

/// All refusals. The wording never repeats what the client sent.
namespace refusals {
extern const Refusal kSyntax, kTls, kHttp2, kVersion, kBareLf, kFolded, kHost, kFraming, kTransferCoding,
    kChunk;
extern const Refusal kHeadTooLarge, kTooManyFields, kTargetTooLong, kBodyTooLarge, kRatio, kTooManyChunks,
    kHeldBytes;
extern const Refusal kPath, kContentCoding, kCompressed, kExpect, kHeadTimeout, kBodyTimeout;
}  // namespace refusals

[[nodiscard]] inline Error to_error(const Refusal& refusal) {
  return Error(refusal.code, refusal.id, std::string(refusal.message));
}

}  // namespace slipway::net
