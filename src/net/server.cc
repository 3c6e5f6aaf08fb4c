#include "net/server.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <deque>
#include <string>
#include <thread>
#include <utility>

#include "base/check.h"
#include "net/http1_connection.h"
#include "net/http2_connection.h"
#include "net/loop/counters.h"
#include "net/loop/seats.h"
#include "net/tls_handshake.h"

namespace slipway::net {
namespace {

constexpr int kAcceptsPerTurn = 64;
constexpr Duration kAcceptPause = std::chrono::milliseconds(200);
constexpr Duration kComplainEvery = std::chrono::seconds(1);

constexpr std::string_view kTooMany =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nConnection: close\r\nRetry-After: 1\r\n"
    "Content-Length: 55\r\n\r\nthe server has as many connections as it is allowed to\n";

class ServerImpl;

// One loop and the connections on it. Thread: confined to the loop, except for the counters.
class Shard final : public ConnectionOwner {
 public:
  Shard(ServerImpl& server, std::unique_ptr<Loop> loop) : loop(std::move(loop)), server_(server) {}
  ~Shard() override { cut_all(); }

  void adopt(Fd socket, bool local, std::size_t listener, std::shared_ptr<void> seat);
  void closed(Connection& connection) override;
  void speaks_http2(Connection& connection, Link link, bool local, std::string_view received) override;
  void secured(Connection& connection, Link link, bool local, bool http2) override;
  void set_draining() {
    draining_ = true;
    for (Connection* at = first_; at != nullptr; at = at->list_next) at->note_draining();
  }
  void close_idle() {
    closing_idle_ = true;
    for (Connection* at = first_; at != nullptr;) std::exchange(at, at->list_next)->drain();
  }
  std::uint64_t cut_all() {
    std::uint64_t count = 0;
    for (; first_ != nullptr; ++count) first_->cut();
    return count;
  }

  std::unique_ptr<Loop> loop;
  LoopCounters counters;
  std::deque<ConnectionHost> hosts;  ///< one for each listener; a deque, since connections point into it

 private:
  template <typename T>
  T* add(std::unique_ptr<T> connection, std::shared_ptr<void> seat);
  void link(Connection& connection);
  void unlink(Connection& connection);

  ServerImpl& server_;
  Connection* first_ = nullptr;
  bool draining_ = false;
  bool closing_idle_ = false;
};

// Takes connections from one listener and hands them to the loops in turn. Lives on the first loop.
class Acceptor final : public Watcher, public Timer {
 public:
  Acceptor(ServerImpl& server, Listening listening, std::size_t index, bool tls)
      : server_(server), listening_(std::move(listening)), index_(index), tls_(tls) {}
  ~Acceptor() override { close(); }

  Status open();
  void close();
  void on_events(std::uint32_t) override { take_waiting(kAcceptsPerTurn); }
  void on_timer() override;
  /// Accepts up to `most` connections that the kernel holds.
  void take_waiting(int most);

 private:
  bool accept_one();
  void turn_away(int socket);
  void out_of_descriptors();

  ServerImpl& server_;
  Listening listening_;
  std::size_t index_;
  bool tls_;
};

class ServerImpl final : public Server, public Timer {
 public:
  ServerImpl(const ServerOptions& options, Logger& logger)
      : options_(options),
        logger_(logger),
        budget_(std::make_shared<Budget>(options.limits.max_held_bytes)),
        reserve_(::open("/dev/null", O_RDONLY | O_CLOEXEC)) {}
  ~ServerImpl() override { stop(); }

  Status make_loops(const Clock& clock);
  Result<Endpoint> listen(const ListenOptions& options) override;
  void start() override;
  void run() override;
  void drain(Duration grace, Duration deadline, std::function<void(DrainReport)> done) override;
  void stop() override;
  [[nodiscard]] ServerCounters counters() const override;
  [[nodiscard]] std::size_t loops() const override { return shards_.size(); }
  [[nodiscard]] Loop& loop(std::size_t index) override { return *shards_[index]->loop; }

  void on_timer() override;
  void connection_opened() { open_.fetch_add(1, std::memory_order_relaxed); }
  void connection_closed();
  void place(Fd socket, bool local, std::size_t listener, std::shared_ptr<void> seat);
  // Whoever is on this machine may have all.
  std::shared_ptr<void> seat_for(const sockaddr_storage& peer) {
    return seats_.take(client_of(peer), options_.limits.max_connections_per_client);
  }
  void complain(std::string_view event, std::string_view message);
  [[nodiscard]] bool full() const {
    return open_.load(std::memory_order_relaxed) >= options_.limits.max_connections;
  }
  void count_turned_away() { turned_away_.fetch_add(1, std::memory_order_relaxed); }
  Fd& reserve() { return reserve_; }
  void reopen_reserve() {
    if (!reserve_.valid()) reserve_ = Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  }

 private:
  enum class DrainPhase : std::uint8_t { kNone, kGrace, kWaiting, kDone };
  void spawn(std::size_t index);
  void begin_waiting();
  void finish_drain();
  void cut_off();
  template <typename F>
  void on_every_shard(F work) {
    for (const auto& shard : shards_) {
      shard->loop->post([&shard = *shard, work] { work(shard); });
    }
  }

  ServerOptions options_;
  Logger& logger_;
  std::shared_ptr<Budget> budget_;
  Fd reserve_;  ///< given up for a moment to accept and close a connection when there are no descriptors left
  std::vector<std::unique_ptr<Shard>> shards_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  std::vector<std::thread> threads_;
  std::size_t next_shard_ = 0;
  Seats seats_;
  MonoTime complained_{};
  std::atomic<std::uint64_t> open_{0};
  std::atomic<std::uint64_t> accepted_{0};
  std::atomic<std::uint64_t> turned_away_{0};
  std::atomic<bool> running_here_{false};
  std::atomic<bool> waiting_{false};  ///< the last connection to close ends the drain

  // The drain; the first loop's.
  DrainPhase drain_phase_ = DrainPhase::kNone;
  Duration drain_deadline_{};
  DrainReport report_;
  std::vector<std::function<void(DrainReport)>> drained_;
};

void Shard::adopt(Fd socket, bool local, std::size_t listener, std::shared_ptr<void> seat) {
  const ConnectionHost& host = hosts[listener];
  if (host.tls == nullptr) {
    add(std::make_unique<Http1Connection>(Link(std::move(socket)), local, host, *this), std::move(seat));
    return;
  }
  auto session = host.tls->accept(socket.get());
  if (session == nullptr) {
    server_.connection_closed();
    return;
  }
  add(std::make_unique<TlsHandshake>(std::move(socket), std::move(session), local, host, *this),
      std::move(seat));
}

// Null when it could not be opened.
template <typename T>
T* Shard::add(std::unique_ptr<T> connection, std::shared_ptr<void> seat) {
  connection->seat = std::move(seat);
  if (!connection->open().ok()) {
    server_.connection_closed();
    return nullptr;
  }
  T* const added = connection.release();
  link(*added);
  return added;
}

void Shard::link(Connection& connection) {
  connection.list_next = first_;
  if (first_ != nullptr) first_->list_previous = &connection;
  first_ = &connection;
  if (draining_) connection.note_draining();
}

void Shard::unlink(Connection& connection) {
  if (connection.list_next != nullptr) connection.list_next->list_previous = connection.list_previous;
  if (connection.list_previous != nullptr) {
    connection.list_previous->list_next = connection.list_next;
  } else {
    first_ = connection.list_next;
  }
  loop->retire(std::unique_ptr<Watcher>(&connection));
}

void Shard::closed(Connection& connection) {
  unlink(connection);
  server_.connection_closed();
}

void Shard::speaks_http2(Connection& connection, Link link, bool local, std::string_view received) {
  const ConnectionHost& host = connection.host();
  auto seat = std::move(connection.seat);
  unlink(connection);
  auto* next = add(std::make_unique<Http2Connection>(std::move(link), local, host, *this), std::move(seat));
  if (next == nullptr) return;
  next->begin(received);
  if (closing_idle_) next->drain();
}

void Shard::secured(Connection& connection, Link link, bool local, bool http2) {
  if (http2) {
    speaks_http2(connection, std::move(link), local, {});
    return;
  }
  const ConnectionHost& host = connection.host();
  auto seat = std::move(connection.seat);
  unlink(connection);
  auto* next = add(std::make_unique<Http1Connection>(std::move(link), local, host, *this), std::move(seat));
  if (next != nullptr && closing_idle_) next->drain();
}

Status Acceptor::open() { return server_.loop(0).watch(listening_.socket.get(), EPOLLIN, *this); }

void Acceptor::close() {
  if (!listening_.socket.valid()) return;
  server_.loop(0).disarm(*this);
  server_.loop(0).unwatch(listening_.socket.get());
  listening_.socket.reset();
  if (listening_.endpoint.is_unix()) ::unlink(listening_.endpoint.path.c_str());
}

void Acceptor::take_waiting(int most) {
  for (int i = 0; i < most && listening_.socket.valid(); ++i) {
    if (!accept_one()) return;
  }
}

bool Acceptor::accept_one() {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  Fd socket(::accept4(listening_.socket.get(), reinterpret_cast<sockaddr*>(&peer), &size,
                      SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!socket.valid()) {
    const int code = errno;
    if (code == EAGAIN) return false;
    if (code == EMFILE || code == ENFILE || code == ENOMEM || code == ENOBUFS) {
      out_of_descriptors();
      return false;
    }
    return true;  // the network's errors of that one connection, which accept() hands on. Source: accept(2)
  }
  const bool local = listening_.endpoint.is_unix() || is_local_peer(peer);
  auto seat = local ? nullptr : server_.seat_for(peer);
  if (server_.full() || (!local && seat == nullptr)) {
    turn_away(socket.get());
    return true;
  }
  if (peer.ss_family == AF_INET || peer.ss_family == AF_INET6) {
    const int on = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  server_.place(std::move(socket), local, index_, std::move(seat));
  return true;
}

void Acceptor::turn_away(int socket) {
  server_.count_turned_away();
  server_.complain("net.too_many_connections",
                   "a connection was turned away: a limit of connections is reached");
  if (tls_) return;
  [[maybe_unused]] const auto sent = ::send(socket, kTooMany.data(), kTooMany.size(), MSG_NOSIGNAL);
}

// The waiting connection is accepted with the reserved descriptor and closed, so that its client knows; then
// accepting rests for a moment, since the listener stays readable and the loop would spin.
void Acceptor::out_of_descriptors() {
  server_.complain("net.no_descriptors",
                   "a connection was turned away: no file descriptors are left; raise the limit of open "
                   "files (ulimit -n)");
  server_.reserve().reset();
  if (const Fd socket(::accept4(listening_.socket.get(), nullptr, nullptr, SOCK_CLOEXEC)); socket.valid()) {
    server_.count_turned_away();
  }
  server_.reopen_reserve();
  server_.loop(0).change(listening_.socket.get(), 0, *this);
  server_.loop(0).arm(*this, server_.loop(0).now() + kAcceptPause);
}

void Acceptor::on_timer() {
  if (!listening_.socket.valid()) return;
  server_.reopen_reserve();
  server_.loop(0).change(listening_.socket.get(), EPOLLIN, *this);
}

Status ServerImpl::make_loops(const Clock& clock) {
  for (std::size_t i = 0; i < std::max<std::size_t>(options_.loops, 1); ++i) {
    SLIPWAY_ASSIGN_OR_RETURN(auto loop, Loop::create(clock));
    shards_.push_back(std::make_unique<Shard>(*this, std::move(loop)));
  }
  return {};
}

Result<Endpoint> ServerImpl::listen(const ListenOptions& options) {
  SLIPWAY_CHECK(options.handler != nullptr && threads_.empty());
  SLIPWAY_ASSIGN_OR_RETURN(Listening listening, listen_on(options.endpoint, options_.backlog));
  Endpoint endpoint = listening.endpoint;
  const std::size_t index = acceptors_.size();
  for (const auto& shard : shards_) {
    shard->hosts.push_back({*shard->loop, *options.handler, options_.limits, budget_, shard->counters,
                            options.compress_get, options.http2, options.tls});
  }
  acceptors_.push_back(
      std::make_unique<Acceptor>(*this, std::move(listening), index, options.tls != nullptr));
  SLIPWAY_TRY(acceptors_.back()->open());
  return endpoint;
}

void ServerImpl::place(Fd socket, bool local, std::size_t listener, std::shared_ptr<void> seat) {
  accepted_.fetch_add(1, std::memory_order_relaxed);
  connection_opened();
  Shard& shard = *shards_[next_shard_];
  next_shard_ = (next_shard_ + 1) % shards_.size();
  if (&shard == shards_[0].get()) {
    shard.adopt(std::move(socket), local, listener, std::move(seat));
    return;
  }
  auto handed = std::make_shared<Fd>(std::move(socket));
  shard.loop->post([&shard, handed, local, listener, seat = std::move(seat)] {
    shard.adopt(std::move(*handed), local, listener, seat);
  });
}

void ServerImpl::complain(std::string_view event, std::string_view message) {
  const MonoTime now = shards_[0]->loop->now();
  if (complained_ != MonoTime{} && now - complained_ < kComplainEvery) return;
  complained_ = now;
  logger_.warning(event, message);
}

void ServerImpl::spawn(std::size_t index) {
  threads_.emplace_back([this, index] {
    if (options_.first_cpu >= 0) {
      if (const Status status = pin_thread(options_.first_cpu + static_cast<int>(index)); !status.ok()) {
        logger_.warning(status.error().id(), status.error().message());
      }
    }
    shards_[index]->loop->run();
  });
}

void ServerImpl::start() {
  for (std::size_t i = 0; i < shards_.size(); ++i) spawn(i);
}

void ServerImpl::run() {
  running_here_.store(true, std::memory_order_release);
  for (std::size_t i = 1; i < shards_.size(); ++i) spawn(i);
  if (options_.first_cpu >= 0) {
    if (const Status status = pin_thread(options_.first_cpu); !status.ok()) {
      logger_.warning(status.error().id(), status.error().message());
    }
  }
  shards_[0]->loop->run();
  running_here_.store(false, std::memory_order_release);
  stop();
}

void ServerImpl::stop() {
  if (running_here_.load(std::memory_order_acquire)) {
    shards_[0]->loop->stop();
    return;
  }
  for (const auto& shard : shards_) shard->loop->stop();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  acceptors_.clear();
  for (const auto& shard : shards_) shard->cut_all();
  if (!shards_.empty()) shards_[0]->loop->disarm(*this);
}

void ServerImpl::drain(Duration grace, Duration deadline, std::function<void(DrainReport)> done) {
  on_every_shard([](Shard& shard) { shard.set_draining(); });
  shards_[0]->loop->post([this, grace, deadline, done = std::move(done)]() mutable {
    if (drain_phase_ == DrainPhase::kDone) {
      done(report_);
      return;
    }
    drained_.push_back(std::move(done));
    if (drain_phase_ != DrainPhase::kNone) return;
    drain_phase_ = DrainPhase::kGrace;
    drain_deadline_ = deadline;
    if (grace > Duration::zero()) {
      shards_[0]->loop->arm(*this, shards_[0]->loop->now() + grace);
    } else {
      begin_waiting();
    }
  });
}

void ServerImpl::on_timer() {
  if (drain_phase_ == DrainPhase::kGrace) {
    begin_waiting();
  } else if (drain_phase_ == DrainPhase::kWaiting) {
    cut_off();
  }
}

void ServerImpl::begin_waiting() {
  drain_phase_ = DrainPhase::kWaiting;
  // Clients that the kernel has already connected would be reset.
  for (const auto& acceptor : acceptors_) {
    acceptor->take_waiting(options_.backlog);
    acceptor->close();
  }
  shards_[0]->loop->arm(*this, shards_[0]->loop->now() + drain_deadline_);
  waiting_.store(true);
  on_every_shard([](Shard& shard) { shard.close_idle(); });
  if (open_.load() == 0) finish_drain();
}

void ServerImpl::connection_closed() {
  if (open_.fetch_sub(1) == 1 && waiting_.load()) {
    shards_[0]->loop->post([this] { finish_drain(); });
  }
}

void ServerImpl::cut_off() {
  report_.cut_off = open_.load();
  on_every_shard([](Shard& shard) { shard.cut_all(); });
  finish_drain();
}

void ServerImpl::finish_drain() {
  if (std::exchange(drain_phase_, DrainPhase::kDone) == DrainPhase::kDone) return;
  shards_[0]->loop->disarm(*this);
  report_.complete = report_.cut_off == 0;
  for (auto& done : std::exchange(drained_, {})) done(report_);
}

ServerCounters ServerImpl::counters() const {
  ServerCounters sum;
  sum.accepted = accepted_.load(std::memory_order_relaxed);
  sum.turned_away = turned_away_.load(std::memory_order_relaxed);
  sum.open = open_.load(std::memory_order_relaxed);
  sum.held_bytes = budget_->held();
  for (const auto& shard : shards_) {
    sum.requests += shard->counters.requests.get();
    sum.refused_requests += shard->counters.refused_requests.get();
    sum.bytes_received += shard->counters.bytes_received.get();
    sum.bytes_sent += shard->counters.bytes_sent.get();
  }
  return sum;
}

}  // namespace

Result<std::unique_ptr<Server>> Server::create(const ServerOptions& options, const Clock& clock,
                                               Logger& logger) {
  auto server = std::make_unique<ServerImpl>(options, logger);
  SLIPWAY_TRY(server->make_loops(clock));
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace slipway::net
