// Small things about text that every layer needs.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace slipway {

/// The candidate nearest to `word` by edit distance, for "did you mean"; empty when none is near.
/// Range: distance at most a third of the word's length, at least 1.
[[nodiscard]] std::string nearest(std::string_view word, std::span<const std::string> candidates);

/// "a, b and c".
[[nodiscard]] std::string join_words(std::span<const std::string> words);

/// True for well-formed UTF-8 (no surrogates, no overlong forms). Source: Unicode 15, table 3-7.
[[nodiscard]] bool is_utf8(std::string_view text);

/// Names of packages, deployments and versions: 1 to 128 of [A-Za-z0-9._+-], starting with a letter or digit.
/// They never become paths, so the grammar has no slash, and "..", "." cannot be said. Errors: name.invalid.
Status check_name(std::string_view kind, std::string_view name);

/// Text safe to print in a message: control characters and broken UTF-8 escaped, cut after `max_bytes`.
[[nodiscard]] std::string printable(std::string_view text, std::size_t max_bytes = 80);

/// "1.5 MiB", "312 B": sizes for people.
[[nodiscard]] std::string human_bytes(std::uint64_t bytes);

}  // namespace slipway
