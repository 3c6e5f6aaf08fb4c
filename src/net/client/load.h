// A closed-loop load generator: every connection sends its next request when the answer to the last one is
// there. One thread, so that it saturates a server from one core; the answers are parsed only as far as
// needed to tell them apart.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "contracts/dialect/exchange.h"
#include "net/client/histogram.h"
#include "net/socket.h"

namespace slipway::net {

struct LoadOptions {
  Endpoint endpoint = {};
  std::size_t connections = 1;
  Duration duration = std::chrono::seconds(2);        ///< measured
  Duration warm_up = std::chrono::milliseconds(200);  ///< before, not counted
  Duration connect_timeout = std::chrono::seconds(5);
  Duration answer_timeout =
      std::chrono::seconds(60);  ///< nothing at all came for so long: the run ends with an error
  /// Requests as they go on the wire, sent in turn; see render_request(). At least one.
  std::vector<std::string> requests;
};

struct LoadReport {
  std::uint64_t answers = 0;             ///< measured, whatever their status
  std::uint64_t failed_connections = 0;  ///< ended by the server without Connection: close, or broken
  std::map<int, std::uint64_t> by_status;
  std::string first_error;  ///< the beginning of the first body whose status is 400 or more
  std::string ended_early;  ///< why the server could no longer be reached; empty when the time was used
  std::uint64_t bytes_received = 0;
  Duration elapsed{};
  Histogram latency;  ///< from handing a request to the kernel to its answer's last byte

  [[nodiscard]] double answers_per_second() const;
};

/// One request with Host, Content-Length and the given headers. Errors: net.header.
Result<std::string> render_request(const Endpoint& endpoint, std::string_view method, std::string_view target,
                                   std::span<const dialect::Header> headers, std::string_view body);

/// Runs for warm-up and duration, or until `stop` becomes true or the server is gone; then reports what was
/// measured so far.
/// Errors: those of connect_to(), net.load (no requests, or an answer that is neither counted nor chunked),
/// net.timeout.
Result<LoadReport> run_load(const LoadOptions& options, const Clock& clock, const std::atomic<bool>& stop);

}  // namespace slipway::net
