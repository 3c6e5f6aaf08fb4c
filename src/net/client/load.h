// A load generator. Closed loop: every place sends its next request when the answer to its last one is there.
// Open loop: requests become due at a rate, whatever the server does, and one that finds no free place waits;
// its latency counts from when it was due, so that a slow server cannot hide behind its own slowness
// (coordinated omission). One thread, so that it saturates a server from one core; answers are parsed only as
// far as needed to tell them apart.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "contracts/dialect/exchange.h"
#include "net/client/histogram.h"
#include "net/socket.h"
#include "net/tls/connector.h"

namespace slipway::net {

enum class LoadProtocol : std::uint8_t {
  kHttp1,
  kHttp2,       ///< prior knowledge, under TLS by ALPN
  kGrpc,        ///< unary calls
  kGrpcStream,  ///< calls that stay open: one message is answered by one message
};

/// Headers are written in lower case; those that the protocol needs are added.
struct LoadRequest {
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};  ///< gRPC: the message, without its prefix
};

struct LoadOptions {
  Endpoint endpoint = {};
  std::shared_ptr<const TlsConnector> tls = {};  ///< null: plain
  LoadProtocol protocol = LoadProtocol::kHttp1;
  std::string method = "POST";
  std::string target = "/";           ///< gRPC: "/package.Service/Method"
  std::vector<LoadRequest> requests;  ///< sent in turn; at least one
  std::size_t connections = 1;
  std::size_t streams = 1;  ///< requests at once on one connection; HTTP/1.1 has one
  double rate = 0;          ///< open loop: requests due per second; 0 = closed loop
  bool even = false;        ///< open loop: due at even distances; else at random (a Poisson process)
  std::uint64_t seed = 1;   ///< of what is random
  Duration duration = std::chrono::seconds(2);        ///< measured
  Duration warm_up = std::chrono::milliseconds(200);  ///< before, not counted
  Duration connect_timeout = std::chrono::seconds(5);
  Duration answer_timeout =
      std::chrono::seconds(60);             ///< nothing at all came for so long: the run ends with an error
  Duration late = std::chrono::seconds(2);  ///< open loop: how long answers are waited for after the end
};

struct LoadReport {
  std::uint64_t answers = 0;     ///< measured, whatever they say
  std::uint64_t failures = 0;    ///< of those: a status of 400 or more, a gRPC status other than OK
  std::uint64_t lost = 0;        ///< requests whose connection ended before the answer
  std::uint64_t unanswered = 0;  ///< open loop: due while it was measured, and not answered at the end
  std::uint64_t failed_connections = 0;  ///< ended by the server with a request under way, or broken
  std::vector<std::pair<std::string, std::uint64_t>>
      by_status;            ///< "200", or gRPC's "OK", by first appearance
  std::string first_error;  ///< the beginning of what the first failure says
  std::string ended_early;  ///< why the server could no longer be reached; empty when the time was used
  std::uint64_t bytes_received = 0;
  Duration elapsed{};
  Histogram latency;  ///< to an answer's last byte: from its sending, in an open loop from when it was due
  Histogram service;  ///< open loop: from its sending

  [[nodiscard]] double answers_per_second() const;
  [[nodiscard]] std::uint64_t answers_of(std::string_view status) const;
};

/// One request of HTTP/1.1 with Host, Content-Length and the given headers. Errors: net.header.
Result<std::string> render_request(const Endpoint& endpoint, std::string_view method, std::string_view target,
                                   std::span<const dialect::Header> headers, std::string_view body);

/// Runs for warm-up and duration, or until `stop` becomes true or the server is gone; then reports what was
/// measured so far.
/// Errors: those of open_link() and render_request(), net.load (no requests, or an answer that is none in
/// the protocol), net.timeout.
Result<LoadReport> run_load(const LoadOptions& options, const Clock& clock, const std::atomic<bool>& stop);

}  // namespace slipway::net
