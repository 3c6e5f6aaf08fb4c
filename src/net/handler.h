// What answers the requests that a server receives.
#pragma once

#include <memory>
#include <string_view>

#include "base/error.h"
#include "contracts/dialect/exchange.h"

namespace slipway::net {

/// Thread: called on every loop of the server at once. It must not block: all connections of that loop wait
/// for it.
class Handler {
 public:
  virtual ~Handler() = default;

  /// A request that was received whole and well formed. Answer now or later, from any thread.
  virtual void handle(std::unique_ptr<dialect::Exchange> exchange) = 0;

  /// Asked when a body has not come whole with its head, where the protocol can be read and answered at once:
  /// is the request to be handled now, and its body read in pieces?
  [[nodiscard]] virtual bool streams(dialect::Method method, std::string_view path) const;

  /// A request that the transport refuses; `error` says why (ids "net.*"). Only the body and headers of the
  /// answer are the handler's: the status on the wire is the transport's (413, 431, 408, ...) whatever is
  /// given to respond(). What was understood of the request can be asked for; its path is empty when it could
  /// not be read, its body always is. The default answers with the error's sentence as plain text.
  virtual void refuse(const Error& error, std::unique_ptr<dialect::Exchange> exchange);
};

}  // namespace slipway::net
