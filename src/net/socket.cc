#include "net/socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "base/text.h"

namespace slipway::net {
namespace {

constexpr mode_t kSocketMode = 0600;

struct FreeInfo {
  void operator()(addrinfo* info) const { ::freeaddrinfo(info); }
};
using AddressList = std::unique_ptr<addrinfo, FreeInfo>;

Result<AddressList> resolve(const Endpoint& endpoint, int flags) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(endpoint.port);
  const int failed = ::getaddrinfo(endpoint.host.c_str(), port.c_str(), &hints, &found);
  if (failed == 0) return AddressList(found);
  return invalid_argument("net.address", "the host '" + printable(endpoint.host) + "' is not known: " +
                                             ::gai_strerror(failed) + "; check its spelling");
}

Result<sockaddr_un> unix_address(const Endpoint& endpoint) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (endpoint.path.size() >= sizeof address.sun_path || endpoint.path.find('\0') != std::string::npos) {
    return invalid_argument("net.address", "the path of a Unix socket has at most " +
                                               std::to_string(sizeof address.sun_path - 1) + " bytes; '" +
                                               printable(endpoint.path) + "' is longer");
  }
  std::memcpy(address.sun_path, endpoint.path.data(), endpoint.path.size());
  return address;
}

Error listen_error(const Endpoint& endpoint, int code) {
  const std::string where = endpoint.to_string();
  if (code == EADDRINUSE) {
    return already_exists("net.address_in_use", where +
                                                    " is taken by another program; choose another port "
                                                    "(0 takes any free one), or stop the other program");
  }
  if (code == EACCES || code == EPERM) {
    return permission_denied(
        "net.address_denied",
        "listening on " + where + " is not allowed; use a port from 1024 up, or a folder of yours");
  }
  return invalid_argument("net.address", "listening on " + where + " failed: " + std::strerror(code) +
                                             "; is that an address of this machine?");
}

Error connect_error(const Endpoint& endpoint, int code) {
  const std::string where = endpoint.to_string();
  if (code == ECONNREFUSED || code == ENOENT) {
    return unavailable("net.refused",
                       "nothing listens on " + where + "; is the server running, and is the port right?");
  }
  if (code == ETIMEDOUT) return deadline_exceeded("net.timeout", where + " did not answer in time");
  return unavailable("net.unreachable", where + " cannot be reached: " + std::strerror(code));
}

// True when a socket file is there and nobody listens on it.
bool is_stale(const sockaddr_un& address) {
  struct stat info {};
  if (::lstat(address.sun_path, &info) != 0 || !S_ISSOCK(info.st_mode)) return false;
  const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
         errno == ECONNREFUSED;
}

Result<Listening> listen_unix(const Endpoint& endpoint, int backlog) {
  SLIPWAY_ASSIGN_OR_RETURN(const sockaddr_un address, unix_address(endpoint));
  if (is_stale(address)) ::unlink(address.sun_path);
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return listen_error(endpoint, errno);
  // Before bind(), so that there is no moment at which others may connect.
  if (::fchmod(socket.get(), kSocketMode) != 0 ||
      ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(socket.get(), backlog) != 0) {
    return listen_error(endpoint, errno);
  }
  return Listening{std::move(socket), endpoint};
}

Endpoint bound_endpoint(const Fd& socket, const Endpoint& asked) {
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  Endpoint endpoint = asked;
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&bound), &size) == 0) {
    endpoint.port = bound.ss_family == AF_INET6
                        ? ntohs(reinterpret_cast<const sockaddr_in6*>(&bound)->sin6_port)
                        : ntohs(reinterpret_cast<const sockaddr_in*>(&bound)->sin_port);
  }
  return endpoint;
}

// Waits for a connection that is being made. Gives an errno, 0 for done.
int wait_connected(int fd, Duration timeout) {
  pollfd waiting{fd, POLLOUT, 0};
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(timeout).count();
  const int ready = ::poll(&waiting, 1, static_cast<int>(std::clamp<std::int64_t>(ms, 0, 3'600'000)));
  if (ready == 0) return ETIMEDOUT;
  if (ready < 0) return errno;
  int code = 0;
  socklen_t size = sizeof code;
  ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size);
  return code;
}

int try_connect(int family, const sockaddr* address, socklen_t size, Duration timeout, Fd& out) {
  Fd socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return errno;
  if (::connect(socket.get(), address, size) != 0) {
    if (errno != EINPROGRESS && errno != EAGAIN) return errno;
    if (const int code = wait_connected(socket.get(), timeout); code != 0) return code;
  }
  const int flags = ::fcntl(socket.get(), F_GETFL);
  ::fcntl(socket.get(), F_SETFL, flags & ~O_NONBLOCK);
  if (family != AF_UNIX) {
    const int on = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  out = std::move(socket);
  return 0;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (code != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return port;
}

}  // namespace

std::string Endpoint::to_string() const {
  if (is_unix()) return "unix:" + path;
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

bool Endpoint::is_local() const {
  if (is_unix() || host == "localhost" || host == "::1") return true;
  in_addr address{};
  return ::inet_pton(AF_INET, host.c_str(), &address) == 1 && ntohl(address.s_addr) >> 24U == 127;
}

Result<Endpoint> parse_endpoint(std::string_view text) {
  static constexpr std::string_view kUnix = "unix:";
  Endpoint endpoint;
  if (text.starts_with(kUnix) && text.size() > kUnix.size()) {
    endpoint.path = text.substr(kUnix.size());
    return endpoint;
  }
  const std::size_t colon = text.rfind(':');
  const auto port = parse_port(colon == std::string_view::npos ? text : text.substr(colon + 1));
  std::string_view host = colon == std::string_view::npos ? std::string_view() : text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!port || (!bracketed && host.find(':') != std::string_view::npos) ||
      host.find_first_of("[]/ ") != std::string_view::npos) {
    return invalid_argument(
        "net.address", "'" + printable(text) + "' is no address; write HOST:PORT, [IPv6]:PORT or unix:/path");
  }
  endpoint.host = host.empty() ? "127.0.0.1" : std::string(host);
  endpoint.port = *port;
  return endpoint;
}

Result<Listening> listen_on(const Endpoint& endpoint, int backlog) {
  if (endpoint.is_unix()) return listen_unix(endpoint, backlog);
  SLIPWAY_ASSIGN_OR_RETURN(const AddressList addresses, resolve(endpoint, AI_PASSIVE));
  int code = EADDRNOTAVAIL;
  for (const addrinfo* at = addresses.get(); at != nullptr; at = at->ai_next) {
    Fd socket(::socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int on = 1;
    if (socket.valid()) {
      ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
      if (at->ai_family == AF_INET6) ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
      if (::bind(socket.get(), at->ai_addr, at->ai_addrlen) == 0 && ::listen(socket.get(), backlog) == 0) {
        Endpoint bound = bound_endpoint(socket, endpoint);
        return Listening{std::move(socket), std::move(bound)};
      }
    }
    code = errno;
  }
  return listen_error(endpoint, code);
}

Result<Fd> connect_to(const Endpoint& endpoint, Duration timeout) {
  Fd socket;
  int code = 0;
  if (endpoint.is_unix()) {
    SLIPWAY_ASSIGN_OR_RETURN(const sockaddr_un address, unix_address(endpoint));
    code = try_connect(AF_UNIX, reinterpret_cast<const sockaddr*>(&address), sizeof address, timeout, socket);
  } else {
    SLIPWAY_ASSIGN_OR_RETURN(const AddressList addresses, resolve(endpoint, 0));
    for (const addrinfo* at = addresses.get(); at != nullptr && !socket.valid(); at = at->ai_next) {
      code = try_connect(at->ai_family, at->ai_addr, at->ai_addrlen, timeout, socket);
    }
  }
  if (!socket.valid()) return connect_error(endpoint, code);
  return socket;
}

bool is_local_peer(const sockaddr_storage& peer) {
  if (peer.ss_family == AF_UNIX) return true;
  if (peer.ss_family == AF_INET) {
    return ntohl(reinterpret_cast<const sockaddr_in*>(&peer)->sin_addr.s_addr) >> 24U == 127;
  }
  if (peer.ss_family != AF_INET6) return false;
  const in6_addr& address = reinterpret_cast<const sockaddr_in6*>(&peer)->sin6_addr;
  return IN6_IS_ADDR_LOOPBACK(&address) || (IN6_IS_ADDR_V4MAPPED(&address) && address.s6_addr[12] == 127);
}

}  // namespace slipway::net
