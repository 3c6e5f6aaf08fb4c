// The client's end of TLS: whom to trust, and what to show.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "io/filesystem.h"
#include "net/tls/session.h"

namespace slipway::net {

struct TlsTrust {
  std::string ca = {};           ///< file in PEM: who vouches for servers; empty: whom the system trusts
  std::string certificate = {};  ///< file in PEM: the client's own, then those between it and the root
  std::string key = {};          ///< file in PEM, without a password; empty: in the certificate's file

  [[nodiscard]] bool empty() const { return ca.empty() && certificate.empty() && key.empty(); }
};

/// Makes sessions with servers. The server's certificate is checked: its dates, who vouches for it, and that
/// it is for the host that was asked for. Thread: safe.
class TlsConnector {
  struct Key {};

 public:
  /// Reads the files now. Errors: those of reading, tls.ca, tls.certificate, tls.key (also: a key without a
  /// certificate), tls.library.
  static Result<std::shared_ptr<TlsConnector>> create(const TlsTrust& trust, io::FileSystem& files);
  /// For create() alone.
  explicit TlsConnector(Key key);
  TlsConnector(const TlsConnector&) = delete;
  TlsConnector& operator=(const TlsConnector&) = delete;
  ~TlsConnector();

  /// A session with a server that has just been connected to, before its handshake. ALPN offers HTTP/2 alone,
  /// or HTTP/1.1 alone. Null when the machine has no memory for it. Borrows: the descriptor, for the
  /// session's life.
  [[nodiscard]] std::unique_ptr<TlsSession> connect(int fd, const std::string& host, bool http2) const;

 private:
  struct Contexts;
  std::unique_ptr<Contexts> contexts_;
};

}  // namespace slipway::net
