#include "net/client/client.h"

#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/text.h"
#include "net/answer_fields.h"
#include "net/client/response_parser.h"
#include "net/request_head.h"

namespace slipway::net {
namespace {

constexpr std::size_t kReadBytes = std::size_t{64} << 10U;
constexpr std::string_view kScheme = "http://";
constexpr std::string_view kTlsScheme = "https://";
constexpr std::uint16_t kPort = 80;
constexpr std::uint16_t kTlsPort = 443;

bool is_word(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c != 0x7f; });
}

class ClientImpl final : public Client {
 public:
  ClientImpl(Endpoint endpoint, const Clock& clock, const ClientOptions& options)
      : endpoint_(std::move(endpoint)), clock_(clock), options_(options) {}

  Status reconnect() {
    SLIPWAY_ASSIGN_OR_RETURN(
        link_, open_link(endpoint_, options_.tls.get(), false, clock_, options_.connect_timeout));
    used_ = false;
    return {};
  }

  Result<ClientResponse> request(std::string_view method, std::string_view target,
                                 std::span<const dialect::Header> headers, std::string_view body) override;
  [[nodiscard]] const Endpoint& endpoint() const override { return endpoint_; }

 private:
  Status exchange(std::string_view head, std::string_view body, ResponseParser& parser);
  Status send_some(std::string_view& head, std::string_view& body, bool& sending);
  Status receive_some(ResponseParser& parser);
  [[nodiscard]] Error broken(std::string_view what) const;

  Endpoint endpoint_;
  const Clock& clock_;
  ClientOptions options_;
  Link link_{Fd()};
  bool used_ = false;  ///< a request was answered on this connection, so the server may have closed it since
};

Result<ClientResponse> ClientImpl::request(std::string_view method, std::string_view target,
                                           std::span<const dialect::Header> headers, std::string_view body) {
  if (!is_word(method) || !is_word(target)) {
    return invalid_argument("net.header",
                            "'" + printable(method) + " " + printable(target) + "' is no request line");
  }
  std::string head;
  head.append(method).append(" ").append(target).append(" HTTP/1.1\r\nHost: ");
  head.append(endpoint_.is_unix() ? "localhost" : endpoint_.to_string()).append("\r\n");
  if (!write_fields(headers, head).valid) {
    return invalid_argument("net.header", "a header has a name or a value that cannot be sent");
  }
  if (!body.empty() || method == "POST" || method == "PUT" || method == "PATCH") {
    head.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n");
  }
  head.append("\r\n");
  for (bool again = true; again;) {
    if (!link_.valid()) SLIPWAY_TRY(reconnect());
    ResponseParser parser(method == "HEAD", options_.max_response_bytes);
    const Status status = exchange(head, body, parser);
    if (!status.ok()) {
      link_.close();
      // An idle connection that the server closed just now: nothing was answered, so the request is sent once
      // more.
      again = used_ && !parser.started() && status.error().id() == "net.closed";
      if (!again) return status.error().within(endpoint_.to_string());
      continue;
    }
    used_ = true;
    if (!parser.keep_alive()) link_.close();
    return parser.take();
  }
  return internal_error("net.closed", "no answer");
}

// Waits for the socket. Errors: net.timeout.
Status wait_for(int fd, short events, Duration left, short& ready) {
  pollfd waiting{fd, events, 0};
  const auto ms =
      std::clamp<std::int64_t>(std::chrono::ceil<std::chrono::milliseconds>(left).count(), 0, 1'000'000);
  const int count = ::poll(&waiting, 1, static_cast<int>(ms));
  if (count == 0) {
    return deadline_exceeded("net.timeout",
                             "no answer came in time; is the server overloaded, or the model slow? "
                             "A longer timeout may help");
  }
  ready = count > 0 ? waiting.revents : short{0};
  return {};
}

// Sends and receives at once, since a server may refuse a body before it has read all of it.
Status ClientImpl::exchange(std::string_view head, std::string_view body, ResponseParser& parser) {
  const MonoTime deadline = clock_.now() + options_.timeout;
  bool sending = true;
  while (!parser.done()) {
    short ready = POLLIN;  // of which the socket does not tell, when TLS has it already
    if (!link_.pending()) {
      SLIPWAY_TRY(wait_for(link_.fd(), sending ? POLLIN | POLLOUT : POLLIN, deadline - clock_.now(), ready));
    }
    if ((ready & (POLLIN | POLLHUP | POLLERR)) != 0) {
      SLIPWAY_TRY(receive_some(parser));
    } else if ((ready & POLLOUT) != 0) {
      SLIPWAY_TRY(send_some(head, body, sending));
    }
  }
  // Refused early: the rest of the body will not be sent, so the connection is of no more use.
  if (sending) link_.close();
  return {};
}

// In TLS 1.3 a server can refuse a client's certificate only after the handshake, when the answer is awaited.
Error ClientImpl::broken(std::string_view what) const {
  if (errno == EPROTO && link_.is_tls() && !used_) return link_.failure();
  return unavailable("net.closed", std::string(what) + ": " + std::strerror(errno));
}

Status ClientImpl::send_some(std::string_view& head, std::string_view& body, bool& sending) {
  std::array<iovec, 2> pieces{
      {{const_cast<char*>(head.data()), head.size()}, {const_cast<char*>(body.data()), body.size()}}};
  const std::size_t first = head.empty() ? 1 : 0;
  const ssize_t sent = link_.send(std::span(pieces).subspan(first, body.empty() ? 1 : 2 - first));
  if (sent < 0) {
    if (errno == EAGAIN || errno == EINTR) return {};
    return broken("sending failed");
  }
  const auto count = static_cast<std::size_t>(sent);
  const std::size_t of_head = std::min(count, head.size());
  head.remove_prefix(of_head);
  body.remove_prefix(count - of_head);
  sending = !head.empty() || !body.empty();
  return {};
}

Status ClientImpl::receive_some(ResponseParser& parser) {
  thread_local std::vector<char> buffer(kReadBytes);
  const ssize_t got = link_.receive(buffer.data(), buffer.size());
  if (got > 0) return parser.feed({buffer.data(), static_cast<std::size_t>(got)});
  if (got == 0) return parser.end_of_input();
  if (errno == EAGAIN || errno == EINTR) return {};
  return broken("the connection broke");
}

Status shake_hands(TlsSession& session, int fd, const Clock& clock, MonoTime deadline) {
  for (;;) {
    const TlsSession::Step step = session.handshake();
    if (step == TlsSession::Step::kDone) return {};
    if (step != TlsSession::Step::kWantsRead && step != TlsSession::Step::kWantsWrite) {
      return session.failure();
    }
    short ready = 0;
    SLIPWAY_TRY(
        wait_for(fd, step == TlsSession::Step::kWantsRead ? POLLIN : POLLOUT, deadline - clock.now(), ready));
  }
}

}  // namespace

std::optional<std::string_view> ClientResponse::header(std::string_view lower_name) const {
  for (const auto& [name, value] : headers) {
    if (equals_lower(name, lower_name)) return value;
  }
  return std::nullopt;
}

Result<std::unique_ptr<Client>> Client::connect(const Endpoint& endpoint, const Clock& clock,
                                                const ClientOptions& options) {
  auto client = std::make_unique<ClientImpl>(endpoint, clock, options);
  SLIPWAY_TRY(client->reconnect());
  return std::unique_ptr<Client>(std::move(client));
}

Result<Link> open_link(const Endpoint& endpoint, const TlsConnector* tls, bool http2, const Clock& clock,
                       Duration timeout) {
  const MonoTime deadline = clock.now() + timeout;
  SLIPWAY_ASSIGN_OR_RETURN(Fd socket, connect_to(endpoint, timeout));
  ::fcntl(socket.get(), F_SETFL, ::fcntl(socket.get(), F_GETFL) | O_NONBLOCK);
  if (tls == nullptr) return Link(std::move(socket));
  auto session = tls->connect(socket.get(), endpoint.host, http2);
  if (session == nullptr) return resource_exhausted("tls.library", "there is no memory for TLS");
  const Status shaken = shake_hands(*session, socket.get(), clock, deadline);
  if (!shaken.ok()) return shaken.error().within(endpoint.to_string());
  if (http2 && !session->speaks_http2()) {
    return failed_precondition("tls.no_http2", endpoint.to_string() +
                                                   " does not speak HTTP/2 over TLS (it chose another "
                                                   "protocol by ALPN), which gRPC needs too");
  }
  return Link(std::move(socket), std::move(session));
}

Result<Url> parse_url(std::string_view text) {
  Url url;
  url.tls = text.starts_with(kTlsScheme);
  if (!url.tls && !text.starts_with(kScheme)) {
    return invalid_argument("net.address", "'" + printable(text) + "' is not an http:// or https:// address");
  }
  std::string_view rest = text.substr(url.tls ? kTlsScheme.size() : kScheme.size());
  const std::size_t slash = std::min(rest.find_first_of("/?"), rest.size());
  std::string authority(rest.substr(0, slash));
  url.target = rest.substr(slash);
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  if (authority.empty() || url.target.find('#') != std::string::npos) {
    return invalid_argument("net.address", "'" + printable(text) + "' is not an address of a server");
  }
  const bool has_port = authority.back() != ']' && authority.find(':') != std::string::npos;
  if (!has_port) authority += ":" + std::to_string(url.tls ? kTlsPort : kPort);
  SLIPWAY_ASSIGN_OR_RETURN(url.endpoint, parse_endpoint(authority));
  return url;
}

}  // namespace slipway::net
