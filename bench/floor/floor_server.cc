// The floor: a server that answers every request with the same small body, on the same transport as Slipway.
// What it costs is what no server on this transport can go below; bench/README.md compares the real answers
// with it.
//
//   slipway_floor_server [--listen HOST:PORT] [--loops N] [--cpu N] [--body-bytes N] [--echo]
//
// Prints "listening on HOST:PORT", and runs until a signal.

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "net/server.h"

namespace {

using namespace slipway;

class FloorHandler final : public net::Handler {
 public:
  FloorHandler(std::string body, bool echo) : body_(std::move(body)), echo_(echo) {}

  void handle(std::unique_ptr<dialect::Exchange> exchange) override {
    static constexpr dialect::Header kHeaders[] = {{"Content-Type", "application/json"}};
    exchange->respond(200, kHeaders, echo_ ? std::string(as_text(exchange->body())) : body_);
  }

 private:
  std::string body_;
  bool echo_;
};

struct Arguments {
  std::string listen = "127.0.0.1:0";
  net::ServerOptions server;
  std::size_t body_bytes = 100;
  bool echo = false;
};

bool parse(int argc, char** argv, Arguments& out) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--echo") {
      out.echo = true;
      continue;
    }
    if (i + 1 >= argc) return false;
    const char* const value = argv[++i];
    if (name == "--listen") {
      out.listen = value;
    } else if (name == "--loops") {
      out.server.loops = std::strtoul(value, nullptr, 10);
    } else if (name == "--cpu") {
      out.server.first_cpu = static_cast<int>(std::strtol(value, nullptr, 10));
    } else if (name == "--body-bytes") {
      out.body_bytes = std::strtoul(value, nullptr, 10);
    } else {
      return false;
    }
  }
  return true;
}

Status serve(const Arguments& arguments) {
  const SystemClock clock;
  NullLogger logger;
  FloorHandler handler(std::string(arguments.body_bytes, 'x'), arguments.echo);
  SLIPWAY_ASSIGN_OR_RETURN(const net::Endpoint asked, net::parse_endpoint(arguments.listen));
  SLIPWAY_ASSIGN_OR_RETURN(const auto server, net::Server::create(arguments.server, clock, logger));
  SLIPWAY_ASSIGN_OR_RETURN(const net::Endpoint bound,
                           server->listen({.endpoint = asked, .handler = &handler}));
  std::printf("listening on %s\n", bound.to_string().c_str());
  std::fflush(stdout);
  server->run();
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (!parse(argc, argv, arguments)) {
    std::fprintf(stderr, "usage: %s [--listen HOST:PORT] [--loops N] [--cpu N] [--body-bytes N] [--echo]\n",
                 argv[0]);
    return 2;
  }
  std::signal(SIGTERM, [](int) { std::_Exit(0); });
  std::signal(SIGINT, [](int) { std::_Exit(0); });
  const Status status = serve(arguments);
  if (!status.ok()) {
    std::fprintf(stderr, "%s\n", status.to_string().c_str());
    return 1;
  }
  return 0;
}
