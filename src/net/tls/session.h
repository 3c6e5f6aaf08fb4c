// One TLS connection on a socket that does not block.
#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/error.h"
#include "contracts/dialect/exchange.h"

namespace slipway::net {

/// Thread: one at a time.
class TlsSession {
 public:
  enum class Step : std::uint8_t {
    kDone,
    kWantsRead,
    kWantsWrite,
    kPlainHttp,  ///< a client speaks HTTP without TLS
    kFailed
  };

  virtual ~TlsSession() = default;

  /// Goes on until it must wait for the socket. Nothing else is called before it says kDone.
  virtual Step handshake() = 0;
  /// What ALPN has chosen: HTTP/2, else HTTP/1.1.
  [[nodiscard]] virtual bool speaks_http2() const = 0;
  /// Null when the other end showed no certificate.
  [[nodiscard]] virtual std::shared_ptr<const dialect::PeerIdentity> peer() const = 0;

  /// As recv() and sendmsg(): the number of bytes, 0 at the end, -1 with errno otherwise (EAGAIN; EPROTO when
  /// the connection is of no more use). What was not sent must come first the next time.
  virtual ssize_t receive(void* to, std::size_t room) = 0;
  virtual ssize_t send(std::span<const iovec> pieces) = 0;
  /// Bytes have been received that receive() will give, of which the socket says nothing any more.
  [[nodiscard]] virtual bool pending() const = 0;
  /// Why the connection is of no more use, once handshake() said so, or receive() or send() gave EPROTO. Of a
  /// server: what is wrong with its certificate, or what it wants. Errors: tls.server_expired,
  /// tls.server_not_yet_valid, tls.server_unknown, tls.server_name, tls.server_certificate,
  /// tls.client_certificate_wanted, tls.client_certificate_refused, tls.not_tls, tls.failed.
  [[nodiscard]] virtual Error failure() const = 0;
  /// Tells the other end that nothing more comes, as far as the socket takes it at once.
  virtual void end() = 0;
};

}  // namespace slipway::net
