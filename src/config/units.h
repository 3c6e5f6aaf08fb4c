// Durations and sizes as people write them in settings and on the command line: a number and a unit, never a
// bare number.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"

namespace slipway::config {

/// An amount of memory or data. Units: bytes.
struct ByteSize {
  std::uint64_t bytes = 0;
  friend auto operator<=>(const ByteSize&, const ByteSize&) = default;
};

/// "250ms", "1.5s", "2h". Units: ns, us, ms, s, m, h, d. Range: 0 to 292 years; the value must be whole
/// nanoseconds. Errors: config.unit (none or an unknown one), config.value (no number, negative, too large,
/// too fine).
Result<Duration> parse_duration(std::string_view text);
/// The shortest spelling that parse_duration reads back to the same value.
std::string format_duration(Duration value);

/// "64MiB", "1.5GiB", "312B". Units: B, KiB, MiB, GiB, TiB (powers of 1024). Range: up to 2^63 - 1 bytes.
/// Errors: config.unit, config.value, as above.
Result<ByteSize> parse_bytes(std::string_view text);
std::string format_bytes(ByteSize value);

}  // namespace slipway::config
