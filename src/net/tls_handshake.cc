#include "net/tls_handshake.h"

#include <sys/socket.h>

#include <string_view>
#include <utility>

#include "net/tls/link.h"

namespace slipway::net {
namespace {

constexpr std::string_view kNeedsTls =
    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: 55\r\n\r\n"
    "this port speaks TLS; use https:// in place of http://\n";

constexpr int kDiscards = 4;

}  // namespace

TlsHandshake::TlsHandshake(Fd socket, std::unique_ptr<TlsSession> session, bool local,
                           const ConnectionHost& host, ConnectionOwner& owner)
    : Connection(host),
      owner_(owner),
      socket_(std::move(socket)),
      session_(std::move(session)),
      local_(local) {}

Status TlsHandshake::open() {
  interest_ = EPOLLIN;
  if (Status status = host_.loop.watch(socket_.get(), interest_, *this); !status.ok()) {
    socket_.reset();
    closed_ = true;
    return status;
  }
  host_.loop.arm(*this, host_.loop.now() + host_.limits.head_timeout);
  return {};
}

void TlsHandshake::on_events(std::uint32_t) {
  if (closed_) return;
  std::uint32_t wanted = 0;
  switch (session_->handshake()) {
    case TlsSession::Step::kDone:
      become_connection();
      return;
    case TlsSession::Step::kWantsRead:
      wanted = EPOLLIN;
      break;
    case TlsSession::Step::kWantsWrite:
      wanted = EPOLLOUT;
      break;
    case TlsSession::Step::kPlainHttp:
      say_plainly();
      give_up();
      return;
    case TlsSession::Step::kFailed:
      give_up();
      return;
  }
  if (wanted == interest_) return;
  interest_ = wanted;
  host_.loop.change(socket_.get(), interest_, *this);
}

void TlsHandshake::become_connection() {
  closed_ = true;
  host_.loop.unwatch(socket_.get());
  host_.loop.disarm(*this);
  const bool http2 = session_->speaks_http2();
  owner_.secured(*this, Link(std::move(socket_), std::move(session_)), local_, http2);
}

// A person who forgot the "s" reads this; whatever else it is does not mind.
void TlsHandshake::say_plainly() {
  [[maybe_unused]] const auto sent =
      ::send(socket_.get(), kNeedsTls.data(), kNeedsTls.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

// Closing with input unread would reset the connection, and the client might never see why.
void TlsHandshake::give_up() {
  ::shutdown(socket_.get(), SHUT_WR);
  const BlockRef block = host_.loop.blocks().take();
  for (int i = 0; i<kDiscards&& ::recv(socket_.get(), block.data(), block.capacity(), 0)> 0; ++i) {
  }
  cut();
}

void TlsHandshake::drain() {
  if (closed_) return;
  const MonoTime until = host_.loop.now() + host_.limits.linger;
  if (deadline() > until) host_.loop.arm(*this, until);
}

void TlsHandshake::cut() {
  if (std::exchange(closed_, true)) return;
  host_.loop.unwatch(socket_.get());
  host_.loop.disarm(*this);
  session_.reset();
  socket_.reset();
  owner_.closed(*this);
}

}  // namespace slipway::net
