// Where the time of a request went, told to its client. Source: W3C, Server Timing, section 3 (durations in
// milliseconds).
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "contracts/dialect/exchange.h"
#include "infer/infer.h"

namespace slipway::dialect {

/// Of a request that came no further than being read.
[[nodiscard]] infer::Timings timings_of_refused(const Exchange& exchange);

/// "receive;dur=0.000, parse;dur=0.004, queue;dur=0.000, batch;desc=5, compute;dur=1.250, encode;dur=0.003",
/// made without allocation.
class ServerTiming {
 public:
  static constexpr std::string_view kHeader = "Server-Timing";
  explicit ServerTiming(const infer::Timings& timings);
  [[nodiscard]] std::string_view text() const { return {text_.data(), size_}; }

 private:
  template <std::size_t N>
  void append(const char (&text)[N]);
  void append_number(std::uint64_t value);
  void append_millis(Duration took);

  std::array<char, 256> text_;  // six numbers of at most 20 digits each fit
  std::size_t size_ = 0;
};

}  // namespace slipway::dialect
