// A server: listeners, event loops, and the connections spread over them.
//
//   net::Server::create({.loops = 2}, clock, logger) -> listen({endpoint, handler}) ... -> start() ->
//   drain(...) -> stop()
//
// Two listeners of one server share its loops. What must answer while the loops of another are busy (an admin
// port) is better a server of its own, with one loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "net/handler.h"
#include "net/limits.h"
#include "net/loop/loop.h"
#include "net/socket.h"
#include "net/tls/keeper.h"

namespace slipway::net {

struct ServerOptions {
  std::size_t loops = 1;  ///< event loops, each on a thread of its own
  int first_cpu = -1;     ///< the loops are kept on this processor and the following ones; -1: anywhere
  int backlog = 1024;     ///< connections the kernel holds before they are accepted
  Limits limits = {};
};

struct ListenOptions {
  Endpoint endpoint = {};
  /// Borrows: until the server is stopped.
  Handler* handler = nullptr;
  /// Compress answers to GET with gzip where the client asks for it, when they are text from 1 KiB up: pages
  /// and metrics. Answers to POST (predictions) never are: compressing costs many times what a small model
  /// does.
  bool compress_get = true;
  bool http2 = true;  ///< HTTP/2 for clients that begin with its preface, beside HTTP/1.1
  /// Null: plain. Its `http2` says what ALPN offers.
  std::shared_ptr<TlsKeeper> tls = {};
};

struct ServerCounters {
  std::uint64_t accepted = 0;     ///< connections since the start
  std::uint64_t turned_away = 0;  ///< connections closed at once: too many of them, or no descriptors left
  std::uint64_t open = 0;         ///< connections now
  std::uint64_t requests = 0;     ///< handed to handlers
  std::uint64_t refused_requests = 0;  ///< answered by the transport
  std::uint64_t bytes_received = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t held_bytes = 0;  ///< in large bodies now
};

struct DrainReport {
  bool complete = false;      ///< every request was answered
  std::uint64_t cut_off = 0;  ///< connections closed at the deadline
};

/// Thread: counters(), drain() and stop() are safe; the rest is for the thread that sets it up.
class Server {
 public:
  /// Borrows: clock and logger. Errors: net.loop.
  static Result<std::unique_ptr<Server>> create(const ServerOptions& options, const Clock& clock,
                                                Logger& logger);
  /// Stops. Exchanges that are still held may be answered afterwards; the answers go nowhere.
  virtual ~Server() = default;

  /// Before start(). Gives the endpoint with the real port. Connections wait in the kernel until start().
  /// Errors: net.address, net.address_in_use, net.address_denied, net.loop.
  virtual Result<Endpoint> listen(const ListenOptions& options) = 0;

  /// Runs every loop on a thread of its own.
  virtual void start() = 0;
  /// Runs the first loop on this thread, the others on theirs, until stop().
  virtual void run() = 0;

  /// Ends in good order: from now on every answer that can be a connection's last is (Connection: close).
  /// After `grace` the listeners and the idle connections are closed; whoever is left `deadline` later is cut
  /// off. `done` is called on a loop, once.
  virtual void drain(Duration grace, Duration deadline, std::function<void(DrainReport)> done) = 0;
  /// Closes everything at once and joins the threads. Not from a loop's own thread, except where run() is
  /// running: there it lets run() return, which does the rest.
  virtual void stop() = 0;

  [[nodiscard]] virtual ServerCounters counters() const = 0;
  [[nodiscard]] virtual std::size_t loops() const = 0;
  /// For timers and work of the program's own, and for tests that run it step by step instead of start().
  [[nodiscard]] virtual Loop& loop(std::size_t index) = 0;
};

}  // namespace slipway::net
