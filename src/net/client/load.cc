#include "net/client/load.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <optional>
#include <utility>

#include "net/answer_fields.h"
#include "net/client/answer_scanner.h"

namespace slipway::net {
namespace {

constexpr std::size_t kReadBytes = std::size_t{64} << 10U;
constexpr std::size_t kEventsPerWait = 256;
constexpr int kWaitMs = 100;
constexpr std::size_t kErrorBytes = 200;

struct Connection {
  Fd socket;
  AnswerScanner scanner;
  std::string received;  ///< of an answer that is not whole
  std::string_view unsent;
  std::size_t next = 0;  ///< request to send next
  MonoTime sent_at{};
  bool writing = false;  ///< waits for EPOLLOUT
};

class Generator {
 public:
  Generator(const LoadOptions& options, const Clock& clock, const std::atomic<bool>& stop)
      : options_(options),
        clock_(clock),
        stop_(stop),
        epoll_(::epoll_create1(EPOLL_CLOEXEC)),
        buffer_(kReadBytes) {}

  Result<LoadReport> run();

 private:
  Status open(Connection& connection);
  Status reopen(Connection& connection);
  Status send_next(Connection& connection);
  Status send_rest(Connection& connection);
  Status receive(Connection& connection);
  Status answered(Connection& connection, std::string_view answer);
  void want(Connection& connection, std::uint32_t events, int operation) const;

  const LoadOptions& options_;
  const Clock& clock_;
  const std::atomic<bool>& stop_;
  Fd epoll_;
  std::deque<Connection> connections_;
  std::vector<char> buffer_;
  LoadReport report_;
  MonoTime now_{};
  MonoTime last_answer_{};
  bool measuring_ = false;
  std::optional<Error> gone_;  // why the server can no longer be reached
};

void Generator::want(Connection& connection, std::uint32_t events, int operation) const {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &connection;
  ::epoll_ctl(epoll_.get(), operation, connection.socket.get(), &event);
}

Status Generator::open(Connection& connection) {
  SLIPWAY_ASSIGN_OR_RETURN(connection.socket, connect_to(options_.endpoint, options_.connect_timeout));
  ::fcntl(connection.socket.get(), F_SETFL, ::fcntl(connection.socket.get(), F_GETFL) | O_NONBLOCK);
  connection.received.clear();
  connection.scanner.reset();
  connection.writing = false;
  want(connection, EPOLLIN, EPOLL_CTL_ADD);
  return {};
}

// After the server closed the connection; the request under way is lost and counted by the caller.
Status Generator::reopen(Connection& connection) {
  connection.socket.reset();
  const Status opened = open(connection);
  if (!opened.ok()) {
    gone_ = opened.error();
    return {};
  }
  return send_next(connection);
}

Status Generator::send_next(Connection& connection) {
  connection.unsent = options_.requests[connection.next];
  connection.next = (connection.next + 1) % options_.requests.size();
  connection.sent_at = now_;
  return send_rest(connection);
}

Status Generator::send_rest(Connection& connection) {
  while (!connection.unsent.empty()) {
    const ssize_t sent =
        ::send(connection.socket.get(), connection.unsent.data(), connection.unsent.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      connection.unsent.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      break;
    } else if (errno != EINTR) {
      connection.unsent = {};  // the broken connection shows itself when it is read
    }
  }
  if (connection.writing != !connection.unsent.empty()) {
    connection.writing = !connection.unsent.empty();
    want(connection, connection.writing ? EPOLLIN | EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
  }
  return {};
}

Status Generator::receive(Connection& connection) {
  const ssize_t got = ::recv(connection.socket.get(), buffer_.data(), buffer_.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return {};
  now_ = clock_.now();
  last_answer_ = now_;
  if (got <= 0) {
    if (measuring_) ++report_.failed_connections;
    return reopen(connection);
  }
  if (measuring_) report_.bytes_received += static_cast<std::uint64_t>(got);
  std::string_view bytes(buffer_.data(), static_cast<std::size_t>(got));
  if (!connection.received.empty()) {
    connection.received.append(bytes);
    bytes = connection.received;
  }
  std::size_t used = 0;
  switch (connection.scanner.scan(bytes, used)) {
    case AnswerScanner::Verdict::kWhole: {
      // A closed loop has one answer under way, so nothing may follow it.
      if (used != bytes.size())
        return data_loss("net.load", "the server sent more than one answer to a request");
      return answered(connection, bytes);
    }
    case AnswerScanner::Verdict::kMore:
      connection.received = std::string(bytes.substr(used));
      return {};
    case AnswerScanner::Verdict::kBad:
      break;
  }
  return data_loss("net.load",
                   options_.endpoint.to_string() + " sent an answer without Content-Length and not chunked");
}

Status Generator::answered(Connection& connection, std::string_view answer) {
  const int status = connection.scanner.status();
  if (measuring_) {
    ++report_.answers;
    ++report_.by_status[status];
    report_.latency.record(now_ - connection.sent_at);
  }
  if (status >= 400 && report_.first_error.empty()) {
    const std::size_t head = std::min(connection.scanner.head_size(), answer.size());
    report_.first_error = answer.substr(head, kErrorBytes);
  }
  const bool closes = connection.scanner.closes();
  connection.scanner.reset();
  connection.received.clear();
  return closes ? reopen(connection) : send_next(connection);
}

Result<LoadReport> Generator::run() {
  if (options_.requests.empty() || options_.connections == 0) {
    return invalid_argument("net.load", "a load needs at least one connection and one request");
  }
  for (std::size_t i = 0; i < options_.connections; ++i) {
    Connection& connection = connections_.emplace_back();
    connection.next = i % options_.requests.size();
    SLIPWAY_TRY(open(connection));
  }
  now_ = clock_.now();
  last_answer_ = now_;
  MonoTime began = now_ + options_.warm_up;
  for (Connection& connection : connections_) SLIPWAY_TRY(send_next(connection));
  std::array<epoll_event, kEventsPerWait> events;
  while (!stop_.load(std::memory_order_relaxed) && !gone_ &&
         (!measuring_ || now_ < began + options_.duration)) {
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), kWaitMs);
    now_ = clock_.now();
    if (!measuring_ && now_ >= began) {
      measuring_ = true;
      began = now_;
    }
    if (now_ - last_answer_ > options_.answer_timeout) {
      return deadline_exceeded("net.timeout", options_.endpoint.to_string() + " stopped answering");
    }
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      Connection& connection = *static_cast<Connection*>(event.data.ptr);
      if ((event.events & EPOLLOUT) != 0) SLIPWAY_TRY(send_rest(connection));
      if ((event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) SLIPWAY_TRY(receive(connection));
    }
  }
  if (gone_ && report_.answers == 0) return *gone_;
  if (gone_) report_.ended_early = gone_->message();
  report_.elapsed = measuring_ ? now_ - began : Duration::zero();
  return std::move(report_);
}

}  // namespace

double LoadReport::answers_per_second() const {
  const double seconds = std::chrono::duration<double>(elapsed).count();
  return seconds > 0 ? static_cast<double>(answers) / seconds : 0;
}

Result<std::string> render_request(const Endpoint& endpoint, std::string_view method, std::string_view target,
                                   std::span<const dialect::Header> headers, std::string_view body) {
  std::string text;
  text.append(method).append(" ").append(target).append(" HTTP/1.1\r\nHost: ");
  text.append(endpoint.is_unix() ? "localhost" : endpoint.to_string()).append("\r\n");
  if (!write_fields(headers, text).valid) {
    return invalid_argument("net.header", "a header has a name or a value that cannot be sent");
  }
  if (!body.empty() || method == "POST") {
    text.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n");
  }
  text.append("\r\n").append(body);
  return text;
}

Result<LoadReport> run_load(const LoadOptions& options, const Clock& clock, const std::atomic<bool>& stop) {
  return Generator(options, clock, stop).run();
}

}  // namespace slipway::net
