// What a client may cost. Every limit is here, with its default and the answer that a client beyond it gets.
// Source: the defaults follow the project's security reference (headers, body, chunks, ratio, times).
#pragma once

#include <chrono>
#include <cstddef>

#include "base/clock.h"

namespace slipway::net {

struct Limits {
  std::size_t max_head_bytes = std::size_t{32} << 10U;   ///< request line and headers together; beyond: 431
  std::size_t max_fields = 100;                          ///< header lines; beyond: 431
  std::size_t max_target_bytes = std::size_t{8} << 10U;  ///< the request target; beyond: 414
  std::size_t max_body_bytes = std::size_t{64} << 20U;   ///< one body, as sent and decompressed; beyond: 413
  std::size_t max_held_bytes = std::size_t{1} << 30U;  ///< large bodies of all requests together; beyond: 503
  std::size_t max_inflate_ratio = 100;  ///< decompressed to sent size, above 64 KiB; beyond: 413
  std::size_t max_chunks = 16384;       ///< chunks of one body; beyond: 413
  std::size_t max_connections = 16384;  ///< in all; beyond: 503 and closed
  std::size_t max_connections_per_client =
      1024;  ///< from one address of another machine (IPv6: one /64 network); beyond: 503 and closed
  std::size_t max_pipelined = 64;  ///< unanswered requests of one connection; beyond: not read
  std::size_t pause_unsent_bytes = std::size_t{1}
                                   << 20U;  ///< answers waiting for one slow reader; beyond: not read
  std::size_t max_unsent_bytes = std::size_t{64}
                                 << 20U;  ///< streamed pieces waiting for one reader; beyond: closed

  std::size_t max_streams = 256;  ///< HTTP/2: unanswered requests of one connection; beyond: refused
  std::size_t stream_window_bytes =
      std::size_t{1} << 20U;  ///< HTTP/2: of one body, sent ahead of its reader; the client waits
  std::size_t connection_window_bytes = std::size_t{16} << 20U;  ///< HTTP/2: of all bodies, on their way

  Duration head_timeout = std::chrono::seconds(10);   ///< first byte to end of headers; beyond: 408
  Duration idle_timeout = std::chrono::seconds(75);   ///< between requests; beyond: closed
  Duration write_timeout = std::chrono::seconds(30);  ///< without the client taking a byte; beyond: closed
  Duration body_grace = std::chrono::seconds(5);      ///< before the rate of a body is judged
  std::size_t min_body_rate = 1024;                   ///< bytes per second; slower: 408
  Duration linger =
      std::chrono::seconds(2);  ///< how long input is thrown away after a refusal, before closing
};

}  // namespace slipway::net
