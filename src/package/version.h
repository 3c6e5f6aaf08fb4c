// Which of two versions is newer.
#pragma once

#include <compare>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace slipway::package {

/// Semantic version precedence: equal when neither precedes, also where build metadata differs; nothing when
/// one of the two is no semantic version. Source: semver.org 2.0.0, section 11.
[[nodiscard]] std::optional<std::strong_ordering> compare_semantic(std::string_view a, std::string_view b);

struct DatedVersion {
  std::string version;
  WallTime packed{};
};

/// The positions of `versions` from the oldest to the newest. Where all are semantic versions, by their
/// precedence; else where all are whole numbers, by value; else by time of packing. Equals go by time, then
/// by text.
[[nodiscard]] std::vector<std::size_t> order_versions(const std::vector<DatedVersion>& versions);

/// Time of packing as a store writes it: RFC 3339 in UTC, "2026-11-24T08:15:00.123456789Z". Range: years 1970
/// to 2261.
[[nodiscard]] std::string format_time(WallTime time);
/// Reads it, with or without a fraction; nothing for any other text.
[[nodiscard]] std::optional<WallTime> parse_time(std::string_view text);

}  // namespace slipway::package
