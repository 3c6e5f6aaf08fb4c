// An HTTP/1.1 client for the command line and for tests: one connection, one request at a time,
// blocking.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "contracts/dialect/exchange.h"
#include "net/socket.h"
#include "net/tls/connector.h"
#include "net/tls/link.h"

namespace slipway::net {

struct ClientOptions {
  Duration connect_timeout = std::chrono::seconds(5);
  Duration timeout = std::chrono::seconds(60);  ///< one request, from its first byte to its answer's last
  std::size_t max_response_bytes = std::size_t{256} << 20U;  ///< head and body
  std::shared_ptr<const TlsConnector> tls = {};              ///< null: plain
};

struct ClientResponse {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  ///< as received
  std::string body;

  /// The first of that name, in lower case.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view lower_name) const;
};

/// Thread: external lock.
class Client {
 public:
  /// Borrows: the clock. Errors: net.address, net.refused, net.unreachable, net.timeout, those of
  /// TlsSession::failure().
  static Result<std::unique_ptr<Client>> connect(const Endpoint& endpoint, const Clock& clock,
                                                 const ClientOptions& options = {});
  virtual ~Client() = default;

  /// Sends and waits. Host and Content-Length are added. The connection is kept for the next request, and
  /// made again when the server has closed it in the meantime. An answer with any status is a success here.
  /// Errors: those of connect(), net.closed (no whole answer came), net.bad_response (not HTTP, or too
  /// large), net.header (a header that cannot be sent).
  virtual Result<ClientResponse> request(std::string_view method, std::string_view target,
                                         std::span<const dialect::Header> headers, std::string_view body) = 0;

  [[nodiscard]] virtual const Endpoint& endpoint() const = 0;
};

/// An address taken apart: "http://127.0.0.1:8080/v2/models" or "https://localhost". Errors: net.address.
struct Url {
  bool tls = false;  ///< https
  Endpoint endpoint;
  std::string target;  ///< from the first slash, at least "/"
};
Result<Url> parse_url(std::string_view text);

/// A connected, non-blocking link, plain where `tls` is null; under TLS the server's certificate is sound.
/// Errors: those of connect_to(), net.timeout, those of TlsSession::failure(), tls.no_http2 (asked for and
/// not to be had).
Result<Link> open_link(const Endpoint& endpoint, const TlsConnector* tls, bool http2, const Clock& clock,
                       Duration timeout);

}  // namespace slipway::net
