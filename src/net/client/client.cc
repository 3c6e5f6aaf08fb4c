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
constexpr std::uint16_t kDefaultPort = 80;

bool is_word(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c != 0x7f; });
}

class ClientImpl final : public Client {
 public:
  ClientImpl(Endpoint endpoint, const Clock& clock, const ClientOptions& options)
      : endpoint_(std::move(endpoint)), clock_(clock), options_(options) {}

  Status reconnect() {
    SLIPWAY_ASSIGN_OR_RETURN(socket_, connect_to(endpoint_, options_.connect_timeout));
    ::fcntl(socket_.get(), F_SETFL, ::fcntl(socket_.get(), F_GETFL) | O_NONBLOCK);
    used_ = false;
    return {};
  }

  Result<ClientResponse> request(std::string_view method, std::string_view target,
                                 std::span<const dialect::Header> headers, std::string_view body) override;
  [[nodiscard]] const Endpoint& endpoint() const override { return endpoint_; }

 private:
  Status exchange(std::string_view head, std::string_view body, ResponseParser& parser);
  Status send_some(std::string_view& head, std::string_view& body, bool& sending) const;
  Status receive_some(ResponseParser& parser) const;
  Status wait(short events, MonoTime deadline, short& ready) const;

  Endpoint endpoint_;
  const Clock& clock_;
  ClientOptions options_;
  Fd socket_;
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
    if (!socket_.valid()) SLIPWAY_TRY(reconnect());
    ResponseParser parser(method == "HEAD", options_.max_response_bytes);
    const Status status = exchange(head, body, parser);
    if (!status.ok()) {
      socket_.reset();
      // An idle connection that the server closed just now: nothing was answered, so the request is sent once
      // more.
      again = used_ && !parser.started() && status.error().id() == "net.closed";
      if (!again) return status.error().within(endpoint_.to_string());
      continue;
    }
    used_ = true;
    if (!parser.keep_alive()) socket_.reset();
    return parser.take();
  }
  return internal_error("net.closed", "no answer");
}

// Sends and receives at once, since a server may refuse a body before it has read all of it.
Status ClientImpl::exchange(std::string_view head, std::string_view body, ResponseParser& parser) {
  const MonoTime deadline = clock_.now() + options_.timeout;
  bool sending = true;
  while (!parser.done()) {
    short ready = 0;
    SLIPWAY_TRY(wait(sending ? POLLIN | POLLOUT : POLLIN, deadline, ready));
    if ((ready & (POLLIN | POLLHUP | POLLERR)) != 0) {
      SLIPWAY_TRY(receive_some(parser));
    } else if ((ready & POLLOUT) != 0) {
      SLIPWAY_TRY(send_some(head, body, sending));
    }
  }
  // Refused early: the rest of the body will not be sent, so the connection is of no more use.
  if (sending) socket_.reset();
  return {};
}

Status ClientImpl::wait(short events, MonoTime deadline, short& ready) const {
  const Duration left = deadline - clock_.now();
  pollfd waiting{socket_.get(), events, 0};
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

Status ClientImpl::send_some(std::string_view& head, std::string_view& body, bool& sending) const {
  std::array<iovec, 2> pieces{
      {{const_cast<char*>(head.data()), head.size()}, {const_cast<char*>(body.data()), body.size()}}};
  msghdr message{};
  message.msg_iov = pieces.data();
  message.msg_iovlen = pieces.size();
  const ssize_t sent = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
  if (sent < 0) {
    if (errno == EAGAIN || errno == EINTR) return {};
    return unavailable("net.closed", std::string("sending failed: ") + std::strerror(errno));
  }
  const auto count = static_cast<std::size_t>(sent);
  const std::size_t of_head = std::min(count, head.size());
  head.remove_prefix(of_head);
  body.remove_prefix(count - of_head);
  sending = !head.empty() || !body.empty();
  return {};
}

Status ClientImpl::receive_some(ResponseParser& parser) const {
  thread_local std::vector<char> buffer(kReadBytes);
  const ssize_t got = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
  if (got > 0) return parser.feed({buffer.data(), static_cast<std::size_t>(got)});
  if (got == 0) return parser.end_of_input();
  if (errno == EAGAIN || errno == EINTR) return {};
  return unavailable("net.closed", std::string("the connection broke: ") + std::strerror(errno));
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

Result<Url> parse_url(std::string_view text) {
  static constexpr std::string_view kScheme = "http://";
  if (!text.starts_with(kScheme)) {
    return invalid_argument("net.address", "'" + printable(text) + "' is not an http:// address");
  }
  std::string_view rest = text.substr(kScheme.size());
  const std::size_t slash = std::min(rest.find_first_of("/?"), rest.size());
  std::string authority(rest.substr(0, slash));
  Url url;
  url.target = rest.substr(slash);
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  if (authority.empty() || url.target.find('#') != std::string::npos) {
    return invalid_argument("net.address", "'" + printable(text) + "' is not an address of a server");
  }
  const bool has_port = authority.back() != ']' && authority.find(':') != std::string::npos;
  if (!has_port) authority += ":" + std::to_string(kDefaultPort);
  SLIPWAY_ASSIGN_OR_RETURN(url.endpoint, parse_endpoint(authority));
  return url;
}

}  // namespace slipway::net
