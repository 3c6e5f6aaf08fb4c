// A client's connection, whichever version of HTTP it speaks, and what it needs from the server.
#pragma once

#include <memory>
#include <string_view>

#include "net/body.h"
#include "net/handler.h"
#include "net/limits.h"
#include "net/loop/counters.h"
#include "net/loop/loop.h"
#include "net/tls/keeper.h"
#include "net/tls/link.h"

namespace slipway::net {

/// What a connection shares with the others of its listener on the same loop.
struct ConnectionHost {
  Loop& loop;
  Handler& handler;
  const Limits& limits;
  std::shared_ptr<Budget> budget;
  LoopCounters& counters;
  bool compress_get = true;
  bool http2 = true;
  std::shared_ptr<TlsKeeper> tls = {};  ///< null: plain
};

/// Thread: confined to its loop.
class Connection : public Watcher {
 public:
  explicit Connection(const ConnectionHost& host) : host_(host) {}
  [[nodiscard]] const ConnectionHost& host() const { return host_; }

  /// The server will go down: the client is told as soon as its protocol can say so.
  virtual void note_draining() = 0;
  /// The same, and the connection is closed when it has nothing under way.
  virtual void drain() = 0;
  /// Closes at once; answers under way are lost.
  virtual void cut() = 0;

  std::shared_ptr<void> seat;  ///< among those of its client; given back with the connection

  // The owner's list.
  Connection* list_next = nullptr;
  Connection* list_previous = nullptr;

 protected:
  const ConnectionHost& host_;
};

/// Told when a connection ends.
class ConnectionOwner {
 public:
  virtual ~ConnectionOwner() = default;
  /// The connection is closed; the owner takes it out of its list and gives it to Loop::retire().
  virtual void closed(Connection& connection) = 0;
  /// The client speaks HTTP/2. The owner puts a connection for it in the place of this one, which it retires.
  virtual void speaks_http2(Connection& connection, Link link, bool local, std::string_view received) = 0;
  /// The client has shaken hands. The owner puts a connection in the place of this one, which it retires.
  virtual void secured(Connection& connection, Link link, bool local, bool http2) = 0;
};

}  // namespace slipway::net
