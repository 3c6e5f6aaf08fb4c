// A server that a test runs step by step on its own thread, with a clock that the test moves, and a client
// that sends raw bytes.
#pragma once

#include <fcntl.h>
#include <sys/socket.h>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "net/server.h"

namespace slipway::net::testing {

/// Does with each request what the test says; by default it answers 200 with a line that shows method, path,
/// query and body.
class ScriptedHandler final : public Handler {
 public:
  using Answer = std::function<void(std::unique_ptr<dialect::Exchange>)>;

  void handle(std::unique_ptr<dialect::Exchange> exchange) override {
    ++handled;
    if (answer) {
      answer(std::move(exchange));
      return;
    }
    std::string text(dialect::method_name(exchange->method()));
    text.append(" ").append(exchange->path()).append("?").append(exchange->query()).append(" ");
    text.append(as_text(exchange->body()));
    static constexpr dialect::Header kHeaders[] = {{"Content-Type", "text/plain"}};
    exchange->respond(200, kHeaders, std::move(text));
  }
  void refuse(const Error& error, std::unique_ptr<dialect::Exchange> exchange) override {
    refusals.push_back(error.id());
    Handler::refuse(error, std::move(exchange));
  }

  [[nodiscard]] bool streams(dialect::Method, std::string_view path) const override {
    return wants_pieces && wants_pieces(path);
  }

  Answer answer;
  std::function<bool(std::string_view)> wants_pieces;
  int handled = 0;
  std::vector<std::string> refusals;  ///< error ids
};

/// Keeps the exchanges, to be answered by the test.
class HeldExchanges {
 public:
  ScriptedHandler::Answer hold() {
    return [this](std::unique_ptr<dialect::Exchange> exchange) { held.push_back(std::move(exchange)); };
  }
  std::deque<std::unique_ptr<dialect::Exchange>> held;
};

class StepServer {
 public:
  explicit StepServer(Limits limits = {}, ListenOptions listen = {}) {
    auto made = Server::create({.loops = 1, .limits = limits}, clock, logger);
    SLIPWAY_CHECK(made.ok());
    server = std::move(made).value();
    if (listen.endpoint == Endpoint{}) listen.endpoint = {.host = "127.0.0.1", .port = 0, .path = {}};
    listen.handler = &handler;
    auto bound = server->listen(listen);
    SLIPWAY_CHECK(bound.ok());
    endpoint = *bound;
  }

  void step() { server->loop(0).run_once(Duration::zero()); }
  /// Runs the loop until `done` or until nothing more is to be expected. Gives what `done` says at the end.
  bool run_until(const std::function<bool()>& done) {
    for (int i = 0; i < 3000 && !done(); ++i)
      server->loop(0).run_once(std::chrono::milliseconds(i < 50 ? 0 : 1));
    return done();
  }
  void advance(Duration by) {
    clock.advance(by);
    for (int i = 0; i < 5; ++i) step();
  }

  ManualClock clock;
  NullLogger logger;
  ScriptedHandler handler;
  std::unique_ptr<Server> server;
  Endpoint endpoint;
};

/// A client's socket, never blocking.
class RawClient {
 public:
  explicit RawClient(StepServer& server) : server_(server) {
    auto made = connect_to(server.endpoint, std::chrono::seconds(5));
    SLIPWAY_CHECK(made.ok());
    socket_ = std::move(made).value();
    ::fcntl(socket_.get(), F_SETFL, ::fcntl(socket_.get(), F_GETFL) | O_NONBLOCK);
  }

  /// Sends all of it, running the server while the socket is full.
  void send(std::string_view bytes) {
    for (int i = 0; i < 100000 && !bytes.empty(); ++i) {
      const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
      if (sent < 0 && errno != EAGAIN) return;
      server_.step();
    }
    for (int i = 0; i < 3; ++i) server_.step();
  }
  /// What has arrived so far. Notices the end of the connection.
  void receive() {
    char buffer[65536];
    for (;;) {
      const ssize_t got = ::recv(socket_.get(), buffer, sizeof buffer, 0);
      if (got > 0) {
        received.append(buffer, static_cast<std::size_t>(got));
        continue;
      }
      if (got == 0 || (errno != EAGAIN && errno != EINTR)) closed = true;
      return;
    }
  }
  /// Runs the server until `text` was received.
  bool wait_for(std::string_view text) {
    return server_.run_until([&] {
      receive();
      return received.find(text) != std::string::npos;
    });
  }
  bool wait_for_close() {
    return server_.run_until([&] {
      receive();
      return closed;
    });
  }
  void finish_sending() { ::shutdown(socket_.get(), SHUT_WR); }
  void close() { socket_.reset(); }
  void reset_connection() {
    const linger now{1, 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    socket_.reset();
  }
  /// How often `text` stands in what was received.
  [[nodiscard]] std::size_t count(std::string_view text) const {
    std::size_t found = 0;
    for (std::size_t at = received.find(text); at != std::string::npos; at = received.find(text, at + 1))
      ++found;
    return found;
  }
  [[nodiscard]] Fd& socket() { return socket_; }

  std::string received;
  bool closed = false;

 private:
  StepServer& server_;
  Fd socket_;
};

inline std::string get(std::string_view path) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n";
}
inline std::string post(std::string_view path, std::string_view body, std::string_view more_headers = {}) {
  return "POST " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n" + std::string(more_headers) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

}  // namespace slipway::net::testing
