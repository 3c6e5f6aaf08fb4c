// The reading of requests, whole: a connection gets the input in pieces, and whatever it makes of it, the way
// the bytes were cut makes no difference, every answer is one that HTTP has, and nothing is left behind.
#include <sys/socket.h>

#include <algorithm>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "base/text.h"
#include "net/http1_connection.h"

namespace {

using namespace slipway;

// Notes all that a handler can see of each request.
class NotingHandler final : public net::Handler {
 public:
  void handle(std::unique_ptr<dialect::Exchange> exchange) override { note("handled", *exchange); }
  // Which of several faults is found first depends on how the bytes are cut; that one is found does not.
  void refuse(const Error&, std::unique_ptr<dialect::Exchange> exchange) override {
    std::string handled = std::move(seen);
    note("refused", *exchange);
    seen = std::move(handled) + "refused\n";
  }
  std::string seen;

 private:
  void note(std::string_view what, dialect::Exchange& exchange) {
    const std::string_view path = exchange.path();
    SLIPWAY_CHECK(is_utf8(path));
    SLIPWAY_CHECK(path.find_first_of(std::string_view("\0\\%;\r\n", 6)) == std::string_view::npos);
    SLIPWAY_CHECK(path.find("/../") == std::string_view::npos && path.find("/./") == std::string_view::npos);
    seen.append(what).append(" ").append(path).append("?").append(exchange.query()).append(" ");
    seen.append(as_text(exchange.body())).append(exchange.header("host").value_or("-")).append("\n");
    // The padding is readable; the sum keeps the reads.
    unsigned sum = 0;
    for (std::size_t i = 0; i < net::kPadding; ++i)
      sum += static_cast<unsigned>(exchange.body().data()[exchange.body().size() + i]);
    exchange.respond(sum == 1 ? 201 : 200, {}, "ok");
  }
};

class Owner final : public net::ConnectionOwner {
 public:
  explicit Owner(net::Loop& loop) : loop_(loop) {}
  void closed(net::Connection& connection) override {
    open = false;
    loop_.retire(std::unique_ptr<net::Watcher>(&connection));
  }
  // Here the preface is refused; net/http2 has a fuzz target of its own.
  void speaks_http2(net::Connection&, net::Link, bool, std::string_view) override { SLIPWAY_CHECK(false); }
  void secured(net::Connection&, net::Link, bool, bool) override { SLIPWAY_CHECK(false); }
  bool open = true;

 private:
  net::Loop& loop_;
};

constexpr int kRoundsAtEnd = 8;  // a round reads at most one block

net::Limits small_limits() {
  net::Limits limits;
  limits.max_head_bytes = 2048;
  limits.max_fields = 16;
  limits.max_target_bytes = 512;
  limits.max_body_bytes = 40000;
  limits.max_chunks = 64;
  return limits;
}

std::string serve(std::string_view bytes, std::size_t piece) {
  const ManualClock clock;
  const net::Limits limits = small_limits();
  auto loop = net::Loop::create(clock).value();
  NotingHandler handler;
  net::LoopCounters counters;
  const auto budget = std::make_shared<net::Budget>(limits.max_held_bytes);
  const net::ConnectionHost host{*loop, handler, limits, budget, counters, true, false};
  int pair[2];
  SLIPWAY_CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
  net::Fd client(pair[0]);
  Owner owner(*loop);
  auto made = std::make_unique<net::Http1Connection>(net::Link(net::Fd(pair[1])), true, host, owner);
  SLIPWAY_CHECK(made->open().ok());
  net::Http1Connection* connection = made.release();
  while (!bytes.empty() && owner.open) {
    const ssize_t sent = ::send(client.get(), bytes.data(), std::min(piece, bytes.size()), MSG_NOSIGNAL);
    if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
    loop->run_once(Duration::zero());
    char answers[4096];
    while (::recv(client.get(), answers, sizeof answers, 0) > 0) {
    }
  }
  for (int i = 0; i < kRoundsAtEnd; ++i) loop->run_once(Duration::zero());
  if (owner.open) connection->cut();
  SLIPWAY_CHECK(budget->held() == 0);
  return handler.seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string whole = serve(bytes, bytes.size());
  const std::string in_pieces = serve(bytes, std::size_t{1} + data[0]);
  if (whole != in_pieces)
    std::fprintf(stderr, "whole: %s\npieces of %d: %s\n", whole.c_str(), data[0] + 1, in_pieces.c_str());
  SLIPWAY_CHECK(whole == in_pieces);
  return 0;
}
