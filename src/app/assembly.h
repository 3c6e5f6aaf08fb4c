// A running server, put together: listeners, dialects, routers, models, metrics.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "app/context.h"
#include "app/environment.h"
#include "net/socket.h"
#include "serving/server.h"

namespace slipway::app {

struct Listener {
  net::Endpoint endpoint = {};  ///< with the port that was given
  bool tls = false;             ///< clients speak TLS there

  /// "https://127.0.0.1:8443", "unix:/run/slipway.sock".
  [[nodiscard]] std::string address() const;
};

/// Life: create() binds the listeners, run() serves until stop was asked for. Thread: request_stop() from
/// any.
class Assembly {
 public:
  /// Errors: app.not_loopback (permission denied: exit code 3), app.listen_twice, app.tls, those of
  /// net::TlsKeeper::create(), net.address_in_use and the other errors of listening.
  static Result<std::unique_ptr<Assembly>> create(Context& context, const Environment& environment);
  virtual ~Assembly() = default;

  /// Where clients are answered, in the order of the settings; at least one.
  [[nodiscard]] virtual const std::vector<Listener>& inference() const = 0;
  [[nodiscard]] virtual const Listener& admin() const = 0;
  [[nodiscard]] virtual serving::Server& models() = 0;

  /// Takes connections. Gives back at once.
  virtual void start() = 0;
  /// Looks for changes as often as the environment's `watch` says, from now on; does nothing where it says
  /// never.
  virtual void watch() = 0;
  /// Readiness off, grace, requests in flight finished, listeners and models gone. Blocks until then; gives
  /// true when every request was answered.
  virtual bool drain() = 0;
};

}  // namespace slipway::app
