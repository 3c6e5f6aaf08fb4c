// A socket of a connection, plain or under TLS: what goes in and comes out are the bytes of HTTP.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstddef>
#include <memory>
#include <span>
#include <utility>

#include "net/loop/fd.h"
#include "net/tls/session.h"

namespace slipway::net {

/// Thread: confined to its loop.
class Link {
 public:
  explicit Link(Fd socket) : socket_(std::move(socket)) {}
  /// `session` has shaken hands on the socket.
  Link(Fd socket, std::unique_ptr<TlsSession> session)
      : socket_(std::move(socket)), session_(std::move(session)), peer_(session_->peer()) {}
  Link(Link&&) = default;
  Link& operator=(Link&&) = default;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link() { close(); }

  [[nodiscard]] int fd() const { return socket_.get(); }
  [[nodiscard]] bool valid() const { return socket_.valid(); }
  [[nodiscard]] bool is_tls() const { return session_ != nullptr; }
  /// Null when the other end showed no certificate.
  [[nodiscard]] const std::shared_ptr<const dialect::PeerIdentity>& peer() const { return peer_; }

  /// As recv() and sendmsg().
  ssize_t receive(void* to, std::size_t room) {
    return session_ == nullptr ? ::recv(socket_.get(), to, room, 0) : session_->receive(to, room);
  }
  ssize_t send(std::span<iovec> pieces) {
    if (session_ != nullptr) return session_->send(pieces);
    if (pieces.size() == 1) {
      return ::send(socket_.get(), pieces[0].iov_base, pieces[0].iov_len, MSG_NOSIGNAL);
    }
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = pieces.size();
    return ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
  }
  /// As TlsSession::failure(). Precondition: is_tls().
  [[nodiscard]] Error failure() const { return session_->failure(); }
  /// There are bytes to receive that the loop will not tell of, since they have left the socket.
  [[nodiscard]] bool pending() const { return session_ != nullptr && session_->pending(); }

  /// Nothing more is sent; what the other end still sends can be thrown away.
  void end_sending() {
    if (session_ != nullptr) session_->end();
    ::shutdown(socket_.get(), SHUT_WR);
  }
  void close() {
    if (session_ != nullptr && socket_.valid()) session_->end();
    session_.reset();
    socket_.reset();
  }

 private:
  Fd socket_;
  std::unique_ptr<TlsSession> session_;
  std::shared_ptr<const dialect::PeerIdentity> peer_;
};

}  // namespace slipway::net
