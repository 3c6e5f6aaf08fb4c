// A client's connection until TLS is agreed on; then the connection for the protocol that was chosen takes
// its place.
#pragma once

#include <cstdint>
#include <memory>

#include "net/connection.h"
#include "net/loop/fd.h"
#include "net/loop/loop.h"
#include "net/tls/session.h"

namespace slipway::net {

/// Thread: confined to its loop.
class TlsHandshake final : public Connection, public Timer {
 public:
  /// Borrows: host and owner, for the connection's life. `session` is on `socket`. Call open() next.
  TlsHandshake(Fd socket, std::unique_ptr<TlsSession> session, bool local, const ConnectionHost& host,
               ConnectionOwner& owner);

  /// Errors: net.loop.
  Status open();

  void note_draining() override {}
  /// It has a moment left to ask something.
  void drain() override;
  void cut() override;

  void on_events(std::uint32_t events) override;
  void on_timer() override { cut(); }

 private:
  void become_connection();
  void say_plainly();
  void give_up();

  ConnectionOwner& owner_;
  Fd socket_;
  std::unique_ptr<TlsSession> session_;
  const bool local_;
  bool closed_ = false;
  std::uint32_t interest_ = 0;
};

}  // namespace slipway::net
