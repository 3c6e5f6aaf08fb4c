#include "net/client/load.h"

#include <sys/epoll.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include "base/random.h"
#include "net/answer_fields.h"
#include "net/client/client.h"
#include "net/client/wire_internal.h"

namespace slipway::net {
namespace {

constexpr std::size_t kReadBytes = std::size_t{64} << 10U;
constexpr std::size_t kEventsPerWait = 256;
constexpr Duration kLongestWait = std::chrono::milliseconds(100);

struct Connection {
  Link link{Fd()};
  std::unique_ptr<Wire> wire;
  std::string out;
  std::size_t sent = 0;  ///< of `out`
  bool writing = false;  ///< waits for EPOLLOUT
};

// When requests are due in an open loop.
class Schedule {
 public:
  Schedule(const LoadOptions& options, MonoTime start)
      : mean_(1e9 / options.rate), even_(options.even), random_(options.seed), start_(start) {
    advance();
  }
  [[nodiscard]] MonoTime next() const {
    return start_ + Duration(static_cast<std::int64_t>(std::min(at_, kFarthest)));
  }
  void advance() {
    // The distances between the events of a Poisson process are distributed exponentially.
    at_ += even_ ? mean_ : -std::log1p(-random_.uniform()) * mean_;
  }

 private:
  static constexpr double kFarthest = 4e18;  // nanoseconds; what Duration can hold
  double mean_;                              // nanoseconds
  bool even_;
  Random random_;
  MonoTime start_;
  double at_ = 0;  // nanoseconds after the start
};

class Generator final : public AnswerSink {
 public:
  Generator(const LoadOptions& options, const Clock& clock, const std::atomic<bool>& stop)
      : options_(options),
        clock_(clock),
        stop_(stop),
        epoll_(::epoll_create1(EPOLL_CLOEXEC)),
        buffer_(kReadBytes) {}

  Result<LoadReport> run();
  void answered(const SendTimes& times, std::string_view status, bool failed,
                std::string_view error) override;

 private:
  [[nodiscard]] bool open_loop() const { return options_.rate > 0; }
  Status start();
  Status step();
  Status wait_and_receive(Duration longest);
  Status open(Connection& connection);
  Status reopen(Connection& connection);
  Status receive(Connection& connection);
  void fill(Connection& connection);
  void send_due();
  void send_one(Connection& connection, MonoTime due);
  void flush(Connection& connection);
  void want(Connection& connection, std::uint32_t events, int operation) const;
  Status collect_late();
  [[nodiscard]] std::size_t in_flight() const;
  Result<LoadReport> report();

  const LoadOptions& options_;
  const Clock& clock_;
  const std::atomic<bool>& stop_;
  Fd epoll_;
  std::unique_ptr<WireFactory> wires_;
  std::deque<Connection> connections_;
  std::vector<char> buffer_;
  LoadReport report_;
  MonoTime now_{};
  MonoTime last_answer_{};
  MonoTime began_{};
  bool measuring_ = false;
  bool heard_ = false;  // the server has sent something, on any connection
  std::size_t next_request_ = 0;
  std::optional<Error> gone_;  // why the server can no longer be reached

  std::optional<Schedule> schedule_;
  std::deque<MonoTime> waiting_;     // due, and without a free place
  std::size_t next_connection_ = 0;  // to be asked for a place
  std::uint64_t due_measured_ = 0;
};

void Generator::want(Connection& connection, std::uint32_t events, int operation) const {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &connection;
  ::epoll_ctl(epoll_.get(), operation, connection.link.fd(), &event);
}

Status Generator::open(Connection& connection) {
  SLIPWAY_ASSIGN_OR_RETURN(connection.link, open_link(options_.endpoint, options_.tls.get(),
                                                      options_.protocol != LoadProtocol::kHttp1, clock_,
                                                      options_.connect_timeout));
  connection.wire = wires_->make();
  connection.out.clear();
  connection.sent = 0;
  connection.writing = false;
  connection.wire->begin(connection.out);
  want(connection, EPOLLIN, EPOLL_CTL_ADD);
  return {};
}

// After the server closed the connection, or said that it will.
Status Generator::reopen(Connection& connection) {
  connection.link.close();
  const Status opened = open(connection);
  if (!opened.ok()) {
    gone_ = opened.error();
    return {};
  }
  fill(connection);
  flush(connection);
  return {};
}

void Generator::send_one(Connection& connection, MonoTime due) {
  connection.wire->send(next_request_, {.due = due, .sent = now_}, connection.out);
  if (++next_request_ == options_.requests.size()) next_request_ = 0;
}

// Uses every free place of a connection.
void Generator::fill(Connection& connection) {
  while (connection.wire->room() > 0) {
    if (!open_loop()) {
      send_one(connection, now_);
    } else if (!waiting_.empty()) {
      send_one(connection, waiting_.front());
      waiting_.pop_front();
    } else {
      return;
    }
  }
}

// Open loop: what is due goes to the next connection with room, in turn.
void Generator::send_due() {
  for (; schedule_->next() <= now_; schedule_->advance()) {
    const MonoTime due = schedule_->next();
    if (due >= began_ && due < began_ + options_.duration) ++due_measured_;
    std::size_t tried = 0;
    while (tried < connections_.size() && connections_[next_connection_].wire->room() == 0) {
      next_connection_ = (next_connection_ + 1) % connections_.size();
      ++tried;
    }
    if (tried == connections_.size()) {
      waiting_.push_back(due);
      continue;
    }
    Connection& connection = connections_[next_connection_];
    next_connection_ = (next_connection_ + 1) % connections_.size();
    send_one(connection, due);
    flush(connection);
  }
}

void Generator::flush(Connection& connection) {
  while (connection.sent < connection.out.size()) {
    iovec rest{connection.out.data() + connection.sent, connection.out.size() - connection.sent};
    const ssize_t count = connection.link.send({&rest, 1});
    if (count >= 0) {
      connection.sent += static_cast<std::size_t>(count);
    } else if (errno == EAGAIN) {
      break;
    } else if (errno != EINTR) {
      connection.sent = connection.out.size();  // the broken connection shows itself when it is read
    }
  }
  const bool done = connection.sent == connection.out.size();
  if (done) {
    connection.out.clear();
    connection.sent = 0;
  }
  if (connection.writing == done) {
    connection.writing = !done;
    want(connection, connection.writing ? EPOLLIN | EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
  }
}

Status Generator::receive(Connection& connection) {
  const ssize_t got = connection.link.receive(buffer_.data(), buffer_.size());
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return {};
  now_ = clock_.now();
  last_answer_ = now_;
  if (got <= 0) {
    // In TLS 1.3 a client's certificate is judged after the handshake.
    if (got < 0 && errno == EPROTO && connection.link.is_tls() && !heard_) {
      gone_ = connection.link.failure().within(options_.endpoint.to_string());
      return {};
    }
    if (measuring_) {
      report_.lost += connection.wire->in_flight();
      if (connection.wire->in_flight() > 0 || !connection.wire->closes()) ++report_.failed_connections;
    }
    return reopen(connection);
  }
  heard_ = true;
  if (measuring_) report_.bytes_received += static_cast<std::uint64_t>(got);
  SLIPWAY_TRY(
      connection.wire->receive({buffer_.data(), static_cast<std::size_t>(got)}, connection.out, *this));
  if (connection.wire->closes() && connection.wire->in_flight() == 0) return reopen(connection);
  fill(connection);
  flush(connection);
  return {};
}

void Generator::answered(const SendTimes& times, std::string_view status, bool failed,
                         std::string_view error) {
  if (failed && report_.first_error.empty()) report_.first_error = error.substr(0, kShownErrorBytes);
  // A closed loop counts by the time of the answer; an open one by when it was due, and waits for the late.
  const bool counts =
      open_loop() ? times.due >= began_ && times.due < began_ + options_.duration : measuring_;
  if (!counts) return;
  ++report_.answers;
  if (failed) ++report_.failures;
  report_.latency.record(now_ - times.due);
  if (open_loop()) report_.service.record(now_ - times.sent);
  for (auto& [known, count] : report_.by_status) {
    if (known == status) {
      ++count;
      return;
    }
  }
  report_.by_status.emplace_back(status, 1);
}

Status Generator::start() {
  if (options_.requests.empty() || options_.connections == 0 || options_.streams == 0) {
    return invalid_argument("net.load", "a load needs at least one connection and one request");
  }
  auto wires = options_.protocol == LoadProtocol::kHttp1 ? http1_wires(options_) : http2_wires(options_);
  if (!wires.ok()) return wires.error();
  wires_ = std::move(*wires);
  for (std::size_t i = 0; i < options_.connections; ++i) SLIPWAY_TRY(open(connections_.emplace_back()));
  now_ = clock_.now();
  last_answer_ = now_;
  began_ = now_ + options_.warm_up;
  if (open_loop()) schedule_.emplace(options_, now_);
  for (Connection& connection : connections_) {
    fill(connection);
    flush(connection);
  }
  return {};
}

Status Generator::wait_and_receive(Duration longest) {
  std::array<epoll_event, kEventsPerWait> events;
  const auto seconds = std::chrono::floor<std::chrono::seconds>(std::max(longest, Duration::zero()));
  const timespec wait{seconds.count(), (std::max(longest, Duration::zero()) - seconds).count()};
  const int count =
      ::epoll_pwait2(epoll_.get(), events.data(), static_cast<int>(events.size()), &wait, nullptr);
  now_ = clock_.now();
  for (int i = 0; i < count && !gone_; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    Connection& connection = *static_cast<Connection*>(event.data.ptr);
    if ((event.events & EPOLLOUT) != 0) flush(connection);
    if ((event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
      do {
        SLIPWAY_TRY(receive(connection));
      } while (!gone_ && connection.link.pending());
    }
  }
  return {};
}

Status Generator::step() {
  Duration wait = kLongestWait;
  if (open_loop()) wait = std::min<Duration>(wait, schedule_->next() - now_);
  SLIPWAY_TRY(wait_and_receive(wait));
  if (!measuring_ && now_ >= began_) {
    measuring_ = true;
    if (!open_loop()) began_ = now_;
  }
  if (now_ - last_answer_ > options_.answer_timeout && in_flight() > 0) {
    return deadline_exceeded("net.timeout", options_.endpoint.to_string() + " stopped answering");
  }
  if (open_loop()) send_due();
  return {};
}

std::size_t Generator::in_flight() const {
  std::size_t count = 0;
  for (const Connection& connection : connections_) count += connection.wire->in_flight();
  return count;
}

// Open loop: the answers that were still on their way when the time was over. What waits to be sent is sent,
// too: it was due.
Status Generator::collect_late() {
  const MonoTime end = now_ + options_.late;
  while (!stop_.load(std::memory_order_relaxed) && !gone_ && now_ < end &&
         (in_flight() > 0 || !waiting_.empty())) {
    SLIPWAY_TRY(wait_and_receive(std::min<Duration>(kLongestWait, end - now_)));
  }
  return {};
}

Result<LoadReport> Generator::run() {
  SLIPWAY_TRY(start());
  while (!stop_.load(std::memory_order_relaxed) && !gone_ &&
         (!measuring_ || now_ < began_ + options_.duration)) {
    SLIPWAY_TRY(step());
  }
  report_.elapsed = measuring_ ? now_ - began_ : Duration::zero();
  if (open_loop()) SLIPWAY_TRY(collect_late());
  return report();
}

Result<LoadReport> Generator::report() {
  if (gone_ && report_.answers == 0) return *gone_;
  if (gone_) report_.ended_early = gone_->message();
  if (open_loop() && due_measured_ > report_.answers + report_.lost) {
    report_.unanswered = due_measured_ - report_.answers - report_.lost;
  }
  return std::move(report_);
}

}  // namespace

double LoadReport::answers_per_second() const {
  const double seconds = std::chrono::duration<double>(elapsed).count();
  return seconds > 0 ? static_cast<double>(answers) / seconds : 0;
}

std::uint64_t LoadReport::answers_of(std::string_view status) const {
  for (const auto& [known, count] : by_status) {
    if (known == status) return count;
  }
  return 0;
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
