// Addresses, listening and connecting.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "net/loop/fd.h"

namespace slipway::net {

/// Where to listen or connect: a host and a port, or the path of a Unix socket.
struct Endpoint {
  std::string host = {};   ///< a name or an address, IPv6 without brackets
  std::uint16_t port = 0;  ///< 0 when listening: any free one
  std::string path = {};   ///< of a Unix socket; then host and port mean nothing

  [[nodiscard]] bool is_unix() const { return !path.empty(); }
  /// "127.0.0.1:8080", "[::1]:8080", "unix:/run/slipway.sock".
  [[nodiscard]] std::string to_string() const;
  /// True for Unix sockets, "localhost" and addresses that only this machine can reach.
  [[nodiscard]] bool is_local() const;

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

/// Reads what to_string() writes; a port alone (":8080", "8080") means 127.0.0.1. Errors: net.address.
Result<Endpoint> parse_endpoint(std::string_view text);

struct Listening {
  Fd socket;          ///< non-blocking
  Endpoint endpoint;  ///< with the port that was given
};

/// A Unix socket left behind by a dead process is replaced; it is made for its owner only (0600).
/// Errors: net.address (unknown host, bad path), net.address_in_use, net.address_denied.
Result<Listening> listen_on(const Endpoint& endpoint, int backlog);

/// A connected, blocking socket. Errors: net.address, net.refused, net.unreachable, net.timeout; each names
/// the endpoint and what to try.
Result<Fd> connect_to(const Endpoint& endpoint, Duration timeout);

/// True when the peer is on this machine: loopback or a Unix socket.
[[nodiscard]] bool is_local_peer(const sockaddr_storage& peer);

}  // namespace slipway::net
